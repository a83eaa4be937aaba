package provider

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
)

// Browsers are told to come by https alone where a certificate says so that they trust, and
// for a host that is not of this machine.
func TestHSTS(t *testing.T) {
	made, err := conversation.SelfSigned("op.example")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	const tls = "tls: {certificate: server.pem, key: server.key"
	for text, want := range map[string]string{
		"issuer: https://op.example\n" + tls + "}":                                        "max-age=31536000",
		"issuer: https://op.example\n" + tls + ", hsts: 1h}":                              "max-age=3600",
		"issuer: https://op.example\n" + tls + ", hsts: 0s}":                              "",
		"issuer: https://op.example":                                                      "", // a certificate for the run
		"issuer: https://localhost:8443\n" + tls + "}":                                    "",
		"issuer: https://127.0.0.1\n" + tls + "}":                                         "",
		"issuer: https://[::1]:8443\n" + tls + "}":                                        "",
		"issuer: https://op.example\nproxies: {trusted: [10.0.0.1], terminate_tls: true}": "max-age=31536000",
		"issuer: http://op.example":                                                       "",
	} {
		name := write(t, text)
		for file, block := range map[string]*pem.Block{
			"server.pem": {Type: "CERTIFICATE", Bytes: made.Certificate[0]}, "server.key": {Type: "PRIVATE KEY", Bytes: key},
		} {
			if err := os.WriteFile(filepath.Join(filepath.Dir(name), file), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Load(name, Overrides{InsecureAllowHTTP: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.hsts(s.Issuer); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
