package keyjar

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// A Key is a JSON Web Key: one public key, one key pair, or one symmetric key, with
// what its owner says about its use. It is immutable and safe for concurrent use. Its
// secrets appear in PrivateJWK only; fmt, slog and encoding/json show the public part.
type Key struct {
	id, kind, use, alg, curve string
	ops                       []string
	certs                     [][]byte
	thumbprint                string

	public crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey, *ecdh.PublicKey (X25519); nil: symmetric
	*secrets
}

// secrets are behind a pointer, where fmt does not follow even if it meets a Key inside
// something that does not format itself.
type secrets struct {
	private any    // *rsa.PrivateKey, …; or a crypto.Signer or crypto.Decrypter; or nil
	secret  []byte // of a symmetric key
	client  bool   // secret is a client_secret: OpenID Connect Core 1.0, Sections 10.1 and 10.2
}

// KeyOptions are the members of a JWK that a bare key has not (RFC 7517, Section 4).
type KeyOptions struct {
	ID           string   // kid; the thumbprint if empty, none for a symmetric key
	Use          string   // use: sig, enc or empty
	Algorithm    string   // alg
	Operations   []string // key_ops
	Certificates [][]byte // x5c: DER, the key's own certificate first
}

// NewKey makes a Key of a key of the standard library: a public or private key of
// crypto/rsa, crypto/ecdsa, crypto/ed25519 or crypto/ecdh; a []byte, which is a
// symmetric key; or a [crypto.Signer] or [crypto.Decrypter] (or both) whose Public
// method returns such a public key, for a private key that lives elsewhere. It is as
// strict about strength as [ParseKey].
func NewKey(raw any, o KeyOptions) (*Key, error) {
	if len(o.ID) > maxKeyID {
		return nil, fmt.Errorf("keyjar: the kid is longer than %d bytes", maxKeyID)
	}
	k := &Key{id: o.ID, use: o.Use, alg: o.Algorithm, ops: slices.Clone(o.Operations), secrets: &secrets{}}
	var err error
	switch raw := raw.(type) {
	case []byte:
		k.kind, k.secret = kindSecret, slices.Clone(raw)
		if err := checkSecret(raw); err != nil {
			return nil, err
		}
		return k, nil
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey, *ecdh.PrivateKey:
		err = k.setPrivate(raw)
	case crypto.Signer:
		k.private = raw
		err = k.setPublic(raw.Public())
	case crypto.Decrypter:
		k.private = raw
		err = k.setPublic(raw.Public())
	default:
		err = k.setPublic(raw)
	}
	if err != nil {
		return nil, err
	}
	if len(o.Certificates) > 0 {
		if !certifies(o.Certificates[0], k.public) {
			return nil, errors.New("keyjar: the first certificate is not one of this key")
		}
		for _, der := range o.Certificates {
			k.certs = append(k.certs, slices.Clone(der))
		}
	}
	k.thumbprint = thumbprint(k.publicMembers())
	if k.id == "" {
		k.id = k.thumbprint
	}
	return k, nil
}

func (k *Key) setPrivate(raw any) error {
	switch raw := raw.(type) {
	case *rsa.PrivateKey:
		if len(raw.Primes) != 2 {
			return errors.New("keyjar: an RSA key has two primes")
		}
		if err := k.setPublic(&raw.PublicKey); err != nil {
			return err
		}
		private := *raw
		if err := private.Validate(); err != nil {
			return err
		}
		private.Precompute()
		k.private = &private
	case *ecdsa.PrivateKey:
		if err := k.setPublic(&raw.PublicKey); err != nil {
			return err
		}
		d, err := raw.Bytes()
		if err != nil {
			return err
		}
		private, err := ecdsa.ParseRawPrivateKey(raw.Curve, d)
		if err != nil || !private.PublicKey.Equal(k.public) {
			return errors.Join(errPrivate, err)
		}
		k.private = private
	case ed25519.PrivateKey:
		if len(raw) != ed25519.PrivateKeySize {
			return errors.New("keyjar: an Ed25519 private key has 64 octets")
		}
		private := ed25519.NewKeyFromSeed(raw.Seed())
		if !private.Equal(raw) {
			return errPrivate
		}
		k.private = private
		return k.setPublic(private.Public())
	case *ecdh.PrivateKey:
		if raw.Curve() != ecdh.X25519() {
			private, err := ecdsa.ParseRawPrivateKey(curveOf(fmt.Sprint(raw.Curve())), raw.Bytes())
			if err != nil {
				return err
			}
			return k.setPrivate(private)
		}
		k.private = raw
		return k.setPublic(raw.PublicKey())
	}
	return nil
}

func (k *Key) setPublic(raw any) error {
	switch raw := raw.(type) {
	case *rsa.PublicKey:
		if raw.N == nil {
			return errors.New("keyjar: an RSA key has a modulus")
		}
		if err := checkRSA(raw); err != nil {
			return err
		}
		k.kind, k.public = kindRSA, &rsa.PublicKey{N: raw.N, E: raw.E}
	case *ecdsa.PublicKey:
		if raw.Curve == nil || curveOf(raw.Curve.Params().Name) == nil {
			return errors.New("keyjar: an EC key lies on P-256, P-384 or P-521")
		}
		point, err := raw.Bytes()
		if err != nil {
			return err
		}
		public, err := ecdsa.ParseUncompressedPublicKey(raw.Curve, point)
		if err != nil {
			return err
		}
		k.kind, k.curve, k.public = kindEC, raw.Curve.Params().Name, public
	case ed25519.PublicKey:
		if len(raw) != ed25519.PublicKeySize {
			return errors.New("keyjar: an Ed25519 public key has 32 octets")
		}
		k.kind, k.curve, k.public = kindOKP, "Ed25519", slices.Clone(raw)
	case *ecdh.PublicKey:
		if raw.Curve() != ecdh.X25519() {
			public, err := ecdsa.ParseUncompressedPublicKey(curveOf(fmt.Sprint(raw.Curve())), raw.Bytes())
			if err != nil {
				return err
			}
			return k.setPublic(public)
		}
		k.kind, k.curve, k.public = kindOKP, "X25519", raw
	default:
		return fmt.Errorf("keyjar: a key cannot be made of a %T", raw)
	}
	return nil
}

// ID returns the key's kid, or "".
func (k *Key) ID() string { return k.id }

// Type returns the key's kty: RSA, EC, OKP or oct.
func (k *Key) Type() string { return k.kind }

// Curve returns the key's crv: P-256, P-384, P-521, Ed25519 or X25519; "" for the types without.
func (k *Key) Curve() string { return k.curve }

// Use returns the key's use: sig, enc or "".
func (k *Key) Use() string { return k.use }

// Algorithm returns the key's alg, the one algorithm that it is meant for, or "".
func (k *Key) Algorithm() string { return k.alg }

// Operations returns the key's key_ops.
func (k *Key) Operations() []string { return slices.Clone(k.ops) }

// Certificates returns the key's x5c as DER, its own certificate first. They prove
// nothing by themselves.
func (k *Key) Certificates() [][]byte { return slices.Clone(k.certs) }

// IsPrivate reports whether the key can sign or decrypt: a key pair or a symmetric key.
func (k *Key) IsPrivate() bool { return k.private != nil || k.kind == kindSecret }

// Thumbprint returns the JWK SHA-256 Thumbprint in base64url (RFC 7638). It is "" for a
// symmetric key, of whose secret it would be a hash.
func (k *Key) Thumbprint() string { return k.thumbprint }

// PublicKey returns the public key as a type of the standard library: *rsa.PublicKey,
// *ecdsa.PublicKey, ed25519.PublicKey or, for X25519, *ecdh.PublicKey. It must not be
// modified. It is nil for a symmetric key.
func (k *Key) PublicKey() crypto.PublicKey { return k.public }

// Public returns the key without its private half, nil for a symmetric key. Of key_ops
// that name what the private half does, it has the counterparts.
func (k *Key) Public() *Key {
	if k.kind == kindSecret {
		return nil
	}
	if k.private == nil {
		return k
	}
	public := *k
	public.secrets = &secrets{}
	public.ops = nil
	for _, op := range k.ops {
		switch op {
		case "sign":
			op = "verify"
		case "decrypt":
			op = "encrypt"
		case "unwrapKey":
			op = "wrapKey"
		case "deriveKey", "deriveBits":
			continue // the other side names what it does with an ephemeral key of its own
		}
		if !slices.Contains(public.ops, op) {
			public.ops = append(public.ops, op)
		}
	}
	return &public
}

// Generate makes a new key pair for a signature or key management algorithm, with
// KeyOptions.Algorithm and Use filled in. RSA keys have 2,048 bits, ECDH-ES keys lie on
// P-256. Ed25519 and EC keys are made of rand alone; crypto/rsa draws from the
// system whatever it is given. There is no generation of symmetric keys: those are
// client secrets.
func Generate(alg string, rand io.Reader, o KeyOptions) (*Key, error) {
	if rand == nil {
		return nil, ErrNoRandom
	}
	var kind, curve, use string
	if a := signatureAlgorithmOf(alg); a != nil {
		kind, curve, use = a.kind, a.curve, useSignature
	} else if a := encryptionAlgorithmOf(alg); a != nil {
		kind, use = a.kind, useEncrypt
		if a.curves != nil {
			kind, curve = kindEC, a.curves[0]
		}
	}
	var raw any
	var err error
	switch kind {
	case kindRSA:
		raw, err = rsa.GenerateKey(rand, minRSABits)
	case kindEC:
		raw, err = generateEC(curve, rand)
	case kindOKP:
		_, raw, err = ed25519.GenerateKey(rand)
	default:
		err = fmt.Errorf("keyjar: no key pairs are made for the algorithm %q", alg)
	}
	if err != nil {
		return nil, err
	}
	if o.Use == "" {
		o.Use = use
	}
	if o.Algorithm == "" {
		o.Algorithm = alg
	}
	return NewKey(raw, o)
}

// generateEC draws candidates until one is in range (FIPS 186-5, Section A.2.2).
// ecdsa.GenerateKey would ignore rand, and a replayed conversation need its keys.
func generateEC(curve string, rand io.Reader) (*ecdsa.PrivateKey, error) {
	c := curveOf(curve)
	bits := c.Params().BitSize
	d := make([]byte, (bits+7)/8)
	for range 1024 {
		if _, err := io.ReadFull(rand, d); err != nil {
			return nil, fmt.Errorf("keyjar: random source: %w", err)
		}
		if spare := 8*len(d) - bits; spare > 0 {
			d[0] >>= spare
		}
		if key, err := ecdsa.ParseRawPrivateKey(c, d); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("keyjar: the random source repeats itself")
}

// String describes the key: type, curve and kid, and whether there is a private half.
// This method and the next three have value receivers, so that a copy shows no more.
func (k Key) String() string {
	var b strings.Builder
	b.WriteString(k.kind)
	if k.curve != "" {
		b.WriteString(" " + k.curve)
	}
	switch {
	case k.kind == kindSecret:
		b.WriteString(" secret key")
	case k.private != nil:
		b.WriteString(" key pair")
	default:
		b.WriteString(" public key")
	}
	if k.id != "" {
		fmt.Fprintf(&b, " %q", k.id)
	}
	return b.String()
}

// Format writes what String returns, whatever the verb, so that no verb shows a secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue returns what String returns.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON returns the public JWK, or null for a symmetric key.
func (k Key) MarshalJSON() ([]byte, error) {
	if jwk := k.PublicJWK(); jwk != nil {
		return jwk, nil
	}
	return []byte("null"), nil
}
