package servicecontext_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// TestDefaultsWhenProviderIsSilent: what nobody says is what the texts say.
func TestDefaultsWhenProviderIsSilent(t *testing.T) {
	for name, config := range map[string]servicecontext.Config{
		"provider unknown": {},
		"provider silent": {Provider: provider(func(p *message.ProviderMetadata) {
			p.IDTokenSigningAlgs, p.ResponseTypesSupported = nil, nil
		})},
	} {
		got := mustNew(t, config).Snapshot().Behaviour
		want := servicecontext.Behaviour{
			ApplicationType: "web", ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code"},
			TokenEndpointAuthMethod: "client_secret_basic", IDTokenSignedResponseAlg: "RS256",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	if !servicecontext.ProviderAllows(nil, true) || servicecontext.ProviderAllows(nil, false) {
		t.Error("a silent provider has the default")
	}
	no := false
	if servicecontext.ProviderAllows(&no, true) {
		t.Error("a provider that says no means it")
	}
}

// TestPreferenceMatching: supported, preferred, granted; a mismatch names the
// preference.
func TestPreferenceMatching(t *testing.T) {
	yes := true
	type config = servicecontext.Config
	type metadata = message.ClientMetadata
	type preferences = servicecontext.Preferences
	for name, tc := range map[string]struct {
		config config
		check  func(b servicecontext.Behaviour) bool
		param  string // of the mismatch
	}{
		"the first preference that is supported": {
			config: config{
				Preferences: preferences{TokenEndpointAuthMethods: []string{"private_key_jwt", "client_secret_post", "client_secret_basic"}},
				Provider: provider(func(p *message.ProviderMetadata) {
					p.TokenEndpointAuthMethodsSupported = []string{"client_secret_basic", "client_secret_post"}
				}),
			},
			check: func(b servicecontext.Behaviour) bool { return b.TokenEndpointAuthMethod == "client_secret_post" },
		},
		"a single value is a preference without alternative": {
			config: config{
				Metadata: metadata{TokenEndpointAuthMethod: "client_secret_post"},
				Provider: provider(func(p *message.ProviderMetadata) {
					p.TokenEndpointAuthMethodsSupported = []string{"client_secret_basic"}
				}),
			},
			param: "token_endpoint_auth_method",
		},
		"a silent provider supports client_secret_basic only": {
			config: config{Metadata: metadata{TokenEndpointAuthMethod: "private_key_jwt"}, Provider: provider(nil)},
			param:  "token_endpoint_auth_method",
		},
		"without preference the provider's list decides": {
			config: config{Provider: provider(func(p *message.ProviderMetadata) {
				p.TokenEndpointAuthMethodsSupported = []string{"private_key_jwt", "client_secret_post"}
			})},
			check: func(b servicecontext.Behaviour) bool {
				return b.TokenEndpointAuthMethod == "client_secret_post" && len(b.Chosen) == 1
			},
		},
		"without preference and without a key": {
			config: config{Provider: provider(func(p *message.ProviderMetadata) {
				p.TokenEndpointAuthMethodsSupported = []string{"private_key_jwt"}
			})},
			param: "token_endpoint_auth_method",
		},
		"a static client without secret is public": {
			config: config{ClientID: "a", Provider: provider(func(p *message.ProviderMetadata) {
				p.TokenEndpointAuthMethodsSupported = []string{"none"}
			})},
			check: func(b servicecontext.Behaviour) bool { return b.TokenEndpointAuthMethod == "none" },
		},
		"granted outweighs preferred": {
			config: config{
				Preferences: preferences{TokenEndpointAuthMethods: []string{"client_secret_basic", "client_secret_post"}, IDTokenSigningAlgs: []string{"RS256"}},
				Provider: provider(func(p *message.ProviderMetadata) {
					p.TokenEndpointAuthMethodsSupported = []string{"client_secret_basic", "client_secret_post"}
					p.IDTokenSigningAlgs = []string{"RS256", "ES256"}
				}),
				Client: &message.RegistrationResponse{ClientID: "a", ClientMetadata: metadata{TokenEndpointAuthMethod: "client_secret_post", IDTokenSignedResponseAlg: "ES256"}},
			},
			check: func(b servicecontext.Behaviour) bool {
				return b.TokenEndpointAuthMethod == "client_secret_post" && b.IDTokenSignedResponseAlg == "ES256"
			},
		},
		"granted outweighs silence": {
			config: config{
				Provider: provider(nil),
				Client:   &message.RegistrationResponse{ClientID: "a", ClientMetadata: metadata{TokenEndpointAuthMethod: "client_secret_post"}},
			},
			check: func(b servicecontext.Behaviour) bool { return b.TokenEndpointAuthMethod == "client_secret_post" },
		},
		"granted does not outweigh a list": {
			config: config{
				Provider: provider(func(p *message.ProviderMetadata) {
					p.TokenEndpointAuthMethodsSupported = []string{"client_secret_basic"}
				}),
				Client: &message.RegistrationResponse{ClientID: "a", ClientMetadata: metadata{TokenEndpointAuthMethod: "client_secret_post"}},
			},
			param: "token_endpoint_auth_method",
		},
		"what was not granted is not used": {
			config: config{
				Metadata: metadata{ResponseTypes: []string{"code", "token id_token"}}, Provider: provider(nil),
				Client: &message.RegistrationResponse{ClientID: "a", ClientMetadata: metadata{ResponseTypes: []string{"id_token token"}}},
			},
			check: func(b servicecontext.Behaviour) bool {
				return reflect.DeepEqual(b.ResponseTypes, []string{"token id_token"}) && b.ResponseType().Has("id_token")
			},
		},
		"nothing of ours was granted": {
			config: config{
				Metadata: metadata{ResponseTypes: []string{"code"}},
				Client:   &message.RegistrationResponse{ClientID: "a", ClientMetadata: metadata{ResponseTypes: []string{"id_token"}}},
			},
			param: "response_types",
		},
		"response types are sets of words": {
			config: config{Metadata: metadata{ResponseTypes: []string{"token id_token"}}, Provider: provider(nil)},
			check: func(b servicecontext.Behaviour) bool {
				return reflect.DeepEqual(b.GrantTypes, []string{"implicit"}) && b.AllowsResponseType(message.List{"id_token", "token"}) && !b.AllowsResponseType(message.List{"id_token"})
			},
		},
		"a response type that is not supported": {
			config: config{Metadata: metadata{ResponseTypes: []string{"code token"}}, Provider: provider(nil)},
			param:  "response_types",
		},
		"a response mode that is not supported": {
			config: config{Preferences: preferences{ResponseModes: []string{"form_post"}}, Provider: provider(nil)},
			param:  "response_modes",
		},
		"a grant that is not supported": {
			config: config{Metadata: metadata{GrantTypes: []string{"urn:openid:params:grant-type:ciba"}}, Provider: provider(nil)},
			param:  "grant_types",
		},
		"refresh tokens of a silent provider": {
			config: config{Metadata: metadata{GrantTypes: []string{"authorization_code", "refresh_token"}}, Provider: provider(nil)},
			check: func(b servicecontext.Behaviour) bool {
				return reflect.DeepEqual(b.GrantTypes, []string{"authorization_code", "refresh_token"})
			},
		},
		"refresh tokens of a provider with another list": {
			config: config{
				Metadata: metadata{GrantTypes: []string{"authorization_code", "refresh_token"}},
				Provider: provider(func(p *message.ProviderMetadata) { p.GrantTypesSupported = []string{"authorization_code"} }),
			},
			param: "grant_types",
		},
		"a provider without RS256": {
			config: config{Provider: provider(func(p *message.ProviderMetadata) { p.IDTokenSigningAlgs = []string{"HS256", "PS256", "ES256"} })},
			check: func(b servicecontext.Behaviour) bool {
				return b.IDTokenSignedResponseAlg == "ES256" && reflect.DeepEqual(b.Chosen, []string{"id_token_signed_response_alg"})
			},
		},
		"an ID Token algorithm that is not supported": {
			config: config{Metadata: metadata{IDTokenSignedResponseAlg: "PS512"}, Provider: provider(nil)},
			param:  "id_token_signed_response_alg",
		},
		"an encryption that is not supported": {
			config: config{
				Metadata: metadata{IDTokenEncryptedResponseAlg: "ECDH-ES"},
				Provider: provider(func(p *message.ProviderMetadata) { p.IDTokenEncryptionAlgs = []string{"RSA-OAEP"} }),
			},
			param: "id_token_encrypted_response_alg",
		},
		"enc has a default": {
			config: config{Preferences: preferences{IDTokenEncryptionAlgs: []string{"ECDH-ES"}, UserInfoEncryptionAlgs: []string{"RSA-OAEP"}, UserInfoEncryptionEncs: []string{"A256GCM"}}},
			check: func(b servicecontext.Behaviour) bool {
				return b.IDTokenEncryptedResponseEnc == "A128CBC-HS256" && b.UserInfoEncryptedResponseEnc == "A256GCM"
			},
		},
		"an HMAC for client_secret_jwt": {
			config: config{Metadata: metadata{TokenEndpointAuthMethod: "client_secret_jwt"}},
			check:  func(b servicecontext.Behaviour) bool { return b.TokenEndpointAuthSigningAlg == "HS256" },
		},
		"a preferred algorithm for assertions": {
			config: config{
				Metadata: metadata{TokenEndpointAuthMethod: "private_key_jwt"}, Preferences: preferences{TokenEndpointAuthSigningAlgs: []string{"PS256", "ES256"}},
				Provider: provider(func(p *message.ProviderMetadata) {
					p.TokenEndpointAuthMethodsSupported = []string{"private_key_jwt"}
					p.TokenEndpointAuthSigningAlgs = []string{"ES256"}
				}),
			},
			check: func(b servicecontext.Behaviour) bool { return b.TokenEndpointAuthSigningAlg == "ES256" },
		},
		"request objects that the provider does not take": {
			config: config{
				Metadata: metadata{RequireSignedRequestObject: &yes},
				Provider: provider(func(p *message.ProviderMetadata) { p.RequestURIParameterSupported = new(bool) }),
			},
			param: "require_signed_request_object",
		},
	} {
		t.Run(name, func(t *testing.T) {
			sc, err := servicecontext.New(tc.config)
			if tc.param == "" {
				if err != nil {
					t.Fatal(err)
				}
				if b := sc.Snapshot().Behaviour; !tc.check(b) {
					t.Errorf("got %+v", b)
				}
				return
			}
			var v *message.Violation
			if !errors.As(err, &v) || v.Rule != message.RuleMetadataCapability || v.Param != tc.param {
				t.Fatalf("got %v, want metadata_capability of %s", err, tc.param)
			}
		})
	}
}

// TestWithPublishesNothing: a step can try metadata without changing anything.
func TestWithPublishesNothing(t *testing.T) {
	sc := mustNew(t, servicecontext.Config{Issuer: issuer})
	sn := sc.Snapshot()
	next, err := sn.With(provider(nil))
	if err != nil || next.Provider == nil || sn.Provider != nil || sc.Snapshot() != sn {
		t.Errorf("%v %v", next, err)
	}
	if _, err := sn.With(provider(func(p *message.ProviderMetadata) { p.ResponseTypesSupported = []string{"none"} })); !errors.Is(err, message.RuleMetadataCapability) {
		t.Errorf("got %v", err)
	}
	client := &message.RegistrationResponse{ClientID: "a"}
	if next, err = sn.WithClient(client); err != nil || next.ClientID() != "a" || sn.ClientID() != "" {
		t.Errorf("%v %v", next, err)
	}
	client = &message.RegistrationResponse{ClientMetadata: message.ClientMetadata{ResponseTypes: []string{"none"}}}
	next, err = sn.WithClient(client)
	if err != nil || next.Behaviour.ResponseTypes[0] != "none" {
		t.Errorf("a client without response types of its own takes what was granted: %v", err)
	}
}
