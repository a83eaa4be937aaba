package rp_test

import (
	"testing"

	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/state/statetest"
)

// What a login asks of its store is what the sizing in docs/state.md counts on.
func TestStoreCalls(t *testing.T) {
	var calls statetest.Counting
	w := newWorld(t, func(c *rp.Config) { c.DB.Store = calls.Store(c.DB.Store) })
	w.browser().login() // the provider is met
	count := func(step string, most int) {
		t.Helper()
		n := calls.Reads() + calls.Writes()
		if n > most {
			t.Errorf("%s: %d calls of the store, at most %d are documented: %v", step, n, most, calls.Calls())
		}
		t.Logf("%s: %d, %v", step, n, calls.Calls())
		calls.Reset()
	}
	calls.Reset()
	b := w.browser()
	held := b.callback(app + "/login?return_to=/account")
	count("begin", 2)
	b.bring(held)
	count("callback, and a page", 9)
	b.visit(app + "/account")
	count("page", 1)
}
