package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
)

// A fake is a provider that answers well, except where a test says otherwise.
type fake struct {
	*httptest.Server
	t    *testing.T
	key  *keyjar.Key
	mu   sync.Mutex
	log  []string // the paths that were asked for, in order
	over map[string]http.HandlerFunc
	meta func(map[string]any)
	// claims changes the ID Token before it is signed.
	claims func(map[string]any)
	nonce  string
	ca     string
}

// The values that must never be printed.
const (
	fakeCode    = "the-secret-authorization-code"
	fakeAccess  = "the-secret-access-token"
	fakeRefresh = "the-secret-refresh-token"
	fakeSecret  = "the-secret-of-the-client-0123456789"
	fakeManage  = "the-secret-registration-token"
)

var fakeKey = sync.OnceValue(func() *keyjar.Key {
	key, err := keyjar.Generate("RS256", rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: "RS256"})
	if err != nil {
		panic(err)
	}
	return key
})

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, key: fakeKey(), over: map[string]http.HandlerFunc{}, meta: func(map[string]any) {}, claims: func(map[string]any) {}}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	f.ca = filepath.Join(t.TempDir(), "ca.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
	if err := os.WriteFile(f.ca, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.log = append(f.log, r.URL.Path)
	h := f.over[r.URL.Path]
	f.mu.Unlock()
	if h != nil {
		h(w, r)
		return
	}
	f.standard(w, r)
}

func (f *fake) standard(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		writeJSON(w, 200, f.metadata())
	case "/jwks":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(keyjar.NewSet(f.key).Public().PublicJWKS())
	case "/register":
		var m map[string]any
		_ = json.NewDecoder(r.Body).Decode(&m)
		m["client_id"], m["client_secret"], m["client_secret_expires_at"] = "client 1", fakeSecret, 0
		m["registration_access_token"], m["registration_client_uri"] = fakeManage, f.URL+"/register/1"
		writeJSON(w, 201, m)
	case "/authorize":
		q := r.URL.Query()
		f.mu.Lock()
		f.nonce = q.Get("nonce")
		f.mu.Unlock()
		v := url.Values{"code": {fakeCode}, "state": {q.Get("state")}, "iss": {f.URL}}
		w.Header().Set("Location", q.Get("redirect_uri")+"?"+v.Encode())
		w.WriteHeader(303)
	case "/token":
		_ = r.ParseForm()
		writeJSON(w, 200, map[string]any{
			"access_token": fakeAccess, "token_type": "Bearer", "refresh_token": fakeRefresh, "expires_in": 60,
			"id_token": f.idToken(r.PostForm.Get("grant_type") == "refresh_token"),
		})
	case "/userinfo":
		writeJSON(w, 200, map[string]any{"sub": "ann", "name": "Ann"})
	case "/logout":
		w.Header().Set("Location", r.URL.Query().Get("post_logout_redirect_uri")+"?state="+url.QueryEscape(r.URL.Query().Get("state")))
		w.WriteHeader(303)
	default:
		w.WriteHeader(404)
	}
}

func (f *fake) metadata() map[string]any {
	m := map[string]any{
		"issuer": f.URL, "authorization_endpoint": f.URL + "/authorize", "token_endpoint": f.URL + "/token", "jwks_uri": f.URL + "/jwks",
		"userinfo_endpoint": f.URL + "/userinfo", "registration_endpoint": f.URL + "/register", "end_session_endpoint": f.URL + "/logout",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
		"authorization_response_iss_parameter_supported":   true,
		"grant_types_supported":                            []string{"authorization_code", "refresh_token"},
		"token_endpoint_auth_methods_supported":            []string{"client_secret_basic", "client_secret_post", "none", "private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": []string{"RS256"},
		"response_modes_supported":                         []string{"query", "form_post"},
	}
	f.meta(m)
	return m
}

func (f *fake) idToken(refreshed bool) string {
	f.mu.Lock()
	nonce := f.nonce
	f.mu.Unlock()
	now := time.Now().Unix()
	claims := map[string]any{"iss": f.URL, "sub": "ann", "aud": "client 1", "exp": now + 300, "iat": now, "nonce": nonce}
	if refreshed {
		delete(claims, "nonce")
	}
	f.claims(claims)
	payload, _ := json.Marshal(claims)
	token, err := f.key.Sign(keyjar.Header{Algorithm: "RS256"}, payload, nil)
	if err != nil {
		f.t.Error(err)
	}
	return token
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// asked returns the paths that were asked for.
func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

// answer overrides a path with a fixed answer.
func (f *fake) answer(path string, status int, contentType, body string) {
	f.over[path] = func(w http.ResponseWriter, _ *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// An outcome is the JSON object that the binary printed.
type outcome struct {
	Outcome    string `json:"outcome"`
	FailedStep string `json:"failed_step"`
	Error      *struct {
		Kind    *string `json:"kind"`
		Rule    *string `json:"rule"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
		Spec    *string `json:"spec"`
		Message *string `json:"message"`
	} `json:"error"`
	Issuer   *string `json:"issuer"`
	ClientID *string `json:"client_id"`
	Steps    []struct {
		Service string `json:"service"`
		Request struct {
			Method, URL, Body string
			Header            map[string][]string
		} `json:"request"`
		Response *struct {
			Status int
			Header map[string][]string
			Body   string
		} `json:"response"`
		Checks []struct{ Rule, Spec, Verdict, Reason string } `json:"checks"`

		Changed []string `json:"changed"`
	} `json:"steps"`
	States      []string       `json:"states"`
	StateRecord []string       `json:"state_record"`
	IDToken     map[string]any `json:"id_token"`
	UserInfo    map[string]any `json:"userinfo"`
}

func (o *outcome) services() []string {
	var names []string
	for _, s := range o.Steps {
		names = append(names, s.Service)
	}
	return names
}

func (o *outcome) rule() string {
	if o.Error == nil {
		return ""
	}
	return *o.Error.Rule
}

// oidc runs the binary and returns what it printed.
func oidc(t *testing.T, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	return oidcWith(t, "", args...)
}

func oidcWith(t *testing.T, stdin string, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	exit = run(ctx, args, strings.NewReader(stdin), &out, &errs)
	return exit, out.String(), errs.String()
}

// object runs the binary with --output json and checks what holds of every object.
func object(t *testing.T, args ...string) (int, *outcome) {
	t.Helper()
	exit, stdout, stderr := oidc(t, append(args, "--output", "json")...)
	return exit, parseObject(t, exit, stdout, stderr)
}

func parseObject(t *testing.T, exit int, stdout, stderr string) *outcome {
	t.Helper()
	o := new(outcome)
	d := json.NewDecoder(strings.NewReader(stdout))
	if err := d.Decode(o); err != nil {
		t.Fatalf("no JSON object (%v): %s\n%s", err, stdout, stderr)
	}
	if d.More() {
		t.Errorf("more than one object on stdout")
	}
	codes := map[string][]int{"ok": {0}, "internal": {1}, "config": {2}, "transport": {3, 6}, "provider_error": {4}, "violation": {5}}
	if !slices.Contains(codes[o.Outcome], exit) {
		t.Errorf("outcome %q with exit code %d", o.Outcome, exit)
	}
	if (o.Outcome == "ok") != (o.Error == nil) || o.Outcome == "ok" && o.FailedStep != "" {
		t.Errorf("outcome %q with error %v, failed_step %q", o.Outcome, o.Error, o.FailedStep)
	}
	if e := o.Error; e != nil && slices.Contains([]*string{e.Kind, e.Rule, e.Param, e.Code, e.Spec, e.Message}, nil) {
		t.Errorf("error lacks members: %s", stdout)
	}
	if o.Issuer == nil || o.ClientID == nil || o.Steps == nil || o.States == nil || o.StateRecord == nil {
		t.Errorf("members are missing: %s", stdout)
	}
	for _, secret := range []string{fakeCode, fakeAccess, fakeRefresh, fakeSecret, fakeManage} {
		for name, text := range map[string]string{"stdout": stdout, "stderr": stderr} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
	return o
}

// at are the arguments of a walkthrough at the fake.
func (f *fake) at(args ...string) []string {
	return append([]string{"walkthrough", "--issuer", f.URL, "--ca-file", f.ca, "--user-agent", "headless", "--timeout", "5s"}, args...)
}
