package sqltest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/sqlstate"
)

// patience is how long a call may take before its caller gives up.
const patience = 2 * time.Second

// address finds the server's address in a DSN.
func (d database) address(t *testing.T) string {
	t.Helper()
	if u, err := url.Parse(d.dsn); err == nil && u.Host != "" {
		return u.Host
	}
	_, rest, _ := strings.Cut(d.dsn, "tcp(")
	address, _, found := strings.Cut(rest, ")")
	if !found {
		t.Fatalf("no address in %s", d.env)
	}
	return address
}

// TestServerFails lets a thousand logins run while the server dies and comes
// back, stands still, or answers slowly.
func TestServerFails(t *testing.T) {
	eachServer(t, func(t *testing.T, d database) {
		if d.dialect == sqlstate.SQLite {
			return // no server
		}
		for name, fault := range map[string]func(p *proxy){
			"Dies":  func(p *proxy) { p.die(); time.Sleep(500 * time.Millisecond) },
			"Cut":   func(p *proxy) { p.cut() },
			"Stops": func(p *proxy) { p.stop(); time.Sleep(patience + time.Second) },
			"Slow":  func(p *proxy) { p.slow(20 * time.Millisecond); time.Sleep(time.Second) },
		} {
			t.Run(name, func(t *testing.T) {
				table := fmt.Sprintf("f%d", time.Now().UnixNano())
				d.openTable(t, d.pool(t), sqlstate.Options{Table: table})
				target := d.address(t)
				p := newProxy(t, target)
				through := d
				through.dsn = strings.Replace(d.dsn, target, p.address(), 1)
				pool := through.pool(t)
				pool.SetMaxOpenConns(50)
				store, err := sqlstate.New(pool, d.dialect, sqlstate.Options{Table: table})
				if err != nil {
					t.Fatal(err)
				}
				load(t, &state.DB{Store: store, PendingTTL: time.Minute, SessionTTL: time.Minute}, func() {
					fault(p)
					p.flow()
				})
			})
		}
	})
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
