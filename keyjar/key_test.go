package keyjar

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"time"
)

// opaque is a private key that lives elsewhere: in a hardware module, say.
type opaque struct {
	crypto.Signer
	used int
}

func (o *opaque) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	o.used++
	return o.Signer.Sign(rand, digest, opts)
}

// opaqueDecrypter can decrypt and nothing else.
type opaqueDecrypter struct{ crypto.Decrypter }

func TestNewKey(t *testing.T) {
	rsaPrivate := vectorKey(t, "RS256").private.(*rsa.PrivateKey)
	ecPrivate := vectorKey(t, "ES256").private.(*ecdsa.PrivateKey)
	edPrivate := vectorKey(t, "EdDSA").private.(ed25519.PrivateKey)
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nist, err := ecPrivate.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, kind, curve string
		raw               any
		private           bool
	}{
		{"RSA", "RSA", "", rsaPrivate, true},
		{"RSA, public", "RSA", "", &rsaPrivate.PublicKey, false},
		{"RSA elsewhere", "RSA", "", &opaque{Signer: rsaPrivate}, true},
		{"RSA decrypter elsewhere", "RSA", "", opaqueDecrypter{rsaPrivate}, true},
		{"EC", "EC", "P-256", ecPrivate, true},
		{"EC, public", "EC", "P-256", &ecPrivate.PublicKey, false},
		{"EC elsewhere", "EC", "P-256", &opaque{Signer: ecPrivate}, true},
		{"EC for agreement", "EC", "P-256", nist, true},
		{"EC for agreement, public", "EC", "P-256", nist.PublicKey(), false},
		{"Ed25519", "OKP", "Ed25519", edPrivate, true},
		{"Ed25519, public", "OKP", "Ed25519", edPrivate.Public(), false},
		{"X25519", "OKP", "X25519", x, true},
		{"X25519, public", "OKP", "X25519", x.PublicKey(), false},
		{"a secret", "oct", "", []byte("secret"), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := newKey(t, test.raw, KeyOptions{Use: "sig", Algorithm: "A"})
			if k.Type() != test.kind || k.Curve() != test.curve || k.IsPrivate() != test.private || k.Use() != "sig" || k.Algorithm() != "A" {
				t.Errorf("got %s %+v", k, k.publicMembers())
			}
			if k.ID() != k.Thumbprint() || (k.ID() == "") != (test.kind == "oct") {
				t.Errorf("kid %q, thumbprint %q", k.ID(), k.Thumbprint())
			}
			if test.kind == "oct" {
				if k.Public() != nil || k.PublicJWK() != nil || k.PublicKey() != nil {
					t.Error("a secret has a public half")
				}
				return
			}
			public := k.Public()
			if public.IsPrivate() || public.Public() != public || public.Thumbprint() != k.Thumbprint() {
				t.Errorf("public half %s", public)
			}
			if again := parseKey(t, k.PublicJWK()); string(again.PublicJWK()) != string(k.PublicJWK()) || !again.PublicKey().(interface{ Equal(crypto.PublicKey) bool }).Equal(k.PublicKey()) {
				t.Errorf("got %s, want %s", again.PublicJWK(), k.PublicJWK())
			}
			private, err := k.PrivateJWK()
			if strings.HasSuffix(test.name, "elsewhere") || !test.private {
				if err == nil {
					t.Errorf("the private key came out: %s", private)
				}
				return
			}
			if again := parseKey(t, private); !again.IsPrivate() || again.Thumbprint() != k.Thumbprint() {
				t.Errorf("got %s", again)
			}
		})
	}
}

func TestNewKeyRefuses(t *testing.T) {
	rsaPrivate := vectorKey(t, "RS256").private.(*rsa.PrivateKey)
	other := vectorKey(t, "PS384").private.(*rsa.PrivateKey)
	ecPrivate := vectorKey(t, "ES256").private.(*ecdsa.PrivateKey)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	swapped := bytes.Clone(vectorKey(t, "EdDSA").private.(ed25519.PrivateKey))
	swapped[63] ^= 1
	for name, raw := range map[string]any{
		"nil":                        nil,
		"a string":                   "secret",
		"an empty secret":            []byte{},
		"a huge secret":              make([]byte, maxSecretSize+1),
		"an RSA key of 1,024 bits":   &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 3},
		"an RSA key without modulus": &rsa.PublicKey{E: 3},
		"an RSA key, exponent 1":     &rsa.PublicKey{N: rsaPrivate.N, E: 1},
		"RSA parts that do not fit":  &rsa.PrivateKey{PublicKey: rsaPrivate.PublicKey, D: other.D, Primes: other.Primes},
		"an RSA key without primes":  &rsa.PrivateKey{PublicKey: rsaPrivate.PublicKey, D: rsaPrivate.D},
		"P-224":                      p224,
		"P-224, public":              &p224.PublicKey,
		"an EC key without curve":    &ecdsa.PublicKey{},
		//lint:ignore SA1019 a broken key is made by its fields
		"a point beside the curve": &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}, //nolint:staticcheck // a broken key is made by its fields
		//lint:ignore SA1019 a broken key is made by its fields
		"EC parts that do not fit":      &ecdsa.PrivateKey{PublicKey: ecPrivate.PublicKey, D: big.NewInt(7)}, //nolint:staticcheck // a broken key is made by its fields
		"a short Ed25519 key":           ed25519.PrivateKey{1},
		"a short Ed25519 public key":    ed25519.PublicKey{1},
		"Ed25519 parts that do not fit": ed25519.PrivateKey(swapped),
		"an opaque nothing":             &opaque{Signer: nobody{}},
	} {
		if k, err := NewKey(raw, KeyOptions{}); err == nil {
			t.Errorf("%s: got %s", name, k)
		}
	}
	if _, err := NewKey(rsaPrivate, KeyOptions{ID: strings.Repeat("k", 257)}); err == nil {
		t.Error("a long kid was taken")
	}
}

type nobody struct{}

func (nobody) Public() crypto.PublicKey { return nil }
func (nobody) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no")
}

func TestParseKeyRefusesPartsThatDoNotFit(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		jwk, err := vectorKey(t, alg).PrivateJWK()
		if err != nil {
			t.Fatal(err)
		}
		for _, member := range []string{"d", "p", "q"} {
			m := map[string]any{}
			if err := json.Unmarshal(jwk, &m); err != nil {
				t.Fatal(err)
			}
			d, ok := m[member].(string)
			if !ok {
				continue
			}
			for _, value := range []string{flip(d, 5), "AAAA", "!", ""} {
				m[member] = value
				changed, err := json.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				if k, err := ParseKey(changed); err == nil {
					t.Errorf("%s with %s %q: got %s", alg, member, value, k)
				}
			}
		}
	}
	x := parseKey(t, vectors().Encrypted[7].Key).publicMembers().X
	for _, jwk := range []string{
		`{"kty":"OKP","crv":"X25519","x":"` + x + `","d":"AAAA"}`,
		`{"kty":"OKP","crv":"X25519","x":"` + x + `","d":"` + x + `"}`,
		`{"kty":"OKP","crv":"Ed25519","x":"` + x + `","d":""}`,
		`{"kty":"RSA","oth":[]}`, `{"kty":"oct"}`, `{}`, `[]`, `{"kty":"oct","k":"AAAA"}x`,
	} {
		if k, err := ParseKey([]byte(jwk)); err == nil {
			t.Errorf("%s: got %s", jwk, k)
		}
	}
	rsaJWK, err := vectorKey(t, "RS256").PrivateJWK()
	if err != nil {
		t.Fatal(err)
	}
	if k, err := ParseKey([]byte(strings.Replace(string(rsaJWK), "{", `{"oth":[],`, 1))); err == nil {
		t.Errorf("three primes: got %s", k)
	}
}

func TestGenerate(t *testing.T) {
	for _, alg := range append(SigningAlgorithms(), EncryptionAlgorithms()...) {
		k, err := Generate(alg, rand.Reader, KeyOptions{})
		if IsSymmetric(alg) {
			if err == nil {
				t.Errorf("%s: got %s", alg, k)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		if !k.IsPrivate() || k.Algorithm() != alg || k.ID() != k.Thumbprint() {
			t.Errorf("%s: got %s", alg, k)
		}
		if k.Use() == "sig" {
			_, err = NewSet(k).SigningKey(alg)
		} else {
			_, err = NewSet(k.Public()).EncryptionKey(alg)
		}
		if err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
	k, err := Generate("ES256", rand.Reader, KeyOptions{ID: "mine", Use: "tls", Algorithm: "x"})
	if err != nil || k.ID() != "mine" || k.Use() != "tls" || k.Algorithm() != "x" {
		t.Errorf("options: %s %v", k, err)
	}
	for _, alg := range []string{"", "none", "RSA1_5", "ES256K", "PBES2-HS256+A128KW"} {
		if k, err := Generate(alg, rand.Reader, KeyOptions{}); err == nil {
			t.Errorf("%q: got %s", alg, k)
		}
	}
	if _, err := Generate("ES256", nil, KeyOptions{}); !errors.Is(err, ErrNoRandom) {
		t.Error(err)
	}
}

// The keys that we choose ourselves follow from the random source.
func TestGenerateIsRepeatable(t *testing.T) {
	for _, alg := range []string{"ES256", "ES384", "ES512", "EdDSA", "ECDH-ES"} {
		var thumbprints [2]string
		for i := range thumbprints {
			k, err := Generate(alg, mathrand.NewChaCha8([32]byte{1}), KeyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			thumbprints[i] = k.Thumbprint()
		}
		if thumbprints[0] != thumbprints[1] {
			t.Errorf("%s: %v", alg, thumbprints)
		}
	}
	zeros := bytes.NewReader(make([]byte, 1<<20))
	if k, err := Generate("ES256", zeros, KeyOptions{}); err == nil {
		t.Errorf("a source of zeros gave %s", k)
	}
	for _, alg := range []string{"ES256", "EdDSA"} {
		if k, err := Generate(alg, bytes.NewReader(nil), KeyOptions{}); err == nil {
			t.Errorf("an empty source gave %s", k)
		}
	}
}

func TestKeysDoNotShowSecrets(t *testing.T) {
	secret := []byte("correct horse battery staple")
	ed := vectorKey(t, "EdDSA")
	seed := ed.private.(ed25519.PrivateKey).Seed()
	for _, v := range []any{
		newKey(t, secret, KeyOptions{ID: "s"}), *newKey(t, secret, KeyOptions{ID: "s"}), NewSecret(secret), *NewSecret(secret),
		ed, *ed, NewSet(ed), (&Jar{}).With("", NewSecret(secret)).With("x", NewSet(ed)),
		[]*Key{ed}, map[string]*Key{"x": ed}, struct{ K Key }{*ed},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, v)
			for _, leak := range []string{string(secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%d", secret), fmt.Sprintf("%d", seed), fmt.Sprintf("%x", seed), encodeSegment(seed)} {
				if strings.Contains(text, strings.Trim(leak, "[]")) {
					t.Errorf("%T %s shows %s", v, verb, text)
				}
			}
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", v)
		for _, text := range []string{string(data), log.String()} {
			for _, leak := range []string{string(secret), encodeSegment(secret), base64.StdEncoding.EncodeToString(secret), encodeSegment(seed)} {
				if strings.Contains(text, leak) {
					t.Errorf("%T shows %s", v, text)
				}
			}
		}
	}
	if got := ed.String(); got != "OKP Ed25519 key pair" {
		t.Errorf("got %q", got)
	}
	if got := fmt.Sprint(newKey(t, ed.public, KeyOptions{ID: "1"})); got != `OKP Ed25519 public key "1"` {
		t.Errorf("got %q", got)
	}
	if got := NewSet(newKey(t, secret, KeyOptions{}), ed).String(); got != "[oct secret key, OKP Ed25519 key pair]" {
		t.Errorf("got %q", got)
	}
}

func TestTokensDoNotShowThemselves(t *testing.T) {
	token, err := Parse(vectors().Signed[5].Token)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", token)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, token) + fmt.Sprintf(verb, *token); got != strings.Repeat(`JWS typ "" alg "PS384" kid "bilbo.baggins@hobbiton.example"`, 2) {
			t.Errorf("%s shows %s", verb, got)
		}
	}
	if strings.Contains(log.String(), "cu22eBqk") || strings.Contains(log.String(), "Frodo") {
		t.Errorf("slog shows %s", log.String())
	}
}

func certificate(t testing.TB, k *Key) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.public, k.private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestCertificates(t *testing.T) {
	key, other := vectorKey(t, "ES256"), vectorKey(t, "ES512")
	der := certificate(t, key)
	with := newKey(t, key.private, KeyOptions{Certificates: [][]byte{der, certificate(t, other)}})
	back := parseKey(t, with.PublicJWK())
	if got := back.Certificates(); len(got) != 2 || !bytes.Equal(got[0], der) {
		t.Errorf("got %d certificates", len(got))
	}
	if _, err := NewKey(key.private, KeyOptions{Certificates: [][]byte{certificate(t, other)}}); err == nil {
		t.Error("the certificate of another key was taken")
	}
	if _, err := NewKey(key.private, KeyOptions{Certificates: [][]byte{{1}}}); err == nil {
		t.Error("no certificate was taken for one")
	}
	// In a key that was read, a chain that is not right is as good as none.
	for _, x5c := range []string{`["!"]`, `["AAAA"]`, `[]`, `["` + base64.StdEncoding.EncodeToString(certificate(t, other)) + `"]`} {
		jwk := strings.Replace(string(key.PublicJWK()), "{", `{"x5c":`+x5c+`,`, 1)
		if got := parseKey(t, []byte(jwk)).Certificates(); len(got) != 0 {
			t.Errorf("%s: got %d certificates", x5c, len(got))
		}
	}
}
