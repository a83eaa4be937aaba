package endpoint

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"

	"github.com/oidcservice/oidc/message"
)

// sector is the host that pairwise subjects of a client are made for. Core, Section 8.1:
// the host component of sector_identifier_uri, else of the one host of the redirect URIs,
// which registration keeps to one.
func (c *Client) sector() string {
	if uri := c.Metadata.SectorIdentifierURI; uri != "" {
		return hostOf(uri)
	}
	for _, uri := range c.Metadata.RedirectURIs {
		if host := hostOf(uri); host != "" {
			return host
		}
	}
	return c.ID
}

func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// subject is what a client knows a user by: the same in the ID Token, at UserInfo, in a
// logout token and at introspection. Core, Section 8.1: a pairwise one differs between
// sectors, is stable and "MUST NOT be reversible by any party other than the OpenID
// Provider".
func (c *Context) subject(user string, client *Client) string {
	if client.Metadata.SubjectType != message.SubjectTypePairwise || c.policy.PairwiseSecret == "" {
		return user
	}
	mac := hmac.New(sha256.New, []byte(c.policy.PairwiseSecret.Reveal()))
	mac.Write([]byte(client.sector()))
	mac.Write([]byte{0})
	mac.Write([]byte(user))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// clientSubject is the subject of a client that acts for itself. RFC 9700, Section 4.15:
// a client must not be able to make it look like a user's; a user's ID never begins so.
func clientSubject(client *Client) string { return "client:" + client.ID }

// user returns a user by ID. It is an error of the directory's if the ID cannot be a
// subject (Core, Section 2: at most 255 ASCII characters).
func (s *Step) user(ctx context.Context, id string) (User, bool, error) {
	return s.Context.users.User(ctx, id)
}
