package state

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"sync/atomic"
	"time"
)

// A Memory is a Store, Swapper and Grouper in this process. The zero Memory
// works; it must not be copied. It starts no goroutine: calls sweep a few
// expired entries away, so that what has expired is gone after a bounded number
// of further calls.
//
// A million pending logins cost the garbage collector nothing: entries lie in
// pages of bytes that hold no pointers.
type Memory struct {
	// Now tells the time; nil means the machine's monotonic clock, which no
	// change of the wall clock moves. It must not change after the first use.
	Now func() time.Time

	table atomic.Pointer[memoryTable]
}

// memoryShards is a power of two. Many, so that callers rarely meet at one and
// the growth of an index stays short.
const memoryShards = 256

type memoryTable struct {
	seed   maphash.Seed
	start  time.Time
	shards [memoryShards]shard
}

// open returns the table, and the time in nanoseconds of a clock that starts
// anywhere.
func (m *Memory) open() (*memoryTable, int64) {
	t := m.table.Load()
	if t == nil {
		m.table.CompareAndSwap(nil, &memoryTable{seed: maphash.MakeSeed(), start: time.Now()})
		t = m.table.Load()
	}
	if m.Now != nil {
		return t, m.Now().UnixNano()
	}
	return t, int64(time.Since(t.start))
}

// Entries and groups share the shards; a kind keeps their names apart.
const (
	kindEntry = 0
	kindGroup = 1
)

// shard finds and locks the shard of a name, sweeps it, and returns it with the
// mark of the name in its index.
func (m *Memory) shard(ctx context.Context, kind byte, key string) (s *shard, tag uint32, now int64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, 0, err
	}
	if len(key) > MaxKey {
		return nil, 0, 0, fmt.Errorf("%w: key of %d bytes", ErrTooLarge, len(key))
	}
	t, now := m.open()
	h := maphash.String(t.seed, key)
	s = &t.shards[h>>32%memoryShards]
	tag = uint32(h) ^ uint32(kind)
	s.mu.Lock()
	s.sweep(now)
	return s, tag, now, nil
}

// until adds ttl to now. An end beyond what can be told is the last one that
// can, and a ttl that is not positive ends now.
func until(now int64, ttl time.Duration) int64 {
	if ttl <= 0 {
		return now
	}
	if end := now + int64(ttl); end > now {
		return end
	}
	return math.MaxInt64
}

// Add implements Store.
func (m *Memory) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	s, tag, now, err := m.shard(ctx, kindEntry, key)
	if err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	at, found := s.find(kindEntry, key, tag, now)
	if found {
		return false, nil
	}
	return true, s.put(kindEntry, key, tag, at, value, 0, now, until(now, ttl))
}

// Put implements Store.
func (m *Memory) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	s, tag, now, err := m.shard(ctx, kindEntry, key)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	at, _ := s.find(kindEntry, key, tag, now)
	return s.put(kindEntry, key, tag, at, value, 0, now, until(now, ttl))
}

// Get implements Store.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, bool, error) {
	s, tag, now, err := m.shard(ctx, kindEntry, key)
	if err != nil {
		return nil, false, err
	}
	defer s.mu.Unlock()
	at, found := s.find(kindEntry, key, tag, now)
	if !found {
		return nil, false, nil
	}
	return bytes.Clone(s.value(at)), true, nil
}

// holds reports whether the entry of a key has the value.
func (m *Memory) holds(ctx context.Context, key string, value []byte) (bool, error) {
	s, tag, now, err := m.shard(ctx, kindEntry, key)
	if err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	at, found := s.find(kindEntry, key, tag, now)
	return found && bytes.Equal(s.value(at), value), nil
}

// Take implements Store.
func (m *Memory) Take(ctx context.Context, key string) ([]byte, bool, error) {
	s, tag, now, err := m.shard(ctx, kindEntry, key)
	if err != nil {
		return nil, false, err
	}
	defer s.mu.Unlock()
	at, found := s.find(kindEntry, key, tag, now)
	if !found {
		return nil, false, nil
	}
	value := bytes.Clone(s.value(at))
	s.remove(at)
	return value, true, nil
}

// takes is Take for an entry that has the value, and reports whether it had.
func (m *Memory) takes(ctx context.Context, key string, value []byte) (bool, error) {
	s, tag, now, err := m.shard(ctx, kindEntry, key)
	if err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	at, found := s.find(kindEntry, key, tag, now)
	if !found || !bytes.Equal(s.value(at), value) {
		return false, nil
	}
	s.remove(at)
	return true, nil
}

// Swap implements Swapper.
func (m *Memory) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	s, tag, now, err := m.shard(ctx, kindEntry, key)
	if err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	at, found := s.find(kindEntry, key, tag, now)
	if !found || !bytes.Equal(s.value(at), old) {
		return false, nil
	}
	return true, s.put(kindEntry, key, tag, at, value, 0, now, until(now, ttl))
}

// Len returns the number of entries and groups, expired ones included that no
// call has swept away yet.
func (m *Memory) Len() int {
	t, n := m.table.Load(), 0
	if t == nil {
		return 0
	}
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += s.count
		s.mu.Unlock()
	}
	return n
}

// Size returns the bytes that are set aside for entries and their index.
func (m *Memory) Size() int {
	t, n := m.table.Load(), 0
	if t == nil {
		return 0
	}
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += s.size()
		s.mu.Unlock()
	}
	return n
}

// String hides what is stored.
func (m *Memory) String() string { return fmt.Sprintf("state.Memory(%d)", m.Len()) }

// GoString hides what is stored.
func (m *Memory) GoString() string { return m.String() }
