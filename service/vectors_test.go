package service_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// A vector is one way to keep a rule and one to break it.
type vector struct {
	Rule message.Rule `json:"rule"`
	Step string       `json:"step"` // where the broken message is refused
	Why  string       `json:"why"`
	// Also is the rule that is reported, when a rule of the message covers the
	// general rule that is tried; the general one is then wrapped.
	Also   message.Rule   `json:"also"`
	Accept []message.Rule `json:"accept"` // as good as Rule
	Break  *override      `json:"break"`
	Keep   *override      `json:"keep"` // nil: the good conversation keeps it
}

func vectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob("../testdata/rules/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no vectors", err)
	}
	var all []vector
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		d.UseNumber()
		var list []vector
		if err := d.Decode(&list); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, list...)
	}
	return all
}

func (v vector) name() string {
	if v.Why == "" {
		return string(v.Rule)
	}
	return string(v.Rule) + "/" + v.Why
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.name(), func(t *testing.T) {
			if !v.Rule.Known() {
				t.Fatalf("%s is not in the rule table", v.Rule)
			}
			t.Run("keep", func(t *testing.T) { keep(t, v) })
			if v.Break != nil {
				t.Run("break", func(t *testing.T) { breaks(t, v) })
			}
		})
	}
}

// keep holds a conversation that keeps the rule: the step at which the broken one
// is refused is passed.
func keep(t *testing.T, v vector) {
	var o override
	if v.Keep != nil {
		o = *v.Keep
	}
	w, err := newWorld(t, o)
	if err != nil {
		t.Fatal(err)
	}
	at, err := w.run(context.Background())
	if err != nil && !slices.Contains(w.done, v.Step) {
		t.Fatalf("refused at %s: %v", at, err)
	}
}

// breaks holds one that breaks it: it is refused at that step, with exactly that
// rule and its section, and nothing is sent afterwards.
func breaks(t *testing.T, v vector) {
	w, err := newWorld(t, *v.Break)
	if err != nil {
		t.Fatal(err)
	}
	at, err := w.run(context.Background())
	if err == nil {
		t.Fatal("the conversation was accepted")
	}
	var got *message.Violation
	if !errors.As(err, &got) {
		t.Fatalf("no violation, but at %s: %v", at, err)
	}
	want := v.Rule
	if v.Also != "" {
		want = v.Also
	}
	if got.Rule != want && !slices.Contains(v.Accept, got.Rule) {
		t.Fatalf("violates %s at %s, want %s: %v", got.Rule, at, want, err)
	}
	if v.Rule != message.RuleAuthzResponseErrorOrder && len(v.Accept) == 0 && !errors.Is(err, v.Rule) {
		t.Errorf("errors.Is does not find %s in %v", v.Rule, err)
	}
	if at != v.Step {
		t.Errorf("refused at %s, want %s", at, v.Step)
	}
	if spec := got.Rule.Spec(); spec != "" && !strings.Contains(err.Error(), spec) {
		t.Errorf("the error does not name %s: %v", spec, err)
	}
	last := service.ChecksOf(err)
	if len(last) == 0 || last[len(last)-1].Verdict != service.Failed || last[len(last)-1].Rule != got.Rule {
		t.Errorf("the last check is not the failed one: %v", last)
	}
	for _, secret := range []string{testSecret, "SlAV32hkKG", "8xLOxBtZp8", "SplxlOBeZQQYbYS6WxSbIA", testBinding, testDeviceCode, testAuthReqID, testGrantToken, testGrantRefresh} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells the secret %q", secret)
		}
	}
	if i := slices.Index(w.steps(), v.Step); i >= 0 {
		for _, sent := range w.sent {
			if slices.Index(w.steps(), sent) > i {
				t.Errorf("%s was sent after the refusal", sent)
			}
		}
	}
}

// resign gives a compact JWS another header and a good signature.
func resign(t testing.TB, token, key string, change map[string]any) string {
	t.Helper()
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]any
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	patch(header, change)
	parts[0] = base64.RawURLEncoding.EncodeToString(mustJSON(header))
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signed, err := rsa.SignPKCS1v15(nil, rawKeys[key], crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(signed)
}

// encrypt wraps a JWS in a JWE for our key.
func encrypt(t testing.TB, token string, alg, enc string) string {
	t.Helper()
	jwe, err := testKeys()["enc"].Public().Encrypt([]byte(token), keyjar.Header{Algorithm: alg, Encryption: enc, ContentType: "JWT"}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jwe
}
