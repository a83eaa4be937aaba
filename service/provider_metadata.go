package service

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// violated records the violation that err is, and returns err.
func violated(s *Step, err error) error {
	var v *message.Violation
	if errors.As(err, &v) {
		_ = s.Violated(v)
	}
	return err
}

// decodeMetadata reads the document; members that nobody here knows are kept.
func decodeMetadata(s *Step) (*message.ProviderMetadata, error) {
	p := new(message.ProviderMetadata)
	if err := s.Snapshot.Compat.DecodeJSON(s.Response.Body, p); err != nil {
		return nil, metadataFault(s, err)
	}
	s.Pass(message.RuleMetadataMemberType, "body")
	return p, nil
}

// metadataFault tells a document that is no metadata from one with a member of the
// wrong type.
func metadataFault(s *Step, err error) error {
	var d *message.DecodeError
	if errors.As(err, &d) && d.Kind == message.WrongType && d.Param != "" {
		return s.Fail(message.RuleMetadataMemberType, d.Param, "", "the type that the specification gives it", err)
	}
	param := "body"
	if d != nil && d.Param != "" {
		param = d.Param
	}
	return s.Fail(message.RuleMetadataStatus, param, "", "one strict JSON object", &message.Violation{Rule: message.RuleTransportJSON, Param: param, Err: err})
}

// metadataSteps are the rules of provider metadata, in their order: whose it is comes
// before what it says.
var metadataSteps = []func(*Step, metadataRules, *message.ProviderMetadata) error{
	metadataIssuer, metadataSignature, metadataRequired, metadataEndpoints, metadataValues, metadataPKCE, metadataCapability,
}

func verifyMetadata(s *Step, rules metadataRules, p *message.ProviderMetadata) error {
	for _, step := range metadataSteps {
		if err := step(s, rules, p); err != nil {
			return err
		}
	}
	return nil
}

// metadataIssuer compares the issuer byte for byte with the one that was asked for.
func metadataIssuer(s *Step, _ metadataRules, p *message.ProviderMetadata) error {
	if p.Issuer == "" {
		return s.Fail(message.RuleMetadataRequired, "issuer", "", "the issuer", nil)
	}
	if template := s.Snapshot.Compat.InsecureIssuerTemplate; template != "" && p.Issuer == template {
		s.Warn(message.RuleMetadataIssuerTemplate, "issuer", "templated issuer, admitted by insecure_issuer_template")
		return nil
	}
	if err := s.Snapshot.CheckIssuer(p.Issuer); err != nil {
		return violated(s, err)
	}
	s.Pass(message.RuleMetadataIssuer, "issuer")
	if err := s.Snapshot.CheckIssuerSyntax(p.Issuer); err != nil {
		return violated(s, err)
	}
	s.Pass(message.RuleMetadataIssuerSyntax, "issuer")
	s.Skip(message.RuleMetadataIssuerTemplate, "issuer", "the issuer is no template")
	return nil
}

// metadataSignature lets the values of signed_metadata win, after verification "with
// a key trusted beforehand": one that was configured, not one that this metadata
// leads to (RFC 8414, Section 2.1).
func metadataSignature(s *Step, _ metadataRules, p *message.ProviderMetadata) error {
	const rule, param = message.RuleMetadataSigned, "signed_metadata"
	if p.SignedMetadata == "" {
		s.Skip(rule, param, "absent")
		return nil
	}
	keys := s.Snapshot.ProviderKeys()
	if _, fetched := s.Snapshot.KeySets[s.Snapshot.Issuer]; keys == nil || fetched {
		s.Skip(rule, param, "no key of the issuer is trusted beforehand, so it does not count")
		return nil
	}
	token, err := keyjar.Parse(p.SignedMetadata)
	if err != nil {
		return s.Fail(rule, param, "", "a signed JWT", err)
	}
	if err := requireTyp(s, rule, param+".typ", &token.Header, "JWT"); err != nil {
		return err
	}
	if _, err := keys.Verify(token, asymmetricAlgorithms()); err != nil {
		return s.Fail(rule, param, "", "a signature of the issuer", err)
	}
	var claims struct {
		Issuer     string        `json:"iss,omitempty"`
		Expiration message.Time  `json:"exp,omitzero"`
		NotBefore  message.Time  `json:"nbf,omitzero"`
		Extra      message.Extra `json:"-" url:"-"`
	}
	if err := message.DecodeClaims(token.Payload, &claims); err != nil {
		return s.Fail(rule, param, "", "metadata as claims", err)
	}
	if claims.Issuer != s.Snapshot.Issuer {
		return s.Fail(rule, param+".iss", message.Excerpt(claims.Issuer), s.Snapshot.Issuer, nil)
	}
	if err := requireCurrent(s, rule, param, claims.Expiration, claims.NotBefore); err != nil {
		return err
	}
	signed := new(message.ProviderMetadata)
	if err := message.DecodeClaims(token.Payload, signed); err != nil {
		return s.Fail(rule, param, "", "metadata as claims", err)
	}
	if signed.Issuer != "" {
		if err := s.Snapshot.CheckIssuer(signed.Issuer); err != nil {
			return s.Fail(rule, param+".issuer", message.Excerpt(signed.Issuer), s.Snapshot.Issuer, err)
		}
	}
	// "Signed metadata values MUST take precedence over the corresponding values
	// conveyed using plain JSON elements."
	plain := *p
	*p = *signed
	p.Extra = slices.DeleteFunc(slices.Clone(signed.Extra), func(m message.Member) bool { return isJWTClaim(m.Name) })
	fill(p, &plain)
	s.Pass(rule, param)
	return nil
}

// asymmetricAlgorithms are the signing algorithms that are verified with a public key.
func asymmetricAlgorithms() []string {
	return slices.DeleteFunc(slices.Clone(keyjar.SigningAlgorithms()), func(alg string) bool {
		return alg == "none" || len(alg) > 1 && alg[:2] == "HS"
	})
}

func isJWTClaim(name string) bool {
	switch name {
	case "iss", "sub", "aud", "exp", "nbf", "iat", "jti":
		return true
	}
	return false
}

func metadataRequired(s *Step, rules metadataRules, p *message.ProviderMetadata) error {
	for _, m := range rules.required(s, p) {
		if !m.present {
			return s.Fail(message.RuleMetadataRequired, m.name, "", "a value", nil)
		}
	}
	s.Pass(message.RuleMetadataRequired, "body")
	return nil
}

// endpointsOf returns the addresses that metadata may hold, by their member.
func endpointsOf(p *message.ProviderMetadata) map[string]string {
	all := map[string]string{
		"authorization_endpoint":                p.AuthorizationEndpoint,
		"token_endpoint":                        p.TokenEndpoint,
		"userinfo_endpoint":                     p.UserInfoEndpoint,
		"jwks_uri":                              p.JWKSURI,
		"registration_endpoint":                 p.RegistrationEndpoint,
		"revocation_endpoint":                   p.RevocationEndpoint,
		"introspection_endpoint":                p.IntrospectionEndpoint,
		"device_authorization_endpoint":         p.DeviceAuthorizationEndpoint,
		"pushed_authorization_request_endpoint": p.PushedAuthorizationRequestEndpoint,
		"backchannel_authentication_endpoint":   p.BackchannelAuthenticationEndpoint,
		"end_session_endpoint":                  p.EndSessionEndpoint,
		"check_session_iframe":                  p.CheckSessionIframe,
	}
	for name, alias := range p.MTLSEndpointAliases {
		all["mtls_endpoint_aliases."+name] = alias
	}
	return all
}

// metadataEndpoints judges every address at once, so that a bad one is found before
// the step that needs it.
func metadataEndpoints(s *Step, _ metadataRules, p *message.ProviderMetadata) error {
	endpoints := endpointsOf(p)
	for _, name := range slices.Sorted(maps.Keys(endpoints)) {
		if endpoints[name] == "" {
			continue
		}
		if err := s.Snapshot.CheckEndpoint(name, endpoints[name]); err != nil {
			return violated(s, err)
		}
	}
	s.Pass(message.RuleMetadataEndpointURL, "body")
	return nil
}

func metadataValues(s *Step, _ metadataRules, p *message.ProviderMetadata) error {
	const rule = message.RuleMetadataValues
	if len(p.ScopesSupported) > 0 && s.Snapshot.Profile.OpenID() && !contains(p.ScopesSupported, message.ScopeOpenID) {
		return s.Fail(rule, "scopes_supported", message.Excerpt(fmt.Sprint(p.ScopesSupported)), "openid among them", nil)
	}
	if len(p.IDTokenSigningAlgs) > 0 && s.Snapshot.Profile.OpenID() {
		permitted := keyjar.SigningAlgorithms()
		if !slices.ContainsFunc(p.IDTokenSigningAlgs, func(alg string) bool { return alg != "none" && contains(permitted, alg) }) {
			return s.Fail(rule, "id_token_signing_alg_values_supported", message.Excerpt(fmt.Sprint(p.IDTokenSigningAlgs)), "an algorithm other than none that is permitted here", nil)
		}
	}
	for _, list := range []struct {
		name string
		algs []string
	}{
		{"token_endpoint_auth_signing_alg_values_supported", p.TokenEndpointAuthSigningAlgs},
		{"revocation_endpoint_auth_signing_alg_values_supported", p.RevocationEndpointAuthSigningAlgs},
		{"introspection_endpoint_auth_signing_alg_values_supported", p.IntrospectionEndpointAuthSigningAlgs},
	} {
		// "The value none MUST NOT be used."
		if contains(list.algs, "none") {
			return s.Fail(rule, list.name, "none", "no unsigned assertions", nil)
		}
	}
	s.Pass(rule, "body")
	s.Pass(message.RuleMetadataDefaults, "body")
	s.Pass(message.RuleMetadataValueSets, "response_types_supported")
	return nil
}

// metadataPKCE reports a provider that does not say that it protects codes: "Clients
// […] MUST use PKCE" if it does (RFC 9700, Section 2.1.1).
func metadataPKCE(s *Step, _ metadataRules, p *message.ProviderMetadata) error {
	const rule, param = message.RuleMetadataPKCE, "code_challenge_methods_supported"
	switch {
	case contains(p.CodeChallengeMethodsSupported, message.CodeChallengeMethodS256):
		s.Pass(rule, param)
	case frontChannelOnly(s.Snapshot.Behaviour.ResponseTypes):
		s.Skip(rule, param, "no code is asked for")
	case s.Snapshot.Profile.PKCERequired():
		return s.Fail(rule, param, message.Excerpt(fmt.Sprint(p.CodeChallengeMethodsSupported)), "S256, which the profile "+string(s.Snapshot.Profile)+" relies on", nil)
	default:
		s.Warn(rule, param, "S256 is not announced; the challenge is sent all the same")
	}
	return nil
}

// metadataCapability tells whether our settings and the provider meet, before any
// other request goes out.
func metadataCapability(s *Step, _ metadataRules, p *message.ProviderMetadata) error {
	if _, err := s.Snapshot.With(p); err != nil {
		return violated(s, err)
	}
	s.Pass(message.RuleMetadataCapability, "behaviour")
	return nil
}

// updateMetadata keeps the metadata. Keys that were fetched from another place than
// it names now are forgotten.
func updateMetadata(s *Step, p *message.ProviderMetadata) error {
	return s.Context().Update(func(sn *servicecontext.Snapshot) error {
		sn.Provider = p
		if set, fetched := sn.KeySets[sn.Issuer]; fetched && set.URI != p.JWKSURI {
			delete(sn.KeySets, sn.Issuer)
			sn.Jar = sn.Jar.With(sn.Issuer, nil)
		}
		return nil
	})
}
