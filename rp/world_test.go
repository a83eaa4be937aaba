package rp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

const (
	app         = "https://app.example"
	callbackURI = app + "/callback"
	goodbyeURI  = app + "/goodbye"
)

// A network is a set of hosts that are reached in the same process. Whoever is down
// is reached by nobody.
type network struct {
	mu    sync.Mutex
	hosts map[string]http.Handler
	// break answers instead of the host, if it returns true.
	fault func(r *http.Request) (*http.Response, error, bool)
	seen  []string // method and URL without query of every request of the party
}

func (n *network) set(host string, h http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[host] = h
}

// breaks makes requests fail until it is called with nil.
func (n *network) breaks(f func(r *http.Request) (*http.Response, error, bool)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault = f
}

func (n *network) requests() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.seen...)
}

func (n *network) count(part string) int {
	sum := 0
	for _, r := range n.requests() {
		if strings.Contains(r, part) {
			sum++
		}
	}
	return sum
}

func (n *network) roundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	h := n.hosts[r.URL.Host]
	n.mu.Unlock()
	if h == nil {
		return nil, fmt.Errorf("no such host %s", r.URL.Host)
	}
	return (&optest.Transport{Host: r.URL.Host, Handler: h}).RoundTrip(r)
}

// back is the party's own way to the providers.
type back struct{ *network }

func (b back) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.seen = append(b.seen, r.Method+" "+r.URL.Scheme+"://"+r.URL.Host+r.URL.Path)
	fault := b.fault
	b.mu.Unlock()
	if fault != nil {
		if resp, err, broken := fault(r); broken {
			return resp, err
		}
	}
	return b.roundTrip(r)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A world is a party, its application, its providers, and a clock.
type world struct {
	t     *testing.T
	net   *network
	party *rp.Party
	mux   *http.ServeMux
	log   *lockedBuffer
	op    *optest.Provider
	mu    sync.Mutex
	now   time.Time
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// newWorld has one provider at op.example. Settings change the party before it is made.
func newWorld(t *testing.T, knobs ...func(*rp.Config)) *world {
	t.Helper()
	w := &world{t: t, net: &network{hosts: map[string]http.Handler{}}, log: new(lockedBuffer), now: time.Unix(1_700_000_000, 0)}
	w.op = w.provider("op.example")
	c := rp.Config{
		Issuer: optest.Issuer, RedirectURI: callbackURI, PostLogoutRedirectURI: goodbyeURI, Scope: []string{"email", "offline_access"},
		ServiceContext: servicecontext.Config{Metadata: message.ClientMetadata{
			GrantTypes: []string{message.GrantTypeAuthorizationCode, message.GrantTypeRefreshToken},
		}},
		Options: w.options(),
	}
	for _, knob := range knobs {
		knob(&c)
	}
	party, err := rp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w.serve(party)
	return w
}

func (w *world) options() rp.Options {
	return rp.Options{
		HTTP: rp.ClientOptions{Transport: back{w.net}}, Now: w.clock, LoginPath: "/login",
		Logger: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		DB:     &state.DB{Store: &state.Memory{Now: w.clock}},
	}
}

// provider adds a provider.
func (w *world) provider(host string, knobs ...optest.Knob) *optest.Provider {
	w.t.Helper()
	all := append([]optest.Knob{func(c *op.Config) {
		c.Issuer, c.Now = "https://"+host, w.clock
		c.Store = &state.Memory{Now: w.clock}
		// Notifications of the provider go through the same network.
		c.Outbound = roundTripper(w.net.roundTrip)
	}}, knobs...)
	p, err := optest.New(all...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.net.set(host, p)
	return p
}

// serve mounts the application.
func (w *world) serve(party *rp.Party) {
	w.party = party
	w.mux = http.NewServeMux()
	w.mux.Handle("/login", party.Login())
	w.mux.Handle("/callback", party.Callback(nil))
	w.mux.Handle("/callback/", party.Callback(nil))
	w.mux.Handle("/logout", party.Logout())
	w.mux.Handle("/goodbye", party.LoggedOut())
	w.mux.Handle("/backchannel", party.BackchannelLogout())
	w.mux.Handle("/frontchannel", party.FrontchannelLogout())
	w.mux.Handle("/initiate", party.InitiateLogin())
	w.mux.Handle("/request/", party.RequestObjects())
	w.mux.Handle("/account", party.Protect(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		l := rp.LoginOf(r.Context())
		fmt.Fprintf(rw, "account of %s at %s, %s, query %s", l.Subject, l.Issuer, l.UserInfo.Email, r.URL.RawQuery)
	})))
	w.mux.HandleFunc("/{$}", func(rw http.ResponseWriter, r *http.Request) {
		l, err := party.Session(r)
		switch {
		case errors.Is(err, rp.ErrNoLogin):
			fmt.Fprint(rw, "home of nobody")
		case err != nil:
			http.Error(rw, err.Error(), http.StatusInternalServerError)
		default:
			fmt.Fprintf(rw, "home of %s at %s", l.Subject, l.Issuer)
		}
	})
	w.net.set("app.example", w.mux)
}

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

var (
	formPattern   = regexp.MustCompile(`<form[^>]*?action="([^"]*)"`)
	methodPattern = regexp.MustCompile(`<form[^>]*?method="([^"]*)"`)
	inputPattern  = regexp.MustCompile(`<input type="(?:hidden|checkbox)"[^>]*? name="([^"]*)" value="([^"]*)"`)
)

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

// answer is an HTTP answer for network.breaks.
func answer(status int, contentType, body string) *http.Response {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.WriteString(body)
	return w.Result()
}
