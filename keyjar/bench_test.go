package keyjar

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

const benchClaims = `{"iss":"https://op.example.com","sub":"248289761001","aud":"s6BhdRkqt3","nonce":"n-0S6_WzA2Mj","exp":1311281970,"iat":1311280970,"auth_time":1311280969,"at_hash":"77QmUPtjPfzWtF2AnpK9RQ","acr":"urn:mace:incommon:iap:silver","name":"Jane Doe","email":"janedoe@example.com"}`

// A benchSubject is a key, a token that it signed, and the bare verification of it: the
// hash and the standard library's function.
type benchSubject struct {
	alg   string
	token string
	set   *Set
	floor func() bool
}

func benchSubjects(tb testing.TB) []benchSubject {
	var subjects []benchSubject
	for _, alg := range []string{"RS256", "ES256", "EdDSA", "HS256"} {
		set := NewSecret(vectorKey(tb, "HS256").secret)
		key := set.keys[0]
		if alg != "HS256" {
			key = newKey(tb, vectorKey(tb, alg).private, KeyOptions{ID: "2011-04-29", Algorithm: alg, Use: useSignature})
			set = NewSet(key).Public()
		}
		token, err := key.Sign(Header{Algorithm: alg}, []byte(benchClaims), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		dot := strings.LastIndexByte(token, '.')
		input := []byte(token[:dot])
		signature, err := decodeSegment(token[dot+1:])
		if err != nil {
			tb.Fatal(err)
		}
		s := benchSubject{alg: alg, token: token, set: set}
		switch public := key.public.(type) {
		case *rsa.PublicKey:
			s.floor = func() bool {
				sum := sha256.Sum256(input)
				return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
			}
		case *ecdsa.PublicKey:
			s.floor = func() bool {
				sum := sha256.Sum256(input)
				r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
				return ecdsa.Verify(public, sum[:], r, s)
			}
		case ed25519.PublicKey:
			s.floor = func() bool { return ed25519.Verify(public, input, signature) }
		default:
			s.floor = func() bool {
				h := hmac.New(sha256.New, key.secret)
				h.Write(input)
				return hmac.Equal(signature, h.Sum(nil))
			}
		}
		subjects = append(subjects, s)
	}
	return subjects
}

// BenchmarkVerify compares parsing and verifying a token of 0.7 KiB with the bare
// verification of its signature.
func BenchmarkVerify(b *testing.B) {
	for _, s := range benchSubjects(b) {
		b.Run(s.alg+"/floor", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !s.floor() {
					b.Fatal("not verified")
				}
			}
		})
		b.Run(s.alg+"/full", func(b *testing.B) {
			b.ReportAllocs()
			algs := []string{s.alg}
			for b.Loop() {
				t, err := Parse(s.token)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.set.Verify(t, algs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	token := benchSubjects(b)[0].token
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseSet reads a set of ten EC keys, as is done once per fetch.
func BenchmarkParseSet(b *testing.B) {
	var keys []*Key
	for i := range 10 {
		key, err := NewKey(vectorKey(b, "ES256").public, KeyOptions{ID: fmt.Sprint(i)})
		if err != nil {
			b.Fatal(err)
		}
		keys = append(keys, key)
	}
	document := NewSet(keys...).PublicJWKS()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ParseSet(document); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		key := vectorKey(b, alg)
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := key.Sign(Header{Algorithm: alg}, []byte(benchClaims), rand.Reader); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
