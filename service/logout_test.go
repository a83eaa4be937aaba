package service_test

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// loggedIn is a world after a login with the session "sid-1".
func loggedIn(t *testing.T, o override) *world {
	t.Helper()
	o.IDToken = map[string]any{"sid": "sid-1"}
	w, err := newWorld(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	return w
}

func (w *world) alive() bool {
	_, err := w.db.Session(context.Background(), w.login)
	return err == nil
}

func TestBackchannelLogout(t *testing.T) {
	good := func() map[string]any {
		return map[string]any{
			"iss": testIssuer, "aud": testClientID, "iat": testNow.Unix(), "exp": testNow.Unix() + 120, "jti": "j1", "sub": "248289761001", "sid": "sid-1",
			"events": map[string]any{message.BackchannelLogoutEvent: map[string]any{}},
		}
	}
	for _, test := range []struct {
		name   string
		change map[string]any
		header map[string]any
		key    string
		form   func(url.Values)
		in     service.Inbound
		rule   message.Rule // "" if it is a good one
		ends   bool
	}{
		{name: "good", ends: true},
		{name: "typ logout+jwt", header: map[string]any{"typ": "logout+jwt"}, ends: true},
		{name: "sub alone", change: map[string]any{"sid": nil}, ends: true},
		{name: "sid alone", change: map[string]any{"sub": nil}, ends: true},
		{name: "unknown claims and parameters", change: map[string]any{"x": 1}, form: func(v url.Values) { v.Set("y", "z") }, ends: true},
		{name: "a session already gone", change: map[string]any{"sid": "sid-2"}},
		{name: "a user we do not know", change: map[string]any{"sid": nil, "sub": "other"}},
		{name: "GET", in: service.Inbound{Method: "GET"}, rule: message.RuleBackchannelRequest},
		{name: "no token", form: func(v url.Values) { v.Del("logout_token") }, rule: message.RuleBackchannelRequest},
		{name: "two tokens", form: func(v url.Values) { v.Add("logout_token", "x") }, rule: message.RuleBackchannelRequest},
		{name: "none", key: "none", rule: message.RuleBackchannelSignature},
		{name: "another algorithm", key: "es256", rule: message.RuleBackchannelSignature},
		{name: "another key", key: "other", header: map[string]any{"kid": "rs256"}, rule: message.RuleBackchannelSignature},
		{name: "an ID Token's typ", header: map[string]any{"typ": "at+jwt"}, rule: message.RuleBackchannelTyp},
		{name: "iss", change: map[string]any{"iss": "https://evil.example"}, rule: message.RuleBackchannelIss},
		{name: "no iss", change: map[string]any{"iss": nil}, rule: message.RuleBackchannelIss},
		{name: "aud", change: map[string]any{"aud": "other"}, rule: message.RuleBackchannelAud},
		{name: "no iat", change: map[string]any{"iat": nil}, rule: message.RuleBackchannelTime},
		{name: "old", change: map[string]any{"iat": testNow.Unix() - 700}, rule: message.RuleBackchannelTime},
		{name: "of the future", change: map[string]any{"iat": testNow.Unix() + 60}, rule: message.RuleBackchannelTime},
		{name: "no exp", change: map[string]any{"exp": nil}, rule: message.RuleBackchannelTime},
		{name: "expired", change: map[string]any{"exp": testNow.Unix() - 60}, rule: message.RuleBackchannelTime},
		{name: "no jti", change: map[string]any{"jti": nil}, rule: message.RuleBackchannelJti},
		{name: "no events", change: map[string]any{"events": nil}, rule: message.RuleBackchannelEvents},
		{name: "another event", change: map[string]any{"events": map[string]any{message.BackchannelLogoutEvent: nil, "x": map[string]any{}}}, rule: message.RuleBackchannelEvents},
		{name: "the event is no object", change: map[string]any{"events": map[string]any{message.BackchannelLogoutEvent: "x"}}, rule: message.RuleBackchannelEvents},
		{name: "nonce", change: map[string]any{"nonce": "n"}, rule: message.RuleBackchannelNonce},
		{name: "neither sub nor sid", change: map[string]any{"sub": nil, "sid": nil}, rule: message.RuleBackchannelSubject},
		{name: "sid of another user", change: map[string]any{"sub": "other"}, rule: message.RuleBackchannelSubject},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := loggedIn(t, override{})
			claims := good()
			if test.change["events"] != nil {
				delete(claims, "events")
			}
			patch(claims, test.change)
			form := url.Values{"logout_token": {w.sign(mustJSON(claims), test.key, maps.Clone(test.header), "")}}
			if test.form != nil {
				test.form(form)
			}
			in := test.in
			if in.Method == "" {
				in.Method = "POST"
			}
			in.ContentType, in.Raw = "application/x-www-form-urlencoded", form.Encode()
			svc := w.services.Get(service.BackchannelLogoutName)
			_, err := service.Finish(context.Background(), svc, service.ParseCallback(in), w.send)
			status, header := service.LogoutReply(err)
			if header["Cache-Control"][0] != "no-store" {
				t.Error("the reply may be cached")
			}
			if test.rule != "" {
				var v *message.Violation
				if !errors.As(err, &v) || v.Rule != test.rule || status != 400 || !w.alive() {
					t.Fatalf("status %d, login alive %v: %v", status, w.alive(), err)
				}
				return
			}
			if err != nil || status != 200 || w.alive() == test.ends {
				t.Fatalf("status %d, login alive %v: %v", status, w.alive(), err)
			}
			// The same token a second time is a replay.
			if _, err := service.Finish(context.Background(), svc, service.ParseCallback(in), w.send); !errors.Is(err, message.RuleBackchannelJti) {
				t.Errorf("a replay got %v", err)
			}
		})
	}
}

func TestFrontchannelLogout(t *testing.T) {
	for _, test := range []struct {
		name, raw string
		config    settings
		rule      message.Rule
		ends      bool
	}{
		{name: "iss and sid", raw: "iss=https%3A%2F%2Fop.example&sid=sid-1", ends: true},
		{name: "neither", raw: ""},
		{name: "neither, though required", raw: "", config: settings{Metadata: map[string]any{
			"frontchannel_logout_uri": "https://rp.example/front", "frontchannel_logout_session_required": true}}, rule: message.RuleFrontchannelParameters},
		{name: "sid alone", raw: "sid=sid-1", rule: message.RuleFrontchannelParameters},
		{name: "iss alone", raw: "iss=https%3A%2F%2Fop.example", rule: message.RuleFrontchannelParameters},
		{name: "sid twice", raw: "iss=https%3A%2F%2Fop.example&sid=sid-1&sid=sid-1", rule: message.RuleFrontchannelParameters},
		{name: "another iss", raw: "iss=https%3A%2F%2Fevil.example&sid=sid-1", rule: message.RuleFrontchannelMatch},
		{name: "another sid", raw: "iss=https%3A%2F%2Fop.example&sid=sid-2", rule: message.RuleFrontchannelMatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := loggedIn(t, override{Config: test.config})
			in := service.Inbound{Mode: message.ResponseModeQuery, Method: "GET", Raw: test.raw}
			_, err := service.Finish(context.Background(), w.services.Get(service.FrontchannelLogoutName), service.ParseCallback(in), w.send)
			if test.rule != "" && !errors.Is(err, test.rule) || test.rule == "" && err != nil || w.alive() == test.ends {
				t.Fatalf("login alive %v: %v", w.alive(), err)
			}
		})
	}
}

func TestInitiateLogin(t *testing.T) {
	w := loggedIn(t, override{})
	for _, test := range []struct {
		raw  string
		rule message.Rule
	}{
		{"iss=https%3A%2F%2Fop.example&login_hint=jane&target_link_uri=https%3A%2F%2Frp.example%2Forders", ""},
		{"iss=https%3A%2F%2Fop.example&target_link_uri=%2Forders%3Fid%3D1", ""},
		{"login_hint=jane", message.RuleInitLoginIss},
		{"iss=https%3A%2F%2Fevil.example", message.RuleInitLoginIss},
		{"iss=https%3A%2F%2Fop.example&iss=https%3A%2F%2Fop.example", message.RuleInitLoginIss},
		{"iss=https%3A%2F%2Fop.example&target_link_uri=https%3A%2F%2Fevil.example%2F", message.RuleInitLoginTarget},
		{"iss=https%3A%2F%2Fop.example&target_link_uri=%2F%2Fevil.example", message.RuleInitLoginTarget},
	} {
		res, err := w.services.Get(service.InitiateLoginName).ParseResponse(context.Background(), service.ParseCallback(service.Inbound{Mode: "query", Method: "GET", Raw: test.raw}))
		if test.rule != "" {
			if !errors.Is(err, test.rule) {
				t.Errorf("%s: %v", test.raw, err)
			}
			continue
		}
		if err != nil || len(res.Optional) != 1 {
			t.Errorf("%s: %v", test.raw, err)
			continue
		}
		task := res.Optional[0]
		req, err := task.Service.GetRequestParameters(context.Background(), task.Args)
		if err != nil || strings.Contains(test.raw, "jane") != strings.Contains(req.URL, "login_hint=jane") {
			t.Errorf("%s: %v", test.raw, err)
		}
	}
}

func TestCheckSession(t *testing.T) {
	o := override{Callback: map[string]any{"session_state": "abc.salt"}, Answers: map[string]answer{"provider_info": {JSON: map[string]any{"check_session_iframe": testIssuer + "/session"}}}}
	w := loggedIn(t, o)
	svc := w.services.Get(service.CheckSessionName)
	req, err := svc.GetRequestParameters(context.Background(), service.Args{State: w.login})
	if err != nil || string(req.Body) != testClientID+" abc.salt" || req.URL != testIssuer+"/session" || req.Channel != service.FrontChannel {
		t.Fatalf("%v: %+v", err, req)
	}
	if origin, err := service.SessionOrigin(req.URL); err != nil || origin != testIssuer {
		t.Errorf("origin %s: %v", origin, err)
	}
	for status, tasks := range map[string]int{"unchanged": 0, "changed": 1, "error": 0} {
		res, err := svc.ParseResponse(context.Background(), service.Callback(url.Values{"state": {w.login}, "status": {status}}, ""))
		if err != nil || len(res.Optional) != tasks {
			t.Errorf("%s: %v", status, err)
		}
	}
	if _, err := svc.ParseResponse(context.Background(), service.Callback(url.Values{"state": {w.login}, "status": {"x"}}, "")); !errors.Is(err, message.RuleSessionStatus) {
		t.Error(err)
	}
	if _, err := svc.ParseResponse(context.Background(), service.Callback(url.Values{"state": {"unknown"}, "status": {"changed"}}, "")); !errors.Is(err, state.ErrUnknown) {
		t.Error(err)
	}
}

func TestLocalTarget(t *testing.T) {
	for target, want := range map[string]string{
		"/": "/", "/a/b?c=d#e": "/a/b?c=d#e", "/a%20b": "/a%20b", "https://rp.example": "/", "https://rp.example/x?y": "/x?y",
	} {
		if got, ok := service.LocalTarget(target, testCallback); !ok || got != want {
			t.Errorf("%s: %q, %v", target, got, ok)
		}
	}
	for _, target := range []string{
		"", "a", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "\t//evil.example", "https:evil.example", "https:///evil.example",
		"http://rp.example/", "https://rp.example.evil.example/", "https://rp.example@evil.example/", "https://user@rp.example/", "javascript:alert(1)",
		"data:text/html,x", "/%2f/evil.example", "//", "///evil.example", "https://rp.example:444/", "?x", "#x", "/\x00", "/%5cevil.example", "/a\r\nb", " /a",
	} {
		if got, ok := service.LocalTarget(target, testCallback); ok && !strings.HasPrefix(target, "/%2f") {
			t.Errorf("%q is taken as %q", target, got)
		} else if ok && (strings.HasPrefix(got, "//") || strings.HasPrefix(got, "/\\")) {
			t.Errorf("%q leaves the site as %q", target, got)
		}
	}
}

func TestInboundOnlyServicesSendNothing(t *testing.T) {
	w := loggedIn(t, override{})
	for _, name := range []string{service.BackchannelLogoutName, service.FrontchannelLogoutName, service.InitiateLoginName} {
		if _, err := w.services.Get(name).GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrArgs) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
