package sqlstate

import (
	"fmt"
	"regexp"
	"strings"
)

// A Dialect is the SQL of one kind of database.
type Dialect string

// The dialects.
const (
	SQLite     Dialect = "sqlite"   // 3.35 or later
	PostgreSQL Dialect = "postgres" // 12 or later
	MySQL      Dialect = "mysql"    // 5.7 or later
	MariaDB    Dialect = "mariadb"  // 10.5 or later
)

// A verb is one of the statements.
type verb int

const (
	verbAdd verb = iota
	verbAlive
	verbPut
	verbGet
	verbTake
	verbLock // Take on MySQL: lock and read, then
	verbDrop // delete
	verbSwap
	verbSwapDead
	verbJoin
	verbLeave
	verbMembers
	verbSweep
	verbSweepGroups
	verbs
)

// Statements are written with named parameters; {t} is the table, {g} that of
// groups, {now} the time in milliseconds.
var common = map[verb]string{
	verbAdd: `INSERT INTO {t} (name, value, expires) VALUES (:name, :value, {now} + :ttl)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires = excluded.expires WHERE {t}.expires <= {now}`,
	verbAlive: `SELECT 1 FROM {t} WHERE name = :name AND expires > {now}`,
	verbPut: `INSERT INTO {t} (name, value, expires) VALUES (:name, :value, {now} + :ttl)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires = excluded.expires`,
	verbGet:      `SELECT value FROM {t} WHERE name = :name AND expires > {now}`,
	verbTake:     `DELETE FROM {t} WHERE name = :name AND expires > {now} RETURNING value`,
	verbDrop:     `DELETE FROM {t} WHERE name = :name`,
	verbSwap:     `UPDATE {t} SET value = :value, expires = {now} + :ttl WHERE name = :name AND value = :old AND expires > {now}`,
	verbSwapDead: `DELETE FROM {t} WHERE name = :name AND value = :old AND expires > {now}`,
	verbJoin: `INSERT INTO {g} (name, member, expires) VALUES (:name, :member, {now} + :ttl)
		ON CONFLICT (name, member) DO UPDATE SET expires = excluded.expires`,
	verbLeave:   `DELETE FROM {g} WHERE name = :name AND member = :member`,
	verbMembers: `SELECT member FROM {g} WHERE name = :name AND expires > {now}`,
	verbSweep: `DELETE FROM {t} WHERE expires <= {now} AND name IN
		(SELECT name FROM {t} WHERE expires <= {now} LIMIT :limit)`,
	verbSweepGroups: `DELETE FROM {g} WHERE expires <= {now} AND (name, member) IN
		(SELECT name, member FROM {g} WHERE expires <= {now} LIMIT :limit)`,
}

var postgres = map[verb]string{
	// Rows that another is changing are left for the next time.
	verbSweep: `DELETE FROM {t} WHERE expires <= {now} AND name IN
		(SELECT name FROM {t} WHERE expires <= {now} LIMIT :limit FOR UPDATE SKIP LOCKED)`,
	verbSweepGroups: `DELETE FROM {g} WHERE expires <= {now} AND (name, member) IN
		(SELECT name, member FROM {g} WHERE expires <= {now} LIMIT :limit FOR UPDATE SKIP LOCKED)`,
}

// MySQL tells a row that was inserted from one that was found by the id that
// LAST_INSERT_ID leaves: the number of rows depends on how the client connected.
// Assignments run from left to right, so expires comes last.
var mysql = map[verb]string{
	verbAdd: `INSERT INTO {t} (name, value, expires) VALUES (:name, :value, {now} + :ttl)
		ON DUPLICATE KEY UPDATE value = IF(expires <= {now}, VALUES(value), value),
		expires = IF(LAST_INSERT_ID(IF(expires <= {now}, 1, 2)) = 1, VALUES(expires), expires)`,
	verbPut: `INSERT INTO {t} (name, value, expires) VALUES (:name, :value, {now} + :ttl)
		ON DUPLICATE KEY UPDATE value = VALUES(value), expires = VALUES(expires)`,
	verbLock: `SELECT value FROM {t} WHERE name = :name AND expires > {now} FOR UPDATE`,
	verbSwap: `UPDATE {t} SET value = :value, expires = LAST_INSERT_ID({now} + :ttl) WHERE name = :name AND value = :old AND expires > {now}`,
	verbJoin: `INSERT INTO {g} (name, member, expires) VALUES (:name, :member, {now} + :ttl)
		ON DUPLICATE KEY UPDATE expires = VALUES(expires)`,
	verbSweep:       `DELETE FROM {t} WHERE expires <= {now} ORDER BY expires LIMIT :limit`,
	verbSweepGroups: `DELETE FROM {g} WHERE expires <= {now} ORDER BY expires LIMIT :limit`,
}

// Statements that a dialect does not have.
var absent = map[Dialect][]verb{
	SQLite:     {verbLock, verbDrop},
	PostgreSQL: {verbLock, verbDrop},
	MySQL:      {verbTake},
	MariaDB:    {verbLock},
}

// serverNow is the server's clock. UNIX_TIMESTAMP would go wrong by an hour when
// daylight saving ends; a statement's own time lets an index be used.
var serverNow = map[Dialect]string{
	PostgreSQL: `(extract(epoch FROM statement_timestamp()) * 1000)::bigint`,
	MySQL:      `(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)`,
	MariaDB:    `(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)`,
}

// The migrations. Statements end with a semicolon at the end of a line.
var schemas = map[Dialect]string{
	SQLite: `CREATE TABLE IF NOT EXISTS {t} (
	name    TEXT    NOT NULL PRIMARY KEY,
	value   BLOB    NOT NULL,
	expires INTEGER NOT NULL -- milliseconds since 1970
);
CREATE INDEX IF NOT EXISTS {i}_expires ON {t} (expires);
CREATE TABLE IF NOT EXISTS {g} (
	name    TEXT    NOT NULL,
	member  TEXT    NOT NULL,
	expires INTEGER NOT NULL,
	PRIMARY KEY (name, member)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS {i}_group_expires ON {g} (expires);
`,
	PostgreSQL: `CREATE TABLE IF NOT EXISTS {t} (
	name    varchar(64) COLLATE "C" NOT NULL PRIMARY KEY,
	value   bytea  NOT NULL,
	expires bigint NOT NULL -- milliseconds since 1970
);
CREATE INDEX IF NOT EXISTS {i}_expires ON {t} (expires);
CREATE TABLE IF NOT EXISTS {g} (
	name    varchar(64) COLLATE "C" NOT NULL,
	member  varchar(64) COLLATE "C" NOT NULL,
	expires bigint NOT NULL,
	PRIMARY KEY (name, member)
);
CREATE INDEX IF NOT EXISTS {i}_group_expires ON {g} (expires);
`,
	MySQL:   mysqlSchema,
	MariaDB: mysqlSchema,
}

const mysqlSchema = `CREATE TABLE IF NOT EXISTS {t} (
	name    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	value   MEDIUMBLOB NOT NULL,
	expires BIGINT NOT NULL, -- milliseconds since 1970
	INDEX {i}_expires (expires)
) ENGINE = InnoDB;
CREATE TABLE IF NOT EXISTS {g} (
	name    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	member  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	expires BIGINT NOT NULL,
	PRIMARY KEY (name, member),
	INDEX {i}_group_expires (expires)
) ENGINE = InnoDB;
`

// DefaultTable is the table of a Store that names no other. A second one, with
// "_group" after its name, holds the groups.
const DefaultTable = "oidc_state"

var tableName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,39}\.)?[A-Za-z_][A-Za-z0-9_]{0,39}$`)

// Schema returns the migration that makes the tables: what Migrate runs. An
// empty table means DefaultTable.
func Schema(d Dialect, table string) (string, error) {
	if table == "" {
		table = DefaultTable
	}
	text, ok := schemas[d]
	if !ok {
		return "", fmt.Errorf("sqlstate: no dialect %q", d)
	}
	if !tableName.MatchString(table) {
		return "", fmt.Errorf("sqlstate: %q is no name for a table", table)
	}
	return tables(table).Replace(text), nil
}

func tables(table string) *strings.Replacer {
	return strings.NewReplacer("{t}", table, "{g}", table+"_group", "{i}", table[strings.IndexByte(table, '.')+1:])
}

// A statement is the text that the database gets and the parameters in it.
type statement struct {
	text   string
	params []string
}

var parameter = regexp.MustCompile(`:[a-z]+`)

// compile writes a statement as the dialect wants it. The casts of PostgreSQL's
// own "::" are not parameters.
func compile(d Dialect, table, now string, text string) (s statement) {
	text = tables(table).Replace(strings.ReplaceAll(text, "{now}", now))
	text = strings.ReplaceAll(text, "::", "\x00")
	s.text = parameter.ReplaceAllStringFunc(text, func(name string) string {
		if d == PostgreSQL {
			for i, p := range s.params {
				if p == name {
					return fmt.Sprintf("$%d", i+1)
				}
			}
		}
		s.params = append(s.params, name)
		if d == PostgreSQL {
			return fmt.Sprintf("$%d", len(s.params))
		}
		return "?"
	})
	s.text = strings.ReplaceAll(s.text, "\x00", "::")
	return s
}

// statements compiles all statements of a dialect. With serverClock the
// database tells the time, otherwise it is a parameter.
func statements(d Dialect, table string, serverClock bool) (all [verbs]statement) {
	now := ":now"
	if d == PostgreSQL {
		now = ":now::bigint" // it does not guess the type of a sum
	}
	if serverClock && serverNow[d] != "" {
		now = serverNow[d]
	}
	own := map[Dialect]map[verb]string{PostgreSQL: postgres, MySQL: mysql, MariaDB: mysql}[d]
	for v := range verbs {
		text, ok := own[v]
		if !ok {
			text = common[v]
		}
		all[v] = compile(d, table, now, text)
	}
	for _, v := range absent[d] {
		all[v] = statement{}
	}
	return all
}
