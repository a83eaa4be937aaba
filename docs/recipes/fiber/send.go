package site

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// limit bounds an answer whose request names no limit, timeout an exchange whose context
// has no deadline.
const (
	limit   = 512 << 10
	timeout = 10 * time.Second
)

// NewClient makes a client as strict as the protocol needs it: nothing is sent twice (rule
// transport_retry), and size and time are bounded (rule transport_limits). fasthttp follows
// no redirect and keeps no cookie by itself. Where users may name their provider, Dial
// must refuse addresses that are not public, as the client of package rp does.
func NewClient() *fasthttp.Client {
	return &fasthttp.Client{
		MaxResponseBodySize: limit, ReadTimeout: timeout, WriteTimeout: timeout, MaxIdemponentCallAttempts: 1,
		RetryIfErr:               func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
		NoDefaultUserAgentHeader: true,
	}
}

// Send sends what services ask for with a client of fasthttp.
func Send(client *fasthttp.Client) service.SendFunc {
	return func(ctx context.Context, r *service.Request) (*service.Response, error) {
		if !strings.HasPrefix(r.URL, "https://") {
			return nil, &message.Violation{Rule: message.RuleTransportHTTPS, Param: "url", Want: "https"}
		}
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(r.URL)
		req.Header.SetMethod(r.Method)
		for name, values := range r.Header {
			for _, value := range values {
				req.Header.Add(name, value)
			}
		}
		req.SetBody(r.Body)
		req.SetConnectionClose() // a connection that is used again may be broken, and nothing is sent twice
		deadline, ok := ctx.Deadline()
		if latest := time.Now().Add(timeout); !ok || latest.Before(deadline) {
			deadline = latest
		}
		err := client.DoDeadline(req, resp, deadline)
		most := r.Policy.MaxBody
		if most <= 0 {
			most = limit
		}
		if errors.Is(err, fasthttp.ErrBodyTooLarge) || int64(len(resp.Body())) > most {
			return nil, &message.Violation{Rule: message.RuleTransportLimits, Param: "body", Got: "too long an answer"}
		}
		if err != nil {
			return nil, err
		}
		header := map[string][]string{}
		for name, value := range resp.Header.All() {
			header[string(name)] = append(header[string(name)], string(value))
		}
		return r.Answer(resp.StatusCode(), header, append([]byte(nil), resp.Body()...)), nil
	}
}
