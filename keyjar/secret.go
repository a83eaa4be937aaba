package keyjar

import (
	"crypto"
	"fmt"

	"github.com/oidcservice/oidc/message"
)

// NewSecret returns the set of the one symmetric key that a client secret is. For HS256
// and its siblings "the MAC key used is the octets of the UTF-8 representation of the
// client_secret value" (OpenID Connect Core 1.0, Section 10.1); for dir and A128KW and its
// siblings the key is a left-truncated hash of them (Section 10.2). The key has no kid, and a
// token's kid does not keep it from being chosen. Without a secret the set is empty.
//
// To put the secret beside the keys of a provider, use set.With(NewSecret(s).Keys()...).
func NewSecret(secret []byte) *Set {
	key, err := NewKey(secret, KeyOptions{})
	if err != nil {
		return NewSet()
	}
	key.client = true
	return NewSet(key)
}

// symmetricKey returns the key of the given size for encryption with alg: the octets of
// a symmetric JWK, or what is derived from a client secret. "For keys of 256 or fewer
// bits, SHA-256 is used; for keys of 257-384 bits, SHA-384 is used; for keys of 385-512
// bits, SHA-512 is used" (OpenID Connect Core 1.0, Section 10.2).
func (k *Key) symmetricKey(alg string, size int) ([]byte, error) {
	if !k.client {
		if len(k.secret) != size {
			return nil, violation(message.RuleJWEKeyLength, "alg", fmt.Sprintf("a key of %d octets", len(k.secret)), fmt.Sprintf("%d octets for %s", size, alg), nil)
		}
		return k.secret, nil
	}
	hash := crypto.SHA256
	switch {
	case size > 48:
		hash = crypto.SHA512
	case size > 32:
		hash = crypto.SHA384
	}
	return hashOf(hash, string(k.secret))[:size], nil
}
