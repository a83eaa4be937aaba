package message

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
)

// DPoPProofType is the typ of a DPoP proof (RFC 9449, Section 4.2).
const DPoPProofType = "dpop+jwt"

// A DPoPProof is the payload of a DPoP proof (RFC 9449, Section 4.2).
type DPoPProof struct {
	JWTID           string `json:"jti,omitempty"`
	Method          string `json:"htm,omitempty"`
	URI             string `json:"htu,omitempty"`
	IssuedAt        Time   `json:"iat,omitzero"`
	AccessTokenHash string `json:"ath,omitempty"`
	Nonce           string `json:"nonce,omitempty"`
	Extra           Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m DPoPProof) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m DPoPProof) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// AccessTokenHash returns the ath of a proof that goes with an access token: "the
// base64url encoding of the SHA-256 hash of the ASCII encoding of the associated access
// token's value" (RFC 9449, Section 4.2).
func AccessTokenHash(token Secret) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
