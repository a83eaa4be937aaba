package message

import (
	"fmt"
	"log/slog"
)

// A JARMResponse is the payload of a JWT-secured authorization response: the
// parameters of the response and claims about itself. Its issuer is iss, the parameter
// of the response (JWT Secured Authorization Response Mode, Section 2.1).
type JARMResponse struct {
	Audience   Audience `json:"aud,omitempty"`
	Expiration Time     `json:"exp,omitzero"`
	NotBefore  Time     `json:"nbf,omitzero"`
	IssuedAt   Time     `json:"iat,omitzero"`
	AuthorizationResponse
}

// LogValue shows the message without its secrets.
func (m JARMResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m JARMResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }
