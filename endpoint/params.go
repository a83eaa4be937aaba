package endpoint

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oidcservice/oidc/message"
)

// maxParams bounds the number of parameters of one request.
const maxParams = 200

// multiple are the parameters that may occur several times (RFC 8707, Section 2, RFC
// 8693, Section 2.1).
var multiple = []string{"resource", "audience", "rel"}

// structured are the parameters whose value may hold line breaks.
var structured = []string{"claims", "authorization_details", "registration"}

// visible are the parameters that consist of VSCHAR or of NQCHAR (RFC 6749, Appendix A).
var visible = []string{
	"client_id", "response_type", "scope", "state", "grant_type", "code", "access_token",
	"token_type", "refresh_token", "error", "redirect_uri", "code_verifier", "code_challenge",
	"code_challenge_method", "response_mode", "prompt", "display", "request_uri", "device_code",
}

// parseParams reads a query or a form body. RFC 6749, Section 3.1: "Parameters sent
// without a value MUST be treated as if they were omitted from the request. ... Request
// and response parameters MUST NOT be included more than once." A doubled parameter is
// removed, so that its value is used for nothing, and named in the refusal; so is a
// malformed one. The values that are left may still say where the refusal goes.
func parseParams(raw string) (url.Values, *Refusal) {
	var first *Refusal
	fail := func(rule message.Rule, param, got, want string) {
		if first == nil {
			first = refuseParameter(rule, param).Because(got, want, nil)
		}
	}
	count := strings.Count(raw, "&") + 1
	if count > maxParams {
		fail(message.RuleOPParamSyntax, "", "", "at most 200 parameters")
		return url.Values{}, first
	}
	values := make(url.Values, count)
	room := make([]string, 0, count) // of the values, most of which come alone
	var bad []string
	for len(raw) > 0 {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil || strings.Contains(pair, ";") || !utf8.ValidString(name) {
			fail(message.RuleOPParamSyntax, "", "", "percent-encoded UTF-8")
			continue
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			fail(message.RuleOPParamSyntax, known(name), "", "percent-encoded UTF-8")
			bad = append(bad, name)
			continue
		}
		if value == "" {
			continue
		}
		if !wellFormed(name, value) {
			fail(message.RuleOPParamSyntax, known(name), "", "the characters of RFC 6749, Appendix A")
			bad = append(bad, name)
			continue
		}
		if len(values[name]) > 0 && !slices.Contains(multiple, name) {
			fail(message.RuleOPParamDuplicate, known(name), "two values", "one")
			bad = append(bad, name)
			continue
		}
		if len(values[name]) > 0 {
			values[name] = append(values[name], value)
			continue
		}
		room = append(room, value)
		values[name] = room[len(room)-1 : len(room) : len(room)]
	}
	for _, name := range bad {
		values.Del(name)
	}
	return values, first
}

// parameterRules name the rule of a parameter that has one of its own.
var parameterRules = map[string]message.Rule{
	"max_age":               message.RuleOPAuthzMaxAge,
	"claims":                message.RuleOPAuthzClaims,
	"authorization_details": message.RuleOPAuthzRAR,
}

// refuseParameter refuses a parameter that cannot be read, at whichever endpoint.
func refuseParameter(rule message.Rule, param string) *Refusal {
	code := message.InvalidRequest
	if own, there := parameterRules[param]; there && rule == message.RuleOPParamSyntax {
		rule = own
	}
	if rule == message.RuleOPAuthzRAR {
		code = message.InvalidAuthorizationDetails
	}
	return Refuse(400, code, rule, param)
}

// known keeps a name from outside out of error texts unless it looks like a parameter.
func known(name string) string {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && c != '_' {
			return ""
		}
	}
	if len(name) > 40 {
		return ""
	}
	return name
}

func wellFormed(name, value string) bool {
	if !utf8.ValidString(value) {
		return false
	}
	free := slices.Contains(structured, name)
	ascii := slices.Contains(visible, name)
	for _, c := range value {
		switch {
		case c < 0x20 && !(free && (c == '\t' || c == '\n' || c == '\r')):
			return false
		case c == 0x7f, ascii && c > 0x7e:
			return false
		}
	}
	return true
}
