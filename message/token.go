package message

import (
	"fmt"
	"log/slog"
)

// The grant types (RFC 6749, Sections 4 and 6; RFC 7523, Section 2.1; RFC 8628,
// Section 3.4; RFC 8693, Section 2.1; CIBA Core 1.0, Section 4).
const (
	GrantTypeAuthorizationCode = "authorization_code"
	GrantTypeImplicit          = "implicit"
	GrantTypeRefreshToken      = "refresh_token"
	GrantTypeClientCredentials = "client_credentials"
	GrantTypeJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	GrantTypeDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
	GrantTypeTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
	GrantTypeCIBA              = "urn:openid:params:grant-type:ciba"
)

// ClientAssertionTypeJWTBearer is the client_assertion_type of a JWT (RFC 7523,
// Section 2.2).
const ClientAssertionTypeJWTBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// The token types (RFC 6750, Section 4; RFC 9449, Section 5; RFC 8693, Section 2.2.1).
// They are compared without case (RFC 6749, Section 5.1).
const (
	TokenTypeBearer = "Bearer"
	TokenTypeDPoP   = "DPoP"
	TokenTypeNA     = "N_A"
)

// An AccessTokenRequest redeems an authorization code (RFC 6749, Section 4.1.3).
type AccessTokenRequest struct {
	GrantType            string   `json:"grant_type,omitempty" url:"grant_type,omitempty"`
	Code                 Secret   `json:"code,omitempty" url:"code,omitempty"`
	RedirectURI          string   `json:"redirect_uri,omitempty" url:"redirect_uri,omitempty"`
	ClientID             string   `json:"client_id,omitempty" url:"client_id,omitempty"`
	CodeVerifier         Secret   `json:"code_verifier,omitempty" url:"code_verifier,omitempty"`                 // RFC 7636, Section 4.5
	Resource             Audience `json:"resource,omitempty" url:"resource,omitempty"`                           // RFC 8707, Section 2.2
	AuthorizationDetails RawJSON  `json:"authorization_details,omitempty" url:"authorization_details,omitempty"` // RFC 9396, Section 6
	State                string   `json:"state,omitempty" url:"state,omitempty"`                                 // sent under a compatibility setting only
	ClientSecret         Secret   `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion      Secret   `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType  string   `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra                Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m AccessTokenRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m AccessTokenRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// An AccessTokenResponse carries tokens (RFC 6749, Section 5.1; OpenID Connect Core
// 1.0, Section 3.1.3.3).
type AccessTokenResponse struct {
	AccessToken          Secret  `json:"access_token,omitempty" url:"access_token,omitempty"`
	TokenType            string  `json:"token_type,omitempty" url:"token_type,omitempty"`
	ExpiresIn            *int64  `json:"expires_in,omitempty" url:"expires_in,omitempty"`
	RefreshToken         Secret  `json:"refresh_token,omitempty" url:"refresh_token,omitempty"`
	Scope                List    `json:"scope,omitempty" url:"scope,omitempty,space"`
	IDToken              Secret  `json:"id_token,omitempty" url:"id_token,omitempty"`
	AuthorizationDetails RawJSON `json:"authorization_details,omitempty" url:"authorization_details,omitempty"` // RFC 9396, Section 7
	State                string  `json:"state,omitempty" url:"state,omitempty"`                                 // sent back by some; means nothing
	Extra                Extra   `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m AccessTokenResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m AccessTokenResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A RefreshTokenRequest redeems a refresh token (RFC 6749, Section 6).
type RefreshTokenRequest struct {
	GrantType            string   `json:"grant_type,omitempty" url:"grant_type,omitempty"`
	RefreshToken         Secret   `json:"refresh_token,omitempty" url:"refresh_token,omitempty"`
	Scope                List     `json:"scope,omitempty" url:"scope,omitempty,space"`
	Resource             Audience `json:"resource,omitempty" url:"resource,omitempty"`
	AuthorizationDetails RawJSON  `json:"authorization_details,omitempty" url:"authorization_details,omitempty"`
	ClientID             string   `json:"client_id,omitempty" url:"client_id,omitempty"`
	ClientSecret         Secret   `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion      Secret   `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType  string   `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra                Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m RefreshTokenRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m RefreshTokenRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A ClientCredentialsRequest asks for a token of the client's own (RFC 6749, Section
// 4.4.2).
type ClientCredentialsRequest struct {
	GrantType            string   `json:"grant_type,omitempty" url:"grant_type,omitempty"`
	Scope                List     `json:"scope,omitempty" url:"scope,omitempty,space"`
	Resource             Audience `json:"resource,omitempty" url:"resource,omitempty"`
	AuthorizationDetails RawJSON  `json:"authorization_details,omitempty" url:"authorization_details,omitempty"`
	ClientID             string   `json:"client_id,omitempty" url:"client_id,omitempty"`
	ClientSecret         Secret   `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion      Secret   `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType  string   `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra                Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m ClientCredentialsRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m ClientCredentialsRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A JWTBearerRequest exchanges a signed statement for a token (RFC 7523, Section 2.1).
type JWTBearerRequest struct {
	GrantType            string   `json:"grant_type,omitempty" url:"grant_type,omitempty"`
	Assertion            Secret   `json:"assertion,omitempty" url:"assertion,omitempty"`
	Scope                List     `json:"scope,omitempty" url:"scope,omitempty,space"`
	Resource             Audience `json:"resource,omitempty" url:"resource,omitempty"`
	AuthorizationDetails RawJSON  `json:"authorization_details,omitempty" url:"authorization_details,omitempty"`
	ClientID             string   `json:"client_id,omitempty" url:"client_id,omitempty"`
	ClientSecret         Secret   `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion      Secret   `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType  string   `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra                Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m JWTBearerRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m JWTBearerRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// An Assertion is the payload of a client assertion or of an authorization grant (RFC
// 7523, Section 3; OpenID Connect Core 1.0, Section 9).
type Assertion struct {
	Issuer     string   `json:"iss,omitempty"`
	Subject    string   `json:"sub,omitempty"`
	Audience   Audience `json:"aud,omitempty"`
	Expiration Time     `json:"exp,omitzero"`
	NotBefore  Time     `json:"nbf,omitzero"`
	IssuedAt   Time     `json:"iat,omitzero"`
	JWTID      string   `json:"jti,omitempty"`
	Extra      Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m Assertion) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m Assertion) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// AccessTokenJWTType is the typ of an access token that is a JWT (RFC 9068, Section 2.1).
const AccessTokenJWTType = "at+jwt"

// An AccessTokenClaims is the payload of an access token that is a JWT (RFC 9068,
// Section 2.2).
type AccessTokenClaims struct {
	Issuer               string        `json:"iss,omitempty"`
	Expiration           Time          `json:"exp,omitzero"`
	Audience             Audience      `json:"aud,omitempty"`
	Subject              string        `json:"sub,omitempty"`
	ClientID             string        `json:"client_id,omitempty"`
	IssuedAt             Time          `json:"iat,omitzero"`
	NotBefore            Time          `json:"nbf,omitzero"`
	JWTID                string        `json:"jti,omitempty"`
	AuthTime             Time          `json:"auth_time,omitzero"`
	ACR                  string        `json:"acr,omitempty"`
	AMR                  []string      `json:"amr,omitempty"`
	Scope                List          `json:"scope,omitempty"`
	Confirmation         *Confirmation `json:"cnf,omitempty"`
	Actor                *Actor        `json:"act,omitempty"`                   // RFC 8693, Section 4.1
	AuthorizationDetails RawJSON       `json:"authorization_details,omitempty"` // RFC 9396, Section 9.1
	Extra                Extra         `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m AccessTokenClaims) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m AccessTokenClaims) Format(s fmt.State, verb rune) { Format(s, verb, m) }
