package endpoint_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
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

// recordingStore keeps every key and value that was written.
type recordingStore struct {
	state.Store
	mu  sync.Mutex
	all []string
}

func (r *recordingStore) note(key string, value []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, key+" "+string(value))
}

func (r *recordingStore) entries() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *recordingStore) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	r.note(key, value)
	return r.Store.Add(ctx, key, value, ttl)
}

func (r *recordingStore) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	r.note(key, value)
	return r.Store.Put(ctx, key, value, ttl)
}

var errBroken = errors.New("the store is broken")

// brokenStore fails from a certain call on.
type brokenStore struct {
	state.Store
	left atomic.Int64
}

func (b *brokenStore) fails() bool { return b.left.Add(-1) < 0 }

func (b *brokenStore) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if b.fails() {
		return false, errBroken
	}
	return b.Store.Add(ctx, key, value, ttl)
}

func (b *brokenStore) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if b.fails() {
		return errBroken
	}
	return b.Store.Put(ctx, key, value, ttl)
}

func (b *brokenStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if b.fails() {
		return nil, false, errBroken
	}
	return b.Store.Get(ctx, key)
}

func (b *brokenStore) Take(ctx context.Context, key string) ([]byte, bool, error) {
	if b.fails() {
		return nil, false, errBroken
	}
	return b.Store.Take(ctx, key)
}

func hexOf(s string) string { return hex.EncodeToString(hashOf(s)) }

// certificate makes a self-signed certificate for a key.
func certificate(t testing.TB, k *keyjar.Key, name string) []byte {
	t.Helper()
	raw, err := k.PrivateJWK()
	if err != nil {
		t.Fatal(err)
	}
	var jwk struct{ D, X, Y string }
	if err := json.Unmarshal(raw, &jwk); err != nil {
		t.Fatal(err)
	}
	number := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), number(jwk.D))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
