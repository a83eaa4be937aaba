// Package sitetest is what each recipe must pass: a login with every check on. It speaks
// to a site as a browser does, in the same process.
package sitetest

import (
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
)

const app = "https://app.example"

// Handler tests a site that is an http.Handler.
func Handler(t *testing.T, newSite func(rp.Options) (http.Handler, error)) {
	t.Helper()
	provider := Provider(t)
	site, err := newSite(Options(provider))
	if err != nil {
		t.Fatal(err)
	}
	Check(t, provider, &optest.Transport{Host: "app.example", Handler: site})
}

// Provider is the provider at which users log in.
func Provider(t *testing.T) *optest.Provider {
	t.Helper()
	provider, err := optest.New()
	if err != nil {
		t.Fatal(err)
	}
	return provider
}

// Options reach the provider without a network.
func Options(provider *optest.Provider) rp.Options {
	return rp.Options{HTTP: rp.ClientOptions{Transport: provider.Transport()}}
}

// Check logs in at a site, whose requests go to transport, and tries what must fail.
func Check(t *testing.T, provider *optest.Provider, transport http.RoundTripper) {
	t.Helper()
	w := &world{t: t, hosts: map[string]http.RoundTripper{"app.example": transport, "op.example": provider.Transport()}}
	const account = app + "/account?page=2"

	user := w.browser()
	own := user.callback(account)
	if at, body := w.browser().visit(own); strings.Contains(body, "diana") || !strings.HasPrefix(at, app+"/callback") {
		t.Errorf("the callback in another browser ends at %s: %s", at, body)
	}
	for name, forged := range map[string]string{
		"another state": strings.Replace(own, "state=", "state=x", 1), "another issuer": strings.Replace(own, "op.example", "evil.example", 1),
		"no state": strings.Replace(own, "state=", "other=", 1), "two codes": own + "&code=x", "another code": strings.Replace(own, "code=", "code=x&old=", 1) + "&state=x",
	} {
		if forged == own {
			t.Fatal(name, own)
		}
		if _, body := user.visit(forged); strings.Contains(body, "diana") {
			t.Errorf("%s: %s", name, body)
		}
	}
	// None of that has ended the login itself.
	if at, body := user.visit(own); at != account || body != "You are diana diana@op.example\n" {
		t.Fatalf("the login ends at %s: %s", at, body)
	}
	if _, body := user.visit(account); body != "You are diana diana@op.example\n" {
		t.Errorf("the session: %s", body)
	}
	if at, body := user.visit(own); strings.Contains(body, "You are") {
		t.Errorf("the callback once more ends at %s: %s", at, body)
	}
	if at := user.begins(app + "/login?return_to=" + url.QueryEscape(account)); at != "op.example" && at != "" {
		t.Errorf("a login leads to %s", at)
	}
	for _, target := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "/%2f/evil.example", "javascript:alert(1)"} {
		if at, body := user.visit(app + "/login?return_to=" + url.QueryEscape(target)); !strings.HasPrefix(at, app+"/login") {
			t.Errorf("%q: a browser is sent to %s: %s", target, at, body)
		}
	}
	two := w.browser()
	first, second := two.callback(account), two.callback(app+"/account?tab=2")
	for _, tab := range []string{second, first} {
		if _, body := two.visit(tab); body != "You are diana diana@op.example\n" {
			t.Errorf("two tabs at once: %s", body)
		}
	}
	w.logout(user)
}

// logout must need a request of the site's own pages, and end the session.
func (w *world) logout(user *browser) {
	w.t.Helper()
	for _, from := range []string{"cross-site", "same-origin"} {
		r, err := http.NewRequest(http.MethodPost, app+"/logout", nil)
		if err != nil {
			w.t.Fatal(err)
		}
		r.Header.Set("Sec-Fetch-Site", from)
		resp, err := user.Transport.RoundTrip(withCookies(user, r))
		if err != nil {
			w.t.Fatal(err)
		}
		_ = resp.Body.Close()
		user.Jar.SetCookies(r.URL, resp.Cookies())
		in := user.begins(app+"/account") == ""
		if in != (from == "cross-site") {
			w.t.Errorf("after a logout that is %s (%d) the user is logged in: %t", from, resp.StatusCode, in)
		}
	}
}

func withCookies(b *browser, r *http.Request) *http.Request {
	for _, c := range b.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	return r
}

// A world is a few hosts.
type world struct {
	t     *testing.T
	hosts map[string]http.RoundTripper
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	if host, ok := w.hosts[r.URL.Host]; ok {
		return host.RoundTrip(r)
	}
	return nil, optest.ErrHost
}

// A browser is the user's, who knows the password.
type browser struct {
	http.Client
	t *testing.T
}

var errHeld = errors.New("held back")

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{http.Client{Jar: jar, Transport: w}, w.t}
}

var (
	form  = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	input = regexp.MustCompile(`<input type="(?:hidden|checkbox)"[^>]* name="([^"]*)" value="([^"]*)"`)
)

// visit goes to an address and on, and returns where that ends.
func (b *browser) visit(address string) (at, body string) {
	b.t.Helper()
	resp, err := b.Get(address)
	for range 5 {
		var held *url.Error
		if errors.As(err, &held) && errors.Is(err, errHeld) {
			return held.URL, ""
		}
		if err != nil {
			b.t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			b.t.Fatal(err)
		}
		_ = resp.Body.Close()
		found := form.FindSubmatch(page)
		if found == nil || resp.Request.URL.Host != "op.example" {
			return resp.Request.URL.String(), string(page)
		}
		values := url.Values{"username": {optest.Username}, "password": {optest.Password}, "action": {"login"}}
		if strings.Contains(string(page), `value="allow"`) {
			values.Set("action", "allow")
		}
		for _, field := range input.FindAllSubmatch(page, -1) {
			values.Add(string(field[1]), html.UnescapeString(string(field[2])))
		}
		resp, err = b.PostForm(optest.Issuer+string(found[1]), values)
		if errors.Is(err, errHeld) {
			errors.As(err, &held)
			return held.URL, ""
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Fatal("the pages do not end")
	return "", ""
}

// callback goes as far as the callback, and returns its address instead of going there.
func (b *browser) callback(address string) string {
	b.t.Helper()
	back := ""
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host == "app.example" && r.URL.Path == "/callback" {
			back = r.URL.String()
			return errHeld
		}
		return nil
	}
	b.visit(address)
	b.CheckRedirect = nil
	if back == "" {
		b.t.Fatal("no callback")
	}
	return back
}

// begins returns the host to which an address leads at once, "" if it shows a page.
func (b *browser) begins(address string) string {
	b.t.Helper()
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := b.Get(address)
	b.CheckRedirect = nil
	if err != nil {
		b.t.Fatal(err)
	}
	_ = resp.Body.Close()
	there, err := resp.Location()
	if err != nil {
		return ""
	}
	return there.Host
}

// Down is a network on which nobody answers.
var Down http.RoundTripper = &world{}
