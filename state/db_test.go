package state_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
)

const (
	issuer  = "https://op.example.com"
	racers  = 100
	pending = 10 * time.Minute
	session = 24 * time.Hour
)

// eachDB runs a test with a DB on a store that can do everything, on one that
// has the four verbs only, and behind Sealed.
func eachDB(t *testing.T, test func(t *testing.T, db *state.DB, m *state.Memory, c *clock)) {
	for name, wrap := range map[string]func(state.Store) (state.Store, error){
		"Memory": func(s state.Store) (state.Store, error) { return s, nil },
		"Plain":  func(s state.Store) (state.Store, error) { return plain{s}, nil },
		"Sealed": func(s state.Store) (state.Store, error) { return state.Sealed(s, make([]byte, state.MinSealKey)) },
		"SealedPlain": func(s state.Store) (state.Store, error) {
			return state.Sealed(plain{s}, make([]byte, state.MinSealKey))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c clock
			m := &state.Memory{Now: c.Now}
			store, err := wrap(m)
			if err != nil {
				t.Fatal(err)
			}
			test(t, &state.DB{Store: store}, m, &c)
		})
	}
}

func record(name string) state.Record {
	r := state.NewRecord(name, issuer)
	r.Set(state.ItemAuthRequest, fmt.Appendf(nil, `{"response_type":"code","state":%q}`, name))
	r.Keep(state.KeptNonce, "nonce of "+name)
	return r
}

func begin(t testing.TB, db *state.DB, r state.Record) {
	t.Helper()
	if err := db.Begin(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func claim(t testing.TB, db *state.DB, name string) state.Record {
	t.Helper()
	r, err := db.Claim(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func save(t testing.TB, db *state.DB, r state.Record) {
	t.Helper()
	if err := db.Save(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func states(t testing.TB, db *state.DB, kind, value string, want ...string) {
	t.Helper()
	got, err := db.States(t.Context(), kind, value)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%s %q names %q, not %q (%v)", kind, value, got, want, err)
	}
}

func unknown(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, state.ErrUnknown) {
		t.Fatalf("%v, not ErrUnknown", err)
	}
}

func TestZeroDB(t *testing.T) {
	var db state.DB
	begin(t, &db, record("S"))
	if got := claim(t, &db, "S"); !got.Equal(record("S")) {
		t.Fatalf("another record: %v", got)
	}
}

func TestCreateRefusesExisting(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		first, other := record("S"), state.NewRecord("S", "https://other.example.com")
		other.Link(state.KindNonce, "other")
		begin(t, db, first)
		for _, life := range []func(context.Context, string) (state.Record, error){db.Pending, db.Claim, db.Session} {
			if err := db.Begin(ctx, other); !errors.Is(err, state.ErrExists) && err == nil {
				t.Fatalf("a second Begin: %v", err)
			}
			got, err := life(ctx, "S")
			if err != nil || !got.Equal(first) {
				t.Fatalf("the record changed: %v, %v", got, err)
			}
		}
		if err := db.Begin(ctx, other); !errors.Is(err, state.ErrExists) {
			t.Fatalf("Begin with the state of a session: %v", err)
		}
		states(t, db, state.KindNonce, "other")
		unknown(t, second(db.Pending(ctx, "S")))
	})
}

func second(_ state.Record, err error) error { return err }

func TestBeginRefusesBadRecords(t *testing.T) {
	var db state.DB
	for name, change := range map[string]func(r *state.Record){
		"no state":                func(r *state.Record) { r.State = "" },
		"a state that is no text": func(r *state.Record) { r.State = "\xff" },
		"an issuer that is none":  func(r *state.Record) { r.Issuer = "\xff" },
		"an item that is none":    func(r *state.Record) { r.Set(state.ItemUserInfo, []byte(`{"sub":"x"},"iss":"evil"`)) },
		"an empty item":           func(r *state.Record) { r.Set(state.ItemUserInfo, []byte{}) },
		"half an item":            func(r *state.Record) { r.Set(state.ItemUserInfo, []byte(`{"sub":"x`)) },
		"a bad name":              func(r *state.Record) { r.Set("_kept", []byte(`{}`)) },
		"another bad name":        func(r *state.Record) { r.Set("", []byte(`{}`)) },
		"an issuer in JSON":       func(r *state.Record) { r.Set(state.ItemIssuer, []byte(`{}`)) },
		"a bad private value":     func(r *state.Record) { r.Keep("x", "\xff") },
		"a bad private name":      func(r *state.Record) { r.Keep("\xff", "x") },
		"too much":                func(r *state.Record) { r.Keep("x", strings.Repeat("x", state.MaxValue)) },
	} {
		r := record("S")
		change(&r)
		if err := db.Begin(t.Context(), r); !errors.Is(err, state.ErrMalformed) && !errors.Is(err, state.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		if err := db.Save(t.Context(), r); !errors.Is(err, state.ErrMalformed) && !errors.Is(err, state.ErrTooLarge) {
			t.Errorf("%s, saved: %v", name, err)
		}
	}
	unknown(t, second(db.Pending(t.Context(), "S")))
}

func TestLives(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		unknown(t, second(db.Pending(ctx, "S")))
		unknown(t, second(db.Session(ctx, "S")))
		unknown(t, second(db.Claim(ctx, "S")))
		unknown(t, db.Save(ctx, record("S")))
		begin(t, db, record("S"))
		unknown(t, second(db.Session(ctx, "S")))
		unknown(t, db.Save(ctx, record("S")))
		r := claim(t, db, "S")
		unknown(t, second(db.Pending(ctx, "S")))
		unknown(t, second(db.Claim(ctx, "S")))
		r.Set(state.ItemAuthResponse, []byte(`{"code":"C"}`))
		save(t, db, r)
		got, err := db.Session(ctx, "S")
		if err != nil || !got.Equal(r) {
			t.Fatalf("the session is %v, %v", got, err)
		}
		for range 2 {
			if err := db.End(ctx, "S"); err != nil {
				t.Fatal(err)
			}
		}
		unknown(t, second(db.Session(ctx, "S")))
		unknown(t, db.Save(ctx, got))
		begin(t, db, record("S"))
		if err := db.End(ctx, "S"); err != nil {
			t.Fatal(err)
		}
		unknown(t, second(db.Claim(ctx, "S")))
	})
}

func TestTakeOnce(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		begin(t, db, record("S"))
		for what, call := range map[string]func() (bool, error){
			"state": func() (bool, error) {
				_, err := db.Claim(t.Context(), "S")
				if errors.Is(err, state.ErrUnknown) {
					return false, nil
				}
				return true, err
			},
			"code": func() (bool, error) {
				seen, err := db.Seen(t.Context(), "code", "C", time.Hour)
				return !seen, err
			},
			"jti": func() (bool, error) {
				seen, err := db.Seen(t.Context(), state.KindJWTID, state.PerIssuer(issuer, "J"), time.Hour)
				return !seen, err
			},
			"refresh token": func() (bool, error) {
				return db.Reserve(t.Context(), state.KindRefreshToken, "R", time.Minute)
			},
		} {
			var won atomic.Int32
			var wg sync.WaitGroup
			start := make(chan struct{})
			for range racers {
				wg.Go(func() {
					<-start
					ok, err := call()
					if err != nil {
						t.Error(err)
					}
					if ok {
						won.Add(1)
					}
				})
			}
			close(start)
			wg.Wait()
			if won.Load() != 1 {
				t.Errorf("%s: %d of %d won", what, won.Load(), racers)
			}
		}
	})
}

func TestBeginOnce(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				r := record("S")
				r.Keep(state.KeptNonce, fmt.Sprint(i))
				switch err := db.Begin(t.Context(), r); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, state.ErrExists):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of %d began", won.Load(), racers)
		}
	})
}

func TestTtl(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, m *state.Memory, c *clock) {
		ctx := t.Context()
		linked := record("S")
		linked.Link(state.KindNonce, "N")
		begin(t, db, linked)
		begin(t, db, record("T"))
		c.Advance(pending - 1)
		claim(t, db, "S")
		states(t, db, state.KindNonce, "N", "S")
		c.Advance(1)
		unknown(t, second(db.Pending(ctx, "T")))
		unknown(t, second(db.Claim(ctx, "T")))

		// Saving starts the life of a session and its look-ups anew.
		for range 3 {
			c.Advance(session - 2)
			r, err := db.Session(ctx, "S")
			if err != nil {
				t.Fatal(err)
			}
			save(t, db, r)
			states(t, db, state.KindNonce, "N", "S")
		}
		c.Advance(session)
		unknown(t, second(db.Session(ctx, "S")))
		states(t, db, state.KindNonce, "N")

		if seen, err := db.Seen(ctx, state.KindJWTID, "J", time.Hour); seen || err != nil {
			t.Fatal(seen, err)
		}
		c.Advance(time.Hour - 1)
		if seen, err := db.Seen(ctx, state.KindJWTID, "J", time.Hour); !seen || err != nil {
			t.Fatal("a mark ends early", err)
		}
		c.Advance(1)
		if seen, err := db.Seen(ctx, state.KindJWTID, "J", -time.Hour); seen || err != nil {
			t.Fatal("a mark does not end", err)
		}
		if seen, err := db.Seen(ctx, state.KindJWTID, "J", time.Hour); !seen || err != nil {
			t.Fatal("a life that is over before it begins leaves no mark", err)
		}
		// What has expired goes away by itself.
		c.Advance(10 * session)
		for i := 0; m.Len() > 0 && i < 20000; i++ {
			if _, _, err := m.Get(ctx, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if m.Len() > 0 {
			t.Errorf("%d entries stay for ever", m.Len())
		}
	})
	t.Run("Configured", func(t *testing.T) {
		var c clock
		db := &state.DB{Store: &state.Memory{Now: c.Now}, PendingTTL: time.Second, SessionTTL: time.Minute}
		begin(t, db, record("S"))
		begin(t, db, record("T"))
		claim(t, db, "S")
		c.Advance(time.Second)
		unknown(t, second(db.Pending(t.Context(), "T")))
		c.Advance(time.Minute - time.Second)
		unknown(t, second(db.Session(t.Context(), "S")))
	})
}

// Each DB stands for a process; between two steps everything goes through what
// the first one stored.
func TestRecordsOfSeveralProcesses(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		process := func() *state.DB { return &state.DB{Store: db.Store} }
		r := record("S")
		r.Keep(state.KeptCodeVerifier, "V")
		begin(t, process(), r)
		got := claim(t, process(), "S")
		if got.Kept(state.KeptCodeVerifier) != "V" || !bytes.Equal(got.Item(state.ItemAuthRequest), r.Item(state.ItemAuthRequest)) {
			t.Fatalf("the record is not the one that was begun: %v", got)
		}
		got.Set(state.ItemAuthResponse, []byte(`{"code":"C"}`))
		save(t, process(), got)
		again, err := process().Session(ctx, "S")
		if err != nil || !again.Equal(got) {
			t.Fatalf("the session is not the one that was saved: %v", err)
		}
		unknown(t, second(process().Claim(ctx, "S")))
	})
}
