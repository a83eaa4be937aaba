package service_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// seedConfig is the configuration of the model conversation.
func seedConfig(t *testing.T, base string) servicecontext.Config {
	t.Helper()
	c, err := servicecontext.ParseConfig([]byte(strings.ReplaceAll(`{
		"issuer": "https://example.com",
		"client_preferences": {
			"application_type": "web", "application_name": "rphandler", "contacts": ["ops@example.org"], "response_types": ["code"],
			"scope": ["openid", "profile", "email", "address", "phone"], "token_endpoint_auth_method": ["client_secret_basic"]
		},
		"redirect_uris": ["BASE/authz_cb"], "jwks_uri": "BASE/static/jwks.json"
	}`, "BASE", base)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func registering(t *testing.T, c servicecontext.Config) *kit {
	t.Helper()
	if c.Issuer == "" {
		c.Issuer = testIssuer
	}
	k := newKit(t, c)
	k.learn(func(sn *servicecontext.Snapshot) {
		sn.Provider = &message.ProviderMetadata{Issuer: c.Issuer, RegistrationEndpoint: c.Issuer + "/registration",
			TokenEndpointAuthMethodsSupported: []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}}
	})
	return k
}

func simple() servicecontext.Config {
	return servicecontext.Config{Metadata: message.ClientMetadata{RedirectURIs: []string{testCallback}}}
}

func sameJSON(t *testing.T, got []byte, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestRegistrationOfTheSeed is the third exchange of the model conversation.
func TestRegistrationOfTheSeed(t *testing.T) {
	for _, base := range []string{"https://example.org", "https://example.org/rp"} {
		k := registering(t, seedConfig(t, base))
		svc := service.NewRegistration(k.env())
		req := k.request(svc, service.Args{})
		if req.Method != "POST" || req.URL != "https://example.com/registration" || req.Header["Content-Type"][0] != "application/json" || req.Header["Authorization"] != nil {
			t.Errorf("got %+v", req)
		}
		sameJSON(t, req.Body, strings.ReplaceAll(`{"application_type": "web", "response_types": ["code"], "contacts": ["ops@example.org"],
			"token_endpoint_auth_method": "client_secret_basic", "redirect_uris": ["BASE/authz_cb"], "jwks_uri": "BASE/static/jwks.json",
			"grant_types": ["authorization_code"]}`, "BASE", base))
		res := k.commit(svc, service.Args{}, 201, `{
			"client_id": "zls2qhN1jO6A", "client_secret": "c8434f28cf9375d9a7f3b50dcfdf6a20d6e702e310066874f794817f",
			"registration_access_token": "NdGrGR7LCuzNtixvBFnDphGXv7wRcONn",
			"registration_client_uri": "https://localhost:8080/oicrp/registration?client_id=zls2qhN1jO6A",
			"client_secret_expires_at": 1517823388, "client_id_issued_at": 1517736988, "application_type": "web",
			"response_types": ["code"], "contacts": ["ops@example.com"], "token_endpoint_auth_method": "client_secret_basic",
			"redirect_uris": ["https://example.com/authz_cb"]}`)
		// The provider answers with redirect URIs of another host: ours are kept, and
		// it is reported.
		sn := k.sc.Snapshot()
		if sn.ClientID() != "zls2qhN1jO6A" || sn.SecretExpiresAt().Unix() != 1517823388 || sn.RedirectURI(message.ResponseModeQuery) != base+"/authz_cb" {
			t.Errorf("got %v, redirect URI %s", sn, sn.RedirectURI(message.ResponseModeQuery))
		}
		var warned []string
		for _, c := range res.Checks {
			if c.Rule == message.RuleRegistrationSubstituted && c.Verdict == service.Warned {
				warned = append(warned, c.Param)
			}
		}
		if slices.Sort(warned); strings.Join(warned, " ") != "contacts redirect_uris" {
			t.Errorf("reported as substituted: %q", warned)
		}
	}
}

// TestRegistrationRequest: redirect URIs by use, keys in four cases, precedence.
func TestRegistrationRequest(t *testing.T) {
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "ours"})
	if err != nil {
		t.Fatal(err)
	}
	keys := keyjar.NewSet(key)
	for name, tc := range map[string]struct {
		change func(*servicecontext.Config)
		args   service.Args
		env    string
		want   string
	}{
		"callbacks": {
			change: func(c *servicecontext.Config) {
				c.Metadata = message.ClientMetadata{PostLogoutRedirectURIs: []string{"https://rp.example/bye"}, RequestURIs: []string{"https://rp.example/r"}}
				c.Callbacks = servicecontext.Callbacks{Code: "https://rp.example/code", Implicit: "https://rp.example/implicit", FormPost: "https://rp.example/code"}
			},
			want: `{"redirect_uris":["https://rp.example/code","https://rp.example/implicit"],"grant_types":["authorization_code"],
				"post_logout_redirect_uris":["https://rp.example/bye"],"request_uris":["https://rp.example/r"]}`,
		},
		"jwks_uri before our keys": {
			change: func(c *servicecontext.Config) { c.Keys, c.Metadata.JWKSURI = keys, "https://rp.example/jwks" },
			want:   `{"redirect_uris":["https://rp.example/cb"],"grant_types":["authorization_code"],"jwks_uri":"https://rp.example/jwks"}`,
		},
		"our keys, public": {
			change: func(c *servicecontext.Config) { c.Keys = keys },
			want:   `{"redirect_uris":["https://rp.example/cb"],"grant_types":["authorization_code"],"jwks":` + string(keys.Public().PublicJWKS()) + `}`,
		},
		"our keys, for assertions": {
			change: func(c *servicecontext.Config) {
				c.Keys, c.Metadata.TokenEndpointAuthMethod = keys, message.AuthMethodPrivateKeyJWT
			},
			want: `{"redirect_uris":["https://rp.example/cb"],"grant_types":["authorization_code"],"token_endpoint_auth_method":"private_key_jwt","jwks":` + string(keys.Public().PublicJWKS()) + `}`,
		},
		"grant types of all response types": {
			change: func(c *servicecontext.Config) {
				c.Metadata.ResponseTypes = []string{"code", "code id_token", "id_token"}
			},
			want: `{"redirect_uris":["https://rp.example/cb"],"response_types":["code","code id_token","id_token"],"grant_types":["authorization_code","implicit"]}`,
		},
		"the call comes first, then the context, then the configuration": {
			change: func(c *servicecontext.Config) { c.Metadata.ClientName = "context" },
			args:   service.Args{Message: message.RegistrationRequest{ClientMetadata: message.ClientMetadata{Contacts: []string{"call"}}}},
			env:    `{"contacts":["configuration"],"client_name":"configuration","software_id":"configuration","x":[1]}`,
			want:   `{"redirect_uris":["https://rp.example/cb"],"grant_types":["authorization_code"],"contacts":["call"],"client_name":"context","software_id":"configuration","x":[1]}`,
		},
		"preferences are stated": {
			change: func(c *servicecontext.Config) {
				c.Preferences = servicecontext.Preferences{IDTokenSigningAlgs: []string{"ES256", "RS256"}, TokenEndpointAuthMethods: []string{"client_secret_post"}, SubjectTypes: []string{"pairwise"}}
			},
			want: `{"redirect_uris":["https://rp.example/cb"],"grant_types":["authorization_code"],"id_token_signed_response_alg":"ES256","subject_type":"pairwise","token_endpoint_auth_method":"client_secret_post"}`,
		},
		"an unknown member of ours": {
			change: func(c *servicecontext.Config) { _ = c.Metadata.Extra.Set("client_name#sv", "Exempel") },
			want:   `{"redirect_uris":["https://rp.example/cb"],"grant_types":["authorization_code"],"client_name#sv":"Exempel"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := simple()
			tc.change(&c)
			k := registering(t, c)
			env := k.env()
			env.Settings.RequestArgs = json.RawMessage(tc.env)
			body := k.request(service.NewRegistration(env), tc.args).Body
			sameJSON(t, body, tc.want)
			if bytes.Contains(body, []byte(`"d"`)) {
				t.Error("a private key left the house")
			}
		})
	}
}

// TestRegistrationStatesWhatTheProviderDecided: a provider that excludes the defaults
// is told what was chosen instead.
func TestRegistrationStatesWhatTheProviderDecided(t *testing.T) {
	k := registering(t, simple())
	k.learn(func(sn *servicecontext.Snapshot) {
		sn.Provider.TokenEndpointAuthMethodsSupported, sn.Provider.IDTokenSigningAlgs = []string{"client_secret_post"}, []string{"ES256"}
	})
	sameJSON(t, k.request(service.NewRegistration(k.env()), service.Args{}).Body,
		`{"redirect_uris":["https://rp.example/cb"],"grant_types":["authorization_code"],"token_endpoint_auth_method":"client_secret_post","id_token_signed_response_alg":"ES256"}`)
}

func TestInitialAccessToken(t *testing.T) {
	c := simple()
	c.InitialAccessToken = "initial"
	k := registering(t, c)
	req := k.request(service.NewRegistration(k.env()), service.Args{})
	if got := req.Header["Authorization"]; len(got) != 1 || got[0] != "Bearer initial" {
		t.Errorf("got %q", got)
	}
}

// TestRegistrationError: a declared error is the provider's word, and the context
// stays as it was.
func TestRegistrationError(t *testing.T) {
	k := registering(t, simple())
	svc := service.NewRegistration(k.env())
	_, err := k.answer(svc, service.Args{}, 400, `{"error":"invalid_redirect_uri","error_description":"no such host"}`)
	var declared *message.Error
	if !errors.As(err, &declared) || !errors.Is(err, message.InvalidRedirectURI) || declared.Status != 400 || declared.Description != "no such host" {
		t.Errorf("got %v", err)
	}
	_, err = k.answer(svc, service.Args{}, 400, `{"message":"no"}`)
	wantRule(t, err, message.RuleRegistrationError)
	if k.sc.Snapshot().Client != nil {
		t.Error("something was registered")
	}
}

func TestRegistrationNeedsAnEndpoint(t *testing.T) {
	k := newKit(t, simple())
	for _, svc := range []service.Service{service.NewRegistration(k.env())} {
		if _, err := svc.GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrNoEndpoint) {
			t.Errorf("%s: %v", svc.Name(), err)
		}
	}
	for _, svc := range []service.Service{service.NewRegistrationRead(k.env()), service.NewRegistrationUpdate(k.env()), service.NewRegistrationDelete(k.env())} {
		if _, err := svc.GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrNotRegistered) {
			t.Errorf("%s: %v", svc.Name(), err)
		}
	}
	k.learn(func(sn *servicecontext.Snapshot) { sn.Client = &message.RegistrationResponse{ClientID: "static"} })
	for _, svc := range []service.Service{service.NewRegistrationRead(k.env()), service.NewRegistrationUpdate(k.env()), service.NewRegistrationDelete(k.env())} {
		if _, err := svc.GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrNoEndpoint) {
			t.Errorf("%s: %v", svc.Name(), err)
		}
	}
}

const managed = `{"client_id":"id","client_secret":"old-secret","client_secret_expires_at":0,"registration_access_token":"old-token",
	"registration_client_uri":"https://op.example/registration?client_id=id","redirect_uris":["https://rp.example/cb"],"software_id":"assigned"}`

func managing(t *testing.T) *kit {
	t.Helper()
	k := registering(t, simple())
	k.commit(service.NewRegistration(k.env()), service.Args{}, 201, managed)
	return k
}

// TestRegistrationRead: our own token as bearer and never Basic; what is new replaces
// the old at once, what is not repeated stays.
func TestRegistrationRead(t *testing.T) {
	k := managing(t)
	svc := service.NewRegistrationRead(k.env())
	req := k.request(svc, service.Args{})
	if req.Method != "GET" || req.URL != "https://op.example/registration?client_id=id" || req.Header["Authorization"][0] != "Bearer old-token" || len(req.Body) != 0 {
		t.Errorf("got %+v", req)
	}
	k.commit(svc, service.Args{}, 200, `{"client_id":"id","registration_access_token":"new-token","registration_client_uri":"https://op.example/other","redirect_uris":["https://rp.example/cb"]}`)
	c := k.sc.Snapshot().Client
	if c.RegistrationAccessToken != "new-token" || c.RegistrationClientURI != "https://op.example/other" || c.ClientSecret != "old-secret" || *c.ClientSecretExpiresAt != 0 {
		t.Errorf("got %v", c)
	}
	if req := k.request(svc, service.Args{}); req.URL != "https://op.example/other" || req.Header["Authorization"][0] != "Bearer new-token" {
		t.Errorf("the next request uses the old ones: %+v", req)
	}
	res := k.commit(svc, service.Args{}, 200, `{"client_id":"id","client_secret":"rotated","client_secret_expires_at":1900000000,"contacts":["x"],"redirect_uris":["https://evil.example/cb"]}`)
	if sn := k.sc.Snapshot(); sn.ClientSecret() != "rotated" || sn.SecretExpiresAt().Unix() != 1900000000 || sn.RedirectURIs()[0] != testCallback {
		t.Errorf("got %v", sn.Client)
	}
	if verdict(res.Checks, message.RuleRegistrationSubstituted) != service.Warned {
		t.Error("substituted redirect URIs are not reported")
	}
	for body, rule := range map[string]message.Rule{
		`{"client_id":"other"}`:                                            message.RuleRegistrationAccessToken,
		`{"client_id":"id","client_secret":"x"}`:                           message.RuleRegistrationSecret,
		`{"client_id":"id","client_secret_expires_at":-1}`:                 message.RuleRegistrationSecret,
		`{"client_id":"id","registration_client_uri":"http://op.example"}`: message.RuleMetadataEndpointURL,
		`{"client_id":"id","token_endpoint_auth_method":"none"}`:           message.RuleRegistrationSubstituted,
		`{"client_id":1}`: message.RuleRegistrationResponse,
	} {
		_, err := k.answer(svc, service.Args{}, 200, body)
		wantRule(t, err, rule)
	}
	_, err := k.parse(svc, k.request(svc, service.Args{}).Answer(401, nil, nil))
	wantRule(t, err, message.RuleRegistrationAccessToken)
	_, err = k.parse(svc, k.request(svc, service.Args{}).Answer(401, map[string][]string{"WWW-Authenticate": {`Bearer error="invalid_token"`}}, nil))
	if !errors.Is(err, message.InvalidToken) {
		t.Errorf("got %v", err)
	}
}

// TestRegistrationUpdate sends the whole metadata with client_id and without what the
// server assigns.
func TestRegistrationUpdate(t *testing.T) {
	k := managing(t)
	svc := service.NewRegistrationUpdate(k.env())
	args := service.Args{Message: message.RegistrationUpdateRequest{ClientMetadata: message.ClientMetadata{ClientName: "New name"}}}
	req := k.request(svc, args)
	if req.Method != "PUT" || req.URL != "https://op.example/registration?client_id=id" || req.Header["Authorization"][0] != "Bearer old-token" {
		t.Errorf("got %+v", req)
	}
	sameJSON(t, req.Body, `{"client_id":"id","client_secret":"old-secret","client_name":"New name","redirect_uris":["https://rp.example/cb"],"grant_types":["authorization_code"],"software_id":"assigned"}`)
	k.commit(svc, args, 200, `{"client_id":"id","client_secret":"new-secret","client_secret_expires_at":0,"client_name":"New name","redirect_uris":["https://rp.example/cb"],"registration_access_token":"t2"}`)
	if c := k.sc.Snapshot().Client; c.ClientSecret != "new-secret" || c.ClientName != "New name" || c.RegistrationAccessToken != "t2" || c.RegistrationClientURI == "" {
		t.Errorf("got %v", c)
	}
	var assigned message.RegistrationUpdateRequest
	if err := assigned.Extra.Set("registration_access_token", "x"); err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]message.RegistrationUpdateRequest{
		"another client":   {ClientID: "other"},
		"another secret":   {ClientSecret: "other"},
		"server's members": assigned,
	} {
		_, err := svc.GetRequestParameters(context.Background(), service.Args{Message: m})
		if err == nil || !errors.Is(err, message.RuleRegistrationUpdate) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := k.answer(svc, service.Args{}, 500, `{}`)
	wantRule(t, err, message.RuleRegistrationUpdate)
	_, err = k.answer(svc, service.Args{}, 401, `{}`)
	wantRule(t, err, message.RuleRegistrationAccessToken)
	_, err = k.answer(svc, service.Args{}, 400, `{"error":"invalid_client_metadata"}`)
	if !errors.Is(err, message.InvalidClientMetadata) {
		t.Errorf("got %v", err)
	}
	_, err = k.answer(svc, service.Args{}, 200, `{"client_id":"other"}`)
	wantRule(t, err, message.RuleRegistrationAccessToken)
}

// TestRegistrationDelete is done on 204, and then forgets the credentials.
func TestRegistrationDelete(t *testing.T) {
	k := managing(t)
	svc := service.NewRegistrationDelete(k.env())
	req := k.request(svc, service.Args{})
	if req.Method != "DELETE" || req.Header["Authorization"][0] != "Bearer old-token" || len(req.Body) != 0 {
		t.Errorf("got %+v", req)
	}
	for status, rule := range map[int]message.Rule{200: message.RuleRegistrationUpdate, 405: message.RuleRegistrationUpdate, 401: message.RuleRegistrationAccessToken} {
		_, err := k.parse(svc, req.Answer(status, nil, nil))
		wantRule(t, err, rule)
	}
	res, err := k.parse(svc, req.Answer(204, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	read, err := k.answer(service.NewRegistrationRead(k.env()), service.Args{}, 200, managed)
	if err != nil {
		t.Fatal(err)
	}
	if k.sc.Snapshot().Client == nil {
		t.Error("forgotten before the commit")
	}
	if err := svc.UpdateServiceContext(context.Background(), res); err != nil {
		t.Fatal(err)
	}
	if k.sc.Snapshot().Client != nil {
		t.Error("the credentials are still there")
	}
	// An answer from before does not bring them back.
	if err := service.NewRegistrationRead(k.env()).UpdateServiceContext(context.Background(), read); !errors.Is(err, service.ErrForeign) {
		t.Errorf("a result of another service: %v", err)
	}
}

// TestUpdateAfterDelete: a registration that was deleted meanwhile stays deleted.
func TestUpdateAfterDelete(t *testing.T) {
	k := managing(t)
	read := service.NewRegistrationRead(k.env())
	res, err := k.answer(read, service.Args{}, 200, managed)
	if err != nil {
		t.Fatal(err)
	}
	k.learn(func(sn *servicecontext.Snapshot) { sn.Client = nil })
	if err := read.UpdateServiceContext(context.Background(), res); !errors.Is(err, service.ErrNotRegistered) {
		t.Errorf("got %v", err)
	}
	if k.sc.Snapshot().Client != nil {
		t.Error("the credentials came back")
	}
}

// TestRegistrationSecretTable: who needs a secret gets one, with its expiry.
func TestRegistrationSecretTable(t *testing.T) {
	for name, tc := range map[string]struct {
		method  string
		types   []string
		respond string
		rule    message.Rule
	}{
		"basic without":          {"", nil, `{"client_id":"a"}`, message.RuleRegistrationSecret},
		"post without":           {"client_secret_post", nil, `{"client_id":"a"}`, message.RuleRegistrationSecret},
		"none without":           {"none", nil, `{"client_id":"a"}`, ""},
		"implicit without":       {"", []string{"id_token"}, `{"client_id":"a"}`, ""},
		"none with":              {"none", nil, `{"client_id":"a","client_secret":"s","client_secret_expires_at":0}`, ""},
		"with, but no expiry":    {"none", nil, `{"client_id":"a","client_secret":"s"}`, message.RuleRegistrationSecret},
		"expires in the past":    {"", nil, `{"client_id":"a","client_secret":"s","client_secret_expires_at":1}`, ""},
		"expiry is a string":     {"", nil, `{"client_id":"a","client_secret":"s","client_secret_expires_at":"0"}`, message.RuleRegistrationResponse},
		"an empty secret":        {"", nil, `{"client_id":"a","client_secret":"","client_secret_expires_at":0}`, message.RuleRegistrationSecret},
		"management over http":   {"none", nil, `{"client_id":"a","registration_client_uri":"http://op.example/r","registration_access_token":"t"}`, message.RuleMetadataEndpointURL},
		"management without URI": {"none", nil, `{"client_id":"a","registration_access_token":"t"}`, message.RuleRegistrationManagementPair},
	} {
		t.Run(name, func(t *testing.T) {
			c := simple()
			c.Preferences.TokenEndpointAuthMethods = []string{tc.method}
			if tc.method == "" {
				c.Preferences.TokenEndpointAuthMethods = nil
			}
			c.Metadata.ResponseTypes = tc.types
			k := newKit(t, servicecontext.Config{Metadata: c.Metadata, Preferences: c.Preferences, Issuer: testIssuer})
			k.learn(func(sn *servicecontext.Snapshot) {
				sn.Provider = &message.ProviderMetadata{Issuer: testIssuer, RegistrationEndpoint: testIssuer + "/registration", TokenEndpointAuthMethodsSupported: []string{"client_secret_basic", "client_secret_post", "none"}}
			})
			_, err := k.answer(service.NewRegistration(k.env()), service.Args{}, 201, tc.respond)
			if tc.rule == "" && err != nil {
				t.Fatal(err)
			} else if tc.rule != "" {
				wantRule(t, err, tc.rule)
			}
		})
	}
}

// TestRegistrationSameValue: what is a set to the specification is compared as one,
// and only what differs is reported.
func TestRegistrationSameValue(t *testing.T) {
	age := 60
	c := simple()
	c.Metadata.ResponseTypes = []string{"code", "code id_token"}
	c.Metadata.Contacts = []string{"a", "b"}
	c.Metadata.DefaultMaxAge = &age
	c.Metadata.JWKS = &message.JWKS{Keys: []json.RawMessage{json.RawMessage(publicKey(t, "a"))}}
	_ = c.Metadata.Extra.Set("x", map[string]any{"a": 1, "b": []int{1}})
	k := registering(t, c)
	svc := service.NewRegistration(k.env())
	const head = `{"client_id":"a","client_secret":"s","client_secret_expires_at":0,`
	for body, want := range map[string]string{
		`"response_types":["id_token code","code"],"contacts":["b","a","a"],"default_max_age":60,"x":{"b":[1],"a":1},"jwks":{"keys":[]}}`: "",
		`"response_types":["code"]}`: "response_types",
		`"default_max_age":61}`:      "default_max_age",
		`"x":{"a":1}}`:               "x",
		`"contacts":["a"],"redirect_uris":["https://x.example/"]}`: "contacts redirect_uris",
		`"client_name":"new"}`: "",
	} {
		res, err := k.answer(svc, service.Args{}, 201, head+body)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		var warned []string
		for _, check := range res.Checks {
			if check.Rule == message.RuleRegistrationSubstituted && check.Verdict == service.Warned {
				warned = append(warned, check.Param)
			}
		}
		slices.Sort(warned)
		if got := strings.Join(warned, " "); got != want {
			t.Errorf("%s: reported %q, want %q", body, got, want)
		}
	}
}
