package service_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// counting counts what changes a store.
type counting struct {
	state.Store
	writes atomic.Int64
}

func (c *counting) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	c.writes.Add(1)
	return c.Store.Add(ctx, key, value, ttl)
}

func (c *counting) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	c.writes.Add(1)
	return c.Store.Put(ctx, key, value, ttl)
}

func (c *counting) Take(ctx context.Context, key string) ([]byte, bool, error) {
	c.writes.Add(1)
	return c.Store.Take(ctx, key)
}

// watched wraps a service: every ParseResponse is made twice, and must give equal
// results and leave store and context as they were.
type watched struct {
	service.Service
	t      *testing.T
	w      *world
	store  *counting
	others []service.Service
}

func (x *watched) ParseResponse(ctx context.Context, resp *service.Response) (*service.Result, error) {
	before, writes := x.w.sc.Snapshot(), x.store.writes.Load()
	first, err1 := x.Service.ParseResponse(ctx, resp)
	second, err2 := x.Service.ParseResponse(ctx, resp)
	if x.w.sc.Snapshot() != before {
		x.t.Errorf("%s: ParseResponse changed the service context", x.Name())
	}
	if n := x.store.writes.Load(); n != writes {
		x.t.Errorf("%s: ParseResponse wrote %d times to the store", x.Name(), n-writes)
	}
	if (err1 == nil) != (err2 == nil) || err1 != nil && err1.Error() != err2.Error() {
		x.t.Errorf("%s: first %v, then %v", x.Name(), err1, err2)
	}
	if err1 == nil {
		if !reflect.DeepEqual(first.Message, second.Message) || !reflect.DeepEqual(first.IDToken, second.IDToken) || !reflect.DeepEqual(first.Checks, second.Checks) || first.State != second.State {
			x.t.Errorf("%s: two parses of one response differ", x.Name())
		}
		for _, other := range x.others {
			if other.Name() != x.Name() {
				if err := other.UpdateServiceContext(ctx, first); !errors.Is(err, service.ErrForeign) {
					x.t.Errorf("%s takes a result of %s: %v", other.Name(), x.Name(), err)
				}
			}
		}
	}
	return first, err1
}

func TestParseResponseChangesNothing(t *testing.T) {
	w, err := newWorld(t, override{})
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
}

func TestRecordOfAFinishedLogin(t *testing.T) {
	w, err := newWorld(t, override{})
	if err != nil {
		t.Fatal(err)
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	r, err := w.db.Session(context.Background(), w.login)
	if err != nil {
		t.Fatal(err)
	}
	want := "iss auth_request auth_response token_response refresh_token_request refresh_token_response user_info"
	if got := strings.Join(r.Items(), " "); got != want {
		t.Errorf("the record holds %s, want %s", got, want)
	}
	for _, secret := range []string{"SplxlOBeZQQYbYS6WxSbIA"} {
		if strings.Contains(string(r.Item(state.ItemAuthResponse)), secret) {
			t.Error("the spent code is still in the record")
		}
	}
	states, err := w.db.States(context.Background(), state.KindSubject, state.PerIssuer(testIssuer, "248289761001"))
	if err != nil || len(states) != 1 || states[0] != w.login {
		t.Errorf("the subject's logins are %v, %v", states, err)
	}
}

// TestConcurrentCallbacks: of many commits of one callback exactly one wins, and
// the others learn that the state is unknown.
func TestConcurrentCallbacks(t *testing.T) {
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
	svc := w.services.Get(service.AuthorizationName)
	req, err := svc.GetRequestParameters(ctx, service.Args{Binding: testBinding})
	if err != nil {
		t.Fatal(err)
	}
	in := service.Inbound{Mode: message.ResponseModeQuery, Method: "GET", RedirectURI: testCallback, Binding: testBinding, Raw: "code=c&iss=https%3A%2F%2Fop.example&state=" + req.State}
	const n = 64
	results := make([]*service.Result, n)
	for i := range n {
		if results[i], err = svc.ParseResponse(ctx, service.ParseCallback(in)); err != nil {
			t.Fatal(err)
		}
	}
	var won atomic.Int64
	var wg sync.WaitGroup
	for _, res := range results {
		wg.Go(func() {
			err := svc.UpdateServiceContext(ctx, res)
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, state.ErrUnknown) || !errors.Is(err, message.RuleAuthzResponseStateSingleUse):
				t.Errorf("a loser got %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d commits of one callback won", won.Load())
	}
	if _, err := svc.ParseResponse(ctx, service.ParseCallback(in)); !errors.Is(err, state.ErrUnknown) || !errors.Is(err, message.RuleAuthzResponseState) {
		t.Errorf("a replay got %v", err)
	}
}

func firstMessage(name string) message.Message {
	if name == service.WebFingerName {
		return message.WebFingerRequest{Resource: "joe@op.example"}
	}
	return nil
}

// TestCodeIsSentOnce: when the fate of a token request is unknown the code is not
// sent again.
func TestCodeIsSentOnce(t *testing.T) {
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
	login, _, err := w.authorize(ctx, w.services.Get(service.AuthorizationName))
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("the provider went away")
	token := w.services.Get(service.AccessTokenName)
	_, err = service.Run(ctx, token, service.Args{State: login}, func(context.Context, *service.Request) (*service.Response, error) { return nil, gone })
	if !errors.Is(err, gone) || service.ServiceOf(err) != service.AccessTokenName {
		t.Fatalf("got %v", err)
	}
	if _, err := token.GetRequestParameters(ctx, service.Args{State: login}); !errors.Is(err, message.RuleTokenRequestCodeOnce) {
		t.Errorf("the second request got %v", err)
	}
}

// TestDeclaredErrors: what the provider declares is a message.Error with code and
// status, and ends what it ends.
func TestDeclaredErrors(t *testing.T) {
	body := `{"error":"invalid_grant","error_description":"gone"}`
	for _, test := range []struct {
		name string
		o    override
		at   string
		code message.ErrorCode
		ends bool
	}{
		{"callback", override{Callback: map[string]any{"code": nil, "error": "access_denied"}}, service.AuthorizationName, message.AccessDenied, true},
		{"token", override{Answers: map[string]answer{"accesstoken": {Status: 400, Body: &body}}}, service.AccessTokenName, message.InvalidGrant, false},
		{"token in a 200", override{Answers: map[string]answer{"accesstoken": {Body: &body}}}, service.AccessTokenName, message.InvalidGrant, false},
		{"refresh", override{Answers: map[string]answer{"refresh_token": {Status: 400, Body: &body}}}, service.RefreshTokenName, message.InvalidGrant, true},
		{"userinfo", override{Answers: map[string]answer{"userinfo": {Status: 401, Header: map[string]string{"WWW-Authenticate": `Bearer realm="x", error="invalid_token"`}, Body: new(string)}}}, service.UserInfoName, message.InvalidToken, false},
		{"registration", override{Answers: map[string]answer{"registration": {Status: 400, JSON: map[string]any{"error": "invalid_redirect_uri"}}}}, service.RegistrationName, message.InvalidRedirectURI, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, err := newWorld(t, test.o)
			if err != nil {
				t.Fatal(err)
			}
			at, err := w.run(context.Background())
			if !errors.Is(err, test.code) || at != test.at {
				t.Fatalf("at %s: %v", at, err)
			}
			if !test.ends {
				return
			}
			_, pending := w.db.Pending(context.Background(), w.login)
			_, session := w.db.Session(context.Background(), w.login)
			if !errors.Is(pending, state.ErrUnknown) || !errors.Is(session, state.ErrUnknown) {
				t.Errorf("the login is still there: %v, %v", pending, session)
			}
		})
	}
}
