package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// assertionLife is how long an authorization grant of ours may be used: the time
// between signing it and the server's reading it.
const assertionLife = time.Minute

// NewJWTBearer makes the jwt_bearer service: a signed statement is exchanged for an
// access token (RFC 7523, Section 2.1). Without an assertion of the call's one is
// signed with our key, about the client itself; JWTBearerAssertion makes others. The
// client authenticates as registered, or not at all when Settings.ClientAuth is "none":
// "client authentication ... is optional". Result.State names the record that the
// token is kept in.
func NewJWTBearer(env Env) Service {
	d := Definition[message.JWTBearerRequest, message.AccessTokenResponse]{
		Name:     JWTBearerName,
		Method:   "POST",
		Request:  Form,
		Response: JSON,
		Proof:    ClientProof,
		DPoP:     true,
		Answer:   tokenAnswer,
		Endpoint: func(s *Step, _ *message.JWTBearerRequest) string { return tokenEndpoint(s) },
		Complete: func(_ context.Context, s *Step, req *message.JWTBearerRequest) error {
			req.GrantType = message.GrantTypeJWTBearer
			if req.Assertion != "" {
				return nil
			}
			var err error
			req.Assertion, err = s.assertion(message.Assertion{})
			return err
		},
		Remember: func(_ context.Context, s *Step, _ *message.JWTBearerRequest) error { return s.drawKey() },
		Verify: func(_ context.Context, s *Step, resp *message.AccessTokenResponse) error {
			s.answersGrant()
			if err := verifyTokens(s, resp); err != nil || resp.IDToken == "" {
				return err
			}
			return verifyIDToken(s, resp.IDToken, idTokenFacts{nonceFree: true, accessToken: resp.AccessToken})
		},
		Update: func(ctx context.Context, s *Step, resp *message.AccessTokenResponse) error {
			return s.keepGrant(ctx, resp, requestOf[message.JWTBearerRequest](s).Scope)
		},
	}
	if env.Settings.ClientAuth == message.AuthMethodNone {
		d.Proof = NoProof
	}
	return d.New(env)
}

// JWTBearerAssertion is a hook for Settings.PreConstruct of the jwt_bearer service: it
// signs the claims that make returns, for instance about another subject. What they
// leave out is filled in: iss and sub are our client_id, aud is the issuer, exp is a
// minute from now, iat and jti are fresh.
func JWTBearerAssertion(claims func(ctx context.Context) (message.Assertion, error)) Hook {
	return func(ctx context.Context, s *Step, m message.Message) (message.Message, error) {
		req, ok := m.(*message.JWTBearerRequest)
		if !ok {
			return nil, fmt.Errorf("%w: an assertion for a %T", ErrArgs, m)
		}
		if req.Assertion != "" {
			return m, nil
		}
		c, err := claims(ctx)
		if err != nil {
			return nil, err
		}
		req.Assertion, err = s.assertion(c)
		return req, err
	}
}

// assertion completes claims and signs them (RFC 7523, Section 3).
func (s *Step) assertion(c message.Assertion) (message.Secret, error) {
	if c.Issuer == "" {
		c.Issuer = s.clientID()
	}
	if c.Subject == "" {
		c.Subject = c.Issuer
	}
	if c.Issuer == "" {
		return "", ErrNotRegistered
	}
	if len(c.Audience) == 0 {
		c.Audience = message.Audience{s.Snapshot.Issuer}
	}
	if !c.IssuedAt.Present() {
		c.IssuedAt = message.Unix(s.Now.Unix())
	}
	if !c.Expiration.Present() {
		c.Expiration = message.Unix(s.Now.Add(assertionLife).Unix())
	}
	if c.JWTID == "" {
		var err error
		if c.JWTID, err = s.Random(16); err != nil {
			return "", err
		}
	}
	payload, err := message.EncodeJSON(&c)
	if err != nil {
		return "", err
	}
	key, alg, err := s.signingKey(s.Snapshot.Behaviour.TokenEndpointAuthSigningAlg, nil)
	if err != nil {
		return "", err
	}
	signed, err := key.Sign(keyjar.Header{Algorithm: alg, Type: "JWT"}, payload, s.Context().Rand())
	return message.Secret(signed), err
}

// signingKey finds a private key of ours: for alg if it names one, else for any
// algorithm; listed, if not empty, are those that the provider accepts.
func (s *Step) signingKey(alg string, listed []string) (*keyjar.Key, string, error) {
	candidates := []string{alg}
	if alg == "" || strings.HasPrefix(alg, "HS") {
		candidates = keyjar.SigningAlgorithms()
	}
	for _, candidate := range candidates {
		if strings.HasPrefix(candidate, "HS") || len(listed) > 0 && !slices.Contains(listed, candidate) {
			continue
		}
		if key, err := s.Snapshot.Keys.SigningKey(candidate); err == nil {
			return key, candidate, nil
		}
	}
	return nil, "", fmt.Errorf("%w: a private key to sign with", ErrNotConfigured)
}
