package site

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"go/parser"
	"go/token"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
	"google.golang.org/grpc/test/bufconn"

	"github.com/oidcservice/oidc/docs/recipes/internal/sitetest"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// serve serves a handler over TLS in the same process, and returns a client that reaches
// it whatever it asks for.
func serve(t *testing.T, h http.Handler) *fasthttp.Client {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := httptest.NewUnstartedServer(h)
	_ = server.Listener.Close()
	server.Listener = listener
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client := NewClient()
	client.Dial = func(string) (net.Conn, error) { return listener.Dial() }
	client.TLSConfig = &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}
	return client
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSite(t *testing.T) {
	provider := sitetest.Provider(t)
	site, err := New(t.Context(), Send(serve(t, provider)))
	if err != nil {
		t.Fatal(err)
	}
	sitetest.Check(t, provider, tripper(func(r *http.Request) (*http.Response, error) {
		resp, err := site.Test(r, fiber.TestConfig{})
		if resp != nil {
			resp.Request = r
		}
		return resp, err
	}))
}

// These files import no net/http. That the packages which they stand on have none either
// is what internal/arch sees to.
func TestNoNetHTTP(t *testing.T) {
	for _, name := range []string{"site.go", "send.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range file.Imports {
			if path := strings.Trim(imp.Path.Value, `"`); path == "net/http" || strings.HasSuffix(path, "/oidc/rp") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func TestSendIsStrict(t *testing.T) {
	asked := 0
	send := Send(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/long":
			_, _ = w.Write(make([]byte, limit+1))
		case "/broken":
			panic(http.ErrAbortHandler)
		}
	})))
	for path, want := range map[string]error{"http://op.example/": message.RuleTransportHTTPS, "https://op.example/long": message.RuleTransportLimits} {
		if _, err := send(t.Context(), &service.Request{Method: "GET", URL: path}); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if resp, err := send(t.Context(), &service.Request{Method: "GET", URL: "https://op.example/redirect"}); err != nil || resp.Status != http.StatusFound {
		t.Errorf("a redirect: %v %v", resp, err)
	}
	asked = 0
	if _, err := send(t.Context(), &service.Request{Method: "GET", URL: "https://op.example/broken"}); err == nil || asked != 1 {
		t.Errorf("a connection that breaks: %v, asked %d times", err, asked)
	}
}
