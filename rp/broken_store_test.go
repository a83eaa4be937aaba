package rp_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/state"
)

var errStore = errors.New("the store is on fire")

// A brokenStore fails when it is told to.
type brokenStore struct {
	state.Store
	broken atomic.Bool
}

func (s *brokenStore) fail(yes bool) { s.broken.Store(yes) }

func (s *brokenStore) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if s.broken.Load() {
		return false, errStore
	}
	return s.Store.Add(ctx, key, value, ttl)
}

func (s *brokenStore) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if s.broken.Load() {
		return errStore
	}
	return s.Store.Put(ctx, key, value, ttl)
}

func (s *brokenStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if s.broken.Load() {
		return nil, false, errStore
	}
	return s.Store.Get(ctx, key)
}

func (s *brokenStore) Take(ctx context.Context, key string) ([]byte, bool, error) {
	if s.broken.Load() {
		return nil, false, errStore
	}
	return s.Store.Take(ctx, key)
}

func newKey(t testing.TB, alg, use string) *keyjar.Key {
	t.Helper()
	key, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{Use: use, Algorithm: alg})
	if err != nil {
		t.Fatal(err)
	}
	return key
}
