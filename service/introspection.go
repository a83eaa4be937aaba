package service

import (
	"context"
	"fmt"
	"mime"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// mediaIntrospection is the content type of an introspection response that is a JWT
// (RFC 9701, Section 4).
const mediaIntrospection = "application/" + message.IntrospectionJWTType

// NewIntrospection makes the introspection service: the provider says whether a token
// is active and what it stands for (RFC 7662), as JSON or, where a signing or encryption
// algorithm was registered for it, as a JWT (RFC 9701). Without a token of the call's
// it asks about the access token of the login that Args.State names.
func NewIntrospection(env Env) Service {
	d := Definition[message.IntrospectionRequest, message.IntrospectionResponse]{
		Name:     IntrospectionName,
		Method:   "POST",
		Request:  Form,
		Response: JWT,
		Proof:    ClientProof,
		MayLogin: true,
		Answer: Answer{
			Media:      []string{"application/json", mediaIntrospection},
			StatusRule: message.RuleIntrospectionActive,
			First:      firstIntrospection,
			MediaFor: func(s *Step) []string {
				if introspectionJWT(s) {
					return []string{mediaIntrospection}
				}
				return []string{"application/json"}
			},
		},
		Endpoint: func(s *Step, _ *message.IntrospectionRequest) string { return s.Snapshot.Endpoint(IntrospectionName) },
		Gather: func(_ context.Context, s *Step, req *message.IntrospectionRequest) error {
			if req.Token != "" {
				return nil
			}
			if s.State == "" {
				return fmt.Errorf("%w: neither a token nor a login to take it from", ErrArgs)
			}
			tokens, err := currentTokens(s.Record)
			if err != nil {
				return err
			}
			req.Token, req.TokenTypeHint = tokens.AccessToken, message.TokenTypeHintAccessToken
			return nil
		},
		Complete: func(_ context.Context, s *Step, _ *message.IntrospectionRequest) error {
			// "To prevent token scanning attacks, the endpoint MUST also require some form
			// of authorization" (RFC 7662, Section 2.1).
			return requireConfidential(s, message.RuleIntrospectionActive)
		},
		Verify: verifyIntrospection,
	}
	d.Decode = func(_ context.Context, s *Step) (*message.IntrospectionResponse, error) {
		return decodeIntrospection(s, &d.Answer)
	}
	return d.New(env)
}

// introspectionEncryption is what was registered for encrypted answers.
func introspectionEncryption(s *Step) (alg, enc string) {
	m := s.clientMetadata()
	if m.IntrospectionEncryptedResponseAlg == "" {
		return "", ""
	}
	if m.IntrospectionEncryptedResponseEnc == "" {
		return m.IntrospectionEncryptedResponseAlg, "A128CBC-HS256" // the default (RFC 9701, Section 6)
	}
	return m.IntrospectionEncryptedResponseAlg, m.IntrospectionEncryptedResponseEnc
}

// clientMetadata is what is registered, or what we say of ourselves.
func (s *Step) clientMetadata() *message.ClientMetadata {
	m := s.Snapshot.Metadata
	if s.Snapshot.Client != nil {
		m = s.Snapshot.Client.ClientMetadata
		fill(&m, &s.Snapshot.Metadata)
	}
	return &m
}

// introspectionJWT reports whether the answer is to be a JWT.
func introspectionJWT(s *Step) bool {
	alg, _ := introspectionEncryption(s)
	return alg != "" || s.Snapshot.Behaviour.IntrospectionSignedResponseAlg != ""
}

// firstIntrospection refuses plain JSON where a JWT was asked for.
func firstIntrospection(s *Step) (bool, error) {
	if s.Response.Status != 200 || !introspectionJWT(s) || declaredError(s.Response) != nil {
		return false, nil
	}
	media, _, _ := mime.ParseMediaType(strings.Join(headerValues(s.Response.Header, "Content-Type"), ","))
	return false, s.Require(media == mediaIntrospection, message.RuleIntrospectionJWT, "content_type", message.Excerpt(media), mediaIntrospection)
}

func decodeIntrospection(s *Step, answer *Answer) (*message.IntrospectionResponse, error) {
	const rule = message.RuleIntrospectionJWT
	if !introspectionJWT(s) {
		m := new(message.IntrospectionResponse)
		if err := message.DecodeJSON(s.Response.Body, m); err != nil {
			return nil, answer.malformed(s, err)
		}
		return m, nil
	}
	alg, enc := introspectionEncryption(s)
	text, err := decrypt(s, string(s.Response.Body), "introspection", rule, alg, enc)
	if err != nil {
		return nil, err
	}
	t, err := parseJWT(s, text, "introspection")
	if err != nil {
		return nil, err
	}
	signed := s.Snapshot.Behaviour.IntrospectionSignedResponseAlg
	if signed == "" {
		signed = "RS256" // the default (RFC 9701, Section 6)
	}
	if err := requireSigned(s, rule, "introspection.alg", &t.Header, signed); err != nil {
		return nil, err
	}
	if typ := message.Excerpt(t.Header.Type); !t.Header.IsType(message.IntrospectionJWTType) { // none at all will not do
		return nil, s.Fail(rule, "introspection.typ", typ, message.IntrospectionJWTType, &message.Violation{Rule: message.RuleJOSETyp, Param: "typ", Got: typ})
	}
	s.Pass(rule, "introspection.typ")
	claims := new(message.IntrospectionJWT)
	if err := decodeClaims(s, t.Payload, claims, "introspection", claimRules{"iss": rule, "aud": rule, "iat": rule, "token_introspection": rule}); err != nil {
		return nil, err
	}
	if err := verifyIntrospectionJWT(s, claims); err != nil {
		return nil, err
	}
	if err := verifySignature(s, t, signed, "introspection", rule); err != nil {
		return nil, err
	}
	return claims.TokenIntrospection, nil
}

// verifyIntrospectionJWT judges what stands around the answer (RFC 9701, Section 5).
func verifyIntrospectionJWT(s *Step, c *message.IntrospectionJWT) error {
	const rule = message.RuleIntrospectionJWT
	if err := s.Require(c.Issuer == s.Snapshot.Issuer, rule, "introspection.iss", message.Excerpt(c.Issuer), s.Snapshot.Issuer); err != nil {
		return err
	}
	if err := verifyAudience(s, rule, "introspection.aud", c.Audience); err != nil {
		return err
	}
	now, leeway := float64(s.Now.Unix()), s.Snapshot.Leeway.Seconds()
	if err := s.requireTime(c.IssuedAt.Present() && c.IssuedAt.Float() <= now+leeway, rule, "introspection.iat", c.IssuedAt, "the time of issue, not later than now"); err != nil {
		return err
	}
	if err := requireCurrent(s, rule, "introspection", c.Expiration, c.NotBefore); err != nil {
		return err
	}
	// "SHOULD NOT include": they would make it look like an access token.
	if c.Subject != "" || c.Expiration.Present() {
		s.Warn(rule, "introspection.sub", "sub or exp beside token_introspection")
	}
	return s.Require(c.TokenIntrospection != nil, rule, "introspection.token_introspection", "", "the answer, an object")
}

// verifyIntrospection: of a token that is not active nothing else is used. A token that
// has expired is not active, whatever the answer says.
func verifyIntrospection(_ context.Context, s *Step, resp *message.IntrospectionResponse) error {
	const rule = message.RuleIntrospectionActive
	if err := s.Require(resp.Active != nil, rule, "active", "", "true or false"); err != nil {
		return err
	}
	now, leeway := float64(s.Now.Unix()), s.Snapshot.Leeway.Seconds()
	active := *resp.Active
	switch {
	case !active:
	case resp.Expiration.Present() && resp.Expiration.Float() <= now-leeway:
		s.Warn(rule, "exp", "active, and expired: it counts as not active")
		active = false
	case resp.NotBefore.Present() && resp.NotBefore.Float() > now+leeway:
		s.Warn(rule, "nbf", "active, and not yet valid: it counts as not active")
		active = false
	}
	if !active {
		*resp = message.IntrospectionResponse{Active: &active}
	}
	return nil
}
