package rp

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// A Login is what a user's login brought: verified claims, and access to the tokens. It
// is a value of the moment at which it was read.
type Login struct {
	// ID names the login: for Token, End and Options.Ended. It proves nothing and is no
	// credential, but tells one login from another.
	ID string
	// Issuer and Subject together name the user, and nothing else does (OpenID Connect
	// Core 1.0, Section 5.7).
	Issuer, Subject string
	// IDToken holds the claims of the verified ID Token, UserInfo those of the UserInfo
	// endpoint. Neither is nil; what did not come is empty.
	IDToken  *message.IDToken
	UserInfo *message.UserInfoResponse
	// ReturnTo is where the browser was on its way to: a path of ours, checked again.
	// It is set by Callback only.
	ReturnTo string
	// Checks lists the rules that the login was judged by. It is set by Callback only.
	Checks []service.Check

	party *Party
}

// keptSession is the private value of a record that holds the hash of the session
// cookie. It is set when the login is complete, and taken away to close the session.
const keptSession = "rp_session"

// ErrNoLogin reports that there is no session: nobody logged in, the user logged out,
// or the time was up.
var ErrNoLogin = errors.New("rp: nobody is logged in")

// loginOf reads a record.
func (p *Party) loginOf(r state.Record) (*Login, error) {
	l := &Login{ID: r.State, Issuer: r.Issuer, IDToken: new(message.IDToken), UserInfo: new(message.UserInfoResponse), party: p}
	if claims := r.Kept(state.KeptIDTokenClaims); claims != "" {
		if err := message.DecodeClaims([]byte(claims), l.IDToken); err != nil {
			return nil, fmt.Errorf("rp: %s: %w", state.KeptIDTokenClaims, err)
		}
		l.Subject = l.IDToken.Subject
	}
	if raw := r.Item(state.ItemUserInfo); raw != nil {
		if err := message.DecodeJSON(raw, l.UserInfo); err != nil {
			return nil, fmt.Errorf("rp: %s: %w", state.ItemUserInfo, err)
		}
	}
	return l, nil
}

// Token returns the source of the login's access tokens.
func (l *Login) Token() *Token { return l.party.Token(l.ID) }

// End ends the login: its session and its tokens are forgotten here. The provider is
// not told; Logout does that.
func (l *Login) End(ctx context.Context) error { return l.party.db.End(ctx, l.ID) }

// End ends a login by its ID, as Login.End does.
func (p *Party) End(ctx context.Context, id string) error { return p.db.End(ctx, id) }

// The session cookie holds the login's ID, where to look, and a random value whose hash
// the record holds: what counts.

func sessionHash(secret string) string {
	sum := sha256.Sum256(append(append(make([]byte, 0, 64), "session "...), secret...))
	return string(base64.RawURLEncoding.AppendEncode(make([]byte, 0, 43), sum[:]))
}

// openSession gives the browser a new session cookie and ends the session that it had,
// so that nobody can know it beforehand (rule authz_response_page).
func (p *Party) openSession(ctx context.Context, w http.ResponseWriter, r *http.Request, secret, id string) error {
	if old, err := p.session(ctx, r); err == nil && old.State != id {
		if err := p.db.End(ctx, old.State); err != nil {
			return err
		}
	}
	p.setCookie(w, p.sessionCookieName(), id+"."+secret, 0, http.SameSiteLaxMode)
	return nil
}

// session returns the record that the browser's session cookie stands for.
func (p *Party) session(ctx context.Context, r *http.Request) (state.Record, error) {
	id, secret, ok := cutLast(cookie(r, p.sessionCookieName()))
	if !ok || len(id) > 128 {
		return state.Record{}, ErrNoLogin
	}
	record, err := p.db.Session(ctx, id)
	if errors.Is(err, state.ErrUnknown) {
		return state.Record{}, ErrNoLogin
	}
	if err != nil {
		return state.Record{}, err
	}
	kept := record.Kept(keptSession)
	if kept == "" || subtle.ConstantTimeCompare([]byte(kept), []byte(sessionHash(secret))) != 1 {
		return state.Record{}, ErrNoLogin
	}
	return record, nil
}

// cutLast cuts at the last dot: a state may hold dots.
func cutLast(text string) (before, after string, ok bool) {
	i := strings.LastIndexByte(text, '.')
	if i <= 0 || i == len(text)-1 {
		return "", "", false
	}
	return text[:i], text[i+1:], true
}

// Session returns the login of the browser's session; ErrNoLogin if there is none. Any
// other error is a failing store.
func (p *Party) Session(r *http.Request) (*Login, error) {
	record, err := p.session(r.Context(), r)
	if err != nil {
		return nil, err
	}
	return p.loginOf(record)
}

type loginKey struct{}

// LoginOf returns the login that Protect found, nil outside of it.
func LoginOf(ctx context.Context) *Login {
	l, _ := ctx.Value(loginKey{}).(*Login)
	return l
}

// WithLogin returns a context that carries a login, for TokenTransport and LoginOf.
func WithLogin(ctx context.Context, l *Login) context.Context {
	return context.WithValue(ctx, loginKey{}, l)
}
