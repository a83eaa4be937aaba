package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// run runs a verb of the binary and returns its report and its exit code. watch, if
// not nil, sees each line of the narration as it appears.
func run(t *testing.T, p *provider, watch func(line string), arguments ...string) (*report, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	arguments = append(arguments, "--output", "json", "--issuer", p.issuer, "--ca-file", p.caFile)
	cmd := exec.CommandContext(ctx, binary(t), arguments...)
	var stdout, narration bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		narration.WriteString(lines.Text() + "\n")
		if watch != nil {
			watch(lines.Text())
		}
	}
	if err, exit := cmd.Wait(), (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v\n%s", arguments, err, narration.String())
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v printed no report: %v\n%s\n%s", arguments, err, stdout.String(), narration.String())
	}
	for _, text := range [][]byte{stdout.Bytes(), narration.Bytes()} {
		// The user's code of a device is there to be shown.
		if secret := credential.Find(bytes.ReplaceAll(text, []byte("user_code="), nil)); secret != nil {
			t.Errorf("%v printed a secret: %s", arguments, secret)
		}
	}
	return &r, cmd.ProcessState.ExitCode()
}

var shownCode = regexp.MustCompile(`enter the code ([A-Z]{4}-[A-Z]{4})$`)

// TestDevice: the code that is shown is entered after the first poll, so that one poll
// finds nothing decided.
func TestDevice(t *testing.T) {
	for _, c := range []struct {
		name, as string
		exit     int
	}{{"agreed", "alice", 0}, {"declined", "", 4}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := oidcProvider.get(t)
			client := p.client(t)
			code, decided := "", false
			watch := func(line string) {
				if found := shownCode.FindStringSubmatch(line); found != nil {
					code = found[1]
				}
				if decided || code == "" || !strings.HasPrefix(line, "→ device_token") {
					return
				}
				decided = true
				go func() {
					time.Sleep(time.Second) // after the answer to this poll
					resp, err := client.Get(p.issuer + "/decide?" + url.Values{"user_code": {code}, "as": {c.as}}.Encode())
					if err != nil {
						t.Error(err)
						return
					}
					_ = resp.Body.Close()
				}()
			}
			r, exit := run(t, p, watch, "device", "--scope", "openid profile")
			if exit != c.exit {
				t.Fatalf("exit %d: %s at %s, %v", exit, r.Outcome, r.FailedStep, r.Error)
			}
			polls := 0
			for _, name := range r.services() {
				if name == "device_token" {
					polls++
				}
			}
			if polls != 2 {
				t.Errorf("the steps were %v", r.services())
			}
			if c.exit != 0 {
				if r.FailedStep != "device_token" || r.Error["code"] != "access_denied" {
					t.Errorf("refused at %s: %v", r.FailedStep, r.Error)
				}
				return
			}
			if r.IDToken["sub"] != c.as || r.UserInfo["name"] != "User "+c.as || r.verdict("idtoken_signature") != "passed" {
				t.Errorf("the ID Token is %v, UserInfo %v", r.IDToken, r.UserInfo)
			}
		})
	}
}

func TestBackchannelAuthentication(t *testing.T) {
	for _, c := range []struct {
		hint string
		exit int
	}{{"alice", 0}, {"mallory", 4}} {
		t.Run(c.hint, func(t *testing.T) {
			t.Parallel()
			p := oidcProvider.get(t)
			r, exit := run(t, p, nil, "ciba", "--scope", "openid email", "--login-hint", c.hint, "--binding-message", "W4SCT")
			if exit != c.exit {
				t.Fatalf("exit %d: %s at %s, %v", exit, r.Outcome, r.FailedStep, r.Error)
			}
			if !slices.Contains(r.services(), "ciba_token") {
				t.Errorf("the steps were %v", r.services())
			}
			if c.exit != 0 {
				if r.FailedStep != "ciba_token" || r.Error["code"] != "access_denied" {
					t.Errorf("refused at %s: %v", r.FailedStep, r.Error)
				}
				return
			}
			if r.IDToken["sub"] != c.hint || r.UserInfo["email"] != c.hint+"@example.org" || r.verdict("idtoken_signature") != "passed" {
				t.Errorf("the ID Token is %v, UserInfo %v", r.IDToken, r.UserInfo)
			}
		})
	}
}

// TestTokenServices: the token of a login is introspected and revoked.
func TestTokenServices(t *testing.T) {
	t.Parallel()
	p := oidcProvider.get(t)
	r, exit, stderr := walkthrough(t, p, append([]string{"--issuer", p.issuer, "--scope", "openid offline_access", "--introspect", "--revoke"}, person...)...)
	if exit != 0 {
		t.Fatalf("exit %d: %s at %s, %v\n%s", exit, r.Outcome, r.FailedStep, r.Error, stderr)
	}
	for _, rule := range []string{"introspection_active", "revocation_response", "revocation_local"} {
		if v := r.verdict(rule); v != "passed" {
			t.Errorf("%s: %q", rule, v)
		}
	}
}
