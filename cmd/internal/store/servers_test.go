package store_test

import (
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// A kind is a kind of store and the environment variable that names its server: those of
// packages sqltest and redistest.
type kind struct {
	name, env string
	url       func(t *testing.T, server string) string
}

var kinds = []kind{
	{"sqlite", "", func(t *testing.T, _ string) string { return "sqlite:" + filepath.Join(t.TempDir(), "100% state?#.db") }},
	{"redis", "STATE_TEST_REDIS", withPrefix},
	{"redis cluster", "STATE_TEST_REDIS_CLUSTER", withPrefix},
	{"postgres", "STATE_TEST_POSTGRES", func(t *testing.T, server string) string {
		return with(t, server, "table", "t"+strings.ToLower(rand.Text()))
	}},
	{"mysql", "STATE_TEST_MARIADB", func(t *testing.T, server string) string {
		c, err := mysql.ParseDSN(server)
		if err != nil {
			t.Fatal(err)
		}
		u := url.URL{Scheme: "mysql", User: url.UserPassword(c.User, c.Passwd), Host: c.Addr, Path: "/" + c.DBName}
		return with(t, u.String(), "table", "t"+strings.ToLower(rand.Text()))
	}},
}

func withPrefix(t *testing.T, server string) string {
	return with(t, server, "prefix", rand.Text()+":")
}

func with(t *testing.T, server, name, value string) string {
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// each runs a test on every kind of store whose server is there.
func each(t *testing.T, test func(t *testing.T, url string)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			server := os.Getenv(k.env)
			if k.env != "" && server == "" {
				if os.Getenv("CI") == "true" {
					t.Fatalf("%s names no server", k.env)
				}
				t.Skipf("%s names no server", k.env)
			}
			test(t, k.url(t, server))
		})
	}
}
