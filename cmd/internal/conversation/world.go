package conversation

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/cmd/internal/useragent"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
)

// IO is what a run may use of the process it lives in.
type IO struct {
	In  io.Reader // the redirect URL that is pasted
	Err io.Writer // narration
	// Narrate is told of each request before it is sent.
	Narrate func(*report.Step)
}

// A world is what a conversation talks to: the network, a provider in the same
// process, a recording, or the answers of a script.
type world struct {
	now  func() time.Time
	rand io.Reader
	// send answers everything when it is set; otherwise back and front do.
	send  service.SendFunc
	back  service.SendFunc
	front frontChannel
	close []func()
	// transport replaces the network, for the embedded provider.
	transport http.RoundTripper
	// hosted are the documents that the provider may fetch from us.
	hosted *host
	// inbound is the callback that send gave for a front-channel request.
	inbound func(r *service.Request) (service.Inbound, bool)
	narrate func(*report.Step)
	// fill is what the browser fills in where nothing was given.
	fill url.Values
}

func (w *world) shut() {
	for _, f := range w.close {
		f()
	}
}

// network is the world outside, or what w replaces of it.
func network(s *Settings, io IO, w *world) (*world, error) {
	w.now, w.rand, w.narrate = time.Now, rand.Reader, io.Narrate
	roots, err := trustRoots(s.CAFile)
	if err != nil {
		return nil, err
	}
	certificate, err := clientCertificate(s)
	if err != nil {
		return nil, err
	}
	client := rp.NewClient(rp.ClientOptions{
		Timeout:              s.Timeout,
		TrustedHosts:         typedHosts(s),
		InsecureAllowHTTP:    s.InsecureAllowHTTP,
		InsecureAllowPrivate: s.InsecureAllowPrivate,
		RootCAs:              roots,
		Certificate:          certificate,
		Transport:            w.transport,
	})
	w.back = client.Send
	if err := w.openHost(s, certificate); err != nil {
		return nil, err
	}
	if err := w.openFront(s, io, client); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *world) openFront(s *Settings, io IO, client *rp.Client) error {
	form, err := s.formValues()
	if err != nil {
		return err
	}
	switch s.UserAgent {
	case Print:
		w.front = printed{in: io.In, out: io.Err}
	case Browser:
		front, redirectURI, err := newSystem(s.RedirectURI, io.Err)
		if err != nil {
			return err
		}
		s.RedirectURI = redirectURI
		w.front = front
		w.close = append(w.close, front.close)
	default:
		agent, err := useragent.New(useragent.Options{Transport: client.RoundTripper(), Form: form, Fill: w.fill, Timeout: s.Timeout})
		if err != nil {
			return err
		}
		w.front = headless{agent}
	}
	return nil
}

// typedHosts are the hosts that the user typed: they may be private, the hosts that
// a provider names may not.
func typedHosts(s *Settings) []string {
	var hosts []string
	if u, err := url.Parse(s.Issuer); err == nil && u.Hostname() != "" {
		hosts = append(hosts, u.Hostname())
	}
	if s.Resource != "" {
		rest := s.Resource
		if _, after, ok := strings.Cut(rest, "://"); ok {
			rest = after
		} else {
			rest = strings.TrimPrefix(rest, "acct:")
		}
		rest, _, _ = strings.Cut(rest, "/")
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			rest = rest[at+1:]
		}
		if u, err := url.Parse("https://" + rest); err == nil && u.Hostname() != "" {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}

// trustRoots are those of the system and those of file.
func trustRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fault("ca-file", "%v", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault("ca-file", "%s holds no certificate in PEM", file)
	}
	return pool, nil
}

func clientCertificate(s *Settings) (*tls.Certificate, error) {
	if s.TLSCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
	if err != nil {
		return nil, fault("tls-cert", "%v", err)
	}
	return &pair, nil
}

// wire joins back channel and front channel to one SendFunc, watched by t and noted
// by the recorder, if there is one.
func (w *world) wire(t *tracker, c *conversation) service.SendFunc {
	if w.send != nil {
		return t.wrap(w.answer(t, c))
	}
	front := func(ctx context.Context, r *service.Request) (service.Inbound, error) {
		if err := c.handOver(ctx, r); err != nil {
			return service.Inbound{}, err
		}
		for _, document := range r.Host {
			w.hosted.put(document)
		}
		asked := r.Message()
		if asked == nil && c.again != nil {
			asked = c.again
		}
		stop, mode := stopOf(asked)
		if stop == "" && r.Service == service.AuthorizationName {
			// A pushed request or a request object shows little of itself.
			stop, mode = c.settings.RedirectURI, c.settings.mode()
		}
		j, err := w.front.travel(ctx, r, stop, mode)
		if j != nil {
			t.front.Hops, t.front.Response = j.hops, j.response
		}
		if err != nil {
			return service.Inbound{}, err
		}
		j.inbound.Binding = c.binding
		return j.inbound, nil
	}
	if c.recorder != nil {
		return t.wrap(c.recorder.Send(w.back, front))
	}
	return t.wrap(func(ctx context.Context, r *service.Request) (*service.Response, error) {
		if r.Channel == service.BackChannel {
			return w.back(ctx, r)
		}
		in, err := front(ctx, r)
		if err != nil {
			return nil, err
		}
		return service.ParseCallback(in), nil
	})
}

// answer sends by what has all the answers.
func (w *world) answer(t *tracker, c *conversation) service.SendFunc {
	send := func(ctx context.Context, r *service.Request) (*service.Response, error) {
		resp, err := w.send(ctx, r)
		if err == nil && r.Channel == service.FrontChannel {
			t.front.Response = callbackShown(w.inbound(r))
		}
		return resp, err
	}
	if c.recorder == nil {
		return send
	}
	return c.recorder.Send(send, func(ctx context.Context, r *service.Request) (service.Inbound, error) {
		if _, err := send(ctx, r); err != nil {
			return service.Inbound{}, err
		}
		in, _ := w.inbound(r)
		return in, nil
	})
}

// callbackShown is how a callback is shown whose journey is not known.
func callbackShown(in service.Inbound, known bool) *report.Response {
	if !known {
		return nil
	}
	if in.Method == http.MethodPost {
		return &report.Response{Header: map[string][]string{"Content-Type": {in.ContentType}}, Body: in.Raw}
	}
	mark := "?"
	if in.Mode == "fragment" {
		mark = "#"
	}
	base, _, _ := strings.Cut(in.RedirectURI, "?")
	return &report.Response{Header: map[string][]string{"Location": {base + mark + in.Raw}}}
}

// wait waits for d or until ctx is done.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
