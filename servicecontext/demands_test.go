package servicecontext_test

import (
	"crypto/rand"
	"errors"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// TestProfileDemands: what a profile keeps and breaks. Each broken configuration is a
// good one with one change, and is good without the profile.
func TestProfileDemands(t *testing.T) {
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	type change = func(*servicecontext.Config)
	yes := true
	fapi := []servicecontext.Profile{servicecontext.ProfileFAPI2, servicecontext.ProfileFAPI2MessageSigning}
	every := append([]servicecontext.Profile{servicecontext.ProfileOAuth21}, fapi...)
	good := func(p servicecontext.Profile, changes ...change) servicecontext.Config {
		c := servicecontext.Config{Profile: p, Keys: keyjar.NewSet(key), DPoPKey: key}
		for _, f := range changes {
			f(&c)
		}
		return c
	}
	for _, p := range every {
		b := mustNew(t, good(p)).Snapshot().Behaviour
		if p != servicecontext.ProfileOAuth21 && (b.TokenEndpointAuthMethod != "private_key_jwt" || b.TokenEndpointAuthSigningAlg != "ES256" || b.IDTokenSignedResponseAlg != "PS256") {
			t.Errorf("%s chooses %+v", p, b)
		}
	}
	// The best algorithm is one that the provider has, too.
	some := good(servicecontext.ProfileFAPI2, func(c *servicecontext.Config) {
		c.Provider = provider(func(p *message.ProviderMetadata) {
			p.IDTokenSigningAlgs, p.TokenEndpointAuthMethodsSupported = []string{"RS256", "EdDSA"}, []string{"private_key_jwt"}
		})
	})
	if alg := mustNew(t, some).Snapshot().Behaviour.IDTokenSignedResponseAlg; alg != "EdDSA" {
		t.Errorf("chose %s", alg)
	}
	// A default that the provider names unasked is not used.
	unasked := good(servicecontext.ProfileFAPI2, func(c *servicecontext.Config) {
		c.Client = &message.RegistrationResponse{ClientID: "c", ClientMetadata: message.ClientMetadata{
			TokenEndpointAuthMethod: "private_key_jwt", IntrospectionSignedResponseAlg: "RS256",
		}}
	})
	if alg := mustNew(t, unasked).Snapshot().Behaviour.IntrospectionSignedResponseAlg; alg != "" {
		t.Errorf("introspection answers are signed with %s", alg)
	}
	mustNew(t, good(servicecontext.ProfileFAPI2, func(c *servicecontext.Config) {
		c.DPoPKey, c.Metadata.TLSClientCertificateBoundAccessTokens = nil, &yes
	}))

	for _, test := range []struct {
		rule     message.Rule
		param    string
		profiles []servicecontext.Profile
		change   change
	}{
		{message.RuleProfileResponseType, "response_types", fapi, func(c *servicecontext.Config) { c.Metadata.ResponseTypes = []string{"code", "code id_token"} }},
		{message.RuleProfileResponseType, "response_types", every, func(c *servicecontext.Config) { c.Metadata.ResponseTypes = []string{"id_token token"} }},
		{message.RuleProfileClientAuth, "token_endpoint_auth_method", fapi, func(c *servicecontext.Config) { c.Metadata.TokenEndpointAuthMethod = "client_secret_basic" }},
		{message.RuleProfileClientAuth, "token_endpoint_auth_method", fapi, func(c *servicecontext.Config) { c.Metadata.TokenEndpointAuthMethod = "client_secret_jwt" }},
		{message.RuleProfileClientAuth, "token_endpoint_auth_method", fapi, func(c *servicecontext.Config) {
			c.Client = &message.RegistrationResponse{ClientID: "c", ClientMetadata: message.ClientMetadata{TokenEndpointAuthMethod: "none"}}
		}},
		{message.RuleProfileSenderConstrained, "dpop_bound_access_tokens", fapi, func(c *servicecontext.Config) { c.DPoPKey = nil }},
		{message.RuleProfileAlgorithm, "id_token_signed_response_alg", fapi, func(c *servicecontext.Config) { c.Metadata.IDTokenSignedResponseAlg = "RS256" }},
		{message.RuleProfileAlgorithm, "userinfo_signed_response_alg", fapi, func(c *servicecontext.Config) { c.Metadata.UserInfoSignedResponseAlg = "HS256" }},
		{message.RuleProfileAlgorithm, "introspection_signed_response_alg", fapi, func(c *servicecontext.Config) { c.Metadata.IntrospectionSignedResponseAlg = "RS256" }},
		{message.RuleProfileAlgorithm, "request_object_signing_alg", fapi, func(c *servicecontext.Config) { c.Metadata.RequestObjectSigningAlg = "none" }},
		{message.RuleProfileCompat, "compat.insecure_skip_pkce", every, func(c *servicecontext.Config) { c.Compat.InsecureSkipPKCE = true }},
		{message.RuleProfileCompat, "compat.allow_front_channel_access_token", every, func(c *servicecontext.Config) { c.Compat.AllowFrontChannelAccessToken = true }},
		{message.RuleProfileCompat, "compat.assertion_audience_token_endpoint", fapi, func(c *servicecontext.Config) { c.Compat.AssertionAudienceTokenEndpoint = true }},
		{message.RuleProfileCompat, "compat.allow_rsa1_5", fapi, func(c *servicecontext.Config) { c.Compat.AllowRSA15 = true }},
	} {
		mustNew(t, good(servicecontext.ProfileOpenID, test.change))
		for _, p := range test.profiles {
			_, err := servicecontext.New(good(p, test.change))
			var v *message.Violation
			if !errors.As(err, &v) || v.Rule != test.rule || v.Param != test.param || !errors.Is(err, servicecontext.ErrConfig) {
				t.Errorf("%s: got %v, want %s at %s", p, err, test.rule, test.param)
			}
		}
	}
}
