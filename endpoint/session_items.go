package endpoint

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/oidcservice/oidc/state"
)

// A sessionItem is something that a session gave: a grant, which ends with it, or a client,
// which is told when it ends.
type sessionItem struct {
	Client string `json:"client,omitempty"`
	Grant  string `json:"grant,omitempty"`

	forget func(ctx context.Context) error
}

// maxSessionItems bounds the grants of one session in a store without groups.
const maxSessionItems = 1000

// remember adds a grant to a session. A client is known as long as the session lasts, and
// the grant as long as it can be good: a user who comes again and again leaves nothing
// behind but the last of it.
func (s *Step) remember(ctx context.Context, sess *session, g *grant) error {
	c, life := s.Context, sess.Until.Time().Sub(s.Now)+time.Minute
	groups, ok := c.store.Store.(state.Grouper)
	if !ok {
		return s.rememberInSlots(ctx, sess, g, life)
	}
	name := sessionClient(sess.ID, g.Client)
	err := groups.Join(ctx, storeKey(kindSessionClients, sess.ID), storeKey(kindSessionItem, name), life)
	if errors.Is(err, errors.ErrUnsupported) {
		return s.rememberInSlots(ctx, sess, g, life)
	}
	if err != nil {
		return err
	}
	if err := c.store.put(ctx, kindSessionItem, name, sessionItem{Client: g.Client}, life); err != nil {
		return err
	}
	if g.Offline { // it outlives the session (Core, Section 11)
		return nil
	}
	return groups.Join(ctx, storeKey(kindSessionGrants, sess.ID), g.ID, min(g.Until.Time().Sub(s.Now), life))
}

func sessionClient(id, client string) string { return "client\x00" + id + "\x00" + client }

// rememberInSlots keeps the list in entries of their own, so that it needs no operation of
// the store but Add and loses nothing to concurrent logins.
func (s *Step) rememberInSlots(ctx context.Context, sess *session, g *grant, life time.Duration) error {
	for n := range maxSessionItems {
		added, err := s.Context.store.add(ctx, kindSessionItem, sessionSlot(sess.ID, n), sessionItem{Client: g.Client, Grant: g.ID}, life)
		if added || err != nil {
			return err
		}
	}
	s.Context.logger.Warn("a session has too many grants", "user", sess.User)
	return nil
}

func sessionSlot(id string, n int) string { return strconv.Itoa(n) + "\x00" + id }

// items lists what a session gave.
func (s *Step) items(ctx context.Context, sess *session) ([]sessionItem, error) {
	if groups, ok := s.Context.store.Store.(state.Grouper); ok {
		items, err := s.itemsOfGroups(ctx, sess, groups)
		if !errors.Is(err, errors.ErrUnsupported) {
			return items, err
		}
	}
	var items []sessionItem
	for n := range maxSessionItems {
		var item sessionItem
		slot := sessionSlot(sess.ID, n)
		found, err := s.Context.store.get(ctx, kindSessionItem, slot, &item)
		if err != nil {
			return nil, err
		}
		if !found {
			break
		}
		item.forget = func(ctx context.Context) error {
			_, err := s.Context.store.take(ctx, kindSessionItem, slot, nil)
			return err
		}
		items = append(items, item)
	}
	return items, nil
}

func (s *Step) itemsOfGroups(ctx context.Context, sess *session, groups state.Grouper) ([]sessionItem, error) {
	grants := storeKey(kindSessionGrants, sess.ID)
	members, err := groups.Members(ctx, grants)
	if err != nil {
		return nil, err
	}
	var items []sessionItem
	for _, id := range members {
		items = append(items, sessionItem{Grant: id, forget: func(ctx context.Context) error { return groups.Leave(ctx, grants, id) }})
	}
	clients := storeKey(kindSessionClients, sess.ID)
	if members, err = groups.Members(ctx, clients); err != nil {
		return nil, err
	}
	for _, key := range members {
		var item sessionItem
		data, found, err := s.Context.store.Get(ctx, key)
		if found, err = decodeStored(kindSessionItem, data, found, err, &item); err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		item.forget = func(ctx context.Context) error {
			if _, _, err := s.Context.store.Take(ctx, key); err != nil {
				return err
			}
			return groups.Leave(ctx, clients, key)
		}
		items = append(items, item)
	}
	return items, nil
}
