package state_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/oidcservice/oidc/state"
)

// Two processes that change different things of one login keep both.
func TestSaveMerges(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		begin(t, db, record("S"))
		r := claim(t, db, "S")
		r.Set(state.ItemTokenResponse, []byte(`{"access_token":"A"}`))
		r.Set("own_item", []byte(`1`))
		r.Keep("gone", "soon")
		r.Link(state.KindNonce, "N")
		save(t, db, r)
		a, err := db.Session(ctx, "S")
		if err != nil {
			t.Fatal(err)
		}
		b := a
		a.Set(state.ItemUserInfo, []byte(`{"sub":"x"}`))
		a.Keep("a", "1")
		a.Link(state.KindSubject, "x")
		b.Set(state.ItemRefreshTokenResponse, []byte(`{"access_token":"B"}`))
		b.Set("own_item", nil)
		b.Set("other_item", []byte(`2`))
		b.Keep("b", "2")
		b.Keep("gone", "")
		b.Unlink(state.KindNonce, "N")
		b.Link(state.KindSessionID, "s")
		save(t, db, a)
		save(t, db, b)
		got, err := db.Session(ctx, "S")
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"iss", "auth_request", "token_response", "refresh_token_response", "user_info", "other_item"}
		if !slices.Equal(got.Items(), want) {
			t.Errorf("the items are %q", got.Items())
		}
		if got.Kept("a") != "1" || got.Kept("b") != "2" || got.Kept("gone") != "" || got.Kept(state.KeptNonce) != "nonce of S" {
			t.Errorf("a private value was lost, or came back")
		}
		states(t, db, state.KindSubject, "x", "S")
		states(t, db, state.KindSessionID, "s", "S")
		states(t, db, state.KindNonce, "N")
		if !got.Linked(state.KindSubject, "x") || got.Linked(state.KindNonce, "N") {
			t.Error("the record does not know its look-ups")
		}
	})
}

func TestUpdateLosesNothing(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		begin(t, db, record("S"))
		claim(t, db, "S")
		const writers, turns = 8, 10
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range turns {
					_, err := db.Update(ctx, "S", func(r *state.Record) error {
						r.Keep("count", r.Kept("count")+"x")
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		r, err := db.Session(ctx, "S")
		if err != nil || len(r.Kept("count")) != writers*turns {
			t.Errorf("%d of %d updates, %v", len(r.Kept("count")), writers*turns, err)
		}
		own := errors.New("own")
		if _, err := db.Update(ctx, "S", func(r *state.Record) error { r.Keep("count", ""); return own }); err != own {
			t.Errorf("%v, not the caller's error", err)
		}
		if again, err := db.Session(ctx, "S"); err != nil || !again.Equal(r) {
			t.Errorf("a refused update was stored: %v", err)
		}
		unknown(t, second(db.Update(ctx, "T", func(*state.Record) error { return nil })))
		unknown(t, second(db.UpdatePending(ctx, "S", func(*state.Record) error { return nil })))
		begin(t, db, record("T"))
		if _, err := db.UpdatePending(ctx, "T", func(r *state.Record) error { r.Keep("count", "1"); return nil }); err != nil {
			t.Error(err)
		}
		if r := claim(t, db, "T"); r.Kept("count") != "1" {
			t.Error("an update of a pending login was lost")
		}
	})
}

// A login that was ended does not come back, whenever the Save that was under
// way ends.
func TestEndIsFinal(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		for i := range 50 {
			name := fmt.Sprint("S", i)
			begin(t, db, record(name))
			r := claim(t, db, name)
			r.Set(state.ItemUserInfo, []byte(`{"sub":"x"}`))
			r.Link(state.KindSubject, "x")
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := db.Save(ctx, r); err != nil && !errors.Is(err, state.ErrUnknown) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := db.End(ctx, name); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			unknown(t, second(db.Session(ctx, name)))
		}
		states(t, db, state.KindSubject, "x")
	})
}

// What cannot be stored is refused however the record came to be.
func TestSaveRefusesBadNames(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		begin(t, db, record("S"))
		r := claim(t, db, "S")
		r.Set("Not A Name", []byte(`1`))
		if err := db.Save(t.Context(), r); err == nil {
			t.Error("a record that was read was saved with a bad name")
		}
		other, err := db.Session(t.Context(), "S")
		if err != nil {
			t.Fatal(err)
		}
		other.Keep("a", "1")
		save(t, db, other)
		if err := db.Save(t.Context(), r); err == nil {
			t.Error("a record with a bad name was merged with what another had saved")
		}
		r = record("S")
		r.Set("Not A Name", []byte(`1`))
		if err := db.Save(t.Context(), r); err == nil {
			t.Error("a record that was not read was saved with a bad name")
		}
		begin(t, db, record("T"))
		ctx := db.Hold(t.Context())
		if r, err = db.Claim(ctx, "T"); err != nil {
			t.Fatal(err)
		}
		r.Set("Not A Name", []byte(`1`))
		if err := errors.Join(db.Save(ctx, r), db.Flush(ctx)); err == nil {
			t.Error("a record that is held was stored with a bad name")
		}
	})
}
