package store_test

import (
	"strings"
	"testing"

	"github.com/oidcservice/oidc/cmd/internal/store"
)

// With migrate=false no table is made: that there is none is told at once, and those that
// somebody else made are used.
func TestTablesOfOthers(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		if !strings.HasPrefix(url, "postgres") && !strings.HasPrefix(url, "mysql") {
			return // there are no tables, or they are a file of its own
		}
		without := with(t, url, "migrate", "false")
		for range 2 {
			if s, err := store.Open(t.Context(), without, ""); err == nil {
				s.Close()
				t.Fatal("it opens without tables")
			}
		}
		made, err := store.Open(t.Context(), url, "")
		if err != nil {
			t.Fatal(err)
		}
		defer made.Close()
		used, err := store.Open(t.Context(), without, "")
		if err != nil {
			t.Fatal(err)
		}
		defer used.Close()
	})
}

// The migration needs no more of a URL than the kind of store.
func TestSchema(t *testing.T) {
	for url, want := range map[string]string{
		"postgres:": "bytea", "postgresql://db.example/op?table=login": "EXISTS login_group", "mysql:": "ENGINE = InnoDB", "mariadb:": "ENGINE = InnoDB",
		"sqlite:": "WITHOUT ROWID", "sqlite:op.db": "WITHOUT ROWID",
	} {
		if text, err := store.Schema(url); err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %v, %s", url, err, text)
		}
	}
	for _, url := range []string{"", "memory", "redis://db.example", "etcd:", "postgres:x", "postgres://db.example/op?table=a-b", "mysql://db.example/op?migrate=no"} {
		if text, err := store.Schema(url); err == nil {
			t.Errorf("%s: %s", url, text)
		}
	}
}
