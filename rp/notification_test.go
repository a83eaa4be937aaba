package rp_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/state"
)

// knownKey gives a provider a key that the test can sign with.
func knownKey(t *testing.T, p *optest.Provider) *keyjar.Key {
	t.Helper()
	key := newKey(t, "RS256", "sig")
	if err := p.Context().SetKeys(keyjar.NewSet(key), nil, nil); err != nil {
		t.Fatal(err)
	}
	return key
}

func (w *world) logoutToken(key *keyjar.Key, issuer, jti string, more map[string]any) string {
	w.t.Helper()
	claims := map[string]any{
		"iss": issuer, "aud": w.party.ServiceContext(issuer).Snapshot().ClientID(), "iat": w.clock().Unix(), "exp": w.clock().Add(time.Minute).Unix(), "jti": jti,
		"events": map[string]any{message.BackchannelLogoutEvent: map[string]any{}},
	}
	for name, value := range more {
		claims[name] = value
	}
	return signLogout(w.t, key, claims)
}

func (w *world) notify(token string) *page {
	w.t.Helper()
	return w.browser().bring(postForm(w.t, app+"/backchannel", url.Values{"logout_token": {token}}))
}

// With many providers a notification reaches the one that it comes from, and ends its
// logins only.
func TestNotificationsOfManyProviders(t *testing.T) {
	w, other := newPartyWorld(t)
	keys := map[string]*keyjar.Key{"https://op.example": knownKey(t, w.op), "https://other.example": knownKey(t, other)}
	at := map[string]*browser{}
	for issuer := range keys {
		at[issuer] = w.browser()
		at[issuer].visit(app + "/login?iss=" + url.QueryEscape(issuer))
	}
	home := func(issuer string) string { return at[issuer].visit(app + "/").body }
	// A token of the one that names the other, and one signed by the other.
	for name, token := range map[string]string{
		"another's key":   w.logoutToken(keys["https://other.example"], "https://op.example", "a", map[string]any{"sub": "diana"}),
		"another's claim": w.logoutToken(keys["https://op.example"], "https://other.example", "b", map[string]any{"sub": "diana"}),
		"nobody":          signLogout(t, keys["https://op.example"], map[string]any{"iss": "https://evil.example"}),
		"no issuer":       signLogout(t, keys["https://op.example"], map[string]any{}),
		"not a token":     "x.y.z",
		"encrypted":       "a.b.c.d.e",
	} {
		if p := w.notify(token); p.status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, p.status)
		}
	}
	if home("https://op.example") != "home of diana at https://op.example" || home("https://other.example") != "home of diana at https://other.example" {
		t.Fatal("a forged notification ended a session")
	}
	if w.net.count("evil.example") != 0 {
		t.Error("an unknown issuer was asked")
	}
	token := w.logoutToken(keys["https://op.example"], "https://op.example", "c", map[string]any{"sub": "diana"})
	if p := w.notify(token); p.status != http.StatusOK || p.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s\n%s", p.status, p.body, w.log)
	}
	if home("https://op.example") != "home of nobody" || home("https://other.example") != "home of diana at https://other.example" {
		t.Error("the notification did not reach its sessions, or reached others")
	}
	if p := w.notify(token); p.status != http.StatusBadRequest {
		t.Errorf("a replay: %d", p.status)
	}
	// Frames.
	sid := w.sessionOf(at["https://other.example"]).IDToken.SessionID
	frame := func(issuer string) *page {
		return w.browser().visit(app + "/frontchannel?" + url.Values{"iss": {issuer}, "sid": {sid}}.Encode())
	}
	for _, wrong := range []string{"https://op.example", "https://evil.example"} {
		if p := frame(wrong); p.status != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, p.status)
		}
	}
	if p := frame("https://other.example"); p.status != http.StatusOK || home("https://other.example") != "home of nobody" {
		t.Errorf("%d %s", p.status, home("https://other.example"))
	}
}

// A provider that a user named and that is not in memory any more is met again without
// sending anything; one that was never met is not.
func TestNotificationOfAProviderThatWasLetGo(t *testing.T) {
	w := newDynamicWorld(t, func(c *rp.PartyConfig) { c.Dynamic.Max = 1 })
	w.provider("p1.example")
	key := knownKey(t, w.op)
	b := w.browser()
	b.visit(app + "/login?iss=https://op.example")
	token := w.logoutToken(key, "https://op.example", "a", map[string]any{"sub": "diana"})
	w.browser().visit(app + "/login?iss=https://p1.example")
	if got := w.party.Issuers(); len(got) != 1 || got[0] != "https://p1.example" {
		t.Fatal(got)
	}
	if p := b.visit(app + "/"); p.body != "home of diana at https://op.example" {
		t.Fatal(p.body)
	}
	before := len(w.net.requests())
	if p := w.notify(token); p.status != http.StatusOK {
		t.Errorf("%d %s\n%s", p.status, p.body, w.log)
	}
	if p := b.visit(app + "/"); p.body != "home of nobody" {
		t.Error(p.body)
	}
	for _, issuer := range []string{"https://evil.example", "https://127.0.0.1", "http://op.example", "", "x"} {
		if p := w.notify(signLogout(t, key, map[string]any{"iss": issuer})); p.status != http.StatusBadRequest {
			t.Errorf("%q: %d", issuer, p.status)
		}
		if p := w.browser().visit(app + "/frontchannel?" + url.Values{"iss": {issuer}, "sid": {"x"}}.Encode()); p.status != http.StatusBadRequest {
			t.Errorf("%q: %d", issuer, p.status)
		}
	}
	if sent := w.net.requests()[before:]; len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
}

// Parties that start at the same time and share a store register once.
func TestOneRegistrationForManyProcesses(t *testing.T) {
	w := newWorld(t)
	shared := &state.DB{Store: &state.Memory{Now: w.clock}}
	var wg sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		o := w.options()
		o.DB = shared
		party, err := rp.New(rp.Config{Issuer: "https://op.example", RedirectURI: callbackURI, Options: o})
		if err != nil {
			t.Fatal(err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, _, err := party.AuthorizationURL(t.Context(), rp.LoginRequest{}); err != nil {
				t.Error(err)
			}
			ids[i] = party.ServiceContext("https://op.example").Snapshot().ClientID()
		}()
	}
	wg.Wait()
	if n := w.net.count("POST https://op.example/register"); n != 1 {
		t.Errorf("%d registrations", n)
	}
	for _, id := range ids {
		if id != ids[0] || id == "" {
			t.Errorf("clients %q", ids)
		}
	}
}

func TestHTTPClients(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) {
		inner := c.HTTP.Transport
		c.HTTP.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "api.example" || r.URL.Host == "elsewhere.example" {
				return answer(200, "text/plain", "got "+r.Header.Get("Authorization")), nil
			}
			return inner.RoundTrip(r)
		})
	})
	l := loggedIn(t, w)
	a, err := l.Token().Access(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"https://api.example/x": "got Bearer " + a.Token.Reveal(), "https://elsewhere.example/": "got "} {
		for name, client := range map[string]*http.Client{"of a token": l.Token().HTTPClient("https://API.example/"), "of a party": w.party.HTTPClient("https://api.example")} {
			r, err := http.NewRequestWithContext(rp.WithLogin(t.Context(), l), http.MethodGet, address, nil)
			if err != nil {
				t.Fatal(err)
			}
			if status, got := call(t, client, r); status != 200 || got != want {
				t.Errorf("%s at %s: %d, the header differs: %v", name, address, status, strings.Contains(got, "Bearer"))
			}
		}
	}
	if err := w.party.End(t.Context(), l.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Token().HTTPClient("https://api.example").Get("https://api.example/"); err == nil {
		t.Error("a token of a login that ended")
	}
	if _, err := (&rp.TokenTransport{}).RoundTrip(going(mustParse(t, app))); err == nil {
		t.Error("a transport of nothing")
	}
}
