package demo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// A lane is one of those who speak.
type lane string

const (
	browser      lane = "Browser"
	application  lane = "Application"
	provider     lane = "Provider"
	protectedAPI lane = "API"
	outside      lane = "You, with curl"
	somebody     lane = "Somebody else"
)

// check is a rule that was evaluated.
type check = report.Check

// A shown is a message as it arrived from the browser or the provider.
type shown = report.Response

// A step is a request, its answer, and what became of it.
type step struct {
	report.Step
	number   int
	from, to lane
	inbound  bool // it came to the application by itself: a notification
	judged   bool
	declared string // the code of an error that the provider declared
	broken   *fault // what was done to it on its way
	early    bool   // to the request
	last     int    // the number of the step before whose end the answer came
}

// add appends a step. The lock is held.
func (c *dialogue) add(s *step) *step {
	s.number = len(c.steps) + c.dropped + 1
	s.Started = c.now()
	c.steps = append(c.steps, s)
	if len(c.steps) > maxSteps {
		c.steps, c.dropped = c.steps[1:], c.dropped+1
	}
	return s
}

// sent notes a request at the moment at which it is sent.
func (c *dialogue) sent(from, to lane, r *http.Request, body []byte) *step {
	s := &step{from: from, to: to}
	s.Request = &report.Request{Method: r.Method, URL: r.URL.String(), Header: r.Header.Clone(), Body: string(body)}
	s.Object = objectOf(string(body))
	c.change(func() { c.add(s) })
	return s
}

// answered notes what came back.
func (c *dialogue) answered(s *step, status int, header http.Header, body []byte, broken *fault) {
	c.change(func() {
		s.Took = c.now().Sub(s.Started)
		s.Response = &report.Response{Status: status, Header: header.Clone(), Body: string(body)}
		s.broken, s.last = broken, len(c.steps)+c.dropped
	})
}

// front notes that the browser is sent to the provider.
func (c *dialogue) front(name, address string, broken *fault) {
	s := &step{from: browser, to: provider, broken: broken, early: broken != nil}
	s.Service, s.Front = name, true
	s.Request = &report.Request{Method: http.MethodGet, URL: address}
	if u, err := url.Parse(address); err == nil {
		s.State = u.Query().Get("state")
		s.Object = objectOf(u.RawQuery)
	}
	c.change(func() { c.add(s) })
}

// observe is told of every exchange of services with the provider, and of its verdict.
func (d *Demo) observe(ctx context.Context, sc *servicecontext.ServiceContext, e service.Exchange) {
	at := sceneOf(ctx)
	c := at.conversation
	if c == nil && e.Result != nil {
		for _, login := range e.Result.Ended {
			if c = d.hub.ofLogin(login); c != nil {
				break
			}
		}
	}
	if c == nil {
		return
	}
	at.conversation = c
	var before *servicecontext.Snapshot
	if sc != nil {
		before = d.wire.seen(sc)
	}
	c.change(func() {
		s := c.stepOf(at, e)
		s.Service, s.judged = e.Service, true
		if e.Err != nil {
			s.Err = e.Err.Error()
			s.Checks = checksOf(service.ChecksOf(e.Err))
			var declared *message.Error
			if errors.As(e.Err, &declared) {
				s.declared = clipped(string(declared.Code), 30)
			}
		}
		var need *service.NeedError
		if errors.As(e.Err, &need) && need.Resend {
			s.Err, s.Need = "", "the request has to be made again, in the next step"
		}
		if e.Result != nil {
			s.Checks = checksOf(e.Result.Checks)
			s.State = e.Result.State
		}
		if before != nil {
			s.Context = append(s.Context, conversation.Changes(before, sc.Snapshot())...)
		}
		if s.State != "" {
			s.Record = append(s.Record, c.gained(d.itemsOf(ctx, s.State), s.State)...)
		}
	})
}

// stepOf finds the step that an exchange belongs to. The lock is held.
func (c *dialogue) stepOf(at *scene, e service.Exchange) *step {
	if e.Request != nil {
		for _, s := range c.steps {
			if !s.judged && !s.Front && s.Request != nil && s.Request.Method == e.Request.Method && s.Request.URL == e.Request.URL && s.Request.Body == string(e.Request.Body) {
				return s
			}
		}
		s := &step{from: at.actor, to: provider} // it was never sent
		s.Request = &report.Request{Method: e.Request.Method, URL: e.Request.URL, Header: e.Request.Header, Body: string(e.Request.Body)}
		return c.add(s)
	}
	if at.notice != nil && at.noted == nil {
		at.noted = &step{from: at.from, to: application, inbound: true}
		at.noted.Request = at.notice
		return c.add(at.noted)
	}
	if at.arrived == nil || at.taken {
		return c.add(&step{from: application, to: application}) // the request could not be built
	}
	at.taken = true
	for _, s := range slices.Backward(c.steps) {
		if s.Front && s.Service == e.Service && s.Response == nil && (s.State == "" || s.State == at.state) {
			s.Response = at.arrived
			if f := at.breaking.ofCallback(); f != nil {
				s.broken = f
			}
			return s
		}
	}
	s := &step{from: browser, to: application, inbound: true, broken: at.breaking.ofCallback()}
	s.Response = at.arrived
	return c.add(s)
}

// objectOf takes the request object among parameters apart, if there is one.
func objectOf(parameters string) json.RawMessage {
	if !strings.Contains(parameters, "request=") {
		return nil
	}
	values, err := url.ParseQuery(parameters)
	if err != nil {
		return nil
	}
	_, claims, _ := decoded(values.Get("request"))
	return json.RawMessage(claims)
}

// stateOf is the state that a callback brought.
func stateOf(m *shown) string {
	text := m.Body
	if location := m.Header["Location"]; len(location) > 0 {
		rest, fragment, _ := strings.Cut(location[0], "#")
		if _, text, _ = strings.Cut(rest, "?"); text == "" {
			text = fragment
		}
	}
	values, _ := url.ParseQuery(text)
	return values.Get("state")
}

func checksOf(checks []service.Check) []check {
	out := make([]check, len(checks))
	for i, c := range checks {
		out[i] = check{
			Rule: string(c.Rule), Spec: c.Rule.Spec(), Text: c.Rule.Text(),
			Verdict: c.Verdict.String(), Param: c.Param, Reason: c.Reason,
		}
	}
	return out
}

// itemsOf lists the items of a login's record in whichever life it is.
func (d *Demo) itemsOf(ctx context.Context, name string) []string {
	r, err := d.db.Session(ctx, name)
	if err != nil {
		if r, err = d.db.Pending(ctx, name); err != nil {
			return nil
		}
	}
	return r.Items()
}

// gained returns what is new in the record of a login. The lock is held.
func (c *dialogue) gained(items []string, name string) []string {
	var fresh []string
	for _, item := range items {
		if !slices.Contains(c.items[name], item) {
			fresh = append(fresh, item)
		}
	}
	if len(c.items) > maxSteps {
		clear(c.items)
	}
	c.items[name] = items
	return fresh
}
