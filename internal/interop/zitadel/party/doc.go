// Package party holds the tests that take a relying party that nobody here wrote, packages
// rp, rs and tokenexchange of github.com/zitadel/oidc, through the flows of the provider of
// this repository. It exports nothing and needs no network: the provider is in the same
// process. It shares the module of the provider of the same library.
package party
