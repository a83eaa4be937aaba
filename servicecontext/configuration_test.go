package servicecontext_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// seed is the configuration of the model conversation, in the original's names.
const seed = `{
  "client_preferences": {
    "application_type": "web",
    "application_name": "rphandler",
    "contacts": ["ops@example.org"],
    "response_types": ["code"],
    "scope": ["openid", "profile", "email", "address", "phone"],
    "token_endpoint_auth_method": ["client_secret_basic", "client_secret_post"]
  },
  "redirect_uris": ["https://example.org/rp/authz_cb"],
  "jwks_uri": "https://example.org/rp/static/jwks.json"
}`

func TestParseConfig(t *testing.T) {
	c, err := servicecontext.ParseConfig([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	want := servicecontext.Config{
		Metadata: message.ClientMetadata{
			ApplicationType: "web", Contacts: []string{"ops@example.org"}, ResponseTypes: []string{"code"},
			RedirectURIs: []string{"https://example.org/rp/authz_cb"}, JWKSURI: "https://example.org/rp/static/jwks.json",
		},
		Preferences: servicecontext.Preferences{TokenEndpointAuthMethods: []string{"client_secret_basic", "client_secret_post"}},
		Scope:       []string{"openid", "profile", "email", "address", "phone"},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
	if _, err := servicecontext.New(c); err != nil {
		t.Error(err)
	}
}

func TestParseConfigWhole(t *testing.T) {
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "ours"})
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.PrivateJWK()
	if err != nil {
		t.Fatal(err)
	}
	set := func(jwk []byte) json.RawMessage {
		return json.RawMessage(`{"keys":[` + string(jwk) + `]}`)
	}
	doc, err := json.Marshal(map[string]any{
		"issuer": issuer, "client_id": "id", "client_secret": "secret", "initial_access_token": "iat",
		"callback":                  map[string]string{"code": "https://rp.example/code", "implicit": "https://rp.example/implicit", "form_post": "https://rp.example/post"},
		"post_logout_redirect_uris": []string{"https://rp.example/bye"},
		"behaviour":                 map[string]any{"token_endpoint_auth_method": "client_secret_post", "id_token_signed_response_alg": "ES256"},
		"registration_response":     map[string]any{"id_token_signed_response_alg": "PS256"},
		"provider_info":             map[string]any{"issuer": issuer, "token_endpoint": issuer + "/token"},
		"keys":                      set(private), "provider_keys": set(key.PublicJWK()),
		"scope": []string{"openid"}, "clock_skew": 15, "profile": "oauth2.1", "trusted_audiences": []string{"api"},
		"allow": map[string]any{"send_state_to_token_endpoint": true, "cognito_booleans": true}, "insecure_allow_http": true,
		"client_preferences": map[string]any{"id_token_signed_response_alg": "RS256", "scope": "openid", "client_name#sv": "Exempel"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := servicecontext.ParseConfig(doc)
	if err != nil {
		t.Fatal(err)
	}
	sn := mustNew(t, c).Snapshot()
	for what, ok := range map[string]bool{
		"issuer":           sn.Issuer == issuer,
		"client":           sn.ClientID() == "id" && sn.ClientSecret() == "secret",
		"initial token":    sn.InitialAccessToken == "iat",
		"redirect_uris":    len(sn.RedirectURIs()) == 3,
		"post logout":      len(sn.Metadata.PostLogoutRedirectURIs) == 1,
		"behaviour":        sn.Behaviour.TokenEndpointAuthMethod == "client_secret_post",
		"response":         sn.Behaviour.IDTokenSignedResponseAlg == "PS256",
		"provider":         sn.Endpoint("accesstoken") == issuer+"/token",
		"keys":             len(sn.Keys.Keys()) == 1 && sn.Jar.Set("") == sn.Keys,
		"provider keys":    len(sn.ProviderKeys().Keys()) == 1,
		"clock skew":       sn.Leeway == 15*time.Second,
		"profile":          sn.Profile == servicecontext.ProfileOAuth21,
		"audiences":        len(sn.TrustedAudiences) == 1,
		"compat":           sn.Compat.SendStateToTokenEndpoint && sn.Compat.CognitoBooleans,
		"http":             sn.InsecureAllowHTTP,
		"another language": sn.Metadata.Extra.Tagged("client_name", "sv") == "Exempel",
		"a single string":  len(sn.Scope) == 1 && sn.Scope[0] == "openid",
	} {
		if !ok {
			t.Errorf("%s was not taken over: %+v", what, c)
		}
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for name, doc := range map[string]string{
		"unknown member":      `{"redirect_uri": ["https://rp.example/cb"]}`,
		"another case":        `{"Redirect_URIs": ["https://rp.example/cb"]}`,
		"twice":               `{"issuer": "https://a.example", "issuer": "https://b.example"}`,
		"unknown tagged":      `{"client_preferences": {"klient_name#sv": "x"}}`,
		"unknown preference":  `{"client_preferences": {"responce_types": ["code"]}}`,
		"preference type":     `{"client_preferences": {"response_types": "code"}}`,
		"preference list":     `{"client_preferences": {"token_endpoint_auth_method": [1]}}`,
		"scope type":          `{"client_preferences": {"scope": 1}}`,
		"preferences no JSON": `{"client_preferences": []}`,
		"unknown allowance":   `{"allow": {"everything": true}}`,
		"nameless allowance":  `{"allow": {"": {"cognito_booleans": true}}}`,
		"allowance type":      `{"allow": {"insecure_skip_pkce": "yes"}}`,
		"allow no object":     `{"allow": [true]}`,
		"redirect type":       `{"redirect_uris": "https://rp.example/cb"}`,
		"bad keys":            `{"keys": {"keys": [{"kty": "EC"}]}}`,
		"no key set":          `{"keys": []}`,
		"no provider keys":    `{"provider_keys": {}}`,
		"bad provider":        `{"provider_info": {"issuer": 1}}`,
		"bad registration":    `{"registration_response": {"client_id": 1}}`,
		"bad behaviour":       `{"behaviour": []}`,
		"trailing":            `{} {}`,
		"no object":           `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := servicecontext.ParseConfig([]byte(doc)); !errors.Is(err, servicecontext.ErrConfig) {
				t.Fatalf("got %v, want ErrConfig", err)
			}
		})
	}
}

func TestProfiles(t *testing.T) {
	for _, p := range servicecontext.Profiles() {
		got, err := servicecontext.ParseProfile(string(p))
		if err != nil || got != p {
			t.Errorf("%s: %v %v", p, got, err)
		}
		if p.FAPI() && !p.OpenID() {
			t.Errorf("%s: FAPI is a profile of OpenID Connect", p)
		}
	}
	if servicecontext.ProfileOAuth.OpenID() || !servicecontext.ProfileOAuth21.PKCERequired() || servicecontext.ProfileOpenID.PKCERequired() {
		t.Error("profiles are mixed up")
	}
	if p, err := servicecontext.ParseProfile(""); err != nil || p != servicecontext.ProfileOpenID {
		t.Errorf("the default is %q, %v", p, err)
	}
}
