// Package compare holds the benchmark that logs users in with this toolkit and with
// github.com/coreos/go-oidc over golang.org/x/oauth2, at the same provider and in the
// same run. It exports nothing. docs/performance.md says what it measures and how to
// repeat it.
package compare
