package service

import (
	"net/url"
	"strings"
)

// LocalTarget judges where a browser wants to go after a login and returns the
// target as it may be used: a path with its query, parsed and written anew. It
// reports false for anything that could leave the site (RFC 9700, Section 4.11.1).
//
// An absolute target is taken only if it has scheme, host and port of one of the
// sites, which are URLs of ours; what is returned is its path all the same.
func LocalTarget(target string, sites ...string) (string, bool) {
	const most = 2048
	if target == "" || len(target) > most {
		return "", false
	}
	for i := range len(target) {
		// Browsers drop tabs and line breaks, and read a backslash as a slash.
		if c := target[i]; c <= ' ' || c == 0x7f || c == '\\' {
			return "", false
		}
	}
	u, err := url.Parse(target)
	if err != nil || u.Opaque != "" || u.User != nil {
		return "", false
	}
	if u.Scheme != "" || u.Host != "" {
		ok := false
		for _, site := range sites {
			s, err := url.Parse(site)
			ok = ok || err == nil && s.Scheme == u.Scheme && s.Host == u.Host && u.Host != "" && (s.Scheme == "https" || s.Scheme == "http")
		}
		if !ok {
			return "", false
		}
	}
	path := u.EscapedPath()
	if path == "" && u.Host != "" {
		path = "/"
	}
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return "", false
	}
	// A decoded path is what some handlers act on: it must not leave either.
	if strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\\r\n\t\x00") {
		return "", false
	}
	// Without its dot segments "/.//host" is "//host".
	if dots := u.Path + "/"; strings.Contains(dots, "/./") || strings.Contains(dots, "/../") {
		return "", false
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		path += "#" + u.EscapedFragment()
	}
	return path, true
}
