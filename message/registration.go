package message

import (
	"fmt"
	"log/slog"
)

// The values of application_type (OpenID Connect Dynamic Client Registration 1.0,
// Section 2).
const (
	ApplicationTypeWeb    = "web"
	ApplicationTypeNative = "native"
)

// The values of subject_type (OpenID Connect Core 1.0, Section 8).
const (
	SubjectTypePublic   = "public"
	SubjectTypePairwise = "pairwise"
)

// The values of token_endpoint_auth_method (OpenID Connect Core 1.0, Section 9; RFC
// 8705, Section 2).
const (
	AuthMethodNone                    = "none"
	AuthMethodClientSecretBasic       = "client_secret_basic"
	AuthMethodClientSecretPost        = "client_secret_post"
	AuthMethodClientSecretJWT         = "client_secret_jwt"
	AuthMethodPrivateKeyJWT           = "private_key_jwt"
	AuthMethodTLSClientAuth           = "tls_client_auth"
	AuthMethodSelfSignedTLSClientAuth = "self_signed_tls_client_auth"
)

// ClientMetadata describes a client (OpenID Connect Dynamic Client Registration 1.0,
// Section 2; RFC 7591, Section 2; and the registry of client metadata). What is absent
// is the zero value; the defaults of the specifications are not filled in.
type ClientMetadata struct {
	RedirectURIs                 []string `json:"redirect_uris,omitempty"`
	ResponseTypes                []string `json:"response_types,omitempty"`
	GrantTypes                   []string `json:"grant_types,omitempty"`
	ApplicationType              string   `json:"application_type,omitempty"`
	Contacts                     []string `json:"contacts,omitempty"`
	ClientName                   string   `json:"client_name,omitempty"`
	LogoURI                      string   `json:"logo_uri,omitempty"`
	ClientURI                    string   `json:"client_uri,omitempty"`
	PolicyURI                    string   `json:"policy_uri,omitempty"`
	TosURI                       string   `json:"tos_uri,omitempty"`
	JWKSURI                      string   `json:"jwks_uri,omitempty"`
	JWKS                         *JWKS    `json:"jwks,omitempty"`
	SectorIdentifierURI          string   `json:"sector_identifier_uri,omitempty"`
	SubjectType                  string   `json:"subject_type,omitempty"`
	IDTokenSignedResponseAlg     string   `json:"id_token_signed_response_alg,omitempty"`
	IDTokenEncryptedResponseAlg  string   `json:"id_token_encrypted_response_alg,omitempty"`
	IDTokenEncryptedResponseEnc  string   `json:"id_token_encrypted_response_enc,omitempty"`
	UserInfoSignedResponseAlg    string   `json:"userinfo_signed_response_alg,omitempty"`
	UserInfoEncryptedResponseAlg string   `json:"userinfo_encrypted_response_alg,omitempty"`
	UserInfoEncryptedResponseEnc string   `json:"userinfo_encrypted_response_enc,omitempty"`
	RequestObjectSigningAlg      string   `json:"request_object_signing_alg,omitempty"`
	RequestObjectEncryptionAlg   string   `json:"request_object_encryption_alg,omitempty"`
	RequestObjectEncryptionEnc   string   `json:"request_object_encryption_enc,omitempty"`
	TokenEndpointAuthMethod      string   `json:"token_endpoint_auth_method,omitempty"`
	TokenEndpointAuthSigningAlg  string   `json:"token_endpoint_auth_signing_alg,omitempty"`
	DefaultMaxAge                *int     `json:"default_max_age,omitempty"`
	RequireAuthTime              *bool    `json:"require_auth_time,omitempty"`
	DefaultACRValues             []string `json:"default_acr_values,omitempty"`
	InitiateLoginURI             string   `json:"initiate_login_uri,omitempty"`
	RequestURIs                  []string `json:"request_uris,omitempty"`

	// RFC 7591, Sections 2 and 2.3.
	Scope             List   `json:"scope,omitempty"`
	SoftwareID        string `json:"software_id,omitempty"`
	SoftwareVersion   string `json:"software_version,omitempty"`
	SoftwareStatement string `json:"software_statement,omitempty"`

	// RP-Initiated, Front-Channel and Back-Channel Logout 1.0.
	PostLogoutRedirectURIs            []string `json:"post_logout_redirect_uris,omitempty"`
	FrontchannelLogoutURI             string   `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSessionRequired *bool    `json:"frontchannel_logout_session_required,omitempty"`
	BackchannelLogoutURI              string   `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired  *bool    `json:"backchannel_logout_session_required,omitempty"`

	// RFC 8705, Sections 2.1.2 and 3.4.
	TLSClientAuthSubjectDN                string `json:"tls_client_auth_subject_dn,omitempty"`
	TLSClientAuthSANDNS                   string `json:"tls_client_auth_san_dns,omitempty"`
	TLSClientAuthSANURI                   string `json:"tls_client_auth_san_uri,omitempty"`
	TLSClientAuthSANIP                    string `json:"tls_client_auth_san_ip,omitempty"`
	TLSClientAuthSANEmail                 string `json:"tls_client_auth_san_email,omitempty"`
	TLSClientCertificateBoundAccessTokens *bool  `json:"tls_client_certificate_bound_access_tokens,omitempty"`

	// RFC 9101, Section 10.5; RFC 9126, Section 6; RFC 9396, Section 10; RFC 9449, Section 5.2.
	RequireSignedRequestObject         *bool    `json:"require_signed_request_object,omitempty"`
	RequirePushedAuthorizationRequests *bool    `json:"require_pushed_authorization_requests,omitempty"`
	AuthorizationDetailsTypes          []string `json:"authorization_details_types,omitempty"`
	DPoPBoundAccessTokens              *bool    `json:"dpop_bound_access_tokens,omitempty"`

	// JWT Secured Authorization Response Mode, Section 3.
	AuthorizationSignedResponseAlg    string `json:"authorization_signed_response_alg,omitempty"`
	AuthorizationEncryptedResponseAlg string `json:"authorization_encrypted_response_alg,omitempty"`
	AuthorizationEncryptedResponseEnc string `json:"authorization_encrypted_response_enc,omitempty"`

	// RFC 9701, Section 6.
	IntrospectionSignedResponseAlg    string `json:"introspection_signed_response_alg,omitempty"`
	IntrospectionEncryptedResponseAlg string `json:"introspection_encrypted_response_alg,omitempty"`
	IntrospectionEncryptedResponseEnc string `json:"introspection_encrypted_response_enc,omitempty"`

	// CIBA Core 1.0, Section 4.
	BackchannelTokenDeliveryMode               string `json:"backchannel_token_delivery_mode,omitempty"`
	BackchannelClientNotificationEndpoint      string `json:"backchannel_client_notification_endpoint,omitempty"`
	BackchannelAuthenticationRequestSigningAlg string `json:"backchannel_authentication_request_signing_alg,omitempty"`
	BackchannelUserCodeParameter               *bool  `json:"backchannel_user_code_parameter,omitempty"`

	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m ClientMetadata) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m ClientMetadata) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A RegistrationRequest registers a client (OpenID Connect Dynamic Client Registration
// 1.0, Section 3.1; RFC 7591, Section 3.1).
type RegistrationRequest struct {
	ClientMetadata
}

// LogValue shows the message without its secrets.
func (m RegistrationRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m RegistrationRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A RegistrationResponse is what was registered (OpenID Connect Dynamic Client
// Registration 1.0, Section 3.2; RFC 7591, Section 3.2.1; RFC 7592, Section 3).
type RegistrationResponse struct {
	ClientID                string `json:"client_id,omitempty"`
	ClientSecret            Secret `json:"client_secret,omitempty"`
	RegistrationAccessToken Secret `json:"registration_access_token,omitempty"`
	RegistrationClientURI   string `json:"registration_client_uri,omitempty"`
	ClientIDIssuedAt        *int64 `json:"client_id_issued_at,omitempty"`
	ClientSecretExpiresAt   *int64 `json:"client_secret_expires_at,omitempty"` // 0: never
	ClientMetadata
}

// LogValue shows the message without its secrets.
func (m RegistrationResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m RegistrationResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A RegistrationReadRequest asks for the registered values. It has no parameters: the
// registration access token is in the header (RFC 7592, Section 2.1).
type RegistrationReadRequest struct {
	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m RegistrationReadRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m RegistrationReadRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A RegistrationUpdateRequest replaces the registered values (RFC 7592, Section 2.2).
type RegistrationUpdateRequest struct {
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret Secret `json:"client_secret,omitempty"`
	ClientMetadata
}

// LogValue shows the message without its secrets.
func (m RegistrationUpdateRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m RegistrationUpdateRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A RegistrationDeleteRequest ends a registration. It has no parameters (RFC 7592,
// Section 2.3).
type RegistrationDeleteRequest struct {
	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m RegistrationDeleteRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m RegistrationDeleteRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A RegistrationDeleteResponse is empty (RFC 7592, Section 2.3).
type RegistrationDeleteResponse struct {
	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m RegistrationDeleteResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m RegistrationDeleteResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }
