package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// dpopFault is how a fault of a proof is answered: at the token endpoint as an error
// object, at a resource as a challenge.
type dpopFault func(code message.ErrorCode, rule message.Rule, param string) *Refusal

// dpopRules are the provider's rules for what keyjar finds wrong with a proof.
var dpopRules = map[message.Rule]message.Rule{
	message.RuleDPoPProof:  message.RuleOPDPoPProof,
	message.RuleDPoPTarget: message.RuleOPDPoPTarget,
	message.RuleDPoPAth:    message.RuleOPDPoPBinding,
	message.RuleDPoPFresh:  message.RuleOPDPoPTime,
	message.RuleDPoPNonce:  message.RuleOPDPoPNonce,
}

// fapiAhead: FAPI 2.0, Section 5.3.2.1: "shall reject JWTs with an iat or nbf timestamp
// greater than 60 seconds in the future", whatever nonce is in them.
const fapiAhead = time.Minute

// proof verifies the DPoP proof of a request (RFC 9449, Section 4.3) and returns the
// thumbprint of its key, "" without a proof. accessToken is the token that a request to a
// resource carries. The jti is spent later, with what else is spent.
func (s *Step) proof(ctx context.Context, accessToken string, fault dpopFault) (string, error) {
	proofs := s.Request.Header["Dpop"]
	if len(proofs) == 0 {
		return "", nil
	}
	policy := keyjar.DPoPPolicy{
		Algs: s.Context.dpopAlgs(), Now: s.Now, Nonce: s.Context.policy.DPoPNonce,
		Fresh: func(nonce string) (bool, error) { return s.freshNonce(ctx, nonce) },
	}
	use, err := policy.Verify(keyjar.DPoPRequest{
		Proofs: proofs, Method: s.Request.Method, URL: s.Request.URL, AccessToken: message.Secret(accessToken),
	})
	var v *message.Violation
	if errors.As(err, &v) {
		return "", badProof(v, fault)
	}
	if err != nil {
		return "", err
	}
	if s.Context.fapi() && use.Proof.IssuedAt.Time().After(s.Now.Add(fapiAhead)) {
		return "", fault(message.InvalidDPoPProof, message.RuleOPDPoPTime, "iat").Because("", "at most a minute ahead", nil)
	}
	s.spending = append(s.spending, spending{
		kind: kindDPoP, value: use.ID, until: s.Now.Add(use.Life), refusal: fault(message.InvalidDPoPProof, message.RuleOPDPoPJti, "jti"),
	})
	return use.JWKThumbprint, nil
}

// badProof is the answer to a proof that is not good.
func badProof(v *message.Violation, fault dpopFault) *Refusal {
	code, rule := message.InvalidDPoPProof, dpopRules[v.Rule]
	if v.Rule == message.RuleDPoPFresh && v.Param == "jti" {
		rule = message.RuleOPDPoPJti
	}
	if v.Rule == message.RuleDPoPNonce {
		code = message.UseDPoPNonce
	}
	r := fault(code, rule, v.Param).Because(v.Got, v.Want, v)
	// RFC 9449, Section 8: "use_dpop_nonce", with a new nonce in the DPoP-Nonce header.
	r.nonce = v.Rule == message.RuleDPoPNonce
	return r
}

// dpopAlgs are the algorithms that a proof may have.
func (c *Context) dpopAlgs() []string { return c.asymmetric() }

// tokenFault answers at the token endpoint (RFC 9449, Section 5).
func tokenFault(code message.ErrorCode, rule message.Rule, param string) *Refusal {
	return Refuse(400, code, rule, param)
}

// resourceFault answers at a resource (RFC 9449, Section 7.1).
func (s *Step) resourceFault(code message.ErrorCode, rule message.Rule, param string) *Refusal {
	r := Refuse(401, code, rule, param)
	return r.With("Www-Authenticate", message.Challenge{Scheme: message.TokenTypeDPoP, Params: map[string]string{
		"error": string(code), "error_description": r.Declared.Description, "algs": strings.Join(s.Context.dpopAlgs(), " "),
	}}.String())
}

// checkSender finds out which key or certificate the tokens of this request are bound to,
// and refuses a client that may have bound ones only (RFC 9449, Section 5.2; RFC 8705,
// Section 3.4).
func (s *Step) checkSender(ctx context.Context) error {
	jkt, err := s.proof(ctx, "", tokenFault)
	if err != nil {
		return err
	}
	s.jkt = jkt
	if jkt == "" && is(s.Client.Metadata.DPoPBoundAccessTokens) {
		return Refuse(400, message.InvalidDPoPProof, message.RuleOPSenderConstraintRequired, "DPoP")
	}
	bound := is(s.Client.Metadata.TLSClientCertificateBoundAccessTokens)
	if bound {
		if s.certificate = s.peerCertificate(); s.certificate == "" {
			return Refuse(400, message.InvalidRequest, message.RuleOPSenderConstraintRequired, "certificate")
		}
	}
	// FAPI 2.0, Section 5.3.2.1: "shall only issue sender-constrained access tokens".
	if s.Context.fapi() && jkt == "" && !bound {
		return Refuse(400, message.InvalidDPoPProof, message.RuleOPFAPI2Tokens, "DPoP")
	}
	return nil
}

// peerCertificate is the x5t#S256 of the connection's certificate (RFC 8705, Section 3.1).
func (s *Step) peerCertificate() string {
	if len(s.Request.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(s.Request.PeerCertificates[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// The key of the nonces is in the store, for all processes of the provider.
const nonceKeyLife = clientLife

// freshNonce reports whether a nonce is one of ours and not stale.
func (s *Step) freshNonce(ctx context.Context, nonce string) (bool, error) {
	var key []byte
	found, err := s.Context.store.get(ctx, kindNonceKey, "", &key)
	if err != nil || !found {
		return false, err
	}
	return keyjar.DPoPNonces{Key: key}.Fresh(nonce, s.Now), nil
}

// newNonce returns the nonce of this moment. It makes the key if there is none yet.
func (s *Step) newNonce(ctx context.Context) (string, error) {
	var key []byte
	found, err := s.Context.store.get(ctx, kindNonceKey, "", &key)
	if err != nil {
		return "", err
	}
	if !found {
		fresh, err := s.Context.random()
		if err != nil {
			return "", err
		}
		if _, err := s.Context.store.add(ctx, kindNonceKey, "", []byte(fresh), nonceKeyLife); err != nil {
			return "", err
		}
		if _, err := s.Context.store.get(ctx, kindNonceKey, "", &key); err != nil {
			return "", err
		}
	}
	return keyjar.DPoPNonces{Key: key}.At(s.Now), nil
}
