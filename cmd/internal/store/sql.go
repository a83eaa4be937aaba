package store

import (
	"context"
	"database/sql"
	"io"
	"log"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver of PostgreSQL
	_ "modernc.org/sqlite"             // the driver, in Go alone

	"github.com/oidcservice/oidc/state/sqlstate"
)

// maxConns bounds the connections of one process: a server has a hundred or so for all.
const maxConns = 32

var dialects = map[string]sqlstate.Dialect{
	"sqlite": sqlstate.SQLite, "postgres": sqlstate.PostgreSQL, "postgresql": sqlstate.PostgreSQL, "mysql": sqlstate.MySQL, "mariadb": sqlstate.MariaDB,
}

// Schema returns the migration of a SQL store: what opening it runs, unless its URL says
// migrate=false. The kind of store and a colon are enough of a URL.
func Schema(name string) (string, error) {
	kind, address, _ := strings.Cut(name, ":")
	dialect, known := dialects[kind]
	if !known {
		return "", fault("it has no tables; want sqlite:, postgres: or mysql:")
	}
	table := ""
	if address != "" {
		_, _, u, err := parse(name)
		if err != nil {
			return "", err
		}
		if u != nil {
			table, _ = take(u, "table")
		}
	}
	return sqlstate.Schema(dialect, table)
}

func checkSQLite(file string, _ *url.URL) error {
	if file == "" {
		return fault("want sqlite:FILE")
	}
	return nil
}

// openSQLite opens a file that several processes may share. It holds tokens, so that only
// its owner may read it.
func openSQLite(ctx context.Context, s *Store, file string, _ *url.URL) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fault("%v", err)
	}
	if err := f.Close(); err != nil {
		return fault("%v", err)
	}
	// What a URI gives a meaning to may stand in the name of a file.
	name := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(file)
	pool, err := sql.Open("sqlite", "file:"+name+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return fault("%s: %v", file, err)
	}
	return s.openSQL(ctx, file, pool, sqlstate.SQLite, &tables{migrate: true})
}

func checkPostgres(_ string, u *url.URL) error {
	if u == nil {
		return fault("want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	return checkTables(u, sqlstate.PostgreSQL)
}

// tables are what the parameters of a URL say of the tables: their name, which lets several
// applications share a database, and whether they are made.
type tables struct {
	name    string
	migrate bool
}

// takeTables removes the parameters of ours from a URL.
func takeTables(u *url.URL) (*tables, *url.URL) {
	name, rest := take(u, "table")
	migrate, rest := take(rest, "migrate")
	return &tables{name: name, migrate: migrate != "false"}, rest
}

func checkTables(u *url.URL, d sqlstate.Dialect) error {
	if m := u.Query().Get("migrate"); m != "" && m != "true" && m != "false" {
		return fault("migrate=%s: want true or false", m)
	}
	t, _ := takeTables(u)
	if _, err := sqlstate.Schema(d, t.name); err != nil {
		return fault("table=%s: %v", t.name, err)
	}
	return nil
}

func openPostgres(ctx context.Context, s *Store, _ string, u *url.URL) error {
	t, rest := takeTables(u)
	pool, err := sql.Open("pgx", rest.String())
	if err != nil {
		return unreachable("PostgreSQL", err)
	}
	return s.openSQL(ctx, "PostgreSQL", pool, sqlstate.PostgreSQL, t)
}

func checkMySQL(_ string, u *url.URL) error {
	if u == nil {
		return fault("want mysql://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	if err := checkTables(u, sqlstate.MySQL); err != nil {
		return err
	}
	_, _, err := mysqlConfig(u)
	return err
}

// mysqlConfig turns a URL into what the driver takes.
func mysqlConfig(u *url.URL) (*mysql.Config, *tables, error) {
	t, rest := takeTables(u)
	c, err := mysql.ParseDSN("/" + strings.TrimPrefix(rest.EscapedPath(), "/") + "?" + rest.RawQuery)
	if err != nil {
		return nil, nil, fault("a parameter of the URL: %v", err)
	}
	if c.TLSConfig == "skip-verify" || c.TLSConfig == "preferred" {
		return nil, nil, fault("tls=%s does not look whose certificate it is; want tls=true, with the authority among the system's (SSL_CERT_FILE adds one)", c.TLSConfig)
	}
	c.Net, c.Addr, c.User = "tcp", u.Host, u.User.Username()
	c.Passwd, _ = u.User.Password()
	if u.Port() == "" {
		c.Addr += ":3306"
	}
	// A connection that broke is a call that fails; the driver need not say so once more.
	c.Logger = log.New(io.Discard, "", 0)
	return c, t, nil
}

func openMySQL(ctx context.Context, s *Store, _ string, u *url.URL) error {
	c, t, err := mysqlConfig(u)
	if err != nil {
		return err
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return unreachable("MySQL", err)
	}
	pool := sql.OpenDB(connector)
	var version string
	if err := pool.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version); err != nil {
		_ = pool.Close()
		return unreachable("MySQL", err)
	}
	dialect := sqlstate.MySQL
	if strings.Contains(version, "MariaDB") {
		dialect = sqlstate.MariaDB
	}
	return s.openSQL(ctx, "MySQL", pool, dialect, t)
}

func (s *Store) openSQL(ctx context.Context, kind string, pool *sql.DB, d sqlstate.Dialect, t *tables) error {
	s.close = append(s.close, func() { _ = pool.Close() })
	pool.SetMaxOpenConns(maxConns)
	pool.SetMaxIdleConns(maxConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	store, err := sqlstate.New(pool, d, sqlstate.Options{Table: t.name})
	if err != nil {
		return fault("%v", err)
	}
	s.close = append([]func(){func() { _ = store.Close() }}, s.close...)
	if t.migrate {
		err = store.Migrate(ctx)
	} else {
		_, _, err = store.Get(ctx, "ready") // to tell now what is wrong with the server or the tables
	}
	if err != nil {
		return unreachable(kind, err)
	}
	s.Entries = store
	return nil
}
