package state

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMemoryModel compares a Memory with a map, through entries of all sizes, a
// clock that goes on, and a few names, so that they meet each other's remains.
func TestMemoryModel(t *testing.T) {
	type entry struct {
		value []byte
		until time.Time
	}
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Unix(1e9, 0)
	m := &Memory{Now: func() time.Time { return now }}
	model := map[string]entry{}
	groups := map[string]map[string]time.Time{}
	ctx, largest := t.Context(), 0
	for step := range 200_000 {
		key := fmt.Sprintf("%0*d", 1+random.IntN(40), random.IntN(3000))
		size := random.IntN(300)
		if random.IntN(50) == 0 {
			size = random.IntN(80_000)
		}
		value := bytes.Repeat([]byte{byte(step)}, size)
		ttl := time.Duration(random.Int64N(int64(10 * time.Minute)))
		old, there := model[key]
		there = there && now.Before(old.until)
		switch random.IntN(8) {
		case 0:
			if err := m.Put(ctx, key, value, ttl); err != nil {
				t.Fatal(err)
			}
			model[key] = entry{value, now.Add(ttl)}
		case 1:
			added, err := m.Add(ctx, key, value, ttl)
			if err != nil || added == there {
				t.Fatalf("step %d: Add: %v, %v", step, added, err)
			}
			if added {
				model[key] = entry{value, now.Add(ttl)}
			}
		case 2, 3:
			got, found, err := m.Get(ctx, key)
			if err != nil || found != there || there && !bytes.Equal(got, old.value) {
				t.Fatalf("step %d: Get: %v, not %v, %v", step, found, there, err)
			}
		case 4:
			got, found, err := m.Take(ctx, key)
			if err != nil || found != there || there && !bytes.Equal(got, old.value) {
				t.Fatalf("step %d: Take: %v, not %v, %v", step, found, there, err)
			}
			delete(model, key)
		case 5:
			expect := old.value
			if random.IntN(2) == 0 {
				expect = value
			}
			swapped, err := m.Swap(ctx, key, expect, value, ttl)
			if err != nil || swapped != (there && bytes.Equal(expect, old.value)) {
				t.Fatalf("step %d: Swap: %v, %v", step, swapped, err)
			}
			if swapped {
				model[key] = entry{value, now.Add(ttl)}
			}
		case 6:
			group, member := key[len(key)-1:], fmt.Sprint(random.IntN(50))
			if random.IntN(2) == 0 {
				group, member = "large", fmt.Sprintf("%d of many", random.IntN(1000))
			}
			if random.IntN(3) == 0 {
				if err := m.Leave(ctx, group, member); err != nil {
					t.Fatal(err)
				}
				delete(groups[group], member)
				break
			}
			if err := m.Join(ctx, group, member, ttl); err != nil {
				t.Fatal(err)
			}
			if groups[group] == nil {
				groups[group] = map[string]time.Time{}
			}
			groups[group][member] = now.Add(ttl)
		case 7:
			group := key[len(key)-1:]
			if random.IntN(2) == 0 {
				group = "large"
			}
			got, err := m.Members(ctx, group)
			var want []string
			for member, until := range groups[group] {
				if now.Before(until) {
					want = append(want, member)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			largest = max(largest, len(want)*(memberHead+len("nnn of many")))
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("step %d: Members: %q, not %q, %v", step, got, want, err)
			}
		}
		if random.IntN(100) == 0 {
			now = now.Add(time.Duration(random.Int64N(int64(10 * time.Second))))
		}
		if random.IntN(50_000) == 0 {
			now = now.Add(time.Hour) // everything goes
		}
	}
	if largest < 2*maxExact {
		t.Errorf("the largest group had %d bytes: none was a journal", largest)
	}
	for key, e := range model {
		got, found, err := m.Get(ctx, key)
		if there := now.Before(e.until); err != nil || found != there || there && !bytes.Equal(got, e.value) {
			t.Fatalf("at the end: %v, %v", found, err)
		}
	}
}

// TestMemoryGivesBack fills a Memory, lets everything expire, and counts the
// calls until it is gone and the pages are given back.
func TestMemoryGivesBack(t *testing.T) {
	const entries = 50_000
	now := time.Unix(1e9, 0)
	m := &Memory{Now: func() time.Time { return now }}
	ctx := t.Context()
	value := make([]byte, 900)
	for i := range entries {
		if err := m.Put(ctx, fmt.Sprint(i), value, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	full := m.Size()
	if perEntry := full / entries; m.Len() != entries || perEntry > 1200 {
		t.Fatalf("%d entries of %d bytes", m.Len(), perEntry)
	}
	now = now.Add(2 * time.Minute)
	calls := 0
	for ; m.Len() > 0 && calls < 3*entries; calls++ {
		if _, _, err := m.Get(ctx, fmt.Sprint("x", calls)); err != nil {
			t.Fatal(err)
		}
	}
	if m.Len() > 0 {
		t.Errorf("after %d calls %d entries are left", calls, m.Len())
	}
	if left := m.Size(); left > full/20 {
		t.Errorf("%d of %d bytes are left", left, full)
	}
	// Memory that was given back is used again.
	for i := range entries {
		if err := m.Put(ctx, fmt.Sprint(i), value, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if again := m.Size(); again > full*11/10 {
		t.Errorf("the second time it takes %d bytes, the first time %d", again, full)
	}
}

// TestMemorySweepIsBounded: the first calls after all entries have expired remove
// a few, not all.
func TestMemorySweepIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	m := &Memory{Now: func() time.Time { return now }}
	for i := range 10_000 {
		if err := m.Put(t.Context(), fmt.Sprint(i), nil, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(time.Hour)
	for range sweepCalls {
		if _, _, err := m.Get(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if gone := 10_000 - m.Len(); gone < 1 || gone > sweepDead {
		t.Errorf("%d calls removed %d", sweepCalls, gone)
	}
}

func TestMemoryMillion(t *testing.T) {
	n := million
	if testing.Short() || raceEnabled {
		n = 50_000
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	db := &DB{Store: new(Memory)}
	for i := range n {
		if err := db.Begin(t.Context(), pendingLogin(stateOf(i))); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	perLogin := int(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%d bytes a login at %d logins, %d objects", perLogin, n, after.HeapObjects-before.HeapObjects)
	if perLogin > 1536 {
		t.Errorf("a pending login takes %d bytes", perLogin)
	}
	// Those that the DB keeps decoded are so many at most, however many logins there are.
	const each = 12
	if objects := int(after.HeapObjects) - int(before.HeapObjects); objects > n/50+each*recentSlots {
		t.Errorf("%d logins are %d objects for the collector", n, objects)
	}
	if _, err := db.Claim(t.Context(), stateOf(n/2)); err != nil {
		t.Error(err)
	}
	runtime.KeepAlive(db)
}

func TestMemoryClock(t *testing.T) {
	ctx := t.Context()
	for name, start := range map[string]time.Time{
		"the epoch":   time.Unix(0, 0),
		"before it":   time.Unix(-1e9, 1),
		"after 2106":  time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC),
		"nearly 2262": time.Unix(0, math.MaxInt64-int64(time.Hour)),
	} {
		now := start
		m := &Memory{Now: func() time.Time { return now }}
		is := func(key string, want bool) {
			t.Helper()
			if _, found, err := m.Get(ctx, key); found != want || err != nil {
				t.Errorf("%s: %s: %v, %v", name, key, found, err)
			}
		}
		put := func(key string, ttl time.Duration) {
			t.Helper()
			if err := m.Put(ctx, key, nil, ttl); err != nil {
				t.Fatal(err)
			}
		}
		put("minute", time.Minute)
		put("for ever", math.MaxInt64)
		put("dead", 0)
		for range 10 * memoryShards {
			is("minute", true)
			is("for ever", true)
			is("dead", false)
			is("other", false)
		}
		now = start.Add(time.Minute - 1)
		is("minute", true)
		now = start.Add(time.Minute)
		is("minute", false)
		is("for ever", true)
		// A clock that jumps back: what was found to have expired stays away.
		now = start
		is("minute", false)
		put("minute", time.Minute)
		is("minute", true)
		now = start.Add(-time.Hour)
		is("minute", true)
	}
}

func TestMemoryLimits(t *testing.T) {
	var m Memory
	ctx := t.Context()
	long := strings.Repeat("k", MaxKey+1)
	_, add := m.Add(ctx, long, nil, time.Hour)
	_, _, get := m.Get(ctx, long)
	for _, err := range []error{add, get, m.Put(ctx, long, nil, time.Hour), m.Join(ctx, long, "m", time.Hour), m.Join(ctx, "g", long, time.Hour)} {
		if err == nil || !strings.Contains(err.Error(), "65 bytes") {
			t.Errorf("%v", err)
		}
	}
	if m.Len() != 0 || (&Memory{}).Len() != 0 || (&Memory{}).Size() != 0 {
		t.Error("something was stored")
	}
	for size := range 2 * maxPage {
		if size > 2000 && size%997 != 0 {
			continue
		}
		class, chunk := classOf(size)
		if chunk < size || class > classes || size > minChunk && class < classes && chunk > size+size/8 {
			t.Fatalf("%d bytes get a chunk of %d", size, chunk)
		}
	}
	if got := fmt.Sprintf("%v %+v %s", &m, &m, &m); strings.Contains(got, "0x") {
		t.Errorf("printed as %s", got)
	}
	if got := fmt.Sprintf("%#v", &m); got != "state.Memory(0)" {
		t.Errorf("printed as %s", got)
	}
}

// Secrets do not stay in memory that was given back.
func TestMemoryForgets(t *testing.T) {
	var m Memory
	ctx := t.Context()
	secret := []byte("a secret of the user")
	if err := m.Put(ctx, "k", secret, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Take(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	for i := range m.table.Load().shards {
		for _, p := range m.table.Load().shards[i].pages.list {
			if bytes.Contains(p.data, secret[2:]) {
				t.Fatal("a value that was taken is still there")
			}
		}
	}
}

func TestMemoryConcurrently(t *testing.T) {
	var m Memory
	ctx := t.Context()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for range 5000 {
				key := fmt.Sprint(random.IntN(500))
				var err error
				switch random.IntN(7) {
				case 0:
					err = m.Put(ctx, key, make([]byte, random.IntN(2000)), time.Duration(random.IntN(2e6)))
				case 1:
					_, err = m.Add(ctx, key, make([]byte, random.IntN(2000)), time.Duration(random.IntN(2e6)))
				case 2:
					_, _, err = m.Get(ctx, key)
				case 3:
					_, _, err = m.Take(ctx, key)
				case 4:
					err = m.Join(ctx, key, "m", time.Duration(random.IntN(2e6)))
				case 5:
					_, err = m.Members(ctx, key)
				case 6:
					_ = m.Len() + m.Size()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
