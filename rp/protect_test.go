package rp_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
)

func TestProtectAnswersScripts(t *testing.T) {
	w := newWorld(t)
	for name, r := range map[string]*http.Request{
		"a POST":         httptest.NewRequest(http.MethodPost, app+"/account", nil),
		"a fetch":        withHeader(httptest.NewRequest(http.MethodGet, app+"/account", nil), "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"),
		"an old script":  withHeader(httptest.NewRequest(http.MethodGet, app+"/account", nil), "X-Requested-With", "XMLHttpRequest", "Accept", "*/*"),
		"wants JSON":     withHeader(httptest.NewRequest(http.MethodGet, app+"/account", nil), "Accept", "application/json"),
		"an image":       withHeader(httptest.NewRequest(http.MethodGet, app+"/account", nil), "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"),
		"a frame":        withHeader(httptest.NewRequest(http.MethodGet, app+"/account", nil), "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"),
		"looking ahead":  withHeader(httptest.NewRequest(http.MethodGet, app+"/account", nil), "Sec-Purpose", "prefetch", "Accept", "text/html"),
		"another method": httptest.NewRequest(http.MethodDelete, app+"/account", nil),
	} {
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
		if rec.Code != http.StatusUnauthorized || rec.Header().Get("WWW-Authenticate") == "" || rec.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %v", name, rec.Code, rec.Header())
		}
	}
	b := w.browser()
	b.login()
	for name, r := range map[string]*http.Request{
		"a form of another site": withHeader(postForm(t, app+"/account", nil), "Sec-Fetch-Site", "cross-site"),
		"another origin":         withHeader(postForm(t, app+"/account", nil), "Origin", "https://evil.example"),
		"a neighbour":            withHeader(postForm(t, app+"/account", nil), "Sec-Fetch-Site", "same-site"),
	} {
		if p := b.bring(r); p.status != http.StatusForbidden || strings.Contains(p.body, "account of") {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	if p := b.bring(withHeader(postForm(t, app+"/account", nil), "Sec-Fetch-Site", "same-origin", "Origin", app)); p.status != 200 {
		t.Errorf("our own form: %d %s", p.status, p.body)
	}
}

func TestProtectWith(t *testing.T) {
	w := newWorld(t)
	page := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		l := rp.LoginOf(r.Context())
		fmt.Fprintf(rw, "secret of %s, acr %q", l.Subject, l.IDToken.ACR)
	})
	w.mux.Handle("/fresh", w.party.ProtectWith(rp.Need{MaxAge: 5 * time.Minute}, page))
	w.mux.Handle("/strong", w.party.ProtectWith(rp.Need{ACRValues: []string{"gold"}}, page))
	w.mux.Handle("/staff", w.party.ProtectWith(rp.Need{Allow: func(l *rp.Login) bool { return l.Subject == "admin" }}, page))
	b := w.browser()
	b.login()
	if p := b.visit(app + "/fresh"); !strings.HasPrefix(p.body, "secret of diana") || len(p.trail) != 1 && len(p.trail) < 3 {
		t.Errorf("%s %s", p.trail, p.body)
	}
	w.pass(10 * time.Minute)
	p := b.visit(app + "/fresh?x=y")
	if !strings.HasPrefix(p.body, "secret of diana") || !strings.Contains(strings.Join(p.trail, " "), "max_age=300") || p.url.RawQuery != "x=y" {
		t.Errorf("%s %s", p.trail, p.body)
	}
	// The provider cannot do better: no circle, and the user is told.
	p = b.visit(app + "/strong")
	if p.status < 400 || !strings.Contains(strings.Join(p.trail, " "), "gold") || len(p.trail) > 6 {
		t.Errorf("%d %s %s", p.status, p.trail, p.body)
	}
	if p := b.visit(app + "/staff"); p.status != http.StatusForbidden || strings.Contains(p.body, "secret") {
		t.Errorf("%d %s", p.status, p.body)
	}
	if rp.LoginOf(t.Context()) != nil {
		t.Error("a login out of nothing")
	}
}

// strong are users whose second login is a better one.
type strong struct {
	optest.Users
	logins *atomic.Int32
}

func (s strong) Authenticate(ctx context.Context, username string, password message.Secret) (endpoint.Authentication, bool, error) {
	a, ok, err := s.Users.Authenticate(ctx, username, password)
	if a.ACR = "silver"; s.logins.Add(1) > 1 {
		a.ACR = "gold"
	}
	return a, ok, err
}

func TestProtectWithStrongerLogin(t *testing.T) {
	w := newWorld(t)
	w.op = w.provider("op.example", func(c *op.Config) {
		c.Policy.ACRValues = []string{"silver", "gold"}
		c.Users = strong{c.Users.(optest.Users), new(atomic.Int32)}
	})
	w.mux.Handle("/strong", w.party.ProtectWith(rp.Need{ACRValues: []string{"gold"}}, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, "acr ", rp.LoginOf(r.Context()).IDToken.ACR)
	})))
	b := w.browser()
	b.login()
	p := b.visit(app + "/strong")
	if p.body != "acr gold" || !strings.Contains(strings.Join(p.trail, " "), "claims=") || strings.Contains(strings.Join(p.trail, " "), "acr_values") {
		t.Errorf("%d %s %s\n%s", p.status, p.trail, p.body, w.log)
	}
}
