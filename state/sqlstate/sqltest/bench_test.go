package sqltest

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state/internal/outage"
	"github.com/oidcservice/oidc/state/sqlstate"
)

// rawVerbs are the statements that one would write by hand for these tables;
// ? stands for a parameter, NOW for the server's time.
var rawVerbs = map[string]map[sqlstate.Dialect]string{
	"add": {
		sqlstate.SQLite:     `INSERT INTO {t} (name, value, expires) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING`,
		sqlstate.MariaDB:    `INSERT IGNORE INTO {t} (name, value, expires) VALUES (?, ?, NOW + ?)`,
		sqlstate.PostgreSQL: `INSERT INTO {t} (name, value, expires) VALUES ($1, $2, NOW + $3) ON CONFLICT (name) DO NOTHING`,
	},
	"put": {
		sqlstate.SQLite:  `INSERT INTO {t} (name, value, expires) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires = excluded.expires`,
		sqlstate.MariaDB: `INSERT INTO {t} (name, value, expires) VALUES (?, ?, NOW + ?) ON DUPLICATE KEY UPDATE value = VALUES(value), expires = VALUES(expires)`,
		sqlstate.PostgreSQL: `INSERT INTO {t} (name, value, expires) VALUES ($1, $2, NOW + $3) ` +
			`ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires = excluded.expires`,
	},
	"get": {
		sqlstate.SQLite:     `SELECT value FROM {t} WHERE name = ? AND expires > ?`,
		sqlstate.MariaDB:    `SELECT value FROM {t} WHERE name = ? AND expires > NOW`,
		sqlstate.PostgreSQL: `SELECT value FROM {t} WHERE name = $1 AND expires > NOW`,
	},
	"take": {
		sqlstate.SQLite:     `DELETE FROM {t} WHERE name = ? AND expires > ? RETURNING value`,
		sqlstate.MariaDB:    `DELETE FROM {t} WHERE name = ? AND expires > NOW RETURNING value`,
		sqlstate.PostgreSQL: `DELETE FROM {t} WHERE name = $1 AND expires > NOW RETURNING value`,
	},
}

var rawNow = map[sqlstate.Dialect]string{
	sqlstate.PostgreSQL: `(extract(epoch FROM statement_timestamp()) * 1000)::bigint`,
	sqlstate.MariaDB:    `(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)`,
}

// BenchmarkStore compares each verb with the driver called by hand, with a
// prepared statement, on the same table: "x-raw" is how many times as long the
// Store takes. A round is some hundred calls, in turns:
//
//	go test -run '^$' -bench . -benchtime 20x .
func BenchmarkStore(b *testing.B) {
	value := []byte(strings.Repeat("a pending login ", 50))
	for _, d := range databases {
		if rawVerbs["get"][d.dialect] == "" {
			continue
		}
		b.Run(d.name, func(b *testing.B) {
			d := d.found(b)
			table := fmt.Sprintf("b%d", time.Now().UnixNano())
			pool := d.pool(b)
			store := d.openTable(b, pool, sqlstate.Options{Table: table, SweepEvery: -1})
			ctx := b.Context()
			keys := make([]string, 300)
			for i := range keys {
				keys[i] = fmt.Sprintf("p-%043d", i)
			}
			fill := func() {
				for _, key := range keys {
					if err := store.Put(ctx, key, value, time.Hour); err != nil {
						b.Fatal(err)
					}
				}
			}
			drain := func() {
				if _, err := pool.ExecContext(ctx, "DELETE FROM "+table); err != nil {
					b.Fatal(err)
				}
			}
			prepare := func(verb string) *sql.Stmt {
				text := strings.NewReplacer("{t}", table, "NOW", rawNow[d.dialect]).Replace(rawVerbs[verb][d.dialect])
				stmt, err := pool.PrepareContext(ctx, text)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = stmt.Close() })
				return stmt
			}
			args := func(key string) []any {
				if d.dialect == sqlstate.SQLite {
					return []any{key, time.Now().UnixMilli()}
				}
				return []any{key}
			}
			until := func() int64 {
				if d.dialect == sqlstate.SQLite {
					return time.Now().Add(time.Hour).UnixMilli()
				}
				return time.Hour.Milliseconds()
			}
			add, put, get, take := prepare("add"), prepare("put"), prepare("get"), prepare("take")
			for _, verb := range []struct {
				name       string
				prepare    func()
				store, raw func(key string) error
			}{
				{
					"add", drain,
					func(key string) error { _, err := store.Add(ctx, key, value, time.Hour); return err },
					func(key string) error { _, err := add.ExecContext(ctx, key, value, until()); return err },
				},
				{
					"put", fill,
					func(key string) error { return store.Put(ctx, key, value, time.Hour) },
					func(key string) error { _, err := put.ExecContext(ctx, key, value, until()); return err },
				},
				{
					"get", fill,
					func(key string) error { _, _, err := store.Get(ctx, key); return err },
					func(key string) error { var got []byte; return get.QueryRowContext(ctx, args(key)...).Scan(&got) },
				},
				{
					"take", fill,
					func(key string) error { _, _, err := store.Take(ctx, key); return err },
					func(key string) error { var got []byte; return take.QueryRowContext(ctx, args(key)...).Scan(&got) },
				},
			} {
				b.Run(verb.name, func(b *testing.B) {
					by := func(do func(string) error) func(int) error { return func(i int) error { return do(keys[i]) } }
					outage.CompareOne(b, len(keys), verb.prepare,
						outage.Candidate{Name: "store", Call: by(verb.store)},
						outage.Candidate{Name: "raw", Call: by(verb.raw)})
				})
			}
		})
	}
}
