package clientauth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/netip"
	"slices"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A CertificateSubject is the one value that a tls_client_auth client registered
// (RFC 8705, Section 2.1.2).
type CertificateSubject struct {
	DN    string // tls_client_auth_subject_dn, in the form of RFC 4514
	DNS   string // tls_client_auth_san_dns
	URI   string // tls_client_auth_san_uri
	IP    string // tls_client_auth_san_ip
	Email string // tls_client_auth_san_email
}

// count returns how many values are set.
func (c CertificateSubject) count() int {
	n := 0
	for _, v := range []string{c.DN, c.DNS, c.URI, c.IP, c.Email} {
		if v != "" {
			n++
		}
	}
	return n
}

// Check reports what is wrong with a subject that is registered: "A client using the
// tls_client_auth authentication method MUST use exactly one of the below metadata parameters"
// (RFC 8705, Section 2.1.2). The error is a Violation of op_client_mtls that names the parameter.
func (c CertificateSubject) Check() error {
	const rule = message.RuleOPClientMTLS
	if c.count() != 1 {
		return refuse(rule, "tls_client_auth_subject_dn", "", "exactly one subject", nil)
	}
	if _, err := parseDN(c.DN); c.DN != "" && err != nil {
		return refuse(rule, "tls_client_auth_subject_dn", "", "a distinguished name of RFC 4514", err)
	}
	if _, err := netip.ParseAddr(c.IP); c.IP != "" && err != nil {
		return refuse(rule, "tls_client_auth_san_ip", "", "an address", nil)
	}
	return nil
}

// tlsClientAuth is mutual TLS with a certificate of a public key infrastructure (RFC
// 8705, Section 2.1): "It relies on a validated certificate chain". A subject that nobody
// vouches for may be written by anybody.
var tlsClientAuth = Method{
	Name:         message.AuthMethodTLSClientAuth,
	Authenticate: presentCertificate,
	Verify: func(_ context.Context, p *Presented, r Registered) (*Proof, error) {
		cert, err := p.certificate()
		if err != nil {
			return nil, err
		}
		if !p.CertificateVerified {
			return nil, refuse(message.RuleOPClientMTLS, "certificate", "", "one whose chain the connection verified", nil)
		}
		if r.Certificate.count() != 1 || !r.Certificate.fits(cert) {
			return nil, refuse(message.RuleOPClientMTLS, "certificate", "", "the one registered subject", nil)
		}
		return certificateProof(message.AuthMethodTLSClientAuth, cert, r), nil
	},
}

// selfSignedTLS is mutual TLS with a certificate whose key the client registered in
// its JWK Set (RFC 8705, Section 2.2).
var selfSignedTLS = Method{
	Name:         message.AuthMethodSelfSignedTLSClientAuth,
	Authenticate: presentCertificate,
	Verify: func(_ context.Context, p *Presented, r Registered) (*Proof, error) {
		cert, err := p.certificate()
		if err != nil {
			return nil, err
		}
		for _, key := range r.Keys.Keys() {
			for _, registered := range key.Certificates() {
				if bytes.Equal(registered, cert.Raw) {
					return certificateProof(message.AuthMethodSelfSignedTLSClientAuth, cert, r), nil
				}
			}
			if sameKey(key.PublicKey(), cert.PublicKey) {
				return certificateProof(message.AuthMethodSelfSignedTLSClientAuth, cert, r), nil
			}
		}
		// The client may have a new certificate since its keys were fetched (RFC 8705, Section 2.2).
		return nil, refuse(message.RuleOPClientMTLS, "certificate", "", "a registered key", keyjar.ErrUnknownKey)
	},
}

// presentCertificate is the client's side of both: "the client MUST include the
// client_id parameter" (RFC 8705, Section 2), and the driver presents the certificate.
func presentCertificate(_ context.Context, c Credentials, d *Draft) error {
	d.Form.Set("client_id", c.ClientID)
	d.MutualTLS = true
	return nil
}

func (p *Presented) certificate() (*x509.Certificate, error) {
	if len(p.PeerCertificates) == 0 {
		return nil, refuse(message.RuleOPClientAuthRequired, "certificate", "", "a client certificate", nil)
	}
	cert, err := x509.ParseCertificate(p.PeerCertificates[0])
	if err != nil {
		return nil, refuse(message.RuleOPClientMTLS, "certificate", "", "an X.509 certificate", nil)
	}
	return cert, nil
}

func (c CertificateSubject) fits(cert *x509.Certificate) bool {
	switch {
	case c.DN != "":
		return hasSubject(cert, c.DN)
	case c.DNS != "":
		return slices.Contains(cert.DNSNames, c.DNS)
	case c.Email != "":
		return slices.Contains(cert.EmailAddresses, c.Email)
	case c.URI != "":
		for _, u := range cert.URIs {
			if u.String() == c.URI {
				return true
			}
		}
	case c.IP != "":
		want, err := netip.ParseAddr(c.IP)
		if err != nil {
			return false
		}
		for _, ip := range cert.IPAddresses {
			if got, ok := netip.AddrFromSlice(ip); ok && got.Unmap() == want.Unmap() {
				return true
			}
		}
	}
	return false
}

func certificateProof(method string, cert *x509.Certificate, r Registered) *Proof {
	sum := sha256.Sum256(cert.Raw)
	return &Proof{ClientID: r.ClientID, Method: method, CertificateThumbprint: base64.RawURLEncoding.EncodeToString(sum[:])}
}

// sameKey compares two public keys by their encoding.
func sameKey(a, b any) bool {
	x, errA := x509.MarshalPKIXPublicKey(a)
	y, errB := x509.MarshalPKIXPublicKey(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}
