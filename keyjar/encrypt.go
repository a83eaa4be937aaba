package keyjar

import (
	"crypto/ecdh"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"
	"github.com/lestrrat-go/jwx/v2/x25519"

	"github.com/oidcservice/oidc/message"
)

// Encrypt makes a compact JWE of the payload for the owner of the key (RFC 7516, Section
// 7.1). The header's Algorithm is the key's unless it is set, and must fit the key; its
// Encryption is A128CBC-HS256 unless it is set (OpenID Connect Dynamic Client Registration
// 1.0, Section 2); its KeyID is the key's unless it is set. To nest a JWS in it, encrypt
// the JWS with ContentType JWT.
//
// The random source is not drawn from. Content keys, initialization vectors and
// ephemeral keys come from the system, whatever is injected, as crypto/ecdsa and
// crypto/rsa decided for theirs in Go 1.26; the parameter stands beside that of Sign.
func (k *Key) Encrypt(payload []byte, h Header, _ io.Reader) (string, error) {
	if h.Algorithm == "" {
		h.Algorithm = k.alg
	}
	if h.Encryption == "" {
		h.Encryption = encByDefault
	}
	if h.KeyID == "" {
		h.KeyID = k.id
	}
	a, enc := encryptionAlgorithmOf(h.Algorithm), contentEncryptionOf(h.Encryption)
	switch {
	case a == nil:
		return "", violation(message.RuleJWEExpected, "alg", h.Algorithm, "an algorithm that is implemented", nil)
	case enc == nil:
		return "", violation(message.RuleJWEExpected, "enc", h.Encryption, "an algorithm that is implemented", nil)
	case !a.fits(k):
		return "", violation(message.RuleKeyTypeForAlg, "alg", a.name, "an algorithm for "+k.String(), nil)
	case !k.permits(a.name, toEncrypt):
		return "", violation(message.RuleKeyRestrictions, "alg", a.name, "what the key is meant for", nil)
	case len(payload) == 0:
		return "", errors.New("keyjar: a JWE has a payload")
	case len(h.JWK) > 0 || len(h.Extra) > 0:
		// The library would write the names of Extra without escaping them.
		return "", errors.New("keyjar: a JWE has no header parameters but alg, enc, kid, typ and cty")
	}
	raw, err := k.sealingKey(a, enc)
	if err != nil {
		return "", err
	}
	headers := jwe.NewHeaders()
	for _, parameter := range []struct{ name, value string }{
		{jwe.KeyIDKey, h.KeyID}, {jwe.TypeKey, h.Type}, {jwe.ContentTypeKey, h.ContentType},
	} {
		if parameter.value == "" {
			continue
		}
		if err := headers.Set(parameter.name, parameter.value); err != nil {
			return "", fmt.Errorf("keyjar: header parameter %s: %w", parameter.name, err)
		}
	}
	token, err := jwe.Encrypt(payload,
		jwe.WithKey(jwa.KeyEncryptionAlgorithm(a.name), raw),
		jwe.WithContentEncryption(jwa.ContentEncryptionAlgorithm(enc.name)),
		jwe.WithProtectedHeaders(headers))
	if err != nil {
		return "", fmt.Errorf("keyjar: encrypting for %s: %w", k, err)
	}
	return string(token), nil
}

// sealingKey returns what the library encrypts the content key with.
func (k *Key) sealingKey(a *encryptionAlgorithm, enc *contentEncryption) (any, error) {
	if a.symmetric() {
		return k.symmetricKey(a.name, a.sizeFor(enc))
	}
	if public, ok := k.public.(*ecdh.PublicKey); ok {
		return x25519.PublicKey(public.Bytes()), nil
	}
	return k.public, nil
}

// sizeFor returns the length of the symmetric key: with dir, it is the content key itself.
func (a *encryptionAlgorithm) sizeFor(enc *contentEncryption) int {
	if a.direct {
		return enc.keySize
	}
	return a.keySize
}

func (a *encryptionAlgorithm) symmetric() bool { return a.kind == kindSecret }

// fits reports whether k has the type that the algorithm demands, and a curve that it knows.
func (a *encryptionAlgorithm) fits(k *Key) bool {
	if a.curves != nil {
		return slices.Contains(a.curves, k.curve)
	}
	return k.kind == a.kind
}
