package service

import (
	"context"
	"errors"
	"mime"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// decodeFront decodes what the browser brought.
func decodeFront(resp *Response, into any) error {
	if resp.inbound != nil {
		return message.DecodeForm(resp.inbound.Raw, into)
	}
	return message.DecodeValues(resp.values, into)
}

// decodeAuthorizationResponse reads the callback. "Request and response parameters
// MUST NOT be included more than once" (RFC 6749, Section 3.1).
func decodeAuthorizationResponse(_ context.Context, s *Step) (*message.AuthorizationResponse, error) {
	if in := s.Response.inbound; in == nil {
		s.Skip(message.RuleAuthzResponseFormPost, "method", "the caller gave parameters only")
	} else if in.Mode == message.ResponseModeFormPost {
		media, _, _ := mime.ParseMediaType(in.ContentType)
		if err := s.Require(in.Method == "POST" && media == "application/x-www-form-urlencoded", message.RuleAuthzResponseFormPost, "method",
			in.Method+" "+message.Excerpt(in.ContentType), "a POST with a form body"); err != nil {
			return nil, err
		}
	}
	m := new(message.AuthorizationResponse)
	if err := decodeFront(s.Response, m); err != nil {
		param := "parameters"
		var d *message.DecodeError
		if errors.As(err, &d) && d.Param != "" {
			param = d.Param
		}
		if param == "expires_in" && d.Kind == message.WrongType {
			return nil, s.Fail(message.RuleTokenResponseExpiresIn, param, "", "a non-negative number of seconds", err)
		}
		return nil, s.Fail(message.RuleAuthzResponseDuplicate, param, "", "each parameter once, strictly encoded", err)
	}
	s.Pass(message.RuleAuthzResponseDuplicate, "parameters")
	if m.Response != "" {
		return openJARM(s, m)
	}
	return m, nil
}

// verifyAuthorizationResponse judges the callback. State, browser and issuer come
// before everything else, a declared error included: whoever cannot pass them is
// not the provider.
func verifyAuthorizationResponse(ctx context.Context, s *Step, resp *message.AuthorizationResponse) error {
	if err := verifyState(ctx, s, resp); err != nil {
		return err
	}
	if err := verifyBinding(s); err != nil {
		return err
	}
	req, err := recalled[message.AuthorizationRequest](s.Record, state.ItemAuthRequest)
	if err != nil {
		return err
	}
	if err := verifyMode(s, req, resp); err != nil {
		return err
	}
	if s.jarm != nil {
		if err := verifyJARM(s); err != nil {
			return err
		}
	}
	if err := verifyIssuer(s, req, resp); err != nil {
		return err
	}
	s.Pass(message.RuleAuthzResponseErrorOrder, "error")
	if err := verifyDeclaredError(s, resp); err != nil {
		return err
	}
	if err := verifyPromised(s, req, resp); err != nil {
		return err
	}
	if resp.IDToken == "" {
		return nil
	}
	// "MUST validate" the front-channel ID Token before the code is redeemed
	// (Core, Sections 3.2.2.11 and 3.3.2.12).
	err = verifyIDToken(s, resp.IDToken, idTokenFacts{
		front: true, request: req, nonce: req.Nonce,
		accessToken: resp.AccessToken, code: resp.Code, state: resp.State,
	})
	if err != nil {
		return err
	}
	s.Pass(message.RuleAuthzResponseFrontFirst, "id_token")
	return nil
}

func verifyState(ctx context.Context, s *Step, resp *message.AuthorizationResponse) error {
	if err := s.Require(resp.State != "", message.RuleAuthzResponseStateMissing, "state", "", "the state that was sent"); err != nil {
		return err
	}
	r, err := s.DB().Pending(ctx, resp.State)
	if errors.Is(err, state.ErrUnknown) {
		return s.Fail(message.RuleAuthzResponseState, "state", "", "a state of ours that waits for its response", err)
	}
	if err != nil {
		return err
	}
	s.State, s.Record = resp.State, r
	if r.Issuer != s.Snapshot.Issuer {
		return s.Fail(message.RuleAuthzResponseState, "state", message.Excerpt(r.Issuer), "a login at "+s.Snapshot.Issuer, nil)
	}
	s.Pass(message.RuleAuthzResponseState, "state")
	return nil
}

// verifyBinding ties the callback to the browser that began: without it anybody
// could hand a victim the callback of his own login (RFC 6749, Section 10.12).
func verifyBinding(s *Step) error {
	kept, presented := s.Record.Kept(state.KeptBinding), s.Response.binding
	if kept == "" && presented == "" {
		s.Skip(message.RuleAuthzResponseBrowserBinding, "binding", "the request was not bound to a browser")
		return nil
	}
	return s.Require(kept != "" && presented != "" && sameText(kept, bindingHash(presented)), message.RuleAuthzResponseBrowserBinding,
		"binding", "", "the value of the browser that began this login")
}

// verifyMode sees to it that the answer came the way it was asked for. Tokens in a
// query would end in logs and histories.
func verifyMode(s *Step, req *message.AuthorizationRequest, resp *message.AuthorizationResponse) error {
	const rule = message.RuleAuthzResponseMode
	// "The client MUST NOT process a plain response" where a JWT was asked for, nor
	// the other way round.
	asked, came := "plain parameters, as asked for", "a JWT"
	if isJWTMode(req.ResponseMode) {
		asked, came = "a JWT, as asked for", "plain parameters"
	}
	if err := s.Require(isJWTMode(req.ResponseMode) == (s.jarm != nil), message.RuleJARMExpected, "response", came, asked); err != nil {
		return err
	}
	in := s.Response.inbound
	if in == nil {
		s.Skip(rule, "response_mode", "the caller gave parameters only")
		return nil
	}
	want := carrier(req.ResponseMode, req.ResponseType)
	got := carrier(in.Mode, message.List{"code"})
	// An error of a fragment request may come in the query from a provider that
	// did not get as far as reading response_mode; it carries no token.
	if got == message.ResponseModeQuery && want == message.ResponseModeFragment && resp.Error != "" && resp.IDToken == "" && resp.AccessToken == "" {
		s.Warn(rule, "response_mode", "an error arrived in the query")
		return nil
	}
	return s.Require(got == want, rule, "response_mode", string(got), string(want))
}

// verifyDeclaredError returns the provider's error as such, once its sender is known.
func verifyDeclaredError(s *Step, resp *message.AuthorizationResponse) error {
	const rule = message.RuleAuthzResponseError
	if resp.Error == "" {
		if resp.ErrorDescription != "" || resp.ErrorURI != "" {
			return s.Fail(rule, "error", "", "error beside its description", nil)
		}
		return nil
	}
	if !errorSyntax(string(resp.Error)) {
		return s.Fail(rule, "error", printable(string(resp.Error)), "printable ASCII without quote and backslash", nil)
	}
	if resp.ErrorDescription != "" && !errorSyntax(resp.ErrorDescription) {
		return s.Fail(rule, "error_description", "", "printable ASCII without quote and backslash", nil)
	}
	if resp.Code != "" || resp.IDToken != "" || resp.AccessToken != "" {
		return s.Fail(rule, "error", printable(string(resp.Error)), "either an error or a success", nil)
	}
	s.Pass(rule, "error")
	return &message.Error{Code: resp.Error, Description: printable(resp.ErrorDescription), URI: printable(resp.ErrorURI)}
}

// verifyPromised compares what came with what the response type promises
// (Multiple Response Type Encoding Practices, Section 5).
func verifyPromised(s *Step, req *message.AuthorizationRequest, resp *message.AuthorizationResponse) error {
	t := req.ResponseType
	for _, member := range []struct {
		name    string
		word    string
		present bool
	}{
		{"code", "code", resp.Code != ""},
		{"id_token", "id_token", resp.IDToken != ""},
		{"access_token", "token", resp.AccessToken != ""},
	} {
		if t.Has(member.word) && !member.present {
			return s.Fail(message.RuleAuthzResponseIncomplete, member.name, "", member.name+", as response_type "+t.String()+" promises", nil)
		}
		if !t.Has(member.word) && member.present && member.word != "code" {
			return s.Fail(message.RuleAuthzResponseUnexpected, member.name, "", "no "+member.name+" with response_type "+t.String(), nil)
		}
	}
	if t.Has("token") {
		if err := verifyFrontToken(s, resp); err != nil {
			return err
		}
	}
	s.Pass(message.RuleAuthzResponseIncomplete, "response_type")
	s.Pass(message.RuleAuthzResponseUnexpected, "response_type")
	return nil
}

// verifyFrontToken judges what comes with an access token (RFC 6749, Section 4.2.2).
func verifyFrontToken(s *Step, resp *message.AuthorizationResponse) error {
	if !strings.EqualFold(resp.TokenType, message.TokenTypeBearer) {
		return s.Fail(message.RuleAuthzResponseIncomplete, "token_type", message.Excerpt(resp.TokenType), "Bearer", nil)
	}
	if err := verifyTokenText(s, "access_token", resp.AccessToken); err != nil {
		return err
	}
	return verifyExpiresIn(s, resp.ExpiresIn)
}
