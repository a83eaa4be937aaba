package keyjar

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
)

func TestTolerantSet(t *testing.T) {
	rsaKey := newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "rsa"})
	ecKey := newKey(t, vectorKey(t, "ES256").private, KeyOptions{ID: "ec"})
	private, err := ecKey.PrivateJWK()
	if err != nil {
		t.Fatal(err)
	}
	edit := func(jwk []byte, change func(m map[string]any)) string {
		m := map[string]any{}
		if err := json.Unmarshal(jwk, &m); err != nil {
			t.Fatal(err)
		}
		m["kid"] = "broken"
		change(m)
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	rsaJWK, ecJWK := rsaKey.PublicJWK(), ecKey.PublicJWK()
	edJWK := vectorKey(t, "EdDSA").PublicJWK()
	n := rsaKey.publicMembers().N
	for _, test := range []struct {
		name, entry string
		rule        message.Rule
	}{
		{"an unknown kty", `{"kty":"AKP","kid":"broken","alg":"ML-DSA-44","pub":"AAAA"}`, message.RuleJWKSSkipUnknown},
		{"no kty", `{"kid":"broken"}`, message.RuleJWKSSkipUnknown},
		{"an unknown curve", edit(ecJWK, func(m map[string]any) { m["crv"] = "secp256k1" }), message.RuleJWKSSkipUnknown},
		{"Ed448", edit(edJWK, func(m map[string]any) { m["crv"] = "Ed448" }), message.RuleJWKSSkipUnknown},
		{"no n", edit(rsaJWK, func(m map[string]any) { delete(m, "n") }), message.RuleJWKSSkipUnknown},
		{"no e", edit(rsaJWK, func(m map[string]any) { delete(m, "e") }), message.RuleJWKSSkipUnknown},
		{"no y", edit(ecJWK, func(m map[string]any) { delete(m, "y") }), message.RuleJWKSSkipUnknown},
		{"no x", edit(edJWK, func(m map[string]any) { delete(m, "x") }), message.RuleJWKSSkipUnknown},
		{"a short x", edit(ecJWK, func(m map[string]any) { m["x"] = "AAAA" }), message.RuleJWKSSkipUnknown},
		{"a short Ed25519 key", edit(edJWK, func(m map[string]any) { m["x"] = "AAAA" }), message.RuleJWKSSkipUnknown},
		{"a short X25519 key", edit(edJWK, func(m map[string]any) { m["x"], m["crv"] = "AAAA", "X25519" }), message.RuleJWKSSkipUnknown},
		{"n padded", edit(rsaJWK, func(m map[string]any) { m["n"] = n + "=" }), message.RuleJWKSSkipUnknown},
		{"n a number", edit(rsaJWK, func(m map[string]any) { m["n"] = 1 }), message.RuleJWKSSkipUnknown},
		{"key_ops a string", edit(rsaJWK, func(m map[string]any) { m["key_ops"] = "verify" }), message.RuleJWKSSkipUnknown},
		{"an entry that is a number", `7`, message.RuleJWKSSkipUnknown},
		{"an entry that is null", `null`, message.RuleJWKSSkipUnknown},
		{"a member twice", `{"kid":"broken","kty":"RSA","kty":"EC"}`, message.RuleJWKSSkipUnknown},
		{"a large entry", edit(rsaJWK, func(m map[string]any) { m["note"] = strings.Repeat("x", maxKeySize) }), message.RuleJWKSSkipUnknown},
		{"a deep entry", `{"kid":"broken","kty":"RSA","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, message.RuleJWKSSkipUnknown},
		{"a weak modulus", edit(rsaJWK, func(m map[string]any) { m["n"] = n[:168] }), message.RuleKeyStrength},
		{"a huge modulus", edit(rsaJWK, func(m map[string]any) { m["n"] = strings.Repeat(n, 9)[:2736] }), message.RuleKeyStrength},
		{"an even modulus", edit(rsaJWK, func(m map[string]any) { m["n"] = n[:len(n)-4] + "AAAA" }), message.RuleKeyStrength},
		{"exponent 1", edit(rsaJWK, func(m map[string]any) { m["e"] = "AQ" }), message.RuleKeyStrength},
		{"an even exponent", edit(rsaJWK, func(m map[string]any) { m["e"] = "BA" }), message.RuleKeyStrength},
		{"a long exponent", edit(rsaJWK, func(m map[string]any) { m["e"] = "AQAAAAAAAAAB" }), message.RuleKeyStrength},
		{"a point beside the curve", edit(ecJWK, func(m map[string]any) { m["x"] = m["y"] }), message.RuleKeyStrength},
		{"a private key", edit(private, func(map[string]any) {}), message.RuleJWKSNoPrivate},
		{"an empty private member", edit(ecJWK, func(m map[string]any) { m["d"] = "" }), message.RuleJWKSNoPrivate},
		{"other primes", edit(rsaJWK, func(m map[string]any) { m["oth"] = []any{} }), message.RuleJWKSNoPrivate},
		{"a symmetric key", `{"kty":"oct","kid":"broken","k":"AAAA"}`, message.RuleJWKSNoPrivate},
		{"a long kid", edit(rsaJWK, func(m map[string]any) { m["kid"] = strings.Repeat("k", 257) }), message.RuleKeyKid},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := fmt.Sprintf(`{"keys":[%s,%s,%s],"note":1}`, rsaJWK, test.entry, ecJWK)
			set, skipped, err := ParseSet([]byte(document))
			if err != nil {
				t.Fatal(err)
			}
			if set.Len() != 2 || set.Key("rsa") == nil || set.Key("ec") == nil {
				t.Errorf("the good keys are %s", set)
			}
			if len(skipped) != 1 || skipped[0].Index != 1 {
				t.Fatalf("skipped %v", skipped)
			}
			wantRule(t, skipped[0], test.rule)
			if !strings.Contains(skipped[0].Error(), "entry 1") {
				t.Errorf("text %q", skipped[0].Error())
			}
			// A token that names the skipped key is told why, and a refetch would not help.
			if skipped[0].KeyID != "broken" {
				return
			}
			token, err := Parse(compact(`{"alg":"RS256","kid":"broken"}`, "{}", "AAAA"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = set.Verify(token, []string{"RS256"})
			wantRule(t, err, test.rule)
			if errors.Is(err, ErrUnknownKey) {
				t.Error("the key counts as unknown")
			}
		})
	}
}

func TestSetShape(t *testing.T) {
	jwk := string(vectorKey(t, "ES256").PublicJWK())
	many := strings.TrimSuffix(strings.Repeat(jwk+",", maxSetKeys+1), ",")
	for name, document := range map[string]string{
		"nothing":              ``,
		"no JSON":              `<html>`,
		"a JWK":                jwk,
		"an array":             `[` + jwk + `]`,
		"no keys":              `{}`,
		"keys an object":       `{"keys":` + jwk + `}`,
		"keys null":            `{"keys":null}`,
		"keys in another case": `{"Keys":[]}`,
		"keys twice":           `{"keys":[],"keys":[` + jwk + `]}`,
		"text behind":          `{"keys":[]} x`,
		"two documents":        `{"keys":[]}{"keys":[]}`,
		"bad UTF-8":            "{\"keys\":[],\"x\":\"\xff\"}",
		"cut off":              `{"keys":[` + jwk,
		"too many keys":        `{"keys":[` + many + `]}`,
		"10 MB":                `{"keys":[],"x":"` + strings.Repeat("x", 10<<20) + `"}`,
		"10,000 deep":          `{"keys":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`,
	} {
		set, _, err := ParseSet([]byte(document))
		if set != nil {
			t.Errorf("%s: there is a set", name)
		}
		var v *message.Violation
		if !errors.As(err, &v) || v.Rule != message.RuleJWKSShape {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, document := range []string{`{"keys":[]}`, ` { "x" : {"keys":1} , "keys" : [ ] } `} {
		if set, skipped, err := ParseSet([]byte(document)); err != nil || set.Len() != 0 || len(skipped) != 0 {
			t.Errorf("%s: %v %v %v", document, set, skipped, err)
		}
	}
}

func TestPrivateSet(t *testing.T) {
	keys := []*Key{
		newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "r", Use: "sig", Algorithm: "RS256"}),
		newKey(t, vectorKey(t, "ES512").private, KeyOptions{ID: "e"}),
		newKey(t, vectorKey(t, "EdDSA").private, KeyOptions{ID: "o", Operations: []string{"sign"}}),
		newKey(t, []byte("0123456789abcdef0123456789abcdef"), KeyOptions{ID: "s"}),
		parseKey(t, vectors().Encrypted[7].Key),
	}
	set := NewSet(append(keys, nil)...)
	document, err := set.PrivateJWKS()
	if err != nil {
		t.Fatal(err)
	}
	back, skipped, err := ParsePrivateSet(document)
	if err != nil || len(skipped) != 0 {
		t.Fatal(err, skipped)
	}
	again, err := back.PrivateJWKS()
	if err != nil || string(again) != string(document) {
		t.Errorf("got %s\nwant %s", again, document)
	}
	for i, key := range back.Keys() {
		if !key.IsPrivate() || key.Thumbprint() != keys[i].Thumbprint() {
			t.Errorf("%s became %s", keys[i], key)
		}
	}
	public, skipped, err := ParseSet(document)
	if err != nil || public.Len() != 0 || len(skipped) != len(keys) {
		t.Errorf("as a provider's set: %s %v %v", public, skipped, err)
	}
	public, skipped, err = ParseSet(set.PublicJWKS())
	if err != nil || public.Len() != len(keys)-1 || len(skipped) != 0 {
		t.Errorf("the public document: %s %v %v", public, skipped, err)
	}
	if string(public.PublicJWKS()) != string(set.PublicJWKS()) || string(set.Public().PublicJWKS()) != string(set.PublicJWKS()) {
		t.Error("the public document changes")
	}
	if data, err := json.Marshal(set); err != nil || string(data) != string(set.PublicJWKS()) {
		t.Errorf("json.Marshal: %s %v", data, err)
	}
	if _, err := set.Public().PrivateJWKS(); err == nil {
		t.Error("private keys out of public ones")
	}
	for _, name := range secretNames {
		if strings.Contains(string(set.PublicJWKS()), `"`+name+`"`) {
			t.Errorf("the public document has the member %s", name)
		}
	}
}

func TestSetOfOurKeys(t *testing.T) {
	first := newKey(t, vectorKey(t, "RS256").private, KeyOptions{ID: "1", Use: "sig"})
	second := newKey(t, vectorKey(t, "PS384").private, KeyOptions{ID: "2"})
	box := newKey(t, vectorKey(t, "ES256").private, KeyOptions{ID: "3", Use: "enc"})
	set := NewSet(box).With(first, second)
	for alg, want := range map[string]*Key{"RS256": first, "PS512": first, "ES256": nil, "HS256": nil, "none": nil, "": nil, "RSA-OAEP": nil} {
		got, err := set.SigningKey(alg)
		if got != want || (want == nil) != errors.Is(err, ErrNoKey) {
			t.Errorf("signing %q: got %v, %v", alg, got, err)
		}
	}
	for alg, want := range map[string]*Key{"RSA-OAEP": second, "ECDH-ES": box, "ECDH-ES+A256KW": box, "A128KW": nil, "dir": nil, "RSA1_5": nil, "RS256": nil} {
		got, err := set.Public().EncryptionKey(alg)
		switch {
		case want == nil && !errors.Is(err, ErrNoKey), want != nil && (err != nil || got.ID() != want.ID()):
			t.Errorf("encrypting %q: got %v, %v", alg, got, err)
		}
	}
	if _, err := set.Public().SigningKey("RS256"); !errors.Is(err, ErrNoKey) {
		t.Errorf("a public key signs: %v", err)
	}
	var none *Set
	if none.Len() != 0 || none.Keys() != nil || none.Key("1") != nil || none.Public() != nil || none.With(first).Len() != 1 || none.WithTrials(3).Len() != 0 {
		t.Error("a nil set is not empty")
	}
	if string(none.PublicJWKS()) != `{"keys":[]}` {
		t.Errorf("got %s", none.PublicJWKS())
	}
	if _, err := none.SigningKey("RS256"); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	keys := set.Keys()
	keys[0] = nil
	if set.Keys()[0] == nil {
		t.Error("the set can be changed through Keys")
	}
}
