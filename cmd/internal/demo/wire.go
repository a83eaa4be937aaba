package demo

import (
	"bytes"
	"io"
	"net/http"
	"sync"

	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// A wire is what every request to the provider passes. It notes the messages where they
// belong to a conversation, and tampers with those that it is asked to: what it changes is
// what the application gets.
type wire struct {
	base   http.RoundTripper
	client *rp.Client // sends over the wire

	mu    sync.Mutex
	known map[*servicecontext.ServiceContext]*servicecontext.Snapshot
}

// newWire makes a wire over the transport of a client, whose policy on addresses holds.
func newWire(c *rp.Client) *wire {
	w := &wire{base: c.RoundTripper(), known: map[*servicecontext.ServiceContext]*servicecontext.Snapshot{}}
	// The client above the wire lets http pass; the one below it judges.
	w.client = rp.NewClient(rp.ClientOptions{Transport: w, InsecureAllowHTTP: true})
	return w
}

// maxAnswer bounds what is noted of an answer; the client above has its own, smaller limit.
const maxAnswer = 1 << 20

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	at := sceneOf(r.Context())
	body, err := drain(r.Body)
	if err != nil {
		return nil, err
	}
	if at.breaking != nil && at.breaking.Spend && isTokenRequest(body) {
		if err := w.spend(r, body, at); err != nil {
			return nil, err
		}
	}
	var s *step
	if at.conversation != nil {
		s = at.conversation.sent(at.actor, provider, r, body)
	}
	resp, answer, err := w.send(r, body)
	if err != nil {
		return nil, err
	}
	var broken *fault
	if at.breaking != nil && at.breaking.answer != nil {
		if changed, ok := at.breaking.answer(resp, answer); ok {
			answer, broken = changed, at.breaking
		}
	}
	if s != nil {
		at.conversation.answered(s, resp.StatusCode, resp.Header, answer, broken)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
	return resp, nil
}

// spend redeems a code before the application does.
func (w *wire) spend(r *http.Request, body []byte, at *scene) error {
	resp, answer, err := w.send(r, body)
	if err != nil || at.conversation == nil {
		return err
	}
	s := at.conversation.sent(somebody, provider, r, body)
	at.conversation.change(func() { s.Service, s.judged = service.AccessTokenName, true })
	at.conversation.answered(s, resp.StatusCode, resp.Header, answer, at.breaking)
	return nil
}

func (w *wire) send(r *http.Request, body []byte) (*http.Response, []byte, error) {
	out := r.Clone(r.Context())
	out.Body = nil
	if len(body) > 0 {
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := w.base.RoundTrip(out)
	if err != nil {
		return nil, nil, err
	}
	answer, err := drain(resp.Body)
	return resp, answer, err
}

func drain(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer func() { _ = body.Close() }()
	return io.ReadAll(io.LimitReader(body, maxAnswer))
}

// seen returns what was known of a service context before, nil at first, and notes what is
// known now.
func (w *wire) seen(sc *servicecontext.ServiceContext) *servicecontext.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.known[sc]
	w.known[sc] = sc.Snapshot()
	if before == nil {
		return &servicecontext.Snapshot{Issuer: w.known[sc].Issuer}
	}
	return before
}
