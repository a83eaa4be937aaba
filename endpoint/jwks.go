package endpoint

import (
	"context"

	"github.com/oidcservice/oidc/message"
)

// NewJWKS makes the endpoint that publishes our keys: those that sign, those that will,
// and those that did (Core, Section 10.1.1). Only public parts are in what is published.
func NewJWKS(env Env) Endpoint {
	return Definition[message.JWKSRequest]{
		Name:    "jwks",
		Path:    "/jwks",
		Methods: []string{"GET"},
		Request: Opaque,
		CORS:    true,
		Describe: func(_ *Context, url string, m *message.ProviderMetadata) {
			m.JWKSURI = url
		},
		Process: func(context.Context, *Step, *message.JWKSRequest) (*Outcome, error) {
			return &Outcome{}, nil
		},
		Respond: func(_ context.Context, s *Step, _ *Outcome) (*Response, error) {
			return &Response{
				Status: 200,
				Header: Header{"Content-Type": {"application/jwk-set+json"}, "Cache-Control": {"public, max-age=300"}},
				Body:   s.keys.jwks,
			}, nil
		},
	}.New(env)
}
