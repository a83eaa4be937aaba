package demo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func settingsFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "settings.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSettingsFile(t *testing.T) {
	name := settingsFile(t, `{
		"issuer": "https://localhost:8443/oauth/v2/oauth-anonymous", "api_endpoint": "https://localhost:3000",
		"verify_ssl_server": true, "ca_file": "ca.pem", "debug": true, "scope": "openid profile email address phone",
		"send_parameters_via": "request_object", "client_id": "python-client", "client_secret": "Password1",
		"redirect_uri": "https://localhost:5443/callback"
	}`)
	got, debug, err := ReadSettings(name)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Issuer: "https://localhost:8443/oauth/v2/oauth-anonymous", APIEndpoint: "https://localhost:3000",
		CAFile: filepath.Join(filepath.Dir(name), "ca.pem"), Scope: "openid profile email address phone", SendVia: "request_object",
		ClientID: "python-client", ClientSecret: "Password1", RedirectURI: "https://localhost:5443/callback",
	}
	if got != want || !debug {
		t.Errorf("got %+v and %v, want %+v", got, debug, want)
	}
	if err := got.check(); err != nil {
		t.Error(err)
	}
}

func TestSettingsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"verify_ssl_server": false}`:            "ca_file",
		`{"isuer": "https://op.example"}`:         "isuer",
		`{"issuer": 1}`:                           "issuer",
		`{"issuer": "a", "issuer": "b"}`:          "twice",
		`{"client_secret": ["not", "my secret"]}`: "client_secret",
	} {
		_, _, err := ReadSettings(settingsFile(t, text))
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a fault that names %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "my secret") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"insecure-allow-http": {Issuer: "http://127.0.0.1:1"},
		"send_parameters_via": {SendVia: "pigeon"},
		"redirect_uri":        {BaseURL: "https://a.example", RedirectURI: "https://b.example/callback"},
		"base_url":            {BaseURL: "ftp://a.example"},
		"key":                 {TLSCert: "cert.pem"},
	} {
		if err := c.check(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
