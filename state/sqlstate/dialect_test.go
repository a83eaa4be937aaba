package sqlstate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No statement is left with a name that the database does not know, and each
// dialect has its own way to write parameters.
func TestStatements(t *testing.T) {
	for _, d := range []Dialect{SQLite, PostgreSQL, MySQL, MariaDB} {
		for _, server := range []bool{false, true} {
			for v, s := range statements(d, "a.b", server) {
				if s.text == "" {
					continue
				}
				if strings.ContainsAny(s.text, "{}\x00") || strings.Contains(strings.ReplaceAll(s.text, "::", ""), ":") {
					t.Errorf("%s, %d: %s", d, v, s.text)
				}
				if !strings.Contains(s.text, "a.b") {
					t.Errorf("%s, %d: another table: %s", d, v, s.text)
				}
				marks := strings.Count(s.text, "?")
				if d == PostgreSQL {
					marks = 0
					for strings.Contains(s.text, "$"+string(rune('1'+marks))) {
						marks++
					}
				}
				if marks != len(s.params) {
					t.Errorf("%s, %d: %d parameters for %s", d, v, len(s.params), s.text)
				}
				clock := strings.Contains(strings.Join(s.params, " "), ":now")
				if clock && server && d != SQLite {
					t.Errorf("%s, %d: the server has a clock: %s", d, v, s.text)
				}
			}
		}
	}
}

func TestSchema(t *testing.T) {
	for _, d := range []Dialect{SQLite, PostgreSQL, MySQL, MariaDB} {
		text, err := Schema(d, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"TABLE IF NOT EXISTS oidc_state (", "oidc_state_group (", "oidc_state_expires", "oidc_state_group_expires"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", d, want, text)
			}
		}
		text, err = Schema(d, "auth.logins")
		if err != nil || !strings.Contains(text, "auth.logins_group") || strings.Contains(text, "auth.logins_expires") {
			t.Errorf("%s: an index has a schema in its name: %v\n%s", d, err, text)
		}
	}
}

// The migrations that the documentation prints are the ones that are run.
func TestSchemaIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "state.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []Dialect{SQLite, PostgreSQL, MySQL, MariaDB} {
		text, err := Schema(d, "")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), "\n```sql\n"+text+"```\n") {
			t.Errorf("docs/state.md does not print the migration of %s:\n%s", d, text)
		}
	}
}
