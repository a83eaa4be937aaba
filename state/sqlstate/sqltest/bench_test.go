package sqltest

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
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

// sizes ask for the bytes of a table with its indices.
var sizes = map[sqlstate.Dialect]string{
	sqlstate.SQLite:     `SELECT SUM(pgsize) FROM dbstat WHERE name LIKE '%{t}%'`,
	sqlstate.PostgreSQL: `SELECT pg_total_relation_size('{t}')`,
	sqlstate.MariaDB:    `SELECT data_length + index_length FROM information_schema.tables WHERE table_name = '{t}'`,
}

// BenchmarkSize measures what a table holds for an entry of so many bytes.
func BenchmarkSize(b *testing.B) {
	const entries = 20_000
	for _, d := range databases {
		if sizes[d.dialect] == "" {
			continue
		}
		for _, size := range []int{600, 800, 2500} {
			b.Run(fmt.Sprintf("%s/%d", d.name, size), func(b *testing.B) {
				d := d.found(b)
				pool := d.pool(b)
				table := fmt.Sprintf("size%d", time.Now().UnixNano())
				store := d.openTable(b, pool, sqlstate.Options{Table: table, SweepEvery: -1})
				var wg sync.WaitGroup
				for w := range 16 {
					wg.Go(func() {
						for i := w; i < entries; i += 16 {
							// Keys are hashes: in no order.
							sum := sha256.Sum256([]byte(strconv.Itoa(i)))
							key := "p-" + base64.RawURLEncoding.EncodeToString(sum[:])
							value := make([]byte, size) // as Sealed makes it: nothing to compress
							_, _ = rand.Read(value)
							if err := store.Put(b.Context(), key, value, time.Hour); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				if d.dialect == sqlstate.MariaDB {
					if _, err := pool.ExecContext(b.Context(), "ANALYZE TABLE "+table); err != nil {
						b.Fatal(err)
					}
				}
				var bytes float64
				if err := pool.QueryRowContext(b.Context(), strings.ReplaceAll(sizes[d.dialect], "{t}", table)).Scan(&bytes); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(bytes/entries, "B/entry")
			})
		}
	}
}
