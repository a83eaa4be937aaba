package state

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// A Memory is a Store in this process. The zero Memory works. It starts no
// goroutine: every call sweeps a few expired entries away.
type Memory struct {
	// Now tells the time; nil means the monotonic clock of the machine.
	Now func() time.Time

	mu      sync.Mutex
	entries map[string]memoryEntry
	groups  map[string]map[string]time.Time
}

type memoryEntry struct {
	value []byte
	until time.Time
}

func (m *Memory) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

func (m *Memory) lookup(key string) ([]byte, bool) {
	e, ok := m.entries[key]
	if !ok || !m.now().Before(e.until) {
		delete(m.entries, key)
		return nil, false
	}
	return e.value, true
}

// Add implements Store.
func (m *Memory) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.lookup(key); ok {
		return false, ctx.Err()
	}
	return true, m.put(ctx, key, value, ttl)
}

func (m *Memory) put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.entries == nil {
		m.entries = map[string]memoryEntry{}
	}
	m.entries[key] = memoryEntry{bytes.Clone(value), m.now().Add(ttl)}
	return nil
}

// Put implements Store.
func (m *Memory) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.put(ctx, key, value, ttl)
}

// Get implements Store.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.lookup(key)
	return bytes.Clone(value), ok, ctx.Err()
}

// Take implements Store.
func (m *Memory) Take(ctx context.Context, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.lookup(key)
	delete(m.entries, key)
	return value, ok, ctx.Err()
}

// Swap implements Swapper.
func (m *Memory) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, ok := m.lookup(key)
	if !ok || !bytes.Equal(now, old) {
		return false, ctx.Err()
	}
	return true, m.put(ctx, key, value, ttl)
}

// Join implements Grouper.
func (m *Memory) Join(ctx context.Context, group, member string, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.groups == nil {
		m.groups = map[string]map[string]time.Time{}
	}
	if m.groups[group] == nil {
		m.groups[group] = map[string]time.Time{}
	}
	m.groups[group][member] = m.now().Add(ttl)
	return ctx.Err()
}

// Leave implements Grouper.
func (m *Memory) Leave(ctx context.Context, group, member string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.groups[group], member)
	return ctx.Err()
}

// Members implements Grouper.
func (m *Memory) Members(ctx context.Context, group string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var members []string
	for member, until := range m.groups[group] {
		if m.now().Before(until) {
			members = append(members, member)
		}
	}
	return members, ctx.Err()
}
