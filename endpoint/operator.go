package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// What an operator may see and end. Listing needs a Store that is a state.Grouper; with
// another, errors.ErrUnsupported is returned. Ending works with any.

// A SessionInfo is a session as an operator sees it.
type SessionInfo struct {
	ID       string    // for EndSession; it is not the cookie and logs nobody in
	User     string    // the subject
	AuthTime time.Time // when the user was authenticated
	ACR      string    // the authentication context, "" if none is known
	Until    time.Time // when it ends by itself
}

// A GrantInfo is a grant as an operator sees it.
type GrantInfo struct {
	ID       string       // for RevokeGrant
	Client   string       // the client_id
	User     string       // the subject
	Scope    message.List // what was allowed
	Resource []string     // the resource indicators (RFC 8707)
	Offline  bool         // it outlives the session
	Until    time.Time    // when it ends by itself
}

// sessionPrefix stands before the key of a session's entry in its ID: a key may begin with
// a dash, and would be taken for an option when an operator types it.
const sessionPrefix = "s"

// join adds an entry to a group, if the store has groups.
func (c *Context) join(ctx context.Context, kind, name, member string, ttl time.Duration) error {
	groups, ok := c.store.Store.(state.Grouper)
	if !ok {
		return nil
	}
	if err := groups.Join(ctx, storeKey(kind, name), member, ttl); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("endpoint: join %s: %w", kind, err)
	}
	return nil
}

// members lists a group.
func (c *Context) members(ctx context.Context, kind, name string) ([]string, error) {
	groups, ok := c.store.Store.(state.Grouper)
	if !ok {
		return nil, fmt.Errorf("endpoint: the store keeps no groups: %w", errors.ErrUnsupported)
	}
	list, err := groups.Members(ctx, storeKey(kind, name))
	if err != nil {
		return nil, fmt.Errorf("endpoint: members of %s: %w", kind, err)
	}
	return list, nil
}

// Sessions lists the sessions of a user.
func (c *Context) Sessions(ctx context.Context, user string) ([]SessionInfo, error) {
	keys, err := c.members(ctx, kindUserSessions, user)
	if err != nil {
		return nil, err
	}
	var list []SessionInfo
	for _, key := range keys {
		sess, err := c.sessionAt(ctx, key)
		if err != nil {
			return nil, err
		}
		if sess != nil && sess.User == user {
			list = append(list, SessionInfo{ID: sessionPrefix + key, User: sess.User, AuthTime: sess.AuthTime.Time(), ACR: sess.ACR, Until: sess.Until.Time()})
		}
	}
	return list, nil
}

// sessionAt returns the session under a key of the store, nil if it is over.
func (c *Context) sessionAt(ctx context.Context, key string) (*session, error) {
	data, found, err := c.store.Get(ctx, key)
	if err != nil || !found {
		return nil, err
	}
	var sess session
	if err := json.Unmarshal(data, &sess); err != nil {
		return nil, err
	}
	if sess.ID == "" || !c.now().Before(sess.Until.Time()) {
		return nil, nil
	}
	sess.key = key
	return &sess, nil
}

// EndSession ends a session for all its clients, as a logout does. The notifications are
// for the caller to send. It returns false if there is no such session.
func (c *Context) EndSession(ctx context.Context, id string) (bool, []Outbound, error) {
	key, ours := strings.CutPrefix(id, sessionPrefix)
	if !ours {
		return false, nil, nil
	}
	sess, err := c.sessionAt(ctx, key)
	if err != nil || sess == nil {
		return false, nil, err
	}
	s := c.step()
	clients, err := s.reached(ctx, sess)
	if err != nil {
		return false, nil, err
	}
	if clients, err = s.readyToNotify(ctx, clients); err != nil {
		return false, nil, err
	}
	ended, err := s.end(ctx, sess)
	if err != nil || !ended {
		return false, nil, err
	}
	n, err := s.notify(ctx, sess, clients)
	if err != nil {
		return true, nil, err
	}
	return true, n.send, nil
}

// Grants lists what a user allowed and what is still good.
func (c *Context) Grants(ctx context.Context, user string) ([]GrantInfo, error) {
	ids, err := c.members(ctx, kindUserGrants, user)
	if err != nil {
		return nil, err
	}
	s := c.step()
	var list []GrantInfo
	for _, id := range ids {
		g, err := s.grant(ctx, id)
		if err != nil {
			return nil, err
		}
		if g != nil && g.User == user {
			list = append(list, GrantInfo{ID: g.ID, Client: g.Client, User: g.User, Scope: g.Scope, Resource: g.Resource, Offline: g.Offline, Until: g.Until.Time()})
		}
	}
	return list, nil
}

// RevokeGrant ends a grant with every code and token of it. It returns false if there is
// no such grant.
func (c *Context) RevokeGrant(ctx context.Context, id string) (bool, error) {
	return c.store.take(ctx, kindGrant, id, nil)
}

// WithdrawConsent forgets what a user allowed a client, and ends the client's grants of the
// user.
func (c *Context) WithdrawConsent(ctx context.Context, user, client string) error {
	if _, err := c.store.take(ctx, kindConsent, consentName(user, client), nil); err != nil {
		return err
	}
	return c.revokeGrants(ctx, user, func(g GrantInfo) bool { return g.Client == client })
}

// RevokeUser ends every session and grant of a user: after a change of the password, or
// when the user leaves. The notifications are for the caller to send.
func (c *Context) RevokeUser(ctx context.Context, user string) ([]Outbound, error) {
	sessions, err := c.Sessions(ctx, user)
	if err != nil {
		return nil, err
	}
	var send []Outbound
	for _, sess := range sessions {
		_, list, err := c.EndSession(ctx, sess.ID)
		if err != nil {
			return send, err
		}
		send = append(send, list...)
	}
	return send, c.revokeGrants(ctx, user, func(GrantInfo) bool { return true })
}

func (c *Context) revokeGrants(ctx context.Context, user string, which func(GrantInfo) bool) error {
	grants, err := c.Grants(ctx, user)
	if err != nil {
		return err
	}
	for _, g := range grants {
		if !which(g) {
			continue
		}
		if _, err := c.RevokeGrant(ctx, g.ID); err != nil {
			return err
		}
	}
	return nil
}

// step is a step that belongs to no request.
func (c *Context) step() *Step {
	return &Step{Context: c, Now: c.now(), Request: &Request{}, keys: c.keys.Load()}
}

// AllClients lists the clients. It needs a state.Grouper.
func (s *StoredClients) AllClients(ctx context.Context) ([]*Client, error) {
	groups, ok := s.Store.(state.Grouper)
	if !ok {
		return nil, fmt.Errorf("endpoint: the store keeps no groups: %w", errors.ErrUnsupported)
	}
	ids, err := groups.Members(ctx, storeKey(kindAllClients, ""))
	if err != nil {
		return nil, err
	}
	var list []*Client
	for _, key := range ids {
		raw, found, err := s.Store.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		client, err := decodeClient(raw)
		if err != nil {
			return nil, err
		}
		list = append(list, client)
	}
	return list, nil
}

// list notes that a client is there.
func (s *StoredClients) list(ctx context.Context, id string) error {
	groups, ok := s.Store.(state.Grouper)
	if !ok {
		return nil
	}
	if err := groups.Join(ctx, storeKey(kindAllClients, ""), storeKey(kindClient, id), clientLife); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
