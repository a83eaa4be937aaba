package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/message"
)

// checkAlgorithms: each algorithm and method is one that is offered (Registration, Section
// 2). What is offered is what the metadata says.
func checkAlgorithms(_ context.Context, s *Step, m *message.ClientMetadata) error {
	const rule = message.RuleOPRegistrationAlgs
	c := s.Context
	if !slices.Contains(c.authMethods(), m.TokenEndpointAuthMethod) {
		r := refuseMetadata(rule, "token_endpoint_auth_method")
		if c.fapi() {
			r.Violation.Err = joined{message.RuleOPFAPI2Clients, message.RuleOPRegistrationError}
		}
		return r
	}
	signing := c.idTokenAlgs()
	encryption, content := c.encryption()
	toUs, _ := c.objectEncryption()
	for _, f := range []struct {
		param, value string
		offered      []string
	}{
		{"id_token_signed_response_alg", m.IDTokenSignedResponseAlg, c.idTokenChoices()},
		{"userinfo_signed_response_alg", m.UserInfoSignedResponseAlg, signing},
		{"authorization_signed_response_alg", m.AuthorizationSignedResponseAlg, signing},
		{"introspection_signed_response_alg", m.IntrospectionSignedResponseAlg, signing},
		{"request_object_signing_alg", m.RequestObjectSigningAlg, c.requestObjectAlgs()},
		{"backchannel_authentication_request_signing_alg", m.BackchannelAuthenticationRequestSigningAlg, c.asymmetric()},
		{"token_endpoint_auth_signing_alg", m.TokenEndpointAuthSigningAlg, c.methodAlgs(m.TokenEndpointAuthMethod)},
		{"id_token_encrypted_response_alg", m.IDTokenEncryptedResponseAlg, encryption},
		{"userinfo_encrypted_response_alg", m.UserInfoEncryptedResponseAlg, encryption},
		{"authorization_encrypted_response_alg", m.AuthorizationEncryptedResponseAlg, encryption},
		{"introspection_encrypted_response_alg", m.IntrospectionEncryptedResponseAlg, encryption},
		{"request_object_encryption_alg", m.RequestObjectEncryptionAlg, toUs},
		{"id_token_encrypted_response_enc", m.IDTokenEncryptedResponseEnc, given(content, m.IDTokenEncryptedResponseAlg)},
		{"userinfo_encrypted_response_enc", m.UserInfoEncryptedResponseEnc, given(content, m.UserInfoEncryptedResponseAlg)},
		{"authorization_encrypted_response_enc", m.AuthorizationEncryptedResponseEnc, given(content, m.AuthorizationEncryptedResponseAlg)},
		{"introspection_encrypted_response_enc", m.IntrospectionEncryptedResponseEnc, given(content, m.IntrospectionEncryptedResponseAlg)},
		{"request_object_encryption_enc", m.RequestObjectEncryptionEnc, given(content, m.RequestObjectEncryptionAlg)},
	} {
		if f.value != "" && !slices.Contains(f.offered, f.value) {
			if c.fapi() {
				return refuseMetadata(rule, f.param).Because("", strings.Join(f.offered, ", "), joined{message.RuleOPFAPI2Algs, message.RuleOPRegistrationError})
			}
			return refuseMetadata(rule, f.param).Because("", strings.Join(f.offered, ", "), nil)
		}
	}
	// "The value none MUST NOT be used as the ID Token alg value unless the Client uses only
	// Response Types that return no ID Token from the Authorization Endpoint".
	if m.IDTokenSignedResponseAlg == "none" {
		for _, t := range m.ResponseTypes {
			if message.ParseList(t).Has("id_token") {
				return refuseMetadata(rule, "id_token_signed_response_alg")
			}
		}
	}
	return nil
}

// given are the content encryptions that may be named: none without an algorithm.
func given(content []string, alg string) []string {
	if alg == "" {
		return nil
	}
	return content
}

// methodAlgs are the algorithms of an assertion method; other methods have none, and a
// value that is there all the same is without effect.
func (c *Context) methodAlgs(method string) []string {
	all := c.assertionAlgs()
	return slices.DeleteFunc(slices.Clone(all), func(alg string) bool {
		switch method {
		case message.AuthMethodClientSecretJWT:
			return !isHMAC(alg)
		case message.AuthMethodPrivateKeyJWT:
			return isHMAC(alg)
		}
		return false
	})
}

// checkCertificateSubject: RFC 8705, Section 2.1.2: tls_client_auth knows a client by exactly
// one subject.
func checkCertificateSubject(_ context.Context, _ *Step, m *message.ClientMetadata) error {
	if m.TokenEndpointAuthMethod != message.AuthMethodTLSClientAuth {
		return nil
	}
	var v *message.Violation
	if errors.As(certificateSubject(m).Check(), &v) {
		return refuseMetadata(v.Rule, v.Param).Because("", v.Want, v.Err)
	}
	return nil
}

// certificateSubject is what a client registered of its certificate.
func certificateSubject(m *message.ClientMetadata) clientauth.CertificateSubject {
	return clientauth.CertificateSubject{
		DN: m.TLSClientAuthSubjectDN, DNS: m.TLSClientAuthSANDNS, URI: m.TLSClientAuthSANURI,
		IP: m.TLSClientAuthSANIP, Email: m.TLSClientAuthSANEmail,
	}
}

// isPrivateKeyFault reports whether an entry of a key set was passed over because it holds
// what should be secret.
func isPrivateKeyFault(err error) bool { return errors.Is(err, message.RuleJWKSNoPrivate) }

// checkSubjectType: Core, Section 8: the type is one that is offered; Section 8.1 and
// Registration, Section 5: several hosts need a sector identifier, whose document names
// every redirect URI.
func checkSubjectType(ctx context.Context, s *Step, m *message.ClientMetadata) error {
	if !slices.Contains(s.Context.subjectTypes(), m.SubjectType) {
		return refuseMetadata(message.RuleOPRegistrationSubjectType, "subject_type")
	}
	const rule, param = message.RuleOPRegistrationSector, "sector_identifier_uri"
	if m.SectorIdentifierURI == "" {
		hosts := map[string]bool{}
		for _, uri := range m.RedirectURIs {
			hosts[hostOf(uri)] = true
		}
		if m.SubjectType == message.SubjectTypePairwise && len(hosts) > 1 {
			return refuseMetadata(rule, param)
		}
		return nil
	}
	if !isHTTPS(m.SectorIdentifierURI) {
		return refuseMetadata(rule, param)
	}
	doc, err := s.fetched(ctx, &NeedFetch{
		Kind: FetchSector, URL: m.SectorIdentifierURI, Accept: []string{"application/json"},
		MaxBody: 64 << 10, Timeout: 5 * time.Second, Err: refuseMetadata(rule, param),
	})
	if err != nil {
		return err
	}
	var listed []string
	if doc.Failed != "" || json.Unmarshal(doc.Body, &listed) != nil || !subset(m.RedirectURIs, listed) {
		return refuseMetadata(rule, param).Because(doc.Failed, "an array with every redirect URI", nil)
	}
	return nil
}

// checkAddresses: Registration, Section 2; Front-Channel Logout, Section 2; Back-Channel
// Logout, Section 2.2; CIBA, Section 4.
func checkAddresses(_ context.Context, _ *Step, m *message.ClientMetadata) error {
	const rule = message.RuleOPRegistrationURIs
	for _, f := range []struct{ param, value string }{
		{"initiate_login_uri", m.InitiateLoginURI},
		{"frontchannel_logout_uri", m.FrontchannelLogoutURI},
		{"backchannel_logout_uri", m.BackchannelLogoutURI},
		{"backchannel_client_notification_endpoint", m.BackchannelClientNotificationEndpoint},
	} {
		if f.value != "" && !isHTTPS(f.value) {
			return refuseMetadata(rule, f.param)
		}
	}
	for _, uri := range m.RequestURIs {
		if !isHTTPS(uri) || len(uri) > 512 {
			return refuseMetadata(rule, "request_uris")
		}
	}
	if strings.Contains(m.BackchannelLogoutURI, "#") {
		return refuseMetadata(rule, "backchannel_logout_uri")
	}
	if uri := m.FrontchannelLogoutURI; uri != "" {
		want := origin(uri)
		if !slices.ContainsFunc(m.RedirectURIs, func(r string) bool { return origin(r) == want }) {
			return refuseMetadata(rule, "frontchannel_logout_uri")
		}
	}
	return nil
}

// origin is scheme, host and port.
func origin(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// isWebPage reports whether something is the address of what a browser may show.
func isWebPage(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && printableASCII(uri)
}

// checkDisplayAddresses: RFC 7591, Section 2: what a page links to is a web page.
func checkDisplayAddresses(_ context.Context, _ *Step, m *message.ClientMetadata) error {
	check := func(param, value string) error {
		if value != "" && !isWebPage(value) {
			return refuseMetadata(message.RuleOPRegistrationDisplayURIs, param)
		}
		return nil
	}
	for _, f := range []struct{ param, value string }{
		{"client_uri", m.ClientURI}, {"logo_uri", m.LogoURI}, {"policy_uri", m.PolicyURI}, {"tos_uri", m.TosURI},
	} {
		if err := check(f.param, f.value); err != nil {
			return err
		}
	}
	for _, member := range m.Extra {
		if base, _, _ := strings.Cut(member.Name, "#"); base != "client_name" {
			if err := check(base, m.Extra.Text(member.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}
