package sqltest

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state/sqlstate"
)

// rawVerbs are the statements that one would write by hand for these tables;
// ? stands for a parameter, NOW for the server's time.
var rawVerbs = map[string]map[sqlstate.Dialect]string{
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
// prepared statement, on the same table.
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
			store := d.openTable(b, pool, sqlstate.Options{Table: table})
			ctx := b.Context()
			keys := make([]string, 1000)
			fill := func(b *testing.B) {
				b.StopTimer()
				defer b.StartTimer()
				for i := range keys {
					keys[i] = fmt.Sprintf("p-%043d", i)
					if err := store.Put(ctx, keys[i], value, time.Hour); err != nil {
						b.Fatal(err)
					}
				}
			}
			run := func(verb, how string, refill bool, do func(key string) error) {
				b.Run(verb+"/"+how, func(b *testing.B) {
					for i := range b.N {
						if i == 0 || refill && i%len(keys) == 0 {
							fill(b)
						}
						if err := do(keys[i%len(keys)]); err != nil {
							b.Fatal(err)
						}
					}
				})
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
			put, get, take := prepare("put"), prepare("get"), prepare("take")
			run("put", "raw", false, func(key string) error {
				until := time.Hour.Milliseconds()
				if d.dialect == sqlstate.SQLite {
					until += time.Now().UnixMilli()
				}
				_, err := put.ExecContext(ctx, key, value, until)
				return err
			})
			run("put", "store", false, func(key string) error { return store.Put(ctx, key, value, time.Hour) })
			run("get", "raw", false, func(key string) error {
				var got []byte
				return get.QueryRowContext(ctx, args(key)...).Scan(&got)
			})
			run("get", "store", false, func(key string) error {
				_, found, err := store.Get(ctx, key)
				if !found {
					return fmt.Errorf("%s is not there, %w", key, err)
				}
				return err
			})
			run("take", "raw", true, func(key string) error {
				var got []byte
				return take.QueryRowContext(ctx, args(key)...).Scan(&got)
			})
			run("take", "store", true, func(key string) error {
				_, found, err := store.Take(ctx, key)
				if !found {
					return fmt.Errorf("%s is not there, %w", key, err)
				}
				return err
			})
		})
	}
}
