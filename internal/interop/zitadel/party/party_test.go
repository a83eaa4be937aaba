package party

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/internal/visitor"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

const (
	clientID  = "rp"
	secret    = "a secret with characters that Basic has to encode: %+&"
	callback  = "https://rp.example/cb"
	afterward = "https://rp.example/bye"
)

type tokens = oidc.Tokens[*oidc.IDTokenClaims]

// A party is a client of a provider, and the browser of its user.
type party struct {
	rp.RelyingParty
	*http.Client // reaches the provider
	server       *optest.Provider
	browser      visitor.Visitor
	log          bytes.Buffer // what the provider says
}

// newParty makes a provider with one client and discovers it.
func newParty(t *testing.T, method string, options ...rp.Option) *party {
	t.Helper()
	p := &party{}
	var err error
	if p.server, err = optest.New(func(c *op.Config) {
		c.Policy.Scopes = []string{"api"}
		c.Lifetimes.Interval = time.Second
		c.Logger = slog.New(slog.NewTextHandler(&p.log, nil))
	}); err != nil {
		t.Fatal(err)
	}
	client := &endpoint.Client{ID: clientID, Metadata: message.ClientMetadata{
		RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{afterward},
		ResponseTypes: []string{"code"}, TokenEndpointAuthMethod: method,
		GrantTypes: []string{"authorization_code", "refresh_token", message.GrantTypeDeviceCode},
	}}
	password := ""
	switch method {
	case message.AuthMethodPrivateKeyJWT:
		client.Metadata.JWKS = publicKey(t)
	case message.AuthMethodNone:
	default:
		password = secret
		hash := sha256.Sum256([]byte(secret))
		client.SecretHash = hash[:]
		client.Metadata.GrantTypes = append(client.Metadata.GrantTypes, "client_credentials", message.GrantTypeTokenExchange)
	}
	if err := p.server.AddClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	p.browser = visitor.Visitor{Client: p.server.Client()}
	p.Client = &http.Client{Transport: p.server.Transport()}
	cookies := httphelper.NewCookieHandler(make([]byte, 32), make([]byte, 32))
	p.RelyingParty, err = rp.NewRelyingPartyOIDC(t.Context(), p.server.Issuer, clientID, password, callback,
		[]string{oidc.ScopeOpenID, oidc.ScopeEmail, oidc.ScopeOfflineAccess}, append([]rp.Option{
			rp.WithHTTPClient(p.Client), rp.WithCookieHandler(cookies),
			rp.WithPKCEFromDiscovery(cookies), rp.WithSigningAlgsFromDiscovery(),
		}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	if !p.IsPKCE() {
		t.Error("it found no PKCE in the metadata")
	}
	return p
}

func style(s oauth2.AuthStyle) rp.Option { return rp.WithAuthStyle(s) }

// A site is the relying party's, as its user's browser sees it.
type site struct{ http.CookieJar }

func (s site) get(t *testing.T, handler http.Handler, address string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	r.URL.Scheme, r.URL.Host = "https", "rp.example"
	for _, c := range s.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	s.SetCookies(r.URL, w.Result().Cookies())
	return w.Result()
}

// begin starts a login at the relying party, and goes to where the provider ends it.
func (p *party) begin(t *testing.T) (site, *url.URL) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := site{jar}
	back := p.browser.Visit(t, s.get(t, rp.AuthURLHandler(rand.Text, p), "https://rp.example/login").Header.Get("Location"))
	if back == nil {
		t.Fatal("the login ended on a page")
	}
	return s, back
}

// login runs the code flow with PKCE, by the handlers that a program would use, and reads
// UserInfo.
func (p *party) login(t *testing.T) *tokens {
	t.Helper()
	s, back := p.begin(t)
	var got *tokens
	done := func(_ http.ResponseWriter, _ *http.Request, tokens *tokens, _ string, _ rp.RelyingParty, info *oidc.UserInfo) {
		if info.Subject != "diana" || info.Email != "diana@op.example" || !bool(info.EmailVerified) {
			t.Errorf("UserInfo %+v", info)
		}
		got = tokens
	}
	resp := s.get(t, rp.CodeExchangeHandler(rp.UserinfoCallback(done), p), back.String())
	if got == nil {
		t.Fatalf("status %d: %s", resp.StatusCode, text(t, resp))
	}
	if got.IDTokenClaims.Subject != "diana" || got.RefreshToken == "" {
		t.Errorf("subject %q, a refresh token: %v", got.IDTokenClaims.Subject, got.RefreshToken != "")
	}
	return got
}

func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

var signingKey = func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the source of randomness has no reason to fail
	}
	return key
}()

// publicKey is what the client registers.
func publicKey(t *testing.T) *message.JWKS {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: signingKey.Public(), KeyID: "1", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	set := &message.JWKS{}
	if err := json.Unmarshal(text, set); err != nil {
		t.Fatal(err)
	}
	return set
}

// privateKey is what the client signs with, in PEM.
func privateKey(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(signingKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
