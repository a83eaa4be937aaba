package service

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// clientMetadataSteps are the rules of what we say about ourselves, in the order of
// Dynamic Client Registration 1.0, Section 2.
var clientMetadataSteps = []func(*Step, *message.ClientMetadata) error{
	clientRedirectURIs, clientGrantTypes, clientKeys, clientEncryption, clientNone, clientHTTPS,
}

// verifyClientMetadata applies them before a registration request goes out.
func verifyClientMetadata(s *Step, m *message.ClientMetadata) error {
	for _, step := range clientMetadataSteps {
		if err := step(s, m); err != nil {
			return err
		}
	}
	return nil
}

// returnsTokens reports whether a response type brings a token through the browser.
func returnsTokens(responseTypes []string) bool {
	return slices.ContainsFunc(responseTypes, func(t string) bool {
		words := message.ParseList(t)
		return words.Has("token") || words.Has("id_token")
	})
}

func clientRedirectURIs(s *Step, m *message.ClientMetadata) error {
	const rule, param = message.RuleRegistrationRedirectURIs, "redirect_uris"
	if len(m.RedirectURIs) == 0 {
		return s.Fail(rule, param, "", "at least one", nil)
	}
	tokens := returnsTokens(responseTypesOf(m))
	for _, uri := range m.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme == "" || strings.Contains(uri, "#") {
			return s.Fail(rule, param, message.Excerpt(uri), "an absolute URI without fragment", nil)
		}
		want := ""
		if m.ApplicationType == message.ApplicationTypeNative {
			want = nativeFault(u)
		} else {
			want = webFault(u, tokens)
		}
		if want != "" {
			return s.Fail(rule, param, message.Excerpt(uri), want, nil)
		}
	}
	s.Pass(rule, param)
	return nil
}

// webFault: "Web Clients using the OAuth Implicit Grant Type MUST only register URLs
// using the https scheme as redirect_uris; they MUST NOT use localhost as the
// hostname."
func webFault(u *url.URL, tokens bool) string {
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return "an http or https URL for a web client"
	case tokens && u.Scheme != "https":
		return "https for a web client that gets tokens through the browser"
	case tokens && isLoopback(u.Hostname()):
		return "no localhost for a web client that gets tokens through the browser"
	}
	return ""
}

// nativeFault: "Native Clients MUST only register redirect_uris using custom URI
// schemes or loopback URLs using the http scheme", and RFC 8252, Section 7, adds
// claimed https URIs and demands "a URI scheme based on a domain name under their
// control, expressed in reverse order".
func nativeFault(u *url.URL) string {
	switch u.Scheme {
	case "https":
		if u.Hostname() == "" {
			return "an https URL with a host"
		}
	case "http":
		if !isLoopback(u.Hostname()) {
			return "http on a loopback address only, for a native client"
		}
	default:
		if !strings.Contains(u.Scheme, ".") {
			return "a private-use scheme that is a domain name in reverse order"
		}
	}
	return ""
}

// isLoopback reports whether host is a loopback address or localhost.
func isLoopback(host string) bool {
	if host = strings.TrimSuffix(strings.ToLower(host), "."); host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// clientGrantTypes: "code: authorization_code; id_token: implicit; …" (Section 2).
func clientGrantTypes(s *Step, m *message.ClientMetadata) error {
	const rule, param = message.RuleRegistrationGrantTypes, "grant_types"
	code, front := false, false
	for _, t := range responseTypesOf(m) {
		words := message.ParseList(t)
		code = code || words.Has("code")
		front = front || words.Has("token") || words.Has("id_token")
	}
	for _, pair := range []struct {
		grant  string
		needed bool
	}{{"authorization_code", code}, {"implicit", front}} {
		if has := contains(m.GrantTypes, pair.grant); has != pair.needed {
			want := pair.grant + " for these response types"
			if has {
				want = "a response type that uses " + pair.grant
			}
			return s.Fail(rule, param, message.Excerpt(strings.Join(m.GrantTypes, " ")), want, nil)
		}
	}
	s.Pass(rule, param)
	return nil
}

// clientKeys: "The jwks_uri and jwks parameters MUST NOT be used together", and what
// is registered is public.
func clientKeys(s *Step, m *message.ClientMetadata) error {
	const rule = message.RuleRegistrationKeys
	if m.JWKS != nil && m.JWKSURI != "" {
		return s.Fail(rule, "jwks", "jwks and jwks_uri", "one of the two", nil)
	}
	if m.JWKSURI != "" {
		if err := s.Snapshot.CheckEndpoint("jwks_uri", m.JWKSURI); err != nil {
			return s.Fail(rule, "jwks_uri", message.Excerpt(m.JWKSURI), "an https URL", err)
		}
	}
	if m.JWKS != nil {
		encoded, err := message.EncodeJSON(*m.JWKS)
		if err != nil {
			return err
		}
		_, skipped, err := keyjar.ParseSet(encoded)
		if err != nil {
			return s.Fail(rule, "jwks", "", "a JWK Set", err)
		}
		for _, entry := range skipped {
			if errors.Is(entry.Err, message.RuleJWKSNoPrivate) {
				return s.Fail(rule, "jwks", "a private or symmetric key", "public keys only", entry.Err)
			}
		}
	}
	if need := keyNeed(m); need != "" && m.JWKS == nil && m.JWKSURI == "" {
		return s.Fail(rule, "jwks", "", "jwks or jwks_uri, for "+need, nil)
	}
	s.Pass(rule, "jwks")
	return nil
}

// keyNeed names the member that needs a public key of ours, or "".
func keyNeed(m *message.ClientMetadata) string {
	switch m.TokenEndpointAuthMethod {
	case message.AuthMethodPrivateKeyJWT, message.AuthMethodSelfSignedTLSClientAuth:
		return "token_endpoint_auth_method"
	}
	if contains(asymmetricAlgorithms(), m.RequestObjectSigningAlg) {
		return "request_object_signing_alg"
	}
	for _, e := range []struct{ member, alg string }{
		{"id_token_encrypted_response_alg", m.IDTokenEncryptedResponseAlg},
		{"userinfo_encrypted_response_alg", m.UserInfoEncryptedResponseAlg},
		{"authorization_encrypted_response_alg", m.AuthorizationEncryptedResponseAlg},
		{"introspection_encrypted_response_alg", m.IntrospectionEncryptedResponseAlg},
	} {
		if strings.HasPrefix(e.alg, "RSA") || strings.HasPrefix(e.alg, "ECDH") {
			return e.member
		}
	}
	return ""
}

// clientEncryption: "When id_token_encrypted_response_enc is included,
// id_token_encrypted_response_alg MUST also be provided", and so on.
func clientEncryption(s *Step, m *message.ClientMetadata) error {
	const rule = message.RuleRegistrationEncryptionPair
	for _, pair := range []struct{ name, alg, enc string }{
		{"id_token_encrypted_response_enc", m.IDTokenEncryptedResponseAlg, m.IDTokenEncryptedResponseEnc},
		{"userinfo_encrypted_response_enc", m.UserInfoEncryptedResponseAlg, m.UserInfoEncryptedResponseEnc},
		{"request_object_encryption_enc", m.RequestObjectEncryptionAlg, m.RequestObjectEncryptionEnc},
		{"authorization_encrypted_response_enc", m.AuthorizationEncryptedResponseAlg, m.AuthorizationEncryptedResponseEnc},
		{"introspection_encrypted_response_enc", m.IntrospectionEncryptedResponseAlg, m.IntrospectionEncryptedResponseEnc},
	} {
		if pair.enc != "" && pair.alg == "" {
			return s.Fail(rule, pair.name, message.Excerpt(pair.enc), "its alg beside it", nil)
		}
	}
	s.Pass(rule, "body")
	return nil
}

// clientNone: "The value none MUST NOT be used as the ID Token alg value unless the
// Client uses only Response Types that return no ID Token from the Authorization
// Endpoint."
func clientNone(s *Step, m *message.ClientMetadata) error {
	const rule, param = message.RuleRegistrationNoneAlg, "id_token_signed_response_alg"
	front := slices.ContainsFunc(responseTypesOf(m), func(t string) bool { return message.ParseList(t).Has("id_token") })
	return s.Require(m.IDTokenSignedResponseAlg != "none" || !front, rule, param, "none", "a signature, since an ID Token comes through the browser")
}

// clientHTTPS judges the addresses at which others call us.
func clientHTTPS(s *Step, m *message.ClientMetadata) error {
	const rule = message.RuleRegistrationHTTPSURIs
	uris := []struct{ name, uri string }{
		{"initiate_login_uri", m.InitiateLoginURI},
		{"frontchannel_logout_uri", m.FrontchannelLogoutURI},
		{"backchannel_logout_uri", m.BackchannelLogoutURI},
	}
	for _, uri := range m.RequestURIs {
		// "the request_uri value MAY include the base64url encoded SHA-256 hash of the
		// file contents […] as the fragment" (Core 1.0, Section 6.2).
		address, _, _ := strings.Cut(uri, "#")
		uris = append(uris, struct{ name, uri string }{"request_uris", address})
	}
	for _, u := range uris {
		if u.uri == "" {
			continue
		}
		if err := s.Snapshot.CheckEndpoint(u.name, u.uri); err != nil {
			return s.Fail(rule, u.name, message.Excerpt(u.uri), "an https URL without fragment", err)
		}
	}
	if uri := m.FrontchannelLogoutURI; uri != "" {
		// "The domain, port, and scheme of this URL MUST be the same as that of a
		// registered Redirection URI value" (Front-Channel Logout 1.0, Section 2).
		if !slices.ContainsFunc(m.RedirectURIs, func(redirect string) bool { return sameOrigin(redirect, uri) }) {
			return s.Fail(rule, "frontchannel_logout_uri", message.Excerpt(uri), "scheme, host and port of a redirect URI", nil)
		}
	}
	s.Pass(rule, "body")
	return nil
}

func sameOrigin(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Scheme == y.Scheme && strings.EqualFold(x.Hostname(), y.Hostname()) && portOf(x) == portOf(y)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	case u.Scheme == "http":
		return "80"
	}
	return ""
}
