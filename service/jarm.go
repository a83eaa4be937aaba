package service

import (
	"reflect"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A jarm is an authorization response that came as a JWT, opened and not yet
// believed (JWT Secured Authorization Response Mode, Section 2).
type jarm struct {
	token  *keyjar.Token
	claims message.JARMResponse
}

// isJWTMode reports whether a response mode asks for a JWT.
func isJWTMode(mode message.ResponseMode) bool {
	return mode == message.ResponseModeJWT || strings.HasSuffix(string(mode), ".jwt")
}

// carrier is how the parameters of a response mode travel: query, fragment or
// form_post.
func carrier(mode message.ResponseMode, t message.List) message.ResponseMode {
	if mode == "" || mode == message.ResponseModeJWT {
		return defaultMode(t)
	}
	return message.ResponseMode(strings.TrimSuffix(string(mode), ".jwt"))
}

// openJARM takes the response out of its JWT. All its values come from there: a
// parameter beside response is refused.
func openJARM(s *Step, outer *message.AuthorizationResponse) (*message.AuthorizationResponse, error) {
	const rule = message.RuleJARMExpected
	beside := *outer
	beside.Response, beside.Extra = "", nil // a redirect URI may have a query of its own
	if !reflect.ValueOf(beside).IsZero() {
		return nil, s.Fail(rule, "response", "parameters beside it", "response alone", nil)
	}
	b := &s.Snapshot.Behaviour
	text, err := decrypt(s, outer.Response.Reveal(), "response", message.RuleJARMProtection, b.AuthorizationEncryptedResponseAlg, b.AuthorizationEncryptedResponseEnc)
	if err != nil {
		return nil, err
	}
	j := new(jarm)
	if j.token, err = parseJWT(s, text, "response"); err != nil {
		return nil, err
	}
	// "The algorithm none is not allowed", RS256 by default (JARM, Section 3).
	if err := requireSigned(s, message.RuleJARMProtection, "response.alg", &j.token.Header, jarmAlg(s)); err != nil {
		return nil, err
	}
	if err := requireTyp(s, message.RuleJOSETyp, "response.typ", &j.token.Header, "JWT"); err != nil {
		return nil, err
	}
	if err := decodeClaims(s, j.token.Payload, &j.claims, "response", jarmClaimRules); err != nil {
		return nil, err
	}
	s.jarm = j
	inner := j.claims.AuthorizationResponse
	inner.Extra = nil
	return &inner, nil
}

var jarmClaimRules = claimRules{
	"iss": message.RuleJARMIss, "aud": message.RuleJARMAud, "exp": message.RuleJARMExp,
	"expires_in": message.RuleTokenResponseExpiresIn,
}

func jarmAlg(s *Step) string {
	if alg := s.Snapshot.Behaviour.AuthorizationSignedResponseAlg; alg != "" {
		return alg
	}
	return "RS256"
}

// verifyJARM judges the JWT around the response (JARM, Section 2.4). It comes after
// state and binding, and before anything that the response says is believed.
func verifyJARM(s *Step) error {
	c := &s.jarm.claims
	if err := s.Require(c.Issuer == s.Record.Issuer, message.RuleJARMIss, "response.iss", message.Excerpt(c.Issuer), s.Record.Issuer); err != nil {
		return err
	}
	if err := verifyAudience(s, message.RuleJARMAud, "response.aud", c.Audience); err != nil {
		return err
	}
	if err := s.Require(c.Expiration.Present(), message.RuleJARMExp, "response.exp", "", "the time until which it is good"); err != nil {
		return err
	}
	if err := requireCurrent(s, message.RuleJARMExp, "response", c.Expiration, c.NotBefore); err != nil {
		return err
	}
	return verifySignature(s, s.jarm.token, jarmAlg(s), "response", message.RuleJARMProtection)
}
