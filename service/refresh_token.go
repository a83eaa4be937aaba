package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// refreshFlight is how long one refresh keeps others of the same token away: the
// longest that a driver waits for an answer, and some.
const refreshFlight = 30 * time.Second

// NewRefreshToken makes the refresh_token service (RFC 6749, Section 6; Core,
// Section 12).
func NewRefreshToken(env Env) Service {
	return Definition[message.RefreshTokenRequest, message.AccessTokenResponse]{
		Name:     RefreshTokenName,
		Method:   "POST",
		Request:  Form,
		Response: JSON,
		Proof:    ClientProof,
		DPoP:     true,
		Login:    true,
		Answer:   tokenAnswer,
		Endpoint: func(s *Step, _ *message.RefreshTokenRequest) string { return s.Snapshot.Endpoint(RefreshTokenName) },
		Gather:   gatherRefreshToken,
		Complete: completeRefreshToken,
		Remember: rememberRefreshToken,
		Verify:   verifyRefreshToken,
		Update:   updateRefreshToken,
		Refused: func(ctx context.Context, s *Step, declared *message.Error) error {
			// "invalid_grant ends the session, other failures keep the old tokens".
			if declared.Code == message.InvalidGrant {
				return s.DB().End(ctx, s.State)
			}
			req, ok := s.Response.request.message.(*message.RefreshTokenRequest)
			if !ok {
				return nil
			}
			return s.DB().Release(ctx, state.KindRefreshToken, s.flight(req.RefreshToken))
		},
	}.New(env)
}

// newestRefreshToken returns the refresh token to use: a response without one
// leaves the old in force.
func newestRefreshToken(r state.Record) (message.Secret, error) {
	for _, item := range []string{state.ItemRefreshTokenResponse, state.ItemTokenResponse} {
		raw := r.Item(item)
		if raw == nil {
			continue
		}
		var m message.AccessTokenResponse
		if err := message.DecodeJSON(raw, &m); err != nil {
			return "", fmt.Errorf("%s: %w", item, err)
		}
		if m.RefreshToken != "" {
			return m.RefreshToken, nil
		}
	}
	return "", nil
}

func gatherRefreshToken(_ context.Context, s *Step, req *message.RefreshTokenRequest) error {
	req.GrantType = message.GrantTypeRefreshToken
	if req.RefreshToken != "" {
		return nil
	}
	token, err := newestRefreshToken(s.Record)
	if err != nil {
		return err
	}
	if token == "" {
		return fmt.Errorf("%w: the login has no refresh token", ErrNotConfigured)
	}
	req.RefreshToken = token
	return nil
}

// completeRefreshToken: "The requested scope MUST NOT include any scope not
// originally granted by the resource owner" (RFC 6749, Section 6).
func completeRefreshToken(_ context.Context, s *Step, req *message.RefreshTokenRequest) error {
	granted, err := grantedScope(s.Record)
	if err != nil {
		return err
	}
	for _, word := range req.Scope {
		if !granted.Has(word) {
			return s.Fail(message.RuleRefreshScope, "scope", word, "a part of "+granted.String(), nil)
		}
	}
	s.Pass(message.RuleRefreshScope, "scope")
	return nil
}

// grantedScope is what the token response said, or what was asked for.
func grantedScope(r state.Record) (message.List, error) {
	var tokens message.AccessTokenResponse
	if raw := r.Item(state.ItemTokenResponse); raw != nil {
		if err := message.DecodeJSON(raw, &tokens); err != nil {
			return nil, err
		}
	}
	if len(tokens.Scope) > 0 {
		return tokens.Scope, nil
	}
	raw := r.Item(state.ItemAuthRequest)
	if raw == nil {
		return message.ParseList(r.Kept(keptScope)), nil // a grant without an authorization request
	}
	var asked message.AuthorizationRequest
	if err := message.DecodeJSON(raw, &asked); err != nil {
		return nil, err
	}
	return asked.Scope, nil
}

// rememberRefreshToken lets one refresh of a token be under way, across processes:
// a second use of a rotated token would look like theft (RFC 9700, Section 4.14.2).
func rememberRefreshToken(ctx context.Context, s *Step, req *message.RefreshTokenRequest) error {
	if s.Args.DPoPNonce != "" {
		return nil
	}
	ours, err := s.DB().Reserve(ctx, state.KindRefreshToken, s.flight(req.RefreshToken), refreshFlight)
	if err != nil {
		return err
	}
	if !ours {
		return &NeedError{
			After: time.Second, Resend: true, Args: s.Args,
			Err: s.Fail(message.RuleRefreshSingleFlight, "refresh_token", "", "one refresh at a time", nil),
		}
	}
	s.Pass(message.RuleRefreshSingleFlight, "refresh_token")
	return nil
}

// flight names a refresh that is under way.
func (s *Step) flight(token message.Secret) string {
	return state.PerIssuer(s.Snapshot.Issuer, token.Reveal())
}

func verifyRefreshToken(ctx context.Context, s *Step, resp *message.AccessTokenResponse) error {
	if err := verifyTokens(s, resp); err != nil {
		return err
	}
	if resp.IDToken == "" {
		// "it might not contain an id_token" (Core, Section 12.2).
		s.Skip(message.RuleRefreshValidation, "id_token", "absent, which is legal")
		return nil
	}
	var original *message.IDToken
	if kept := firstClaims(s.Record); kept != "" {
		original = new(message.IDToken)
		if err := message.DecodeClaims([]byte(kept), original); err != nil {
			return err
		}
	}
	if err := verifyIDToken(s, resp.IDToken, idTokenFacts{unsigned: true, nonceFree: true, accessToken: resp.AccessToken, refreshOf: original}); err != nil {
		return refreshedInvalid(err)
	}
	s.Pass(message.RuleRefreshValidation, "id_token")
	return nil
}

// refreshedInvalid adds to what is wrong with a refreshed ID Token that it is held to
// the same rules as the first (Core, Section 12.2). The rule that it broke stays the
// one that is reported.
func refreshedInvalid(err error) error {
	var need *NeedError
	if errors.As(err, &need) {
		unmet := *need
		unmet.Err = refreshedInvalid(need.Err)
		return &unmet
	}
	var v *message.Violation
	if !errors.As(err, &v) {
		return err
	}
	with := *v
	with.Err = &message.Violation{Rule: message.RuleRefreshValidation, Param: v.Param, Err: v.Err}
	return &with
}

// idTokenRefresh compares a refreshed ID Token with the original (Core, Section 12.2).
func idTokenRefresh(s *Step, c *idTokenCheck) error {
	o := c.refreshOf
	if o == nil {
		return nil
	}
	now, leeway := c.claims, s.Snapshot.Leeway.Seconds()
	sameAudience := len(now.Audience) == len(o.Audience)
	for _, aud := range o.Audience {
		sameAudience = sameAudience && now.Audience.Has(aud)
	}
	for _, r := range []struct {
		ok    bool
		rule  message.Rule
		param string
		got   string
		want  string
	}{
		{now.Issuer == o.Issuer, message.RuleRefreshIss, "id_token.iss", message.Excerpt(now.Issuer), "the original iss"},
		{now.Subject == o.Subject, message.RuleRefreshSub, "id_token.sub", message.Excerpt(now.Subject), "the original sub"},
		{sameAudience && now.AuthorizedParty == o.AuthorizedParty, message.RuleRefreshAud, "id_token.aud", "", "the original aud and azp"},
		{sameAuthentication(now, o, leeway), message.RuleRefreshAuthTime, "id_token.auth_time", timeText(now.AuthTime), "the time of the original authentication"},
		{!now.IssuedAt.Present() || now.IssuedAt.Float() >= o.IssuedAt.Float()-leeway, message.RuleRefreshAuthTime, "id_token.iat", timeText(now.IssuedAt), "the time of its own issue, which is not before that of the original"},
		{now.Nonce == "" || now.Nonce == o.Nonce, message.RuleRefreshNonce, "id_token.nonce", "", "no nonce, or the original one"},
	} {
		if err := s.Require(r.ok, r.rule, r.param, r.got, r.want); err != nil {
			return err
		}
	}
	return nil
}

// sameAuthentication: auth_time "MUST represent the time of the original authentication"
// (Core, Section 12.2), which came before the original ID Token where that does not tell.
func sameAuthentication(now, original *message.IDToken, leeway float64) bool {
	switch {
	case !now.AuthTime.Present():
		return true
	case original.AuthTime.Present():
		return now.AuthTime.Float() == original.AuthTime.Float()
	}
	return now.AuthTime.Float() <= original.IssuedAt.Float()+leeway
}

func updateRefreshToken(ctx context.Context, s *Step, resp *message.AccessTokenResponse) error {
	req, ok := s.Response.request.message.(*message.RefreshTokenRequest)
	if !ok {
		return errors.New("the request is not a refresh request")
	}
	kept := *resp
	if kept.RefreshToken == "" {
		kept.RefreshToken = req.RefreshToken
	}
	encoded, err := message.EncodeJSON(kept)
	if err != nil {
		return err
	}
	// A refresh token that was spent is not kept.
	asked, err := message.EncodeJSON(message.RefreshTokenRequest{GrantType: req.GrantType, Scope: req.Scope})
	if err != nil {
		return err
	}
	err = s.amend(ctx, func(r *state.Record) {
		r.Set(state.ItemRefreshTokenRequest, asked)
		r.Set(state.ItemRefreshTokenResponse, encoded)
		s.keepTokens(r)
	})
	if err != nil || kept.RefreshToken != req.RefreshToken {
		return err
	}
	return s.DB().Release(ctx, state.KindRefreshToken, s.flight(req.RefreshToken)) // still in force
}
