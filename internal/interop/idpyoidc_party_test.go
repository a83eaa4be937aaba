package interop

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// partyFlows are the flows of idpyoidc's relying party with the provider of this
// repository. Where it departs from a specification, fault is what it ends with, and rule
// the one that the provider refuses it by, if it is the provider that does.
var partyFlows = map[string]struct{ fault, rule string }{
	"dynamic_registration":       {},
	"dynamic_client_secret_post": {},
	"client_secret_basic":        {},
	"client_secret_post":         {},
	"client_secret_jwt":          {},
	"private_key_jwt":            {},
	"form_post":                  {},
	"code_id_token":              {},
	"id_token_es256":             {},
	"userinfo_signed":            {},
	"userinfo_encrypted":         {},
	"claims_parameter":           {},
	"prompt_none":                {},
	"access_denied":              {},
	"introspection":              {},
	"request_object":             {},
	"logout":                     {},
	"backchannel":                {},
	// It looks for the signature before it has decrypted.
	"id_token_encrypted": {fault: "not a signed JWT"},
	// RFC 7009, Section 2.2: "The content of the response body is ignored by the client".
	"revocation": {fault: "Missing or faulty response"},
	// The iss and sub of its assertions are null once it has registered itself.
	"dynamic_private_key_jwt": {fault: "invalid_client", rule: "op_assertion_claims"},
	// The aud of its request objects is "request", unless they come of its add-on. The
	// state is in the object that was refused.
	"request_parameter": {fault: "KeyError('state')", rule: "op_jar_claims"},
	// In request objects that it pushes, scope and response_type are arrays.
	"pushed_authorization": {fault: "ConnectionError", rule: "op_jar_error"},
	// It sends bound tokens as Bearer (RFC 9449, Section 7.1).
	"dpop": {fault: "invalid_token", rule: "op_dpop_scheme"},
}

// TestIdpyoidcParty: the other direction. Each flow is a client of its own.
func TestIdpyoidcParty(t *testing.T) {
	t.Parallel()
	needPython(t)
	s := startProvider(t)
	p := startParty(t, s)
	if written := slices.Sorted(slices.Values(p.flows)); !slices.Equal(written, slices.Sorted(maps.Keys(partyFlows))) {
		t.Errorf("the script has %v, and this test others", written)
	}
	for _, name := range p.flows {
		t.Run(name, func(t *testing.T) {
			want := partyFlows[name]
			before := s.log.len()
			fault := p.run(t, name)
			said := s.log.from(before)
			if want.fault == "" && fault != "" || !strings.Contains(fault, want.fault) {
				t.Errorf("it ends with %q, want %q; the provider says\n%s", fault, want.fault, said)
			}
			if want.rule != "" && !strings.Contains(said, "rule="+want.rule+" ") {
				t.Errorf("no refusal by %s; the provider says\n%s", want.rule, said)
			}
		})
	}
}

// An ownProvider is the provider of this repository on a port of this machine.
type ownProvider struct {
	issuer string
	log    journal

	mu    sync.Mutex
	party string // where https://rp.example is
}

func startProvider(t *testing.T) *ownProvider {
	t.Helper()
	pair, err := certificates(t).pair("server")
	if err != nil {
		t.Fatal(err)
	}
	s := &ownProvider{}
	server := httptest.NewUnstartedServer(nil)
	s.issuer = "https://" + server.Listener.Addr().String()
	p, err := optest.New(func(c *op.Config) {
		c.Issuer, c.Outbound = s.issuer, s
		c.Logger = slog.New(slog.NewTextHandler(&s.log, nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = p
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	return s
}

// RoundTrip brings what is for https://rp.example to where it is.
func (s *ownProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" || r.URL.Host != "rp.example" {
		return nil, fmt.Errorf("no way to %s", r.URL.Host)
	}
	r = r.Clone(r.Context())
	s.mu.Lock()
	r.URL.Scheme, r.URL.Host = "http", s.party
	s.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

// A journal keeps what the provider logs.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Len()
}

func (j *journal) from(start int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()[start:]
}

// A foreignParty is the process of idpyoidc's relying party.
type foreignParty struct {
	flows  []string
	stdin  io.Writer
	stdout *bufio.Scanner
	stderr *journal
}

// A partyEvent is a line that it prints.
type partyEvent struct {
	Listening string   `json:"listening"`
	Flows     []string `json:"flows"`
	Flow      string   `json:"flow"`
	Error     string   `json:"error"`
}

func startParty(t *testing.T, s *ownProvider) *foreignParty {
	t.Helper()
	ca := certificates(t).file("ca.pem")
	settings, err := json.Marshal(map[string]any{
		"issuer": s.issuer, "ca": ca, "user": map[string]string{"username": optest.Username, "password": optest.Password},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, python, filepath.Join("idpyoidc", "party.py"), string(settings))
	cmd.Env = append(cmd.Environ(), "REQUESTS_CA_BUNDLE="+ca)
	p := &foreignParty{stderr: &journal{}}
	cmd.Stderr = p.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		if err := stdin.Close(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, p.stderr.from(0))
		}
	})
	p.stdin, p.stdout = stdin, bufio.NewScanner(stdout)
	listening := p.next(t).Listening
	s.mu.Lock()
	s.party = listening
	s.mu.Unlock()
	p.flows = p.next(t).Flows
	return p
}

func (p *foreignParty) next(t *testing.T) (e partyEvent) {
	t.Helper()
	if !p.stdout.Scan() {
		time.Sleep(100 * time.Millisecond) // what it says last arrives beside
		t.Fatalf("it ended: %v\n%s", p.stdout.Err(), p.stderr.from(0))
	}
	if err := json.Unmarshal(p.stdout.Bytes(), &e); err != nil {
		t.Fatalf("%s: %v", p.stdout.Bytes(), err)
	}
	return e
}

// run takes it through a flow and returns what it fails with, if it does.
func (p *foreignParty) run(t *testing.T, name string) string {
	t.Helper()
	if _, err := fmt.Fprintln(p.stdin, name); err != nil {
		t.Fatal(err)
	}
	e := p.next(t)
	if e.Flow != name {
		t.Fatalf("%q was run instead", e.Flow)
	}
	return e.Error
}
