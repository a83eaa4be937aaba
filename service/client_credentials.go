package service

import (
	"context"

	"github.com/oidcservice/oidc/message"
)

// NewClientCredentials makes the client_credentials service: the client asks for a
// token of its own (RFC 6749, Section 4.4). Request.State and Result.State name the
// record that the token is kept in; every request has its own.
func NewClientCredentials(env Env) Service {
	return Definition[message.ClientCredentialsRequest, message.AccessTokenResponse]{
		Name:     ClientCredentialsName,
		Method:   "POST",
		Request:  Form,
		Response: JSON,
		Proof:    ClientProof,
		DPoP:     true,
		Answer:   tokenAnswer,
		Endpoint: func(s *Step, _ *message.ClientCredentialsRequest) string { return tokenEndpoint(s) },
		Complete: func(_ context.Context, s *Step, req *message.ClientCredentialsRequest) error {
			req.GrantType = message.GrantTypeClientCredentials
			// "The client credentials grant type MUST only be used by confidential clients."
			return requireConfidential(s, message.RuleClientCredentialsGrant)
		},
		Remember: func(_ context.Context, s *Step, _ *message.ClientCredentialsRequest) error { return s.drawKey() },
		Verify: func(_ context.Context, s *Step, resp *message.AccessTokenResponse) error {
			s.answersGrant()
			if err := verifyTokens(s, resp); err != nil {
				return err
			}
			// "A refresh token SHOULD NOT be included" (Section 4.4.3), and there is no user
			// that an ID Token could be about. Neither is used.
			for _, member := range []struct {
				name  string
				value *message.Secret
			}{{"refresh_token", &resp.RefreshToken}, {"id_token", &resp.IDToken}} {
				if *member.value != "" {
					s.Warn(message.RuleClientCredentialsGrant, member.name, "it came, and is not used")
					*member.value = ""
				}
			}
			return nil
		},
		Update: func(ctx context.Context, s *Step, resp *message.AccessTokenResponse) error {
			return s.keepGrant(ctx, resp, requestOf[message.ClientCredentialsRequest](s).Scope)
		},
	}.New(env)
}
