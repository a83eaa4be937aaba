package sqlstate

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of the sweep where Options names no other.
const (
	sweepEvery = 64
	sweepBatch = 256
)

// Options are what may be told of a Store. The zero Options are good.
type Options struct {
	// Table is the table of entries; "" means DefaultTable. On PostgreSQL it
	// may have a schema in front.
	Table string

	// Now tells the time in place of the server's clock, for tests.
	Now func() time.Time

	// SweepEvery is the number of writes of this Store after which one of
	// them also removes a batch of rows that have expired; zero means 64,
	// negative means never: call Sweep then.
	SweepEvery int

	// SweepBatch is the largest number of rows that are removed at once from
	// each table; zero means 256.
	SweepBatch int
}

// A Store keeps entries in a database. It is a state.Store, a state.Swapper
// and a state.Grouper, and safe for concurrent use.
type Store struct {
	db         *sql.DB
	dialect    Dialect
	table      string
	now        func() time.Time
	sweepEvery int64
	sweepBatch int64

	statements [verbs]statement
	prepared   [verbs]atomic.Pointer[sql.Stmt]
	preparing  sync.Mutex

	// writer lets one write at a time go to SQLite, which would let the others
	// sleep and try again.
	writer chan struct{}

	writes   atomic.Int64
	sweeping sync.Mutex
}

// New returns a Store on a database whose pool is the caller's: its size, the
// lives of its connections, and its closing.
func New(db *sql.DB, d Dialect, o Options) (*Store, error) {
	if _, err := Schema(d, o.Table); err != nil {
		return nil, err
	}
	s := &Store{db: db, dialect: d, table: o.Table, now: o.Now, sweepEvery: int64(o.SweepEvery), sweepBatch: int64(o.SweepBatch)}
	if s.table == "" {
		s.table = DefaultTable
	}
	if s.sweepEvery == 0 {
		s.sweepEvery = sweepEvery
	}
	if s.sweepBatch <= 0 {
		s.sweepBatch = sweepBatch
	}
	if d == SQLite {
		s.writer = make(chan struct{}, 1)
	}
	s.statements = statements(d, s.table, o.Now == nil)
	if s.now == nil {
		s.now = time.Now //nolint:forbidigo // the default of Options.Now, for SQLite, which has no server
	}
	return s, nil
}

// Migrate makes the tables if they are not there. Many processes may call it at
// once.
func (s *Store) Migrate(ctx context.Context) error {
	text, err := Schema(s.dialect, s.table)
	if err != nil {
		return err
	}
	return s.retry(ctx, "migrate", func() error {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer rollback(tx)
		if s.dialect == PostgreSQL {
			// CREATE TABLE IF NOT EXISTS fails when two make the table at once.
			if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext($1))`, "sqlstate "+s.table); err != nil {
				return err
			}
		}
		for _, statement := range strings.SplitAfter(text, ";\n") {
			if statement == "" {
				continue
			}
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return tx.Commit()
	})
}

// rollback ends a transaction that was not committed.
func rollback(tx *sql.Tx) { _ = tx.Rollback() }

// Close closes the prepared statements. The pool stays open.
func (s *Store) Close() error {
	s.preparing.Lock()
	defer s.preparing.Unlock()
	var errs []error
	for v := range s.prepared {
		if stmt := s.prepared[v].Swap(nil); stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	return errors.Join(errs...)
}

// Add implements state.Store.
func (s *Store) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (added bool, err error) {
	err = s.call(ctx, "add", key, func() error {
		if ttl <= 0 {
			var one int
			found, err := s.row(ctx, verbAlive, values{name: key}, &one)
			added = !found
			return err
		}
		result, err := s.exec(ctx, verbAdd, values{name: key, value: value, ttl: ttl})
		if err != nil {
			return err
		}
		if s.dialect == MySQL || s.dialect == MariaDB {
			id, err := result.LastInsertId()
			added = id != 2
			return err
		}
		n, err := result.RowsAffected()
		added = n == 1
		return err
	})
	if err == nil {
		s.wrote(ctx)
	}
	return added && err == nil, err
}

// Put implements state.Store.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	err := s.call(ctx, "put", key, func() error {
		if ttl <= 0 {
			_, _, err := s.take(ctx, key)
			return err
		}
		_, err := s.exec(ctx, verbPut, values{name: key, value: value, ttl: ttl})
		return err
	})
	if err == nil {
		s.wrote(ctx)
	}
	return err
}

// Get implements state.Store.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = s.call(ctx, "get", key, func() (err error) {
		found, err = s.row(ctx, verbGet, values{name: key}, &value)
		return err
	})
	return value, found, err
}

// Take implements state.Store.
func (s *Store) Take(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = s.call(ctx, "take", key, func() (err error) {
		value, found, err = s.take(ctx, key)
		return err
	})
	return value, found, err
}

func (s *Store) take(ctx context.Context, key string) (value []byte, found bool, err error) {
	if s.dialect != MySQL {
		if err := s.lock(ctx); err != nil {
			return nil, false, err
		}
		defer s.unlock()
		found, err = s.row(ctx, verbTake, values{name: key}, &value)
		return value, found, err
	}
	// Before a connection is held: who holds one waits for no other.
	lock, err := s.prepare(ctx, verbLock)
	if err != nil {
		return nil, false, err
	}
	drop, err := s.prepare(ctx, verbDrop)
	if err != nil {
		return nil, false, err
	}
	// Without gaps locked: who takes what is not there stops nobody.
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return nil, false, err
	}
	defer rollback(tx)
	err = tx.StmtContext(ctx, lock).QueryRowContext(ctx, s.args(verbLock, values{name: key})...).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if _, err = tx.StmtContext(ctx, drop).ExecContext(ctx, s.args(verbDrop, values{name: key})...); err != nil {
		return nil, false, err
	}
	if err = tx.Commit(); err != nil {
		return nil, false, err
	}
	return value, true, nil
}

// Swap implements state.Swapper.
func (s *Store) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (swapped bool, err error) {
	err = s.call(ctx, "swap", key, func() error {
		v := verbSwap
		if ttl <= 0 {
			v = verbSwapDead
		}
		result, err := s.exec(ctx, v, values{name: key, old: old, value: value, ttl: ttl})
		if err != nil {
			return err
		}
		if v == verbSwap && (s.dialect == MySQL || s.dialect == MariaDB) {
			id, err := result.LastInsertId()
			swapped = id != 0
			return err
		}
		n, err := result.RowsAffected()
		swapped = n == 1
		return err
	})
	return swapped && err == nil, err
}
