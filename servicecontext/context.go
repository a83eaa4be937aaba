package servicecontext

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// A ServiceContext is what one client knows about itself and one provider. It is
// safe for concurrent use and must not be copied.
type ServiceContext struct {
	current  atomic.Pointer[Snapshot]
	mu       sync.Mutex // serializes writers; readers never take it
	now      func() time.Time
	rand     io.Reader
	logger   *slog.Logger
	sealKeys [][]byte
}

// Snapshot returns what is known now. It never changes; do not write to it.
func (sc *ServiceContext) Snapshot() *Snapshot { return sc.current.Load() }

// Update gives change a copy of the current snapshot and publishes it when change
// succeeds. Slices of the copy must be replaced, not written to. The behaviour
// that follows from the change is worked out again; if our preferences and the
// provider's metadata no longer meet, nothing is published and the error is a
// Violation of rule metadata_capability. Writers wait for each other, readers for
// nobody.
func (sc *ServiceContext) Update(change func(*Snapshot) error) error {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	next := sc.current.Load().clone()
	if err := change(next); err != nil {
		return err
	}
	if err := next.derive(); err != nil {
		return fmt.Errorf("servicecontext: %w", err)
	}
	sc.current.Store(next)
	return nil
}

// Now reads the clock of the context.
func (sc *ServiceContext) Now() time.Time { return sc.now() }

// Rand returns the source of randomness of the context.
func (sc *ServiceContext) Rand() io.Reader { return sc.rand }

// Logger returns the logger of the context; it is never nil.
func (sc *ServiceContext) Logger() *slog.Logger { return sc.logger }

// LogValue says which client at which provider the context is.
func (sc *ServiceContext) LogValue() slog.Value { return sc.Snapshot().LogValue() }

// String names the issuer and the client.
func (sc *ServiceContext) String() string { return sc.Snapshot().String() }

// Format prints what String returns under every verb, so that no secret shows.
func (sc *ServiceContext) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, sc.String()) }

// keyID names a seal key without telling it.
func keyID(key []byte) string {
	sum := sha256.Sum256(key)
	return fmt.Sprintf("%x", sum[:4])
}
