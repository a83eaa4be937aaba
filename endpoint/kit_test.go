package endpoint_test

import (
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/oidcservice/oidc/state"
)

func hashOf(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// countingStore counts what changes.
type countingStore struct {
	state.Store
	writes atomic.Int64
}

func (c *countingStore) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	c.writes.Add(1)
	return c.Store.Add(ctx, key, value, ttl)
}

func (c *countingStore) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	c.writes.Add(1)
	return c.Store.Put(ctx, key, value, ttl)
}

func (c *countingStore) Take(ctx context.Context, key string) ([]byte, bool, error) {
	c.writes.Add(1)
	return c.Store.Take(ctx, key)
}
