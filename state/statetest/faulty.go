package statetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/oidcservice/oidc/state"
)

// ErrInjected is the error of a Fault that names no other.
var ErrInjected = errors.New("statetest: injected fault")

// A Fault is what happens to one call. The zero Fault is none.
type Fault struct {
	// Err is returned in place of the store's answer. If the call is not Lost
	// it never reaches the store.
	Err error

	// Lost lets the call take effect before its answer is lost: Err, or
	// ErrInjected if that is nil, is returned.
	Lost bool

	// Delay is waited for before the call, unless its context is done first:
	// then the call never reaches the store.
	Delay time.Duration
}

// A Faulty is a store that fails as Plan says. It is a state.Swapper and a
// state.Grouper if Store is one.
type Faulty struct {
	Store state.Store // what is called without a fault

	// Plan tells the fault of a call; n counts the calls from 1. It must be
	// safe for concurrent use. Nil means no faults.
	Plan func(n int, call state.Call) Fault

	mu    sync.Mutex
	calls int
}

// NewFaulty returns store with the faults that plan tells.
func NewFaulty(store state.Store, plan func(n int, call state.Call) Fault) *Faulty {
	return &Faulty{Store: store, Plan: plan}
}

// FailFrom is a Plan under which every call fails from the nth on.
func FailFrom(n int) func(int, state.Call) Fault {
	return func(i int, _ state.Call) Fault {
		if i < n {
			return Fault{}
		}
		return Fault{Err: ErrInjected}
	}
}

// FailOnly is a Plan under which the nth call fails, and its answer is lost if
// lost says so.
func FailOnly(n int, lost bool) func(int, state.Call) Fault {
	return func(i int, _ state.Call) Fault {
		if i != n {
			return Fault{}
		}
		return Fault{Err: ErrInjected, Lost: lost}
	}
}

// Calls returns the number of calls so far.
func (f *Faulty) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// run makes one call with the fault that is planned for it.
func (f *Faulty) run(ctx context.Context, call state.Call, do func() error) error {
	f.mu.Lock()
	f.calls++
	n := f.calls
	f.mu.Unlock()
	var fault Fault
	if f.Plan != nil {
		fault = f.Plan(n, call)
	}
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if fault.Err == nil && !fault.Lost {
		return do()
	}
	if fault.Lost {
		if err := do(); err != nil {
			return err
		}
	}
	if fault.Err != nil {
		return fault.Err
	}
	return ErrInjected
}

// Add implements state.Store.
func (f *Faulty) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error) {
	err = f.run(ctx, state.Call{Verb: "add", Key: key, Bytes: len(value)}, func() (err error) {
		added, err = f.Store.Add(ctx, key, value, ttl)
		return err
	})
	return added && err == nil, err
}

// Put implements state.Store.
func (f *Faulty) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return f.run(ctx, state.Call{Verb: "put", Key: key, Bytes: len(value)}, func() error {
		return f.Store.Put(ctx, key, value, ttl)
	})
}

// Get implements state.Store.
func (f *Faulty) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = f.run(ctx, state.Call{Verb: "get", Key: key}, func() (err error) {
		value, found, err = f.Store.Get(ctx, key)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return value, found, nil
}

// Take implements state.Store.
func (f *Faulty) Take(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = f.run(ctx, state.Call{Verb: "take", Key: key}, func() (err error) {
		value, found, err = f.Store.Take(ctx, key)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return value, found, nil
}

// Swap implements state.Swapper.
func (f *Faulty) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (swapped bool, err error) {
	swapper, ok := f.Store.(state.Swapper)
	if !ok {
		return false, errors.ErrUnsupported
	}
	err = f.run(ctx, state.Call{Verb: "swap", Key: key, Bytes: len(value)}, func() (err error) {
		swapped, err = swapper.Swap(ctx, key, old, value, ttl)
		return err
	})
	return swapped && err == nil, err
}

// Join implements state.Grouper.
func (f *Faulty) Join(ctx context.Context, group, member string, ttl time.Duration) error {
	g, ok := f.Store.(state.Grouper)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.run(ctx, state.Call{Verb: "join", Key: group, Bytes: len(member)}, func() error {
		return g.Join(ctx, group, member, ttl)
	})
}

// Leave implements state.Grouper.
func (f *Faulty) Leave(ctx context.Context, group, member string) error {
	g, ok := f.Store.(state.Grouper)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.run(ctx, state.Call{Verb: "leave", Key: group}, func() error {
		return g.Leave(ctx, group, member)
	})
}

// Members implements state.Grouper.
func (f *Faulty) Members(ctx context.Context, group string) (members []string, err error) {
	g, ok := f.Store.(state.Grouper)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	err = f.run(ctx, state.Call{Verb: "members", Key: group}, func() (err error) {
		members, err = g.Members(ctx, group)
		return err
	})
	if err != nil {
		return nil, err
	}
	return members, nil
}
