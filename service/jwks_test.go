package service_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

func discovered(t *testing.T) *kit {
	t.Helper()
	k := newKit(t, servicecontext.Config{Issuer: testIssuer})
	k.learn(func(sn *servicecontext.Snapshot) {
		sn.Provider = &message.ProviderMetadata{Issuer: testIssuer, JWKSURI: testIssuer + "/jwks", TokenEndpoint: testIssuer + "/token"}
	})
	return k
}

func publicKey(t *testing.T, id string) string {
	t.Helper()
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: id, Use: "sig"})
	if err != nil {
		t.Fatal(err)
	}
	return string(key.PublicJWK())
}

func keySet(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// TestJWKSSkipsWhatItDoesNotKnow and reports it.
func TestJWKSSkipsWhatItDoesNotKnow(t *testing.T) {
	k := discovered(t)
	svc := service.NewJWKS(k.env())
	if req := k.request(svc, service.Args{}); req.URL != testIssuer+"/jwks" || req.Method != "GET" {
		t.Errorf("%s %s", req.Method, req.URL)
	}
	res := k.commit(svc, service.Args{}, 200, keySet(`{"kty":"XYZ","kid":"new"}`, publicKey(t, "a"), `{"kty":"EC","crv":"P-256","kid":"half","x":"AA"}`, publicKey(t, "b")))
	if verdict(res.Checks, message.RuleJWKSSkipUnknown) != service.Warned || verdict(res.Checks, message.RuleJWKSNoPrivate) != service.Passed {
		t.Errorf("checks: %v", res.Checks)
	}
	sn := k.sc.Snapshot()
	if keys := sn.ProviderKeys().Keys(); len(keys) != 2 || keys[0].ID() != "a" || keys[1].ID() != "b" {
		t.Errorf("keys: %v", keys)
	}
	set := sn.KeySets[testIssuer]
	if len(set.Skipped) != 2 || !strings.HasPrefix(set.Skipped[0], "keys[0]: ") || set.URI != testIssuer+"/jwks" || !set.Fetched.Equal(testNow) {
		t.Errorf("got %+v", set)
	}
	clean := k.commit(discoveredJWKS(t), service.Args{}, 200, keySet())
	if verdict(clean.Checks, message.RuleJWKSSkipUnknown) != service.Passed {
		t.Error("an empty set skips nothing")
	}
}

func discoveredJWKS(t *testing.T) service.Service {
	t.Helper()
	return service.NewJWKS(discovered(t).env())
}

func TestJWKSNeedsMetadata(t *testing.T) {
	k := newKit(t, servicecontext.Config{Issuer: testIssuer})
	if _, err := service.NewJWKS(k.env()).GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrNotConfigured) {
		t.Errorf("got %v", err)
	}
	k.learn(func(sn *servicecontext.Snapshot) { sn.Provider = &message.ProviderMetadata{Issuer: testIssuer} })
	if _, err := service.NewJWKS(k.env()).GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrNoEndpoint) {
		t.Errorf("got %v", err)
	}
}

// TestJWKSRefetchCooldown: the first fetch is free, one refetch at once, then none for
// a minute, whoever asks; the old set survives a failed one.
func TestJWKSRefetchCooldown(t *testing.T) {
	k := discovered(t)
	svc := service.NewJWKS(k.env())
	build := func() error {
		_, err := svc.GetRequestParameters(context.Background(), service.Args{})
		return err
	}
	if err := build(); err != nil {
		t.Fatal("the first fetch:", err)
	}
	if n := k.store.writes.Load(); n != 0 {
		t.Errorf("the first fetch was stamped %d times", n)
	}
	k.commit(svc, service.Args{}, 200, keySet(publicKey(t, "old")))
	resp := k.request(svc, service.Args{}).Answer(503, nil, nil) // the refetch
	if n := k.store.writes.Load(); n != 1 {
		t.Errorf("the refetch wrote %d times to the store, want one Add", n)
	}
	if _, err := k.parse(svc, resp); !errors.Is(err, message.RuleJWKSShape) {
		t.Errorf("a failed fetch: %v", err)
	}
	if keys := k.sc.Snapshot().ProviderKeys().Keys(); len(keys) != 1 || keys[0].ID() != "old" {
		t.Errorf("the old set did not survive: %v", keys)
	}
	wantRule(t, build(), message.RuleJWKSRefetchCooldown)
	// Another process that shares the store is held back too.
	other := discovered(t)
	other.db = k.db
	other.learn(func(sn *servicecontext.Snapshot) { sn.KeySets[testIssuer] = servicecontext.KeySet{} })
	_, err := service.NewJWKS(other.env()).GetRequestParameters(context.Background(), service.Args{})
	wantRule(t, err, message.RuleJWKSRefetchCooldown)
	k.now = k.now.Add(61 * time.Second)
	if err := build(); err != nil {
		t.Error("after a minute:", err)
	}
}

// TestNoStoreNoFetch: a store that fails allows no refetch.
func TestNoStoreNoFetch(t *testing.T) {
	k := discovered(t)
	k.learn(func(sn *servicecontext.Snapshot) { sn.KeySets[testIssuer] = servicecontext.KeySet{} })
	k.db = &state.DB{Store: broken{}}
	_, err := service.NewJWKS(k.env()).GetRequestParameters(context.Background(), service.Args{})
	wantRule(t, err, message.RuleJWKSRefetchCooldown)
	if !errors.Is(err, errBroken) {
		t.Errorf("the cause is lost: %v", err)
	}
}

var errBroken = errors.New("the store is broken")

type broken struct{}

func (broken) Add(context.Context, string, []byte, time.Duration) (bool, error) {
	return false, errBroken
}
func (broken) Put(context.Context, string, []byte, time.Duration) error { return errBroken }
func (broken) Get(context.Context, string) ([]byte, bool, error)        { return nil, false, errBroken }
func (broken) Take(context.Context, string) ([]byte, bool, error)       { return nil, false, errBroken }

func TestJWKSFreshness(t *testing.T) {
	for name, tc := range map[string]struct {
		header map[string][]string
		fresh  time.Duration
	}{
		"nothing said":    {nil, time.Hour},
		"half an hour":    {map[string][]string{"Cache-Control": {"public, max-age=1800"}}, 30 * time.Minute},
		"less its age":    {map[string][]string{"cache-control": {"MAX-AGE=1800"}, "Age": {"600"}}, 20 * time.Minute},
		"a second":        {map[string][]string{"Cache-Control": {"max-age=1"}}, 5 * time.Minute},
		"a year":          {map[string][]string{"Cache-Control": {"max-age=31536000"}}, 24 * time.Hour},
		"not at all":      {map[string][]string{"Cache-Control": {"no-store"}}, 5 * time.Minute},
		"nonsense":        {map[string][]string{"Cache-Control": {"max-age=soon"}}, 5 * time.Minute},
		"negative":        {map[string][]string{"Cache-Control": {"max-age=-1"}}, 5 * time.Minute},
		"more than a day": {map[string][]string{"Cache-Control": {"max-age=99999999999999"}}, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			k := discovered(t)
			svc := service.NewJWKS(k.env())
			header := map[string][]string{"Content-Type": {"application/jwk-set+json"}}
			for n, v := range tc.header {
				header[n] = v
			}
			res, err := k.parse(svc, k.request(svc, service.Args{}).Answer(200, header, []byte(keySet(publicKey(t, "a")))))
			if err != nil {
				t.Fatal(err)
			}
			if err := svc.UpdateServiceContext(context.Background(), res); err != nil {
				t.Fatal(err)
			}
			sn := k.sc.Snapshot()
			if got := sn.KeySets[testIssuer].FreshUntil.Sub(testNow); got != tc.fresh {
				t.Errorf("fresh for %v, want %v", got, tc.fresh)
			}
			if !sn.KeysFresh(testIssuer, testNow) || sn.KeysFresh(testIssuer, testNow.Add(tc.fresh)) {
				t.Error("KeysFresh does not follow")
			}
		})
	}
}

// TestJWKSNoPrivate: one key that signs condemns the set.
func TestJWKSNoPrivate(t *testing.T) {
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "oops"})
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.PrivateJWK()
	if err != nil {
		t.Fatal(err)
	}
	k := discovered(t)
	svc := service.NewJWKS(k.env())
	for name, bad := range map[string]string{"private": string(private), "symmetric": `{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg","kid":"s"}`} {
		_, err := k.answer(svc, service.Args{}, 200, keySet(publicKey(t, "a"), bad))
		wantRule(t, err, message.RuleJWKSNoPrivate)
		if !hasText(err, "jwks: keys[1]") {
			t.Errorf("%s: the error names neither step nor entry: %v", name, err)
		}
	}
}
