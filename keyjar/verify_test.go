package keyjar

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/oidcservice/oidc/message"
)

// compact makes a token of any header, payload and signature.
func compact(header, payload, signature string) string {
	return encodeSegment([]byte(header)) + "." + encodeSegment([]byte(payload)) + "." + signature
}

// signRaw signs a token whose header is given as text, whatever it says, with the key
// and algorithm.
func signRaw(t testing.TB, k *Key, alg, header, payload string) string {
	t.Helper()
	a := signatureAlgorithmOf(alg)
	raw := k.private
	if a.kind == kindSecret {
		raw = k.secret
	}
	input := encodeSegment([]byte(header)) + "." + encodeSegment([]byte(payload))
	signature, err := a.signer.Sign([]byte(input), raw)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encodeSegment(signature)
}

func sign(t testing.TB, k *Key, h Header) string {
	t.Helper()
	token, err := k.Sign(h, []byte(`{"sub":"x"}`), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func newKey(t testing.TB, raw any, o KeyOptions) *Key {
	t.Helper()
	k, err := NewKey(raw, o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// wantRule checks that err is a violation of the rule.
func wantRule(t testing.TB, err error, rule message.Rule) {
	t.Helper()
	var v *message.Violation
	if !errors.As(err, &v) || v.Rule != rule {
		t.Errorf("got %v, want a violation of %s", err, rule)
	}
}

func TestParseRefuses(t *testing.T) {
	const rs = `{"alg":"RS256"}`
	good := compact(rs, `{}`, "AAAA")
	deep := strings.Repeat("[", 17) + strings.Repeat("]", 17)
	for _, test := range []struct {
		name, token string
		rule        message.Rule
	}{
		{"nothing", "", message.RuleJOSECompact},
		{"one segment", "AAAA", message.RuleJOSECompact},
		{"two segments", "AAAA.AAAA", message.RuleJOSECompact},
		{"four segments", good + ".AAAA", message.RuleJOSECompact},
		{"five segments", good + ".AAAA.AAAA", message.RuleJOSECompact},
		{"an empty header", ".AAAA.AAAA", message.RuleJOSECompact},
		{"an empty payload", encodeSegment([]byte(rs)) + "..AAAA", message.RuleJOSECompact},
		{"JSON", `{"payload":"AAAA","protected":"AAAA","signature":"a.b.c"}`, message.RuleJOSECompact},
		{"JSON after a space", ` {"payload":"a.b.c"}`, message.RuleJOSECompact},
		{"a huge token", encodeSegment([]byte(rs)) + "." + strings.Repeat("A", maxTokenSize) + ".AAAA", message.RuleJOSECompact},
		{"a huge header", compact(`{"alg":"RS256","x":"`+strings.Repeat("x", maxHeaderSize)+`"}`, "{}", "AAAA"), message.RuleJOSECompact},
		{"a space around it", good + " ", message.RuleJOSEBase64URL},
		{"padding in the header", encodeSegment([]byte(rs)) + "=.AAAA.AAAA", message.RuleJOSEBase64URL},
		{"standard base64", encodeSegment([]byte(rs)) + ".a+/b.AAAA", message.RuleJOSEBase64URL},
		{"padding in the payload", encodeSegment([]byte(rs)) + ".AA==.AAAA", message.RuleJOSEBase64URL},
		{"padding in the signature", encodeSegment([]byte(rs)) + ".AAAA.AA==", message.RuleJOSEBase64URL},
		{"a line break in the header", "eyJh\nbGciOiJSUzI1NiJ9.AAAA.AAAA", message.RuleJOSEBase64URL},
		{"a line break in the payload", encodeSegment([]byte(rs)) + ".AA\nAA.AAAA", message.RuleJOSEBase64URL},
		{"a carriage return in the signature", encodeSegment([]byte(rs)) + ".AAAA.AA\rAA", message.RuleJOSEBase64URL},
		{"trailing bits in the payload", encodeSegment([]byte(rs)) + ".AB.AAAA", message.RuleJOSEBase64URL},
		{"trailing bits in the signature", encodeSegment([]byte(rs)) + ".AAAA.AB", message.RuleJOSEBase64URL},
		{"an impossible length", encodeSegment([]byte(rs)) + ".AAAA.AAAAA", message.RuleJOSEBase64URL},
		{"no JSON", compact(`alg`, "{}", "AAAA"), message.RuleJOSEJSON},
		{"an array", compact(`["alg"]`, "{}", "AAAA"), message.RuleJOSEJSON},
		{"text after the header", compact(rs+`x`, "{}", "AAAA"), message.RuleJOSEJSON},
		{"a second object", compact(rs+`{}`, "{}", "AAAA"), message.RuleJOSEJSON},
		{"bad UTF-8", compact("{\"alg\":\"RS256\",\"kid\":\"\xff\"}", "{}", "AAAA"), message.RuleJOSEJSON},
		{"17 levels", compact(`{"alg":"RS256","x":`+deep+`}`, "{}", "AAAA"), message.RuleJOSEJSON},
		{"alg a number", compact(`{"alg":256}`, "{}", "AAAA"), message.RuleJOSEJSON},
		{"kid a number", compact(`{"alg":"RS256","kid":1}`, "{}", "AAAA"), message.RuleJOSEJSON},
		{"alg twice", compact(`{"alg":"none","alg":"RS256"}`, "{}", "AAAA"), message.RuleJOSEDuplicateMember},
		{"an unknown member twice", compact(`{"alg":"RS256","x":1,"x":1}`, "{}", "AAAA"), message.RuleJOSEDuplicateMember},
		{"a member twice inside", compact(`{"alg":"RS256","x":{"y":1,"y":1}}`, "{}", "AAAA"), message.RuleJOSEDuplicateMember},
		{"a member twice, once escaped", compact(`{"alg":"RS256","\u0061lg":"none"}`, "{}", "AAAA"), message.RuleJOSEDuplicateMember},
		{"another case", compact(`{"alg":"RS256","KID":"x"}`, "{}", "AAAA"), message.RuleJOSEMemberCase},
		{"no alg", compact(`{}`, "{}", "AAAA"), message.RuleJOSEAlg},
		{"alg null", compact(`{"alg":null}`, "{}", "AAAA"), message.RuleJOSEAlg},
		{"alg empty", compact(`{"alg":""}`, "{}", "AAAA"), message.RuleJOSEAlg},
		{"crit", compact(`{"alg":"RS256","crit":["exp"],"exp":1}`, "{}", "AAAA"), message.RuleJOSECrit},
		{"crit empty", compact(`{"alg":"RS256","crit":[]}`, "{}", "AAAA"), message.RuleJOSECrit},
		{"crit null", compact(`{"alg":"RS256","crit":null}`, "{}", "AAAA"), message.RuleJOSECrit},
		{"b64 false", compact(`{"alg":"RS256","b64":false}`, "{}", "AAAA"), message.RuleJOSEB64},
		{"b64 true", compact(`{"alg":"RS256","b64":true}`, "{}", "AAAA"), message.RuleJOSEB64},
		{"a long kid", compact(`{"alg":"RS256","kid":"`+strings.Repeat("k", 257)+`"}`, "{}", "AAAA"), message.RuleKeyKid},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, err := Parse(test.token)
			wantRule(t, err, test.rule)
			if token != nil {
				t.Error("there is a token all the same")
			}
		})
	}
	if _, err := Parse(good); err != nil {
		t.Errorf("the good one: %v", err)
	}
	if _, err := Parse(compact(`{"alg":"RS256","kid":"`+strings.Repeat("k", 256)+`"}`, "{}", "AAAA")); err != nil {
		t.Errorf("a kid of 256 bytes: %v", err)
	}
}

func TestParseHeader(t *testing.T) {
	h, err := ParseHeader(compact(`{"alg":"RS256","jku":"https://evil.example","x":1}`, "{}", "AAAA"))
	if err != nil {
		t.Fatal(err)
	}
	if h.Algorithm != "RS256" || h.Extra.Text("jku") != "https://evil.example" || !h.Extra.Has("x") {
		t.Errorf("got %+v", h)
	}
	if _, err := ParseHeader("a.b.c.d"); err == nil {
		t.Error("four segments were read")
	}
	_, err = ParseHeader(strings.Repeat("a", maxTokenSize+1))
	wantRule(t, err, message.RuleJOSECompact)
	_, err = ParseHeader("e.e.e")
	wantRule(t, err, message.RuleJOSEBase64URL)
}

// keysOf are one key of each type, all with the same kid.
func keysOf(t testing.TB, kid string) map[string]*Key {
	keys := map[string]*Key{}
	for name, alg := range map[string]string{"RSA": "RS256", "P-256": "ES256", "P-521": "ES512", "Ed25519": "EdDSA"} {
		keys[name] = newKey(t, vectorKey(t, alg).private, KeyOptions{ID: kid})
	}
	return keys
}

func TestKeySelection(t *testing.T) {
	keys := keysOf(t, "one")
	other := newKey(t, vectorKey(t, "PS384").private, KeyOptions{ID: "two"})
	with := func(k *Key, o KeyOptions) *Key { return newKey(t, k.private, o) }
	rsaKey, ecKey, edKey := keys["RSA"], keys["P-256"], keys["Ed25519"]
	secret := NewSecret(bytes.Repeat([]byte("s"), 32)).keys[0]
	rs := Header{Algorithm: "RS256"}
	nameless := signRaw(t, rsaKey, "RS256", `{"alg":"RS256"}`, `{}`)

	for _, test := range []struct {
		name    string
		set     *Set
		token   string
		algs    []string
		rule    message.Rule // "" if it verifies
		unknown bool         // ErrUnknownKey is to be found
	}{
		{"one key", NewSet(rsaKey), sign(t, rsaKey, rs), []string{"RS256"}, "", false},
		{"one key, public", NewSet(rsaKey).Public(), sign(t, rsaKey, rs), []string{"ES256", "RS256"}, "", false},
		{"other types under the same kid are passed over", NewSet(ecKey, edKey, keys["P-521"], rsaKey), sign(t, rsaKey, rs), []string{"RS256"}, "", false},
		{"other curves under the same kid are passed over", NewSet(keys["P-521"], ecKey), sign(t, ecKey, Header{Algorithm: "ES256"}), []string{"ES256"}, "", false},
		{"an empty set", NewSet(), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyKid, true},
		{"no set", nil, sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyKid, true},
		{"no set and no kid", nil, nameless, []string{"RS256"}, message.RuleKeyNoKid, true},
		{"another kid", NewSet(other), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyKid, true},
		{"a key without kid is not meant", NewSet(parseKey(t, vectors().Signed[1].Key)), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyKid, true},
		{"the kid, another type", NewSet(ecKey, other), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyTypeForAlg, false},
		{"the kid, another curve", NewSet(keys["P-521"]), sign(t, ecKey, Header{Algorithm: "ES256"}), []string{"ES256"}, message.RuleKeyTypeForAlg, false},
		{"use enc", NewSet(with(rsaKey, KeyOptions{ID: "one", Use: "enc"})), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyRestrictions, false},
		{"an unknown use", NewSet(with(rsaKey, KeyOptions{ID: "one", Use: "tls"})), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyRestrictions, false},
		{"use sig", NewSet(with(rsaKey, KeyOptions{ID: "one", Use: "sig"})), sign(t, rsaKey, rs), []string{"RS256"}, "", false},
		{"another alg", NewSet(with(rsaKey, KeyOptions{ID: "one", Algorithm: "PS256"})), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyRestrictions, false},
		{"an encryption alg", NewSet(with(rsaKey, KeyOptions{ID: "one", Algorithm: "RSA-OAEP"})), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyRestrictions, false},
		{"key_ops encrypt", NewSet(with(rsaKey, KeyOptions{ID: "one", Operations: []string{"encrypt", "wrapKey"}})), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyRestrictions, false},
		{"key_ops verify", NewSet(with(rsaKey, KeyOptions{ID: "one", Operations: []string{"verify"}})), sign(t, rsaKey, rs), []string{"RS256"}, "", false},
		{"key_ops sign becomes verify", NewSet(with(rsaKey, KeyOptions{ID: "one", Operations: []string{"sign"}})).Public(), sign(t, rsaKey, rs), []string{"RS256"}, "", false},
		{"EdDSA under its new name", NewSet(with(edKey, KeyOptions{ID: "one", Algorithm: "Ed25519"})), sign(t, edKey, Header{Algorithm: "EdDSA"}), []string{"EdDSA"}, "", false},
		{"Ed25519 under its old name", NewSet(with(edKey, KeyOptions{ID: "one", Algorithm: "EdDSA"})), sign(t, edKey, Header{Algorithm: "Ed25519"}), []string{"Ed25519"}, "", false},
		{"the names differ in a list", NewSet(edKey), sign(t, edKey, Header{Algorithm: "Ed25519"}), []string{"EdDSA"}, message.RuleJOSEAlg, false},
		{"no kid, the only one that fits", NewSet(ecKey, rsaKey, edKey), nameless, []string{"RS256"}, "", false},
		{"no kid, none that fits", NewSet(ecKey, edKey), nameless, []string{"RS256"}, message.RuleKeyNoKid, true},
		{"no kid, two that fit", NewSet(rsaKey, other), nameless, []string{"RS256"}, message.RuleKeyAmbiguous, false},
		{"no kid, two that fit, trials allowed", NewSet(other, rsaKey).WithTrials(2), nameless, []string{"RS256"}, "", false},
		{"the public keys keep their trials", NewSet(other, rsaKey).WithTrials(2).Public(), nameless, []string{"RS256"}, "", false},
		{"no kid, two that fit, too few trials", NewSet(other, rsaKey).WithTrials(1), nameless, []string{"RS256"}, message.RuleKeyAmbiguous, false},
		{"trials, and none verifies", NewSet(other, rsaKey).WithTrials(2), nameless[:len(nameless)-9] + "AAAAAAAAA", []string{"RS256"}, message.RuleJOSESignature, false},
		{"no kid, the use decides", NewSet(rsaKey, with(other, KeyOptions{ID: "two", Use: "enc"})), nameless, []string{"RS256"}, "", false},
		{"one kid twice", NewSet(rsaKey, with(other, KeyOptions{ID: "one"})), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyAmbiguous, false},
		{"one key twice", NewSet(rsaKey, with(rsaKey, KeyOptions{ID: "one", Use: "sig"})), sign(t, rsaKey, rs), []string{"RS256"}, "", false},
		{"another key under the kid", NewSet(with(other, KeyOptions{ID: "one"})), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleJOSESignature, false},
		{"the alg is not listed", NewSet(rsaKey), sign(t, rsaKey, rs), []string{"PS256"}, message.RuleJOSEAlg, false},
		{"no alg is listed", NewSet(rsaKey), sign(t, rsaKey, rs), nil, message.RuleJOSEAlg, false},
		{"the alg is listed and unknown", NewSet(rsaKey), compact(`{"alg":"ES256K"}`, "{}", "AAAA"), []string{"ES256K"}, message.RuleJOSEAlg, false},
		{"another case of alg", NewSet(rsaKey), compact(`{"alg":"rs256"}`, "{}", "AAAA"), []string{"RS256"}, message.RuleJOSEAlg, false},
		{"a secret and no kid", NewSet(secret), sign(t, secret, Header{Algorithm: "HS256"}), []string{"HS256"}, "", false},
		{"a secret beside keys", NewSet(rsaKey, ecKey, secret), sign(t, secret, Header{Algorithm: "HS256", KeyID: "one"}), []string{"HS256"}, "", false},
		{"HS256 without a secret", NewSet(rsaKey), sign(t, secret, Header{Algorithm: "HS256", KeyID: "one"}), []string{"HS256"}, message.RuleKeyHMACSource, false},
		{"HS256 without anything", nil, sign(t, secret, Header{Algorithm: "HS256"}), []string{"HS256"}, message.RuleKeyHMACSource, false},
		{"RS256 with a secret alone", NewSet(secret), sign(t, rsaKey, rs), []string{"RS256"}, message.RuleKeyKid, true},
		{"a short secret", NewSecret([]byte("short")), compact(`{"alg":"HS256"}`, "{}", "AAAA"), []string{"HS256"}, message.RuleKeyHMACLength, false},
		{"a secret too short for HS512", NewSet(secret), compact(`{"alg":"HS512"}`, "{}", "AAAA"), []string{"HS512"}, message.RuleKeyHMACLength, false},
		{"another secret", NewSecret(bytes.Repeat([]byte("t"), 32)), sign(t, secret, Header{Algorithm: "HS256"}), []string{"HS256"}, message.RuleJOSESignature, false},
		{"no signature", NewSet(rsaKey), compact(`{"alg":"RS256"}`, "{}", ""), []string{"RS256"}, message.RuleJOSESignature, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, err := Parse(test.token)
			if err != nil {
				t.Fatal(err)
			}
			key, err := test.set.Verify(token, test.algs)
			if test.rule == "" {
				if err != nil || key == nil {
					t.Errorf("got %v, %v", key, err)
				}
				return
			}
			wantRule(t, err, test.rule)
			if errors.Is(err, ErrUnknownKey) != test.unknown {
				t.Errorf("unknown key: %v: %v", !test.unknown, err)
			}
			if key != nil {
				t.Error("there is a key all the same")
			}
		})
	}
}

// An HMAC under the bytes of a public key, as an attacker can make it, is nobody's.
func TestPublicKeyIsNoSecret(t *testing.T) {
	public := newKey(t, vectorKey(t, "RS256").public, KeyOptions{ID: "one"})
	for _, bytes := range [][]byte{public.PublicJWK(), public.public.(*rsa.PublicKey).N.Bytes()} {
		forged := sign(t, newKey(t, bytes, KeyOptions{ID: "one"}), Header{Algorithm: "HS256"})
		jar := (&Jar{}).With("op", NewSet(public))
		_, err := jar.Verify("op", forged, []string{"RS256"})
		wantRule(t, err, message.RuleJOSEAlg)
		_, err = jar.Verify("op", forged, []string{"RS256", "HS256"})
		wantRule(t, err, message.RuleKeyHMACSource)
	}
}

func TestUnsignedNeedsExplicitPolicy(t *testing.T) {
	unsigned, err := Unsigned(Header{Type: "JWT"}, []byte(`{"sub":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	token, err := Parse(unsigned)
	if err != nil {
		t.Fatal(err)
	}
	set := NewSet(vectorKey(t, "RS256"))
	for _, algs := range [][]string{nil, {}, {""}, {"RS256"}, {"NONE"}, {"None"}} {
		_, err := set.Verify(token, algs)
		wantRule(t, err, message.RuleJOSEAlgNone)
	}
	for _, s := range []*Set{set, nil} {
		if key, err := s.Verify(token, []string{"RS256", "none"}); err != nil || key != nil {
			t.Errorf("none, admitted: %v, %v", key, err)
		}
	}
	token, err = Parse(unsigned + "AAAA")
	if err != nil {
		t.Fatal(err)
	}
	_, err = set.Verify(token, []string{"none"})
	wantRule(t, err, message.RuleJOSESignature)
	token, err = Parse(compact(`{"alg":"None"}`, "{}", ""))
	if err != nil {
		t.Fatal(err)
	}
	_, err = set.Verify(token, []string{"none", "RS256"})
	wantRule(t, err, message.RuleJOSEAlg)
}

// What a token says of where its key is changes nothing.
func TestKeyByContextIssuer(t *testing.T) {
	good, evil := vectorKey(t, "RS256"), vectorKey(t, "PS384")
	jar := (*Jar)(nil).
		With("https://op.example.com", NewSet(newKey(t, good.public, KeyOptions{ID: "1"}))).
		With("https://evil.example", NewSet(newKey(t, evil.public, KeyOptions{ID: "1"})))
	jwk := string(newKey(t, evil.public, KeyOptions{ID: "1"}).PublicJWK())
	for _, header := range []string{
		`{"alg":"RS256","kid":"1"}`,
		`{"alg":"RS256","kid":"1","jku":"https://evil.example/jwks"}`,
		`{"alg":"RS256","kid":"1","x5u":"https://evil.example/x5u"}`,
		`{"alg":"RS256","kid":"1","x5c":["AAAA"]}`,
		`{"alg":"RS256","kid":"1","jwk":` + jwk + `}`,
		`{"alg":"RS256","jwk":` + jwk + `}`,
	} {
		forged := signRaw(t, evil, "RS256", header, `{"iss":"https://evil.example"}`)
		_, err := jar.Verify("https://op.example.com", forged, []string{"RS256"})
		wantRule(t, err, message.RuleJOSESignature)
		honest := signRaw(t, good, "RS256", header, `{"iss":"https://evil.example"}`)
		if _, err := jar.Verify("https://op.example.com", honest, []string{"RS256"}); err != nil {
			t.Errorf("%s: %v", header, err)
		}
		_, err = jar.Verify("https://op.example.com/", honest, []string{"RS256"})
		if !errors.Is(err, ErrUnknownKey) {
			t.Errorf("an unknown owner: %v", err)
		}
	}
}

func TestJarIsImmutable(t *testing.T) {
	var none *Jar
	a := none.With("a", NewSet(vectorKey(t, "RS256")))
	b := a.With("b", NewSet())
	if none.Set("a") != nil || a.Set("b") != nil || b.Set("a") == nil || b.Set("b") == nil {
		t.Error("With changed its receiver or lost an owner")
	}
	if c := b.With("a", nil); c.Set("a") != nil || b.Set("a") == nil {
		t.Error("an owner was not forgotten, or forgotten elsewhere")
	}
	_, err := b.Verify("a", "no token", nil)
	wantRule(t, err, message.RuleJOSECompact)
}

// "ECDSA … the exact length": other encodings of the same numbers are refused.
func TestECDSASignatureLength(t *testing.T) {
	key := newKey(t, vectorKey(t, "ES256").private, KeyOptions{ID: "1"})
	token := sign(t, key, Header{Algorithm: "ES256"})
	dot := strings.LastIndexByte(token, '.')
	raw, err := decodeSegment(token[dot+1:])
	if err != nil {
		t.Fatal(err)
	}
	r, s := raw[:32], raw[32:]
	for name, signature := range map[string][]byte{
		"a zero in front":        append([]byte{0}, raw...),
		"zeros in front of both": append(append([]byte{0}, r...), append([]byte{0}, s...)...),
		"a byte less":            raw[:63],
		"a byte more":            append(append([]byte{}, raw...), 0),
		"zeros":                  make([]byte, 64),
		"DER":                    append([]byte{0x30, 68, 2, 32}, append(append(append([]byte{}, r...), 2, 32), s...)...),
	} {
		parsed, err := Parse(token[:dot+1] + encodeSegment(signature))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewSet(key).Verify(parsed, []string{"ES256"}); err == nil {
			t.Errorf("accepted: %s", name)
		} else {
			wantRule(t, err, message.RuleJOSESignature)
		}
	}
}

func TestVerifyAllocations(t *testing.T) {
	for _, s := range benchSubjects(t) {
		floor := testing.AllocsPerRun(20, func() { s.floor() })
		full := testing.AllocsPerRun(20, func() {
			token, err := Parse(s.token)
			if err == nil {
				_, err = s.set.Verify(token, []string{s.alg})
			}
			if err != nil {
				t.Fatal(err)
			}
		})
		if over := full - floor; over > 12 {
			t.Errorf("%s: %v allocations over the bare verification, the budget is 12", s.alg, over)
		}
	}
}

// Sets, keys and jars are shared freely.
func TestConcurrentUse(t *testing.T) {
	key := newKey(t, vectorKey(t, "ES256").private, KeyOptions{ID: "1"})
	box := newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "2"})
	set := NewSet(key, box, NewSecret(bytes.Repeat([]byte("s"), 32)).keys[0])
	jar := (&Jar{}).With("op", set)
	policy := DecryptPolicy{Algs: []string{"RSA-OAEP", "ECDH-ES"}, Encs: ContentEncryptions()}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, alg := range []string{"ES256", "RS256", "HS256"} {
				signer, err := set.SigningKey(alg)
				if err != nil {
					t.Error(err)
					return
				}
				token, err := signer.Sign(Header{Algorithm: alg}, []byte("{}"), nil)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := jar.With("other", set.Public()).Verify("op", token, []string{alg}); err != nil {
					t.Error(err)
				}
			}
			for _, alg := range policy.Algs {
				recipient, err := set.Public().EncryptionKey(alg)
				if err != nil {
					t.Error(err)
					return
				}
				token, err := recipient.Encrypt([]byte("{}"), Header{Algorithm: alg}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if _, _, err := set.Decrypt(token, policy); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
