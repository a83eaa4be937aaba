package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

func deliveryConfig(mode string) settings {
	return settings{Metadata: map[string]any{
		"backchannel_token_delivery_mode": mode, "backchannel_client_notification_endpoint": "https://rp.example/ciba",
	}}
}

// TestBackchannelRequest is what travels, plain.
func TestBackchannelRequest(t *testing.T) {
	w, err := newWorld(t, override{Config: deliveryConfig("ping"), outside: outside{Flow: "ciba", Ask: map[string]map[string]any{
		service.BackchannelAuthenticationName: {"login_hint": "jane@example.com", "binding_message": "W4SCT", "user_code": "1234"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	sent := w.watchRequests()
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	form := formOf(t, sent[service.BackchannelAuthenticationName])
	if got := names(form); got != "binding_message client_notification_token login_hint scope user_code" || len(form.Get("client_notification_token")) != 43 {
		t.Errorf("sent %s", got)
	}
	form = formOf(t, sent[service.CIBATokenName])
	if form.Get("grant_type") != message.GrantTypeCIBA || form.Get("auth_req_id") != testAuthReqID {
		t.Errorf("polled with %v", form)
	}
}

// TestBackchannelSigned: all parameters are inside, none is outside.
func TestBackchannelSigned(t *testing.T) {
	o := override{Config: deliveryConfig("push"), outside: outside{Flow: "ciba_notified"}}
	o.Config.Keys = true
	o.Config.Metadata["backchannel_authentication_request_signing_alg"] = "ES256"
	o.Config.Metadata["jwks_uri"] = "https://rp.example/jwks"
	w, err := newWorld(t, o)
	if err != nil {
		t.Fatal(err)
	}
	sent := w.watchRequests()
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	form := formOf(t, sent[service.BackchannelAuthenticationName])
	if names(form) != "request" {
		t.Errorf("outside stand %s", names(form))
	}
	_, claims := open(t, form.Get("request"), testKeys()["own"], "ES256")
	for name, want := range map[string]any{
		"iss": testClientID, "aud": testIssuer, "login_hint": "jane@example.com", "scope": "openid profile",
		"iat": float64(testNow.Unix()), "nbf": float64(testNow.Unix()), "exp": float64(testNow.Unix() + 300),
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if claims["jti"] == nil || claims["client_notification_token"] == nil {
		t.Errorf("inside stand %v", claims)
	}
}

// TestBackchannelRecord: what must not be seen is in no listed item, and of the
// notification token the hash is kept alone.
func TestBackchannelRecord(t *testing.T) {
	w := begun(t, override{Config: deliveryConfig("ping"), outside: outside{Flow: "ciba", Ask: map[string]map[string]any{
		service.BackchannelAuthenticationName: {"id_token_hint": "the.id_token.hint", "user_code": "topsecret"},
	}}})
	r, err := w.db.Session(context.Background(), w.login)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.Items(), " "); got != "iss backchannel_authentication_request backchannel_authentication_response" {
		t.Errorf("the record holds %s", got)
	}
	encoded, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{w.flow.bearer.Reveal(), "topsecret", "the.id_token.hint"} {
		if strings.Contains(string(encoded), secret) {
			t.Errorf("the record holds %q", secret)
		}
	}
	for _, item := range r.Items() {
		if strings.Contains(string(r.Item(item)), testAuthReqID) {
			t.Errorf("%s shows auth_req_id", item)
		}
	}
}

// TestPing: the notification lets the tokens be fetched at once; its task does that.
func TestPing(t *testing.T) {
	w := begun(t, override{Config: deliveryConfig("ping"), outside: outside{Flow: "ciba_notified"}})
	ctx := context.Background()
	svc := w.services.Get(service.ClientNotificationName)
	res, err := service.Finish(ctx, svc, service.ParseCallback(w.notification()), w.send)
	if err != nil {
		t.Fatal(err)
	}
	if status, header := service.NotificationReply(err); status != 204 || header["Cache-Control"][0] != "no-store" {
		t.Errorf("answered %d", status)
	}
	if len(res.Optional) != 1 || res.State != w.login || res.Optional[0].Service.Name() != service.CIBATokenName {
		t.Fatalf("the tasks are %v", res.Optional)
	}
	if _, err := service.Run(ctx, res.Optional[0].Service, res.Optional[0].Args, w.send); err != nil {
		t.Fatal(err)
	}
	// After the tokens are there a ping changes nothing.
	if _, err := service.Finish(ctx, svc, service.ParseCallback(w.notification()), w.send); err != nil {
		t.Errorf("a second ping: %v", err)
	}
	if _, err := service.Run(ctx, res.Optional[0].Service, res.Optional[0].Args, w.send); !errors.Is(err, message.RuleCIBAStop) {
		t.Errorf("a fetch after the tokens: %v", err)
	}
}

// TestPush: tokens are delivered once; an error ends the matter.
func TestPush(t *testing.T) {
	w := held(t, override{Config: deliveryConfig("push"), outside: outside{Flow: "ciba_notified"}})
	ctx := context.Background()
	svc := w.services.Get(service.ClientNotificationName)
	if w.flow.result.IDToken == nil || w.flow.result.State != w.login {
		t.Error("the pushed ID Token is not in the result")
	}
	r, err := w.db.Session(ctx, w.login)
	if err != nil {
		t.Fatal(err)
	}
	if items := strings.Join(r.Items(), " "); !strings.Contains(items, "token_response") {
		t.Errorf("the record holds %s", items)
	}
	if states, err := w.db.States(ctx, state.KindSubject, state.PerIssuer(testIssuer, "248289761001")); err != nil || len(states) != 1 {
		t.Errorf("the subject's logins are %v, %v", states, err)
	}
	if _, err := service.Finish(ctx, svc, service.ParseCallback(w.notification()), w.send); !errors.Is(err, message.RuleCIBAPush) {
		t.Errorf("a second delivery: %v", err)
	}
	if err := svc.UpdateServiceContext(ctx, w.flow.result); !errors.Is(err, message.RuleCIBAPush) {
		t.Errorf("a second commit: %v", err)
	}

	w = begun(t, override{Config: deliveryConfig("push"), outside: outside{Flow: "ciba_notified", Notification: map[string]any{
		"error": "access_denied", "access_token": nil, "id_token": nil, "refresh_token": nil, "token_type": nil,
	}}})
	_, err = service.Finish(ctx, w.services.Get(service.ClientNotificationName), service.ParseCallback(w.notification()), w.send)
	if status, _ := service.NotificationReply(err); !errors.Is(err, message.AccessDenied) || status != 204 {
		t.Errorf("a pushed error: %v, answered %d", err, status)
	}
	if _, err := w.db.Session(ctx, w.login); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("the record is still there: %v", err)
	}
}

// TestNotificationReplies: whoever does not show our token learns nothing and changes
// nothing.
func TestNotificationReplies(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		name   string
		change func(*service.Inbound)
		status int
	}{
		{"good", func(*service.Inbound) {}, 204},
		{"bearer in lower case", func(in *service.Inbound) { in.Authorization = message.Secret("b" + in.Authorization.Reveal()[1:]) }, 204},
		{"no token", func(in *service.Inbound) { in.Authorization = "" }, 401},
		{"a scheme alone", func(in *service.Inbound) { in.Authorization = "Bearer" }, 401},
		{"another token", func(in *service.Inbound) { in.Authorization = "Bearer x" }, 401},
		{"unknown auth_req_id", func(in *service.Inbound) { in.Raw = `{"auth_req_id":"x"}` }, 401},
		{"no auth_req_id", func(in *service.Inbound) { in.Raw = `{}` }, 401},
		{"no JSON", func(in *service.Inbound) { in.Raw = `auth_req_id=x` }, 400},
		{"twice", func(in *service.Inbound) { in.Raw = `{"auth_req_id":"x","auth_req_id":"y"}` }, 400},
		{"a PUT", func(in *service.Inbound) { in.Method = "PUT" }, 400},
	} {
		w := begun(t, override{Config: deliveryConfig("ping"), outside: outside{Flow: "ciba_notified"}})
		before, err := w.db.Session(ctx, w.login)
		if err != nil {
			t.Fatal(err)
		}
		in := w.notification()
		test.change(&in)
		res, err := service.Finish(ctx, w.services.Get(service.ClientNotificationName), service.ParseCallback(in), w.send)
		status, header := service.NotificationReply(err)
		if status != test.status || (status == 401) != (len(header["Www-Authenticate"]) == 1) {
			t.Errorf("%s: answered %d after %v", test.name, status, err)
		}
		if err == nil {
			continue
		}
		if after, err := w.db.Session(ctx, w.login); res != nil || err != nil || !after.Equal(before) {
			t.Errorf("%s: the record has changed", test.name)
		}
		if strings.Contains(fmt.Sprint(err), w.flow.bearer.Reveal()) {
			t.Errorf("%s: the error tells the token", test.name)
		}
	}
	if status, _ := service.NotificationReply(errors.New("the store fails")); status != 503 {
		t.Errorf("a failing store is answered %d", status)
	}
}

// TestBackchannelHint: the user whom id_token_hint means is the one who is authenticated,
// be the tokens polled for or pushed.
func TestBackchannelHint(t *testing.T) {
	for mode, flow := range map[string]string{"poll": "ciba", "push": "ciba_notified"} {
		for sub, same := range map[string]bool{"248289761001": true, "somebody-else": false} {
			o := override{Config: deliveryConfig(mode), IDToken: map[string]any{"sub": sub}, outside: outside{Flow: flow}}
			w, err := newWorld(t, o)
			if err != nil {
				t.Fatal(err)
			}
			w.o.Ask = map[string]map[string]any{service.BackchannelAuthenticationName: {"id_token_hint": w.hint().Reveal()}}
			at, err := w.run(context.Background())
			if same {
				if err != nil {
					t.Errorf("%s: at %s: %v", mode, at, err)
				}
				continue
			}
			wantRule(t, err, message.RuleIDTokenRequestedSub)
			if r, err := w.db.Session(context.Background(), w.login); err == nil && r.Item(state.ItemTokenResponse) != nil {
				t.Errorf("%s: the tokens were kept", mode)
			}
		}
	}
}
