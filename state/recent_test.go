package state_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/state"
)

// begin makes a session of a new login.
func beginSession(t *testing.T, db *state.DB, name string) {
	t.Helper()
	r := state.NewRecord(name, issuer)
	r.Link(state.KindSubject, "diana")
	if err := db.Begin(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Claim(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// Two processes share a store. What one has seen last is never what counts.
func TestRecordOfAnotherProcess(t *testing.T) {
	stores := map[string]func() state.Store{
		"Memory":       func() state.Store { return new(state.Memory) },
		"observed":     func() state.Store { return state.Observed(new(state.Memory), silent) },
		"four methods": func() state.Store { return struct{ state.Store }{new(state.Memory)} },
	}
	for name, store := range stores {
		t.Run(name, func(t *testing.T) {
			ctx, shared := t.Context(), store()
			here, there := &state.DB{Store: shared}, &state.DB{Store: shared}
			beginSession(t, here, "S")
			set := func(db *state.DB, item, value string) state.Record {
				t.Helper()
				r, err := db.Update(ctx, "S", func(r *state.Record) error {
					r.Set(item, []byte(value))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			set(here, "a", "1")
			set(there, "b", "2")
			if r, err := here.Session(ctx, "S"); err != nil || string(r.Item("b")) != "2" {
				t.Errorf("here b is %s, %v", r.Item("b"), err)
			}
			set(there, "b", "3")
			// here has seen b=2 last: what it stores must not bring that back.
			if r := set(here, "a", "4"); string(r.Item("b")) != "3" || string(r.Item("a")) != "4" {
				t.Errorf("a is %s and b is %s", r.Item("a"), r.Item("b"))
			}
			// A change that is refused for what is not so any more is asked again.
			set(there, "b", "5")
			asked := 0
			_, err := here.Update(ctx, "S", func(r *state.Record) error {
				if asked++; string(r.Item("b")) != "5" {
					return errors.New("not yet")
				}
				return nil
			})
			if err != nil || asked != 2 {
				t.Errorf("asked %d times: %v", asked, err)
			}
			if err := there.End(ctx, "S"); err != nil {
				t.Fatal(err)
			}
			if _, err := here.Session(ctx, "S"); !errors.Is(err, state.ErrUnknown) {
				t.Errorf("a session that ended elsewhere: %v", err)
			}
			_, err = here.Update(ctx, "S", func(r *state.Record) error {
				r.Set("a", []byte("6"))
				return nil
			})
			if !errors.Is(err, state.ErrUnknown) {
				t.Errorf("a session that ended elsewhere is changed: %v", err)
			}
			if states, err := here.States(ctx, state.KindSubject, "diana"); err != nil || len(states) != 0 {
				t.Errorf("it is found as %q, %v", states, err)
			}
		})
	}
}

func silent(context.Context, state.Call) (context.Context, func(state.Outcome)) { return nil, nil }

// Changing the session of a login that is still pending is refused, and the login stays
// what it is: its look-ups too.
func TestPendingLoginIsNoSession(t *testing.T) {
	ctx, db := t.Context(), new(state.DB)
	r := state.NewRecord("S", issuer)
	r.Link(state.KindSubject, "diana")
	if err := db.Begin(ctx, r); err != nil {
		t.Fatal(err)
	}
	_, err := db.Update(ctx, "S", func(r *state.Record) error { return nil })
	if !errors.Is(err, state.ErrUnknown) {
		t.Errorf("a pending login is changed as a session: %v", err)
	}
	if states, err := db.States(ctx, state.KindSubject, "diana"); err != nil || len(states) != 1 {
		t.Errorf("afterwards it is found as %q, %v", states, err)
	}
	if _, err := db.Claim(ctx, "S"); err != nil {
		t.Fatal(err)
	}
	_, err = db.UpdatePending(ctx, "S", func(r *state.Record) error { return nil })
	if !errors.Is(err, state.ErrUnknown) {
		t.Errorf("a session is changed as a pending login: %v", err)
	}
	if states, err := db.States(ctx, state.KindSubject, "diana"); err != nil || len(states) != 1 {
		t.Errorf("as a session it is found as %q, %v", states, err)
	}
}

// What is returned by a change, what is read next, and what another process reads are
// one record.
func TestStoredIsRead(t *testing.T) {
	ctx, shared := t.Context(), new(state.Memory)
	here, there := &state.DB{Store: shared}, &state.DB{Store: shared}
	beginSession(t, here, "S")
	for i, change := range []func(*state.Record){
		func(r *state.Record) {
			r.Set("own", []byte(`{"a":[1]}`))
			r.Keep("k", "v")
			r.Keep("claims", `{"sub":"\u00e9"}`)
		},
		func(r *state.Record) { r.Set("own", nil); r.Keep("k", ""); r.Unlink(state.KindSubject, "diana") },
		func(r *state.Record) { r.Keep("claims", "{ no object"); r.Link(state.KindNonce, "n") },
		func(r *state.Record) { r.Set("own", []byte("null")); r.Keep("k", "{}"); r.Issuer = "" },
	} {
		stored, err := here.Update(ctx, "S", func(r *state.Record) error { change(r); return nil })
		if err != nil {
			t.Fatal(i, err)
		}
		for name, db := range map[string]*state.DB{"here": here, "there": there} {
			r, err := db.Session(ctx, "S")
			if err != nil || !r.Equal(stored) || strings.Join(r.Items(), " ") != strings.Join(stored.Items(), " ") {
				t.Errorf("%d: %s reads %v, %v; stored was %v", i, name, r, err, stored)
			}
			for _, kept := range []string{"k", "claims"} {
				if r.Kept(kept) != stored.Kept(kept) {
					t.Errorf("%d: %s reads %s as %q, stored was %q", i, name, kept, r.Kept(kept), stored.Kept(kept))
				}
			}
		}
	}
}

// What cannot be read again is not stored.
func TestCrowdedRecord(t *testing.T) {
	for name, fill := range map[string]func(r *state.Record, i int){
		"items":          func(r *state.Record, i int) { r.Set(fmt.Sprintf("item_%d", i), []byte("1")) },
		"private values": func(r *state.Record, i int) { r.Keep(fmt.Sprintf("kept_%d", i), "1") },
		"look-ups":       func(r *state.Record, i int) { r.Link(fmt.Sprintf("kind_%d", i), "1") },
	} {
		r := state.NewRecord("S", issuer)
		encodes := 0
		for i := range 70 {
			fill(&r, i)
			encoded, err := r.Encode()
			if err != nil {
				if !errors.Is(err, state.ErrTooLarge) {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			encodes++
			if _, err := state.ParseRecord(encoded); err != nil {
				t.Errorf("%d %s are written and not read: %v", i+1, name, err)
			}
		}
		if encodes < 60 || encodes > 64 {
			t.Errorf("%d %s", encodes, name)
		}
	}
}

// A claim that changes the record is a claim: once, with what it adds.
func TestClaimWith(t *testing.T) {
	ctx, db := t.Context(), new(state.DB)
	r := state.NewRecord("S", issuer)
	r.Link(state.KindNonce, "n")
	if err := db.Begin(ctx, r); err != nil {
		t.Fatal(err)
	}
	change := func(r *state.Record) {
		r.Set(state.ItemAuthResponse, []byte(`{"code":"c"}`))
		r.Link(state.KindSubject, "diana")
		r.Unlink(state.KindNonce, "n")
	}
	claimed, err := db.ClaimWith(ctx, "S", change)
	if err != nil || string(claimed.Item(state.ItemAuthResponse)) != `{"code":"c"}` {
		t.Fatalf("claimed %v, %v", claimed, err)
	}
	if session, err := db.Session(ctx, "S"); err != nil || !session.Equal(claimed) {
		t.Errorf("the session is %v, %v", session, err)
	}
	for kind, value := range map[string]string{state.KindSubject: "diana", state.KindNonce: "n"} {
		states, err := db.States(ctx, kind, value)
		if want := kind == state.KindSubject; err != nil || (len(states) == 1) != want {
			t.Errorf("by its %s it is found as %q, %v", kind, states, err)
		}
	}
	if _, err := db.ClaimWith(ctx, "S", change); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("claimed twice: %v", err)
	}
	if err := db.Begin(ctx, state.NewRecord("T", issuer)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ClaimWith(ctx, "T", func(r *state.Record) { r.Set("own", []byte("{")) }); !errors.Is(err, state.ErrMalformed) {
		t.Errorf("claimed with what is no JSON: %v", err)
	}
	if _, err := db.Session(ctx, "T"); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("it is a session: %v", err)
	}
}
