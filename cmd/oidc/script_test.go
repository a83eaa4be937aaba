package main

import (
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the tests compare with")

const conversations = "../../testdata/conversation"

func script(name string) string { return filepath.Join(conversations, name+".yaml") }

// Every shipped script does what it says, with no network.
func TestShippedScripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(conversations, "*.yaml"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if exit, o := object(t, "walkthrough", "--script", file); exit != 0 {
				t.Errorf("exit %d, %s", exit, *o.Error.Message)
			}
		})
	}
}

// A goldenStep is a step of the Python original.
type goldenStep struct {
	Service string `json:"service"`
	Request struct {
		Method, URL, Body string
		Headers           map[string]string
	} `json:"request"`
}

// The model conversation, request by request, against what the original sends.
// Parameters are compared as sets, since their order says nothing.
func TestConversation2018(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(conversations, "oidcservice-golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string][]goldenStep
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	variant := func(prefix string) []goldenStep {
		for name, steps := range golden {
			if strings.HasPrefix(name, prefix) {
				return steps
			}
		}
		t.Fatalf("the golden data has no %s", prefix)
		return nil
	}
	for _, tt := range []struct {
		script string
		golden []goldenStep
		ignore []string // of the token request
	}{
		{"conversation-2018", variant("doc_literal"), []string{"state", "client_id"}},
		{"conversation-2018-config", variant("config_literal"), []string{"state", "client_id"}},
		{"conversation-2018-compat", variant("doc_literal"), nil},
	} {
		t.Run(tt.script, func(t *testing.T) {
			exit, stdout, stderr := oidc(t, "walkthrough", "--script", script(tt.script), "--output", "json", "--show-secrets")
			if exit != 0 {
				t.Fatalf("exit %d, %s", exit, stderr)
			}
			var o outcome
			if err := json.Unmarshal([]byte(stdout), &o); err != nil {
				t.Fatal(err)
			}
			at := 0
			for _, got := range o.Steps {
				if got.Service == "jwks" {
					continue // the original had the keys from elsewhere
				}
				if at >= len(tt.golden) {
					t.Fatalf("a step too many: %s", got.Service)
				}
				want := tt.golden[at]
				at++
				if got.Service != want.Service || got.Request.Method != want.Request.Method {
					t.Errorf("got %s %s, want %s %s", got.Service, got.Request.Method, want.Service, want.Request.Method)
				}
				sameURL(t, got.Request.URL, want.Request.URL)
				ignore := []string{}
				if want.Service == "accesstoken" {
					ignore = tt.ignore
				}
				sameBody(t, got.Request.Body, want.Request.Body, ignore)
				for name, value := range want.Request.Headers {
					if h := got.Request.Header[name]; len(h) != 1 || h[0] != value {
						t.Errorf("%s: %s: got %q, want %q", want.Service, name, h, value)
					}
				}
			}
			if at != len(tt.golden) {
				t.Errorf("%d steps, want %d", at, len(tt.golden))
			}
			if !reflect.DeepEqual(o.StateRecord, basicRecord) {
				t.Errorf("the record holds %v", o.StateRecord)
			}
		})
	}
}

func sameURL(t *testing.T, got, want string) {
	t.Helper()
	gotBase, gotQuery, _ := strings.Cut(got, "?")
	wantBase, wantQuery, _ := strings.Cut(want, "?")
	if gotBase != wantBase {
		t.Errorf("got %s, want %s", gotBase, wantBase)
	}
	sameSet(t, gotQuery, wantQuery, nil)
}

func sameSet(t *testing.T, got, want string, ignore []string) {
	t.Helper()
	g, err := url.ParseQuery(got)
	if err != nil {
		t.Error(err)
	}
	w, err := url.ParseQuery(want)
	if err != nil {
		t.Error(err)
	}
	for _, name := range ignore {
		if g.Has(name) {
			t.Errorf("%s is sent", name)
		}
		if !w.Has(name) {
			t.Errorf("the original does not send %s", name)
		}
		w.Del(name)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got %v, want %v", g, w)
	}
}

func sameBody(t *testing.T, got, want string, ignore []string) {
	t.Helper()
	var g, w any
	if json.Unmarshal([]byte(want), &w) == nil {
		if err := json.Unmarshal([]byte(got), &g); err != nil || !reflect.DeepEqual(g, w) {
			t.Errorf("got %s, want %s", got, want)
		}
		return
	}
	sameSet(t, got, want, ignore)
}

// The document's own ID Token is refused in its three variants, each by its rule,
// and nothing is asked for afterwards.
func TestConversation2018LiteralIDToken(t *testing.T) {
	for name, rule := range map[string]string{
		"literal-id-token-issuer": "idtoken_iss", "literal-id-token-key": "key_kid", "literal-id-token-expired": "idtoken_exp",
	} {
		t.Run(name, func(t *testing.T) {
			exit, stdout, _ := oidc(t, "walkthrough", "--script", script(name), "--output", "json")
			var o struct {
				outcome
				Expected struct{ Kind, Rule, Param string } `json:"expected"`
			}
			if err := json.Unmarshal([]byte(stdout), &o); err != nil {
				t.Fatal(err)
			}
			if exit != 0 || o.Expected.Kind != "violation" || o.Expected.Rule != rule || o.IDToken != nil {
				t.Errorf("exit %d, %+v", exit, o.Expected)
			}
			for _, s := range o.services() {
				if s == "userinfo" {
					t.Error("the tokens were used")
				}
			}
		})
	}
}

// docs/conversation.md is what the walkthrough of the model conversation prints.
func TestConversationIsDocumented(t *testing.T) {
	exit, got, stderr := oidc(t, "walkthrough", "--script", script("conversation-2018"), "--output", "markdown", "--show-secrets")
	if exit != 0 {
		t.Fatalf("exit %d, %s", exit, stderr)
	}
	const file = "../../docs/conversation.md"
	head, rest, _ := strings.Cut(got, "\n")
	got = head + `

This page is what "oidc walkthrough --script testdata/conversation/conversation-2018.yaml --output markdown
--show-secrets" prints; a test keeps it so. The secrets in it were published with the example and open nothing.
` + rest
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error("docs/conversation.md is stale: run go test ./cmd/oidc -run Documented -update")
	}
}

// What a script expects and does not get is exit code 5; what nobody can read is 2.
func TestScriptExpectations(t *testing.T) {
	whole, err := os.ReadFile(script("conversation-2018"))
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, with string) string {
		if !strings.Contains(string(whole), old) {
			t.Fatalf("the script has no %q", old)
		}
		return strings.Replace(string(whole), old, with, 1)
	}
	for _, tt := range []struct {
		name, text string
		exit       int
		step, want string
	}{
		{"a request", change("scope=openid", "scope=email"), 5, "authorization", "parameter scope"},
		{"an address", change("url: https://example.com/token", "url: https://example.com/tokens"), 5, "accesstoken", "request url"},
		{"a header", change("Basic emx", "Basic xxx"), 5, "accesstoken", "header Authorization"},
		{"a body", change("grant_type=authorization_code", "grant_type=password"), 5, "accesstoken", "body parameter grant_type"},
		{"a JSON body", change(`"ops@example.org"`+"\n", `"nobody@example.org"`+"\n"), 5, "registration", "request body"},
		{"a change", change("changed: [issuer]", "changed: [client_id]"), 5, "webfinger", "changed"},
		{"the outcome", change("outcome: ok", "outcome: violation"), 5, "", "outcome"},
		{"the record", change("state_record: [iss, ", "state_record: ["), 5, "", "state_record"},
		{"a claim", change(`"acr": "PASSWORD"`, `"acr": "FINGERPRINT"`), 5, "", "id_token: acr"},
		{"another order", change("service: webfinger", "service: userinfo"), 5, "webfinger", "the answer is for userinfo"},
		{"an unknown member", change("title:", "tittle:"), 2, "", "tittle"},
		{"an unknown setting", change("pkce: none", "pkcee: none"), 2, "", "pkcee"},
		{"an unknown service", change("- service: provider_info", "- service: provider_infos"), 2, "", "provider_infos"},
		{"a bad value", change("pkce: none", "pkce: some"), 2, "", "some"},
		{"a setting of no kind", change("pkce: none", "pkce: {a: b}"), 2, "", "a value or a list"},
		{"no YAML", "\t{", 2, "", "yaml"},
		{"two documents", string(whole) + "\n---\ntitle: x\n", 2, "", "more than one document"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "script.yaml")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			exit, o := object(t, "walkthrough", "--script", file)
			if exit != tt.exit || o.FailedStep != tt.step || !strings.Contains(*o.Error.Message, tt.want) {
				t.Errorf("exit %d at %q: %s; want %d at %q, %q", exit, o.FailedStep, *o.Error.Message, tt.exit, tt.step, tt.want)
			}
		})
	}
}

// A script without answers drives a real provider, and flags come before it.
func TestScriptAgainstAProvider(t *testing.T) {
	f := newFake(t)
	file := filepath.Join(t.TempDir(), "live.yaml")
	text := `
title: live
settings:
  issuer: https://nowhere.invalid
  scope: openid email
steps:
  - service: provider_info
    expect: {status: 200, changed: [provider_info, endpoints]}
  - service: registration
    expect: {status: 201, body: '{"client_id": "client 1"}', checks: {registration_response: passed}}
  - service: authorization
    request: {method: GET}
  - service: accesstoken
    expect: {status: 200, checks: {idtoken_signature: passed, idtoken_nbf: skipped}}
  - service: jwks
  - service: userinfo
    expect: {body: '{"sub": "ann"}', changed: [user_info]}
expect:
  userinfo: '{"name": "Ann"}'
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if exit, o := object(t, f.at("--script", file)...); exit != 0 {
		t.Errorf("exit %d, %s", exit, *o.Error.Message)
	}
	f.answer("/userinfo", 200, "application/json", `{"sub":"ann","name":"Bob"}`)
	if exit, o := object(t, f.at("--script", file)...); exit != 5 || !strings.Contains(*o.Error.Message, "userinfo: name") {
		t.Errorf("another name: exit %d, %v", exit, o.Error)
	}
}
