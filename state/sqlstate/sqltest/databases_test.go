package sqltest

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/oidcservice/oidc/state/sqlstate"
)

const sqlitePragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(5000)"

func init() {
	// Connections that break on purpose are not worth a line each.
	if err := mysql.SetLogger(log.New(io.Discard, "", 0)); err != nil {
		panic(err)
	}
}

// A database is one that the tests run on.
type database struct {
	name    string
	dialect sqlstate.Dialect
	driver  string
	dsn     string // "": a file of its own, SQLite
	env     string // names the server that dsn comes from
	suffix  string // of the DSN
}

var databases = []database{
	{name: "SQLite", dialect: sqlstate.SQLite, driver: "sqlite"},
	{name: "PostgreSQL", dialect: sqlstate.PostgreSQL, driver: "pgx", env: "STATE_TEST_POSTGRES"},
	{name: "MariaDB", dialect: sqlstate.MariaDB, driver: "mysql", env: "STATE_TEST_MARIADB"},
	{name: "MySQL", dialect: sqlstate.MySQL, driver: "mysql", env: "STATE_TEST_MARIADB"},
	// Connections that count the rows that were found, not those that changed.
	{name: "MySQLFoundRows", dialect: sqlstate.MySQL, driver: "mysql", env: "STATE_TEST_MARIADB", suffix: "clientFoundRows=true"},
	{name: "MySQLInterpolated", dialect: sqlstate.MySQL, driver: "mysql", env: "STATE_TEST_MARIADB", suffix: "interpolateParams=true"},
}

// eachDatabase runs a test on every database that there is.
func eachDatabase(t *testing.T, test func(t *testing.T, d database)) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) { test(t, d.found(t)) })
	}
}

// eachServer is eachDatabase without those that differ by how they connect.
func eachServer(t *testing.T, test func(t *testing.T, d database)) {
	for _, d := range databases {
		if d.suffix == "" {
			t.Run(d.name, func(t *testing.T) { test(t, d.found(t)) })
		}
	}
}

// found completes d with its DSN, or ends the test.
func (d database) found(t testing.TB) database {
	t.Helper()
	if d.env == "" {
		d.dsn = "file:" + filepath.Join(t.TempDir(), "state.db") + sqlitePragmas
		return d
	}
	d.dsn = os.Getenv(d.env)
	if d.dsn == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s names no server", d.env)
		}
		t.Skipf("%s names no server", d.env)
	}
	if d.suffix != "" {
		separator := "?"
		if strings.Contains(d.dsn, "?") {
			separator = "&"
		}
		d.dsn += separator + d.suffix
	}
	return d
}

func (d database) pool(t testing.TB) *sql.DB {
	t.Helper()
	pool, err := sql.Open(d.driver, d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(16)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

var tableCount atomic.Int64

// open returns a Store with tables of its own.
func (d database) open(t testing.TB, o sqlstate.Options) *sqlstate.Store {
	t.Helper()
	pool := d.pool(t)
	if o.Table == "" {
		o.Table = fmt.Sprintf("t%d_%d_%d", os.Getpid(), time.Now().UnixMilli(), tableCount.Add(1))
	}
	return d.openTable(t, pool, o)
}

func (d database) openTable(t testing.TB, pool *sql.DB, o sqlstate.Options) *sqlstate.Store {
	t.Helper()
	store, err := sqlstate.New(pool, d.dialect, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		for _, table := range []string{o.Table, o.Table + "_group"} {
			if _, err := pool.ExecContext(context.Background(), "DROP TABLE IF EXISTS "+table); err != nil {
				t.Error(err)
			}
		}
	})
	return store
}
