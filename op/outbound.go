package op

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/internal/specialuse"
	"github.com/oidcservice/oidc/message"
)

// Every address that a client supplied is fetched under one policy (rule op_outbound):
// https, a public address on the connected socket, no redirects, no cookies, and limits on
// size and time.

const sendTimeout = 5 * time.Second

var errRedirect = errors.New("op: a redirect is not followed")

// outboundClient makes the client of the policy.
func outboundClient(transport http.RoundTripper, allow []netip.Prefix, roots *x509.CertPool) *http.Client {
	if transport == nil {
		dialer := &net.Dialer{Timeout: sendTimeout, Control: func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			if !mayReach(ap.Addr(), allow) {
				return &message.Violation{Rule: message.RuleOPOutbound, Param: "address", Got: ap.Addr().String(), Want: "a public one"}
			}
			return nil
		}}
		transport = &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    sendTimeout,
			ResponseHeaderTimeout:  sendTimeout,
			MaxResponseHeaderBytes: 16 << 10,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
			// No proxy of the environment: it would connect in our place, unguarded.
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect }}
}

// mayReach reports whether an address is public or allowed by the operator.
func mayReach(addr netip.Addr, allow []netip.Prefix) bool {
	addr = addr.Unmap().WithZone("")
	for _, prefix := range allow {
		if prefix.Contains(addr) {
			return true
		}
	}
	return !specialuse.Contains(addr)
}

// fetch gets what a NeedFetch asks for and supplies it. The error is that of a store.
func (p *Provider) fetch(ctx context.Context, need *endpoint.NeedFetch) error {
	ctx, end := p.trace(ctx, OperationFetch)
	status, body, err := p.get(ctx, need)
	end(outboundOutcome(status, err))
	if err != nil {
		p.config.Logger.InfoContext(ctx, "a document of a client could not be had", "kind", string(need.Kind), "client_id", need.ClientID, "error", err)
	}
	return p.context.Supply(ctx, need, status, body, err)
}

func (p *Provider) get(ctx context.Context, need *endpoint.NeedFetch) (int, []byte, error) {
	if !strings.HasPrefix(need.URL, "https://") {
		return 0, nil, &message.Violation{Rule: message.RuleOPOutbound, Param: "scheme", Want: "https"}
	}
	ctx, cancel := context.WithTimeout(ctx, need.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, need.URL, nil)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Accept", strings.Join(need.Accept, ", "))
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, nil, withoutURL(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, need.MaxBody+1))
	return resp.StatusCode, body, err
}

// Send delivers notifications in the background, in parallel with limits. Failures are
// reported to the operator and not repeated. It is for those that an operator's act decided
// on, such as endpoint.Context.RevokeUser; others are sent without it, and before the browser that
// caused them is answered.
func (p *Provider) Send(list []endpoint.Outbound) { p.send(list) }

// notifyTime is how long a browser waits for the notifications of a logout.
const notifyTime = 2 * time.Second

// notify delivers notifications before the browser goes on, so that a client finds its
// session ended when the user comes back to it. One that takes long goes on without it.
func (p *Provider) notify(ctx context.Context, list []endpoint.Outbound) {
	if len(list) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, notifyTime)
	defer cancel()
	select {
	case <-p.send(list):
	case <-ctx.Done():
	}
}

// send starts the deliveries. The channel is closed when all are done or given up.
func (p *Provider) send(list []endpoint.Outbound) <-chan struct{} {
	var all sync.WaitGroup
	for _, out := range list {
		p.sending.Add(1)
		all.Go(func() {
			defer p.sending.Done()
			p.slots <- struct{}{}
			defer func() { <-p.slots }()
			ctx, end := p.trace(context.Background(), OperationNotification)
			status, err := p.deliver(ctx, out)
			end(outboundOutcome(status, err))
			if err != nil {
				p.config.Logger.Warn("a notification could not be delivered", "client_id", out.ClientID, "error", err)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	return done
}

var errStatus = errors.New("op: the answer is not a success")

// withoutURL returns err without the URL that net/http puts in front of it, since that of
// a client may hold what nobody else should read.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// outboundOutcome says what a request to a client came to.
func outboundOutcome(status int, err error) Outcome {
	o := Outcome{Status: status, Err: err}
	var v *message.Violation
	if errors.As(err, &v) {
		o.Rule = v.Rule
	}
	return o
}

func (p *Provider) deliver(ctx context.Context, out endpoint.Outbound) (status int, err error) {
	if !strings.HasPrefix(out.URL, "https://") {
		return 0, &message.Violation{Rule: message.RuleOPOutbound, Param: "scheme", Want: "https"}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, out.Method, out.URL, bytes.NewReader(out.Body))
	if err != nil {
		return 0, err
	}
	for name, values := range out.Header {
		req.Header[name] = values
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return resp.StatusCode, errStatus
	}
	return resp.StatusCode, nil
}
