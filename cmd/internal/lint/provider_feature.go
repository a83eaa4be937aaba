package lint

import (
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

var authEndpoints = []string{"token_endpoint", "revocation_endpoint", "introspection_endpoint"}

var authMethods = []string{
	message.AuthMethodNone, message.AuthMethodClientSecretBasic, message.AuthMethodClientSecretPost, message.AuthMethodClientSecretJWT,
	message.AuthMethodPrivateKeyJWT, message.AuthMethodTLSClientAuth, message.AuthMethodSelfSignedTLSClientAuth,
}

// grants compares grant types and response types, and looks for those that nobody
// should offer.
func (l *linter) grants() {
	types, grants := l.list("response_types_supported"), l.list("grant_types_supported")
	code, front := false, false
	for _, t := range types {
		words := message.ParseList(t)
		code = code || words.Has("code")
		front = front || words.Has("token") || words.Has("id_token")
		if words.Has("token") {
			l.add(ruleImplicit, "response_types_supported", t, "response types without token")
		}
		for _, word := range words {
			l.known("response_types_supported", []string{word}, "code", "token", "id_token", "none")
		}
	}
	if slices.Contains(grants, "password") {
		l.add(rulePassword, "grant_types_supported", "password", "authorization_code")
	}
	if len(grants) == 0 || len(types) == 0 {
		return // the default is both
	}
	for _, pair := range []struct {
		grant  string
		needed bool
	}{{message.GrantTypeAuthorizationCode, code}, {message.GrantTypeImplicit, front}} {
		switch has := slices.Contains(grants, pair.grant); {
		case pair.needed && !has:
			l.add(ruleGrantResponse, "grant_types_supported", strings.Join(grants, " "), pair.grant+", for these response types")
		case has && !pair.needed:
			l.add(ruleGrantResponse, "grant_types_supported", pair.grant, "a response type that uses it")
		}
	}
}

func (l *linter) authMethods() {
	for _, endpoint := range authEndpoints {
		name := endpoint + "_auth_methods_supported"
		methods := l.list(name)
		l.known(name, methods, authMethods...)
		algs := endpoint + "_auth_signing_alg_values_supported"
		for _, method := range methods {
			if (method == message.AuthMethodPrivateKeyJWT || method == message.AuthMethodClientSecretJWT) && !l.has(algs) {
				l.add(ruleAuthSigningAlg, algs, "", "the algorithms of "+method)
			}
		}
	}
}

// features looks for switches that are on without what they need.
func (l *linter) features() {
	for _, pair := range []struct{ name, needs string }{
		{"backchannel_authentication_endpoint", "backchannel_token_delivery_modes_supported"},
		{"backchannel_token_delivery_modes_supported", "backchannel_authentication_endpoint"},
		{"revocation_endpoint_auth_methods_supported", "revocation_endpoint"},
		{"introspection_endpoint_auth_methods_supported", "introspection_endpoint"},
		{"id_token_encryption_enc_values_supported", "id_token_encryption_alg_values_supported"},
		{"userinfo_encryption_enc_values_supported", "userinfo_encryption_alg_values_supported"},
		{"request_object_encryption_enc_values_supported", "request_object_encryption_alg_values_supported"},
		{"authorization_encryption_enc_values_supported", "authorization_encryption_alg_values_supported"},
	} {
		if l.has(pair.name) && !l.has(pair.needs) {
			l.add(ruleMemberPair, pair.needs, "", "a value, since there is "+pair.name)
		}
	}
	for _, pair := range []struct{ name, needs string }{
		{"require_pushed_authorization_requests", "pushed_authorization_request_endpoint"},
		{"backchannel_logout_session_supported", "backchannel_logout_supported"},
		{"frontchannel_logout_session_supported", "frontchannel_logout_supported"},
		{"require_signed_request_object", "request_object_signing_alg_values_supported"},
	} {
		if l.isTrue(pair.name) && !l.has(pair.needs) {
			l.add(ruleMemberPair, pair.needs, "", "a value, since "+pair.name+" is true")
		}
	}
	grants := l.list("grant_types_supported")
	if slices.Contains(grants, message.GrantTypeDeviceCode) && !l.has("device_authorization_endpoint") {
		l.add(ruleMemberPair, "device_authorization_endpoint", "", "a value, since the device grant is listed")
	}
	if l.has("authorization_endpoint") && !l.isTrue("authorization_response_iss_parameter_supported") {
		l.add(ruleIssParameter, "authorization_response_iss_parameter_supported", "", "true")
	}
	if l.doc.Dialect == OpenID && !l.isTrue("require_request_uri_registration") {
		if n := l.root.get("request_uri_parameter_supported"); n == nil || n.text != "false" {
			l.add(ruleRequestURI, "request_uri_parameter_supported", "", "false, or require_request_uri_registration")
		}
	}
}

// registered reports values that no specification knows.
func (l *linter) registered() {
	l.known("subject_types_supported", l.list("subject_types_supported"), message.SubjectTypePublic, message.SubjectTypePairwise)
	l.known("response_modes_supported", l.list("response_modes_supported"), "query", "fragment", "form_post",
		"jwt", "query.jwt", "fragment.jwt", "form_post.jwt", "web_message")
	l.known("display_values_supported", l.list("display_values_supported"), "page", "popup", "touch", "wap")
	l.known("claim_types_supported", l.list("claim_types_supported"), "normal", "aggregated", "distributed")
	l.known("prompt_values_supported", l.list("prompt_values_supported"), "none", "login", "consent", "select_account", "create")
	l.known("backchannel_token_delivery_modes_supported", l.list("backchannel_token_delivery_modes_supported"), "poll", "ping", "push")
	for _, grant := range l.list("grant_types_supported") {
		if !strings.Contains(grant, ":") { // other grants have an absolute URI for a name (RFC 6749, Section 4.5)
			l.known("grant_types_supported", []string{grant}, "authorization_code", "implicit", "refresh_token", "client_credentials", "password")
		}
	}
}

// Difference reports where the document at the RFC 8414 address says something else
// than that of OpenID Connect Discovery.
func Difference(openid, oauth *Document) []Finding {
	a, errA := parse(openid.Data)
	b, errB := parse(oauth.Data)
	if errA != nil || errB != nil {
		return nil
	}
	l := &linter{doc: oauth, root: b}
	l.locate("", b)
	for _, m := range b.members {
		if other := a.get(m.name); other != nil && string(other.encode(nil)) != string(m.value.encode(nil)) {
			l.add(message.RuleOPMetadataRFC8414, m.name, "another value than at "+openid.Location, "the same document at both addresses")
		}
	}
	return l.findings
}
