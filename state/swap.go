package state

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// What DB knows of its Store.
const (
	swapsUnknown = iota
	swapsYes
	swapsNo
)

// Without a Swapper changes of one login take turns with a lock.
const (
	lockTTL     = 5 * time.Second
	lockWait    = time.Millisecond // doubled with every try
	lockWaitMax = 50 * time.Millisecond
)

// change lets edit change a login: the one that is held by the context, or else the
// entry in the store. An error of edit is a refusal.
func (db *DB) change(ctx context.Context, prefix, state string, saved *Record, edit func(*Record) error) (Record, error) {
	if prefix == prefixSession {
		if r, held, err := db.holdOf(ctx).change(state, edit); held {
			return r, err
		}
	}
	login := digestOf(kindState, state)
	return db.replace(ctx, prefix, &login, state, saved, edit)
}

// replace replaces the entry of a login by what edit makes of it, and tells the
// look-ups. A saved record, or else what this process saw last, is tried before the
// entry is read again.
func (db *DB) replace(ctx context.Context, prefix string, login *digest, state string, saved *Record, edit func(*Record) error) (Record, error) {
	key, ttl := login.key(prefix), db.session()
	if prefix == prefixPending {
		ttl = db.pending()
	}
	var joined []link
	next := &seen{prefix: prefix}
	now := &next.Record
	first := db.begun(next, login, state, saved, edit)
	for {
		if first {
			first = false
		} else {
			value, found, err := db.store().Get(ctx, key)
			if err == nil && !found {
				// The login ended after its look-ups were joined.
				return Record{}, errors.Join(ErrUnknown, db.leave(ctx, joined, login))
			}
			if err == nil {
				*now, err = db.read(value, login, state)
			}
			if err != nil {
				return Record{}, err
			}
			if err := edit(now); err != nil {
				return Record{}, refusal{err}
			}
		}
		value, err := now.Encode()
		if err != nil {
			return Record{}, err
		}
		// The record is the truth, the groups lead to it: join before, leave
		// after, so that a process that dies in between loses no look-up.
		if err = db.join(ctx, now.links, login); err != nil {
			return Record{}, err
		}
		joined = now.links
		swapped, err := db.swap(ctx, key, now.stored, value, ttl, login)
		if err != nil {
			return Record{}, err
		}
		if !swapped {
			continue
		}
		if err = db.leave(ctx, removed(now.links), login); err != nil {
			return Record{}, err
		}
		*now = now.settled(value)
		db.recent.put(login, next)
		return *now, nil
	}
}

// begun makes next what is tried before the entry is read: the saved record, or what edit
// makes of the one that this process saw last. The entry may be another by now; the swap
// finds out, and what edit refuses is asked again.
func (db *DB) begun(next *seen, login *digest, state string, saved *Record, edit func(*Record) error) bool {
	if saved != nil {
		next.Record = *saved
		return true
	}
	last := db.recent.of(login, state)
	if last == nil || last.prefix != next.prefix {
		return false
	}
	next.Record = last.Record
	return edit(&next.Record) == nil
}

func (db *DB) swap(ctx context.Context, key string, old, value []byte, ttl time.Duration, login *digest) (bool, error) {
	swapper, err := db.swapper(ctx)
	if err != nil {
		return false, err
	}
	if swapper != nil {
		return swapper.Swap(ctx, key, old, value, ttl)
	}
	unlock, err := db.lock(ctx, login)
	if err != nil {
		return false, err
	}
	defer unlock()
	now, found, err := db.store().Get(ctx, key)
	if err != nil || !found || !bytes.Equal(now, old) {
		return false, err
	}
	err = db.store().Put(ctx, key, value, ttl)
	return err == nil, err
}

// swapper returns the store as a Swapper, nil if it is none. A decorator says
// only when it is asked whether the store behind it is one.
func (db *DB) swapper(ctx context.Context) (Swapper, error) {
	swapper, ok := db.store().(Swapper)
	if !ok {
		return nil, nil
	}
	switch db.swaps.Load() {
	case swapsYes:
		return swapper, nil
	case swapsNo:
		return nil, nil
	}
	_, err := swapper.Swap(ctx, storeKey(prefixLock, "probe", ""), nil, nil, time.Second)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		db.swaps.Store(swapsNo)
		return nil, nil
	case err != nil:
		return nil, err
	}
	db.swaps.Store(swapsYes)
	return swapper, nil
}

// lockUnlessSwapper makes End wait for a Save that is between its Get and Put.
func (db *DB) lockUnlessSwapper(ctx context.Context, login *digest) (unlock func(), err error) {
	swapper, err := db.swapper(ctx)
	if err != nil || swapper != nil {
		return func() {}, err
	}
	return db.lock(ctx, login)
}

// lock waits until no other holds the lock of a login, or ctx is done.
func (db *DB) lock(ctx context.Context, login *digest) (unlock func(), err error) {
	key := login.key(prefixLock)
	for wait := lockWait; ; wait = min(2*wait, lockWaitMax) {
		added, err := db.store().Add(ctx, key, nil, lockTTL)
		if err != nil {
			return nil, err
		}
		if added {
			break
		}
		// A deadline is a wait that reads no clock of this package's.
		pause, cancel := context.WithTimeout(ctx, wait)
		<-pause.Done()
		cancel()
	}
	return func() {
		// Also when ctx is done by now: others would wait for the lock's end.
		// If this fails they do.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockTTL)
		defer cancel()
		_, _, _ = db.store().Take(ctx, key)
	}, nil
}
