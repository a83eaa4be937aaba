package endpoint

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// aliased maps the endpoints that a client may call with its certificate to the names of
// their metadata. RFC 8705, Section 5: the aliases are "a subset of the names of the
// metadata parameters" of endpoints, used "when doing mutual TLS". UserInfo is among them
// for tokens that are bound to a certificate (Section 3).
var aliased = map[string]string{
	"pushed_authorization":       "pushed_authorization_request_endpoint",
	"token":                      "token_endpoint",
	"userinfo":                   "userinfo_endpoint",
	"introspection":              "introspection_endpoint",
	"revocation":                 "revocation_endpoint",
	"device_authorization":       "device_authorization_endpoint",
	"backchannel_authentication": "backchannel_authentication_endpoint",
}

// aliasOf is the address of an endpoint for clients with a certificate, "" if it has none.
func (c *Context) aliasOf(d Description) string {
	if _, ok := aliased[d.Name]; !ok || c.policy.MutualTLSBase == "" {
		return ""
	}
	return strings.TrimSuffix(c.policy.MutualTLSBase, "/") + d.Path
}

// checkMutualTLSBase refuses what cannot be put in front of a path.
func (p *Policy) checkMutualTLSBase() error {
	if p.MutualTLSBase == "" {
		return nil
	}
	u, err := url.Parse(p.MutualTLSBase)
	switch {
	case !p.MutualTLS:
		return fmt.Errorf("endpoint: Policy.MutualTLSBase: without MutualTLS: %w", ErrNotConfigured)
	case err != nil, u.Scheme != "https", u.Host == "", u.User != nil, strings.ContainsAny(p.MutualTLSBase, "?#"):
		return fmt.Errorf("endpoint: Policy.MutualTLSBase %q: not an https URL without query and fragment", p.MutualTLSBase)
	}
	return nil
}

// describeAliases publishes the aliases (RFC 8705, Section 5).
func (set *Set) describeAliases(m *message.ProviderMetadata) {
	for _, d := range set.list {
		if d.Alias == "" {
			continue
		}
		if m.MTLSEndpointAliases == nil {
			m.MTLSEndpointAliases = map[string]string{}
		}
		m.MTLSEndpointAliases[aliased[d.Name]] = d.Alias
	}
}
