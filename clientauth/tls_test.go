package clientauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"math/big"
	"net/netip"
	"net/url"
	"testing"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

func hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func certificate(t *testing.T) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	uri, _ := url.Parse("https://rp.example/id")
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rp.example", Organization: []string{"Example"}},
		DNSNames: []string{"rp.example"}, URIs: []*url.URL{uri}, EmailAddresses: []string{"ops@rp.example"},
		NotBefore: now, NotAfter: now.Add(1 << 40),
	}
	template.IPAddresses = append(template.IPAddresses, netip.MustParseAddr("192.0.2.1").AsSlice())
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	return der, private
}

func TestMutualTLS(t *testing.T) {
	der, private := certificate(t)
	own, err := keyjar.NewKey(&private.PublicKey, keyjar.KeyOptions{ID: "own"})
	if err != nil {
		t.Fatal(err)
	}
	type subject = clientauth.CertificateSubject
	for name, tc := range map[string]struct {
		method  string
		certs   [][]byte
		subject subject
		keys    *keyjar.Set
		rule    message.Rule
	}{
		"subject DN":         {"tls_client_auth", [][]byte{der}, subject{DN: "CN=rp.example,O=Example"}, nil, ""},
		"another DN":         {"tls_client_auth", [][]byte{der}, subject{DN: "CN=rp.example"}, nil, message.RuleOPClientMTLS},
		"DNS":                {"tls_client_auth", [][]byte{der}, subject{DNS: "rp.example"}, nil, ""},
		"another DNS":        {"tls_client_auth", [][]byte{der}, subject{DNS: "x.example"}, nil, message.RuleOPClientMTLS},
		"URI":                {"tls_client_auth", [][]byte{der}, subject{URI: "https://rp.example/id"}, nil, ""},
		"another URI":        {"tls_client_auth", [][]byte{der}, subject{URI: "https://rp.example/"}, nil, message.RuleOPClientMTLS},
		"IP":                 {"tls_client_auth", [][]byte{der}, subject{IP: "192.0.2.1"}, nil, ""},
		"IP mapped into v6":  {"tls_client_auth", [][]byte{der}, subject{IP: "::ffff:192.0.2.1"}, nil, ""},
		"another IP":         {"tls_client_auth", [][]byte{der}, subject{IP: "192.0.2.2"}, nil, message.RuleOPClientMTLS},
		"no IP":              {"tls_client_auth", [][]byte{der}, subject{IP: "x"}, nil, message.RuleOPClientMTLS},
		"e-mail":             {"tls_client_auth", [][]byte{der}, subject{Email: "ops@rp.example"}, nil, ""},
		"another e-mail":     {"tls_client_auth", [][]byte{der}, subject{Email: "x@rp.example"}, nil, message.RuleOPClientMTLS},
		"two subjects":       {"tls_client_auth", [][]byte{der}, subject{DNS: "rp.example", Email: "ops@rp.example"}, nil, message.RuleOPClientMTLS},
		"no subject":         {"tls_client_auth", [][]byte{der}, subject{}, nil, message.RuleOPClientMTLS},
		"no certificate":     {"tls_client_auth", nil, subject{DNS: "rp.example"}, nil, message.RuleOPClientAuthRequired},
		"no X.509":           {"tls_client_auth", [][]byte{{1, 2}}, subject{DNS: "rp.example"}, nil, message.RuleOPClientMTLS},
		"registered key":     {"self_signed_tls_client_auth", [][]byte{der}, subject{}, keyjar.NewSet(own), ""},
		"another key":        {"self_signed_tls_client_auth", [][]byte{der}, subject{}, keyjar.NewSet(key(t, "ES256").Public()), message.RuleOPClientMTLS},
		"no keys":            {"self_signed_tls_client_auth", [][]byte{der}, subject{}, nil, message.RuleOPClientMTLS},
		"self, no certifica": {"self_signed_tls_client_auth", nil, subject{}, keyjar.NewSet(own), message.RuleOPClientAuthRequired},
	} {
		t.Run(name, func(t *testing.T) {
			var d clientauth.Draft
			if err := clientauth.Authenticate(context.Background(), tc.method, clientauth.Credentials{ClientID: clientID}, &d); err != nil {
				t.Fatal(err)
			}
			if !d.MutualTLS || d.Form.Get("client_id") != clientID {
				t.Fatalf("got %+v", d)
			}
			r := clientauth.Registered{ClientID: clientID, Method: tc.method, Certificate: tc.subject, Keys: tc.keys, Now: now}
			proof, err := sent{header: d.Header, form: d.Form, certs: tc.certs}.judge(r)
			if tc.rule != "" {
				if !errors.Is(err, tc.rule) {
					t.Fatalf("got %v, want %s", err, tc.rule)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(der)
			if proof.CertificateThumbprint != base64.RawURLEncoding.EncodeToString(sum[:]) {
				t.Errorf("proof %+v", proof)
			}
		})
	}
	// A subject counts only in a certificate that was verified, a registered key in any.
	unverified := sent{form: url.Values{"client_id": {clientID}}, certs: [][]byte{der}, unverified: true}
	if _, err := unverified.judge(clientauth.Registered{ClientID: clientID, Method: "tls_client_auth", Certificate: subject{DNS: "rp.example"}}); !errors.Is(err, message.RuleOPClientMTLS) {
		t.Errorf("a certificate that nobody verified: %v", err)
	}
	if _, err := unverified.judge(clientauth.Registered{ClientID: clientID, Method: "self_signed_tls_client_auth", Keys: keyjar.NewSet(own)}); err != nil {
		t.Errorf("a registered key: %v", err)
	}
	// A secret is no substitute for the certificate.
	s := newPair(message.AuthMethodClientSecretPost, nil).send(t, message.AuthMethodClientSecretPost)
	s.certs = [][]byte{der}
	if _, err := s.judge(clientauth.Registered{ClientID: clientID, Method: "tls_client_auth", Certificate: subject{DNS: "rp.example"}}); !errors.Is(err, message.RuleOPClientAuthRegistered) {
		t.Errorf("a secret beside a certificate: %v", err)
	}
}
