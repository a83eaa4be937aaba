package clientauth

import (
	"context"

	"github.com/oidcservice/oidc/message"
)

// none is the method of a public client: "The Client does not authenticate itself at
// the Token Endpoint" (OpenID Connect Core 1.0, Section 9). It sends client_id alone
// (RFC 6749, Section 3.2.1).
var none = Method{
	Name: message.AuthMethodNone,
	Authenticate: func(_ context.Context, c Credentials, d *Draft) error {
		d.Form.Set("client_id", c.ClientID)
		return nil
	},
	Verify: func(_ context.Context, p *Presented, r Registered) (*Proof, error) {
		// That nothing but client_id was sent is settled by Present and Verify.
		return &Proof{ClientID: r.ClientID, Method: message.AuthMethodNone}, nil
	},
}
