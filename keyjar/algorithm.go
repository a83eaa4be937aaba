package keyjar

import (
	"crypto"
	_ "crypto/sha256" // crypto.SHA256
	_ "crypto/sha512" // crypto.SHA384, crypto.SHA512
	"slices"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// Names of algorithms that need a rule of their own.
const (
	algNone      = "none"          // RFC 7518, Section 3.6
	algRSA15     = "RSA1_5"        // RFC 7518, Section 4.2
	algDirect    = "dir"           // RFC 7518, Section 4.5
	algECDHES    = "ECDH-ES"       // RFC 7518, Section 4.6
	encByDefault = "A128CBC-HS256" // OpenID Connect Dynamic Client Registration 1.0, Section 2
	edDSA        = "EdDSA"         // RFC 8037, Section 3.1
	ed25519Name  = "Ed25519"       // RFC 9864, Section 2.2
	kindRSA      = "RSA"           // RFC 7518, Section 6.3
	kindEC       = "EC"            // RFC 7518, Section 6.2
	kindOKP      = "OKP"           // RFC 8037, Section 2
	kindSecret   = "oct"           // RFC 7518, Section 6.4
	useSignature = "sig"           // RFC 7517, Section 4.2
	useEncrypt   = "enc"           // RFC 7517, Section 4.2
)

// A signatureAlgorithm binds a name to the one type and curve of key that it is for.
// "Each key MUST be used with exactly one algorithm, and this MUST be checked when the
// cryptographic operation is performed" (RFC 8725, Section 3.1).
type signatureAlgorithm struct {
	name     string
	kind     string
	curve    string
	hash     crypto.Hash
	pss      bool
	signer   jws.Signer
	verifier jws.Verifier
}

var signatureAlgorithms = buildSignatureAlgorithms()

func buildSignatureAlgorithms() []*signatureAlgorithm {
	algs := []*signatureAlgorithm{
		{name: "RS256", kind: kindRSA, hash: crypto.SHA256},
		{name: "RS384", kind: kindRSA, hash: crypto.SHA384},
		{name: "RS512", kind: kindRSA, hash: crypto.SHA512},
		{name: "PS256", kind: kindRSA, hash: crypto.SHA256, pss: true},
		{name: "PS384", kind: kindRSA, hash: crypto.SHA384, pss: true},
		{name: "PS512", kind: kindRSA, hash: crypto.SHA512, pss: true},
		{name: "ES256", kind: kindEC, curve: "P-256", hash: crypto.SHA256},
		{name: "ES384", kind: kindEC, curve: "P-384", hash: crypto.SHA384},
		{name: "ES512", kind: kindEC, curve: "P-521", hash: crypto.SHA512},
		{name: edDSA, kind: kindOKP, curve: "Ed25519", hash: crypto.SHA512},
		{name: ed25519Name, kind: kindOKP, curve: "Ed25519", hash: crypto.SHA512},
		{name: "HS256", kind: kindSecret, hash: crypto.SHA256},
		{name: "HS384", kind: kindSecret, hash: crypto.SHA384},
		{name: "HS512", kind: kindSecret, hash: crypto.SHA512},
	}
	// The library's signers and verifiers have no state. They are fetched once, here,
	// so that nobody in the process can register others in their place later.
	for _, a := range algs {
		name := jwa.SignatureAlgorithm(a.name)
		if a.name == ed25519Name {
			name = jwa.EdDSA // the library does not know the name of RFC 9864
		}
		var err error
		if a.signer, err = jws.NewSigner(name); err != nil {
			panic("keyjar: " + err.Error())
		}
		if a.verifier, err = jws.NewVerifier(name); err != nil {
			panic("keyjar: " + err.Error())
		}
	}
	return algs
}

func signatureAlgorithmOf(name string) *signatureAlgorithm {
	for _, a := range signatureAlgorithms {
		if a.name == name {
			return a
		}
	}
	return nil
}

// An encryptionAlgorithm is a way to agree on the content encryption key.
type encryptionAlgorithm struct {
	name    string
	kind    string   // of key, unless there are curves
	curves  []string // on one of which the key lies, whether its kind is EC or OKP
	keySize int      // octets of the wrapping key, 0 where there is none of a fixed size
	hash    crypto.Hash
	direct  bool // there is no encrypted key
}

var (
	agreementCurves = []string{"P-256", "P-384", "P-521", "X25519"}

	encryptionAlgorithms = []*encryptionAlgorithm{
		{name: "RSA-OAEP", kind: kindRSA, hash: crypto.SHA1},
		{name: "RSA-OAEP-256", kind: kindRSA, hash: crypto.SHA256},
		{name: algECDHES, curves: agreementCurves, direct: true},
		{name: "ECDH-ES+A128KW", curves: agreementCurves},
		{name: "ECDH-ES+A192KW", curves: agreementCurves},
		{name: "ECDH-ES+A256KW", curves: agreementCurves},
		{name: "A128KW", kind: kindSecret, keySize: 16},
		{name: "A192KW", kind: kindSecret, keySize: 24},
		{name: "A256KW", kind: kindSecret, keySize: 32},
		{name: algDirect, kind: kindSecret, direct: true},
	}

	// rsa15 is not listed: it opens what a peer insists on, by name, and seals nothing.
	rsa15 = &encryptionAlgorithm{name: algRSA15, kind: kindRSA}
)

func encryptionAlgorithmOf(name string) *encryptionAlgorithm {
	for _, a := range encryptionAlgorithms {
		if a.name == name {
			return a
		}
	}
	return nil
}

// A contentEncryption is an authenticated encryption of RFC 7518, Section 5, with the
// sizes that it fixes, in octets.
type contentEncryption struct {
	name                     string
	keySize, ivSize, tagSize int
	block                    int // ciphertexts are multiples of it
}

var contentEncryptions = []*contentEncryption{
	{name: "A128CBC-HS256", keySize: 32, ivSize: 16, tagSize: 16, block: 16},
	{name: "A192CBC-HS384", keySize: 48, ivSize: 16, tagSize: 24, block: 16},
	{name: "A256CBC-HS512", keySize: 64, ivSize: 16, tagSize: 32, block: 16},
	{name: "A128GCM", keySize: 16, ivSize: 12, tagSize: 16, block: 1},
	{name: "A192GCM", keySize: 24, ivSize: 12, tagSize: 16, block: 1},
	{name: "A256GCM", keySize: 32, ivSize: 12, tagSize: 16, block: 1},
}

func contentEncryptionOf(name string) *contentEncryption {
	for _, e := range contentEncryptions {
		if e.name == name {
			return e
		}
	}
	return nil
}

// SigningAlgorithms returns the names of the signature algorithms that this package
// implements (RFC 7518, Section 3.1; RFC 8037, Section 3.1; RFC 9864, Section 2.2),
// "none" not among them.
func SigningAlgorithms() []string {
	names := make([]string, len(signatureAlgorithms))
	for i, a := range signatureAlgorithms {
		names[i] = a.name
	}
	return names
}

// EncryptionAlgorithms returns the names of the key management algorithms that this
// package implements (RFC 7518, Section 4.1). RSA1_5 is not among them, although
// [DecryptPolicy] can admit it.
func EncryptionAlgorithms() []string {
	names := make([]string, len(encryptionAlgorithms))
	for i, a := range encryptionAlgorithms {
		names[i] = a.name
	}
	return names
}

// ContentEncryptions returns the names of the content encryption algorithms that this
// package implements (RFC 7518, Section 5.1), the default of OpenID Connect first.
func ContentEncryptions() []string {
	names := make([]string, len(contentEncryptions))
	for i, e := range contentEncryptions {
		names[i] = e.name
	}
	return names
}

// IsSymmetric reports whether the algorithm works with a secret that both sides know,
// such as HS256, A128KW and dir.
func IsSymmetric(alg string) bool {
	if a := signatureAlgorithmOf(alg); a != nil {
		return a.symmetric()
	}
	a := encryptionAlgorithmOf(alg)
	return a != nil && a.symmetric()
}

// An operation is what a key is wanted for.
type operation int

const (
	toSign operation = iota
	toVerify
	toEncrypt
	toDecrypt
)

func (o operation) use() string {
	if o == toSign || o == toVerify {
		return useSignature
	}
	return useEncrypt
}

// admitted reports whether the key_ops of a key permit the operation (RFC 7517,
// Section 4.3). A private key carries its public half, so that it may also undo what
// it may do.
func (o operation) admitted(ops []string, private bool) bool {
	if len(ops) == 0 {
		return true
	}
	return slices.ContainsFunc(ops, func(op string) bool {
		switch op {
		case "sign":
			return o == toSign || o == toVerify && private
		case "verify":
			return o == toVerify
		case "encrypt", "wrapKey":
			return o == toEncrypt
		case "decrypt", "unwrapKey":
			return o == toDecrypt || o == toEncrypt && private
		case "deriveKey", "deriveBits":
			return o == toDecrypt || o == toEncrypt
		}
		return false
	})
}
