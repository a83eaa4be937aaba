package message

import (
	"fmt"
	"log/slog"
)

// An IDToken is the payload of an ID Token (OpenID Connect Core 1.0, Section 2). Its
// claims are worth nothing before the token is verified.
type IDToken struct {
	Issuer          string   `json:"iss,omitempty"`
	Subject         string   `json:"sub,omitempty"`
	Audience        Audience `json:"aud,omitempty"`
	Expiration      Time     `json:"exp,omitzero"`
	IssuedAt        Time     `json:"iat,omitzero"`
	NotBefore       Time     `json:"nbf,omitzero"`
	AuthTime        Time     `json:"auth_time,omitzero"`
	Nonce           string   `json:"nonce,omitempty"`
	ACR             string   `json:"acr,omitempty"`
	AMR             []string `json:"amr,omitempty"`
	AuthorizedParty string   `json:"azp,omitempty"`
	JWTID           string   `json:"jti,omitempty"`
	AccessTokenHash string   `json:"at_hash,omitempty"` // Sections 3.1.3.6, 3.2.2.9 and 3.3.2.11
	CodeHash        string   `json:"c_hash,omitempty"`  // Section 3.3.2.11
	StateHash       string   `json:"s_hash,omitempty"`  // FAPI 1.0 Part 2: Advanced, Section 5.1
	SessionID       string   `json:"sid,omitempty"`     // Front-Channel Logout 1.0, Section 3

	// CIBA Core 1.0, Section 10.3.1.
	AuthReqID        Secret `json:"urn:openid:params:jwt:claim:auth_req_id,omitempty"`
	RefreshTokenHash string `json:"urn:openid:params:jwt:claim:rt_hash,omitempty"`

	StandardClaims
	ClaimNames   map[string]string       `json:"_claim_names,omitempty"`   // Section 5.6.2
	ClaimSources map[string]*ClaimSource `json:"_claim_sources,omitempty"` // Section 5.6.2

	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m IDToken) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m IDToken) Format(s fmt.State, verb rune) { Format(s, verb, m) }
