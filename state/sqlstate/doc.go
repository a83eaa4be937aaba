// Package sqlstate keeps the entries of state.DB in a table of a SQL database:
// SQLite, PostgreSQL, MySQL or MariaDB. It brings no driver and imports nothing
// of this repository.
//
//	pool, err := sql.Open("pgx", "postgres://…")
//	…
//	store, err := sqlstate.New(pool, sqlstate.PostgreSQL, sqlstate.Options{})
//	…
//	err = store.Migrate(ctx) // or by the migration that Schema prints
//	…
//	db := &state.DB{Store: store}
//
// A Store is a state.Store, a state.Swapper and a state.Grouper. Every verb is
// one statement, except Take on MySQL, which has no DELETE … RETURNING and
// takes one transaction.
//
// # Time
//
// Entries expire by the clock of the database server, so that the clocks of
// the processes that share it need not agree; with SQLite by the clock of the
// process, which is on the same machine. An entry that has expired is absent
// at once; its row goes with one of the next writes, in batches of a bounded
// size, or with a call of Sweep.
//
// # SQLite
//
// Several processes may share a file. Write-ahead logging lets them read while
// one writes; with modernc.org/sqlite:
//
//	file:state.db?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(5000)
//
// With synchronous(NORMAL) a crash of the machine, not of the process, may undo
// the last claims and let a callback be answered again; the provider refuses
// its code then. Leave synchronous at FULL where that is not enough.
package sqlstate
