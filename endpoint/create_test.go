package endpoint_test

import (
	"context"
	"slices"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
)

// open are users among whom one can make an account.
type open struct{ optest.Users }

func (o open) CreateAccount(_ context.Context, username string, password message.Secret) (endpoint.Authentication, bool, error) {
	if _, taken := o.Users[username]; taken || len(password) < 8 {
		return endpoint.Authentication{}, false, nil
	}
	o.Users[username] = optest.Account{Password: password.Reveal(), User: endpoint.User{ID: "id-of-" + username}}
	return endpoint.Authentication{User: "id-of-" + username}, true, nil
}

func opened(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Users = open{users()} }

func makes(username, password string) endpoint.Answer {
	return endpoint.Answer{Action: endpoint.ActionCreate, Username: username, Password: message.Secret(password)}
}

// A provider at which nobody can make an account neither lists the value nor shows a login
// page in place of what the client relied on.
func TestPromptCreateIsRefusedWhereItIsNotListed(t *testing.T) {
	w := newWorld(t, nil)
	if listed := w.set.Metadata().PromptValuesSupported; slices.Contains(listed, message.PromptCreate) {
		t.Errorf("it is listed: %v", listed)
	}
	w.wantError(w.do(browsing("prompt", "create")), message.InvalidRequest, message.RuleOPAuthzPrompt)
}

func TestPromptCreate(t *testing.T) {
	t.Run("an account is made and logged in", func(t *testing.T) {
		w := newWorld(t, opened)
		if listed := w.set.Metadata().PromptValuesSupported; !slices.Contains(listed, message.PromptCreate) {
			t.Errorf("it is not listed: %v", listed)
		}
		r := w.do(browsing("prompt", "create"))
		if r.need == nil || r.need.Prompt != endpoint.PromptCreate {
			t.Fatalf("need %v, %v", r.need, r.err)
		}
		for _, bad := range []endpoint.Answer{makes("diana", "long enough"), makes("eve", "short")} {
			if r = w.answer(r.need, bad); r.need == nil || r.need.Prompt != endpoint.PromptCreate || r.need.Failure != endpoint.FailureAccount {
				t.Fatalf("%s: need %+v, %v", bad.Username, r.need, r.err)
			}
		}
		code := w.location(w.answer(r.need, makes("eve", "long enough"))).Get("code")
		if claims := w.claims(text(w.tokens(code), "id_token")); claims["sub"] != "id-of-eve" {
			t.Errorf("claims %v", claims)
		}
	})
	t.Run("whoever is logged in is somebody else", func(t *testing.T) {
		w := newWorld(t, opened)
		w.browse(authorize())
		r := w.do(browsing("prompt", "create"))
		if r.need == nil || r.need.Prompt != endpoint.PromptCreate || r.need.User.ID != "" {
			t.Fatalf("need %+v, %v", r.need, r.err)
		}
		// Who finds out that there is an account already may use it.
		if code := w.location(w.answer(r.need, login)).Get("code"); code == "" {
			t.Error("no code")
		}
	})
	t.Run("with none", func(t *testing.T) {
		w := newWorld(t, opened)
		w.wantError(w.do(browsing("prompt", "none create")), message.InvalidRequest, message.RuleOPAuthzPrompt)
	})
	t.Run("only where it was asked for", func(t *testing.T) {
		w := newWorld(t, opened)
		r := w.do(browsing())
		if r = w.answer(r.need, makes("eve", "long enough")); r.need == nil || r.need.Failure != endpoint.FailureCredentials {
			t.Errorf("the login page made an account: %+v, %v", r.need, r.err)
		}
	})
	t.Run("tries are limited", func(t *testing.T) {
		w := newWorld(t, opened)
		r := w.do(browsing("prompt", "create"))
		for range 10 {
			r = w.answer(r.need, makes("diana", "long enough"))
		}
		if r = w.answer(r.need, makes("eve", "long enough")); r.need == nil || r.need.Failure != endpoint.FailureAttempts {
			t.Errorf("the eleventh try: %+v, %v", r.need, r.err)
		}
	})
}
