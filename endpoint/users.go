package endpoint

import (
	"context"
	"time"

	"github.com/oidcservice/oidc/message"
)

// A User is an End-User that this provider can authenticate.
type User struct {
	// ID names the user for ever and is never given to somebody else (Core, Section 2:
	// "A locally unique and never reassigned identifier within the Issuer for the
	// End-User"). It is the public subject: at most 255 ASCII characters.
	ID string
	// Claims are the user's claims by name, language-tagged ones included, in any form
	// that encoding/json can write. "sub" is not among them.
	Claims map[string]any
}

// An Authentication is the fact that a user was authenticated.
type Authentication struct {
	User string    // User.ID
	Time time.Time // zero is now
	ACR  string    // the level that was reached, empty if it has no name
	AMR  []string  // how (RFC 8176)
}

// Users tells the users of a provider. An implementation is safe for concurrent use.
type Users interface {
	// User returns the user with this ID; found is false if there is none. err reports a
	// failing directory.
	User(ctx context.Context, id string) (u User, found bool, err error)
	// Authenticate checks what a user typed. ok is false for an unknown user and for a
	// wrong password alike, and the time it takes should be the same.
	Authenticate(ctx context.Context, username string, password message.Secret) (a Authentication, ok bool, err error)
}

// An AccountCreator is a Users at which people can make an account. With one, a client may
// ask for that step with prompt=create (Initiating User Registration via OpenID Connect
// 1.0); without it the metadata does not list the value and the request is refused.
type AccountCreator interface {
	Users
	// CreateAccount makes an account of what a user typed and authenticates the user with
	// it. ok is false if there cannot be such an account, because the name is taken or the
	// password too weak; nothing has changed then. A deployment whose own page makes
	// accounts gives the Authentication in the Answer instead, and is not called.
	CreateAccount(ctx context.Context, username string, password message.Secret) (a Authentication, ok bool, err error)
}
