package message

import (
	"fmt"
	"log/slog"
)

// A UserInfoRequest asks for claims. The access token stands in the header, or here in
// the body of a POST (OpenID Connect Core 1.0, Section 5.3.1; RFC 6750, Section 2.2).
type UserInfoRequest struct {
	AccessToken Secret `json:"access_token,omitempty" url:"access_token,omitempty"`
	Extra       Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m UserInfoRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m UserInfoRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A UserInfoResponse tells claims about a user, as JSON or as the payload of a JWT
// (OpenID Connect Core 1.0, Section 5.3.2).
type UserInfoResponse struct {
	Subject string `json:"sub,omitempty"`
	StandardClaims
	ClaimNames   map[string]string       `json:"_claim_names,omitempty"`   // Section 5.6.2
	ClaimSources map[string]*ClaimSource `json:"_claim_sources,omitempty"` // Section 5.6.2

	// Of a signed response (Section 5.3.2).
	Issuer     string   `json:"iss,omitempty"`
	Audience   Audience `json:"aud,omitempty"`
	Expiration Time     `json:"exp,omitzero"`
	IssuedAt   Time     `json:"iat,omitzero"`
	NotBefore  Time     `json:"nbf,omitzero"`

	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m UserInfoResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m UserInfoResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }
