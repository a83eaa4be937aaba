package state

import (
	"context"
	"time"
)

// A Store is a key-value store whose entries expire. It uses no type of this
// module, so a backend need not import it.
//
// Keys are at most 64 bytes of [A-Za-z0-9_-]. Keys that differ in case are
// different. A value is any bytes, up to 1 MiB; an empty value is a value.
// Every method is atomic and safe for concurrent use. An expired entry is
// absent. An entry whose ttl is not positive has expired already. A missing
// entry is not an error: err reports a failing store. After an error it is
// unknown whether the call took effect. A call whose context is done returns
// the context's error and changes nothing. The store keeps no reference to a
// value it was given, and the caller owns a value it got.
//
// Package statetest checks an implementation against these rules.
type Store interface {
	// Add stores value under key for ttl if the key has no entry, and reports
	// whether it did. An entry that is there stays as it is. Of concurrent
	// calls exactly one adds.
	Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error)

	// Put stores value under key for ttl, in place of any entry.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error

	// Get returns the value of the entry and leaves it in place.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)

	// Take returns the value of the entry and removes it. Of concurrent calls
	// exactly one finds it.
	Take(ctx context.Context, key string) (value []byte, found bool, err error)
}

// A Swapper is a Store that can compare and swap. DB.Save uses it, so that two
// processes that change one login do not undo each other's work and a login
// that was ended does not come back.
//
// Without it DB.Save and DB.End take turns with a lock entry that lives for
// five seconds: a process that is paused for longer in the middle of a Save
// may then overwrite what was saved meanwhile.
type Swapper interface {
	// Swap stores value under key for ttl if the key's entry has the value
	// old, and reports whether it did. An absent entry is not swapped. Of
	// concurrent calls with one old value exactly one swaps.
	Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (swapped bool, err error)
}

// A Grouper is a Store that also keeps sets of names: the logins of a subject.
// Groups and members are named like keys; a group and an entry of the same
// name have nothing to do with each other. The rules of Store hold here too.
//
// Without it DB keeps a group in pages of entries: a look-up reads eight
// entries for every eight logins of the subject, started, and a subject has at
// most 1,024 logins at a time (ErrFull).
type Grouper interface {
	// Join puts member into group for ttl. A member that is there already gets
	// the new ttl.
	Join(ctx context.Context, group, member string, ttl time.Duration) error

	// Leave takes member out of group. Leaving a group that one is not in is
	// not an error.
	Leave(ctx context.Context, group, member string) error

	// Members lists the members of group whose ttl has not passed, each once,
	// in no order.
	Members(ctx context.Context, group string) ([]string, error)
}

// Limits of every Store.
const (
	MaxKey   = 64      // bytes of a key
	MaxValue = 1 << 20 // bytes of a value
)

// An Error is a fault that callers may want to tell from others. The constants
// of this type are errors to use with errors.Is.
type Error string

// Error returns the text of e.
func (e Error) Error() string { return string(e) }

const (
	// ErrUnknown reports that there is no such login: it never was, has
	// expired, was claimed by another, or was ended.
	ErrUnknown Error = "state: no such login"

	// ErrExists reports that the state of a new login is in use.
	ErrExists Error = "state: a login with this state exists"

	// ErrMalformed reports a record that is not what this package writes.
	ErrMalformed Error = "state: malformed record"

	// ErrTooLarge reports a key or value beyond the limits of a Store.
	ErrTooLarge Error = "state: key or value too large"

	// ErrFull reports a group that holds no more members.
	ErrFull Error = "state: too many logins in one group"

	// ErrSealed reports a value that none of the keys of Sealed opens.
	ErrSealed Error = "state: sealed with another key, or altered"
)
