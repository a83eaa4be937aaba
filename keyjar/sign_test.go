package keyjar

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
)

func TestSignAndVerify(t *testing.T) {
	payload := []byte(`{"iss":"https://op.example.com"}`)
	for _, alg := range SigningAlgorithms() {
		var key *Key
		if IsSymmetric(alg) {
			key = NewSecret(bytes.Repeat([]byte("s"), 64)).keys[0]
		} else {
			var err error
			if key, err = Generate(alg, rand.Reader, KeyOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		signers := []*Key{key}
		if signer, ok := key.private.(crypto.Signer); ok {
			elsewhere := newKey(t, &opaque{Signer: signer}, KeyOptions{ID: key.ID()})
			signers = append(signers, elsewhere)
		}
		for _, signer := range signers {
			token, err := signer.Sign(Header{Algorithm: alg, Type: "JWT"}, payload, rand.Reader)
			if err != nil {
				t.Fatalf("%s: %v", alg, err)
			}
			jar := (&Jar{}).With("op", NewSet(key))
			got, err := jar.Verify("op", token, []string{alg})
			if err != nil {
				t.Fatalf("%s: %v", alg, err)
			}
			if !bytes.Equal(got.Payload, payload) || got.Header.KeyID != key.ID() || got.Header.Algorithm != alg || !got.Header.IsType("JWT") {
				t.Errorf("%s: got %+v", alg, got)
			}
			if elsewhere, ok := signer.private.(*opaque); ok && elsewhere.used != 1 {
				t.Errorf("%s: the key elsewhere was used %d times", alg, elsewhere.used)
			}
			for _, other := range SigningAlgorithms() {
				if other == alg {
					continue
				}
				if _, err := jar.Verify("op", token, []string{other}); err == nil {
					t.Errorf("%s verifies as %s", alg, other)
				}
			}
		}
	}
}

// noisy is a random source that must not be drawn from.
type noisy struct{ t *testing.T }

func (n noisy) Read([]byte) (int, error) {
	n.t.Error("the random source was drawn from")
	return 0, io.EOF
}

func TestDeterministicSignatures(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "ES512", "EdDSA", "HS256"} {
		key := vectorKey(t, alg)
		var tokens [3]string
		for i, source := range []io.Reader{nil, rand.Reader, noisy{t}} {
			token, err := key.Sign(Header{Algorithm: alg}, []byte("{}"), source)
			if err != nil {
				t.Fatalf("%s: %v", alg, err)
			}
			tokens[i] = token
		}
		if tokens[0] != tokens[1] || tokens[1] != tokens[2] {
			t.Errorf("%s: %q", alg, tokens)
		}
	}
	if _, err := vectorKey(t, "PS384").Sign(Header{Algorithm: "PS384"}, []byte("{}"), nil); !errors.Is(err, ErrNoRandom) {
		t.Errorf("PS384 without a random source: %v", err)
	}
	if _, err := vectorKey(t, "PS384").Sign(Header{Algorithm: "PS384"}, []byte("{}"), bytes.NewReader(nil)); err == nil {
		t.Error("PS384 with an empty random source")
	}
}

func TestSignRefuses(t *testing.T) {
	rsaKey := newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "1"})
	other := newKey(t, vectorKey(t, "PS384").private, KeyOptions{ID: "1"})
	restricted := newKey(t, rsaKey.private, KeyOptions{Algorithm: "PS256"})
	verifying := newKey(t, rsaKey.private, KeyOptions{Operations: []string{"verify"}})
	privateJWK, err := rsaKey.PrivateJWK()
	if err != nil {
		t.Fatal(err)
	}
	extra := func(name string) (e message.Extra) {
		if err := e.Set(name, []string{"x"}); err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, test := range []struct {
		name    string
		key     *Key
		h       Header
		payload string
		rule    message.Rule
	}{
		{"no alg", rsaKey, Header{}, "{}", message.RuleJOSEAlg},
		{"alg none", rsaKey, Header{Algorithm: "none"}, "{}", message.RuleJOSEAlg},
		{"an encryption alg", rsaKey, Header{Algorithm: "RSA-OAEP"}, "{}", message.RuleJOSEAlg},
		{"another type", rsaKey, Header{Algorithm: "ES256"}, "{}", message.RuleKeyTypeForAlg},
		{"HS256 with an RSA key", rsaKey, Header{Algorithm: "HS256"}, "{}", message.RuleKeyTypeForAlg},
		{"another curve", vectorKey(t, "ES256"), Header{Algorithm: "ES384"}, "{}", message.RuleKeyTypeForAlg},
		{"X25519", parseKey(t, vectors().Encrypted[7].Key), Header{Algorithm: "EdDSA"}, "{}", message.RuleKeyTypeForAlg},
		{"the key's own alg", restricted, Header{Algorithm: "RS256"}, "{}", message.RuleKeyRestrictions},
		{"the key's key_ops", verifying, Header{Algorithm: "RS256"}, "{}", message.RuleKeyRestrictions},
		{"a short secret", NewSecret([]byte("x")).keys[0], Header{Algorithm: "HS256"}, "{}", message.RuleKeyHMACLength},
		{"a public key", rsaKey.Public(), Header{Algorithm: "RS256"}, "{}", ""},
		{"a decrypter", newKey(t, opaqueDecrypter{rsaKey.private.(crypto.Decrypter)}, KeyOptions{}), Header{Algorithm: "RS256"}, "{}", ""},
		{"a broken signer", newKey(t, &lockedSigner{Signer: rsaKey.private.(crypto.Signer)}, KeyOptions{}), Header{Algorithm: "RS256"}, "{}", ""},
		{"no payload", rsaKey, Header{Algorithm: "RS256"}, "", ""},
		{"enc", rsaKey, Header{Algorithm: "RS256", Encryption: "A128GCM"}, "{}", ""},
		{"crit", rsaKey, Header{Algorithm: "RS256", Extra: extra("crit")}, "{}", ""},
		{"b64", rsaKey, Header{Algorithm: "RS256", Extra: extra("b64")}, "{}", ""},
		{"alg twice", rsaKey, Header{Algorithm: "RS256", Extra: extra("alg")}, "{}", ""},
		{"the jwk of another", rsaKey, Header{Algorithm: "RS256", JWK: other.PublicJWK()}, "{}", ""},
		{"a private jwk", rsaKey, Header{Algorithm: "RS256", JWK: privateJWK}, "{}", ""},
		{"no jwk", rsaKey, Header{Algorithm: "RS256", JWK: []byte("7")}, "{}", ""},
	} {
		token, err := test.key.Sign(test.h, []byte(test.payload), rand.Reader)
		switch {
		case err == nil:
			t.Errorf("%s: got %s", test.name, token)
		case test.rule != "":
			wantRule(t, err, test.rule)
		}
	}
	if _, err := Unsigned(Header{Encryption: "A128GCM"}, []byte("{}")); err == nil {
		t.Error("an unsigned token with enc")
	}
}

type lockedSigner struct{ crypto.Signer }

func (lockedSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the module is locked")
}

func TestHeaderOfSignature(t *testing.T) {
	key := newKey(t, vectorKey(t, "ES256").private, KeyOptions{ID: "1"})
	h := Header{Algorithm: "ES256", KeyID: "2", Type: "at+jwt", ContentType: "json"}
	if err := h.Extra.Set("client_id", "s6BhdRkqt3"); err != nil {
		t.Fatal(err)
	}
	token := sign(t, key, h)
	want := encodeSegment([]byte(`{"alg":"ES256","kid":"2","typ":"at+jwt","cty":"json","client_id":"s6BhdRkqt3"}`))
	if got, _, _ := strings.Cut(token, "."); got != want {
		text, _ := decodeSegment(got)
		t.Errorf("got %s", text)
	}
}

func TestMediaTypes(t *testing.T) {
	for _, test := range []struct {
		typ, name string
		same      bool
	}{
		{"JWT", "jwt", true},
		{"application/JWT", "jwt", true},
		{"at+jwt", "application/at+jwt", true},
		{"APPLICATION/at+jwt", "at+jwt", true},
		{"", "", false},
		{"", "JWT", false},
		{"at+jwt", "JWT", false},
		{"text/jwt", "jwt", false},
		{"application/", "", false},
		{"application/x/y", "x/y", false},
	} {
		if got := (Header{Type: test.typ}).IsType(test.name); got != test.same {
			t.Errorf("%q is %q: %v", test.typ, test.name, got)
		}
		if got := (Header{ContentType: test.typ}).IsContentType(test.name); got != test.same {
			t.Errorf("cty %q is %q: %v", test.typ, test.name, got)
		}
	}
}

func TestVerifyDPoP(t *testing.T) {
	key := newKey(t, vectorKey(t, "ES256").private, KeyOptions{ID: "1"})
	other := vectorKey(t, "ES512")
	algs := []string{"ES256", "ES512", "EdDSA", "HS256", "none"}
	claims := []byte(`{"jti":"1","htm":"POST"}`)
	proof, err := key.Sign(Header{Algorithm: "ES256", Type: "dpop+jwt", JWK: key.PublicJWK()}, claims, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, thumbprint, err := VerifyDPoP(proof, algs)
	if err != nil || !bytes.Equal(payload, claims) || thumbprint != key.Thumbprint() {
		t.Errorf("got %s %s %v", payload, thumbprint, err)
	}
	public := string(key.PublicJWK())
	private, err := key.PrivateJWK()
	if err != nil {
		t.Fatal(err)
	}
	with := func(header string) string { return signRaw(t, key, "ES256", header, string(claims)) }
	secret := newKey(t, bytes.Repeat([]byte("s"), 32), KeyOptions{})
	for _, test := range []struct {
		name, proof string
		cause       message.Rule
	}{
		{"nothing", "", message.RuleJOSECompact},
		{"two proofs", proof + "," + proof, message.RuleJOSECompact},
		{"no typ", with(`{"alg":"ES256","jwk":` + public + `}`), ""},
		{"another typ", with(`{"alg":"ES256","typ":"JWT","jwk":` + public + `}`), ""},
		{"no jwk", with(`{"alg":"ES256","typ":"dpop+jwt"}`), ""},
		{"jwk null", with(`{"alg":"ES256","typ":"dpop+jwt","jwk":null}`), ""},
		{"jwk a text", with(`{"alg":"ES256","typ":"dpop+jwt","jwk":"x"}`), ""},
		{"jwk with a member twice", with(`{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"EC","kty":"RSA"}}`), message.RuleJOSEDuplicateMember},
		{"a private jwk", with(`{"alg":"ES256","typ":"dpop+jwt","jwk":` + string(private) + `}`), ""},
		{"an unknown kty", with(`{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"XYZ"}}`), message.RuleJWKSSkipUnknown},
		{"a secret", signRaw(t, secret, "HS256", `{"alg":"HS256","typ":"dpop+jwt","jwk":{"kty":"oct","k":"`+encodeSegment(secret.secret)+`"}}`, "{}"), message.RuleJOSEAlg},
		{"a secret under ES256", with(`{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"oct","k":"AAAA"}}`), ""},
		{"none", compact(`{"alg":"none","typ":"dpop+jwt","jwk":`+public+`}`, "{}", ""), message.RuleJOSEAlg},
		{"an alg that is not listed", with(`{"alg":"RS256","typ":"dpop+jwt","jwk":` + public + `}`), message.RuleJOSEAlg},
		{"an alg of another curve", with(`{"alg":"ES512","typ":"dpop+jwt","jwk":` + public + `}`), message.RuleKeyTypeForAlg},
		{"a jwk for encryption", with(`{"alg":"ES256","typ":"dpop+jwt","jwk":` + strings.Replace(public, "{", `{"use":"enc",`, 1) + `}`), message.RuleKeyRestrictions},
		{"another signer", signRaw(t, other, "ES512", `{"alg":"ES256","typ":"dpop+jwt","jwk":`+public+`}`, "{}"), message.RuleJOSESignature},
		{"another payload", strings.Join([]string{strings.Split(proof, ".")[0], "e30", strings.Split(proof, ".")[2]}, "."), message.RuleJOSESignature},
		{"crit", with(`{"alg":"ES256","typ":"dpop+jwt","crit":["x"],"jwk":` + public + `}`), message.RuleJOSECrit},
	} {
		t.Run(test.name, func(t *testing.T) {
			payload, thumbprint, err := VerifyDPoP(test.proof, algs)
			wantRule(t, err, message.RuleDPoPProof)
			if test.cause != "" && !errors.Is(err, test.cause) {
				t.Errorf("got %v, want %s behind it", err, test.cause)
			}
			if payload != nil || thumbprint != "" {
				t.Error("something came out all the same")
			}
		})
	}
	if _, _, err := VerifyDPoP(proof, nil); err == nil {
		t.Error("accepted without a list of algorithms")
	}
}
