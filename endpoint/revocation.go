package endpoint

import (
	"context"

	"github.com/oidcservice/oidc/message"
)

// NewRevocation makes the endpoint at which a client gives a token back (RFC 7009).
func NewRevocation(env Env) Endpoint {
	return Definition[message.RevocationRequest]{
		Name:    "revocation",
		Path:    "/revoke",
		Methods: []string{"POST"},
		Request: Form,
		Proof:   ClientProof,
		CORS:    true,
		Describe: func(c *Context, url string, m *message.ProviderMetadata) {
			m.RevocationEndpoint = url
			m.RevocationEndpointAuthMethodsSupported = c.authMethods()
			m.RevocationEndpointAuthSigningAlgs = c.assertionAlgs()
		},
		Verify:  verifyRevocation,
		Process: processRevocation,
		Respond: func(context.Context, *Step, *Outcome) (*Response, error) {
			return &Response{Status: 200, Header: noStore()}, nil
		},
	}.New(env)
}

// foundToken is a token that a client asks about, and what it is. token_type_hint is only
// a hint (RFC 7009, Section 2.1), and since the two kinds are kept apart by name, no help:
// both are looked up.
type foundToken struct {
	access  *accessToken
	refresh *refreshToken
	grant   *grant // nil if the client acts for itself, or the grant was revoked
	client  string
	current bool // a refresh token that was not replaced
}

// findToken looks a token up, good or not. It returns nil for an unknown one.
func (s *Step) findToken(ctx context.Context, value string) (*foundToken, error) {
	var access accessToken
	found, err := s.Context.store.get(ctx, kindAccess, value, &access)
	if err != nil {
		return nil, err
	}
	if found {
		f := &foundToken{access: &access, client: access.Client}
		if access.Grant != "" {
			if f.grant, err = s.grant(ctx, access.Grant); err != nil {
				return nil, err
			}
		}
		return f, nil
	}
	var refresh refreshToken
	if found, err = s.Context.store.get(ctx, kindRefresh, value, &refresh); err != nil || !found {
		return nil, err
	}
	f := &foundToken{refresh: &refresh}
	if f.grant, err = s.grant(ctx, refresh.Grant); err != nil || f.grant == nil {
		return nil, err
	}
	f.client = f.grant.Client
	used, err := s.Context.store.get(ctx, kindRefreshUsed, value, nil)
	f.current = !used
	return f, err
}

func verifyRevocation(ctx context.Context, s *Step, m *message.RevocationRequest) error {
	if m.Token == "" {
		return Refuse(400, message.InvalidRequest, message.RuleOPParamSyntax, "token").Because("", "a token", nil)
	}
	f, err := s.findToken(ctx, m.Token.Reveal())
	if err != nil {
		return err
	}
	// RFC 7009, Section 2.1: the server "verifies whether the token was issued to the client
	// making the revocation request. If this validation fails, the request is refused".
	if f != nil && f.client != s.Client.ID {
		return Refuse(400, message.UnauthorizedClient, message.RuleOPRevokeClient, "token")
	}
	s.Value = f
	return nil
}

// processRevocation: RFC 7009, Section 2.2: an unknown or dead token is a success too;
// Section 2.1: with a refresh token the access tokens of its grant end.
func processRevocation(ctx context.Context, s *Step, m *message.RevocationRequest) (*Outcome, error) {
	f := s.Value.(*foundToken)
	switch {
	case f == nil:
	case f.access != nil:
		if _, err := s.Context.store.take(ctx, kindAccess, m.Token.Reveal(), nil); err != nil {
			return nil, err
		}
	default:
		if err := s.revoke(ctx, f.refresh.Grant); err != nil {
			return nil, err
		}
	}
	return &Outcome{}, nil
}
