package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"
)

// A report is the JSON object of "oidc walkthrough --output json".
type report struct {
	Outcome     string         `json:"outcome"`
	FailedStep  string         `json:"failed_step"`
	Error       map[string]any `json:"error"`
	Issuer      string         `json:"issuer"`
	ClientID    string         `json:"client_id"`
	Steps       []step         `json:"steps"`
	States      []string       `json:"states"`
	StateRecord []string       `json:"state_record"`
	IDToken     map[string]any `json:"id_token"`
	UserInfo    map[string]any `json:"userinfo"`
}

type step struct {
	Service string `json:"service"`
	Checks  []struct {
		Rule    string `json:"rule"`
		Verdict string `json:"verdict"`
	} `json:"checks"`
}

func (r *report) services() []string {
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Service)
	}
	return names
}

// verdict returns what the last evaluation of a rule said, "" if there was none.
func (r *report) verdict(rule string) string {
	for _, s := range slices.Backward(r.Steps) {
		for _, c := range slices.Backward(s.Checks) {
			if c.Rule == rule {
				return c.Verdict
			}
		}
	}
	return ""
}

// built is the binary, made once for all tests of the module.
var built struct {
	once sync.Once
	dir  string
	file string
	out  []byte
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, c := range []*common{oidcProvider, zitadel, idpyoidc, idpyoidcAsItIs} {
		if err := c.end(); err != nil {
			fmt.Fprintln(os.Stderr, "a provider ended with", err)
			code = 1
		}
	}
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	if a, err := issued(); err == nil {
		_ = os.RemoveAll(a.dir)
	}
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "interop"); built.err != nil {
			return
		}
		built.file = filepath.Join(built.dir, "oidc")
		build := exec.Command("go", "build", "-o", built.file, "./cmd/oidc")
		build.Dir = filepath.Join("..", "..")
		built.out, built.err = build.CombinedOutput()
	})
	if built.err != nil {
		t.Fatalf("building the binary: %v\n%s", built.err, built.out)
	}
	return built.file
}

// credential matches what must never be printed: a signed token, or a parameter that holds a secret.
// A token begins a word; within one, in the modulus of a published key, "eyJ" stands by chance.
var credential = regexp.MustCompile(`(?:^|[^A-Za-z0-9_-]|\\[nrt])eyJ[A-Za-z0-9_-]{20,}|(code|code_verifier|client_secret|client_assertion|refresh_token|access_token)=[^*&"\\]`)

// walkthrough runs the binary and returns its report, its exit code and its narration.
func walkthrough(t *testing.T, p *provider, arguments ...string) (*report, int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	arguments = append([]string{"walkthrough", "--output", "json", "--user-agent", "headless"}, arguments...)
	if p.caFile != "" {
		arguments = append(arguments, "--ca-file", p.caFile)
	}
	cmd := exec.CommandContext(ctx, binary(t), arguments...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v\n%s", arguments, err, stderr.String())
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v printed no report: %v\n%s\n%s", arguments, err, stdout.String(), stderr.String())
	}
	for _, text := range [][]byte{stdout.Bytes(), stderr.Bytes()} {
		if secret := credential.Find(text); secret != nil {
			t.Errorf("%v printed a secret: %s", arguments, secret)
		}
	}
	return &r, cmd.ProcessState.ExitCode(), stderr.String()
}

// person fills the provider's login page, and asks for the logout it then confirms.
var person = []string{"--form", "login=alice", "--form", "password=any", "--form", "logout=yes"}

func TestWalkthrough(t *testing.T) {
	cases := []struct {
		method string
		secure bool
	}{
		{"client_secret_basic", true},
		{"client_secret_post", true},
		{"client_secret_jwt", true},
		{"private_key_jwt", true},
		{"none", true},
		{"client_secret_basic", false},
	}
	for _, c := range cases {
		name := c.method
		if !c.secure {
			name += " over http"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := oidcProvider.get(t)
			if !c.secure {
				p = start(t, false)
			}
			arguments := append([]string{
				"--issuer", p.issuer,
				"--token-endpoint-auth-method", c.method,
				"--scope", "openid profile email offline_access",
				"--prompt", "consent",
				"--refresh", "--logout",
			}, person...)
			if !c.secure {
				arguments = append(arguments, "--insecure-allow-http")
			}
			r, code, narration := walkthrough(t, p, arguments...)

			if r.Outcome != "ok" || code != 0 {
				t.Fatalf("outcome %q, exit code %d, failed step %q, error %v\n%s", r.Outcome, code, r.FailedStep, r.Error, narration)
			}
			for _, s := range r.Steps {
				for _, check := range s.Checks {
					if check.Verdict == "failed" {
						t.Errorf("%s: %s failed in a login that succeeded", s.Service, check.Rule)
					}
				}
			}
			wantInOrder(t, r.services(), "provider_info", "registration", "authorization", "accesstoken", "userinfo")
			wantInOrder(t, r.services(), "accesstoken", "refresh_token", "end_session")
			wantInOrder(t, r.StateRecord, "iss", "auth_request", "auth_response", "token_response",
				"refresh_token_request", "refresh_token_response", "user_info")
			for _, rule := range []string{"idtoken_signature", "idtoken_iss", "idtoken_aud", "idtoken_exp", "idtoken_nonce", "authz_response_iss"} {
				if got := r.verdict(rule); got != "passed" {
					t.Errorf("the report says %q of %s, want passed", got, rule)
				}
			}
			if r.Issuer != p.issuer || r.IDToken["iss"] != p.issuer {
				t.Errorf("issuer %q, ID Token of %v, want %q", r.Issuer, r.IDToken["iss"], p.issuer)
			}
			if r.IDToken["sub"] != "alice" || r.UserInfo["sub"] != "alice" || r.UserInfo["email"] != "alice@example.org" {
				t.Errorf("ID Token %v and UserInfo %v are not alice's", r.IDToken, r.UserInfo)
			}

			// The other side's word for it.
			want := []event{
				{Event: "registered", Method: c.method, Client: r.ClientID},
				{Event: "authorized", Type: "code", PKCE: "S256", Client: r.ClientID},
				{Event: "granted", Grant: "authorization_code", Method: c.method, Client: r.ClientID},
				{Event: "granted", Grant: "refresh_token", Method: c.method, Client: r.ClientID},
				{Event: "logged_out", Client: r.ClientID},
			}
			p.wantSeen(t, r.ClientID, want[len(want)-1])
			if got := p.of(r.ClientID); !slices.Equal(got, want) {
				t.Errorf("the provider saw %v, want %v", got, want)
			}
		})
	}
}

// wantInOrder reports names that are absent from list or stand in another order.
func wantInOrder(t *testing.T, list []string, names ...string) {
	t.Helper()
	rest := list
	for _, name := range names {
		i := slices.Index(rest, name)
		if i < 0 {
			t.Errorf("%q is missing or out of order in %q", name, list)
			return
		}
		rest = rest[i+1:]
	}
}

// The issuer is found by WebFinger first, from an identifier that the person types.
func TestWalkthroughFromIdentifier(t *testing.T) {
	t.Parallel()
	p := oidcProvider.get(t)
	r, code, narration := walkthrough(t, p, append([]string{"--resource", p.issuer + "/alice"}, person...)...)
	if r.Outcome != "ok" || code != 0 {
		t.Fatalf("outcome %q, exit code %d, failed step %q, error %v\n%s", r.Outcome, code, r.FailedStep, r.Error, narration)
	}
	wantInOrder(t, r.services(), "webfinger", "provider_info", "registration", "authorization", "accesstoken", "userinfo")
	want := []string{"iss", "auth_request", "auth_response", "token_response", "user_info"}
	if !slices.Equal(r.StateRecord, want) {
		t.Errorf("state record %q, want %q", r.StateRecord, want)
	}
}

// A provider that says no is reported as one: with its code, and nothing verified to show.
func TestWalkthroughRefused(t *testing.T) {
	t.Parallel()
	p := oidcProvider.get(t)
	r, code, _ := walkthrough(t, p, append([]string{"--issuer", p.issuer, "--prompt", "none"}, person...)...)
	if r.Outcome != "provider_error" || code != 4 || r.Error["code"] != "login_required" {
		t.Errorf("outcome %q, exit code %d, error %v, want provider_error, 4 and login_required", r.Outcome, code, r.Error)
	}
	if r.FailedStep != "authorization" {
		t.Errorf("failed step %q, want authorization", r.FailedStep)
	}
	if r.IDToken != nil || r.UserInfo != nil {
		t.Errorf("claims are shown without a login: %v %v", r.IDToken, r.UserInfo)
	}
}

// An issuer that differs by its last slash is another issuer: the provider's own
// metadata contradicts it, and nothing more is asked.
func TestWalkthroughOtherIssuer(t *testing.T) {
	t.Parallel()
	p := start(t, true)
	r, code, _ := walkthrough(t, p, append([]string{"--issuer", p.issuer + "/"}, person...)...)
	if r.Outcome != "violation" || code != 5 || r.Error["rule"] != "metadata_issuer" {
		t.Errorf("outcome %q, exit code %d, error %v, want violation, 5 and metadata_issuer", r.Outcome, code, r.Error)
	}
	if seen := p.seen(); len(seen) != 0 {
		t.Errorf("after the refusal the provider saw %v", seen)
	}
}

// A certificate of nobody we trust is a fault of the network, not of the provider.
func TestWalkthroughUntrustedCertificate(t *testing.T) {
	t.Parallel()
	p := start(t, true)
	p.caFile = ""
	r, code, _ := walkthrough(t, p, "--issuer", p.issuer)
	if r.Outcome != "transport" || code != 3 {
		t.Errorf("outcome %q, exit code %d, want transport and 3: %v", r.Outcome, code, r.Error)
	}
	if seen := p.seen(); len(seen) != 0 {
		t.Errorf("the provider saw %v of a client that does not trust it", seen)
	}
}
