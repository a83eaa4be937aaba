package service

import (
	"strings"

	"github.com/oidcservice/oidc/message"
)

const oauthServerPath = "/.well-known/oauth-authorization-server" // RFC 8414, Section 3

// NewServerMetadata makes the server_metadata service: it fetches and judges the
// metadata of an OAuth 2.0 authorization server (RFC 8414).
func NewServerMetadata(env Env) Service {
	return metadataService(env, ServerMetadataName, oauthMetadata)
}

var oauthMetadata = metadataRules{
	address: serverMetadataAddress,
	required: func(s *Step, p *message.ProviderMetadata) []member {
		members := []member{
			{"issuer", p.Issuer != ""},
			{"response_types_supported", len(p.ResponseTypesSupported) > 0},
		}
		// "REQUIRED unless no grant types are supported that use the authorization
		// endpoint", and "unless only the implicit grant type is supported".
		grants := s.Snapshot.Behaviour.GrantTypes
		if contains(grants, "authorization_code") || contains(grants, "implicit") {
			members = append(members, member{"authorization_endpoint", p.AuthorizationEndpoint != ""})
		}
		if !frontChannelOnly(s.Snapshot.Behaviour.ResponseTypes) {
			members = append(members, member{"token_endpoint", p.TokenEndpoint != ""})
		}
		return members
	},
}

// serverMetadataAddress inserts the well-known path "into the authorization server's
// issuer identifier between the host component and the path and/or query components"
// after "any terminating / MUST be removed" (RFC 8414, Sections 3 and 3.1).
func serverMetadataAddress(issuer string) string {
	scheme, rest, _ := strings.Cut(issuer, "://")
	host, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], strings.TrimSuffix(rest[i:], "/")
	}
	return scheme + "://" + host + oauthServerPath + path
}
