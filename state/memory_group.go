package state

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// A group is an entry whose value is a list of members, each
//
//	until (8) || length of name (1) || name
//
// An entry is dead when its last member is. Up to maxExact bytes the list is exact: a
// member stands in it once and leaves it at once. A longer one is a journal: what joins
// and what leaves is written behind it, the last word on a member counts, and it is put in
// order when its chunk is full. So a subject with ten thousand sessions costs no more to
// log in than one with ten.
const (
	memberHead = 9
	maxExact   = 2 << 10
)

// Join implements Grouper.
func (m *Memory) Join(ctx context.Context, group, member string, ttl time.Duration) error {
	if len(member) > MaxKey {
		return fmt.Errorf("%w: member of %d bytes", ErrTooLarge, len(member))
	}
	s, tag, now, err := m.shard(ctx, kindGroup, group)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	at, found := s.find(kindGroup, group, tag, now)
	var list []byte
	var last int64
	if found {
		if len(s.value(at)) > maxExact {
			return s.note(group, tag, at, member, now, until(now, ttl))
		}
		if end := until(now, ttl); end > now {
			if last := renew(s.value(at), member, now, end); last > 0 {
				s.prolong(at, last)
				return nil
			}
		}
		list, last = without(s.value(at), member, now, memberHead+len(member))
	}
	if end := until(now, ttl); end > now {
		list = appendMember(list, member, end)
		last = max(last, end)
	}
	return s.put(kindGroup, group, tag, at, list, 0, now, last)
}

// Leave implements Grouper.
func (m *Memory) Leave(ctx context.Context, group, member string) error {
	s, tag, now, err := m.shard(ctx, kindGroup, group)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	at, found := s.find(kindGroup, group, tag, now)
	if !found {
		return nil
	}
	if len(s.value(at)) > maxExact {
		return s.note(group, tag, at, member, now, now)
	}
	list, last := without(s.value(at), member, now, 0)
	return s.put(kindGroup, group, tag, at, list, 0, now, last)
}

// Members implements Grouper.
func (m *Memory) Members(ctx context.Context, group string) ([]string, error) {
	s, tag, now, err := m.shard(ctx, kindGroup, group)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	at, found := s.find(kindGroup, group, tag, now)
	if !found {
		return nil, nil
	}
	list := s.value(at)
	if len(list) > maxExact {
		list, _ = inOrder(list, now)
	}
	var members []string
	eachMember(list, func(end int64, name, _ []byte) {
		if end > now {
			members = append(members, string(name))
		}
	})
	return members, nil
}

// note writes into a journal that a member is there until end, or is not if that is over.
// A journal without room gets a chunk of twice what is left of it.
func (s *shard) note(group string, tag uint32, at int, member string, now, end int64) error {
	if s.extend(at, memberHead+len(member)) {
		list := s.value(at)
		appendMember(list[:len(list)-memberHead-len(member)], member, end)
		s.prolong(at, max(end, int64(binary.LittleEndian.Uint64(s.entry(at)))))
		return nil
	}
	list, last := inOrder(appendMember(bytes.Clone(s.value(at)), member, end), now)
	return s.put(kindGroup, group, tag, at, list, len(list), now, last)
}

func appendMember(list []byte, member string, end int64) []byte {
	list = binary.LittleEndian.AppendUint64(list, uint64(end))
	list = append(list, byte(len(member)))
	return append(list, member...)
}

// inOrder copies what a journal comes to: those who are there, each once. It returns when
// the last one dies.
func inOrder(journal []byte, now int64) (list []byte, last int64) {
	latest := map[string]int{} // where the last word on a member stands
	at := 0
	eachMember(journal, func(_ int64, name, whole []byte) {
		latest[string(name)] = at
		at += len(whole)
	})
	at = 0
	eachMember(journal, func(end int64, name, whole []byte) {
		if end > now && latest[string(name)] == at {
			list = append(list, whole...)
			last = max(last, end)
		}
		at += len(whole)
	})
	return list, last
}

// without copies a list without member and without the dead, with room for more
// bytes. It returns when the last one dies.
func without(list []byte, member string, now int64, more int) (rest []byte, last int64) {
	rest = make([]byte, 0, len(list)+more)
	eachMember(list, func(end int64, name, whole []byte) {
		if end > now && string(name) != member {
			rest = append(rest, whole...)
			last = max(last, end)
		}
	})
	return rest, last
}

// renew gives a member that is there already another end, in place, if there are no
// dead to be taken out. It returns when the last one dies, 0 if it did nothing.
func renew(list []byte, member string, now, until int64) (last int64) {
	var own []byte
	dead := false
	eachMember(list, func(end int64, name, whole []byte) {
		switch {
		case end <= now:
			dead = true
		case string(name) == member:
			own = whole
		default:
			last = max(last, end)
		}
	})
	if dead || own == nil {
		return 0
	}
	binary.LittleEndian.PutUint64(own, uint64(until))
	return max(last, until)
}

func eachMember(list []byte, each func(end int64, name, whole []byte)) {
	for len(list) > 0 {
		n := memberHead + int(list[8])
		each(int64(binary.LittleEndian.Uint64(list)), list[memberHead:n], list[:n])
		list = list[n:]
	}
}
