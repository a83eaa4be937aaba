package service_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// metadataOf is good metadata of an issuer; a change of null removes a member.
func metadataOf(issuer string, change map[string]any) string {
	m := map[string]any{
		"issuer": issuer, "authorization_endpoint": "https://op.example/a", "token_endpoint": "https://op.example/t", "jwks_uri": "https://op.example/jwks",
		"response_types_supported": []string{"code", "id_token"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
	}
	maps.Copy(m, change)
	for name, value := range m {
		if value == nil {
			delete(m, name)
		}
	}
	return string(mustJSON(m))
}

// TestMetadataURL: appended for OpenID Connect, inserted for RFC 8414.
func TestMetadataURL(t *testing.T) {
	for _, tc := range []struct{ issuer, openID, oauth string }{
		{"https://op.example", "https://op.example/.well-known/openid-configuration", "https://op.example/.well-known/oauth-authorization-server"},
		{"https://op.example/", "https://op.example/.well-known/openid-configuration", "https://op.example/.well-known/oauth-authorization-server"},
		{"https://op.example/tenant", "https://op.example/tenant/.well-known/openid-configuration", "https://op.example/.well-known/oauth-authorization-server/tenant"},
		{"https://op.example/tenant/", "https://op.example/tenant/.well-known/openid-configuration", "https://op.example/.well-known/oauth-authorization-server/tenant"},
		{"https://op.example/a//", "https://op.example/a//.well-known/openid-configuration", "https://op.example/.well-known/oauth-authorization-server/a/"},
		{"https://op.example:8443/a/b", "https://op.example:8443/a/b/.well-known/openid-configuration", "https://op.example:8443/.well-known/oauth-authorization-server/a/b"},
	} {
		k := newKit(t, servicecontext.Config{Issuer: tc.issuer})
		for svc, want := range map[service.Service]string{service.NewProviderInfo(k.env()): tc.openID, service.NewServerMetadata(k.env()): tc.oauth} {
			req := k.request(svc, service.Args{})
			if req.URL != want || req.Method != "GET" {
				t.Errorf("%s of %s: got %s %s, want %s", svc.Name(), tc.issuer, req.Method, req.URL, want)
			}
		}
	}
	k := newKit(t, servicecontext.Config{})
	if _, err := service.NewProviderInfo(k.env()).GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrNotConfigured) {
		t.Errorf("without an issuer: %v", err)
	}
}

// TestMetadataIsKept: unknown members are kept byte for byte, and the context learns
// everything at once.
func TestMetadataIsKept(t *testing.T) {
	k := newKit(t, servicecontext.Config{Issuer: testIssuer})
	svc := service.NewProviderInfo(k.env())
	body := `{"version":"3.0", "x": {"big": 12345678901234567890, "b":[ 1 ]},` + metadataOf(testIssuer, map[string]any{"userinfo_endpoint": testIssuer + "/u"})[1:]
	res := k.commit(svc, service.Args{}, 200, body)
	sn := k.sc.Snapshot()
	if sn.Provider.Extra.Text("version") != "3.0" {
		t.Error("version was lost")
	}
	if raw, _ := sn.Provider.Extra.Get("x"); string(raw) != `{"big": 12345678901234567890, "b":[ 1 ]}` {
		t.Errorf("x is %s", raw)
	}
	if sn.Endpoint(service.UserInfoName) != testIssuer+"/u" || sn.Behaviour.TokenEndpointAuthMethod != message.AuthMethodClientSecretBasic {
		t.Errorf("behaviour %+v", sn.Behaviour)
	}
	if service.MessageOf[message.ProviderMetadata](res).Issuer != testIssuer {
		t.Error("the result has no message")
	}
	for _, rule := range []message.Rule{
		message.RuleMetadataIssuer, message.RuleMetadataIssuerSyntax, message.RuleMetadataRequired, message.RuleMetadataEndpointURL, message.RuleMetadataValues,
		message.RuleMetadataDefaults, message.RuleMetadataValueSets, message.RuleMetadataCapability, message.RuleMetadataStatus, message.RuleMetadataMemberType,
	} {
		if verdict(res.Checks, rule) != service.Passed {
			t.Errorf("%s did not pass", rule)
		}
	}
	if verdict(res.Checks, message.RuleMetadataPKCE) != service.Warned {
		t.Error("a provider without S256 is not reported")
	}
	if verdict(res.Checks, message.RuleMetadataSigned) != service.Skipped {
		t.Error("signed_metadata is not reported")
	}
}

// TestDiscoveryRequired: what depends on how we log in.
func TestDiscoveryRequired(t *testing.T) {
	implicit := message.ClientMetadata{ResponseTypes: []string{"id_token"}}
	for name, tc := range map[string]struct {
		config servicecontext.Config
		oauth  bool
		change map[string]any
		rule   message.Rule
	}{
		"code needs a token endpoint":       {servicecontext.Config{}, false, map[string]any{"token_endpoint": nil}, message.RuleMetadataRequired},
		"implicit needs none":               {servicecontext.Config{Metadata: implicit}, false, map[string]any{"token_endpoint": nil}, ""},
		"without RS256":                     {servicecontext.Config{}, false, map[string]any{"id_token_signing_alg_values_supported": []string{"ES256"}}, ""},
		"null is absent":                    {servicecontext.Config{}, false, map[string]any{"scopes_supported": json.RawMessage("null"), "jwks_uri": json.RawMessage("null")}, message.RuleMetadataRequired},
		"plain OAuth needs no keys":         {servicecontext.Config{Profile: servicecontext.ProfileOAuth}, true, map[string]any{"jwks_uri": nil, "subject_types_supported": nil, "id_token_signing_alg_values_supported": nil}, ""},
		"plain OAuth and scopes":            {servicecontext.Config{Profile: servicecontext.ProfileOAuth}, true, map[string]any{"scopes_supported": []string{"read"}}, ""},
		"plain OAuth needs response types":  {servicecontext.Config{Profile: servicecontext.ProfileOAuth}, true, map[string]any{"response_types_supported": nil}, message.RuleMetadataRequired},
		"plain OAuth needs a token address": {servicecontext.Config{Profile: servicecontext.ProfileOAuth}, true, map[string]any{"token_endpoint": nil}, message.RuleMetadataRequired},
		"and one for authorization":         {servicecontext.Config{Profile: servicecontext.ProfileOAuth}, true, map[string]any{"authorization_endpoint": nil}, message.RuleMetadataRequired},
		"PKCE under OAuth 2.1":              {servicecontext.Config{Profile: servicecontext.ProfileOAuth21}, false, map[string]any{"code_challenge_methods_supported": []string{"S256"}}, ""},
		"no PKCE under OAuth 2.1":           {servicecontext.Config{Profile: servicecontext.ProfileOAuth21}, false, nil, message.RuleMetadataPKCE},
	} {
		t.Run(name, func(t *testing.T) {
			tc.config.Issuer = testIssuer
			k := newKit(t, tc.config)
			svc := service.NewProviderInfo(k.env())
			if tc.oauth {
				svc = service.NewServerMetadata(k.env())
			}
			_, err := k.answer(svc, service.Args{}, 200, metadataOf(testIssuer, tc.change))
			if tc.rule == "" && err != nil {
				t.Fatal(err)
			} else if tc.rule != "" {
				wantRule(t, err, tc.rule)
			}
		})
	}
}

// TestIssuerIdentical: slash, case, port, dot segments.
func TestIssuerIdentical(t *testing.T) {
	for asked, others := range map[string][]string{
		"https://op.example":     {"https://op.example/", "https://OP.example", "https://op.example:443", "https://op.example/.", "HTTPS://op.example", "https://op.example\u200b", ""},
		"https://op.example/a":   {"https://op.example/a/", "https://op.example/A", "https://op.example/b/../a", "https://op.example/%61", "https://op.example"},
		"https://op.example/a/":  {"https://op.example/a"},
		"https://op.example:443": {"https://op.example"},
	} {
		k := newKit(t, servicecontext.Config{Issuer: asked})
		svc := service.NewProviderInfo(k.env())
		if _, err := k.answer(svc, service.Args{}, 200, metadataOf(asked, nil)); err != nil {
			t.Errorf("%s: %v", asked, err)
		}
		for _, other := range others {
			_, err := k.answer(svc, service.Args{}, 200, metadataOf(other, nil))
			if other == "" {
				wantRule(t, err, message.RuleMetadataRequired)
				continue
			}
			wantRule(t, err, message.RuleMetadataIssuer)
			if !hasText(err, "provider_info: issuer: got") {
				t.Errorf("the error names neither step nor parameter: %v", err)
			}
		}
	}
}

func TestMetadataIssuerTemplate(t *testing.T) {
	const template = "https://login.example/{tenantid}/v2.0"
	k := newKit(t, servicecontext.Config{Issuer: "https://login.example/common/v2.0", Compat: servicecontext.Compat{InsecureIssuerTemplate: template}})
	res := k.commit(service.NewProviderInfo(k.env()), service.Args{}, 200, metadataOf(template, nil))
	if verdict(res.Checks, message.RuleMetadataIssuerTemplate) != service.Warned {
		t.Error("the template is not reported")
	}
	_, err := k.answer(service.NewProviderInfo(k.env()), service.Args{}, 200, metadataOf("https://login.example/{tenant}/v2.0", nil))
	wantRule(t, err, message.RuleMetadataIssuer)
	// Without the setting a template is another issuer.
	k = newKit(t, servicecontext.Config{Issuer: "https://login.example/common/v2.0"})
	_, err = k.answer(service.NewProviderInfo(k.env()), service.Args{}, 200, metadataOf(template, nil))
	wantRule(t, err, message.RuleMetadataIssuer)
}

// TestSignedMetadata: it counts after verification with a key that was there before,
// and then wins.
func TestSignedMetadata(t *testing.T) {
	signer, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "trusted"})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "trusted"})
	if err != nil {
		t.Fatal(err)
	}
	sign := func(key *keyjar.Key, claims map[string]any) string {
		token, err := key.Sign(keyjar.Header{Algorithm: "ES256"}, mustJSON(claims), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := map[string]any{"iss": testIssuer, "issuer": testIssuer, "token_endpoint": "https://op.example/signed", "x": "signed", "iat": 1}
	for name, tc := range map[string]struct {
		signed string
		keys   *keyjar.Set
		rule   message.Rule
		token  string
	}{
		"good":            {sign(signer, good), keyjar.NewSet(signer.Public()), "", "https://op.example/signed"},
		"no trusted key":  {sign(signer, good), nil, "", "https://op.example/t"},
		"a stranger's":    {sign(stranger, good), keyjar.NewSet(signer.Public()), message.RuleMetadataSigned, ""},
		"another iss":     {sign(signer, map[string]any{"iss": "https://evil.example"}), keyjar.NewSet(signer.Public()), message.RuleMetadataSigned, ""},
		"no iss":          {sign(signer, map[string]any{"issuer": testIssuer}), keyjar.NewSet(signer.Public()), message.RuleMetadataSigned, ""},
		"another issuer":  {sign(signer, map[string]any{"iss": testIssuer, "issuer": "https://evil.example"}), keyjar.NewSet(signer.Public()), message.RuleMetadataSigned, ""},
		"no JWT":          {"x", keyjar.NewSet(signer.Public()), message.RuleMetadataSigned, ""},
		"no metadata":     {sign(signer, map[string]any{"iss": testIssuer, "issuer": 1}), keyjar.NewSet(signer.Public()), message.RuleMetadataSigned, ""},
		"iss is a number": {sign(signer, map[string]any{"iss": 1}), keyjar.NewSet(signer.Public()), message.RuleMetadataSigned, ""},
		"a bad endpoint":  {sign(signer, map[string]any{"iss": testIssuer, "token_endpoint": "http://op.example"}), keyjar.NewSet(signer.Public()), message.RuleMetadataEndpointURL, ""},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, servicecontext.Config{Issuer: testIssuer, ProviderKeys: tc.keys})
			svc := service.NewProviderInfo(k.env())
			body := metadataOf(testIssuer, map[string]any{"signed_metadata": tc.signed, "x": "plain", "y": "plain"})
			if tc.rule != "" {
				_, err := k.answer(svc, service.Args{}, 200, body)
				wantRule(t, err, tc.rule)
				return
			}
			k.commit(svc, service.Args{}, 200, body)
			p := k.sc.Snapshot().Provider
			if p.TokenEndpoint != tc.token || p.Extra.Text("y") != "plain" || p.Issuer != testIssuer || p.Extra.Has("iat") {
				t.Errorf("got %v", p)
			}
			if want := map[bool]string{true: "signed", false: "plain"}[tc.keys != nil]; p.Extra.Text("x") != want {
				t.Errorf("x is %q, want %q", p.Extra.Text("x"), want)
			}
		})
	}
}

// TestMetadataMovesKeys: keys of an address that the metadata no longer names are
// forgotten, those that were configured stay.
func TestMetadataMovesKeys(t *testing.T) {
	k := newKit(t, servicecontext.Config{Issuer: testIssuer})
	svc := service.NewProviderInfo(k.env())
	k.commit(svc, service.Args{}, 200, metadataOf(testIssuer, nil))
	k.commit(service.NewJWKS(k.env()), service.Args{}, 200, `{"keys":[]}`)
	if k.sc.Snapshot().ProviderKeys() == nil {
		t.Fatal("no keys")
	}
	k.commit(svc, service.Args{}, 200, metadataOf(testIssuer, nil))
	if k.sc.Snapshot().ProviderKeys() == nil {
		t.Error("the same address, but the keys are gone")
	}
	k.commit(svc, service.Args{}, 200, metadataOf(testIssuer, map[string]any{"jwks_uri": "https://op.example/other"}))
	if sn := k.sc.Snapshot(); sn.ProviderKeys() != nil || len(sn.KeySets) != 0 {
		t.Error("another address, but the keys are still there")
	}
}

// TestCapabilityNamesThePreference, before anything else is sent.
func TestCapabilityNamesThePreference(t *testing.T) {
	k := newKit(t, servicecontext.Config{Issuer: testIssuer, Metadata: message.ClientMetadata{UserInfoSignedResponseAlg: "ES256"}})
	_, err := k.answer(service.NewProviderInfo(k.env()), service.Args{}, 200, metadataOf(testIssuer, map[string]any{"userinfo_signing_alg_values_supported": []string{"RS256"}}))
	wantRule(t, err, message.RuleMetadataCapability)
	if !hasText(err, "userinfo_signed_response_alg") || !strings.Contains(err.Error(), "ES256") {
		t.Errorf("the error does not name the preference: %v", err)
	}
}
