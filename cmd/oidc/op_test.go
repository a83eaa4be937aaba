package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/password"
)

// A served provider runs in this process.
type served struct {
	t       *testing.T
	dir     string
	config  string
	issuer  string
	listens []string
	ca      []byte
	cancel  context.CancelFunc
	ended   chan int
	out     *locked
	errs    *locked
}

// locked is a buffer that a server writes while a test reads.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func cheapHash(t *testing.T, text string) string {
	t.Helper()
	h, err := password.New(text, password.Params{Memory: 64, Time: 1, Threads: 1}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

// serve runs "oidc op" with a configuration of which the usual parts need not be told.
func serve(t *testing.T, text string, args ...string) *served {
	t.Helper()
	s := &served{t: t, dir: t.TempDir(), out: new(locked), errs: new(locked), ended: make(chan int, 1)}
	s.ca = writeCertificate(t, s.dir)
	s.config = filepath.Join(s.dir, "op.yaml")
	s.write(text)
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	go func() {
		s.ended <- run(ctx, append([]string{"op", s.config, "--output", "json"}, args...), strings.NewReader(""), s.out, s.errs)
	}()
	t.Cleanup(func() { s.stop() })
	for range 1000 {
		var o struct {
			Issuer    string   `json:"issuer"`
			Listening []string `json:"listening"`
		}
		if json.Unmarshal([]byte(s.out.String()), &o) == nil {
			if s.issuer, s.listens = o.Issuer, o.Listening; s.issuer == "" {
				break
			}
			return s
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it does not start: %s%s", s.out, s.errs)
	return nil
}

// write writes the configuration, completed with what every test needs.
func (s *served) write(text string) {
	s.t.Helper()
	for member, usual := range map[string]string{
		"listen:": `listen: "127.0.0.1:0"`, "tls:": "tls: {certificate: server.pem, key: server.key}", "keys:": "keys: {algorithms: [ES256]}",
		"users:": "users: {diana: {password: \"" + cheapHash(s.t, "krall") + "\", claims: {email: diana@op.example}}}",
	} {
		if !strings.Contains("\n"+text, "\n"+member) {
			text += "\n" + usual
		}
	}
	writeFile(s.t, s.config, text)
}

// stop tells it to stop and returns its exit code.
func (s *served) stop() int {
	s.cancel()
	exit, open := <-s.ended
	if open {
		close(s.ended)
	}
	return exit
}

func (s *served) visitor() *visitor { return newVisitor(s.t, s.issuer, s.ca) }

const publicClient = `
clients:
  - {client_id: spa, redirect_uris: ["` + opCallback + `"], token_endpoint_auth_method: none, grant_types: [authorization_code, refresh_token]}`

func TestOPWithoutConfiguration(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	errs := new(locked)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"op", "--listen", "127.0.0.1:0", "--ca-out", ca}, strings.NewReader(""), w, errs)
	}()
	var issuer string
	if _, err := fmt.Fscanf(r, "issuer %s\n", &issuer); err != nil {
		t.Fatal(err, errs)
	}
	exit, o := object(t, "walkthrough", "--issuer", issuer, "--ca-file", ca, "--user-agent", "headless", "--form", "username=diana", "--form", "password=krall", "--refresh", "--logout")
	if exit != 0 || o.IDToken["sub"] != "diana" {
		t.Errorf("the walkthrough: exit %d, %v", exit, o.Error)
	}
	cancel()
	if exit := <-ended; exit != 0 || !strings.Contains(errs.String(), "demonstration") {
		t.Errorf("exit %d, %s", exit, errs)
	}
}

func TestOPCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "op.yaml")
	writeFile(t, file, "issuer: https://op.example\nkeys: {algorithms: [ES256]}\n")
	for _, args := range [][]string{{"op", "--check", file}, {"op", "--check", "--config", file}, {"op", file, "--check"}} {
		if exit, stdout, stderr := oidc(t, args...); exit != 0 || !strings.Contains(stdout, "good") || !strings.Contains(stderr, "warning: store.url is memory") {
			t.Errorf("%v: exit %d, %s, %s", args, exit, stdout, stderr)
		}
	}
	exit, stdout, _ := oidc(t, "op", "--check", file, "--output", "json")
	var o struct {
		Outcome  string
		Warnings []string
	}
	if err := json.Unmarshal([]byte(stdout), &o); err != nil || exit != 0 || o.Outcome != "ok" || len(o.Warnings) == 0 {
		t.Errorf("exit %d, %s", exit, stdout)
	}
	writeFile(t, file, "issuer: op.example\npolicy: {profil: x}\n")
	exit, _, stderr := oidc(t, "op", "--check", file)
	for _, want := range []string{file + ":1: ", file + ":2: policy.profil: unknown"} {
		if exit != 2 || want == file+":2: policy.profil: unknown" && !strings.Contains(stderr, want) {
			t.Errorf("exit %d, %s", exit, stderr)
		}
	}
	if exit, o := object(t, "op", "--check", file); exit != 2 || o.Outcome != "config" {
		t.Errorf("as JSON: exit %d, %v", exit, o)
	}
	for _, args := range [][]string{{"op", filepath.Join(t.TempDir(), "none.yaml")}, {"op", file, "--config", "other"}, {"op", "--log-level", "loud"}, {"op", "--log-format", "xml"}, {"op", "--listen", "127.0.0.1:1:1"}, {"op", "--store", "etcd:"}} {
		if exit, _, stderr := oidc(t, args...); exit != 2 {
			t.Errorf("%v: exit %d, %s", args, exit, stderr)
		}
	}
}

func TestOPHash(t *testing.T) {
	exit, stdout, _ := oidcWith(t, "krall\nnot this line\n", "op", "hash", "--memory", "8", "--passes", "1", "--lanes", "2")
	h, err := password.Parse(strings.TrimSpace(stdout))
	if exit != 0 || err != nil || !h.Verify("krall") || h.Verify("krall\nnot this line") || h.Cost() != "argon2id m=8192,t=1,p=2" {
		t.Errorf("exit %d, %s, %v", exit, stdout, err)
	}
	for stdin, args := range map[string][]string{
		"": nil, "\n": nil, "a": {"--memory", "8192"}, "b": {"--passes", "0"}, "c": {"--lanes", "0"}, strings.Repeat("x", maxPassword+1): nil,
	} {
		if exit, stdout, _ := oidcWith(t, stdin, append([]string{"op", "hash"}, args...)...); exit != 2 || stdout != "" {
			t.Errorf("%.10q %v: exit %d, %s", stdin, args, exit, stdout)
		}
	}
}

// The flow of a static client, and what the operator's listener says meanwhile.
func TestOPServes(t *testing.T) {
	s := serve(t, "admin: {listen: \"127.0.0.1:0\"}\nstore: {url: \"sqlite:op.db\"}"+publicClient)
	v := s.visitor()
	v.id = "spa"
	page := v.get(v.authorizeURL())
	if page = v.logIn(page, "diana", "wrong"); !strings.Contains(page.text, `id="failure"`) {
		t.Errorf("a wrong password: %s", page.text)
	}
	code := v.code(v.consent(v.logIn(page, "diana", "krall")))
	tokens := v.token(redemption(code)).object(t, 200)
	v.token(refreshing(tokens["refresh_token"].(string))).object(t, 200)
	if a := v.send("POST", s.issuer+"/register", "application/json", `{"redirect_uris":["`+opCallback+`"]}`); a.StatusCode != 404 {
		t.Errorf("registration is off: status %d", a.StatusCode)
	}
	admin := "http://" + s.listens[len(s.listens)-1]
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ok\n"} {
		if a := v.get(admin + path); a.StatusCode != 200 || a.text != want {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.text)
		}
	}
	metrics := v.get(admin + "/metrics").text
	for _, want := range []string{
		`oidc_op_requests_total{code="200",endpoint="token",method="POST"} 2`, `oidc_op_requests_total{code="404",endpoint="none",method="POST"} 1`,
		`oidc_op_request_duration_seconds_count{endpoint="interaction"} 3`, `oidc_op_store_call_duration_seconds_count{outcome="ok",verb="take"}`, "go_goroutines",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if a := v.get(s.issuer + path); a.StatusCode != 404 {
			t.Errorf("%s is public: %d", path, a.StatusCode)
		}
	}
	if a := v.get(admin + "/authorize"); a.StatusCode != 404 {
		t.Errorf("the operator's listener serves users: %d", a.StatusCode)
	}
}

// Nothing that was marked as a secret is in the log, whatever its form and level.
func TestOPLogsNoSecret(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			s := serve(t, `
registration: {mode: token, initial_access_tokens: [marked-initial-access-token]}
policy: {grant_types: [refresh_token, client_credentials], pairwise_secret: marked-pairwise-secret-0123456789}
clients:
  - {client_id: shop, client_secret: marked-client-secret-0123, redirect_uris: ["`+opCallback+`"], grant_types: [authorization_code, refresh_token, client_credentials]}`,
				"--log-format", format, "--log-level", "debug")
			v := s.visitor()
			v.id, v.secret = "shop", "marked-client-secret-0123"
			page := v.logIn(v.get(v.authorizeURL("login_hint", "marked-hint", "nonce", "marked-nonce")), "diana", "marked-password")
			page = v.logIn(page, "marked-username", "krall")
			redirect := v.consent(v.logIn(page, "diana", "krall"))
			code := v.code(redirect)
			tokens := v.token(redemption(code)).object(t, 200)
			refresh := tokens["refresh_token"].(string)
			v.token(refreshing(refresh)).object(t, 200)
			v.token(redemption(code)).object(t, 400)
			v.token(url.Values{"grant_type": {"client_credentials"}, "client_secret": {"marked-second-secret"}})
			v.secret = "marked-wrong-secret"
			v.token(redemption(code)).object(t, 401)
			v.get(s.issuer+"/userinfo", "Authorization", "Bearer marked-bearer-token")
			v.send("POST", s.issuer+"/register", "application/json", `{"redirect_uris":["https://rp.example/marked-redirect"]}`, "Authorization", "Bearer marked-initial-access-token").object(t, 201)
			v.send("POST", s.issuer+"/register", "application/json", `{"redirect_uris":"marked-body"}`, "Authorization", "Bearer marked-wrong-token")
			v.get(s.issuer + "/marked-path?q=marked-query")
			v.send("MARKED-METHOD", s.issuer+"/token", "", "")
			secrets := []string{"marked-", "MARKED-", "krall", code, refresh, tokens["access_token"].(string), tokens["id_token"].(string), opVerifier, "the-state"}
			for _, c := range v.client.Jar.Cookies(mustParse(t, s.issuer)) {
				secrets = append(secrets, c.Value)
			}
			if exit := s.stop(); exit != 0 {
				t.Errorf("exit %d", exit)
			}
			log := s.errs.String()
			for _, secret := range secrets {
				if strings.Contains(log, secret) {
					t.Errorf("the log has %s:\n%s", secret, log)
				}
			}
			lines := strings.Split(strings.TrimSpace(log), "\n")
			if len(secrets) < 10 || len(lines) < 15 {
				t.Errorf("%d secrets, %d lines: too little was looked at", len(secrets), len(lines))
			}
			for _, line := range lines {
				var m map[string]any
				if err := json.Unmarshal([]byte(line), &m); (err == nil) != (format == "json") {
					t.Errorf("a line that is not %s: %s", format, line)
				}
			}
		})
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A request that is being answered when the signal comes ends well; nobody new is let in.
func TestOPStopsGracefully(t *testing.T) {
	s := serve(t, "stop_timeout: 10s"+publicClient)
	v := s.visitor()
	body, write := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer+"/token", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", opForm)
	type end struct {
		status int
		err    error
	}
	answered := make(chan end, 1)
	go func() {
		resp, err := v.client.Do(r)
		if err != nil {
			answered <- end{0, err}
			return
		}
		defer resp.Body.Close()
		answered <- end{resp.StatusCode, nil}
	}()
	if _, err := write.Write([]byte("grant_type=authorization_code&")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // the first part is on its way
	stopped := make(chan int, 1)
	go func() { stopped <- s.stop() }()
	refused := false
	for range 200 {
		if _, err := v.try("GET", s.issuer+"/jwks", "", ""); err != nil {
			refused = true
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !refused {
		t.Error("somebody new was let in")
	}
	if _, err := write.Write([]byte("client_id=spa&code=x")); err != nil {
		t.Fatal(err)
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if e := <-answered; e.err != nil || e.status != 400 {
		t.Errorf("the request was cut off: %+v", e)
	}
	if exit := <-stopped; exit != 0 {
		t.Errorf("exit %d: %s", exit, s.errs)
	}
}

// Operators see and end what is in the store, beside the process that serves.
func TestOPOperator(t *testing.T) {
	address := freeAddress(t)
	s := serve(t, "issuer: https://"+address+"\nlisten: "+address+"\nstore: {url: \"sqlite:op.db\"}\nkeys: {file: keys.json, algorithms: [ES256]}\nregistration: {mode: open}"+publicClient)
	v := s.visitor()
	v.register()
	code := v.code(v.consent(v.logIn(v.get(v.authorizeURL()), "diana", "krall")))
	tokens := v.token(redemption(code)).object(t, 200)
	list := func(what string) []map[string]any {
		t.Helper()
		exit, stdout, stderr := oidc(t, "op", what, "list", s.config, "--output", "json")
		var o map[string]json.RawMessage
		var rows []map[string]any
		if err := json.Unmarshal([]byte(stdout), &o); err != nil || exit != 0 {
			t.Fatalf("%s: exit %d, %s, %s", what, exit, stdout, stderr)
		}
		if err := json.Unmarshal(o[what], &rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	revoke := func(want int, args ...string) {
		t.Helper()
		if exit, _, stderr := oidc(t, append([]string{"op"}, args...)...); exit != want {
			t.Errorf("%v: exit %d, %s", args, exit, stderr)
		}
	}
	sessions, grants, clients := list("sessions"), list("grants"), list("clients")
	if len(sessions) != 1 || sessions[0]["user"] != "diana" || len(grants) != 1 || grants[0]["client_id"] != v.id || grants[0]["scope"] != "openid email offline_access" {
		t.Fatalf("sessions %v, grants %v", sessions, grants)
	}
	if len(clients) != 2 || clients[0]["client_id"] != "spa" || clients[0]["registered"] != false || clients[1]["client_id"] != v.id || clients[1]["registered"] != true {
		t.Errorf("clients %v", clients)
	}
	if exit, stdout, _ := oidc(t, "op", "sessions", "list", "--config", s.config, "--user", "diana"); exit != 0 || !strings.Contains(stdout, sessions[0]["id"].(string)) || !strings.HasPrefix(stdout, "ID ") {
		t.Errorf("as text: exit %d, %s", exit, stdout)
	}
	revoke(0, "sessions", "revoke", sessions[0]["id"].(string), s.config)
	revoke(2, "sessions", "revoke", sessions[0]["id"].(string), s.config)
	if a := v.get(v.authorizeURL("prompt", "none")); !strings.Contains(a.Header.Get("Location"), "error=login_required") {
		t.Errorf("the session is alive: %s", a.Header.Get("Location"))
	}
	// The grant was for offline access, and outlives the session.
	next := v.token(refreshing(tokens["refresh_token"].(string))).object(t, 200)
	revoke(0, "grants", "revoke", grants[0]["id"].(string), s.config)
	revoke(2, "grants", "revoke", grants[0]["id"].(string), s.config)
	v.token(refreshing(next["refresh_token"].(string))).object(t, 400)

	v.code(v.logIn(v.get(v.authorizeURL()), "diana", "krall"))
	revoke(0, "sessions", "revoke", "--user", "diana", s.config)
	if left := append(list("sessions"), list("grants")...); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	revoke(2, "clients", "revoke", "spa", s.config)
	revoke(0, "clients", "revoke", v.id, s.config)
	if a := v.get(v.authorizeURL()); a.StatusCode != 400 {
		t.Errorf("a client that is gone: status %d", a.StatusCode)
	}
	revoke(2, "clients", "revoke", v.id, s.config)
	revoke(2, "sessions", "list")
	revoke(2, "sessions", "revoke")
	revoke(2, "sessions")
	// To list takes no keys, and makes none.
	keyless := filepath.Join(s.dir, "keyless.yaml")
	writeFile(t, keyless, "issuer: https://op.example\nstore: {url: \"sqlite:op.db\"}\nkeys: {file: other.json, algorithms: [ES256]}\n")
	revoke(0, "sessions", "list", keyless)
	revoke(0, "clients", "list", keyless)
	revoke(2, "sessions", "revoke", "--user", "diana", keyless)
	revoke(2, "sessions", "revoke", "x", keyless)
	if _, err := os.Stat(filepath.Join(s.dir, "other.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("keys were made: %v", err)
	}
	writeFile(t, filepath.Join(s.dir, "memory.yaml"), "issuer: https://op.example\nkeys: {file: keys.json}\n")
	revoke(2, "sessions", "list", filepath.Join(s.dir, "memory.yaml"))
}
