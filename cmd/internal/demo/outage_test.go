package demo

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// A frail provider is one out there that fails on request.
type frail struct {
	mu   sync.Mutex
	path string // that fails
	how  func(w http.ResponseWriter)
	next http.Handler
}

func (f *frail) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	how := f.how
	if r.URL.Path != f.path {
		how = nil
	}
	f.mu.Unlock()
	if how != nil {
		how(w)
		return
	}
	f.next.ServeHTTP(w, r)
}

func (f *frail) fail(path string, how func(w http.ResponseWriter)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.path, f.how = path, how
}

// A notebook is a log that several write.
type notebook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notebook) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(b)
}

func (n *notebook) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	defer n.text.Reset()
	return n.text.String()
}

var (
	advicePattern = regexp.MustCompile(`id="problem-advice">([^<]+)<`)
	rulePattern   = regexp.MustCompile(`rule=[a-z_]+ `)
	// secretPattern is a code, a verifier or a token.
	secretPattern = regexp.MustCompile(`code=[^" ]|code_verifier|eyJ|Bearer|Basic`)
)

// A provider that fails at a step: the page says what happened and what to do, the log has it
// without a secret, and the next attempt works.
func TestProviderFails(t *testing.T) {
	f := new(frail)
	server := httptest.NewServer(f)
	defer server.Close()
	embedded, err := optest.New(func(c *op.Config) { c.Issuer, c.InsecureAllowHTTP = server.URL, true })
	if err != nil {
		t.Fatal(err)
	}
	f.next = embedded
	ways := map[string]struct {
		how   func(w http.ResponseWriter)
		title string
	}{
		"500": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }, "The sign-in service does not work at the moment"},
		"cut": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "The sign-in service cannot be reached"},
		"a page": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<h1>Maintenance</h1>"))
		}, "The sign-in was refused"},
	}
	for path, send := range map[string]string{"/register": "query", "/par": "par", "/token": "query", "/jwks": "query", "/userinfo": "query"} {
		for name, way := range ways {
			t.Run(strings.TrimPrefix(path, "/")+" "+name, func(t *testing.T) {
				// Each has an application that knows nothing yet.
				log := new(notebook)
				d, err := Start(t.Context(), Config{Listen: "127.0.0.1:0", Issuer: server.URL, InsecureAllowHTTP: true}, slog.New(slog.NewTextHandler(log, nil)))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(d.Close)
				v := visit(t, d)
				f.fail(path, way.how)
				page := v.login("send", send)
				page.wants(t, `id="problem"`, `id="problem-step"`, way.title)
				if advice := advicePattern.FindStringSubmatch(page.body); advice == nil || len(advice[1]) < 10 {
					t.Errorf("the page gives the advice %q", advice)
				}
				if strings.Contains(page.body, "Maintenance") && !strings.Contains(page.body, "&lt;h1&gt;Maintenance") {
					t.Error("the provider's page is in ours")
				}
				said := log.take()
				if !strings.Contains(said, "level=WARN") && !strings.Contains(said, "level=ERROR") {
					t.Errorf("the log says nothing of it: %s", said)
				}
				if name != "cut" && !rulePattern.MatchString(said) {
					t.Errorf("the log names no rule: %s", said)
				}
				if secretPattern.MatchString(said) {
					t.Errorf("the log tells a secret: %s", said)
				}
				f.fail("", nil)
				v.login("send", send).wants(t, `id="subject">diana<`)
			})
		}
	}
}
