package servicecontext

import (
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// The defaults that the text gives for what is not said (Discovery 1.0, Section
// 3; RFC 8414, Section 2; Dynamic Client Registration 1.0, Section 2; rule
// metadata_defaults).
var (
	defaultResponseModes = []string{"query", "fragment"}
	defaultGrantTypes    = []string{"authorization_code", "implicit"}
	defaultAuthMethods   = []string{message.AuthMethodClientSecretBasic}
)

const (
	defaultIDTokenAlg    = "RS256"
	defaultEncryptionEnc = "A128CBC-HS256"
)

// signingOrder is the order in which we choose a signing algorithm ourselves,
// when the default is excluded and nobody said a preference.
var signingOrder = []string{"RS256", "ES256", "PS256", "EdDSA", "Ed25519", "ES384", "ES512", "RS384", "RS512", "PS384", "PS512"}

// Match settles the behaviour from the configuration, the provider's metadata and
// the registration, as far as they are known. A preference that the provider
// excludes is a Violation of rule metadata_capability that names it.
func (s *Snapshot) Match() (Behaviour, error) {
	m := matcher{s: s, p: s.Provider, granted: &message.ClientMetadata{}}
	if s.Client != nil {
		m.granted = &s.Client.ClientMetadata
	}
	if m.p == nil {
		m.p = &message.ProviderMetadata{}
	}
	m.b.ApplicationType = s.Metadata.ApplicationType
	if m.b.ApplicationType == "" {
		m.b.ApplicationType = message.ApplicationTypeWeb
	}
	m.b.Scope = s.Scope
	m.responseTypes()
	m.grantTypes()
	m.authMethod()
	m.idToken()
	m.algorithms()
	m.passing()
	m.demands()
	return m.b, m.err
}

// A matcher settles one Behaviour; the first mismatch stays in err.
type matcher struct {
	s       *Snapshot
	p       *message.ProviderMetadata
	granted *message.ClientMetadata
	b       Behaviour
	err     error
}

// known reports whether the provider's metadata has been seen.
func (m *matcher) known() bool { return m.s.Provider != nil }

func (m *matcher) refuse(preference, got string, want []string) {
	if m.err == nil {
		m.err = &message.Violation{Rule: message.RuleMetadataCapability, Param: preference, Got: message.Excerpt(got),
			Want: "one that the provider supports: " + message.Excerpt(strings.Join(want, ", "))}
	}
}

func (m *matcher) responseTypes() {
	ours := m.s.Metadata.ResponseTypes
	if granted := m.granted.ResponseTypes; len(granted) > 0 {
		if len(ours) == 0 {
			ours = granted
		}
		// What was not granted is not used (Dynamic Client Registration 1.0, Section 2).
		kept := slices.DeleteFunc(slices.Clone(ours), func(t string) bool { return !hasWordSet(granted, t) })
		if len(kept) == 0 {
			m.refuse("response_types", strings.Join(ours, ", "), granted)
		}
		ours = kept
	}
	if len(ours) == 0 {
		ours = []string{"code"}
	}
	if supported := m.p.ResponseTypesSupported; len(supported) > 0 {
		for _, t := range ours {
			if !hasWordSet(supported, t) {
				m.refuse("response_types", t, supported)
			}
		}
	}
	m.b.ResponseTypes = ours
	modes := m.s.Preferences.ResponseModes
	if m.known() && len(modes) > 0 {
		supported := m.p.ResponseModesSupported
		if len(supported) == 0 {
			supported = defaultResponseModes
		}
		for _, mode := range modes {
			if !slices.Contains(supported, mode) {
				m.refuse("response_modes", mode, supported)
			}
		}
	}
	m.b.ResponseModes = modes
}

// GrantTypesOf returns the grant types that response types need: "code" needs
// authorization_code, "id_token" and "token" need implicit (Dynamic Client
// Registration 1.0, Section 2).
func GrantTypesOf(responseTypes []string) []string {
	var code, implicit bool
	for _, t := range responseTypes {
		for _, word := range strings.Fields(t) {
			switch word {
			case "code":
				code = true
			case "token", "id_token":
				implicit = true
			}
		}
	}
	var grants []string
	if code {
		grants = append(grants, "authorization_code")
	}
	if implicit {
		grants = append(grants, "implicit")
	}
	return grants
}

func (m *matcher) grantTypes() {
	ours := union(GrantTypesOf(m.b.ResponseTypes), m.s.Metadata.GrantTypes)
	if m.known() {
		supported, silent := m.p.GrantTypesSupported, false
		if len(supported) == 0 {
			supported, silent = defaultGrantTypes, true
		}
		for _, g := range ours {
			// A provider that leaves the list out may still issue refresh tokens: they
			// are its own gift (RFC 6749, Section 6).
			if !slices.Contains(supported, g) && !(silent && g == "refresh_token") {
				m.refuse("grant_types", g, supported)
			}
		}
	}
	m.b.GrantTypes = ours
}

// authMethod settles how we authenticate: what was granted, else our preference,
// else client_secret_basic, else what the provider lists and we can do.
func (m *matcher) authMethod() {
	const member = "token_endpoint_auth_method"
	supported := m.p.TokenEndpointAuthMethodsSupported
	wishes := m.s.Preferences.TokenEndpointAuthMethods
	if len(wishes) == 0 && m.s.Metadata.TokenEndpointAuthMethod != "" {
		wishes = []string{m.s.Metadata.TokenEndpointAuthMethod}
	}
	granted := m.granted.TokenEndpointAuthMethod
	switch {
	case granted != "":
		// A registration that names the method outweighs silence, not a list.
		if m.known() && len(supported) > 0 && !slices.Contains(supported, granted) {
			m.refuse(member, granted, supported)
		}
		m.b.TokenEndpointAuthMethod = granted
	case len(wishes) > 0:
		if m.known() && len(supported) == 0 {
			supported = defaultAuthMethods
		}
		m.b.TokenEndpointAuthMethod = m.pick(member, wishes, supported)
	case len(supported) == 0 || slices.Contains(supported, message.AuthMethodClientSecretBasic):
		m.b.TokenEndpointAuthMethod = message.AuthMethodClientSecretBasic
	default:
		m.b.TokenEndpointAuthMethod = m.pick(member, m.ownMethods(), supported)
		m.b.Chosen = append(m.b.Chosen, member)
	}
	if strings.HasSuffix(m.b.TokenEndpointAuthMethod, "_jwt") {
		m.authAlgorithm()
	}
}

// ownMethods are the methods that we can do without being told more.
func (m *matcher) ownMethods() []string {
	if s := m.s; s.Client != nil && s.Client.ClientSecret == "" {
		if s.Keys != nil {
			return []string{message.AuthMethodPrivateKeyJWT, message.AuthMethodNone}
		}
		return []string{message.AuthMethodNone}
	}
	methods := []string{message.AuthMethodClientSecretBasic, message.AuthMethodClientSecretPost}
	if m.s.Keys != nil {
		methods = append(methods, message.AuthMethodPrivateKeyJWT)
	}
	return append(methods, message.AuthMethodClientSecretJWT)
}

func (m *matcher) authAlgorithm() {
	const member = "token_endpoint_auth_signing_alg"
	supported := m.p.TokenEndpointAuthSigningAlgs
	wishes := m.s.Preferences.TokenEndpointAuthSigningAlgs
	if len(wishes) == 0 {
		wishes = nonEmpty(m.s.Metadata.TokenEndpointAuthSigningAlg)
	}
	if granted := m.granted.TokenEndpointAuthSigningAlg; granted != "" {
		wishes = []string{granted}
	}
	if len(wishes) == 0 {
		if m.b.TokenEndpointAuthMethod == message.AuthMethodClientSecretJWT {
			wishes = []string{"HS256", "HS384", "HS512"}
		} else {
			wishes = m.s.keyAlgorithms(m.s.Profile.signingOrder())
		}
	}
	m.b.TokenEndpointAuthSigningAlg = m.pick(member, wishes, supported)
}

// keyAlgorithms are the signing algorithms of order that a key of ours fits.
func (s *Snapshot) keyAlgorithms(order []string) []string {
	fit := slices.DeleteFunc(slices.Clone(order), func(alg string) bool {
		_, err := s.Keys.SigningKey(alg)
		return err != nil
	})
	if len(fit) == 0 {
		return order
	}
	return fit
}

// idToken settles the ID Token's algorithms. "The default, if omitted, is RS256."
func (m *matcher) idToken() {
	const member = "id_token_signed_response_alg"
	supported := m.p.IDTokenSigningAlgs
	wishes := m.wishes(m.s.Preferences.IDTokenSigningAlgs, m.s.Metadata.IDTokenSignedResponseAlg, m.granted.IDTokenSignedResponseAlg)
	switch {
	case len(wishes) > 0:
		m.b.IDTokenSignedResponseAlg = m.pick(member, wishes, supported)
	case len(supported) == 0, slices.Contains(supported, defaultIDTokenAlg), !m.s.Profile.OpenID():
		m.b.IDTokenSignedResponseAlg = defaultIDTokenAlg
	default:
		m.b.IDTokenSignedResponseAlg = m.pick(member, signingOrder, supported)
		m.b.Chosen = append(m.b.Chosen, member)
	}
}

// algorithms settles the algorithms that are in use only when somebody asks.
func (m *matcher) algorithms() {
	pref, meta, got, p := &m.s.Preferences, &m.s.Metadata, m.granted, m.p
	for _, a := range []struct {
		member    string
		prefer    []string
		single    string
		granted   string
		supported []string
		into      *string
	}{
		{"id_token_encrypted_response_alg", pref.IDTokenEncryptionAlgs, meta.IDTokenEncryptedResponseAlg, got.IDTokenEncryptedResponseAlg, p.IDTokenEncryptionAlgs, &m.b.IDTokenEncryptedResponseAlg},
		{"id_token_encrypted_response_enc", pref.IDTokenEncryptionEncs, meta.IDTokenEncryptedResponseEnc, got.IDTokenEncryptedResponseEnc, p.IDTokenEncryptionEncs, &m.b.IDTokenEncryptedResponseEnc},
		{"userinfo_signed_response_alg", pref.UserInfoSigningAlgs, meta.UserInfoSignedResponseAlg, got.UserInfoSignedResponseAlg, p.UserInfoSigningAlgs, &m.b.UserInfoSignedResponseAlg},
		{"userinfo_encrypted_response_alg", pref.UserInfoEncryptionAlgs, meta.UserInfoEncryptedResponseAlg, got.UserInfoEncryptedResponseAlg, p.UserInfoEncryptionAlgs, &m.b.UserInfoEncryptedResponseAlg},
		{"userinfo_encrypted_response_enc", pref.UserInfoEncryptionEncs, meta.UserInfoEncryptedResponseEnc, got.UserInfoEncryptedResponseEnc, p.UserInfoEncryptionEncs, &m.b.UserInfoEncryptedResponseEnc},
		{"request_object_signing_alg", pref.RequestObjectSigningAlgs, meta.RequestObjectSigningAlg, got.RequestObjectSigningAlg, p.RequestObjectSigningAlgs, &m.b.RequestObjectSigningAlg},
		{"request_object_encryption_alg", pref.RequestObjectEncryptionAlgs, meta.RequestObjectEncryptionAlg, got.RequestObjectEncryptionAlg, p.RequestObjectEncryptionAlgs, &m.b.RequestObjectEncryptionAlg},
		{"request_object_encryption_enc", pref.RequestObjectEncryptionEncs, meta.RequestObjectEncryptionEnc, got.RequestObjectEncryptionEnc, p.RequestObjectEncryptionEncs, &m.b.RequestObjectEncryptionEnc},
		{"authorization_signed_response_alg", pref.AuthorizationSigningAlgs, meta.AuthorizationSignedResponseAlg, got.AuthorizationSignedResponseAlg, p.AuthorizationSigningAlgs, &m.b.AuthorizationSignedResponseAlg},
		{"authorization_encrypted_response_alg", pref.AuthorizationEncryptionAlgs, meta.AuthorizationEncryptedResponseAlg, got.AuthorizationEncryptedResponseAlg, p.AuthorizationEncryptionAlgs, &m.b.AuthorizationEncryptedResponseAlg},
		{"authorization_encrypted_response_enc", pref.AuthorizationEncryptionEncs, meta.AuthorizationEncryptedResponseEnc, got.AuthorizationEncryptedResponseEnc, p.AuthorizationEncryptionEncs, &m.b.AuthorizationEncryptedResponseEnc},
		{"introspection_signed_response_alg", pref.IntrospectionSigningAlgs, meta.IntrospectionSignedResponseAlg, got.IntrospectionSignedResponseAlg, p.IntrospectionSigningAlgs, &m.b.IntrospectionSignedResponseAlg},
		{"dpop_signing_alg", pref.DPoPSigningAlgs, "", "", p.DPoPSigningAlgs, &m.b.DPoPSigningAlg},
		{"subject_type", pref.SubjectTypes, meta.SubjectType, got.SubjectType, p.SubjectTypesSupported, &m.b.SubjectType},
	} {
		if wishes := m.wishes(a.prefer, a.single, a.granted); len(wishes) > 0 {
			*a.into = m.pick(a.member, wishes, a.supported)
		}
	}
	// "If *_encrypted_response_alg is specified, the default *_enc value is A128CBC-HS256."
	for _, pair := range [][2]*string{
		{&m.b.IDTokenEncryptedResponseAlg, &m.b.IDTokenEncryptedResponseEnc},
		{&m.b.UserInfoEncryptedResponseAlg, &m.b.UserInfoEncryptedResponseEnc},
		{&m.b.RequestObjectEncryptionAlg, &m.b.RequestObjectEncryptionEnc},
		{&m.b.AuthorizationEncryptedResponseAlg, &m.b.AuthorizationEncryptedResponseEnc},
	} {
		if *pair[0] != "" && *pair[1] == "" {
			*pair[1] = defaultEncryptionEnc
		}
	}
}

// passing checks that the provider takes request objects when we insist on them.
func (m *matcher) passing() {
	if m.known() && m.s.Metadata.RequireSignedRequestObject != nil && *m.s.Metadata.RequireSignedRequestObject &&
		!ProviderAllows(m.p.RequestParameterSupported, false) && !ProviderAllows(m.p.RequestURIParameterSupported, true) &&
		m.p.PushedAuthorizationRequestEndpoint == "" {
		m.refuse("require_signed_request_object", "true", []string{"no request objects"})
	}
}

// ProviderAllows reads an optional boolean of provider metadata with the default
// that the text gives (rule metadata_defaults).
func ProviderAllows(said *bool, otherwise bool) bool {
	if said == nil {
		return otherwise
	}
	return *said
}

// wishes returns what counts: what was granted, else the preferences, else the
// single value of our metadata.
func (m *matcher) wishes(preferences []string, single, granted string) []string {
	switch {
	case granted != "":
		return []string{granted}
	case len(preferences) > 0:
		return preferences
	}
	return nonEmpty(single)
}

// pick returns the first wish that is supported. A provider that is silent, or
// not known yet, supports everything.
func (m *matcher) pick(member string, wishes, supported []string) string {
	if len(supported) == 0 {
		return wishes[0]
	}
	for _, w := range wishes {
		if slices.Contains(supported, w) {
			return w
		}
	}
	m.refuse(member, strings.Join(wishes, ", "), supported)
	return ""
}

func nonEmpty(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
