package service

import (
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// normalizeResource turns what a user typed into the resource of a WebFinger query
// (Discovery 1.0, Section 2.1.2). The rules, in their order:
//
//   - =, @ and ! begin an XRI, which is not supported.
//   - "If the user input Identifier does not have the scheme portion", it is
//     acct: when it is exactly userinfo and host, and https:// otherwise.
//   - "If the resulting URI contains a fragment portion, it MUST be stripped off".
//   - host:8080 is a host with a port and no scheme.
func normalizeResource(s *Step, identifier string) (string, error) {
	if identifier == "" {
		return "", s.Fail(message.RuleWebFingerResourceRequired, "resource", "", "the user's identifier", nil)
	}
	s.Pass(message.RuleWebFingerResourceRequired, "resource")
	for _, r := range identifier {
		if r <= ' ' || r == 0x7f || r == '\\' {
			return "", s.Fail(message.RuleWebFingerNormalization, "resource", message.Excerpt(identifier), "an identifier without spaces, controls and backslashes", nil)
		}
	}
	switch identifier[0] {
	case '=', '@', '!':
		return "", s.Fail(message.RuleWebFingerIdentifierUnsupported, "resource", message.Excerpt(identifier), "an e-mail like address, a host or a URL", nil)
	}
	resource, _, _ := strings.Cut(identifier, "#")
	if !hasScheme(resource) {
		if isUserAtHost(resource) {
			resource = "acct:" + resource
		} else {
			resource = "https://" + resource
		}
	}
	s.Pass(message.RuleWebFingerNormalization, "resource")
	return resource, nil
}

// hasScheme tells a scheme from a host with a port: "example.com:8080" has none.
func hasScheme(resource string) bool {
	scheme, rest, found := strings.Cut(resource, ":")
	if !found || scheme == "" || !isLetter(scheme[0]) {
		return false
	}
	for i := range len(scheme) {
		if c := scheme[i]; !isLetter(c) && !isDigit(c) && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	if strings.HasPrefix(rest, "//") {
		return true
	}
	port := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		port = rest[:i]
	}
	for i := range len(port) {
		if !isDigit(port[i]) {
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// isUserAtHost reports whether resource has userinfo and host, and neither port,
// path nor query.
func isUserAtHost(resource string) bool {
	at := strings.LastIndexByte(resource, '@')
	return at > 0 && at < len(resource)-1 && !strings.ContainsAny(resource, "/?") && !strings.Contains(resource[at:], ":")
}

// resourceHost returns where to ask about a normalized resource: scheme, host and
// port. "The WebFinger service is always located at the host" of the identifier,
// and for acct: "the host is the portion after the last @".
func resourceHost(s *Step, resource string) (scheme, host string, err error) {
	unsupported := func(want string) error {
		return s.Fail(message.RuleWebFingerIdentifierUnsupported, "resource", message.Excerpt(resource), want, nil)
	}
	scheme, rest, _ := strings.Cut(resource, ":")
	if strings.EqualFold(scheme, "acct") {
		at := strings.LastIndexByte(rest, '@')
		if at <= 0 || at == len(rest)-1 {
			return "", "", unsupported("acct:user@host")
		}
		scheme, host = "https", rest[at+1:]
	} else {
		authority, found := strings.CutPrefix(rest, "//")
		if !found {
			return "", "", unsupported("a scheme that names a host to ask")
		}
		if i := strings.IndexAny(authority, "/?#"); i >= 0 {
			authority = authority[:i]
		}
		host = authority[strings.LastIndexByte(authority, '@')+1:]
	}
	// "WebFinger requests MUST be made over HTTPS" (RFC 7033, Section 4): an http
	// identifier is asked about over https, unless plain http was admitted by name.
	if !strings.EqualFold(scheme, "http") || !s.Snapshot.InsecureAllowHTTP {
		scheme = "https"
	}
	u, parseErr := url.Parse("https://" + host)
	if parseErr != nil || host == "" || u.Host != host || u.Hostname() == "" || strings.HasSuffix(host, ":") || !isHostText(host) {
		return "", "", s.Fail(message.RuleWebFingerHost, "resource", message.Excerpt(host), "a host, and a port if it is not 443", nil)
	}
	s.Pass(message.RuleWebFingerIdentifierUnsupported, "resource")
	s.Pass(message.RuleWebFingerHost, "resource")
	return strings.ToLower(scheme), host, nil
}

// isHostText reports whether host has only the characters of a name, an address or
// a port. Names in other scripts must come in their ASCII form, so that what is
// shown and what is asked are the same.
func isHostText(host string) bool {
	for i := range len(host) {
		if c := host[i]; !isLetter(c) && !isDigit(c) && !strings.ContainsRune("-._~:[]", rune(c)) {
			return false
		}
	}
	return true
}
