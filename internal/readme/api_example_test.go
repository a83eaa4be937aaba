package readme

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/resource"
	"github.com/oidcservice/oidc/rp"
)

// newAPI makes an API that takes the JWT access tokens of one provider.
func newAPI(options rp.ClientOptions) (http.Handler, error) {
	api, err := rp.NewAPI(rp.APIConfig{
		Config: resource.Config{
			Resource: "https://api.example/v1",
			Issuers:  []resource.Issuer{{Issuer: "https://op.example"}},
		},
		HTTP: options,
	})
	if err != nil {
		return nil, err
	}
	read := resource.Demand{Scope: message.List{"read"}}
	pay := resource.Demand{Scope: message.List{"pay"}, ACRValues: []string{"gold"}, MaxAge: 5 * time.Minute}

	mux := http.NewServeMux()
	mux.Handle(api.Resource().MetadataPath(), api.Metadata())
	mux.Handle("GET /v1/things", api.ProtectWith(read, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := rp.AccessTokenOf(r.Context())
		fmt.Fprintln(w, "things of", token.Subject, "for", token.ClientID)
	})))
	mux.Handle("POST /v1/payments", api.ProtectWith(pay, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
	})))
	return mux, nil
}

// judge verifies a request without net/http: fetch brings the keys of an issuer, ask what it
// tells about a token.
func judge(ctx context.Context, api *resource.API, req *resource.Request, demand resource.Demand,
	fetch func(context.Context, *resource.NeedError) error,
	ask func(context.Context, *resource.NeedError) (*message.IntrospectionResponse, error),
) (*resource.Token, error) {
	token, err := api.Verify(ctx, req, demand)
	var need *resource.NeedError
	if !errors.As(err, &need) {
		return token, err // a *resource.Refusal says what to answer
	}
	if need.Introspect != "" {
		req.Introspection, err = ask(ctx, need)
	} else {
		err = fetch(ctx, need)
	}
	if err != nil {
		return nil, errors.Join(need.Err, err) // the verdict with what is known
	}
	return api.Verify(ctx, req, demand)
}

// machineToken is an access token of a machine for the API.
func machineToken(t *testing.T, provider *optest.Provider) string {
	t.Helper()
	const secret = "a secret that is long enough for a machine"
	err := provider.AddClient(t.Context(), &endpoint.Client{
		ID: "machine", Secret: secret, Resources: []string{"https://api.example/v1"},
		Metadata: message.ClientMetadata{
			GrantTypes: []string{message.GrantTypeClientCredentials}, TokenEndpointAuthMethod: message.AuthMethodClientSecretPost,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := provider.Client().PostForm(provider.Issuer+"/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"machine"}, "client_secret": {secret},
		"scope": {"read"}, "resource": {"https://api.example/v1"},
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

// The API of docs/resource.md works.
func TestAPI(t *testing.T) {
	provider, err := optest.New(func(c *op.Config) { c.Policy.JWTAccessTokens, c.Policy.Scopes = true, []string{"read", "pay"} })
	if err != nil {
		t.Fatal(err)
	}
	api, err := newAPI(rp.ClientOptions{Transport: provider.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	call := func(method, path, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "https://api.example"+path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, r)
		return rec
	}
	token := machineToken(t, provider)
	if rec := call("GET", "/v1/things", token); rec.Code != 200 || !strings.Contains(rec.Body.String(), "for machine") {
		t.Errorf("things: %d %s", rec.Code, rec.Body)
	}
	if rec := call("POST", "/v1/payments", token); rec.Code != 403 {
		t.Errorf("payments: %d %s", rec.Code, rec.Body)
	}

	core, err := resource.New(resource.Config{Resource: "https://api.example/v1", Issuers: []resource.Issuer{{Issuer: provider.Issuer}}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	unavailable := errors.New("nobody is there")
	_, err = judge(t.Context(), core, &resource.Request{Method: "GET", URL: "https://api.example/v1/things", Header: map[string][]string{"Authorization": {"Bearer " + token}}}, resource.Demand{},
		func(context.Context, *resource.NeedError) error { return unavailable }, nil)
	if !errors.Is(err, unavailable) || !errors.Is(err, resource.ErrUnverified) {
		t.Errorf("without keys: %v", err)
	}
}
