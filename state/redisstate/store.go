package redisstate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// DefaultPrefix is in front of all keys of a Store that names no other prefix.
const DefaultPrefix = "oidc:"

// Options are what may be told of a Store. The zero Options are good.
type Options struct {
	// Prefix is in front of all keys, so that applications can share a
	// server; "" means DefaultPrefix.
	Prefix string

	// Replicas is how many replicas must have what Add and Take did before
	// they answer (WAIT). With fewer they return an error, so that a login whose
	// claim a failover could forget starts again. Zero means that none is
	// waited for. Each call then has a connection of its own while it lasts.
	Replicas int

	// ReplicasWait is how long a call waits for the replicas; zero means a
	// second.
	ReplicasWait time.Duration
}

// A Store keeps entries in Redis. It is a state.Store, a state.Swapper and a
// state.Grouper, and safe for concurrent use.
type Store struct {
	client   rueidis.Client
	prefix   string
	replicas int64
	wait     int64 // milliseconds
}

// New returns a Store on a client that is the caller's: its addresses, TLS,
// user, limits of time, and its closing.
func New(client rueidis.Client, o Options) *Store {
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.ReplicasWait <= 0 {
		o.ReplicasWait = replicasWait
	}
	return &Store{client: client, prefix: o.Prefix, replicas: int64(o.Replicas), wait: millis(o.ReplicasWait)}
}

const replicasWait = time.Second

// doOnce runs the command of a claim or a mark, and waits for the replicas that
// are to know of it.
func (s *Store) doOnce(ctx context.Context, command rueidis.Completed) (result rueidis.RedisResult, err error) {
	if s.replicas <= 0 {
		return s.client.Do(ctx, command), nil
	}
	// WAIT is about what its own connection wrote, and holds up whatever comes
	// after it there.
	err = s.client.Dedicated(func(c rueidis.DedicatedClient) error {
		result = c.Do(ctx, command)
		if err := result.Error(); err != nil {
			return nil // nothing was written: the caller reads it
		}
		n, err := c.Do(ctx, c.B().Wait().Numreplicas(s.replicas).Timeout(s.wait).Build()).AsInt64()
		if err == nil && n < s.replicas {
			err = fmt.Errorf("%d of %d replicas know of it", n, s.replicas)
		}
		return err
	})
	return result, err
}

const maxKey = 64

var errKey = errors.New("a key has 1 to 64 bytes")

func checkKey(key string) error {
	if len(key) == 0 || len(key) > maxKey {
		return errKey
	}
	return nil
}

// millis rounds up: what has a life has a millisecond.
func millis(ttl time.Duration) int64 {
	if ttl <= 0 {
		return 0
	}
	return (int64(ttl)-1)/int64(time.Millisecond) + 1
}

// begin checks what all verbs check.
func begin(ctx context.Context, verb, key string) error {
	if err := ctx.Err(); err != nil {
		return failed(verb, err)
	}
	return failed(verb, checkKey(key))
}

func failed(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("redisstate: %s: %w", verb, err)
}

// Add implements state.Store.
func (s *Store) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error) {
	if err := begin(ctx, "add", key); err != nil {
		return false, err
	}
	if ttl <= 0 {
		n, err := s.client.Do(ctx, s.client.B().Exists().Key(s.prefix+key).Build()).AsInt64()
		return n == 0 && err == nil, failed("add", err)
	}
	// The client may still read the command after ctx is done: string copies.
	result, err := s.doOnce(ctx, s.client.B().Set().Key(s.prefix+key).Value(string(value)).Nx().PxMilliseconds(millis(ttl)).Build())
	if err == nil {
		err = result.Error()
	}
	if rueidis.IsRedisNil(err) {
		return false, nil
	}
	return err == nil, failed("add", err)
}

// Put implements state.Store.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := begin(ctx, "put", key); err != nil {
		return err
	}
	if ttl <= 0 {
		return failed("put", s.client.Do(ctx, s.client.B().Del().Key(s.prefix+key).Build()).Error())
	}
	return failed("put", s.client.Do(ctx, s.client.B().Set().Key(s.prefix+key).Value(string(value)).PxMilliseconds(millis(ttl)).Build()).Error())
}

// Get implements state.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := begin(ctx, "get", key); err != nil {
		return nil, false, err
	}
	return value("get", s.client.Do(ctx, s.client.B().Get().Key(s.prefix+key).Build()))
}

// Take implements state.Store.
func (s *Store) Take(ctx context.Context, key string) ([]byte, bool, error) {
	if err := begin(ctx, "take", key); err != nil {
		return nil, false, err
	}
	result, err := s.doOnce(ctx, s.client.B().Getdel().Key(s.prefix+key).Build())
	if err != nil {
		return nil, false, failed("take", err)
	}
	return value("take", result)
}

func value(verb string, result rueidis.RedisResult) ([]byte, bool, error) {
	value, err := result.AsBytes()
	if rueidis.IsRedisNil(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, failed(verb, err)
	}
	return value, true, nil
}

// swapScript: KEYS the entry; ARGV old value, new value, milliseconds.
var swapScript = rueidis.NewLuaScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
if tonumber(ARGV[3]) > 0 then
	redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
else
	redis.call('DEL', KEYS[1])
end
return 1
`)

// Swap implements state.Swapper.
func (s *Store) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (swapped bool, err error) {
	if err := begin(ctx, "swap", key); err != nil {
		return false, err
	}
	n, err := swapScript.Exec(ctx, s.client, []string{s.prefix + key},
		[]string{string(old), string(value), strconv.FormatInt(millis(ttl), 10)}).AsInt64()
	return n == 1 && err == nil, failed("swap", err)
}

// Check asks every server whether it may forget what it was told to keep, and
// returns an error if it may: its maxmemory-policy is not noeviction.
func (s *Store) Check(ctx context.Context) error {
	for address, node := range s.client.Nodes() {
		info, err := node.Do(ctx, node.B().Info().Section("memory").Build()).ToString()
		if err != nil {
			return failed("check", err)
		}
		for line := range strings.Lines(info) {
			policy, ok := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:")
			if ok && policy != "noeviction" {
				return fmt.Errorf("redisstate: check: %s has maxmemory-policy %s; a full server would forget what was used, it must be noeviction", address, policy)
			}
		}
	}
	return nil
}
