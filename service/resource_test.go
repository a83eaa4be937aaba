package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

func TestResource(t *testing.T) {
	w := held(t, override{outside: outside{Flow: "resource"}})
	ctx := context.Background()
	svc := w.services.Get(service.ResourceName)
	sent := w.watchRequests()
	res, err := service.Run(ctx, svc, service.Args{State: w.login, Message: service.ResourceRequest{
		Method: "PUT", URL: testResource, Header: service.Header{"Content-Type": {"text/plain"}}, Body: []byte("topsecret"),
	}}, w.send)
	if err != nil {
		t.Fatal(err)
	}
	req := sent[service.ResourceName]
	if req.Method != "PUT" || req.URL != testResource || string(req.Body) != "topsecret" || req.Header["Content-Type"][0] != "text/plain" || req.Header["Authorization"][0] != "Bearer SlAV32hkKG" {
		t.Errorf("sent %s %s with %v", req.Method, req.URL, req.Header)
	}
	if req.Policy.PeerSupplied || !req.Policy.HTTPS {
		t.Errorf("the policy is %+v", req.Policy)
	}
	got := service.MessageOf[service.ResourceResponse](res)
	if got.Status != 200 || string(got.Body) != `{"accounts":[]}` || res.State != w.login {
		t.Errorf("got %v", got)
	}
	if text := fmt.Sprintf("%+v %v", req.Message(), got); strings.Contains(text, "topsecret") || strings.Contains(text, "SlAV32hkKG") || strings.Contains(text, "page=2") {
		t.Errorf("shown as %s", text)
	}
	for name, args := range map[string]service.Args{
		"no URL":          {State: w.login, Message: service.ResourceRequest{}},
		"no token":        {Message: service.ResourceRequest{URL: testResource}},
		"authorization":   {State: w.login, Message: service.ResourceRequest{URL: testResource, Header: service.Header{"authorization": {"Basic x"}}}},
		"another message": {State: w.login, Message: message.UserInfoRequest{}},
	} {
		if _, err := svc.GetRequestParameters(ctx, args); !errors.Is(err, service.ErrArgs) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestResourceOfAGrant: the tokens of a grant are found under its key, and those of
// nobody are shown as they are given.
func TestResourceOfAGrant(t *testing.T) {
	w := held(t, override{outside: outside{Flow: "client_credentials"}})
	sent := w.watchRequests()
	svc := w.services.Get(service.ResourceName)
	for want, args := range map[string]service.Args{
		"Bearer " + testGrantToken: {State: w.login, Message: &service.ResourceRequest{URL: testResource}},
		"Bearer given":             {Message: service.ResourceRequest{URL: testResource, AccessToken: "given"}},
	} {
		if _, err := service.Run(context.Background(), svc, args, w.send); err != nil {
			t.Fatal(err)
		}
		if got := sent[service.ResourceName].Header["Authorization"][0]; got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	}
}

func TestResourceDPoP(t *testing.T) {
	w, err := newWorld(t, override{Config: settings{DPoP: true}, outside: outside{Flow: "resource"}})
	if err != nil {
		t.Fatal(err)
	}
	var nonces []any
	w.answer = func(req *service.Request) *service.Response {
		if req.Service != service.ResourceName {
			return nil
		}
		_, claims := open(t, req.Header["Dpop"][0], testKeys()["dpop"], "ES256")
		nonces = append(nonces, claims["nonce"])
		if claims["htu"] != "https://api.example/accounts" || claims["htm"] != "GET" || claims["ath"] == nil || !strings.HasPrefix(req.Header["Authorization"][0], "DPoP ") {
			t.Errorf("the proof says %v", claims)
		}
		if len(nonces) > 1 {
			return nil
		}
		return req.Answer(401, map[string][]string{"WWW-Authenticate": {`DPoP error="use_dpop_nonce"`}, "DPoP-Nonce": {"n"}}, nil)
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if fmt.Sprint(nonces) != "[<nil> n]" {
		t.Errorf("the nonces were %v", nonces)
	}
	if got := w.sc.Snapshot().DPoPNonces["https://api.example"]; got != "n" {
		t.Errorf("the origin's nonce is %q", got)
	}
}

// TestResourceRefreshesOnce: invalid_token is met by one refresh and one retry,
// anything else by none.
func TestResourceRefreshesOnce(t *testing.T) {
	for _, test := range []struct {
		name, challenge string
		status          int
		times           int // how often the resource refuses
		code            message.ErrorCode
		sent            string
	}{
		{"expired", `Bearer error="invalid_token"`, 401, 1, "", "resource refresh_token resource"},
		{"for good", `Bearer error="invalid_token"`, 401, 2, message.InvalidToken, "resource refresh_token resource"},
		{"scope", `Bearer error="insufficient_scope", scope="write"`, 403, 1, message.InsufficientScope, "resource"},
		{"step-up", `Bearer error="insufficient_user_authentication", acr_values="gold", max_age=5`, 401, 1, message.InsufficientUserAuthentication, "resource"},
	} {
		w, err := newWorld(t, override{outside: outside{Flow: "resource"}})
		if err != nil {
			t.Fatal(err)
		}
		refusals := 0
		w.answer = func(req *service.Request) *service.Response {
			if req.Service != service.ResourceName || refusals == test.times {
				return nil
			}
			refusals++
			return req.Answer(test.status, map[string][]string{"Www-Authenticate": {test.challenge}}, nil)
		}
		at, err := w.run(context.Background())
		if i := strings.Index(strings.Join(w.sent, " "), "resource"); strings.Join(w.sent, " ")[i:] != test.sent {
			t.Errorf("%s: sent %v", test.name, w.sent)
		}
		if test.code == "" {
			if err != nil {
				t.Errorf("%s: at %s: %v", test.name, at, err)
			}
			continue
		}
		var challenged *service.ChallengeError
		if !errors.Is(err, test.code) || !errors.As(err, &challenged) || challenged.Challenge.Scheme != "bearer" {
			t.Fatalf("%s: at %s: %v", test.name, at, err)
		}
		if test.code == message.InsufficientUserAuthentication && (challenged.Challenge.Params["acr_values"] != "gold" || challenged.Challenge.Params["max_age"] != "5") {
			t.Errorf("%s: the challenge says %v", test.name, challenged.Challenge)
		}
	}
	// A token of the caller's own is not refreshed.
	w := held(t, override{outside: outside{Flow: "resource"}})
	w.answer = func(req *service.Request) *service.Response {
		return req.Answer(401, map[string][]string{"WWW-Authenticate": {`Bearer error="invalid_token"`}}, nil)
	}
	_, err := service.Run(context.Background(), w.services.Get(service.ResourceName), service.Args{State: w.login, Message: service.ResourceRequest{URL: testResource, AccessToken: "given"}}, w.send)
	if last := w.sent[len(w.sent)-1]; !errors.Is(err, message.InvalidToken) || last != service.ResourceName {
		t.Errorf("after %s: %v", last, err)
	}
}

func TestResourceMetadataAddress(t *testing.T) {
	w, err := newWorld(t, override{})
	if err != nil {
		t.Fatal(err)
	}
	svc := w.services.Get(service.ResourceMetadataName)
	for resource, want := range map[string]string{
		"https://api.example":            "https://api.example/.well-known/oauth-protected-resource",
		"https://api.example/":           "https://api.example/.well-known/oauth-protected-resource",
		"https://api.example:8443/a/b":   "https://api.example:8443/.well-known/oauth-protected-resource/a/b",
		"https://api.example/a?tenant=1": "https://api.example/.well-known/oauth-protected-resource/a?tenant=1",
	} {
		req, err := svc.GetRequestParameters(context.Background(), service.Args{Message: service.ResourceMetadataRequest{Resource: resource}})
		if err != nil {
			t.Fatal(err)
		}
		if req.URL != want || !req.Policy.PeerSupplied {
			t.Errorf("%s is asked at %s", resource, req.URL)
		}
	}
	req, err := svc.GetRequestParameters(context.Background(), service.Args{Message: service.ResourceMetadataRequest{Resource: testResource, Address: "https://api.example/meta"}})
	if err != nil || req.URL != "https://api.example/meta" {
		t.Errorf("a challenge's address: %v", err)
	}
	for _, m := range []service.ResourceMetadataRequest{{}, {Resource: "http://api.example"}, {Resource: testResource, Address: "http://api.example/meta"}} {
		if _, err := svc.GetRequestParameters(context.Background(), service.Args{Message: m}); err == nil {
			t.Errorf("%v was built", m)
		}
	}
}
