package state

import (
	"encoding/binary"
	"sync/atomic"
)

// recent are the records that a DB has read or stored lately. The steps of a login
// follow each other closely, so that most of them need not read its record anew.
//
// The store says what is true: a record from here counts only once the store has said
// that its entry is, byte for byte, the one that the record was read from.
type recent struct {
	slots [recentSlots]atomic.Pointer[seen]
}

// seen is a record, and under which prefix its entry was.
type seen struct {
	Record
	prefix string
}

// recentSlots is how many logins have a place at a time, some megabytes of records at
// most. One that has lost its place costs a decoding.
const recentSlots = 1 << recentBits

const recentBits = 10

func (c *recent) slot(login *digest) *atomic.Pointer[seen] {
	const golden = 2654435769 // 2^32 over the golden ratio, which spreads the bits
	return &c.slots[binary.LittleEndian.Uint32(login[:4])*golden>>(32-recentBits)]
}

// of returns the record of a login that was seen last, or nil.
func (c *recent) of(login *digest, state string) *seen {
	if r := c.slot(login).Load(); r != nil && r.State == state {
		return r
	}
	return nil
}

// keep notes a record as it stands in the store.
func (c *recent) keep(prefix string, login *digest, r Record) {
	if last := c.slot(login).Load(); last == nil || last.prefix != prefix || !sameBytes(last.stored, r.stored) {
		c.put(login, &seen{r, prefix})
	}
}

// put is keep for a record that nobody else writes to.
func (c *recent) put(login *digest, r *seen) { c.slot(login).Store(r) }

// sameBytes reports whether two values are one, in the same place.
func sameBytes(a, b []byte) bool { return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] }

// drop forgets a login that has ended: its tokens are not to stay.
func (c *recent) drop(login *digest) { c.slot(login).Store(nil) }
