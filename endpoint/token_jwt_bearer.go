package endpoint

import (
	"context"
	"slices"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A TrustedIssuer may vouch for users with an assertion (RFC 7523, Section 3).
type TrustedIssuer struct {
	Issuer string      // the iss of its assertions
	Keys   *keyjar.Set // its public keys
	// Algorithms are those that it signs with; nil allows every asymmetric one.
	Algorithms []string
}

// maxAssertionLife is how far ahead an assertion may expire, so that the memory of its jti
// has an end.
const maxAssertionLife = time.Hour

// A bearer assertion that was verified.
type bearerAssertion struct {
	user  User
	scope message.List
}

// verifyJWTBearer: RFC 7523, Sections 2.1 and 3. The provider verifies the assertion
// itself.
func verifyJWTBearer(ctx context.Context, s *Step, m *message.JWTBearerRequest) error {
	if m.Assertion == "" {
		return Refuse(400, message.InvalidRequest, message.RuleOPTokenError, "assertion")
	}
	claims, err := s.trustedAssertion(m.Assertion)
	if err != nil {
		return err
	}
	user, found, err := s.user(ctx, claims.Subject)
	if err != nil {
		return err
	}
	if !found {
		return invalidGrant(message.RuleOPJWTBearer, "sub")
	}
	if claims.JWTID != "" {
		s.spending = append(s.spending, spending{
			kind: kindAssertion, value: "jwt-bearer\x00" + claims.Issuer + "\x00" + claims.JWTID,
			until: claims.Expiration.Time().Add(clockAhead), refusal: invalidGrant(message.RuleOPJWTBearer, "jti"),
		})
	}
	asked := slices.DeleteFunc(slices.Clone(m.Scope), func(w string) bool {
		return w == message.ScopeOpenID || w == message.ScopeOfflineAccess
	})
	if len(asked) == 0 {
		return Refuse(400, message.InvalidScope, message.RuleOPJWTBearer, "scope")
	}
	scope, err := s.userScope(asked, message.RuleOPJWTBearer)
	if err != nil {
		return err
	}
	s.Value = &bearerAssertion{user: user, scope: scope}
	return s.checkResources(s.Client, m.Resource)
}

// trustedAssertion verifies an assertion by the keys of its issuer, if that is trusted.
func (s *Step) trustedAssertion(assertion message.Secret) (*message.Assertion, error) {
	bad := func(param string, err error) *Refusal {
		r := invalidGrant(message.RuleOPJWTBearer, param)
		if err != nil {
			r.Violation.Err = err
		}
		return r
	}
	token, err := keyjar.Parse(assertion.Reveal())
	if err != nil {
		return nil, bad("assertion", err)
	}
	if typ := token.Header.Type; typ != "" && !token.Header.IsType("JWT") {
		return nil, bad("typ", nil)
	}
	claims := new(message.Assertion)
	if err := message.DecodeClaims(token.Payload, claims); err != nil {
		return nil, bad("assertion", err)
	}
	i := slices.IndexFunc(s.Context.policy.TrustedIssuers, func(t TrustedIssuer) bool { return t.Issuer == claims.Issuer })
	if i < 0 || claims.Issuer == "" {
		return nil, bad("iss", nil)
	}
	trusted := s.Context.policy.TrustedIssuers[i]
	algs := trusted.Algorithms
	if algs == nil {
		algs = s.Context.asymmetric()
	}
	if _, err := trusted.Keys.Verify(token, algs); err != nil {
		return nil, bad("assertion", err)
	}
	exp := claims.Expiration
	switch {
	case claims.Subject == "":
		return nil, bad("sub", nil)
	case !slices.ContainsFunc(claims.Audience, func(aud string) bool { return slices.Contains(s.Context.audiences(), aud) }):
		return nil, bad("aud", nil)
	case !exp.Present() || !exp.Time().After(s.Now.Add(-clockAhead)) || exp.Time().After(s.Now.Add(maxAssertionLife)):
		return nil, bad("exp", nil)
	case claims.NotBefore.Present() && claims.NotBefore.Time().After(s.Now.Add(clockAhead)):
		return nil, bad("nbf", nil)
	case claims.IssuedAt.Present() && claims.IssuedAt.Time().After(s.Now.Add(clockAhead)):
		return nil, bad("iat", nil)
	}
	return claims, nil
}

// processJWTBearer issues an access token for the user that the assertion names.
func processJWTBearer(ctx context.Context, s *Step, m *message.JWTBearerRequest) (*Outcome, error) {
	b := s.Value.(*bearerAssertion)
	id, err := s.Context.random()
	if err != nil {
		return nil, err
	}
	g := &grant{
		ID: id, Client: s.Client.ID, User: b.user.ID, Subject: s.Context.subject(b.user.ID, s.Client),
		Scope: b.scope, Resource: m.Resource, AuthTime: message.Exactly(s.Now), Offline: true,
	}
	return s.redeemGrant(ctx, g, m.Resource)
}
