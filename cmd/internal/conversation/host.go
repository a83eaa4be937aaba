package conversation

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/oidcservice/oidc/service"
)

// A host serves the request objects that a provider fetches by their request_uri
// (OpenID Connect Core 1.0, Section 6.2): over TLS at --request-uri-base, or, for
// the embedded provider, without a socket.
type host struct {
	mu        sync.Mutex
	documents map[string]service.Hosted // by URL
	base      *url.URL
}

func (h *host) put(d service.Hosted) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.documents[d.URL] = d
}

func (h *host) get(path string) (service.Hosted, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.documents[h.base.Scheme+"://"+h.base.Host+path]
	return d, ok
}

// ServeHTTP serves a document to the provider.
func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d, ok := h.get(r.URL.EscapedPath())
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		w.Header().Set("Content-Type", d.Media)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(d.Body)
	}
}

// RoundTrip serves a document to a provider in the same process.
func (h *host) RoundTrip(r *http.Request) (*http.Response, error) {
	d, ok := h.get(r.URL.EscapedPath())
	if !ok || r.URL.Host != h.base.Host {
		return nil, errors.New("there is no such document")
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {d.Media}}, Body: io.NopCloser(bytes.NewReader(d.Body)), ContentLength: int64(len(d.Body)),
	}, nil
}

// newHost returns a host for the settings, nil when nothing is to be hosted.
func newHost(s *Settings) (*host, error) {
	if s.RequestURIBase == "" {
		return nil, nil
	}
	u, err := url.Parse(s.RequestURIBase)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault("request-uri-base", "want an https URL without query and fragment")
	}
	return &host{documents: map[string]service.Hosted{}, base: u}, nil
}

// openHost listens where --request-uri-base says. The certificate is that of
// --tls-cert, or one made for the run.
func (w *world) openHost(s *Settings, certificate *tls.Certificate) error {
	if w.hosted != nil || s.RequestURIBase == "" {
		return nil
	}
	h, err := newHost(s)
	if err != nil {
		return err
	}
	port := h.base.Port()
	if port == "" {
		port = "443"
	}
	if certificate == nil {
		if certificate, err = SelfSigned(h.base.Hostname()); err != nil {
			return err
		}
	}
	l, err := tls.Listen("tcp", net.JoinHostPort(h.base.Hostname(), port), &tls.Config{
		Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		return fault("request-uri-base", "%v", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	w.hosted = h
	w.close = append(w.close, func() { _ = server.Close() })
	return nil
}

// SelfSigned makes a certificate for one host and one run.
func SelfSigned(name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
