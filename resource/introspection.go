package resource

import (
	"fmt"
	"time"

	"github.com/oidcservice/oidc/message"
)

// introspected verifies a token by what its issuer tells about it (RFC 7662, Section 2.2).
func (a *API) introspected(p *presented) (*Token, error) {
	m := p.Introspection
	if m == nil {
		return nil, &NeedError{Issuer: a.asked.Issuer, Introspect: p.token, Err: ErrUnverified}
	}
	refuse := func(rule message.Rule, param, got, want string) (*Token, error) {
		return nil, a.invalid(p.scheme, violation(rule, param, clip(got), want, nil))
	}
	if m.Active == nil || !*m.Active {
		return refuse(message.RuleRSIntrospectionActive, "active", "", "true")
	}
	if m.Issuer != "" && m.Issuer != a.asked.Issuer {
		return refuse(message.RuleRSTokenIssuer, "iss", m.Issuer, a.asked.Issuer)
	}
	if !a.meant(m.Audience) && (len(m.Audience) > 0 || !a.asked.InsecureAnyAudience) {
		return refuse(message.RuleRSTokenAudience, "aud", fmt.Sprint([]string(m.Audience)), a.c.Resource)
	}
	t := &Token{Type: p.scheme, Introspected: true, Username: m.Username, AccessTokenClaims: message.AccessTokenClaims{
		Issuer: a.asked.Issuer, Expiration: m.Expiration, Audience: m.Audience, Subject: m.Subject, ClientID: m.ClientID,
		IssuedAt: m.IssuedAt, NotBefore: m.NotBefore, JWTID: m.JWTID, AuthTime: m.AuthTime, ACR: m.ACR, Scope: m.Scope,
		Confirmation: m.Confirmation, Actor: m.Actor, AuthorizationDetails: m.AuthorizationDetails, Extra: m.Extra,
	}}
	if err := a.timely(p, &t.AccessTokenClaims); err != nil {
		return nil, err
	}
	return t, nil
}

// CacheFor returns how long an answer of introspection may be used again, at most most:
// "if the response contains the "exp" parameter ... the response MUST NOT be cached beyond
// the time indicated therein" (RFC 7662, Section 4).
func (a *API) CacheFor(m *message.IntrospectionResponse, most time.Duration) time.Duration {
	if m.Expiration.Present() {
		left := m.Expiration.Float() - float64(a.c.Now().Unix())
		if left < most.Seconds() {
			return max(0, time.Duration(left*float64(time.Second)))
		}
	}
	return most
}
