package state_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/oidcservice/oidc/state"
)

var lookups = []string{state.KindNonce, state.KindSubject, state.KindSessionID, state.KindLogoutState}

func TestRemoveRemovesAllIndexes(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, m *state.Memory, _ *clock) {
		ctx := t.Context()
		empty := func(what string) {
			t.Helper()
			if err := db.End(ctx, "S"); err != nil {
				t.Fatal(err)
			}
			for _, kind := range lookups {
				states(t, db, kind, "1")
				states(t, db, kind, "2")
			}
			// The pages of the fallback expire by themselves.
			if _, hasGroups := db.Store.(state.Grouper); hasGroups && m.Len() != 0 && db.Store == state.Store(m) {
				t.Errorf("%s: %d entries are left", what, m.Len())
			}
		}
		begin(t, db, record("S"))
		empty("with none")

		begin(t, db, record("S"))
		for _, kind := range lookups {
			if err := db.Link(ctx, kind, "1", "S"); err != nil {
				t.Fatal(err)
			}
			states(t, db, kind, "1", "S")
		}
		empty("of a pending login")

		begin(t, db, record("S"))
		claim(t, db, "S")
		for _, kind := range lookups {
			if err := db.Link(ctx, kind, "1", "S"); err != nil {
				t.Fatal(err)
			}
		}
		empty("of a session")

		r := record("S")
		r.Link(state.KindNonce, "1")
		begin(t, db, r)
		r = claim(t, db, "S")
		for _, kind := range lookups {
			r.Unlink(kind, "1")
			r.Link(kind, "2")
		}
		save(t, db, r)
		for _, kind := range lookups {
			states(t, db, kind, "1")
			states(t, db, kind, "2", "S")
		}
		for _, kind := range lookups {
			if err := db.Link(ctx, kind, "1", "S"); err != nil {
				t.Fatal(err)
			}
		}
		empty("after overwriting")

		begin(t, db, r)
		if err := db.Unlink(ctx, state.KindNonce, "2", "S"); err != nil {
			t.Fatal(err)
		}
		states(t, db, state.KindNonce, "2")
		states(t, db, state.KindSubject, "2", "S")
		empty("after taking one away")
		unknown(t, db.Link(ctx, state.KindNonce, "1", "S"))
		unknown(t, db.Unlink(ctx, state.KindNonce, "1", "S"))
	})
}

func TestIndexNamespacesSeparate(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		// States that look like keys, in the original's way and in ours.
		names := []string{"__nonce__x", "==sub==x", "_state", "iss", "x", "nonce", "nonce:x"}
		var probe state.DB
		r := record("x")
		r.Link(state.KindNonce, "x")
		begin(t, &probe, r)
		encoded, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, string(encoded))
		for i, name := range names {
			r := record(name)
			r.Link(state.KindNonce, "x")
			r.Link(state.KindSubject, names[(i+1)%len(names)])
			begin(t, db, r)
		}
		all := slices.Sorted(slices.Values(names))
		states(t, db, state.KindNonce, "x", all...)
		for i, name := range names {
			if got, err := db.Pending(ctx, name); err != nil || got.State != name {
				t.Fatalf("%q: %v, %v", name, got, err)
			}
			states(t, db, state.KindSubject, names[(i+1)%len(names)], name)
			states(t, db, state.KindSessionID, name)
			if seen, err := db.Seen(ctx, state.KindNonce, name, session); seen || err != nil {
				t.Fatalf("%q is a mark: %v", name, err)
			}
		}
	})
	t.Run("PerIssuer", func(t *testing.T) {
		if state.PerIssuer("https://a", "b") == state.PerIssuer("https://", "ab") {
			t.Error("two pairs have one name")
		}
	})
}

func TestSubIndexHoldsManyStates(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		sub := state.PerIssuer(issuer, "248289761001")
		var want []string
		for i := range 20 {
			name := fmt.Sprintf("S%02d", i)
			begin(t, db, record(name))
			r := claim(t, db, name)
			r.Link(state.KindSubject, sub)
			save(t, db, r)
			save(t, db, r)
			want = append(want, name)
		}
		begin(t, db, record("other user"))
		if err := db.Link(t.Context(), state.KindSubject, state.PerIssuer(issuer, "other"), "other user"); err != nil {
			t.Fatal(err)
		}
		states(t, db, state.KindSubject, sub, want...)
		if err := db.End(t.Context(), want[0]); err != nil {
			t.Fatal(err)
		}
		states(t, db, state.KindSubject, sub, want[1:]...)
		got, err := db.States(t.Context(), state.KindSubject, sub)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range got {
			if err := db.End(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		states(t, db, state.KindSubject, sub)
		if _, err := db.Pending(t.Context(), "other user"); err != nil {
			t.Fatal("a logout of one user reaches another")
		}
	})
}

func TestGroupWithoutGrouperIsBounded(t *testing.T) {
	var c clock
	db := &state.DB{Store: plain{&state.Memory{Now: c.Now}}}
	var full int
	for i := range 1100 {
		r := record(fmt.Sprint(i))
		r.Link(state.KindSubject, "x")
		err := db.Begin(t.Context(), r)
		if err == nil {
			continue
		}
		if !errors.Is(err, state.ErrFull) {
			t.Fatal(err)
		}
		full++
		unknown(t, second(db.Pending(t.Context(), r.State)))
	}
	if got, err := db.States(t.Context(), state.KindSubject, "x"); err != nil || len(got) != 1024 || full != 1100-1024 {
		t.Errorf("%d logins, %d refused, %v", len(got), full, err)
	}
	if err := db.End(t.Context(), "7"); err != nil {
		t.Fatal(err)
	}
	if err := db.Link(t.Context(), state.KindSubject, "x", "8"); err != nil {
		t.Fatalf("a login that is in the group already: %v", err)
	}
	c.Advance(2 * session)
	states(t, db, state.KindSubject, "x")
	r := record("again")
	r.Link(state.KindSubject, "x")
	begin(t, db, r)
}

// A deaf store keeps whoever leaves a group.
type deaf struct{ *state.Memory }

func (deaf) Leave(context.Context, string, string) error { return nil }

func TestRecordDecidesWhoIsInAGroup(t *testing.T) {
	db := &state.DB{Store: deaf{new(state.Memory)}}
	for _, name := range []string{"S", "T"} {
		r := record(name)
		r.Link(state.KindSubject, "diana")
		begin(t, db, r)
	}
	states(t, db, state.KindSubject, "diana", "S", "T")
	if err := db.Unlink(t.Context(), state.KindSubject, "diana", "S"); err != nil {
		t.Fatal(err)
	}
	states(t, db, state.KindSubject, "diana", "T")
	if err := db.End(t.Context(), "T"); err != nil {
		t.Fatal(err)
	}
	states(t, db, state.KindSubject, "diana")
}
