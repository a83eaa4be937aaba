package rp_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
)

func sameOrigin(t *testing.T, address string) *http.Request {
	t.Helper()
	return withHeader(going(mustParse(t, address)), "Sec-Fetch-Site", "same-origin")
}

func TestLogout(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login()
	l := w.sessionOf(b)
	p := b.bring(sameOrigin(t, app+"/logout"))
	if p.body != "home of nobody" {
		t.Fatalf("%d at %s: %s\n%s", p.status, p.url, p.body, w.log)
	}
	var there bool
	for _, address := range p.trail {
		there = there || strings.HasPrefix(address, "https://op.example/end_session?")
	}
	if !there || !strings.HasPrefix(p.trail[len(p.trail)-2], goodbyeURI+"?state=") {
		t.Errorf("the way: %s", p.trail)
	}
	if len(b.cookies("__Host-oidc-session")) != 0 {
		t.Error("the session cookie stays")
	}
	if _, err := l.Token().Access(t.Context()); err == nil {
		t.Error("the tokens stay")
	}
	// The provider asks again.
	p = b.callbackPage(app + "/login")
	if !strings.Contains(p.body, `id="login"`) {
		t.Errorf("the session at the provider goes on: %s", p.body)
	}
	// Nobody is logged in: that is as good.
	if p := b.bring(sameOrigin(t, app+"/logout")); p.body != "home of nobody" {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := b.bring(withHeader(postForm(t, app+"/logout", nil), "Sec-Fetch-Site", "same-origin")); p.body != "home of nobody" {
		t.Errorf("%d %s", p.status, p.body)
	}
}

// callbackPage stops at the first page of the provider.
func (b *browser) callbackPage(address string) *page {
	b.w.t.Helper()
	r := going(mustParse(b.w.t, address))
	resp, err := b.do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	resp, err = b.do(going(mustParse(b.w.t, resp.Header.Get("Location"))))
	if err != nil {
		b.w.t.Fatal(err)
	}
	var text strings.Builder
	_ = resp.Write(&text)
	return &page{status: resp.StatusCode, body: text.String()}
}

func TestLogoutAsks(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login()
	p := b.visit(app + "/logout")
	if p.status != 200 || !strings.Contains(p.body, `<form id="logout" method="post" action="">`) || !strings.Contains(p.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := b.bring(withHeader(postForm(t, app+"/logout", nil), "Sec-Fetch-Site", "same-origin", "Origin", app)); p.body != "home of nobody" {
		t.Errorf("%d %s", p.status, p.body)
	}
}

// The session is closed before the browser leaves, and stays closed if it never returns.
func TestLogoutWithoutReturn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login()
	kept := b.cookies("__Host-oidc-session")
	b.stop = func(r *http.Request) bool { return r.URL.Host == "op.example" }
	_, _ = b.follow(sameOrigin(t, app+"/logout"))
	b.stop = nil
	u := mustParse(t, app+"/")
	b.jar.SetCookies(u, kept)
	if p := b.visit(app + "/"); p.body != "home of nobody" {
		t.Errorf("the cookie serves on: %s", p.body)
	}
	for _, query := range []string{"", "?state=", "?state=unknown", "?state=a&state=b", "?%zz"} {
		if p := b.visit(goodbyeURI + query); p.body != "home of nobody" {
			t.Errorf("%q: %d %s", query, p.status, p.body)
		}
	}
}

func TestLogoutWhereTheProviderHasNone(t *testing.T) {
	w := newWorld(t)
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		if !strings.HasPrefix(r.URL.Path, "/.well-known/") {
			return nil, nil, false
		}
		resp, err := w.net.roundTrip(r)
		if err != nil {
			return nil, err, true
		}
		var meta message.ProviderMetadata
		body := readAll(t, resp)
		if err := message.DecodeJSON([]byte(body), &meta); err != nil {
			t.Error(err)
		}
		meta.EndSessionEndpoint = ""
		out, err := message.EncodeJSON(&meta)
		return answer(200, "application/json", string(out)), err, true
	})
	b := w.browser()
	b.login()
	l := w.sessionOf(b)
	if p := b.bring(sameOrigin(t, app+"/logout")); p.body != "home of nobody" || len(p.trail) != 2 {
		t.Errorf("%s %s", p.trail, p.body)
	}
	if _, err := l.Token().Access(t.Context()); err == nil {
		t.Error("the tokens stay")
	}
}

// The provider tells us that sessions ended there: all of one user's, or one.
func TestBackchannelLogout(t *testing.T) {
	var ended []string
	w := newWorld(t, func(c *rp.Config) {
		yes := true
		c.ServiceContext.Metadata.BackchannelLogoutURI = app + "/backchannel"
		c.ServiceContext.Metadata.BackchannelLogoutSessionRequired = &yes
		c.Ended = func(_ context.Context, logins []string) { ended = append(ended, logins...) }
	})
	b, other := w.browser(), w.browser()
	b.login()
	other.login()
	l := w.sessionOf(b)
	b.bring(sameOrigin(t, app+"/logout"))
	b.login()
	// The user logs out at the provider in this browser.
	p := b.visit("https://op.example/end_session")
	if r := b.next(p.url, &http.Response{}, strings.ReplaceAll(p.body, `id="logout"`, ""), ""); r != nil {
		b.logoutForm(t, p)
	}
	w.op.Wait()
	if p := b.visit(app + "/"); p.body != "home of nobody" {
		t.Errorf("%s\n%s\n%s", p.body, w.log, p.trail)
	}
	if len(ended) == 0 || ended[len(ended)-1] == l.ID {
		t.Errorf("ended %v", ended)
	}
	if p := other.visit(app + "/"); p.body != "home of diana at https://op.example" {
		t.Errorf("the session of the other browser: %s", p.body)
	}
}

// TestLogoutOnBothChannels: where the provider uses both, the frame comes to a session that is
// over. It is refused without an alarm.
func TestLogoutOnBothChannels(t *testing.T) {
	var ended int
	w := newWorld(t, func(c *rp.Config) {
		yes := true
		m := &c.ServiceContext.Metadata
		m.BackchannelLogoutURI, m.BackchannelLogoutSessionRequired = app+"/backchannel", &yes
		m.FrontchannelLogoutURI, m.FrontchannelLogoutSessionRequired = app+"/frontchannel", &yes
		c.Ended = func(_ context.Context, logins []string) { ended += len(logins) }
	})
	b := w.browser()
	b.login()
	p := b.logoutForm(t, b.visit("https://op.example/end_session"))
	w.op.Wait()
	frame := html.UnescapeString(between(p.body, `<iframe src="`, `"`))
	if !strings.HasPrefix(frame, app+"/frontchannel?") {
		t.Fatalf("the provider's page has no frame of ours: %s", p.body)
	}
	b.visit(frame)
	if ended != 1 {
		t.Errorf("%d logins ended, want 1", ended)
	}
	if log := w.log.String(); strings.Contains(log, "level=WARN") || !strings.Contains(log, string(message.RuleFrontchannelMatch)) {
		t.Errorf("the log raises an alarm, or says nothing: %s", log)
	}
	// Another issuer in the name of a session is worth one.
	b.visit(app + "/frontchannel?iss=https://evil.example&sid=x")
	if log := w.log.String(); !strings.Contains(log, "level=WARN") {
		t.Errorf("the log raises no alarm: %s", log)
	}
}

// logoutForm confirms the logout on the provider's page.
func (b *browser) logoutForm(t *testing.T, p *page) *page {
	t.Helper()
	form := formPattern.FindStringSubmatch(p.body)
	values := url.Values{"action": {"allow"}}
	for _, field := range inputPattern.FindAllStringSubmatch(p.body, -1) {
		values.Add(field[1], field[2])
	}
	return b.bring(postForm(t, resolve(p.url, form[1]), values))
}

func TestBackchannelLogoutRefuses(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login()
	l := w.sessionOf(b)
	key := newKey(t, "RS256", "sig")
	client := w.party.ServiceContext("https://op.example").Snapshot().ClientID()
	forged := signLogout(t, key, map[string]any{
		"iss": "https://op.example", "aud": client, "sub": l.Subject, "iat": w.clock().Unix(), "exp": w.clock().Add(time.Minute).Unix(), "jti": "j1",
		"events": map[string]any{message.BackchannelLogoutEvent: map[string]any{}},
	})
	idToken := forgedIDToken(t, w, b)
	for name, r := range map[string]*http.Request{
		"a GET":              going(mustParse(t, app+"/backchannel?logout_token=x")),
		"nothing":            postForm(t, app+"/backchannel", nil),
		"no JWT":             postForm(t, app+"/backchannel", url.Values{"logout_token": {"x"}}),
		"two tokens":         postForm(t, app+"/backchannel", url.Values{"logout_token": {forged, forged}}),
		"another's key":      postForm(t, app+"/backchannel", url.Values{"logout_token": {forged}}),
		"a JSON body":        withHeader(postForm(t, app+"/backchannel", url.Values{"logout_token": {forged}}), "Content-Type", "application/json"),
		"an ID Token":        postForm(t, app+"/backchannel", url.Values{"logout_token": {idToken}}),
		"too much":           postForm(t, app+"/backchannel", url.Values{"logout_token": {strings.Repeat("x", 70<<10)}}),
		"without signature":  postForm(t, app+"/backchannel", url.Values{"logout_token": {"eyJhbGciOiJub25lIn0.e30."}}),
		"an encrypted token": postForm(t, app+"/backchannel", url.Values{"logout_token": {"a.b.c.d.e"}}),
	} {
		p := b.bring(r)
		if p.status != http.StatusBadRequest || p.header.Get("Cache-Control") != "no-store" || !strings.Contains(p.body, `"error":"invalid_request"`) {
			t.Errorf("%s: %d %v %s", name, p.status, p.header, p.body)
		}
	}
	if p := b.visit(app + "/"); p.body != "home of diana at https://op.example" {
		t.Errorf("it ended the session: %s", p.body)
	}
	// A forged key identifier makes the party ask for keys once a minute at most.
	if n := w.net.count("/jwks"); n > 2 {
		t.Errorf("%d requests for keys", n)
	}
}

func TestFrontchannelLogout(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login()
	l := w.sessionOf(b)
	sid := l.IDToken.SessionID
	if sid == "" {
		t.Fatal("the ID Token has no sid")
	}
	stranger := w.browser()
	for name, query := range map[string]url.Values{
		"another session": {"iss": {"https://op.example"}, "sid": {"x"}}, "another issuer": {"iss": {"https://evil.example"}, "sid": {sid}},
		"half": {"sid": {sid}}, "the other half": {"iss": {"https://op.example"}}, "twice": {"iss": {"https://op.example", "https://op.example"}, "sid": {sid}},
	} {
		p := stranger.visit(app + "/frontchannel?" + query.Encode())
		if p.status != http.StatusBadRequest || p.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", name, p.status, p.header)
		}
		if p := b.visit(app + "/"); p.body != "home of diana at https://op.example" {
			t.Fatalf("%s ended the session", name)
		}
	}
	if p := stranger.visit(app + "/frontchannel"); p.status != http.StatusOK {
		t.Errorf("nobody's session: %d", p.status)
	}
	// The provider's frame, in a browser that keeps our cookies to itself.
	p := stranger.visit(app + "/frontchannel?" + url.Values{"iss": {"https://op.example"}, "sid": {sid}}.Encode())
	if p.status != http.StatusOK || !strings.Contains(p.header.Get("Content-Security-Policy"), "frame-ancestors https://op.example") || p.header.Get("X-Frame-Options") != "" {
		t.Errorf("%d %v", p.status, p.header)
	}
	if p := b.visit(app + "/"); p.body != "home of nobody" {
		t.Errorf("%s", p.body)
	}
	// Without parameters the browser's own session is meant.
	b.login()
	if p := b.visit(app + "/frontchannel"); p.status != http.StatusOK {
		t.Errorf("%d", p.status)
	}
	if p := b.visit(app + "/"); p.body != "home of nobody" {
		t.Errorf("%s", p.body)
	}
}
