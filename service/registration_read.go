package service

import (
	"context"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// NewRegistrationRead makes the registration_read service: it reads our registration
// (Dynamic Client Registration 1.0, Section 4; RFC 7592, Section 2.1). The
// registration access token is a bearer token; client authentication has no place
// here.
func NewRegistrationRead(env Env) Service {
	return Definition[message.RegistrationReadRequest, message.RegistrationResponse]{
		Name:     RegistrationReadName,
		Request:  Query,
		Response: JSON,
		Proof:    TokenProof,
		Answer: Answer{
			StatusRule: message.RuleRegistrationAccessToken,
			BodyRule:   message.RuleRegistrationResponse,
			MediaRule:  message.RuleRegistrationResponse,
		},
		Endpoint: func(s *Step, _ *message.RegistrationReadRequest) string { return managementURI(s) },
		Gather: func(_ context.Context, s *Step, _ *message.RegistrationReadRequest) error {
			return requireManagement(s)
		},
		Token:  func(s *Step, _ *message.RegistrationReadRequest) message.Secret { return managementToken(s) },
		Verify: verifyManaged,
		Update: updateManaged,
	}.New(env)
}

func managementURI(s *Step) string {
	if s.Snapshot.Client == nil {
		return ""
	}
	return s.Snapshot.Client.RegistrationClientURI
}

func managementToken(s *Step) message.Secret {
	if s.Snapshot.Client == nil {
		return ""
	}
	return s.Snapshot.Client.RegistrationAccessToken
}

// requireManagement refuses to ask without a registration, its address and its token.
func requireManagement(s *Step) error {
	client := s.Snapshot.Client
	switch {
	case client == nil:
		return ErrNotRegistered
	case client.RegistrationClientURI == "" || client.RegistrationAccessToken == "":
		return ErrNoEndpoint
	}
	s.Pass(message.RuleRegistrationAccessToken, "authorization")
	return nil
}

// verifyManaged judges the registration that reading or updating returned.
func verifyManaged(_ context.Context, s *Step, resp *message.RegistrationResponse) error {
	if err := s.Require(resp.ClientID == s.clientID(), message.RuleRegistrationAccessToken, "client_id", message.Excerpt(resp.ClientID), s.clientID()); err != nil {
		return err
	}
	asked := askedMetadata(s)
	if _, update := s.Response.request.message.(*message.RegistrationUpdateRequest); !update {
		asked = &s.Snapshot.Client.ClientMetadata // what was registered before
	}
	if err := verifyRegistered(s, asked, merged(s.Snapshot.Client, resp)); err != nil {
		return err
	}
	s.Pass(message.RuleRegistrationSecret, "client_secret")
	return verifyManagementURI(s, resp)
}

// merged returns the registration that is in force after an answer: "a new
// registration access token or URI" and a new secret replace the old at once, and
// what is not repeated stays (RFC 7592, Section 3).
func merged(before, answer *message.RegistrationResponse) *message.RegistrationResponse {
	after := *answer
	if after.ClientSecret == "" {
		after.ClientSecret = before.ClientSecret
		if after.ClientSecretExpiresAt == nil {
			after.ClientSecretExpiresAt = before.ClientSecretExpiresAt
		}
	}
	if after.RegistrationAccessToken == "" {
		after.RegistrationAccessToken = before.RegistrationAccessToken
	}
	if after.RegistrationClientURI == "" {
		after.RegistrationClientURI = before.RegistrationClientURI
	}
	return &after
}

func updateManaged(_ context.Context, s *Step, resp *message.RegistrationResponse) error {
	return s.Context().Update(func(sn *servicecontext.Snapshot) error {
		if sn.Client == nil || sn.Client.ClientID != resp.ClientID {
			return ErrNotRegistered // deleted meanwhile
		}
		sn.Client = merged(sn.Client, resp)
		return nil
	})
}
