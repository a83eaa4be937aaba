package sitetest

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// API is the API that Token's access tokens are for.
const API = "https://api.example"

// TokenProvider is a provider of JWT access tokens, with the scopes read and write.
func TokenProvider(t *testing.T) *optest.Provider {
	t.Helper()
	provider, err := optest.New(func(c *op.Config) { c.Policy.JWTAccessTokens, c.Policy.Scopes = true, []string{"read", "write"} })
	if err != nil {
		t.Fatal(err)
	}
	err = provider.AddClient(t.Context(), &endpoint.Client{
		ID: "machine", Secret: "a secret that is long enough for a machine", Resources: []string{API, "https://other.example"},
		Metadata: message.ClientMetadata{
			GrantTypes: []string{message.GrantTypeClientCredentials}, TokenEndpointAuthMethod: message.AuthMethodClientSecretPost,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return provider
}

// Token is an access token for an API.
func Token(t *testing.T, provider *optest.Provider, scope, api string) string {
	t.Helper()
	resp, err := provider.Client().PostForm(provider.Issuer+"/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"machine"}, "client_secret": {"a secret that is long enough for a machine"},
		"scope": {scope}, "resource": {api},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var m struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil || m.AccessToken == "" {
		t.Fatal(resp.StatusCode, err)
	}
	return m.AccessToken
}
