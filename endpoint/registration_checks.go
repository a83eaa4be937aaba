package endpoint

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A metadataCheck is one step of judging client metadata.
type metadataCheck struct {
	Name  string
	Rules []message.Rule
	check func(ctx context.Context, s *Step, m *message.ClientMetadata) error
}

// metadataChecks are made in this order; after the first the defaults are filled in.
var metadataChecks = []metadataCheck{
	{"software_statement", []message.Rule{message.RuleOPRegistrationSoftwareStatement}, checkSoftwareStatement},
	{"values", []message.Rule{message.RuleOPRegistrationRequest, message.RuleOPRegistrationURIs}, checkValues},
	{"grant_types", []message.Rule{message.RuleOPRegistrationGrantTypes}, checkGrantTypes},
	{"redirect_uris", []message.Rule{
		message.RuleOPRegistrationRedirectURIs, message.RuleOPRegistrationRedirectScheme,
		message.RuleOPRegistrationRedirectWeb, message.RuleOPRegistrationRedirectNative,
	}, checkRedirectURIs},
	{"algorithms", []message.Rule{message.RuleOPRegistrationAlgs}, checkAlgorithms},
	{"keys", []message.Rule{message.RuleOPRegistrationKeys}, checkKeys},
	{"certificate", []message.Rule{message.RuleOPClientMTLS}, checkCertificateSubject},
	{"subject_type", []message.Rule{message.RuleOPRegistrationSubjectType, message.RuleOPRegistrationSector}, checkSubjectType},
	{"addresses", []message.Rule{message.RuleOPRegistrationURIs}, checkAddresses},
	{"backchannel", []message.Rule{message.RuleOPRegistrationAlgs, message.RuleOPRegistrationURIs}, checkBackchannel},
	{"display addresses", []message.Rule{message.RuleOPRegistrationDisplayURIs}, checkDisplayAddresses},
}

// checkMetadata completes and judges client metadata. RFC 7591, Section 3.2.2: a fault is
// answered with 400 and one of four codes.
func (s *Step) checkMetadata(ctx context.Context, _ string, m *message.ClientMetadata) error {
	m.Extra = keepTagged(m.Extra)
	for i, c := range metadataChecks {
		if i == 1 {
			// The statement counts before the defaults do.
			s.Context.completeMetadata(m)
		}
		if err := c.check(ctx, s, m); err != nil {
			if r := refusalOf(err); r != nil && r.Violation.Err == nil {
				r.Violation.Err = message.RuleOPRegistrationError
			}
			return err
		}
	}
	return nil
}

// completeMetadata fills in the defaults, so that all metadata in force is told
// (Registration, Section 2).
func (c *Context) completeMetadata(m *message.ClientMetadata) {
	if m.ResponseTypes == nil && (m.GrantTypes == nil || slices.Contains(m.GrantTypes, message.GrantTypeAuthorizationCode)) {
		m.ResponseTypes = []string{message.ResponseTypeCode}
	}
	if m.GrantTypes == nil {
		for _, t := range m.ResponseTypes {
			words := message.ParseList(t)
			if words.Has("code") {
				m.GrantTypes = union(m.GrantTypes, []string{message.GrantTypeAuthorizationCode})
			}
			if words.Has("token") || words.Has("id_token") {
				m.GrantTypes = union(m.GrantTypes, []string{message.GrantTypeImplicit})
			}
		}
	}
	for _, d := range []struct {
		field        *string
		value, given string
	}{
		{&m.ApplicationType, message.ApplicationTypeWeb, "x"},
		{&m.SubjectType, message.SubjectTypePublic, "x"},
		{&m.IDTokenSignedResponseAlg, c.defaultAlg(), "x"},
		{&m.TokenEndpointAuthMethod, c.defaultMethod(), "x"},
		{&m.IDTokenEncryptedResponseEnc, defaultEnc, m.IDTokenEncryptedResponseAlg},
		{&m.UserInfoEncryptedResponseEnc, defaultEnc, m.UserInfoEncryptedResponseAlg},
		{&m.RequestObjectEncryptionEnc, defaultEnc, m.RequestObjectEncryptionAlg},
		{&m.AuthorizationEncryptedResponseEnc, defaultEnc, m.AuthorizationEncryptedResponseAlg},
		{&m.IntrospectionEncryptedResponseEnc, defaultEnc, m.IntrospectionEncryptedResponseAlg},
	} {
		if *d.field == "" && d.given != "" {
			*d.field = d.value
		}
	}
	if m.RequireAuthTime == nil {
		no := false
		m.RequireAuthTime = &no
	}
}

// defaultMethod is client_secret_basic (Registration, Section 2), where that is offered.
func (c *Context) defaultMethod() string {
	if methods := c.authMethods(); c.fapi() {
		return methods[0]
	}
	return message.AuthMethodClientSecretBasic
}

// defaultEnc is the content encryption where none is named (Registration, Section 2).
const defaultEnc = "A128CBC-HS256"

func refuseMetadata(rule message.Rule, param string) *Refusal {
	return Refuse(400, message.InvalidClientMetadata, rule, param)
}

// checkValues: Registration, Section 2: "The defined values are native or web"; a maximum
// age is one that max_age can have; a delivery mode is one of CIBA's; a scope has scopes in
// it; types of authorization details are known; what people read has no control characters.
func checkValues(_ context.Context, s *Step, m *message.ClientMetadata) error {
	if t := m.ApplicationType; t != message.ApplicationTypeWeb && t != message.ApplicationTypeNative {
		return refuseMetadata(message.RuleOPRegistrationRequest, "application_type").Because("another type", "web or native", nil)
	}
	if m.DefaultMaxAge != nil && *m.DefaultMaxAge < 0 {
		return refuseMetadata(message.RuleOPRegistrationRequest, "default_max_age").Because("a negative number", "seconds", nil)
	}
	for _, word := range m.Scope {
		if !message.IsScopeToken(word) {
			return refuseMetadata(message.RuleOPRegistrationRequest, "scope").Because("", "words of RFC 6749, Section 3.3", nil)
		}
	}
	if types := s.Context.detailTypes(); !subset(m.AuthorizationDetailsTypes, types) {
		return refuseMetadata(message.RuleOPAuthzRAR, "authorization_details_types").Because("", strings.Join(types, ", "), nil)
	}
	for _, name := range names(m) {
		if strings.ContainsFunc(name, unicode.IsControl) {
			return refuseMetadata(message.RuleOPRegistrationRequest, "client_name").Because("control characters", "a name to be shown", nil)
		}
	}
	// CIBA, Section 4: the modes, and where the two that notify the client find it.
	switch mode := m.BackchannelTokenDeliveryMode; mode {
	case "", message.DeliveryModePoll:
	case message.DeliveryModePing, message.DeliveryModePush:
		if m.BackchannelClientNotificationEndpoint == "" {
			return refuseMetadata(message.RuleOPRegistrationURIs, "backchannel_client_notification_endpoint").Because("", "one for the mode "+mode, nil)
		}
	default:
		return refuseMetadata(message.RuleOPRegistrationRequest, "backchannel_token_delivery_mode").Because("another mode", "poll, ping or push", nil)
	}
	return nil
}

// names are the names of a client, in every language.
func names(m *message.ClientMetadata) []string {
	all := []string{m.ClientName}
	for _, member := range m.Extra {
		if strings.HasPrefix(member.Name, "client_name#") {
			all = append(all, m.Extra.Text(member.Name))
		}
	}
	return all
}

// checkGrantTypes: Registration, Section 2, and RFC 7591, Section 2.1: grant_types and
// response_types fit each other, and both are offered.
func checkGrantTypes(_ context.Context, s *Step, m *message.ClientMetadata) error {
	const rule = message.RuleOPRegistrationGrantTypes
	offered := s.Context.grantTypes()
	for _, g := range m.GrantTypes {
		if !slices.Contains(offered, g) {
			return refuseMetadata(rule, "grant_types").Because("", strings.Join(offered, ", "), nil)
		}
	}
	code, implicit := false, false
	for i, t := range m.ResponseTypes {
		name := normalResponseType(message.ParseList(t))
		if !slices.Contains(s.Context.policy.ResponseTypes, name) {
			return refuseMetadata(rule, "response_types").Because("", strings.Join(s.Context.policy.ResponseTypes, ", "), nil)
		}
		m.ResponseTypes[i] = name
		words := message.ParseList(name)
		code = code || words.Has("code")
		implicit = implicit || words.Has("token") || words.Has("id_token")
	}
	if code != slices.Contains(m.GrantTypes, message.GrantTypeAuthorizationCode) ||
		implicit != slices.Contains(m.GrantTypes, message.GrantTypeImplicit) {
		return refuseMetadata(rule, "grant_types").Because("", "what the response types need", nil)
	}
	if m.TokenEndpointAuthMethod != message.AuthMethodNone {
		return nil
	}
	for _, needs := range []struct {
		grant string
		rule  message.Rule
	}{
		{message.GrantTypeClientCredentials, message.RuleOPClientCredentialsGrant},
		{message.GrantTypeCIBA, message.RuleOPCIBARequest},
	} {
		if slices.Contains(m.GrantTypes, needs.grant) {
			return refuseMetadata(rule, "grant_types").Because(needs.grant, "a client with a credential", needs.rule)
		}
	}
	return nil
}

// checkBackchannel: CIBA, Section 4: delivery mode and signing algorithm are offered, and
// who does not poll says where it is notified. Without a mode a client polls.
func checkBackchannel(_ context.Context, s *Step, m *message.ClientMetadata) error {
	if !slices.Contains(m.GrantTypes, message.GrantTypeCIBA) {
		return nil
	}
	mode, offered := m.BackchannelTokenDeliveryMode, s.Context.policy.DeliveryModes
	if mode != "" && !slices.Contains(offered, mode) {
		return refuseMetadata(message.RuleOPRegistrationAlgs, "backchannel_token_delivery_mode").Because("", strings.Join(offered, ", "), nil)
	}
	// CIBA, Section 10.3: what is pushed comes without a request in which a key is proven.
	if client := (&Client{Metadata: *m}); mode == message.DeliveryModePush && client.constrained() {
		return refuseMetadata(message.RuleOPSenderConstraintRequired, "backchannel_token_delivery_mode").Because(mode, "poll or ping, for tokens that are bound", nil)
	}
	if mode != "" && mode != message.DeliveryModePoll && m.BackchannelClientNotificationEndpoint == "" {
		return refuseMetadata(message.RuleOPRegistrationURIs, "backchannel_client_notification_endpoint").Because("none", "one, in the mode "+mode, nil)
	}
	alg, known := m.BackchannelAuthenticationRequestSigningAlg, s.Context.asymmetric()
	if alg != "" && !slices.Contains(known, alg) {
		return refuseMetadata(message.RuleOPRegistrationAlgs, "backchannel_authentication_request_signing_alg").Because("", strings.Join(known, ", "), nil)
	}
	return nil
}

// dangerousSchemes run or show what is in the address.
var dangerousSchemes = []string{"javascript", "data", "vbscript", "blob", "file", "about"}

func checkRedirectURIs(_ context.Context, _ *Step, m *message.ClientMetadata) error {
	front := slices.Contains(m.GrantTypes, message.GrantTypeImplicit)
	if len(m.RedirectURIs) == 0 && (front || slices.Contains(m.GrantTypes, message.GrantTypeAuthorizationCode)) {
		return refuseRedirect(message.RuleOPRegistrationRedirectURIs, "redirect_uris")
	}
	for _, uri := range m.RedirectURIs {
		if err := checkRegisteredURI("redirect_uris", uri, m.ApplicationType, front); err != nil {
			return err
		}
	}
	for _, uri := range m.PostLogoutRedirectURIs {
		if err := checkRegisteredURI("post_logout_redirect_uris", uri, m.ApplicationType, false); err != nil {
			return err
		}
	}
	return nil
}

func refuseRedirect(rule message.Rule, param string) *Refusal {
	code := message.InvalidRedirectURI
	if param != "redirect_uris" {
		code = message.InvalidClientMetadata
	}
	return Refuse(400, code, rule, param)
}

// checkRegisteredURI judges an address that the browser will be sent to.
func checkRegisteredURI(param, uri, application string, front bool) error {
	u, err := url.Parse(uri)
	// RFC 6749, Section 3.1.2: "The redirection endpoint URI MUST be an absolute URI ...
	// MUST NOT include a fragment component."
	if err != nil || !u.IsAbs() || strings.Contains(uri, "#") || u.User != nil || !printableASCII(uri) || u.Host != "" && !plainHost(u.Host) {
		return refuseRedirect(message.RuleOPRegistrationRedirectURIs, param)
	}
	scheme := strings.ToLower(u.Scheme)
	if slices.Contains(dangerousSchemes, scheme) {
		return refuseRedirect(message.RuleOPRegistrationRedirectScheme, param)
	}
	if application == message.ApplicationTypeNative {
		switch {
		case scheme == "https" && u.Host != "":
		// Registration, Section 2: loopback addresses, also by the name localhost.
		case scheme == "http" && (isLoopback(uri) != nil || u.Hostname() == "localhost"):
		// RFC 8252, Section 7.1: "apps MUST use a URI scheme based on a domain name under
		// their control, expressed in reverse order".
		case scheme != "http" && strings.Contains(scheme, "."):
		default:
			return refuseRedirect(message.RuleOPRegistrationRedirectNative, param)
		}
		return nil
	}
	local := u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost")
	if scheme != "https" || u.Host == "" || front && local {
		return refuseRedirect(message.RuleOPRegistrationRedirectWeb, param)
	}
	return nil
}

func printableASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}

// checkKeys: Registration, Section 2: "jwks_uri and jwks MUST NOT be used together"; no
// private and no symmetric key is a client's to publish.
func checkKeys(_ context.Context, s *Step, m *message.ClientMetadata) error {
	const rule = message.RuleOPRegistrationKeys
	if m.JWKS != nil && m.JWKSURI != "" {
		return refuseMetadata(rule, "jwks")
	}
	if m.JWKSURI != "" && !isHTTPS(m.JWKSURI) {
		return refuseMetadata(rule, "jwks_uri")
	}
	usable := m.JWKSURI != ""
	if m.JWKS != nil {
		body, err := message.EncodeJSON(m.JWKS)
		if err != nil {
			return err
		}
		set, skipped, err := keyjar.ParseSet(body)
		if err != nil {
			return refuseMetadata(rule, "jwks").Because("", "a JWK Set", err)
		}
		for _, alg := range encryptedTo(m) {
			if _, err := set.EncryptionKey(alg); err != nil {
				return refuseMetadata(rule, "jwks").Because("", "a key for "+alg, err)
			}
		}
		usable = set.Len() > 0
		for _, k := range skipped {
			if isPrivateKeyFault(k.Err) {
				return refuseMetadata(rule, "jwks").Because("", "public keys only", k.Err)
			}
		}
	}
	if needsKeys(m) && !usable {
		return refuseMetadata(rule, "jwks").Because("", "jwks or jwks_uri, which the methods chosen need", nil)
	}
	return nil
}

// needsKeys reports whether something that was chosen needs a public key of the client.
func needsKeys(m *message.ClientMetadata) bool {
	switch m.TokenEndpointAuthMethod {
	case message.AuthMethodPrivateKeyJWT, message.AuthMethodSelfSignedTLSClientAuth:
		return true
	}
	// An algorithm alone is no promise to send request objects.
	if alg := m.RequestObjectSigningAlg; is(m.RequireSignedRequestObject) && alg != "" && !isHMAC(alg) {
		return true
	}
	// CIBA, Section 7.1.1: who registers an algorithm for its requests signs them.
	if m.BackchannelAuthenticationRequestSigningAlg != "" && slices.Contains(m.GrantTypes, message.GrantTypeCIBA) {
		return true
	}
	return len(encryptedTo(m)) > 0
}

// encryptedTo are the algorithms that answers are encrypted with to a public key of the client.
func encryptedTo(m *message.ClientMetadata) []string {
	return slices.DeleteFunc([]string{
		m.IDTokenEncryptedResponseAlg, m.UserInfoEncryptedResponseAlg,
		m.AuthorizationEncryptedResponseAlg, m.IntrospectionEncryptedResponseAlg,
	}, func(alg string) bool { return alg == "" || isSymmetric(alg) })
}

func isHTTPS(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Scheme == "https" && u.User == nil && plainHost(u.Host)
}

// plainHost reports whether a host is a name or an address, with a port at most. Anything
// else has no business in a policy header or a page.
func plainHost(host string) bool {
	if host == "" || !portInRange(host) {
		return false
	}
	return !strings.ContainsFunc(host, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._:[]", c)
	})
}

// portInRange reports whether the port of a host, if it has one, is a port.
func portInRange(host string) bool {
	port := (&url.URL{Host: host}).Port()
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}

// CheckMetadata completes the metadata of a client that an operator registers and judges
// it as a registration would be judged. The error is a *Refusal that names the member and
// the rule. A document that would have to be fetched, such as the sector identifier's, is
// taken on trust.
func (c *Context) CheckMetadata(ctx context.Context, m *message.ClientMetadata) error {
	s := c.step()
	c.completeMetadata(m)
	for _, check := range metadataChecks[1:] {
		if err := check.check(ctx, s, m); err != nil && !isNeed(err) {
			return err
		}
	}
	return nil
}
