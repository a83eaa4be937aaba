package service

import (
	"context"

	"github.com/oidcservice/oidc/message"
)

var cibaPolling = polling{interval: message.RuleCIBAPolling, timeout: message.RuleCIBAPolling, stop: message.RuleCIBAStop}

// NewCIBAToken makes the ciba_token service: it asks for the result of a backchannel
// authentication (CIBA Core 1.0, Section 10.1), in poll mode until there is one, in ping
// mode after the notification. Not yet is a NeedError with the time to wait.
func NewCIBAToken(env Env) Service {
	p := cibaPolling
	answer := tokenAnswer
	answer.First = p.first
	return Definition[message.BackchannelTokenRequest, message.AccessTokenResponse]{
		Name:     CIBATokenName,
		Method:   "POST",
		Request:  Form,
		Response: JSON,
		Proof:    ClientProof,
		DPoP:     true,
		Login:    true,
		Answer:   answer,
		Endpoint: func(s *Step, _ *message.BackchannelTokenRequest) string { return tokenEndpoint(s) },
		Gather: func(ctx context.Context, s *Step, req *message.BackchannelTokenRequest) error {
			if err := sameIssuer(s); err != nil {
				return err
			}
			id := s.Record.Kept(keptAuthReqID)
			if id == "" {
				return s.Fail(message.RuleCIBAStop, "auth_req_id", "", "an authentication that waits for the user", nil)
			}
			// In push mode the tokens come to us; there is nothing to poll for (Section 5).
			if mode := s.Record.Kept(keptDeliveryMode); mode == message.DeliveryModePush {
				return s.Fail(message.RuleCIBAPolling, "backchannel_token_delivery_mode", mode, "poll or ping: the provider brings the tokens itself", nil)
			}
			req.GrantType, req.AuthReqID = message.GrantTypeCIBA, message.Secret(id)
			return p.ready(ctx, s)
		},
		Remember: func(ctx context.Context, s *Step, _ *message.BackchannelTokenRequest) error {
			return p.stamp(ctx, s)
		},
		Verify: func(_ context.Context, s *Step, resp *message.AccessTokenResponse) error {
			if err := verifyTokens(s, resp); err != nil {
				return err
			}
			if err := s.Require(resp.IDToken != "", message.RuleTokenResponseIDTokenMissing, "id_token", "", "an ID Token, since openid was asked for"); err != nil {
				return err
			}
			return verifyIDToken(s, resp.IDToken, idTokenFacts{accessToken: resp.AccessToken, subject: s.Record.Kept(keptHintedSubject)})
		},
		Update: func(ctx context.Context, s *Step, resp *message.AccessTokenResponse) error {
			return s.keepPolled(ctx, resp, keptAuthReqID)
		},
		Refused:    p.refused,
		Unanswered: p.unanswered,
	}.New(env)
}
