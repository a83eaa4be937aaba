package state

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// A group is an entry whose value is a list of members, each
//
//	until (8) || length of name (1) || name
//
// An entry is dead when its last member is.
const memberHead = 9

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
		if end := until(now, ttl); end > now {
			if last := renew(s.value(at), member, now, end); last > 0 {
				s.prolong(at, last)
				return nil
			}
		}
		list, last = without(s.value(at), member, now, memberHead+len(member))
	}
	if end := until(now, ttl); end > now {
		list = binary.LittleEndian.AppendUint64(list, uint64(end))
		list = append(list, byte(len(member)))
		list = append(list, member...)
		last = max(last, end)
	}
	return s.put(kindGroup, group, tag, at, list, now, last)
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
	list, last := without(s.value(at), member, now, 0)
	return s.put(kindGroup, group, tag, at, list, now, last)
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
	var members []string
	eachMember(s.value(at), func(end int64, name, _ []byte) {
		if end > now {
			members = append(members, string(name))
		}
	})
	return members, nil
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
