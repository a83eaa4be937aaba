package apache

import (
	"bytes"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/oidcservice/oidc/internal/interop/browser"
)

//go:embed httpd.conf
var httpdConf string

// moduleDir is where Debian keeps Apache's modules.
const moduleDir = "/usr/lib/apache2/modules"

// An httpdConfig has the fields of httpd.conf.
type httpdConfig struct {
	Dir, ModuleDir string
	Modules        []string
	Root           bool
	Host           string
	Port           int
	Base           string

	Issuer, Redirect               string
	ClientID, ClientSecret, Method string
	ResponseType, ResponseMode     string
	Application                    string
}

// startHTTPD runs Apache, with the application behind it.
func (s *site) startHTTPD(t *testing.T, c httpdConfig) {
	t.Helper()
	program, err := exec.LookPath("apache2")
	if err != nil {
		browser.Missing(t, "apache2 is not installed")
	}
	if _, err := os.Stat(filepath.Join(moduleDir, "mod_auth_openidc.so")); err != nil {
		browser.Missing(t, "libapache2-mod-auth-openidc is not installed: %v", err)
	}
	application := httptest.NewServer(http.HandlerFunc(serveApplication))
	t.Cleanup(application.Close)

	// Not t.TempDir, which nobody else may enter: Apache's workers are another user.
	dir, err := os.MkdirTemp("", "apache")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.Dir, c.ModuleDir, c.Root, c.Application = dir, moduleDir, os.Getuid() == 0, application.URL
	c.Modules = []string{"mpm_event", "authn_core", "authz_core", "authz_user", "proxy", "proxy_http", "socache_shmcb", "ssl", "auth_openidc"}
	var conf bytes.Buffer
	if err := template.Must(template.New("httpd.conf").Parse(httpdConf)).Execute(&conf, c); err != nil {
		t.Fatal(err)
	}
	cert, key := s.pem(t)
	for name, text := range map[string][]byte{"httpd.conf": conf.Bytes(), "cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	cmd := exec.Command(program, "-D", "FOREGROUND", "-f", filepath.Join(dir, "httpd.conf"))
	cmd.Dir = dir
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("Apache ended with %v", err)
		}
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("Apache said:\n%s%s", output.String(), log)
		}
	})
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)))
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("Apache ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("Apache does not listen: %v", err)
		}
	}
}

// pem returns the certificate that both servers use, and its key.
func (s *site) pem(t *testing.T) (cert, key []byte) {
	t.Helper()
	pair := s.server.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.server.Certificate().VerifyHostname(partyHost); err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// serveApplication is the application: it knows of its user what Apache's headers say.
func serveApplication(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/app" {
		fmt.Fprint(w, `<!DOCTYPE html><html lang="en"><title>Bye</title><h1 id="bye">Bye</h1></html>`)
		return
	}
	claims := map[string]string{}
	for name, values := range r.Header {
		if claim, found := strings.CutPrefix(strings.ToLower(name), "oidc_claim_"); found {
			claims[claim] = values[0]
		}
	}
	text, err := json.Marshal(claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, `<!DOCTYPE html><html lang="en"><title>Application</title><pre id="claims">%s</pre></html>`, html.EscapeString(string(text)))
}
