package keyjar

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"

	"github.com/oidcservice/oidc/message"
)

// Rules of reading a JWK (RFC 7517, Section 4; RFC 7518, Section 6; RFC 8037, Section 2):
//
//   - Names are exact, no member stands there twice, numbers are base64url without padding.
//   - The parts of a key fit together, and the key is strong enough to be one.
//   - Members that are not known are ignored, and not written again.
//   - No other library sees a JWK.

// Limits of what is read. A key of 4,096 bits with a chain of three certificates has
// some 8 KiB; an RSA verification takes time in the square of the modulus' length.
const (
	maxKeySize    = 64 << 10
	maxKeyID      = 256
	minRSABits    = 2048
	maxRSABits    = 16384
	maxSecretSize = 4096
)

// jsonWebKey is a JWK as it is read. With omitempty, Extra tells what is there and empty.
type jsonWebKey struct {
	Type         string   `json:"kty,omitempty"`
	Curve        string   `json:"crv,omitempty"`
	X            string   `json:"x,omitempty"`
	Y            string   `json:"y,omitempty"`
	N            string   `json:"n,omitempty"`
	E            string   `json:"e,omitempty"`
	KeyID        string   `json:"kid,omitempty"`
	Use          string   `json:"use,omitempty"`
	Algorithm    string   `json:"alg,omitempty"`
	Operations   []string `json:"key_ops,omitempty"`
	Certificates []string `json:"x5c,omitempty"`

	D  string `json:"d,omitempty"`
	P  string `json:"p,omitempty"`
	Q  string `json:"q,omitempty"`
	DP string `json:"dp,omitempty"`
	DQ string `json:"dq,omitempty"`
	QI string `json:"qi,omitempty"`
	K  string `json:"k,omitempty"`

	Extra message.Extra `json:"-"`
}

var secretNames = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// hasSecret reports whether a member is there that a public key has not, even empty.
func (w *jsonWebKey) hasSecret() bool {
	if w.Type == kindSecret || w.D+w.P+w.Q+w.DP+w.DQ+w.QI+w.K != "" {
		return true
	}
	for _, name := range secretNames {
		if w.Extra.Has(name) {
			return true
		}
	}
	return false
}

func readJWK(data []byte) (*jsonWebKey, error) {
	if len(data) > maxKeySize {
		return nil, violation(message.RuleJWKSSkipUnknown, "jwk", "", fmt.Sprintf("at most %d bytes", maxKeySize), nil)
	}
	var w jsonWebKey
	if err := message.DecodeJSON(data, &w); err != nil {
		return nil, violation(message.RuleJWKSSkipUnknown, "jwk", "", "", err)
	}
	return &w, nil
}

// ParseKey reads one JWK (RFC 7517, Section 4): public, private or symmetric. It is
// strict about names, duplicates and encodings, checks that the parts fit together and
// that the key is strong enough, and ignores members that it does not know.
func ParseKey(jwk []byte) (*Key, error) {
	w, err := readJWK(jwk)
	if err != nil {
		return nil, err
	}
	return w.key()
}

func (w *jsonWebKey) key() (*Key, error) {
	if len(w.KeyID) > maxKeyID {
		return nil, violation(message.RuleKeyKid, "kid", "", fmt.Sprintf("at most %d bytes", maxKeyID), nil)
	}
	k := &Key{id: w.KeyID, kind: w.Type, use: w.Use, alg: w.Algorithm, ops: w.Operations, secrets: &secrets{}}
	var err error
	switch w.Type {
	case kindRSA:
		err = w.rsa(k)
	case kindEC:
		err = w.ec(k)
	case kindOKP:
		err = w.okp(k)
	case kindSecret:
		k.secret, err = octets("k", w.K)
		if err == nil {
			err = checkSecret(k.secret)
		}
	case "":
		err = broken("kty", "", "a key type", nil)
	default:
		err = broken("kty", w.Type, "RSA, EC, OKP or oct", nil)
	}
	if err != nil {
		return nil, err
	}
	k.certs = chain(w.Certificates, k.public)
	k.thumbprint = thumbprint(k.publicMembers())
	return k, nil
}

func (w *jsonWebKey) rsa(k *Key) error {
	n, err := octets("n", w.N)
	if err != nil {
		return err
	}
	e, err := octets("e", w.E)
	if err != nil {
		return err
	}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 {
		return violation(message.RuleKeyStrength, "e", "", "an exponent below 2^31", nil)
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}
	if err := checkRSA(public); err != nil {
		return err
	}
	k.public = public
	if !w.hasSecret() {
		return nil
	}
	if w.Extra.Has("oth") {
		return broken("oth", "", "no more than two primes", nil)
	}
	var parts [3]*big.Int
	for i, m := range []struct{ name, value string }{{"d", w.D}, {"p", w.P}, {"q", w.Q}} {
		b, err := octets(m.name, m.value)
		if err != nil {
			return err
		}
		parts[i] = new(big.Int).SetBytes(b)
	}
	// dp, dq and qi follow from these and are not read: "if the producer includes any of
	// the other private key parameters, then all of the others MUST be present" (RFC 7518,
	// Section 6.3.2), yet computing them is safer than believing them.
	private := &rsa.PrivateKey{PublicKey: *public, D: parts[0], Primes: parts[1:]}
	if err := private.Validate(); err != nil {
		return broken("d", "", "a private key of this public one", errPrivate)
	}
	private.Precompute()
	k.private = private
	return nil
}

var errPrivate = errors.New("the private members do not fit")

func (w *jsonWebKey) ec(k *Key) error {
	curve := curveOf(w.Curve)
	if curve == nil {
		return broken("crv", w.Curve, "P-256, P-384 or P-521", nil)
	}
	size := (curve.Params().BitSize + 7) / 8
	point := make([]byte, 1, 1+2*size)
	point[0] = 4 // uncompressed (SEC 1, Section 2.3.3)
	for _, m := range []struct{ name, value string }{{"x", w.X}, {"y", w.Y}} {
		b, err := octets(m.name, m.value)
		if err != nil {
			return err
		}
		// "The length of this octet string MUST be the full size of a coordinate" (RFC 7518, Section 6.2.1.2).
		if len(b) != size {
			return broken(m.name, "", fmt.Sprintf("%d octets", size), nil)
		}
		point = append(point, b...)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return violation(message.RuleKeyStrength, "x", "", "a point on "+w.Curve, nil)
	}
	k.curve, k.public = w.Curve, public
	if !w.hasSecret() {
		return nil
	}
	d, err := octets("d", w.D)
	if err != nil {
		return err
	}
	private, err := ecdsa.ParseRawPrivateKey(curve, d)
	if err != nil || !private.PublicKey.Equal(public) {
		return broken("d", "", "the private key of this public one", errPrivate)
	}
	k.private = private
	return nil
}

func (w *jsonWebKey) okp(k *Key) error {
	if w.Curve != "Ed25519" && w.Curve != "X25519" {
		return broken("crv", w.Curve, "Ed25519 or X25519", nil)
	}
	x, err := octets("x", w.X)
	if err != nil {
		return err
	}
	var d []byte
	if w.hasSecret() {
		if d, err = octets("d", w.D); err != nil {
			return err
		}
	}
	k.curve = w.Curve
	if w.Curve == "X25519" {
		return k.x25519(x, d)
	}
	if len(x) != ed25519.PublicKeySize {
		return broken("x", "", "32 octets", nil)
	}
	k.public = ed25519.PublicKey(x)
	if d == nil {
		return nil
	}
	if len(d) != ed25519.SeedSize {
		return broken("d", "", "32 octets", nil)
	}
	private := ed25519.NewKeyFromSeed(d)
	if !bytes.Equal(private[ed25519.SeedSize:], x) {
		return broken("d", "", "the private key of this public one", errPrivate)
	}
	k.private = private
	return nil
}

func (k *Key) x25519(x, d []byte) error {
	public, err := ecdh.X25519().NewPublicKey(x)
	if err != nil {
		return broken("x", "", "32 octets", nil)
	}
	k.public = public
	if d == nil {
		return nil
	}
	private, err := ecdh.X25519().NewPrivateKey(d)
	if err != nil {
		return broken("d", "", "32 octets", nil)
	}
	if !private.PublicKey().Equal(public) {
		return broken("d", "", "the private key of this public one", errPrivate)
	}
	k.private = private
	return nil
}

func broken(param, got, want string, err error) error {
	return violation(message.RuleJWKSSkipUnknown, param, got, want, err)
}

// octets decodes a base64url member of a JWK.
func octets(name, value string) ([]byte, error) {
	b, err := decodeSegment(value)
	if err != nil || len(b) == 0 {
		return nil, broken(name, "", "base64url without padding", nil)
	}
	return b, nil
}

// checkRSA keeps to what is safe: "a key of size 2048 bits or larger MUST be used"
// (RFC 7518, Section 3.3), and an exponent that is one.
func checkRSA(key *rsa.PublicKey) error {
	switch bits := key.N.BitLen(); {
	case bits < minRSABits || bits > maxRSABits:
		return violation(message.RuleKeyStrength, "n", fmt.Sprintf("%d bits", bits), fmt.Sprintf("%d to %d bits", minRSABits, maxRSABits), nil)
	case key.N.Bit(0) == 0:
		return violation(message.RuleKeyStrength, "n", "", "an odd modulus", nil)
	case key.E < 3 || key.E&1 == 0 || key.E > 1<<31-1:
		return violation(message.RuleKeyStrength, "e", fmt.Sprint(key.E), "an odd exponent from 3 to 2^31", nil)
	}
	return nil
}

func checkSecret(secret []byte) error {
	if len(secret) == 0 || len(secret) > maxSecretSize {
		return broken("k", "", fmt.Sprintf("1 to %d octets", maxSecretSize), nil)
	}
	return nil
}

func curveOf(name string) elliptic.Curve {
	switch name {
	case "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}

// chain decodes x5c (RFC 7517, Section 4.7). The certificates prove nothing here and
// never choose a key; mutual TLS compares with them (RFC 8705, Section 2.2). A chain
// that does not begin with this very key is as good as none.
func chain(x5c []string, key crypto.PublicKey) [][]byte {
	certs := make([][]byte, 0, len(x5c))
	for _, text := range x5c {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil
		}
		certs = append(certs, der)
	}
	if len(certs) == 0 || !certifies(certs[0], key) {
		return nil
	}
	return certs
}

func certifies(der []byte, key crypto.PublicKey) bool {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return false
	}
	equal, ok := key.(interface{ Equal(crypto.PublicKey) bool })
	return ok && equal.Equal(cert.PublicKey)
}
