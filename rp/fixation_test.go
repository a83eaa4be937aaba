package rp_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oidcservice/oidc/message"
)

func TestReplayedCallback(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	r := b.callback(app + "/login")
	kept := b.cookies("__Host-oidc-login-")
	b.bring(r)
	session := b.cookies("__Host-oidc-session")[0].Value
	u, _ := url.Parse(app + "/")
	for name, cookies := range map[string][]*http.Cookie{"as the browser is now": nil, "with the cookie of the login": kept} {
		b.jar.SetCookies(u, cookies)
		p := b.bring(r)
		if p.status != http.StatusBadRequest || !strings.Contains(p.body, "This sign-in is over") || !strings.Contains(p.body, string(message.RuleAuthzResponseState)) {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	if b.cookies("__Host-oidc-session")[0].Value != session {
		t.Error("the replay changed the session")
	}
	if p := b.visit(app + "/"); p.body != "home of diana at https://op.example" {
		t.Errorf("the replay ended the session: %s", p.body)
	}
}

func TestReplayedCallbackAtTheSameTime(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	r := b.callback(app + "/login")
	cookies := b.cookies("__Host-oidc-login-")
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			in := httptest.NewRequest(http.MethodGet, r.URL.String(), nil)
			for _, c := range cookies {
				in.AddCookie(c)
			}
			rec := httptest.NewRecorder()
			w.mux.ServeHTTP(rec, in)
			if rec.Code == http.StatusSeeOther {
				won.Add(1)
			}
		}()
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 50 won", won.Load())
	}
	if n := w.net.count("POST https://op.example/token"); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

func TestSessionFixation(t *testing.T) {
	w := newWorld(t)
	u, _ := url.Parse(app + "/")
	plant := func(b *browser, value string) {
		b.jar.SetCookies(u, []*http.Cookie{{Name: "__Host-oidc-session", Value: value, Path: "/", Secure: true}})
	}
	attacker := w.browser()
	attacker.login()
	own := attacker.cookies("__Host-oidc-session")[0].Value
	id := own[:strings.LastIndexByte(own, '.')]
	for name, value := range map[string]string{
		"invented": strings.Repeat("a", 43) + "." + strings.Repeat("b", 43), "the attacker's": own, "the attacker's login without its secret": id + ".",
		"no dot": "abc", "dots": "...", "long": strings.Repeat("a.", 2000),
	} {
		victim := w.browser()
		plant(victim, value)
		if name != "the attacker's" {
			if p := victim.visit(app + "/"); p.body != "home of nobody" {
				t.Errorf("%s: %s", name, p.body)
			}
		}
		victim.login()
		now := victim.cookies("__Host-oidc-session")[0].Value
		if now == value {
			t.Errorf("%s: the planted session became the victim's", name)
		}
		thief := w.browser()
		plant(thief, value)
		if p := thief.visit(app + "/"); p.body != "home of nobody" {
			t.Errorf("%s: the planted session shows %s", name, p.body)
		}
		// The victim's login and the attacker's secret, and the other way round.
		secret := value[strings.LastIndexByte(value, '.')+1:]
		for _, mixed := range []string{now[:strings.LastIndexByte(now, '.')+1] + secret, now[:len(now)-1], now + "x"} {
			plant(thief, mixed)
			if p := thief.visit(app + "/"); p.body != "home of nobody" {
				t.Errorf("%s: %q shows %s", name, mixed, p.body)
			}
		}
	}
	// Two cookies of one name: one of them was set by somebody else.
	b := w.browser()
	b.login()
	r := httptest.NewRequest(http.MethodGet, app+"/", nil)
	r.AddCookie(b.cookies("__Host-oidc-session")[0])
	r.AddCookie(&http.Cookie{Name: "__Host-oidc-session", Value: own})
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	if rec.Body.String() != "home of nobody" {
		t.Errorf("two session cookies: %s", rec.Body)
	}
}

// A login that is not complete is no session, whatever its cookie would be.
func TestPendingLoginIsNoSession(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	state := b.callback(app + "/login").URL.Query().Get("state")
	u, _ := url.Parse(app + "/")
	for _, secret := range []string{"", "x", strings.Repeat("a", 43)} {
		b.jar.SetCookies(u, []*http.Cookie{{Name: "__Host-oidc-session", Value: state + "." + secret, Path: "/", Secure: true}})
		if p := b.visit(app + "/"); p.body != "home of nobody" {
			t.Errorf("%q: %s", secret, p.body)
		}
	}
}

func TestLogoutOfAnotherSite(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login()
	for name, r := range map[string]*http.Request{
		"an image":  withHeader(going(mustParse(t, app+"/logout")), "Sec-Fetch-Site", "cross-site"),
		"a link":    going(mustParse(t, app+"/logout")),
		"a form":    withHeader(postForm(t, app+"/logout", nil), "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"),
		"an origin": withHeader(postForm(t, app+"/logout", nil), "Origin", "https://evil.example"),
	} {
		p := b.bring(r)
		if home := b.visit(app + "/"); home.body != "home of diana at https://op.example" {
			t.Fatalf("%s ended the session: %d %s", name, p.status, p.body)
		}
	}
}
