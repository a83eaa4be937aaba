package state_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/statetest"
)

func keep(name, value string) func(*state.Record) error {
	return func(r *state.Record) error { r.Keep(name, value); return nil }
}

// What a hold keeps back nobody sees until it is flushed, and a login that was claimed
// is claimed, flushed or not.
func TestHold(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		other := &state.DB{Store: db.Store} // another process
		begin(t, db, record("S"))
		ctx := db.Hold(t.Context())
		if _, err := db.ClaimWith(ctx, "S", func(r *state.Record) { r.Keep("claimed", "1") }); err != nil {
			t.Fatal(err)
		}
		unknown(t, second(other.Claim(t.Context(), "S")))
		unknown(t, second(db.Claim(ctx, "S")))
		unknown(t, second(other.Session(t.Context(), "S")))
		unknown(t, second(db.Session(t.Context(), "S")))
		if r, err := db.Session(ctx, "S"); err != nil || r.Kept("claimed") != "1" || r.Kept(state.KeptNonce) != "nonce of S" {
			t.Errorf("the holder does not see the login: %v", err)
		}
		if r, err := db.Update(ctx, "S", keep("updated", "1")); err != nil || r.Kept("updated") != "1" || r.Kept("claimed") != "1" {
			t.Errorf("the holder's change is not what it was: %v", err)
		}
		own := errors.New("own")
		if _, err := db.Update(ctx, "S", func(r *state.Record) error { r.Keep("refused", "1"); return own }); err != own {
			t.Errorf("%v, not the caller's error", err)
		}
		r, err := db.Session(ctx, "S")
		if err != nil {
			t.Fatal(err)
		}
		r.Set(state.ItemTokenResponse, []byte(`{"access_token":"A"}`))
		if err := db.Save(ctx, r); err != nil {
			t.Fatal(err)
		}
		if err := db.Link(ctx, state.KindSubject, "x", "S"); err != nil {
			t.Fatal(err)
		}
		unknown(t, second(other.Session(t.Context(), "S")))
		for range 2 { // the second has nothing to do
			if err := db.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if r, err = other.Session(t.Context(), "S"); err != nil {
			t.Fatal(err)
		}
		if r.Kept("claimed") != "1" || r.Kept("updated") != "1" || r.Kept("refused") != "" || r.Item(state.ItemTokenResponse) == nil {
			t.Errorf("not what the holder made it: %v", r)
		}
		states(t, other, state.KindSubject, "x", "S")
		if held, err := db.Session(ctx, "S"); err != nil || !held.Equal(r) {
			t.Errorf("the holder has another login than the store: %v", err)
		}
	})
}

// What others have done since the last flush stays.
func TestHoldMeetsOthers(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		other := &state.DB{Store: db.Store}
		hold := func(name string) (flush func() error, update func(func(*state.Record) error)) {
			begin(t, db, record(name))
			ctx := db.Hold(t.Context())
			if _, err := db.Claim(ctx, name); err != nil {
				t.Fatal(err)
			}
			flush = func() error { return db.Flush(ctx) }
			if err := flush(); err != nil {
				t.Fatal(err)
			}
			return flush, func(change func(*state.Record) error) {
				if _, err := db.Update(ctx, name, change); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Run("change", func(t *testing.T) {
			flush, update := hold("S")
			update(keep("a", "1"))
			update(func(r *state.Record) error { r.Keep("a", r.Kept("a")+"2"); return nil })
			if _, err := other.Update(t.Context(), "S", func(r *state.Record) error {
				r.Keep("b", "1")
				r.Link(state.KindSessionID, "sid")
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if err := flush(); err != nil {
				t.Fatal(err)
			}
			if r, err := other.Session(t.Context(), "S"); err != nil || r.Kept("a") != "12" || r.Kept("b") != "1" {
				t.Errorf("a change was lost: %v", err)
			}
			states(t, db, state.KindSessionID, "sid", "S")
		})
		t.Run("refusal", func(t *testing.T) {
			flush, update := hold("T")
			own := errors.New("sent")
			update(func(r *state.Record) error {
				if r.Kept("sent") != "" {
					return own
				}
				r.Keep("sent", "1")
				return nil
			})
			if _, err := other.Update(t.Context(), "T", keep("sent", "2")); err != nil {
				t.Fatal(err)
			}
			if err := flush(); !errors.Is(err, own) {
				t.Errorf("%v, not what the change says of the login as it is now", err)
			}
			if r, err := other.Session(t.Context(), "T"); err != nil || r.Kept("sent") != "2" {
				t.Errorf("what another did was undone: %v", err)
			}
		})
		t.Run("end", func(t *testing.T) {
			flush, update := hold("U")
			update(func(r *state.Record) error { r.Link(state.KindSubject, "u"); return nil })
			if err := other.End(t.Context(), "U"); err != nil {
				t.Fatal(err)
			}
			unknown(t, flush())
			unknown(t, second(other.Session(t.Context(), "U")))
			states(t, db, state.KindSubject, "u")
		})
	})
}

func TestHoldEnds(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, m *state.Memory, _ *clock) {
		for _, flushed := range []bool{false, true} {
			begin(t, db, record("S"))
			ctx := db.Hold(t.Context())
			if _, err := db.ClaimWith(ctx, "S", func(r *state.Record) { r.Link(state.KindSubject, "x") }); err != nil {
				t.Fatal(err)
			}
			if flushed {
				if err := db.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.End(ctx, "S"); err != nil {
				t.Fatal(err)
			}
			if err := db.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			unknown(t, second(db.Session(ctx, "S")))
			unknown(t, second(db.Update(ctx, "S", keep("a", "1"))))
			unknown(t, second(db.Claim(t.Context(), "S")))
			states(t, db, state.KindSubject, "x")
		}
	})
}

// A hold has one login of one DB.
func TestHoldIsOfOne(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		other := &state.DB{Store: db.Store}
		for _, name := range []string{"S", "T", "U"} {
			begin(t, db, record(name))
		}
		ctx := db.Hold(t.Context())
		if err := db.Flush(ctx); err != nil {
			t.Errorf("nothing is held: %v", err)
		}
		if _, err := db.Claim(ctx, "S"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Claim(ctx, "T"); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Claim(ctx, "U"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Update(ctx, "T", keep("a", "1")); err != nil {
			t.Fatal(err)
		}
		unknown(t, second(other.Session(ctx, "S")))
		if r, err := other.Session(ctx, "T"); err != nil || r.Kept("a") != "1" {
			t.Errorf("the second login was held, too: %v", err)
		}
		if _, err := other.Session(ctx, "U"); err != nil {
			t.Errorf("the login of another DB was held: %v", err)
		}
		if err := errors.Join(db.Flush(t.Context()), other.Flush(ctx)); err != nil {
			t.Errorf("nothing is held there: %v", err)
		}
		unknown(t, second(other.Session(ctx, "S")))
	})
}

// A flush that failed has lost the login, and says so; nobody claims it again.
func TestHoldFails(t *testing.T) {
	for _, lost := range []bool{false, true} {
		faulty := statetest.NewFaulty(new(state.Memory), func(_ int, call state.Call) (f statetest.Fault) {
			if call.Verb == "add" && strings.HasPrefix(call.Key, "s-") {
				f = statetest.Fault{Err: statetest.ErrInjected, Lost: lost}
			}
			return f
		})
		db := &state.DB{Store: faulty}
		begin(t, db, record("S"))
		ctx := db.Hold(t.Context())
		if _, err := db.Claim(ctx, "S"); err != nil {
			t.Fatal(err)
		}
		if err := db.Flush(ctx); !errors.Is(err, statetest.ErrInjected) {
			t.Errorf("%v, not the store's error", err)
		}
		if err := db.Flush(ctx); err != nil {
			t.Errorf("nothing is held any more: %v", err)
		}
		unknown(t, second(db.Claim(t.Context(), "S")))
	}
}

// Look-ups are told once in a hold, and are there as long as the session.
func TestHoldTellsLookUpsOnce(t *testing.T) {
	var calls statetest.Counting
	var c clock
	db := &state.DB{Store: calls.Store(&state.Memory{Now: c.Now})}
	r := record("S")
	r.Link(state.KindNonce, "N")
	begin(t, db, r)
	c.Advance(pending - time.Second)
	ctx := db.Hold(t.Context())
	if _, err := db.Claim(ctx, "S"); err != nil {
		t.Fatal(err)
	}
	calls.Reset()
	update := func(change func(*state.Record) error) {
		t.Helper()
		if _, err := db.Update(ctx, "S", change); err != nil {
			t.Fatal(err)
		}
		if err := db.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		c.Advance(time.Minute)
	}
	update(keep("a", "1"))
	update(func(r *state.Record) error { r.Link(state.KindSubject, "x"); return nil })
	update(func(r *state.Record) error { r.Link(state.KindSubject, "x"); r.Keep("a", "2"); return nil })
	if n := calls.Calls()["join"]; n != 2 {
		t.Errorf("%d times a group was told of one of two look-ups", n)
	}
	c.Advance(session - time.Minute - time.Second)
	states(t, db, state.KindNonce, "N", "S")
	states(t, db, state.KindSubject, "x", "S")
	// Out of the hold a change renews them, as always.
	if _, err := db.Update(t.Context(), "S", keep("a", "3")); err != nil {
		t.Fatal(err)
	}
	c.Advance(session - time.Second)
	states(t, db, state.KindNonce, "N", "S")
	states(t, db, state.KindSubject, "x", "S")
}
