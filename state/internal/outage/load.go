package outage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
)

// Patience is how long a call may take before its caller gives up.
const Patience = 2 * time.Second

// A Load is logins that go on while something happens to their store.
type Load struct {
	DB *state.DB

	// Fault is called in the middle of the logins.
	Fault func()

	// Forgets says that the fault takes what the server held: a login that was
	// begun may be unknown, which tells its user to start again, and a mark may
	// be fresh once more.
	Forgets bool

	// Recovery is how long it may take until everything works again; zero means
	// 20 seconds.
	Recovery time.Duration
}

// logins is how many there are. One begins every millisecond.
const logins = 1000

// users are how long they take at the provider, so that logins are in every
// place when the fault comes.
var users = []time.Duration{0, 300 * time.Millisecond, 1500 * time.Millisecond}

// A tally counts how logins ended.
type tally struct{ completed, told, silent, marks atomic.Int64 }

// Run runs a thousand logins, each with two callbacks at the same time, and
// then looks that none was completed twice, that none was lost without an
// error, that no mark was fresh twice, and that everything works again with the
// same client in the same process.
func (l Load) Run(t *testing.T) {
	t.Helper()
	var sum tally
	var wg sync.WaitGroup
	for i := range logins {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			l.login(t, fmt.Sprint("S", i), users[i%len(users)], &sum)
		})
	}
	time.Sleep(300 * time.Millisecond)
	l.Fault()
	wg.Wait()
	completed, told, silent := sum.completed.Load(), sum.told.Load(), sum.silent.Load()
	t.Logf("%d of %d completed, %d ended in an error, %d unknown, %d marks", completed, logins, told, silent, sum.marks.Load())
	if silent > 0 && !l.Forgets {
		t.Errorf("%d logins were lost without an error", silent)
	}
	if completed+told+silent != logins {
		t.Errorf("%d completed, %d told and %d unknown are not %d", completed, told, silent, logins)
	}
	if completed == 0 {
		t.Errorf("the fault was not in the middle: %d of %d completed", completed, logins)
	}
	l.recover(t)
}

func patient() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Patience)
}

func (l Load) login(t *testing.T, name string, user time.Duration, sum *tally) {
	ctx, cancel := patient()
	err := l.DB.Begin(ctx, state.NewRecord(name, "i"))
	cancel()
	if err != nil {
		sum.told.Add(1) // the user is told to start again
		return
	}
	time.Sleep(user)
	var callbacks sync.WaitGroup
	var won, failed, fresh atomic.Int64
	for range 2 {
		callbacks.Go(func() {
			ctx, cancel := patient()
			defer cancel()
			switch _, err := l.DB.Claim(ctx, name); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, state.ErrUnknown):
				failed.Add(1)
			}
			if seen, _ := l.DB.Seen(ctx, state.KindJWTID, name, time.Minute); !seen {
				fresh.Add(1)
			}
		})
	}
	callbacks.Wait()
	if won.Load() > 1 {
		t.Errorf("%s was completed %d times", name, won.Load())
	}
	if fresh.Load() > 1 && !l.Forgets {
		t.Errorf("the mark of %s was fresh %d times", name, fresh.Load())
	}
	sum.marks.Add(fresh.Load())
	switch {
	case won.Load() > 0:
		sum.completed.Add(1)
	case failed.Load() > 0:
		sum.told.Add(1)
	default:
		sum.silent.Add(1)
	}
}

// recover waits until logins work.
func (l Load) recover(t *testing.T) {
	t.Helper()
	limit := l.Recovery
	if limit == 0 {
		limit = 20 * time.Second
	}
	start := time.Now()
	for i := 0; ; i++ {
		name := fmt.Sprint("again", i)
		ctx, cancel := patient()
		err := l.DB.Begin(ctx, state.NewRecord(name, "i"))
		if err == nil {
			_, err = l.DB.Claim(ctx, name)
		}
		cancel()
		if err == nil {
			return
		}
		if time.Since(start) > limit {
			t.Fatalf("it does not recover: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
