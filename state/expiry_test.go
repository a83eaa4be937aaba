package state_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
)

// TestClockJumps runs a login once for every call that it makes of its store,
// and lets the clock jump before that call: forward, so that what the step has
// just seen expires in its middle, or back. Each step ends in success or in
// "no such login"; a login is claimed once at most, and one that has ended
// stays ended.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{11 * time.Minute, 25 * time.Hour, -time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			eachDB(t, func(t *testing.T, good *state.DB, _ *state.Memory, c *clock) {
				for n := 1; ; n++ {
					calls := 0
					db := &state.DB{Store: state.Observed(good.Store, func(context.Context, state.Call) (context.Context, func(state.Outcome)) {
						if calls++; calls == n {
							c.Advance(jump)
						}
						return nil, nil
					})}
					jumpingLogin(t, db, fmt.Sprintf("S%d", n), jump)
					if t.Failed() {
						t.Fatalf("with a jump before call %d", n)
					}
					if calls < n {
						if n < 20 {
							t.Errorf("the login made %d calls", calls)
						}
						break
					}
				}
			})
		})
	}
}

func jumpingLogin(t *testing.T, db *state.DB, name string, jump time.Duration) {
	t.Helper()
	ctx := t.Context()
	// there tells whether a step found the login.
	there := func(step string, err error) bool {
		t.Helper()
		if err != nil && !errors.Is(err, state.ErrUnknown) {
			t.Errorf("%s: %v", step, err)
		}
		if err != nil && jump < 0 {
			t.Errorf("%s: the login is gone, although nothing has expired", step)
		}
		return err == nil
	}
	r := record(name)
	r.Link(state.KindNonce, name)
	there("begin", db.Begin(ctx, r))
	_, err := db.UpdatePending(ctx, name, func(r *state.Record) error { r.Keep("more", "1"); return nil })
	there("update pending", err)
	claims := 0
	for range 2 {
		claimed, err := db.Claim(ctx, name)
		if errors.Is(err, state.ErrUnknown) {
			continue
		}
		if err != nil {
			t.Errorf("claim: %v", err)
			continue
		}
		claims++
		claimed.Link(state.KindSubject, name)
		claimed.Set(state.ItemUserInfo, []byte(`{}`))
		there("save", db.Save(ctx, claimed))
	}
	if claims > 1 || claims == 0 && jump < 0 {
		t.Errorf("%s was claimed %d times", name, claims)
	}
	_, err = db.Update(ctx, name, func(r *state.Record) error { r.Unlink(state.KindNonce, name); return nil })
	alive := err == nil
	if claims == 1 {
		there("update", err)
	}
	found, err := db.States(ctx, state.KindSubject, name)
	if err != nil || len(found) > 1 || len(found) == 1 && found[0] != name || len(found) == 0 && alive && jump < 0 {
		t.Errorf("states: %q, %v", found, err)
	}
	if err := db.End(ctx, name); err != nil {
		t.Errorf("end: %v", err)
	}
	for _, err := range []error{second(db.Session(ctx, name)), second(db.Pending(ctx, name)), second(db.Claim(ctx, name))} {
		unknown(t, err)
	}
	states(t, db, state.KindSubject, name)
	states(t, db, state.KindNonce, name)
}
