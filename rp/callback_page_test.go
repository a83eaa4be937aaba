package rp_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/rp"
)

// elsewhere is what makes a browser load something.
var elsewhere = regexp.MustCompile(`(?i)<(img|iframe|link|object|embed|base)\b|\bsrc\s*=|@import|url\(|https?://`)

// Every page that answers at the redirect URI loads nothing from anybody, tells no
// referrer, and moves a fragment out of the address before it is posted.
func TestCallbackPage(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) {
		c.ServiceContext.Metadata.ResponseTypes, c.ServiceContext.Metadata.GrantTypes = []string{"id_token"}, nil
		c.Scope = []string{"email"}
	})
	b := w.browser()
	login := b.callback(app + "/login")
	for name, r := range map[string]*http.Request{
		"the fragment's page": httptest.NewRequest(http.MethodGet, callbackURI, nil),
		"a code of nobody":    httptest.NewRequest(http.MethodGet, callbackURI+"?state=x&code=y", nil),
		"a declared error":    going(swap(nil, "error", "access_denied", "error_description", "https://evil.example/x.png", "state", login.URL.Query().Get("state"))),
	} {
		resp, err := b.do(r.Clone(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		body := readAll(t, resp)
		// What the provider said, and its name, are text and not addresses that are asked.
		told := strings.NewReplacer("https://evil.example/x.png", "", "<code>https://op.example</code>", "").Replace(body)
		if found := elsewhere.FindString(told); found != "" {
			t.Errorf("%s: %q in %s", name, found, body)
		}
		h := resp.Header
		if h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", name, h)
		}
	}
	script := between(b.visit(callbackURI).body, "<script>", "</script>")
	cleared, posted := strings.Index(script, "history.replaceState("), strings.Index(script, ".submit()")
	if cleared < 0 || posted < cleared {
		t.Errorf("the history is not cleared before the fragment is posted: %s", script)
	}
	// It arrives as a POST, and gives a session that nobody had before.
	before := b.cookies("__Host-oidc-session")
	if p := b.bring(login); p.body != "home of diana at https://op.example" {
		t.Fatalf("%d %s\n%s", p.status, p.body, w.log)
	}
	if after := b.cookies("__Host-oidc-session"); len(before) != 0 || len(after) != 1 {
		t.Errorf("sessions %v, then %v", before, after)
	}
}
