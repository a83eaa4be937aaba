package cookiestate

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oidcservice/oidc/state"
)

// A jar holds the cookies of one request that are ours, and what its calls make
// of them.
type jar struct {
	store *Store

	mu      sync.Mutex
	cookies map[string]cookie // by name
}

// A cookie as it was brought, or as it is to be set. One without a value is
// gone.
type cookie struct {
	value   string
	life    time.Duration
	changed bool
}

type jarKey struct{ *Store }

// Open returns a context for the calls that belong to one request, whose Cookie
// header fields are given, and a function that returns the values of the
// Set-Cookie fields that its response needs: what has changed since it was
// asked before. With crossSite the browser is to bring the cookies with a form
// that another site posts (OAuth 2.0 Form Post Response Mode).
//
// Package rp calls it. Others do so before they begin or finish a login:
//
//	ctx, setCookies := cookies.Open(r.Context(), r.Header.Values("Cookie"))
//	…
//	for _, field := range setCookies(false) {
//		w.Header().Add("Set-Cookie", field)
//	}
func (s *Store) Open(ctx context.Context, cookies []string) (inner context.Context, setCookies func(crossSite bool) []string) {
	j := &jar{store: s, cookies: map[string]cookie{}}
	twice := map[string]bool{}
	for _, field := range cookies {
		for pair := range strings.SplitSeq(field, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if !strings.HasPrefix(name, s.cookiePrefix()) {
				continue
			}
			// One of two was set by somebody else.
			if _, there := j.cookies[name]; there {
				twice[name] = true
			}
			j.cookies[name] = cookie{value: value}
		}
	}
	for name := range twice {
		delete(j.cookies, name)
	}
	return context.WithValue(ctx, jarKey{s}, j), j.setCookies
}

// The prefix __Host- makes a browser insist on Secure, Path=/ and no Domain, so
// that no neighbour below the same domain can set the cookie.
const (
	hostPrefix     = "__Host-oidc-pending-"
	insecurePrefix = "insecure-oidc-pending-"
)

func (s *Store) cookiePrefix() string {
	if s.insecure {
		return insecurePrefix
	}
	return hostPrefix
}

// cookieName is the name of a pending login's cookie. It has all of the key,
// which is a hash: what is sealed for the name is sealed for the login.
func (s *Store) cookieName(key string) string {
	return s.cookiePrefix() + strings.TrimPrefix(key, pendingPrefix)
}

func (j *jar) setCookies(crossSite bool) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(j.cookies)) {
		c := j.cookies[name]
		if !c.changed {
			continue
		}
		c.changed = false
		j.cookies[name] = c
		field := fmt.Sprintf("%s=%s; Path=/; Max-Age=%d; HttpOnly", name, c.value, (c.life+time.Second-1)/time.Second)
		if !j.store.insecure {
			field += "; Secure"
		}
		switch {
		case !crossSite:
			field += "; SameSite=Lax"
		case !j.store.insecure: // without Secure browsers take no None, and default to a mild Lax
			field += "; SameSite=None"
		}
		fields = append(fields, field)
	}
	return fields
}

// read returns the login of a cookie. One that was altered, has expired or was
// sealed with a key that is gone is none.
func (j *jar) read(name string) (pending, bool) {
	c := j.cookies[name]
	if c.value == "" {
		return pending{}, false
	}
	p, err := j.store.open(name, c.value)
	return p, err == nil && j.store.now().Before(p.until)
}

// write sets a login's cookie. A login that is over when it begins has none.
func (j *jar) write(name string, p pending, value []byte, ttl time.Duration) error {
	if ttl <= 0 {
		j.drop(name)
		return nil
	}
	now := j.store.now()
	p.value, p.until = value, now.Add(min(ttl, maxLife))
	if p.id == 0 {
		p.id, p.begun = serial.Add(1), now
	}
	text, err := j.store.seal(name, p)
	if err != nil {
		return err
	}
	if size, limit := sizeOf(name, text), min(j.store.maxBytes, maxCookie); size > limit {
		return fmt.Errorf("cookiestate: %w: the pending login takes %d bytes of a cookie and may take %d: "+
			"ask for less in the authorization request and its return address, or use another store", state.ErrTooLarge, size, limit)
	}
	j.cookies[name] = cookie{value: text, life: ttl, changed: true}
	j.makeRoom(name)
	return nil
}

func (j *jar) drop(name string) {
	if j.cookies[name].value != "" {
		j.cookies[name] = cookie{changed: true}
	}
}

// makeRoom drops cookies until the rest fits: first what is no login, then the
// oldest.
func (j *jar) makeRoom(keep string) {
	total := 0
	type other struct {
		name  string
		begun time.Time
	}
	var others []other
	for name, c := range j.cookies {
		if c.value == "" {
			continue
		}
		total += sizeOf(name, c.value)
		if name != keep {
			p, _ := j.read(name)
			others = append(others, other{name, p.begun})
		}
	}
	slices.SortFunc(others, func(a, b other) int { return a.begun.Compare(b.begun) })
	for _, o := range others {
		if total <= j.store.maxBytes {
			return
		}
		total -= sizeOf(o.name, j.cookies[o.name].value)
		j.drop(o.name)
	}
}

func (j *jar) add(key string, value []byte, ttl time.Duration) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	name := j.store.cookieName(key)
	if _, found := j.read(name); found {
		return false, nil
	}
	err := j.write(name, pending{}, value, ttl)
	return err == nil, err
}

func (j *jar) put(key string, value []byte, ttl time.Duration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	name := j.store.cookieName(key)
	p, _ := j.read(name)
	return j.write(name, p, value, ttl)
}

func (j *jar) get(key string) ([]byte, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	p, found := j.read(j.store.cookieName(key))
	return p.value, found
}

func (j *jar) swap(key string, old, value []byte, ttl time.Duration) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	name := j.store.cookieName(key)
	p, found := j.read(name)
	if !found || !bytes.Equal(p.value, old) {
		return false, nil
	}
	err := j.write(name, p, value, ttl)
	return err == nil, err
}

// take removes a login. The mark that it was taken outlives every copy of its
// cookie.
func (j *jar) take(ctx context.Context, key string) ([]byte, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	name := j.store.cookieName(key)
	p, found := j.read(name)
	if !found {
		return nil, false, nil
	}
	added, err := j.store.rest.Add(ctx, p.mark(name), nil, p.until.Sub(j.store.now())+clockLeeway)
	if err != nil {
		return nil, false, err
	}
	j.drop(name)
	if !added {
		return nil, false, nil
	}
	return p.value, true, nil
}
