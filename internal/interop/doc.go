// Package interop holds the tests that run the relying party of this repository against
// providers that nobody here wrote: oidc-provider, zitadel's example server and idpyoidc,
// started by the tests themselves. It exports nothing. README.md in this folder says what
// the tests need, and what the providers do otherwise than the specifications.
package interop
