package optest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// A Transport is an http.RoundTripper that calls a handler instead of a network. It speaks
// https, so that Secure and __Host- cookies work.
type Transport struct {
	// Host is the one host that it reaches.
	Host    string
	Handler http.Handler
	// Certificates are the client's, as mutual TLS would have proven them.
	Certificates []*x509.Certificate
	// RemoteAddr is where requests seem to come from; empty is an address of TEST-NET-1.
	RemoteAddr string
}

// ErrHost reports a request for another host than the provider's.
var ErrHost = errors.New("optest: there is no such host")

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if r.URL.Scheme != "https" || r.URL.Host != t.Host {
		return nil, ErrHost
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = t.RemoteAddr
	if in.RemoteAddr == "" {
		in.RemoteAddr = "192.0.2.1:1234"
	}
	in.Host = r.URL.Host
	in.TLS = &tls.ConnectionState{HandshakeComplete: true, ServerName: r.URL.Hostname(), PeerCertificates: t.Certificates}
	if len(t.Certificates) > 0 {
		in.TLS.VerifiedChains = [][]*x509.Certificate{t.Certificates}
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &recorder{header: http.Header{}}
	t.Handler.ServeHTTP(w, in)
	w.WriteHeader(http.StatusOK)
	body := w.body.Bytes()
	if r.Method == http.MethodHead {
		body = nil
	}
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
		TLS: in.TLS,
	}, nil
}

// recorder is an http.ResponseWriter that keeps what is written.
type recorder struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}
