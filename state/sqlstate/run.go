package sqlstate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	maxKey = 64

	// A statement that lost against another and had no effect is tried again,
	// at first after a millisecond, for five seconds at most.
	retryWait    = time.Millisecond
	retryWaitMax = 50 * time.Millisecond
	retryFor     = 5 * time.Second
)

var errKey = errors.New("a key has 1 to 64 bytes")

func checkKey(key string) error {
	if len(key) == 0 || len(key) > maxKey {
		return errKey
	}
	return nil
}

// values are the parameters of a statement.
type values struct {
	name, member string
	value, old   []byte
	ttl          time.Duration
	limit        int64
}

// args puts the parameters in the order in which a statement has them.
func (s *Store) args(v verb, p values) []any {
	args := make([]any, len(s.statements[v].params))
	for i, name := range s.statements[v].params {
		switch name {
		case ":name":
			args[i] = p.name
		case ":member":
			args[i] = p.member
		case ":value":
			args[i] = notNull(p.value)
		case ":old":
			args[i] = notNull(p.old)
		case ":ttl":
			// Rounded up: what has a life has a millisecond.
			args[i] = (int64(p.ttl)-1)/int64(time.Millisecond) + 1
		case ":now":
			args[i] = s.now().UnixMilli()
		case ":limit":
			args[i] = p.limit
		}
	}
	return args
}

func notNull(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// prepare returns the prepared statement of a verb. PostgreSQL's drivers prepare
// by themselves, or do not where a connection pooler forbids it: nil.
func (s *Store) prepare(ctx context.Context, v verb) (*sql.Stmt, error) {
	if s.dialect == PostgreSQL {
		return nil, nil
	}
	if stmt := s.prepared[v].Load(); stmt != nil {
		return stmt, nil
	}
	s.preparing.Lock()
	defer s.preparing.Unlock()
	if stmt := s.prepared[v].Load(); stmt != nil {
		return stmt, nil
	}
	stmt, err := s.db.PrepareContext(ctx, s.statements[v].text)
	if err != nil {
		return nil, err
	}
	s.prepared[v].Store(stmt)
	return stmt, nil
}

// lock waits for its turn to write, where there are turns.
func (s *Store) lock(ctx context.Context) error {
	if s.writer == nil {
		return nil
	}
	select {
	case s.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) unlock() {
	if s.writer != nil {
		<-s.writer
	}
}

func (s *Store) exec(ctx context.Context, v verb, p values) (sql.Result, error) {
	stmt, err := s.prepare(ctx, v)
	if err != nil {
		return nil, err
	}
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	if stmt == nil {
		return s.db.ExecContext(ctx, s.statements[v].text, s.args(v, p)...)
	}
	return stmt.ExecContext(ctx, s.args(v, p)...)
}

func (s *Store) query(ctx context.Context, v verb, p values) (*sql.Rows, error) {
	stmt, err := s.prepare(ctx, v)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return s.db.QueryContext(ctx, s.statements[v].text, s.args(v, p)...)
	}
	return stmt.QueryContext(ctx, s.args(v, p)...)
}

// row runs a statement that returns one row or none.
func (s *Store) row(ctx context.Context, v verb, p values, into any) (found bool, err error) {
	rows, err := s.query(ctx, v, p)
	if err != nil {
		return false, err
	}
	defer closeRows(rows)
	if !rows.Next() {
		return false, rows.Err()
	}
	if err := rows.Scan(into); err != nil {
		return false, err
	}
	// A DELETE … RETURNING has taken effect when its rows are closed.
	if err := rows.Close(); err != nil {
		return false, err
	}
	return true, rows.Err()
}

// call runs a verb: it checks the key, tries again what may be, and says in the
// error which verb failed.
func (s *Store) call(ctx context.Context, verb, key string, do func() error) error {
	if err := checkKey(key); err != nil {
		return fmt.Errorf("sqlstate: %s: %w", verb, err)
	}
	return s.retry(ctx, verb, do)
}

func (s *Store) retry(ctx context.Context, verb string, do func() error) error {
	var waited time.Duration
	for wait := retryWait; ; wait = min(2*wait, retryWaitMax) {
		err := ctx.Err()
		if err == nil {
			if err = do(); err == nil {
				return nil
			}
		}
		if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		if ctx.Err() != nil || waited > retryFor || !hadNoEffect(err) {
			return fmt.Errorf("sqlstate: %s: %w", verb, err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		waited += wait
	}
}

// hadNoEffect tells whether a statement lost against another one and was rolled
// back: a deadlock, a serialization failure, a locked SQLite file. Errors are
// known by their codes, without importing a driver.
func hadNoEffect(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState() == "40001" || state.SQLState() == "40P01"
	}
	var code interface{ Code() int }
	if errors.As(err, &code) {
		// SQLITE_BUSY and SQLITE_LOCKED, with their extended codes.
		return code.Code()&0xff == 5 || code.Code()&0xff == 6
	}
	text := err.Error()
	return strings.HasPrefix(text, "Error 1213") || strings.HasPrefix(text, "Error 1205") || strings.Contains(text, "database is locked")
}

// wrote counts a write, and sweeps when it is time. What a sweep cannot do now
// the next one does.
func (s *Store) wrote(ctx context.Context) {
	if s.sweepEvery < 0 || s.writes.Add(1)%s.sweepEvery != 0 || !s.sweeping.TryLock() {
		return
	}
	defer s.sweeping.Unlock()
	_, _ = s.Sweep(ctx)
}

// Sweep removes rows that have expired, at most a batch of each table, and
// returns how many it removed.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	removed := 0
	for _, v := range []verb{verbSweep, verbSweepGroups} {
		err := s.retry(ctx, "sweep", func() error {
			result, err := s.exec(ctx, v, values{limit: s.sweepBatch})
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			removed += int(n)
			return err
		})
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}
