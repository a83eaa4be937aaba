// Package coreos holds the tests that take a relying party that nobody here wrote,
// github.com/coreos/go-oidc with golang.org/x/oauth2, through the flows of the provider of
// this repository. It exports nothing and needs no network: the provider is in the same
// process.
package coreos
