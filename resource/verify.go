package resource

import (
	"context"
	"net/url"
	"time"

	"github.com/oidcservice/oidc/message"
)

// A Request is what the API was asked, as far as its authorization goes.
type Request struct {
	Method string // the HTTP method
	// URL is the address that was asked. Scheme and host are those of the resource
	// identifier, whatever a Host header says; path and query are from the wire.
	URL string
	// Header holds the request's header under canonical names.
	Header map[string][]string
	// PeerCertificates is the certificate chain of the connection, the leaf first, in
	// DER: "from its TLS implementation layer" (RFC 8705, Section 3), or from a proxy that
	// the operator configured.
	PeerCertificates [][]byte
	// Introspection is what the issuer told about the token, after a NeedError that asked
	// for it. It must come from the issuer alone.
	Introspection *message.IntrospectionResponse
}

// A Token is an access token that was verified. For one that was introspected the claims
// are those that the issuer told.
type Token struct {
	message.AccessTokenClaims
	// Type is the scheme it came under: message.TokenTypeBearer or TokenTypeDPoP.
	Type string
	// Introspected reports that the issuer was asked.
	Introspected bool
	// Username is for people to read; introspection may tell it (RFC 7662, Section 2.2).
	Username string
}

// A presented is what a request shows.
type presented struct {
	*Request
	scheme string
	token  message.Secret
	now    time.Time
}

// Verify verifies the access token of a request and judges it by the demand. It changes
// nothing but that a proof of possession is marked as used, at the end. The error is a
// *Refusal, a *NeedError, or that of a store that failed.
func (a *API) Verify(ctx context.Context, r *Request, d Demand) (*Token, error) {
	p := &presented{Request: r, now: a.c.Now()}
	if err := a.read(p); err != nil {
		return nil, err
	}
	use, err := a.proof(p)
	if err != nil {
		return nil, err
	}
	t, err := a.token(p)
	if err != nil {
		return nil, err
	}
	if err := a.bound(p, t, use); err != nil {
		return nil, err
	}
	if err := a.spend(ctx, p, use); err != nil {
		return nil, err
	}
	if err := a.meets(t, d); err != nil {
		return nil, err
	}
	return t, nil
}

// read finds the access token. RFC 6750, Section 2: "Clients MUST NOT use more than one
// method to transmit the token in each request".
func (a *API) read(p *presented) error {
	const rule = message.RuleRSTokenTransport
	values := p.Header["Authorization"]
	refuse := func(rule message.Rule, param, got, want string, err error) error {
		return a.refuse(p.scheme, 400, message.InvalidRequest, violation(rule, param, got, want, err))
	}
	var err error
	if len(values) > 0 {
		p.scheme, p.token, err = message.ParseAuthorization(values[0])
	}
	// "Because of the security weaknesses associated with the URI method ... it SHOULD NOT
	// be used" (RFC 6750, Section 2.3).
	u, malformed := url.Parse(p.URL)
	if malformed != nil {
		return refuse(rule, "url", "", "a URL", nil)
	}
	if u.RawQuery != "" && u.Query().Has("access_token") {
		return refuse(rule, "access_token", "in the URL", "in the header", nil)
	}
	switch {
	case len(values) > 1:
		return refuse(rule, "authorization", "several headers", "one", nil)
	case err != nil:
		return refuse(message.RuleRSTokenSyntax, "authorization", "", "one access token", err)
	case p.scheme == "":
		// "If the request lacks any authentication information ... the resource server
		// SHOULD NOT include an error code or other error information" (RFC 6750, Section
		// 3.1).
		return a.refuse("", 401, "", violation(message.RuleRSChallenge, "authorization", "no access token", "one", nil))
	}
	return nil
}

// token verifies the token itself, in the form that it has.
func (a *API) token(p *presented) (*Token, error) {
	if a.asked != nil && a.asked.Introspection == Always {
		return a.introspected(p)
	}
	text, form, err := a.form(p)
	if err != nil {
		return nil, err
	}
	if a.asked != nil && form != isJWT {
		return a.introspected(p)
	}
	return a.jwt(p, text)
}

// timely judges the times of a token by the one clock reading of the request. RFC 9068,
// Section 4: "The current time MUST be before the time represented by the "exp" claim."
func (a *API) timely(p *presented, c *message.AccessTokenClaims) error {
	now, leeway := float64(p.now.Unix()), a.c.Leeway.Seconds()
	if c.Expiration.Present() && c.Expiration.Float() <= now-leeway {
		return a.invalid(p.scheme, violation(message.RuleRSTokenTime, "exp", c.Expiration.String(), "later than now", nil))
	}
	if c.NotBefore.Present() && c.NotBefore.Float() > now+leeway {
		return a.invalid(p.scheme, violation(message.RuleRSTokenTime, "nbf", c.NotBefore.String(), "not later than now", nil))
	}
	return nil
}

// meant reports whether an audience names this API. RFC 9068, Section 4: it "MUST validate
// that the "aud" claim contains a resource indicator value corresponding to an identifier
// the resource server expects for itself".
func (a *API) meant(aud message.Audience) bool {
	if aud.Has(a.c.Resource) {
		return true
	}
	for _, other := range a.c.Audiences {
		if aud.Has(other) {
			return true
		}
	}
	return false
}
