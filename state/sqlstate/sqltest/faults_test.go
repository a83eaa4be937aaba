package sqltest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/internal/outage"
	"github.com/oidcservice/oidc/state/sqlstate"
)

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
		for name, fault := range map[string]func(p *outage.Proxy){
			"Dies":  func(p *outage.Proxy) { p.Die(); time.Sleep(500 * time.Millisecond) },
			"Cut":   func(p *outage.Proxy) { p.Cut() },
			"Stops": func(p *outage.Proxy) { p.Stop(); time.Sleep(outage.Patience + time.Second) },
			"Slow":  func(p *outage.Proxy) { p.Slow(20 * time.Millisecond); time.Sleep(time.Second) },
		} {
			t.Run(name, func(t *testing.T) {
				table := fmt.Sprintf("f%d", time.Now().UnixNano())
				d.openTable(t, d.pool(t), sqlstate.Options{Table: table})
				target := d.address(t)
				p := outage.NewProxy(t, target)
				through := d
				through.dsn = strings.Replace(d.dsn, target, p.Address(), 1)
				pool := through.pool(t)
				pool.SetMaxOpenConns(50)
				store, err := sqlstate.New(pool, d.dialect, sqlstate.Options{Table: table})
				if err != nil {
					t.Fatal(err)
				}
				outage.Load{DB: loaded(store), Fault: func() {
					fault(p)
					p.Flow()
				}}.Run(t)
			})
		}
	})
}

// loaded is the database of the logins that a fault meets.
func loaded(store state.Store) *state.DB {
	return &state.DB{Store: store, PendingTTL: time.Minute, SessionTTL: time.Minute}
}

// TestServerDies does the same to a process of its own: it is killed and comes
// back with what it had, or stands still for longer than callers wait, or for
// less.
func TestServerDies(t *testing.T) {
	for _, d := range []database{
		{name: "PostgreSQL", dialect: sqlstate.PostgreSQL, driver: "pgx"},
		{name: "MariaDB", dialect: sqlstate.MariaDB, driver: "mysql"},
	} {
		t.Run(d.name, func(t *testing.T) {
			var server *outage.Server
			if d.dialect == sqlstate.PostgreSQL {
				server = outage.PostgreSQL(t)
				d.dsn = "postgres://postgres@" + server.Address() + "/postgres"
			} else {
				server = outage.MariaDB(t)
				d.dsn = "state:state@tcp(" + server.Address() + ")/state"
			}
			pool := d.pool(t)
			pool.SetMaxOpenConns(50)
			for name, fault := range map[string]func(){
				"Killed":         func() { server.Kill(); time.Sleep(300 * time.Millisecond); server.Restart() },
				"Stopped":        func() { server.Stop(); time.Sleep(outage.Patience + time.Second); server.Continue() },
				"StoppedShortly": func() { server.Stop(); time.Sleep(300 * time.Millisecond); server.Continue() },
			} {
				t.Run(name, func(t *testing.T) {
					store := d.openTable(t, pool, sqlstate.Options{Table: fmt.Sprintf("k%d", time.Now().UnixNano())})
					outage.Load{DB: loaded(store), Fault: fault}.Run(t)
				})
			}
		})
	}
}

// TestFileIsFull lets logins run against a SQLite file that may not grow, as on
// a disk without room.
func TestFileIsFull(t *testing.T) {
	d := databases[0].found(t)
	pool := d.pool(t)
	pool.SetMaxOpenConns(1) // the limit is a connection's
	store := d.openTable(t, pool, sqlstate.Options{Table: "full"})
	limit := func(pages int) {
		if _, err := pool.Exec(fmt.Sprint("PRAGMA max_page_count = ", pages)); err != nil {
			t.Error(err)
		}
	}
	outage.Load{DB: loaded(store), Fault: func() {
		limit(1) // what there is
		time.Sleep(300 * time.Millisecond)
		limit(1 << 30)
	}}.Run(t)
}
