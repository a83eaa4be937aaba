package rp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

func TestPartyOfTwo(t *testing.T) {
	w, _ := newPartyWorld(t)
	for _, issuer := range []string{"https://op.example", "https://other.example"} {
		b := w.browser()
		p := b.visit(app + "/login?return_to=/account&iss=" + url.QueryEscape(issuer))
		if !strings.HasPrefix(p.body, "account of diana at "+issuer+",") {
			t.Fatalf("%d %s\n%s", p.status, p.body, w.log)
		}
		if p := b.bring(sameOrigin(t, app+"/logout")); p.body != "home of nobody" || !strings.Contains(strings.Join(p.trail, " "), issuer+"/end_session") {
			t.Errorf("%s %s", p.trail, p.body)
		}
	}
	if got := w.party.Issuers(); len(got) != 2 || got[0] != "https://op.example" {
		t.Error(got)
	}
	// Two tabs, two providers, in the other order.
	b := w.browser()
	one := b.callback(app + "/login?iss=https://op.example")
	two := b.callback(app + "/login?iss=https://other.example")
	if p := b.bring(two); p.body != "home of diana at https://other.example" {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := b.bring(one); p.body != "home of diana at https://op.example" {
		t.Errorf("%d %s", p.status, p.body)
	}
}

func TestChoiceOfProvider(t *testing.T) {
	w, _ := newPartyWorld(t)
	b := w.browser()
	p := b.visit(app + "/account?x=1")
	for _, issuer := range []string{"https%3A%2F%2Fop.example", "https%3A%2F%2Fother.example"} {
		if want := `href="?iss=` + issuer + `&amp;return_to=%2Faccount%3Fx%3D1"`; !strings.Contains(p.body, want) {
			t.Errorf("no %s in %s", want, p.body)
		}
	}
	if strings.Contains(p.body, "<form") {
		t.Error("a field for an identifier that is not taken")
	}
	for _, unknown := range []string{"https://evil.example", "op.example", "https://op.example/"} {
		p := b.visit(app + "/login?iss=" + url.QueryEscape(unknown))
		if p.status != http.StatusBadRequest || !strings.Contains(p.body, "is not known") {
			t.Errorf("%s: %d %s", unknown, p.status, p.body)
		}
	}
	if n := w.net.count("evil.example"); n != 0 {
		t.Error("an unknown issuer was asked")
	}
}

func TestConfigurationOfParties(t *testing.T) {
	one := servicecontext.Config{Issuer: "https://op.example", ClientID: "x"}
	uri := func(issuer, uri string) servicecontext.Config {
		return servicecontext.Config{Issuer: issuer, ClientID: "x", Metadata: message.ClientMetadata{RedirectURIs: []string{uri}}}
	}
	for name, c := range map[string]rp.PartyConfig{
		"nothing":               {},
		"no issuer":             {CallbackBase: app + "/cb/", Providers: []servicecontext.Config{{ClientID: "x"}}},
		"the same issuer twice": {CallbackBase: app + "/cb/", Providers: []servicecontext.Config{one, one}},
		"no redirect URI":       {Providers: []servicecontext.Config{one}},
		"one redirect URI":      {Providers: []servicecontext.Config{uri("https://a.example", app+"/cb"), uri("https://b.example", app+"/cb")}},
		"no base for the named": {Dynamic: &rp.Dynamic{}},
		"a base without slash":  {CallbackBase: app + "/cb", Providers: []servicecontext.Config{one}},
		"a relative base":       {CallbackBase: "/cb/", Providers: []servicecontext.Config{one}},
		"an http base":          {CallbackBase: "http://app.example/cb/", Providers: []servicecontext.Config{one}},
		"a fragment":            {Providers: []servicecontext.Config{uri("https://op.example", app+"/cb#x")}},
		"two schemes":           {CallbackBase: app + "/cb/", Providers: []servicecontext.Config{one, uri("https://b.example", "http://app.example/b")}, Options: rp.Options{InsecureAllowHTTP: true}},
		"an http issuer":        {CallbackBase: app + "/cb/", Providers: []servicecontext.Config{{Issuer: "http://op.example", ClientID: "x"}}},
		"a target elsewhere":    {CallbackBase: app + "/cb/", Providers: []servicecontext.Config{one}, Options: rp.Options{AfterLogin: "https://evil.example"}},
		"an unknown service":    {CallbackBase: app + "/cb/", Providers: []servicecontext.Config{one}, Options: rp.Options{Services: map[string]factoryConfig{"nonsense": {}}}},
	} {
		if _, err := rp.NewParty(c); !errors.Is(err, rp.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	shared := rp.PartyConfig{Providers: []servicecontext.Config{uri("https://a.example", app+"/cb"), uri("https://b.example", app+"/cb")}}
	if _, err := rp.NewParty(shared); !errors.Is(err, message.RuleAuthzRequestRedirectPerIssuer) {
		t.Errorf("one redirect URI for two issuers: %v", err)
	}
	if _, err := rp.New(rp.Config{Issuer: "https://a.example", RedirectURI: app + "/cb", ServiceContext: servicecontext.Config{Issuer: "https://b.example"}}); !errors.Is(err, rp.ErrConfig) {
		t.Error(err)
	}
}

// newDynamicWorld has a party that knows nobody and meets whom users name.
func newDynamicWorld(t *testing.T, knobs ...func(*rp.PartyConfig)) *world {
	t.Helper()
	w := newWorld(t)
	c := rp.PartyConfig{
		CallbackBase: app + "/callback/", Options: w.options(),
		Dynamic: &rp.Dynamic{Client: servicecontext.Config{Scope: []string{"email"}}},
	}
	for _, knob := range knobs {
		knob(&c)
	}
	party, err := rp.NewParty(c)
	if err != nil {
		t.Fatal(err)
	}
	w.serve(party)
	return w
}

func TestProviderThatAUserNames(t *testing.T) {
	w := newDynamicWorld(t)
	b := w.browser()
	if p := b.visit(app + "/login?return_to=/account"); !strings.Contains(p.body, `name="identifier"`) || !strings.Contains(p.body, `name="return_to" value="/account"`) {
		t.Fatal(p.body)
	}
	p := b.visit(app + "/login?return_to=/account&identifier=" + url.QueryEscape("diana@op.example"))
	if !strings.HasPrefix(p.body, "account of diana at https://op.example") {
		t.Fatalf("%d %s\n%s", p.status, p.body, w.log)
	}
	if n := w.net.count("/.well-known/webfinger"); n != 1 {
		t.Errorf("%d WebFinger queries", n)
	}
	for _, identifier := range []string{"", "nobody@nowhere.example", "diana@op.example@evil.example", "=name", "mailto:diana@op.example", "https://op.example/x y", strings.Repeat("a", 300), "@", "\x00"} {
		p := w.browser().visit(app + "/login?identifier=" + url.QueryEscape(identifier))
		if p.status == 200 && !strings.Contains(p.body, `id="choose"`) {
			t.Errorf("%q: %d %s", identifier, p.status, p.body)
		}
		if identifier != "" && (p.status < 400 || !strings.Contains(p.body, `id="advice"`)) {
			t.Errorf("%q: %d %s", identifier, p.status, p.body)
		}
	}
	// By its issuer, too; it is known by now.
	before := w.net.count("/register")
	if p := w.browser().visit(app + "/login?iss=https://op.example"); p.body != "home of diana at https://op.example" || w.net.count("/register") != before {
		t.Errorf("%d %s", p.status, p.body)
	}
}

func TestPolicyOnIssuers(t *testing.T) {
	var asked []string
	w := newDynamicWorld(t, func(c *rp.PartyConfig) {
		c.Dynamic.Allow = func(_ context.Context, issuer string) bool {
			asked = append(asked, issuer)
			return issuer == "https://op.example"
		}
	})
	w.provider("evil.example")
	for _, path := range []string{"/login?iss=https://evil.example", "/initiate?iss=https://evil.example"} {
		if p := w.browser().visit(app + path); p.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, p.status, p.body)
		}
	}
	if n := w.net.count("evil.example"); n != 0 || len(asked) != 2 {
		t.Errorf("%d requests, asked %v", n, asked)
	}
	if p := w.browser().visit(app + "/login?iss=https://op.example"); p.status != 200 {
		t.Errorf("%d %s", p.status, p.body)
	}
	if got := w.party.Issuers(); len(got) != 1 {
		t.Error(got)
	}
}

// What was learnt about a provider that is not held in memory any more is in the store:
// it is not registered at again, and its callback still finds it.
func TestProvidersThatAreLetGo(t *testing.T) {
	w := newDynamicWorld(t, func(c *rp.PartyConfig) { c.Dynamic.Max = 2 })
	hosts := []string{"op.example", "p1.example", "p2.example", "p3.example"}
	for _, host := range hosts[1:] {
		w.provider(host)
	}
	held := map[string]*http.Request{}
	browsers := map[string]*browser{}
	for _, host := range hosts {
		browsers[host] = w.browser()
		held[host] = browsers[host].callback(app + "/login?iss=https://" + host)
	}
	if n := len(w.party.Issuers()); n != 2 {
		t.Errorf("%d providers in memory", n)
	}
	for _, host := range hosts {
		if p := browsers[host].bring(held[host]); p.body != "home of diana at https://"+host {
			t.Errorf("%s: %d %s\n%s", host, p.status, p.body, w.log)
		}
	}
	for _, host := range hosts {
		if n := w.net.count("POST https://" + host + "/register"); n != 1 {
			t.Errorf("%s: %d registrations", host, n)
		}
	}
}

// Parties in parallel share no mutable state but the store.
func TestMultiIssuerIsolation(t *testing.T) {
	w, other := newPartyWorld(t)
	_ = other
	var wg sync.WaitGroup
	for i := range 16 {
		issuer := []string{"https://op.example", "https://other.example"}[i%2]
		wg.Add(1)
		go func() {
			defer wg.Done()
			b := w.browser()
			for range 3 {
				p, err := b.try(app + "/login?return_to=/account&iss=" + url.QueryEscape(issuer))
				if err != nil || !strings.HasPrefix(p.body, "account of diana at "+issuer+",") {
					t.Errorf("%v %v", p, err)
				}
			}
		}()
	}
	wg.Wait()
	for i, issuer := range w.party.Issuers() {
		sn := w.party.ServiceContext(issuer).Snapshot()
		if sn.Issuer != issuer || len(sn.KeySets) != 1 || sn.Jar.Set(w.party.Issuers()[1-i]) != nil {
			t.Errorf("%s knows %v", issuer, sn.KeySets)
		}
	}
}

// A hostile provider's documents name the other's addresses: nothing of the other is
// touched, and no credential goes there.
func TestHostileMetadata(t *testing.T) {
	w := newDynamicWorld(t)
	hostile := `{"issuer":"https://evil.example","authorization_endpoint":"https://evil.example/a","token_endpoint":"https://op.example/token","jwks_uri":"https://op.example/jwks",` +
		`"registration_endpoint":"https://evil.example/r","response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprint(rw, hostile)
	})
	mux.HandleFunc("/r", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusCreated)
		fmt.Fprint(rw, `{"client_id":"at-evil","client_secret":"secret-at-evil","client_secret_expires_at":0,"redirect_uris":["`+w.party.RedirectURI("https://evil.example")+`"]}`)
	})
	mux.HandleFunc("/a", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, w.party.RedirectURI("https://evil.example")+"?code=stolen&state="+url.QueryEscape(r.URL.Query().Get("state")), http.StatusSeeOther)
	})
	w.net.set("evil.example", mux)
	honest := w.browser()
	honest.visit(app + "/login?iss=https://op.example")
	secret := w.party.ServiceContext("https://op.example").Snapshot().ClientSecret()
	var sent []string
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		sent = append(sent, r.Header.Get("Authorization"))
		return nil, nil, false
	})
	p := w.browser().visit(app + "/login?iss=https://evil.example")
	if p.status == http.StatusOK {
		t.Errorf("%d %s", p.status, p.body)
	}
	for _, authorization := range sent {
		if strings.Contains(authorization, secret.Reveal()) {
			t.Error("the secret of one provider was sent on behalf of another")
		}
	}
	if p := honest.visit(app + "/"); p.body != "home of diana at https://op.example" {
		t.Error(p.body)
	}
}

func TestInitiateLogin(t *testing.T) {
	w, _ := newPartyWorld(t)
	b := w.browser()
	p := b.visit(app + "/initiate?" + url.Values{"iss": {"https://other.example"}, "login_hint": {"diana@x"}, "target_link_uri": {app + "/account?a=b"}}.Encode())
	if !strings.HasPrefix(p.body, "account of diana at https://other.example") || p.url.RawQuery != "a=b" {
		t.Fatalf("%d %s\n%s", p.status, p.body, w.log)
	}
	if !strings.Contains(strings.Join(p.trail, " "), "login_hint=diana%40x") {
		t.Errorf("the hint was not passed on: %s", p.trail)
	}
	session := b.cookies("__Host-oidc-session")[0].Value
	// A POST is as good; a frame and an unknown issuer are not, and change no session.
	if p := w.browser().bring(postForm(t, app+"/initiate", url.Values{"iss": {"https://op.example"}})); p.body != "home of diana at https://op.example" {
		t.Errorf("%d %s", p.status, p.body)
	}
	for name, r := range map[string]*http.Request{
		"no issuer":       going(mustParse(t, app+"/initiate")),
		"another issuer":  going(mustParse(t, app+"/initiate?iss=https://evil.example")),
		"two issuers":     going(mustParse(t, app+"/initiate?iss=https://op.example&iss=https://op.example")),
		"a frame":         withHeader(going(mustParse(t, app+"/initiate?iss=https://op.example")), "Sec-Fetch-Dest", "iframe"),
		"a JSON body":     withHeader(postForm(t, app+"/initiate", url.Values{"iss": {"https://op.example"}}), "Content-Type", "application/json"),
		"another site":    going(mustParse(t, app+"/initiate?iss=https://op.example&target_link_uri=https://evil.example")),
		"a strange parse": going(mustParse(t, app+"/initiate?iss=https://op.example;x")),
	} {
		p := b.bring(r)
		if p.status < 400 || b.cookies("__Host-oidc-session")[0].Value != session {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
		if h := p.header.Get("Content-Security-Policy"); !strings.Contains(h, "frame-ancestors 'none'") {
			t.Errorf("%s: can be framed: %q", name, h)
		}
	}
}

// A configured client authenticates with what it was told.
func TestConfiguredClient(t *testing.T) {
	w := newWorld(t)
	client := newClient(t, w.op, callbackURI)
	o := w.options()
	party, err := rp.New(rp.Config{
		Issuer: optest.Issuer, ClientID: client.id, ClientSecret: client.secret, RedirectURI: callbackURI, Scope: []string{"openid", "email"}, Options: o,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.serve(party)
	w.browser().login()
	if n := w.net.count("/register"); n != 0 {
		t.Errorf("%d registrations", n)
	}
	// The store has no copy of the configured secret.
	if store, ok := o.DB.Store.(*state.Memory); !ok || store == nil {
		t.Fatal("another store")
	}
}
