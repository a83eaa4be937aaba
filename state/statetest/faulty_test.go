package statetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
)

func TestFaulty(t *testing.T) {
	ctx := t.Context()
	verbs := map[string]func(f *Faulty) error{
		"add":     func(f *Faulty) error { _, err := f.Add(ctx, "k", []byte("v"), hour); return err },
		"put":     func(f *Faulty) error { return f.Put(ctx, "k", []byte("v"), hour) },
		"get":     func(f *Faulty) error { _, _, err := f.Get(ctx, "k"); return err },
		"take":    func(f *Faulty) error { _, _, err := f.Take(ctx, "k"); return err },
		"swap":    func(f *Faulty) error { _, err := f.Swap(ctx, "k", nil, []byte("v"), hour); return err },
		"join":    func(f *Faulty) error { return f.Join(ctx, "k", "m", hour) },
		"leave":   func(f *Faulty) error { return f.Leave(ctx, "k", "m") },
		"members": func(f *Faulty) error { _, err := f.Members(ctx, "k"); return err },
	}
	for verb, call := range verbs {
		var inner Counting
		own := errors.New("own")
		f := NewFaulty(inner.Store(new(state.Memory)), func(n int, c state.Call) Fault {
			if c.Verb != verb || c.Key != "k" {
				t.Errorf("%s: told of %+v", verb, c)
			}
			return [...]Fault{{}, {Err: own}, {Lost: true}, {Lost: true, Err: own}, {Delay: time.Nanosecond}}[n-1]
		})
		for i, want := range []error{nil, own, ErrInjected, own, nil} {
			if err := call(f); !errors.Is(err, want) {
				t.Errorf("%s, call %d: %v, not %v", verb, i+1, err, want)
			}
		}
		// All but the one with an error in place of the call.
		if got := inner.Calls()[verb]; got != 4 || f.Calls() != 5 {
			t.Errorf("%s: %d of %d calls reached the store", verb, got, f.Calls())
		}
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	slow := NewFaulty(new(state.Memory), func(int, state.Call) Fault { return Fault{Delay: hour} })
	if err := slow.Put(done, "k", nil, hour); !errors.Is(err, context.Canceled) {
		t.Errorf("a delay outlives its context: %v", err)
	}
	if added, err := NewFaulty(new(state.Memory), FailOnly(1, true)).Add(ctx, "k", nil, hour); added || err == nil {
		t.Errorf("a lost answer was told: %v, %v", added, err)
	}
}

func TestFaultPlans(t *testing.T) {
	for name, c := range map[string]struct {
		plan func(int, state.Call) Fault
		want []bool
	}{
		"from": {FailFrom(3), []bool{false, false, true, true}},
		"only": {FailOnly(2, false), []bool{false, true, false, false}},
	} {
		f := NewFaulty(new(state.Memory), c.plan)
		for i, want := range c.want {
			if err := f.Put(t.Context(), "k", nil, hour); (err != nil) != want {
				t.Errorf("%s, call %d: %v", name, i+1, err)
			}
		}
	}
}

func TestFaultyIsNoMoreThanItsStore(t *testing.T) {
	f := &Faulty{Store: struct{ state.Store }{new(state.Memory)}}
	_, swap := f.Swap(t.Context(), "k", nil, nil, hour)
	_, members := f.Members(t.Context(), "k")
	for _, err := range []error{swap, members, f.Join(t.Context(), "k", "m", hour), f.Leave(t.Context(), "k", "m")} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v", err)
		}
	}
}

func TestCounting(t *testing.T) {
	var calls Counting
	db := &state.DB{Store: calls.Store(new(state.Memory))}
	if err := db.Begin(t.Context(), state.NewRecord("s", "i")); err != nil {
		t.Fatal(err)
	}
	if calls.Writes() != 1 || calls.Reads() != 1 {
		t.Errorf("Begin: %v", calls.Calls())
	}
	calls.Reset()
	if _, err := db.Pending(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	if calls.Writes() != 0 || calls.Reads() != 1 {
		t.Errorf("Pending: %v", calls.Calls())
	}
}
