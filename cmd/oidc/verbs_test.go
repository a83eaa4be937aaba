package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
)

func TestDiscover(t *testing.T) {
	f := newFake(t)
	f.over["/.well-known/webfinger"] = nil
	exit, stdout, stderr := oidc(t, "discover", f.URL, "--ca-file", f.ca, "--output", "json")
	var o struct {
		outcome
		Provider map[string]any `json:"provider_metadata"`
	}
	if err := json.Unmarshal([]byte(stdout), &o); err != nil {
		t.Fatal(err)
	}
	if exit != 0 || o.Provider["issuer"] != f.URL || len(f.asked()) != 1 {
		t.Errorf("exit %d, %v, asked %v, %s", exit, o.Provider, f.asked(), stderr)
	}
	f.answer("/.well-known/webfinger", 200, "application/jrd+json",
		`{"subject":"x","links":[{"rel":"http://openid.net/specs/connect/1.0/issuer","href":"`+f.URL+`"}]}`)
	host := strings.TrimPrefix(f.URL, "https://")
	if exit, o := object(t, "discover", "https://ann@"+host, "--ca-file", f.ca); exit != 0 || strings.Join(o.services(), " ") != "webfinger provider_info" {
		t.Errorf("a user: exit %d, %v, %v", exit, o.services(), o.Error)
	}
	f.answer(wellKnown, 404, "text/plain", "no")
	if exit, o := object(t, "discover", f.URL, "--ca-file", f.ca); exit != 5 || o.rule() != "metadata_status" {
		t.Errorf("nothing there: exit %d, %v", exit, o.Error)
	}
}

func TestDecode(t *testing.T) {
	f := newFake(t)
	f.nonce = "n"
	token := f.idToken(false)
	decode := func(stdin string, args ...string) (int, map[string]any, string) {
		t.Helper()
		exit, stdout, stderr := oidcWith(t, stdin, append([]string{"decode", "--output", "json"}, args...)...)
		var m map[string]any
		if err := json.Unmarshal([]byte(stdout), &m); err != nil {
			t.Fatalf("%v: %s", err, stdout)
		}
		return exit, m, stderr
	}
	exit, m, _ := decode("", token)
	if exit != 0 || m["verified"] != false || m["header"].(map[string]any)["alg"] != "RS256" || m["claims"].(map[string]any)["sub"] != "ann" {
		t.Errorf("exit %d, %v", exit, m)
	}
	if r := m["times"].(map[string]any)["exp"].(map[string]any)["relative"].(string); !strings.HasPrefix(r, "in 4m") && r != "in 5m0s" {
		t.Errorf("exp is %s", r)
	}
	if len(f.asked()) != 0 {
		t.Error("something was sent that nobody asked for")
	}
	if exit, m, _ := decode("Bearer "+token+"\n", "--issuer", f.URL, "--ca-file", f.ca); exit != 0 || m["verified"] != true || m["key"] != f.key.Thumbprint() {
		t.Errorf("with issuer: exit %d, %v", exit, m)
	}
	jwks := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(jwks, keyjar.NewSet(f.key).Public().PublicJWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	if exit, m, _ := decode("", token, "--jwks", jwks); exit != 0 || m["verified"] != true {
		t.Errorf("with jwks: exit %d, %v", exit, m)
	}
	cut := strings.LastIndexByte(token, '.')
	forged := token[:cut+1] + strings.Repeat("A", len(token)-cut-1)
	for _, bad := range []struct{ token, rule string }{{forged, "jose_signature"}, {"a.b", "jose_compact"}, {"....", "jose_compact"}} {
		exit, m, _ := decode("", bad.token, "--jwks", jwks)
		if e, _ := m["error"].(map[string]any); exit != 5 || m["outcome"] != "violation" || e["rule"] == "" {
			t.Errorf("%s: exit %d, %v", bad.rule, exit, m["error"])
		}
	}
	f.claims = func(c map[string]any) { c["iss"] = "https://evil.example" }
	if exit, m, _ := decode("", f.idToken(false), "--issuer", f.URL, "--ca-file", f.ca); exit != 5 || m["error"].(map[string]any)["rule"] != "idtoken_iss" {
		t.Errorf("another issuer: exit %d, %v", exit, m)
	}
	_, stdout, _ := oidc(t, "decode", token)
	if !strings.Contains(stdout, "not verified") || !strings.Contains(stdout, "exp ") {
		t.Errorf("text: %s", stdout)
	}
	if relative(-49*time.Hour) != "2 days ago" || relative(time.Minute) != "in 1m0s" {
		t.Error("relative times are wrong")
	}
}

func TestServices(t *testing.T) {
	exit, stdout, _ := oidc(t, "services", "--output", "json")
	var o struct{ Services []row }
	if err := json.Unmarshal([]byte(stdout), &o); err != nil || exit != 0 {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, r := range o.Services {
		found[r.Name] = r.Class
		if r.Title == "" || r.Title == r.Name || r.Spec == "" || r.Channel == "" || r.Request == "" {
			t.Errorf("%s is not explained", r.Name)
		}
	}
	for name, class := range map[string]string{"webfinger": "WebFinger", "provider_info": "ProviderInfoDiscovery", "accesstoken": "AccessToken", "userinfo": "UserInfo"} {
		if found[name] != class {
			t.Errorf("%s is %q", name, found[name])
		}
	}
	for _, format := range []string{"text", "markdown"} {
		if exit, stdout, _ := oidc(t, "services", "--output", format); exit != 0 || !strings.Contains(stdout, "ProviderInfoDiscovery") {
			t.Errorf("%s: exit %d", format, exit)
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if exit, stdout, _ := oidc(t, "completion", shell); exit != 0 || !strings.Contains(stdout, "oidc") {
			t.Errorf("%s: exit %d", shell, exit)
		}
	}
}

func TestKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	exit, stdout, stderr := oidc(t, "keys", "generate", "--alg", "ES256", "--alg", "RSA-OAEP", "--out", file)
	if exit != 0 || strings.Contains(stdout, `"d"`) {
		t.Fatalf("exit %d, %s, %s", exit, stdout, stderr)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is readable by others: %v", err)
	}
	read := func() *keyjar.Set {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		set, skipped, err := keyjar.ParsePrivateSet(data)
		if err != nil || len(skipped) != 0 {
			t.Fatal(err, skipped)
		}
		return set
	}
	first := read().Keys()
	if len(first) != 2 || !first[0].IsPrivate() || first[0].Use() != "sig" || first[1].Use() != "enc" {
		t.Errorf("got %v", first)
	}
	if exit, _, _ := oidc(t, "keys", "generate", "--out", file); exit != 2 {
		t.Errorf("an existing file is written over: exit %d", exit)
	}
	for i := range 3 {
		if exit, _, stderr := oidc(t, "keys", "rotate", file, "--alg", "ES256", "--keep", "1"); exit != 0 {
			t.Fatalf("rotation %d: exit %d, %s", i, exit, stderr)
		}
	}
	now := read().Keys()
	if len(now) != 3 || now[0].Algorithm() != "ES256" || now[0].ID() == first[0].ID() || now[2].ID() != first[1].ID() {
		t.Errorf("after rotations: %v", now)
	}
	exit, stdout, _ = oidc(t, "keys", "thumbprint", file)
	if exit != 0 || !strings.Contains(stdout, now[0].Thumbprint()) || strings.Count(stdout, "\n") != 3 {
		t.Errorf("thumbprints: %d, %s", exit, stdout)
	}
	if exit, stdout, _ := oidc(t, "keys", "generate", "--show-secrets"); exit != 0 || !strings.Contains(stdout, `"d"`) {
		t.Errorf("shown: exit %d", exit)
	}
}

func TestWrongArguments(t *testing.T) {
	for args, want := range map[string]string{
		"walktrough":                  `unknown verb "walktrough"; do you mean walkthrough?`,
		"keys make":                   `unknown verb "make"`,
		"walkthrough extra":           "wrong number of arguments; usage: oidc walkthrough [flags]",
		"replay":                      "wrong number of arguments; usage: oidc replay FILE [flags]",
		"op one two":                  "wrong number of arguments; usage: oidc op [CONFIG] [flags]",
		"op clients revoke":           "wrong number of arguments; usage: oidc op clients revoke ID [CONFIG] [flags]",
		"exchange":                    "--subject-token-env: name the variable that holds the token, or give one token on stdin",
		"revoke -Zr9vTb3fSecret":      "unknown short flag; an argument that begins with a dash comes after --",
		"decode":                      "want one token, as an argument or on stdin",
		"op --check --log-level loud": "--log-level: want debug, info, warn or error",
	} {
		exit, stdout, stderr := oidc(t, strings.Fields(args)...)
		if exit != 2 || stdout != "" || stderr != "oidc: "+want+"\n" {
			t.Errorf("oidc %s: exit %d, %q, %q; want 2 and %q", args, exit, stdout, stderr, want)
		}
	}
}
