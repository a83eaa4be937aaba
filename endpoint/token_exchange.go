package endpoint

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// An exchange is a token exchange that was verified.
type exchange struct {
	subject *exchanged
	actor   *exchanged
	scope   message.List
	target  []string
}

// An exchanged is a token that was shown: whom it stands for, and what it allows.
type exchanged struct {
	sub   string
	scope message.List
	aud   []string // the resources it is for
	until time.Time
	grant *grant         // of an access token for a user
	act   *message.Actor // who acts already
}

// verifyExchange: RFC 8693, Section 2.1. The tokens are ours, good, of the stated type, and
// the client's to use.
func verifyExchange(ctx context.Context, s *Step, m *message.TokenExchangeRequest) error {
	bad := func(param string) *Refusal {
		return Refuse(400, message.InvalidRequest, message.RuleOPExchangeRequest, param)
	}
	switch {
	case m.SubjectToken == "" || m.SubjectTokenType == "":
		return bad("subject_token")
	case (m.ActorToken == "") != (m.ActorTokenType == ""):
		return bad("actor_token")
	case m.RequestedTokenType != "" && !slices.Contains(s.Context.exchangeTypes(), m.RequestedTokenType):
		return bad("requested_token_type")
	}
	x := new(exchange)
	var err error
	if x.subject, err = s.shown(ctx, m.SubjectToken, m.SubjectTokenType); err != nil {
		return err
	}
	if x.subject == nil {
		return bad("subject_token")
	}
	if m.ActorToken != "" {
		if x.actor, err = s.shown(ctx, m.ActorToken, m.ActorTokenType); err != nil {
			return err
		}
		if x.actor == nil {
			return bad("actor_token")
		}
	}
	// RFC 8693, Section 2.1: resource and audience both say where the token will be used.
	x.target = append(slices.Clone([]string(m.Resource)), m.Audience...)
	if len(x.target) == 0 {
		// Without either it is where the token that was shown may be used, and nowhere else.
		x.target = x.subject.aud
	}
	if err := s.checkResources(s.Client, m.Resource); err != nil {
		return err
	}
	if !subset(m.Audience, s.Context.resources(s.Client)) {
		return Refuse(400, message.InvalidTarget, message.RuleOPExchangeRequest, "audience")
	}
	x.scope = x.subject.scope
	if len(m.Scope) > 0 {
		if !subset(m.Scope, x.subject.scope) {
			return Refuse(400, message.InvalidScope, message.RuleOPExchangeResponse, "scope")
		}
		x.scope = m.Scope
	}
	s.Value = x
	return nil
}

// exchangeTypes are the token types that can be had.
func (c *Context) exchangeTypes() []string {
	types := []string{message.TokenTypeURNAccessToken}
	if c.policy.JWTAccessTokens {
		types = append(types, message.TokenTypeURNJWT)
	}
	return types
}

// shown returns what a token stands for, nil if it is not good, not of its type, or not
// the client's to use.
func (s *Step) shown(ctx context.Context, token message.Secret, tokenType string) (*exchanged, error) {
	value := token.Reveal()
	switch tokenType {
	case message.TokenTypeURNAccessToken:
	case message.TokenTypeURNJWT:
		if strings.Count(value, ".") != 2 {
			return nil, nil
		}
	case message.TokenTypeURNIDToken:
		return s.shownIDToken(token)
	default:
		return nil, nil
	}
	t, g, err := s.accessToken(ctx, value)
	if err != nil || t == nil {
		return nil, err
	}
	// A client exchanges its own tokens; a resource server those that it was sent. A bound
	// token stays with its key.
	own := t.Client == s.Client.ID
	if !own && !s.mayIntrospect(&foundToken{access: t, client: t.Client}) ||
		own && (t.JKT != "" && t.JKT != s.jkt || t.X5T != "" && t.X5T != s.peerCertificate()) {
		return nil, nil
	}
	if there, err := s.stillThere(ctx, t.Client, g); err != nil || !there {
		return nil, err
	}
	return &exchanged{sub: t.Subject, scope: t.Scope, aud: t.Audience, until: t.Until.Time(), grant: g, act: t.Actor}, nil
}

// stillThere reports whether a token's client and user have not gone: what they had ends with
// them (RFC 7592, Section 2.3).
func (s *Step) stillThere(ctx context.Context, client string, g *grant) (bool, error) {
	_, there, err := s.Context.clients.Client(ctx, client)
	if err != nil || !there || g == nil {
		return there, err
	}
	_, there, err = s.user(ctx, g.User)
	return there, err
}

// shownIDToken reads an ID Token of ours that was issued to the client and has not
// expired. It allows nothing by itself but to say who acts.
func (s *Step) shownIDToken(token message.Secret) (*exchanged, error) {
	hint, err := s.readHint(token, s.Client)
	if err != nil || !hint.aud.Has(s.Client.ID) {
		return nil, nil
	}
	parsed, err := keyjar.Parse(token.Reveal())
	if err != nil {
		return nil, nil
	}
	var claims message.IDToken
	if err := message.DecodeClaims(parsed.Payload, &claims); err != nil || !claims.Expiration.Present() || !s.Now.Before(claims.Expiration.Time()) {
		return nil, nil
	}
	return &exchanged{sub: hint.subject, until: claims.Expiration.Time()}, nil
}

// processExchange issues a token that lives no longer and allows no more than the one that
// was shown (RFC 8693, Section 2.2.1; act: Section 4.1).
func processExchange(ctx context.Context, s *Step, m *message.TokenExchangeRequest) (*Outcome, error) {
	x := s.Value.(*exchange)
	t := &accessToken{
		Client: s.Client.ID, Subject: x.subject.sub, Scope: x.scope, Audience: x.target, Until: message.Exactly(x.subject.until),
		JKT: s.jkt, X5T: s.boundCertificate(), Actor: x.subject.act,
	}
	if x.subject.grant != nil {
		t.Grant = x.subject.grant.ID
	}
	if x.actor != nil {
		t.Actor = &message.Actor{Issuer: s.Context.issuer, Subject: x.actor.sub, Actor: x.subject.act}
	}
	value, life, err := s.newAccessToken(ctx, t, x.subject.grant)
	if err != nil {
		return nil, err
	}
	issuedType := m.RequestedTokenType
	if issuedType == "" {
		issuedType = message.TokenTypeURNAccessToken
	}
	return s.withNonce(ctx, &Outcome{Message: &message.TokenExchangeResponse{
		IssuedTokenType: issuedType,
		AccessTokenResponse: message.AccessTokenResponse{
			AccessToken: message.Secret(value), TokenType: t.tokenType(), ExpiresIn: &life, Scope: x.scope,
		},
	}})
}
