package redistest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/oidcservice/oidc/state/internal/outage"
	"github.com/oidcservice/oidc/state/redisstate"
)

// inFlight is how many calls are under way at once.
const inFlight = 32

// BenchmarkStore compares each verb, 32 in flight, with the same command by the
// bare client and by go-redis: "x-rueidis" and "x-go-redis" are how many times
// as long the Store takes as they do. A round is some thousand calls of each:
//
//	go test -run '^$' -bench . -benchtime 60x .
func BenchmarkStore(b *testing.B) {
	s := servers[0]
	ctx := context.Background()
	option, err := redis.ParseURL(s.url(b))
	if err != nil {
		b.Fatal(err)
	}
	option.PoolSize = inFlight
	other := redis.NewClient(option)
	b.Cleanup(func() { _ = other.Close() })
	client := s.client(b, nil)
	prefix := fmt.Sprintf("bench%d:", time.Now().UnixNano())
	store := redisstate.New(client, redisstate.Options{Prefix: prefix})
	value := []byte(strings.Repeat("a pending login ", 50))
	keys := make([]string, 1500)
	for i := range keys {
		keys[i] = fmt.Sprintf("p-%043d", i)
	}
	all := func(command func(key string) rueidis.Completed) func() {
		return func() {
			commands := make(rueidis.Commands, len(keys))
			for i, key := range keys {
				commands[i] = command(prefix + key)
			}
			for _, result := range client.DoMulti(ctx, commands...) {
				if err := result.Error(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	fill := all(func(key string) rueidis.Completed {
		return client.B().Set().Key(key).Value(string(value)).PxMilliseconds(3600_000).Build()
	})
	drain := all(func(key string) rueidis.Completed { return client.B().Del().Key(key).Build() })
	verbs := []struct {
		name string
		// What is there when a turn begins: takes find something, adds nothing.
		prepare              func()
		store, raw, compared func(key string) error
	}{
		{
			"put", fill,
			func(key string) error { return store.Put(ctx, key, value, time.Hour) },
			func(key string) error {
				return client.Do(ctx, client.B().Set().Key(prefix+key).Value(string(value)).PxMilliseconds(3600_000).Build()).Error()
			},
			func(key string) error { return other.Set(ctx, prefix+key, value, time.Hour).Err() },
		},
		{
			"add", drain,
			func(key string) error { _, err := store.Add(ctx, key, value, time.Hour); return err },
			func(key string) error {
				return client.Do(ctx, client.B().Set().Key(prefix+key).Value(string(value)).Nx().PxMilliseconds(3600_000).Build()).Error()
			},
			func(key string) error { return other.SetNX(ctx, prefix+key, value, time.Hour).Err() },
		},
		{
			"get", fill,
			func(key string) error { _, _, err := store.Get(ctx, key); return err },
			func(key string) error {
				_, err := client.Do(ctx, client.B().Get().Key(prefix+key).Build()).AsBytes()
				return err
			},
			func(key string) error { _, err := other.Get(ctx, prefix+key).Bytes(); return err },
		},
		{
			"take", fill,
			func(key string) error { _, _, err := store.Take(ctx, key); return err },
			func(key string) error {
				_, err := client.Do(ctx, client.B().Getdel().Key(prefix+key).Build()).AsBytes()
				return err
			},
			func(key string) error { _, err := other.GetDel(ctx, prefix+key).Bytes(); return err },
		},
	}
	for _, verb := range verbs {
		b.Run(verb.name, func(b *testing.B) {
			by := func(do func(string) error) func(int) error { return func(i int) error { return do(keys[i]) } }
			outage.Compare(b, len(keys), inFlight, verb.prepare,
				outage.Candidate{Name: "store", Call: by(verb.store)},
				outage.Candidate{Name: "rueidis", Call: by(verb.raw)},
				outage.Candidate{Name: "go-redis", Call: by(verb.compared)})
		})
	}
}

// BenchmarkSize measures what the server's memory holds for an entry of so many
// bytes, and for a member of a group.
func BenchmarkSize(b *testing.B) {
	s := servers[0]
	client := s.client(b, nil)
	ctx := context.Background()
	used := func() int64 {
		info, err := client.Do(ctx, client.B().Info().Section("memory").Build()).ToString()
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(info) {
			if text, ok := strings.CutPrefix(line, "used_memory_dataset:"); ok {
				n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
				if err != nil {
					b.Fatal(err)
				}
				return n
			}
		}
		b.Fatal("the server does not tell")
		return 0
	}
	const entries = 50_000
	for _, size := range []int{600, 800, 2500, 0} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			store := s.open(b)
			before := used()
			for i := range entries {
				var err error
				if size > 0 {
					err = store.Put(ctx, fmt.Sprintf("p-%043d", i), []byte(strings.Repeat("x", size)), time.Minute)
				} else {
					err = store.Join(ctx, fmt.Sprintf("g-%043d", i), fmt.Sprintf("%043d", i), time.Minute)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(used()-before)/entries, "B/entry")
		})
	}
}
