package resource

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// kindProof is the kind of the marks of proofs that were used.
const kindProof = "rs_dpop"

// dpopRules are the resource server's rules for what keyjar finds wrong with a proof.
var dpopRules = map[message.Rule]message.Rule{
	message.RuleDPoPProof:  message.RuleRSDPoPProof,
	message.RuleDPoPTarget: message.RuleRSDPoPTarget,
	message.RuleDPoPAth:    message.RuleRSDPoPBinding,
	message.RuleDPoPFresh:  message.RuleRSDPoPTime,
	message.RuleDPoPNonce:  message.RuleRSDPoPNonce,
}

// proof verifies the proof of possession that goes with the DPoP scheme (RFC 9449, Section
// 4.3), nil under another scheme.
func (a *API) proof(p *presented) (*keyjar.DPoPUse, error) {
	if p.scheme != message.TokenTypeDPoP {
		return nil, nil
	}
	policy := keyjar.DPoPPolicy{
		Algs: a.c.DPoPAlgs, Now: p.now, Nonce: len(a.c.NonceKey) > 0,
		Fresh: func(nonce string) (bool, error) { return a.nonces.Fresh(nonce, p.now), nil },
	}
	use, err := policy.Verify(keyjar.DPoPRequest{Proofs: p.Header["Dpop"], Method: p.Method, URL: p.URL, AccessToken: p.token})
	var v *message.Violation
	if !errors.As(err, &v) {
		return use, err
	}
	code, rule := message.InvalidDPoPProof, dpopRules[v.Rule]
	if v.Rule == message.RuleDPoPFresh && v.Param == "jti" {
		rule = message.RuleRSDPoPJti
	}
	if v.Rule == message.RuleDPoPNonce && len(a.c.NonceKey) > 0 {
		// RFC 9449, Section 9: "the resource server responds with 401 ... use_dpop_nonce"
		// and supplies the nonce.
		code = message.UseDPoPNonce
	}
	r := a.refuse(p.scheme, 401, code, violation(rule, v.Param, v.Got, v.Want, v))
	r.Nonce = a.nonce(p)
	return nil, r
}

// nonce is what a client should put into its next proof, "" if nothing.
func (a *API) nonce(p *presented) string {
	if len(a.c.NonceKey) == 0 || p.scheme != message.TokenTypeDPoP {
		return ""
	}
	return a.nonces.At(p.now)
}

// DPoPNonce returns what the answer to a request with a proof should have in DPoP-Nonce,
// so that the next proof has a nonce that is not stale (RFC 9449, Section 8.2). It is empty
// for an API that demands no nonces.
func (a *API) DPoPNonce() string {
	if len(a.c.NonceKey) == 0 {
		return ""
	}
	return a.nonces.At(a.c.Now())
}

// bound judges whom the token is bound to, and whether that is who shows it.
func (a *API) bound(p *presented, t *Token, use *keyjar.DPoPUse) error {
	refuse := func(rule message.Rule, param, got, want string) error {
		return a.invalid(p.scheme, violation(rule, param, got, want, nil))
	}
	var jkt, x5t string
	if cnf := t.Confirmation; cnf != nil {
		if jkt, x5t = cnf.JWKThumbprint, cnf.X509Thumbprint; jkt == "" && x5t == "" {
			return refuse(message.RuleRSConfirmation, "cnf", "", "jkt or x5t#S256")
		}
	}
	// "Such an access token MUST NOT be accepted as a bearer token" (RFC 9449, Section 7.2),
	// nor is a proof worth anything with a token that any key could prove.
	switch {
	case jkt != "" && use == nil:
		return refuse(message.RuleRSDPoPScheme, "authorization", "Bearer", "DPoP, since the token is bound to a key")
	case jkt == "" && use != nil:
		return refuse(message.RuleRSDPoPScheme, "authorization", "DPoP", "Bearer, since the token is bound to no key")
	case jkt != "" && jkt != use.JWKThumbprint:
		return refuse(message.RuleRSDPoPBinding, "jkt", "another key", "the key that the token is bound to")
	case x5t != "" && x5t != p.certificate():
		return refuse(message.RuleRSMTLSBinding, "x5t#S256", "another certificate, or none", "the one that the token is bound to")
	case a.c.RequireDPoP && jkt == "":
		return refuse(message.RuleRSSenderConstraint, "cnf", "", "a token that is bound to a key")
	case a.c.RequireCertificate && x5t == "":
		return refuse(message.RuleRSSenderConstraint, "cnf", "", "a token that is bound to a certificate")
	}
	return nil
}

// certificate is the x5t#S256 of the connection's certificate (RFC 8705, Section 3.1), ""
// without one.
func (p *presented) certificate() string {
	if len(p.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(p.PeerCertificates[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// spend marks a proof as used. When the store fails, the request does: a proof that may
// have been used is not accepted.
func (a *API) spend(ctx context.Context, p *presented, use *keyjar.DPoPUse) error {
	if use == nil {
		return nil
	}
	seen, err := a.c.DB.Seen(ctx, kindProof, use.ID, use.Life)
	if err != nil {
		return err
	}
	if seen {
		r := a.refuse(p.scheme, 401, message.InvalidDPoPProof, violation(message.RuleRSDPoPJti, "jti", "used before", "a new one", nil))
		r.Nonce = a.nonce(p)
		return r
	}
	return nil
}
