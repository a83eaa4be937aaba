package message

import (
	"fmt"
	"log/slog"
	"strings"
)

// A ProviderInfoRequest asks for provider metadata. It has no parameters: the issuer
// is in the path (OpenID Connect Discovery 1.0, Section 4.1, and RFC 8414, Section 3.1).
type ProviderInfoRequest struct {
	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m ProviderInfoRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m ProviderInfoRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A ProviderMetadata describes a provider (OpenID Connect Discovery 1.0, Section 3; RFC
// 8414, Section 2; and the registry of authorization server metadata). What is absent
// is the zero value; the defaults of the specifications are not filled in.
type ProviderMetadata struct {
	Issuer                            string   `json:"issuer,omitempty"`
	AuthorizationEndpoint             string   `json:"authorization_endpoint,omitempty"`
	TokenEndpoint                     string   `json:"token_endpoint,omitempty"`
	UserInfoEndpoint                  string   `json:"userinfo_endpoint,omitempty"`
	JWKSURI                           string   `json:"jwks_uri,omitempty"`
	RegistrationEndpoint              string   `json:"registration_endpoint,omitempty"`
	ScopesSupported                   []string `json:"scopes_supported,omitempty"`
	ResponseTypesSupported            []string `json:"response_types_supported,omitempty"`
	ResponseModesSupported            []string `json:"response_modes_supported,omitempty"`
	GrantTypesSupported               []string `json:"grant_types_supported,omitempty"`
	ACRValuesSupported                []string `json:"acr_values_supported,omitempty"`
	SubjectTypesSupported             []string `json:"subject_types_supported,omitempty"`
	IDTokenSigningAlgs                []string `json:"id_token_signing_alg_values_supported,omitempty"`
	IDTokenEncryptionAlgs             []string `json:"id_token_encryption_alg_values_supported,omitempty"`
	IDTokenEncryptionEncs             []string `json:"id_token_encryption_enc_values_supported,omitempty"`
	UserInfoSigningAlgs               []string `json:"userinfo_signing_alg_values_supported,omitempty"`
	UserInfoEncryptionAlgs            []string `json:"userinfo_encryption_alg_values_supported,omitempty"`
	UserInfoEncryptionEncs            []string `json:"userinfo_encryption_enc_values_supported,omitempty"`
	RequestObjectSigningAlgs          []string `json:"request_object_signing_alg_values_supported,omitempty"`
	RequestObjectEncryptionAlgs       []string `json:"request_object_encryption_alg_values_supported,omitempty"`
	RequestObjectEncryptionEncs       []string `json:"request_object_encryption_enc_values_supported,omitempty"`
	TokenEndpointAuthMethodsSupported []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	TokenEndpointAuthSigningAlgs      []string `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
	DisplayValuesSupported            []string `json:"display_values_supported,omitempty"`
	ClaimTypesSupported               []string `json:"claim_types_supported,omitempty"`
	ClaimsSupported                   []string `json:"claims_supported,omitempty"`
	ServiceDocumentation              string   `json:"service_documentation,omitempty"`
	ClaimsLocalesSupported            []string `json:"claims_locales_supported,omitempty"`
	UILocalesSupported                []string `json:"ui_locales_supported,omitempty"`
	ClaimsParameterSupported          *bool    `json:"claims_parameter_supported,omitempty"`
	RequestParameterSupported         *bool    `json:"request_parameter_supported,omitempty"`
	RequestURIParameterSupported      *bool    `json:"request_uri_parameter_supported,omitempty"`
	RequireRequestURIRegistration     *bool    `json:"require_request_uri_registration,omitempty"`
	OPPolicyURI                       string   `json:"op_policy_uri,omitempty"`
	OPTosURI                          string   `json:"op_tos_uri,omitempty"`

	// Initiating User Registration via OpenID Connect 1.0.
	PromptValuesSupported []string `json:"prompt_values_supported,omitempty"`

	// RFC 8414, Section 2.
	RevocationEndpoint                        string   `json:"revocation_endpoint,omitempty"`
	RevocationEndpointAuthMethodsSupported    []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	RevocationEndpointAuthSigningAlgs         []string `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
	IntrospectionEndpoint                     string   `json:"introspection_endpoint,omitempty"`
	IntrospectionEndpointAuthMethodsSupported []string `json:"introspection_endpoint_auth_methods_supported,omitempty"`
	IntrospectionEndpointAuthSigningAlgs      []string `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
	CodeChallengeMethodsSupported             []string `json:"code_challenge_methods_supported,omitempty"`
	SignedMetadata                            string   `json:"signed_metadata,omitempty"`

	// RFC 8628, Section 4.
	DeviceAuthorizationEndpoint string `json:"device_authorization_endpoint,omitempty"`

	// RFC 8705, Sections 3.3 and 5.
	TLSClientCertificateBoundAccessTokens *bool             `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	MTLSEndpointAliases                   map[string]string `json:"mtls_endpoint_aliases,omitempty"`

	// RFC 9101, Section 10.5.
	RequireSignedRequestObject *bool `json:"require_signed_request_object,omitempty"`

	// RFC 9126, Section 5.
	PushedAuthorizationRequestEndpoint string `json:"pushed_authorization_request_endpoint,omitempty"`
	RequirePushedAuthorizationRequests *bool  `json:"require_pushed_authorization_requests,omitempty"`

	// RFC 9207, Section 3.
	AuthorizationResponseIssParameterSupported *bool `json:"authorization_response_iss_parameter_supported,omitempty"`

	// RFC 9396, Section 10.
	AuthorizationDetailsTypesSupported []string `json:"authorization_details_types_supported,omitempty"`

	// RFC 9449, Section 5.1.
	DPoPSigningAlgs []string `json:"dpop_signing_alg_values_supported,omitempty"`

	// RFC 9701, Section 7.
	IntrospectionSigningAlgs    []string `json:"introspection_signing_alg_values_supported,omitempty"`
	IntrospectionEncryptionAlgs []string `json:"introspection_encryption_alg_values_supported,omitempty"`
	IntrospectionEncryptionEncs []string `json:"introspection_encryption_enc_values_supported,omitempty"`

	// RFC 9728, Section 4.
	ProtectedResources []string `json:"protected_resources,omitempty"`

	// JWT Secured Authorization Response Mode, Section 4.
	AuthorizationSigningAlgs    []string `json:"authorization_signing_alg_values_supported,omitempty"`
	AuthorizationEncryptionAlgs []string `json:"authorization_encryption_alg_values_supported,omitempty"`
	AuthorizationEncryptionEncs []string `json:"authorization_encryption_enc_values_supported,omitempty"`

	// Session Management, RP-Initiated, Front-Channel and Back-Channel Logout 1.0.
	CheckSessionIframe                 string `json:"check_session_iframe,omitempty"`
	EndSessionEndpoint                 string `json:"end_session_endpoint,omitempty"`
	FrontchannelLogoutSupported        *bool  `json:"frontchannel_logout_supported,omitempty"`
	FrontchannelLogoutSessionSupported *bool  `json:"frontchannel_logout_session_supported,omitempty"`
	BackchannelLogoutSupported         *bool  `json:"backchannel_logout_supported,omitempty"`
	BackchannelLogoutSessionSupported  *bool  `json:"backchannel_logout_session_supported,omitempty"`

	// CIBA Core 1.0, Section 4.
	BackchannelTokenDeliveryModesSupported      []string `json:"backchannel_token_delivery_modes_supported,omitempty"`
	BackchannelAuthenticationEndpoint           string   `json:"backchannel_authentication_endpoint,omitempty"`
	BackchannelAuthenticationRequestSigningAlgs []string `json:"backchannel_authentication_request_signing_alg_values_supported,omitempty"`
	BackchannelUserCodeParameterSupported       *bool    `json:"backchannel_user_code_parameter_supported,omitempty"`

	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m ProviderMetadata) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m ProviderMetadata) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// ProtectedResourcePath is the well-known path of a protected resource's metadata (RFC
// 9728, Section 3).
const ProtectedResourcePath = "/.well-known/oauth-protected-resource"

// WellKnown inserts a well-known path into the identifier of a protected resource,
// "between the host component and the path and/or query components": "any terminating
// slash (/) following the host component MUST be removed before" (RFC 9728, Section 3.1).
func WellKnown(address, path string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	host, after := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, after = rest[:i], rest[i:]
	}
	if after == "/" {
		after = ""
	}
	return scheme + "://" + host + path + after
}

// A ResourceMetadata describes a protected resource (RFC 9728, Section 2).
type ResourceMetadata struct {
	Resource                              string   `json:"resource,omitempty"`
	AuthorizationServers                  []string `json:"authorization_servers,omitempty"`
	JWKSURI                               string   `json:"jwks_uri,omitempty"`
	ScopesSupported                       []string `json:"scopes_supported,omitempty"`
	BearerMethodsSupported                []string `json:"bearer_methods_supported,omitempty"`
	ResourceSigningAlgs                   []string `json:"resource_signing_alg_values_supported,omitempty"`
	ResourceName                          string   `json:"resource_name,omitempty"`
	ResourceDocumentation                 string   `json:"resource_documentation,omitempty"`
	ResourcePolicyURI                     string   `json:"resource_policy_uri,omitempty"`
	ResourceTosURI                        string   `json:"resource_tos_uri,omitempty"`
	TLSClientCertificateBoundAccessTokens *bool    `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	AuthorizationDetailsTypesSupported    []string `json:"authorization_details_types_supported,omitempty"`
	DPoPSigningAlgs                       []string `json:"dpop_signing_alg_values_supported,omitempty"`
	DPoPBoundAccessTokensRequired         *bool    `json:"dpop_bound_access_tokens_required,omitempty"`
	SignedMetadata                        string   `json:"signed_metadata,omitempty"`
	Extra                                 Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m ResourceMetadata) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m ResourceMetadata) Format(s fmt.State, verb rune) { Format(s, verb, m) }
