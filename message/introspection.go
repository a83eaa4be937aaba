package message

import (
	"fmt"
	"log/slog"
)

// The values of token_type_hint (RFC 7009, Section 2.1; RFC 7662, Section 2.1).
const (
	TokenTypeHintAccessToken  = "access_token"
	TokenTypeHintRefreshToken = "refresh_token"
)

// IntrospectionJWTType is the typ and media subtype of an introspection response that
// is a JWT (RFC 9701, Section 5).
const IntrospectionJWTType = "token-introspection+jwt"

// An IntrospectionRequest asks whether a token is active (RFC 7662, Section 2.1).
type IntrospectionRequest struct {
	Token               Secret `json:"token,omitempty" url:"token,omitempty"`
	TokenTypeHint       string `json:"token_type_hint,omitempty" url:"token_type_hint,omitempty"`
	ClientID            string `json:"client_id,omitempty" url:"client_id,omitempty"`
	ClientSecret        Secret `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion     Secret `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType string `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra               Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m IntrospectionRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m IntrospectionRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// An IntrospectionResponse says what a token is good for. Nothing in it counts unless
// Active is true (RFC 7662, Section 2.2).
type IntrospectionResponse struct {
	Active               *bool         `json:"active,omitempty"`
	Scope                List          `json:"scope,omitempty"`
	ClientID             string        `json:"client_id,omitempty"`
	Username             string        `json:"username,omitempty"`
	TokenType            string        `json:"token_type,omitempty"`
	Expiration           Time          `json:"exp,omitzero"`
	IssuedAt             Time          `json:"iat,omitzero"`
	NotBefore            Time          `json:"nbf,omitzero"`
	Subject              string        `json:"sub,omitempty"`
	Audience             Audience      `json:"aud,omitempty"`
	Issuer               string        `json:"iss,omitempty"`
	JWTID                string        `json:"jti,omitempty"`
	AuthTime             Time          `json:"auth_time,omitzero"` // RFC 9470, Section 6.2
	ACR                  string        `json:"acr,omitempty"`      // RFC 9470, Section 6.2
	Confirmation         *Confirmation `json:"cnf,omitempty"`      // RFC 8705, Section 3.2
	Actor                *Actor        `json:"act,omitempty"`      // RFC 8693, Section 4.1
	AuthorizationDetails RawJSON       `json:"authorization_details,omitempty"`
	Extra                Extra         `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m IntrospectionResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m IntrospectionResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// An IntrospectionJWT is the payload of an introspection response that is a JWT (RFC
// 9701, Section 5).
type IntrospectionJWT struct {
	Issuer             string                 `json:"iss,omitempty"`
	Audience           Audience               `json:"aud,omitempty"`
	IssuedAt           Time                   `json:"iat,omitzero"`
	Subject            string                 `json:"sub,omitempty"` // should be absent
	Expiration         Time                   `json:"exp,omitzero"`  // should be absent
	NotBefore          Time                   `json:"nbf,omitzero"`
	TokenIntrospection *IntrospectionResponse `json:"token_introspection,omitempty"`
	Extra              Extra                  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m IntrospectionJWT) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m IntrospectionJWT) Format(s fmt.State, verb rune) { Format(s, verb, m) }
