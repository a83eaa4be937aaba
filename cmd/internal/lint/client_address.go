package lint

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// dangerous are schemes that a browser runs or reads from disk.
var dangerous = []string{"javascript", "data", "vbscript", "blob", "file", "about"}

// redirects judges the redirect URIs one by one (Dynamic Client Registration 1.0,
// Section 2; RFC 8252, Section 7).
func (l *linter) redirects() {
	const name = "redirect_uris"
	uris := l.list(name)
	if len(uris) == 0 && len(l.responseTypes()) > 0 {
		l.add(message.RuleRegistrationRedirectURIs, name, "", "at least one")
	}
	kinds := []string{message.ApplicationTypeWeb, message.ApplicationTypeNative}
	l.known("application_type", []string{l.text("application_type")}, kinds...)
	for i, uri := range uris {
		l.redirect(indexed(name, i), uri)
	}
}

func (l *linter) redirect(path, uri string) {
	const rule = message.RuleRegistrationRedirectURIs
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" {
		l.add(rule, path, redacted(uri), "an absolute URI")
		return
	}
	if strings.Contains(uri, "#") {
		l.add(rule, path, redacted(uri), "a URI without fragment")
	}
	if u.User != nil {
		l.add(message.RuleOPRegistrationRedirectURIs, path, redacted(uri), "a URI without user information")
	}
	if strings.Contains(u.Host+u.Path, "*") {
		l.add(ruleRedirectWildcard, path, redacted(uri), "a URI to be compared as a string")
	}
	if slices.Contains(dangerous, u.Scheme) {
		l.add(message.RuleOPRegistrationRedirectScheme, path, u.Scheme, "https, or a scheme of the application")
	}
	if l.text("application_type") == message.ApplicationTypeNative {
		l.nativeRedirect(path, uri, u)
	} else {
		l.webRedirect(path, uri, u)
	}
}

func (l *linter) webRedirect(path, uri string, u *url.URL) {
	const rule = message.RuleRegistrationRedirectURIs
	access, idToken := l.frontChannel()
	tokens := access || idToken
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		l.add(rule, path, redacted(uri), "an http or https URL for a web client")
		return
	case u.Scheme == "http" && tokens:
		l.add(rule, path, redacted(uri), "https for a web client that gets tokens through the browser")
	case u.Scheme == "http" && l.doc.AllowHTTP:
		l.add(ruleHTTP, path, redacted(uri), "https")
	case u.Scheme == "http":
		l.add(message.RuleOPRegistrationRedirectWeb, path, redacted(uri), "https for a web client; application_type native for loopback addresses")
	}
	if tokens && isLoopback(u.Hostname()) {
		l.add(rule, path, redacted(uri), "no localhost for a web client that gets tokens through the browser")
	}
}

func (l *linter) nativeRedirect(path, uri string, u *url.URL) {
	const rule = message.RuleRegistrationRedirectURIs
	switch u.Scheme {
	case "https":
		if u.Hostname() == "" {
			l.add(rule, path, redacted(uri), "an https URL with a host")
		}
	case "http":
		if !isLoopback(u.Hostname()) {
			l.add(rule, path, redacted(uri), "http on a loopback address only, for a native client")
		} else if _, err := netip.ParseAddr(u.Hostname()); err != nil {
			l.add(ruleRedirectLocalhost, path, redacted(uri), "127.0.0.1 or [::1]")
		}
	default:
		if !strings.Contains(u.Scheme, ".") {
			l.add(rule, path, redacted(uri), "a private-use scheme that is a domain name in reverse order")
		}
	}
}

func isLoopback(host string) bool {
	if host = strings.TrimSuffix(strings.ToLower(host), "."); host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// clientAddresses judges the other addresses of a client.
func (l *linter) clientAddresses() {
	const rule = message.RuleRegistrationHTTPSURIs
	for _, name := range []string{"initiate_login_uri", "frontchannel_logout_uri", "backchannel_logout_uri"} {
		l.endpoint(name, l.text(name), rule)
	}
	for i, uri := range l.list("request_uris") {
		// The fragment is the hash of the content (Core 1.0, Section 6.2).
		address, _, _ := strings.Cut(uri, "#")
		l.endpoint(indexed("request_uris", i), address, rule)
	}
	if uri := l.text("frontchannel_logout_uri"); uri != "" {
		if !slices.ContainsFunc(l.list("redirect_uris"), func(redirect string) bool { return sameOrigin(redirect, uri) }) {
			l.add(rule, "frontchannel_logout_uri", redacted(uri), "scheme, host and port of a redirect URI")
		}
	}
	l.endpoint("backchannel_client_notification_endpoint", l.text("backchannel_client_notification_endpoint"), message.RuleOPRegistrationURIs)
	for i, uri := range l.list("post_logout_redirect_uris") {
		if u, err := url.Parse(uri); err != nil || u.Scheme == "" || strings.Contains(uri, "#") {
			l.add(message.RuleOPRegistrationURIs, indexed("post_logout_redirect_uris", i), redacted(uri), "an absolute URI without fragment")
		}
	}
	for _, name := range []string{"client_uri", "logo_uri", "policy_uri", "tos_uri"} {
		l.forPeople(name, message.RuleOPRegistrationDisplayURIs)
	}
}

func webAddress(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != ""
}

func sameOrigin(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Scheme == y.Scheme && strings.EqualFold(x.Hostname(), y.Hostname()) && portOf(x) == portOf(y)
}

func portOf(u *url.URL) string {
	if u.Port() == "" {
		return map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Port()
}

// subjects judges what belongs to pairwise identifiers (Core 1.0, Section 8.1).
func (l *linter) subjects() {
	subject := l.text("subject_type")
	if subject != "" && subject != message.SubjectTypePublic && subject != message.SubjectTypePairwise {
		l.add(message.RuleOPRegistrationSubjectType, "subject_type", subject, "public or pairwise")
	}
	l.endpoint("sector_identifier_uri", l.text("sector_identifier_uri"), message.RuleOPRegistrationSector)
	hosts := map[string]bool{}
	for _, uri := range l.list("redirect_uris") {
		if u, err := url.Parse(uri); err == nil {
			hosts[u.Host] = true
		}
	}
	if subject == message.SubjectTypePairwise && len(hosts) > 1 && !l.has("sector_identifier_uri") {
		l.add(message.RuleOPRegistrationSector, "sector_identifier_uri", "", "a value, since the redirect URIs of this pairwise client have "+plural(len(hosts), "host"))
	}
}
