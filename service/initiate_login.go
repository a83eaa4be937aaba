package service

import (
	"context"

	"github.com/oidcservice/oidc/message"
)

// InitiateLoginName is the name of the initiate_login service.
const InitiateLoginName = "initiate_login"

// NewInitiateLogin makes the initiate_login service: a third party asks us to begin
// a login (Core, Section 4). The Result's Optional task is the authorization
// request to make; nothing else happens, and no session changes.
func NewInitiateLogin(env Env) Service {
	return Definition[message.InitiateLoginRequest, message.InitiateLoginRequest]{
		Name:     InitiateLoginName,
		Request:  None,
		Response: Params,
		Decode: func(_ context.Context, s *Step) (*message.InitiateLoginRequest, error) {
			if in := s.Response.inbound; in != nil {
				if err := s.Require(in.Method == "" || in.Method == "GET" || isFormPost(in), message.RuleInitLoginIss, "method", in.Method, "GET, or POST with a form body"); err != nil {
					return nil, err
				}
			}
			m := new(message.InitiateLoginRequest)
			return m, decodeInbound(s, m, message.RuleInitLoginIss)
		},
		Verify: verifyInitiateLogin,
	}.New(env)
}

func verifyInitiateLogin(_ context.Context, s *Step, req *message.InitiateLoginRequest) error {
	if err := s.Require(req.Issuer != "" && req.Issuer == s.Snapshot.Issuer, message.RuleInitLoginIss, "iss", message.Excerpt(req.Issuer), "an issuer that we know"); err != nil {
		return err
	}
	if req.TargetLinkURI != "" {
		// "RPs MUST verify the value of the target_link_uri to prevent being used as
		// an open redirector" (Core, Section 4).
		_, ok := LocalTarget(req.TargetLinkURI, s.Snapshot.Metadata.RedirectURIs...)
		if err := s.Require(ok, message.RuleInitLoginTarget, "target_link_uri", message.Excerpt(req.TargetLinkURI), "an address on our site"); err != nil {
			return err
		}
	}
	s.Pass(message.RuleInitLoginLoginHint, "login_hint")
	s.Pass(message.RuleInitLoginEffect, "iss")
	s.Optional = append(s.Optional, s.task(NewAuthorization, Args{Message: message.AuthorizationRequest{LoginHint: req.LoginHint}}))
	return nil
}
