package rp_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/op/optest"
)

// A page is what a browser ends up with.
type page struct {
	url    *url.URL
	status int
	header http.Header
	body   string
	trail  []string // the addresses on the way
}

// A browser follows redirects and fills in forms, as a user with the password of diana.
type browser struct {
	w    *world
	jar  http.CookieJar
	deny bool // refuses to consent
	stop func(*http.Request) bool
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &browser{w: w, jar: jar}
}

// errStopped is what do returns for a request that stop wanted.
var errStopped = errors.New("stopped")

func (b *browser) do(r *http.Request) (*http.Response, error) {
	for _, c := range b.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	r.Header.Set("Accept", "text/html,*/*")
	resp, err := b.w.net.roundTrip(r)
	if err == nil {
		b.jar.SetCookies(r.URL, resp.Cookies())
	}
	return resp, err
}

// visit goes to an address and on until a page needs nothing more.
func (b *browser) visit(address string) *page {
	b.w.t.Helper()
	p, err := b.try(address)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return p
}

func (b *browser) try(address string) (*page, error) {
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return b.follow(r)
}

func (b *browser) follow(r *http.Request) (*page, error) {
	p := new(page)
	for range 20 {
		p.trail = append(p.trail, r.URL.String())
		if b.stop != nil && b.stop(r) {
			p.url = r.URL
			return p, errStopped
		}
		fragment := r.URL.EscapedFragment()
		resp, err := b.do(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		p.url, p.status, p.header, p.body = r.URL, resp.StatusCode, resp.Header, string(body)
		next := b.next(r.URL, resp, p.body, fragment)
		if next == nil {
			return p, nil
		}
		r = next
	}
	return nil, fmt.Errorf("the redirects do not end: %s", p.trail)
}

// next returns the request that a page leads to, nil if the user has arrived.
func (b *browser) next(at *url.URL, resp *http.Response, body, fragment string) *http.Request {
	if location := resp.Header.Get("Location"); resp.StatusCode >= 300 && resp.StatusCode < 400 && location != "" {
		r, err := http.NewRequest(http.MethodGet, resolve(at, location), nil)
		if err != nil {
			b.w.t.Fatal(err)
		}
		return r
	}
	form := formPattern.FindStringSubmatch(body)
	if form == nil {
		return nil
	}
	values := url.Values{}
	for _, field := range inputPattern.FindAllStringSubmatch(body, -1) {
		values.Add(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	switch {
	case strings.Contains(body, `id="move"`):
		if fragment == "" {
			return nil
		}
		values = url.Values{"fragment": {fragment}}
	case strings.Contains(body, `id="login"`):
		values.Set("username", optest.Username)
		values.Set("password", optest.Password)
		values.Set("action", "login")
	case strings.Contains(body, `id="consent"`):
		values.Set("action", "allow")
		if b.deny {
			values.Set("action", "deny")
		}
	case strings.Contains(body, `id="logout"`) || strings.Contains(body, `id="choose"`):
		return nil
	case at.Host == "app.example":
		return nil
	}
	if m := methodPattern.FindStringSubmatch(body); m == nil || !strings.EqualFold(m[1], "post") {
		return nil
	}
	return postForm(b.w.t, resolve(at, html.UnescapeString(form[1])), values)
}

func resolve(at *url.URL, ref string) string {
	u, err := at.Parse(ref)
	if err != nil {
		return ref
	}
	return u.String()
}

func postForm(t *testing.T, address string, values url.Values) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// login logs in and arrives at the home page.
func (b *browser) login() *page {
	b.w.t.Helper()
	p := b.visit(app + "/login")
	if p.status != http.StatusOK || !strings.HasPrefix(p.body, "home of diana") {
		b.w.t.Fatalf("status %d at %s: %s\n%s", p.status, p.url, p.body, b.w.log)
	}
	return p
}

// callback goes as far as the callback and returns its request instead of sending it.
func (b *browser) callback(address string) *http.Request {
	b.w.t.Helper()
	var held *http.Request
	b.stop = func(r *http.Request) bool {
		if r.URL.Host == "app.example" && strings.HasPrefix(r.URL.Path, "/callback") {
			held = r
			return true
		}
		return false
	}
	p, err := b.try(address)
	b.stop = nil
	if !errors.Is(err, errStopped) {
		b.w.t.Fatalf("no callback: %v, %v\n%s", err, p, b.w.log)
	}
	return held
}

// bring sends a request that was held back, perhaps in another browser.
func (b *browser) bring(r *http.Request) *page {
	b.w.t.Helper()
	p, err := b.follow(r.Clone(context.Background()))
	if err != nil {
		b.w.t.Fatal(err)
	}
	return p
}

func (b *browser) cookies(prefix string) []*http.Cookie {
	u, _ := url.Parse(app + "/")
	var found []*http.Cookie
	for _, c := range b.jar.Cookies(u) {
		if strings.HasPrefix(c.Name, prefix) {
			found = append(found, c)
		}
	}
	return found
}
