package servicecontext

import (
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// What the profiles demand of us. A profile tightens and never loosens: it fills in
// what was left open and refuses what it excludes.

// strongMethods authenticate a client without a shared secret: "shall support client
// authentication using one or both of" mutual TLS and private_key_jwt (FAPI 2.0 Security
// Profile, Section 5.3.3.1).
var strongMethods = []string{
	message.AuthMethodPrivateKeyJWT, message.AuthMethodTLSClientAuth, message.AuthMethodSelfSignedTLSClientAuth,
}

// strongAlgs are the signature algorithms of the FAPI 2.0 Security Profile, Section 5.4.1.
var strongAlgs = []string{"PS256", "ES256", "EdDSA", "Ed25519"}

// fapi2 reports whether p is one of the FAPI 2.0 profiles.
func (p Profile) fapi2() bool { return p == ProfileFAPI2 || p == ProfileFAPI2MessageSigning }

// IssuerRequired reports whether an authorization response must name its issuer even
// where the metadata does not announce it: a client "shall check the iss parameter"
// (FAPI 2.0 Security Profile, Section 5.3.3.2).
func (p Profile) IssuerRequired() bool { return p.fapi2() }

// signingOrder is the order in which we choose a signing algorithm ourselves.
func (p Profile) signingOrder() []string {
	if p.fapi2() {
		return strongAlgs
	}
	return signingOrder
}

// preferProfile fills in what the profile says of what we left open.
func (s *Snapshot) preferProfile() {
	if !s.Profile.fapi2() {
		return
	}
	p := &s.Preferences
	fill := func(list *[]string, said string, with []string) {
		if len(*list) == 0 && said == "" {
			*list = with
		}
	}
	fill(&p.IDTokenSigningAlgs, s.Metadata.IDTokenSignedResponseAlg, strongAlgs)
	methods := strongMethods
	if s.Keys == nil {
		methods = strongMethods[1:]
	}
	fill(&p.TokenEndpointAuthMethods, s.Metadata.TokenEndpointAuthMethod, methods)
	fill(&p.AuthorizationSigningAlgs, s.Metadata.AuthorizationSignedResponseAlg, strongAlgs)
	if s.Profile == ProfileFAPI2MessageSigning {
		fill(&p.RequestObjectSigningAlgs, s.Metadata.RequestObjectSigningAlg, s.keyAlgorithms(strongAlgs))
	}
}

// demands refuses a settled behaviour that the profile excludes.
func (m *matcher) demands() {
	s, b := m.s, &m.b
	switch {
	case s.Profile.fapi2():
		for _, t := range b.ResponseTypes {
			m.demand(t == message.ResponseTypeCode, message.RuleProfileResponseType, "response_types", t, "code alone")
		}
		m.demand(slices.Contains(strongMethods, b.TokenEndpointAuthMethod), message.RuleProfileClientAuth, "token_endpoint_auth_method",
			b.TokenEndpointAuthMethod, strings.Join(strongMethods, ", "))
		m.demand(s.DPoPKey != nil || s.CertificateBound(), message.RuleProfileSenderConstrained, "dpop_bound_access_tokens", "",
			"a key for DPoP, or tokens bound to the client's certificate")
		m.algorithmDemands()
	case s.Profile == ProfileOAuth21:
		for _, t := range b.ResponseTypes {
			m.demand(!slices.Contains(strings.Fields(t), "token"), message.RuleProfileResponseType, "response_types", t, "no access token in the front channel")
		}
	default:
		return
	}
	// What a compatibility setting admits the profile excludes again.
	c := &s.Compat
	m.demand(!c.InsecureSkipPKCE, message.RuleProfileCompat, "compat.insecure_skip_pkce", "true", "a code challenge with every request")
	m.demand(!c.AllowFrontChannelAccessToken, message.RuleProfileCompat, "compat.allow_front_channel_access_token", "true", "no access token in the front channel")
	if s.Profile.fapi2() {
		m.demand(!c.AssertionAudienceTokenEndpoint, message.RuleProfileCompat, "compat.assertion_audience_token_endpoint", "true", "the issuer as the audience of assertions")
		m.demand(!c.AllowRSA15, message.RuleProfileCompat, "compat.allow_rsa1_5", "true", "no RSA1_5")
	}
}

func (m *matcher) algorithmDemands() {
	b := &m.b
	// Providers name a default for signed introspection that nobody asked for: it is
	// not used then.
	if len(m.s.Preferences.IntrospectionSigningAlgs) == 0 && m.s.Metadata.IntrospectionSignedResponseAlg == "" && !slices.Contains(strongAlgs, b.IntrospectionSignedResponseAlg) {
		b.IntrospectionSignedResponseAlg = ""
	}
	for _, a := range []struct{ member, alg string }{
		{"token_endpoint_auth_signing_alg", b.TokenEndpointAuthSigningAlg},
		{"id_token_signed_response_alg", b.IDTokenSignedResponseAlg},
		{"userinfo_signed_response_alg", b.UserInfoSignedResponseAlg},
		{"request_object_signing_alg", b.RequestObjectSigningAlg},
		{"authorization_signed_response_alg", b.AuthorizationSignedResponseAlg},
		{"introspection_signed_response_alg", b.IntrospectionSignedResponseAlg},
	} {
		m.demand(a.alg == "" || slices.Contains(strongAlgs, a.alg), message.RuleProfileAlgorithm, a.member, a.alg, strings.Join(strongAlgs, ", "))
	}
}

// demand keeps the first demand that is not met.
func (m *matcher) demand(met bool, rule message.Rule, param, got, want string) {
	if !met && m.err == nil {
		m.err = &message.Violation{Rule: rule, Param: param, Got: message.Excerpt(got), Want: want}
	}
}
