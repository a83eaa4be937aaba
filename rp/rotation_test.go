package rp_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// rotate gives the provider new keys, and forgets the old ones.
func rotate(t *testing.T, w *world) {
	t.Helper()
	var keys []*keyjar.Key
	for _, alg := range []string{"RS256"} {
		keys = append(keys, newKey(t, alg, "sig"))
	}
	if err := w.op.Context().SetKeys(keyjar.NewSet(keys...), nil, nil); err != nil {
		t.Fatal(err)
	}
}

func TestProviderRotatesItsKeys(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login()
	for i := range 3 {
		r := b.callback(app + "/login")
		rotate(t, w) // between the callback and the token response
		if p := b.bring(r); p.body != "home of diana at https://op.example" {
			t.Fatalf("rotation %d: %d %s\n%s", i, p.status, p.body, w.log)
		}
		w.pass(61 * time.Second)
	}
}

// The provider rotates its keys a moment after they were refreshed.
func TestRotationAfterRefresh(t *testing.T) {
	w := newWorld(t)
	w.party.Refresh(t.Context())
	w.pass(5 * time.Minute)
	w.party.Refresh(t.Context())
	if n := w.net.count("/jwks"); n != 2 {
		t.Fatalf("%d key sets", n)
	}
	w.pass(time.Second)
	rotate(t, w)
	w.browser().login()
	// Another one in the same minute: "a minute between two fetches of one key set".
	rotate(t, w)
	if p := w.browser().visit(app + "/login"); p.status != http.StatusBadGateway || !strings.Contains(p.body, string(message.RuleJWKSRefetchCooldown)) {
		t.Errorf("%d %s", p.status, p.body)
	}
	w.pass(time.Minute)
	w.browser().login()
}

// Two processes share a store. After a rotation one of them fetches the keys; the other
// may not for a minute, and takes them from the store.
func TestRotationWithTwoProcesses(t *testing.T) {
	w := newWorld(t)
	shared := &state.Memory{Now: w.clock}
	process := func() *world {
		other := &world{t: t, net: &network{hosts: map[string]http.Handler{}}, log: new(lockedBuffer), op: w.op, now: w.now}
		other.net.set("op.example", w.op)
		o := other.options()
		o.DB, o.Now = &state.DB{Store: shared}, w.clock
		party, err := rp.New(rp.Config{Issuer: "https://op.example", RedirectURI: callbackURI, Scope: []string{"email"}, Options: o})
		if err != nil {
			t.Fatal(err)
		}
		other.serve(party)
		return other
	}
	first, second := process(), process()
	a, b := first.browser(), second.browser()
	a.login()
	b.login()
	if n := first.net.count("POST https://op.example/register") + second.net.count("POST https://op.example/register"); n != 1 {
		t.Errorf("%d registrations", n)
	}
	w.pass(time.Second)
	rotate(t, w)
	a.login()
	b.login()
	if n := second.net.count("/jwks"); n != 0 {
		t.Errorf("the second process asked for keys %d times", n)
	}
	// A login that one process begins is finished by the other.
	r := a.callback(app + "/login")
	u := mustParse(t, app+"/")
	b.jar.SetCookies(u, a.cookies("__Host-oidc-login-"))
	if p := b.bring(r); p.body != "home of diana at https://op.example" {
		t.Errorf("%d %s\n%s", p.status, p.body, second.log)
	}
}

// The provider has forgotten us: the login fails, and the next one registers anew.
func TestForgottenRegistration(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	r := b.callback(app + "/login")
	first := w.party.ServiceContext("https://op.example").Snapshot().ClientID()
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		if r.URL.Path == "/token" {
			return answer(401, "application/json", `{"error":"invalid_client"}`), nil, true
		}
		return nil, nil, false
	})
	if p := b.bring(r); p.status != http.StatusBadGateway {
		t.Errorf("%d %s", p.status, p.body)
	}
	w.net.breaks(nil)
	b.login()
	if now := w.party.ServiceContext("https://op.example").Snapshot().ClientID(); now == first || now == "" {
		t.Errorf("client %q, before %q", now, first)
	}
}

// A configured client that the provider does not know is not replaced.
func TestProviderWithoutRegistration(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) {
		c.ServiceContext = servicecontext.Config{Provider: &message.ProviderMetadata{
			Issuer: "https://op.example", AuthorizationEndpoint: "https://op.example/authorization", TokenEndpoint: "https://op.example/token", JWKSURI: "https://op.example/jwks",
		}}
	})
	p := w.browser().visit(app + "/login")
	if p.status != http.StatusInternalServerError || !strings.Contains(w.log.String(), "configure a client_id") {
		t.Errorf("%d %s\n%s", p.status, p.body, w.log)
	}
}
