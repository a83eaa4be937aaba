package statetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// swapperCases are the sentences of state.Swapper.
var swapperCases = []testCase{
	{"Swap", "Swap stores value under key for ttl if the key's entry has the value old, and reports whether it did.", swapper, func(c *check) {
		key, short := c.key(), c.key()
		c.put(key, "old", c.suite.Moment)
		c.put(short, "old", hour)
		for _, old := range []string{"", "ol", "older", "OLD", "new"} {
			if c.swapped(short, old, "new", hour) {
				c.broken("true for the old value %q", old)
			}
		}
		c.holds(short, "old")
		if !c.swapped(key, "old", "new", hour) || !c.swapped(short, "old", "new", c.suite.Moment) {
			c.broken("false for the old value")
		}
		c.holds(key, "new")
		c.pass()
		c.holds(key, "new")
		c.absent(short)
		empty := c.key()
		c.put(empty, "", hour)
		if !c.swapped(empty, "", "new", hour) || !c.swapped(empty, "new", "", hour) || !c.swapped(empty, "", "", hour) {
			c.broken("false for an empty value")
		}
		c.holds(empty, "")
	}},
	{"SwapSame", "Swap stores value under key for ttl if the key's entry has the value old, and reports whether it did.", swapper, func(c *check) {
		key := c.key()
		c.put(key, "same", hour)
		for range 3 {
			if !c.swapped(key, "same", "same", hour) {
				c.broken("false for a value that stays as it is")
			}
		}
		if !c.swapped(key, "same", "dead", 0) {
			c.broken("false for a ttl that is not positive")
		}
		c.absent(key)
	}},
	{"SwapAbsent", "An absent entry is not swapped.", swapper, func(c *check) {
		key, expired := c.key(), c.key()
		c.put(expired, "old", c.suite.Moment)
		c.pass()
		for _, old := range []string{"", "old"} {
			if c.swapped(key, old, "new", hour) || c.swapped(expired, old, "new", hour) {
				c.broken("true for the old value %q", old)
			}
		}
		c.absent(key)
		c.absent(expired)
	}},
	{"SwapOnce", "Of concurrent calls with one old value exactly one swaps.", swapper, func(c *check) {
		key := c.key()
		c.put(key, "old", hour)
		if won := c.race(func(i int) (bool, error) {
			return c.swap.Swap(c.ctx, key, []byte("old"), []byte(strconv.Itoa(i)), hour)
		}); won != 1 {
			c.broken("%d of %d swapped", won, racers)
		}
		counter := c.key()
		c.put(counter, "0", hour)
		c.race(func(int) (bool, error) {
			for range 1000 * racers {
				old, found, err := c.s.Get(c.ctx, counter)
				if err != nil || !found {
					return false, fmt.Errorf("the counter: %v, %w", found, err)
				}
				n, err := strconv.Atoi(string(old))
				if err != nil {
					return false, err
				}
				swapped, err := c.swap.Swap(c.ctx, counter, old, strconv.AppendInt(nil, int64(n+1), 10), hour)
				if swapped || err != nil {
					return swapped, err
				}
			}
			return false, errors.New("the old value is never swapped")
		})
		c.holds(counter, strconv.Itoa(racers))
	}},
	{"SwapContext", "A call whose context is done returns the context's error and changes nothing.", swapper, func(c *check) {
		done, cancel := context.WithCancel(c.ctx)
		cancel()
		key := c.key()
		c.put(key, "old", hour)
		if ok, err := c.swap.Swap(done, key, []byte("old"), []byte("new"), hour); ok || !errors.Is(err, context.Canceled) {
			c.broken("%v, %v", ok, err)
		}
		c.holds(key, "old")
	}},
}

func (c *check) swapped(key, old, value string, ttl time.Duration) bool {
	c.Helper()
	swapped, err := c.swap.Swap(c.ctx, key, []byte(old), []byte(value), ttl)
	c.must(err)
	return swapped
}

// grouperCases are the sentences of state.Grouper.
var grouperCases = []testCase{
	{"GroupNames", "Groups and members are named like keys; a group and an entry of the same name have nothing to do with each other.", grouper, func(c *check) {
		group := c.key()
		group += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"[:64-len(group)]
		lower := group[:63] + "z"
		group = group[:63] + "Z"
		c.join(group, group, hour)
		c.join(group, lower, hour)
		c.listed(group, group, lower)
		c.listed(lower)
		c.absent(group)
		c.put(group, "entry", hour)
		c.listed(group, group, lower)
		if _, _, err := c.s.Take(c.ctx, group); err != nil {
			c.must(err)
		}
		c.listed(group, group, lower)
		c.put(group, "entry", hour)
		c.must(c.group.Leave(c.ctx, group, group))
		c.must(c.group.Leave(c.ctx, group, lower))
		c.holds(group, "entry")
	}},
	{"Join", "Join puts member into group for ttl.", grouper, func(c *check) {
		group, other := c.key(), c.key()
		c.join(group, "long", hour)
		c.join(group, "short", c.suite.Moment)
		c.join(other, "short", c.suite.Moment)
		c.join(group, "dead", 0)
		c.pass()
		c.listed(group, "long")
		c.listed(other)
	}},
	{"JoinAgain", "A member that is there already gets the new ttl.", grouper, func(c *check) {
		group := c.key()
		c.join(group, "longer", c.suite.Moment)
		c.join(group, "longer", hour)
		c.join(group, "shorter", hour)
		c.join(group, "shorter", c.suite.Moment)
		c.join(group, "killed", hour)
		c.join(group, "killed", -1)
		c.pass()
		c.listed(group, "longer")
		c.join(group, "shorter", hour)
		c.listed(group, "longer", "shorter")
	}},
	{"Leave", "Leave takes member out of group.", grouper, func(c *check) {
		group, other := c.key(), c.key()
		for _, member := range []string{"a", "b", "c"} {
			c.join(group, member, hour)
			c.join(other, member, hour)
		}
		c.must(c.group.Leave(c.ctx, group, "b"))
		c.listed(group, "a", "c")
		c.listed(other, "a", "b", "c")
		c.must(c.group.Leave(c.ctx, group, "a"))
		c.must(c.group.Leave(c.ctx, group, "c"))
		c.listed(group)
		c.join(group, "b", hour)
		c.listed(group, "b")
	}},
	{"LeaveNothing", "Leaving a group that one is not in is not an error.", grouper, func(c *check) {
		group := c.key()
		c.must(c.group.Leave(c.ctx, group, "a"))
		c.join(group, "a", hour)
		c.must(c.group.Leave(c.ctx, group, "b"))
		c.listed(group, "a")
	}},
	{"Members", "Members lists the members of group whose ttl has not passed, each once, in no order.", grouper, func(c *check) {
		group := c.key()
		c.listed(group)
		var want []string
		for i := range 100 {
			member := "member-" + strconv.Itoa(i)
			want = append(want, member)
			c.join(group, member, hour)
			c.join(group, member, 2*hour)
		}
		c.listed(group, want...)
	}},
	{"GroupRules", "The rules of Store hold here too.", grouper, func(c *check) {
		group := c.key()
		var want []string
		for i := range racers {
			want = append(want, "m"+strconv.Itoa(i))
		}
		c.race(func(i int) (bool, error) { return true, c.group.Join(c.ctx, group, want[i], hour) })
		c.listed(group, want...)
		c.race(func(i int) (bool, error) {
			if i%2 == 0 {
				return true, c.group.Leave(c.ctx, group, want[i])
			}
			return true, c.group.Join(c.ctx, group, want[i], hour)
		})
		var odd []string
		for i := 1; i < racers; i += 2 {
			odd = append(odd, want[i])
		}
		c.listed(group, odd...)
		done, cancel := context.WithCancel(c.ctx)
		cancel()
		_, err := c.group.Members(done, group)
		for verb, err := range map[string]error{
			"Join": c.group.Join(done, group, "new", hour), "Leave": c.group.Leave(done, group, "m1"), "Members": err,
		} {
			if !errors.Is(err, context.Canceled) {
				c.broken("%s with a context that is done: %v", verb, err)
			}
		}
		c.listed(group, odd...)
	}},
}

// listed breaks the case unless the group has these members.
func (c *check) listed(group string, want ...string) {
	c.Helper()
	got, err := c.group.Members(c.ctx, group)
	c.must(err)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.broken("the members are %q, not %q", got, want)
	}
}
