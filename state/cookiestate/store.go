package cookiestate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oidcservice/oidc/state"
)

// Options are what a Store is made from.
type Options struct {
	// Keys seal the cookies, by state.Sealer: the first seals, all open. All
	// processes have the same. To rotate, put a new key in front, and drop the
	// last one when PendingTTL has passed.
	Keys [][]byte

	// Store keeps everything but pending logins: sessions, marks of what was
	// used, what was learnt about providers. Nil is memory of this process.
	Store state.Store

	// MaxBytes bounds what the pending logins of one browser take of a Cookie
	// header; zero means 6,000. A new login takes the place of the oldest.
	MaxBytes int

	// InsecureAllowHTTP makes cookies for plain http, without Secure and the
	// __Host- prefix. It is safe on a loopback interface only.
	InsecureAllowHTTP bool

	// Now tells the time; nil means the real clock.
	Now func() time.Time
}

// maxBytes leaves room for other cookies in the 8 KiB that servers commonly
// read of a header line.
const maxBytes = 6000

// ErrNoRequest reports a login that begins outside of a request that Open was
// told of: there is no browser to keep it.
const ErrNoRequest state.Error = "cookiestate: no browser to keep a pending login: the call belongs to no request that was opened"

// A Store keeps pending logins in the cookies of the request that its calls
// belong to, and everything else in another Store. It is a state.Swapper and a
// state.Grouper if that one is, and safe for concurrent use.
//
// Two requests that begin a login with the same state at once both succeed:
// states are random. Of calls of Take exactly one finds a login, as far as
// Options.Store is shared.
type Store struct {
	sealer   *state.Sealer
	rest     state.Store
	maxBytes int
	insecure bool
	now      func() time.Time
}

// New returns a Store. A key that is too short is an error.
func New(o Options) (*Store, error) {
	sealer, err := state.NewSealer(o.Keys...)
	if err != nil {
		return nil, fmt.Errorf("cookiestate: %w", err)
	}
	s := &Store{sealer: sealer, rest: o.Store, maxBytes: o.MaxBytes, insecure: o.InsecureAllowHTTP, now: o.Now}
	if s.maxBytes <= 0 {
		s.maxBytes = maxBytes
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.rest == nil {
		s.rest = &state.Memory{Now: o.Now}
	}
	return s, nil
}

// pendingPrefix is in front of the keys of pending logins: see package state.
const pendingPrefix = "p-"

// jarOf returns the jar that a call on key goes to. A key that is not of a
// pending login is not the browser's; a call without a request has no jar.
func (s *Store) jarOf(ctx context.Context, key string) (j *jar, pending bool, err error) {
	if !strings.HasPrefix(key, pendingPrefix) {
		return nil, false, nil
	}
	if len(key) > state.MaxKey {
		return nil, true, fmt.Errorf("cookiestate: %w: key of %d bytes", state.ErrTooLarge, len(key))
	}
	j, _ = ctx.Value(jarKey{s}).(*jar)
	return j, true, ctx.Err()
}

// Add implements state.Store.
func (s *Store) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	j, pending, err := s.jarOf(ctx, key)
	switch {
	case err != nil:
		return false, err
	case !pending:
		return s.rest.Add(ctx, key, value, ttl)
	case j == nil:
		return false, ErrNoRequest
	}
	return j.add(key, value, ttl)
}

// Put implements state.Store.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	j, pending, err := s.jarOf(ctx, key)
	switch {
	case err != nil:
		return err
	case !pending:
		return s.rest.Put(ctx, key, value, ttl)
	case j == nil:
		return ErrNoRequest
	}
	return j.put(key, value, ttl)
}

// Get implements state.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, bool, error) {
	j, pending, err := s.jarOf(ctx, key)
	switch {
	case err != nil:
		return nil, false, err
	case !pending:
		return s.rest.Get(ctx, key)
	case j == nil:
		return nil, false, nil
	}
	value, found := j.get(key)
	return value, found, nil
}

// Take implements state.Store.
func (s *Store) Take(ctx context.Context, key string) ([]byte, bool, error) {
	j, pending, err := s.jarOf(ctx, key)
	switch {
	case err != nil:
		return nil, false, err
	case !pending:
		return s.rest.Take(ctx, key)
	case j == nil:
		return nil, false, nil
	}
	return j.take(ctx, key)
}

// Swap implements state.Swapper.
func (s *Store) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	j, pending, err := s.jarOf(ctx, key)
	switch {
	case err != nil:
		return false, err
	case !pending:
		if swapper, ok := s.rest.(state.Swapper); ok {
			return swapper.Swap(ctx, key, old, value, ttl)
		}
		return false, errors.ErrUnsupported
	case j == nil:
		return false, nil
	}
	return j.swap(key, old, value, ttl)
}

// Join implements state.Grouper.
func (s *Store) Join(ctx context.Context, group, member string, ttl time.Duration) error {
	if g, ok := s.rest.(state.Grouper); ok {
		return g.Join(ctx, group, member, ttl)
	}
	return errors.ErrUnsupported
}

// Leave implements state.Grouper.
func (s *Store) Leave(ctx context.Context, group, member string) error {
	if g, ok := s.rest.(state.Grouper); ok {
		return g.Leave(ctx, group, member)
	}
	return errors.ErrUnsupported
}

// Members implements state.Grouper.
func (s *Store) Members(ctx context.Context, group string) ([]string, error) {
	if g, ok := s.rest.(state.Grouper); ok {
		return g.Members(ctx, group)
	}
	return nil, errors.ErrUnsupported
}

// String hides the keys.
func (s *Store) String() string { return fmt.Sprintf("cookiestate.Store(%T)", s.rest) }

// GoString hides the keys.
func (s *Store) GoString() string { return s.String() }
