package service_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// held is a world whose conversation was held to its end.
func held(t *testing.T, o override) *world {
	t.Helper()
	w, err := newWorld(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	return w
}

func formOf(t *testing.T, req *service.Request) url.Values {
	t.Helper()
	form, err := url.ParseQuery(string(req.Body))
	if err != nil {
		t.Fatal(err)
	}
	return form
}

// watchRequests keeps the last request of each service.
func (w *world) watchRequests() map[string]*service.Request {
	sent := map[string]*service.Request{}
	w.sending = func(req *service.Request) { sent[req.Service] = req }
	return sent
}

func TestOutsideParseResponseChangesNothing(t *testing.T) {
	for name := range flows {
		t.Run(name, func(t *testing.T) {
			o := override{outside: outside{Flow: name}}
			if name == "ciba_notified" {
				o.Config.Metadata = map[string]any{"backchannel_token_delivery_mode": "push"}
			}
			if name == "jwt_bearer" {
				o.Config.Keys, o.Config.Metadata = true, map[string]any{"jwks_uri": "https://rp.example/jwks"}
			}
			w, err := newWorld(t, o)
			if err != nil {
				t.Fatal(err)
			}
			store := &counting{Store: w.db.Store}
			w.db.Store = store
			var all []service.Service
			for _, n := range w.services.Names() {
				all = append(all, w.services.Get(n))
			}
			w.wrap = func(s service.Service) service.Service {
				return &watched{Service: s, t: t, w: w, store: store, others: all}
			}
			if at, err := w.run(context.Background()); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
		})
	}
}

func TestClientCredentialsTwice(t *testing.T) {
	w := held(t, override{
		Answers: map[string]answer{service.ClientCredentialsName: {JSON: map[string]any{"refresh_token": testGrantRefresh, "id_token": "x.y.z"}}},
		outside: outside{Flow: "client_credentials", Ask: map[string]map[string]any{service.ClientCredentialsName: {"scope": "api"}}},
	})
	ctx := context.Background()
	first := w.flow.result
	got := service.MessageOf[message.AccessTokenResponse](first)
	if got.AccessToken != testGrantToken || got.RefreshToken != "" || got.IDToken != "" || first.IDToken != nil {
		t.Errorf("the answer is used as %v", got)
	}
	if verdict(first.Checks, message.RuleClientCredentialsGrant) != service.Warned {
		t.Error("nothing was said about the refresh token")
	}
	svc := w.services.Get(service.ClientCredentialsName)
	second, err := service.Run(ctx, svc, service.Args{}, w.send)
	if err != nil {
		t.Fatal(err)
	}
	if first.State == "" || first.State == second.State {
		t.Fatalf("two grants are kept under %q and %q", first.State, second.State)
	}
	for _, res := range []*service.Result{first, second} {
		r, err := w.db.Session(ctx, res.State)
		if err != nil {
			t.Fatal(err)
		}
		if items := strings.Join(r.Items(), " "); items != "iss token_response" || strings.Contains(string(r.Item(state.ItemTokenResponse)), testGrantRefresh) {
			t.Errorf("the record holds %s", items)
		}
	}
	// A second commit stores the same once more.
	if err := svc.UpdateServiceContext(ctx, second); err != nil {
		t.Errorf("a second commit: %v", err)
	}
}

// TestPasswordGrantIsNotOffered: rule password_grant has no vector, because there is
// no way to break it: no service of that name can be built.
func TestPasswordGrantIsNotOffered(t *testing.T) {
	w, err := newWorld(t, override{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"password", "resource_owner_password_credentials", "ROPCAccessTokenRequest", "ROPCAccessToken"} {
		if _, err := factory.Build(factory.Spec{name: {}}, w.sc, w.db); err == nil || !strings.Contains(err.Error(), "unknown service") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, n := range factory.Names() {
		if strings.Contains(n.Service+n.Class, "assword") {
			t.Errorf("there is a service %s", n.Service)
		}
	}
}

func TestTokenExchange(t *testing.T) {
	w, err := newWorld(t, override{outside: outside{Flow: "token_exchange", Ask: map[string]map[string]any{
		service.TokenExchangeName: {"audience": []string{"https://a.example", "https://b.example"}, "actor_token": "actor", "actor_token_type": message.TokenTypeURNJWT},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	sent := w.watchRequests()
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	form := formOf(t, sent[service.TokenExchangeName])
	if form.Get("subject_token") != "SlAV32hkKG" || form.Get("subject_token_type") != message.TokenTypeURNAccessToken || form.Get("grant_type") != message.GrantTypeTokenExchange || len(form["audience"]) != 2 {
		t.Errorf("sent %v", form)
	}
	states, err := w.db.States(context.Background(), state.KindSubject, state.PerIssuer(testIssuer, "248289761001"))
	if err != nil || len(states) != 1 || states[0] == w.flow.result.State {
		t.Errorf("the issued token is not kept apart: %v, %v", states, err)
	}
}

// TestExchangedIDToken: an ID Token that is issued for us is verified like any other;
// one that was asked for on behalf of another is not ours to judge.
func TestExchangedIDToken(t *testing.T) {
	for _, test := range []struct {
		name string
		aud  string
		ask  map[string]any
		rule message.Rule
	}{
		{"ours", testClientID, nil, ""},
		{"another's", "other", nil, message.RuleIDTokenAud},
		{"for another", "other", map[string]any{"audience": "other"}, ""},
	} {
		w, err := newWorld(t, override{outside: outside{Flow: "token_exchange", Ask: map[string]map[string]any{service.TokenExchangeName: test.ask}}})
		if err != nil {
			t.Fatal(err)
		}
		w.answer = func(req *service.Request) *service.Response {
			if req.Service != service.TokenExchangeName {
				return nil
			}
			return req.Answer(200, jsonHeader(), mustJSON(map[string]any{
				"access_token": w.idToken(map[string]any{"aud": test.aud}), "token_type": "N_A", "issued_token_type": message.TokenTypeURNIDToken,
			}))
		}
		at, err := w.run(context.Background())
		if test.rule != "" {
			wantRule(t, err, test.rule)
			continue
		}
		if err != nil {
			t.Fatalf("%s: %s: %v", test.name, at, err)
		}
		if got := w.flow.result.IDToken; (got != nil) != (test.aud == testClientID) {
			t.Errorf("%s: the ID Token is %v", test.name, got)
		}
	}
}

func jwtBearerConfig() settings {
	return settings{Keys: true, Metadata: map[string]any{"jwks_uri": "https://rp.example/jwks"}}
}

func TestJWTBearer(t *testing.T) {
	w, err := newWorld(t, override{Config: jwtBearerConfig(), outside: outside{Flow: "jwt_bearer"}})
	if err != nil {
		t.Fatal(err)
	}
	sent := w.watchRequests()
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	form := formOf(t, sent[service.JWTBearerName])
	_, claims := open(t, form.Get("assertion"), testKeys()["own"], "ES256")
	for name, want := range map[string]any{
		"iss": testClientID, "sub": testClientID, "aud": testIssuer, "iat": float64(testNow.Unix()), "exp": float64(testNow.Unix() + 60),
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if form.Get("grant_type") != message.GrantTypeJWTBearer || len(sent[service.JWTBearerName].Header["Authorization"]) != 1 {
		t.Errorf("sent %v", form)
	}

	// Another subject, and no client authentication.
	svc := service.NewJWTBearer(service.Env{Context: w.sc, DB: w.db, Settings: service.Settings{
		ClientAuth: message.AuthMethodNone,
		PreConstruct: []service.Hook{service.JWTBearerAssertion(func(context.Context) (message.Assertion, error) {
			return message.Assertion{Subject: "jane"}, nil
		})},
	}})
	if _, err := service.Run(context.Background(), svc, service.Args{}, w.send); err != nil {
		t.Fatal(err)
	}
	form = formOf(t, sent[service.JWTBearerName])
	_, claims = open(t, form.Get("assertion"), testKeys()["own"], "ES256")
	if claims["sub"] != "jane" || claims["iss"] != testClientID || len(sent[service.JWTBearerName].Header["Authorization"]) != 0 || form.Has("client_secret") {
		t.Errorf("sent %v with %v", form, claims)
	}
}

func TestIntrospectionInactive(t *testing.T) {
	for name, members := range map[string]map[string]any{
		"not active":    {"active": false},
		"expired":       {"exp": testNow.Unix() - 31},
		"not yet valid": {"nbf": testNow.Unix() + 31},
	} {
		w := held(t, override{Answers: map[string]answer{service.IntrospectionName: {JSON: members}}, outside: outside{Flow: "introspection"}})
		got := service.MessageOf[message.IntrospectionResponse](w.flow.result)
		if got.Active == nil || *got.Active || got.Subject != "" || got.ClientID != "" || got.Expiration.Present() {
			t.Errorf("%s: %v", name, got)
		}
	}
	w := held(t, override{Config: settings{Metadata: map[string]any{"introspection_signed_response_alg": "RS256"}}, outside: outside{Flow: "introspection"}})
	got := service.MessageOf[message.IntrospectionResponse](w.flow.result)
	if got.Active == nil || !*got.Active || got.Subject != "248289761001" {
		t.Errorf("from a JWT: %v", got)
	}
}

func TestIntrospectionRequest(t *testing.T) {
	w, err := newWorld(t, override{outside: outside{Flow: "introspection"}})
	if err != nil {
		t.Fatal(err)
	}
	sent := w.watchRequests()
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	form := formOf(t, sent[service.IntrospectionName])
	if form.Get("token") != "SlAV32hkKG" || form.Get("token_type_hint") != "access_token" {
		t.Errorf("sent %v", form)
	}
	if _, err := w.services.Get(service.IntrospectionName).GetRequestParameters(context.Background(), service.Args{}); !errors.Is(err, service.ErrArgs) {
		t.Errorf("without token and login: %v", err)
	}
}

// TestRevocationForgets: after a success the record forgets the token, and with a
// refresh token everything that the grant brought.
func TestRevocationForgets(t *testing.T) {
	for _, test := range []struct {
		name, token string
		access, all bool
	}{
		{"the refresh token", "", true, true},
		{"the access token", "SlAV32hkKG", true, false},
		{"another token", "another", false, false},
	} {
		ask := map[string]any{}
		if test.token != "" {
			ask["token"] = test.token
		}
		w, err := newWorld(t, override{outside: outside{Flow: "revocation", Ask: map[string]map[string]any{service.RevocationName: ask}}})
		if err != nil {
			t.Fatal(err)
		}
		sent := w.watchRequests()
		if at, err := w.run(context.Background()); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		form := formOf(t, sent[service.RevocationName])
		if test.token == "" && (form.Get("token") != "8xLOxBtZp8" || form.Get("token_type_hint") != "refresh_token") {
			t.Errorf("%s: sent %v", test.name, form)
		}
		r, err := w.db.Session(context.Background(), w.login)
		if err != nil {
			t.Fatal(err)
		}
		if gone := r.Latest("access_token") == nil; gone != test.access {
			t.Errorf("%s: the access token is gone: %v", test.name, gone)
		}
		if gone := r.Latest("refresh_token") == nil; gone != test.all {
			t.Errorf("%s: the refresh token is gone: %v", test.name, gone)
		}
		if !test.access {
			continue
		}
		if _, err := w.services.Get(service.UserInfoName).GetRequestParameters(context.Background(), service.Args{State: w.login}); err == nil {
			t.Errorf("%s: userinfo sends what was revoked", test.name)
		}
	}
}

// TestRevocationAfterRefresh: neither the rotated refresh token nor the first access
// token comes to light again.
func TestRevocationAfterRefresh(t *testing.T) {
	w := held(t, override{})
	ctx := context.Background()
	if _, err := service.Run(ctx, w.services.Get(service.RevocationName), service.Args{State: w.login}, w.send); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{service.RefreshTokenName, service.UserInfoName, service.RevocationName} {
		if _, err := w.services.Get(name).GetRequestParameters(ctx, service.Args{State: w.login}); err == nil {
			t.Errorf("%s still finds a token", name)
		}
	}
}

// TestRevocationOfAReplacedToken: the access token that a refresh had replaced does not come
// back when the new one is revoked, and takes nothing of the new one along when it is itself.
func TestRevocationOfAReplacedToken(t *testing.T) {
	for _, test := range []struct {
		item  string
		found bool
	}{{state.ItemRefreshTokenResponse, false}, {state.ItemTokenResponse, true}} {
		w := held(t, override{})
		ctx := context.Background()
		before, err := w.db.Session(ctx, w.login)
		if err != nil {
			t.Fatal(err)
		}
		var response message.AccessTokenResponse
		if err := message.DecodeJSON(before.Item(test.item), &response); err != nil || response.AccessToken == "" || before.Kept(state.KeptExpiry) == "" {
			t.Fatalf("%s: %v, %v", test.item, response, err)
		}
		ask := message.RevocationRequest{Token: response.AccessToken}
		if _, err := service.Run(ctx, w.services.Get(service.RevocationName), service.Args{State: w.login, Message: ask}, w.send); err != nil {
			t.Fatal(err)
		}
		after, err := w.db.Session(ctx, w.login)
		if err != nil {
			t.Fatal(err)
		}
		if found := after.Latest("access_token") != nil; found != test.found {
			t.Errorf("after the token of %s was revoked there is another: %v", test.item, found)
		}
		if kept := after.Kept(state.KeptExpiry) != ""; kept != test.found {
			t.Errorf("after the token of %s was revoked the expiry is known: %v", test.item, kept)
		}
		if after.Latest("refresh_token") == nil {
			t.Errorf("after the token of %s was revoked there is no refresh token", test.item)
		}
	}
}

func TestRevocationRetryAfter(t *testing.T) {
	for header, want := range map[string]string{
		"":                              "5s",
		"7":                             "7s",
		"0":                             "1s",
		"86400":                         "1m0s",
		"99999999999999999999":          "5s",
		"-1":                            "5s",
		"Tue, 14 Nov 2023 22:13:50 GMT": "30s",
		"Sun, 06 Nov 1994 08:49:37 GMT": "1s",
		"soon":                          "5s",
	} {
		w, err := newWorld(t, override{outside: outside{Flow: "revocation"}})
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		w.answer = func(req *service.Request) *service.Response {
			if req.Service != service.RevocationName || asked > 0 {
				return nil
			}
			asked++
			h := jsonHeader()
			if header != "" {
				h["Retry-After"] = []string{header}
			}
			return req.Answer(503, h, []byte(`{"error":"temporarily_unavailable"}`))
		}
		if at, err := w.run(context.Background()); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if got := fmt.Sprint(w.flow.waits); got != "["+want+"]" {
			t.Errorf("Retry-After: %q waits %s, want %s", header, got, want)
		}
	}
}

// TestRefreshOfAGrant: what was granted outside a browser's login is refreshed like
// any other, within the scope that was asked for.
func TestRefreshOfAGrant(t *testing.T) {
	w := held(t, override{outside: outside{Flow: "device", Ask: map[string]map[string]any{service.DeviceAuthorizationName: {"scope": "openid offline_access"}}}})
	ctx := context.Background()
	svc := w.services.Get(service.RefreshTokenName)
	if _, err := svc.GetRequestParameters(ctx, service.Args{State: w.login, Message: message.RefreshTokenRequest{Scope: message.List{"admin"}}}); !errors.Is(err, message.RuleRefreshScope) {
		t.Errorf("a wider scope: %v", err)
	}
	if _, err := service.Run(ctx, svc, service.Args{State: w.login, Message: message.RefreshTokenRequest{Scope: message.List{"openid"}}}, w.send); err != nil {
		t.Errorf("refresh: %v", err)
	}
	if _, err := service.Run(ctx, w.services.Get(service.UserInfoName), service.Args{State: w.login}, w.send); err != nil {
		t.Errorf("userinfo: %v", err)
	}
}

// TestRefusedGrants: what the provider declares is returned as such by every grant.
func TestRefusedGrants(t *testing.T) {
	for flow, name := range map[string]string{
		"client_credentials": service.ClientCredentialsName, "token_exchange": service.TokenExchangeName, "jwt_bearer": service.JWTBearerName,
		"introspection": service.IntrospectionName, "revocation": service.RevocationName,
		"device": service.DeviceAuthorizationName, "ciba": service.BackchannelAuthenticationName,
	} {
		body := `{"error":"unauthorized_client"}`
		w, err := newWorld(t, override{Config: jwtBearerConfig(), outside: outside{Flow: flow}, Answers: map[string]answer{name: {Status: 400, Body: &body}}})
		if err != nil {
			t.Fatal(err)
		}
		if at, err := w.run(context.Background()); !errors.Is(err, message.UnauthorizedClient) || at != name {
			t.Errorf("%s: at %s: %v", name, at, err)
		}
	}
}

// TestGrantDPoP: the token of a grant is asked for with a proof, and bound to its key
// from then on.
func TestGrantDPoP(t *testing.T) {
	w, err := newWorld(t, override{Config: settings{DPoP: true}, outside: outside{Flow: "client_credentials"}})
	if err != nil {
		t.Fatal(err)
	}
	sent := w.watchRequests()
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if got := len(sent[service.ClientCredentialsName].Header["Dpop"]); got != 1 {
		t.Errorf("asked with %d proofs", got)
	}
	r, err := w.db.Session(context.Background(), w.login)
	if err != nil || r.Kept(state.KeptDPoPThumbprint) != testKeys()["dpop"].Thumbprint() {
		t.Errorf("the key is not remembered: %v", err)
	}
	if err := w.sc.Update(func(sn *servicecontext.Snapshot) error { sn.DPoPKey = testKeys()["es256"]; return nil }); err != nil {
		t.Fatal(err)
	}
	_, err = w.services.Get(service.ResourceName).GetRequestParameters(context.Background(), service.Args{State: w.login, Message: service.ResourceRequest{URL: testResource}})
	wantRule(t, err, message.RuleDPoPKey)
}

// TestIntrospectionEncrypted: the answer is signed and then encrypted for us (RFC
// 9701, Section 6); a token that is only signed is refused.
func TestIntrospectionEncrypted(t *testing.T) {
	for _, plain := range []bool{false, true} {
		w, err := newWorld(t, override{
			Config: settings{Keys: true, Metadata: map[string]any{
				"introspection_signed_response_alg": "RS256", "introspection_encrypted_response_alg": "RSA-OAEP", "jwks_uri": "https://rp.example/jwks",
			}},
			outside: outside{Flow: "introspection"},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.answer = func(req *service.Request) *service.Response {
			if req.Service != service.IntrospectionName {
				return nil
			}
			token := w.sealIntrospection([]byte(`{"active":true,"sub":"248289761001"}`), answer{})
			if !plain {
				token = []byte(encrypt(t, string(token), "RSA-OAEP", "A128CBC-HS256", "JWT"))
			}
			return req.Answer(200, map[string][]string{"Content-Type": {"application/token-introspection+jwt"}}, token)
		}
		at, err := w.run(context.Background())
		if plain {
			wantRule(t, err, message.RuleIntrospectionJWT)
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if got := service.MessageOf[message.IntrospectionResponse](w.flow.result); got.Subject != "248289761001" {
			t.Errorf("got %v", got)
		}
	}
}

// TestGrantsNeedSomething: what is lacking is the caller's to give.
func TestGrantsNeedSomething(t *testing.T) {
	w := held(t, override{outside: outside{Flow: "client_credentials"}})
	ctx := context.Background()
	for _, test := range []struct {
		name string
		args service.Args
		want error
	}{
		{service.TokenExchangeName, service.Args{}, service.ErrArgs},
		{service.TokenExchangeName, service.Args{State: "unknown"}, state.ErrUnknown},
		{service.IntrospectionName, service.Args{State: "unknown"}, state.ErrUnknown},
		{service.RevocationName, service.Args{}, service.ErrArgs},
		{service.JWTBearerName, service.Args{}, service.ErrNotConfigured}, // no key of ours
		{service.DeviceTokenName, service.Args{}, service.ErrArgs},
		{service.CIBATokenName, service.Args{State: "unknown"}, state.ErrUnknown},
		{service.DeviceTokenName, service.Args{State: w.login}, message.RuleDeviceStop},
		{service.CIBATokenName, service.Args{State: w.login}, message.RuleCIBAStop},
		{service.ClientNotificationName, service.Args{}, service.ErrArgs},
	} {
		if _, err := w.services.Get(test.name).GetRequestParameters(ctx, test.args); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	// The access token of a grant without a refresh token is what is revoked.
	sent := w.watchRequests()
	if _, err := service.Run(ctx, w.services.Get(service.RevocationName), service.Args{State: w.login}, w.send); err != nil {
		t.Fatal(err)
	}
	if form := formOf(t, sent[service.RevocationName]); form.Get("token") != testGrantToken || form.Get("token_type_hint") != "access_token" {
		t.Errorf("revoked %v", form)
	}
}

// TestRevocationOfAFrontToken: also a token from the front channel is forgotten.
func TestRevocationOfAFrontToken(t *testing.T) {
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
	login := state.NewRecord("front", testIssuer)
	login.Set(state.ItemAuthResponse, []byte(`{"access_token":"front-token","token_type":"Bearer","state":"front"}`))
	if err := w.db.Begin(ctx, login); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Claim(ctx, "front"); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Run(ctx, w.services.Get(service.RevocationName), service.Args{State: "front"}, w.send); err != nil {
		t.Fatal(err)
	}
	r, err := w.db.Session(ctx, "front")
	if err != nil || r.Latest("access_token") != nil {
		t.Errorf("the record still holds %s: %v", r.Item(state.ItemAuthResponse), err)
	}
}
