package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// keptSources is what the record holds of other sources.
func keptSources(t *testing.T, w *world) map[string]struct {
	Issuer   string         `json:"iss"`
	Verified bool           `json:"verified"`
	Claims   map[string]any `json:"claims"`
} {
	t.Helper()
	r, err := w.db.Session(context.Background(), w.login)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]struct {
		Issuer   string         `json:"iss"`
		Verified bool           `json:"verified"`
		Claims   map[string]any `json:"claims"`
	}{}
	if raw := r.Item(service.ItemClaimsSources); raw != nil {
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func aggregated(names map[string]any) map[string]answer {
	return map[string]answer{service.UserInfoName: {JSON: map[string]any{
		"_claim_names": names, "_claim_sources": map[string]any{"src": map[string]any{"JWT": "{jwt}"}},
	}}}
}

// TestClaimsOfASource: of all that a source tells, the claims that are its to tell are
// taken, and kept apart from the provider's (Core, Section 5.6.2). The source tells a
// sub, an iss and a name of its own here.
func TestClaimsOfASource(t *testing.T) {
	for name, test := range map[string]struct {
		o        override
		verified bool
	}{
		"aggregated":             {override{Answers: aggregated(map[string]any{"shoe_size": "src", "sub": "src", "iss": "src", "name": "src"})}, true},
		"aggregated, unsigned":   {override{Answers: aggregated(map[string]any{"shoe_size": "src"}), aftermath: aftermath{SourceKey: "none"}}, false},
		"aggregated, by whoever": {override{Answers: aggregated(map[string]any{"shoe_size": "src"}), aftermath: aftermath{Source: map[string]any{"iss": "https://unknown.example"}}}, false},
		"distributed":            {override{outside: outside{Flow: "claims_source"}}, true},
		"distributed, unsigned":  {override{outside: outside{Flow: "claims_source"}, aftermath: aftermath{SourceKey: "none"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := newWorld(t, test.o)
			if err != nil {
				t.Fatal(err)
			}
			if at, err := w.run(context.Background()); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			got := keptSources(t, w)["src"]
			if want := map[string]any{"shoe_size": float64(42)}; !maps.Equal(got.Claims, want) || got.Verified != test.verified {
				t.Errorf("kept %v, verified %v", got.Claims, got.Verified)
			}
			if test.verified != (got.Issuer == testSource) {
				t.Errorf("the claims are those of %q", got.Issuer)
			}
			r, err := w.db.Session(context.Background(), w.login)
			if err != nil {
				t.Fatal(err)
			}
			var own message.UserInfoResponse
			if err := message.DecodeJSON(r.Item(state.ItemUserInfo), &own); err != nil {
				t.Fatal(err)
			}
			if own.Subject != "248289761001" || own.Name != "Jane Doe" || own.Extra.Has("shoe_size") {
				t.Errorf("the provider's claims became %s", r.Item(state.ItemUserInfo))
			}
		})
	}
}

// TestClaimsSourceRequest: a source gets the token that the provider gave for it, or
// none, and no other credential; what it may answer, and where it may be, is bounded.
func TestClaimsSourceRequest(t *testing.T) {
	for token, want := range map[any]string{"ksj3n283dke": "Bearer ksj3n283dke", nil: ""} {
		source := map[string]any{"endpoint": testSource + "/claims"}
		if token != nil {
			source["access_token"] = token
		}
		w, err := newWorld(t, override{Config: settings{DPoP: true}, outside: outside{Flow: "claims_source"}, Answers: map[string]answer{service.UserInfoName: {JSON: map[string]any{
			"_claim_names": map[string]any{"shoe_size": "src"}, "_claim_sources": map[string]any{"src": source},
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		sent := w.watchRequests()
		if at, err := w.run(context.Background()); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		req := sent[service.ClaimsSourceName]
		if got := strings.Join(req.Header["Authorization"], ","); got != want {
			t.Errorf("showed %q, want %q", got, want)
		}
		if len(req.Header["Dpop"]) != 0 || req.MutualTLS || len(req.Body) != 0 || req.Method != "GET" {
			t.Errorf("sent more than asked for: %s %v", req.Method, req.Header)
		}
		if p := req.Policy; !p.HTTPS || !p.PeerSupplied || p.MaxBody != 64<<10 || strings.Join(p.Accept, ",") != "application/jwt" {
			t.Errorf("the policy is %+v", p)
		}
	}
}

// TestClaimsSourceFails: the login stands, and is without the claims.
func TestClaimsSourceFails(t *testing.T) {
	w, err := newWorld(t, override{outside: outside{Flow: "claims_source"}, Answers: map[string]answer{service.ClaimsSourceName: {Status: 500}}})
	if err != nil {
		t.Fatal(err)
	}
	at, err := w.run(context.Background())
	if !errors.Is(err, message.RuleClaimsSourceFailure) || at != service.ClaimsSourceName {
		t.Fatalf("at %s: %v", at, err)
	}
	if !w.alive() || len(keptSources(t, w)) != 0 {
		t.Errorf("alive %v, kept %v", w.alive(), keptSources(t, w))
	}
}
