package rp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
)

// A tracer writes steps down as they end, each with those around it.
type tracer struct {
	mu    sync.Mutex
	ended []string
	all   []rp.Outcome
}

type stepKey struct{}

func (t *tracer) trace(ctx context.Context, s rp.Step) (context.Context, func(rp.Outcome)) {
	path := s.Name
	if outer, ok := ctx.Value(stepKey{}).(string); ok {
		path = outer + "/" + s.Name
	}
	return context.WithValue(ctx, stepKey{}, path), func(o rp.Outcome) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if o.Kind != "" {
			path += "!" + string(o.Kind)
		}
		t.ended = append(t.ended, path)
		t.all = append(t.all, o)
	}
}

// take returns what ended since it was called last.
func (t *tracer) take() ([]string, []rp.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ended, all := t.ended, t.all
	t.ended, t.all = nil, nil
	return ended, all
}

func TestStepsAreTraced(t *testing.T) {
	var tr tracer
	w := newWorld(t, func(c *rp.Config) { c.Trace = tr.trace })
	b := w.browser()
	b.login()
	ended, all := tr.take()
	want := []string{
		"login/provider_info", "login/registration", "login/authorization", "login",
		"callback/authorization", "callback/accesstoken/jwks", "callback/accesstoken", "callback/userinfo", "callback",
	}
	if !slices.Equal(ended, want) {
		t.Errorf("a login: got %q, want %q", ended, want)
	}
	for i, o := range all {
		if o.Issuer != "https://op.example" || o.Err != nil || o.Rule != "" || o.Code != "" {
			t.Errorf("%s: %+v", ended[i], o)
		}
	}
	b.bring(withHeader(going(mustParse(t, app+"/logout")), "Sec-Fetch-Site", "same-origin"))
	if ended, _ := tr.take(); !slices.Equal(ended, []string{"logout/end_session", "logout", "end_session"}) {
		t.Errorf("a logout: %q", ended)
	}
}

func TestOutcomesOfSteps(t *testing.T) {
	var tr tracer
	w := newWorld(t, func(c *rp.Config) { c.Trace = tr.trace })
	b := w.browser()
	b.login()

	r := b.callback(app + "/login")
	tr.take()
	b.bring(going(swap(r.URL, "iss", "https://evil.example")))
	ended, all := tr.take()
	if !slices.Equal(ended, []string{"callback/authorization!refused", "callback!refused"}) || all[1].Rule != message.RuleAuthzResponseIss || !errors.Is(all[1].Err, message.RuleAuthzResponseIss) {
		t.Errorf("%q %+v", ended, all)
	}
	b.bring(going(swap(nil, "error", "access_denied", "state", r.URL.Query().Get("state"), "iss", "https://op.example")))
	if ended, all = tr.take(); !slices.Equal(ended, []string{"callback/authorization!denied", "callback!denied"}) || all[1].Code != message.AccessDenied {
		t.Errorf("%q %+v", ended, all)
	}

	// What fails below fails above, and no outcome shows what is secret.
	r = b.callback(app + "/login")
	tr.take()
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		return answer(500, "text/html", leak), nil, r.URL.Path == "/token"
	})
	b.bring(r)
	ended, all = tr.take()
	if !slices.Equal(ended, []string{"callback/authorization", "callback/accesstoken!failing", "callback!failing"}) {
		t.Errorf("%q", ended)
	}
	text := fmt.Sprintf("%+v", all)
	for _, secret := range []string{leak, r.URL.Query().Get("code"), r.URL.Query().Get("state")} {
		if strings.Contains(text, secret) {
			t.Errorf("an outcome shows %q: %s", secret, text)
		}
	}
}

// The context of a step is the one that its requests are sent with, whoever waits for them.
func TestRequestsBelongToTheirStep(t *testing.T) {
	var tr tracer
	var mu sync.Mutex
	sent := map[string]string{}
	w := newWorld(t, func(c *rp.Config) {
		c.Trace = tr.trace
		c.HTTP.Wrap = func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				sent[r.URL.Path], _ = r.Context().Value(stepKey{}).(string)
				return next.RoundTrip(r)
			})
		}
	})
	w.browser().login()
	for path, want := range map[string]string{
		"/.well-known/openid-configuration": "login/provider_info", "/register": "login/registration",
		"/token": "callback/accesstoken", "/jwks": "callback/accesstoken/jwks", "/userinfo": "callback/userinfo",
	} {
		if sent[path] != want {
			t.Errorf("%s was sent in the step %q, want %q", path, sent[path], want)
		}
	}
}

// A tracer that returns nothing changes nothing.
func TestTracerWithoutInterest(t *testing.T) {
	begun := 0
	w := newWorld(t, func(c *rp.Config) {
		c.Trace = func(context.Context, rp.Step) (context.Context, func(rp.Outcome)) {
			begun++
			return nil, nil
		}
	})
	w.browser().login()
	if begun == 0 {
		t.Error("it is not asked")
	}
}
