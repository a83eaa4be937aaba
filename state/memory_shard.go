package state

import (
	"encoding/binary"
	"math"
	"sync"
)

// A shard is one part of a Memory: an index of the names, and the pages that
// hold the entries. The index is a table of slots with linear probing; a name
// is looked for from the slot that the low bits of its mark say, up to the
// first free one. No slot holds a pointer, so the collector passes them by.
type shard struct {
	mu    sync.Mutex
	slots []slot // a power of two, at most three quarters in use
	count int
	hand  int    // where the sweep goes on
	calls uint32 // so far
	pages pages

	_ [64]byte // two shards never share a cache line
}

type slot struct {
	tag   uint32 // of the name
	at    uint32 // the place of the entry, and one; 0: the slot is free
	until uint32 // the second at which the entry has surely expired
}

// An entry is
//
//	until (8) || length of value (4) || kind (1) || length of key (1) || 0 (2) || key || value
//
// in little endian. Until is in nanoseconds.
const entryHead = 16

const (
	minSlots   = 16
	sweepCalls = 4  // of which one sweeps
	sweepSlots = 16 // that it looks at: they lie side by side
	sweepDead  = 8  // that it removes
)

// neverSwept is the second of an entry that the index cannot tell the end of.
const neverSwept = math.MaxUint32

func untilSecond(until int64) uint32 {
	if until < 0 || until/1e9 >= neverSwept-1 {
		return neverSwept
	}
	return uint32(until/1e9) + 1
}

// find returns the slot of a name, or the free one where it would be. An
// expired entry is removed first.
func (s *shard) find(kind byte, key string, tag uint32, now int64) (at int, found bool) {
	if len(s.slots) == 0 {
		return 0, false
	}
	mask := len(s.slots) - 1
	for at = int(tag) & mask; s.slots[at].at != 0; at = (at + 1) & mask {
		if s.slots[at].tag != tag {
			continue
		}
		e := s.entry(at)
		if e[12] != kind || string(e[entryHead:entryHead+int(e[13])]) != key {
			continue
		}
		if int64(binary.LittleEndian.Uint64(e)) > now {
			return at, true
		}
		s.remove(at)
		// The removal may have moved others; a name is there once.
		for at = int(tag) & mask; s.slots[at].at != 0; at = (at + 1) & mask {
		}
		return at, false
	}
	return at, false
}

func (s *shard) entry(at int) []byte { return s.pages.chunk(s.slots[at].at - 1) }

func (s *shard) value(at int) []byte {
	e := s.entry(at)
	from := entryHead + int(e[13])
	return e[from : from+int(binary.LittleEndian.Uint32(e[8:]))]
}

// put stores an entry at the slot that find returned, free or not. An entry
// that is dead on arrival is not stored. Behind it is room for spare bytes at least.
func (s *shard) put(kind byte, key string, tag uint32, at int, value []byte, spare int, now, until int64) error {
	found := len(s.slots) > 0 && s.slots[at].at != 0
	if until <= now {
		if found {
			s.remove(at)
		}
		return nil
	}
	need := entryHead + len(key) + len(value) + spare
	if found && !s.pages.fits(s.slots[at].at-1, need) {
		place, err := s.pages.alloc(need)
		if err != nil {
			return err
		}
		s.pages.free(s.slots[at].at - 1)
		s.slots[at].at = place + 1
	}
	if !found {
		place, err := s.pages.alloc(need)
		if err != nil {
			return err
		}
		if 4*(s.count+1) > 3*len(s.slots) {
			s.resize(max(minSlots, 2*len(s.slots)))
			at = s.freeSlot(tag)
		}
		s.slots[at] = slot{tag: tag, at: place + 1}
		s.count++
	}
	s.slots[at].until = untilSecond(until)
	e := s.entry(at)
	binary.LittleEndian.PutUint64(e, uint64(until))
	binary.LittleEndian.PutUint32(e[8:], uint32(len(value)))
	e[12], e[13], e[14], e[15] = kind, byte(len(key)), 0, 0
	copy(e[entryHead:], key)
	copy(e[entryHead+len(key):], value)
	return nil
}

// extend makes a value longer by n bytes in place, if its chunk has the room.
func (s *shard) extend(at, n int) bool {
	e := s.entry(at)
	size := int(binary.LittleEndian.Uint32(e[8:])) + n
	if entryHead+int(e[13])+size > len(e) {
		return false
	}
	binary.LittleEndian.PutUint32(e[8:], uint32(size))
	return true
}

// prolong gives an entry another end, which is not over yet.
func (s *shard) prolong(at int, until int64) {
	s.slots[at].until = untilSecond(until)
	binary.LittleEndian.PutUint64(s.entry(at), uint64(until))
}

func (s *shard) freeSlot(tag uint32) int {
	mask := len(s.slots) - 1
	at := int(tag) & mask
	for s.slots[at].at != 0 {
		at = (at + 1) & mask
	}
	return at
}

// remove frees the entry of a slot and closes the gap: slots behind it move
// forward unless that would put them before their first slot.
func (s *shard) remove(at int) {
	s.pages.free(s.slots[at].at - 1)
	s.count--
	mask := len(s.slots) - 1
	gap := at
	for i := (gap + 1) & mask; s.slots[i].at != 0; i = (i + 1) & mask {
		if first := int(s.slots[i].tag) & mask; (i-first)&mask >= (i-gap)&mask {
			s.slots[gap] = s.slots[i]
			gap = i
		}
	}
	s.slots[gap] = slot{}
}

func (s *shard) resize(n int) {
	old := s.slots
	s.slots = make([]slot, n)
	s.hand = 0
	for i := range old {
		if old[i].at != 0 {
			s.slots[s.freeSlot(old[i].tag)] = old[i]
		}
	}
}

// sweep removes a few entries that have expired, with every few calls. It reads
// the index only, so that entries that live on are not touched.
func (s *shard) sweep(now int64) {
	if s.calls++; s.calls%sweepCalls != 0 || s.count == 0 {
		return
	}
	second, dead := now/1e9, 0
	mask := len(s.slots) - 1
	for range sweepSlots {
		s.hand &= mask
		// At the end of a run of slots that go around the table's end, a
		// removal can move one behind the hand: it is met in the next round.
		if sl := &s.slots[s.hand]; sl.at != 0 && sl.until != neverSwept && int64(sl.until) <= second {
			s.remove(s.hand)
			if dead++; dead == sweepDead {
				break
			}
			continue
		}
		s.hand++
	}
	if dead > 0 && len(s.slots) > minSlots && 8*s.count < len(s.slots) {
		s.resize(len(s.slots) / 2)
	}
}

func (s *shard) size() int { return len(s.slots)*12 + s.pages.bytes }
