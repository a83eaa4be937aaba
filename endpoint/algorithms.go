package endpoint

import (
	"fmt"
	"slices"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A Profile is a set of stricter rules.
type Profile string

// The profiles.
const (
	ProfileOpenID              Profile = ""                      // OpenID Connect with the advice of RFC 9700
	ProfileFAPI2               Profile = "fapi2"                 // FAPI 2.0 Security Profile
	ProfileFAPI2MessageSigning Profile = "fapi2-message-signing" // and FAPI 2.0 Message Signing
)

// fapi reports whether FAPI 2.0 is selected.
func (c *Context) fapi() bool { return c.policy.Profile != ProfileOpenID }

// asymmetricAlgs are the algorithms of keys with a public part.
var asymmetricAlgs = slices.DeleteFunc(slices.Clone(keyjar.SigningAlgorithms()), isHMAC)

// fapiAlgs: FAPI 2.0, Section 5.4.1: "shall only use PS256, ES256, or EdDSA (using the
// Ed25519 variant) algorithms".
var fapiAlgs = []string{"PS256", "ES256", "EdDSA", "Ed25519"}

func isHMAC(alg string) bool { return slices.Contains([]string{"HS256", "HS384", "HS512"}, alg) }

// asymmetric are the algorithms with a public key that any JWT may have, either way.
func (c *Context) asymmetric() []string { return c.offered.asymmetric }

// signing are all algorithms that a JWT of a client may have.
func (c *Context) signing() []string { return c.permitted(keyjar.SigningAlgorithms()) }

func (c *Context) permitted(algs []string) []string {
	if !c.fapi() {
		return slices.Clone(algs)
	}
	return slices.DeleteFunc(slices.Clone(algs), func(alg string) bool { return !slices.Contains(fapiAlgs, alg) })
}

// idTokenAlgs are the algorithms that an ID Token can be signed with: those of our keys,
// and HMAC with the client's secret.
func (c *Context) idTokenAlgs() []string {
	return c.permitted(append(slices.Clone(c.keys.Load().signAlgs), "HS256", "HS384", "HS512"))
}

// idTokenChoices are the algorithms that a client may register for its ID Tokens. none is
// one where a response type brings no ID Token in front (Discovery, Section 3), and never
// under FAPI 2.0.
func (c *Context) idTokenChoices() []string {
	algs := c.idTokenAlgs()
	behind := func(t string) bool { return !message.ParseList(t).Has("id_token") }
	if c.fapi() || !slices.ContainsFunc(c.policy.ResponseTypes, behind) {
		return algs
	}
	return append(algs, "none")
}

// defaultAlg is the algorithm where none is registered: RS256 (Registration, Section 2),
// unless the profile or our keys exclude it.
func (c *Context) defaultAlg() string {
	algs := c.idTokenAlgs()
	if slices.Contains(algs, "RS256") || len(algs) == 0 {
		return "RS256"
	}
	return algs[0]
}

// idTokenAlg is the algorithm that a client's ID Tokens are signed with.
func (c *Context) idTokenAlg(client *Client) string {
	if alg := client.Metadata.IDTokenSignedResponseAlg; alg != "" {
		return alg
	}
	return c.defaultAlg()
}

// encryption are the algorithms that an answer can be encrypted with.
func (c *Context) encryption() (algs, encs []string) {
	return keyjar.EncryptionAlgorithms(), keyjar.ContentEncryptions()
}

// objectEncryption are the algorithms that a request object can be encrypted with: those
// that our keys open, and those of a client's secret.
func (c *Context) objectEncryption() (algs, encs []string) {
	opened := c.keys.Load().openAlgs
	algs = slices.DeleteFunc(keyjar.EncryptionAlgorithms(), func(alg string) bool {
		return !isSymmetric(alg) && !slices.Contains(opened, alg)
	})
	return algs, keyjar.ContentEncryptions()
}

// applyProfile turns on what a profile demands, and refuses what it forbids. Response types
// are not refused: it has one.
func (p *Policy) applyProfile() error {
	if p.Profile == ProfileOpenID {
		return nil
	}
	// FAPI 2.0, Section 5.3.2.2: code only, by PAR only, with S256 only.
	p.ResponseTypes = []string{message.ResponseTypeCode}
	p.RequirePushed, p.RequirePKCE = true, true
	if p.AuthMethods == nil {
		p.AuthMethods = []string{message.AuthMethodPrivateKeyJWT}
		if p.MutualTLS {
			p.AuthMethods = append(p.AuthMethods, mutualMethods...)
		}
	}
	for _, method := range p.AuthMethods {
		if !slices.Contains(strongMethods, method) {
			return fmt.Errorf("endpoint: Policy.AuthMethods: FAPI 2.0 has no %s", method)
		}
	}
	p.RequireSignedRequest = p.RequireSignedRequest || p.Profile == ProfileFAPI2MessageSigning
	// Section 5.3.2.1 has sender-constrained access tokens alone, and what is pushed is bound to
	// nothing; FAPI-CIBA, Section 5.2.2: "shall only support CIBA poll and ping modes".
	if p.DeliveryModes == nil {
		p.DeliveryModes = []string{message.DeliveryModePoll, message.DeliveryModePing}
	}
	if slices.Contains(p.DeliveryModes, message.DeliveryModePush) {
		return fmt.Errorf("endpoint: Policy.DeliveryModes: FAPI 2.0 has no push, since what is pushed is bound to no key")
	}
	for _, t := range slices.Concat(p.TrustedIssuers, p.Registration.SoftwareIssuers) {
		for _, alg := range t.Algorithms {
			if !slices.Contains(fapiAlgs, alg) {
				return fmt.Errorf("endpoint: Policy: FAPI 2.0 has no %s, which the issuer %s may sign with", alg, t.Issuer)
			}
		}
	}
	return nil
}

// mutualMethods are the client authentication methods of RFC 8705.
var mutualMethods = []string{message.AuthMethodTLSClientAuth, message.AuthMethodSelfSignedTLSClientAuth}

// strongMethods are the client authentication methods of FAPI 2.0, Section 5.3.2.1.
var strongMethods = append([]string{message.AuthMethodPrivateKeyJWT}, mutualMethods...)

// Bounds of FAPI 2.0: Section 5.3.2.1: "shall issue authorization codes with a maximum lifetime
// of 60 seconds"; Section 5.3.2.2: "shall issue pushed authorization requests request_uri with
// expires_in values of less than 600 seconds".
const (
	fapiCode   = time.Minute
	fapiPushed = 10*time.Minute - time.Second
)

// checkProfile refuses what lives longer than a profile allows.
func (l Lifetimes) checkProfile(profile Profile) error {
	switch {
	case profile == ProfileOpenID:
	case l.Code > fapiCode:
		return fmt.Errorf("endpoint: Lifetimes.Code: FAPI 2.0 has at most %s", fapiCode)
	case l.PushedRequest > fapiPushed:
		return fmt.Errorf("endpoint: Lifetimes.PushedRequest: FAPI 2.0 has at most %s", fapiPushed)
	}
	return nil
}
