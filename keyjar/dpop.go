package keyjar

import (
	"slices"

	"github.com/oidcservice/oidc/message"
)

// VerifyDPoP verifies the form and the signature of a DPoP proof (RFC 9449, Section
// 4.3, steps 2 to 7): a compact JWS with typ dpop+jwt, one of the given algorithms,
// which must be asymmetric, and in its header the public key that made the signature.
// This is the only place where the key in a header is used; it proves possession of
// that key and nothing else. The claims (htm, htu, iat, jti, ath, nonce) are the
// caller's to check.
//
// It returns the payload and the JWK SHA-256 Thumbprint of the key, to be compared with
// cnf.jkt of a token. An error is a *message.Violation of rule dpop_proof around the
// general one.
func VerifyDPoP(proof string, algs []string) (payload []byte, thumbprint string, err error) {
	t, key, err := verifyDPoP(proof, algs)
	if err != nil {
		return nil, "", err
	}
	return t.Payload, key.thumbprint, nil
}

func verifyDPoP(proof string, algs []string) (*Token, *Key, error) {
	fail := func(param, got, want string, err error) (*Token, *Key, error) {
		return nil, nil, violation(message.RuleDPoPProof, param, got, want, err)
	}
	t, err := Parse(proof)
	if err != nil {
		return fail("", "", "", err)
	}
	if !t.Header.IsType(message.DPoPProofType) {
		return fail("typ", t.Header.Type, message.DPoPProofType, nil)
	}
	alg := t.Header.Algorithm
	a := signatureAlgorithmOf(alg)
	if a == nil || a.symmetric() || !slices.Contains(algs, alg) {
		return fail("alg", alg, wanted(algs)+", asymmetric", violation(message.RuleJOSEAlg, "alg", alg, wanted(algs), nil))
	}
	if len(t.Header.JWK) == 0 {
		return fail("jwk", "", "a public key", nil)
	}
	w, err := readJWK(t.Header.JWK)
	if err != nil {
		return fail("jwk", "", "a public key", err)
	}
	// The jwk "MUST NOT contain a private key" (RFC 9449, Section 4.2).
	if w.hasSecret() {
		return fail("jwk", "a private key", "a public key", nil)
	}
	key, err := w.key()
	if err != nil {
		return fail("jwk", "", "a public key", err)
	}
	if !a.fits(key) {
		return fail("jwk", key.kind, "a key for "+alg, violation(message.RuleKeyTypeForAlg, "alg", alg, "", nil))
	}
	if !key.permits(alg, toVerify) {
		return fail("jwk", "", "a key for "+alg, violation(message.RuleKeyRestrictions, "alg", alg, "", nil))
	}
	if err := key.verify(a, t); err != nil {
		return fail("", "", "", err)
	}
	return t, key, nil
}
