package service

import (
	"strings"

	"github.com/oidcservice/oidc/message"
)

// tenantClaims maps the placeholders of issuer templates to the claim that holds their
// value, where the two have different names. Microsoft Entra publishes
// https://login.microsoftonline.com/{tenantid}/v2.0 and says tid in its tokens.
var tenantClaims = map[string]string{"tenantid": "tid"}

// expectedIssuer is the issuer that a token must name: the one that was discovered, or,
// under Compat.InsecureIssuerTemplate, the template with the tenant that the token
// itself claims, whole. A tenant that is missing or could leave its place in the URL
// leaves the discovered issuer.
func expectedIssuer(s *Step, claims message.Extra) string {
	_, rest, found := strings.Cut(s.Snapshot.Compat.InsecureIssuerTemplate, "{")
	if !found {
		return s.Snapshot.Issuer
	}
	placeholder, _, found := strings.Cut(rest, "}")
	if !found {
		return s.Snapshot.Issuer
	}
	claim := placeholder
	if named, ok := tenantClaims[placeholder]; ok {
		claim = named
	}
	tenant := claims.Text(claim)
	if tenant == "" || !urlSafe(tenant) || strings.Trim(tenant, ".") == "" {
		return s.Snapshot.Issuer
	}
	return s.Snapshot.IssuerOf(tenant)
}

// templated reports whether issuer has the form of the template that is admitted by
// name: a notification that is bound to a session by its issuer needs no tenant claim.
func templated(s *Step, issuer string) bool {
	before, rest, found := strings.Cut(s.Snapshot.Compat.InsecureIssuerTemplate, "{")
	if !found {
		return false
	}
	_, after, found := strings.Cut(rest, "}")
	if !found || len(issuer) <= len(before)+len(after) {
		return false
	}
	return strings.HasPrefix(issuer, before) && strings.HasSuffix(issuer, after) && urlSafe(issuer[len(before):len(issuer)-len(after)])
}

// requireIssuer compares the issuer of a token under the rule of its message. With a
// template the rule about templates is wrapped.
func requireIssuer(s *Step, rule message.Rule, param, got string, claims message.Extra) error {
	want := expectedIssuer(s, claims)
	if got == want {
		s.Pass(rule, param)
		if s.Snapshot.Compat.InsecureIssuerTemplate != "" {
			s.Pass(message.RuleMetadataIssuerTemplate, param)
		}
		return nil
	}
	var cause error
	if s.Snapshot.Compat.InsecureIssuerTemplate != "" {
		cause = &message.Violation{Rule: message.RuleMetadataIssuerTemplate, Param: param}
	}
	return s.Fail(rule, param, message.Excerpt(got), want, cause)
}
