package keyjar

import (
	"crypto"
	"fmt"
)

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
	h := hash.New()
	h.Write([]byte(value))
	return h.Sum(nil)
}
