// Package outage is what the tests of the backends have in common: servers that
// are killed, stand still, answer slowly and come back, logins that go on
// meanwhile, and processes that share a store.
//
// It is a module of its own because it opens connections and starts processes,
// which the root module does not, and brings nothing that a backend would need.
package outage
