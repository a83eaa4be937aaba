package transcript

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oidcservice/oidc/service"
)

// ErrOver reports that the services asked for more than the transcript holds.
var ErrOver = errors.New("the transcript is over")

// A Difference is a place where a replay did something else than the recording.
// Got and Want may hold secrets.
type Difference struct {
	Exchange int    // counted from 1; 0 for what concerns the whole
	Service  string // of the exchange
	Part     string // "url", "url parameter state", "header Authorization", "body parameter code", "clock"…
	Got      string // of the replay
	Want     string // of the recording
}

// String names the place, not the values.
func (d Difference) String() string {
	if d.Exchange == 0 {
		return d.Part
	}
	return fmt.Sprintf("exchange %d (%s): %s", d.Exchange, d.Service, d.Part)
}

// A Player gives back what a Recorder noted. It is the clock and the source of
// randomness of the service context, and its Send is a service.SendFunc. It is safe
// for concurrent use.
type Player struct {
	mu          sync.Mutex
	t           *Transcript
	clock       int
	random      int
	exchange    int
	differences []Difference
}

// NewPlayer returns a Player at the beginning of t.
func NewPlayer(t *Transcript) *Player { return &Player{t: t} }

// Now returns the next reading of the clock. Behind the last one time stands still,
// which is a difference.
func (p *Player) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clock < len(p.t.Clock) {
		p.clock++
		return p.t.Clock[p.clock-1]
	}
	if p.clock == len(p.t.Clock) {
		p.clock++
		p.differ(Difference{Part: "clock: more readings than were recorded"})
	}
	if len(p.t.Clock) == 0 {
		return time.Time{}
	}
	return p.t.Clock[len(p.t.Clock)-1]
}

// Read returns the next random bytes, and ErrOver behind the last ones.
func (p *Player) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.random >= len(p.t.Random) && len(b) > 0 {
		p.differ(Difference{Part: "random: more bytes than were recorded"})
		return 0, fmt.Errorf("%w: no random bytes are left", ErrOver)
	}
	n := copy(b, p.t.Random[p.random:])
	p.random += n
	return n, nil
}

// Send compares r with the next recorded request, and returns what came back then.
func (p *Player) Send(_ context.Context, r *service.Request) (*service.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exchange >= len(p.t.Exchanges) {
		p.differ(Difference{Exchange: p.exchange + 1, Service: r.Service, Part: "a request that was not recorded"})
		return nil, fmt.Errorf("%w: no answer is left", ErrOver)
	}
	e := &p.t.Exchanges[p.exchange]
	p.exchange++
	if r.Service != e.Service {
		p.differ(Difference{Exchange: p.exchange, Service: e.Service, Part: "service", Got: r.Service, Want: e.Service})
		return nil, fmt.Errorf("%w: %s was asked for, and %s was recorded", ErrOver, r.Service, e.Service)
	}
	p.compare(e, requestOf(r))
	switch {
	case e.Failure != nil:
		return nil, e.Failure.again()
	case e.Callback != nil:
		return service.ParseCallback(e.Callback.inbound()), nil
	}
	return r.Answer(e.Response.Status, cloneHeader(e.Response.Header), slices.Clone(e.Response.Body)), nil
}

// Callback returns the callback that the latest Send gave back, and whether it gave
// one.
func (p *Player) Callback() (service.Inbound, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exchange == 0 || p.t.Exchanges[p.exchange-1].Callback == nil {
		return service.Inbound{}, false
	}
	return p.t.Exchanges[p.exchange-1].Callback.inbound(), true
}

// Differences returns what differed so far, what was recorded and not asked for
// included. Call it when the conversation is over.
func (p *Player) Differences() []Difference {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.differences)
	for i := p.exchange; i < len(p.t.Exchanges); i++ {
		all = append(all, Difference{Exchange: i + 1, Service: p.t.Exchanges[i].Service, Part: "a request that was recorded and not made"})
	}
	if p.random < len(p.t.Random) {
		all = append(all, Difference{Part: fmt.Sprintf("random: %d recorded bytes were not consumed", len(p.t.Random)-p.random)})
	}
	if p.clock < len(p.t.Clock) {
		all = append(all, Difference{Part: fmt.Sprintf("clock: %d recorded readings were not taken", len(p.t.Clock)-p.clock)})
	}
	return all
}

func (p *Player) differ(d Difference) { p.differences = append(p.differences, d) }

// compare looks at every byte of a request.
func (p *Player) compare(e *Exchange, got Request) {
	differ := func(part, got, want string) {
		p.differ(Difference{Exchange: p.exchange, Service: e.Service, Part: part, Got: got, Want: want})
	}
	want := e.Request
	if got.Channel != want.Channel {
		differ("channel", got.Channel, want.Channel)
	}
	if got.Method != want.Method {
		differ("method", got.Method, want.Method)
	}
	if got.URL != want.URL {
		gotBase, gotQuery, _ := strings.Cut(got.URL, "?")
		wantBase, wantQuery, _ := strings.Cut(want.URL, "?")
		if gotBase != wantBase {
			differ("url", gotBase, wantBase)
		}
		if gotQuery != wantQuery {
			comparePairs("url", gotQuery, wantQuery, differ)
		}
	}
	names := slices.Sorted(maps.Keys(got.Header))
	for name := range want.Header {
		if _, ok := got.Header[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if !slices.Equal(got.Header[name], want.Header[name]) {
			differ("header "+name, strings.Join(got.Header[name], ", "), strings.Join(want.Header[name], ", "))
		}
	}
	if !bytes.Equal(got.Body, want.Body) {
		if strings.HasPrefix(strings.Join(want.Header["Content-Type"], ""), "application/x-www-form-urlencoded") {
			comparePairs("body", string(got.Body), string(want.Body), differ)
			return
		}
		at := 0
		for at < len(got.Body) && at < len(want.Body) && got.Body[at] == want.Body[at] {
			at++
		}
		differ(fmt.Sprintf("body from byte %d", at), string(got.Body), string(want.Body))
	}
}

// comparePairs names the parameters that differ; when none does, their order or
// encoding did.
func comparePairs(where, got, want string, differ func(part, got, want string)) {
	g, gotErr := url.ParseQuery(got)
	w, wantErr := url.ParseQuery(want)
	if gotErr != nil || wantErr != nil {
		differ(where, got, want)
		return
	}
	names := slices.Sorted(maps.Keys(g))
	for name := range w {
		if !g.Has(name) {
			names = append(names, name)
		}
	}
	same := true
	for _, name := range names {
		if !slices.Equal(g[name], w[name]) {
			same = false
			differ(where+" parameter "+name, strings.Join(g[name], ", "), strings.Join(w[name], ", "))
		}
	}
	if same {
		differ(where+": order or encoding of the parameters", got, want)
	}
}

// A Player is a source of randomness.
var _ io.Reader = (*Player)(nil)
