package endpoint

import (
	"context"

	"github.com/oidcservice/oidc/message"
)

// NewProviderInfo makes the endpoint that publishes the provider's metadata (Discovery,
// Section 4).
func NewProviderInfo(env Env) Endpoint {
	d := metadataDefinition("provider_info", "/.well-known/openid-configuration")
	d.Describe = func(c *Context, _ string, m *message.ProviderMetadata) {
		m.ScopesSupported = c.scopes()
		m.ClaimsSupported = c.claims()
		m.ClaimTypesSupported = []string{"normal"}
		m.SubjectTypesSupported = c.subjectTypes()
		m.ACRValuesSupported = c.policy.ACRValues
		m.UILocalesSupported = c.policy.UILocales
		m.ServiceDocumentation = c.policy.ServiceDocumentation
		m.OPPolicyURI = c.policy.PolicyURI
		m.OPTosURI = c.policy.TOSURI
	}
	return d.New(env)
}

// NewServerMetadata makes the endpoint that publishes the same document where RFC 8414,
// Section 3.1, looks for it: the well-known part stands before the path of the issuer.
func NewServerMetadata(env Env) Endpoint {
	d := metadataDefinition("server_metadata", "/.well-known/oauth-authorization-server%s")
	d.Root = true
	return d.New(env)
}

func metadataDefinition(name, path string) Definition[message.ProviderInfoRequest] {
	return Definition[message.ProviderInfoRequest]{
		Name:    name,
		Path:    path,
		Methods: []string{"GET"},
		Request: Opaque,
		CORS:    true,
		Process: func(_ context.Context, s *Step, _ *message.ProviderInfoRequest) (*Outcome, error) {
			m := s.Context.set.Metadata()
			return &Outcome{Message: &m}, nil
		},
		Respond: func(_ context.Context, _ *Step, o *Outcome) (*Response, error) {
			resp, err := respondJSON(o)
			if err != nil {
				return nil, err
			}
			resp.Header = Header{"Content-Type": {"application/json"}, "Cache-Control": {"public, max-age=300"}}
			return resp, nil
		},
	}
}

// subjectTypes are the subject types that are offered (Core, Section 8).
func (c *Context) subjectTypes() []string {
	if c.policy.PairwiseSecret == "" {
		return []string{message.SubjectTypePublic}
	}
	return []string{message.SubjectTypePublic, message.SubjectTypePairwise}
}
