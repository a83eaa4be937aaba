package rp_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
)

// hashSource is how a policy names an inline text.
func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	inner, _, _ := strings.Cut(rest, after)
	return inner
}

// readAll reads a body.
func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// signLogout makes a logout token.
func signLogout(t *testing.T, key *keyjar.Key, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := key.Sign(keyjar.Header{Algorithm: key.Algorithm(), Type: message.LogoutTokenType}, payload, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// forgedIDToken is an ID Token that the provider signed, to be passed off as something
// else.
func forgedIDToken(t *testing.T, w *world, b *browser) string {
	t.Helper()
	var token string
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		if r.URL.Path != "/token" {
			return nil, nil, false
		}
		resp, err := w.net.roundTrip(r)
		if err != nil {
			return nil, err, true
		}
		body := readAll(t, resp)
		token = between(body, `"id_token":"`, `"`)
		return answer(resp.StatusCode, "application/json", body), nil, true
	})
	b.login()
	w.net.breaks(nil)
	return token
}

type factoryConfig = factory.Config

// A client is one that was registered out of band.
type client struct {
	id     string
	secret message.Secret
}

func newClient(t testing.TB, provider *optest.Provider, redirectURIs ...string) client {
	t.Helper()
	return newClientWith(t, provider, "RS256", redirectURIs...)
}

// newClientWith is newClient with the algorithm of its ID Tokens.
func newClientWith(t testing.TB, provider *optest.Provider, alg string, redirectURIs ...string) client {
	t.Helper()
	c := client{id: "static", secret: "a-secret-of-32-bytes-or-more-0123456789"}
	sum := sha256.Sum256([]byte(c.secret.Reveal()))
	err := provider.AddClient(t.Context(), &endpoint.Client{
		ID: c.id, SecretHash: sum[:], Trusted: true,
		Metadata: message.ClientMetadata{
			RedirectURIs: redirectURIs, ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code", "refresh_token"},
			TokenEndpointAuthMethod: message.AuthMethodClientSecretBasic, IDTokenSignedResponseAlg: alg, Scope: message.List{"openid", "email", "offline_access"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func exampleContext() context.Context { return context.Background() }
