package keyjar_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// RFC 9449, Section 4.3: what a proof is judged by, beside its form and its signature.
func TestDPoPPolicy(t *testing.T) {
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1517736988, 0)
	const token = message.Secret("mF_9.B5f-4.1JqM")
	proof := func(change map[string]any) string {
		claims := map[string]any{"jti": "1", "htm": "POST", "htu": "https://op.example/token", "iat": now.Unix(), "ath": message.AccessTokenHash(token)}
		maps.Copy(claims, change)
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		text, err := key.Sign(keyjar.Header{Algorithm: "ES256", Type: message.DPoPProofType, JWK: key.Public().PublicJWK()}, payload, nil)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	nonces := keyjar.DPoPNonces{Key: []byte("a key of nonces, 32 bytes or more")}
	fresh := func(nonce string) (bool, error) { return nonces.Fresh(nonce, now), nil }
	for _, c := range []struct {
		name   string
		change map[string]any
		url    string
		nonce  bool
		rule   message.Rule
		param  string
	}{
		{name: "good"},
		{name: "a query", url: "https://op.example/token?a=b#c"},
		{name: "case and port", change: map[string]any{"htu": "HTTPS://OP.example:443/token"}},
		{name: "another port", change: map[string]any{"htu": "https://op.example:8443/token"}, rule: message.RuleDPoPTarget, param: "htu"},
		{name: "IPv6", change: map[string]any{"htu": "http://[::1]:80/x"}, url: "http://[::1]/x"},
		{name: "no path", change: map[string]any{"htu": "https://op.example"}, url: "https://op.example/"},
		{name: "case of the path", change: map[string]any{"htu": "https://op.example/Token"}, rule: message.RuleDPoPTarget, param: "htu"},
		{name: "no URL", change: map[string]any{"htu": "::"}, url: "::", rule: message.RuleDPoPTarget, param: "htu"},
		// Two targets that are none are not equal by chance.
		{name: "no host", change: map[string]any{"htu": "/token"}, url: "/token", rule: message.RuleDPoPTarget, param: "htu"},
		{name: "method", change: map[string]any{"htm": "post"}, rule: message.RuleDPoPTarget, param: "htm"},
		{name: "ath", change: map[string]any{"ath": "x"}, rule: message.RuleDPoPAth, param: "ath"},
		{name: "no jti", change: map[string]any{"jti": ""}, rule: message.RuleDPoPFresh, param: "jti"},
		{name: "a long jti", change: map[string]any{"jti": strings.Repeat("x", 513)}, rule: message.RuleDPoPFresh, param: "jti"},
		{name: "iat is no number", change: map[string]any{"iat": "x"}, rule: message.RuleDPoPProof, param: "DPoP"},
		{name: "a minute old", change: map[string]any{"iat": now.Unix() - 60}, rule: message.RuleDPoPFresh, param: "iat"},
		{name: "less old", change: map[string]any{"iat": now.Unix() - 59}},
		{name: "ahead", change: map[string]any{"iat": now.Unix() + 30}},
		{name: "far ahead", change: map[string]any{"iat": now.Unix() + 31}, rule: message.RuleDPoPFresh, param: "iat"},
		{name: "old, with a nonce", change: map[string]any{"iat": now.Unix() - 3600, "nonce": nonces.At(now)}, nonce: true},
		{name: "no iat, with a nonce", change: map[string]any{"iat": nil, "nonce": nonces.At(now)}, nonce: true, rule: message.RuleDPoPFresh, param: "iat"},
		{name: "no nonce", nonce: true, rule: message.RuleDPoPNonce, param: "nonce"},
		{name: "a nonce of a slot ago", change: map[string]any{"nonce": nonces.At(now.Add(-2 * time.Minute))}, nonce: true},
		{name: "a stale nonce", change: map[string]any{"nonce": nonces.At(now.Add(-4 * time.Minute))}, nonce: true, rule: message.RuleDPoPNonce, param: "nonce"},
		{name: "a nonce of the future", change: map[string]any{"nonce": nonces.At(now.Add(4 * time.Minute))}, nonce: true, rule: message.RuleDPoPNonce, param: "nonce"},
		{name: "somebody else's nonce, not demanded", change: map[string]any{"nonce": "x"}, rule: message.RuleDPoPNonce, param: "nonce"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.url == "" {
				c.url = "https://op.example/token"
			}
			policy := keyjar.DPoPPolicy{Algs: []string{"ES256"}, Now: now, Nonce: c.nonce, Fresh: fresh}
			use, err := policy.Verify(keyjar.DPoPRequest{Proofs: []string{proof(c.change)}, Method: "POST", URL: c.url, AccessToken: token})
			var v *message.Violation
			switch {
			case c.rule == "" && err != nil:
				t.Error(err)
			case c.rule == "":
				if use.JWKThumbprint != key.Thumbprint() || use.ID == "" || use.Life < 90*time.Second {
					t.Errorf("%+v", use)
				}
			case !errors.As(err, &v) || v.Rule != c.rule || v.Param != c.param:
				t.Errorf("%v, want %s of %s", err, c.rule, c.param)
			}
		})
	}
	policy := keyjar.DPoPPolicy{Algs: []string{"ES256"}, Now: now}
	for _, proofs := range [][]string{nil, {"a", "b"}, {"a"}} {
		if _, err := policy.Verify(keyjar.DPoPRequest{Proofs: proofs, Method: "POST", URL: "https://op.example/token"}); !errors.Is(err, message.RuleDPoPProof) {
			t.Errorf("%q: %v", proofs, err)
		}
	}
	policy.Fresh = func(string) (bool, error) { return false, io.ErrUnexpectedEOF }
	_, err = policy.Verify(keyjar.DPoPRequest{Proofs: []string{proof(map[string]any{"nonce": "x"})}, Method: "POST", URL: "https://op.example/token"})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a store that fails: %v", err)
	}
}

// A nonce is good under its own key only, and none is under an empty one.
func TestDPoPNonces(t *testing.T) {
	now := time.Unix(1517736988, 0)
	one, other := keyjar.DPoPNonces{Key: make([]byte, 32)}, keyjar.DPoPNonces{Key: []byte("another key of nonces, of 32 bytes")}
	nonce := one.At(now)
	if !one.Fresh(nonce, now) || other.Fresh(nonce, now) || (keyjar.DPoPNonces{}).Fresh(keyjar.DPoPNonces{}.At(now), now) {
		t.Error("a nonce is not told by its key")
	}
	for _, bad := range []string{"", "x", nonce[:len(nonce)-1], nonce + "A", nonce + "\n"} {
		if one.Fresh(bad, now) {
			t.Errorf("%q is taken", bad)
		}
	}
}
