package servicecontext

import (
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// Preferences are the values that we can live with, the best first, for what the
// provider has a say in. Each list is about the member of client metadata that it is
// named after, TokenEndpointAuthMethods about token_endpoint_auth_method (Dynamic
// Client Registration 1.0, Section 2). An empty one leaves the choice to the metadata
// of the client, and then to the defaults of the specifications.
type Preferences struct {
	TokenEndpointAuthMethods     []string
	TokenEndpointAuthSigningAlgs []string
	IDTokenSigningAlgs           []string
	IDTokenEncryptionAlgs        []string
	IDTokenEncryptionEncs        []string
	UserInfoSigningAlgs          []string
	UserInfoEncryptionAlgs       []string
	UserInfoEncryptionEncs       []string
	RequestObjectSigningAlgs     []string
	RequestObjectEncryptionAlgs  []string
	RequestObjectEncryptionEncs  []string
	AuthorizationSigningAlgs     []string
	AuthorizationEncryptionAlgs  []string
	AuthorizationEncryptionEncs  []string
	IntrospectionSigningAlgs     []string
	DPoPSigningAlgs              []string
	SubjectTypes                 []string
	ResponseModes                []string // every one that will be used
}

// A Behaviour is how client and provider talk, settled from our preferences, what
// the provider supports, and what it granted at registration. The members are
// those of client metadata (Dynamic Client Registration 1.0, Section 2); an empty
// one is not in use.
type Behaviour struct {
	ApplicationType                   string   `json:"application_type,omitempty"`
	ResponseTypes                     []string `json:"response_types,omitempty"`
	ResponseModes                     []string `json:"response_modes,omitempty"`
	GrantTypes                        []string `json:"grant_types,omitempty"`
	SubjectType                       string   `json:"subject_type,omitempty"`
	Scope                             []string `json:"scope,omitempty"`
	TokenEndpointAuthMethod           string   `json:"token_endpoint_auth_method,omitempty"`
	TokenEndpointAuthSigningAlg       string   `json:"token_endpoint_auth_signing_alg,omitempty"`
	IDTokenSignedResponseAlg          string   `json:"id_token_signed_response_alg,omitempty"`
	IDTokenEncryptedResponseAlg       string   `json:"id_token_encrypted_response_alg,omitempty"`
	IDTokenEncryptedResponseEnc       string   `json:"id_token_encrypted_response_enc,omitempty"`
	UserInfoSignedResponseAlg         string   `json:"userinfo_signed_response_alg,omitempty"`
	UserInfoEncryptedResponseAlg      string   `json:"userinfo_encrypted_response_alg,omitempty"`
	UserInfoEncryptedResponseEnc      string   `json:"userinfo_encrypted_response_enc,omitempty"`
	RequestObjectSigningAlg           string   `json:"request_object_signing_alg,omitempty"`
	RequestObjectEncryptionAlg        string   `json:"request_object_encryption_alg,omitempty"`
	RequestObjectEncryptionEnc        string   `json:"request_object_encryption_enc,omitempty"`
	AuthorizationSignedResponseAlg    string   `json:"authorization_signed_response_alg,omitempty"`
	AuthorizationEncryptedResponseAlg string   `json:"authorization_encrypted_response_alg,omitempty"`
	AuthorizationEncryptedResponseEnc string   `json:"authorization_encrypted_response_enc,omitempty"`
	IntrospectionSignedResponseAlg    string   `json:"introspection_signed_response_alg,omitempty"`
	DPoPSigningAlg                    string   `json:"dpop_signing_alg,omitempty"`

	// Chosen lists the members that the provider's metadata decided for us because
	// we had no preference and it excludes the default; registration states them.
	Chosen []string `json:"chosen,omitempty"`
}

// ResponseType returns the response type to use when the call names none: our
// first, else code.
func (b *Behaviour) ResponseType() message.List {
	if len(b.ResponseTypes) == 0 {
		return message.List{"code"}
	}
	return message.ParseList(b.ResponseTypes[0])
}

// AllowsResponseType reports whether t is one of ours, as a set of words (RFC 6749,
// Section 3.1.1; rule metadata_value_sets).
func (b *Behaviour) AllowsResponseType(t message.List) bool {
	if len(t) == 1 {
		return slices.Contains(b.ResponseTypes, t[0])
	}
	return hasWordSet(b.ResponseTypes, t.String())
}

// hasWordSet reports whether list holds value as a set of words in any order.
func hasWordSet(list []string, value string) bool {
	want := wordSet(value)
	return slices.ContainsFunc(list, func(v string) bool { return wordSet(v) == want })
}

func wordSet(value string) string {
	words := strings.Fields(value)
	slices.Sort(words)
	return strings.Join(words, " ")
}
