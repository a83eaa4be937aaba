package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// static is a relying party that knows its provider and is registered, with a callback
// of its own or the usual one.
func static(t *testing.T, spec factory.Spec, callback ...string) *factory.Services {
	t.Helper()
	if callback == nil {
		callback = []string{testCallback}
	}
	sc, err := servicecontext.New(servicecontext.Config{
		Provider: &message.ProviderMetadata{
			Issuer: testIssuer, AuthorizationEndpoint: testIssuer + "/authorization?tenant=1", TokenEndpoint: testIssuer + "/token", JWKSURI: testIssuer + "/jwks",
		},
		ClientID: testClientID, ClientSecret: testSecret, Scope: []string{"openid", "email"},
		Metadata: message.ClientMetadata{RedirectURIs: callback},
		Rand:     new(stream),
	})
	if err != nil {
		t.Fatal(err)
	}
	services, err := factory.Build(spec, sc, nil)
	if err != nil {
		t.Fatal(err)
	}
	return services
}

// TestPrecedence: the call over the context over the configuration over the default.
func TestPrecedence(t *testing.T) {
	args := []byte(`{"scope":"openid phone","prompt":"login","ui_locales":"sv"}`)
	svc := static(t, factory.Spec{"Authorization": {RequestArgs: args}}).Get("authorization")
	for _, test := range []struct {
		call               message.Message
		scope, prompt, loc string
	}{
		{nil, "openid email", "login", "sv"},
		{message.AuthorizationRequest{Scope: message.List{"openid"}}, "openid", "login", "sv"},
		{&message.AuthorizationRequest{Prompt: message.List{"consent"}, UILocales: message.List{"de"}}, "openid email", "consent", "de"},
	} {
		req, err := svc.GetRequestParameters(context.Background(), service.Args{Message: test.call})
		if err != nil {
			t.Fatal(err)
		}
		m := req.Message().(*message.AuthorizationRequest)
		if m.Scope.String() != test.scope || m.Prompt.String() != test.prompt || m.UILocales.String() != test.loc || m.ResponseType.String() != "code" {
			t.Errorf("%v: scope %q, prompt %q, ui_locales %q, response_type %q", test.call, m.Scope, m.Prompt, m.UILocales, m.ResponseType)
		}
		if !strings.HasPrefix(req.URL, testIssuer+"/authorization?tenant=1&") {
			t.Errorf("the endpoint's own query is lost: %s", req.URL)
		}
	}
}

// TestHooksRunInOrderAndCount: what a hook returns is used, and an error stops.
func TestHooksRunInOrderAndCount(t *testing.T) {
	var order []string
	hook := func(name, add string) service.Hook {
		return func(_ context.Context, _ *service.Step, m message.Message) (message.Message, error) {
			order = append(order, name)
			switch m := m.(type) {
			case *message.AuthorizationRequest:
				next := *m
				next.LoginHint += add
				return next, nil
			}
			return nil, nil
		}
	}
	refuse := errors.New("refused by the hook")
	svc := static(t, factory.Spec{"authorization": {
		PreConstruct:  []service.Hook{hook("pre1", "a"), hook("pre2", "b")},
		PostConstruct: []service.Hook{hook("post1", "c"), hook("post2", "d")},
	}}).Get("authorization")
	req, err := svc.GetRequestParameters(context.Background(), service.Args{})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, " "); got != "pre1 pre2 post1 post2" || !strings.Contains(req.URL, "login_hint=abcd") {
		t.Errorf("ran %s: %s", got, req.URL)
	}
	svc = static(t, factory.Spec{"authorization": {PostConstruct: []service.Hook{
		func(context.Context, *service.Step, message.Message) (message.Message, error) { return nil, refuse },
	}}}).Get("authorization")
	if _, err := svc.GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, refuse) {
		t.Error(err)
	}
	svc = static(t, factory.Spec{"authorization": {PreConstruct: []service.Hook{
		func(context.Context, *service.Step, message.Message) (message.Message, error) {
			return message.IDToken{}, nil
		},
	}}}).Get("authorization")
	if _, err := svc.GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrArgs) {
		t.Error(err)
	}
}

// TestCallersFaults: what is the caller's doing is said as such.
func TestCallersFaults(t *testing.T) {
	ctx := context.Background()
	all := factory.Spec{}
	for _, n := range factory.Names() {
		all[n.Service] = factory.Config{}
	}
	services := static(t, all)
	for name, test := range map[string]struct {
		service string
		args    service.Args
		want    error
	}{
		"another message":        {"authorization", service.Args{Message: message.IDToken{}}, service.ErrArgs},
		"a nil message":          {"authorization", service.Args{Message: (*message.AuthorizationRequest)(nil)}, service.ErrArgs},
		"two states":             {"authorization", service.Args{State: "af0ifjsldkjaf0ifjsldkj", Message: message.AuthorizationRequest{State: "other"}}, service.ErrArgs},
		"a quote in a scope":     {"authorization", service.Args{Message: message.AuthorizationRequest{Scope: message.List{"openid", `e"mail`}}}, service.ErrArgs},
		"two scopes in one":      {"authorization", service.Args{Message: message.AuthorizationRequest{Scope: message.List{"openid", "e mail"}}}, service.ErrArgs},
		"an empty scope":         {"authorization", service.Args{Message: message.AuthorizationRequest{Scope: message.List{"openid", ""}}}, service.ErrArgs},
		"another client":         {"authorization", service.Args{Message: message.AuthorizationRequest{ClientID: "other"}}, service.ErrArgs},
		"no state":               {"accesstoken", service.Args{}, service.ErrArgs},
		"an unknown login":       {"accesstoken", service.Args{State: "af0ifjsldkjaf0ifjsldkj"}, state.ErrUnknown},
		"no userinfo endpoint":   {"registration", service.Args{}, service.ErrNoEndpoint},
		"a service not built":    {"nothing", service.Args{}, service.ErrNotConfigured},
		"a service that listens": {"frontchannel_logout", service.Args{}, service.ErrArgs},
	} {
		if _, err := services.Get(test.service).GetRequestParameters(ctx, test.args); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	svc := services.Get("accesstoken")
	if _, err := svc.ParseResponse(ctx, nil); !errors.Is(err, service.ErrArgs) {
		t.Error(err)
	}
	if _, err := svc.ParseResponse(ctx, service.Callback(nil, "")); !errors.Is(err, service.ErrForeign) {
		t.Error(err)
	}
	front, err := services.Get("authorization").GetRequestParameters(ctx, service.Args{})
	if err != nil {
		t.Fatal(err)
	}
	if resp := front.Answer(200, nil, nil); resp.Request() != front {
		t.Error("the answer has lost its request")
	} else if _, err := svc.ParseResponse(ctx, resp); !errors.Is(err, service.ErrForeign) {
		t.Error(err)
	}
	if err := svc.UpdateServiceContext(ctx, nil); !errors.Is(err, service.ErrForeign) {
		t.Error(err)
	}
	if err := svc.UpdateServiceContext(ctx, new(service.Result)); !errors.Is(err, service.ErrForeign) {
		t.Error(err)
	}
	if service.ChecksOf(errors.New("x")) != nil || service.ServiceOf(nil) != "" || service.MessageOf[message.IDToken](nil) != nil {
		t.Error("something comes from nothing")
	}
}

// TestUnregistered: nothing is asked before there is a client_id.
func TestUnregistered(t *testing.T) {
	sc, err := servicecontext.New(servicecontext.Config{
		Provider: &message.ProviderMetadata{Issuer: testIssuer, AuthorizationEndpoint: testIssuer + "/authorization", TokenEndpoint: testIssuer + "/token"},
		Metadata: message.ClientMetadata{RedirectURIs: []string{testCallback}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.NewAuthorization(service.Env{Context: sc}).GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrNotRegistered) {
		t.Error(err)
	}
	if sc, err = servicecontext.New(servicecontext.Config{ClientID: testClientID}); err != nil {
		t.Fatal(err)
	}
	if _, err := service.NewAuthorization(service.Env{Context: sc}).GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrNotConfigured) {
		t.Error(err)
	}
}

// TestResponseTypeModeMatrix: every response type in every mode that may carry it.
func TestResponseTypeModeMatrix(t *testing.T) {
	const frontToken = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	for _, responseType := range []string{"code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"} {
		for _, mode := range []string{"", "query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"} {
			t.Run(responseType+" "+mode, func(t *testing.T) {
				words := message.ParseList(responseType)
				o := override{
					Config:  settings{Metadata: map[string]any{"response_types": []string{responseType}, "grant_types": nil}, Compat: []byte(`{"allow_front_channel_access_token":true}`)},
					Request: map[string]any{"response_type": responseType},
					Answers: map[string]answer{"provider_info": {JSON: map[string]any{"response_types_supported": []string{responseType}}}, "accesstoken": {JSON: map[string]any{"access_token": frontToken}}},
					IDToken: map[string]any{"at_hash": "77QmUPtjPfzWtF2AnpK9RQ", "c_hash": "o1uBp9eSe3DsmScN0jYriA"},
				}
				grants := []string{}
				if words.Has("code") {
					grants = append(grants, "authorization_code", "refresh_token")
				}
				if words.Has("token") || words.Has("id_token") {
					grants = append(grants, "implicit")
				}
				o.Config.Metadata["grant_types"] = grants
				if !words.Has("token") && words.Has("id_token") && !words.Has("code") {
					delete(o.IDToken, "at_hash")
				}
				if mode != "" {
					o.Request["response_mode"] = mode
				}
				w, err := newWorld(t, o)
				if err != nil {
					t.Fatal(err)
				}
				at, err := w.run(context.Background())
				inQuery := strings.HasPrefix(mode, "query") && (words.Has("token") || words.Has("id_token"))
				switch {
				case inQuery:
					if !errors.Is(err, message.RuleAuthzRequestResponseMode) {
						t.Errorf("tokens in the query: at %s: %v", at, err)
					}
				case !words.Has("code"):
					// Without a code there is no token request.
					if at != service.AccessTokenName || !strings.Contains(fmt.Sprint(w.done), service.AuthorizationName) {
						t.Errorf("at %s: %v", at, err)
					}
				case err != nil && at != service.RefreshTokenName:
					t.Errorf("at %s: %v", at, err)
				}
			})
		}
	}
}

// TestRedirectURIOutOfBand: what was registered elsewhere is a redirect URI all the same
// (RFC 6749, Section 3.1.2).
func TestRedirectURIOutOfBand(t *testing.T) {
	for uri, good := range map[string]bool{
		testCallback: true, "com.example.app:/cb": true, "http://127.0.0.1:8080/cb?a=b:c": true,
		testCallback + "#x": false, testCallback + "#": false, "/cb": false, "cb": false, "/cb?at=12:00": false, "": false,
	} {
		svc := static(t, factory.Spec{"authorization": {}}, uri).Get("authorization")
		_, err := svc.GetRequestParameters(context.Background(), service.Args{})
		if refused := errors.Is(err, message.RuleAuthzRequestRedirectURI) || errors.Is(err, service.ErrNotConfigured); refused == good || good && err != nil {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

func TestNamesOfTheVocabulary(t *testing.T) {
	for _, name := range []fmt.Stringer{service.BackChannel, service.FrontChannel, service.Query, service.Form, service.JSON, service.JWT, service.Params, service.None,
		service.NoProof, service.ClientProof, service.TokenProof, service.Passed, service.Failed, service.Skipped, service.Warned} {
		if name.String() == "" {
			t.Errorf("%#v has no name", name)
		}
	}
	if service.Verdict(9).String() != "unknown" {
		t.Error("a verdict that does not exist has a name")
	}
	need := &service.NeedError{Err: errors.New("lacking")}
	if need.Error() == "" || !errors.Is(need, need.Err) || (&service.NeedError{After: 1e9}).Error() == "" {
		t.Error("a need does not say what it needs")
	}
}
