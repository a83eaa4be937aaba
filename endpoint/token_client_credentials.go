package endpoint

import (
	"context"

	"github.com/oidcservice/oidc/message"
)

// verifyClientCredentials: RFC 6749, Section 4.4: "The client credentials grant type MUST
// only be used by confidential clients."
func verifyClientCredentials(_ context.Context, s *Step, m *message.ClientCredentialsRequest) error {
	if s.Client.Public() {
		return Refuse(400, message.UnauthorizedClient, message.RuleOPClientCredentialsGrant, "grant_type")
	}
	scope, err := s.clientScope(m.Scope)
	if err != nil {
		return err
	}
	s.Value = scope
	return s.checkResources(s.Client, m.Resource)
}

// clientScope is what a client may have for itself: what it is registered for, without
// what is about users.
func (s *Step) clientScope(asked message.List) (message.List, error) {
	allowed := func(word string) bool {
		_, about := scopeClaims[word]
		return word != message.ScopeOpenID && word != message.ScopeOfflineAccess && !about &&
			subset([]string{word}, s.Context.policy.Scopes) && (len(s.Client.Metadata.Scope) == 0 || s.Client.Metadata.Scope.Has(word))
	}
	refusal := func() error {
		return Refuse(400, message.InvalidScope, message.RuleOPClientCredentialsGrant, "scope")
	}
	named := len(asked) > 0
	if !named {
		// RFC 6749, Section 3.3: a default, which is what the client is registered for.
		asked = s.Client.Metadata.Scope
	}
	var scope message.List
	for _, word := range asked {
		switch {
		case allowed(word) && !scope.Has(word):
			scope = append(scope, word)
		case !allowed(word) && s.Client.StrictScope:
			return nil, refusal()
		}
	}
	if named && len(scope) == 0 {
		// An answer without a scope would say that all of it was granted (RFC 6749, Section 5.1).
		return nil, refusal()
	}
	return scope, nil
}

// processClientCredentials issues an access token, and neither a refresh token nor an ID
// Token (RFC 6749, Section 4.4.3).
func processClientCredentials(ctx context.Context, s *Step, m *message.ClientCredentialsRequest) (*Outcome, error) {
	scope := s.Value.(message.List)
	t := &accessToken{
		Client: s.Client.ID, Subject: clientSubject(s.Client), Scope: scope, Audience: m.Resource,
		JKT: s.jkt, X5T: s.boundCertificate(),
	}
	value, life, err := s.newAccessToken(ctx, t, nil)
	if err != nil {
		return nil, err
	}
	return s.withNonce(ctx, &Outcome{Message: &message.AccessTokenResponse{
		AccessToken: message.Secret(value), TokenType: t.tokenType(), ExpiresIn: &life, Scope: scope,
	}})
}
