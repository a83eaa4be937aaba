package service

import (
	"context"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// FrontchannelLogoutName is the name of the frontchannel_logout service.
const FrontchannelLogoutName = "frontchannel_logout"

// NewFrontchannelLogout makes the frontchannel_logout service: the provider loads
// our address in an iframe (Front-Channel Logout 1.0, Section 2). The commit ends
// the local session and revokes nothing: anybody can load the address.
func NewFrontchannelLogout(env Env) Service {
	return Definition[message.FrontchannelLogoutRequest, message.FrontchannelLogoutRequest]{
		Name:     FrontchannelLogoutName,
		Request:  None,
		Response: Params,
		Decode: func(_ context.Context, s *Step) (*message.FrontchannelLogoutRequest, error) {
			m := new(message.FrontchannelLogoutRequest)
			return m, decodeInbound(s, m, message.RuleFrontchannelParameters)
		},
		Verify: verifyFrontchannelLogout,
		Update: func(ctx context.Context, s *Step, _ *message.FrontchannelLogoutRequest) error { return endAll(ctx, s) },
	}.New(env)
}

// verifyFrontchannelLogout: "If either is included, both MUST be", and both when we
// registered that we need them. Without them the caller ends the session of the
// browser's own cookie.
func verifyFrontchannelLogout(ctx context.Context, s *Step, req *message.FrontchannelLogoutRequest) error {
	required := false
	for _, m := range []*message.ClientMetadata{&s.Snapshot.Metadata, clientMetadata(s)} {
		required = required || m.FrontchannelLogoutSessionRequired != nil && *m.FrontchannelLogoutSessionRequired
	}
	both := req.Issuer != "" && req.SessionID != ""
	neither := req.Issuer == "" && req.SessionID == ""
	if err := s.Require(both || neither && !required, message.RuleFrontchannelParameters, "sid", "", "iss and sid together"); err != nil {
		return err
	}
	if neither {
		s.Skip(message.RuleFrontchannelMatch, "sid", "no session is named")
		return nil
	}
	if err := s.Require(req.Issuer == s.Snapshot.Issuer || templated(s, req.Issuer), message.RuleFrontchannelMatch, "iss", message.Excerpt(req.Issuer), s.Snapshot.Issuer); err != nil {
		return err
	}
	states, err := s.DB().States(ctx, state.KindSessionID, state.PerIssuer(req.Issuer, req.SessionID))
	if err != nil {
		return err
	}
	if err := s.Require(len(states) > 0, message.RuleFrontchannelMatch, "sid", message.Excerpt(req.SessionID), "a session of ours"); err != nil {
		return err
	}
	s.Pass(message.RuleFrontchannelEffect, "sid")
	s.ended = states
	return nil
}

// clientMetadata is what the provider registered for us, empty before that.
func clientMetadata(s *Step) *message.ClientMetadata {
	if s.Snapshot.Client == nil {
		return new(message.ClientMetadata)
	}
	return &s.Snapshot.Client.ClientMetadata
}
