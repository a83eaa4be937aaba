package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
)

// issued makes a certificate for a name. Without an issuer it is self-signed.
func issued(t *testing.T, name string, issuer *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: issuer == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, any(key)
	if issuer != nil {
		if parent, err = x509.ParseCertificate(issuer.Certificate[0]); err != nil {
			t.Fatal(err)
		}
		signer = issuer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// with is the visitor with a certificate to show, nil for none.
func (v *visitor) with(cert *tls.Certificate) *visitor {
	transport := v.client.Transport.(*http.Transport).Clone()
	if cert != nil {
		transport.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	other := *v
	other.client = &http.Client{Transport: transport, Timeout: 10 * time.Second}
	return &other
}

// mutualForm is a request of the client rp for a token of its own.
var mutualForm = url.Values{"grant_type": {"client_credentials"}, "client_id": {"rp"}, "scope": {"api"}}.Encode()

const mutualPolicy = `
policy: {grant_types: [client_credentials], scopes: {api: []}}
mutual_tls: {listen: "127.0.0.1:0", base_url: "https://127.0.0.1:1"`

// A certificate of an authority that is known lets in the client with its subject. A
// self-signed one with that subject does not, nor does one of the authority with another.
func TestOPMutualTLSWithAuthority(t *testing.T) {
	authority := issued(t, "authority", nil)
	pemOf := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate[0]}))
	file := filepath.Join(t.TempDir(), "clients.pem")
	writeFile(t, file, pemOf)
	s := serve(t, mutualPolicy+`, client_ca: "`+file+`"}
clients:
  - {client_id: rp, token_endpoint_auth_method: tls_client_auth, tls_client_auth_san_dns: rp.example, grant_types: [client_credentials], response_types: [], tls_client_certificate_bound_access_tokens: true}`)
	v := s.visitor()
	meta := v.get(s.issuer+"/.well-known/openid-configuration").object(t, 200)
	aliases, _ := meta["mtls_endpoint_aliases"].(map[string]any)
	if aliases["token_endpoint"] != "https://127.0.0.1:1/token" {
		t.Fatalf("aliases %v", aliases)
	}
	if methods, _ := json.Marshal(meta["token_endpoint_auth_methods_supported"]); !strings.Contains(string(methods), `"tls_client_auth"`) || !strings.Contains(string(methods), `"self_signed_tls_client_auth"`) {
		t.Errorf("methods %s", methods)
	}
	second := "https://" + s.listens[1]
	got := v.with(issued(t, "rp.example", authority)).send("POST", second+"/token", opForm, mutualForm).object(t, 200)
	if got["access_token"] == nil {
		t.Errorf("got %v", got)
	}
	v.with(issued(t, "rp.example", nil)).send("POST", second+"/token", opForm, mutualForm).object(t, 401)
	v.with(issued(t, "evil.example", authority)).send("POST", second+"/token", opForm, mutualForm).object(t, 401)
	v.with(nil).send("POST", second+"/token", opForm, mutualForm).object(t, 401)
	if a := v.with(nil).get(second + "/authorize"); a.StatusCode != 404 {
		t.Errorf("the second server has pages: %d", a.StatusCode)
	}
	// The first one asks nobody for a certificate, and has no use for one.
	asked := false
	curious := v.with(nil)
	curious.client.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		return issued(t, "rp.example", authority), nil
	}
	curious.send("POST", s.issuer+"/token", opForm, mutualForm).object(t, 401)
	if asked {
		t.Error("browsers are asked for certificates")
	}
}

// Without an authority a client is known by the key that it registered.
func TestOPMutualTLSSelfSigned(t *testing.T) {
	cert := issued(t, "rp.example", nil)
	key, err := keyjar.NewKey(cert.PrivateKey, keyjar.KeyOptions{Use: "sig", Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, mutualPolicy+`}
clients:
  - {client_id: rp, token_endpoint_auth_method: self_signed_tls_client_auth, jwks: `+string(keyjar.NewSet(key).PublicJWKS())+`, grant_types: [client_credentials], response_types: []}`)
	v := s.visitor()
	second := "https://" + s.listens[1]
	v.with(cert).send("POST", second+"/token", opForm, mutualForm).object(t, 200)
	v.with(issued(t, "rp.example", nil)).send("POST", second+"/token", opForm, mutualForm).object(t, 401)
}

// Behind proxies the certificate is in a header, which from anybody else is not believed.
func TestOPBehindProxies(t *testing.T) {
	cert := issued(t, "rp.example", nil)
	header := url.QueryEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})))
	for trusted, status := range map[string]int{"127.0.0.1": 200, "10.0.0.0/8": 401} {
		key, err := keyjar.NewKey(cert.PrivateKey, keyjar.KeyOptions{Use: "sig", Algorithm: "ES256"})
		if err != nil {
			t.Fatal(err)
		}
		s := serve(t, `
issuer: https://op.example
tls: {}
proxies: {trusted: ["`+trusted+`"], terminate_tls: true, certificate_header: X-Client-Cert}
mutual_tls: {}
policy: {grant_types: [client_credentials], scopes: {api: []}}
clients:
  - {client_id: rp, token_endpoint_auth_method: self_signed_tls_client_auth, jwks: `+string(keyjar.NewSet(key).PublicJWKS())+`, grant_types: [client_credentials], response_types: []}`)
		v := newVisitor(t, "", nil)
		at := "http://" + s.listens[0]
		if meta := v.get(at+"/.well-known/openid-configuration").object(t, 200); meta["token_endpoint"] != "https://op.example/token" || meta["mtls_endpoint_aliases"] != nil {
			t.Errorf("metadata %v", meta)
		}
		v.send("POST", at+"/token", opForm, mutualForm, "X-Client-Cert", header).object(t, status)
		v.send("POST", at+"/token", opForm, mutualForm).object(t, 401)
	}
}

// With bound_tokens every client gets bound tokens only, also one that registers and does
// not ask for them.
func TestOPBoundTokens(t *testing.T) {
	s := serve(t, "registration: {mode: open}\npolicy: {bound_tokens: dpop}"+publicClient)
	v := s.visitor()
	m := v.send("POST", s.issuer+"/register", "application/json", `{"redirect_uris":["`+opCallback+`"],"token_endpoint_auth_method":"none"}`).object(t, 201)
	if m["dpop_bound_access_tokens"] != true {
		t.Errorf("registered %v", m)
	}
	for _, id := range []string{"spa", m["client_id"].(string)} {
		v := s.visitor()
		v.id = id
		code := v.code(v.consent(v.logIn(v.get(v.authorizeURL()), "diana", "krall")))
		if got := v.token(redemption(code)).object(t, 400); got["error"] != "invalid_dpop_proof" {
			t.Errorf("%s without a proof: %v", id, got)
		}
	}
}
