package service_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// upToCode is a world that holds a code which was not redeemed.
func upToCode(t *testing.T) *world {
	t.Helper()
	w, err := newWorld(t, override{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, name := range []string{service.WebFingerName, service.ProviderInfoName, service.RegistrationName} {
		if _, err := service.Run(ctx, w.services.Get(name), service.Args{Message: firstMessage(name)}, w.send); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := w.authorize(ctx, w.services.Get(service.AuthorizationName)); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestTokenRequestRules: what is redeemed comes from the record alone, and travels in
// the body alone.
func TestTokenRequestRules(t *testing.T) {
	w := upToCode(t)
	svc, ctx := w.services.Get(service.AccessTokenName), context.Background()
	for rule, m := range map[message.Rule]message.AccessTokenRequest{
		message.RuleTokenRequestValidated:   {Code: "another code"},
		message.RuleTokenRequestRedirectURI: {RedirectURI: "https://rp.example/other"},
	} {
		if _, err := svc.GetRequestParameters(ctx, service.Args{State: w.login, Message: m}); !errors.Is(err, rule) {
			t.Errorf("%s: %v", rule, err)
		}
	}
	req, err := svc.GetRequestParameters(ctx, service.Args{State: w.login})
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(string(req.Body))
	if err != nil {
		t.Fatal(err)
	}
	if names(form) != "code code_verifier grant_type redirect_uri" || form.Get("redirect_uri") != testCallback || len(form.Get("code_verifier")) != 43 {
		t.Errorf("the body holds %s", names(form))
	}
	if req.URL != testIssuer+"/token" || req.Method != "POST" || !strings.HasPrefix(req.Header["Authorization"][0], "Basic ") || req.Header["Content-Type"][0] != "application/x-www-form-urlencoded" {
		t.Errorf("%s %s %v", req.Method, req.URL, req.Header["Content-Type"])
	}
}

// TestNonceReplay: issuer and nonce are accepted once, whoever commits them.
func TestNonceReplay(t *testing.T) {
	w := upToCode(t)
	svc, ctx := w.services.Get(service.AccessTokenName), context.Background()
	if _, err := service.Run(ctx, w.services.Get(service.JWKSName), service.Args{}, w.send); err != nil {
		t.Fatal(err)
	}
	req, err := svc.GetRequestParameters(ctx, service.Args{State: w.login})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.send(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	res, err := svc.ParseResponse(ctx, resp)
	if err != nil {
		t.Fatal(err)
	}
	if err := svc.UpdateServiceContext(ctx, res); err != nil {
		t.Fatal(err)
	}
	if err := svc.UpdateServiceContext(ctx, res); !errors.Is(err, message.RuleIDTokenNonceReplay) {
		t.Errorf("a second commit got %v", err)
	}
}

// TestRefreshSingleFlight: while one refresh is under way another has to wait.
func TestRefreshSingleFlight(t *testing.T) {
	w := upToCode(t)
	ctx := context.Background()
	if _, err := service.Run(ctx, w.services.Get(service.AccessTokenName), service.Args{State: w.login}, w.send); err != nil {
		t.Fatal(err)
	}
	svc := w.services.Get(service.RefreshTokenName)
	if _, err := svc.GetRequestParameters(ctx, service.Args{State: w.login}); err != nil {
		t.Fatal(err)
	}
	var need *service.NeedError
	if _, err := svc.GetRequestParameters(ctx, service.Args{State: w.login}); !errors.As(err, &need) || need.After <= 0 || !errors.Is(err, message.RuleRefreshSingleFlight) {
		t.Errorf("a second refresh got %v", err)
	}
}

// TestRefreshIsOfTheOriginal: "its auth_time Claim MUST represent the time of the original
// authentication" (Core, Section 12.2), also where a refresh in between told none.
func TestRefreshIsOfTheOriginal(t *testing.T) {
	w := upToCode(t)
	ctx := context.Background()
	if _, err := service.Run(ctx, w.services.Get(service.AccessTokenName), service.Args{State: w.login}, w.send); err != nil {
		t.Fatal(err)
	}
	original := testNow.Unix() - 10
	for _, step := range []struct {
		authTime any
		want     error
	}{{nil, nil}, {original, nil}, {original + 1, message.RuleRefreshAuthTime}} {
		w.o.RefreshToken = map[string]any{"auth_time": step.authTime}
		if _, err := service.Run(ctx, w.services.Get(service.RefreshTokenName), service.Args{State: w.login}, w.send); !errors.Is(err, step.want) {
			t.Errorf("auth_time %v: %v, want %v", step.authTime, err, step.want)
		}
	}
}
