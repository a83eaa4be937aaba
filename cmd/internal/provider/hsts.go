package provider

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// defaultHSTS is how long a browser remembers to come by https alone.
const defaultHSTS = 365 * 24 * time.Hour

// hsts is what Strict-Transport-Security says (RFC 6797, Section 6.1), "" where there is
// nothing to say: by plain http, with a certificate that no browser trusts, and for a host
// of this machine, whose other servers speak http.
func (s *Setup) hsts(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" || s.TLS.Certificate == "" && !s.Proxies.TerminateTLS {
		return ""
	}
	// Section 8.1.1: a host that is an address is not noted.
	if host := u.Hostname(); host == "localhost" || net.ParseIP(host) != nil {
		return ""
	}
	life := s.TLS.HSTS
	if !s.file.Has("tls.hsts") {
		life = defaultHSTS
	}
	if life < time.Second {
		return ""
	}
	return fmt.Sprintf("max-age=%d", int64(life/time.Second))
}

// withHSTS has each answer say so.
func withHSTS(h http.Handler, value string) http.Handler {
	if value == "" {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", value)
		h.ServeHTTP(w, r)
	})
}
