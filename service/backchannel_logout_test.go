package service_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// logoutToken is a good one, changed.
func (w *world) logoutToken(change map[string]any) string {
	claims := map[string]any{
		"iss": testIssuer, "aud": testClientID, "iat": w.now.Unix(), "exp": w.now.Unix() + 120, "jti": "j1", "sub": "248289761001", "sid": "sid-1",
		"events": map[string]any{message.BackchannelLogoutEvent: map[string]any{}},
	}
	patch(claims, change)
	return w.sign(mustJSON(claims), "", nil, "")
}

// post brings a logout token, and returns what to answer.
func (w *world) post(token string) (int, error) {
	in := service.Inbound{Method: "POST", ContentType: "application/x-www-form-urlencoded", Raw: url.Values{"logout_token": {token}}.Encode()}
	_, err := service.Finish(context.Background(), w.services.Get(service.BackchannelLogoutName), service.ParseCallback(in), w.send)
	status, _ := service.LogoutReply(err)
	return status, err
}

// TestLogoutTokenIsRemembered: a jti is refused for as long as its token could be
// accepted, also one that is dated a leeway ahead.
func TestLogoutTokenIsRemembered(t *testing.T) {
	w := loggedIn(t, override{})
	token := w.logoutToken(map[string]any{"iat": w.now.Unix() + 30, "exp": w.now.Unix() + 3600})
	if status, err := w.post(token); status != 200 {
		t.Fatal(err)
	}
	for range 11 * 6 {
		if status, err := w.post(token); status != 400 {
			t.Fatalf("accepted again after %s: %v", w.now.Sub(testNow), err)
		}
		w.now = w.now.Add(10 * time.Second)
	}
	w.now = w.now.Add(time.Second)
	if _, err := w.post(token); !errors.Is(err, message.RuleBackchannelTime) {
		t.Errorf("eleven minutes later: %v", err)
	}
}

// failing is a store of which single verbs fail.
type failing struct {
	*state.Memory
	add   bool
	takes int // how many of them
	reads int
}

func (f *failing) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if f.add {
		return false, errBroken
	}
	return f.Memory.Add(ctx, key, value, ttl)
}

func (f *failing) Get(ctx context.Context, key string) ([]byte, bool, error) {
	f.reads++
	return f.Memory.Get(ctx, key)
}

func (f *failing) Take(ctx context.Context, key string) ([]byte, bool, error) {
	if f.takes > 0 {
		f.takes--
		return nil, false, errBroken
	}
	return f.Memory.Take(ctx, key)
}

// TestLogoutTokenAndFailingStore: when nobody can say whether a token is new it is
// refused; when its logins could not be ended, the provider may bring it again.
func TestLogoutTokenAndFailingStore(t *testing.T) {
	for name, fault := range map[string]*failing{"the jti": {add: true}, "the login": {takes: 2}} {
		w := loggedIn(t, override{})
		fault.Memory = w.db.Store.(*state.Memory)
		w.db.Store = fault
		token := w.logoutToken(nil)
		if status, err := w.post(token); status != 400 || !errors.Is(err, errBroken) || !w.alive() {
			t.Errorf("%s: answered %d, login alive %v: %v", name, status, w.alive(), err)
		}
		fault.add = false
		if status, err := w.post(token); status != 200 || w.alive() {
			t.Errorf("%s: brought again: %d, login alive %v: %v", name, status, w.alive(), err)
		}
	}
}

// TestLogoutTokenOfAStranger: who cannot sign does not find out which sessions there
// are: the store is not asked, and every guess gets the same answer.
func TestLogoutTokenOfAStranger(t *testing.T) {
	w := loggedIn(t, override{})
	store := &failing{Memory: w.db.Store.(*state.Memory)}
	w.db.Store = store
	for _, guess := range []map[string]any{{}, {"sid": "sid-2"}, {"sub": "another"}, {"sid": nil}} {
		claims := map[string]any{"kid": "rs256"}
		token := resign(t, w.logoutToken(guess), "other", claims)
		if _, err := w.post(token); !errors.Is(err, message.RuleBackchannelSignature) {
			t.Errorf("%v: %v", guess, err)
		}
	}
	if store.reads != 0 {
		t.Errorf("the store was read %d times", store.reads)
	}
}

// TestLogoutRevokesNothing: a notification of either kind ends our sessions alone.
func TestLogoutRevokesNothing(t *testing.T) {
	for _, name := range []string{service.BackchannelLogoutName, service.FrontchannelLogoutName} {
		w := loggedIn(t, override{})
		sent := len(w.sent)
		var err error
		if name == service.BackchannelLogoutName {
			_, err = w.post(w.logoutToken(nil))
		} else {
			in := service.Inbound{Mode: message.ResponseModeQuery, Method: "GET", Raw: url.Values{"iss": {testIssuer}, "sid": {"sid-1"}}.Encode()}
			_, err = service.Finish(context.Background(), w.services.Get(name), service.ParseCallback(in), w.send)
		}
		if err != nil || w.alive() || len(w.sent) != sent {
			t.Errorf("%s: alive %v, sent %v: %v", name, w.alive(), w.sent[sent:], err)
		}
	}
}

// TestFrontchannelLogoutOfAnotherIssuer: a provider ends its own sessions alone, also
// where several share a store.
func TestFrontchannelLogoutOfAnotherIssuer(t *testing.T) {
	const other, login = "https://other.example", "a-login-state-of-32-characters-2"
	w := loggedIn(t, override{})
	ctx := context.Background()
	if err := w.db.Begin(ctx, state.NewRecord(login, other)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Claim(ctx, login); err != nil {
		t.Fatal(err)
	}
	if err := w.db.Link(ctx, state.KindSessionID, state.PerIssuer(other, "sid-9"), login); err != nil {
		t.Fatal(err)
	}
	in := service.Inbound{Mode: message.ResponseModeQuery, Method: "GET", Raw: url.Values{"iss": {other}, "sid": {"sid-9"}}.Encode()}
	_, err := service.Finish(ctx, w.services.Get(service.FrontchannelLogoutName), service.ParseCallback(in), w.send)
	wantRule(t, err, message.RuleFrontchannelMatch)
	if _, err := w.db.Session(ctx, login); err != nil {
		t.Errorf("the session ended: %v", err)
	}
}
