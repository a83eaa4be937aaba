package factory_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

func newContext(t testing.TB) *servicecontext.ServiceContext {
	t.Helper()
	sc, err := servicecontext.New(servicecontext.Config{Issuer: "https://op.example", Metadata: message.ClientMetadata{RedirectURIs: []string{"https://rp.example/cb"}}})
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// TestFactoryBuildsSixServices: the classic specification gives the classic services,
// by class name or by service name, in Go or in JSON.
func TestFactoryBuildsSixServices(t *testing.T) {
	want := []string{"accesstoken", "authorization", "provider_info", "registration", "userinfo", "webfinger"}
	for name, text := range map[string]string{
		"class names":   `{"WebFinger":{},"ProviderInfoDiscovery":{},"Registration":{},"Authorization":{},"AccessToken":{},"UserInfo":{}}`,
		"service names": `{"webfinger":{},"provider_info":{},"registration":{},"authorization":{},"accesstoken":{},"userinfo":{}}`,
		"both":          `{"WebFinger":{},"provider_info":{},"Registration":{},"authorization":{"request_args":{"prompt":"login"}},"AccessToken":{"client_auth":"client_secret_basic"},"userinfo":{}}`,
	} {
		spec, err := factory.ParseSpec([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		built, err := factory.Build(spec, newContext(t), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := built.Names(); !slices.Equal(got, want) {
			t.Errorf("%s: built %v", name, got)
		}
		for _, n := range want {
			if svc := built.Get(n); svc == nil || svc.Name() != n {
				t.Errorf("%s: Get(%q) is %v", name, n, svc)
			}
		}
	}
}

func TestEveryNameIsKnown(t *testing.T) {
	for _, n := range factory.Names() {
		for _, key := range []string{n.Service, n.Class} {
			built, err := factory.Build(factory.Spec{key: {}}, newContext(t), nil)
			if err != nil {
				t.Errorf("%s: %v", key, err)
				continue
			}
			if svc := built.Get(n.Service); svc.Name() != n.Service {
				t.Errorf("%s makes %s", key, svc.Name())
			}
		}
	}
}

// TestFactoryUnknownKeys: what is unknown is an error that lists what is known.
func TestFactoryUnknownKeys(t *testing.T) {
	for text, want := range map[string]string{
		`{"webfinger":{"clientauth":"x"}}`:                   "client_auth",
		`{"webfinger":{},"webfinger":{}}`:                    "twice",
		`{"webfinger":{"kind":"a","kind":"b"}}`:              "twice",
		`{"webfinger":{"request_args":{"a":{"b":1,"b":2}}}}`: "twice",
		`[]`:                                   "an object is wanted",
		`{"webfinger":[]}`:                     "an object is wanted",
		`{"webfinger":null}`:                   "an object is wanted",
		`{"webfinger":{}} {}`:                  "follows the value",
		`{"webfinger":{"client_auth":1}}`:      "webfinger",
		`{"webfinger":`:                        "ends early",
		`{"webfinger":{"request_args":{"a":1}`: "ends early",
	} {
		if _, err := factory.ParseSpec([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
		if err := json.Unmarshal([]byte(text), new(factory.Spec)); err == nil {
			t.Errorf("%s: read by encoding/json", text)
		}
	}
	for name, spec := range map[string]factory.Spec{
		"typo":                   {"webfingr": {}},
		"unknown kind":           {"mine": {Kind: "yours"}},
		"two names of one":       {"WebFinger": {}, "webfinger": {}},
		"request_args no object": {"webfinger": {RequestArgs: []byte(`[]`)}},
		"unknown client_auth":    {"accesstoken": {ClientAuth: "client_secret_basics"}},
		"another's client_auth":  {"userinfo": {ClientAuth: "client_secret_basic"}},
		"userinfo's client_auth": {"accesstoken": {ClientAuth: "bearer_body"}},
	} {
		if _, err := factory.Build(spec, newContext(t), nil); err == nil {
			t.Errorf("%s was built", name)
		}
	}
	if _, err := factory.Build(factory.Spec{"typo": {}}, newContext(t), nil); !strings.Contains(err.Error(), "provider_info") {
		t.Errorf("the error does not list what is known: %v", err)
	}
	if _, err := factory.Build(factory.Spec{"AccessToken": {ClientAuth: "client_secret_post"}, "UserInfo": {ClientAuth: "bearer_body"}}, newContext(t), nil); err != nil {
		t.Error(err)
	}
	if _, err := factory.Build(factory.Spec{}, nil, nil); !errors.Is(err, service.ErrNotConfigured) {
		t.Error(err)
	}
}

// TestAbsentService: a service that was not built is never nil, and says so.
func TestAbsentService(t *testing.T) {
	built, err := factory.Build(factory.Spec{}, newContext(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	svc, ctx := built.Get("userinfo"), context.Background()
	_, err1 := svc.GetRequestParameters(ctx, service.Args{})
	_, err2 := svc.ParseResponse(ctx, nil)
	for _, err := range []error{err1, err2, svc.UpdateServiceContext(ctx, nil)} {
		if !errors.Is(err, service.ErrNotConfigured) || !strings.Contains(err.Error(), "userinfo") {
			t.Error(err)
		}
	}
}

// TestCustomService: a definition of one's own is built beside the standard ones and
// shares their context, and may take a standard name.
func TestCustomService(t *testing.T) {
	ping := func(env service.Env) (service.Service, error) {
		return service.Definition[message.UserInfoRequest, message.UserInfoResponse]{
			Name: "ping", Request: service.Query, Response: service.JSON, Answer: service.Answer{StatusRule: message.RuleUserInfoStatus},
			Endpoint: func(s *service.Step, _ *message.UserInfoRequest) string { return s.Snapshot.Issuer + "/ping" },
		}.New(env), nil
	}
	f := factory.Standard()
	f.Register("ping", ping)
	f.Register("UserInfo", ping)
	broken := errors.New("cannot be made")
	f.Register("broken", func(service.Env) (service.Service, error) { return nil, broken })
	built, err := f.Build(factory.Spec{"ping": {}, "again": {Kind: "ping"}, "userinfo": {}}, newContext(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ping", "again", "userinfo"} {
		req, err := built.Get(name).GetRequestParameters(context.Background(), service.Args{})
		if err != nil || req.URL != "https://op.example/ping" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Build(factory.Spec{"broken": {}}, newContext(t), nil); !errors.Is(err, broken) {
		t.Error(err)
	}
	if _, err := factory.Build(factory.Spec{"ping": {}}, newContext(t), nil); err == nil {
		t.Error("registering with one factory changed another")
	}
}
