package keyjar

import (
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"fmt"
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

// HalfHash returns the base64url encoding of the left-most half of the hash of value,
// as at_hash, c_hash, s_hash and rt_hash hold it: "the hash algorithm used is the hash
// algorithm used in the alg Header Parameter of the ID Token's JOSE Header" (OpenID
// Connect Core 1.0, Section 3.1.3.6). EdDSA names no hash; for keys on Ed25519 it is
// SHA-512, the one inside the signature. The curve is that of the key that signed, and
// matters for EdDSA alone.
func HalfHash(alg, curve, value string) (string, error) {
	a := signatureAlgorithmOf(alg)
	if a == nil || alg == edDSA && curve != a.curve {
		return "", fmt.Errorf("keyjar: no hash belongs to the algorithm %q with the curve %q", alg, curve)
	}
	sum := hashOf(a.hash, value)
	return encodeSegment(sum[:len(sum)/2]), nil
}

func hashOf(hash crypto.Hash, value string) []byte {
	if hash == crypto.SHA256 { // without a hash.Hash on the heap
		sum := sha256.Sum256([]byte(value))
		return sum[:]
	}
	h := hash.New()
	h.Write([]byte(value))
	return h.Sum(nil)
}
