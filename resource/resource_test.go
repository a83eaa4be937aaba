package resource_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/resource"
	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/statetest"
)

func good() resource.Config {
	return resource.Config{Resource: api, Issuers: []resource.Issuer{{Issuer: issuer}}, Now: time.Now}
}

// An API is not made from what does not fit together.
func TestConfig(t *testing.T) {
	if _, err := resource.New(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*resource.Config){
		"no resource":           func(c *resource.Config) { c.Resource = "" },
		"http":                  func(c *resource.Config) { c.Resource = "http://api.example" },
		"a fragment":            func(c *resource.Config) { c.Resource = api + "#x" },
		"an empty fragment":     func(c *resource.Config) { c.Resource = api + "#" },
		"no clock":              func(c *resource.Config) { c.Now = nil },
		"no issuer":             func(c *resource.Config) { c.Issuers = nil },
		"an issuer on http":     func(c *resource.Config) { c.Issuers[0].Issuer = "http://op.example" },
		"an issuer twice":       func(c *resource.Config) { c.Issuers = append(c.Issuers, c.Issuers[0]) },
		"too much leeway":       func(c *resource.Config) { c.Leeway = 2 * time.Minute },
		"a short key of nonces": func(c *resource.Config) { c.NonceKey = make([]byte, 31) },
		"a shared secret":       func(c *resource.Config) { c.Issuers[0].Algs = []string{"HS256"} },
		"alg none":              func(c *resource.Config) { c.Issuers[0].Algs = []string{"none"} },
		"proofs with HS256":     func(c *resource.Config) { c.DPoPAlgs = []string{"HS256"} },
		"no key to decrypt":     func(c *resource.Config) { c.Issuers[0].Encrypted = true },
		"two that are asked": func(c *resource.Config) {
			c.Issuers = []resource.Issuer{{Issuer: issuer, Introspection: resource.Opaque}, {Issuer: "https://other.example", Introspection: resource.Opaque}}
		},
		"one of two that is always asked": func(c *resource.Config) {
			c.Issuers = []resource.Issuer{{Issuer: issuer, Introspection: resource.Always}, {Issuer: "https://other.example"}}
		},
	} {
		c := good()
		spoil(&c)
		if _, err := resource.New(c); !errors.Is(err, resource.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// RFC 9728, Section 3.1: the well-known path is inserted between host and path.
func TestMetadataAddress(t *testing.T) {
	for identifier, want := range map[string]string{
		"https://api.example":              "https://api.example/.well-known/oauth-protected-resource",
		"https://api.example/":             "https://api.example/.well-known/oauth-protected-resource",
		"https://api.example/v1":           "https://api.example/.well-known/oauth-protected-resource/v1",
		"https://api.example:8443/a/b?c=d": "https://api.example:8443/.well-known/oauth-protected-resource/a/b?c=d",
	} {
		c := good()
		c.Resource = identifier
		a, err := resource.New(c)
		if err != nil {
			t.Fatal(err)
		}
		if a.MetadataURL() != want || a.Metadata().Resource != identifier {
			t.Errorf("%s: %s, %s", identifier, a.MetadataURL(), a.Metadata().Resource)
		}
	}
}

// The metadata says what is enforced, and nothing that has no value (RFC 9728, Section 3.2).
func TestMetadata(t *testing.T) {
	document := func(change func(*resource.Config)) map[string]any {
		c := good()
		change(&c)
		a, err := resource.New(c)
		if err != nil {
			t.Fatal(err)
		}
		data, err := a.MetadataDocument()
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := document(func(c *resource.Config) { c.DPoPAlgs = []string{"ES256"} })
	want := map[string]any{
		"resource": api, "authorization_servers": []any{issuer}, "bearer_methods_supported": []any{"header"},
		"dpop_signing_alg_values_supported": []any{"ES256"},
	}
	if fmt.Sprint(m) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", m, want)
	}
	m = document(func(c *resource.Config) {
		c.RequireDPoP, c.RequireCertificate = true, true
		c.Metadata = message.ResourceMetadata{Resource: "https://other.example", ResourceName: "Things", ScopesSupported: []string{"read"}, SignedMetadata: "x"}
	})
	if m["resource"] != api || m["resource_name"] != "Things" || m["signed_metadata"] != nil ||
		m["dpop_bound_access_tokens_required"] != true || m["tls_client_certificate_bound_access_tokens"] != true {
		t.Errorf("%v", m)
	}
}

// RFC 9728, Section 2.2: signed metadata is signed, names who attests to it, and does not
// hold itself.
func TestSignedMetadata(t *testing.T) {
	c := good()
	c.MetadataKey = key(t, "metadata", "ES256", "m-1")
	a, err := resource.New(c)
	if err != nil {
		t.Fatal(err)
	}
	data, err := a.MetadataDocument()
	if err != nil {
		t.Fatal(err)
	}
	var m message.ResourceMetadata
	if err := message.DecodeJSON(data, &m); err != nil {
		t.Fatal(err)
	}
	token, err := new(keyjar.Jar).With(api, keyjar.NewSet(c.MetadataKey.Public())).Verify(api, m.SignedMetadata, []string{"ES256"})
	if err != nil {
		t.Fatal(err)
	}
	var signed message.ResourceMetadata
	if err := message.DecodeClaims(token.Payload, &signed); err != nil {
		t.Fatal(err)
	}
	if signed.Extra.Text("iss") != api || signed.Resource != api || signed.SignedMetadata != "" || a.Metadata().Extra.Has("iss") {
		t.Errorf("%+v", signed)
	}
}

// RFC 7662, Section 4: an answer is not used again beyond the exp of the token.
func TestCacheFor(t *testing.T) {
	w := newWorld(t, vector{}, nil)
	for _, c := range []struct {
		exp        message.Time
		most, want time.Duration
	}{
		{message.Time{}, time.Minute, time.Minute},
		{message.Unix(began + 600), time.Minute, time.Minute},
		{message.Unix(began + 20), time.Minute, 20 * time.Second},
		{message.Unix(began), time.Minute, 0},
		{message.Unix(began - 20), time.Minute, 0},
		{message.Unix(began + 600), 0, 0},
	} {
		if got := w.api.CacheFor(&message.IntrospectionResponse{Expiration: c.exp}, c.most); got != c.want {
			t.Errorf("exp %v, most %v: %v, want %v", c.exp, c.most, got, c.want)
		}
	}
}

// What cannot be verified now is neither accepted nor called invalid.
func TestFailsClosed(t *testing.T) {
	t.Run("no keys yet", func(t *testing.T) {
		w := newWorld(t, vector{}, func(c *resource.Config) { c.Issuers[0].Keys = nil })
		_, err := w.perform(nil)
		if !errors.Is(err, resource.ErrUnverified) {
			t.Fatal(err)
		}
		w.api.SetKeys(issuer, keyjar.NewSet(key(t, "op ES256", "ES256", "op-1").Public()))
		if _, err := w.perform(nil); err != nil {
			t.Errorf("with keys: %v", err)
		}
		w.api.SetKeys(issuer, nil)
		if _, err := w.perform(nil); !errors.Is(err, resource.ErrUnverified) {
			t.Errorf("without them: %v", err)
		}
	})
	t.Run("another key", func(t *testing.T) {
		w := newWorld(t, vector{}, nil)
		w.api.SetKeys(issuer, keyjar.NewSet(key(t, "another ES256", "ES256", "op-0").Public()))
		var r *resource.Refusal
		if _, err := w.perform(nil); !errors.As(err, &r) || w.needs != 1 {
			t.Errorf("a key that is not known yet: %d needs, %v", w.needs, err)
		}
	})
	t.Run("no answer", func(t *testing.T) {
		var v vector
		v.Config.Introspection = "opaque"
		w := newWorld(t, v, nil)
		var need *resource.NeedError
		r := &resource.Request{Method: "GET", URL: asked, Header: map[string][]string{"Authorization": {"Bearer opaque"}}}
		_, err := w.api.Verify(context.Background(), r, resource.Demand{})
		if !errors.As(err, &need) || need.Introspect.Reveal() != "opaque" || !errors.Is(err, resource.ErrUnverified) || strings.Contains(err.Error(), "opaque") {
			t.Errorf("%v", err)
		}
	})
	t.Run("the store fails", func(t *testing.T) {
		broken := statetest.NewFaulty(new(state.Memory), func(int, state.Call) statetest.Fault { return statetest.Fault{Err: io.ErrUnexpectedEOF} })
		w := newWorld(t, vector{Bound: "key"}, func(c *resource.Config) { c.DB = &state.DB{Store: broken} })
		_, err := w.perform(nil)
		var r *resource.Refusal
		if !errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &r) {
			t.Errorf("%v", err)
		}
	})
}

// A proof that was refused for another reason, or whose token could not be judged yet, is
// not used up: the same request may be verified again when the need is met.
func TestNeedLeavesTheProof(t *testing.T) {
	v := vector{Bound: "key"}
	v.Config.Introspection = "opaque"
	w := newWorld(t, v, nil)
	if _, err := w.perform(nil); err != nil || w.needs != 1 {
		t.Errorf("%d needs, %v", w.needs, err)
	}
	if _, err := w.perform(nil); !errors.Is(err, message.RuleRSDPoPJti) {
		t.Errorf("the second time: %v", err)
	}
}

// Of many requests with one proof exactly one is accepted.
func TestProofServesOnce(t *testing.T) {
	w := newWorld(t, vector{Bound: "key"}, nil)
	if _, err := w.perform(&override{Proof: map[string]any{"jti": "warm"}}); err != nil {
		t.Fatal(err)
	}
	o := new(override)
	token := w.token(o)
	proof := w.proof(o, token)
	results := make(chan error)
	for range 16 {
		go func() {
			_, err := w.api.Verify(context.Background(), &resource.Request{Method: "GET", URL: asked, Header: map[string][]string{
				"Authorization": {"DPoP " + token}, "Dpop": {proof},
			}}, resource.Demand{})
			results <- err
		}()
	}
	accepted := 0
	for range 16 {
		switch err := <-results; {
		case err == nil:
			accepted++
		case !errors.Is(err, message.RuleRSDPoPJti):
			t.Error(err)
		}
	}
	if accepted != 1 {
		t.Errorf("%d were accepted", accepted)
	}
}

// That one issuer encrypts its tokens says nothing about another.
func TestEncryptionIsAgreedWithEachIssuer(t *testing.T) {
	var v vector
	v.Config.Encrypted = true
	w := newWorld(t, v, func(c *resource.Config) { c.Issuers[0].Encrypted = false })
	if _, err := w.perform(&override{Encrypt: true}); !errors.Is(err, message.RuleRSJWTEncryption) {
		t.Errorf("an encrypted token: %v", err)
	}
	if _, err := w.perform(nil); err != nil {
		t.Error(err)
	}
}

// RFC 9449, Section 7.1 and RFC 6750, Section 3.1: without a token the challenge names
// every scheme that is served, and no error.
func TestBareChallenge(t *testing.T) {
	for _, c := range []struct {
		require bool
		schemes []string
	}{{false, []string{"bearer", "dpop"}}, {true, []string{"dpop"}}} {
		w := newWorld(t, vector{}, func(cfg *resource.Config) { cfg.RequireDPoP = c.require })
		_, err := w.api.Verify(context.Background(), &resource.Request{Method: "GET", URL: asked}, resource.Demand{})
		var r *resource.Refusal
		if !errors.As(err, &r) || r.Status != 401 {
			t.Fatal(err)
		}
		challenges, _ := message.ParseChallenges(r.Header()["Www-Authenticate"])
		var schemes []string
		for _, one := range challenges {
			schemes = append(schemes, one.Scheme)
			if one.Params["error"] != "" || one.Params["error_description"] != "" {
				t.Errorf("%v", one)
			}
		}
		if !slices.Equal(schemes, c.schemes) {
			t.Errorf("%v, want %v", schemes, c.schemes)
		}
	}
}
