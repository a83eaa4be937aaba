package sqlstate_test

import (
	"fmt"
	"strings"

	"github.com/oidcservice/oidc/state/sqlstate"
)

// A migration for tools that want files.
func ExampleSchema() {
	migration, err := sqlstate.Schema(sqlstate.PostgreSQL, "logins")
	if err != nil {
		fmt.Println(err)
		return
	}
	first, _, _ := strings.Cut(migration, "\n")
	fmt.Println(first)
	// Output: CREATE TABLE IF NOT EXISTS logins (
}
