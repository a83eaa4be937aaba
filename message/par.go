package message

import (
	"fmt"
	"log/slog"
)

// A PushedAuthorizationRequest hands an authorization request to the provider over
// the back channel (RFC 9126, Section 2.1). It has the parameters of the authorization
// request and those of client authentication.
type PushedAuthorizationRequest struct {
	AuthorizationRequest
	ClientSecret        Secret `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion     Secret `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType string `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
}

// LogValue shows the message without its secrets.
func (m PushedAuthorizationRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m PushedAuthorizationRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A PushedAuthorizationResponse names what was pushed (RFC 9126, Section 2.2).
type PushedAuthorizationResponse struct {
	RequestURI string `json:"request_uri,omitempty"`
	ExpiresIn  *int64 `json:"expires_in,omitempty"`
	Extra      Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m PushedAuthorizationResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m PushedAuthorizationResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }
