package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/redisstate"
	"github.com/oidcservice/oidc/state/statetest"
)

func TestStore(t *testing.T) {
	eachServer(t, func(t *testing.T, s server) {
		store := s.open(t)
		statetest.Run(t, statetest.Suite{Open: func(testing.TB) state.Store { return store }})
	})
}

func TestSealedStore(t *testing.T) {
	eachServer(t, func(t *testing.T, s server) {
		store, err := state.Sealed(s.open(t), make([]byte, state.MinSealKey))
		if err != nil {
			t.Fatal(err)
		}
		statetest.Run(t, statetest.Suite{Open: func(testing.TB) state.Store { return store }})
	})
}

// Everything that a Store writes has a life, and nothing is left when it is
// over: a server whose memory is not evicted would fill up.
func TestNothingStays(t *testing.T) {
	s := servers[0]
	client := s.client(t, nil)
	prefix := fmt.Sprintf("stays%d:", time.Now().UnixNano())
	store := redisstate.New(client, redisstate.Options{Prefix: prefix})
	ctx := t.Context()
	db := &state.DB{Store: store, PendingTTL: 50 * time.Millisecond, SessionTTL: 50 * time.Millisecond}
	for i := range 10 {
		name := fmt.Sprint("S", i)
		r := state.NewRecord(name, "i")
		r.Link(state.KindSubject, "sub")
		if err := db.Begin(ctx, r); err != nil {
			t.Fatal(err)
		}
		r, err := db.Claim(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Save(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	keys := func() []string {
		t.Helper()
		keys, err := client.Do(ctx, client.B().Keys().Pattern(prefix+"*").Build()).AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	for _, key := range keys() {
		ttl, err := client.Do(ctx, client.B().Pttl().Key(key).Build()).AsInt64()
		if err != nil || ttl == -1 {
			t.Errorf("%s lives for ever, %v", key, err)
		}
		if !strings.HasPrefix(key, prefix) {
			t.Errorf("%s has no prefix", key)
		}
	}
	if len(keys()) == 0 {
		t.Error("nothing was stored")
	}
	time.Sleep(200 * time.Millisecond)
	if left := keys(); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

// The keys of one login are on different nodes of a cluster; ten thousand
// logins through two clients, none is claimed twice.
func TestLogins(t *testing.T) {
	logins := 1000
	if os.Getenv("CI") == "true" {
		logins = 10_000
	}
	eachServer(t, func(t *testing.T, s server) {
		prefix := fmt.Sprintf("logins%d:", time.Now().UnixNano())
		var dbs [2]*state.DB
		for i := range dbs {
			dbs[i] = &state.DB{Store: redisstate.New(s.client(t, nil), redisstate.Options{Prefix: prefix}), PendingTTL: time.Minute, SessionTTL: time.Minute}
		}
		var next, claims atomic.Int64
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for i := next.Add(1); i <= int64(logins); i = next.Add(1) {
					name := fmt.Sprint("S", i)
					if err := dbs[i%2].Begin(t.Context(), state.NewRecord(name, "i")); err != nil {
						t.Error(err)
						return
					}
					var callbacks sync.WaitGroup
					for _, db := range dbs {
						callbacks.Go(func() {
							switch _, err := db.Claim(t.Context(), name); {
							case err == nil:
								claims.Add(1)
							case !errors.Is(err, state.ErrUnknown):
								t.Error(err)
							}
						})
					}
					callbacks.Wait()
					if err := dbs[i%2].End(t.Context(), name); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if claims.Load() != int64(logins) {
			t.Errorf("%d logins were claimed %d times", logins, claims.Load())
		}
	})
}

func TestCheck(t *testing.T) {
	eachServer(t, func(t *testing.T, s server) {
		client := s.client(t, nil)
		store := redisstate.New(client, redisstate.Options{})
		if err := store.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		set := func(policy string) {
			t.Helper()
			for _, node := range client.Nodes() {
				command := node.B().ConfigSet().ParameterValue().ParameterValue("maxmemory-policy", policy).Build()
				if err := node.Do(context.Background(), command).Error(); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Cleanup(func() { set("noeviction") })
		set("allkeys-lru")
		if err := store.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "allkeys-lru") {
			t.Errorf("a server that evicts: %v", err)
		}
	})
}

func TestKeys(t *testing.T) {
	s := servers[0]
	store := s.open(t)
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

// The user of the package's documentation can do what a Store does, and no
// more.
func TestUser(t *testing.T) {
	eachServer(t, func(t *testing.T, s server) {
		admin := s.client(t, nil)
		for _, node := range admin.Nodes() {
			if err := node.Do(t.Context(), node.B().AclSetuser().Username("rp").Rule("reset", "on", ">secret").Rule(strings.Fields(rules)...).Build()).Error(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = node.Do(context.Background(), node.B().AclDeluser().Username("rp").Build()).Error()
			})
		}
		client := s.client(t, func(o *rueidis.ClientOption) { o.Username, o.Password = "rp", "secret" })
		store := redisstate.New(client, redisstate.Options{})
		if err := store.Check(t.Context()); err != nil {
			t.Error(err)
		}
		statetest.Run(t, statetest.Suite{Open: func(testing.TB) state.Store { return store }})
		other := redisstate.New(client, redisstate.Options{Prefix: "other:"})
		if err := other.Put(t.Context(), "k", nil, time.Second); err == nil {
			t.Error("the user may write elsewhere")
		}
	})
}
