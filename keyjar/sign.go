package keyjar

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/oidcservice/oidc/message"
)

// Sign makes a compact JWS of the payload (RFC 7515, Section 7.1). The header's
// Algorithm is required and must fit the key; its KeyID is the key's unless it is set;
// its JWK may be the key's own public one and no other (RFC 9449, Section 4.2).
//
// The random source serves PS256 and its siblings, and private keys that live elsewhere.
// Signatures with an EC key in memory are deterministic (RFC 6979), so that a replayed
// conversation gives the same bytes.
func (k *Key) Sign(h Header, payload []byte, rand io.Reader) (string, error) {
	a := signatureAlgorithmOf(h.Algorithm)
	if a == nil {
		return "", violation(message.RuleJOSEAlg, "alg", h.Algorithm, "an algorithm that is implemented", nil)
	}
	raw, err := k.signingKey(a, rand)
	if err != nil {
		return "", err
	}
	if h.KeyID == "" {
		h.KeyID = k.id
	}
	if len(h.JWK) > 0 {
		if err := k.checkOwnJWK(h.JWK); err != nil {
			return "", err
		}
	}
	token, err := signingInput(h, payload)
	if err != nil {
		return "", err
	}
	signature, err := a.signer.Sign(token, raw)
	if err != nil {
		return "", fmt.Errorf("keyjar: signing with %s: %w", k, err)
	}
	return string(base64.RawURLEncoding.AppendEncode(append(token, '.'), signature)), nil
}

// Unsigned makes a compact JWS with alg none, which proves nothing (RFC 7518, Section
// 3.6). OpenID Connect Core 1.0 permits it for request objects (Section 6.1), and for ID
// Tokens of the code flow if the client asked for it (Section 2).
func Unsigned(h Header, payload []byte) (string, error) {
	h.Algorithm = algNone
	token, err := signingInput(h, payload)
	if err != nil {
		return "", err
	}
	return string(append(token, '.')), nil
}

// signingInput is what is signed: header and payload (RFC 7515, Section 5.1). Behind it is
// room for the signature of a P-256 key.
func signingInput(h Header, payload []byte) ([]byte, error) {
	if h.Encryption != "" {
		return nil, errors.New("keyjar: a JWS has no enc")
	}
	if len(payload) == 0 {
		return nil, errors.New("keyjar: a JWS has a payload")
	}
	header, err := h.encode()
	if err != nil {
		return nil, err
	}
	const room = len(".") + 86
	encoding := base64.RawURLEncoding
	input := make([]byte, 0, encoding.EncodedLen(len(header))+len(".")+encoding.EncodedLen(len(payload))+room)
	input = encoding.AppendEncode(input, header)
	return encoding.AppendEncode(append(input, '.'), payload), nil
}

// signingKey checks that k may sign with a, and returns what the library signs with.
func (k *Key) signingKey(a *signatureAlgorithm, rand io.Reader) (any, error) {
	switch {
	case !a.fits(k):
		return nil, violation(message.RuleKeyTypeForAlg, "alg", a.name, "an algorithm for "+k.String(), nil)
	case !k.permits(a.name, toSign):
		return nil, violation(message.RuleKeyRestrictions, "alg", a.name, "what the key is meant for", nil)
	case !k.longEnough(a):
		return nil, violation(message.RuleKeyHMACLength, "alg", a.name, "a secret as long as the hash", nil)
	case a.kind == kindSecret:
		return k.secret, nil
	}
	signer, ok := k.private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: %s cannot sign", ErrNoKey, k)
	}
	if a.pss && rand == nil {
		return nil, ErrNoRandom
	}
	if _, ok := signer.(*ecdsa.PrivateKey); ok {
		rand = nil // "If random is nil, Sign will produce a deterministic signature" (crypto/ecdsa)
	}
	return randomSigner{signer, rand}, nil
}

// randomSigner makes the library draw from the random source that the caller gave,
// instead of the system's.
type randomSigner struct {
	crypto.Signer
	rand io.Reader
}

// Sign replaces the random source.
func (s randomSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.Signer.Sign(s.rand, digest, opts)
}

// checkOwnJWK refuses a jwk header that would publish another key, or a private one.
func (k *Key) checkOwnJWK(jwk []byte) error {
	key, err := ParseKey(jwk)
	if err != nil {
		return err
	}
	if key.IsPrivate() || key.thumbprint != k.thumbprint {
		return errors.New("keyjar: the header's jwk is not the public key that signs")
	}
	return nil
}
