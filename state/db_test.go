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
	"github.com/oidcservice/oidc/state/statetest"
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

func TestCompareAndSwapRefresh(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		begin(t, db, record("S"))
		r := claim(t, db, "S")
		r.Set(state.ItemTokenResponse, []byte(`{"refresh_token":"R1","access_token":"A1"}`))
		save(t, db, r)
		var requests atomic.Int32
		refresh := func() (string, error) {
			for {
				now, err := db.Session(ctx, "S")
				if err != nil {
					return "", err
				}
				if got := now.Latest("refresh_token"); string(got) != `"R1"` {
					return string(now.Latest("access_token")), nil
				}
				mine, err := db.Reserve(ctx, state.KindRefreshToken, state.PerIssuer(issuer, "R1"), time.Minute)
				if err != nil {
					return "", err
				}
				if !mine {
					time.Sleep(time.Millisecond)
					continue
				}
				requests.Add(1)
				now.Set(state.ItemRefreshTokenResponse, []byte(`{"refresh_token":"R2","access_token":"A2"}`))
				if err := db.Save(ctx, now); err != nil {
					return "", err
				}
			}
		}
		var wg sync.WaitGroup
		for range racers {
			wg.Go(func() {
				if token, err := refresh(); err != nil || token != `"A2"` {
					t.Errorf("%s, %v", token, err)
				}
			})
		}
		wg.Wait()
		if requests.Load() != 1 {
			t.Errorf("%d requests were sent", requests.Load())
		}
	})
}

func TestReserveIsGivenBack(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, c *clock) {
		ctx := t.Context()
		reserve := func(want bool) {
			t.Helper()
			if got, err := db.Reserve(ctx, state.KindRefreshToken, "R", time.Minute); got != want || err != nil {
				t.Fatalf("%v, %v", got, err)
			}
		}
		reserve(true)
		reserve(false)
		if err := db.Release(ctx, state.KindRefreshToken, "R"); err != nil {
			t.Fatal(err)
		}
		reserve(true)
		c.Advance(2 * time.Minute)
		reserve(true)
	})
}

// Two processes that change different things of one login keep both.
func TestSaveMerges(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		begin(t, db, record("S"))
		r := claim(t, db, "S")
		r.Set(state.ItemTokenResponse, []byte(`{"access_token":"A"}`))
		r.Set("own_item", []byte(`1`))
		r.Keep("gone", "soon")
		r.Link(state.KindNonce, "N")
		save(t, db, r)
		a, err := db.Session(ctx, "S")
		if err != nil {
			t.Fatal(err)
		}
		b := a
		a.Set(state.ItemUserInfo, []byte(`{"sub":"x"}`))
		a.Keep("a", "1")
		a.Link(state.KindSubject, "x")
		b.Set(state.ItemRefreshTokenResponse, []byte(`{"access_token":"B"}`))
		b.Set("own_item", nil)
		b.Set("other_item", []byte(`2`))
		b.Keep("b", "2")
		b.Keep("gone", "")
		b.Unlink(state.KindNonce, "N")
		b.Link(state.KindSessionID, "s")
		save(t, db, a)
		save(t, db, b)
		got, err := db.Session(ctx, "S")
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"iss", "auth_request", "token_response", "refresh_token_response", "user_info", "other_item"}
		if !slices.Equal(got.Items(), want) {
			t.Errorf("the items are %q", got.Items())
		}
		if got.Kept("a") != "1" || got.Kept("b") != "2" || got.Kept("gone") != "" || got.Kept(state.KeptNonce) != "nonce of S" {
			t.Errorf("a private value was lost, or came back")
		}
		states(t, db, state.KindSubject, "x", "S")
		states(t, db, state.KindSessionID, "s", "S")
		states(t, db, state.KindNonce, "N")
		if !got.Linked(state.KindSubject, "x") || got.Linked(state.KindNonce, "N") {
			t.Error("the record does not know its look-ups")
		}
	})
}

func TestUpdateLosesNothing(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		begin(t, db, record("S"))
		claim(t, db, "S")
		const writers, turns = 8, 10
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range turns {
					_, err := db.Update(ctx, "S", func(r *state.Record) error {
						r.Keep("count", r.Kept("count")+"x")
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		r, err := db.Session(ctx, "S")
		if err != nil || len(r.Kept("count")) != writers*turns {
			t.Errorf("%d of %d updates, %v", len(r.Kept("count")), writers*turns, err)
		}
		own := errors.New("own")
		if _, err := db.Update(ctx, "S", func(r *state.Record) error { r.Keep("count", ""); return own }); err != own {
			t.Errorf("%v, not the caller's error", err)
		}
		if again, err := db.Session(ctx, "S"); err != nil || !again.Equal(r) {
			t.Errorf("a refused update was stored: %v", err)
		}
		unknown(t, second(db.Update(ctx, "T", func(*state.Record) error { return nil })))
		unknown(t, second(db.UpdatePending(ctx, "S", func(*state.Record) error { return nil })))
		begin(t, db, record("T"))
		if _, err := db.UpdatePending(ctx, "T", func(r *state.Record) error { r.Keep("count", "1"); return nil }); err != nil {
			t.Error(err)
		}
		if r := claim(t, db, "T"); r.Kept("count") != "1" {
			t.Error("an update of a pending login was lost")
		}
	})
}

// A login that was ended does not come back, whenever the Save that was under
// way ends.
func TestEndIsFinal(t *testing.T) {
	eachDB(t, func(t *testing.T, db *state.DB, _ *state.Memory, _ *clock) {
		ctx := t.Context()
		for i := range 50 {
			name := fmt.Sprint("S", i)
			begin(t, db, record(name))
			r := claim(t, db, name)
			r.Set(state.ItemUserInfo, []byte(`{"sub":"x"}`))
			r.Link(state.KindSubject, "x")
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := db.Save(ctx, r); err != nil && !errors.Is(err, state.ErrUnknown) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := db.End(ctx, name); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			unknown(t, second(db.Session(ctx, name)))
		}
		states(t, db, state.KindSubject, "x")
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

func TestReplayFailsClosed(t *testing.T) {
	ctx := t.Context()
	for _, lost := range []bool{false, true} {
		faulty := statetest.NewFaulty(new(state.Memory), statetest.FailOnly(1, lost))
		db := &state.DB{Store: faulty}
		if seen, err := db.Seen(ctx, state.KindJWTID, "J", time.Hour); !seen || !errors.Is(err, statetest.ErrInjected) {
			t.Errorf("a failing store: %v, %v", seen, err)
		}
		if seen, err := db.Seen(ctx, state.KindJWTID, "J", time.Hour); seen != lost || err != nil {
			t.Errorf("after that: %v, %v", seen, err)
		}
	}
	db := &state.DB{Store: statetest.NewFaulty(new(state.Memory), statetest.FailFrom(1)), InsecureAllowReplay: true}
	if seen, err := db.Seen(ctx, state.KindJWTID, "J", time.Hour); seen || err != nil {
		t.Errorf("the loud option: %v, %v", seen, err)
	}
	if ok, err := db.Reserve(ctx, state.KindRefreshToken, "R", time.Hour); ok || err == nil {
		t.Errorf("the option opens more than replay: %v, %v", ok, err)
	}
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
