package state

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"
)

// Where a Store is no Grouper a group is kept in pages of slots. A page has a
// mark that says that there may be something on it; a slot holds a member.
const (
	groupPage  = 8
	groupPages = 128
)

// Link names a login, pending or session, by kind and value, so that States
// finds it. The name lives as long as the login. Linking starts the present
// life of the login anew. ErrUnknown if there is no such login.
//
// Record.Link does the same together with the next Begin or Save.
func (db *DB) Link(ctx context.Context, kind, value, state string) error {
	return wrap("link", db.changeLinks(ctx, state, func(r *Record) { r.Link(kind, value) }))
}

// Unlink takes away what Link gave. ErrUnknown if there is no such login.
func (db *DB) Unlink(ctx context.Context, kind, value, state string) error {
	return wrap("unlink", db.changeLinks(ctx, state, func(r *Record) { r.Unlink(kind, value) }))
}

func (db *DB) changeLinks(ctx context.Context, state string, edit func(*Record)) (err error) {
	// Once more the session: the login may have been claimed in between.
	for _, prefix := range []string{prefixSession, prefixPending, prefixSession} {
		_, err = db.change(ctx, prefix, state, nil, func(r *Record) error {
			edit(r)
			return nil
		})
		if !errors.Is(err, ErrUnknown) {
			return err
		}
	}
	return err
}

// States lists the states of the logins that are named by kind and value,
// sorted. A subject may have many; none is no error.
func (db *DB) States(ctx context.Context, kind, value string) ([]string, error) {
	group := storeKey(prefixGroup, kind, value)
	members, err := db.members(ctx, group)
	if err != nil {
		return nil, wrap("states", err)
	}
	var states []string
	for _, member := range members {
		r, found, err := db.memberRecord(ctx, member)
		if err != nil {
			return nil, wrap("states", err)
		}
		// The record is the truth: a group may still name a login that died
		// with its process, or was unlinked.
		if found && r.linked(group) {
			states = append(states, r.State)
		}
	}
	slices.Sort(states)
	return states, nil
}

func (db *DB) memberRecord(ctx context.Context, member string) (Record, bool, error) {
	var login digest
	if copy(login[:], member) != len(member) {
		return Record{}, false, nil
	}
	for _, prefix := range []string{prefixSession, prefixPending, prefixSession} {
		value, found, err := db.store().Get(ctx, login.key(prefix))
		if err != nil {
			return Record{}, false, err
		}
		if !found {
			continue
		}
		r, err := ParseRecord(value)
		if err == nil && digestOf(kindState, r.State) != login {
			err = malformed("record of another state")
		}
		return r, err == nil, err
	}
	return Record{}, false, nil
}

// join puts a login into the groups of its look-ups.
func (db *DB) join(ctx context.Context, links []link, login *digest) error {
	for _, l := range links {
		if l.removed || l.joined {
			continue
		}
		if err := db.joinGroup(ctx, l.group, string(login[:]), db.linked()); err != nil {
			return err
		}
	}
	return nil
}

// leave takes a login out of groups; it tries all.
func (db *DB) leave(ctx context.Context, links []link, login *digest) error {
	var errs []error
	for _, l := range links {
		errs = append(errs, db.leaveGroup(ctx, l.group, string(login[:])))
	}
	return errors.Join(errs...)
}

// removed returns the look-ups that were taken away since the record was read.
func removed(links []link) (gone []link) {
	for _, l := range links {
		if l.removed && l.changed {
			gone = append(gone, l)
		}
	}
	return gone
}

func (db *DB) joinGroup(ctx context.Context, group, member string, ttl time.Duration) error {
	s := db.store()
	if g, ok := s.(Grouper); ok {
		if err := g.Join(ctx, group, member, ttl); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	for page := range groupPages {
		if err := s.Put(ctx, pageKey(group, page), nil, ttl); err != nil {
			return err
		}
		for slot := range groupPage {
			key := slotKey(group, page, slot)
			added, err := s.Add(ctx, key, []byte(member), ttl)
			if err != nil || added {
				return err
			}
			value, found, err := s.Get(ctx, key)
			if err != nil {
				return err
			}
			if found && string(value) == member {
				return s.Put(ctx, key, []byte(member), ttl)
			}
		}
	}
	return ErrFull
}

func (db *DB) leaveGroup(ctx context.Context, group, member string) error {
	if g, ok := db.store().(Grouper); ok {
		if err := g.Leave(ctx, group, member); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return db.eachSlot(ctx, group, func(key, found string) error {
		if found != member {
			return nil
		}
		_, _, err := db.store().Take(ctx, key)
		return err
	})
}

func (db *DB) members(ctx context.Context, group string) ([]string, error) {
	if g, ok := db.store().(Grouper); ok {
		if members, err := g.Members(ctx, group); !errors.Is(err, errors.ErrUnsupported) {
			return members, err
		}
	}
	var members []string
	err := db.eachSlot(ctx, group, func(_, member string) error {
		if !slices.Contains(members, member) {
			members = append(members, member)
		}
		return nil
	})
	return members, err
}

// eachSlot calls each for every slot of a group that holds a member.
func (db *DB) eachSlot(ctx context.Context, group string, each func(key, member string) error) error {
	for page := range groupPages {
		_, marked, err := db.store().Get(ctx, pageKey(group, page))
		if err != nil || !marked {
			return err
		}
		for slot := range groupPage {
			key := slotKey(group, page, slot)
			value, found, err := db.store().Get(ctx, key)
			if err == nil && found {
				err = each(key, string(value))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func pageKey(group string, page int) string {
	return storeKey(prefixPage, "page", group+"/"+strconv.Itoa(page))
}

func slotKey(group string, page, slot int) string {
	return storeKey(prefixSlot, "slot", group+"/"+strconv.Itoa(page*groupPage+slot))
}
