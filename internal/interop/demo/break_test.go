package demo

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// caught are the entries of "break it" and the rules of which one must catch each.
var caught = map[string]string{
	"state":        "authz_response_state",
	"nonce":        "idtoken_nonce",
	"issuer":       "authz_response_iss",
	"alg-none":     "idtoken_alg_none",
	"signature":    "idtoken_signature",
	"expired-code": "token_response_error",
	"replay":       "authz_response_state", // there is no such state any more
	"stranger":     "authz_response_browser_binding",
	"userinfo":     "userinfo_sub",
}

// TestBreakIt: every entry of the menu is caught by its rule, which the page names with its
// section, and nobody is logged in by it.
func TestBreakIt(t *testing.T) {
	s := runSecure(t)
	b := startBrowser(t, s)
	b.Visit(t, s.url, "#login")
	b.everyFault(t, func(b *tab, id string) {
		if id == "state" {
			b.Press(t, "#break-"+id, "#username")
			b.authenticate(t, "#problem")
			return
		}
		b.Press(t, "#break-"+id, "#problem") // the provider knows the user, and what was agreed to
	})
}

// everyFault goes through the menu as the page has it.
func (b *tab) everyFault(t *testing.T, press func(b *tab, id string)) {
	t.Helper()
	menu := b.Read(t, chromedp.Evaluate[string](`Array.from(document.querySelectorAll("#break button"), function (e) { return e.value; }).join(" ")`))
	ids, picture := strings.Fields(menu), "break-"
	if b.site.foreign {
		picture = "other-break-"
	}
	if len(ids) != len(caught) {
		t.Errorf("the menu has %v, the test knows %d entries", ids, len(caught))
	}
	for _, id := range ids {
		t.Run(id, func(t *testing.T) {
			if b.Read(t, chromedp.Evaluate[string](`String(document.getElementById("clear").disabled)`)) == "false" {
				b.Press(t, "#clear", "#login") // each stands for itself
			}
			press(b, id)
			if got := b.Text(t, "#problem-rule"); got != caught[id] {
				t.Errorf("it was caught by %q, want %q; the page says:\n%s", got, caught[id], b.Text(t, "#problem"))
			}
			if b.Text(t, "#problem-spec") == "" || b.Text(t, "#problem-advice") == "" {
				t.Error("the page names no section, or no advice")
			}
			if got := b.Read(t, chromedp.Evaluate[string](`String(document.querySelectorAll("#user").length)`)); got != "0" {
				t.Error("somebody is logged in")
			}
			b.contains(t, "#problem", "You broke it")
			if id == "expired-code" {
				b.contains(t, "#conversation", "Somebody else", "invalid_grant")
			}
			if got := b.Read(t, chromedp.Evaluate[string](`String(document.querySelectorAll(".step.broken").length)`)); got == "0" {
				t.Error("the conversation does not say which message was changed")
			}
			b.photograph(t, picture+id)
		})
	}
}
