package keyjar

import (
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// Rules of a verification, in their order:
//
//  1. The header's alg is one of those that the caller named, and none only by name.
//  2. With a kid, the candidates are the keys of that kid; a client secret has no name.
//  3. Of these, those whose type and curve the algorithm demands.
//  4. Of these, those whose use, key_ops and alg do not speak against it.
//  5. One is left, or the set was told to try several.
//  6. A secret is as long as the hash.
//  7. The signature is that of the signing input, as it came, under that key.

// Verify checks the signature of t with a key of s. The algorithms that may have made
// it are the caller's choice; the header only says which of them it was. It returns the
// key, or a *message.Violation. [ErrUnknownKey] is found in it if no key of the set is
// meant, so that fetching the set anew may help.
//
// If algs has "none" and the token says none, its signature must be empty, there is no
// key, and the error is nil (RFC 7518, Section 3.6).
func (s *Set) Verify(t *Token, algs []string) (*Key, error) {
	alg := t.Header.Algorithm
	if !slices.Contains(algs, alg) {
		rule := message.RuleJOSEAlg
		if alg == algNone {
			rule = message.RuleJOSEAlgNone
		}
		return nil, violation(rule, "alg", alg, wanted(algs), nil)
	}
	if alg == algNone {
		if len(t.signature) != 0 {
			return nil, violation(message.RuleJOSESignature, "signature", "", "an empty signature", nil)
		}
		return nil, nil
	}
	a := signatureAlgorithmOf(alg)
	if a == nil {
		return nil, violation(message.RuleJOSEAlg, "alg", alg, "an algorithm that is implemented", nil)
	}
	first, others, err := s.choose(t.Header.KeyID, alg, a, toVerify)
	if err != nil {
		return nil, err
	}
	if err = first.verify(a, t); err == nil {
		return first, nil
	}
	for _, k := range others {
		if k.verify(a, t) == nil {
			return k, nil
		}
	}
	return nil, err
}

// verify checks the signature with the one key k, which fits a.
func (k *Key) verify(a *signatureAlgorithm, t *Token) error {
	var raw any = k.public
	if a.kind == kindSecret {
		if !k.longEnough(a) {
			return violation(message.RuleKeyHMACLength, "alg", a.name, "a secret as long as the hash", nil)
		}
		raw = k.secret
	}
	if err := a.verifier.Verify([]byte(t.text[:t.input]), t.signature, raw); err != nil {
		// The library's words add nothing, and might quote something.
		return violation(message.RuleJOSESignature, "signature", "", "", nil)
	}
	return nil
}

// longEnough reports whether a secret has the length of the hash: "a key of the same
// size as the hash output … or larger MUST be used" (RFC 7518, Section 3.2).
func (k *Key) longEnough(a *signatureAlgorithm) bool {
	return a.kind != kindSecret || len(k.secret) >= a.hash.Size()
}

// fits reports whether k has the type and the curve that the algorithm demands.
func (a *signatureAlgorithm) fits(k *Key) bool { return k.kind == a.kind && k.curve == a.curve }

// permits reports whether nothing that the JWK says speaks against the use (RFC 7517,
// Sections 4.2, 4.3 and 4.4).
func (k *Key) permits(alg string, o operation) bool {
	return (k.use == "" || k.use == o.use()) &&
		(k.alg == "" || k.alg == alg || sameAlgorithm(k.alg, alg)) &&
		o.admitted(k.ops, k.private != nil || k.kind == kindSecret)
}

// sameAlgorithm knows the cases in which the alg of a JWK has another name than that of
// the header: EdDSA of RFC 8037 is Ed25519 of RFC 9864, and with dir a key may be marked
// with the content encryption that it is for (RFC 7520, Section 5.6.1). In a caller's
// list of algorithms, names are names.
func sameAlgorithm(ofKey, ofHeader string) bool {
	switch ofHeader {
	case edDSA, ed25519Name:
		return ofKey == edDSA || ofKey == ed25519Name
	case algDirect:
		return contentEncryptionOf(ofKey) != nil
	}
	return false
}

// An algorithm is what choose needs to know of one, whether it signs or encrypts.
type algorithm interface {
	fits(k *Key) bool
	symmetric() bool
}

func (a *signatureAlgorithm) symmetric() bool { return a.kind == kindSecret }

// choose returns the key that a token with this kid means, and, if the set was told so,
// others that may be tried.
func (s *Set) choose(kid, alg string, a algorithm, o operation) (first *Key, others []*Key, err error) {
	if s == nil {
		s = &Set{}
	}
	candidates := s.keys
	if kid != "" && !a.symmetric() {
		candidates = s.byID[kid]
	}
	typed := false
	for _, k := range candidates {
		if kid != "" && k.id != kid && !k.client { // a client secret is no JWK and has no kid
			continue
		}
		if !a.fits(k) || o == toDecrypt && !k.IsPrivate() {
			continue
		}
		typed = true
		switch {
		case !k.permits(alg, o):
		case first == nil:
			first = k
		case !first.same(k):
			others = append(others, k)
		}
	}
	switch {
	case typed && first == nil:
		return nil, nil, violation(message.RuleKeyRestrictions, "kid", kid, "a key for "+alg, nil)
	case first == nil:
		return nil, nil, s.noKey(kid, alg, a)
	case len(others) >= max(s.trials, 1):
		return nil, nil, violation(message.RuleKeyAmbiguous, "kid", kid, "one key that fits "+alg, nil)
	}
	return first, others, nil
}

// noKey says why none of the keys is of the type that is wanted.
func (s *Set) noKey(kid, alg string, a algorithm) error {
	if a.symmetric() {
		// There may be public keys, but never are their bytes a secret.
		return violation(message.RuleKeyHMACSource, "alg", alg, "a client secret", nil)
	}
	if kid == "" {
		return violation(message.RuleKeyNoKid, "kid", "", "a key for "+alg, ErrUnknownKey)
	}
	if len(s.byID[kid]) > 0 {
		return violation(message.RuleKeyTypeForAlg, "kid", kid, "a key for "+alg, nil)
	}
	if reason := s.skipped[kid]; reason != nil {
		return reason // it is in the document, and was not taken
	}
	return violation(message.RuleKeyKid, "kid", kid, "a key of the set", ErrUnknownKey)
}

// same reports whether two entries of a set are one key, as when it is published once
// for each use.
func (k *Key) same(other *Key) bool {
	if k.kind == kindSecret {
		return other.kind == kindSecret && string(k.secret) == string(other.secret)
	}
	return k.thumbprint == other.thumbprint
}

func wanted(algs []string) string {
	if len(algs) == 0 {
		return "no algorithm"
	}
	return strings.Join(algs, " or ")
}
