package service

import (
	"context"
	"fmt"
	"strings"

	"github.com/oidcservice/oidc/message"
)

const openIDConfigurationPath = "/.well-known/openid-configuration" // Discovery 1.0, Section 4

// NewProviderInfo makes the provider_info service: it fetches and judges the
// provider's metadata (Discovery 1.0, Section 4).
func NewProviderInfo(env Env) Service {
	return metadataService(env, ProviderInfoName, openIDMetadata)
}

// openIDMetadata is where OpenID Connect Discovery differs from RFC 8414.
var openIDMetadata = metadataRules{
	address: func(issuer string) string {
		// "If the Issuer value contains a path component, any terminating / MUST be
		// removed before appending /.well-known/openid-configuration."
		return strings.TrimSuffix(issuer, "/") + openIDConfigurationPath
	},
	required: func(s *Step, p *message.ProviderMetadata) []member {
		members := []member{
			{"issuer", p.Issuer != ""},
			{"authorization_endpoint", p.AuthorizationEndpoint != ""},
			{"jwks_uri", p.JWKSURI != ""},
			{"response_types_supported", len(p.ResponseTypesSupported) > 0},
			{"subject_types_supported", len(p.SubjectTypesSupported) > 0},
			{"id_token_signing_alg_values_supported", len(p.IDTokenSigningAlgs) > 0},
		}
		// "This is REQUIRED unless only the Implicit Flow is used."
		if !frontChannelOnly(s.Snapshot.Behaviour.ResponseTypes) {
			members = append(members, member{"token_endpoint", p.TokenEndpoint != ""})
		}
		return members
	},
}

// frontChannelOnly reports whether none of our response types has a code.
func frontChannelOnly(responseTypes []string) bool {
	for _, t := range responseTypes {
		if message.ParseList(t).Has("code") {
			return false
		}
	}
	return len(responseTypes) > 0
}

// metadataRules are where the two documents about metadata differ.
type metadataRules struct {
	address  func(issuer string) string
	required func(s *Step, p *message.ProviderMetadata) []member
}

// A member of metadata, and whether it is there.
type member struct {
	name    string
	present bool
}

func metadataService(env Env, name string, rules metadataRules) Service {
	d := Definition[message.ProviderInfoRequest, message.ProviderMetadata]{
		Name:     name,
		Request:  Query,
		Response: JSON,
		Answer: Answer{
			StatusRule: message.RuleMetadataStatus,
			NoErrors:   true,
		},
		Endpoint: func(s *Step, _ *message.ProviderInfoRequest) string { return rules.address(s.Snapshot.Issuer) },
		Gather: func(_ context.Context, s *Step, _ *message.ProviderInfoRequest) error {
			if s.Snapshot.Issuer == "" {
				return fmt.Errorf("%w: issuer", ErrNotConfigured)
			}
			if err := s.Snapshot.CheckIssuerSyntax(s.Snapshot.Issuer); err != nil {
				return violated(s, err)
			}
			s.Pass(message.RuleMetadataURL, "issuer")
			return nil
		},
		Decode: func(_ context.Context, s *Step) (*message.ProviderMetadata, error) { return decodeMetadata(s) },
		Verify: func(_ context.Context, s *Step, p *message.ProviderMetadata) error {
			return verifyMetadata(s, rules, p)
		},
		Update: func(_ context.Context, s *Step, p *message.ProviderMetadata) error { return updateMetadata(s, p) },
	}
	return d.New(env)
}
