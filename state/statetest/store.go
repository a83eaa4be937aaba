package statetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oidcservice/oidc/state"
)

// storeCases are the sentences of state.Store, in their order. One cannot be
// checked: "After an error it is unknown whether the call took effect."
var storeCases = []testCase{
	{"Keys", "Keys are at most 64 bytes of [A-Za-z0-9_-].", store, func(c *check) {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
		tail := c.key()
		for _, key := range []string{
			alphabet[:state.MaxKey-len(tail)] + tail,
			alphabet[len(alphabet)-(state.MaxKey-len(tail)):] + tail,
			tail, "-" + tail, "_" + tail, "0" + tail,
		} {
			c.put(key, key, hour)
			c.holds(key, key)
		}
	}},
	{"Case", "Keys that differ in case are different.", store, func(c *check) {
		base := c.key()
		upper, lower := base+"K", base+"k"
		c.put(upper, "upper", hour)
		c.absent(lower)
		c.put(lower, "lower", hour)
		c.holds(upper, "upper")
		c.holds(lower, "lower")
	}},
	{"Values", "A value is any bytes, up to 1 MiB; an empty value is a value.", store, func(c *check) {
		var every [256]byte
		for i := range every {
			every[i] = byte(i)
		}
		for _, value := range []string{"", "\x00", " ", string(every[:]), "'\"\\%;--", strings.Repeat("\xff", 1000), strings.Repeat("x", c.suite.MaxValue)} {
			put, add := c.key(), c.key()
			c.put(put, value, hour)
			c.holds(put, value)
			if !c.add(add, value, hour) {
				c.broken("nothing was added")
			}
			c.holds(add, value)
		}
		null := c.key()
		c.must(c.s.Put(c.ctx, null, nil, hour))
		c.holds(null, "")
	}},
	{"Atomic", "Every method is atomic and safe for concurrent use.", store, func(c *check) {
		key := c.key()
		c.race(func(i int) (bool, error) {
			for n := range 20 {
				var err error
				var value []byte
				switch (i + n) % 4 {
				case 0:
					err = c.s.Put(c.ctx, key, bytes.Repeat([]byte{byte(i)}, 100+i), hour)
				case 1:
					_, err = c.s.Add(c.ctx, key, bytes.Repeat([]byte{byte(i)}, 100+i), hour)
				case 2:
					value, _, err = c.s.Get(c.ctx, key)
				case 3:
					value, _, err = c.s.Take(c.ctx, key)
				}
				if err != nil {
					return false, err
				}
				if len(value) > 0 && !bytes.Equal(value, bytes.Repeat(value[:1], 100+int(value[0]))) {
					return false, fmt.Errorf("a value of two calls: %s", brief(value))
				}
			}
			return true, nil
		})
	}},
	{"Expired", "An expired entry is absent.", store, func(c *check) {
		get, take, add, put := c.key(), c.key(), c.key(), c.key()
		for _, key := range []string{get, take, add, put} {
			c.put(key, "old", c.suite.Moment)
		}
		c.pass()
		c.absent(get)
		if _, found, err := c.s.Take(c.ctx, take); found || err != nil {
			c.broken("Take: %v, %v", found, err)
		}
		if !c.add(add, "new", hour) {
			c.broken("Add sees it")
		}
		c.holds(add, "new")
		c.put(put, "new", hour)
		c.holds(put, "new")
	}},
	{"ExpiredRace", "An expired entry is absent.", store, func(c *check) {
		add, take := c.key(), c.key()
		c.put(add, "old", c.suite.Moment)
		c.put(take, "old", c.suite.Moment)
		c.pass()
		if won := c.race(func(i int) (bool, error) { return c.s.Add(c.ctx, add, []byte{byte(i)}, hour) }); won != 1 {
			c.broken("%d calls of Add replaced it", won)
		}
		if won := c.race(func(int) (bool, error) {
			_, found, err := c.s.Take(c.ctx, take)
			return found, err
		}); won != 0 {
			c.broken("%d calls of Take found it", won)
		}
	}},
	{"DeadOnArrival", "An entry whose ttl is not positive has expired already.", store, func(c *check) {
		for _, ttl := range []time.Duration{0, -1, -hour} {
			put, add := c.key(), c.key()
			c.put(put, "old", hour)
			c.put(put, "new", ttl)
			c.absent(put)
			if !c.add(add, "new", ttl) {
				c.broken("Add of a new key reports false")
			}
			c.absent(add)
			c.put(add, "old", hour)
			if c.add(add, "new", ttl) {
				c.broken("Add of a key in use reports true")
			}
			c.holds(add, "old")
		}
	}},
	{"LongLife", "An expired entry is absent.", store, func(c *check) {
		const centuries = 1<<63 - 1
		for _, ttl := range []time.Duration{24 * 366 * hour, centuries} {
			put, add := c.key(), c.key()
			c.put(put, "value", ttl)
			c.add(add, "value", ttl)
			c.holds(put, "value")
			c.holds(add, "value")
		}
	}},
	{"Missing", "A missing entry is not an error: err reports a failing store.", store, func(c *check) {
		value, found, err := c.s.Get(c.ctx, c.key())
		c.must(err)
		if found || len(value) > 0 {
			c.broken("Get: %s, %v", brief(value), found)
		}
		value, found, err = c.s.Take(c.ctx, c.key())
		c.must(err)
		if found || len(value) > 0 {
			c.broken("Take: %s, %v", brief(value), found)
		}
	}},
	{"Context", "A call whose context is done returns the context's error and changes nothing.", store, func(c *check) {
		done, cancel := context.WithCancel(c.ctx)
		cancel()
		key, fresh := c.key(), c.key()
		c.put(key, "old", hour)
		calls := map[string]func() (bool, error){
			"Add": func() (bool, error) { return c.s.Add(done, fresh, []byte("new"), hour) },
			"Put": func() (bool, error) { return false, c.s.Put(done, key, []byte("new"), hour) },
			"Get": func() (bool, error) { _, found, err := c.s.Get(done, key); return found, err },
			"Take": func() (bool, error) {
				_, found, err := c.s.Take(done, key)
				return found, err
			},
		}
		for verb, call := range calls {
			if ok, err := call(); ok || !errors.Is(err, context.Canceled) {
				c.broken("%s: %v, %v", verb, ok, err)
			}
		}
		c.holds(key, "old")
		c.absent(fresh)
	}},
	{"Ownership", "The store keeps no reference to a value it was given, and the caller owns a value it got.", store, func(c *check) {
		put, add := c.key(), c.key()
		given := []byte("value")
		c.must(c.s.Put(c.ctx, put, given, hour))
		if _, err := c.s.Add(c.ctx, add, given, hour); err != nil {
			c.must(err)
		}
		copy(given, "VALUE")
		c.holds(put, "value")
		c.holds(add, "value")
		got, _, err := c.s.Get(c.ctx, put)
		c.must(err)
		copy(got, "VALUE")
		c.holds(put, "value")
		_ = append(got, "more"...)
		c.holds(put, "value")
	}},
	{"Add", "Add stores value under key for ttl if the key has no entry, and reports whether it did.", store, func(c *check) {
		key, brief, taken := c.key(), c.key(), c.key()
		if !c.add(key, "value", hour) {
			c.broken("false for a new key")
		}
		c.holds(key, "value")
		if c.add(key, "value", hour) {
			c.broken("true for a key in use")
		}
		c.add(brief, "value", c.suite.Moment)
		c.pass()
		c.absent(brief)
		c.put(taken, "old", hour)
		if _, _, err := c.s.Take(c.ctx, taken); err != nil {
			c.must(err)
		}
		if !c.add(taken, "new", hour) {
			c.broken("false for a key that was taken")
		}
	}},
	{"AddKeeps", "An entry that is there stays as it is.", store, func(c *check) {
		long, short := c.key(), c.key()
		c.put(long, "old", hour)
		c.add(long, "new", c.suite.Moment)
		c.holds(long, "old")
		c.put(short, "old", c.suite.Moment)
		c.add(short, "new", hour)
		c.pass()
		c.holds(long, "old")
		c.absent(short)
	}},
	{"AddOnce", "Of concurrent calls exactly one adds.", store, func(c *check) {
		for range 4 {
			key := c.key()
			if won := c.race(func(i int) (bool, error) { return c.s.Add(c.ctx, key, []byte{byte(i)}, hour) }); won != 1 {
				c.broken("%d of %d added", won, racers)
			}
		}
	}},
	{"Put", "Put stores value under key for ttl, in place of any entry.", store, func(c *check) {
		longer, shorter := c.key(), c.key()
		c.put(longer, "old", c.suite.Moment)
		c.put(longer, "new and longer", hour)
		c.put(shorter, "old and longer", hour)
		c.put(shorter, "new", c.suite.Moment)
		c.pass()
		c.holds(longer, "new and longer")
		c.absent(shorter)
	}},
	{"Get", "Get returns the value of the entry and leaves it in place.", store, func(c *check) {
		key := c.key()
		c.put(key, "value", hour)
		for range 3 {
			c.holds(key, "value")
		}
	}},
	{"Take", "Take returns the value of the entry and removes it.", store, func(c *check) {
		key, other := c.key(), c.key()
		c.put(key, "value", hour)
		c.put(other, "other", hour)
		value, found, err := c.s.Take(c.ctx, key)
		c.must(err)
		if !found || string(value) != "value" {
			c.broken("%s, %v", brief(value), found)
		}
		c.absent(key)
		if _, found, err = c.s.Take(c.ctx, key); found || err != nil {
			c.broken("a second time: %v, %v", found, err)
		}
		c.holds(other, "other")
	}},
	{"TakeOnce", "Of concurrent calls exactly one finds it.", store, func(c *check) {
		for range 4 {
			key := c.key()
			c.put(key, "value", hour)
			if won := c.race(func(int) (bool, error) {
				value, found, err := c.s.Take(c.ctx, key)
				if found && string(value) != "value" {
					err = fmt.Errorf("the value is %s", brief(value))
				}
				return found, err
			}); won != 1 {
				c.broken("%d of %d found it", won, racers)
			}
		}
	}},
}
