package conversation

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// Addresses of ours that are never opened: a headless browser stops there, and a
// person copies the address from the bar. The names do not resolve (RFC 2606).
const (
	defaultRedirectURI   = "https://rp.example/callback"
	defaultPostLogoutURI = "https://rp.example/logged-out"
	clientName           = "oidc walkthrough"

	// defaultRequestURIBase is where the embedded provider asks for request objects.
	defaultRequestURIBase = "https://rp.example/requests"
)

// complete fills what the settings leave open, and makes what a run needs once:
// what is filled in here is stored in a recording.
func (s *Settings) complete() error {
	if s.PKCE == "" {
		s.PKCE = "S256"
	}
	if s.UserInfo == "" {
		s.UserInfo = "header"
	}
	if s.Logins == 0 {
		s.Logins = 1
	}
	signs := s.AuthMethod == message.AuthMethodPrivateKeyJWT || s.RequestMethod == "request" || s.RequestMethod == "request_uri" || s.provesByKey()
	if signs && len(s.Keys) == 0 && !s.bringsKeys() {
		// RS256 is what every provider can verify, ES256 what newer ones prefer.
		keys, err := newClientKeys(rand.Reader, "RS256", "ES256")
		if err != nil {
			return err
		}
		s.Keys = keys
	}
	if s.DPoP && len(s.DPoPKey) == 0 {
		key, err := newClientKeys(rand.Reader, "ES256")
		if err != nil {
			return err
		}
		s.DPoPKey = key
	}
	return nil
}

// provesByKey tells whether the profile wants a client without a shared secret (FAPI 2.0
// Security Profile, Section 5.3.3.1), and one that registers itself has nothing else to
// prove itself with.
func (s *Settings) provesByKey() bool {
	fapi2 := s.Profile == string(servicecontext.ProfileFAPI2) || s.Profile == string(servicecontext.ProfileFAPI2MessageSigning)
	return fapi2 && s.AuthMethod == "" && s.TLSCert == "" && s.ClientID == "" && len(s.ClientConfig) == 0
}

// newClientKeys makes our own signing keys.
func newClientKeys(random io.Reader, algs ...string) (json.RawMessage, error) {
	var keys []*keyjar.Key
	for _, alg := range algs {
		key, err := keyjar.Generate(alg, random, keyjar.KeyOptions{Use: "sig", Algorithm: alg})
		if err != nil {
			return nil, fmt.Errorf("making a client key: %w", err)
		}
		keys = append(keys, key)
	}
	return keyjar.NewSet(keys...).PrivateJWKS()
}

// bringsKeys tells whether the client configuration holds private keys.
func (s *Settings) bringsKeys() bool {
	c, _, err := s.clientConfig()
	return err == nil && c != nil && c.JWKS != nil
}

// clientConfig reads --client-config: client metadata in the names of RFC 7591,
// with client_id and client_secret for a static client. Its jwks may hold private
// keys, which stay here; the metadata comes back with their public members only.
func (s *Settings) clientConfig() (*message.RegistrationResponse, *keyjar.Set, error) {
	if len(s.ClientConfig) == 0 {
		return nil, nil, nil
	}
	c := new(message.RegistrationResponse)
	if err := message.DecodeJSON(s.ClientConfig, c); err != nil {
		return nil, nil, fault("client-config", "%v", err)
	}
	if c.ClientSecret != "" && c.ClientID == "" {
		return nil, nil, fault("client-config", "a client_secret without a client_id")
	}
	if c.JWKS == nil {
		return c, nil, nil
	}
	if c.JWKSURI != "" {
		return nil, nil, fault("client-config", "give jwks or jwks_uri, not both")
	}
	raw, err := json.Marshal(struct {
		Keys []json.RawMessage `json:"keys"`
	}{c.JWKS.Keys})
	if err != nil {
		return nil, nil, fault("client-config", "jwks: %v", err)
	}
	keys, skipped, err := keyjar.ParsePrivateSet(raw)
	if err != nil {
		return nil, nil, fault("client-config", "jwks: %v", err)
	}
	if len(skipped) > 0 {
		return nil, nil, fault("client-config", "jwks: keys[%d]: %v", skipped[0].Index, skipped[0].Err)
	}
	public := new(message.JWKS)
	if err := message.DecodeJSON(keys.Public().PublicJWKS(), public); err != nil {
		return nil, nil, fault("client-config", "jwks: %v", err)
	}
	c.JWKS = public
	return c, keys, nil
}

// config turns the settings into what a service context is told.
func (s *Settings) config() (servicecontext.Config, error) {
	c := servicecontext.Config{
		Issuer:            s.Issuer,
		Profile:           servicecontext.Profile(s.Profile),
		InsecureAllowHTTP: s.InsecureAllowHTTP,
	}
	if _, err := servicecontext.ParseProfile(s.Profile); err != nil {
		return c, fault("profile", "%v", err)
	}
	if err := s.compat(&c.Compat); err != nil {
		return c, err
	}
	static, keys, err := s.clientConfig()
	if err != nil {
		return c, err
	}
	if len(s.Keys) > 0 {
		if keys, _, err = keyjar.ParsePrivateSet(s.Keys); err != nil {
			return c, fmt.Errorf("keys: %w", err)
		}
	}
	c.Keys = keys
	if len(s.DPoPKey) > 0 {
		set, _, err := keyjar.ParsePrivateSet(s.DPoPKey)
		if err != nil {
			return c, fmt.Errorf("dpop key: %w", err)
		}
		c.DPoPKey = set.Keys()[0]
	}
	c.RequestMethod, c.RequestURIBase = servicecontext.RequestMethod(s.RequestMethod), s.RequestURIBase
	if static != nil {
		c.Metadata = static.ClientMetadata
	} else {
		c.Metadata.ClientName = clientName
	}
	if err := s.metadata(&c.Metadata); err != nil {
		return c, err
	}
	switch {
	case static != nil && static.ClientID != "":
		static.ClientMetadata = c.Metadata
		c.Client = static
	case s.ClientID != "":
		c.Client = &message.RegistrationResponse{ClientID: s.ClientID, ClientSecret: message.Secret(s.ClientSecret), ClientMetadata: c.Metadata}
	}
	if c.Client != nil {
		c.Client.ClientMetadata.TokenEndpointAuthMethod = s.staticMethod(c.Client, keys)
		c.Metadata.TokenEndpointAuthMethod = c.Client.ClientMetadata.TokenEndpointAuthMethod
	}
	if s.Embedded {
		c.Scope = []string{"profile", "email"}
		if c.Profile.OpenID() {
			c.Scope = []string{"openid", "profile", "email"}
		}
	}
	return c, nil
}

// staticMethod is how a client that was registered elsewhere proves itself when
// nobody says: with what it has.
func (s *Settings) staticMethod(client *message.RegistrationResponse, keys *keyjar.Set) string {
	switch {
	case client.TokenEndpointAuthMethod != "":
		return client.TokenEndpointAuthMethod
	case client.ClientSecret != "":
		return "" // the provider's list decides between the methods of a secret
	case keys != nil:
		return message.AuthMethodPrivateKeyJWT
	case s.TLSCert != "":
		return message.AuthMethodTLSClientAuth
	}
	return message.AuthMethodNone
}

// compat sets the departures that --compat names.
func (s *Settings) compat(into *servicecontext.Compat) error {
	named := map[string]any{}
	for name, value := range s.Compat {
		named[name] = value
	}
	if s.PKCE == "none" {
		named["insecure_skip_pkce"] = true
	}
	if s.frontTokens() {
		named["allow_front_channel_access_token"] = true
	}
	raw, err := json.Marshal(named)
	if err != nil {
		return fault("compat", "%v", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fault("compat", "%v", err)
	}
	return nil
}

// metadata fills in what the flags say about us.
func (s *Settings) metadata(m *message.ClientMetadata) error {
	if s.RedirectURI == "" {
		s.RedirectURI = defaultRedirectURI
		if len(m.RedirectURIs) > 0 {
			s.RedirectURI = m.RedirectURIs[0]
		}
	}
	if !slices.Contains(m.RedirectURIs, s.RedirectURI) {
		m.RedirectURIs = append([]string{s.RedirectURI}, m.RedirectURIs...)
	}
	if s.UserAgent == Browser && m.ApplicationType == "" {
		// A loopback redirect URI belongs to a native client (RFC 8252, Section 7.3).
		m.ApplicationType = message.ApplicationTypeNative
	}
	if s.ResponseType != "" {
		if !slices.ContainsFunc(m.ResponseTypes, func(t string) bool {
			return message.ParseList(t).Equal(message.ParseList(s.ResponseType))
		}) {
			m.ResponseTypes = append([]string{s.ResponseType}, m.ResponseTypes...)
		}
	}
	if s.Refresh && !slices.Contains(m.GrantTypes, message.GrantTypeRefreshToken) {
		types := m.ResponseTypes
		if len(types) == 0 {
			types = []string{message.ResponseTypeCode}
		}
		if len(m.GrantTypes) == 0 {
			m.GrantTypes = servicecontext.GrantTypesOf(types)
		}
		m.GrantTypes = append(slices.Clone(m.GrantTypes), message.GrantTypeRefreshToken)
	}
	if s.GrantType != "" && !slices.Contains(m.GrantTypes, s.GrantType) {
		if len(m.GrantTypes) == 0 {
			m.GrantTypes = servicecontext.GrantTypesOf([]string{message.ResponseTypeCode})
		}
		m.GrantTypes = append(slices.Clone(m.GrantTypes), s.GrantType)
		if s.GrantType == message.GrantTypeCIBA && m.BackchannelTokenDeliveryMode == "" {
			m.BackchannelTokenDeliveryMode = message.DeliveryModePoll
		}
	}
	if s.Logout && len(m.PostLogoutRedirectURIs) == 0 {
		m.PostLogoutRedirectURIs = []string{defaultPostLogoutURI}
	}
	if s.RequestMethod == "request_uri" && len(m.RequestURIs) == 0 && s.ClientID == "" {
		// Registered beforehand, with a hash of the content as fragment when it is
		// used (Core, Section 6.2).
		m.RequestURIs = []string{strings.TrimSuffix(s.RequestURIBase, "/") + "/request.jwt"}
	}
	if s.AuthMethod != "" {
		if m.TokenEndpointAuthMethod != "" && m.TokenEndpointAuthMethod != s.AuthMethod {
			return fault("token-endpoint-auth-method", "the client configuration says %s", m.TokenEndpointAuthMethod)
		}
		m.TokenEndpointAuthMethod = s.AuthMethod
	}
	return nil
}

// ParseCompat reads NAME or NAME=VALUE.
func ParseCompat(named []string) (map[string]any, error) {
	if len(named) == 0 {
		return nil, nil
	}
	out := map[string]any{}
	for _, one := range named {
		name, value, has := strings.Cut(one, "=")
		if name == "" {
			return nil, fault("compat", "want a name")
		}
		if has {
			out[name] = value
		} else {
			out[name] = true
		}
	}
	return out, nil
}
