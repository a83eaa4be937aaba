package interop

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// missing ends a test that lacks a tool: a skip for people, a failure where the
// environment promises the tool.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

var install = sync.OnceValues(func() ([]byte, error) {
	if _, err := os.Stat(filepath.Join("node_modules", "oidc-provider", "package.json")); err == nil {
		return nil, nil
	}
	// Lifecycle scripts of packages are not needed, so they are not run.
	return exec.Command("npm", "ci", "--ignore-scripts").CombinedOutput()
})

// An event is what the provider says that it saw.
type event struct {
	Ready       string `json:"ready"`
	Event       string `json:"event"`
	Method      string `json:"method"`
	Grant       string `json:"grant"`
	PKCE        string `json:"pkce"`
	Client      string `json:"client"`
	Endpoint    string `json:"endpoint"`
	Error       string `json:"error"`
	Description string `json:"description"`
	Detail      string `json:"detail"`
}

// A provider is a running third-party provider.
type provider struct {
	issuer string
	caFile string // the trust root of its certificate; empty over plain http

	mu     sync.Mutex
	events []event
}

// seen returns the events so far, oldest first.
func (p *provider) seen() []event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// start runs the provider for one test.
func start(t *testing.T, secure bool) *provider {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "%s is not installed", tool)
		}
	}
	if out, err := install(); err != nil {
		missing(t, "the provider could not be installed: %v\n%s", err, out)
	}

	p := &provider{}
	settings := map[string]any{}
	if secure {
		dir := t.TempDir()
		p.caFile = certificate(t, dir)
		settings["tls"] = map[string]string{"cert": filepath.Join(dir, "cert.pem"), "key": filepath.Join(dir, "key.pem")}
	}
	argument, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command("node", "provider.mjs", string(argument))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	ready := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(ready)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var e event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Errorf("the provider printed %q", lines.Text())
				continue
			}
			if e.Ready != "" {
				ready <- e.Ready
				continue
			}
			p.mu.Lock()
			p.events = append(p.events, e)
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close() // the provider stops at the end of its input
		<-done
		if err := cmd.Wait(); err != nil {
			t.Errorf("the provider ended with %v", err)
		}
		if t.Failed() {
			for _, e := range p.seen() {
				t.Logf("the provider saw %+v", e)
			}
			t.Logf("the provider said:\n%s", stderr.String())
		}
	})

	select {
	case issuer, ok := <-ready:
		if !ok {
			t.Fatalf("the provider did not start:\n%s", stderr.String())
		}
		p.issuer = issuer
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		t.Fatalf("the provider did not start within 30 s")
	}
	return p
}

// certificate writes ca.pem, cert.pem and key.pem for 127.0.0.1 and returns the first.
func certificate(t *testing.T, dir string) string {
	t.Helper()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	make509 := func(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}

	rootKey, leafKey := newKey(), newKey()
	root := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "interop test root"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "interop test provider"},
		NotBefore:    root.NotBefore,
		NotAfter:     root.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	write("cert.pem", "CERTIFICATE", make509(leaf, root, &leafKey.PublicKey, rootKey))
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	write("key.pem", "PRIVATE KEY", der)
	return write("ca.pem", "CERTIFICATE", make509(root, root, &rootKey.PublicKey, rootKey))
}

// client returns an HTTP client that trusts the provider.
func (p *provider) client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	if p.caFile != "" {
		text, err := os.ReadFile(p.caFile)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			t.Fatal("no certificate in " + p.caFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// The rig itself, without the binary: registration is open, and a request without
// PKCE is refused, so a walkthrough that succeeds has used it.
func TestProviderDemandsPKCE(t *testing.T) {
	p := start(t, true)
	client := p.client(t)

	resp, err := client.Post(p.issuer+"/reg", "application/json",
		strings.NewReader(`{"redirect_uris":["https://rp.example/callback"]}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("registration: status %d, %v\n%s", resp.StatusCode, err, body)
	}
	var registered struct {
		ClientID string `json:"client_id"`
	}
	if err := json.Unmarshal(body, &registered); err != nil {
		t.Fatal(err)
	}

	resp, err = client.Get(p.issuer + "/auth?response_type=code&scope=openid&state=s&client_id=" + registered.ClientID +
		"&redirect_uri=https%3A%2F%2Frp.example%2Fcallback")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	location, err := resp.Location()
	if err != nil {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
	if got := location.Query().Get("error"); got != "invalid_request" || location.Host != "rp.example" {
		t.Errorf("a request without code_challenge was answered by %s", location)
	}
}
