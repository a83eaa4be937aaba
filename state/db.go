package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Lives where DB is not told other ones.
const (
	pendingTTL = 10 * time.Minute
	sessionTTL = 24 * time.Hour
)

// A DB keeps the logins of one or more clients in a Store. The zero DB works,
// in memory. Its fields must not change after the first use, and it must not
// be copied. Its methods are safe for concurrent use, also by many processes
// that share a store.
//
//	          Begin             Claim             End, or SessionTTL
//	(nothing) -----> pending -----------> session -----> (nothing)
//	                    | End, or PendingTTL
//	                    v
//	                (nothing)
type DB struct {
	// Store holds the entries; nil means one Memory of the DB's own.
	Store Store

	// PendingTTL is how long a user may take to come back from the provider;
	// zero means ten minutes.
	PendingTTL time.Duration

	// SessionTTL is how long a session lives after it was last saved; zero
	// means a day.
	SessionTTL time.Duration

	memory atomic.Pointer[Memory]
	swaps  atomic.Int32 // whether Store can swap: unknown, yes, no
	recent recent
}

func (db *DB) store() Store {
	if db.Store != nil {
		return db.Store
	}
	if m := db.memory.Load(); m != nil {
		return m
	}
	db.memory.CompareAndSwap(nil, new(Memory))
	return db.memory.Load()
}

func (db *DB) pending() time.Duration {
	if db.PendingTTL != 0 {
		return db.PendingTTL
	}
	return pendingTTL
}

func (db *DB) session() time.Duration {
	if db.SessionTTL != 0 {
		return db.SessionTTL
	}
	return sessionTTL
}

// linked is the life of look-ups. They outlive both lives, so that only Save has to renew them.
func (db *DB) linked() time.Duration { return db.pending() + db.session() }

// Begin remembers a new pending login. A state that is in use, pending or as a
// session, is ErrExists, and the login that has it stays as it is.
func (db *DB) Begin(ctx context.Context, r Record) error {
	value, err := r.Encode()
	if err != nil {
		return wrap("begin", err)
	}
	s, login := db.store(), digestOf(kindState, r.State)
	added, err := s.Add(ctx, login.key(prefixPending), value, db.pending())
	if err != nil {
		return wrap("begin", err)
	}
	if !added {
		return ErrExists
	}
	_, found, err := s.Get(ctx, login.key(prefixSession))
	if err == nil && !found {
		err = db.join(ctx, r.links, &login)
	}
	if err == nil && !found {
		db.recent.keep(prefixPending, &login, r.settled(value))
		return nil
	}
	// Nobody knows of the new login yet: take it back.
	_, _, takeErr := s.Take(ctx, login.key(prefixPending))
	if err = errors.Join(err, takeErr); err != nil {
		return wrap("begin", err)
	}
	return ErrExists
}

// Pending returns the pending login of a state; ErrUnknown if there is none.
func (db *DB) Pending(ctx context.Context, state string) (Record, error) {
	login := digestOf(kindState, state)
	return db.get(ctx, prefixPending, &login, state, "pending")
}

// Session returns the session of a state; ErrUnknown if there is none.
func (db *DB) Session(ctx context.Context, state string) (Record, error) {
	if r, held := db.holdOf(ctx).session(state); held {
		return r, nil
	}
	login := digestOf(kindState, state)
	return db.get(ctx, prefixSession, &login, state, "session")
}

func (db *DB) get(ctx context.Context, prefix string, login *digest, state, what string) (Record, error) {
	key := login.key(prefix)
	if m, ok := db.store().(*Memory); ok {
		// Memory can compare without a copy.
		if r := db.recent.of(login, state); r != nil {
			same, err := m.holds(ctx, key, r.stored)
			if same || err != nil {
				return r.Record, wrap(what, err)
			}
		}
	}
	value, found, err := db.store().Get(ctx, key)
	if err != nil {
		return Record{}, wrap(what, err)
	}
	if !found {
		return Record{}, ErrUnknown
	}
	r, err := db.read(value, login, state)
	if err == nil {
		db.recent.keep(prefix, login, r)
	}
	return r, wrap(what, err)
}

// read decodes an entry, unless that was done a moment ago. The state must be the one
// that was asked for: who can write to the store could have moved the entry.
func (db *DB) read(value []byte, login *digest, state string) (Record, error) {
	if r := db.recent.of(login, state); r != nil && bytes.Equal(r.stored, value) {
		return r.Record, nil
	}
	r, err := ParseRecord(value)
	if err == nil && r.State != state {
		err = malformed("record of another state")
	}
	if err != nil {
		return Record{}, err
	}
	r.stored, r.decoded = value, new(decodings)
	return r, nil
}

// take takes an entry out of the store and decodes it as read does; ErrUnknown if there
// is none. Of concurrent calls one gets it.
func (db *DB) take(ctx context.Context, prefix string, login *digest, state string) (Record, error) {
	key := login.key(prefix)
	if m, ok := db.store().(*Memory); ok {
		// Memory can compare without a copy.
		if r := db.recent.of(login, state); r != nil {
			taken, err := m.takes(ctx, key, r.stored)
			if taken || err != nil {
				return r.Record, err
			}
		}
	}
	value, found, err := db.store().Take(ctx, key)
	if err != nil {
		return Record{}, err
	}
	if !found {
		return Record{}, ErrUnknown
	}
	return db.read(value, login, state)
}

// Claim makes the pending login of a state a session, and returns it. Of
// concurrent calls exactly one succeeds; every other, and every later one, is
// ErrUnknown. After another error the login may be lost and has to be started
// again; it can never be claimed twice.
func (db *DB) Claim(ctx context.Context, state string) (Record, error) {
	return db.ClaimWith(ctx, state, nil)
}

// ClaimWith is Claim, and lets change, if not nil, change what becomes the session:
// it never stands without what change adds.
func (db *DB) ClaimWith(ctx context.Context, state string, change func(*Record)) (Record, error) {
	login := digestOf(kindState, state)
	r, err := db.take(ctx, prefixPending, &login, state)
	if err != nil {
		return Record{}, wrap("claim", err)
	}
	if r, held := db.holdOf(ctx).claimed(&login, r, change); held {
		return r, nil
	}
	next := &seen{r, prefixSession}
	if change != nil {
		change(&next.Record)
	}
	if err := db.add(ctx, &login, next); err != nil {
		return Record{}, wrap("claim", err)
	}
	return next.Record, nil
}

// add makes a record that was taken from the pending ones a session.
func (db *DB) add(ctx context.Context, login *digest, r *seen) error {
	value, err := r.Encode()
	if err == nil {
		err = db.join(ctx, r.links, login)
	}
	if err != nil {
		return err
	}
	// Add and not Put: a session of this state that is there stays.
	added, err := db.store().Add(ctx, login.key(prefixSession), value, db.session())
	if err == nil && !added {
		err = ErrUnknown
	}
	if err == nil {
		err = db.leave(ctx, removed(r.links), login)
	}
	if err != nil {
		return err
	}
	r.Record = r.settled(value)
	db.recent.put(login, r)
	return nil
}

// Save stores what was changed in r since it was read: items, private values
// and look-ups that another has saved meanwhile stay. A record that was not
// read from the DB counts as changed in every item it has. A session that has
// ended is ErrUnknown and stays ended. Saving starts SessionTTL anew.
//
// Read the session again before changing it after a Save: what changed is told
// from what the record was when it was read.
func (db *DB) Save(ctx context.Context, r Record) error {
	if r.stored == nil {
		if _, err := r.Encode(); err != nil {
			return wrap("save", err)
		}
	}
	var first *Record // what to store if nobody has stored since r was read
	if r.stored != nil {
		first = &r
	}
	_, err := db.change(ctx, prefixSession, r.State, first, func(now *Record) error {
		*now = r.merge(*now)
		return nil
	})
	return wrap("save", err)
}

// Update reads the session of a state, lets change change it, and stores it;
// when another has stored it meanwhile it begins again, so change may be
// called more than once, and the last call counts. It returns what was stored.
// An error of change is returned as it is, and nothing is stored.
func (db *DB) Update(ctx context.Context, state string, change func(*Record) error) (Record, error) {
	r, err := db.change(ctx, prefixSession, state, nil, change)
	return r, wrap("update", err)
}

// UpdatePending is Update for a login that waits for its response: what a
// pushed authorization request was answered with is kept there (RFC 9126,
// Section 2.2). It starts PendingTTL anew.
func (db *DB) UpdatePending(ctx context.Context, state string, change func(*Record) error) (Record, error) {
	r, err := db.change(ctx, prefixPending, state, nil, change)
	return r, wrap("update", err)
}

// End forgets a login, pending or session, with all its look-ups: the provider
// declared an error, or the user logged out. Ending what is not there is not
// an error.
func (db *DB) End(ctx context.Context, state string) error {
	db.holdOf(ctx).end(state)
	login := digestOf(kindState, state)
	unlock, err := db.lockUnlessSwapper(ctx, &login)
	if err != nil {
		return wrap("end", err)
	}
	defer unlock()
	var errs []error
	for _, prefix := range []string{prefixPending, prefixSession} {
		r, err := db.take(ctx, prefix, &login, state)
		if errors.Is(err, ErrUnknown) {
			continue
		}
		if err == nil {
			err = db.leave(ctx, r.links, &login)
		}
		errs = append(errs, err)
	}
	db.recent.drop(&login)
	return wrap("end", errors.Join(errs...))
}

// Seen marks an identifier, such as the jti of an assertion, as used for ttl,
// and reports whether it was marked already. Of concurrent calls exactly one
// gets false. When the store fails the answer is true with the error: refuse.
// A ttl below a minute counts as a minute, so that a clock that is behind
// opens no gap.
func (db *DB) Seen(ctx context.Context, kind, id string, ttl time.Duration) (bool, error) {
	added, err := db.store().Add(ctx, storeKey(prefixMark, kind, id), nil, max(ttl, time.Minute))
	return !added || err != nil, wrap("seen", err)
}

// Reserve marks an identifier for ttl as Seen does, for work that only one
// should do: true means that it is the caller's. Release gives it back before
// ttl has passed. A refresh token is reserved before it is sent, and given back
// only if it was not.
func (db *DB) Reserve(ctx context.Context, kind, id string, ttl time.Duration) (bool, error) {
	added, err := db.store().Add(ctx, storeKey(prefixMark, kind, id), nil, ttl)
	return added && err == nil, wrap("reserve", err)
}

// Release takes the mark of Reserve or Seen away.
func (db *DB) Release(ctx context.Context, kind, id string) error {
	_, _, err := db.store().Take(ctx, storeKey(prefixMark, kind, id))
	return wrap("release", err)
}

// A refusal is an error of the function that was to change a record: the caller's own.
type refusal struct{ error }

// wrap says which verb failed. Errors that callers are to tell apart by
// errors.Is alone need no words before them, and their own are returned as they are.
func wrap(verb string, err error) error {
	if err == nil {
		return nil
	}
	var own refusal
	if errors.As(err, &own) {
		return own.error
	}
	if errors.Is(err, ErrUnknown) || errors.Is(err, ErrExists) {
		return err
	}
	return fmt.Errorf("state: %s: %w", verb, err)
}
