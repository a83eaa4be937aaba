package endpoint

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// authenticateClient finds out who sends the request and proves it by the client's
// registered method (RFC 6749, Section 2.3; Core, Section 9).
func (s *Step) authenticateClient(ctx context.Context, extension func(context.Context, *Step, *clientauth.Presented) (*Client, error)) error {
	presented, err := clientauth.Present(s.Request.Header, s.Params, s.Request.PeerCertificates)
	if presented != nil {
		presented.CertificateVerified = s.Request.CertificateVerified
	}
	if extension != nil {
		client, err := extension(ctx, s, presented)
		if err != nil {
			return err
		}
		if client != nil {
			s.Client = client
			return nil
		}
	}
	if err != nil {
		return s.clientRefused(err, presented, nil)
	}
	client, found, err := s.Context.clients.Client(ctx, presented.ClientID)
	if err != nil {
		return err
	}
	if !found {
		return s.clientRefused(&message.Violation{Rule: message.RuleOPClientAuthError, Param: "client_id", Want: "a known client"}, presented, nil)
	}
	guess := &attempt{context: s.Context, who: client.ID + "\x00" + s.Request.RemoteAddr}
	if usesGuessable(presented.Method) {
		full, err := guess.full(ctx)
		if err != nil {
			return err
		}
		if full {
			return Refuse(429, message.InvalidClient, message.RuleOPClientAuthAttempts, "").With("Retry-After", guess.retryAfter())
		}
	}
	proof, err := s.proveClient(ctx, presented, client)
	if err != nil {
		return s.clientRefused(err, presented, guess)
	}
	if proof.JTI != "" {
		// OpenID Connect Core 1.0, Section 9: "jti ... A unique identifier for the token,
		// which can be used to prevent reuse of the token."
		s.spending = append(s.spending, spending{
			kind: kindAssertion, value: client.ID + "\x00" + proof.JTI, until: proof.Expires,
			refusal: s.invalidClient(&message.Violation{Rule: message.RuleOPAssertionJti, Param: "jti", Want: "one that was not used before"}, presented),
		})
	}
	s.Client = client
	s.certificate = proof.CertificateThumbprint
	return nil
}

func usesGuessable(method string) bool {
	return method == message.AuthMethodClientSecretBasic || method == message.AuthMethodClientSecretPost
}

// proveClient verifies with the client's keys, which may have to be fetched once more.
func (s *Step) proveClient(ctx context.Context, p *clientauth.Presented, client *Client) (*clientauth.Proof, error) {
	m := &client.Metadata
	r := clientauth.Registered{
		ClientID:        client.ID,
		Method:          m.TokenEndpointAuthMethod,
		ClientSecret:    client.Secret,
		SecretHash:      client.SecretHash,
		SecretExpiresAt: client.SecretExpires,
		Algorithm:       m.TokenEndpointAuthSigningAlg,
		Algorithms:      s.Context.assertionAlgs(),
		Audiences:       s.Context.audiences(),
		SingleAudience:  s.Context.fapi(),
		Certificate:     certificateSubject(m),
		Now:             s.Now,
		Leeway:          30 * time.Second,
	}
	if s.Context.fapi() && !slices.Contains(strongMethods, r.Method) {
		return nil, &message.Violation{Rule: message.RuleOPFAPI2Clients, Param: "token_endpoint_auth_method", Want: "private_key_jwt or mutual TLS"}
	}
	needsKeys := r.Method == message.AuthMethodPrivateKeyJWT && p.Method == r.Method ||
		r.Method == message.AuthMethodSelfSignedTLSClientAuth
	if needsKeys {
		var err error
		if r.Keys, err = s.clientKeys(ctx, client); err != nil {
			return nil, err
		}
	}
	proof, err := clientauth.Verify(ctx, p, r)
	if needsKeys && errors.Is(err, keyjar.ErrUnknownKey) {
		if need := s.refetchKeys(ctx, client, err); need != nil {
			return nil, need
		}
	}
	return proof, err
}

// audiences are what an assertion may be addressed to: the issuer, and our endpoints.
func (c *Context) audiences() []string {
	return c.set.audiences
}

// clientRefused answers a failed authentication. A need is passed on.
func (s *Step) clientRefused(err error, p *clientauth.Presented, guess *attempt) error {
	var v *message.Violation
	if isNeed(err) || !errors.As(err, &v) {
		return err
	}
	// RFC 6749, Section 5.2: a request that "utilizes more than one mechanism for
	// authenticating the client" is an invalid_request.
	if v.Rule == message.RuleOPClientAuthSingle {
		r := Refuse(400, message.InvalidRequest, v.Rule, v.Param)
		r.Violation = v
		return r
	}
	r := s.invalidClient(v, p)
	if guess != nil && v.Rule == message.RuleOPClientSecretCompare {
		r.attempt = guess
	}
	return r
}

// invalidClient is one answer for every failed authentication: an unknown client, a
// wrong method and a wrong secret look alike. RFC 6749, Section 5.2: "If the client
// attempted to authenticate via the "Authorization" request header field, the
// authorization server MUST respond with an HTTP 401 (Unauthorized) status code and
// include the "Www-Authenticate" response header field matching the authentication
// scheme used by the client."
func (s *Step) invalidClient(v *message.Violation, _ *clientauth.Presented) *Refusal {
	r := &Refusal{
		Declared:  &message.Error{Code: message.InvalidClient, Description: "client authentication failed", Status: 401},
		Violation: v,
	}
	if v.Rule != message.RuleOPClientAuthError {
		// Whatever failed, the one answer is the rule of this answer too.
		v.Err = errors.Join(v.Err, message.RuleOPClientAuthError)
	}
	return r.With("Www-Authenticate", `Basic realm="`+s.Context.issuer+`"`)
}

// authMethods are the client authentication methods that are offered.
func (c *Context) authMethods() []string { return c.offered.authMethods }

func (c *Context) listAuthMethods() []string {
	if c.policy.AuthMethods != nil {
		return c.policy.AuthMethods
	}
	all := []string{
		message.AuthMethodClientSecretBasic, message.AuthMethodClientSecretPost,
		message.AuthMethodClientSecretJWT, message.AuthMethodPrivateKeyJWT, message.AuthMethodNone,
	}
	if c.policy.MutualTLS {
		all = append(all, mutualMethods...)
	}
	return all
}

// assertionAlgs are the algorithms that a client assertion may have.
func (c *Context) assertionAlgs() []string { return c.offered.assertionAlgs }

func (c *Context) listAssertionAlgs() []string {
	var all []string
	for _, alg := range c.signing() {
		symmetric := isHMAC(alg)
		if symmetric && slices.Contains(c.authMethods(), message.AuthMethodClientSecretJWT) ||
			!symmetric && slices.Contains(c.authMethods(), message.AuthMethodPrivateKeyJWT) {
			all = append(all, alg)
		}
	}
	return all
}
