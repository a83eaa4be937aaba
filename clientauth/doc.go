// Package clientauth holds how a client proves itself to a provider, and how a
// provider checks the proof (RFC 6749, Section 2.3; OpenID Connect Core 1.0,
// Section 9; RFC 7523; RFC 8705). There is a file for each method, with both sides
// in it.
//
// The client's side writes into a Draft: form parameters, a header field, or the
// wish to present a certificate. It never touches the URL.
//
// The provider's side has two steps. Present finds out which mechanism a request
// uses and which client it claims to be, and refuses two mechanisms or two claims.
// Verify then judges the proof by what is registered for that client. Neither
// changes anything: a jti is returned in the Proof, for the caller to spend.
//
// # Differences from the standards
//
// An assertion is addressed to the issuer, as one string, and not to the token
// endpoint (FAPI 2.0, Section 5.3.3.1); the other audience is a named setting of
// the caller. A client without a registered method is a client_secret_basic client,
// and nothing else is tried.
package clientauth
