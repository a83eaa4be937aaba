package interop

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	Ready       string `json:"ready,omitempty"`
	Event       string `json:"event,omitempty"`
	Method      string `json:"method,omitempty"`
	Grant       string `json:"grant,omitempty"`
	PKCE        string `json:"pkce,omitempty"`
	Client      string `json:"client,omitempty"`
	Type        string `json:"type,omitempty"`   // the response type
	Mode        string `json:"mode,omitempty"`   // the response mode that was asked for
	Object      bool   `json:"object,omitempty"` // the parameters came in a signed request object
	Bound       string `json:"bound,omitempty"`  // what the access token is bound to: dpop, mtls or nothing
	Audience    string `json:"audience,omitempty"`
	Endpoint    string `json:"endpoint,omitempty"`
	Error       string `json:"error,omitempty"`
	Description string `json:"description,omitempty"`
	Detail      string `json:"detail,omitempty"`
}

// String shows what is known of the event.
func (e event) String() string {
	text, err := json.Marshal(e)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// A provider is a running third-party provider.
type provider struct {
	issuer string
	caFile string // the trust root of its certificate; empty over plain http
	stop   func() error

	mu     sync.Mutex
	events []event
	said   bytes.Buffer // on standard error, and what was no event
}

// seen returns the events so far, oldest first.
func (p *provider) seen() []event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// of returns what the provider saw of one client.
func (p *provider) of(client string) []event {
	return slices.DeleteFunc(p.seen(), func(e event) bool { return e.Client != client })
}

// eventually waits until the provider has told of an event of a client: it tells while
// it answers.
func (p *provider) eventually(client string, is func(event) bool) bool {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if slices.ContainsFunc(p.of(client), is) {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// wantSeen reports events of a client that the provider does not tell of.
func (p *provider) wantSeen(t *testing.T, client string, events ...event) {
	t.Helper()
	for _, want := range events {
		want.Client = client
		if !p.eventually(client, func(e event) bool { return e == want }) {
			t.Errorf("the provider saw %v, want %v among it", p.of(client), want)
		}
	}
}

// Write keeps what the provider says.
func (p *provider) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(text)
}

// tellIfFailed logs what the provider saw and said when t ends in failure.
func (p *provider) tellIfFailed(t *testing.T) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		for _, e := range p.seen() {
			if e.Event == "refused" || e.Event == "fault" {
				t.Logf("the provider saw %v", e)
			}
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		t.Logf("the provider said:\n%s", p.said.String())
	})
}

// patience is how long a provider may take to start: the interpreters are slow on a
// busy machine.
const patience = time.Minute

// launch runs a provider: a command that takes its settings as one more argument in
// JSON, prints {"ready": issuer} and then its events, one JSON object a line, and stops
// at the end of its standard input.
func launch(settings map[string]any, secure bool, command ...string) (*provider, error) {
	p := &provider{}
	if settings == nil {
		settings = map[string]any{}
	}
	cmd := exec.Command(command[0], command[1:]...)
	if secure {
		a, err := issued()
		if err != nil {
			return nil, err
		}
		p.caFile = a.file("ca.pem")
		settings["tls"] = map[string]string{"cert": a.file("server.pem"), "key": a.file("server.key"), "ca": p.caFile}
		cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+p.caFile, "REQUESTS_CA_BUNDLE="+p.caFile)
	}
	argument, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	cmd.Args = append(cmd.Args, string(argument))
	cmd.Stderr = p
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ready, done := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(done)
		defer close(ready)
		p.listen(stdout, ready)
	}()
	p.stop = sync.OnceValue(func() error {
		_ = stdin.Close()
		<-done
		return cmd.Wait()
	})
	select {
	case issuer, ok := <-ready:
		if !ok {
			return nil, fmt.Errorf("the provider did not start: %w\n%s", p.stop(), p.said.String())
		}
		p.issuer = issuer
		return p, nil
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		return nil, errors.Join(errors.New("the provider did not start in time"), p.stop())
	}
}

// listen reads the events.
func (p *provider) listen(stdout io.Reader, ready chan<- string) {
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			e = event{Event: "fault", Description: "it printed " + lines.Text()}
		}
		if e.Ready != "" {
			ready <- e.Ready
			continue
		}
		p.mu.Lock()
		p.events = append(p.events, e)
		p.mu.Unlock()
	}
}

// start runs oidc-provider for one test.
func start(t *testing.T, secure bool) *provider {
	t.Helper()
	needNode(t)
	return alone(t, func() (*provider, error) { return launch(nil, secure, "node", "provider.mjs") })
}

// alone starts a provider for one test.
func alone(t *testing.T, start func() (*provider, error)) *provider {
	t.Helper()
	p, err := start()
	if err != nil {
		t.Fatal(err)
	}
	p.tellIfFailed(t)
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("the provider ended with %v", err)
		}
	})
	return p
}

func needNode(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "%s is not installed", tool)
		}
	}
	if out, err := install(); err != nil {
		missing(t, "the provider could not be installed: %v\n%s", err, out)
	}
}

// A common is a provider that the tests of the package share: it is started by the
// first that needs it and stopped with the last.
type common struct {
	need  func(t *testing.T) // ends t when the provider cannot be had
	start func() (*provider, error)

	once     sync.Once
	provider *provider
	err      error
}

// oidcProvider is oidc-provider for every test that can share it.
var oidcProvider = &common{need: needNode, start: func() (*provider, error) {
	return launch(nil, true, "node", "provider.mjs")
}}

func (c *common) get(t *testing.T) *provider {
	t.Helper()
	c.need(t)
	c.once.Do(func() { c.provider, c.err = c.start() })
	if c.err != nil {
		t.Fatal(c.err)
	}
	c.provider.tellIfFailed(t)
	return c.provider
}

// end stops the provider, if it was started.
func (c *common) end() error {
	if c.provider == nil {
		return nil
	}
	return c.provider.stop()
}

// client returns an HTTP client that trusts the provider and follows no redirect.
func (p *provider) client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	if p.caFile != "" {
		transport.TLSClientConfig = &tls.Config{RootCAs: certificates(t).roots(t)}
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
	t.Parallel()
	p := oidcProvider.get(t)
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
