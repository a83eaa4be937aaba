package endpoint

import (
	"context"
	"slices"
	"time"

	"github.com/oidcservice/oidc/message"
)

// A grant is what a user allowed a client. Codes and tokens name their grant and are good
// only while it is there: taking it away revokes all of them at once.
type grant struct {
	ID       string       `json:"id"`
	Client   string       `json:"client"`
	User     string       `json:"user"`
	Subject  string       `json:"sub"` // what the client knows the user by
	SID      string       `json:"sid,omitempty"`
	Scope    message.List `json:"scope,omitempty"`
	Resource []string     `json:"resource,omitempty"`
	AuthTime message.Time `json:"auth_time"`
	ACR      string       `json:"acr,omitempty"`
	AMR      []string     `json:"amr,omitempty"`
	// Claims are the individually requested claims that were allowed.
	Claims *message.ClaimsRequest `json:"claims,omitempty"`
	// TellAuthTime and TellACR say that the client asked for them.
	TellAuthTime bool `json:"tell_auth_time,omitempty"`
	TellACR      bool `json:"tell_acr,omitempty"`
	// Details are the granted authorization details (RFC 9396).
	Details message.RawJSON `json:"details,omitempty"`
	// Offline says that it outlives the session (Core, Section 11); Refresh that it comes
	// with refresh tokens, until RefreshUntil at the latest. What they gave last is good a
	// little longer, and so is the grant.
	Offline      bool         `json:"offline,omitempty"`
	Refresh      bool         `json:"refresh,omitempty"`
	RefreshUntil message.Time `json:"refresh_until,omitzero"`
	Until        message.Time `json:"until"`
}

// saveGrant stores a grant for as long as anything of it can be good.
func (s *Step) saveGrant(ctx context.Context, g *grant) error {
	l := s.Context.lifetimes
	life := l.Code + max(l.AccessToken, l.BoundToken)
	if g.Refresh {
		life += l.RefreshToken
		g.RefreshUntil = message.Exactly(s.Now.Add(l.RefreshToken))
	}
	g.Until = message.Exactly(s.Now.Add(life))
	if err := s.Context.join(ctx, kindUserGrants, g.User, g.ID, life); err != nil {
		return err
	}
	return s.Context.store.put(ctx, kindGrant, g.ID, g, life)
}

// grant returns a grant that was not revoked and has not ended, or nil.
func (s *Step) grant(ctx context.Context, id string) (*grant, error) {
	var g grant
	found, err := s.Context.store.get(ctx, kindGrant, id, &g)
	if err != nil || !found || !s.Now.Before(g.Until.Time()) {
		return nil, err
	}
	return &g, nil
}

// revoke ends a grant and with it every code and token of it.
func (s *Step) revoke(ctx context.Context, id string) error {
	_, err := s.Context.store.take(ctx, kindGrant, id, nil)
	return err
}

// A codeRecord is an authorization code: what it is bound to, and what the token
// endpoint has to know of the authorization request.
type codeRecord struct {
	// Grant is a copy: who takes the code issues from it, also when somebody else shows the
	// code at the same moment and so revokes the grant. What is issued is then dead. A grant
	// that was revoked otherwise gives nothing.
	Grant        *grant       `json:"grant"`
	Client       string       `json:"client"`
	RedirectURI  string       `json:"redirect_uri,omitempty"`
	RedirectSent bool         `json:"redirect_sent,omitempty"`
	Challenge    string       `json:"challenge,omitempty"`
	Nonce        string       `json:"nonce,omitempty"`
	JKT          string       `json:"jkt,omitempty"`
	Until        message.Time `json:"until"`
}

// codeSlack is how long a code that was never used is kept beyond its life, to be refused
// as expired and not as unknown.
const codeSlack = time.Minute

// newCode issues a code. RFC 6749, Section 10.10: 255 bits here.
func (s *Step) newCode(ctx context.Context, r *codeRecord) (string, error) {
	c := s.Context
	code, err := c.random()
	if err != nil {
		return "", err
	}
	r.Until = message.Exactly(s.Now.Add(c.lifetimes.Code))
	// The grant's name outlives the code: who comes second must find what to revoke, even
	// if the first has only just taken the code and not yet issued anything.
	life := c.lifetimes.Code + max(c.lifetimes.AccessToken, c.lifetimes.BoundToken)
	if err := c.store.put(ctx, kindCodeGrant, code, r.Grant.ID, life); err != nil {
		return "", err
	}
	if err := c.store.put(ctx, kindCode, code, r, c.lifetimes.Code+codeSlack); err != nil {
		return "", err
	}
	return code, nil
}

// A consent is what a user allowed a client for good.
type consent struct {
	Scope  message.List `json:"scope,omitempty"`
	Claims []string     `json:"claims,omitempty"`
	// Resource are the resources it was allowed for.
	Resource []string `json:"resource,omitempty"`
}

func consentName(user, client string) string { return client + "\x00" + user }

// consent returns what the user allowed the client before.
func (s *Step) consent(ctx context.Context, user string, client *Client) (consent, error) {
	var c consent
	_, err := s.Context.store.get(ctx, kindConsent, consentName(user, client.ID), &c)
	return c, err
}

// saveConsent adds to what the user allowed.
func (s *Step) saveConsent(ctx context.Context, user string, client *Client, old, more consent) error {
	old.Scope = union(old.Scope, more.Scope)
	old.Claims = union(old.Claims, more.Claims)
	old.Resource = union(old.Resource, more.Resource)
	return s.Context.store.put(ctx, kindConsent, consentName(user, client.ID), old, s.Context.lifetimes.Consent)
}

// covers reports whether what was allowed before is enough for what is asked now.
func (c consent) covers(scope message.List, claims, resource []string) bool {
	return subset(scope, c.Scope) && subset(claims, c.Claims) && subset(resource, c.Resource)
}

func subset(part, whole []string) bool {
	for _, v := range part {
		if !slices.Contains(whole, v) {
			return false
		}
	}
	return true
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, v := range b {
		if !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}
