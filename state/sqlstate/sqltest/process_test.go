package sqltest

import (
	"database/sql"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/internal/outage"
	"github.com/oidcservice/oidc/state/sqlstate"
)

func TestMain(m *testing.M) {
	outage.Main(m, func(where string) (state.Store, func(), error) {
		var driver, dialect, table, dsn string
		if _, err := fmt.Sscanf(where, "%s %s %s %s", &driver, &dialect, &table, &dsn); err != nil {
			return nil, nil, err
		}
		pool, err := sql.Open(driver, dsn)
		if err != nil {
			return nil, nil, err
		}
		store, err := sqlstate.New(pool, sqlstate.Dialect(dialect), sqlstate.Options{Table: table})
		if err != nil {
			return nil, nil, err
		}
		return store, func() {
			_ = store.Close()
			_ = pool.Close()
		}, nil
	})
}

// where tells a process which tables to use.
func (d database) where(table string) string {
	return fmt.Sprintf("%s %s %s %s", d.driver, d.dialect, table, d.dsn)
}

func TestTwoProcesses(t *testing.T) {
	eachServer(t, func(t *testing.T, d database) {
		table := fmt.Sprintf("p%d", time.Now().UnixNano())
		d.openTable(t, d.pool(t), sqlstate.Options{Table: table})
		outage.TwoProcesses(t, d.where(table))
	})
}

func TestTwoProcessesUnderLoad(t *testing.T) {
	eachServer(t, func(t *testing.T, d database) {
		logins := 1000
		if os.Getenv("CI") == "true" && d.dialect != sqlstate.MySQL { // MariaDB once more
			logins = 10_000
		}
		table := fmt.Sprintf("l%d", time.Now().UnixNano())
		d.openTable(t, d.pool(t), sqlstate.Options{Table: table})
		outage.TwoProcessesUnderLoad(t, d.where(table), logins)
	})
}
