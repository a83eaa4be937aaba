package keyjar_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/oidcservice/oidc/keyjar"
)

// A provider signs, a relying party verifies. The relying party has the provider's keys
// under the provider's name, and says which algorithm it expects.
func Example() {
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "2026-01"})
	if err != nil {
		panic(err)
	}
	token, err := key.Sign(keyjar.Header{Algorithm: "ES256"}, []byte(`{"sub":"248289761001"}`), rand.Reader)
	if err != nil {
		panic(err)
	}
	published := keyjar.NewSet(key).PublicJWKS()

	const issuer = "https://op.example.com"
	var jar *keyjar.Jar
	_, err = jar.Verify(issuer, token, []string{"ES256"})
	fmt.Println("to be fetched:", errors.Is(err, keyjar.ErrUnknownKey))

	set, skipped, err := keyjar.ParseSet(published)
	if err != nil {
		panic(err)
	}
	fmt.Println("skipped:", len(skipped))
	verified, err := jar.With(issuer, set).Verify(issuer, token, []string{"ES256"})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(verified.Payload))
	// Output:
	// to be fetched: true
	// skipped: 0
	// {"sub":"248289761001"}
}

// An ID Token that is signed and then encrypted with a key made from the client secret.
func ExampleSet_DecryptNested() {
	secret := []byte("a client secret that is long enough for HS256")
	client := keyjar.NewSecret(secret)
	key, err := client.SigningKey("HS256")
	if err != nil {
		panic(err)
	}
	inner, err := key.Sign(keyjar.Header{Algorithm: "HS256"}, []byte(`{"sub":"248289761001"}`), nil)
	if err != nil {
		panic(err)
	}
	token, err := key.Encrypt([]byte(inner), keyjar.Header{Algorithm: "A128KW", ContentType: "JWT"}, nil)
	if err != nil {
		panic(err)
	}

	got, header, err := client.DecryptNested(token, keyjar.DecryptPolicy{Algs: []string{"A128KW"}, Encs: []string{"A128CBC-HS256"}})
	if err != nil {
		panic(err)
	}
	fmt.Println(header.Algorithm, header.Encryption, got == inner)
	// Output: A128KW A128CBC-HS256 true
}

// A new key is published a day before it signs, and the old one until a week after.
func ExampleRotation_Rotate() {
	newKey := func(id string) *keyjar.Key {
		key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: id})
		if err != nil {
			panic(err)
		}
		return key
	}
	r, err := keyjar.NewRotation(newKey("january"))
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, time.February, 1, 0, 0, 0, 0, time.UTC)
	r, err = r.Rotate(newKey("february"), now, keyjar.RotationPolicy{Announce: 24 * time.Hour, Retain: 7 * 24 * time.Hour})
	if err != nil {
		panic(err)
	}
	for _, days := range []int{0, 1, 8} {
		at := now.AddDate(0, 0, days)
		signs, err := r.Private(at).SigningKey("ES256")
		if err != nil {
			panic(err)
		}
		published := bytes.Count(r.Public(at).PublicJWKS(), []byte(`"kid"`))
		fmt.Printf("day %d: %s signs, %d published\n", days, signs.ID(), published)
	}
	// Output:
	// day 0: january signs, 2 published
	// day 1: february signs, 2 published
	// day 8: february signs, 1 published
}
