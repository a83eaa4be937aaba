package endpoint_test

import (
	"strings"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/op/optest"
)

func aliasing(base string) func(*endpoint.Config, *endpoint.Client) {
	return func(cfg *endpoint.Config, _ *endpoint.Client) {
		cfg.Policy.MutualTLS, cfg.Policy.MutualTLSBase = true, base
		cfg.Policy.GrantTypes = []string{"refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "urn:openid:params:grant-type:ciba"}
	}
}

// RFC 8705, Section 5: the aliases have the names of the metadata, and nothing for browsers
// is among them.
func TestAliasesArePublished(t *testing.T) {
	m := newWorld(t, aliasing("https://mtls.op.example/")).set.Metadata()
	want := map[string]string{
		"pushed_authorization_request_endpoint": m.PushedAuthorizationRequestEndpoint,
		"token_endpoint":                        m.TokenEndpoint,
		"userinfo_endpoint":                     m.UserInfoEndpoint,
		"introspection_endpoint":                m.IntrospectionEndpoint,
		"revocation_endpoint":                   m.RevocationEndpoint,
		"device_authorization_endpoint":         m.DeviceAuthorizationEndpoint,
		"backchannel_authentication_endpoint":   m.BackchannelAuthenticationEndpoint,
	}
	if len(m.MTLSEndpointAliases) != len(want) {
		t.Errorf("aliases %v", m.MTLSEndpointAliases)
	}
	for name, address := range want {
		alias := "https://mtls.op.example" + strings.TrimPrefix(address, issuer)
		if address == "" || m.MTLSEndpointAliases[name] != alias {
			t.Errorf("%s is %q, want %q", name, m.MTLSEndpointAliases[name], alias)
		}
	}
	if m := newWorld(t, aliasing("")).set.Metadata(); m.MTLSEndpointAliases != nil {
		t.Errorf("aliases without a base: %v", m.MTLSEndpointAliases)
	}
}

// An assertion that is sent to the alias may be addressed to it.
func TestAliasIsAnAudience(t *testing.T) {
	for base, ok := range map[string]bool{"https://mtls.op.example": true, "https://other.op.example": false} {
		w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
			aliasing(base)(cfg, c)
			c.Metadata.TokenEndpointAuthMethod = "client_secret_jwt"
		})
		c := redeem(w.code())
		c.header = nil
		c.params.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		c.params.Set("client_assertion", w.assertion(&override{Assertion: map[string]any{"aud": "https://mtls.op.example/token"}}))
		if r := w.do(c); (r.err == nil) != ok {
			t.Errorf("base %s: %v", base, r.err)
		}
	}
}

func TestBadAliases(t *testing.T) {
	for _, base := range []string{"http://mtls.op.example", "mtls.op.example", "https://mtls.op.example?x", "https://mtls.op.example#x", "https://a@mtls.op.example"} {
		cfg := endpoint.Config{Issuer: issuer, Users: optest.Users{}}
		w := newWorld(t, nil)
		cfg.Store, cfg.Policy = w.store, endpoint.Policy{MutualTLS: true, MutualTLSBase: base}
		if _, err := endpoint.NewContext(cfg); err == nil || !strings.Contains(err.Error(), "MutualTLSBase") {
			t.Errorf("%s: %v", base, err)
		}
	}
}
