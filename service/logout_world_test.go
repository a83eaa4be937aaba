package service_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// parting is what a vector changes where somebody leaves, and what is expected of that.
type parting struct {
	// LogoutEncrypt wraps the logout token as Encrypt wraps the ID Token.
	LogoutEncrypt map[string]any `json:"logout_encrypt"`
	// Ends is how many logins the notification of a good conversation ends; absent:
	// not counted.
	Ends *int `json:"ends"`
	// Asks is how many requests a good notification leads to; absent: not counted.
	Asks *int `json:"asks"`
}

// partings are the steps that end logins, or begin one, on somebody's word.
var partings = []string{
	service.EndSessionName, service.BackchannelLogoutName, service.FrontchannelLogoutName, service.CheckSessionName, service.InitiateLoginName,
}

// remaining is whether the session of the login is there.
func (w *world) remaining() bool {
	_, err := w.db.Session(context.Background(), w.login)
	if err != nil && !errors.Is(err, state.ErrUnknown) {
		w.t.Fatal(err)
	}
	return err == nil
}

// parted demands that a notification that kept the rules did what it says, and that one
// that was refused did nothing.
func parted(t *testing.T, w *world, o *override, step string, refused bool) {
	t.Helper()
	if !slices.Contains(partings, step) {
		return
	}
	if refused {
		// A notification that was accepted before, and is replayed, has done its work.
		if w.o.Again == "" && !w.remaining() {
			t.Error("a refused message ended the login")
		}
		return
	}
	if o == nil || w.last == nil {
		return
	}
	if o.Ends != nil {
		if len(w.last.Ended) != *o.Ends {
			t.Errorf("%d logins ended, want %d", len(w.last.Ended), *o.Ends)
		}
		if w.remaining() != (*o.Ends == 0) {
			t.Errorf("the login is there: %v", w.remaining())
		}
		if sent := w.sent[len(w.sent)-1]; sent != service.RefreshTokenName && sent != service.JWKSName {
			t.Errorf("%s was sent", sent)
		}
	}
	if o.Asks == nil {
		return
	}
	if len(w.last.Optional) != *o.Asks {
		t.Fatalf("%d requests are to be made, want %d", len(w.last.Optional), *o.Asks)
	}
	for _, task := range w.last.Optional {
		req, err := task.Service.GetRequestParameters(context.Background(), task.Args)
		if err != nil {
			t.Fatal(err)
		}
		asked, ok := req.Message().(*message.AuthorizationRequest)
		if !ok {
			t.Fatalf("a request of %s", req.Service)
		}
		switch step {
		case service.CheckSessionName:
			if !asked.Prompt.Has(message.PromptNone) || asked.IDTokenHint == "" {
				t.Error("the user is bothered, or may be another one")
			}
		case service.InitiateLoginName:
			if hint, _ := w.o.Notice["login_hint"].(string); hint != "" && asked.LoginHint != hint {
				t.Errorf("login_hint is %q", asked.LoginHint)
			}
		}
	}
}
