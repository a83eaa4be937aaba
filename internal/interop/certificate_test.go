package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// An authority issues the certificates of one run, as files, since other processes
// read them.
type authority struct {
	dir  string
	root *x509.Certificate
	key  *ecdsa.PrivateKey
}

// file returns the path of a file of the authority: ca.pem, or NAME.pem and NAME.key
// of what it issued. "server" is for this machine, "client" for rp.example.
func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// issued is the authority of this run, made once.
var issued = sync.OnceValues(func() (*authority, error) {
	dir, err := os.MkdirTemp("", "interop-certificates")
	if err != nil {
		return nil, err
	}
	a := &authority{dir: dir, root: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "interop test root"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, a.root, a.root, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	if err := a.write("ca.pem", "CERTIFICATE", der); err != nil {
		return nil, err
	}
	if err := a.issue("server", &x509.Certificate{
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}); err != nil {
		return nil, err
	}
	return a, a.issue("client", &x509.Certificate{
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, DNSNames: []string{"rp.example"},
	})
})

func (a *authority) issue(name string, template *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter, template.KeyUsage = a.root.NotBefore, a.root.NotAfter, x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.root, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	if err := a.write(name+".pem", "CERTIFICATE", der); err != nil {
		return err
	}
	if der, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return err
	}
	return a.write(name+".key", "PRIVATE KEY", der)
}

func (a *authority) write(name, kind string, der []byte) error {
	return os.WriteFile(a.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// certificates returns the authority of this run.
func certificates(t *testing.T) *authority {
	t.Helper()
	a, err := issued()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// roots is what trusts the authority.
func (a *authority) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(a.file("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate in ca.pem")
	}
	return pool
}

// transport is an HTTP transport that trusts the authority.
func (a *authority) transport(t *testing.T) *http.Transport {
	t.Helper()
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.roots(t)}}
}

// pair is a certificate that was issued, with its key.
func (a *authority) pair(name string) (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(a.file(name+".pem"), a.file(name+".key"))
	if err != nil {
		return pair, fmt.Errorf("the certificate of the %s: %w", name, err)
	}
	return pair, nil
}
