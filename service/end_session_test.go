package service_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

const (
	loginState = "a-login-state-of-32-characters-0"
	rawIDToken = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"
	byeURI     = "https://rp.example/bye"
)

// leaving is a login that is about to end.
func leaving(t *testing.T, postLogout ...string) *kit {
	t.Helper()
	k := newKit(t, servicecontext.Config{Issuer: testIssuer, ClientID: testClientID, Metadata: message.ClientMetadata{PostLogoutRedirectURIs: postLogout}})
	k.learn(func(sn *servicecontext.Snapshot) {
		sn.Provider = &message.ProviderMetadata{Issuer: testIssuer, EndSessionEndpoint: testIssuer + "/end_session?x=y"}
	})
	k.login(loginState, `{"access_token":"a","token_type":"Bearer","id_token":"`+rawIDToken+`"}`)
	return k
}

// login makes the session of a login.
func (k *kit) login(name, tokens string) {
	k.t.Helper()
	ctx := context.Background()
	if err := k.db.Begin(ctx, state.NewRecord(name, testIssuer)); err != nil {
		k.t.Fatal(err)
	}
	r, err := k.db.Claim(ctx, name)
	if err != nil {
		k.t.Fatal(err)
	}
	if tokens != "" {
		r.Set(state.ItemTokenResponse, []byte(tokens))
		r.Set(state.ItemRefreshTokenResponse, []byte(`{"access_token":"b","token_type":"Bearer","id_token":"a.newer.token"}`))
	}
	if err := k.db.Save(ctx, r); err != nil {
		k.t.Fatal(err)
	}
}

func query(t *testing.T, req *service.Request) url.Values {
	t.Helper()
	u, err := url.Parse(req.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func returning(logoutState string) *service.Response {
	return service.ParseCallback(service.Inbound{Mode: message.ResponseModeQuery, Method: "GET", Raw: url.Values{"state": {logoutState}}.Encode(), RedirectURI: byeURI})
}

// TestEndSession: hint, client_id, registered URI, fresh state; the return ends the
// login once.
func TestEndSession(t *testing.T) {
	k := leaving(t, byeURI, "https://rp.example/other")
	svc := service.NewEndSession(k.env())
	req := k.request(svc, service.Args{State: loginState})
	q := query(t, req)
	if req.Channel != service.FrontChannel || req.Method != "GET" || q.Get("x") != "y" || q.Get("id_token_hint") != rawIDToken || q.Get("client_id") != testClientID || q.Get("post_logout_redirect_uri") != byeURI {
		t.Errorf("got %s", req.URL)
	}
	logout := q.Get("state")
	if len(logout) != 43 || logout == loginState {
		t.Errorf("state %q", logout)
	}
	if again := query(t, k.request(svc, service.Args{State: loginState})).Get("state"); again == logout {
		t.Error("the state is not fresh")
	}
	res, err := k.parse(svc, returning(logout))
	if err != nil {
		t.Fatal(err)
	}
	if res.State != loginState {
		t.Errorf("the result is of login %q", res.State)
	}
	if _, err := k.db.Session(context.Background(), loginState); err != nil {
		t.Error("the login ended before the commit:", err)
	}
	if err := svc.UpdateServiceContext(context.Background(), res); err != nil {
		t.Fatal(err)
	}
	if _, err := k.db.Session(context.Background(), loginState); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("the login is still there: %v", err)
	}
	if err := svc.UpdateServiceContext(context.Background(), res); !errors.Is(err, message.RuleEndSessionState) || !errors.Is(err, state.ErrUnknown) {
		t.Errorf("committed twice: %v", err)
	}
	_, err = k.parse(svc, returning(logout))
	wantRule(t, err, message.RuleEndSessionReturn)
}

// TestEndSessionReturn: anything but a state of ours confirms nothing and breaks
// nothing.
func TestEndSessionReturn(t *testing.T) {
	k := leaving(t, byeURI)
	svc := service.NewEndSession(k.env())
	k.request(svc, service.Args{State: loginState})
	for name, resp := range map[string]*service.Response{
		"no state":          service.ParseCallback(service.Inbound{Mode: message.ResponseModeQuery, Method: "GET"}),
		"no parameters":     service.Callback(url.Values{}, ""),
		"another state":     returning("somebody-elses-logout-state-0000"),
		"the login's state": returning(loginState),
		"state twice":       service.ParseCallback(service.Inbound{Mode: message.ResponseModeQuery, Method: "GET", Raw: "state=a&state=b"}),
		"state twice, form": service.Callback(url.Values{"state": {"a", "b"}}, ""),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := k.parse(svc, resp)
			wantRule(t, err, message.RuleEndSessionReturn)
			if _, err := k.db.Session(context.Background(), loginState); err != nil {
				t.Errorf("the login is gone: %v", err)
			}
		})
	}
	// The provider of another context cannot end it.
	other := leaving(t, byeURI)
	other.db = k.db
	other.learn(func(sn *servicecontext.Snapshot) { sn.Issuer = "https://other.example" })
	logout := query(t, k.request(svc, service.Args{State: loginState})).Get("state")
	_, err := service.NewEndSession(other.env()).ParseResponse(context.Background(), returning(logout))
	wantRule(t, err, message.RuleEndSessionReturn)
}

func TestEndSessionRequest(t *testing.T) {
	fine := "a-logout-state-of-the-callers-own"
	for name, tc := range map[string]struct {
		registered []string
		tokens     string
		message    message.EndSessionRequest
		rule       message.Rule
		warned     message.Rule
	}{
		"another registered URI": {[]string{byeURI, "https://rp.example/2"}, "", message.EndSessionRequest{PostLogoutRedirectURI: "https://rp.example/2"}, "", ""},
		"an unregistered URI":    {[]string{byeURI}, "", message.EndSessionRequest{PostLogoutRedirectURI: byeURI + "/"}, message.RuleEndSessionRedirectURI, ""},
		"none is registered":     {nil, "", message.EndSessionRequest{}, "", ""},
		"a state for nobody":     {nil, "", message.EndSessionRequest{State: fine}, message.RuleEndSessionState, ""},
		"the caller's state":     {[]string{byeURI}, "", message.EndSessionRequest{State: fine, LogoutHint: "joe", UILocales: message.List{"sv", "en"}}, "", ""},
		"a weak state":           {[]string{byeURI}, "", message.EndSessionRequest{State: "weak"}, message.RuleEndSessionState, ""},
		"a state with a space":   {[]string{byeURI}, "", message.EndSessionRequest{State: fine + " x"}, message.RuleEndSessionState, ""},
		"another client":         {[]string{byeURI}, "", message.EndSessionRequest{ClientID: "other"}, message.RuleEndSessionRequest, ""},
		"the original hint":      {[]string{byeURI}, "", message.EndSessionRequest{IDTokenHint: rawIDToken}, "", ""},
		"another hint":           {[]string{byeURI}, "", message.EndSessionRequest{IDTokenHint: "a.newer.token"}, message.RuleEndSessionRequest, ""},
		"a login without one":    {[]string{byeURI}, "none", message.EndSessionRequest{}, "", message.RuleEndSessionRequest},
	} {
		t.Run(name, func(t *testing.T) {
			k := leaving(t, tc.registered...)
			login := loginState
			if tc.tokens == "none" {
				login = "another-login-state-of-32-chars-"
				k.login(login, "")
			}
			svc := service.NewEndSession(k.env())
			req, err := svc.GetRequestParameters(context.Background(), service.Args{State: login, Message: tc.message})
			if tc.rule != "" {
				wantRule(t, err, tc.rule)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			q := query(t, req)
			if (len(tc.registered) > 0) != q.Has("state") || (tc.message.State != "" && q.Get("state") != fine) || q.Has("id_token_hint") == (tc.tokens == "none") {
				t.Errorf("got %s", req.URL)
			}
			if tc.message.UILocales != nil && q.Get("ui_locales") != "sv en" {
				t.Errorf("got %s", req.URL)
			}
		})
	}
}

// TestEndSessionStateIsFresh: a state that an earlier logout has is refused.
func TestEndSessionStateIsFresh(t *testing.T) {
	const chosen = "a-logout-state-of-the-callers-own"
	k := leaving(t, byeURI)
	svc := service.NewEndSession(k.env())
	args := service.Args{State: loginState, Message: message.EndSessionRequest{State: chosen}}
	k.request(svc, args)
	_, err := svc.GetRequestParameters(context.Background(), args)
	wantRule(t, err, message.RuleEndSessionState)
	// A login of that name is another matter: the two indexes do not meet.
	if _, err := k.db.Session(context.Background(), chosen); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("the logout state is a login too: %v", err)
	}
}

func TestEndSessionNeeds(t *testing.T) {
	k := leaving(t, byeURI)
	ctx := context.Background()
	for name, tc := range map[string]struct {
		learn func(*servicecontext.Snapshot)
		args  service.Args
		want  error
	}{
		"a login":     {func(*servicecontext.Snapshot) {}, service.Args{}, service.ErrArgs},
		"a live one":  {func(*servicecontext.Snapshot) {}, service.Args{State: "unknown"}, state.ErrUnknown},
		"an endpoint": {func(sn *servicecontext.Snapshot) { sn.Provider.EndSessionEndpoint = "" }, service.Args{State: loginState}, service.ErrNoEndpoint},
		"https":       {func(sn *servicecontext.Snapshot) { sn.Provider.EndSessionEndpoint = "http://op.example/end" }, service.Args{State: loginState}, message.RuleMetadataEndpointURL},
		"metadata":    {func(sn *servicecontext.Snapshot) { sn.Provider = nil }, service.Args{State: loginState}, service.ErrNotConfigured},
	} {
		t.Run(name, func(t *testing.T) {
			other := leaving(t, byeURI)
			other.db = k.db
			other.learn(tc.learn)
			if _, err := service.NewEndSession(other.env()).GetRequestParameters(ctx, tc.args); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

// TestEndSessionOnce: of many browsers that come back with one state, one ends the
// login.
func TestEndSessionOnce(t *testing.T) {
	k := leaving(t, byeURI)
	svc := service.NewEndSession(k.env())
	logout := query(t, k.request(svc, service.Args{State: loginState})).Get("state")
	var results []*service.Result
	for range 20 {
		res, err := svc.ParseResponse(context.Background(), returning(logout))
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, res)
	}
	var group sync.WaitGroup
	var won atomic.Int64
	for _, res := range results {
		group.Go(func() {
			if err := svc.UpdateServiceContext(context.Background(), res); err == nil {
				won.Add(1)
			} else if !errors.Is(err, message.RuleEndSessionState) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of them won", won.Load())
	}
}

func TestEndSessionFailingStore(t *testing.T) {
	k := leaving(t, byeURI)
	svc := service.NewEndSession(service.Env{Context: k.sc, DB: &state.DB{Store: broken{}}})
	if _, err := svc.GetRequestParameters(context.Background(), service.Args{State: loginState}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if _, err := svc.ParseResponse(context.Background(), returning("x")); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
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
