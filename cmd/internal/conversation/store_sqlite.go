package conversation

import (
	"context"
	"database/sql"
	"os"
	"time"

	_ "modernc.org/sqlite" // the driver, in Go alone

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/sqlstate"
)

// openSQLite opens the file that several runs share. It holds tokens, so that only
// its owner may read it.
func openSQLite(file string) (state.Store, func(), error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fault("store", "%v", err)
	}
	if err := f.Close(); err != nil {
		return nil, nil, fault("store", "%v", err)
	}
	pool, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, nil, fault("store", "%v", err)
	}
	shut := func() { _ = pool.Close() }
	store, err := sqlstate.New(pool, sqlstate.SQLite, sqlstate.Options{})
	if err != nil {
		shut()
		return nil, nil, fault("store", "%v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := store.Migrate(ctx); err != nil {
		shut()
		return nil, nil, fault("store", "%s: %v", file, err)
	}
	return store, shut, nil
}
