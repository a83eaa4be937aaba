package coreos

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/internal/visitor"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

const (
	clientID = "rp"
	secret   = "a secret with characters that Basic has to encode: %+&"
	callback = "https://rp.example/cb"
)

// A party is a client of a provider, and the browser of its user.
type party struct {
	context.Context
	server   *optest.Provider
	provider *oidc.Provider
	config   oauth2.Config
	browser  visitor.Visitor
}

// newParty makes a provider with one client and discovers it.
func newParty(t *testing.T, method string, change func(*message.ClientMetadata), knobs ...optest.Knob) *party {
	t.Helper()
	p := &party{}
	var err error
	if p.server, err = optest.New(knobs...); err != nil {
		t.Fatal(err)
	}
	metadata := message.ClientMetadata{
		RedirectURIs: []string{callback}, ResponseTypes: []string{"code"}, TokenEndpointAuthMethod: method,
		GrantTypes:               []string{"authorization_code", "refresh_token", message.GrantTypeDeviceCode, "client_credentials"},
		IDTokenSignedResponseAlg: "ES256",
	}
	if change != nil {
		change(&metadata)
	}
	hash := sha256.Sum256([]byte(secret))
	client := &endpoint.Client{ID: clientID, Metadata: metadata, SecretHash: hash[:]}
	p.config = oauth2.Config{ClientID: clientID, ClientSecret: secret, RedirectURL: callback, Scopes: []string{oidc.ScopeOpenID, "email", oidc.ScopeOfflineAccess}}
	if method == message.AuthMethodNone {
		client.SecretHash, p.config.ClientSecret = nil, ""
		client.Metadata.GrantTypes = client.Metadata.GrantTypes[:3]
	}
	if err := p.server.AddClient(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	p.browser = visitor.Visitor{Client: p.server.Client()}
	p.Context = oidc.ClientContext(t.Context(), &http.Client{Transport: p.server.Transport()})
	if p.provider, err = oidc.NewProvider(p, p.server.Issuer); err != nil {
		t.Fatal(err)
	}
	p.config.Endpoint = p.provider.Endpoint()
	return p
}

// login runs the code flow with PKCE and returns the verified ID Token.
func (p *party) login(t *testing.T) (*oauth2.Token, *oidc.IDToken) {
	t.Helper()
	verifier, state, nonce := oauth2.GenerateVerifier(), rand.Text(), rand.Text()
	back := p.browser.Visit(t, p.config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)))
	if back == nil || back.Query().Get("state") != state {
		t.Fatalf("the answer is %v", back)
	}
	token, err := p.config.Exchange(p, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	idToken := p.verify(t, token)
	if idToken.Nonce != nonce {
		t.Errorf("nonce %q, want %q", idToken.Nonce, nonce)
	}
	return token, idToken
}

func (p *party) verify(t *testing.T, token *oauth2.Token) *oidc.IDToken {
	t.Helper()
	raw, _ := token.Extra("id_token").(string)
	idToken, err := p.provider.Verifier(&oidc.Config{ClientID: clientID}).Verify(p, raw)
	if err != nil {
		t.Fatalf("ID Token %q: %v", raw, err)
	}
	if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
		t.Error(err)
	}
	if idToken.Subject != "diana" {
		t.Errorf("subject %q", idToken.Subject)
	}
	return idToken
}

// TestCodeFlow: discovery, code with PKCE, ID Token, UserInfo, and a token source that
// refreshes.
func TestCodeFlow(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		style  oauth2.AuthStyle
		change func(*message.ClientMetadata)
	}{
		"client_secret_basic":       {message.AuthMethodClientSecretBasic, oauth2.AuthStyleInHeader, nil},
		"client_secret_post":        {message.AuthMethodClientSecretPost, oauth2.AuthStyleInParams, nil},
		"client_secret_post, found": {message.AuthMethodClientSecretPost, oauth2.AuthStyleAutoDetect, nil},
		"public":                    {message.AuthMethodNone, oauth2.AuthStyleInParams, nil},
		"RS256":                     {message.AuthMethodClientSecretBasic, oauth2.AuthStyleInHeader, func(m *message.ClientMetadata) { m.IDTokenSignedResponseAlg = "RS256" }},
		"EdDSA":                     {message.AuthMethodClientSecretBasic, oauth2.AuthStyleInHeader, func(m *message.ClientMetadata) { m.IDTokenSignedResponseAlg = "EdDSA" }},
		"signed UserInfo":           {message.AuthMethodClientSecretBasic, oauth2.AuthStyleInHeader, func(m *message.ClientMetadata) { m.UserInfoSignedResponseAlg = "ES256" }},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t, c.method, c.change)
			p.config.Endpoint.AuthStyle = c.style
			token, idToken := p.login(t)
			info, err := p.provider.UserInfo(p, oauth2.StaticTokenSource(token))
			if err != nil {
				t.Fatal(err)
			}
			if info.Subject != idToken.Subject || info.Email != "diana@op.example" || !info.EmailVerified {
				t.Errorf("UserInfo %+v", info)
			}
			expired := *token
			expired.Expiry = time.Unix(1, 0)
			source := p.config.TokenSource(p, &expired)
			fresh, err := source.Token()
			if err != nil {
				t.Fatal(err)
			}
			if fresh.AccessToken == token.AccessToken || !fresh.Valid() {
				t.Errorf("the token was not refreshed")
			}
			p.verify(t, fresh)
			if info, err := p.provider.UserInfo(p, source); err != nil || info.Subject != "diana" {
				t.Errorf("UserInfo with the refreshed token: %v", err)
			}
		})
	}
}

// The relying party finds the keys that the provider changed to.
func TestKeyRotation(t *testing.T) {
	p := newParty(t, message.AuthMethodClientSecretBasic, nil)
	p.login(t)
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	rsa, err := keyjar.Generate("RS256", rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: "RS256"})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.server.Context().SetKeys(keyjar.NewSet(key, rsa), nil, nil); err != nil {
		t.Fatal(err)
	}
	p.login(t)
}

// A public client, because this party sends no secret to the device authorization endpoint.
func TestDevice(t *testing.T) {
	p := newParty(t, message.AuthMethodNone, nil, func(c *op.Config) { c.Lifetimes.Interval = time.Second })
	device, err := p.config.DeviceAuth(p)
	if err != nil {
		t.Fatal(err)
	}
	p.config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	if last := p.browser.Visit(t, device.VerificationURIComplete); last != nil {
		t.Fatalf("the user was sent to %s", last)
	}
	token, err := p.config.DeviceAccessToken(p, device)
	if err != nil {
		t.Fatal(err)
	}
	p.verify(t, token)
}

func TestClientCredentials(t *testing.T) {
	p := newParty(t, message.AuthMethodClientSecretBasic, nil, func(c *op.Config) { c.Policy.Scopes = []string{"api"} })
	config := clientcredentials.Config{ClientID: clientID, ClientSecret: secret, TokenURL: p.config.Endpoint.TokenURL, Scopes: []string{"api"}}
	token, err := config.Token(p)
	if err != nil {
		t.Fatal(err)
	}
	if !token.Valid() || token.RefreshToken != "" || token.Type() != "Bearer" {
		t.Errorf("type %q, refresh token %v", token.Type(), token.RefreshToken != "")
	}
}

// A refusal arrives as what it is (RFC 6749, Section 5.2).
func TestRefusals(t *testing.T) {
	p := newParty(t, message.AuthMethodClientSecretBasic, nil)
	p.config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader // else it tries again in another style
	var refused *oauth2.RetrieveError
	if _, err := p.config.Exchange(p, "no such code"); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" || refused.Response.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown code: %v", err)
	}
	wrong := p.config
	wrong.ClientSecret = "wrong"
	if _, err := wrong.Exchange(p, "no such code"); !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong secret: %v", err)
	}
	if _, err := p.provider.UserInfo(p, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "no such token"})); err == nil {
		t.Error("UserInfo was given to an unknown token")
	}
}

// An inbox keeps the logout token that the provider posts.
type inbox struct{ tokens chan string }

func (i inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	i.tokens <- form.Get("logout_token")
	return httptest.NewRecorder().Result(), nil
}

// Back-Channel Logout 1.0, Section 2.4: the logout token, and what it has in common with
// the ID Token.
func TestLogoutToken(t *testing.T) {
	in := inbox{make(chan string, 1)}
	p := newParty(t, message.AuthMethodClientSecretBasic, func(m *message.ClientMetadata) {
		m.BackchannelLogoutURI = "https://rp.example/logout"
		m.PostLogoutRedirectURIs = []string{"https://rp.example/bye"}
	}, func(c *op.Config) { c.Outbound = in })
	p.config.Scopes = []string{oidc.ScopeOpenID}
	token, idToken := p.login(t)
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := p.provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	back := p.browser.Visit(t, metadata.EndSession+"?"+url.Values{
		"id_token_hint": {raw}, "post_logout_redirect_uri": {"https://rp.example/bye"}, "state": {"left"},
	}.Encode())
	if back == nil || back.String() != "https://rp.example/bye?state=left" {
		t.Errorf("the logout ended at %v", back)
	}
	p.server.Wait()
	logout, err := p.provider.Verifier(&oidc.Config{ClientID: clientID}).VerifyLogout(p, <-in.tokens)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		SessionID string `json:"sid"`
	}
	if err := idToken.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if logout.Subject != "diana" || logout.SessionID == "" || logout.SessionID != claims.SessionID {
		t.Errorf("logout token of %q, session %q, want %q", logout.Subject, logout.SessionID, claims.SessionID)
	}
}
