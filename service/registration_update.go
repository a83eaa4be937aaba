package service

import (
	"context"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// NewRegistrationUpdate makes the registration_update service: it replaces our
// registration by what the service context says now (RFC 7592, Section 2.2).
func NewRegistrationUpdate(env Env) Service {
	return Definition[message.RegistrationUpdateRequest, message.RegistrationResponse]{
		Name:     RegistrationUpdateName,
		Method:   "PUT",
		Request:  JSON,
		Response: JSON,
		Proof:    TokenProof,
		Answer: Answer{
			StatusRule: message.RuleRegistrationUpdate,
			BodyRule:   message.RuleRegistrationResponse,
			MediaRule:  message.RuleRegistrationResponse,
			Other:      otherManagementStatus,
		},
		Endpoint: func(s *Step, _ *message.RegistrationUpdateRequest) string { return managementURI(s) },
		Gather:   gatherRegistrationUpdate,
		Complete: completeRegistrationUpdate,
		Token:    func(s *Step, _ *message.RegistrationUpdateRequest) message.Secret { return managementToken(s) },
		Verify:   verifyManaged,
		Update:   updateManaged,
	}.New(env)
}

// otherManagementStatus reports a management token that is not accepted.
func otherManagementStatus(s *Step) (bool, error) {
	if s.Response.Status == 401 {
		return false, s.Fail(message.RuleRegistrationAccessToken, "status", "401", "a registration access token that is accepted", nil)
	}
	return false, nil
}

// gatherRegistrationUpdate: "This request MUST include all client metadata fields as
// returned to the client from a previous registration, read, or update response" – of
// which ours are what we say now – "and MUST NOT include the
// registration_access_token, registration_client_uri, client_secret_expires_at, or
// client_id_issued_at fields".
func gatherRegistrationUpdate(_ context.Context, s *Step, req *message.RegistrationUpdateRequest) error {
	if err := requireManagement(s); err != nil {
		return err
	}
	client := s.Snapshot.Client
	if req.ClientID == "" {
		req.ClientID = client.ClientID
	}
	if req.ClientSecret == "" {
		req.ClientSecret = client.ClientSecret
	}
	if err := gatherMetadata(s, &req.ClientMetadata); err != nil {
		return err
	}
	// What the provider registered for us besides; our own values come first. The
	// members that it alone assigns are no client metadata.
	registered := client.ClientMetadata
	if req.JWKS != nil || req.JWKSURI != "" || s.Snapshot.Keys != nil {
		registered.JWKS, registered.JWKSURI = nil, "" // never both kinds
	}
	fill(&req.ClientMetadata, &registered)
	return nil
}

func completeRegistrationUpdate(_ context.Context, s *Step, req *message.RegistrationUpdateRequest) error {
	const rule = message.RuleRegistrationUpdate
	if req.ClientID != s.clientID() {
		return s.Fail(rule, "client_id", message.Excerpt(req.ClientID), "our client_id", nil)
	}
	if req.ClientSecret != "" && !req.ClientSecret.Equal(s.Snapshot.ClientSecret()) {
		// "If the client includes the client_secret field in the request, the value of
		// this field MUST match the currently issued client secret".
		return s.Fail(rule, "client_secret", "", "the current client_secret", nil)
	}
	for _, name := range []string{"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"} {
		if _, ok := req.Extra.Get(name); ok {
			return s.Fail(rule, name, "", "no member that the server assigns", nil)
		}
	}
	s.Pass(rule, "body")
	return completeMetadata(s, &req.ClientMetadata)
}

// NewRegistrationDelete makes the registration_delete service: it ends our
// registration and then forgets the credentials (RFC 7592, Section 2.3).
func NewRegistrationDelete(env Env) Service {
	return Definition[message.RegistrationDeleteRequest, message.RegistrationDeleteResponse]{
		Name:     RegistrationDeleteName,
		Method:   "DELETE",
		Request:  None,
		Response: None,
		Proof:    TokenProof,
		Answer: Answer{
			Status:     204,
			Media:      []string{},
			StatusRule: message.RuleRegistrationUpdate,
			Other:      otherManagementStatus,
		},
		Endpoint: func(s *Step, _ *message.RegistrationDeleteRequest) string { return managementURI(s) },
		Gather: func(_ context.Context, s *Step, _ *message.RegistrationDeleteRequest) error {
			return requireManagement(s)
		},
		Token: func(s *Step, _ *message.RegistrationDeleteRequest) message.Secret { return managementToken(s) },
		Update: func(_ context.Context, s *Step, _ *message.RegistrationDeleteResponse) error {
			deleted := s.clientID()
			return s.Context().Update(func(sn *servicecontext.Snapshot) error {
				if sn.Client != nil && sn.Client.ClientID == deleted {
					sn.Client = nil
				}
				return nil
			})
		},
	}.New(env)
}
