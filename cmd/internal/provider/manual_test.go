package provider

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
)

// partnerJWKS is the key of RFC 7517, Appendix A.1.
const partnerJWKS = `{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`

// manual is the configuration of docs/operate.md.
func manual(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "<!-- configuration -->")
	_, rest, opened := strings.Cut(rest, "```yaml\n")
	text, _, closed := strings.Cut(rest, "```\n")
	if !found || !opened || !closed {
		t.Fatal("there is no configuration in the manual")
	}
	return text
}

// The manual's configuration is good, warns of nothing, and says what it seems to say.
func TestManual(t *testing.T) {
	name := write(t, manual(t))
	dir := filepath.Dir(name)
	made, err := conversation.SelfSigned("op.example.org")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]})
	for file, text := range map[string]string{
		"server.pem": string(cert), "clients.pem": string(cert), "partners.pem": string(cert),
		"server.key":         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		"clients.yaml":       "[]\n",
		"partner.jwks.json":  partnerJWKS,
		"registration.token": "an-initial-access-token-of-32-characters\n",
		"pairwise.secret":    "a-secret-for-pairwise-subjects-of-32-characters\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("OP_STORE", "postgres://op@db.example.org/op")
	t.Setenv("SHOP_SECRET", "a-secret-of-enough-characters")
	s, err := Load(name, Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "keys.json is not there") {
		t.Errorf("warnings %v", s.Warnings)
	}
	if len(s.static) != 2 || !s.static["shop"].Trusted || s.Lifetimes.RefreshToken != 30*24*time.Hour || s.storeURL() != "postgres://op@db.example.org/op" {
		t.Errorf("%+v", s.Config)
	}
	if len(s.accounts.byName) != 2 || s.accounts.byName["diana"].id != "8f4b2c17" || !s.accounts.byName["diana"].hash.Verify("krall") {
		t.Errorf("users %v", s.accounts.byID)
	}
}

// No member is missing in it.
func TestManualIsComplete(t *testing.T) {
	text := manual(t)
	var look func(of reflect.Type)
	look = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct {
			return
		}
		for i := range of.NumField() {
			name := of.Field(i).Tag.Get("yaml")
			if name != "" && !strings.Contains(text, name+":") {
				t.Errorf("%s.%s is not in the manual", of.Name(), name)
			}
			if name != "" {
				look(of.Field(i).Type)
			}
		}
	}
	look(reflect.TypeFor[Config]())
	look(reflect.TypeFor[clientFields]())
}
