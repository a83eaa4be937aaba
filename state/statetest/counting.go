package statetest

import (
	"context"
	"maps"
	"sync"

	"github.com/oidcservice/oidc/state"
)

// A Counting counts the calls of a store, by verb.
type Counting struct {
	mu    sync.Mutex
	calls map[string]int
}

// Store returns store with its calls counted in c. It proves that something
// changes nothing:
//
//	var calls statetest.Counting
//	db := &state.DB{Store: calls.Store(new(state.Memory))}
//	...
//	if calls.Writes() != 0 { ... }
func (c *Counting) Store(store state.Store) state.Store {
	return state.Observed(store, func(_ context.Context, call state.Call) (context.Context, func(state.Outcome)) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.calls == nil {
			c.calls = map[string]int{}
		}
		c.calls[call.Verb]++
		return nil, nil
	})
}

// Calls returns how often each verb was called: "add", "put", "get", "take",
// "swap", "join", "leave", "members".
func (c *Counting) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// Reads returns the number of calls that change nothing.
func (c *Counting) Reads() int {
	calls := c.Calls()
	return calls["get"] + calls["members"]
}

// Writes returns the number of calls that may change something.
func (c *Counting) Writes() int {
	n := -c.Reads()
	for _, calls := range c.Calls() {
		n += calls
	}
	return n
}

// Reset forgets the calls so far.
func (c *Counting) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = nil
}
