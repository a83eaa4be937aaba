package keyjar

import (
	"crypto/sha256"
	"encoding/json"
)

// thumbprint computes the JWK SHA-256 Thumbprint: the hash of the required members in
// the order of their names, without white space (RFC 7638, Section 3; for OKP, RFC 8037,
// Section 2). A symmetric key has none here: it would be a hash of the secret (RFC 7638,
// Section 7).
func thumbprint(m publicMembers) string {
	var required any
	switch m.Type {
	case kindRSA:
		required = struct {
			E    string `json:"e"`
			Type string `json:"kty"`
			N    string `json:"n"`
		}{m.E, m.Type, m.N}
	case kindEC:
		required = struct {
			Curve string `json:"crv"`
			Type  string `json:"kty"`
			X     string `json:"x"`
			Y     string `json:"y"`
		}{m.Curve, m.Type, m.X, m.Y}
	case kindOKP:
		required = struct {
			Curve string `json:"crv"`
			Type  string `json:"kty"`
			X     string `json:"x"`
		}{m.Curve, m.Type, m.X}
	default:
		return ""
	}
	data, err := json.Marshal(required)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return encodeSegment(sum[:])
}
