package resource

import (
	"errors"

	"github.com/oidcservice/oidc/message"
)

// ErrUnverified reports that what is needed to judge a token could not be had, and that
// nothing is known about it. Answer with 503 and no challenge.
var ErrUnverified = errors.New("resource: the access token cannot be verified now")

// A NeedError reports that a token cannot be judged yet. It is not a verdict: do what it
// asks and call Verify again.
type NeedError struct {
	// Issuer is the authorization server that knows.
	Issuer string
	// Introspect, if not empty, is the token that the issuer is to be asked about (RFC
	// 7662). The answer, verified by service.NewIntrospection, goes into
	// Request.Introspection. If it is empty, the issuer's keys are needed, anew if there
	// are some: give them to API.SetKeys. Fetch no more often than once a minute because
	// of tokens: anybody can make up the name of a key.
	Introspect message.Secret
	// Err is the verdict when that cannot be done, a *Refusal or ErrUnverified.
	Err error
}

// Error says what is needed.
func (e *NeedError) Error() string {
	if e.Introspect != "" {
		return "resource: needs introspection by " + e.Issuer
	}
	return "resource: needs the keys of " + e.Issuer
}

// Unwrap returns the verdict when the need cannot be met.
func (e *NeedError) Unwrap() error { return e.Err }
