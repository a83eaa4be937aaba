package transcript

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/oidcservice/oidc/service"
)

// A FrontFunc sends a browser to a front-channel request and returns what it
// brought to the redirect URI.
type FrontFunc func(ctx context.Context, r *service.Request) (service.Inbound, error)

// A Recorder notes a conversation while it happens. It is the clock and the source
// of randomness of the service context, and wraps what sends. It is safe for
// concurrent use.
type Recorder struct {
	now  func() time.Time
	rand io.Reader

	mu sync.Mutex
	t  Transcript
}

// NewRecorder returns a Recorder in front of a clock and a source of randomness.
func NewRecorder(now func() time.Time, rand io.Reader) *Recorder {
	return &Recorder{now: now, rand: rand, t: Transcript{Version: version}}
}

// Now reads the clock and notes the reading.
func (r *Recorder) Now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Without the monotonic part and the zone, which no JSON keeps.
	now := r.now().UTC().Round(0)
	r.t.Clock = append(r.t.Clock, now)
	return now
}

// Read reads random bytes and notes them.
func (r *Recorder) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.rand.Read(p)
	r.t.Random = append(r.t.Random, p[:n]...)
	return n, err
}

// Send returns a SendFunc that sends by back and front and notes what came.
func (r *Recorder) Send(back service.SendFunc, front FrontFunc) service.SendFunc {
	return func(ctx context.Context, req *service.Request) (*service.Response, error) {
		at := r.begin(req)
		if req.Channel == service.FrontChannel {
			in, err := front(ctx, req)
			r.finish(at, func(e *Exchange) { e.Callback = callbackOf(in) }, err)
			if err != nil {
				return nil, err
			}
			return service.ParseCallback(in), nil
		}
		resp, err := back(ctx, req)
		r.finish(at, func(e *Exchange) {
			e.Response = &Response{Status: resp.Status, Header: cloneHeader(resp.Header), Body: slices.Clone(resp.Body)}
		}, err)
		return resp, err
	}
}

func (r *Recorder) begin(req *service.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t.Exchanges = append(r.t.Exchanges, Exchange{Service: req.Service, Request: requestOf(req)})
	return len(r.t.Exchanges) - 1
}

func (r *Recorder) finish(at int, note func(*Exchange), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.t.Exchanges[at].Failure = failureOf(err)
		return
	}
	note(&r.t.Exchanges[at])
}

// Transcript returns what was noted so far. An exchange that is still under way is
// noted as one that failed.
func (r *Recorder) Transcript(settings []byte) *Transcript {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.t
	t.Settings = settings
	t.Clock, t.Random, t.Exchanges = slices.Clone(t.Clock), slices.Clone(t.Random), slices.Clone(t.Exchanges)
	for i := range t.Exchanges {
		if e := &t.Exchanges[i]; e.Response == nil && e.Callback == nil && e.Failure == nil {
			e.Failure = failureOf(fmt.Errorf("no answer yet"))
		}
	}
	return &t
}

func requestOf(req *service.Request) Request {
	return Request{
		Channel: req.Channel.String(), Method: req.Method, URL: req.URL,
		Header: cloneHeader(req.Header), Body: slices.Clone(req.Body),
	}
}

func cloneHeader(h map[string][]string) map[string][]string {
	out := maps.Clone(h)
	for name, values := range out {
		out[name] = slices.Clone(values)
	}
	return out
}
