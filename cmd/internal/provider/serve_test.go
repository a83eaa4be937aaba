package provider

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/state"
)

// broken is a store that fails.
type broken struct{ state.Store }

func (broken) Get(context.Context, string) ([]byte, bool, error) {
	return nil, false, errors.New("db.internal: password of op is wrong")
}

func TestReady(t *testing.T) {
	for name, tt := range map[string]struct {
		store    state.Store
		stopping bool
		status   int
		text     string
	}{
		"good":     {new(state.Memory), false, 200, "ok\n"},
		"no store": {broken{}, false, 503, "the store does not answer\n"},
		"stopping": {new(state.Memory), true, 503, "stopping\n"},
	} {
		h := &health{store: tt.store, logger: slog.New(slog.DiscardHandler)}
		h.stopping.Store(tt.stopping)
		admin := h.admin(newMetrics())
		for path, status := range map[string]int{"/readyz": tt.status, "/healthz": 200} {
			w := httptest.NewRecorder()
			admin.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			if w.Code != status || path == "/readyz" && w.Body.String() != tt.text {
				t.Errorf("%s: %s is %d %q", name, path, w.Code, w.Body)
			}
		}
	}
}

// Names of metrics come from a list of ours, whatever is asked for.
func TestNames(t *testing.T) {
	s, err := Load(write(t, "issuer: https://op.example/tenant\nmutual_tls: {listen: \"127.0.0.1:0\", base_url: https://mtls.op.example/m}\nregistration: {mode: open}\n"), Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	memory := new(state.Memory)
	p, err := s.build(s.Issuer, s.keys, &registry{StoredClients: &endpoint.StoredClients{Store: memory}, setup: s}, memory, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	public, second := namer(p.Endpoints().All(), "/tenant/interaction/"), aliasNamer(p.Endpoints().All())
	for path, want := range map[string]string{
		"/tenant/token": "token", "/tenant/interaction/authorization": "interaction", "/tenant/register/any-client": "registration_management",
		"/.well-known/oauth-authorization-server/tenant": "server_metadata", "/tenant/.well-known/openid-configuration": "provider_info",
		"/token": "none", "/": "none", "/tenant/token/": "none", "/tenant/interaction/": "none", "": "none",
	} {
		if got := public(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{"/m/token": "token", "/tenant/token": "none", "/m/authorize": "none"} {
		if got := second(path); got != want {
			t.Errorf("%s of the second server is %s, want %s", path, got, want)
		}
	}
}

// Of two processes that share store and file one makes the next key, and the other reads it.
func TestOneProcessMakesTheNextKey(t *testing.T) {
	name := write(t, "issuer: https://op.example\nkeys: {file: keys.json, algorithms: [ES256], rotate: 30d}\n")
	dir := filepath.Dir(name)
	memory := new(state.Memory)
	logger := slog.New(slog.DiscardHandler)
	start := func() (*keyring, *endpoint.Context) {
		t.Helper()
		s, err := Load(name, Overrides{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.build(s.Issuer, s.keys, &registry{StoredClients: &endpoint.StoredClients{Store: memory}, setup: s}, memory, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s.keys, p.Context()
	}
	// A set without times, as "oidc keys generate" makes it: the key is due.
	made, _ := start()
	current, _, _ := made.sets(time.Now())
	plain, err := current.PrivateJWKS()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "keys.json"), plain, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	one, to := start()
	two, other := start()
	for _, p := range []struct {
		k  *keyring
		to *endpoint.Context
	}{{one, to}, {two, other}, {two, other}, {one, to}} {
		if err := p.k.refresh(t.Context(), p.to, memory, logger); err != nil {
			t.Fatal(err)
		}
	}
	_, next, _ := one.sets(time.Now())
	if len(next.Keys()) != 1 || one.rotation.String() != two.rotation.String() {
		t.Errorf("one has %s, the other %s", one.rotation, two.rotation)
	}
	if info, err := os.Stat(filepath.Join(dir, "keys.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file can be read by others: %v, %v", info, err)
	}

	// A key that cannot be kept is not used.
	before := one.rotation
	one.file = filepath.Join(dir, "not", "there")
	if err := one.follow([]string{"RS256"}, time.Now()); err == nil || one.rotation != before {
		t.Errorf("a key that nobody else knows is used: %s, %v", one.rotation, err)
	}
}

// Of one host there is one certificate to trust, however many listeners it has.
func TestOneCertificateForAHost(t *testing.T) {
	v := &Server{setup: new(Setup)}
	for _, host := range []string{"127.0.0.1", "127.0.0.1", "mtls.op.example"} {
		config, err := v.tls(host, false)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(config.Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(string(v.CA), "BEGIN CERTIFICATE"); n != 2 {
		t.Errorf("%d certificates for two hosts", n)
	}
}
