package rp_test

import (
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/state"
)

// watching is a world whose provider has a session iframe.
func watching(t *testing.T, knobs ...func(*rp.Config)) *world {
	t.Helper()
	w := newWorld(t, knobs...)
	w.op = w.provider("op.example", func(c *op.Config) { c.Policy.SessionManagement = true })
	w.mux.Handle("/session", w.party.CheckSession())
	return w
}

// said is what the page of ours posts.
func said(t *testing.T, status, target string) *http.Request {
	t.Helper()
	r := postForm(t, app+"/session", url.Values{"status": {status}, "return_to": {target}})
	return withHeader(r, "Sec-Fetch-Site", "same-origin")
}

func attribute(p *page, name string) string {
	return html.UnescapeString(between(p.body, name+`="`, `"`))
}

// TestSessionPage: the page asks the provider's frame with client_id and session_state,
// listens to that frame alone, and is for frames of our own pages.
func TestSessionPage(t *testing.T) {
	w := watching(t)
	b := w.browser()
	if p := b.visit(app + "/session"); p.status != http.StatusNoContent {
		t.Errorf("without a session: %d", p.status)
	}
	home := b.login()
	told := ""
	for _, address := range home.trail {
		if strings.HasPrefix(address, callbackURI) {
			told = mustParse(t, address).Query().Get("session_state")
		}
	}
	p := b.visit(app + "/session")
	if told == "" || p.status != http.StatusOK {
		t.Fatalf("session_state %q, %d\n%s", told, p.status, w.log)
	}
	client := w.party.ServiceContext("https://op.example").Snapshot().ClientID()
	for name, want := range map[string]string{
		"data-message": client + " " + told, "data-origin": "https://op.example", "data-address": "https://op.example/check_session", "data-silent": "false",
	} {
		if got := attribute(p, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	script := between(p.body, "<script>", "</script>")
	policy := p.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'self'", "frame-src https://op.example", "script-src " + hashSource(script)} {
		if !slices.Contains(strings.Split(policy, "; "), want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
	}
	if p.header.Get("Cache-Control") != "no-store" {
		t.Error("the page may be stored")
	}
	for _, want := range []string{"postMessage(p.dataset.message,o)", "e.origin!==o||e.source!==p.contentWindow)return", `e.data!=="changed"`} {
		if !strings.Contains(script, want) {
			t.Errorf("the script lacks %q", want)
		}
	}
}

// TestSessionChanged: a silent request with a hint decides; whoever is not found logged
// in there is logged out here.
func TestSessionChanged(t *testing.T) {
	w := watching(t)
	b := w.browser()
	b.login()
	before := w.sessionOf(b)
	p := b.bring(said(t, "changed", "/account?x=y"))
	if !strings.HasPrefix(p.body, "account of diana") || !strings.Contains(p.body, "x=y") {
		t.Fatalf("%d at %s: %s\n%s", p.status, p.url, p.body, w.log)
	}
	asked := mustParse(t, p.trail[1]).Query()
	if asked.Get("prompt") != "none" || strings.Count(asked.Get("id_token_hint"), ".") != 2 {
		t.Errorf("asked with %v", asked)
	}
	if l := w.sessionOf(b); l.ID == before.ID {
		t.Error("the old session goes on")
	}
	if _, err := before.Token().Access(t.Context()); err == nil {
		t.Error("the old tokens stay")
	}
	if p := b.visit(app + "/session"); attribute(p, "data-silent") != "true" {
		t.Error("a frame that always says changed would go round in circles")
	}

	// The user logs out at the provider.
	p = b.visit("https://op.example/end_session")
	b.logoutForm(t, p)
	p = b.bring(said(t, "changed", "https://evil.example/"))
	if p.status == http.StatusOK || p.url.Host != "app.example" || !strings.Contains(p.body, string(message.LoginRequired)) {
		t.Errorf("%d at %s: %s", p.status, p.url, p.body)
	}
	if p := b.visit(app + "/"); p.body != "home of nobody" {
		t.Errorf("still %s", p.body)
	}
	if p := b.bring(said(t, "changed", "/")); p.status != http.StatusNoContent {
		t.Errorf("nobody is logged in: %d", p.status)
	}
}

// TestSessionChangedAsksForTheSame: the silent request is for the scope of the login. Another
// one may need consent, and would log out a user who is still logged in there.
func TestSessionChangedAsksForTheSame(t *testing.T) {
	w := watching(t, func(c *rp.Config) {
		c.Options.Request = func(r *http.Request, m *message.AuthorizationRequest) {
			if r.URL.Path == "/login" {
				m.Scope = message.List{message.ScopeOpenID, message.ScopePhone}
			}
		}
	})
	b := w.browser()
	b.login()
	p := b.bring(said(t, "changed", "/account"))
	if got := mustParse(t, p.trail[1]).Query().Get("scope"); got != "openid phone" {
		t.Errorf("asked for %q, want openid phone", got)
	}
	if !strings.HasPrefix(p.body, "account of diana") {
		t.Errorf("%d at %s: %s", p.status, p.url, p.body)
	}
}

// TestSessionStatusThatChangesNothing: after "error" no request is made, and another site
// cannot say anything.
func TestSessionStatusThatChangesNothing(t *testing.T) {
	w := watching(t)
	b := w.browser()
	b.login()
	requests := len(w.net.requests())
	foreign := withHeader(said(t, "changed", "/"), "Sec-Fetch-Site", "cross-site")
	twice := withHeader(postForm(t, app+"/session", url.Values{"status": {"changed", "error"}}), "Sec-Fetch-Site", "same-origin")
	for name, test := range map[string]struct {
		r    *http.Request
		want int
	}{
		"error":        {said(t, "error", "/"), http.StatusNoContent},
		"unchanged":    {said(t, "unchanged", "/"), http.StatusNoContent},
		"another word": {said(t, "gone", "/"), http.StatusBadGateway},
		"another site": {foreign, http.StatusForbidden},
		"twice":        {twice, http.StatusBadRequest},
		"DELETE":       {withHeader(must(http.NewRequest(http.MethodDelete, app+"/session", nil)), "Sec-Fetch-Site", "same-origin"), http.StatusMethodNotAllowed},
	} {
		if p := b.bring(test.r); p.status != test.want || len(p.trail) != 1 {
			t.Errorf("%s: %d by %s", name, p.status, p.trail)
		}
		if p := b.visit(app + "/"); !strings.HasPrefix(p.body, "home of diana") {
			t.Fatalf("%s: %s", name, p.body)
		}
	}
	if p := b.bring(said(t, "503", "/")); !strings.Contains(p.body, "The sign-in was refused") {
		t.Errorf("what a page of ours says is taken for the provider's failure: %s", p.body)
	}
	if len(w.net.requests()) != requests {
		t.Errorf("the provider was asked: %v", w.net.requests()[requests:])
	}
}

// TestSessionThatCannotBeWatched: a provider without iframe, and a login without
// session_state.
func TestSessionThatCannotBeWatched(t *testing.T) {
	w := newWorld(t)
	w.mux.Handle("/session", w.party.CheckSession())
	b := w.browser()
	b.login()
	if p := b.visit(app + "/session"); p.status != http.StatusNoContent {
		t.Errorf("%d: %s", p.status, p.body)
	}
}

// TestLogoutThatIsTooLong: the request is a form that the browser submits.
func TestLogoutThatIsTooLong(t *testing.T) {
	var db *state.DB
	w := newWorld(t, func(c *rp.Config) { db = c.DB })
	b := w.browser()
	b.login()
	hint := "a.<b>." + strings.Repeat("c", 8000)
	_, err := db.Update(t.Context(), w.sessionOf(b).ID, func(r *state.Record) error {
		r.Set(state.ItemTokenResponse, []byte(`{"access_token":"a","token_type":"Bearer","id_token":"`+hint+`"}`))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := b.bring(sameOrigin(t, app+"/logout"))
	if p.status != http.StatusOK || attribute(p, "action") != "https://op.example/end_session" || attribute(p, "method") != "post" {
		t.Fatalf("%d: %.300s", p.status, p.body)
	}
	values := url.Values{}
	for _, field := range inputPattern.FindAllStringSubmatch(p.body, -1) {
		values.Add(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	if values.Get("id_token_hint") != hint || values.Get("post_logout_redirect_uri") != goodbyeURI || values.Get("state") == "" || len(values) != 4 {
		t.Errorf("posts %d fields", len(values))
	}
	if policy := p.header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src "+hashSource(between(p.body, "<script>", "</script>"))) {
		t.Errorf("the script does not run: %s", policy)
	}
	if p := b.visit(app + "/"); p.body != "home of nobody" {
		t.Errorf("still %s", p.body)
	}
}

func must(r *http.Request, err error) *http.Request {
	if err != nil {
		panic(err)
	}
	return r
}
