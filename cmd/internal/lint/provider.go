package lint

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// provider judges provider metadata (OpenID Connect Discovery 1.0, Section 3; RFC
// 8414, Section 2).
func (l *linter) provider() {
	if !l.object(message.RuleMetadataStatus, message.RuleMetadataMemberType, providerFields()) {
		return
	}
	if l.doc.Dialect == "" {
		l.doc.Dialect = l.dialect()
	}
	l.issuer()
	l.requiredMembers()
	l.endpoints()
	l.signingAlgorithms()
	l.otherAlgorithms()
	l.challenges()
	l.grants()
	l.authMethods()
	l.features()
	l.registered()
	l.strict(new(message.ProviderMetadata))
}

// dialect tells OpenID Connect from plain OAuth by the members that only one has.
func (l *linter) dialect() Dialect {
	if slices.Contains(l.list("scopes_supported"), message.ScopeOpenID) {
		return OpenID
	}
	for _, m := range l.root.members {
		for _, own := range []string{"subject_types_", "id_token_", "userinfo_", "claims_", "claim_types_", "acr_values_", "display_values_"} {
			if strings.HasPrefix(m.name, own) {
				return OpenID
			}
		}
	}
	return OAuth
}

func (l *linter) issuer() {
	const name = "issuer"
	issuer := l.text(name)
	if issuer == "" {
		return // a required member
	}
	if strings.Contains(issuer, "{") {
		l.add(message.RuleMetadataIssuerTemplate, name, issuer, "the issuer that is in the tokens")
	}
	if l.doc.Issuer != "" && issuer != l.doc.Issuer {
		l.add(message.RuleMetadataIssuer, name, issuer, l.doc.Issuer)
	}
	l.violated(l.snapshot.CheckIssuerSyntax(issuer), name)
	// The check stops at the scheme; what is wrong beside it shows without.
	l.violated((&servicecontext.Snapshot{InsecureAllowHTTP: true}).CheckIssuerSyntax(issuer), name)
	l.plainHTTP(name, issuer)
}

// violated reports what a check of the toolkit says.
func (l *linter) violated(err error, path string) {
	var v *message.Violation
	if errors.As(err, &v) {
		l.add(v.Rule, path, redacted(v.Got), v.Want)
	}
}

func (l *linter) plainHTTP(path, address string) {
	if l.doc.AllowHTTP && strings.HasPrefix(strings.ToLower(address), "http:") {
		l.add(ruleHTTP, path, redacted(address), "https")
	}
}

// redacted is a URL without a password.
func redacted(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	host, path := rest, ""
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		host, path = rest[:at], rest[at:]
	}
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = "***" + host[at:]
	}
	return scheme + "://" + host + path
}

func (l *linter) requiredMembers() {
	required := []string{"issuer", "response_types_supported"}
	recommended := []string{"scopes_supported"}
	types, grants := l.list("response_types_supported"), l.list("grant_types_supported")
	// "This is REQUIRED unless only the Implicit Flow is used."
	if len(types) == 0 || slices.ContainsFunc(types, func(t string) bool { return message.ParseList(t).Has("code") }) {
		required = append(required, "token_endpoint")
	}
	if l.doc.Dialect == OpenID {
		required = append(required, "authorization_endpoint", "jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported")
		recommended = append(recommended, "userinfo_endpoint", "registration_endpoint", "claims_supported")
	} else if len(grants) == 0 || slices.Contains(grants, message.GrantTypeAuthorizationCode) || slices.Contains(grants, message.GrantTypeImplicit) {
		// "REQUIRED unless no grant types are supported that use the authorization endpoint."
		required = append(required, "authorization_endpoint")
	}
	for _, name := range required {
		if !l.has(name) {
			l.add(message.RuleMetadataRequired, name, "", "a value")
		}
	}
	for _, name := range recommended {
		if !l.has(name) {
			l.add(ruleRecommended, name, "", "a value")
		}
	}
	for _, m := range l.root.members {
		// "Claims with zero elements MUST be omitted from the response" (Section 4.2).
		if m.value.kind == kindArray && len(m.value.items) == 0 && providerFields()[m.name] == anArray {
			l.add(message.RuleOPMetadataRequired, m.name, "an empty array", "a value, or no member")
		}
	}
}

var providerEndpoints = []string{
	"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint", "revocation_endpoint",
	"introspection_endpoint", "device_authorization_endpoint", "pushed_authorization_request_endpoint",
	"backchannel_authentication_endpoint", "end_session_endpoint", "check_session_iframe",
}

func (l *linter) endpoints() {
	addresses := map[string]string{}
	for _, name := range providerEndpoints {
		addresses[name] = l.text(name)
	}
	if aliases := l.root.get("mtls_endpoint_aliases"); aliases != nil {
		for _, m := range aliases.members {
			addresses["mtls_endpoint_aliases."+m.name] = m.value.text
		}
	}
	for _, path := range slices.Sorted(maps.Keys(addresses)) {
		l.endpoint(path, addresses[path], message.RuleMetadataEndpointURL)
	}
	for _, name := range []string{"service_documentation", "op_policy_uri", "op_tos_uri"} {
		l.forPeople(name, ruleDocumentURL)
	}
}

// endpoint judges an address that software calls.
func (l *linter) endpoint(path, address string, rule message.Rule) {
	if address == "" {
		return
	}
	var v *message.Violation
	if errors.As(l.snapshot.CheckEndpoint(path, address), &v) {
		l.add(rule, path, redacted(address), v.Want)
		if errors.As((&servicecontext.Snapshot{InsecureAllowHTTP: true}).CheckEndpoint(path, address), &v) {
			l.add(rule, path, redacted(address), v.Want)
		}
		return
	}
	l.plainHTTP(path, address)
}

// forPeople judges the address of a page.
func (l *linter) forPeople(name string, rule message.Rule) {
	if address := l.text(name); address != "" && !webAddress(address) {
		l.add(rule, name, redacted(address), "an http or https URL")
	}
}

func (l *linter) signingAlgorithms() {
	const name = "id_token_signing_alg_values_supported"
	if scopes := l.list("scopes_supported"); l.doc.Dialect == OpenID && len(scopes) > 0 && !slices.Contains(scopes, message.ScopeOpenID) {
		l.add(message.RuleMetadataValues, "scopes_supported", strings.Join(scopes, " "), "openid among them")
	}
	if algs := l.list(name); l.doc.Dialect == OpenID && len(algs) > 0 {
		if !slices.Contains(algs, "RS256") {
			l.add(message.RuleOPMetadataRequired, name, strings.Join(algs, " "), "RS256 among them")
		}
		if !slices.ContainsFunc(algs, func(alg string) bool { return slices.Contains(keyjar.SigningAlgorithms(), alg) }) {
			l.add(message.RuleMetadataValues, name, strings.Join(algs, " "), "an algorithm other than none that is permitted here")
		}
	}
	for _, endpoint := range authEndpoints {
		list := endpoint + "_auth_signing_alg_values_supported"
		// "The value none MUST NOT be used."
		if at := slices.Index(l.list(list), "none"); at >= 0 {
			l.add(message.RuleMetadataValues, list, "none", "no unsigned assertions")
		}
	}
	if signed := l.text("signed_metadata"); signed != "" {
		token, err := keyjar.Parse(signed)
		if err != nil || token.Header.Algorithm == "none" || keyjar.IsSymmetric(token.Header.Algorithm) {
			l.add(message.RuleMetadataSigned, "signed_metadata", "something else", "a JWT, signed with a private key of the issuer")
		}
	}
}

// otherAlgorithms looks for algorithms that nobody should offer, or nobody knows.
func (l *linter) otherAlgorithms() {
	signing := append(keyjar.SigningAlgorithms(), "none", "ES256K", "Ed448")
	encryption := append(keyjar.EncryptionAlgorithms(), algRSA15, "RSA-OAEP-384", "RSA-OAEP-512", "A128GCMKW", "A192GCMKW", "A256GCMKW",
		"PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW")
	for _, m := range l.root.members {
		values := l.list(m.name)
		switch {
		case strings.HasSuffix(m.name, "signing_alg_values_supported"):
			l.known(m.name, values, signing...)
			if !slices.Contains(values, "none") {
				continue
			}
			switch m.name {
			case "request_object_signing_alg_values_supported":
				l.add(ruleRequestObjectNone, m.name, "none", "signing algorithms only")
			case "token_endpoint_auth_signing_alg_values_supported", "revocation_endpoint_auth_signing_alg_values_supported",
				"introspection_endpoint_auth_signing_alg_values_supported": // an error already
			default:
				l.add(ruleAlgNone, m.name, "none", "signing algorithms only")
			}
		case strings.HasSuffix(m.name, "encryption_alg_values_supported"):
			l.known(m.name, values, encryption...)
			if slices.Contains(values, algRSA15) {
				l.add(ruleAlgRSA15, m.name, algRSA15, "RSA-OAEP or ECDH-ES")
			}
		case strings.HasSuffix(m.name, "encryption_enc_values_supported"):
			l.known(m.name, values, keyjar.ContentEncryptions()...)
		}
	}
}

const algRSA15 = "RSA1_5"

func (l *linter) challenges() {
	const name = "code_challenge_methods_supported"
	methods := l.list(name)
	if !slices.Contains(methods, message.CodeChallengeMethodS256) && l.has("authorization_endpoint") {
		l.add(message.RuleMetadataPKCE, name, strings.Join(methods, " "), "S256 among them")
	}
	if slices.Contains(methods, message.CodeChallengeMethodPlain) {
		l.add(rulePKCEPlain, name, message.CodeChallengeMethodPlain, "S256 only")
	}
	l.known(name, methods, message.CodeChallengeMethodS256, message.CodeChallengeMethodPlain)
}
