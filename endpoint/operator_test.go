package endpoint_test

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

func TestOperator(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Trusted = false
		c.Metadata.BackchannelLogoutURI = "https://rp.example/back"
	})
	tokens := w.tokens(w.code())
	sessions, err := w.ctx.Sessions(ctx, "diana")
	w.must(err)
	grants, err := w.ctx.Grants(ctx, "diana")
	w.must(err)
	if len(sessions) != 1 || sessions[0].User != "diana" || !sessions[0].AuthTime.Equal(w.now) || sessions[0].ID == w.cookies["__Host-op_session"] {
		t.Errorf("sessions %+v", sessions)
	}
	if len(grants) != 1 || grants[0].Client != clientID || !grants[0].Offline || grants[0].Scope.String() != "openid email offline_access" {
		t.Errorf("grants %+v", grants)
	}
	if list, err := w.ctx.Sessions(ctx, "bob"); err != nil || list != nil {
		t.Errorf("bob: %v, %v", list, err)
	}
	// Its key alone, which may begin with a dash, is no ID.
	if ended, _, err := w.ctx.EndSession(ctx, sessions[0].ID[1:]); ended || err != nil {
		t.Errorf("by its key: %v %v", ended, err)
	}
	ended, send, err := w.ctx.EndSession(ctx, sessions[0].ID)
	if err != nil || !ended || len(send) != 1 {
		t.Errorf("%v %v %v", ended, send, err)
	}
	if ended, _, err := w.ctx.EndSession(ctx, sessions[0].ID); ended || err != nil {
		t.Errorf("twice: %v %v", ended, err)
	}
	w.wantError(w.do(browsing("prompt", "none")), message.LoginRequired, message.RuleOPLoginSession)
	if r := w.do(refresh(text(tokens, "refresh_token"))); r.err != nil {
		t.Errorf("offline access ended with the session: %v", r.err)
	}
	w.must(w.ctx.WithdrawConsent(ctx, "diana", clientID))
	if r := w.do(refresh(text(tokens, "refresh_token"))); !errors.Is(r.err, message.InvalidGrant) {
		t.Errorf("after the withdrawal: %v", r.err)
	}
	w.prompts = nil
	tokens = w.tokens(w.code())
	if !slices.Contains(w.prompts, endpoint.PromptConsent) {
		t.Errorf("prompts %v", w.prompts)
	}
	if send, err = w.ctx.RevokeUser(ctx, "diana"); err != nil || len(send) != 1 {
		t.Errorf("%v %v", send, err)
	}
	if r := w.do(userinfo(text(tokens, "access_token"))); !errors.Is(r.err, message.InvalidToken) {
		t.Errorf("after a new password: %v", r.err)
	}
	if grants, err := w.ctx.Grants(ctx, "diana"); err != nil || grants != nil {
		t.Errorf("%v %v", grants, err)
	}
	clients, err := w.clients.AllClients(ctx)
	if err != nil || len(clients) != 2 {
		t.Errorf("%v %v", clients, err)
	}
	if found, err := w.ctx.RevokeGrant(ctx, "nothing"); found || err != nil {
		t.Errorf("%v %v", found, err)
	}
}

// plainStore hides the optional abilities of a store.
type plainStore struct{ state.Store }

// dashes is a random source whose every draw would be written with a dash in front.
type dashes struct{}

func (dashes) Read(b []byte) (int, error) {
	n, err := rand.Read(b)
	b[0] = 0xfb
	return n, err
}

func TestOperatorTypesIDs(t *testing.T) {
	w := newWorld(t, func(c *endpoint.Config, _ *endpoint.Client) { c.Rand = dashes{} })
	tokens := w.tokens(w.code())
	sessions, err := w.ctx.Sessions(t.Context(), "diana")
	w.must(err)
	grants, err := w.ctx.Grants(t.Context(), "diana")
	w.must(err)
	for what, id := range map[string]string{"session": sessions[0].ID, "grant": grants[0].ID, "access token": text(tokens, "access_token")} {
		if id[0] == '-' {
			t.Errorf("%s: %s is taken for an option", what, id)
		}
	}
}

func TestOperatorWithoutGroups(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Store = plainStore{cfg.Store} })
	w.tokens(w.code())
	if _, err := w.ctx.Sessions(t.Context(), "diana"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if _, err := w.clients.AllClients(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
