package message

import (
	"fmt"
	"log/slog"
)

// RequestObjectType is the typ and media subtype of a request object (RFC 9101,
// Section 10.8).
const RequestObjectType = "oauth-authz-req+jwt"

// A RequestObject is the payload of a request object: the parameters of an
// authorization request and claims about itself (OpenID Connect Core 1.0, Section 6.1;
// RFC 9101, Section 4).
type RequestObject struct {
	Issuer     string   `json:"iss,omitempty"`
	Subject    string   `json:"sub,omitempty"` // must be absent (RFC 9101, Section 10.8)
	Audience   Audience `json:"aud,omitempty"`
	Expiration Time     `json:"exp,omitzero"`
	NotBefore  Time     `json:"nbf,omitzero"`
	IssuedAt   Time     `json:"iat,omitzero"`
	JWTID      string   `json:"jti,omitempty"`
	AuthorizationRequest
}

// LogValue shows the message without its secrets.
func (m RequestObject) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m RequestObject) Format(s fmt.State, verb rune) { Format(s, verb, m) }
