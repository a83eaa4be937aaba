package clientauth

import (
	"context"

	"github.com/oidcservice/oidc/message"
)

// secretPost puts client_id and client_secret into the body (RFC 6749, Section
// 2.3.1). "The parameters can only be transmitted in the request-body and MUST NOT be
// included in the request URI."
var secretPost = Method{
	Name: message.AuthMethodClientSecretPost,
	Authenticate: func(_ context.Context, c Credentials, d *Draft) error {
		secret, err := c.secret()
		if err != nil {
			return err
		}
		d.Form.Set("client_id", c.ClientID)
		d.Form.Set("client_secret", secret)
		return nil
	},
	Verify: func(_ context.Context, p *Presented, r Registered) (*Proof, error) {
		if err := checkSecret(p, r); err != nil {
			return nil, err
		}
		return &Proof{ClientID: r.ClientID, Method: message.AuthMethodClientSecretPost}, nil
	},
}
