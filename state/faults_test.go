package state_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/statetest"
)

// TestFaults runs a login once for every call it makes of its store, and lets
// that call fail, with its effect or without. A step that fails is tried again
// as a user would. Whatever fails, a login is claimed once at most, ends in
// success or in an error, and is gone when it was ended.
func TestFaults(t *testing.T) {
	eachDB(t, func(t *testing.T, good *state.DB, _ *state.Memory, c *clock) {
		for _, lost := range []bool{false, true} {
			for n := 1; ; n++ {
				var failed state.Call
				plan := statetest.FailOnly(n, lost)
				faulty := statetest.NewFaulty(good.Store, func(i int, call state.Call) statetest.Fault {
					if i == n {
						failed = call
					}
					return plan(i, call)
				})
				// Time passes for who waits for the lock of one that failed.
				db := &state.DB{Store: state.Observed(faulty, func(_ context.Context, call state.Call) (context.Context, func(state.Outcome)) {
					if call.Key[0] == 'w' && call.Verb == "add" {
						c.Advance(time.Second)
					}
					return nil, nil
				})}
				name := fmt.Sprintf("S%d-%v", n, lost)
				faults := faultyLogin(t, db, good, name)
				if t.Failed() {
					t.Fatalf("with call %d failing (lost: %v)", n, lost)
				}
				if faulty.Calls() < n {
					break
				}
				// A lock that could not be given back is nobody's trouble for long.
				silent := failed.Key[0] == 'w' && failed.Verb == "take"
				// Nor is the answer of a verb that the store behind Sealed has not.
				silent = silent || lost && unsupported(good.Store, failed.Verb)
				if faults != 1 && !silent {
					t.Fatalf("call %d failed (lost: %v), and %d steps told so", n, lost, faults)
				}
			}
		}
	})
}

func unsupported(s state.Store, verb string) bool {
	var err error
	switch verb {
	case "join", "leave", "members":
		_, err = s.(state.Grouper).Members(context.Background(), "group")
	case "swap":
		_, err = s.(state.Swapper).Swap(context.Background(), "key", nil, nil, 0)
	}
	return errors.Is(err, errors.ErrUnsupported)
}

// faultyLogin returns how many steps failed with the injected error.
func faultyLogin(t *testing.T, db, good *state.DB, name string) (faults int) {
	ctx := t.Context()
	check := func(err error, also ...error) bool {
		t.Helper()
		if err == nil {
			return true
		}
		if errors.Is(err, statetest.ErrInjected) {
			faults++
			return false
		}
		for _, e := range also {
			if errors.Is(err, e) {
				return false
			}
		}
		t.Errorf("%s: %v", name, err)
		return false
	}
	r := record(name)
	r.Link(state.KindNonce, name)
	if !check(db.Begin(ctx, r)) {
		// The user starts again, with another state as always.
		unclaimed := second(db.Claim(ctx, name))
		check(unclaimed, state.ErrUnknown)
		name += "-again"
		r = record(name)
		r.Link(state.KindNonce, name)
		if !check(db.Begin(ctx, r)) {
			return faults
		}
	}
	if _, err := db.Pending(ctx, name); !check(err) {
		if _, err = db.Pending(ctx, name); !check(err) {
			return faults
		}
	}
	claims := 0
	claimed, err := db.Claim(ctx, name)
	if check(err) {
		claims++
	}
	for range 2 {
		again, err := db.Claim(ctx, name)
		if check(err, state.ErrUnknown) {
			claims++
			claimed = again
		}
	}
	if claims > 1 {
		t.Errorf("%s was claimed %d times", name, claims)
	}
	if claims == 1 {
		claimed.Set(state.ItemTokenResponse, []byte(`{"access_token":"A"}`))
		claimed.Link(state.KindSubject, name)
		claimed.Unlink(state.KindNonce, name)
		for !check(db.Save(ctx, claimed)) && !t.Failed() && faults < 9 {
		}
		now, err := good.Session(ctx, name)
		if err != nil || !now.Equal(claimed) {
			t.Errorf("%s was saved, and is another: %v", name, err)
		}
		states(t, good, state.KindSubject, name, name)
		states(t, good, state.KindNonce, name)
		if _, err := db.States(ctx, state.KindSubject, name); !check(err) {
			_, err = db.States(ctx, state.KindSubject, name)
			check(err)
		}
	}
	for !check(db.End(ctx, name)) && !t.Failed() && faults < 9 {
	}
	for _, err := range []error{second(good.Session(ctx, name)), second(good.Pending(ctx, name)), second(good.Claim(ctx, name))} {
		unknown(t, err)
	}
	states(t, good, state.KindSubject, name)
	return faults
}

// A thousand logins while the store fails now and then and answers slowly: no
// login is completed twice, and each ends in success or in an error.
func TestFaultsUnderLoad(t *testing.T) {
	store := statetest.NewFaulty(new(state.Memory), func(n int, _ state.Call) statetest.Fault {
		switch {
		case n%17 == 0:
			return statetest.Fault{Err: statetest.ErrInjected}
		case n%19 == 0:
			return statetest.Fault{Lost: true}
		case n%23 == 0:
			return statetest.Fault{Delay: time.Millisecond}
		}
		return statetest.Fault{}
	})
	db := &state.DB{Store: store}
	var wg sync.WaitGroup
	var mu sync.Mutex
	completed := map[string]int{}
	for i := range 1000 {
		wg.Go(func() {
			name := fmt.Sprint("S", i)
			if db.Begin(t.Context(), record(name)) != nil {
				return
			}
			var callbacks sync.WaitGroup
			for range 3 {
				callbacks.Go(func() {
					r, err := db.Claim(t.Context(), name)
					if err != nil {
						return
					}
					r.Set(state.ItemUserInfo, []byte(`{}`))
					_ = db.Save(t.Context(), r)
					mu.Lock()
					defer mu.Unlock()
					completed[name]++
				})
			}
			callbacks.Wait()
		})
	}
	wg.Wait()
	for name, n := range completed {
		if n != 1 {
			t.Errorf("%s was completed %d times", name, n)
		}
	}
	if len(completed) < 500 {
		t.Errorf("only %d of 1000 logins were completed", len(completed))
	}
}

// A context that is done ends a call that waits for a lock; a lock whose holder
// died is free after its time.
func TestLockWithoutSwapper(t *testing.T) {
	var c clock
	died := false
	m := &state.Memory{Now: c.Now}
	db := &state.DB{Store: statetest.NewFaulty(plain{m}, func(_ int, call state.Call) statetest.Fault {
		// The holder dies before it releases the lock: the first Take of one.
		if !died && call.Verb == "take" && call.Key[0] == 'w' {
			died = true
			return statetest.Fault{Err: statetest.ErrInjected}
		}
		return statetest.Fault{}
	})}
	begin(t, db, record("S"))
	r := claim(t, db, "S")
	save(t, db, r)
	if !died {
		t.Fatal("no lock was taken")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := db.End(ctx, "S"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("End beside a lock: %v", err)
	}
	if err := db.Save(ctx, r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Save beside a lock: %v", err)
	}
	c.Advance(6 * time.Second)
	if err := db.End(t.Context(), "S"); err != nil {
		t.Errorf("End after the lock's time: %v", err)
	}
	unknown(t, second(db.Session(t.Context(), "S")))
}

func TestSwapProbeFails(t *testing.T) {
	db := &state.DB{Store: statetest.NewFaulty(new(state.Memory), func(_ int, call state.Call) statetest.Fault {
		if call.Verb == "swap" {
			return statetest.Fault{Err: statetest.ErrInjected}
		}
		return statetest.Fault{}
	})}
	begin(t, db, record("S"))
	r := claim(t, db, "S")
	for _, err := range []error{db.Save(t.Context(), r), db.End(t.Context(), "S")} {
		if !errors.Is(err, statetest.ErrInjected) {
			t.Errorf("%v", err)
		}
	}
}

func TestObserved(t *testing.T) {
	type key struct{}
	var calls []string
	store := state.Observed(new(state.Memory), func(ctx context.Context, call state.Call) (context.Context, func(state.Outcome)) {
		return context.WithValue(ctx, key{}, call.Verb), func(o state.Outcome) {
			calls = append(calls, fmt.Sprintf("%s %s %d: %v %d %v", call.Verb, call.Key, call.Bytes, o.Hit, o.Bytes, o.Err))
		}
	})
	ctx := t.Context()
	done, cancel := context.WithCancel(ctx)
	cancel()
	group, swap := store.(state.Grouper), store.(state.Swapper)
	_ = store.Put(ctx, "a", []byte("12"), time.Hour)
	_, _ = store.Add(ctx, "a", []byte("123"), time.Hour)
	_, _, _ = store.Get(ctx, "a")
	_, _ = swap.Swap(ctx, "a", []byte("12"), []byte("1234"), time.Hour)
	_, _, _ = store.Take(ctx, "a")
	_, _, _ = store.Take(ctx, "a")
	_ = group.Join(ctx, "g", "abc", time.Hour)
	_, _ = group.Members(ctx, "g")
	_ = group.Leave(ctx, "g", "abc")
	_, _ = group.Members(ctx, "g")
	_ = store.Put(done, "a", nil, time.Hour)
	want := []string{
		"put a 2: true 0 <nil>", "add a 3: false 0 <nil>", "get a 0: true 2 <nil>", "swap a 4: true 0 <nil>",
		"take a 0: true 4 <nil>", "take a 0: false 0 <nil>", "join g 3: true 0 <nil>", "members g 0: true 1 <nil>",
		"leave g 0: true 0 <nil>", "members g 0: false 0 <nil>", "put a 0: false 0 context canceled",
	}
	if fmt.Sprint(calls) != fmt.Sprint(want) {
		t.Errorf("told\n%q, not\n%q", calls, want)
	}
	for _, err := range []error{
		state.Observed(plain{}, nil).(state.Grouper).Join(ctx, "g", "m", 0),
		state.Observed(plain{}, nil).(state.Grouper).Leave(ctx, "g", "m"),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v", err)
		}
	}
}
