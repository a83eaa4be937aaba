package demo

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The user of the provider inside the demonstration.
const (
	username = "diana"
	password = "krall"
)

// signIn presses the button and fills in the provider's pages.
func (b *tab) signIn(t *testing.T, then string) {
	t.Helper()
	b.Press(t, "#login", "#username")
	b.authenticate(t, then)
}

// authenticate fills in the login page and the consent page.
func (b *tab) authenticate(t *testing.T, then string) {
	t.Helper()
	b.Do(t, chromedp.SendKeys(chromedp.CSS("#username"), username), chromedp.SendKeys(chromedp.CSS("#password"), password))
	b.Press(t, "#login #submit", "#consent")
	b.Press(t, "#consent #submit", then)
}

// wantUser reports another user on the page than the expected one.
func (b *tab) wantUser(t *testing.T, s *site, subject string) {
	t.Helper()
	if got := b.Text(t, "#subject"); got != subject {
		t.Errorf("the subject on the page is %q, want %q", got, subject)
	}
	if at := b.Read(t, chromedp.Location()); at != s.url+"/" {
		t.Errorf("the login ended at %s", at)
	}
}

// contains reports an element whose text lacks words.
func (b *tab) contains(t *testing.T, element string, words ...string) {
	t.Helper()
	text := b.Text(t, element)
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s says %q, which lacks %q", element, text, word)
		}
	}
}

// steps are the services of the conversation on the page, in its order.
func (b *tab) steps(t *testing.T) string {
	t.Helper()
	return b.Read(t, chromedp.Evaluate[string](`Array.from(document.querySelectorAll(".step .what code"), function (e) { return e.textContent; }).join(" ")`))
}

// set gives a field of the settings a value.
func (b *tab) set(t *testing.T, field, value string) {
	t.Helper()
	b.Do(t, chromedp.SetValue(chromedp.CSS(field), value))
}

// TestSession is a whole visit: login, consent, UserInfo, the API, refresh, revocation,
// logout.
func TestSession(t *testing.T) {
	s := runSecure(t)
	b := startBrowser(t, s)
	b.Visit(t, s.url, "#login")
	b.photograph(t, "start")
	b.Press(t, "#login", "#username")
	b.photograph(t, "provider-login")
	b.Do(t, chromedp.SendKeys(chromedp.CSS("#username"), username), chromedp.SendKeys(chromedp.CSS("#password"), password))
	b.Press(t, "#login #submit", "#consent")
	b.photograph(t, "provider-consent")
	b.Press(t, "#consent #submit", "#user")
	b.wantUser(t, s, "diana")
	b.contains(t, "#user", "Diana Krall")
	b.contains(t, "#id-token", "iss", s.issuer, "nonce")
	if got, want := b.steps(t), "provider_info registration authorization accesstoken jwks userinfo"; got != want {
		t.Errorf("the conversation is %q, want %q", got, want)
	}
	b.photograph(t, "signed-in")
	b.Do(t, chromedp.Click(chromedp.CSS("#step-4 > summary")))
	b.contains(t, "#step-4", "grant_type=authorization_code", "code=***", "curl --silent", "idtoken_nonce", "token_response")
	b.photograph(t, "step")
	b.Do(t, chromedp.EmulateViewport(420, 900))
	b.photograph(t, "narrow")
	if got := b.Read(t, chromedp.Evaluate[string](`String(document.documentElement.scrollWidth)`)); got != "420" {
		t.Errorf("the page is %s wide on a telephone of 420", got)
	}
	b.Do(t, chromedp.EmulateViewport(1400, 1000))

	b.Press(t, "#userinfo", "#outcome")
	b.contains(t, "#outcome", "UserInfo answered", "diana@op.example")
	b.Press(t, "#call-api", "#outcome")
	b.contains(t, "#outcome", "status 200", `"subject": "diana"`)
	b.Press(t, "#call-contact", "#outcome")
	b.contains(t, "#outcome", "status 200", "contact")
	b.Press(t, "#refresh", "#outcome")
	b.contains(t, "#outcome", "The tokens were renewed")
	b.Press(t, "#revoke-access", "#outcome")
	b.contains(t, "#outcome", "The access token was revoked")
	// The API refuses the token, so that the application refreshes it and calls again.
	b.Press(t, "#call-api", "#outcome")
	b.contains(t, "#outcome", "status 200")
	if got := b.steps(t); !strings.HasSuffix(got, "revocation resource introspection refresh_token resource introspection") {
		t.Errorf("the conversation ends with %q", got)
	}
	b.photograph(t, "api")
	b.Press(t, "#revoke-refresh", "#outcome")
	b.Press(t, "#refresh", "#problem")
	b.contains(t, "#problem-code", "invalid_grant")
	b.photograph(t, "refused")

	// Without a refresh token that is good the login has ended; the provider remembers the user.
	b.Press(t, "#login", "#consent")
	b.Press(t, "#consent #submit", "#user")
	b.Press(t, "#logout", "#messages .success")
	b.contains(t, "#messages", "You are signed out")
	if got := b.steps(t); !strings.Contains(got, "end_session") {
		t.Errorf("the conversation is %q", got)
	}
	b.photograph(t, "signed-out")
}
