package lint

import (
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// A Severity is how much a finding weighs.
type Severity string

// The severities, the gravest first. A rule that is a MUST makes errors, a SHOULD
// makes warnings, and what no text demands makes notes.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Severities returns all severities, the gravest first.
func Severities() []Severity { return []Severity{Error, Warning, Note} }

// AtLeast reports whether s weighs as much as threshold or more.
func (s Severity) AtLeast(threshold Severity) bool {
	all := Severities()
	return slices.Index(all, s) <= slices.Index(all, threshold)
}

func severityOf(l message.Level) Severity {
	switch l {
	case message.Must:
		return Error
	case message.Should:
		return Warning
	}
	return Note
}

// A Rule is what a finding is about: a rule that the toolkit enforces, or advice of
// its own, whose identifier begins with lint_.
type Rule struct {
	ID        message.Rule
	Level     message.Level
	Reference message.Reference
	Text      string
}

// Severity is the severity of the rule's findings.
func (r Rule) Severity() Severity { return severityOf(r.Level) }

// RuleOf returns the rule of that identifier.
func RuleOf(id message.Rule) Rule {
	for _, r := range advice {
		if r.ID == id {
			return r
		}
	}
	r := Rule{ID: id, Level: id.Level(), Text: id.Text()}
	if refs := id.References(); len(refs) > 0 {
		r.Reference = refs[0]
	}
	return r
}

// Rules returns every rule that a finding can be about.
func Rules() []Rule {
	rules := make([]Rule, 0, len(enforced)+len(advice))
	for _, id := range enforced {
		rules = append(rules, RuleOf(id))
	}
	return append(rules, advice...)
}

// enforced are the rules of the toolkit that a document can break by itself.
var enforced = []message.Rule{
	message.RuleMetadataStatus, message.RuleMetadataIssuer, message.RuleMetadataIssuerSyntax, message.RuleMetadataRequired,
	message.RuleMetadataMemberType, message.RuleMetadataValues, message.RuleMetadataEndpointURL, message.RuleMetadataPKCE,
	message.RuleMetadataSigned, message.RuleMetadataIssuerTemplate,
	message.RuleOPMetadataRequired, message.RuleOPMetadataRFC8414,
	message.RuleJWKSShape, message.RuleJWKSSkipUnknown, message.RuleJWKSNoPrivate,
	message.RuleKeyKid, message.RuleKeyTypeForAlg, message.RuleKeyStrength,
	message.RuleRegistrationRedirectURIs, message.RuleRegistrationGrantTypes, message.RuleRegistrationKeys,
	message.RuleRegistrationEncryptionPair, message.RuleRegistrationNoneAlg, message.RuleRegistrationHTTPSURIs,
	message.RuleRegistrationSecret, message.RuleRegistrationManagementPair,
	message.RuleOPRegistrationRequest, message.RuleOPRegistrationRedirectURIs, message.RuleOPRegistrationRedirectWeb,
	message.RuleOPRegistrationRedirectScheme, message.RuleOPRegistrationAlgs, message.RuleOPRegistrationSector,
	message.RuleOPRegistrationSubjectType, message.RuleOPRegistrationURIs, message.RuleOPRegistrationDisplayURIs,
	message.RuleOPRegistrationSecret,
	message.RuleTransportAddress, message.RuleTransportLimits,
}

// The advice of this package.
const (
	ruleJSON               = "lint_json"
	ruleNull               = "lint_null"
	ruleEmpty              = "lint_empty"
	ruleListDuplicate      = "lint_list_duplicate"
	ruleValueUnknown       = "lint_value_unknown"
	ruleRecommended        = "lint_recommended"
	ruleDocumentURL        = "lint_document_url"
	ruleHTTP               = "lint_http"
	ruleAlgNone            = "lint_alg_none"
	ruleRequestObjectNone  = "lint_request_object_none"
	ruleAlgRSA15           = "lint_alg_rsa1_5"
	rulePKCEPlain          = "lint_pkce_plain"
	ruleImplicit           = "lint_implicit"
	rulePassword           = "lint_password_grant"
	ruleGrantResponse      = "lint_grant_response_types"
	ruleAuthSigningAlg     = "lint_auth_signing_alg"
	ruleMemberPair         = "lint_member_pair"
	ruleIssParameter       = "lint_iss_parameter"
	ruleRequestURI         = "lint_request_uri_registration"
	ruleKeysEmpty          = "lint_jwks_empty"
	ruleKidMissing         = "lint_jwk_kid"
	ruleKidDuplicate       = "lint_jwk_kid_duplicate"
	ruleUseMissing         = "lint_jwk_use"
	ruleUseRequired        = "lint_jwk_use_required"
	ruleUseOps             = "lint_jwk_use_key_ops"
	ruleAlgMissing         = "lint_jwk_alg"
	ruleCertificate        = "lint_jwk_x5c"
	ruleKeyForAlg          = "lint_key_for_alg"
	ruleRedirectLocalhost  = "lint_redirect_localhost"
	ruleRedirectWildcard   = "lint_redirect_wildcard"
	rulePublicClientSecret = "lint_public_client_secret"
	ruleTLSClientAuth      = "lint_tls_client_auth"
)

// Titles of specifications that are cited more than once.
const (
	discovery    = "OpenID Connect Discovery 1.0"
	registration = "OpenID Connect Dynamic Client Registration 1.0"
)

var advice = []Rule{
	{ruleJSON, message.Must, message.Reference{Document: "RFC 8259", Section: "2"}, "The document is one JSON text in UTF-8 with nothing after it."},
	{ruleNull, message.Should, message.Reference{Document: discovery, Section: "4.2"}, "A member without a value is left out; null is no value of any member, and some readers refuse it."},
	{ruleEmpty, message.Should, message.Reference{Document: discovery, Section: "4.2"}, "A member without a value is left out; an empty string is no value of any member."},
	{ruleListDuplicate, message.Hardening, message.Reference{Document: discovery, Section: "3"}, "A list names each value once."},
	{ruleValueUnknown, message.Hardening, message.Reference{Document: "RFC 8414", Section: "7"}, "Values come from the registry; one that nobody registered is a typing error or works with one party only."},
	{ruleRecommended, message.Should, message.Reference{Document: discovery, Section: "3"}, "The members that the specification recommends are there: clients configure themselves from them."},
	{ruleDocumentURL, message.Should, message.Reference{Document: discovery, Section: "3"}, "The addresses of documents for people are http or https URLs."},
	{ruleHTTP, message.Hardening, message.Reference{Document: "OpenID Connect Core 1.0", Section: "16.17"}, "Addresses are https; http was admitted by an option, which is safe on a loopback interface only."},
	{ruleAlgNone, message.Should, message.Reference{Document: "RFC 8725", Section: "3.2"}, "Unsigned tokens are not offered: none protects nothing, and a client that takes it can be given any claims."},
	{ruleRequestObjectNone, message.Hardening, message.Reference{Document: "RFC 9101", Section: "10.5"}, "Unsigned request objects prove nothing about who made the request; Discovery allows them, FAPI does not."},
	{ruleAlgRSA15, message.Should, message.Reference{Document: "RFC 8725", Section: "3.2"}, "RSA1_5 is not offered: \"avoid all RSA-PKCS1 v1.5 encryption algorithms\", use RSA-OAEP."},
	{rulePKCEPlain, message.Should, message.Reference{Document: "RFC 9700", Section: "2.1.1"}, "Only challenge methods that do not expose the verifier are offered: S256, not plain."},
	{ruleImplicit, message.Should, message.Reference{Document: "RFC 9700", Section: "2.1.2"}, "Access tokens do not travel through the browser: response types with token are not used."},
	{rulePassword, message.Should, message.Reference{Document: "RFC 9700", Section: "2.4"}, "The resource owner password credentials grant is not used."},
	{ruleGrantResponse, message.Should, message.Reference{Document: discovery, Section: "3"}, "Grant types and response types fit each other: code needs authorization_code, tokens through the browser need implicit. The default of grant_types_supported is authorization_code and implicit."},
	{ruleAuthSigningAlg, message.Must, message.Reference{Document: "RFC 8414", Section: "2"}, "Where private_key_jwt or client_secret_jwt is offered, the signing algorithms of that endpoint are listed."},
	{ruleMemberPair, message.Must, message.Reference{Document: "RFC 8414", Section: "2"}, "A member that says how a feature works comes with the member without which it cannot be used."},
	{ruleIssParameter, message.Hardening, message.Reference{Document: "RFC 9207", Section: "3"}, "Authorization responses name their issuer, and the metadata says so; it is what stops mix-up attacks."},
	{ruleRequestURI, message.Hardening, message.Reference{Document: discovery, Section: "3"}, "request_uri values are registered beforehand, or passing them is switched off. The default of request_uri_parameter_supported is true; without registration the provider fetches any address that a browser brings."},
	{ruleKeysEmpty, message.Should, message.Reference{Document: "OpenID Connect Core 1.0", Section: "10.1"}, "The set holds a key."},
	{ruleKidMissing, message.Should, message.Reference{Document: "OpenID Connect Core 1.0", Section: "10.1"}, "Keys have a kid: where there are several, a token says by it which one is meant, and rotation works by it."},
	{ruleKidDuplicate, message.Should, message.Reference{Document: "RFC 7517", Section: "4.5"}, "\"Different keys within the JWK Set SHOULD use distinct kid values.\""},
	{ruleUseMissing, message.Should, message.Reference{Document: "RFC 7517", Section: "4.2"}, "A public key says by use what it is for, or by key_ops."},
	{ruleUseRequired, message.Must, message.Reference{Document: discovery, Section: "3"}, "When both signing and encryption keys are in the set, every key has use."},
	{ruleUseOps, message.Should, message.Reference{Document: "RFC 7517", Section: "4.3"}, "use and key_ops are not used together."},
	{ruleAlgMissing, message.Hardening, message.Reference{Document: "RFC 7517", Section: "4.4"}, "A key names the one algorithm that it is for."},
	{ruleCertificate, message.Must, message.Reference{Document: "RFC 7517", Section: "4.7"}, "The first certificate of x5c, in base64, holds this very key."},
	{ruleKeyForAlg, message.Should, message.Reference{Document: "OpenID Connect Core 1.0", Section: "10.1"}, "For every public-key algorithm that the metadata lists for ID Tokens the set holds a key that fits."},
	{ruleRedirectLocalhost, message.Should, message.Reference{Document: "RFC 8252", Section: "8.3"}, "A loopback redirect URI names the address: 127.0.0.1 or [::1], not localhost, which may resolve elsewhere."},
	{ruleRedirectWildcard, message.Should, message.Reference{Document: "RFC 9700", Section: "2.1"}, "Redirect URIs are compared as strings; a pattern matches nothing, or too much."},
	{rulePublicClientSecret, message.Should, message.Reference{Document: "RFC 7591", Section: "2"}, "A client whose token_endpoint_auth_method is none has no secret."},
	{ruleTLSClientAuth, message.Must, message.Reference{Document: "RFC 8705", Section: "2.1.2"}, "tls_client_auth comes with exactly one of the five members that name the subject of the certificate."},
}

// HelpURL is where the text of a reference stands, or "".
func HelpURL(r message.Reference) string {
	if number, ok := strings.CutPrefix(r.Document, "RFC "); ok {
		address := "https://www.rfc-editor.org/rfc/rfc" + number + ".html"
		if r.Section != "" {
			address += "#section-" + r.Section
		}
		return address
	}
	return map[string]string{
		"OpenID Connect Core 1.0": "https://openid.net/specs/openid-connect-core-1_0.html",
		discovery:                 "https://openid.net/specs/openid-connect-discovery-1_0.html",
		registration:              "https://openid.net/specs/openid-connect-registration-1_0.html",
	}[r.Document]
}
