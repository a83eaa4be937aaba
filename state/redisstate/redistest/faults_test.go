package redistest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/redisstate"
)

// patience is how long a call may take before its caller gives up.
const patience = 2 * time.Second

// TestServerFails lets a thousand logins run while the server dies and comes
// back, stands still, answers slowly, or is full.
func TestServerFails(t *testing.T) {
	for name, fault := range map[string]func(t *testing.T, p *proxy, admin rueidis.Client){
		"Dies":       func(_ *testing.T, p *proxy, _ rueidis.Client) { p.die(); time.Sleep(500 * time.Millisecond) },
		"Cut":        func(_ *testing.T, p *proxy, _ rueidis.Client) { p.cut() },
		"Stops":      func(_ *testing.T, p *proxy, _ rueidis.Client) { p.stop(); time.Sleep(patience + time.Second) },
		"StopsBrief": func(_ *testing.T, p *proxy, _ rueidis.Client) { p.stop(); time.Sleep(300 * time.Millisecond) },
		"Slow":       func(_ *testing.T, p *proxy, _ rueidis.Client) { p.slow(50 * time.Millisecond); time.Sleep(time.Second) },
		"Full": func(t *testing.T, _ *proxy, admin rueidis.Client) {
			limit := func(bytes string) {
				err := admin.Do(context.Background(), admin.B().ConfigSet().ParameterValue().ParameterValue("maxmemory", bytes).Build()).Error()
				if err != nil {
					t.Error(err)
				}
			}
			limit("1")
			time.Sleep(300 * time.Millisecond)
			limit("0")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := servers[0]
			target, err := url.Parse(s.url(t))
			if err != nil {
				t.Fatal(err)
			}
			p := newProxy(t, target.Host)
			client := s.client(t, func(o *rueidis.ClientOption) {
				o.InitAddress = []string{p.address()}
				o.ConnWriteTimeout = patience
				o.ForceSingleClient = true
			})
			store := redisstate.New(client, redisstate.Options{Prefix: fmt.Sprintf("fault%d:", time.Now().UnixNano())})
			db := &state.DB{Store: store, PendingTTL: time.Minute, SessionTTL: time.Minute}
			load(t, db, func() {
				fault(t, p, s.client(t, nil))
				p.flow()
			})
		})
	}
}

// load runs a thousand logins, each with two callbacks at the same time, calls
// fault in their middle, and then looks that none was completed twice, that none
// was lost without an error, and that everything works again.
func load(t *testing.T, db *state.DB, fault func()) {
	const logins = 1000
	call := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(context.Background(), patience)
	}
	var wg sync.WaitGroup
	var completed, told, silent, marks atomic.Int64
	for i := range logins {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			name := fmt.Sprint("S", i)
			ctx, cancel := call()
			defer cancel()
			if err := db.Begin(ctx, state.NewRecord(name, "i")); err != nil {
				told.Add(1) // the user is told to start again
				return
			}
			var callbacks sync.WaitGroup
			var won, failed, fresh atomic.Int64
			for range 2 {
				callbacks.Go(func() {
					ctx, cancel := call()
					defer cancel()
					switch _, err := db.Claim(ctx, name); {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, state.ErrUnknown):
						failed.Add(1)
					}
					if seen, _ := db.Seen(ctx, state.KindJWTID, name, time.Minute); !seen {
						fresh.Add(1)
					}
				})
			}
			callbacks.Wait()
			if won.Load() > 1 || fresh.Load() > 1 {
				t.Errorf("%s was completed %d times, its mark was fresh %d times", name, won.Load(), fresh.Load())
			}
			completed.Add(won.Load())
			marks.Add(fresh.Load())
			if won.Load() == 0 {
				if failed.Load() == 0 {
					silent.Add(1)
				} else {
					told.Add(1)
				}
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	fault()
	wg.Wait()
	t.Logf("%d of %d completed, %d ended in an error, %d marks", completed.Load(), logins, told.Load(), marks.Load())
	if silent.Load() > 0 {
		t.Errorf("%d logins were lost without an error", silent.Load())
	}
	if completed.Load()+told.Load() != logins {
		t.Errorf("%d completed and %d told are not %d", completed.Load(), told.Load(), logins)
	}
	// The same client, the same process: it works again.
	deadline := time.Now().Add(20 * time.Second)
	for i := 0; ; i++ {
		name := fmt.Sprint("again", i)
		ctx, cancel := call()
		err := db.Begin(ctx, state.NewRecord(name, "i"))
		if err == nil {
			_, err = db.Claim(ctx, name)
		}
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not recover: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
