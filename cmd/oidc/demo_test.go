package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The verb says where it is, serves, and ends when it is told to.
func TestDemoServes(t *testing.T) {
	out, errs := new(locked), new(locked)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"demo", "--output", "json", "--insecure-allow-http", "--listen", "127.0.0.1:0", "--provider-listen", "127.0.0.1:0"},
			strings.NewReader(""), out, errs)
	}()
	var said struct{ Outcome, URL, Issuer string }
	for end := time.Now().Add(20 * time.Second); json.Unmarshal([]byte(out.String()), &said) != nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not say where it is: %s %s", out.String(), errs.String())
		}
	}
	for _, address := range []string{said.URL, said.Issuer + "/.well-known/openid-configuration"} {
		resp, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s answers with status %d", address, resp.StatusCode)
		}
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
}

// What is wrong in the settings is told before anything is served.
func TestDemoRefused(t *testing.T) {
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "settings.json")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, c := range map[string]struct {
		args []string
		want string
		code int
	}{
		"no verification":      {[]string{"--settings", file(`{"verify_ssl_server": false}`)}, "ca_file", 2},
		"unknown member":       {[]string{"--settings", file(`{"isuer": "https://op.example"}`)}, "isuer", 2},
		"http without flag":    {[]string{"--issuer", "http://127.0.0.1:1"}, "--insecure-allow-http", 2},
		"secret twice":         {[]string{"--client-secret-env", "A", "--client-secret-file", "b"}, "not both", 2},
		"no secret":            {[]string{"--client-secret-env", "OIDC_TEST_THERE_IS_NONE"}, "not set", 2},
		"another format":       {[]string{"--output", "har"}, "output", 2},
		"nobody listens there": {[]string{"--listen", "127.0.0.1:0", "--insecure-allow-http", "--issuer", "http://127.0.0.1:1"}, "127.0.0.1:1", 3},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs := new(locked), new(locked)
			code := run(t.Context(), append([]string{"demo"}, c.args...), strings.NewReader(""), out, errs)
			if code != c.code || !strings.Contains(errs.String(), c.want) {
				t.Errorf("exit code %d, want %d, saying %q: %s", code, c.code, c.want, errs.String())
			}
		})
	}
}
