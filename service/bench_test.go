package service

import (
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

const benchSecret = "a-secret-of-32-bytes-or-more-0123456789"

// benchKeys are raw keys by algorithm, for the floors.
func benchKey(b *testing.B, alg string) (raw any, verify func(signingInput, sig []byte) bool) {
	b.Helper()
	switch alg {
	case "RS256":
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			b.Fatal(err)
		}
		return k, func(in, sig []byte) bool {
			sum := sha256.Sum256(in)
			return rsa.VerifyPKCS1v15(&k.PublicKey, crypto.SHA256, sum[:], sig) == nil
		}
	case "ES256":
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		return k, func(in, sig []byte) bool {
			sum := sha256.Sum256(in)
			return ecdsa.Verify(&k.PublicKey, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
		}
	case "EdDSA":
		pub, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		return k, func(in, sig []byte) bool { return ed25519.Verify(pub, in, sig) }
	}
	return []byte(benchSecret), func(in, sig []byte) bool {
		m := hmac.New(sha256.New, []byte(benchSecret))
		m.Write(in)
		return hmac.Equal(m.Sum(nil), sig)
	}
}

func benchContext(b *testing.B, alg string, keys *keyjar.Set, now time.Time, more ...func(*servicecontext.Config)) *servicecontext.ServiceContext {
	b.Helper()
	var client message.RegistrationResponse
	client.ClientID, client.ClientSecret = "s6BhdRkqt3", benchSecret
	client.IDTokenSignedResponseAlg = alg
	cfg := servicecontext.Config{
		Provider: &message.ProviderMetadata{
			Issuer: "https://op.example", AuthorizationEndpoint: "https://op.example/authorization", TokenEndpoint: "https://op.example/token",
			JWKSURI: "https://op.example/jwks",
		},
		Client: &client, ProviderKeys: keys, Scope: []string{"openid", "profile"},
		Metadata: message.ClientMetadata{RedirectURIs: []string{"https://rp.example/cb"}},
		Now:      func() time.Time { return now },
	}
	for _, m := range more {
		m(&cfg)
	}
	sc, err := servicecontext.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	return sc
}

// BenchmarkEncryptedIDToken measures the whole validation of a nested token beside the
// bare decryption of its key and content, and the verification of the signature in it.
func BenchmarkEncryptedIDToken(b *testing.B) {
	now := time.Unix(1_700_000_000, 0)
	raw, verify := benchKey(b, "RS256")
	key, err := keyjar.NewKey(raw, keyjar.KeyOptions{ID: "k1"})
	if err != nil {
		b.Fatal(err)
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	own, err := keyjar.NewKey(private, keyjar.KeyOptions{ID: "e1"})
	if err != nil {
		b.Fatal(err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": "https://op.example", "sub": "248289761001", "aud": "s6BhdRkqt3", "exp": now.Unix() + 600, "iat": now.Unix(), "nonce": "n-0S6_WzA2Mj",
	})
	if err != nil {
		b.Fatal(err)
	}
	signed, err := key.Sign(keyjar.Header{Algorithm: "RS256", KeyID: "k1"}, claims, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	token, err := own.Public().Encrypt([]byte(signed), keyjar.Header{Algorithm: "RSA-OAEP-256", Encryption: "A256GCM", KeyID: "e1", ContentType: "JWT"}, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	parts := make([][]byte, 0, 5)
	for part := range strings.SplitSeq(token, ".") {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			b.Fatal(err)
		}
		parts = append(parts, decoded)
	}
	header, _, _ := strings.Cut(token, ".")
	i := strings.LastIndexByte(signed, '.')
	sig, err := base64.RawURLEncoding.DecodeString(signed[i+1:])
	if err != nil {
		b.Fatal(err)
	}
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			contentKey, err := rsa.DecryptOAEP(sha256.New(), nil, private, parts[1], nil)
			if err != nil {
				b.Fatal(err)
			}
			block, err := aes.NewCipher(contentKey)
			if err != nil {
				b.Fatal(err)
			}
			gcm, err := cipher.NewGCM(block)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := gcm.Open(nil, parts[2], slices.Concat(parts[3], parts[4]), []byte(header)); err != nil {
				b.Fatal(err)
			}
			if !verify([]byte(signed[:i]), sig) {
				b.Fatal("refused")
			}
		}
	})
	env := Env{Context: benchContext(b, "RS256", keyjar.NewSet(key.Public()), now, func(c *servicecontext.Config) {
		c.Client.IDTokenEncryptedResponseAlg, c.Client.IDTokenEncryptedResponseEnc = "RSA-OAEP-256", "A256GCM"
		c.Keys = keyjar.NewSet(own)
	})}
	facts := idTokenFacts{request: &message.AuthorizationRequest{Scope: message.List{"openid"}}, nonce: "n-0S6_WzA2Mj"}
	most := new(mostChecks)
	b.Run("full", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s := &Step{Snapshot: env.Context.Snapshot(), Now: env.Context.Now(), env: &env, mostChecks: most}
			if err := verifyIDToken(s, message.Secret(token), facts); err != nil {
				b.Fatal(err)
			}
			most.learn(s)
		}
	})
}

// BenchmarkIDToken measures the whole validation beside the bare verification of
// the same signature.
func BenchmarkIDToken(b *testing.B) {
	now := time.Unix(1_700_000_000, 0)
	for _, alg := range []string{"RS256", "ES256", "EdDSA", "HS256"} {
		raw, verify := benchKey(b, alg)
		key, err := keyjar.NewKey(raw, keyjar.KeyOptions{ID: "k1"})
		if err != nil {
			b.Fatal(err)
		}
		hash, err := keyjar.HalfHash(alg, "Ed25519", "SlAV32hkKG")
		if err != nil {
			b.Fatal(err)
		}
		claims, err := json.Marshal(map[string]any{
			"iss": "https://op.example", "sub": "248289761001", "aud": "s6BhdRkqt3", "exp": now.Unix() + 600, "iat": now.Unix(), "auth_time": now.Unix() - 10,
			"nonce": "n-0S6_WzA2Mj-n-0S6_WzA2Mj-n-0S6_WzA2Mj", "acr": "urn:mace:incommon:iap:silver", "at_hash": hash, "sid": "08a5019c-17e1-4977-8f42-65a12843ea02",
		})
		if err != nil {
			b.Fatal(err)
		}
		token, err := key.Sign(keyjar.Header{Algorithm: alg, KeyID: "k1"}, claims, rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		i := strings.LastIndexByte(token, '.')
		input := []byte(token[:i])
		sig, err := base64.RawURLEncoding.DecodeString(token[i+1:])
		if err != nil {
			b.Fatal(err)
		}
		b.Run(alg+"/floor", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !verify(input, sig) {
					b.Fatal("refused")
				}
			}
		})
		var keys *keyjar.Set
		if alg != "HS256" {
			keys = keyjar.NewSet(key.Public())
		}
		env, most := Env{Context: benchContext(b, alg, keys, now)}, new(mostChecks)
		facts := idTokenFacts{request: &message.AuthorizationRequest{Scope: message.List{"openid"}}, nonce: "n-0S6_WzA2Mj-n-0S6_WzA2Mj-n-0S6_WzA2Mj", accessToken: "SlAV32hkKG"}
		b.Run(alg+"/full", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := &Step{Snapshot: env.Context.Snapshot(), Now: env.Context.Now(), env: &env, mostChecks: most}
				if err := verifyIDToken(s, message.Secret(token), facts); err != nil {
					b.Fatal(err)
				}
				most.learn(s)
			}
		})
	}
}

// BenchmarkAuthorizationRequest measures a request with state, nonce and PKCE,
// stored in Memory, beside encoding the same parameters, as much randomness and
// one store entry.
func BenchmarkAuthorizationRequest(b *testing.B) {
	now := time.Unix(1_700_000_000, 0)
	sc := benchContext(b, "RS256", nil, now)
	db := &state.DB{Store: new(state.Memory)}
	svc := NewAuthorization(Env{Context: sc, DB: db})
	ctx := context.Background()
	req, err := svc.GetRequestParameters(ctx, Args{Binding: "b"})
	if err != nil {
		b.Fatal(err)
	}
	u, err := url.Parse(req.URL)
	if err != nil {
		b.Fatal(err)
	}
	params := u.Query()
	value := make([]byte, 700)
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		store := new(state.Memory)
		for b.Loop() {
			var random [96]byte
			_, _ = rand.Read(random[:])
			if params.Encode() == "" {
				b.Fatal("empty")
			}
			if ok, err := store.Add(ctx, base64.RawURLEncoding.EncodeToString(random[:32]), value, time.Minute); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("full", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := svc.GetRequestParameters(ctx, Args{Binding: "b"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
