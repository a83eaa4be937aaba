package service

import (
	"context"
	"strconv"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// NewRegistration makes the registration service: it registers the client that the
// service context describes (Dynamic Client Registration 1.0, Section 3; RFC 7591).
func NewRegistration(env Env) Service {
	return Definition[message.RegistrationRequest, message.RegistrationResponse]{
		Name:     RegistrationName,
		Method:   "POST",
		Request:  JSON,
		Response: JSON,
		Proof:    TokenProof,
		Answer: Answer{
			Status:     201,
			StatusRule: message.RuleRegistrationResponse,
			Other:      otherRegistrationStatus,
		},
		Endpoint: func(s *Step, _ *message.RegistrationRequest) string { return s.Snapshot.Endpoint(RegistrationName) },
		Gather: func(_ context.Context, s *Step, req *message.RegistrationRequest) error {
			return gatherMetadata(s, &req.ClientMetadata)
		},
		Complete: func(_ context.Context, s *Step, req *message.RegistrationRequest) error {
			return completeMetadata(s, &req.ClientMetadata)
		},
		Token:  func(s *Step, _ *message.RegistrationRequest) message.Secret { return s.Snapshot.InitialAccessToken },
		Verify: verifyRegistration,
		Update: updateRegistration,
	}.New(env)
}

// otherRegistrationStatus admits 200 where it was allowed by name, and demands that
// a 400 says what is wrong (Dynamic Client Registration 1.0, Section 3.3).
func otherRegistrationStatus(s *Step) (bool, error) {
	switch s.Response.Status {
	case 200:
		if s.Snapshot.Compat.RegistrationStatus200 {
			s.Warn(message.RuleRegistrationResponse, "status", "200 instead of 201, admitted by registration_status_200")
			return true, nil
		}
	case 400:
		return false, s.Fail(message.RuleRegistrationError, "error", "", "a JSON object with an error code", nil)
	}
	return false, nil
}

// gatherMetadata fills what the call left open with what we say about ourselves, and
// states what was settled from the provider's metadata.
func gatherMetadata(s *Step, m *message.ClientMetadata) error {
	ours := s.Snapshot.Metadata
	fill(m, &ours)
	b, chosen := &s.Snapshot.Behaviour, s.Snapshot.Behaviour.Chosen
	p := &s.Snapshot.Preferences
	for _, settled := range []struct {
		member string
		prefer []string
		value  string
		into   *string
	}{
		{"token_endpoint_auth_method", p.TokenEndpointAuthMethods, b.TokenEndpointAuthMethod, &m.TokenEndpointAuthMethod},
		{"token_endpoint_auth_signing_alg", p.TokenEndpointAuthSigningAlgs, b.TokenEndpointAuthSigningAlg, &m.TokenEndpointAuthSigningAlg},
		{"id_token_signed_response_alg", p.IDTokenSigningAlgs, b.IDTokenSignedResponseAlg, &m.IDTokenSignedResponseAlg},
		{"id_token_encrypted_response_alg", p.IDTokenEncryptionAlgs, b.IDTokenEncryptedResponseAlg, &m.IDTokenEncryptedResponseAlg},
		{"id_token_encrypted_response_enc", p.IDTokenEncryptionEncs, b.IDTokenEncryptedResponseEnc, &m.IDTokenEncryptedResponseEnc},
		{"userinfo_signed_response_alg", p.UserInfoSigningAlgs, b.UserInfoSignedResponseAlg, &m.UserInfoSignedResponseAlg},
		{"userinfo_encrypted_response_alg", p.UserInfoEncryptionAlgs, b.UserInfoEncryptedResponseAlg, &m.UserInfoEncryptedResponseAlg},
		{"userinfo_encrypted_response_enc", p.UserInfoEncryptionEncs, b.UserInfoEncryptedResponseEnc, &m.UserInfoEncryptedResponseEnc},
		{"request_object_signing_alg", p.RequestObjectSigningAlgs, b.RequestObjectSigningAlg, &m.RequestObjectSigningAlg},
		{"request_object_encryption_alg", p.RequestObjectEncryptionAlgs, b.RequestObjectEncryptionAlg, &m.RequestObjectEncryptionAlg},
		{"request_object_encryption_enc", p.RequestObjectEncryptionEncs, b.RequestObjectEncryptionEnc, &m.RequestObjectEncryptionEnc},
		{"authorization_signed_response_alg", p.AuthorizationSigningAlgs, b.AuthorizationSignedResponseAlg, &m.AuthorizationSignedResponseAlg},
		{"authorization_encrypted_response_alg", p.AuthorizationEncryptionAlgs, b.AuthorizationEncryptedResponseAlg, &m.AuthorizationEncryptedResponseAlg},
		{"authorization_encrypted_response_enc", p.AuthorizationEncryptionEncs, b.AuthorizationEncryptedResponseEnc, &m.AuthorizationEncryptedResponseEnc},
		{"introspection_signed_response_alg", p.IntrospectionSigningAlgs, b.IntrospectionSignedResponseAlg, &m.IntrospectionSignedResponseAlg},
		{"subject_type", p.SubjectTypes, b.SubjectType, &m.SubjectType},
	} {
		if *settled.into == "" && (len(settled.prefer) > 0 || contains(chosen, settled.member)) {
			*settled.into = settled.value
		}
	}
	return nil
}

// completeMetadata derives what follows from the rest and applies the rules of
// client metadata.
func completeMetadata(s *Step, m *message.ClientMetadata) error {
	if len(m.GrantTypes) == 0 {
		m.GrantTypes = servicecontext.GrantTypesOf(responseTypesOf(m))
	}
	if m.JWKSURI == "" && m.JWKS == nil && s.Snapshot.Keys != nil {
		// Our private keys stay here; their public members are what is registered.
		m.JWKS = new(message.JWKS)
		if err := message.DecodeJSON(s.Snapshot.Keys.Public().PublicJWKS(), m.JWKS); err != nil {
			return err
		}
	}
	return verifyClientMetadata(s, m)
}

// responseTypesOf returns the response types that metadata means: code if it names
// none.
func responseTypesOf(m *message.ClientMetadata) []string {
	if len(m.ResponseTypes) == 0 {
		return []string{"code"}
	}
	return m.ResponseTypes
}

func verifyRegistration(_ context.Context, s *Step, resp *message.RegistrationResponse) error {
	if err := s.Require(resp.ClientID != "", message.RuleRegistrationResponse, "client_id", "", "a client_id"); err != nil {
		return err
	}
	asked := askedMetadata(s)
	if err := verifyRegistered(s, asked, resp); err != nil {
		return err
	}
	if resp.ClientSecret == "" && needsSecret(s, asked, resp) {
		return s.Fail(message.RuleRegistrationSecret, "client_secret", "", "a secret, which "+methodOf(s, asked, resp)+" needs", nil)
	}
	s.Pass(message.RuleRegistrationSecret, "client_secret")
	if err := s.Require((resp.RegistrationClientURI == "") == (resp.RegistrationAccessToken == ""), message.RuleRegistrationManagementPair,
		"registration_client_uri", "", "registration_client_uri and registration_access_token, or neither"); err != nil {
		return err
	}
	return verifyManagementURI(s, resp)
}

// verifyRegistered judges what registration, reading and updating have in common.
func verifyRegistered(s *Step, asked *message.ClientMetadata, resp *message.RegistrationResponse) error {
	if resp.ClientSecret != "" {
		// "client_secret_expires_at: REQUIRED if client_secret is issued."
		if err := s.Require(resp.ClientSecretExpiresAt != nil, message.RuleRegistrationSecret, "client_secret_expires_at", "", "a time, or 0 for never"); err != nil {
			return err
		}
	}
	const latest = 253402300799 // the last second of the year 9999
	if at := resp.ClientSecretExpiresAt; at != nil && (*at < 0 || *at > latest) {
		return s.Fail(message.RuleRegistrationSecret, "client_secret_expires_at", strconv.FormatInt(*at, 10), "a time, or 0 for never", nil)
	}
	if err := verifySubstituted(s, asked, resp); err != nil {
		return err
	}
	if _, err := s.Snapshot.WithClient(resp); err != nil {
		// What was granted does not go together with what the provider supports, or
		// leaves no response type of ours.
		return s.Fail(message.RuleRegistrationSubstituted, "behaviour", "", "a registration that we can work with", err)
	}
	return nil
}

func verifyManagementURI(s *Step, resp *message.RegistrationResponse) error {
	if resp.RegistrationClientURI == "" {
		return nil
	}
	if err := s.Snapshot.CheckEndpoint("registration_client_uri", resp.RegistrationClientURI); err != nil {
		return violated(s, err)
	}
	return nil
}

// askedMetadata returns the client metadata that the answered request carried.
func askedMetadata(s *Step) *message.ClientMetadata {
	if s.Response != nil && s.Response.request != nil {
		switch req := s.Response.request.message.(type) {
		case *message.RegistrationRequest:
			return &req.ClientMetadata
		case *message.RegistrationUpdateRequest:
			return &req.ClientMetadata
		}
	}
	return &message.ClientMetadata{}
}

// methodOf returns the authentication method that is registered now: the answer's,
// else the one asked for, else the default.
func methodOf(s *Step, asked *message.ClientMetadata, resp *message.RegistrationResponse) string {
	for _, method := range []string{resp.TokenEndpointAuthMethod, asked.TokenEndpointAuthMethod, s.Snapshot.Behaviour.TokenEndpointAuthMethod} {
		if method != "" {
			return method
		}
	}
	return message.AuthMethodClientSecretBasic
}

// needsSecret reports whether the client cannot work without a client_secret. One
// that never asks at the token endpoint can (Dynamic Client Registration 1.0,
// Section 3.2).
func needsSecret(s *Step, asked *message.ClientMetadata, resp *message.RegistrationResponse) bool {
	if frontChannelOnly(responseTypesOf(asked)) {
		return false
	}
	switch methodOf(s, asked, resp) {
	case message.AuthMethodClientSecretBasic, message.AuthMethodClientSecretPost, message.AuthMethodClientSecretJWT:
		return true
	}
	return false
}

func updateRegistration(_ context.Context, s *Step, resp *message.RegistrationResponse) error {
	return s.Context().Update(func(sn *servicecontext.Snapshot) error {
		sn.Client = resp
		return nil
	})
}
