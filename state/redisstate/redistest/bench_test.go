package redistest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/oidcservice/oidc/state/redisstate"
)

// inFlight is how many calls are under way at once.
const inFlight = 32

// BenchmarkStore compares each verb, 32 in flight, with the same command by the
// bare client and by go-redis.
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
	text := string(value)
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("p-%043d", i)
	}
	fill := func() {
		for _, key := range keys {
			if err := store.Put(ctx, key, value, time.Hour); err != nil {
				b.Fatal(err)
			}
		}
	}
	// Takes come with the Put that makes the next one possible.
	verbs := []struct {
		name                 string
		store, raw, compared func(key string) error
	}{
		{
			"put",
			func(key string) error { return store.Put(ctx, key, value, time.Hour) },
			func(key string) error {
				return client.Do(ctx, client.B().Set().Key(prefix+key).Value(text).PxMilliseconds(3600_000).Build()).Error()
			},
			func(key string) error { return other.Set(ctx, prefix+key, value, time.Hour).Err() },
		},
		{
			"add",
			func(key string) error { _, err := store.Add(ctx, key, value, time.Hour); return err },
			func(key string) error {
				err := client.Do(ctx, client.B().Set().Key(prefix+key).Value(text).Nx().PxMilliseconds(3600_000).Build()).Error()
				if rueidis.IsRedisNil(err) {
					return nil
				}
				return err
			},
			func(key string) error { return other.SetNX(ctx, prefix+key, value, time.Hour).Err() },
		},
		{
			"get",
			func(key string) error { _, _, err := store.Get(ctx, key); return err },
			func(key string) error {
				_, err := client.Do(ctx, client.B().Get().Key(prefix+key).Build()).AsBytes()
				return err
			},
			func(key string) error { _, err := other.Get(ctx, prefix+key).Bytes(); return err },
		},
		{
			"take",
			func(key string) error {
				if _, _, err := store.Take(ctx, key); err != nil {
					return err
				}
				return store.Put(ctx, key, value, time.Hour)
			},
			func(key string) error {
				if _, err := client.Do(ctx, client.B().Getdel().Key(prefix+key).Build()).AsBytes(); err != nil && !rueidis.IsRedisNil(err) {
					return err
				}
				return client.Do(ctx, client.B().Set().Key(prefix+key).Value(text).PxMilliseconds(3600_000).Build()).Error()
			},
			func(key string) error {
				if _, err := other.GetDel(ctx, prefix+key).Bytes(); err != nil && err != redis.Nil {
					return err
				}
				return other.Set(ctx, prefix+key, value, time.Hour).Err()
			},
		},
	}
	for _, verb := range verbs {
		for name, do := range map[string]func(string) error{"store": verb.store, "rueidis": verb.raw, "go-redis": verb.compared} {
			b.Run(verb.name+"/"+name, func(b *testing.B) {
				fill()
				b.ReportAllocs()
				b.SetParallelism(inFlight / 2)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for i := 0; pb.Next(); i++ {
						if err := do(keys[i%len(keys)]); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}
