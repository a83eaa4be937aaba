package service

import (
	"context"
	"fmt"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// NewTokenExchange makes the token_exchange service: a token is exchanged for another
// (RFC 8693). Without a subject_token of the call's, the access token of the login that
// Args.State names is the subject's. Result.State names the record that the issued
// token is kept in.
func NewTokenExchange(env Env) Service {
	return Definition[message.TokenExchangeRequest, message.TokenExchangeResponse]{
		Name:     TokenExchangeName,
		Method:   "POST",
		Request:  Form,
		Response: JSON,
		Proof:    ClientProof,
		DPoP:     true,
		Answer:   exchangeAnswer(),
		Endpoint: func(s *Step, _ *message.TokenExchangeRequest) string { return tokenEndpoint(s) },
		Gather:   gatherTokenExchange,
		Complete: completeTokenExchange,
		Remember: func(_ context.Context, s *Step, _ *message.TokenExchangeRequest) error { return s.drawKey() },
		Verify:   verifyTokenExchange,
		Update: func(ctx context.Context, s *Step, resp *message.TokenExchangeResponse) error {
			return s.keepGrant(ctx, resp, requestOf[message.TokenExchangeRequest](s).Scope)
		},
	}.New(env)
}

func exchangeAnswer() Answer {
	a := tokenAnswer
	a.Members = map[string]message.Rule{"issued_token_type": message.RuleExchangeResponse}
	for name, rule := range tokenAnswer.Members {
		a.Members[name] = rule
	}
	return a
}

func gatherTokenExchange(ctx context.Context, s *Step, req *message.TokenExchangeRequest) error {
	if req.SubjectToken != "" {
		return nil
	}
	if s.Args.State == "" {
		return fmt.Errorf("%w: neither a subject_token nor a login to take it from", ErrArgs)
	}
	if err := s.session(ctx, s.Args.State); err != nil {
		return err
	}
	tokens, err := currentTokens(s.Record)
	if err != nil {
		return err
	}
	if req.SubjectTokenType != "" && req.SubjectTokenType != message.TokenTypeURNAccessToken {
		return s.Fail(message.RuleExchangeRequest, "subject_token_type", message.Excerpt(req.SubjectTokenType), message.TokenTypeURNAccessToken+", which the login has", nil)
	}
	req.SubjectToken, req.SubjectTokenType = tokens.AccessToken, message.TokenTypeURNAccessToken
	return nil
}

// completeTokenExchange: subject_token_type is REQUIRED; actor_token_type "is REQUIRED
// when the actor_token parameter is present in the request but MUST NOT be included
// otherwise" (RFC 8693, Section 2.1).
func completeTokenExchange(_ context.Context, s *Step, req *message.TokenExchangeRequest) error {
	req.GrantType = message.GrantTypeTokenExchange
	if err := s.Require(req.SubjectTokenType != "", message.RuleExchangeRequest, "subject_token_type", "", "the type of subject_token"); err != nil {
		return err
	}
	return s.Require((req.ActorToken == "") == (req.ActorTokenType == ""), message.RuleExchangeRequest, "actor_token_type", message.Excerpt(req.ActorTokenType), "the type of actor_token, if and only if there is one")
}

// noAccessToken are the types of tokens that are never access tokens, so that
// token_type says nothing about them (RFC 8693, Section 3).
var noAccessToken = map[string]bool{
	message.TokenTypeURNRefreshToken: true, message.TokenTypeURNIDToken: true,
	message.TokenTypeURNSAML1: true, message.TokenTypeURNSAML2: true,
}

func verifyTokenExchange(_ context.Context, s *Step, resp *message.TokenExchangeResponse) error {
	const rule = message.RuleExchangeResponse
	s.answersGrant()
	req := requestOf[message.TokenExchangeRequest](s)
	if err := verifyTokenMembers(s, &resp.AccessTokenResponse); err != nil {
		return err
	}
	issued := resp.IssuedTokenType
	if err := s.Require(issued != "", rule, "issued_token_type", "", "the type of the token that was issued"); err != nil {
		return err
	}
	if req.RequestedTokenType != "" && req.RequestedTokenType != issued {
		s.Warn(rule, "issued_token_type", "not the type that was requested")
	}
	if err := verifyExchangedType(s, resp); err != nil {
		return err
	}
	if err := verifyTokenLife(s, &resp.AccessTokenResponse); err != nil {
		return err
	}
	if resp.IDToken != "" {
		return verifyIDToken(s, resp.IDToken, idTokenFacts{nonceFree: true, accessToken: resp.AccessToken})
	}
	if issued != message.TokenTypeURNIDToken {
		return nil
	}
	if len(req.Audience)+len(req.Resource) > 0 {
		// Its audience is another's, who will verify it.
		s.Skip(message.RuleIDTokenAud, "access_token", "the ID Token was asked for on behalf of another audience")
		return nil
	}
	return verifyIDToken(s, resp.AccessToken, idTokenFacts{nonceFree: true})
}

// verifyExchangedType: "If the issued token is not an access token or usable as an
// access token, then the token_type value N_A is used" (RFC 8693, Section 2.2.1).
func verifyExchangedType(s *Step, resp *message.TokenExchangeResponse) error {
	const rule = message.RuleExchangeResponse
	unusable := strings.EqualFold(resp.TokenType, message.TokenTypeNA)
	switch {
	case noAccessToken[resp.IssuedTokenType]:
		return s.Require(unusable, rule, "token_type", message.Excerpt(resp.TokenType), message.TokenTypeNA+", since it is no access token")
	case resp.IssuedTokenType == message.TokenTypeURNAccessToken && unusable:
		return s.Fail(rule, "token_type", message.Excerpt(resp.TokenType), "how to use the access token", nil)
	case unusable:
		s.Pass(rule, "token_type")
		return nil
	}
	s.Pass(rule, "issued_token_type")
	return verifyTokenType(s, &resp.AccessTokenResponse)
}
