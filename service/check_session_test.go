package service_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// TestSessionOfAnotherUser: what follows a change is a silent request whose hint names
// the user; an ID Token for another one is refused, which means logout (Session
// Management 1.0, Section 3.1).
func TestSessionOfAnotherUser(t *testing.T) {
	for sub, same := range map[string]bool{"248289761001": true, "somebody-else": false} {
		w := loggedIn(t, override{})
		ctx := context.Background()
		res, err := w.services.Get(service.CheckSessionName).ParseResponse(ctx, service.Callback(url.Values{"state": {w.login}, "status": {"changed"}}, ""))
		if err != nil {
			t.Fatal(err)
		}
		asked, ok := res.Optional[0].Args.Message.(message.AuthorizationRequest)
		if !ok || asked.Prompt.String() != "none" || asked.IDTokenHint == "" {
			t.Fatalf("asked for %v", asked)
		}
		w.o.Request = map[string]any{"prompt": "none", "id_token_hint": asked.IDTokenHint.Reveal()}
		w.o.IDToken = map[string]any{"sub": sub}
		if _, _, err := w.authorize(ctx, w.services.Get(service.AuthorizationName)); err != nil {
			t.Fatal(err)
		}
		_, err = service.Run(ctx, w.services.Get(service.AccessTokenName), service.Args{State: w.login}, w.send)
		if same && err != nil {
			t.Error(err)
		}
		if !same {
			wantRule(t, err, message.RuleIDTokenRequestedSub)
		}
	}
}
