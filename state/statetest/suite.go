package statetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
)

// A Suite says how to test a store.
type Suite struct {
	// Open returns a store for one case. It may be the same store, or hold
	// entries of others: names are never used twice.
	Open func(t testing.TB) state.Store

	// Advance lets time pass for the stores that Open returns; nil means that
	// the cases wait.
	Advance func(d time.Duration)

	// Moment is how long an entry lives that is to expire soon; zero means
	// 100 ms. Without Advance it must be more than the resolution of the
	// store's clock.
	Moment time.Duration

	// MaxValue is the size of the largest value to try; zero means
	// state.MaxValue. A store that is for one kind of entry may take less.
	MaxValue int
}

// Run tests the stores of a suite. The cases of an optional interface are run
// if the store implements it.
func Run(t *testing.T, s Suite) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

// Sentences returns what Run checks, in the words of the documentation.
func Sentences() []string {
	var all []string
	for _, c := range cases {
		all = append(all, c.sentence)
	}
	return all
}

// hour is the life of an entry that is not to expire.
const hour = time.Hour

// racers is how many calls are made at once.
const racers = 32

type testCase struct {
	name     string
	sentence string
	need     need
	check    func(c *check)
}

type need int

const (
	store need = iota
	swapper
	grouper
)

var cases = append(append(append([]testCase(nil), storeCases...), swapperCases...), grouperCases...)

func (tc testCase) run(t testing.TB, s Suite) {
	if s.Moment == 0 {
		s.Moment = 100 * time.Millisecond
	}
	if s.MaxValue == 0 {
		s.MaxValue = state.MaxValue
	}
	c := &check{TB: t, suite: s, sentence: tc.sentence, ctx: t.Context(), s: s.Open(t), base: rand.Text()}
	switch tc.need {
	case swapper:
		c.swap, _ = c.s.(state.Swapper)
		if c.swap == nil || c.unsupported(c.trySwap()) {
			t.Logf("%T is no state.Swapper", c.s)
			return
		}
	case grouper:
		c.group, _ = c.s.(state.Grouper)
		if c.group == nil || c.unsupported(c.tryMembers()) {
			t.Logf("%T is no state.Grouper", c.s)
			return
		}
	}
	tc.check(c)
}

// check is a case that runs. Its helpers end it when the store fails.
type check struct {
	testing.TB
	suite    Suite
	sentence string
	ctx      context.Context
	s        state.Store
	swap     state.Swapper
	group    state.Grouper
	base     string
	names    int
}

// broken reports that the store breaks the sentence.
func (c *check) broken(format string, args ...any) {
	c.Helper()
	c.Fatalf("%q: %s", c.sentence, fmt.Sprintf(format, args...))
}

func (c *check) must(err error) {
	c.Helper()
	if err != nil {
		c.broken("the store failed: %v", err)
	}
}

func (c *check) unsupported(err error) bool { return errors.Is(err, errors.ErrUnsupported) }

func (c *check) trySwap() error {
	_, err := c.swap.Swap(c.ctx, c.key(), nil, nil, hour)
	return err
}

func (c *check) tryMembers() error {
	_, err := c.group.Members(c.ctx, c.key())
	return err
}

// key returns a name that was never used.
func (c *check) key() string {
	c.names++
	return fmt.Sprintf("%s_%d-", c.base, c.names)
}

// pass lets a moment and more go by.
func (c *check) pass() {
	if c.suite.Advance != nil {
		c.suite.Advance(c.suite.Moment + time.Millisecond)
		return
	}
	select {
	case <-time.After(c.suite.Moment + 20*time.Millisecond):
	case <-c.ctx.Done():
	}
}

func (c *check) put(key, value string, ttl time.Duration) {
	c.Helper()
	c.must(c.s.Put(c.ctx, key, []byte(value), ttl))
}

func (c *check) add(key, value string, ttl time.Duration) bool {
	c.Helper()
	added, err := c.s.Add(c.ctx, key, []byte(value), ttl)
	c.must(err)
	return added
}

func (c *check) join(group, member string, ttl time.Duration) {
	c.Helper()
	c.must(c.group.Join(c.ctx, group, member, ttl))
}

// holds breaks the case unless the entry has the value.
func (c *check) holds(key, value string) {
	c.Helper()
	got, found, err := c.s.Get(c.ctx, key)
	c.must(err)
	if !found {
		c.broken("the entry is absent")
	}
	if !bytes.Equal(got, []byte(value)) {
		c.broken("the value is %s, not %s", brief(got), brief([]byte(value)))
	}
}

// absent breaks the case if there is an entry.
func (c *check) absent(key string) {
	c.Helper()
	got, found, err := c.s.Get(c.ctx, key)
	c.must(err)
	if found {
		c.broken("there is an entry, %s", brief(got))
	}
}

func brief(value []byte) string {
	if len(value) > 32 {
		return fmt.Sprintf("%q... (%d bytes)", value[:32], len(value))
	}
	return fmt.Sprintf("%q", value)
}

// race makes calls at once and returns how many report true.
func (c *check) race(call func(i int) (bool, error)) (won int) {
	c.Helper()
	var wg sync.WaitGroup
	start := make(chan struct{})
	results, errs := make([]bool, racers), make([]error, racers)
	for i := range racers {
		wg.Go(func() {
			<-start
			results[i], errs[i] = call(i)
		})
	}
	close(start)
	wg.Wait()
	c.must(errors.Join(errs...))
	for _, r := range results {
		if r {
			won++
		}
	}
	return won
}
