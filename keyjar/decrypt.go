package keyjar

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"
	"github.com/lestrrat-go/jwx/v2/x25519"

	"github.com/oidcservice/oidc/message"
)

// Rules of a decryption, in their order:
//
//  1. Five segments of strict base64url, the first a header as header.go says.
//  2. No zip, no PBES2, RSA1_5 only by name; alg and enc as registered.
//  3. The key is chosen as for a signature.
//  4. All lengths that are public are right, and an ephemeral key lies on the key's curve.
//  5. Whatever fails after that fails in one way.

// A DecryptPolicy says which encryptions are accepted: those that were registered for
// this kind of message (OpenID Connect Core 1.0, Section 10.2).
type DecryptPolicy struct {
	Algs []string // key management algorithms
	Encs []string // content encryption algorithms

	// AllowRSA15 admits RSA1_5 where Algs names it. RFC 8725, Section 3.2, says to avoid
	// it, because implementations of it leak; it takes a key in memory.
	AllowRSA15 bool
}

// encryptedToken is a compact JWE taken apart (RFC 7516, Section 7.1).
type encryptedToken struct {
	text                            string
	header                          Header
	encryptedKey, iv, content, auth []byte
}

// Decrypt opens a compact JWE with a private or symmetric key of s. What it returns is
// neither signed nor verified: anybody could have encrypted it. An error about the outside of
// the token is a *message.Violation that says what is wrong; all failures to open it are
// one and the same, of rule jwe_error_uniform.
func (s *Set) Decrypt(token string, p DecryptPolicy) ([]byte, *Header, error) {
	e, err := parseEncrypted(token)
	if err != nil {
		return nil, nil, err
	}
	a, enc, err := p.admit(&e.header)
	if err != nil {
		return nil, nil, err
	}
	first, others, err := s.choose(e.header.KeyID, a.name, a, toDecrypt)
	if err != nil {
		return nil, nil, err
	}
	payload, err := first.open(e, a, enc)
	for i := 0; err != nil && i < len(others); i++ {
		if opened, failure := others[i].open(e, a, enc); failure == nil {
			payload, err = opened, nil
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return payload, &e.header, nil
}

// DecryptNested opens a JWE that holds a JWS, and returns the JWS, which is still to be
// verified. "In the case that nested signing or encryption is employed, this Header
// Parameter MUST be present; in this case, the value MUST be 'JWT'" (RFC 7519, Section
// 5.2, of cty). There is one level: what is inside is not encrypted again.
func (s *Set) DecryptNested(token string, p DecryptPolicy) (string, *Header, error) {
	payload, header, err := s.Decrypt(token, p)
	if err != nil {
		return "", nil, err
	}
	if !header.IsContentType("JWT") {
		return "", nil, violation(message.RuleJWENesting, "cty", header.ContentType, "JWT", nil)
	}
	inner := string(payload)
	if _, err := Parse(inner); err != nil {
		return "", nil, violation(message.RuleJWENesting, "", "", "a compact JWS inside", err)
	}
	return inner, header, nil
}

func parseEncrypted(token string) (*encryptedToken, error) {
	if err := checkSize(token); err != nil {
		return nil, err
	}
	if strings.Count(token, ".") != 4 {
		return nil, violation(message.RuleJOSECompact, "", segments(token), "5 segments", nil)
	}
	parts := strings.Split(token, ".")
	header, err := readHeader(parts[0])
	if err != nil {
		return nil, err
	}
	e := &encryptedToken{text: token, header: header}
	for _, part := range []struct {
		name, text string
		into       *[]byte
	}{
		{"encrypted_key", parts[1], &e.encryptedKey}, {"iv", parts[2], &e.iv},
		{"ciphertext", parts[3], &e.content}, {"tag", parts[4], &e.auth},
	} {
		if *part.into, err = decodeSegment(part.text); err != nil {
			return nil, violation(message.RuleJOSEBase64URL, part.name, "", "", nil)
		}
		if part.text == "" && part.name != "encrypted_key" {
			return nil, violation(message.RuleJOSECompact, part.name, "an empty segment", "", nil)
		}
	}
	return e, nil
}

// admit refuses what was not registered, and what never is accepted.
func (p DecryptPolicy) admit(h *Header) (*encryptionAlgorithm, *contentEncryption, error) {
	if h.Extra.Has("zip") {
		return nil, nil, violation(message.RuleJWEZip, "zip", h.Extra.Text("zip"), "no compression", nil)
	}
	if strings.HasPrefix(h.Algorithm, "PBES2") || h.Algorithm == algRSA15 && !p.AllowRSA15 {
		return nil, nil, violation(message.RuleJWEAlgRefused, "alg", h.Algorithm, wanted(p.Algs), nil)
	}
	a, enc := encryptionAlgorithmOf(h.Algorithm), contentEncryptionOf(h.Encryption)
	if h.Algorithm == algRSA15 {
		a = rsa15
	}
	if a == nil || !slices.Contains(p.Algs, h.Algorithm) {
		return nil, nil, violation(message.RuleJWEExpected, "alg", h.Algorithm, wanted(p.Algs), nil)
	}
	if enc == nil || !slices.Contains(p.Encs, h.Encryption) {
		return nil, nil, violation(message.RuleJWEExpected, "enc", h.Encryption, wanted(p.Encs), nil)
	}
	return a, enc, nil
}

// open decrypts with the one key k.
func (k *Key) open(e *encryptedToken, a *encryptionAlgorithm, enc *contentEncryption) ([]byte, error) {
	if err := k.checkSizes(e, a, enc); err != nil {
		return nil, err
	}
	raw, err := k.openingKey(e, a, enc)
	if err != nil {
		return nil, err
	}
	payload, err := jwe.Decrypt([]byte(e.text), jwe.WithKey(jwa.KeyEncryptionAlgorithm(a.name), raw))
	if unwrapper, ok := raw.(*keyUnwrapper); ok && unwrapper.failed || err != nil {
		return nil, violation(message.RuleJWEErrorUniform, "jwe", "", "", nil)
	}
	return payload, nil
}

// checkSizes compares what anybody can measure: "the recipient MUST NOT distinguish
// between format, padding, and length errors of encrypted keys" (RFC 7516, Section 11.5)
// is about what is inside.
func (k *Key) checkSizes(e *encryptedToken, a *encryptionAlgorithm, enc *contentEncryption) error {
	if len(e.iv) != enc.ivSize || len(e.auth) != enc.tagSize || len(e.content)%enc.block != 0 {
		return violation(message.RuleJWEErrorUniform, "jwe", "", "", nil)
	}
	want := enc.keySize + 8 // wrapped by AES Key Wrap (RFC 3394)
	switch public, isRSA := k.public.(*rsa.PublicKey); {
	case a.direct:
		want = 0
	case isRSA:
		want = public.Size()
	}
	if len(e.encryptedKey) != want {
		return violation(message.RuleJWEKeyLength, "encrypted_key", fmt.Sprintf("%d octets", len(e.encryptedKey)), fmt.Sprintf("%d octets", want), nil)
	}
	return nil
}

// openingKey returns what the library decrypts the content key with.
func (k *Key) openingKey(e *encryptedToken, a *encryptionAlgorithm, enc *contentEncryption) (any, error) {
	switch {
	case a.symmetric():
		return k.symmetricKey(a.name, a.sizeFor(enc))
	case a.curves != nil:
		if err := k.checkEphemeral(e); err != nil {
			return nil, err
		}
		switch private := k.private.(type) {
		case *ecdh.PrivateKey:
			return x25519.NewKeyFromSeed(private.Bytes())
		case *ecdsa.PrivateKey:
			return private, nil
		}
		return nil, fmt.Errorf("%w: %s cannot decrypt", ErrNoKey, k)
	case a == rsa15:
		// The library replaces a content key that it cannot decrypt by a random one,
		// which needs the key itself.
		if private, ok := k.private.(*rsa.PrivateKey); ok {
			return private, nil
		}
		return nil, violation(message.RuleJWEAlgRefused, "alg", a.name, "a key in memory", nil)
	}
	if decrypter, ok := k.private.(crypto.Decrypter); ok {
		return &keyUnwrapper{key: decrypter, options: &rsa.OAEPOptions{Hash: a.hash}, size: enc.keySize}, nil
	}
	return nil, fmt.Errorf("%w: %s cannot decrypt", ErrNoKey, k)
}

// checkEphemeral reads the sender's epk as strictly as any JWK, so that a point beside
// the curve never meets the private key.
func (k *Key) checkEphemeral(e *encryptedToken) error {
	value, ok := e.header.Extra.Get("epk")
	if !ok {
		return violation(message.RuleJOSEJSON, "epk", "", "a public key", nil)
	}
	epk, err := ParseKey(value)
	switch {
	case err != nil:
		return violation(message.RuleKeyStrength, "epk", "", "a public key", err)
	case epk.curve != k.curve || epk.IsPrivate():
		return violation(message.RuleKeyTypeForAlg, "epk", epk.String(), "a public key on "+k.curve, nil)
	}
	return nil
}

// A keyUnwrapper decrypts the content key with RSA-OAEP, wherever the private key is.
// If it cannot, it goes on with another content key, so that the time does not tell at
// which step it failed (RFC 7516, Section 11.5), and remembers that it did: the other
// key is no secret, so a content that opens with it is refused all the same.
type keyUnwrapper struct {
	key     crypto.Decrypter
	options crypto.DecrypterOpts
	size    int
	failed  bool
}

// DecryptKey implements the library's interface for keys that are elsewhere.
func (u *keyUnwrapper) DecryptKey(_ jwa.KeyEncryptionAlgorithm, encryptedKey []byte, _ jwe.Recipient, _ *jwe.Message) ([]byte, error) {
	key, err := u.key.Decrypt(nil, encryptedKey, u.options)
	if err != nil || len(key) != u.size {
		u.failed = true
		return make([]byte, u.size), nil
	}
	return key, nil
}
