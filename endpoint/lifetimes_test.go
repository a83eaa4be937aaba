package endpoint_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// TestLifetimesAreExact: what begins between two seconds lives as long as it should, and what
// is said of it in tokens and answers is in whole seconds.
func TestLifetimesAreExact(t *testing.T) {
	const life = 2 * time.Second
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) {
		cfg.Policy.JWTAccessTokens = true
		cfg.Lifetimes.Code, cfg.Lifetimes.AccessToken = life, life
	})
	w.now = w.now.Add(900 * time.Millisecond)
	began := w.now
	for _, c := range []struct {
		later time.Duration
		good  bool
	}{{life - time.Millisecond, true}, {life, false}} {
		code := w.code("max_age", "3600")
		w.now = w.now.Add(c.later)
		if r := w.do(redeem(code)); (r.err == nil) != c.good {
			t.Errorf("a code after %s: %v", c.later, r.err)
		}
		w.now = began
		answer := w.tokens(w.code("max_age", "3600"))
		access := text(answer, "access_token")
		if answer["expires_in"] != life.Seconds() {
			t.Errorf("expires_in is %v", answer["expires_in"])
		}
		for _, token := range []string{access, text(answer, "id_token")} {
			for _, name := range []string{"iat", "exp", "auth_time"} {
				if at, ok := w.claims(token)[name].(float64); !ok || at != math.Trunc(at) {
					t.Errorf("%s is %v", name, w.claims(token)[name])
				}
			}
		}
		w.now = w.now.Add(c.later)
		if r := w.do(userinfo(access)); (r.err == nil) != c.good {
			t.Errorf("an access token after %s: %v", c.later, r.err)
		}
		w.now = began
	}
}

// TestStoreThatForgetsLate: what is over is over, also where the store's clock is behind and
// the entry is still there.
func TestStoreThatForgetsLate(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) {
		began := cfg.Now()
		cfg.Store = &state.Memory{Now: func() time.Time { return began }}
	})
	asked := w.do(browsing("prompt", "login"))
	code := w.code()
	answer := w.tokens(w.code("scope", "openid offline_access", "prompt", "consent"))
	w.now = w.now.Add(31 * time.Minute)
	if r := w.answer(asked.need, login); !refused(r.err) {
		t.Errorf("a question: %v", r.err)
	}
	if r := w.do(userinfo(text(answer, "access_token"))); !refused(r.err) {
		t.Errorf("an access token of a grant that goes on: %v", r.err)
	}
	w.now = w.now.Add(366 * 24 * time.Hour)
	w.wantError(w.do(browsing("prompt", "none")), message.LoginRequired, message.RuleOPLoginPromptNone)
	for name, c := range map[string]call{
		"a code": redeem(code), "an access token": userinfo(text(answer, "access_token")), "a refresh token": refresh(text(answer, "refresh_token")),
	} {
		if r := w.do(c); !refused(r.err) {
			t.Errorf("%s: %v", name, r.err)
		}
	}
}

// TestExpiredActor: who acts is told by a token that has not expired.
func TestExpiredActor(t *testing.T) {
	w := newWorld(t, extended)
	actor := text(w.tokens(w.code()), "id_token")
	for _, later := range []time.Duration{10*time.Minute - time.Second, time.Second} {
		w.now = w.now.Add(later)
		r := w.as("token", exchangeParams(text(w.tokens(w.code()), "access_token"), "actor_token", actor, "actor_token_type", message.TokenTypeURNIDToken))
		if over := later == time.Second; (r.err == nil) == over || over && !errors.Is(r.err, message.RuleOPExchangeRequest) {
			t.Errorf("after another %s: %v", later, r.err)
		}
	}
}
