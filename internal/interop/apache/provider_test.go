package apache

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/internal/interop/browser"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// The provider is 127.0.0.1, the relying party a name that resolves to it for the browser
// and the provider alone: two sites. One certificate, that of package httptest, names both.
const (
	partyHost    = "rp.example.com"
	clientID     = "apache"
	clientSecret = "a-secret-of-32-characters-or-more"
)

// A site is a provider, a relying party, and a browser that knows where both are.
type site struct {
	provider *optest.Provider
	server   *httptest.Server
	base     string // of the relying party
	port     int    // of the relying party
	browser  *browser.Browser
}

// newSite starts everything. change is applied to the client's metadata and to the
// configuration of the relying party.
func newSite(t *testing.T, change func(s *site, m *message.ClientMetadata, c *httpdConfig)) *site {
	t.Helper()
	s := &site{port: freePort(t)}
	s.base = "https://" + net.JoinHostPort(partyHost, strconv.Itoa(s.port))
	s.server = httptest.NewUnstartedServer(nil)
	s.server.StartTLS()
	t.Cleanup(s.server.Close)

	metadata := message.ClientMetadata{
		RedirectURIs: []string{s.base + "/callback"}, ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code"},
		ClientName:             "The application",
		PostLogoutRedirectURIs: []string{s.base + "/bye"},
	}
	config := httpdConfig{
		Issuer: s.server.URL, Redirect: s.base + "/callback", Base: s.base, ClientID: clientID, ClientSecret: clientSecret,
		Method: message.AuthMethodClientSecretBasic,
		Host:   net.JoinHostPort(partyHost, strconv.Itoa(s.port)), Port: s.port, ResponseType: "code", ResponseMode: "query",
	}
	if change != nil {
		change(s, &metadata, &config)
	}
	metadata.TokenEndpointAuthMethod = config.Method

	var err error
	s.provider, err = optest.New(func(c *op.Config) {
		c.Issuer = s.server.URL
		c.Outbound = s.outbound()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.provider.AddClient(t.Context(), &endpoint.Client{ID: clientID, Secret: clientSecret, Metadata: metadata}); err != nil {
		t.Fatal(err)
	}
	s.server.Config.Handler = s.provider
	s.startHTTPD(t, config)
	s.startBrowser(t)
	return s
}

// outbound reaches the relying party by its name.
func (s *site) outbound() http.RoundTripper {
	roots := x509.NewCertPool()
	roots.AddCert(s.server.Certificate())
	transport := s.server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.RootCAs = roots
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
	}
	return transport
}

// freePort returns a port of loopback that nothing listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
