package endpoint

import (
	"context"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// An accessToken is what is stored of an access token.
type accessToken struct {
	Grant    string          `json:"grant,omitempty"` // empty if the client acts for itself
	Client   string          `json:"client"`
	Subject  string          `json:"sub"`
	Scope    message.List    `json:"scope,omitempty"`
	Audience []string        `json:"aud,omitempty"` // the resources; empty is our own endpoints
	Issued   message.Time    `json:"iat"`
	Until    message.Time    `json:"exp"`
	ID       string          `json:"jti,omitempty"`
	JKT      string          `json:"jkt,omitempty"`
	X5T      string          `json:"x5t,omitempty"`
	Details  message.RawJSON `json:"details,omitempty"`
	Actor    *message.Actor  `json:"act,omitempty"`
}

// tokenType is the true type of the token (RFC 6749, Section 7.1; RFC 9449, Section 5).
func (t *accessToken) tokenType() string {
	if t.JKT != "" {
		return message.TokenTypeDPoP
	}
	return message.TokenTypeBearer
}

// newAccessToken issues an access token. The stored record is found by the hash of the
// token, whatever its form. A token without sender constraint lives shorter (RFC 6750,
// Section 5.3).
func (s *Step) newAccessToken(ctx context.Context, t *accessToken, g *grant) (string, int64, error) {
	c := s.Context
	life := c.lifetimes.AccessToken
	if t.JKT != "" || t.X5T != "" {
		life = max(life, c.lifetimes.BoundToken)
	}
	end := s.Now.Add(life)
	if t.Until.Present() && t.Until.Time().Before(end) {
		end = t.Until.Time()
	}
	if g != nil && g.Until.Time().Before(end) {
		end = g.Until.Time()
	}
	t.Issued, t.Until, life = message.Exactly(s.Now), message.Exactly(end), end.Sub(s.Now)
	value, err := c.random()
	if err != nil {
		return "", 0, err
	}
	if c.policy.JWTAccessTokens {
		if value, err = s.jwtAccessToken(t, g, value); err != nil {
			return "", 0, err
		}
	}
	if err := c.store.put(ctx, kindAccess, value, t, life); err != nil {
		return "", 0, err
	}
	return value, int64(life / time.Second), nil
}

// jwtAccessToken writes an access token as a JWT (RFC 9068, Section 2). Its typ keeps it
// from ever being taken for an ID Token.
func (s *Step) jwtAccessToken(t *accessToken, g *grant, jti string) (string, error) {
	audience := t.Audience
	if len(audience) == 0 {
		audience = []string{s.Context.issuer}
	}
	claims := message.AccessTokenClaims{
		Issuer: s.Context.issuer, Subject: t.Subject, ClientID: t.Client, Audience: audience,
		IssuedAt: t.Issued.Whole(), Expiration: t.Until.Whole(), JWTID: jti,
		Scope: t.Scope, AuthorizationDetails: t.Details, Actor: t.Actor,
	}
	if g != nil {
		claims.AuthTime, claims.ACR, claims.AMR = g.AuthTime.Whole(), g.ACR, g.AMR
	}
	if t.JKT != "" || t.X5T != "" {
		claims.Confirmation = &message.Confirmation{JWKThumbprint: t.JKT, X509Thumbprint: t.X5T}
	}
	payload, err := message.EncodeJSON(claims)
	if err != nil {
		return "", err
	}
	alg := s.keys.signAlgs[0]
	key, err := s.keys.current.SigningKey(alg)
	if err != nil {
		return "", err
	}
	return key.Sign(keyjar.Header{Algorithm: alg, Type: message.AccessTokenJWTType}, payload, s.Context.rand)
}

// accessToken returns a token that is good: known, in time, its grant not revoked.
func (s *Step) accessToken(ctx context.Context, value string) (*accessToken, *grant, error) {
	var t accessToken
	found, err := s.Context.store.get(ctx, kindAccess, value, &t)
	if err != nil || !found || !s.Now.Before(t.Until.Time()) {
		return nil, nil, err
	}
	if t.Grant == "" {
		return &t, nil, nil
	}
	g, err := s.grant(ctx, t.Grant)
	if err != nil || g == nil {
		return nil, nil, err
	}
	return &t, g, nil
}
