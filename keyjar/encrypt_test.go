package keyjar

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
)

// encryptionKeys are key pairs and secrets for every algorithm.
func encryptionKeys(t testing.TB) map[string][]*Key {
	t.Helper()
	p384 := parseKey(t, vectors().Encrypted[4].Key)
	x := parseKey(t, vectors().Encrypted[7].Key)
	agreement := []*Key{
		newKey(t, vectorKey(t, "ES256").private, KeyOptions{}),
		newKey(t, p384.private, KeyOptions{ID: "p384", Operations: []string{"deriveKey", "deriveBits"}}),
		newKey(t, vectorKey(t, "ES512").private, KeyOptions{}),
		newKey(t, x.private, KeyOptions{ID: `x"25519`}),
	}
	secret := NewSecret([]byte("client secret of any length")).keys[0]
	octets := func(n int) *Key { return newKey(t, bytes.Repeat([]byte{7}, n), KeyOptions{ID: "oct"}) }
	rsaKey := newKey(t, vectorKey(t, "RS256").private, KeyOptions{Use: "enc", Operations: []string{"unwrapKey"}})
	return map[string][]*Key{
		"RSA-OAEP":       {rsaKey, newKey(t, opaqueDecrypter{rsaKey.private.(*rsa.PrivateKey)}, KeyOptions{})},
		"RSA-OAEP-256":   {rsaKey},
		"ECDH-ES":        agreement,
		"ECDH-ES+A128KW": agreement,
		"ECDH-ES+A192KW": agreement,
		"ECDH-ES+A256KW": agreement,
		"A128KW":         {secret, octets(16)},
		"A192KW":         {secret, octets(24)},
		"A256KW":         {secret, octets(32)},
		"dir":            {secret},
	}
}

func TestEncryptAndDecrypt(t *testing.T) {
	payload := []byte(`{"sub":"24400320"}`)
	for alg, keys := range encryptionKeys(t) {
		for _, key := range keys {
			for _, enc := range ContentEncryptions() {
				name := fmt.Sprintf("%s %s %s", alg, enc, key)
				recipient := key.Public()
				if recipient == nil {
					recipient = key
				}
				token, err := recipient.Encrypt(payload, Header{Algorithm: alg, Encryption: enc, Type: "JWT"}, nil)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !IsEncrypted(token) {
					t.Errorf("%s: %s", name, token)
				}
				set := NewSet(vectorKey(t, "EdDSA"), key)
				policy := DecryptPolicy{Algs: []string{alg}, Encs: []string{enc}}
				got, header, err := set.Decrypt(token, policy)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !bytes.Equal(got, payload) || header.Algorithm != alg || header.Encryption != enc || header.KeyID != key.ID() || header.Type != "JWT" {
					t.Errorf("%s: got %s, %+v", name, got, header)
				}
				again, err := recipient.Encrypt(payload, Header{Algorithm: alg, Encryption: enc, Type: "JWT"}, nil)
				if err != nil || again == token {
					t.Errorf("%s: the same twice", name)
				}
				if enc != "A192CBC-HS384" {
					continue // one of them is enough
				}
				for i := range strings.Count(token, ".") {
					at := nth(token, '.', i+1) + 1
					if token[at] == '.' {
						continue
					}
					if _, _, err := set.Decrypt(flip(token, at), policy); err == nil {
						t.Errorf("%s: opened with segment %d changed", name, i+1)
					}
				}
			}
		}
	}
}

// nth returns the position of the n-th c in s.
func nth(s string, c byte, n int) int {
	for i := range len(s) {
		if s[i] == c {
			if n--; n == 0 {
				return i
			}
		}
	}
	return -1
}

func TestEncDefaultsToA128CBCHS256(t *testing.T) {
	key := newKey(t, vectorKey(t, "RS256").private, KeyOptions{Algorithm: "RSA-OAEP-256", Use: "enc"})
	token, err := key.Public().Encrypt([]byte("x"), Header{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ParseHeader(token)
	if err != nil {
		t.Fatal(err)
	}
	if h.Algorithm != "RSA-OAEP-256" || h.Encryption != "A128CBC-HS256" || h.KeyID != key.ID() {
		t.Errorf("got %+v", h)
	}
}

func TestEncryptRefuses(t *testing.T) {
	rsaKey := newKey(t, vectorKey(t, "RS256").private, KeyOptions{Use: "enc"})
	signing := newKey(t, vectorKey(t, "RS256").private, KeyOptions{Use: "sig"})
	octets := newKey(t, make([]byte, 20), KeyOptions{})
	var extra message.Extra
	if err := extra.Set("iss", "x"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		key     *Key
		h       Header
		payload string
		rule    message.Rule
	}{
		{"no alg", rsaKey, Header{}, "x", message.RuleJWEExpected},
		{"RSA1_5", rsaKey, Header{Algorithm: "RSA1_5"}, "x", message.RuleJWEExpected},
		{"an unknown enc", rsaKey, Header{Algorithm: "RSA-OAEP", Encryption: "A128CBC"}, "x", message.RuleJWEExpected},
		{"another type of key", rsaKey, Header{Algorithm: "ECDH-ES"}, "x", message.RuleKeyTypeForAlg},
		{"a secret of another type", rsaKey, Header{Algorithm: "A128KW"}, "x", message.RuleKeyTypeForAlg},
		{"a signing key", signing, Header{Algorithm: "RSA-OAEP"}, "x", message.RuleKeyRestrictions},
		{"20 octets for A128KW", octets, Header{Algorithm: "A128KW"}, "x", message.RuleJWEKeyLength},
		{"20 octets for dir", octets, Header{Algorithm: "dir"}, "x", message.RuleJWEKeyLength},
		{"no payload", rsaKey, Header{Algorithm: "RSA-OAEP"}, "", ""},
		{"a jwk", rsaKey, Header{Algorithm: "RSA-OAEP", JWK: rsaKey.PublicJWK()}, "x", ""},
		{"other parameters", rsaKey, Header{Algorithm: "RSA-OAEP", Extra: extra}, "x", ""},
	} {
		token, err := test.key.Encrypt([]byte(test.payload), test.h, nil)
		if err == nil {
			t.Errorf("%s: got %s", test.name, token)
		} else if test.rule != "" {
			wantRule(t, err, test.rule)
		}
	}
}

// encryptedWith makes a JWE and gives it another header, which only spoils the tag.
func withHeader(token, header string) string {
	return encodeSegment([]byte(header)) + token[strings.IndexByte(token, '.'):]
}

func TestDecryptRefuses(t *testing.T) {
	rsaKey := newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "r"})
	other := newKey(t, vectorKey(t, "PS384").private, KeyOptions{ID: "o"})
	ecKey := newKey(t, vectorKey(t, "ES256").private, KeyOptions{ID: "e"})
	set := NewSet(rsaKey, ecKey)
	policy := DecryptPolicy{Algs: []string{"RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "dir", "A128KW", "RSA1_5"}, Encs: []string{"A128CBC-HS256", "A128GCM"}}
	encrypt := func(k *Key, alg, enc string) string {
		token, err := k.Encrypt([]byte(`{"sub":"x"}`), Header{Algorithm: alg, Encryption: enc}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := encrypt(rsaKey, "RSA-OAEP", "A128GCM")
	agreed := encrypt(ecKey, "ECDH-ES", "A128GCM")
	wrapped := encrypt(ecKey, "ECDH-ES+A128KW", "A128GCM")
	parts := strings.Split(good, ".")
	change := func(i int, segment string) string {
		changed := append([]string{}, parts...)
		changed[i] = segment
		return strings.Join(changed, ".")
	}
	offCurve := `{"kty":"EC","crv":"P-256","x":"` + ecKey.publicMembers().X + `","y":"` + ecKey.publicMembers().X + `"}`
	withEpk := func(epk string) string {
		return withHeader(agreed, `{"alg":"ECDH-ES","enc":"A128GCM","kid":"e","epk":`+epk+`}`)
	}
	private, err := ecKey.PrivateJWK()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, token string
		set         *Set
		rule        message.Rule
	}{
		{"a JWS", sign(t, rsaKey, Header{Algorithm: "RS256"}), set, message.RuleJOSECompact},
		{"six segments", good + ".AAAA", set, message.RuleJOSECompact},
		{"JSON", `{"a":"....."}`, set, message.RuleJOSECompact},
		{"too long", good + strings.Repeat("A", maxTokenSize), set, message.RuleJOSECompact},
		{"padding", good + "=", set, message.RuleJOSEBase64URL},
		{"a line break in the key", change(1, parts[1][:8]+"\n"+parts[1][8:]), set, message.RuleJOSEBase64URL},
		{"no iv", change(2, ""), set, message.RuleJOSECompact},
		{"no ciphertext", change(3, ""), set, message.RuleJOSECompact},
		{"no tag", change(4, ""), set, message.RuleJOSECompact},
		{"no encrypted key", change(1, ""), set, message.RuleJWEKeyLength},
		{"a short encrypted key", change(1, parts[1][:100]), set, message.RuleJWEKeyLength},
		{"an encrypted key that is not wanted", strings.Replace(agreed, "..", ".AAAA.", 1), set, message.RuleJWEKeyLength},
		{"a wrapped key of another length", withHeader(wrapped, `{"alg":"ECDH-ES+A128KW","enc":"A128CBC-HS256","kid":"e","epk":`+string(ecKey.PublicJWK())+`}`), set, message.RuleJWEErrorUniform},
		{"a short wrapped key", changeOf(wrapped, 1, "AAAA"), set, message.RuleJWEKeyLength},
		{"a short iv", change(2, "AAAA"), set, message.RuleJWEErrorUniform},
		{"a short tag", change(4, "AAAA"), set, message.RuleJWEErrorUniform},
		{"another header", withHeader(good, `{"alg":"RSA-OAEP","enc":"A128GCM","kid":"r","typ":"x"}`), set, message.RuleJWEErrorUniform},
		{"another content", change(3, flip(parts[3], 0)), set, message.RuleJWEErrorUniform},
		{"another key", change(1, flip(parts[1], 9)), set, message.RuleJWEErrorUniform},
		{"another iv", change(2, flip(parts[2], 0)), set, message.RuleJWEErrorUniform},
		{"another tag", change(4, flip(parts[4], 0)), set, message.RuleJWEErrorUniform},
		{"no JSON", withHeader(good, `x`), set, message.RuleJOSEJSON},
		{"alg twice", withHeader(good, `{"alg":"RSA-OAEP","alg":"dir"}`), set, message.RuleJOSEDuplicateMember},
		{"crit", withHeader(good, `{"alg":"RSA-OAEP","enc":"A128GCM","crit":["x"]}`), set, message.RuleJOSECrit},
		{"zip", withHeader(good, `{"alg":"RSA-OAEP","enc":"A128GCM","zip":"DEF"}`), set, message.RuleJWEZip},
		{"zip null", withHeader(good, `{"alg":"RSA-OAEP","enc":"A128GCM","zip":null}`), set, message.RuleJWEZip},
		{"PBES2", withHeader(good, `{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":1,"p2s":"AAAA"}`), set, message.RuleJWEAlgRefused},
		{"RSA1_5 without its option", withHeader(good, `{"alg":"RSA1_5","enc":"A128GCM"}`), set, message.RuleJWEAlgRefused},
		{"an alg that was not registered", withHeader(good, `{"alg":"RSA-OAEP-256","enc":"A128GCM"}`), set, message.RuleJWEExpected},
		{"an alg that is not implemented", withHeader(good, `{"alg":"A128GCMKW","enc":"A128GCM"}`), set, message.RuleJWEExpected},
		{"an enc that was not registered", withHeader(good, `{"alg":"RSA-OAEP","enc":"A256GCM"}`), set, message.RuleJWEExpected},
		{"no enc", withHeader(good, `{"alg":"RSA-OAEP"}`), set, message.RuleJWEExpected},
		{"an unknown kid", good, NewSet(other, ecKey), message.RuleKeyKid},
		{"the kid of another type", withHeader(good, `{"alg":"RSA-OAEP","enc":"A128GCM","kid":"e"}`), set, message.RuleKeyTypeForAlg},
		{"a signing key", good, NewSet(newKey(t, rsaKey.private, KeyOptions{ID: "r", Use: "sig"})), message.RuleKeyRestrictions},
		{"a public key", good, set.Public(), message.RuleKeyTypeForAlg},
		{"no kid, two keys", withHeader(good, `{"alg":"RSA-OAEP","enc":"A128GCM"}`), NewSet(rsaKey, other), message.RuleKeyAmbiguous},
		{"no secret", withHeader(good, `{"alg":"dir","enc":"A128GCM"}`), set, message.RuleKeyHMACSource},
		{"a secret of another length", withHeader(changeOf(good, 1, ""), `{"alg":"dir","enc":"A128GCM"}`), NewSet(newKey(t, make([]byte, 17), KeyOptions{})), message.RuleJWEKeyLength},
		{"no epk", withHeader(agreed, `{"alg":"ECDH-ES","enc":"A128GCM","kid":"e"}`), set, message.RuleJOSEJSON},
		{"epk beside the curve", withEpk(offCurve), set, message.RuleKeyStrength},
		{"epk on another curve", withEpk(string(vectorKey(t, "ES512").PublicJWK())), set, message.RuleKeyTypeForAlg},
		{"epk of another type", withEpk(string(vectorKey(t, "EdDSA").PublicJWK())), set, message.RuleKeyTypeForAlg},
		{"epk private", withEpk(string(private)), set, message.RuleKeyTypeForAlg},
		{"epk no key", withEpk(`7`), set, message.RuleKeyStrength},
		{"another epk", withEpk(string(ecKey.PublicJWK())), set, message.RuleJWEErrorUniform},
	} {
		t.Run(test.name, func(t *testing.T) {
			payload, header, err := test.set.Decrypt(test.token, policy)
			wantRule(t, err, test.rule)
			if payload != nil || header != nil {
				t.Error("something came out all the same")
			}
			if test.rule == message.RuleJWEErrorUniform {
				if want := violation(test.rule, "jwe", "", "", nil).Error(); err == nil || err.Error() != want {
					t.Errorf("not uniform: %v", err)
				}
			}
		})
	}
	if _, _, err := set.Decrypt(good, DecryptPolicy{}); err == nil {
		t.Error("opened without a policy")
	}
}

func changeOf(token string, i int, segment string) string {
	parts := strings.Split(token, ".")
	parts[i] = segment
	return strings.Join(parts, ".")
}

// With RSA-OAEP a sender can wrap a content key of any length; it fails as all else does.
func TestContentKeyOfWrongLength(t *testing.T) {
	key := newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "r"})
	token, err := key.Encrypt([]byte("x"), Header{Algorithm: "RSA-OAEP-256", Encryption: "A128GCM"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	policy := DecryptPolicy{Algs: []string{"RSA-OAEP-256"}, Encs: ContentEncryptions()}
	for _, size := range []int{0, 1, 15, 17, 24, 32} {
		wrapped, err := rsa.EncryptOAEP(encryptionAlgorithmOf("RSA-OAEP-256").hash.New(), rand.Reader, key.public.(*rsa.PublicKey), make([]byte, size), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = NewSet(key).Decrypt(changeOf(token, 1, encodeSegment(wrapped)), policy)
		wantRule(t, err, message.RuleJWEErrorUniform)
	}
	// Nor does content open that was encrypted with the key that stands in for one that
	// could not be decrypted.
	zeros := NewSet(newKey(t, make([]byte, 16), KeyOptions{}))
	direct, err := zeros.keys[0].Encrypt([]byte("x"), Header{Algorithm: "dir", Encryption: "A128GCM"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	forged := changeOf(direct, 1, encodeSegment(make([]byte, 256)))
	forged = withHeader(forged, `{"alg":"RSA-OAEP-256","enc":"A128GCM"}`)
	_, _, err = NewSet(key).Decrypt(forged, policy)
	wantRule(t, err, message.RuleJWEErrorUniform)
}

func TestRSA15OnlyByName(t *testing.T) {
	v := vectors().Encrypted[1]
	key := parseKey(t, v.Key)
	for _, p := range []DecryptPolicy{
		{Algs: []string{"RSA1_5"}, Encs: []string{v.Enc}},
		{Algs: []string{"RSA-OAEP"}, Encs: []string{v.Enc}, AllowRSA15: true},
	} {
		if _, _, err := NewSet(key).Decrypt(v.Token, p); err == nil {
			t.Errorf("opened under %+v", p)
		}
	}
	allowed := DecryptPolicy{Algs: []string{"RSA1_5"}, Encs: []string{v.Enc}, AllowRSA15: true}
	_, _, err := NewSet(newKey(t, opaqueDecrypter{key.private.(*rsa.PrivateKey)}, KeyOptions{})).Decrypt(v.Token, allowed)
	wantRule(t, err, message.RuleJWEAlgRefused)
	for i := range 5 {
		_, _, err := NewSet(key).Decrypt(flip(v.Token, nth(v.Token, '.', 1)+10+i), allowed)
		wantRule(t, err, message.RuleJWEErrorUniform)
	}
	_, _, err = NewSet(newKey(t, &opaque{Signer: key.private.(*rsa.PrivateKey)}, KeyOptions{})).Decrypt(v.Token, allowed)
	wantRule(t, err, message.RuleJWEAlgRefused)
}

func TestOpaqueSignerDoesNotDecrypt(t *testing.T) {
	key := newKey(t, &opaque{Signer: vectorKey(t, "RS256").private.(*rsa.PrivateKey)}, KeyOptions{})
	token, err := key.Public().Encrypt([]byte("x"), Header{Algorithm: "RSA-OAEP"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = NewSet(key).Decrypt(token, DecryptPolicy{Algs: []string{"RSA-OAEP"}, Encs: ContentEncryptions()})
	if !errors.Is(err, ErrNoKey) {
		t.Errorf("got %v", err)
	}
	ec := newKey(t, &opaque{Signer: vectorKey(t, "ES256").private.(*ecdsa.PrivateKey)}, KeyOptions{})
	token, err = ec.Public().Encrypt([]byte("x"), Header{Algorithm: "ECDH-ES"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = NewSet(ec).Decrypt(token, DecryptPolicy{Algs: []string{"ECDH-ES"}, Encs: ContentEncryptions()})
	if !errors.Is(err, ErrNoKey) {
		t.Errorf("got %v", err)
	}
}

func TestDecryptionTrials(t *testing.T) {
	first, second := newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "1"}), newKey(t, vectorKey(t, "PS384").private, KeyOptions{ID: "2"})
	anonymous := newKey(t, second.private, KeyOptions{})
	anonymous.id = ""
	token, err := anonymous.Encrypt([]byte("x"), Header{Algorithm: "RSA-OAEP"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	policy := DecryptPolicy{Algs: []string{"RSA-OAEP"}, Encs: ContentEncryptions()}
	if got, _, err := NewSet(first, second).WithTrials(2).Decrypt(token, policy); err != nil || string(got) != "x" {
		t.Errorf("got %s %v", got, err)
	}
	third := newKey(t, parseKey(t, vectors().Encrypted[1].Key).private, KeyOptions{ID: "3"})
	_, _, err = NewSet(first, third).WithTrials(2).Decrypt(token, policy)
	wantRule(t, err, message.RuleJWEErrorUniform)
}

func TestNestedEncryptedIdToken(t *testing.T) {
	op := newKey(t, vectorKey(t, "ES256").private, KeyOptions{ID: "op"})
	claims := []byte(`{"iss":"https://op.example.com","sub":"x"}`)
	inner, err := op.Sign(Header{Algorithm: "ES256", Type: "JWT"}, claims, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		alg string
		key *Key
	}{
		{"RSA-OAEP", newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "rp"})},
		{"ECDH-ES", newKey(t, vectorKey(t, "ES512").private, KeyOptions{ID: "rp"})},
		{"ECDH-ES+A256KW", newKey(t, parseKey(t, vectors().Encrypted[7].Key).private, KeyOptions{ID: "rp"})},
		{"dir", NewSecret([]byte("client secret")).keys[0]},
	} {
		recipient := test.key.Public()
		if recipient == nil {
			recipient = test.key
		}
		policy := DecryptPolicy{Algs: []string{test.alg}, Encs: []string{"A128CBC-HS256"}}
		own := NewSet(test.key)
		seal := func(payload, cty string) string {
			token, err := recipient.Encrypt([]byte(payload), Header{Algorithm: test.alg, ContentType: cty}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		for _, cty := range []string{"JWT", "jwt", "application/jwt"} {
			got, header, err := own.DecryptNested(seal(inner, cty), policy)
			if err != nil || got != inner || header.ContentType != cty {
				t.Errorf("%s %s: %v", test.alg, cty, err)
				continue
			}
			token, err := (&Jar{}).With("op", NewSet(op).Public()).Verify("op", got, []string{"ES256"})
			if err != nil || !bytes.Equal(token.Payload, claims) {
				t.Errorf("%s: %v", test.alg, err)
			}
		}
		for name, token := range map[string]string{
			"no cty":         seal(inner, ""),
			"another cty":    seal(inner, "json"),
			"claims":         seal(string(claims), "JWT"),
			"a JWE in a JWE": seal(seal(inner, "JWT"), "JWT"),
			"four segments":  seal(inner+".AAAA", "JWT"),
			"JSON inside it": seal(`{"payload":"x"}`, "JWT"),
		} {
			_, _, err := own.DecryptNested(token, policy)
			if err == nil {
				t.Errorf("%s: accepted %s", test.alg, name)
				continue
			}
			wantRule(t, err, message.RuleJWENesting)
		}
		_, _, err := own.DecryptNested("x", policy)
		wantRule(t, err, message.RuleJOSECompact)
	}
}

// "The symmetric encryption key is derived from the client_secret value by using the
// left-truncated SHA-2 hash" (OpenID Connect Core 1.0, Section 10.2).
func TestSymmetricKeysFromClientSecret(t *testing.T) {
	secret := "Ym9ndXMgc2VjcmV0"
	key := NewSecret([]byte(secret)).keys[0]
	for _, test := range []struct {
		size int
		hash string
	}{{16, "HS256"}, {24, "HS256"}, {32, "HS256"}, {48, "HS384"}, {64, "HS512"}} {
		want := hashOf(signatureAlgorithmOf(test.hash).hash, secret)[:test.size]
		got, err := key.symmetricKey("dir", test.size)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d octets: got %x %v, want %x", test.size, got, err, want)
		}
	}
	if NewSecret(nil).Len() != 0 {
		t.Error("no secret is a key")
	}
	if key.ID() != "" || key.Use() != "" {
		t.Error("a client secret has a name or a use")
	}
	mutable := []byte("0123456789abcdef0123456789abcdef")
	set := NewSecret(mutable)
	token := sign(t, set.keys[0], Header{Algorithm: "HS256"})
	mutable[0]++
	if _, err := (&Jar{}).With("c", set).Verify("c", token, []string{"HS256"}); err != nil {
		t.Errorf("the secret was not copied: %v", err)
	}
}
