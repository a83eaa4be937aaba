package rp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// A Token is a source of valid access tokens of one login. It is safe for concurrent
// use; tokens of the same login share what they know, across processes too, because
// what they know is in the state database.
type Token struct {
	party *Party
	id    string
}

// An Access is an access token and what was said about it.
type Access struct {
	Token  message.Secret // the access token
	Type   string         // Bearer or DPoP
	Expiry time.Time      // zero if the provider did not say
	Scope  message.List   // what was granted; empty if as asked for
}

// Refreshed tells of a refresh.
type Refreshed struct {
	Login, Issuer string // whose refresh it was: Login.ID, and its provider
	// Rotated reports whether the refresh token is another now. Whoever keeps it
	// elsewhere must keep the new one: the old one is spent (RFC 6749, Section 6).
	Rotated  bool
	Response *message.AccessTokenResponse
}

// ErrTokenExpired reports an access token that has expired and cannot be refreshed: the
// user has to log in again.
var ErrTokenExpired = errors.New("rp: the access token has expired and there is no refresh token")

// errLeft is what waiters get when the one who refreshed for them had to go.
var errLeft = errors.New("rp: the refresh was left")

// How early a token is refreshed, and how long one refresh may take with everything
// that it waits for: the mark that keeps others away lives for 30 seconds.
const (
	earlyRefresh = 30 * time.Second
	refreshLimit = 45 * time.Second
)

// Token returns the source of a login's access tokens, by the login's ID.
func (p *Party) Token(id string) *Token { return &Token{party: p, id: id} }

// Access returns a valid access token. One that is about to expire is refreshed first,
// once for all callers of all processes that share the state database; the others wait.
// If the provider cannot be asked, a token that has not expired yet serves on.
//
// ErrNoLogin and ErrTokenExpired mean that the user has to log in again.
func (t *Token) Access(ctx context.Context) (*Access, error) {
	a, _, err := t.access(ctx)
	return a, err
}

// access is Access, with the issuer of the login.
func (t *Token) access(ctx context.Context) (*Access, string, error) {
	a, record, err := t.read(ctx)
	if err != nil {
		return nil, "", err
	}
	now := t.party.o.Now()
	if a.fresh(now) {
		return &a.Access, record.Issuer, nil
	}
	valid := now.Before(a.Expiry)
	if a.refresh == "" {
		if !valid {
			return nil, "", ErrTokenExpired
		}
		return &a.Access, record.Issuer, nil
	}
	next, err := t.renew(ctx, record.Issuer, a.Token)
	if err != nil && valid && !errors.Is(err, message.InvalidGrant) && !errors.Is(err, ErrNoLogin) {
		return &a.Access, record.Issuer, nil
	}
	return next, record.Issuer, err
}

// Refresh returns an access token that is not used, the one that an API has refused. If
// another caller has refreshed it meanwhile, that one is returned.
func (t *Token) Refresh(ctx context.Context, used message.Secret) (*Access, error) {
	a, record, err := t.read(ctx)
	if err != nil {
		return nil, err
	}
	if !a.Token.Equal(used) && a.fresh(t.party.o.Now()) {
		return &a.Access, nil
	}
	if a.refresh == "" {
		return nil, ErrTokenExpired
	}
	return t.renew(ctx, record.Issuer, a.Token)
}

// held is what a record says about the tokens.
type held struct {
	Access
	refresh message.Secret
	life    time.Duration // 0 if unknown
}

// fresh reports whether the token need not be refreshed yet. One that lives shortly is
// refreshed in its last quarter.
func (h *held) fresh(now time.Time) bool {
	if h.Token == "" {
		return false // it was revoked
	}
	if h.Expiry.IsZero() {
		return true
	}
	early := earlyRefresh
	if h.life > 0 {
		early = min(early, h.life/4)
	}
	return now.Add(early).Before(h.Expiry)
}

// read reads the newest tokens of the login.
func (t *Token) read(ctx context.Context) (*held, state.Record, error) {
	record, err := t.party.db.Session(ctx, t.id)
	if errors.Is(err, state.ErrUnknown) {
		return nil, record, ErrNoLogin
	}
	if err != nil {
		return nil, record, err
	}
	a, err := heldBy(record)
	return a, record, err
}

func heldBy(record state.Record) (*held, error) {
	h := new(held)
	for _, item := range []string{state.ItemAuthResponse, state.ItemTokenResponse, state.ItemRefreshTokenResponse} {
		raw := record.Item(item)
		if raw == nil {
			continue
		}
		// What is decoded is what a token response and an authorization response have in
		// common.
		var m message.AccessTokenResponse
		if err := message.DecodeJSON(raw, &m); err != nil {
			return nil, fmt.Errorf("rp: %s: %w", item, err)
		}
		if m.AccessToken != "" {
			h.Token, h.Type, h.Scope, h.life = m.AccessToken, m.TokenType, m.Scope, 0
			if m.ExpiresIn != nil {
				h.life = time.Duration(*m.ExpiresIn) * time.Second
			}
		}
		if m.RefreshToken != "" {
			h.refresh = m.RefreshToken
		}
	}
	if h.Token == "" && h.refresh == "" {
		return nil, fmt.Errorf("%w: the login brought no access token", ErrNoLogin)
	}
	if seconds, err := strconv.ParseInt(record.Kept(state.KeptExpiry), 10, 64); err == nil {
		h.Expiry = time.Unix(seconds, 0)
	}
	return h, nil
}

// renew replaces stale, once for all callers in this process.
func (t *Token) renew(ctx context.Context, issuer string, stale message.Secret) (*Access, error) {
	for {
		err := t.party.flights.do(ctx, "refresh "+t.id, refreshLimit, func(shared context.Context) error {
			return t.refresh(ctx, shared, issuer, stale)
		})
		if errors.Is(err, errLeft) && ctx.Err() == nil {
			continue // whoever refreshed for us had to go: somebody else does
		}
		if err != nil {
			return nil, err
		}
		a, _, err := t.read(ctx)
		if err != nil {
			return nil, err
		}
		if a.Token.Equal(stale) {
			continue
		}
		return &a.Access, nil
	}
}

// refresh replaces stale, once for all processes: whoever holds the mark in the store
// reads the record again before asking (rule refresh_single_flight). The request itself is
// not given up when the caller goes: its answer may hold the only refresh token that is
// still good. Waiting for another process is.
func (t *Token) refresh(caller, ctx context.Context, issuer string, stale message.Secret) error {
	v, err := t.party.provider(ctx, issuer)
	if err != nil {
		return err
	}
	if err := v.ready(ctx); err != nil {
		return err
	}
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		ours, err := t.party.db.Reserve(ctx, "rp_refresh", t.id, refreshLimit)
		if err != nil {
			return err
		}
		if ours {
			err = t.refreshOnce(ctx, v, stale)
			if released := t.party.db.Release(context.WithoutCancel(ctx), "rp_refresh", t.id); err == nil {
				err = released
			}
			if !errors.Is(err, message.RuleRefreshSingleFlight) {
				return err
			}
		}
		if pause(caller, wait) != nil {
			return errLeft
		}
		if a, _, err := t.read(ctx); err != nil || !a.Token.Equal(stale) {
			return err
		}
	}
}

func (t *Token) refreshOnce(ctx context.Context, v *provider, stale message.Secret) error {
	a, _, err := t.read(ctx)
	if err != nil || !a.Token.Equal(stale) {
		return err
	}
	res, err := v.run(ctx, service.RefreshTokenName, service.Args{State: t.id})
	if err == nil {
		t.tell(ctx, v.issuer, a.refresh, res)
		return nil
	}
	v.forget(ctx, err)
	if errors.Is(err, state.ErrUnknown) {
		return ErrNoLogin
	}
	return err
}

// tell reports a refresh to the application.
func (t *Token) tell(ctx context.Context, issuer string, before message.Secret, res *service.Result) {
	if t.party.o.Refreshed == nil {
		return
	}
	m := service.MessageOf[message.AccessTokenResponse](res)
	t.party.o.Refreshed(ctx, Refreshed{
		Login: t.id, Issuer: issuer, Response: m,
		Rotated: m.RefreshToken != "" && !m.RefreshToken.Equal(before),
	})
}
