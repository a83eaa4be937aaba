package demo

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/oidcservice/oidc/internal/interop/browser"
)

// TestWays: each way in which the request travels, and each way in which the answer does.
func TestWays(t *testing.T) {
	s := runSecure(t)
	b := startBrowser(t, s)
	b.Visit(t, s.url, "#login")
	b.signIn(t, "#user") // the provider remembers the user from here on
	for _, way := range []struct {
		name  string
		set   map[string]string
		steps string // what the conversation must end with
		shows string // of the step of the callback or the request
	}{
		{"request object", map[string]string{"#send": "request"}, "authorization accesstoken userinfo", "request=***"},
		{"request_uri", map[string]string{"#send": "request_uri"}, "authorization request_object accesstoken userinfo", "request_uri=" + s.url + "/request-object#"},
		{"PAR", map[string]string{"#send": "par"}, "pushed_authorization authorization accesstoken userinfo", "request_uri=urn:ietf:params:oauth:request_uri:"},
		{"fragment", map[string]string{"#response_mode": "fragment"}, "authorization accesstoken userinfo", "/callback#"},
		{"form_post", map[string]string{"#response_mode": "form_post"}, "authorization accesstoken userinfo", "code=***"},
		{"code id_token", map[string]string{"#response_type": "code id_token"}, "authorization accesstoken userinfo", "/callback#"},
		{"id_token, form_post", map[string]string{"#response_type": "id_token", "#response_mode": "form_post"}, "authorization", "id_token=***"},
	} {
		t.Run(way.name, func(t *testing.T) {
			b.Press(t, "#clear", "#login")
			b.Do(t, chromedp.Click(chromedp.CSS("#settings > summary")))
			for field, value := range map[string]string{"#send": "query", "#response_type": "code", "#response_mode": ""} {
				if given, ok := way.set[field]; ok {
					value = given
				}
				b.set(t, field, value)
			}
			b.Press(t, "#login", "#consent") // which the scope offline_access needs
			b.Press(t, "#consent #submit", "#user")
			b.wantUser(t, s, "diana")
			if got := b.steps(t); got != way.steps {
				t.Errorf("the conversation is %q, want %q", got, way.steps)
			}
			shown := b.Read(t, chromedp.Evaluate[string](`document.querySelector("#conversation").textContent`))
			if !strings.Contains(shown, way.shows) {
				t.Errorf("the conversation does not show %q", way.shows)
			}
		})
	}
}

// TestSettings: what the form asks for reaches the provider, and its refusal the page.
func TestSettings(t *testing.T) {
	s := runSecure(t)
	b := startBrowser(t, s)
	b.Visit(t, s.url, "#login")
	b.Do(t, chromedp.Click(chromedp.CSS("#settings > summary")))
	b.photograph(t, "settings")
	b.set(t, "#prompt", "none")
	b.Do(t, chromedp.Click(chromedp.CSS("#force_consent")))
	b.set(t, "#scope", "openid")
	b.Press(t, "#login", "#problem")
	b.contains(t, "#problem-code", "login_required")
	b.contains(t, "#problem-rule", "authz_response_error")
	b.contains(t, "#problem-spec", "RFC 6749")

	b.Do(t, chromedp.Click(chromedp.CSS("#settings > summary")))
	b.set(t, "#prompt", "")
	b.set(t, "#acr", "urn:demo:password")
	b.set(t, "#max_age", "60")
	b.set(t, "#ui_locales", "de")
	b.set(t, "#login_hint", "diana")
	b.set(t, "#claims", `{"id_token": {"email": null, "auth_time": {"essential": true}}}`)
	b.Press(t, "#login", "#username")
	if got := b.Read(t, chromedp.Evaluate[string]("document.documentElement.lang")); got != "de" {
		t.Errorf("the provider's page is in %q, want de", got)
	}
	if got := b.Read(t, chromedp.Value(chromedp.CSS("#username"))); got != "diana" {
		t.Errorf("the user name is %q, want the hint", got)
	}
	b.Do(t, chromedp.SendKeys(chromedp.CSS("#password"), password))
	b.Press(t, "#login #submit", "#consent")
	b.Press(t, "#consent #submit", "#user")
	b.contains(t, "#id-token", "diana@op.example", "urn:demo:password", "auth_time")
	for field, want := range map[string]string{"#max_age": "60", "#acr": "urn:demo:password", "#ui_locales": "de"} {
		if got := b.Read(t, chromedp.Value(chromedp.CSS(field))); got != want {
			t.Errorf("%s has forgotten its value: %q, want %q", field, got, want)
		}
	}

	// Forced authentication asks a user whom the provider knows.
	b.Do(t, chromedp.Click(chromedp.CSS("#settings > summary")), chromedp.Click(chromedp.CSS("#force_authn")))
	b.Press(t, "#login", "#password")
}

// TestTabs: two tabs log in at once, and neither gets in the other's way.
func TestTabs(t *testing.T) {
	s := runSecure(t)
	first := startBrowser(t, s)
	first.Visit(t, s.url, "#login")
	second := first.another(t)
	second.Visit(t, s.url, "#login")
	first.Press(t, "#login", "#username")
	second.Press(t, "#login", "#username")
	first.authenticate(t, "#user")
	first.wantUser(t, s, "diana")
	second.authenticate(t, "#user")
	second.wantUser(t, s, "diana")
	first.Visit(t, s.url, "#user")
	first.wantUser(t, s, "diana")

	// Signed out in one tab is signed out in both, and both can log in again at once.
	first.Press(t, "#logout", "#messages .success")
	second.Do(t, chromedp.WaitReady(chromedp.CSS("#account[data-user='']")))
	first.Press(t, "#login", "#username")
	second.Press(t, "#login", "#username")
	second.authenticate(t, "#user")
	first.authenticate(t, "#user")
	first.wantUser(t, s, "diana")
}

// TestLogoutElsewhere: the session at the provider ends in another tab, and the page of the
// application notices by itself, in each way in which it can.
func TestLogoutElsewhere(t *testing.T) {
	for _, way := range []struct {
		name     string
		args     []string
		says     string
		steps    string // what the conversation ends with
		pictures string
	}{
		{"back channel", []string{"--provider-listen", "localhost:0"}, "It sent a logout token", "backchannel_logout", "backchannel-logout"},
		{"front channel", []string{"--provider-listen", "localhost:0", "--logout-by", "frontchannel"}, "Its page loaded a frame", "frontchannel_logout", "frontchannel-logout"},
		// On one site: browsers keep the cookies of another one from its frame.
		{"session management", []string{"--provider-listen", "127.0.0.1:0", "--logout-by", "session"}, "The provider's frame said so", "check_session authorization", "session-management"},
		{"plain http", []string{"--provider-listen", "127.0.0.1:0", "--insecure-allow-http"}, "The provider's frame said so", "check_session authorization", ""},
	} {
		t.Run(way.name, func(t *testing.T) {
			s := run(t, way.args...)
			b := startBrowser(t, s)
			b.Visit(t, s.url, "#login")
			b.signIn(t, "#user")
			other := b.another(t)
			other.Visit(t, b.Read(t, chromedp.Evaluate[string](`document.getElementById("end-session").href`)), "#logout #submit")
			other.Press(t, "#logout #submit", "body")
			b.Do(t, chromedp.WaitReady(chromedp.CSS("#messages .warning")), chromedp.WaitReady(chromedp.CSS("#account[data-user='']")))
			b.contains(t, "#messages", way.says)
			b.Do(t, chromedp.WaitReady(chromedp.CSS(".steps li:last-child .chip:is(.good, .bad)")))
			if got := b.steps(t); !strings.HasSuffix(got, "userinfo "+way.steps) {
				t.Errorf("the conversation ends with %q, want %q", got, way.steps)
			}
			if way.pictures != "" {
				b.photograph(t, way.pictures)
			}
		})
	}
}

// TestCurl: a command of the page, pasted, does what the application did. With the secrets
// masked the provider knows nobody.
func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		browser.Missing(t, "curl is not installed")
	}
	s := runSecure(t)
	b := startBrowser(t, s)
	b.Visit(t, s.url, "#login")
	b.signIn(t, "#user")
	b.Press(t, "#call-api", "#outcome")
	said := func(step string) string {
		command := b.Read(t, chromedp.Evaluate[string](`Array.from(document.querySelectorAll(".step")).filter(function (e) { return e.querySelector(".what code").textContent === "`+step+`"; })[0].querySelector("pre[id^=curl-]").textContent`))
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		if err != nil {
			t.Errorf("%s\nfails: %v\n%s", command, err, out)
		}
		return string(out)
	}
	if got := said("provider_info"); !strings.Contains(got, `"issuer":"`+s.issuer+`"`) {
		t.Errorf("the provider says %q", got)
	}
	if got := said("userinfo"); !strings.Contains(got, `"error"`) {
		t.Errorf("a masked token is answered with %q", got)
	}
	b.Press(t, "#secrets", "#user")
	if got := said("userinfo"); !strings.Contains(got, `"sub":"diana"`) {
		t.Errorf("UserInfo says %q", got)
	}
	b.Read(t, chromedp.Evaluate[string](`document.querySelector("#step-1 > summary").focus(); ""`))
	if got := said("resource"); !strings.Contains(got, `"operation":"greeting"`) {
		t.Errorf("the API says %q", got)
	}
	b.Do(t, chromedp.WaitReady(chromedp.CSS("#step-10"))) // the page notices by itself
	b.contains(t, "#conversation", "You, with curl")
	if got := b.Read(t, chromedp.Evaluate[string](`(document.activeElement.closest("[id]") || {id: "nothing"}).id`)); got != "step-1" {
		t.Errorf("when the page was brought up to date the focus went to %s", got)
	}
}

// TestWithoutScripts: the flow, the tokens and the conversation need no script.
func TestWithoutScripts(t *testing.T) {
	s := runSecure(t)
	b := startBrowser(t, s)
	b.WithoutScripts(t)
	b.Visit(t, s.url, "#login")
	b.signIn(t, "#user")
	b.wantUser(t, s, "diana")
	for _, button := range []string{"#call-contact", "#userinfo", "#refresh"} {
		b.Press(t, button, "#outcome.success")
	}
	b.Press(t, "#secrets", "#secrets[aria-pressed=true]")
	b.Do(t, chromedp.Click(chromedp.CSS("#step-4 > summary")), chromedp.WaitReady(chromedp.CSS("#step-4[open] #curl-4")))
	if got := b.Read(t, chromedp.Evaluate[string](`String(document.querySelector("[data-copy]").hidden)`)); got != "true" {
		t.Error("the page offers to copy, which needs a script")
	}
	b.Press(t, "#break-nonce", "#problem")
	b.contains(t, "#problem-rule", "idtoken_nonce")
	b.Press(t, "#logout", "#messages .success")
	b.contains(t, "#messages", "You are signed out")
}

// TestKeyboard: the page can be used without a mouse: the first stop leads past everything
// else, and the button is pressed with a key.
func TestKeyboard(t *testing.T) {
	s := runSecure(t)
	b := startBrowser(t, s)
	b.Visit(t, s.url, "#login")
	focused := `document.activeElement.className + "#" + document.activeElement.id`
	b.Do(t, chromedp.KeyEvent("\t"))
	if got := b.Read(t, chromedp.Evaluate[string](focused)); got != "skip#" {
		t.Errorf("the first stop is %q, want the link past the application", got)
	}
	for range 10 {
		if b.Read(t, chromedp.Evaluate[string](focused)) == "primary#login" {
			break
		}
		b.Do(t, chromedp.KeyEvent("\t"))
	}
	if outline := b.Read(t, chromedp.Evaluate[string](`getComputedStyle(document.activeElement).outlineStyle`)); outline != "solid" {
		t.Errorf("what has the focus cannot be seen: its outline is %q", outline)
	}
	b.Do(t, chromedp.KeyEvent("\r"), chromedp.WaitReady(chromedp.CSS("#username")))
}
