package clientauth

import (
	"context"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// asymmetric returns the signing algorithms with a public key, in the order in which
// we choose one ourselves.
func asymmetric() []string {
	var all []string
	for _, alg := range keyjar.SigningAlgorithms() {
		if alg != "none" && !strings.HasPrefix(alg, "HS") {
			all = append(all, alg)
		}
	}
	return all
}

// privateKeyJWT is an assertion signed with the client's private key: "Clients that
// have registered a public key sign a JWT using that key" (OpenID Connect Core 1.0,
// Section 9).
var privateKeyJWT = Method{
	Name: message.AuthMethodPrivateKeyJWT,
	Authenticate: func(_ context.Context, c Credentials, d *Draft) error {
		const rule = message.RuleClientAuthAssertionKey
		choices := asymmetric()
		if c.Algorithm != "" {
			choices = []string{c.Algorithm}
			if c.Algorithm == "none" || strings.HasPrefix(c.Algorithm, "HS") {
				return &message.Violation{Rule: rule, Param: "token_endpoint_auth_signing_alg", Got: message.Excerpt(c.Algorithm), Want: "an asymmetric algorithm"}
			}
		}
		var cause error = keyjar.ErrNoKey
		for _, algorithm := range choices {
			key, err := c.Keys.SigningKey(algorithm)
			if err == nil {
				return sign(c, key, algorithm, d)
			}
			cause = err
		}
		return &message.Violation{Rule: rule, Param: "keys", Want: "a private key for " + strings.Join(choices, ", "), Err: cause}
	},
	Verify: func(_ context.Context, p *Presented, r Registered) (*Proof, error) {
		return p.assertion.verify(message.AuthMethodPrivateKeyJWT, r, r.Keys, r.permitted(asymmetric()))
	},
}
