package endpoint

import (
	"context"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// NewIntrospection makes the endpoint at which a resource server learns what a token is
// worth (RFC 7662; RFC 9701 for the signed form).
func NewIntrospection(env Env) Endpoint {
	return Definition[message.IntrospectionRequest]{
		Name:    "introspection",
		Path:    "/introspect",
		Methods: []string{"POST"},
		Request: Form,
		Proof:   ClientProof,

		ProofRule: message.RuleOPIntrospectAuth,
		Describe: func(c *Context, url string, m *message.ProviderMetadata) {
			m.IntrospectionEndpoint = url
			m.IntrospectionEndpointAuthMethodsSupported = slices.DeleteFunc(slices.Clone(c.authMethods()), func(method string) bool { return method == message.AuthMethodNone })
			m.IntrospectionEndpointAuthSigningAlgs = c.assertionAlgs()
			m.IntrospectionSigningAlgs = c.idTokenAlgs()
			m.IntrospectionEncryptionAlgs, m.IntrospectionEncryptionEncs = c.encryption()
		},
		Verify:  verifyIntrospection,
		Process: processIntrospection,
		Respond: respondIntrospection,
	}.New(env)
}

func verifyIntrospection(ctx context.Context, s *Step, m *message.IntrospectionRequest) error {
	// RFC 7662, Section 2.1: "To prevent token scanning attacks, the endpoint MUST also
	// require some form of authorization to access this endpoint".
	if s.Client.Public() {
		return s.invalidClient(&message.Violation{Rule: message.RuleOPIntrospectAuth, Param: "client_id", Got: "a public client", Want: "one that authenticates"}, nil)
	}
	if m.Token == "" {
		return Refuse(400, message.InvalidRequest, message.RuleOPParamSyntax, "token").Because("", "a token", nil)
	}
	return s.canEncrypt(ctx, s.Client, s.Client.Metadata.IntrospectionEncryptedResponseAlg)
}

// processIntrospection: RFC 7662, Section 2.2: what is not active is told to be so, and
// nothing else of it; nor is what is not meant for the caller (Section 4).
func processIntrospection(ctx context.Context, s *Step, m *message.IntrospectionRequest) (*Outcome, error) {
	no := false
	inactive := &Outcome{Message: &message.IntrospectionResponse{Active: &no}}
	f, err := s.findToken(ctx, m.Token.Reveal())
	if err != nil {
		return nil, err
	}
	if f == nil || !s.mayIntrospect(f) {
		return inactive, nil
	}
	answer := s.describeToken(f)
	if answer == nil {
		return inactive, nil
	}
	if there, err := s.stillThere(ctx, f.client, f.grant); err != nil || !there {
		return inactive, err
	}
	return &Outcome{Message: answer}, nil
}

// mayIntrospect reports whether the token is the caller's own, or meant for a resource
// that it serves. A token without resource is meant for this provider.
func (s *Step) mayIntrospect(f *foundToken) bool {
	if f.client == s.Client.ID {
		return true
	}
	if f.access == nil {
		return false
	}
	audience := f.access.Audience
	if len(audience) == 0 {
		audience = []string{s.Context.issuer}
	}
	return slices.ContainsFunc(audience, func(aud string) bool { return slices.Contains(s.Client.Serves, aud) })
}

// describeToken returns what an active token is, nil for one that is not.
func (s *Step) describeToken(f *foundToken) *message.IntrospectionResponse {
	yes := true
	answer := &message.IntrospectionResponse{Active: &yes, Issuer: s.Context.issuer, ClientID: f.client}
	if g := f.grant; g != nil {
		answer.AuthTime, answer.ACR = g.AuthTime.Whole(), g.ACR
	}
	if r := f.refresh; r != nil {
		if !f.current || !s.Now.Before(r.Until) {
			return nil
		}
		answer.Scope, answer.Subject, answer.Expiration = f.grant.Scope, f.grant.Subject, message.At(r.Until)
		answer.Confirmation = confirmation(r.JKT, r.X5T)
		return answer
	}
	t := f.access
	if !s.Now.Before(t.Until.Time()) || t.Grant != "" && f.grant == nil {
		return nil
	}
	answer.Scope, answer.Subject, answer.TokenType = t.Scope, t.Subject, t.tokenType()
	answer.Expiration, answer.IssuedAt, answer.Audience = t.Until.Whole(), t.Issued.Whole(), t.Audience
	if len(answer.Audience) == 0 {
		answer.Audience = message.Audience{s.Context.issuer}
	}
	answer.Confirmation, answer.Actor, answer.AuthorizationDetails = confirmation(t.JKT, t.X5T), t.Actor, t.Details
	return answer
}

// confirmation names the key that a token is bound to, nil if there is none.
func confirmation(jkt, x5t string) *message.Confirmation {
	if jkt == "" && x5t == "" {
		return nil
	}
	return &message.Confirmation{JWKThumbprint: jkt, X509Thumbprint: x5t}
}

// respondIntrospection answers as JSON, or as a JWT for who asks for it (RFC 9701,
// Sections 4 and 5).
func respondIntrospection(ctx context.Context, s *Step, o *Outcome) (*Response, error) {
	accept, _ := s.Request.Header.Get("Accept")
	if !strings.Contains(accept, "application/"+message.IntrospectionJWTType) {
		return respondJSON(o)
	}
	answer, ok := o.Message.(*message.IntrospectionResponse)
	if !ok {
		return nil, ErrForeign
	}
	payload, err := message.EncodeJSON(message.IntrospectionJWT{
		Issuer: s.Context.issuer, Audience: message.Audience{s.Client.ID}, IssuedAt: message.At(s.Now), TokenIntrospection: answer,
	})
	if err != nil {
		return nil, err
	}
	m := &s.Client.Metadata
	p := protection{alg: m.IntrospectionSignedResponseAlg, typ: message.IntrospectionJWTType, encAlg: m.IntrospectionEncryptedResponseAlg, enc: m.IntrospectionEncryptedResponseEnc}
	if p.alg == "" {
		p.alg = s.Context.defaultAlg() // RFC 9701, Section 6
	}
	if p.key, err = s.signingKey(s.Client, p.alg); err != nil {
		return nil, err
	}
	token, err := s.protect(ctx, s.Client, payload, p)
	if err != nil {
		return nil, err
	}
	resp := &Response{Header: noStore(), Body: []byte(token)}
	resp.Header.Set("Content-Type", "application/"+message.IntrospectionJWTType)
	return resp, nil
}
