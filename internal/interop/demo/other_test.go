package demo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/oidcservice/oidc/internal/interop/browser"
)

// other starts npm's oidc-provider, and the demonstration with it, over plain http.
func other(t *testing.T) *site {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			browser.Missing(t, "%s is not installed", tool)
		}
	}
	if _, err := os.Stat(filepath.Join("..", "node_modules", "oidc-provider", "package.json")); err != nil {
		browser.Missing(t, "oidc-provider is not installed: npm --prefix internal/interop ci --ignore-scripts")
	}
	p := start(t, "..", "node", "provider.mjs")
	issuer, _ := p.ready["ready"].(string)
	s := run(t, "--issuer", issuer, "--insecure-allow-http")
	s.foreign = true
	return s
}

// otherSignIn fills in the pages of oidc-provider, which takes every user. The second login
// finds the user there.
func (b *tab) otherSignIn(t *testing.T, button, then string) {
	t.Helper()
	b.Press(t, button, "[name=login]")
	b.Do(t, chromedp.SendKeys(chromedp.CSS("[name=login]"), "diana"), chromedp.SendKeys(chromedp.CSS("[name=password]"), "anything"))
	b.Press(t, "[type=submit]", "[name=prompt][value=consent]")
	b.Press(t, "[type=submit]", then)
}

// TestOtherProvider: nothing in the demonstration needs the provider inside it.
func TestOtherProvider(t *testing.T) {
	s := other(t)
	b := startBrowser(t, s)
	b.Visit(t, s.url, "#login")
	b.otherSignIn(t, "#login", "#user")
	b.wantUser(t, s, "diana")
	b.contains(t, "#email", "diana@example.org")
	b.photograph(t, "other-provider")

	b.Press(t, "#refresh", "#outcome")
	b.contains(t, "#outcome", "The tokens were renewed")
	b.Press(t, "#userinfo", "#outcome")
	b.contains(t, "#outcome", "UserInfo answered", "diana@example.org")
	b.Press(t, "#call-api", "#outcome")
	b.contains(t, "#outcome", "status 200", `"subject": "diana"`)
	b.Press(t, "#revoke-refresh", "#outcome")
	b.Press(t, "#refresh", "#problem")
	b.contains(t, "#problem-code", "invalid_grant")
	b.Press(t, "#login", "[name=prompt][value=consent]")
	b.Press(t, "[type=submit]", "#user")

	b.Press(t, "#logout", "[name=logout]")
	b.Press(t, "[name=logout]", "#messages .success")
	b.contains(t, "#messages", "You are signed out")
	if got := b.steps(t); !strings.HasSuffix(got, "end_session") {
		t.Errorf("the conversation ends with %q", got)
	}

	// Two tabs at once, as with the provider inside.
	second := b.another(t)
	second.Visit(t, s.url, "#login")
	b.Press(t, "#login", "[name=login]")
	second.otherSignIn(t, "#login", "#user")
	b.Do(t, chromedp.SendKeys(chromedp.CSS("[name=login]"), "diana"), chromedp.SendKeys(chromedp.CSS("[name=password]"), "anything"))
	b.Press(t, "[type=submit]", "[name=prompt][value=consent]")
	b.Press(t, "[type=submit]", "#user")
	b.wantUser(t, s, "diana")

	for name, mode := range map[string]string{"fragment": "fragment", "form_post": "form_post"} {
		t.Run(name, func(t *testing.T) {
			b.Do(t, chromedp.Click(chromedp.CSS("#settings > summary")))
			b.set(t, "#response_mode", mode)
			b.Press(t, "#login", "[name=prompt][value=consent]")
			b.Press(t, "[type=submit]", "#user")
			b.wantUser(t, s, "diana")
		})
	}
}

// TestBreakOther: the same rules catch the same faults with another provider.
func TestBreakOther(t *testing.T) {
	s := other(t)
	b := startBrowser(t, s)
	b.Visit(t, s.url, "#login")
	b.everyFault(t, func(b *tab, id string) {
		if id == "state" {
			b.otherSignIn(t, "#break-"+id, "#problem")
			return
		}
		b.Press(t, "#break-"+id, ":is(#problem, [type=submit])")
		if b.Read(t, chromedp.Evaluate[string](`String(document.querySelectorAll("#problem").length)`)) == "0" {
			b.Press(t, "[type=submit]", "#problem") // it wants the consent confirmed
		}
	})
}
