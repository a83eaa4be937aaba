package service_test

import (
	"context"
	"net/url"
	"strings"
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

// TestEndSessionPost: a request that is too long for a URL is a form; the endpoint's own
// query stays where it is.
func TestEndSessionPost(t *testing.T) {
	for size, method := range map[int]string{100: "GET", 20_000: "POST"} {
		k := leaving(t, byeURI)
		hint := strings.Repeat("a", size)
		k.login("a-login-state-of-32-characters-1", `{"access_token":"a","token_type":"Bearer","id_token":"`+hint+`"}`)
		req := k.request(service.NewEndSession(k.env()), service.Args{State: "a-login-state-of-32-characters-1"})
		if req.Method != method || req.Channel != service.FrontChannel {
			t.Fatalf("%d bytes: %s", size, req.Method)
		}
		values := query(t, req)
		if method == "POST" {
			if req.URL != testIssuer+"/end_session?x=y" || req.Header["Content-Type"][0] != "application/x-www-form-urlencoded" {
				t.Errorf("posted to %s", req.URL)
			}
			values = formOf(t, req)
		} else if len(req.Body) != 0 {
			t.Error("a GET with a body")
		}
		if values.Get("id_token_hint") != hint || values.Get("client_id") != testClientID || values.Get("post_logout_redirect_uri") != byeURI || len(values.Get("state")) != 43 {
			t.Errorf("sent %s", names(values))
		}
	}
}
