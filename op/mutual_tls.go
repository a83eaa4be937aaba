package op

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/url"

	"github.com/oidcservice/oidc/message"
)

// MutualTLS returns the handler of the server at endpoint.Policy.MutualTLSBase, where
// clients show a certificate: it has the endpoints that the metadata lists as aliases (RFC
// 8705, Section 5) and nothing for browsers. A request that comes to it was sent to the
// alias, so that is what its DPoP proof names.
func (p *Provider) MutualTLS() http.Handler {
	at := map[string]int{}
	all := p.set.All()
	for i, d := range all {
		if u, err := url.Parse(d.Alias); err == nil && d.Alias != "" {
			at[u.Path] = i
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, ok := at[r.URL.Path]
		if !ok {
			p.showError(w, r, http.StatusNotFound, message.InvalidRequest, "there is nothing at this address")
			return
		}
		d := all[i]
		d.URL = d.Alias
		p.serve(w, r, d)
	})
}

// certificates is the chain of the connection and whether TLS verified it, or what a trusted
// proxy says of it.
func (p *Provider) certificates(r *http.Request) (chain [][]byte, verified bool) {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		chain = make([][]byte, len(r.TLS.PeerCertificates))
		for i, cert := range r.TLS.PeerCertificates {
			chain[i] = cert.Raw
		}
		return chain, len(r.TLS.VerifiedChains) > 0 || p.vouched(chain)
	}
	if p.config.CertificateHeader == "" {
		return nil, false
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !p.trusted(host) {
		return nil, false
	}
	text, err := url.QueryUnescape(r.Header.Get(p.config.CertificateHeader))
	if err != nil {
		return nil, false
	}
	chain = decodePEM(text)
	return chain, len(chain) > 0 && (p.config.ClientCAs == nil || p.vouched(chain))
}

// vouched reports whether one of ClientCAs vouches for the first certificate of a chain.
func (p *Provider) vouched(chain [][]byte) bool {
	if p.config.ClientCAs == nil {
		return false
	}
	options := x509.VerifyOptions{
		Roots: p.config.ClientCAs, Intermediates: x509.NewCertPool(), CurrentTime: p.context.Now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	certs := make([]*x509.Certificate, len(chain))
	for i, der := range chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return false
		}
		certs[i] = cert
		options.Intermediates.AddCert(cert)
	}
	_, err := certs[0].Verify(options)
	return err == nil
}

// decodePEM returns the certificates of a PEM text.
func decodePEM(text string) [][]byte {
	var chain [][]byte
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return chain
		}
		if block.Type == "CERTIFICATE" {
			chain = append(chain, block.Bytes)
		}
	}
}
