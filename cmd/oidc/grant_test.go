package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// grants makes the fake a provider of the grants without a browser. Its token endpoint
// answers polls with the errors in turn, then with tokens.
func (f *fake) grants(errors ...string) *[]url.Values {
	f.meta = func(m map[string]any) {
		m["device_authorization_endpoint"], m["backchannel_authentication_endpoint"] = f.URL+"/device", f.URL+"/ciba"
		m["introspection_endpoint"], m["revocation_endpoint"] = f.URL+"/introspect", f.URL+"/revoke"
		m["backchannel_token_delivery_modes_supported"] = []string{"poll"}
		m["grant_types_supported"] = []string{
			"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code",
			"urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:token-exchange",
		}
	}
	var forms []url.Values
	note := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			f.mu.Lock()
			forms = append(forms, r.PostForm)
			f.mu.Unlock()
			h(w, r)
		}
	}
	say := func(status int, v map[string]any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, status, v) }
	}
	f.over["/device"] = note(say(200, map[string]any{
		"device_code": "the-secret-device-code", "user_code": "WDJB-MJHT", "verification_uri": f.URL + "/enter", "expires_in": 60, "interval": 1,
	}))
	f.over["/ciba"] = note(say(200, map[string]any{"auth_req_id": "the-secret-auth-req-id", "expires_in": 60, "interval": 1}))
	f.over["/introspect"] = note(say(200, map[string]any{"active": true, "sub": "ann"}))
	f.over["/revoke"] = note(func(http.ResponseWriter, *http.Request) {})
	f.over["/token"] = note(func(w http.ResponseWriter, r *http.Request) {
		if len(errors) > 0 {
			code := errors[0]
			errors = errors[1:]
			writeJSON(w, 400, map[string]any{"error": code})
			return
		}
		m := map[string]any{"access_token": fakeAccess, "token_type": "Bearer", "expires_in": 60}
		if strings.Contains(r.PostForm.Get("grant_type"), "token-exchange") {
			m["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
		} else {
			m["id_token"] = f.idToken(true)
		}
		writeJSON(w, 200, m)
	})
	return &forms
}

func TestDevice(t *testing.T) {
	f := newFake(t)
	forms := f.grants("authorization_pending", "authorization_pending")
	exit, stdout, stderr := oidc(t, "device", "--issuer", f.URL, "--ca-file", f.ca, "--scope", "openid offline_access", "--output", "json")
	o := parseObject(t, exit, stdout, stderr)
	if got := strings.Join(o.services(), " "); exit != 0 || got != "provider_info registration device_authorization device_token jwks device_token userinfo" && got != "provider_info registration device_authorization device_token device_token jwks userinfo" {
		t.Errorf("exit %d, %s, %v", exit, got, o.Error)
	}
	if (*forms)[0].Get("scope") != "openid offline_access" || len(*forms) != 4 {
		t.Errorf("sent %v", *forms)
	}
	if !strings.Contains(stderr, "Open "+f.URL+"/enter and enter the code WDJB-MJHT") || strings.Contains(stderr, "\x1b") || !strings.Contains(stderr, "waiting for the user") {
		t.Errorf("said %q", stderr)
	}
	for _, secret := range []string{"the-secret-device-code", fakeAccess, fakeSecret} {
		if strings.Contains(stdout+stderr, secret) {
			t.Errorf("%s was printed", secret)
		}
	}
}

func TestDeviceRefused(t *testing.T) {
	f := newFake(t)
	f.grants("access_denied")
	if exit, o := object(t, "device", "--issuer", f.URL, "--ca-file", f.ca, "--quiet"); exit != 4 || o.FailedStep != "device_token" || *o.Error.Code != "access_denied" {
		t.Errorf("denied: exit %d at %s", exit, o.FailedStep)
	}
	f.answer("/device", 200, "application/json", `{"device_code":"d","user_code":"u\u001b[2J","verification_uri":"`+f.URL+`","expires_in":60}`)
	if exit, o := object(t, "device", "--issuer", f.URL, "--ca-file", f.ca); exit != 5 || o.rule() != "device_response" {
		t.Errorf("a code that clears the terminal: exit %d, %v", exit, o.rule())
	}
	f.answer("/device", 200, "application/json", `{"device_code":"d","user_code":"u","verification_uri":"`+f.URL+`","expires_in":1,"interval":1}`)
	if exit, o := object(t, "device", "--issuer", f.URL, "--ca-file", f.ca); exit != 6 || o.rule() != "device_stop" {
		t.Errorf("expired: exit %d, %v", exit, o.rule())
	}
	f.meta = func(map[string]any) {}
	if exit, _ := object(t, "device", "--issuer", f.URL, "--ca-file", f.ca, "--client-id", "client 1"); exit != 2 {
		t.Errorf("no endpoint: exit %d", exit)
	}
	if exit, _ := object(t, "device"); exit != 2 {
		t.Errorf("no issuer: exit %d", exit)
	}
}

func TestCIBA(t *testing.T) {
	t.Setenv("USER_CODE", "the-secret-pin")
	f := newFake(t)
	forms := f.grants("authorization_pending")
	f.answer("/ciba", 200, "application/json", `{"auth_req_id":"the-secret-auth-req-id","expires_in":60,"interval":1}`)
	args := []string{"ciba", "--issuer", f.URL, "--ca-file", f.ca, "--login-hint", "ann", "--binding-message", "W4SCT", "--user-code-env", "USER_CODE", "--userinfo", "none"}
	exit, stdout, stderr := oidc(t, append(args, "--output", "json")...)
	o := parseObject(t, exit, stdout, stderr)
	if exit != 0 || !strings.Contains(strings.Join(o.services(), " "), "backchannel_authentication ciba_token") {
		t.Errorf("exit %d, %v, %v", exit, o.services(), o.Error)
	}
	if len(*forms) != 2 || (*forms)[1].Get("auth_req_id") != "the-secret-auth-req-id" || !strings.Contains(stderr, "Both devices show: W4SCT") {
		t.Errorf("sent %v, said %s", *forms, stderr)
	}
	for _, secret := range []string{"the-secret-auth-req-id", "the-secret-pin", fakeAccess} {
		if strings.Contains(stdout+stderr, secret) {
			t.Errorf("%s was printed", secret)
		}
	}
	if exit, o := object(t, "ciba", "--issuer", f.URL, "--ca-file", f.ca); exit != 2 || o.rule() != "ciba_request" {
		t.Errorf("no hint: exit %d, %v", exit, o.Error)
	}
	if exit, _ := object(t, "ciba", "--issuer", f.URL, "--user-code-env", "NOT_SET"); exit != 2 {
		t.Errorf("a variable that is not set: exit %d", exit)
	}
}

func TestTokenVerbs(t *testing.T) {
	const token = "the-secret-token-on-stdin"
	f := newFake(t)
	forms := f.grants()
	client := []string{"--issuer", f.URL, "--ca-file", f.ca, "--client-id", "client 1", "--client-secret-env", "SECRET", "--output", "json"}
	t.Setenv("SECRET", fakeSecret)
	t.Setenv("ACTOR", "the-secret-actor-token")
	for _, test := range []struct {
		args []string
		step string
		want string // parameters that travel
	}{
		{[]string{"introspect", "--token-type-hint", "access_token"}, "introspection", "token=" + token + "&token_type_hint=access_token"},
		{[]string{"revoke"}, "revocation", "token=" + token},
		{[]string{"exchange", "--audience", "a", "--audience", "b", "--actor-token-env", "ACTOR", "--actor-token-type", "urn:ietf:params:oauth:token-type:jwt"}, "token_exchange",
			"actor_token=the-secret-actor-token&actor_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&audience=a&audience=b&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=" + token + "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"},
	} {
		*forms = nil
		exit, stdout, stderr := oidcWith(t, " "+token+"\n", append(test.args, client...)...)
		o := parseObject(t, exit, stdout, stderr)
		if got := fmt.Sprint(o.services()); exit != 0 || got != "[provider_info "+test.step+"]" {
			t.Errorf("%s: exit %d, %s, %v", test.step, exit, got, o.Error)
		}
		if len(*forms) != 1 || (*forms)[0].Encode() != test.want {
			t.Errorf("%s: sent %v", test.step, *forms)
		}
		for _, secret := range []string{token, fakeAccess, fakeSecret, "the-secret-actor-token"} {
			if strings.Contains(stdout+stderr, secret) {
				t.Errorf("%s: %s was printed", test.step, secret)
			}
		}
		if exit, _, _ := oidcWith(t, "two tokens", append(test.args, client...)...); exit != 2 {
			t.Errorf("%s: two tokens: exit %d", test.step, exit)
		}
	}
	f.answer("/revoke", 400, "application/json", `{"error":"unsupported_token_type"}`)
	if exit, _, _ := oidcWith(t, token, append([]string{"revoke"}, client...)...); exit != 4 {
		t.Errorf("refused: exit %d", exit)
	}
}
