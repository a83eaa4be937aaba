package service_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// TestAnswersOfOthers: an answer goes to the service whose request it answers, and a
// result to the service that judged it.
func TestAnswersOfOthers(t *testing.T) {
	w := upToCode(t)
	ctx := context.Background()
	token, userinfo := w.services.Get(service.AccessTokenName), w.services.Get(service.UserInfoName)
	req, err := token.GetRequestParameters(ctx, service.Args{State: w.login})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := w.send(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, message.RuleTransportAnswer) || !errors.Is(err, service.ErrForeign) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, other := range []service.Service{userinfo, w.services.Get(service.RefreshTokenName), w.services.Get(service.AuthorizationName)} {
		_, err := other.ParseResponse(ctx, resp)
		refused("the token answer at "+other.Name(), err)
	}
	_, err = token.ParseResponse(ctx, service.ParseCallback(service.Inbound{Method: "POST", Raw: "access_token=a"}))
	refused("a callback", err)
	if _, err := service.Run(ctx, w.services.Get(service.JWKSName), service.Args{}, w.send); err != nil {
		t.Fatal(err)
	}
	res, err := token.ParseResponse(ctx, resp)
	if err != nil {
		t.Fatal(err)
	}
	refused("a result of another service", userinfo.UpdateServiceContext(ctx, res))
	refused("a result that nobody judged", token.UpdateServiceContext(ctx, &service.Result{State: w.login, Message: res.Message}))
	refused("no result", token.UpdateServiceContext(ctx, nil))
	copied := *res
	if err := token.UpdateServiceContext(ctx, &copied); err != nil {
		t.Fatal(err)
	}
	if err := token.UpdateServiceContext(ctx, res); err == nil {
		t.Error("a finished answer was committed again")
	}
}

// TestNeedsAreMetOnce: keys are fetched once for a message, however often it asks; a
// need that comes back is the refusal that it was.
func TestNeedsAreMetOnce(t *testing.T) {
	w, err := newWorld(t, override{IDTokenHeader: map[string]any{"kid": "never-published"}})
	if err != nil {
		t.Fatal(err)
	}
	at, err := w.run(context.Background())
	if !errors.Is(err, message.RuleKeyKid) || at != service.AccessTokenName {
		t.Fatalf("at %s: %v", at, err)
	}
	var need *service.NeedError
	if errors.As(err, &need) {
		t.Error("it still says that something is needed")
	}
	if n := count(w.sent, service.JWKSName); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// TestRefusedTokenByHand: a caller who does what is needed by hand is told to refresh
// once; the second refusal is final.
func TestRefusedTokenByHand(t *testing.T) {
	w := held(t, override{})
	ctx := context.Background()
	svc := w.services.Get(service.UserInfoName)
	refusal := func(args service.Args) error {
		req, err := svc.GetRequestParameters(ctx, args)
		if err != nil {
			t.Fatal(err)
		}
		_, err = svc.ParseResponse(ctx, req.Answer(401, map[string][]string{"WWW-Authenticate": {`Bearer error="invalid_token"`}}, nil))
		return err
	}
	var need *service.NeedError
	if err := refusal(service.Args{State: w.login}); !errors.As(err, &need) || need.Task.Service.Name() != service.RefreshTokenName || !need.Resend {
		t.Fatalf("the first: %v", err)
	}
	if err := refusal(need.Args); errors.As(err, new(*service.NeedError)) || !errors.Is(err, message.InvalidToken) {
		t.Errorf("the second: %v", err)
	}
}
