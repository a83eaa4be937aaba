package keyjar

import (
	"crypto"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"
)

func rotationKey(t testing.TB, alg, id string) *Key {
	t.Helper()
	k, err := Generate(alg, rand.Reader, KeyOptions{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ids(s *Set) string {
	var all []string
	for _, k := range s.Keys() {
		all = append(all, k.ID())
	}
	return strings.Join(all, " ")
}

func TestRotation(t *testing.T) {
	start := time.Unix(1_700_000_000, 0).UTC()
	hour := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
	policy := RotationPolicy{Announce: 24 * time.Hour, Retain: 10 * time.Hour}
	r, err := NewRotation(rotationKey(t, "ES256", "s1"), rotationKey(t, "ECDH-ES", "e1"), rotationKey(t, "EdDSA", "d1"))
	if err != nil {
		t.Fatal(err)
	}
	rotate := func(alg, id string, at time.Time) {
		t.Helper()
		next, err := r.Rotate(rotationKey(t, alg, id), at, policy)
		if err != nil {
			t.Fatal(err)
		}
		r = next
	}
	// What is published, and what is worked with, hour by hour.
	expect := func(at time.Time, public, private string) {
		t.Helper()
		if got := ids(r.Public(at)); got != public {
			t.Errorf("at %v published: %s, want %s", at.Sub(start), got, public)
		}
		if got := ids(r.Private(at)); got != private {
			t.Errorf("at %v in use: %s, want %s", at.Sub(start), got, private)
		}
		for _, k := range r.Public(at).Keys() {
			if k.IsPrivate() {
				t.Errorf("at %v a private key is published", at.Sub(start))
			}
		}
	}
	expect(hour(0), "s1 e1 d1", "s1 e1 d1")
	if at := r.NextChange(hour(0)); !at.IsZero() {
		t.Errorf("the next change is at %v", at)
	}

	rotate("ES256", "s2", hour(1)) // announced until 25, then s1 retained until 35
	expect(hour(0), "s1 e1 d1", "s1 e1 d1")
	expect(hour(1), "s1 s2 e1 d1", "s1 e1 d1")
	expect(hour(25).Add(-1), "s1 s2 e1 d1", "s1 e1 d1")
	expect(hour(25), "s2 s1 e1 d1", "s2 e1 d1")
	expect(hour(35).Add(-1), "s2 s1 e1 d1", "s2 e1 d1")
	expect(hour(35), "s2 e1 d1", "s2 e1 d1")
	for at, want := range map[int]int{0: 1, 1: 25, 24: 25, 25: 35, 34: 35} {
		if got := r.NextChange(hour(at)); !got.Equal(hour(want)) {
			t.Errorf("after %d the next change is at %v", at, got.Sub(start))
		}
	}
	if _, err := r.Rotate(rotationKey(t, "ES256", "s3"), hour(2), policy); err == nil {
		t.Error("two keys are to follow")
	}
	if _, err := r.Rotate(rotationKey(t, "ES256", "s2"), hour(30), policy); err == nil {
		t.Error("a kid came again")
	}

	rotate("ECDH-ES", "e2", hour(2)) // at once; e1 opens until 12
	expect(hour(2), "s1 s2 e2 d1", "s1 e2 e1 d1")
	expect(hour(12).Add(-1), "s1 s2 e2 d1", "s1 e2 e1 d1")
	expect(hour(12), "s1 s2 e2 d1", "s1 e2 d1")

	// A token of the retired key verifies as long as the key is published.
	signed := sign(t, r.Private(hour(24)).Key("s1"), Header{Algorithm: "ES256"})
	for at, good := range map[int]bool{24: true, 26: true, 34: true, 35: false} {
		_, err := (&Jar{}).With("", r.Public(hour(at))).Verify("", signed, []string{"ES256"})
		if (err == nil) != good {
			t.Errorf("at %d: %v", at, err)
		}
	}
	// What was encrypted to the retired key opens as long as it is kept.
	sealed, err := r.Public(hour(1)).Key("e1").Encrypt([]byte("x"), Header{Algorithm: "ECDH-ES"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for at, good := range map[int]bool{1: true, 3: true, 11: true, 12: false} {
		_, _, err := r.Private(hour(at)).Decrypt(sealed, DecryptPolicy{Algs: []string{"ECDH-ES"}, Encs: ContentEncryptions()})
		if (err == nil) != good {
			t.Errorf("at %d: %v", at, err)
		}
	}

	var phases []string
	for _, l := range r.Lives(hour(13)) {
		phases = append(phases, fmt.Sprintf("%s:%s", l.Key.ID(), l.Phase))
	}
	if got := strings.Join(phases, " "); got != "s1:current s2:next e2:current e1:ended d1:current" {
		t.Errorf("got %s", got)
	}

	// It survives a file, and what has ended goes at the next rotation.
	document, err := r.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	back, skipped, err := ParseRotation(document)
	if err != nil || len(skipped) != 0 {
		t.Fatal(err, skipped)
	}
	again, err := back.MarshalPrivate()
	if err != nil || string(again) != string(document) {
		t.Errorf("got %s\nwant %s", again, document)
	}
	r = back
	expect(hour(13), "s1 s2 e2 d1", "s1 e2 d1")
	rotate("EdDSA", "d2", hour(40))
	if document, err = r.MarshalPrivate(); err != nil || strings.Contains(string(document), `"s1"`) || strings.Contains(string(document), `"e1"`) {
		t.Errorf("ended keys are kept: %v", err)
	}
	expect(hour(40), "d1 d2 s2 e2", "d1 s2 e2")

	// A key that became known goes at once.
	r = r.Remove("s2")
	expect(hour(40), "d1 d2 e2", "d1 e2")
	if strings.Contains(string(r.Public(hour(40)).PublicJWKS()), "iat") {
		t.Error("times are published")
	}
	if got := r.String(); got != `[OKP Ed25519 key pair "d1", EC P-256 key pair "e2", OKP Ed25519 key pair "d2"]` || fmt.Sprintf("%#v", r) != got || r.LogValue().String() != got {
		t.Errorf("got %s", got)
	}
}

// The first key of its kind signs at once: there is nothing to wait for.
func TestRotationFromNothing(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	r, err := NewRotation()
	if err != nil {
		t.Fatal(err)
	}
	r, err = r.Rotate(rotationKey(t, "ES256", "s1"), now, RotationPolicy{Announce: time.Hour, Retain: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(r.Private(now)); got != "s1" {
		t.Errorf("got %s", got)
	}
	if got := ids(r.Public(now.Add(-1))); got != "" {
		t.Errorf("published before its time: %s", got)
	}
}

func TestRotationRefuses(t *testing.T) {
	ec := vectorKey(t, "ES256")
	for name, key := range map[string]*Key{
		"a public key": newKey(t, ec.public, KeyOptions{Use: "sig", Algorithm: "ES256"}),
		"a secret":     newKey(t, []byte("x"), KeyOptions{ID: "x", Use: "sig", Algorithm: "HS256"}),
		"no kid":       parseKey(t, vectors().Signed[2].Key),
		"no alg":       newKey(t, ec.private, KeyOptions{Use: "sig"}),
		"no use":       newKey(t, ec.private, KeyOptions{Algorithm: "ES256"}),
		"another use":  newKey(t, ec.private, KeyOptions{Use: "tls", Algorithm: "ES256"}),
	} {
		if _, err := NewRotation(key); err == nil {
			t.Errorf("%s rotates", name)
		}
	}
	good := newKey(t, ec.private, KeyOptions{Use: "sig", Algorithm: "ES256"})
	if _, err := NewRotation(good, good); err == nil {
		t.Error("one kid twice")
	}
	elsewhere := newKey(t, &opaque{Signer: ec.private.(crypto.Signer)}, KeyOptions{Use: "sig", Algorithm: "ES256"})
	r, err := NewRotation(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.MarshalPrivate(); err == nil {
		t.Error("a key that is elsewhere was written")
	}
	if _, _, err := ParseRotation([]byte(`{}`)); err == nil {
		t.Error("no set was read")
	}
	jwk, err := good.PrivateJWK()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range []string{
		`{"kty":"oct","k":"AAAA"}`,
		`{"kty":"RSA"}`,
		strings.Replace(string(jwk), "{", `{"nbf":"tomorrow",`, 1),
		strings.Replace(string(jwk), "{", `{"exp":-1,`, 1),
	} {
		if r, skipped, err := ParseRotation([]byte(`{"keys":[` + entry + `]}`)); err != nil || len(skipped) != 1 || len(r.lives) != 0 {
			t.Errorf("%s: %v %v %v", entry, r, skipped, err)
		}
	}
	// A plain private set is a rotation of current keys.
	if r, skipped, err := ParseRotation([]byte(`{"keys":[` + string(jwk) + `]}`)); err != nil || len(skipped) != 0 || ids(r.Private(time.Time{})) != good.ID() {
		t.Errorf("%v %v", skipped, err)
	}
}
