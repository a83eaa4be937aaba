package endpoint

import (
	"context"
	"slices"

	"github.com/oidcservice/oidc/message"
)

// A grantType is one way to a token.
type grantType struct {
	message func() message.Message
	verify  func(ctx context.Context, s *Step, m message.Message) error
	process func(ctx context.Context, s *Step, m message.Message) (*Outcome, error)
}

// newGrantType gives the functions of a grant type their message's type.
func newGrantType[M any, P interface {
	*M
	message.Message
}](verify func(context.Context, *Step, P) error, process func(context.Context, *Step, P) (*Outcome, error)) grantType {
	return grantType{
		message: func() message.Message { return P(new(M)) },
		verify: func(ctx context.Context, s *Step, m message.Message) error {
			return verify(ctx, s, m.(P))
		},
		process: func(ctx context.Context, s *Step, m message.Message) (*Outcome, error) {
			return process(ctx, s, m.(P))
		},
	}
}

// grantTypes are the grant types of the token endpoint. The password grant does not exist
// (RFC 9700, Section 2.4).
var grantTypes = map[string]grantType{
	message.GrantTypeAuthorizationCode: newGrantType(verifyCode, processCode),
	message.GrantTypeRefreshToken:      newGrantType(verifyRefresh, processRefresh),
	message.GrantTypeClientCredentials: newGrantType(verifyClientCredentials, processClientCredentials),
	message.GrantTypeDeviceCode:        newGrantType(verifyDeviceToken, processDeviceToken),
	message.GrantTypeTokenExchange:     newGrantType(verifyExchange, processExchange),
	message.GrantTypeJWTBearer:         newGrantType(verifyJWTBearer, processJWTBearer),
	message.GrantTypeCIBA:              newGrantType(verifyCIBAToken, processCIBAToken),
}

// NewToken makes the token endpoint (RFC 6749, Section 3.2; Core, Section 3.1.3).
func NewToken(env Env) Endpoint {
	return Definition[message.AccessTokenRequest]{
		Name:    "token",
		Path:    "/token",
		Methods: []string{"POST"},
		Request: Params,
		Proof:   ClientProof,
		CORS:    true,
		Describe: func(c *Context, url string, m *message.ProviderMetadata) {
			m.TokenEndpoint = url
			m.TokenEndpointAuthMethodsSupported = c.authMethods()
			m.TokenEndpointAuthSigningAlgs = c.assertionAlgs()
			m.DPoPSigningAlgs = c.dpopAlgs()
			if c.policy.MutualTLS {
				yes := true
				m.TLSClientCertificateBoundAccessTokens = &yes
			}
		},
		Verify: func(ctx context.Context, s *Step, req *message.AccessTokenRequest) error {
			req.GrantType = s.Params.Get("grant_type")
			g, err := s.grantType(req.GrantType)
			if err != nil {
				return err
			}
			s.message = g.message()
			if err := message.DecodeValues(s.Params, s.message); err != nil {
				return undecodable(err, message.RuleOPParamSyntax)
			}
			if s.Params.Has("authorization_details") {
				// RFC 9396, Section 6: they are those of the authorization request; no grant
				// type has them narrowed.
				return refuseParameter(message.RuleOPAuthzRAR, "authorization_details")
			}
			if err := s.checkSender(ctx); err != nil {
				return err
			}
			return g.verify(ctx, s, s.message)
		},
		Process: func(ctx context.Context, s *Step, req *message.AccessTokenRequest) (*Outcome, error) {
			return grantTypes[req.GrantType].process(ctx, s, s.message)
		},
	}.New(env)
}

// grantType settles the grant type. RFC 6749, Section 5.2: a missing parameter is
// invalid_request, an unknown one unsupported_grant_type, one that the client may not use
// unauthorized_client.
func (s *Step) grantType(name string) (grantType, error) {
	const rule, param = message.RuleOPTokenGrantType, "grant_type"
	if name == "" {
		return grantType{}, Refuse(400, message.InvalidRequest, rule, param)
	}
	g, known := grantTypes[name]
	if !known || !slices.Contains(s.Context.grantTypes(), name) {
		refused := rule
		if name == "password" {
			refused = message.RuleOPPasswordGrant
		}
		return grantType{}, Refuse(400, message.UnsupportedGrantType, refused, param)
	}
	if !s.Client.grants(name) {
		return grantType{}, Refuse(400, message.UnauthorizedClient, rule, param)
	}
	return g, nil
}

// invalidGrant is the answer to a code, refresh token, device code or assertion that is
// not good (RFC 6749, Section 5.2).
func invalidGrant(rule message.Rule, param string) *Refusal {
	r := Refuse(400, message.InvalidGrant, rule, param)
	if rule != message.RuleOPTokenInvalidGrant {
		r.Violation.Err = message.RuleOPTokenInvalidGrant
	}
	return r
}

// issued is what a grant type wants to be answered.
type issued struct {
	grant    *grant
	scope    message.List // of the access token; nil is the grant's
	resource []string
	refresh  string // the refresh token to send, if any
	nonce    string
	idToken  bool
	user     User
}

// tokens issues what a user's grant is answered with (RFC 6749, Section 5.1; Core,
// Section 3.1.3.3).
func (s *Step) tokens(ctx context.Context, i *issued) (*Outcome, error) {
	g := i.grant
	if i.scope == nil {
		i.scope = g.Scope
	}
	t := &accessToken{
		Grant: g.ID, Client: s.Client.ID, Subject: g.Subject, Scope: i.scope, Audience: i.resource, Details: g.Details,
		JKT: s.jkt, X5T: s.boundCertificate(),
	}
	value, life, err := s.newAccessToken(ctx, t, g)
	if err != nil {
		return nil, err
	}
	answer := &message.AccessTokenResponse{
		AccessToken: message.Secret(value), TokenType: t.tokenType(), ExpiresIn: &life, Scope: i.scope,
		RefreshToken: message.Secret(i.refresh), AuthorizationDetails: g.Details,
	}
	if i.idToken {
		id, err := s.newIDToken(ctx, &idToken{
			grant: g, client: s.Client, nonce: i.nonce, accessToken: value, user: i.user, authReqID: s.authReqID, refreshToken: i.refresh,
		})
		if err != nil {
			return nil, err
		}
		answer.IDToken = message.Secret(id)
	}
	return s.withNonce(ctx, &Outcome{Message: answer})
}

// withNonce gives the client the next nonce, so that it need not be refused first (RFC
// 9449, Section 8.2).
func (s *Step) withNonce(ctx context.Context, o *Outcome) (*Outcome, error) {
	if s.jkt == "" || !s.Context.policy.DPoPNonce {
		return o, nil
	}
	nonce, err := s.newNonce(ctx)
	if err != nil {
		return nil, err
	}
	o.Header.Set("Dpop-Nonce", nonce)
	return o, nil
}

// boundCertificate is the certificate that tokens are bound to, if the client wants that
// (RFC 8705, Section 3).
func (s *Step) boundCertificate() string {
	if is(s.Client.Metadata.TLSClientCertificateBoundAccessTokens) {
		return s.certificate
	}
	return ""
}

// owner returns the user of a grant.
func (s *Step) owner(ctx context.Context, g *grant) (User, error) {
	user, found, err := s.user(ctx, g.User)
	if err != nil {
		return User{}, err
	}
	if !found {
		return User{}, invalidGrant(message.RuleOPRefreshExpiry, "").Because("", "a user who is still there", nil)
	}
	return user, nil
}
