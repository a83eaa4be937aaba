package rp_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
)

// serveRaw serves a request with this request target, as a server reads it from the
// wire: neither a mux nor net/url has cleaned it.
func serveRaw(h http.Handler, r *http.Request, target string) *http.Response {
	in := httptest.NewRequest(http.MethodGet, app+"/", nil)
	in.Header = r.Header
	in.RequestURI = target
	if u, err := url.ParseRequestURI(target); err == nil {
		in.URL.Path, in.URL.RawPath, in.URL.RawQuery = u.Path, u.RawPath, u.RawQuery
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, in)
	return rec.Result()
}

// newPartyWorld has two providers, and a party that knows both.
func newPartyWorld(t *testing.T, knobs ...func(*rp.PartyConfig)) (*world, *optest.Provider) {
	t.Helper()
	w := newWorld(t)
	other := w.provider("other.example")
	c := rp.PartyConfig{
		CallbackBase: app + "/callback/", Options: w.options(),
		Providers: []servicecontext.Config{
			{Issuer: "https://op.example", Scope: []string{"email"}, Metadata: message.ClientMetadata{PostLogoutRedirectURIs: []string{goodbyeURI}}},
			{Issuer: "https://other.example", Scope: []string{"email"}, Metadata: message.ClientMetadata{PostLogoutRedirectURIs: []string{goodbyeURI}}},
		},
	}
	for _, knob := range knobs {
		knob(&c)
	}
	party, err := rp.NewParty(c)
	if err != nil {
		t.Fatal(err)
	}
	w.serve(party)
	return w, other
}

// The attacker's page: each of its tricks, what the victim's browser sends, and which
// rule stops it.
func TestAttackersPage(t *testing.T) {
	for _, attack := range []struct {
		name string
		mode message.ResponseMode
		// send returns what the victim's browser is made to send.
		send func(t *testing.T, victim, attacker *browser) *http.Request
		rule message.Rule
		kind rp.Kind
	}{
		{
			name: "a callback with the attacker's own state and code",
			send: func(_ *testing.T, _, attacker *browser) *http.Request { return attacker.callback(app + "/login") },
			rule: message.RuleAuthzResponseBrowserBinding, kind: rp.KindBrowser,
		},
		{
			name: "the same while the victim has a login of his own under way",
			send: func(_ *testing.T, victim, attacker *browser) *http.Request {
				victim.callback(app + "/login")
				return attacker.callback(app + "/login")
			},
			rule: message.RuleAuthzResponseBrowserBinding, kind: rp.KindBrowser,
		},
		{
			name: "the same as a form post", mode: message.ResponseModeFormPost,
			send: func(_ *testing.T, _, attacker *browser) *http.Request { return attacker.callback(app + "/login") },
			rule: message.RuleAuthzResponseBrowserBinding, kind: rp.KindBrowser,
		},
		{
			name: "the attacker's code under the victim's state",
			send: func(_ *testing.T, victim, attacker *browser) *http.Request {
				mine, theirs := attacker.callback(app+"/login"), victim.callback(app+"/login")
				return going(swap(theirs.URL, "code", mine.URL.Query().Get("code")))
			},
			// The code is bound to the code verifier of the attacker's login: the provider
			// refuses it.
			kind: rp.KindExpired,
		},
		{
			name: "the victim's state with both codes",
			send: func(_ *testing.T, victim, attacker *browser) *http.Request {
				mine, theirs := attacker.callback(app+"/login"), victim.callback(app+"/login")
				u := *theirs.URL
				u.RawQuery += "&code=" + mine.URL.Query().Get("code")
				return going(&u)
			},
			rule: message.RuleAuthzResponseDuplicate, kind: rp.KindRefused,
		},
		{
			name: "the victim's response with a second state behind it",
			send: func(_ *testing.T, victim, _ *browser) *http.Request {
				u := *victim.callback(app + "/login").URL
				u.RawQuery += "&state=another"
				return going(&u)
			},
			rule: message.RuleAuthzResponseDuplicate, kind: rp.KindRefused,
		},
		{
			name: "no state at all",
			send: func(_ *testing.T, victim, _ *browser) *http.Request {
				return going(swap(victim.callback(app+"/login").URL, "state", ""))
			},
			rule: message.RuleAuthzResponseStateMissing, kind: rp.KindRequest,
		},
		{
			name: "a state that nobody has",
			send: func(_ *testing.T, victim, _ *browser) *http.Request {
				return going(swap(victim.callback(app+"/login").URL, "state", strings.Repeat("x", 43)))
			},
			rule: message.RuleAuthzResponseState, kind: rp.KindExpired,
		},
		{
			name: "an error in the name of the provider, for a login in another browser",
			send: func(_ *testing.T, _, attacker *browser) *http.Request {
				state := attacker.callback(app + "/login").URL.Query().Get("state")
				return going(swap(nil, "error", "access_denied", "state", state, "iss", "https://op.example"))
			},
			rule: message.RuleAuthzResponseBrowserBinding, kind: rp.KindBrowser,
		},
		{
			name: "an error without the issuer that the provider always sends",
			send: func(_ *testing.T, victim, _ *browser) *http.Request {
				state := victim.callback(app + "/login").URL.Query().Get("state")
				return going(swap(nil, "error", "access_denied", "state", state))
			},
			rule: message.RuleAuthzResponseIssMissing, kind: rp.KindRefused,
		},
		{
			name: "the issuer of another provider",
			send: func(_ *testing.T, victim, _ *browser) *http.Request {
				return going(swap(victim.callback(app+"/login").URL, "iss", "https://evil.example"))
			},
			rule: message.RuleAuthzResponseIss, kind: rp.KindRefused,
		},
		{
			name: "a response in another mode",
			send: func(t *testing.T, victim, _ *browser) *http.Request {
				return postForm(t, callbackURI, victim.callback(app+"/login").URL.Query())
			},
			rule: message.RuleAuthzResponseMode, kind: rp.KindRefused,
		},
		{
			name: "an ID Token beside the code",
			send: func(_ *testing.T, victim, _ *browser) *http.Request {
				return going(swap(victim.callback(app+"/login").URL, "id_token", "eyJhbGciOiJub25lIn0.e30."))
			},
			rule: message.RuleAuthzResponseUnexpected, kind: rp.KindRefused,
		},
		{
			name: "a query that two parsers read differently",
			send: func(_ *testing.T, victim, _ *browser) *http.Request {
				u := *victim.callback(app + "/login").URL
				u.RawQuery = strings.ReplaceAll(u.RawQuery, "&", ";")
				return going(&u)
			},
			rule: message.RuleAuthzResponseDuplicate, kind: rp.KindRefused,
		},
	} {
		t.Run(attack.name, func(t *testing.T) {
			var shown *rp.Problem
			w := newWorld(t, func(c *rp.Config) {
				c.Request = func(_ *http.Request, m *message.AuthorizationRequest) { m.ResponseMode = attack.mode }
				c.Error = func(rw http.ResponseWriter, _ *http.Request, p *rp.Problem) {
					shown = p
					rw.WriteHeader(p.Status)
				}
			})
			victim, attacker := w.browser(), w.browser()
			p := victim.bring(attack.send(t, victim, attacker))
			if shown == nil {
				t.Fatalf("it got through: %d %s", p.status, p.body)
			}
			if shown.Kind != attack.kind || attack.rule != "" && shown.Rule != attack.rule {
				t.Errorf("kind %q rule %q, want %q %q: %v", shown.Kind, shown.Rule, attack.kind, attack.rule, shown.Err)
			}
			if p := victim.visit(app + "/"); p.body != "home of nobody" {
				t.Errorf("the victim is logged in: %s", p.body)
			}
			if len(victim.cookies("__Host-oidc-session")) != 0 {
				t.Error("the victim has a session cookie")
			}
			// The next attempt works.
			victim.login()
		})
	}
}

func going(u *url.URL) *http.Request {
	r, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		panic(err)
	}
	return r
}

// swap sets parameters of an address; "" removes one. Nil is the callback's address.
func swap(u *url.URL, pairs ...string) *url.URL {
	out := &url.URL{Scheme: "https", Host: "app.example", Path: "/callback"}
	if u != nil {
		*out = *u
	}
	q := out.Query()
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	out.RawQuery = q.Encode()
	return out
}

// A forged callback must not end the login that it names.
func TestForgedCallbackEndsNothing(t *testing.T) {
	w := newWorld(t)
	victim := w.browser()
	own := victim.callback(app + "/login")
	state := own.URL.Query().Get("state")
	attacker := w.browser()
	for _, u := range []*url.URL{
		swap(nil, "error", "access_denied", "state", state, "iss", "https://op.example"),
		swap(nil, "code", "x", "state", state, "iss", "https://op.example"),
		swap(own.URL, "iss", ""), swap(own.URL, "iss", "https://evil.example"),
	} {
		attacker.bring(going(u))
	}
	victim.bring(going(swap(nil, "error", "access_denied", "state", state))) // without iss
	if p := victim.bring(own); p.body != "home of diana at https://op.example" {
		t.Errorf("%d %s", p.status, p.body)
	}
}

func TestCallbackOnTheWrongProvidersRedirectURI(t *testing.T) {
	w, _ := newPartyWorld(t)
	mine, theirs := w.party.RedirectURI("https://op.example"), w.party.RedirectURI("https://other.example")
	if mine == theirs || !strings.HasPrefix(mine, app+"/callback/") {
		t.Fatal(mine, theirs)
	}
	for _, wrong := range []string{theirs, app + "/callback/", app + "/callback/unknown", app + "/callback"} {
		b := w.browser()
		r := b.callback(app + "/login?iss=https://op.example")
		if !strings.HasPrefix(r.URL.String(), mine+"?") {
			t.Fatalf("%s, want %s", r.URL, mine)
		}
		p := b.bring(going(mustParse(t, strings.Replace(r.URL.String(), mine, wrong, 1))))
		if p.status == http.StatusOK || !strings.Contains(p.body, string(message.RuleAuthzResponseIssuerRedirectURI)) {
			t.Errorf("%s: %d %s", wrong, p.status, p.body)
		}
		if p := b.bring(r); p.body != "home of diana at https://op.example" {
			t.Errorf("the login itself: %d %s", p.status, p.body)
		}
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A hostile provider that a user logs in at gets no code of the honest one: not by its
// own authorization response, and not by naming the other's endpoints.
func TestMixUp(t *testing.T) {
	w, _ := newPartyWorld(t)
	b := w.browser()
	atHonest := b.callback(app + "/login?iss=https://op.example")
	atHostile := b.callback(app + "/login?iss=https://other.example")
	honest, hostile := atHonest.URL.Query(), atHostile.URL.Query()
	for name, u := range map[string]*url.URL{
		"the honest code under the hostile state":            swap(atHostile.URL, "code", honest.Get("code"), "iss", honest.Get("iss")),
		"the same with the hostile issuer at the honest URI": swap(atHonest.URL, "state", hostile.Get("state"), "iss", hostile.Get("iss")),
		"the hostile issuer under the honest state":          swap(atHonest.URL, "iss", hostile.Get("iss")),
	} {
		before := w.net.count("POST https://other.example/token")
		p := b.bring(going(u))
		if p.status == http.StatusOK {
			t.Errorf("%s: %s", name, p.body)
		}
		if w.net.count("POST https://other.example/token") != before {
			t.Errorf("%s: a token request went to the hostile provider", name)
		}
	}
}

func withHeader(r *http.Request, pairs ...string) *http.Request {
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	return r
}

// Text of a peer is text on the page.
func TestPagesEscape(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	state := b.callback(app + "/login?return_to=/account?%3Cscript%3E").URL.Query().Get("state")
	p := b.bring(going(swap(nil, "error", "temporarily_unavailable", "error_description", "<script>alert(1)</script><img src=x onerror=y>", "state", state, "iss", "https://op.example")))
	if p.status != http.StatusServiceUnavailable || strings.Contains(p.body, "<script>alert") || strings.Contains(p.body, "<img") || !strings.Contains(p.body, "&lt;script&gt;") {
		t.Errorf("%d %s", p.status, p.body)
	}
	if !strings.Contains(p.body, `href="/login?return_to=%2Faccount%3F%3Cscript%3E"`) {
		t.Errorf("no way to start again: %s", p.body)
	}
	policy := p.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") {
		t.Error(policy)
	}
}

// Where a login was on its way to is told to nobody but the browser that began it.
func TestTargetIsToldToItsBrowserOnly(t *testing.T) {
	w := newWorld(t)
	victim := w.browser()
	state := victim.callback(app + "/login?return_to=/account?invoice=4711").URL.Query().Get("state")
	forged := going(swap(nil, "error", "access_denied", "state", state, "iss", "https://op.example"))
	if p := w.browser().bring(forged); strings.Contains(p.body, "4711") {
		t.Errorf("a stranger learns it: %s", p.body)
	}
	if p := victim.bring(forged); !strings.Contains(p.body, "4711") {
		t.Errorf("the browser itself does not: %s", p.body)
	}
}

// A path that begins with two slashes would be another site in a form.
func TestPagesPostToThemselves(t *testing.T) {
	w := newWorld(t)
	for name, h := range map[string]http.Handler{"callback": w.party.Callback(nil), "logout": w.party.Logout()} {
		resp := serveRaw(h, httptest.NewRequest(http.MethodGet, app+"/", nil), "//evil.example/"+name)
		if body := readAll(t, resp); !strings.Contains(body, `action=""`) || strings.Contains(body, "evil.example") {
			t.Errorf("%s: %s", name, body)
		}
	}
}
