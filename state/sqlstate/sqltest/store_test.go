package sqltest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/sqlstate"
	"github.com/oidcservice/oidc/state/statetest"
)

func TestStore(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d database) {
		store := d.open(t, sqlstate.Options{})
		statetest.Run(t, statetest.Suite{Open: func(testing.TB) state.Store { return store }})
	})
}

// The same with a clock of our own, and a sweep with every write.
func TestStoreByItsClock(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d database) {
		var offset atomic.Int64
		start := time.Now()
		store := d.open(t, sqlstate.Options{
			Now:        func() time.Time { return start.Add(time.Duration(offset.Load())) },
			SweepEvery: 1, SweepBatch: 3,
		})
		statetest.Run(t, statetest.Suite{
			Open:    func(testing.TB) state.Store { return store },
			Advance: func(d time.Duration) { offset.Add(int64(d)) },
			Moment:  10 * time.Minute,
		})
	})
}

func TestSealedStore(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d database) {
		store, err := state.Sealed(d.open(t, sqlstate.Options{}), make([]byte, state.MinSealKey))
		if err != nil {
			t.Fatal(err)
		}
		statetest.Run(t, statetest.Suite{Open: func(testing.TB) state.Store { return store }})
	})
}

// Many processes make the tables at once, and again.
func TestMigrateAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d database) {
		first := d.open(t, sqlstate.Options{})
		table := fmt.Sprintf("m%d", time.Now().UnixNano())
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				store, err := sqlstate.New(d.pool(t), d.dialect, sqlstate.Options{Table: table})
				if err != nil {
					t.Error(err)
					return
				}
				if err := store.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		store := d.openTable(t, d.pool(t), sqlstate.Options{Table: table})
		if err := store.Put(t.Context(), "k", nil, time.Hour); err != nil {
			t.Error(err)
		}
		if err := first.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// The sweep removes what has expired and nothing else, a batch at a time.
func TestSweep(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d database) {
		ctx := t.Context()
		var offset atomic.Int64
		start := time.Now()
		store := d.open(t, sqlstate.Options{
			Now:        func() time.Time { return start.Add(time.Duration(offset.Load())) },
			SweepEvery: -1, SweepBatch: 10,
		})
		for i := range 25 {
			for _, err := range []error{
				store.Put(ctx, fmt.Sprint("old", i), nil, time.Minute),
				store.Put(ctx, fmt.Sprint("new", i), nil, time.Hour),
				store.Join(ctx, "group", fmt.Sprint("old", i), time.Minute),
				store.Join(ctx, "group", fmt.Sprint("new", i), time.Hour),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		sweep := func(want int) {
			t.Helper()
			if n, err := store.Sweep(ctx); n != want || err != nil {
				t.Errorf("%d rows were removed, not %d, %v", n, want, err)
			}
		}
		sweep(0)
		offset.Add(int64(2 * time.Minute))
		for _, want := range []int{20, 20, 10, 0} {
			sweep(want)
		}
		for i := range 25 {
			if _, found, err := store.Get(ctx, fmt.Sprint("new", i)); !found || err != nil {
				t.Errorf("what lives was removed: %v", err)
			}
		}
		if members, err := store.Members(ctx, "group"); len(members) != 25 || err != nil {
			t.Errorf("%d members, %v", len(members), err)
		}
	})
}

// Writes sweep by themselves, so that the table does not grow without end.
func TestWritesSweep(t *testing.T) {
	eachDatabase(t, func(t *testing.T, d database) {
		ctx := t.Context()
		var offset atomic.Int64
		start := time.Now()
		table := fmt.Sprintf("w%d", time.Now().UnixNano())
		store := d.open(t, sqlstate.Options{
			Table: table, Now: func() time.Time { return start.Add(time.Duration(offset.Load())) }, SweepEvery: 4,
		})
		for i := range 200 {
			if added, err := store.Add(ctx, fmt.Sprint(i), nil, time.Second); !added || err != nil {
				t.Fatal(added, err)
			}
			if err := store.Join(ctx, "group", fmt.Sprint(i), time.Second); err != nil {
				t.Fatal(err)
			}
			offset.Add(int64(100 * time.Millisecond))
		}
		pool := d.pool(t)
		for _, table := range []string{table, table + "_group"} {
			var rows int
			if err := pool.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&rows); err != nil || rows > 30 {
				t.Errorf("%s has %d rows, %v", table, rows, err)
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		dialect sqlstate.Dialect
		table   string
	}{
		{"", ""}, {"oracle", ""}, {sqlstate.SQLite, "a b"}, {sqlstate.SQLite, `a"`}, {sqlstate.PostgreSQL, "a.b.c"},
		{sqlstate.MySQL, "1a"}, {sqlstate.MySQL, "a;DROP TABLE b"},
	} {
		if store, err := sqlstate.New(nil, c.dialect, sqlstate.Options{Table: c.table}); err == nil || store != nil {
			t.Errorf("%q, %q: no error", c.dialect, c.table)
		}
	}
}

func TestKeys(t *testing.T) {
	d := databases[0].found(t)
	store := d.open(t, sqlstate.Options{})
	ctx := t.Context()
	for _, key := range []string{"", fmt.Sprintf("%065d", 1)} {
		_, add := store.Add(ctx, key, nil, time.Hour)
		_, _, get := store.Get(ctx, key)
		_, _, take := store.Take(ctx, key)
		_, swap := store.Swap(ctx, key, nil, nil, time.Hour)
		_, members := store.Members(ctx, key)
		for _, err := range []error{
			add, get, take, swap, members, store.Put(ctx, key, nil, time.Hour), store.Join(ctx, key, "m", time.Hour),
			store.Join(ctx, "g", key, time.Hour), store.Leave(ctx, key, "m"),
		} {
			if err == nil {
				t.Errorf("a key of %d bytes: no error", len(key))
			}
		}
	}
}

// A schema of PostgreSQL, in front of the table.
func TestTableInSchema(t *testing.T) {
	for _, d := range databases {
		if d.dialect != sqlstate.PostgreSQL {
			continue
		}
		d = d.found(t)
		store := d.open(t, sqlstate.Options{Table: fmt.Sprintf("public.q%d", time.Now().UnixNano())})
		db := &state.DB{Store: store}
		if err := db.Begin(t.Context(), state.NewRecord("S", "i")); err != nil {
			t.Fatal(err)
		}
		if err := db.Begin(t.Context(), state.NewRecord("S", "i")); !errors.Is(err, state.ErrExists) {
			t.Fatal(err)
		}
	}
}
