package demo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// other starts npm's oidc-provider, and the demonstration with it, over plain http.
func other(t *testing.T) *site {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "%s is not installed", tool)
		}
	}
	if _, err := os.Stat(filepath.Join("..", "node_modules", "oidc-provider", "package.json")); err != nil {
		missing(t, "oidc-provider is not installed: npm --prefix internal/interop ci --ignore-scripts")
	}
	p := start(t, "..", "node", "provider.mjs")
	issuer, _ := p.ready["ready"].(string)
	s := run(t, "--issuer", issuer, "--insecure-allow-http")
	s.foreign = true
	return s
}

// otherSignIn fills in the pages of oidc-provider, which takes every user. The second login
// finds the user there.
func (b *browser) otherSignIn(t *testing.T, button, then string) {
	t.Helper()
	b.press(t, button, "[name=login]")
	b.do(t, chromedp.SendKeys(chromedp.CSS("[name=login]"), "diana"), chromedp.SendKeys(chromedp.CSS("[name=password]"), "anything"))
	b.press(t, "[type=submit]", "[name=prompt][value=consent]")
	b.press(t, "[type=submit]", then)
}

// TestOtherProvider: nothing in the demonstration needs the provider inside it.
func TestOtherProvider(t *testing.T) {
	s := other(t)
	b := startBrowser(t, s)
	b.visit(t, s.url, "#login")
	b.otherSignIn(t, "#login", "#user")
	b.wantUser(t, s, "diana")
	b.contains(t, "#email", "diana@example.org")
	b.photograph(t, "other-provider")

	b.press(t, "#refresh", "#outcome")
	b.contains(t, "#outcome", "The tokens were renewed")
	b.press(t, "#userinfo", "#outcome")
	b.contains(t, "#outcome", "UserInfo answered", "diana@example.org")
	b.press(t, "#call-api", "#outcome")
	b.contains(t, "#outcome", "status 200", `"subject": "diana"`)
	b.press(t, "#revoke-refresh", "#outcome")
	b.press(t, "#refresh", "#problem")
	b.contains(t, "#problem-code", "invalid_grant")
	b.press(t, "#login", "[name=prompt][value=consent]")
	b.press(t, "[type=submit]", "#user")

	b.press(t, "#logout", "[name=logout]")
	b.press(t, "[name=logout]", "#messages .success")
	b.contains(t, "#messages", "You are signed out")
	if got := b.steps(t); !strings.HasSuffix(got, "end_session") {
		t.Errorf("the conversation ends with %q", got)
	}

	// Two tabs at once, as with the provider inside.
	second := b.tab(t)
	second.visit(t, s.url, "#login")
	b.press(t, "#login", "[name=login]")
	second.otherSignIn(t, "#login", "#user")
	b.do(t, chromedp.SendKeys(chromedp.CSS("[name=login]"), "diana"), chromedp.SendKeys(chromedp.CSS("[name=password]"), "anything"))
	b.press(t, "[type=submit]", "[name=prompt][value=consent]")
	b.press(t, "[type=submit]", "#user")
	b.wantUser(t, s, "diana")

	for name, mode := range map[string]string{"fragment": "fragment", "form_post": "form_post"} {
		t.Run(name, func(t *testing.T) {
			b.do(t, chromedp.Click(chromedp.CSS("#settings > summary")))
			b.set(t, "#response_mode", mode)
			b.press(t, "#login", "[name=prompt][value=consent]")
			b.press(t, "[type=submit]", "#user")
			b.wantUser(t, s, "diana")
		})
	}
}

// TestBreakOther: the same rules catch the same faults with another provider.
func TestBreakOther(t *testing.T) {
	s := other(t)
	b := startBrowser(t, s)
	b.visit(t, s.url, "#login")
	b.everyFault(t, func(b *browser, id string) {
		if id == "state" {
			b.otherSignIn(t, "#break-"+id, "#problem")
			return
		}
		b.press(t, "#break-"+id, ":is(#problem, [type=submit])")
		if b.read(t, chromedp.Evaluate[string](`String(document.querySelectorAll("#problem").length)`)) == "0" {
			b.press(t, "[type=submit]", "#problem") // it wants the consent confirmed
		}
	})
}
