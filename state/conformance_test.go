package state_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/statetest"
)

// clock is a time that only tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) Now() time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC).Add(time.Duration(c.offset.Load()))
}

func (c *clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// plain hides what a store can do beyond the four verbs.
type plain struct{ state.Store }

func TestStores(t *testing.T) {
	key := make([]byte, state.MinSealKey)
	sealed := func(t testing.TB, s state.Store) state.Store {
		t.Helper()
		s, err := state.Sealed(s, key, append(key, 1))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	pass := func(ctx context.Context, _ state.Call) (context.Context, func(state.Outcome)) { return ctx, nil }
	for name, wrap := range map[string]func(testing.TB, state.Store) state.Store{
		"Memory":         func(_ testing.TB, s state.Store) state.Store { return s },
		"Plain":          func(_ testing.TB, s state.Store) state.Store { return plain{s} },
		"Sealed":         sealed,
		"SealedPlain":    func(t testing.TB, s state.Store) state.Store { return sealed(t, plain{s}) },
		"Observed":       func(_ testing.TB, s state.Store) state.Store { return state.Observed(s, pass) },
		"ObservedPlain":  func(_ testing.TB, s state.Store) state.Store { return state.Observed(plain{s}, pass) },
		"Faultless":      func(_ testing.TB, s state.Store) state.Store { return &statetest.Faulty{Store: s} },
		"FaultlessPlain": func(_ testing.TB, s state.Store) state.Store { return &statetest.Faulty{Store: plain{s}} },
	} {
		t.Run(name, func(t *testing.T) {
			var c clock
			statetest.Run(t, statetest.Suite{
				Open:    func(t testing.TB) state.Store { return wrap(t, &state.Memory{Now: c.Now}) },
				Advance: c.Advance,
				Moment:  10 * time.Minute,
			})
		})
	}
	t.Run("MemoryRealTime", func(t *testing.T) {
		t.Parallel()
		var shared state.Memory
		statetest.Run(t, statetest.Suite{
			Open:   func(testing.TB) state.Store { return &shared },
			Moment: 10 * time.Millisecond,
		})
	})
}

// redirected is a store in which every entry has one key.
type redirected struct{ *state.Memory }

func (r redirected) Add(ctx context.Context, _ string, value []byte, ttl time.Duration) (bool, error) {
	_, err := r.Memory.Add(ctx, "one", value, ttl)
	return err == nil, err
}

func (r redirected) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if key[0] == 's' {
		return nil, false, nil
	}
	return r.Memory.Get(ctx, "one")
}

func (r redirected) Take(ctx context.Context, _ string) ([]byte, bool, error) {
	return r.Memory.Take(ctx, "one")
}
