package clientauth

import (
	"context"
	"fmt"
	"slices"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// hmacAlgorithms are the algorithms of client_secret_jwt.
var hmacAlgorithms = []string{"HS256", "HS384", "HS512"}

// hashLength is how many bytes a secret must have for one of them: "A key of the same
// size as the hash output […] or larger MUST be used" (RFC 7518, Section 3.2).
func hashLength(algorithm string) int {
	switch algorithm {
	case "HS384":
		return 48
	case "HS512":
		return 64
	}
	return 32
}

// secretJWT is an assertion under an HMAC: "The HMAC is calculated using the octets
// of the UTF-8 representation of the client_secret as the shared key" (OpenID Connect
// Core 1.0, Section 9). It never signs with a private key.
var secretJWT = Method{
	Name: message.AuthMethodClientSecretJWT,
	Authenticate: func(_ context.Context, c Credentials, d *Draft) error {
		secret, err := c.secret()
		if err != nil {
			return err
		}
		algorithm := c.Algorithm
		if algorithm == "" {
			algorithm = "HS256"
		}
		if !slices.Contains(hmacAlgorithms, algorithm) {
			return &message.Violation{Rule: message.RuleClientAuthAssertionKey, Param: "token_endpoint_auth_signing_alg", Got: message.Excerpt(algorithm), Want: "an HMAC algorithm"}
		}
		if len(secret) < hashLength(algorithm) {
			return &message.Violation{Rule: message.RuleClientAuthAssertionKey, Param: "client_secret", Got: fmt.Sprintf("%d bytes", len(secret)),
				Want: fmt.Sprintf("%d bytes or more for %s", hashLength(algorithm), algorithm), Err: message.RuleKeyHMACLength}
		}
		key, err := keyjar.NewSecret([]byte(secret)).SigningKey(algorithm)
		if err != nil {
			return &message.Violation{Rule: message.RuleClientAuthAssertionKey, Param: "client_secret", Want: "a key for " + algorithm, Err: err}
		}
		return sign(c, key, algorithm, d)
	},
	Verify: func(_ context.Context, p *Presented, r Registered) (*Proof, error) {
		if err := checkExpiry(r); err != nil {
			return nil, err
		}
		// keyjar refuses a secret that is shorter than the hash.
		keys := keyjar.NewSecret([]byte(r.ClientSecret.Reveal()))
		return p.assertion.verify(message.AuthMethodClientSecretJWT, r, keys, r.permitted(hmacAlgorithms))
	},
}
