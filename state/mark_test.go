package state_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/statetest"
)

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
	db := &state.DB{Store: statetest.NewFaulty(new(state.Memory), statetest.FailFrom(1))}
	if ok, err := db.Reserve(ctx, state.KindRefreshToken, "R", time.Hour); ok || err == nil {
		t.Errorf("reserved by a failing store: %v, %v", ok, err)
	}
}
