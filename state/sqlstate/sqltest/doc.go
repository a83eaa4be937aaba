// Package sqltest tests package sqlstate with real databases. It is a module of
// its own, so that their drivers do not enter the go.mod of sqlstate.
//
// SQLite needs nothing. A server is used when an environment variable names it,
// and must be named where CI=true:
//
//	STATE_TEST_POSTGRES  postgres://user:password@127.0.0.1:5432/database
//	STATE_TEST_MARIADB   user:password@tcp(127.0.0.1:3306)/database
package sqltest
