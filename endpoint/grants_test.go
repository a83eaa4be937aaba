package endpoint_test

import (
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
)

func public(_ *endpoint.Config, c *endpoint.Client) {
	c.Metadata.TokenEndpointAuthMethod = message.AuthMethodNone
}

// publicRefresh is a refresh request of a public client.
func publicRefresh(token string) call {
	c := refresh(token, "client_id", clientID)
	c.header = nil
	return c
}

func publicRedeem(code string) call {
	c := redeem(code, "client_id", clientID)
	c.header = nil
	return c
}

// A code is worth nothing when what the user allowed was taken back before it was used.
func TestCodeOfAGrantThatIsGone(t *testing.T) {
	for name, end := range map[string]func(*world){
		"logout": func(w *world) {
			r := w.do(call{endpoint: "end_session", method: "GET", cookies: true})
			if r = w.answer(r.need, endpoint.Answer{Action: endpoint.ActionAllow}); r.err != nil {
				w.t.Fatal(r.err)
			}
		},
		"revoked": func(w *world) {
			grants, err := w.ctx.Grants(w.t.Context(), "diana")
			if err != nil || len(grants) != 1 {
				w.t.Fatal(grants, err)
			}
			if there, err := w.ctx.RevokeGrant(w.t.Context(), grants[0].ID); err != nil || !there {
				w.t.Fatal(there, err)
			}
		},
		"the user": func(w *world) {
			if _, err := w.ctx.RevokeUser(w.t.Context(), "diana"); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, scope := range []string{"openid", "openid email", "api"} {
				w := newWorld(t, nil)
				code := w.code("scope", scope)
				end(w)
				wants(t, w.do(redeem(code)), message.InvalidGrant, message.RuleOPTokenInvalidGrant)
			}
		})
	}
}

// However often a token is renewed, its family ends when the configuration says, whatever the
// lives of what it gives.
func TestRefreshTokensEndOnTime(t *testing.T) {
	for name, change := range map[string]func(*endpoint.Config, *endpoint.Client){"confidential": nil, "public": public} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
				cfg.Lifetimes = endpoint.Lifetimes{RefreshToken: 20 * time.Minute, RefreshIdle: 15 * time.Minute}
				if change != nil {
					change(cfg, c)
				}
			})
			first, again := redeem(w.code()), func(token string) call { return refresh(token) }
			if change != nil {
				first, again = publicRedeem(w.code()), publicRefresh
			}
			token := text(w.object(w.do(first)), "refresh_token")
			for range 2 {
				w.now = w.now.Add(9*time.Minute + 59*time.Second)
				if next := text(w.object(w.do(again(token))), "refresh_token"); next != "" {
					token = next
				}
			}
			w.now = w.now.Add(2 * time.Second)
			wants(t, w.do(again(token)), message.InvalidGrant, message.RuleOPRefreshExpiry)
		})
	}
}

// The tokens of a user who is gone are worth nothing, and nobody is told that they are.
func TestTokensOfAUserWhoIsGone(t *testing.T) {
	all := users()
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Users = all })
	tokens := w.tokens(w.code())
	introspect := func(name string) any {
		return w.object(w.as("introspection", url.Values{"token": {text(tokens, name)}}))["active"]
	}
	if introspect("access_token") != true || introspect("refresh_token") != true {
		t.Fatal("the tokens are not active")
	}
	delete(all, "diana")
	if introspect("access_token") != false || introspect("refresh_token") != false {
		t.Error("a token is active")
	}
	wants(t, w.do(userinfo(text(tokens, "access_token"))), message.InvalidToken, message.RuleOPAccessTokenValidation)
	wants(t, w.do(refresh(text(tokens, "refresh_token"))), message.InvalidGrant, message.RuleOPRefreshExpiry)
}

// Of 64 redemptions at once one succeeds, and the grant is revoked.
func TestCodeRedeemedAtOnce(t *testing.T) {
	for range 10 {
		w := newWorld(t, nil)
		c := redeem(w.code())
		results := make([]result, 64)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { results[i] = w.once(w.set.Get("token"), w.request(c)) })
		}
		wg.Wait()
		var good []map[string]any
		for _, r := range results {
			if r.err == nil {
				good = append(good, w.object(r))
				continue
			}
			if !errors.Is(r.err, message.InvalidGrant) {
				t.Fatalf("refused with %v", r.err)
			}
		}
		if len(good) != 1 {
			t.Fatalf("%d redemptions succeeded", len(good))
		}
		for _, tokens := range good {
			if r := w.do(userinfo(text(tokens, "access_token"))); !errors.Is(r.err, message.InvalidToken) {
				t.Fatalf("the access token still works: %v", r.err)
			}
			if r := w.do(refresh(text(tokens, "refresh_token"))); !errors.Is(r.err, message.InvalidGrant) {
				t.Fatalf("the refresh token still works: %v", r.err)
			}
		}
	}
}

func TestCodeReplayRevokesWhatItGave(t *testing.T) {
	w := newWorld(t, nil)
	code := w.code()
	tokens := w.tokens(code)
	if r := w.do(redeem(code)); !errors.Is(r.err, message.RuleOPCodeReplay) {
		t.Fatalf("replay: %v", r.err)
	}
	if r := w.do(userinfo(text(tokens, "access_token"))); !errors.Is(r.err, message.InvalidToken) {
		t.Errorf("access token: %v", r.err)
	}
	if r := w.do(refresh(text(tokens, "refresh_token"))); !errors.Is(r.err, message.InvalidGrant) {
		t.Errorf("refresh token: %v", r.err)
	}
}

// A client that shows another's code has spent it.
func TestForeignAttemptSpendsTheCode(t *testing.T) {
	w := newWorld(t, nil)
	code := w.code()
	foreign := redeem(code)
	foreign.header = endpoint.Header{"Authorization": {basic("other-client", clientSecret)}}
	if r := w.do(foreign); !errors.Is(r.err, message.RuleOPCodeBinding) {
		t.Fatalf("foreign: %v", r.err)
	}
	if r := w.do(redeem(code)); !errors.Is(r.err, message.InvalidGrant) {
		t.Fatalf("the owner afterwards: %v", r.err)
	}
}

func TestRefreshOfAConfidentialClient(t *testing.T) {
	w := newWorld(t, nil)
	tokens := w.tokens(w.code("max_age", "100"))
	first := w.claims(text(tokens, "id_token"))
	w.now = w.now.Add(time.Hour)
	r := w.do(refresh(text(tokens, "refresh_token"), "scope", "openid"))
	again := w.object(r)
	if again["refresh_token"] != nil || text(again, "scope") != "openid" {
		t.Errorf("answer %v", again)
	}
	second := w.claims(text(again, "id_token"))
	for _, name := range []string{"iss", "sub", "aud", "auth_time", "sid"} {
		if first[name] != second[name] || first[name] == nil {
			t.Errorf("%s: %v, then %v", name, first[name], second[name])
		}
	}
	if second["nonce"] != nil || second["iat"] == first["iat"] {
		t.Errorf("claims %v", second)
	}
	// The grant keeps its scope.
	if got := text(w.object(w.do(refresh(text(tokens, "refresh_token")))), "scope"); got != "openid email offline_access" {
		t.Errorf("scope %q", got)
	}
}

func TestRefreshIsIssuedForOfflineAccessOnly(t *testing.T) {
	for _, c := range []struct {
		name, scope string
		grants      []string
		want        bool
	}{
		{"offline_access", "openid offline_access", []string{"authorization_code", "refresh_token", "implicit"}, true},
		{"without", "openid", []string{"authorization_code", "refresh_token", "implicit"}, false},
		{"not registered", "openid offline_access", []string{"authorization_code", "implicit"}, false},
		{"plain OAuth", "email", []string{"authorization_code", "refresh_token", "implicit"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, func(_ *endpoint.Config, client *endpoint.Client) { client.Metadata.GrantTypes = c.grants })
			if got := w.tokens(w.code("scope", c.scope))["refresh_token"] != nil; got != c.want {
				t.Errorf("a refresh token: %v", got)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	start := func(t *testing.T) (*world, string) {
		w := newWorld(t, public)
		return w, text(w.object(w.do(publicRedeem(w.code()))), "refresh_token")
	}
	next := func(w *world, token string) string {
		w.t.Helper()
		r := w.do(publicRefresh(token))
		if r.err != nil {
			w.t.Fatal(r.err)
		}
		return text(w.object(r), "refresh_token")
	}
	reused := func(t *testing.T, w *world, token string) {
		t.Helper()
		if r := w.do(publicRefresh(token)); !errors.Is(r.err, message.RuleOPRefreshReuse) || !errors.Is(r.err, message.InvalidGrant) {
			t.Fatalf("got %v", r.err)
		}
	}
	t.Run("each use gives a new token", func(t *testing.T) {
		w, one := start(t)
		two := next(w, one)
		three := next(w, two)
		if one == two || two == three || one == three {
			t.Error("a token came twice")
		}
	})
	t.Run("grace", func(t *testing.T) {
		w, one := start(t)
		two := next(w, one)
		w.now = w.now.Add(59 * time.Second)
		if again := next(w, one); again != two {
			t.Error("within grace another successor came")
		}
		next(w, two)
	})
	t.Run("after grace", func(t *testing.T) {
		w, one := start(t)
		two := next(w, one)
		w.now = w.now.Add(time.Minute)
		reused(t, w, one)
		if r := w.do(publicRefresh(two)); !errors.Is(r.err, message.InvalidGrant) {
			t.Errorf("the family lives: %v", r.err)
		}
	})
	t.Run("within grace after the successor was used", func(t *testing.T) {
		w, one := start(t)
		next(w, next(w, one))
		reused(t, w, one)
	})
	t.Run("no grace", func(t *testing.T) {
		w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
			public(cfg, c)
			cfg.Lifetimes.RefreshGrace = -1
		})
		one := text(w.object(w.do(publicRedeem(w.code()))), "refresh_token")
		next(w, one)
		reused(t, w, one)
	})
	t.Run("the family has an end", func(t *testing.T) {
		w, token := start(t)
		for range 4 {
			w.now = w.now.Add(7 * 24 * time.Hour)
			token = next(w, token)
		}
		w.now = w.now.Add(3 * 24 * time.Hour)
		if r := w.do(publicRefresh(token)); !errors.Is(r.err, message.InvalidGrant) {
			t.Errorf("after 31 days: %v", r.err)
		}
	})
}

// Of 64 uses at once one rotates, the others get the same successor, and nobody is
// logged out.
func TestRefreshAtOnce(t *testing.T) {
	for range 10 {
		w := newWorld(t, public)
		token := text(w.object(w.do(publicRedeem(w.code()))), "refresh_token")
		results := make([]result, 64)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { results[i] = w.once(w.set.Get("token"), w.request(publicRefresh(token))) })
		}
		wg.Wait()
		successors := map[string]bool{}
		for _, r := range results {
			if r.err != nil {
				t.Fatalf("refused: %v", r.err)
			}
			successors[text(w.object(r), "refresh_token")] = true
		}
		if len(successors) != 1 {
			t.Fatalf("%d successors", len(successors))
		}
		for successor := range successors {
			if r := w.do(publicRefresh(successor)); r.err != nil {
				t.Fatalf("the successor is refused: %v", r.err)
			}
		}
	}
}

func TestAssertionUsedAtOnce(t *testing.T) {
	w := vectorWorld(t, vector{Client: map[string]any{"token_endpoint_auth_method": "private_key_jwt"}})
	calls := make([]call, 32)
	for i := range calls {
		calls[i] = redeem(w.code())
		w.proveByMethod(&calls[i], new(override))
	}
	var wg sync.WaitGroup
	results := make([]result, len(calls))
	for i := range calls {
		wg.Go(func() { results[i] = w.once(w.set.Get("token"), w.request(calls[i])) })
	}
	wg.Wait()
	good := 0
	for _, r := range results {
		if r.err == nil {
			good++
		} else if !errors.Is(r.err, message.RuleOPAssertionJti) {
			t.Fatal(r.err)
		}
	}
	if good != 1 {
		t.Errorf("one jti served %d times", good)
	}
}

// A spent assertion leaves the code unspent.
func TestRefusedAssertionKeepsTheCode(t *testing.T) {
	w := vectorWorld(t, vector{Client: map[string]any{"token_endpoint_auth_method": "private_key_jwt"}})
	one, two := redeem(w.code()), redeem(w.code())
	w.proveByMethod(&one, new(override))
	w.proveByMethod(&two, new(override))
	if r := w.do(one); r.err != nil {
		t.Fatal(r.err)
	}
	if r := w.do(two); !errors.Is(r.err, message.RuleOPAssertionJti) {
		t.Fatal(r.err)
	}
	w.proveByMethod(&two, &override{Assertion: map[string]any{"jti": "another"}})
	if r := w.do(two); r.err != nil {
		t.Fatalf("the code was spent: %v", r.err)
	}
}

func TestLogoutEndsGrants(t *testing.T) {
	w := newWorld(t, nil)
	offline := w.tokens(w.code())
	online := w.tokens(w.code("scope", "openid email"))
	r := w.do(call{endpoint: "end_session", method: "GET", cookies: true, params: map[string][]string{"id_token_hint": {text(online, "id_token")}}})
	if r.err != nil || r.resp.Page == nil || r.resp.Page.Kind != endpoint.PageLoggedOut {
		t.Fatalf("logout: %v, %+v", r.err, r.resp)
	}
	if w.cookies["__Host-op_session"] != "" {
		t.Error("the cookie is still there")
	}
	if r := w.do(userinfo(text(online, "access_token"))); !errors.Is(r.err, message.InvalidToken) {
		t.Errorf("an online access token: %v", r.err)
	}
	if r := w.do(refresh(text(offline, "refresh_token"))); r.err != nil {
		t.Errorf("an offline refresh token: %v", r.err)
	}
	w.wantError(w.do(browsing("prompt", "none")), message.LoginRequired, message.RuleOPLoginPromptNone)
}

func TestLogoutAsks(t *testing.T) {
	out := func(params map[string][]string) call {
		return call{endpoint: "end_session", method: "GET", cookies: true, params: params}
	}
	w := newWorld(t, nil)
	w.browse(authorize())
	for name, params := range map[string]map[string][]string{
		"nothing":        {},
		"client_id only": {"client_id": {clientID}, "post_logout_redirect_uri": {goodbye}, "state": {"x"}},
		"another's hint": {"id_token_hint": {w.hint(&override{Hint: map[string]any{"sub": "bob"}})}},
		"another sid":    {"id_token_hint": {w.hint(&override{Hint: map[string]any{"sid": "other"}})}},
	} {
		r := w.do(out(params))
		if r.need == nil || r.need.Prompt != endpoint.PromptLogout {
			t.Fatalf("%s: %v, %+v", name, r.err, r.resp)
		}
		// Who stays stays.
		w.answer(r.need, deny)
		w.location(w.do(browsing("prompt", "none")))
	}
	r := w.answer(w.do(out(map[string][]string{"client_id": {clientID}, "post_logout_redirect_uri": {goodbye}, "state": {"x y"}})).need, allow)
	if r.resp.Location != goodbye+"?state=x+y" {
		t.Errorf("location %s", r.resp.Location)
	}
	w.wantError(w.do(browsing("prompt", "none")), message.LoginRequired, message.RuleOPLoginPromptNone)
	// Without a session there is nothing to ask.
	if r := w.do(out(nil)); r.resp == nil || r.resp.Page.Kind != endpoint.PageLoggedOut {
		t.Errorf("bare: %+v", r)
	}
}

// A token that was replaced does not come back when its client stops being public.
func TestReplacedTokenOfAClientThatChanged(t *testing.T) {
	w := newWorld(t, public)
	one := text(w.object(w.do(publicRedeem(w.code()))), "refresh_token")
	w.do(publicRefresh(one))
	w.client.Metadata.TokenEndpointAuthMethod = message.AuthMethodClientSecretBasic
	w.must(w.clients.PutClient(t.Context(), w.client))
	if r := w.do(refresh(one)); !errors.Is(r.err, message.RuleOPRefreshReuse) {
		t.Errorf("got %v", r.err)
	}
}
