package rp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/cookiestate"
)

// withCookies makes a party keep what is pending in the browser. It starts no session
// of its own: the application greets who logged in.
func withCookies(t *testing.T, o cookiestate.Options) func(*rp.Config) {
	t.Helper()
	if o.Keys == nil {
		o.Keys = [][]byte{[]byte("a key that all processes of the application have")}
	}
	cookies, err := cookiestate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *rp.Config) {
		c.DB, c.SkipSession = &state.DB{Store: cookies, SessionTTL: time.Minute}, true
	}
}

// A process is one of several of the same application behind a balancer.
func process(w *world, knobs ...func(*rp.Config)) *rp.Party {
	w.t.Helper()
	registered := newClient(w.t, w.op, callbackURI)
	c := rp.Config{Issuer: w.op.Issuer, ClientID: registered.id, ClientSecret: registered.secret, RedirectURI: callbackURI, Options: w.options()}
	for _, knob := range knobs {
		knob(&c)
	}
	party, err := rp.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return party
}

func greet(rw http.ResponseWriter, _ *http.Request, l *rp.Login) {
	fmt.Fprintf(rw, "welcome %s, on the way to %s", l.Subject, l.ReturnTo)
}

// balance lets every request go to the next process.
func balance(w *world, parties ...*rp.Party) {
	next := 0
	w.net.set("app.example", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		party := parties[next%len(parties)]
		next++
		switch r.URL.Path {
		case "/login":
			party.Login().ServeHTTP(rw, r)
		case "/callback":
			party.Callback(greet).ServeHTTP(rw, r)
		default:
			http.NotFound(rw, r)
		}
	}))
}

// Two processes that share a key and nothing else finish each other's logins, and a
// browser may have two under way.
func TestPendingInCookies(t *testing.T) {
	w := newWorld(t)
	balance(w, process(w, withCookies(t, cookiestate.Options{Now: w.clock})), process(w, withCookies(t, cookiestate.Options{Now: w.clock})))
	b := w.browser()
	first := b.callback(app + "/login?return_to=/first")
	second := b.callback(app + "/login?return_to=/second")
	if n := len(b.cookies("__Host-oidc-pending-")); n != 2 {
		t.Errorf("the browser keeps %d pending logins", n)
	}
	if p := w.browser().bring(first); p.status != http.StatusForbidden && p.status != http.StatusBadRequest {
		t.Errorf("another browser: status %d\n%s", p.status, p.body)
	}
	for target, held := range map[string]*http.Request{"/second": second, "/first": first} {
		if p := b.bring(held); p.status != http.StatusOK || !strings.HasSuffix(p.body, "on the way to "+target) {
			t.Errorf("status %d\n%s\n%s", p.status, p.body, w.log)
		}
		if p := b.bring(held); p.status == http.StatusOK {
			t.Errorf("the callback is answered again:\n%s", p.body)
		}
	}
	if left := b.cookies("__Host-oidc-"); len(left) > 0 {
		t.Errorf("the browser keeps %v", left)
	}
}

// Whoever copied the cookies and saw the callback gets nothing after its owner: the
// provider redeems the code once, also where the processes share no marks.
func TestPendingInCookiesReplayed(t *testing.T) {
	for _, shared := range []bool{false, true} {
		w := newWorld(t)
		var o cookiestate.Options
		if shared {
			o.Store = &state.Memory{Now: w.clock}
		}
		o.Now = w.clock
		balance(w, process(w, withCookies(t, o)), process(w, withCookies(t, o)))
		b, thief := w.browser(), w.browser()
		held := b.callback(app + "/login")
		thief.jar.SetCookies(held.URL, b.jar.Cookies(held.URL))
		if p := b.bring(held); p.status != http.StatusOK {
			t.Fatalf("status %d\n%s\n%s", p.status, p.body, w.log)
		}
		before := w.net.count("/token")
		if p := thief.bring(held); p.status == http.StatusOK {
			t.Errorf("shared: %v: the login is finished twice:\n%s", shared, p.body)
		}
		if asked := w.net.count("/token") > before; asked == shared {
			t.Errorf("shared: %v: the code was sent again: %v", shared, asked)
		}
	}
}

// The cookie of a login whose response another site posts is one that comes with it.
func TestPendingInCookiesFormPost(t *testing.T) {
	w := newWorld(t)
	balance(w, process(w, withCookies(t, cookiestate.Options{Now: w.clock}), func(c *rp.Config) {
		c.Request = func(_ *http.Request, m *message.AuthorizationRequest) { m.ResponseMode = message.ResponseModeFormPost }
	}))
	r, err := http.NewRequest(http.MethodGet, app+"/login", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.browser().do(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range resp.Header["Set-Cookie"] {
		if !strings.Contains(field, "SameSite=None") {
			t.Error(field)
		}
	}
	if p := w.browser().visit(app + "/login"); p.status != http.StatusOK || !strings.HasPrefix(p.body, "welcome diana") {
		t.Errorf("status %d\n%s\n%s", p.status, p.body, w.log)
	}
}

// A login that is too large for a cookie says so to the operator, and nobody is sent
// away with it.
func TestPendingInCookiesTooLarge(t *testing.T) {
	w := newWorld(t)
	balance(w, process(w, withCookies(t, cookiestate.Options{Now: w.clock}), func(c *rp.Config) {
		c.Request = func(_ *http.Request, m *message.AuthorizationRequest) { m.LoginHint = strings.Repeat("x", 3000) }
	}))
	p := w.browser().visit(app + "/login")
	if p.status != http.StatusServiceUnavailable || len(p.trail) != 1 {
		t.Errorf("status %d after %s", p.status, p.trail)
	}
	if !strings.Contains(w.log.String(), "use another store") {
		t.Errorf("the log says\n%s", w.log)
	}
}
