package browser_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/internal/interop/browser"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
)

// The application's host, and two that the provider may have: of the same site, and of
// another, from whose frames browsers keep its cookies.
const (
	appHost      = "rp.example.com"
	sameSite     = "op.example.com"
	crossSite    = "127.0.0.1"
	clientID     = "application"
	clientSecret = "a-secret-of-32-characters-or-more"
)

// A site is a provider, an application that is its relying party, and a browser.
type site struct {
	provider *optest.Provider
	issuer   string
	app      string
	party    *rp.Party
	browser  *browser.Browser
	asked    atomic.Int32 // authorization requests that the provider got
}

// newSite starts everything, with the provider at a host. change is applied to the client's
// metadata.
func newSite(t *testing.T, host string, change func(s *site, m *message.ClientMetadata)) *site {
	t.Helper()
	there, here := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	for _, server := range []*httptest.Server{there, here} {
		server.StartTLS()
		t.Cleanup(server.Close)
	}
	s := &site{issuer: address(there, host), app: address(here, appHost)}
	var err error
	s.provider, err = optest.New(func(c *op.Config) {
		c.Issuer = s.issuer
		c.Policy.SessionManagement = true
	})
	if err != nil {
		t.Fatal(err)
	}
	metadata := message.ClientMetadata{
		RedirectURIs: []string{s.app + "/callback"}, ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code"},
		TokenEndpointAuthMethod: message.AuthMethodClientSecretBasic,
	}
	if change != nil {
		change(s, &metadata)
	}
	err = s.provider.AddClient(t.Context(), &endpoint.Client{ID: clientID, Secret: clientSecret, Trusted: true, Metadata: metadata})
	if err != nil {
		t.Fatal(err)
	}
	there.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/authorize" {
			s.asked.Add(1)
		}
		s.provider.ServeHTTP(w, r)
	})
	s.party, err = rp.New(rp.Config{
		Issuer: s.issuer, ClientID: clientID, ClientSecret: clientSecret, RedirectURI: s.app + "/callback",
		Options: rp.Options{HTTP: rp.ClientOptions{Transport: transport(there)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	here.Config.Handler = s.application()
	s.browser = browser.Start(t, browser.Config{
		Trust: []*x509.Certificate{there.Certificate()}, Hosts: []string{appHost, sameSite},
		// Where it is not the rule yet that frames of other sites get no cookies.
		Flags: map[string]any{"test-third-party-cookie-phaseout": true},
		// The page of a silent login that failed has the status of a failure.
		Ours: func(address string) bool { return !strings.Contains(address, "error=login_required") },
	})
	return s
}

// address is that of a server under another name.
func address(server *httptest.Server, host string) string {
	return "https://" + net.JoinHostPort(host, strconv.Itoa(server.Listener.Addr().(*net.TCPAddr).Port))
}

// transport reaches a server whatever its name is.
func transport(server *httptest.Server) http.RoundTripper {
	to := server.Client().Transport.(*http.Transport).Clone()
	to.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	return to
}

// logIn logs the user in at the application.
func (s *site) logIn(t *testing.T) {
	t.Helper()
	s.browser.Visit(t, s.app+"/login", "#username")
	s.browser.Type(t, "#username", optest.Username)
	s.browser.Type(t, "#password", optest.Password)
	s.browser.Press(t, "#login #submit", "#user")
	s.wantUser(t, optest.Username)
}

// logOutThere logs the user out at the provider, in another tab.
func (s *site) logOutThere(t *testing.T) {
	t.Helper()
	tab := s.browser.Tab(t)
	tab.Visit(t, s.issuer+"/end_session", "#logout")
	tab.Press(t, "#logout #submit", "#logged_out")
	tab.Loaded(t)
}

func (s *site) wantUser(t *testing.T, want string) {
	t.Helper()
	if got := s.browser.Text(t, "#user"); got != want {
		t.Errorf("the user is %q, want %q", got, want)
	}
}

// application tells who is logged in.
func (s *site) application() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/login", s.party.Login())
	mux.Handle("/callback", s.party.Callback(nil))
	mux.Handle("/session", s.party.CheckSession())
	mux.Handle("/frontchannel", s.party.FrontchannelLogout())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		user := "nobody"
		if login, err := s.party.Session(r); err == nil {
			user = login.Subject
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><title>Application</title><link rel="icon" href="data:,">
<p id="user">%s</p><iframe src="/session" hidden></iframe>`, user)
	})
	return mux
}
