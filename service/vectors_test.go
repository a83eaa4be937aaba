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
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
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
	// Verdict is what becomes of the rule where it is broken and tolerated: "warned"
	// or "skipped".
	Verdict string `json:"verdict"`
	// Declared is the error of the provider that a rule makes of an answer.
	Declared message.ErrorCode `json:"declared"`
	// Sent is how often requests of a service go out in the broken conversation.
	Sent  map[string]int `json:"sent"`
	Break *override      `json:"break"`
	Keep  *override      `json:"keep"` // nil: the good conversation keeps it
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
	} else if v.Break != nil {
		o.Flow = v.Break.Flow
	}
	w, err := newWorld(t, o)
	if err != nil {
		t.Fatal(err)
	}
	at, err := w.run(context.Background())
	if err != nil && !slices.Contains(w.done, v.Step) {
		t.Fatalf("refused at %s: %v", at, err)
	}
	if v.Step != stepConfig && !slices.Contains(w.done, v.Step) && !slices.Contains(w.sent, v.Step) {
		t.Fatalf("the conversation never came to %s", v.Step)
	}
	parted(t, w, v.Keep, v.Step, false)
	if v.Verdict == "" {
		return
	}
	if worst, found := w.worst(v.Rule, v.Step); found && worst.String() == v.Verdict {
		t.Errorf("%s is %s all the same", v.Rule, worst)
	}
}

// breaks holds one that breaks it: it is refused at that step, with exactly that
// rule and its section, and nothing is sent afterwards.
func breaks(t *testing.T, v vector) {
	w, err := newWorld(t, *v.Break)
	if v.Step == stepConfig {
		if !errors.Is(err, v.Rule) || !errors.Is(err, servicecontext.ErrConfig) {
			t.Fatalf("the configuration got %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	at, err := w.run(context.Background())
	for name, want := range v.Sent {
		if got := count(w.sent, name); got != want {
			t.Errorf("%s was sent %d times, want %d: %v", name, got, want, w.sent)
		}
	}
	switch {
	case v.Verdict != "":
		tolerated(t, w, v, at, err)
		return
	case err == nil:
		t.Fatal("the conversation was accepted")
	case v.Declared != "":
		var got *message.Error
		if !errors.As(err, &got) || got.Code != v.Declared || at != v.Step {
			t.Fatalf("at %s: %v, want %s declared at %s", at, err, v.Declared, v.Step)
		}
	default:
		refused(t, v, at, err)
	}
	for _, secret := range []string{testSecret, testToken, "8xLOxBtZp8", testCode, testBinding, testDeviceCode, testAuthReqID, testGrantToken, testGrantRefresh} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells the secret %q", secret)
		}
	}
	nothingSent(t, w, v.Step)
	nothingKept(t, w, v.Step)
	parted(t, w, nil, v.Step, true)
}

// nothingSent demands that no request followed the refusal.
func nothingSent(t *testing.T, w *world, step string) {
	t.Helper()
	if n, told := w.refusedAt[step]; told {
		if len(w.sent) > n {
			t.Errorf("%v were sent after the refusal", w.sent[n:])
		}
		return
	}
	at := slices.Index(w.steps(), step)
	for _, sent := range w.sent {
		if at >= 0 && slices.Index(w.steps(), sent) > at {
			t.Errorf("%s was sent after the refusal", sent)
		}
	}
}

// stepConfig is where a configuration is refused.
const stepConfig = "config"

func count(list []string, name string) int {
	n := 0
	for _, v := range list {
		if v == name {
			n++
		}
	}
	return n
}

// tolerated demands that a step went on, and said so.
func tolerated(t *testing.T, w *world, v vector, at string, err error) {
	t.Helper()
	if err != nil && !slices.Contains(w.done, v.Step) {
		t.Fatalf("refused at %s: %v", at, err)
	}
	if worst, found := w.worst(v.Rule, v.Step); !found || worst.String() != v.Verdict {
		t.Errorf("%s is %v at %s (there: %v), want %s", v.Rule, worst, v.Step, found, v.Verdict)
	}
}

// refused demands a violation of exactly that rule, at that step.
func refused(t *testing.T, v vector, at string, err error) {
	t.Helper()
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
}

// nothingKept demands that the record holds nothing of a message that was refused.
func nothingKept(t *testing.T, w *world, step string) {
	t.Helper()
	item, ok := map[string]string{
		service.AccessTokenName: state.ItemTokenResponse, service.UserInfoName: state.ItemUserInfo, service.RefreshTokenName: state.ItemRefreshTokenResponse,
	}[step]
	if !ok || slices.Contains(w.done, step) {
		return
	}
	r, err := w.db.Session(context.Background(), w.login)
	if err == nil && r.Item(item) != nil {
		t.Errorf("the record holds %s of a refused message", item)
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
func encrypt(t testing.TB, token, alg, enc, content string) string {
	t.Helper()
	return encryptFor(t, testKeys()["enc"].Public(), token, alg, enc, content)
}

func encryptFor(t testing.TB, recipient *keyjar.Key, token, alg, enc, content string) string {
	t.Helper()
	jwe, err := recipient.Encrypt([]byte(token), keyjar.Header{Algorithm: alg, Encryption: enc, ContentType: content}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jwe
}
