package rp_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
)

func TestLogin(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	if p := b.visit(app + "/"); p.body != "home of nobody" {
		t.Fatalf("before: %s", p.body)
	}
	p := b.visit(app + "/account?a=1&b=%2F")
	if want := "account of diana at https://op.example, diana@op.example, query a=1&b=%2F"; p.status != 200 || p.body != want {
		t.Fatalf("got %d %q, want %q\n%s", p.status, p.body, want, w.log)
	}
	if p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a protected page may be stored: %v", p.header)
	}
	session := b.cookies("__Host-oidc-session")
	if len(session) != 1 || len(b.cookies("__Host-oidc-login-")) != 0 {
		t.Fatalf("cookies %v", b.cookies(""))
	}
	// Logged in at the provider already: no form is shown, and the session is a new one.
	b.visit(app + "/login?return_to=/account")
	again := b.cookies("__Host-oidc-session")
	if again[0].Value == session[0].Value {
		t.Error("the second login has the session of the first")
	}
	thief := w.browser()
	u, _ := url.Parse(app + "/")
	thief.jar.SetCookies(u, session)
	if p := thief.visit(app + "/"); p.body != "home of nobody" {
		t.Errorf("the session that was replaced serves on: %s", p.body)
	}
}

func TestEveryAnswerOfALoginIsUnstored(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, app+"/login", nil),
		b.callback(app + "/login"),
		httptest.NewRequest(http.MethodGet, callbackURI, nil),
		httptest.NewRequest(http.MethodGet, callbackURI+"?state=x&code=y", nil),
	} {
		resp, err := b.do(r.Clone(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		h := resp.Header
		if h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", r.URL.Path, h)
		}
		if resp.StatusCode/100 == 3 && resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: status %d, want 303", r.URL.Path, resp.StatusCode)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	for _, tt := range []struct {
		mode message.ResponseMode
		want string
	}{{"", "SameSite=Lax"}, {message.ResponseModeFormPost, "SameSite=None"}, {message.ResponseModeFragment, "SameSite=Lax"}} {
		w := newWorld(t, func(c *rp.Config) {
			c.Request = func(_ *http.Request, m *message.AuthorizationRequest) { m.ResponseMode = tt.mode }
		})
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, app+"/login", nil))
		header := rec.Header().Get("Set-Cookie")
		for _, part := range []string{"__Host-oidc-login-", "Path=/", "HttpOnly", "Secure", "Max-Age=600", tt.want} {
			if !strings.Contains(header, part) {
				t.Errorf("%q: no %q in %q", tt.mode, part, header)
			}
		}
		if strings.Contains(header, "Domain") {
			t.Errorf("%q: a __Host- cookie with a domain: %q", tt.mode, header)
		}
	}
}

func TestPlainHTTP(t *testing.T) {
	if _, err := rp.New(rp.Config{Issuer: "https://op.example", ClientID: "x", RedirectURI: "http://127.0.0.1:8080/callback"}); err == nil {
		t.Error("an http redirect URI without the option")
	}
	w := newWorld(t, func(c *rp.Config) {
		c.RedirectURI, c.PostLogoutRedirectURI = "http://127.0.0.1:8080/callback", ""
		c.InsecureAllowHTTP = true
		c.ServiceContext.Metadata.ApplicationType = message.ApplicationTypeNative
	})
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/login", nil))
	header := rec.Header().Get("Set-Cookie")
	if rec.Code != http.StatusSeeOther || !strings.HasPrefix(header, "insecure-oidc-login-") || strings.Contains(header, "Secure") {
		t.Errorf("%d %q %s", rec.Code, header, w.log)
	}
}

func TestSeveralTabs(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	first := b.callback(app + "/login?return_to=/account?tab=1")
	second := b.callback(app + "/login?return_to=/account?tab=2")
	if n := len(b.cookies("__Host-oidc-login-")); n != 2 {
		t.Fatalf("%d login cookies", n)
	}
	for i, r := range []*http.Request{second, first} {
		p := b.bring(r)
		if want := fmt.Sprintf("query tab=%d", 2-i); !strings.HasSuffix(p.body, want) {
			t.Errorf("tab %d: %d %s\n%s", 2-i, p.status, p.body, w.log)
		}
	}
	if n := len(b.cookies("__Host-oidc-login-")); n != 0 {
		t.Errorf("%d login cookies stay", n)
	}
}

func TestLoginsThatAreGivenUpDoNotFillTheHeader(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for range 40 {
		b.callback(app + "/login")
		w.pass(1e9)
	}
	newest := b.callback(app + "/login")
	if n := len(b.cookies("__Host-oidc-login-")); n != 12 {
		t.Errorf("%d login cookies", n)
	}
	if p := b.bring(newest); p.body != "home of diana at https://op.example" {
		t.Errorf("the newest login: %d %s", p.status, p.body)
	}
}

// Every response type, in every mode that fits it.
func TestResponseTypesAndModes(t *testing.T) {
	for _, responseType := range []string{"code", "id_token", "code id_token", "id_token token", "code token", "code id_token token"} {
		for _, mode := range []message.ResponseMode{"", "query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"} {
			if responseType != "code" && strings.HasPrefix(string(mode), "query") {
				continue
			}
			t.Run(strings.ReplaceAll(responseType, " ", "_")+"/"+string(mode), func(t *testing.T) {
				w := newWorld(t, func(c *rp.Config) {
					c.Scope = []string{"email"}
					m := &c.ServiceContext.Metadata
					m.ResponseTypes, m.GrantTypes = []string{responseType}, nil
					c.ServiceContext.Compat.AllowFrontChannelAccessToken = true
					if mode != "" {
						c.ServiceContext.Preferences.ResponseModes = []string{string(mode)}
					}
					c.Request = func(_ *http.Request, m *message.AuthorizationRequest) { m.ResponseMode = mode }
				})
				b := w.browser()
				p := b.login()
				moved := 0
				for _, address := range p.trail {
					if strings.HasPrefix(address, callbackURI) {
						moved++
					}
				}
				carried := responseType != "code" && !strings.HasPrefix(string(mode), "form_post") || strings.HasPrefix(string(mode), "fragment")
				if want := map[bool]int{true: 2, false: 1}[carried]; moved != want {
					t.Errorf("the callback was visited %d times, want %d: %s", moved, want, p.trail)
				}
			})
		}
	}
}

func TestEncryptedResponse(t *testing.T) {
	key, err := keyjar.Generate("ECDH-ES", rand.Reader, keyjar.KeyOptions{Use: "enc", Algorithm: "ECDH-ES"})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *rp.Config) {
		c.ServiceContext.Keys = keyjar.NewSet(key)
		m := &c.ServiceContext.Metadata
		m.AuthorizationSignedResponseAlg, m.AuthorizationEncryptedResponseAlg = "RS256", "ECDH-ES"
		c.ServiceContext.Preferences.ResponseModes = []string{"jwt"}
		c.Request = func(_ *http.Request, m *message.AuthorizationRequest) { m.ResponseMode = "jwt" }
	})
	b := w.browser()
	b.callback(app + "/login") // another tab, whose cookie does not fit
	b.login()
}

func TestFragmentPage(t *testing.T) {
	w := newWorld(t)
	p := w.browser().visit(callbackURI)
	policy := p.header.Get("Content-Security-Policy")
	if p.status != 200 || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'sha256-") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("%d %s", p.status, policy)
	}
	script := between(p.body, "<script>", "</script>")
	if !strings.Contains(policy, "script-src "+hashSource(script)) || !strings.Contains(policy, "style-src "+hashSource(between(p.body, "<style>", "</style>"))) {
		t.Errorf("the hashes are not those of the page: %s\n%s", policy, p.body)
	}
	for _, part := range []string{"history.replaceState", "location.hash", ".submit()"} {
		if !strings.Contains(script, part) {
			t.Errorf("no %s in %s", part, script)
		}
	}
	if !strings.Contains(p.body, "<noscript>") || !strings.Contains(p.body, `method="post" action=""`) {
		t.Error(p.body)
	}
}

// A fragment that another site posts is a form post that nobody asked for.
func TestMovedFragmentOfAnotherSite(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) {
		c.ServiceContext.Metadata.ResponseTypes, c.ServiceContext.Metadata.GrantTypes = []string{"id_token"}, nil
		c.Scope = []string{"email"}
	})
	b := w.browser()
	r := b.callback(app + "/login")
	r2 := postForm(t, callbackURI, url.Values{"fragment": {r.URL.EscapedFragment()}})
	r2.Header.Set("Sec-Fetch-Site", "cross-site")
	if p := b.bring(r2); p.status == 200 {
		t.Errorf("%d %s", p.status, p.body)
	}
	r3 := postForm(t, callbackURI, url.Values{"fragment": {r.URL.EscapedFragment()}})
	r3.Header.Set("Sec-Fetch-Site", "same-origin")
	if p := b.bring(r3); p.body != "home of diana at https://op.example" {
		t.Errorf("%d %s\n%s", p.status, p.body, w.log)
	}
}

func TestHowRequestsTravel(t *testing.T) {
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []servicecontext.RequestMethod{servicecontext.RequestByValue, servicecontext.RequestByReference, servicecontext.RequestPushed} {
		t.Run(string(method), func(t *testing.T) {
			w := newWorld(t, func(c *rp.Config) {
				c.ServiceContext.Keys = keyjar.NewSet(key)
				c.ServiceContext.RequestMethod = method
				c.ServiceContext.RequestURIBase = app + "/request/"
				c.ServiceContext.Metadata.RequestObjectSigningAlg = "ES256"
				c.ServiceContext.Metadata.RequestURIs = []string{app + "/request/"}
			})
			w.browser().login()
			if method == servicecontext.RequestPushed && w.net.count("/par") == 0 {
				t.Error(w.net.requests())
			}
		})
	}
	p := newWorld(t).browser().visit(app + "/request/nothing")
	if p.status != http.StatusNotFound {
		t.Errorf("status %d", p.status)
	}
}

func TestCallbackFunction(t *testing.T) {
	w := newWorld(t)
	var got *rp.Login
	w.mux = http.NewServeMux()
	w.mux.Handle("/login", w.party.Login())
	w.mux.Handle("/callback", w.party.Callback(func(rw http.ResponseWriter, r *http.Request, l *rp.Login) {
		got = l
		fmt.Fprint(rw, "welcome")
	}))
	w.net.set("app.example", w.mux)
	if p := w.browser().visit(app + "/login?return_to=https://app.example/somewhere?x=1%23y"); p.body != "welcome" {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if got.Subject != "diana" || got.IDToken.Subject != "diana" || got.UserInfo.Email != "diana@op.example" || got.ReturnTo != "/somewhere?x=1#y" || got.ID == "" {
		t.Errorf("%+v", got)
	}
	rules := map[message.Rule]bool{}
	for _, c := range got.Checks {
		rules[c.Rule] = true
	}
	for _, rule := range []message.Rule{message.RuleAuthzResponseBrowserBinding, message.RuleAuthzResponseIssuerRedirectURI, message.RuleIDTokenSignature, message.RuleIDTokenNonce, message.RuleUserInfoSub} {
		if !rules[rule] {
			t.Errorf("the checks do not name %s", rule)
		}
	}
	if err := got.End(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutSessionCookie(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.SkipSession, c.SkipUserInfo = true, true })
	var got *rp.Login
	w.mux.Handle("/done/", http.NotFoundHandler())
	mux := http.NewServeMux()
	mux.Handle("/login", w.party.Login())
	mux.Handle("/callback", w.party.Callback(func(rw http.ResponseWriter, _ *http.Request, l *rp.Login) { got = l }))
	w.net.set("app.example", mux)
	b := w.browser()
	b.visit(app + "/login")
	if got == nil || got.Subject != "diana" || got.UserInfo.Subject != "" || len(b.cookies("")) != 0 {
		t.Errorf("%+v %v", got, b.cookies(""))
	}
	if w.net.count("userinfo") != 0 {
		t.Error(w.net.requests())
	}
	if a, err := got.Token().Access(t.Context()); err != nil || a.Token == "" {
		t.Error(a, err)
	}
}

// Handlers below http.StripPrefix still know at which redirect URI a response arrived.
func TestStripPrefix(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.RedirectURI = app + "/auth/callback"; c.LoginPath = "/auth/login" })
	inner := http.NewServeMux()
	inner.Handle("/login", w.party.Login())
	inner.Handle("/callback", w.party.Callback(nil))
	w.mux.Handle("/auth/", http.StripPrefix("/auth", inner))
	if p := w.browser().visit(app + "/auth/login"); p.body != "home of diana at https://op.example" {
		t.Errorf("%d %s\n%s", p.status, p.body, w.log)
	}
}

func TestMethods(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/login", "/callback"} {
		r := httptest.NewRequest(http.MethodPut, app+path, nil)
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
		if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") == "" {
			t.Errorf("PUT %s: %d %v", path, rec.Code, rec.Header())
		}
	}
	big := httptest.NewRequest(http.MethodPost, app+"/callback", strings.NewReader(strings.Repeat("x", 70<<10)))
	big.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, big)
	if rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d", rec.Code)
	}
	twice := httptest.NewRecorder()
	w.mux.ServeHTTP(twice, httptest.NewRequest(http.MethodGet, app+"/login?return_to=/a&return_to=/b", nil))
	if twice.Code != http.StatusBadRequest {
		t.Errorf("a parameter twice: %d", twice.Code)
	}
	for _, header := range [][2]string{{"Sec-Fetch-Dest", "iframe"}, {"Sec-Fetch-Dest", "image"}, {"Sec-Purpose", "prefetch;anonymous-client-ip"}} {
		r := httptest.NewRequest(http.MethodGet, app+"/login", nil)
		r.Header.Set(header[0], header[1])
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
		if rec.Code != http.StatusBadRequest || rec.Header().Get("Set-Cookie") != "" {
			t.Errorf("%v begins a login: %d", header, rec.Code)
		}
	}
}

// Without OpenID Connect there is nobody to name, and an access token all the same.
func TestPlainOAuth(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) {
		c.Scope = []string{"email"}
		c.ServiceContext.Profile = servicecontext.ProfileOAuth
	})
	b := w.browser()
	if p := b.visit(app + "/login"); p.body != "home of  at https://op.example" {
		t.Fatalf("%d %s\n%s", p.status, p.body, w.log)
	}
	l := w.sessionOf(b)
	if a, err := l.Token().Access(t.Context()); err != nil || a.Token == "" || l.Subject != "" {
		t.Error(a, err)
	}
	if w.net.count("/.well-known/oauth-authorization-server") != 1 || w.net.count("/userinfo") != 0 {
		t.Error(w.net.requests())
	}
}
