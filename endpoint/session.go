package endpoint

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/oidcservice/oidc/message"
)

// A session is a user who is logged in at the provider with one browser.
type session struct {
	User     string       `json:"user"`
	AuthTime message.Time `json:"auth_time"` // of the real authentication; single sign-on does not renew it
	ACR      string       `json:"acr,omitempty"`
	AMR      []string     `json:"amr,omitempty"`
	// ID is the inner name. It outlives a renewal of the cookie by the same user, so that
	// all clients of the session are known at logout.
	ID    string       `json:"id"`
	Until message.Time `json:"until"`

	handle string // the cookie's value
	key    string // where it is in the store
}

func (c *Context) sessionCookie() string { return c.cookieName("op_session") }

// session returns the browser's session, or nil.
func (s *Step) session(ctx context.Context) (*session, error) {
	handle := s.Request.Cookies[s.Context.sessionCookie()]
	if !isHandle(handle) {
		return nil, nil
	}
	var sess session
	found, err := s.Context.store.get(ctx, kindSession, handle, &sess)
	if err != nil || !found || !s.Now.Before(sess.Until.Time()) {
		return nil, err
	}
	sess.handle, sess.key = handle, storeKey(kindSession, handle)
	return &sess, nil
}

// login begins a session. The handle is always new, so that nobody can prepare the
// session of somebody else; the old one ends.
func (s *Step) login(ctx context.Context, old *session, a Authentication) (*session, []Cookie, error) {
	c := s.Context
	handle, err := c.random()
	if err != nil {
		return nil, nil, err
	}
	sess := &session{User: a.User, AuthTime: message.Exactly(a.Time), ACR: a.ACR, AMR: a.AMR, Until: message.Exactly(s.Now.Add(c.lifetimes.Session)), handle: handle, key: storeKey(kindSession, handle)}
	if !sess.AuthTime.Present() {
		sess.AuthTime = message.Exactly(s.Now)
	}
	if old != nil {
		if _, err := c.store.take(ctx, kindSession, old.handle, nil); err != nil {
			return nil, nil, err
		}
		if old.User == a.User {
			sess.ID = old.ID
		}
	}
	if sess.ID == "" {
		if sess.ID, err = c.random(); err != nil {
			return nil, nil, err
		}
	}
	if err := c.store.put(ctx, kindSession, handle, sess, c.lifetimes.Session); err != nil {
		return nil, nil, err
	}
	if err := c.join(ctx, kindUserSessions, sess.User, sess.key, c.lifetimes.Session); err != nil {
		return nil, nil, err
	}
	return sess, append(c.stateCookies(sess), c.cookie(handle, 0)), nil
}

// cookie is the session cookie. An authorization request may come from another site by
// POST or in a frame (prompt=none), so SameSite is None where Secure allows it.
func (c *Context) cookie(handle string, maxAge int) Cookie {
	sameSite := "None"
	if !c.secure {
		sameSite = "Lax"
	}
	return Cookie{Name: c.sessionCookie(), Value: handle, MaxAge: maxAge, Secure: c.secure, HTTPOnly: true, SameSite: sameSite}
}

// sid names a session to one client. Front-Channel Logout 1.0, Section 3: "Its syntax is
// the same as an OAuth 2.0 Client Identifier"; two clients cannot compare theirs.
func sid(sessionID, clientID string) string {
	mac := hmac.New(sha256.New, []byte(sessionID))
	mac.Write([]byte(clientID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// end ends a session and what hangs on it: every grant without offline_access (Back-Channel
// Logout 1.0, Section 2.7). Of concurrent calls one does it and reports so.
func (s *Step) end(ctx context.Context, sess *session) (bool, error) {
	c := s.Context
	_, found, err := c.store.Take(ctx, sess.key)
	if err != nil || !found {
		return false, err
	}
	items, err := s.items(ctx, sess)
	if err != nil {
		return false, err
	}
	for _, item := range items {
		if item.Grant != "" {
			var g grant
			found, err := c.store.get(ctx, kindGrant, item.Grant, &g)
			if err != nil {
				return false, err
			}
			if found && !g.Offline {
				if err := s.revoke(ctx, item.Grant); err != nil {
					return false, err
				}
			}
		}
		if err := item.forget(ctx); err != nil {
			return false, err
		}
	}
	return true, nil
}
