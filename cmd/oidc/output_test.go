package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/cmd/internal/report"
)

// A provider that repeats every secret it is given or gives, wherever it can.
func chatter(t *testing.T) *fake {
	f := newFake(t)
	f.over["/authorize"] = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") == "" {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "the-secret-cookie", Path: "/"})
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
			return
		}
		f.standard(w, r)
	}
	f.over["/userinfo"] = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.Header().Set("Set-Cookie", "session=the-secret-cookie; Path=/")
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer error="invalid_token", error_description="%s is bad"`, fakeAccess))
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(401)
		fmt.Fprintf(w, `<p>code=%s token %s secret %s, again %s {"refresh_token": "%s", broken`, fakeCode, fakeAccess, fakeSecret, url.QueryEscape(fakeManage), fakeRefresh)
	}
	return f
}

// jwtShape is the beginning of a JWT: a thumbprint may hold the letters by chance.
var jwtShape = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]`)

var seeded = []string{fakeCode, fakeAccess, fakeRefresh, fakeSecret, fakeManage, "the-secret-cookie"}

// Every seeded secret is absent from every format, and so are the ones that we made.
func TestTranscriptHasNoSecret(t *testing.T) {
	f := chatter(t)
	for _, format := range report.Formats() {
		for _, method := range []string{"client_secret_basic", "client_secret_post", "private_key_jwt"} {
			t.Run(format+" "+method, func(t *testing.T) {
				record := filepath.Join(t.TempDir(), "record.json")
				args := f.at("--output", format, "--record", record, "--token-endpoint-auth-method", method, "--refresh")
				exit, stdout, stderr := oidc(t, args...)
				if exit == 0 || len(stdout) < 500 {
					t.Fatalf("exit %d, %d bytes", exit, len(stdout))
				}
				secrets := append(secretsOfRecord(t, record), seeded...)
				if len(secrets) < len(seeded)+3 {
					t.Errorf("the recording has too few secrets: %d", len(secrets))
				}
				for _, secret := range secrets {
					for _, form := range []string{secret, url.QueryEscape(secret)} {
						if strings.Contains(stdout, form) || strings.Contains(stderr, form) {
							t.Errorf("%s is printed", secret)
						}
					}
				}
				if jwtShape.MatchString(stdout) {
					t.Error("a token is printed")
				}
				if format != "mermaid" && !strings.Contains(stdout, report.Masked) {
					t.Error("nothing is masked")
				}
				// They are there when they are asked for.
				if format == "mermaid" {
					return
				}
				_, stdout, _ = oidc(t, append(args, "--show-secrets")...)
				// An error names no credential that was sent, whoever asks.
				shown := strings.ReplaceAll(stdout, report.Masked+" is bad", "")
				if !strings.Contains(shown, "Bearer "+fakeAccess) || strings.Contains(shown, report.Masked) && format == "json" {
					t.Error("--show-secrets shows none")
				}
			})
		}
	}
}

// secretsOfRecord finds verifier, assertions and tokens in a recording.
func secretsOfRecord(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the recording can be read by others: %v", info.Mode())
	}
	var tr struct {
		Exchanges []struct {
			Request  struct{ Body string }
			Response *struct{ Body string }
		}
	}
	if err := json.Unmarshal(data, &tr); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range tr.Exchanges {
		v, _ := url.ParseQuery(e.Request.Body)
		for _, name := range []string{"code", "code_verifier", "client_secret", "client_assertion", "refresh_token"} {
			found = append(found, v[name]...)
		}
		if e.Response != nil {
			var m map[string]any
			if json.Unmarshal([]byte(e.Response.Body), &m) == nil {
				for _, name := range []string{"id_token", "access_token", "client_secret"} {
					if s, ok := m[name].(string); ok {
						found = append(found, s)
					}
				}
			}
		}
	}
	return found
}

func TestFormatsAreWellFormed(t *testing.T) {
	f := newFake(t)
	run := func(format string) string {
		exit, stdout, stderr := oidc(t, f.at("--output", format, "--quiet")...)
		if exit != 0 || stderr != "" {
			t.Fatalf("%s: exit %d, %s", format, exit, stderr)
		}
		return stdout
	}
	var har struct {
		Log struct {
			Version string
			Entries []struct {
				StartedDateTime string
				Request         struct{ Method, URL string }
				Response        struct{ Status int }
			}
		}
	}
	if err := json.Unmarshal([]byte(run("har")), &har); err != nil || har.Log.Version != "1.2" || len(har.Log.Entries) != 6 || har.Log.Entries[0].Response.Status != 200 {
		t.Errorf("har: %v, %+v", err, har)
	}
	if out := run("mermaid"); !strings.HasPrefix(out, "sequenceDiagram\n") || !strings.Contains(out, "Note over B,P: ok") {
		t.Errorf("mermaid: %s", out)
	}
	if out := run("markdown"); !strings.HasPrefix(out, "# A conversation with ") || strings.Count(out, "```")%2 != 0 {
		t.Errorf("markdown: %s", out)
	}
	if out := run("curl"); !strings.HasPrefix(out, "#!/bin/sh\n") || strings.Count(out, "\ncurl ") != 5 || strings.Count(out, " --cacert '"+f.ca+"'") != 5 {
		t.Errorf("curl: %s", out)
	}
	text := run("text")
	for _, want := range []string{"1. provider_info", "why ", "request ", "response ", "checks ", "✓ idtoken_signature", "context ", "state record ", "Done."} {
		if !strings.Contains(text, want) {
			t.Errorf("text lacks %q", want)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("a file is coloured")
	}
}

// What a provider says cannot move the cursor, end a code block, or leave a word of
// the shell.
func TestUntrustedTextIsHarmless(t *testing.T) {
	f := newFake(t)
	evil := "\x1b[2J\u202e```\n# hi\n'; rm -rf ~; '"
	body, _ := json.Marshal(map[string]any{"error": "invalid_client", "error_description": evil})
	f.answer("/register", 400, "application/json", string(body))
	for _, format := range report.Formats() {
		_, stdout, stderr := oidc(t, f.at("--output", format)...)
		for _, text := range []string{stdout, stderr} {
			if strings.ContainsAny(text, "\x1b\u202e") && format != "json" && format != "har" {
				t.Errorf("%s: a control character is printed", format)
			}
		}
		if strings.Contains(stdout, "\n# hi") || format == "curl" && strings.Contains(stdout, "\n'; rm") {
			t.Errorf("%s: a line of the provider's own: %s", format, stdout)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Setenv("EMPTY", "")
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte(`{"redirect_uris": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{}, {"nonsense"}, {"walkthrough", "extra"}, {"walkthrough", "--no-such-flag"}, {"walkthrough", "--timeout", "x"}, {"walkthrough", "--timeout", "0s"},
		{"walkthrough", "--logins", "0"}, {"walkthrough", "--until", "nowhere"}, {"walkthrough", "--pkce", "plain"}, {"walkthrough", "--userinfo", "query"},
		{"walkthrough", "--user-agent", "lynx"}, {"walkthrough", "--request-method", "carrier-pigeon"}, {"walkthrough", "--issuer", "http://127.0.0.1:1"},
		{"walkthrough", "--issuer", "not a url"}, {"walkthrough", "--issuer", "https://op.example?x=1"}, {"walkthrough", "--store", "floppy:a"}, {"walkthrough", "--resume", "x"},
		{"walkthrough", "--client-config", bad}, {"walkthrough", "--client-config", filepath.Join(dir, "none")}, {"walkthrough", "--client-secret-env", "EMPTY", "--client-id", "x"},
		{"walkthrough", "--client-secret-file", dir, "--client-id", "x"}, {"walkthrough", "--ca-file", bad, "--issuer", "https://op.example"}, {"walkthrough", "--param", "novalue"},
		{"walkthrough", "--claims", "{"}, {"walkthrough", "--max-age", "-1"}, {"walkthrough", "--prompt", "none login"}, {"walkthrough", "--scope", "email"},
		{"walkthrough", "--script", bad}, {"walkthrough", "--compat", "nothing"}, {"walkthrough", "--profile", "strict"}, {"walkthrough", "--tls-cert", "x"},
		{"walkthrough", "--param", "scope=openid", "--scope", "openid"}, {"walkthrough", "--pkce", "none", "--token-endpoint-auth-method", "none"},
		{"walkthrough", "--request-uri-base", "https://rp.example/"}, {"walkthrough", "--request-method", "request_uri", "--request-uri-base", "http://rp.example/"},
		{"walkthrough", "--request-method", "request_uri", "--issuer", "https://op.example"},
		{"walkthrough", "--resource", "=xri"}, {"walkthrough", "--resource", "mailto:joe@op.example"},
		{"replay"}, {"replay", bad}, {"replay", filepath.Join(dir, "none")}, {"discover"}, {"discover", "http://127.0.0.1:1"}, {"decode"},
		{"keys"}, {"keys", "generate"}, {"keys", "generate", "--alg", "none", "--show-secrets"}, {"keys", "rotate", bad}, {"keys", "thumbprint", bad}, {"completion", "tcsh"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			exit, stdout, stderr := oidc(t, append(args, "--output", "json")...)
			var o struct {
				Outcome string
				Error   map[string]any
			}
			if err := json.Unmarshal([]byte(stdout), &o); err != nil {
				t.Fatalf("no object: %v: %s", err, stdout)
			}
			if exit != 2 || o.Outcome != "config" || len(o.Error) != 6 || o.Error["kind"] != "config" || o.Error["message"] == "" {
				t.Errorf("exit %d, %s", exit, stdout)
			}
			if !strings.Contains(stderr, "oidc: ") {
				t.Errorf("stderr says nothing: %q", stderr)
			}
		})
	}
	if exit, stdout, stderr := oidc(t, "walkthrough", "--no-such-flag"); exit != 2 || stdout != "" || !strings.Contains(stderr, "no-such-flag") {
		t.Errorf("text: exit %d, %q, %q", exit, stdout, stderr)
	}
	if exit, _, _ := oidc(t, "walkthrough", "--output", "xml"); exit != 2 {
		t.Errorf("an unknown output: exit %d", exit)
	}
	if exit, stdout, _ := oidc(t, "--help"); exit != 0 || !strings.Contains(stdout, "walkthrough") {
		t.Errorf("help: exit %d", exit)
	}
}

// TestVersion: a report of a fault can say which build it is about.
func TestVersion(t *testing.T) {
	exit, stdout, stderr := oidc(t, "--version")
	if exit != 0 || !strings.HasPrefix(stdout, "oidc version ") || !strings.Contains(stdout, runtime.Version()) || stderr != "" {
		t.Errorf("%d %q %q", exit, stdout, stderr)
	}
}
