package keyjar_test

import (
	"encoding/base64"
	"reflect"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
)

// TestHeaderAgain parses each header twice, since what one token says about itself may be
// remembered for the next: the second time it says the same, also after somebody wrote to
// the first, and what was refused is refused again.
func TestHeaderAgain(t *testing.T) {
	for name, header := range map[string]string{
		"plain":    `{"alg":"ES256","kid":"k1","typ":"JWT"}`,
		"extra":    `{"alg":"ES256","kid":"k1","x5t":"abc"}`,
		"jwk":      `{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"EC"}}`,
		"empty":    `{"alg":"ES256","kid":""}`,
		"crit":     `{"alg":"ES256","crit":["exp"],"exp":1}`,
		"twice":    `{"alg":"ES256","alg":"none"}`,
		"no alg":   `{"kid":"k1"}`,
		"no JSON":  `{"alg":"ES256"`,
		"trailing": `{"alg":"ES256"} `,
	} {
		t.Run(name, func(t *testing.T) {
			token := base64.RawURLEncoding.EncodeToString([]byte(header)) + ".e30.c2ln"
			first, firstErr := keyjar.Parse(token)
			var want keyjar.Header
			if firstErr == nil {
				want = first.Header
				want.JWK, want.Extra = append(want.JWK[:0:0], want.JWK...), append(want.Extra[:0:0], want.Extra...)
				clear(first.Header.JWK)
				clear(first.Header.Extra)
				first.Header.KeyID = "another"
			}
			second, secondErr := keyjar.Parse(token)
			if (firstErr == nil) != (secondErr == nil) || firstErr != nil && firstErr.Error() != secondErr.Error() {
				t.Fatalf("first %v, then %v", firstErr, secondErr)
			}
			if secondErr == nil && !reflect.DeepEqual(second.Header, want) {
				t.Errorf("%+v, want %+v", second.Header, want)
			}
		})
	}
}

// TestHeaderOfAnother is for tokens whose headers differ in one letter: none is taken for
// another, however many there were.
func TestHeaderOfAnother(t *testing.T) {
	for range 2 {
		for i := range 500 {
			kid := string('0' + rune(i))
			token := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"`+kid+`"}`)) + ".e30.c2ln"
			if i == '"'-'0' || i == '\\'-'0' {
				continue
			}
			parsed, err := keyjar.Parse(token)
			if err != nil {
				t.Fatal(err)
			}
			if parsed.Header.KeyID != kid {
				t.Fatalf("kid %q, want %q", parsed.Header.KeyID, kid)
			}
		}
	}
}
