package rp

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of the cookies. The prefix __Host- makes a browser insist on Secure, Path=/ and
// no Domain, so that neither a neighbour below the same domain nor plain http can set
// them.
const (
	hostPrefix     = "__Host-oidc-"
	insecurePrefix = "insecure-oidc-"
	sessionCookie  = "session"
	loginCookie    = "login-"
)

// A browser holds at most so many logins that wait for their callback; beginning
// another ends the oldest. A page that begins logins in the background must not fill
// the header of every later request.
const maxLoginCookies = 12

func (p *Party) sessionCookieName() string {
	if p.secure {
		return hostPrefix + sessionCookie
	}
	return insecurePrefix + sessionCookie
}

func (p *Party) loginCookiePrefix() string {
	if p.secure {
		return hostPrefix + loginCookie
	}
	return insecurePrefix + loginCookie
}

// loginCookieName is the name of the cookie of one login, so that several tabs do not
// get in each other's way.
func (p *Party) loginCookieName(state string) string {
	sum := sha256.Sum256(append(append(make([]byte, 0, 64), "login cookie "...), state...))
	name := append(make([]byte, 0, 64), p.loginCookiePrefix()...)
	return string(base64.RawURLEncoding.AppendEncode(name, sum[:12]))
}

func (p *Party) setCookie(w http.ResponseWriter, name, value string, maxAge time.Duration, sameSite http.SameSite) {
	if !p.secure && sameSite == http.SameSiteNoneMode {
		sameSite = 0 // browsers take None with Secure only, and default to a mild Lax
	}
	//nolint:gosec // plain http has no Secure cookies, and form_post needs SameSite=None
	c := &http.Cookie{Name: name, Value: value, Path: "/", Secure: p.secure, HttpOnly: true, SameSite: sameSite, MaxAge: int(maxAge / time.Second)}
	if maxAge < 0 {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

func (p *Party) dropCookie(w http.ResponseWriter, name string) {
	p.setCookie(w, name, "", -1, http.SameSiteLaxMode)
}

// cookie returns the value of a cookie. One that was sent twice is none: one of the two
// was set by somebody else.
func cookie(r *http.Request, name string) string {
	if all := r.CookiesNamed(name); len(all) == 1 {
		return all[0].Value
	}
	return ""
}

// newBinding makes the value that ties a login to this browser. It begins with the time,
// so that the oldest can be told.
func (p *Party) newBinding() (string, error) {
	stamp := strconv.AppendInt(make([]byte, 0, 64), p.o.Now().Unix(), 36)
	return p.random(append(stamp, '.'))
}

// A browserStore keeps pending logins in cookies of the browser, so its calls need those
// of the request: see state/cookiestate.
type browserStore interface {
	Open(ctx context.Context, cookies []string) (inner context.Context, setCookies func(crossSite bool) []string)
}

// browserState returns the context in which a request's logins begin and end, and what
// sets the cookies that came of it, before the answer begins.
func (p *Party) browserState(r *http.Request) (context.Context, func(w http.ResponseWriter, crossSite bool)) {
	store, ok := p.db.Store.(browserStore)
	if !ok {
		return r.Context(), func(http.ResponseWriter, bool) {}
	}
	ctx, setCookies := store.Open(r.Context(), r.Header.Values("Cookie"))
	return ctx, func(w http.ResponseWriter, crossSite bool) {
		for _, field := range setCookies(crossSite) {
			w.Header().Add("Set-Cookie", field)
		}
	}
}

// makeRoom ends the oldest logins of a browser that has too many of them.
func (p *Party) makeRoom(w http.ResponseWriter, r *http.Request) {
	prefix := p.loginCookiePrefix()
	var waiting []*http.Cookie
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, prefix) {
			waiting = append(waiting, c)
		}
	}
	slices.SortStableFunc(waiting, func(a, b *http.Cookie) int { return cmp.Compare(begun(a), begun(b)) })
	for i := 0; i <= len(waiting)-maxLoginCookies; i++ {
		p.dropCookie(w, waiting[i].Name)
	}
}

// begun is when a login began, 0 if its cookie does not say.
func begun(c *http.Cookie) int64 {
	stamp, _, _ := strings.Cut(c.Value, ".")
	seconds, err := strconv.ParseInt(stamp, 36, 64)
	if err != nil {
		return 0
	}
	return seconds
}

// loginCookies returns the values of all logins of the browser, for a response whose
// state cannot be read before it is decrypted.
func (p *Party) loginCookies(r *http.Request) []string {
	prefix := p.loginCookiePrefix()
	var values []string
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, prefix) {
			values = append(values, c.Value)
		}
	}
	return values
}
