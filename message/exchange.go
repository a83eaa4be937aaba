package message

import (
	"fmt"
	"log/slog"
)

// The token type identifiers (RFC 8693, Section 3).
const (
	TokenTypeURNAccessToken  = "urn:ietf:params:oauth:token-type:access_token"
	TokenTypeURNRefreshToken = "urn:ietf:params:oauth:token-type:refresh_token"
	TokenTypeURNIDToken      = "urn:ietf:params:oauth:token-type:id_token"
	TokenTypeURNSAML1        = "urn:ietf:params:oauth:token-type:saml1"
	TokenTypeURNSAML2        = "urn:ietf:params:oauth:token-type:saml2"
	TokenTypeURNJWT          = "urn:ietf:params:oauth:token-type:jwt"
)

// A TokenExchangeRequest exchanges a token for another (RFC 8693, Section 2.1).
type TokenExchangeRequest struct {
	GrantType           string   `json:"grant_type,omitempty" url:"grant_type,omitempty"`
	Resource            Audience `json:"resource,omitempty" url:"resource,omitempty"`
	Audience            Audience `json:"audience,omitempty" url:"audience,omitempty"`
	Scope               List     `json:"scope,omitempty" url:"scope,omitempty,space"`
	RequestedTokenType  string   `json:"requested_token_type,omitempty" url:"requested_token_type,omitempty"`
	SubjectToken        Secret   `json:"subject_token,omitempty" url:"subject_token,omitempty"`
	SubjectTokenType    string   `json:"subject_token_type,omitempty" url:"subject_token_type,omitempty"`
	ActorToken          Secret   `json:"actor_token,omitempty" url:"actor_token,omitempty"`
	ActorTokenType      string   `json:"actor_token_type,omitempty" url:"actor_token_type,omitempty"`
	ClientID            string   `json:"client_id,omitempty" url:"client_id,omitempty"`
	ClientSecret        Secret   `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion     Secret   `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType string   `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra               Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m TokenExchangeRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m TokenExchangeRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A TokenExchangeResponse carries the token that was issued. It is in access_token
// whatever it is (RFC 8693, Section 2.2.1).
type TokenExchangeResponse struct {
	IssuedTokenType string `json:"issued_token_type,omitempty" url:"issued_token_type,omitempty"`
	AccessTokenResponse
}

// LogValue shows the message without its secrets.
func (m TokenExchangeResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m TokenExchangeResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }
