// Package openidclient holds the tests that take a relying party that nobody here wrote,
// npm's openid-client, through the flows of the provider of this repository. It exports
// nothing. README.md in this folder says what the tests need.
package openidclient
