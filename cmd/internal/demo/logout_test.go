package demo

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
)

var (
	logoutPattern = regexp.MustCompile(`<form id="logout" method="post" action="([^"]*)"`)
	framePattern  = regexp.MustCompile(`<iframe src="([^"]*)"`)
)

// leaveProvider ends the session at the provider, as in another tab.
func (v *visitor) leaveProvider() answer {
	v.t.Helper()
	page := v.open(v.d.provider.EndSessionEndpoint)
	form := logoutPattern.FindStringSubmatch(page.body)
	if form == nil {
		v.t.Fatalf("the provider does not ask:\n%s", page.body)
	}
	values := url.Values{"action": {"allow"}}
	for _, field := range fieldPattern.FindAllStringSubmatch(page.body, -1) {
		values.Set(field[1], field[2])
	}
	return v.post(v.d.Issuer+form[1], values)
}

// The way of the settings is the one that is registered; without one it is the best.
func TestLogoutWays(t *testing.T) {
	for name, c := range map[string]struct {
		http     bool
		by, want string
	}{
		"the back channel":   {false, "", byBackchannel},
		"a frame":            {false, byFrontchannel, byFrontchannel},
		"session management": {false, bySession, bySession},
		"over plain http":    {true, "", bySession},
		"what cannot be had": {true, byBackchannel, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := started(t, func(config *Config) { config.InsecureAllowHTTP, config.LogoutBy = c.http, c.by })
			if got := d.learnsBy(); got != c.want {
				t.Errorf("it learns by %q, want %q", got, c.want)
			}
			m := d.metadata()
			if (m.BackchannelLogoutURI != "") != (c.want == byBackchannel) || (m.FrontchannelLogoutURI != "") != (c.want == byFrontchannel) {
				t.Errorf("it registers %q and %q", m.BackchannelLogoutURI, m.FrontchannelLogoutURI)
			}
			v := visit(t, d)
			page := v.login()
			if strings.Contains(page.body, `src="/session"`) != (c.want == bySession) {
				t.Error("the page watches the session although another way was taken, or does not")
			}
			if strings.Contains(page.body, `id="elsewhere"`) != (c.want != "") {
				t.Error("the page promises what it does not do, or hides what it does")
			}
		})
	}
	// Browsers keep the cookies of another site from its frame: it is watched on request only.
	yes := true
	foreign := &Demo{provider: &message.ProviderMetadata{CheckSessionIframe: "https://op.example/frame", BackchannelLogoutSupported: &yes}}
	if got := foreign.learnsBy(); got != "" {
		t.Errorf("another provider is asked by %q although nobody wanted it", got)
	}
	foreign.config.LogoutBy = bySession
	if got := foreign.learnsBy(); got != bySession {
		t.Errorf("another provider is asked by %q, want %q", got, bySession)
	}
}

// The provider posts a logout token, and the page says what happened.
func TestBackchannelLogoutIsShown(t *testing.T) {
	v := visit(t, started(t, secured))
	v.login()
	v.leaveProvider()
	page := v.get("/")
	page.wants(t, "The provider ended your session", "It sent a logout token", "backchannel_logout", "logout_token=***", "HTTP 200 OK")
	if strings.Contains(page.body, `id="user"`) {
		t.Error("the user is still signed in")
	}
}

// The provider's page has a frame of the application, which ends the session without a cookie.
func TestFrontchannelLogoutIsShown(t *testing.T) {
	d := started(t, secured, func(c *Config) { c.LogoutBy = byFrontchannel })
	v := visit(t, d)
	v.login()
	frame := framePattern.FindStringSubmatch(v.leaveProvider().body)
	if frame == nil {
		t.Fatal("the provider's page has no frame")
	}
	address := strings.ReplaceAll(frame[1], "&amp;", "&")
	stranger := visit(t, d) // a browser that brings no cookie into a frame
	got := stranger.open(address)
	if got.status != http.StatusOK || !strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors "+d.Issuer) {
		t.Errorf("status %d with the policy %q", got.status, got.header.Get("Content-Security-Policy"))
	}
	if cookies := got.header.Values("Set-Cookie"); cookies != nil {
		t.Errorf("the frame sets %v", cookies)
	}
	page := v.get("/")
	page.wants(t, "The provider ended your session", "Its page loaded a frame", "frontchannel_logout", "HTTP 200 OK")
	if strings.Contains(page.body, `id="user"`) {
		t.Error("the user is still signed in")
	}
	// A session that nobody has ends nothing, and is nobody's conversation.
	if got := stranger.open(d.URL + frontchannelPath + "?iss=" + url.QueryEscape(d.Issuer) + "&sid=invented"); got.status != http.StatusBadRequest {
		t.Errorf("an invented session is answered with status %d", got.status)
	}
	if again := v.get("/"); strings.Contains(again.body, "invented") {
		t.Error("somebody else's message is in the conversation")
	}
}

// When the provider's frame says that the session has changed, the provider is asked without a
// word to the user, and its answer decides.
func TestSessionManagementIsShown(t *testing.T) {
	v := visit(t, started(t))
	v.login("scope", "openid")
	changed := url.Values{"status": {"changed"}, "return_to": {"/"}}
	page := v.post("/session", changed)
	page.wants(t, `id="subject">diana<`, "Your session at the provider has changed", "still signed in there", "check_session", "prompt=none", "id_token_hint=***")

	v.leaveProvider()
	page = v.post("/session", changed)
	page.wants(t, "Your session at the provider has changed", "login_required")
	if strings.Contains(page.body, `id="user"`) || strings.Contains(page.body, `id="problem"`) {
		t.Error("the user is still signed in, or a logout is shown as a fault")
	}
	// Another site says nothing about it.
	v.login("scope", "openid")
	if got := v.post("/session", changed, "Sec-Fetch-Site", "cross-site", "Origin", "https://attacker.example"); strings.Contains(got.body, "Your session at the provider has changed") {
		t.Error("another site ended the session")
	}
	v.get("/").wants(t, `id="subject">diana<`)
}
