package endpoint

import (
	"context"
	"fmt"

	"github.com/oidcservice/oidc/message"
)

// userInfo is what Verify found out for Process.
type userInfo struct {
	token  *accessToken
	grant  *grant
	user   User
	client *Client
}

// NewUserInfo makes the UserInfo endpoint (Core, Section 5.3).
func NewUserInfo(env Env) Endpoint {
	return Definition[message.UserInfoRequest]{
		Name:    "userinfo",
		Path:    "/userinfo",
		Methods: []string{"GET", "POST"},
		Request: Opaque,
		CORS:    true,
		Describe: func(c *Context, url string, m *message.ProviderMetadata) {
			m.UserInfoEndpoint = url
			m.UserInfoSigningAlgs = c.idTokenAlgs()
			m.UserInfoEncryptionAlgs, m.UserInfoEncryptionEncs = c.encryption()
		},
		Verify:  verifyUserInfo,
		Process: processUserInfo,
		Respond: respondUserInfo,
	}.New(env)
}

func verifyUserInfo(ctx context.Context, s *Step, req *message.UserInfoRequest) error {
	if s.Request.Method == "POST" && len(s.Request.Body) > 0 {
		if refusal := s.decode(Form); refusal != nil {
			if refusal.Violation.Rule == message.RuleOPParamDuplicate {
				// RFC 6750, Section 3.1: a request that "repeats the same parameter" is an
				// invalid_request.
				refusal.Violation.Err = message.RuleOPUserInfoToken
			}
			return refusal.With("Www-Authenticate", s.bearerChallenge(refusal.Declared))
		}
	}
	presented, err := s.bearer(message.RuleOPUserInfoToken)
	if err != nil {
		return err
	}
	req.AccessToken = message.Secret(presented.value)
	t, g, err := s.authorized(ctx, presented)
	if err != nil {
		return err
	}
	if g == nil || !t.Scope.Has(message.ScopeOpenID) {
		return s.challenge(403, message.InsufficientScope, message.RuleOPUserInfoChallenge, "scope").
			Because("a token without openid", "one with it", nil)
	}
	user, found, err := s.user(ctx, g.User)
	if err != nil {
		return err
	}
	client, known, err := s.Context.clients.Client(ctx, t.Client)
	if err != nil {
		return err
	}
	if !found || !known {
		return s.challenge(401, message.InvalidToken, message.RuleOPAccessTokenValidation, "access_token")
	}
	s.Client = client
	s.Value = &userInfo{token: t, grant: g, user: user, client: client}
	return s.canEncrypt(ctx, client, client.Metadata.UserInfoEncryptedResponseAlg)
}

// processUserInfo selects the claims that scope, claims parameter and consent allow (Core,
// Section 5.3.2).
func processUserInfo(_ context.Context, s *Step, _ *message.UserInfoRequest) (*Outcome, error) {
	u := s.Value.(*userInfo)
	var requested map[string]*message.ClaimRequest
	if u.grant.Claims != nil {
		requested = u.grant.Claims.UserInfo
	}
	answer := message.UserInfoResponse{Subject: u.grant.Subject}
	if u.client.Metadata.UserInfoSignedResponseAlg != "" {
		// "If signed, the UserInfo Response MUST contain the Claims iss (issuer) and aud
		// (audience) as members."
		answer.Issuer, answer.Audience = s.Context.issuer, message.Audience{u.client.ID}
		answer.IssuedAt = message.At(s.Now)
	}
	payload, err := addClaims(answer, s.Context.userClaims(u.user, u.token.Scope, requested))
	if err != nil {
		return nil, err
	}
	o := &Outcome{Message: new(message.UserInfoResponse)}
	if err := message.DecodeJSON(payload, o.Message); err != nil {
		return nil, fmt.Errorf("claims of the user: %w", err)
	}
	return o, nil
}

// respondUserInfo sends the claims as JSON, or signed and encrypted as registered.
func respondUserInfo(ctx context.Context, s *Step, o *Outcome) (*Response, error) {
	m := &s.Client.Metadata
	alg, encAlg := m.UserInfoSignedResponseAlg, m.UserInfoEncryptedResponseAlg
	if alg == "" && encAlg == "" {
		return respondJSON(o)
	}
	payload, err := message.EncodeJSON(o.Message)
	if err != nil {
		return nil, err
	}
	p := protection{alg: alg, encAlg: encAlg, enc: m.UserInfoEncryptedResponseEnc}
	if alg != "" {
		if p.key, err = s.signingKey(s.Client, alg); err != nil {
			return nil, err
		}
	}
	token, err := s.protect(ctx, s.Client, payload, p)
	if err != nil {
		return nil, err
	}
	resp := &Response{Header: noStore(), Body: []byte(token)}
	resp.Header.Set("Content-Type", "application/jwt")
	return resp, nil
}
