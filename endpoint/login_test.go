package endpoint_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
)

var (
	login = endpoint.Answer{Action: endpoint.ActionLogin, Username: "diana", Password: "krall"}
	allow = endpoint.Answer{Action: endpoint.ActionAllow}
	deny  = endpoint.Answer{Action: endpoint.ActionDeny}
)

func untrusted(_ *endpoint.Config, c *endpoint.Client) { c.Trusted = false }

// loggedIn is a world whose user has a session with a client that needs consent.
func loggedIn(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, untrusted)
	w.browse(authorize())
	w.prompts = nil
	return w
}

func (w *world) wantError(r result, code message.ErrorCode, rule message.Rule) {
	w.t.Helper()
	if !errors.Is(r.err, rule) || !errors.Is(r.err, code) {
		w.t.Fatalf("got %v, want %s by %s", r.err, code, rule)
	}
	if got := w.location(r).Get("error"); got != string(code) {
		w.t.Errorf("error %q in %s", got, r.resp.Location)
	}
}

func browsing(change ...string) call {
	c := authorize(change...)
	c.cookies = true
	return c
}

func TestPromptAndSession(t *testing.T) {
	t.Run("first login", func(t *testing.T) {
		w := newWorld(t, untrusted)
		w.browse(authorize())
		if want := []endpoint.Prompt{endpoint.PromptLogin, endpoint.PromptConsent}; !slices.Equal(w.prompts, want) {
			t.Errorf("prompts %v", w.prompts)
		}
	})
	for _, c := range []struct {
		name   string
		change []string
		want   []endpoint.Prompt
	}{
		{"single sign-on", nil, nil},
		{"none", []string{"prompt", "none"}, nil},
		{"login", []string{"prompt", "login"}, []endpoint.Prompt{endpoint.PromptLogin}},
		{"consent", []string{"prompt", "consent"}, []endpoint.Prompt{endpoint.PromptConsent}},
		{"select_account", []string{"prompt", "select_account"}, []endpoint.Prompt{endpoint.PromptSelectAccount}},
		{"both", []string{"prompt", "login consent"}, []endpoint.Prompt{endpoint.PromptLogin, endpoint.PromptConsent}},
		{"more scope", []string{"scope", "openid email phone"}, []endpoint.Prompt{endpoint.PromptConsent}},
		{"less scope", []string{"scope", "openid"}, nil},
		{"more claims", []string{"claims", `{"userinfo":{"nickname":null}}`}, []endpoint.Prompt{endpoint.PromptConsent}},
		{"max_age 0", []string{"max_age", "0"}, []endpoint.Prompt{endpoint.PromptLogin}},
		{"max_age in time", []string{"max_age", "10"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := loggedIn(t)
			w.now = w.now.Add(5 * time.Second)
			w.location(w.browse(authorize(c.change...)))
			if !slices.Equal(w.prompts, c.want) {
				t.Errorf("prompts %v, want %v", w.prompts, c.want)
			}
		})
	}
	t.Run("max_age passed", func(t *testing.T) {
		w := loggedIn(t)
		w.now = w.now.Add(11 * time.Second)
		w.wantError(w.do(browsing("max_age", "10", "prompt", "none")), message.LoginRequired, message.RuleOPLoginMaxAge)
		w.browse(authorize("max_age", "10"))
		if !slices.Equal(w.prompts, []endpoint.Prompt{endpoint.PromptLogin}) {
			t.Errorf("prompts %v", w.prompts)
		}
	})
	t.Run("session over", func(t *testing.T) {
		w := loggedIn(t)
		w.now = w.now.Add(12 * time.Hour)
		w.wantError(w.do(browsing("prompt", "none")), message.LoginRequired, message.RuleOPLoginPromptNone)
	})
	t.Run("consent missing", func(t *testing.T) {
		w := loggedIn(t)
		w.wantError(w.do(browsing("prompt", "none", "scope", "openid phone")), message.ConsentRequired, message.RuleOPConsent)
	})
}

func TestRefusingGivesAccessDenied(t *testing.T) {
	w := newWorld(t, untrusted)
	r := w.do(browsing())
	r = w.answer(r.need, login)
	w.wantError(w.answer(r.need, deny), message.AccessDenied, message.RuleOPConsent)
	// Nothing was remembered.
	if r = w.do(browsing()); r.need == nil || r.need.Prompt != endpoint.PromptConsent {
		t.Errorf("need %+v", r.need)
	}
	w.wantError(w.answer(r.need, deny), message.AccessDenied, message.RuleOPConsent)
}

func TestConsentToLess(t *testing.T) {
	w := newWorld(t, untrusted)
	r := w.do(browsing())
	r = w.answer(r.need, login)
	r = w.answer(r.need, endpoint.Answer{Action: endpoint.ActionAllow, Scope: message.List{"email", "profile"}})
	tokens := w.tokens(w.location(r).Get("code"))
	if got := text(tokens, "scope"); got != "openid email" {
		t.Errorf("scope %q", got)
	}
	if tokens["refresh_token"] != nil {
		t.Error("a refresh token without offline_access")
	}
}

// Who allows nothing refuses: an answer without a scope would say that all of it was granted.
func TestConsentToNothing(t *testing.T) {
	w := newWorld(t, untrusted)
	r := w.do(browsing("scope", "api"))
	r = w.answer(r.need, login)
	w.wantError(w.answer(r.need, endpoint.Answer{Action: endpoint.ActionAllow, Scope: message.List{"openid"}}), message.AccessDenied, message.RuleOPConsent)
}

// A claim that no scope has is unknown, so no page shows it and nobody gets it.
func TestClaimThatNobodyWasAskedFor(t *testing.T) {
	diana := optest.Diana()
	diana.Claims["shoe_size"] = 38
	w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		untrusted(cfg, c)
		cfg.Users = optest.Users{"diana": {Password: "krall", User: diana}}
	})
	r := w.do(browsing("claims", `{"userinfo":{"shoe_size":null,"birthdate":null},"id_token":{"shoe_size":{"essential":true}}}`))
	r = w.answer(r.need, login)
	if got := r.need.Claims; !slices.Equal(got, []string{"birthdate"}) {
		t.Errorf("the page asks for %v", got)
	}
	tokens := w.tokens(w.location(w.answer(r.need, endpoint.Answer{Action: endpoint.ActionAllow})).Get("code"))
	if claims := w.claims(text(tokens, "id_token")); claims["shoe_size"] != nil {
		t.Errorf("ID Token %v", claims)
	}
	if claims := w.object(w.do(userinfo(text(tokens, "access_token")))); claims["shoe_size"] != nil || claims["birthdate"] == nil {
		t.Errorf("UserInfo %v", claims)
	}
}

// login_hint fills the field; the client's name is there to be shown.
func TestTheQuestionSaysWhoAsks(t *testing.T) {
	w := newWorld(t, untrusted)
	r := w.do(browsing("login_hint", "di", "ui_locales", "de en"))
	if n := r.need; n.LoginHint != "di" || n.Client.Name() != "The Client" || n.Locales[0] != "de" || n.Endpoint != "authorization" {
		t.Errorf("need %+v", n)
	}
}

func TestWrongPasswordsLookAlikeAndAreSlowed(t *testing.T) {
	w := newWorld(t, untrusted)
	r := w.do(browsing())
	for _, name := range []string{"diana", "nobody"} {
		r = w.answer(r.need, endpoint.Answer{Action: endpoint.ActionLogin, Username: name, Password: "guess"})
		if r.need == nil || r.need.Failure != endpoint.FailureCredentials {
			t.Fatalf("%s: %+v", name, r.need)
		}
	}
	for range 9 {
		r = w.answer(r.need, endpoint.Answer{Action: endpoint.ActionLogin, Username: "diana", Password: "guess"})
	}
	if r = w.answer(r.need, login); r.need == nil || r.need.Failure != endpoint.FailureAttempts {
		t.Fatalf("the right password after ten wrong ones: %+v", r.need)
	}
	// Another source is not slowed, and time heals.
	elsewhere := login
	elsewhere.RemoteAddr = "198.51.100.7"
	if r = w.answer(r.need, elsewhere); r.need == nil || r.need.Prompt != endpoint.PromptConsent {
		t.Fatalf("from elsewhere: %+v", r.need)
	}
	w.now = w.now.Add(5 * time.Minute)
	w.cookies = map[string]string{}
	r = w.do(browsing())
	if r = w.answer(r.need, login); r.need == nil || r.need.Prompt != endpoint.PromptConsent {
		t.Fatalf("later: %+v", r.need)
	}
}

func TestBinding(t *testing.T) {
	refusedBinding := func(t *testing.T, w *world, r result) {
		t.Helper()
		if !errors.Is(r.err, message.RuleOPLoginBinding) || r.resp.Placement != endpoint.OnPage || r.resp.Status != 400 {
			t.Fatalf("got %v, %+v", r.err, r.resp)
		}
	}
	t.Run("a ticket serves once", func(t *testing.T) {
		w := newWorld(t, untrusted)
		r := w.do(browsing())
		first := r.need
		w.answer(first, login)
		refusedBinding(t, w, w.answer(first, login))
	})
	t.Run("another browser", func(t *testing.T) {
		w := newWorld(t, untrusted)
		r := w.do(browsing())
		w.cookies = map[string]string{"__Host-op_browser": strings.Repeat("A", 43)}
		refusedBinding(t, w, w.answer(r.need, login))
	})
	t.Run("no cookie", func(t *testing.T) {
		w := newWorld(t, untrusted)
		r := w.do(browsing())
		w.cookies = map[string]string{}
		refusedBinding(t, w, w.answer(r.need, login))
	})
	t.Run("another endpoint", func(t *testing.T) {
		w := newWorld(t, untrusted)
		r := w.do(browsing())
		r.need.Endpoint = "end_session"
		refusedBinding(t, w, w.answer(r.need, login))
	})
	t.Run("too late", func(t *testing.T) {
		w := newWorld(t, untrusted)
		r := w.do(browsing())
		w.now = w.now.Add(30 * time.Minute)
		refusedBinding(t, w, w.answer(r.need, login))
	})
	t.Run("two tabs", func(t *testing.T) {
		w := newWorld(t, untrusted)
		one, two := w.do(browsing()), w.do(browsing("state", "second"))
		if r := w.answer(one.need, login); r.need == nil {
			t.Fatalf("the first tab: %v", r.err)
		}
		if r := w.answer(two.need, login); r.need == nil {
			t.Fatalf("the second tab: %v", r.err)
		}
	})
}

func TestSessionIsRenewedAtLogin(t *testing.T) {
	w := loggedIn(t)
	before := maps.Clone(w.cookies)
	w.browse(authorize("prompt", "login"))
	if w.cookies["__Host-op_session"] == before["__Host-op_session"] {
		t.Error("the handle is the old one")
	}
	// The old handle is worth nothing.
	w.cookies = before
	w.wantError(w.do(browsing("prompt", "none")), message.LoginRequired, message.RuleOPLoginSession)
}

func TestTheRightUser(t *testing.T) {
	bob := endpoint.Answer{Action: endpoint.ActionLogin, Username: "bob", Password: "builder"}
	w := loggedIn(t)
	hint := w.hint(&override{})
	t.Run("hint of the user", func(t *testing.T) {
		w.location(w.browse(authorize("id_token_hint", hint, "prompt", "none")))
	})
	t.Run("hint of another user", func(t *testing.T) {
		other := w.hint(&override{Hint: map[string]any{"sub": "bob"}})
		w.wantError(w.do(browsing("id_token_hint", other, "prompt", "none")), message.LoginRequired, message.RuleOPLoginUser)
		r := w.do(browsing("id_token_hint", other))
		if r.need == nil || r.need.Failure != endpoint.FailureUser {
			t.Fatalf("need %+v", r.need)
		}
		w.wantError(w.answer(r.need, login), message.LoginRequired, message.RuleOPLoginUser)
		r = w.answer(w.do(browsing("id_token_hint", other)).need, bob)
		if r.need == nil || r.need.Prompt != endpoint.PromptConsent || r.need.User.ID != "bob" {
			t.Fatalf("bob: %v, %+v", r.err, r.need)
		}
	})
	t.Run("requested sub", func(t *testing.T) {
		w := loggedIn(t)
		w.location(w.browse(authorize("claims", `{"id_token":{"sub":{"value":"diana"}}}`, "prompt", "none")))
		w.wantError(w.do(browsing("claims", `{"id_token":{"sub":{"value":"bob"}}}`, "prompt", "none")), message.LoginRequired, message.RuleOPLoginUser)
	})
}

func TestACR(t *testing.T) {
	essential := `{"id_token":{"acr":{"essential":true,"values":["urn:level:2"]}}}`
	level := func(acr string) endpoint.Answer {
		return endpoint.Answer{Action: endpoint.ActionLogin, Authentication: &endpoint.Authentication{User: "diana", ACR: acr}}
	}
	t.Run("met", func(t *testing.T) {
		w := newWorld(t, nil)
		r := w.answer(w.do(browsing("claims", essential)).need, level("urn:level:2"))
		claims := w.claims(text(w.tokens(w.location(r).Get("code")), "id_token"))
		if claims["acr"] != "urn:level:2" {
			t.Errorf("claims %v", claims)
		}
	})
	t.Run("essential and not met", func(t *testing.T) {
		w := newWorld(t, nil)
		w.wantError(w.answer(w.do(browsing("claims", essential)).need, level("urn:level:1")), message.UnmetAuthenticationRequirements, message.RuleOPLoginACR)
	})
	t.Run("step up", func(t *testing.T) {
		w := newWorld(t, nil)
		w.answer(w.do(browsing()).need, level("urn:level:1"))
		if r := w.do(browsing("claims", essential)); r.need == nil || r.need.Prompt != endpoint.PromptLogin {
			t.Fatalf("need %+v", r.need)
		}
	})
	t.Run("voluntary", func(t *testing.T) {
		w := newWorld(t, nil)
		r := w.answer(w.do(browsing("acr_values", "urn:level:2")).need, level("urn:level:1"))
		claims := w.claims(text(w.tokens(w.location(r).Get("code")), "id_token"))
		if claims["acr"] != "urn:level:1" {
			t.Errorf("claims %v", claims)
		}
	})
}

func TestClientDefaults(t *testing.T) {
	age, yes := 10, true
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Metadata.DefaultMaxAge, c.Metadata.RequireAuthTime = &age, &yes
		c.Metadata.DefaultACRValues = []string{"urn:level:1"}
	})
	start := w.now
	w.browse(authorize())
	w.now = w.now.Add(5 * time.Second)
	claims := w.claims(text(w.tokens(w.code()), "id_token"))
	if claims["auth_time"] != float64(start.Unix()) {
		t.Errorf("auth_time %v, want %d: single sign-on is no authentication", claims["auth_time"], start.Unix())
	}
	w.now = start.Add(11 * time.Second)
	if r := w.do(browsing()); r.need == nil || r.need.Prompt != endpoint.PromptLogin {
		t.Errorf("need %+v", r.need)
	}
}

// An error for a client that nobody vouches for waits until the user was there.
func TestOpenRedirector(t *testing.T) {
	t.Run("nobody is there", func(t *testing.T) {
		w := newWorld(t, untrusted)
		r := w.do(browsing("response_type", "magic"))
		if r.need == nil || r.need.Prompt != endpoint.PromptContinue || !errors.Is(r.need.Err, message.UnsupportedResponseType) {
			t.Fatalf("need %+v, %+v", r.need, r.resp)
		}
		r = w.answer(r.need, endpoint.Answer{Action: endpoint.ActionContinue})
		if got := w.location(r); got.Get("error") != "unsupported_response_type" || got.Get("state") != "af0ifjsldkj" || got.Get("iss") != issuer {
			t.Errorf("redirect %s", r.resp.Location)
		}
	})
	t.Run("a user is logged in", func(t *testing.T) {
		w := loggedIn(t)
		w.wantError(w.do(browsing("response_type", "magic")), message.UnsupportedResponseType, message.RuleOPAuthzResponseType)
	})
	t.Run("prompt=none", func(t *testing.T) {
		w := newWorld(t, untrusted)
		w.wantError(w.do(browsing("prompt", "none")), message.LoginRequired, message.RuleOPLoginPromptNone)
	})
	t.Run("a trusted client", func(t *testing.T) {
		w := newWorld(t, nil)
		w.wantError(w.do(browsing("response_type", "magic")), message.UnsupportedResponseType, message.RuleOPAuthzResponseType)
	})
}

// A native client that anybody can play is never let through in silence.
func TestNativeClientIsAskedEachTime(t *testing.T) {
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Trusted = false
		c.Metadata.ApplicationType, c.Metadata.TokenEndpointAuthMethod = "native", "none"
		c.Metadata.RedirectURIs = append(c.Metadata.RedirectURIs, "com.example.app:/cb")
	})
	w.browse(authorize())
	w.prompts = nil
	w.browse(authorize())
	if !slices.Equal(w.prompts, []endpoint.Prompt{endpoint.PromptConsent}) {
		t.Errorf("prompts %v", w.prompts)
	}
}

// A client that is gone when the user answers gets nothing.
func TestClientIsLookedAtAgain(t *testing.T) {
	w := newWorld(t, untrusted)
	r := w.do(browsing())
	w.client.Metadata.RedirectURIs = []string{"https://rp.example/other"}
	w.must(w.clients.PutClient(t.Context(), w.client))
	if r = w.answer(r.need, login); !errors.Is(r.err, message.RuleOPAuthzRedirectURI) || r.resp.Placement != endpoint.OnPage {
		t.Errorf("got %v, %+v", r.err, r.resp)
	}
}

func TestDeletedUser(t *testing.T) {
	all := users()
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Users = all })
	tokens := w.tokens(w.code())
	delete(all, "diana")
	w.wantError(w.do(browsing("prompt", "none")), message.LoginRequired, message.RuleOPLoginSession)
	if r := w.do(userinfo(text(tokens, "access_token"))); !errors.Is(r.err, message.RuleOPAccessTokenValidation) {
		t.Errorf("userinfo: %v", r.err)
	}
	if r := w.do(refresh(text(tokens, "refresh_token"))); !errors.Is(r.err, message.InvalidGrant) {
		t.Errorf("refresh: %v", r.err)
	}
}

// Another tab changes who is logged in: consent and freshness do not carry over.
func TestSessionChangesMeanwhile(t *testing.T) {
	bob := endpoint.Answer{Action: endpoint.ActionLogin, Username: "bob", Password: "builder"}
	t.Run("consent", func(t *testing.T) {
		w := newWorld(t, untrusted)
		r := w.answer(w.do(browsing()).need, login)
		consent := r.need
		w.answer(w.do(browsing("prompt", "login")).need, bob)
		if r = w.answer(consent, allow); r.need == nil || r.need.Prompt != endpoint.PromptConsent || r.need.User.ID != "bob" {
			t.Fatalf("diana's consent counted for bob: %v, %+v", r.err, r.resp)
		}
	})
	t.Run("freshness", func(t *testing.T) {
		w := newWorld(t, untrusted)
		w.answer(w.do(browsing()).need, bob)
		old := w.cookies["__Host-op_session"]
		w.now = w.now.Add(time.Hour)
		delete(w.cookies, "__Host-op_session")
		r := w.answer(w.do(browsing("max_age", "0")).need, login)
		w.cookies["__Host-op_session"] = old
		if r = w.answer(r.need, allow); r.need == nil || r.need.Prompt != endpoint.PromptLogin {
			t.Fatalf("diana's login counted for bob's session: %v, %+v", r.err, r.resp)
		}
	})
}
