package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A lintObject is the JSON object of lint.
type lintObject struct {
	Outcome   string
	Error     *struct{ Kind, Message string }
	Documents []struct{ Location, Type string }
	Summary   map[string]int
	Findings  []struct{ Rule, Severity, Member, Location, Spec string }
}

func lintJSON(t *testing.T, stdin string, args ...string) (int, *lintObject) {
	t.Helper()
	exit, stdout, stderr := oidcWith(t, stdin, append([]string{"lint", "--output", "json"}, args...)...)
	o := new(lintObject)
	if err := json.Unmarshal([]byte(stdout), o); err != nil {
		t.Fatalf("%v: %s %s", err, stdout, stderr)
	}
	return exit, o
}

func (o *lintObject) has(rule, member string) bool {
	return slices.ContainsFunc(o.Findings, func(f struct{ Rule, Severity, Member, Location, Spec string }) bool {
		return f.Rule == rule && f.Member == member
	})
}

func TestLintIssuer(t *testing.T) {
	const oauthPath = "/.well-known/oauth-authorization-server"
	f := newFake(t)
	exit, o := lintJSON(t, "", f.URL, "--ca-file", f.ca)
	if exit != 0 || o.Outcome != "ok" || len(o.Documents) != 2 || !o.has("op_metadata_rfc8414", "") || !o.has("lint_recommended", "scopes_supported") {
		t.Errorf("exit %d, %+v", exit, o)
	}
	if got := f.asked(); !slices.Contains(got, "/jwks") || !slices.Contains(got, oauthPath) || len(got) != 3 {
		t.Errorf("asked for %v", got)
	}
	if exit, o := lintJSON(t, "", f.URL, "--ca-file", f.ca, "--threshold", "warning"); exit != 7 || o.Outcome != "findings" || o.Summary["warning"] == 0 {
		t.Errorf("threshold: exit %d, %+v", exit, o)
	}
	f.over[oauthPath] = nil
	f.answer("/jwks", 200, "text/plain", `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`)
	f.meta = func(m map[string]any) {
		m["issuer"] = "https://evil.example"
		m["token_endpoint"] = "http://op.example"
	}
	exit, o = lintJSON(t, "", f.URL, "--ca-file", f.ca)
	if exit != 7 || !o.has("metadata_issuer", "issuer") || !o.has("metadata_endpoint_url", "token_endpoint") ||
		!o.has("jwks_no_private", "keys[0].k") || !o.has("jwks_shape", "") || !o.has("lint_key_for_alg", "keys") {
		t.Errorf("exit %d, %+v", exit, o)
	}
	if exit, o := lintJSON(t, "", f.URL, "--ca-file", f.ca, "--type", "jwks"); exit != 7 || o.has("metadata_issuer", "issuer") || len(o.Documents) != 1 {
		t.Errorf("keys only: exit %d, %+v", exit, o)
	}
	f.answer(wellKnown, 404, "text/plain", "no")
	if exit, o := lintJSON(t, "", f.URL, "--ca-file", f.ca); exit != 7 || !o.has("metadata_status", "") {
		t.Errorf("nothing there: exit %d, %+v", exit, o)
	}
	f.answer(oauthPath, 200, "application/json", `{"issuer":"`+f.URL+`","response_types_supported":["code"],"authorization_endpoint":"`+f.URL+`/a","token_endpoint":"`+f.URL+`/t"}`)
	if _, o := lintJSON(t, "", f.URL, "--ca-file", f.ca); o.has("metadata_status", "") || len(o.Documents) == 0 {
		t.Errorf("no OpenID Connect there: %+v", o)
	}
	for _, status := range []int{302, 503} {
		f.answer(wellKnown, status, "text/plain", "no")
		if exit, o := lintJSON(t, "", f.URL, "--ca-file", f.ca); exit != 7 || !o.has("metadata_status", "") {
			t.Errorf("OpenID Connect answers %d: exit %d, %+v", status, exit, o)
		}
	}
	if exit, o := lintJSON(t, "", f.URL); exit != 3 || o.Outcome != "transport" || o.Error == nil {
		t.Errorf("an unknown authority: exit %d, %+v", exit, o)
	}
	for _, args := range [][]string{{"http://op.example"}, {f.URL, "--type", "client"}, {f.URL, "--type", "x"}, {f.URL, "--threshold", "x"}, {"no-such-file"}, {}} {
		if exit, _, _ := oidc(t, append([]string{"lint"}, args...)...); exit != 2 {
			t.Errorf("%v: exit %d", args, exit)
		}
	}
	if exit, _, _ := oidc(t, "lint", f.URL, "--output", "har"); exit != 2 {
		t.Errorf("another output: exit %d", exit)
	}
}

func TestLintFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my client.json")
	if err := os.WriteFile(file, []byte("{\n\"redirect_uris\": [\"http://rp.example/cb\"]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	exit, o := lintJSON(t, "", file)
	if exit != 7 || o.Documents[0].Type != "client" || !o.has("op_reg_redirect_web", "redirect_uris[0]") {
		t.Errorf("exit %d, %+v", exit, o)
	}
	if exit, o := lintJSON(t, "", file, "--insecure-allow-http"); exit != 0 || !o.has("lint_http", "redirect_uris[0]") {
		t.Errorf("http admitted: exit %d, %+v", exit, o)
	}
	if exit, o := lintJSON(t, `{"keys":[]}`, "-"); exit != 0 || o.Documents[0].Type != "jwks" || o.Summary["warning"] != 1 {
		t.Errorf("stdin: exit %d, %+v", exit, o)
	}
	if exit, o := lintJSON(t, `{`, "-"); exit != 7 || !o.has("lint_json", "") {
		t.Errorf("no JSON: exit %d, %+v", exit, o)
	}
	if exit, _, stderr := oidcWith(t, `{}`, "lint", "-"); exit != 2 || !strings.Contains(stderr, "--type") {
		t.Errorf("nothing to tell it by: exit %d, %s", exit, stderr)
	}
	exit, stdout, _ := oidc(t, "lint", file)
	if exit != 7 || !strings.Contains(stdout, "2:19  error") || !strings.Contains(stdout, "1 error, 0 warnings, 0 notes") {
		t.Errorf("text: exit %d, %s", exit, stdout)
	}
}

func TestLintSARIF(t *testing.T) {
	exit, stdout, _ := oidcWith(t, `{"redirect_uris": ["http://rp.example/cb"]}`, "lint", "-", "--output", "sarif")
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID                   string
						HelpURI              string
						Help                 struct{ Text string }
						ShortDescription     struct{ Text string }
						DefaultConfiguration struct{ Level string }
					}
				}
			}
			Invocations []struct{ ExecutionSuccessful bool }
			Results     []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
					LogicalLocations []struct{ FullyQualifiedName, Kind string }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &log); err != nil || exit != 7 || log.Version != "2.1.0" || log.Schema == "" || len(log.Runs) != 1 {
		t.Fatalf("exit %d, %v, %s", exit, err, stdout)
	}
	r := log.Runs[0]
	if r.Tool.Driver.Name == "" || len(r.Invocations) != 1 || !r.Invocations[0].ExecutionSuccessful || len(r.Results) != 1 {
		t.Fatalf("%+v", r)
	}
	ids := map[string]bool{}
	for _, rule := range r.Tool.Driver.Rules {
		if ids[rule.ID] || rule.Help.Text == "" || rule.ShortDescription.Text == "" || !slices.Contains([]string{"error", "warning", "note"}, rule.DefaultConfiguration.Level) {
			t.Errorf("rule %+v", rule)
		}
		ids[rule.ID] = true
	}
	one := r.Results[0]
	place := one.Locations[0]
	if r.Tool.Driver.Rules[one.RuleIndex].ID != one.RuleID || one.Level != "error" || one.Message.Text == "" || place.PhysicalLocation.ArtifactLocation.URI != "stdin" ||
		place.PhysicalLocation.Region.StartLine != 1 || place.PhysicalLocation.Region.StartColumn != 20 || place.LogicalLocations[0].FullyQualifiedName != "redirect_uris[0]" {
		t.Errorf("result %+v", one)
	}
	exit, stdout, _ = oidc(t, "lint", "https://127.0.0.1:1", "--output", "sarif")
	if exit != 3 || !strings.Contains(stdout, `"executionSuccessful": false`) || !strings.Contains(stdout, `"results": []`) {
		t.Errorf("nobody there: exit %d, %s", exit, stdout)
	}
}
