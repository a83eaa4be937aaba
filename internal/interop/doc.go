// Package interop holds the tests that run the binary of this repository against a
// provider that nobody here wrote: npm's oidc-provider, started by the test itself.
// It exports nothing. README.md in this folder says what the tests need.
package interop
