package cookiestate_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/cookiestate"
	"github.com/oidcservice/oidc/state/statetest"
)

// Within a request pending logins are entries like those of any store.
func TestPending(t *testing.T) {
	var offset atomic.Int64
	start := time.Now()
	now := func() time.Time { return start.Add(time.Duration(offset.Load())) }
	store := newStore(t, cookiestate.Options{MaxBytes: 1 << 30, Now: now})
	statetest.Run(t, statetest.Suite{
		Open: func(t testing.TB) state.Store {
			ctx, _ := store.Open(t.Context(), nil)
			return logins{store, ctx}
		},
		Advance:  func(d time.Duration) { offset.Add(int64(d)) },
		Moment:   time.Minute,
		MaxValue: 2800,
	})
}

// Everything else is kept by the other store.
func TestRest(t *testing.T) {
	rest := new(state.Memory)
	store := newStore(t, cookiestate.Options{Store: rest})
	statetest.Run(t, statetest.Suite{Open: func(testing.TB) state.Store { return store }})
	if rest.Len() == 0 {
		t.Error("nothing was kept there")
	}
}

// A login begun in one process is finished in another that shares nothing but
// the key, as often as there are tabs.
func TestTwoTabs(t *testing.T) {
	a, b := newStore(t, cookiestate.Options{}), newStore(t, cookiestate.Options{})
	user, other := newBrowser(t), newBrowser(t)
	begin(t, user, a, "one")
	begin(t, user, b, "two")
	if _, err := claim(other, a, "one"); !errors.Is(err, state.ErrUnknown) {
		t.Fatalf("another browser finishes the login: %v", err)
	}
	for _, name := range []string{"two", "one"} {
		r, err := claim(user, b, name)
		if err != nil || r.Kept(state.KeptCodeVerifier) == "" {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := claim(user, b, name); !errors.Is(err, state.ErrUnknown) {
			t.Errorf("%s is claimed again: %v", name, err)
		}
	}
	if left := user.names(); left != "" {
		t.Errorf("the browser keeps %s", left)
	}
}

// A copy of the cookie is refused wherever the marks are known, whether the
// login had changed when it was copied or not.
func TestReplay(t *testing.T) {
	marks := new(state.Memory)
	a, b := newStore(t, cookiestate.Options{Store: marks}), newStore(t, cookiestate.Options{Store: marks})
	user := newBrowser(t)
	begin(t, user, a, "S")
	early := user.clone()
	user.request(a, func(ctx context.Context) {
		_, err := (&state.DB{Store: a}).UpdatePending(ctx, "S", func(r *state.Record) error {
			r.Keep(state.KeptReturnTo, "/")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	late := user.clone()
	thief := user.clone()
	var won atomic.Int64
	var wg sync.WaitGroup
	for i, copied := range []*browser{user, early, late, user.clone(), early.clone(), late.clone()} {
		wg.Go(func() {
			_, err := claim(copied, []*cookiestate.Store{a, b}[i%2], "S")
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, state.ErrUnknown) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("the login was claimed %d times", won.Load())
	}
	// What was claimed is not begun again by an old cookie either.
	if _, err := claim(thief.clone(), b, "S"); !errors.Is(err, state.ErrUnknown) {
		t.Error(err)
	}
	// Without a shared Store the window is what is documented: a process that
	// has not seen the login takes it once more.
	alone := newStore(t, cookiestate.Options{})
	if _, err := claim(thief.clone(), alone, "S"); err != nil {
		t.Errorf("the documented window is not there: %v", err)
	}
	if _, err := claim(thief.clone(), alone, "S"); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("one process takes a login twice: %v", err)
	}
}

// When the marks cannot be asked, nothing is taken.
func TestTakeFailsClosed(t *testing.T) {
	faulty := statetest.NewFaulty(new(state.Memory), func(_ int, call state.Call) statetest.Fault {
		if call.Key[0] == 'u' {
			return statetest.Fault{Err: statetest.ErrInjected}
		}
		return statetest.Fault{}
	})
	store, user := newStore(t, cookiestate.Options{Store: faulty}), newBrowser(t)
	begin(t, user, store, "S")
	if _, err := claim(user, store, "S"); !errors.Is(err, statetest.ErrInjected) {
		t.Errorf("%v", err)
	}
}

// What was altered, is too old, or was made for another login or by others is
// as good as absent.
func TestRefused(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	clock := func() time.Time { return now }
	foreign := newStore(t, cookiestate.Options{Keys: [][]byte{secret(2)}, Now: clock})
	var store *cookiestate.Store
	for name, change := range map[string]func(b *browser, name, value string){
		"altered":   func(b *browser, name, value string) { b.set(name, flip(t, value, len(value)/2)) },
		"cut":       func(b *browser, name, value string) { b.set(name, value[:len(value)-4]) },
		"empty":     func(b *browser, name, _ string) { b.set(name, "") },
		"no base64": func(b *browser, name, _ string) { b.set(name, "~~~~") },
		"the tag":   func(b *browser, name, value string) { b.set(name, flip(t, value, len(value)-1)) },
		"the time":  func(b *browser, name, value string) { b.set(name, flip(t, value, 60)) },
		"foreign": func(b *browser, _, _ string) {
			b.jar = newBrowser(t).jar
			begin(t, b, foreign, "S")
		},
		"moved": func(b *browser, name, _ string) {
			begin(t, b, store, "other")
			for _, c := range b.jar.Cookies(b.at) {
				if c.Name != name {
					b.set(name, c.Value)
				}
			}
		},
		"old": func(*browser, string, string) { now = now.Add(10*time.Minute + time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t)
			store = newStore(t, cookiestate.Options{Now: clock})
			begin(t, b, store, "S")
			c := b.jar.Cookies(b.at)[0]
			change(b, c.Name, c.Value)
			if _, err := claim(b, store, "S"); !errors.Is(err, state.ErrUnknown) {
				t.Errorf("%v", err)
			}
			begin(t, b, store, "S") // and stands in nobody's way
			if _, err := claim(b, store, "S"); err != nil {
				t.Error(err)
			}
		})
	}
}

func flip(t *testing.T, value string, at int) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	raw[at*3/4] ^= 1
	return base64.RawURLEncoding.EncodeToString(raw)
}

// A cookie that was sent twice is none: one of them was set by somebody else.
func TestTwice(t *testing.T) {
	store, b := newStore(t, cookiestate.Options{}), newBrowser(t)
	begin(t, b, store, "S")
	ctx, _ := store.Open(t.Context(), append(b.header(), b.header()...))
	if _, err := (&state.DB{Store: store}).Pending(ctx, "S"); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("%v", err)
	}
}

func TestRotation(t *testing.T) {
	before := newStore(t, cookiestate.Options{Keys: [][]byte{secret(1)}})
	between := newStore(t, cookiestate.Options{Keys: [][]byte{secret(2), secret(1)}})
	after := newStore(t, cookiestate.Options{Keys: [][]byte{secret(2)}})
	b := newBrowser(t)
	begin(t, b, before, "old")
	begin(t, b, between, "new")
	for _, c := range []struct {
		store *cookiestate.Store
		name  string
		known bool
	}{
		{before, "new", false}, {after, "old", false}, {after, "new", true}, {between, "old", true},
	} {
		ctx, _ := c.store.Open(t.Context(), b.header())
		if _, err := (&state.DB{Store: c.store}).Pending(ctx, c.name); errors.Is(err, state.ErrUnknown) == c.known {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, keys := range [][][]byte{{}, {make([]byte, 31)}, {secret(1), nil}} {
		if s, err := cookiestate.New(cookiestate.Options{Keys: keys}); err == nil || s != nil {
			t.Errorf("%d keys: no error", len(keys))
		}
	}
}

func TestTooLarge(t *testing.T) {
	store, b := newStore(t, cookiestate.Options{}), newBrowser(t)
	r := pendingLogin("S")
	r.Keep(state.KeptReturnTo, "/"+strings.Repeat("x", 3000))
	fields := b.request(store, func(ctx context.Context) {
		err := (&state.DB{Store: store}).Begin(ctx, r)
		if !errors.Is(err, state.ErrTooLarge) {
			t.Fatalf("%v", err)
		}
		for _, part := range []string{"may take 4000", "ask for less", "use another store"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	})
	if len(fields) > 0 {
		t.Errorf("cookies were set: %s", fields)
	}
}

// The pending logins of a browser stay within what servers read of a header:
// the oldest make room. What is no login goes first.
func TestRoom(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	store := newStore(t, cookiestate.Options{Now: func() time.Time { return now }})
	b := newBrowser(t)
	b.set("__Host-oidc-pending-junk", strings.Repeat("A", 1500))
	b.set("other", strings.Repeat("A", 1500))
	for i := range 20 {
		now = now.Add(time.Second)
		begin(t, b, store, fmt.Sprint("S", i))
		size := 0
		for _, c := range b.jar.Cookies(b.at) {
			if strings.HasPrefix(c.Name, "__Host-oidc-pending-") {
				size += len(c.Name) + len(c.Value) + 3
			}
		}
		if size > 6000 {
			t.Fatalf("%d logins take %d bytes", i, size)
		}
		if i == 5 && strings.Contains(b.names(), "junk") {
			t.Error("what is no login stays")
		}
	}
	for i := range 20 {
		_, err := claim(b, store, fmt.Sprint("S", i))
		if newest := i >= 14; newest != (err == nil) || err != nil && !errors.Is(err, state.ErrUnknown) {
			t.Errorf("login %d: %v", i, err)
		}
	}
	if left := b.names(); left != "other" {
		t.Errorf("the browser has %s", left)
	}
}

// Without a request no login can begin, and none is pending; what was finished
// can end.
func TestNoRequest(t *testing.T) {
	store := newStore(t, cookiestate.Options{})
	db := &state.DB{Store: store}
	if err := db.Begin(t.Context(), pendingLogin("S")); !errors.Is(err, cookiestate.ErrNoRequest) {
		t.Errorf("%v", err)
	}
	if err := store.Put(t.Context(), "p-x", nil, time.Hour); !errors.Is(err, cookiestate.ErrNoRequest) {
		t.Errorf("%v", err)
	}
	if _, err := db.Pending(t.Context(), "S"); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("%v", err)
	}
	if _, err := db.UpdatePending(t.Context(), "S", func(*state.Record) error { return nil }); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("%v", err)
	}
	b := newBrowser(t)
	begin(t, b, store, "S")
	if _, err := claim(b, store, "S"); err != nil {
		t.Fatal(err)
	}
	if err := db.End(t.Context(), "S"); err != nil {
		t.Error(err)
	}
	if _, err := db.Session(t.Context(), "S"); !errors.Is(err, state.ErrUnknown) {
		t.Errorf("%v", err)
	}
	// A request that another Store opened is none.
	ctx, _ := newStore(t, cookiestate.Options{}).Open(t.Context(), nil)
	if err := db.Begin(ctx, pendingLogin("S")); !errors.Is(err, cookiestate.ErrNoRequest) {
		t.Errorf("%v", err)
	}
}

func TestAttributes(t *testing.T) {
	set := func(o cookiestate.Options, crossSite bool) string {
		t.Helper()
		store := newStore(t, o)
		ctx, setCookies := store.Open(t.Context(), nil)
		if err := (&state.DB{Store: store}).Begin(ctx, pendingLogin("S")); err != nil {
			t.Fatal(err)
		}
		fields := setCookies(crossSite)
		if len(fields) != 1 || len(setCookies(crossSite)) != 0 {
			t.Fatalf("%q", fields)
		}
		name, rest, _ := strings.Cut(fields[0], "=")
		value, attributes, _ := strings.Cut(rest, "; ")
		if size := len(fields[0]); size > 1500 || len(value) < 800 {
			t.Errorf("a pending login is a cookie of %d bytes", size)
		}
		if strings.Contains(value, base64.RawURLEncoding.EncodeToString([]byte("client_id"))) {
			t.Error("the cookie can be read")
		}
		return name[:len(name)-43] + " " + attributes
	}
	for _, c := range []struct {
		insecure, crossSite bool
		want                string
	}{
		{false, false, "__Host-oidc-pending- Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax"},
		{false, true, "__Host-oidc-pending- Path=/; Max-Age=600; HttpOnly; Secure; SameSite=None"},
		{true, false, "insecure-oidc-pending- Path=/; Max-Age=600; HttpOnly; SameSite=Lax"},
		{true, true, "insecure-oidc-pending- Path=/; Max-Age=600; HttpOnly"},
	} {
		if got := set(cookiestate.Options{InsecureAllowHTTP: c.insecure}, c.crossSite); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, newStore(t, cookiestate.Options{})); got != "cookiestate.Store(*state.Memory)" {
			t.Errorf("printed as %s", got)
		}
	}
}

// A store that has neither of the optional abilities serves as well.
func TestPlainStore(t *testing.T) {
	type plain struct{ state.Store }
	store := newStore(t, cookiestate.Options{Store: plain{new(state.Memory)}})
	statetest.Run(t, statetest.Suite{Open: func(testing.TB) state.Store { return store }})
	db, b := &state.DB{Store: store}, newBrowser(t)
	begin(t, b, store, "S")
	b.request(store, func(ctx context.Context) {
		if _, err := db.UpdatePending(ctx, "S", func(r *state.Record) error { r.Keep(state.KeptReturnTo, "/"); return nil }); err != nil {
			t.Fatal(err)
		}
		r, err := db.Claim(ctx, "S")
		if err != nil || r.Kept(state.KeptReturnTo) != "/" {
			t.Fatal(err)
		}
		r.Link(state.KindSubject, "sub")
		if err := db.Save(ctx, r); err != nil {
			t.Fatal(err)
		}
	})
	if names, err := db.States(t.Context(), state.KindSubject, "sub"); err != nil || len(names) != 1 {
		t.Errorf("%q, %v", names, err)
	}
}
