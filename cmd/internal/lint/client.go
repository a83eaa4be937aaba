package lint

import (
	"slices"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// client judges what a client registers, or what was registered (Dynamic Client
// Registration 1.0, Sections 2 and 3.2; RFC 7591, Sections 2 and 3.2.1).
func (l *linter) client() {
	if !l.object(message.RuleOPRegistrationRequest, message.RuleOPRegistrationRequest, clientFields()) {
		return
	}
	l.redirects()
	l.clientGrants()
	l.clientKeys()
	l.clientAlgorithms()
	l.clientAuth()
	l.clientAddresses()
	l.subjects()
	l.credentials()
	l.strict(new(message.RegistrationResponse))
}

// responseTypes returns the response types, or the default.
func (l *linter) responseTypes() []string {
	if n := l.root.get("response_types"); n != nil && n.kind == kindArray {
		return l.list("response_types")
	}
	// A client without redirects has none (RFC 7591, Section 2).
	if grants := l.list("grant_types"); len(grants) > 0 && !redirecting(grants) {
		return nil
	}
	return []string{message.ResponseTypeCode}
}

// redirecting tells whether a grant type sends the user back with a redirect.
func redirecting(grants []string) bool {
	return slices.Contains(grants, message.GrantTypeAuthorizationCode) || slices.Contains(grants, message.GrantTypeImplicit)
}

// frontChannel tells which tokens come through the browser.
func (l *linter) frontChannel() (access, idToken bool) {
	for _, t := range l.responseTypes() {
		words := message.ParseList(t)
		access, idToken = access || words.Has("token"), idToken || words.Has("id_token")
	}
	return access, idToken
}

func (l *linter) clientGrants() {
	const name = "grant_types"
	grants := l.list(name)
	if !l.has(name) {
		grants = []string{message.GrantTypeAuthorizationCode} // the default
	}
	types := l.responseTypes()
	code := slices.ContainsFunc(types, func(t string) bool { return message.ParseList(t).Has("code") })
	access, idToken := l.frontChannel()
	for _, pair := range []struct {
		grant  string
		needed bool
	}{{message.GrantTypeAuthorizationCode, code}, {message.GrantTypeImplicit, access || idToken}} {
		switch has := slices.Contains(grants, pair.grant); {
		case pair.needed && !has:
			l.add(message.RuleRegistrationGrantTypes, name, strings.Join(grants, " "), pair.grant+", for the response types "+strings.Join(types, ", "))
		case has && !pair.needed:
			l.add(message.RuleRegistrationGrantTypes, name, pair.grant, "a response type that uses it")
		}
	}
	for _, t := range types {
		words := message.ParseList(t)
		if words.Has("token") {
			l.add(ruleImplicit, "response_types", t, "a response type without token")
		}
		for _, word := range words {
			l.known("response_types", []string{word}, "code", "token", "id_token", "none")
		}
	}
	if slices.Contains(grants, "password") {
		l.add(rulePassword, name, "password", message.GrantTypeAuthorizationCode)
	}
	if slices.Contains(grants, message.GrantTypeCIBA) && !l.has("backchannel_token_delivery_mode") {
		l.add(ruleMemberPair, "backchannel_token_delivery_mode", "", "poll, ping or push, since the CIBA grant is listed")
	}
	mode := l.text("backchannel_token_delivery_mode")
	if (mode == "ping" || mode == "push") && !l.has("backchannel_client_notification_endpoint") {
		l.add(ruleMemberPair, "backchannel_client_notification_endpoint", "", "the address that is told")
	}
	if mode != "" {
		l.known("backchannel_token_delivery_mode", []string{mode}, "poll", "ping", "push")
	}
}

func (l *linter) clientKeys() {
	const rule = message.RuleRegistrationKeys
	set := l.root.get("jwks")
	if l.has("jwks") && l.has("jwks_uri") {
		l.add(rule, "jwks", "jwks and jwks_uri", "one of the two")
	}
	l.endpoint("jwks_uri", l.text("jwks_uri"), rule)
	if set != nil && set.kind == kindObject {
		l.keySet("jwks", set, rule, rule)
	}
	if need := l.keyNeed(); need != "" && !l.has("jwks") && !l.has("jwks_uri") {
		l.add(rule, "jwks", "", "jwks or jwks_uri, for "+need)
	}
}

// keyNeed names the member that needs a public key of the client, or "".
func (l *linter) keyNeed() string {
	switch l.text("token_endpoint_auth_method") {
	case message.AuthMethodPrivateKeyJWT, message.AuthMethodSelfSignedTLSClientAuth:
		return "token_endpoint_auth_method"
	}
	if alg := l.text("request_object_signing_alg"); slices.Contains(keyjar.SigningAlgorithms(), alg) && !keyjar.IsSymmetric(alg) {
		return "request_object_signing_alg"
	}
	for _, name := range []string{"id_token", "userinfo", "authorization", "introspection"} {
		name += "_encrypted_response_alg"
		if alg := l.text(name); strings.HasPrefix(alg, "RSA") || strings.HasPrefix(alg, "ECDH") {
			return name
		}
	}
	return ""
}

func (l *linter) clientAlgorithms() {
	for _, m := range l.root.members {
		name, value := m.name, l.text(m.name)
		if value == "" || clientFields()[name] != aString {
			continue
		}
		switch {
		case strings.HasSuffix(name, "_encrypted_response_enc"), name == "request_object_encryption_enc":
			l.supported(name, value, keyjar.ContentEncryptions())
			if alg := strings.TrimSuffix(name, "enc") + "alg"; !l.has(alg) {
				l.add(message.RuleRegistrationEncryptionPair, name, value, alg+" beside it")
			}
		case strings.HasSuffix(name, "_encrypted_response_alg"), name == "request_object_encryption_alg":
			if value == algRSA15 {
				l.add(ruleAlgRSA15, name, value, "RSA-OAEP or ECDH-ES")
			} else {
				l.supported(name, value, keyjar.EncryptionAlgorithms())
			}
		case strings.HasSuffix(name, "_signed_response_alg"), strings.HasSuffix(name, "_signing_alg"):
			l.signingAlgorithm(name, value)
		}
	}
}

func (l *linter) signingAlgorithm(name, value string) {
	_, idToken := l.frontChannel()
	switch {
	case value != "none":
		l.supported(name, value, keyjar.SigningAlgorithms())
	case name == "id_token_signed_response_alg" && idToken:
		l.add(message.RuleRegistrationNoneAlg, name, value, "a signature, since an ID Token comes through the browser")
	case name == "request_object_signing_alg":
		l.add(ruleRequestObjectNone, name, value, "a signing algorithm")
	case name == "token_endpoint_auth_signing_alg", name == "authorization_signed_response_alg", name == "backchannel_authentication_request_signing_alg":
		l.add(message.RuleOPRegistrationAlgs, name, value, "a signing algorithm: none is forbidden here")
	default:
		l.add(ruleAlgNone, name, value, "a signing algorithm")
	}
}

func (l *linter) supported(name, value string, known []string) {
	if !slices.Contains(known, value) {
		l.add(message.RuleOPRegistrationAlgs, name, value, "one of "+strings.Join(known, ", "))
	}
}

func (l *linter) clientAuth() {
	const name, algName = "token_endpoint_auth_method", "token_endpoint_auth_signing_alg"
	method, alg := l.text(name), l.text(algName)
	if method != "" {
		l.known(name, []string{method}, authMethods...)
	}
	if slices.Contains(keyjar.SigningAlgorithms(), alg) {
		switch symmetric := keyjar.IsSymmetric(alg); {
		case method == message.AuthMethodPrivateKeyJWT && symmetric:
			l.add(message.RuleOPRegistrationAlgs, algName, alg, "a public-key algorithm, for private_key_jwt")
		case method == message.AuthMethodClientSecretJWT && !symmetric:
			l.add(message.RuleOPRegistrationAlgs, algName, alg, "HS256, HS384 or HS512, for client_secret_jwt")
		}
	}
	if method == message.AuthMethodTLSClientAuth {
		subjects := 0
		for _, subject := range []string{"subject_dn", "san_dns", "san_uri", "san_ip", "san_email"} {
			if l.has("tls_client_auth_" + subject) {
				subjects++
			}
		}
		if subjects != 1 {
			l.add(ruleTLSClientAuth, name, map[bool]string{true: "none of them", false: "several of them"}[subjects == 0], "one tls_client_auth_ member that names the subject")
		}
	}
}

// credentials judges what the provider gave. No value is shown.
func (l *linter) credentials() {
	const name, expires = "client_secret", "client_secret_expires_at"
	method := l.text("token_endpoint_auth_method")
	secret := l.text(name)
	needed := 0 // octets
	switch {
	case secret == "" && l.has("client_id") && (method == message.AuthMethodClientSecretBasic || method == message.AuthMethodClientSecretPost || method == message.AuthMethodClientSecretJWT):
		l.add(message.RuleRegistrationSecret, name, "", "a secret, for "+method)
	case secret != "" && method == message.AuthMethodNone:
		l.add(rulePublicClientSecret, name, "a secret", "no secret, since the client is public")
	case secret != "":
		needed = 16
	}
	if secret != "" && l.root.get(expires) == nil {
		l.add(message.RuleRegistrationSecret, expires, "", "when the secret expires, 0 for never")
	}
	for _, m := range l.root.members {
		if size := map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}[l.text(m.name)]; strings.HasSuffix(m.name, "_alg") && secret != "" {
			needed = max(needed, size)
		}
	}
	if len(secret) < needed {
		l.add(message.RuleOPRegistrationSecret, name, "a shorter secret", "enough octets for the algorithms: "+plural(needed, "octet"))
	}
	if uri := l.has("registration_client_uri"); uri != l.has("registration_access_token") {
		missing := map[bool]string{true: "registration_access_token", false: "registration_client_uri"}[uri]
		l.add(message.RuleRegistrationManagementPair, missing, "", "both members, or none")
	}
}
