package keyjar

import (
	"errors"
	"fmt"

	"github.com/oidcservice/oidc/message"
)

// ErrUnknownKey says that no key fits because the one that is meant is not in the set.
// Fetching the owner's set once may help; see the rules jwks_refetch and
// jwks_refetch_cooldown. It is wrapped in a *message.Violation.
var ErrUnknownKey = errors.New("keyjar: the key is not in the set")

// ErrNoKey says that a set of our own holds no key for what is to be signed or encrypted.
var ErrNoKey = errors.New("keyjar: no key for this algorithm")

// ErrNoRandom says that an operation needs a random source and was given none.
var ErrNoRandom = errors.New("keyjar: a random source is needed")

// A Skipped reports an entry of a JWK Set that was not taken over, and why. "Implementations
// SHOULD ignore JWKs within a JWK Set that use kty values that are not understood by them,
// that are missing required members, or for which values are out of the supported ranges"
// (RFC 7517, Section 5).
type Skipped struct {
	Index int    // position in the keys array
	KeyID string // its kid, if it could be read
	Err   error  // a *message.Violation: jwks_skip_unknown, jwks_no_private, key_strength, …
}

// Error makes a report usable as an error.
func (s Skipped) Error() string {
	return fmt.Sprintf("keyjar: entry %d (kid %q): %v", s.Index, s.KeyID, s.Err)
}

// Unwrap returns the cause.
func (s Skipped) Unwrap() error { return s.Err }

func violation(rule message.Rule, param, got, want string, err error) *message.Violation {
	return &message.Violation{Rule: rule, Param: param, Got: got, Want: want, Err: err}
}
