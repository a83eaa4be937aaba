package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// open verifies a JWT of ours and returns header and claims.
func open(t *testing.T, token string, key *keyjar.Key, alg string) (keyjar.Header, map[string]any) {
	t.Helper()
	parsed, err := keyjar.Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyjar.NewSet(key.Public()).Verify(parsed, []string{alg}); err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(parsed.Payload, &claims); err != nil {
		t.Fatal(err)
	}
	return parsed.Header, claims
}

func frontQuery(t *testing.T, w *world) url.Values {
	t.Helper()
	u, err := url.Parse(w.front.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func names(v url.Values) string {
	var all []string
	for name := range v {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func signingConfig(method string) settings {
	return settings{Keys: true, RequestMethod: method, Metadata: map[string]any{"jwks_uri": "https://rp.example/jwks", "request_object_signing_alg": "ES256"}}
}

func TestRequestObjectByValue(t *testing.T) {
	w, err := newWorld(t, override{Config: signingConfig("request")})
	if err != nil {
		t.Fatal(err)
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	q := frontQuery(t, w)
	if names(q) != "client_id request response_type scope" {
		t.Errorf("outside stand %s", names(q))
	}
	header, claims := open(t, q.Get("request"), testKeys()["own"], "ES256")
	if header.Type != "oauth-authz-req+jwt" {
		t.Errorf("typ is %q", header.Type)
	}
	for name, want := range map[string]any{
		"iss": testClientID, "aud": testIssuer, "client_id": testClientID, "redirect_uri": testCallback, "state": w.login, "nonce": w.nonce,
		"iat": float64(testNow.Unix()), "exp": float64(testNow.Unix() + 300), "code_challenge_method": "S256",
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	for _, name := range []string{"sub", "request", "request_uri"} {
		if _, there := claims[name]; there {
			t.Errorf("%s stands inside", name)
		}
	}
	if claims["jti"] == nil {
		t.Error("no jti")
	}
}

// TestRequestObjectUnderFAPI: it says from when it may be used, and beside it stands
// nothing but whose it is (FAPI 1.0 Part 2, Section 5.2.2).
func TestRequestObjectUnderFAPI(t *testing.T) {
	config := signingConfig("request")
	config.Profile = "fapi1"
	w, err := newWorld(t, override{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	// What comes back is another matter.
	_, _ = w.run(context.Background())
	if w.front == nil {
		t.Fatal("no request was built")
	}
	q := frontQuery(t, w)
	if names(q) != "client_id request" {
		t.Errorf("outside stand %s", names(q))
	}
	_, claims := open(t, q.Get("request"), testKeys()["own"], "ES256")
	if nbf, exp := claims["nbf"], claims["exp"]; nbf != float64(testNow.Unix()) || exp != float64(testNow.Unix()+300) {
		t.Errorf("nbf %v, exp %v", nbf, exp)
	}
}

// TestEndpointQueryIsKept: what the provider wrote into its address stays, and ours comes
// behind it.
func TestEndpointQueryIsKept(t *testing.T) {
	w, err := newWorld(t, override{Answers: map[string]answer{"provider_info": {JSON: map[string]any{"authorization_endpoint": testIssuer + "/authorization?tenant=a&policy=b+c"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if !strings.HasPrefix(w.front.URL, testIssuer+"/authorization?tenant=a&policy=b+c&") {
		t.Errorf("the browser goes to %s", w.front.URL)
	}
	for name, values := range frontQuery(t, w) {
		if len(values) != 1 {
			t.Errorf("%s stands there %d times", name, len(values))
		}
	}
}

func TestRequestObjectByReference(t *testing.T) {
	w, err := newWorld(t, override{Config: signingConfig("request_uri")})
	if err != nil {
		t.Fatal(err)
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	q := frontQuery(t, w)
	if len(w.front.Host) != 1 || w.front.Host[0].URL != q.Get("request_uri") || !strings.HasPrefix(w.front.Host[0].URL, "https://rp.example/requests/") {
		t.Fatalf("hosted %v, sent %s", w.front.Host, q.Get("request_uri"))
	}
	if w.front.Host[0].Media != "application/oauth-authz-req+jwt" {
		t.Errorf("media type %s", w.front.Host[0].Media)
	}
	open(t, string(w.front.Host[0].Body), testKeys()["own"], "ES256")
}

func TestRequestObjectRefused(t *testing.T) {
	for name, o := range map[string]override{
		"not supported": {Config: signingConfig("request"), Answers: map[string]answer{"provider_info": {JSON: map[string]any{"request_parameter_supported": nil}}}},
		"no endpoint":   {Config: signingConfig("par"), Answers: map[string]answer{"provider_info": {JSON: map[string]any{"pushed_authorization_request_endpoint": nil}}}},
	} {
		w, err := newWorld(t, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.run(context.Background()); !errors.Is(err, message.RuleMetadataCapability) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPushedAuthorization(t *testing.T) {
	w, err := newWorld(t, override{Config: settings{RequestMethod: "par"}})
	if err != nil {
		t.Fatal(err)
	}
	pushes := 0
	w.sending = func(req *service.Request) {
		if req.Service != service.PushedAuthorizationName {
			return
		}
		pushes++
		form, err := url.ParseQuery(string(req.Body))
		if err != nil || req.Method != "POST" || form.Get("state") == "" || form.Get("code_challenge") == "" || form.Has("request_uri") || len(req.Header["Authorization"]) != 1 {
			t.Errorf("pushed %s %s", req.Method, names(form))
		}
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if q := frontQuery(t, w); names(q) != "client_id request_uri" {
		t.Errorf("the browser carries %s", names(q))
	}
	if pushes != 1 {
		t.Errorf("pushed %d times", pushes)
	}
}

// TestRequiredPush: where the provider takes nothing else, nothing else is sent, and a
// provider that cannot be pushed to is refused.
func TestRequiredPush(t *testing.T) {
	for _, method := range []string{"", "request", "request_uri", "par"} {
		config := signingConfig(method)
		required := map[string]any{"require_pushed_authorization_requests": true}
		w, err := newWorld(t, override{Config: config, Answers: map[string]answer{"provider_info": {JSON: required}}})
		if err != nil {
			t.Fatal(err)
		}
		if at, err := w.run(context.Background()); err != nil {
			t.Fatalf("%q: %s: %v", method, at, err)
		}
		if q := frontQuery(t, w); names(q) != "client_id request_uri" || count(w.sent, service.PushedAuthorizationName) != 1 {
			t.Errorf("%q: the browser carries %s after %v", method, names(q), w.sent)
		}
		required["pushed_authorization_request_endpoint"] = nil
		if w, err = newWorld(t, override{Config: config, Answers: map[string]answer{"provider_info": {JSON: required}}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.run(context.Background()); !errors.Is(err, message.RuleMetadataCapability) || w.front != nil {
			t.Errorf("%q, no endpoint to push to: %v, and %v", method, err, w.front)
		}
	}
}

// TestPushIsNoReference: a push carries the request itself.
func TestPushIsNoReference(t *testing.T) {
	w, err := newWorld(t, override{Config: settings{RequestMethod: "par"}})
	if err != nil {
		t.Fatal(err)
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	ctx := context.Background()
	authorization, push := w.services.Get(service.AuthorizationName), w.services.Get(service.PushedAuthorizationName)
	var need *service.NeedError
	if _, err := authorization.GetRequestParameters(ctx, service.Args{Binding: testBinding}); !errors.As(err, &need) {
		t.Fatal(err)
	}
	args := need.Task.Args
	args.Message = message.PushedAuthorizationRequest{AuthorizationRequest: message.AuthorizationRequest{RequestURI: "https://rp.example/requests/1"}}
	if _, err := push.GetRequestParameters(ctx, args); !errors.Is(err, message.RulePARRequest) {
		t.Errorf("got %v", err)
	}
}

// TestPushedOnceUsed: a request_uri is used once; the next use pushes anew, and so
// does one that has expired.
func TestPushedOnceUsed(t *testing.T) {
	w, err := newWorld(t, override{Config: settings{RequestMethod: "par"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, name := range []string{service.WebFingerName, service.ProviderInfoName, service.RegistrationName} {
		if _, err := service.Run(ctx, w.services.Get(name), service.Args{Message: firstMessage(name)}, w.send); err != nil {
			t.Fatal(err)
		}
	}
	svc := w.services.Get(service.AuthorizationName)
	var need *service.NeedError
	if _, err := svc.GetRequestParameters(ctx, service.Args{Binding: testBinding}); !errors.As(err, &need) || need.Task.Service.Name() != service.PushedAuthorizationName {
		t.Fatalf("got %v", err)
	}
	push := func() {
		if _, err := service.Run(ctx, need.Task.Service, need.Task.Args, w.send); err != nil {
			t.Fatal(err)
		}
	}
	push()
	w.now = w.now.Add(61e9)
	if _, err := svc.GetRequestParameters(ctx, need.Args); !errors.As(err, &need) {
		t.Fatalf("an expired request_uri was used: %v", err)
	}
	push()
	if _, err := svc.GetRequestParameters(ctx, need.Args); err != nil {
		t.Fatal(err)
	}
	if _, err := svc.GetRequestParameters(ctx, need.Args); !errors.As(err, &need) {
		t.Fatalf("a request_uri was used twice: %v", err)
	}
}

func TestDPoP(t *testing.T) {
	w, err := newWorld(t, override{Config: settings{DPoP: true}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	proofs := map[string]int{}
	w.sending = func(req *service.Request) {
		proof := req.Header["Dpop"]
		if len(proof) == 0 {
			return
		}
		payload, jkt, err := keyjar.VerifyDPoP(proof[0], []string{"ES256"})
		if err != nil || jkt != testKeys()["dpop"].Thumbprint() {
			t.Errorf("%s: %v, %s", req.Service, err, jkt)
			return
		}
		var claims message.DPoPProof
		if err := message.DecodeClaims(payload, &claims); err != nil {
			t.Error(err)
		}
		if claims.Method != req.Method || claims.URI != req.URL || seen[claims.JWTID] || claims.IssuedAt.Unix() != w.now.Unix() {
			t.Errorf("%s: proof for %s %s", req.Service, claims.Method, claims.URI)
		}
		seen[claims.JWTID] = true
		proofs[req.Service]++
		if req.Service == service.UserInfoName && (claims.AccessTokenHash == "" || !strings.HasPrefix(req.Header["Authorization"][0], "DPoP ")) {
			t.Error("userinfo without ath or under another scheme")
		}
	}
	// The provider demands a nonce of its own at each endpoint, once.
	demanded := map[string]bool{}
	w.answer = func(req *service.Request) *service.Response {
		if len(req.Header["Dpop"]) == 0 || demanded[req.Service] {
			return nil
		}
		demanded[req.Service] = true
		status, header := 400, map[string][]string{"Content-Type": {"application/json"}, "Dpop-Nonce": {"nonce-of-" + req.Service}}
		body := `{"error":"use_dpop_nonce"}`
		if req.Service == service.UserInfoName {
			status, body = 401, ""
			header["Www-Authenticate"] = []string{`DPoP error="use_dpop_nonce"`}
		}
		return req.Answer(status, header, []byte(body))
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	for _, name := range []string{service.AccessTokenName, service.UserInfoName, service.RefreshTokenName} {
		if proofs[name] != 2 {
			t.Errorf("%s was sent with %d proofs, want the first and the retry", name, proofs[name])
		}
	}
	if got := w.sc.Snapshot().DPoPNonces[testIssuer]; got != "nonce-of-refresh_token" {
		t.Errorf("the nonce kept is %q", got)
	}
}

// TestDPoPNonceOnce: a second demand is the provider's refusal.
func TestDPoPNonceOnce(t *testing.T) {
	w, err := newWorld(t, override{Config: settings{DPoP: true}})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	w.answer = func(req *service.Request) *service.Response {
		if req.Service != service.AccessTokenName {
			return nil
		}
		asked++
		return req.Answer(400, map[string][]string{"Content-Type": {"application/json"}, "DPoP-Nonce": {"n"}}, []byte(`{"error":"use_dpop_nonce"}`))
	}
	if at, err := w.run(context.Background()); !errors.Is(err, message.UseDPoPNonce) || at != service.AccessTokenName || asked != 2 {
		t.Errorf("asked %d times, at %s: %v", asked, at, err)
	}
}
