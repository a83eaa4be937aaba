package keyjar

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"
)

// A vector is a published example: who made it, the key, and the token.
type vector struct {
	Source     string          `json:"source"`
	Alg        string          `json:"alg"`
	Enc        string          `json:"enc"`
	Key        json.RawMessage `json:"key"`
	Token      string          `json:"token"`
	Payload    string          `json:"payload"`
	Thumbprint string          `json:"thumbprint"`
}

var vectors = sync.OnceValue(func() (v struct{ Signed, Encrypted, Thumbprints []vector }) {
	data, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		panic(err)
	}
	return v
})

func parseKey(t testing.TB, jwk []byte) *Key {
	t.Helper()
	k, err := ParseKey(jwk)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var vectorKeys = sync.OnceValue(func() map[string]*Key {
	keys := map[string]*Key{}
	for _, v := range vectors().Signed {
		k, err := ParseKey(v.Key)
		if err != nil {
			panic(err)
		}
		keys[v.Alg] = k
	}
	return keys
})

// vectorKey returns the key of the published signature with that algorithm.
func vectorKey(t testing.TB, alg string) *Key {
	t.Helper()
	k := vectorKeys()[alg]
	if k == nil {
		t.Fatalf("no vector for %s", alg)
	}
	return k
}

func TestPublishedSignatures(t *testing.T) {
	for _, v := range vectors().Signed {
		t.Run(v.Source, func(t *testing.T) {
			key := parseKey(t, v.Key)
			set := NewSet(key)
			if key.Type() != kindSecret {
				set = set.Public()
			}
			token, err := (*Jar)(nil).With("issuer", set).Verify("issuer", v.Token, []string{v.Alg})
			if err != nil {
				t.Fatal(err)
			}
			if got := string(token.Payload); got != v.Payload {
				t.Errorf("payload %q, want %q", got, v.Payload)
			}
			if token.Compact() != v.Token {
				t.Error("the text of the token was lost")
			}
			for i := 0; i < len(v.Token); i += 5 {
				if v.Token[i] == '.' {
					continue
				}
				mutated := flip(v.Token, i)
				if _, err := (*Jar)(nil).With("issuer", set).Verify("issuer", mutated, []string{v.Alg}); err == nil {
					t.Fatalf("accepted with character %d changed", i)
				}
			}
		})
	}
}

// flip changes one character of a token into another of the alphabet.
func flip(token string, i int) string {
	c := byte('A')
	if token[i] == c {
		c = 'B'
	}
	return token[:i] + string(c) + token[i+1:]
}

// The deterministic ones come out again byte for byte, if the header is spelled as we do.
func TestPublishedSignaturesRepeat(t *testing.T) {
	for _, v := range vectors().Signed {
		if v.Alg != "RS256" && v.Alg != "EdDSA" {
			continue
		}
		key, err := NewKey(parseKey(t, v.Key).private, KeyOptions{ID: "x"})
		if err != nil {
			t.Fatal(err)
		}
		key.id = "" // the examples have no kid
		got, err := key.Sign(Header{Algorithm: v.Alg}, []byte(v.Payload), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got != v.Token {
			t.Errorf("%s: got %s", v.Source, got)
		}
	}
}

func TestPublishedEncryptions(t *testing.T) {
	for _, v := range vectors().Encrypted {
		t.Run(v.Source, func(t *testing.T) {
			set := NewSet(parseKey(t, v.Key))
			policy := DecryptPolicy{Algs: []string{v.Alg}, Encs: []string{v.Enc}, AllowRSA15: true}
			payload, header, err := set.Decrypt(v.Token, policy)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(payload); got != v.Payload {
				t.Errorf("payload %q, want %q", got, v.Payload)
			}
			if header.Algorithm != v.Alg || header.Encryption != v.Enc {
				t.Errorf("header %+v", header)
			}
		})
	}
}

// RFC 7518, Appendix C, publishes the key that Alice and Bob agree on, with apu and apv.
// The content is encrypted with it here, by the standard library alone.
func TestPublishedAgreement(t *testing.T) {
	const header = `{"alg":"ECDH-ES","enc":"A128GCM","apu":"QWxpY2U","apv":"Qm9i","epk":{"kty":"EC","crv":"P-256","x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}}`
	bob := parseKey(t, []byte(`{"kty":"EC","crv":"P-256","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ","y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}`))
	derived, err := decodeSegment("VqqN6vgjbSBcIijNcacQGg")
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	protected, iv := encodeSegment([]byte(header)), make([]byte, gcm.NonceSize())
	sealed := gcm.Seal(nil, iv, []byte("Live long and prosper."), []byte(protected))
	tag := len(sealed) - gcm.Overhead()
	token := strings.Join([]string{protected, "", encodeSegment(iv), encodeSegment(sealed[:tag]), encodeSegment(sealed[tag:])}, ".")
	got, _, err := NewSet(bob).Decrypt(token, DecryptPolicy{Algs: []string{"ECDH-ES"}, Encs: []string{"A128GCM"}})
	if err != nil || string(got) != "Live long and prosper." {
		t.Errorf("got %q, %v", got, err)
	}
}

// RFC 7519, Appendix A.2: the JWS of RFC 7515, A.2, in a JWE.
func TestPublishedNesting(t *testing.T) {
	for _, v := range vectors().Encrypted {
		if v.Source != "RFC 7519, A.2" {
			continue
		}
		inner, _, err := NewSet(parseKey(t, v.Key)).DecryptNested(v.Token, DecryptPolicy{Algs: []string{v.Alg}, Encs: []string{v.Enc}, AllowRSA15: true})
		if err != nil {
			t.Fatal(err)
		}
		jar := (*Jar)(nil).With("joe", NewSet(vectorKey(t, "RS256")).Public())
		if _, err := jar.Verify("joe", inner, []string{"RS256"}); err != nil {
			t.Error(err)
		}
		return
	}
	t.Fatal("the vector is missing")
}

func TestPublishedThumbprints(t *testing.T) {
	for _, v := range vectors().Thumbprints {
		if got := parseKey(t, v.Key).Thumbprint(); got != v.Thumbprint {
			t.Errorf("%s: got %s, want %s", v.Source, got, v.Thumbprint)
		}
	}
	if got := vectorKey(t, "HS256").Thumbprint(); got != "" {
		t.Errorf("a secret has the thumbprint %s", got)
	}
}

// RFC 9449, Sections 4.1 and 6.1.
const publishedProof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19" +
	".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ" +
	".2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"

func TestPublishedProof(t *testing.T) {
	payload, thumbprint, err := VerifyDPoP(publishedProof, []string{"ES256"})
	if err != nil {
		t.Fatal(err)
	}
	if thumbprint != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" {
		t.Errorf("thumbprint %s", thumbprint)
	}
	if !strings.Contains(string(payload), `"jti":"-BwC3ESc6acc2lTc"`) {
		t.Errorf("payload %s", payload)
	}
}

func TestHashesByAlgorithm(t *testing.T) {
	const value = "dNZX1hEZ9wBCzNL40Upu646bdzQA" // in use among implementers since 2016
	half := map[string]string{
		"256": "wfgvmE9VxjAudsl9lc6TqA",
		"384": "phZaPQJosyg-qi-OIYyQ3xJB9wsHYEEz",
		"512": "8xltSlOGYrWy8W9yNvRlEth1i_bXW-JROWPLvCv5zog",
	}
	for _, alg := range SigningAlgorithms() {
		want, curve := half[alg[max(0, len(alg)-3):]], ""
		if alg == edDSA || alg == ed25519Name {
			want, curve = half["512"], "Ed25519"
		}
		got, err := HalfHash(alg, curve, value)
		if err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", alg, got, err, want)
		}
	}
	for _, test := range []struct{ what, value, want string }{
		{"OpenID Connect Core 1.0, A.3, at_hash", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"},
		{"OpenID Connect Core 1.0, A.6, c_hash", "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", "LDktKdoQak3Pk0cnXxCltA"},
	} {
		if got, err := HalfHash("RS256", "", test.value); err != nil || got != test.want {
			t.Errorf("%s: got %q %v, want %q", test.what, got, err, test.want)
		}
	}
	for _, test := range []struct{ alg, curve string }{{"none", ""}, {"", ""}, {"EdDSA", "Ed448"}, {"EdDSA", ""}, {"ES256K", ""}} {
		if got, err := HalfHash(test.alg, test.curve, value); err == nil {
			t.Errorf("%q %q has the hash %s", test.alg, test.curve, got)
		}
	}
}
