package rp_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
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

var (
	formPattern   = regexp.MustCompile(`<form[^>]*?action="([^"]*)"`)
	methodPattern = regexp.MustCompile(`<form[^>]*?method="([^"]*)"`)
	inputPattern  = regexp.MustCompile(`<input type="(?:hidden|checkbox)"[^>]*? name="([^"]*)" value="([^"]*)"`)
)

// answer is an HTTP answer for network.breaks.
func answer(status int, contentType, body string) *http.Response {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.WriteString(body)
	return w.Result()
}
