package service

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// verifySubstituted compares what was asked for with what was registered. "The
// authorization server MAY reject or replace any of the client's requested metadata
// values submitted during the registration and substitute them with suitable values"
// (RFC 7591, Section 3.2.1). A replaced method or algorithm must be one that we are
// content with; everything else is reported. Our redirect URIs stay ours.
func verifySubstituted(s *Step, asked *message.ClientMetadata, resp *message.RegistrationResponse) error {
	const rule = message.RuleRegistrationSubstituted
	if err := verifyPolicy(s, asked, &resp.ClientMetadata); err != nil {
		return err
	}
	before, err := members(asked)
	if err != nil {
		return err
	}
	after, err := members(&resp.ClientMetadata)
	if err != nil {
		return err
	}
	changed := false
	for _, m := range before {
		got, ok := after.Get(m.Name)
		switch {
		case !ok || sameValue(m.Name, m.Value, got):
		case m.Name == "redirect_uris":
			changed = true
			s.Warn(rule, m.Name, "the provider answered with other redirect URIs; ours are kept")
		default:
			changed = true
			s.Warn(rule, m.Name, "the provider registered another value")
		}
	}
	if !changed {
		s.Pass(rule, "body")
	}
	return nil
}

// members returns metadata as its members, in their order.
func members(m *message.ClientMetadata) (message.Extra, error) {
	encoded, err := message.EncodeJSON(*m)
	if err != nil {
		return nil, err
	}
	var all struct {
		Extra message.Extra `json:"-" url:"-"`
	}
	if err := message.DecodeJSON(encoded, &all); err != nil {
		return nil, err
	}
	return all.Extra, nil
}

// sameValue compares two values; lists of redirect URIs, grant types and the like
// are sets, response types sets of words, and a set of keys is the provider's to
// spell.
func sameValue(name string, a, b json.RawMessage) bool {
	if name == "jwks" || bytes.Equal(a, b) {
		return true
	}
	var one, other []string
	if json.Unmarshal(a, &one) == nil && json.Unmarshal(b, &other) == nil {
		if name == "response_types" {
			sortWords(one)
			sortWords(other)
		}
		slices.Sort(one)
		slices.Sort(other)
		return slices.Equal(slices.Compact(one), slices.Compact(other))
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	left, _ := json.Marshal(x)
	right, _ := json.Marshal(y)
	return bytes.Equal(left, right)
}

func sortWords(list []string) {
	for i, v := range list {
		words := strings.Fields(v)
		slices.Sort(words)
		list[i] = strings.Join(words, " ")
	}
}

// verifyPolicy refuses methods and algorithms that nobody asked for and that are
// weaker than, or unlike, what we would have chosen.
func verifyPolicy(s *Step, asked, got *message.ClientMetadata) error {
	p := &s.Snapshot.Preferences
	if err := verifyMethod(s, p.TokenEndpointAuthMethods, asked.TokenEndpointAuthMethod, got.TokenEndpointAuthMethod); err != nil {
		return err
	}
	for _, a := range []struct {
		member string
		prefer []string
		asked  string
		got    string
		usual  []string // what we accept unasked
	}{
		{"token_endpoint_auth_signing_alg", p.TokenEndpointAuthSigningAlgs, asked.TokenEndpointAuthSigningAlg, got.TokenEndpointAuthSigningAlg, signedAlgorithms()},
		{"id_token_signed_response_alg", p.IDTokenSigningAlgs, asked.IDTokenSignedResponseAlg, got.IDTokenSignedResponseAlg, asymmetricAlgorithms()},
		{"userinfo_signed_response_alg", p.UserInfoSigningAlgs, asked.UserInfoSignedResponseAlg, got.UserInfoSignedResponseAlg, asymmetricAlgorithms()},
		{"authorization_signed_response_alg", p.AuthorizationSigningAlgs, asked.AuthorizationSignedResponseAlg, got.AuthorizationSignedResponseAlg, asymmetricAlgorithms()},
		{"introspection_signed_response_alg", p.IntrospectionSigningAlgs, asked.IntrospectionSignedResponseAlg, got.IntrospectionSignedResponseAlg, asymmetricAlgorithms()},
		{"backchannel_authentication_request_signing_alg", nil, asked.BackchannelAuthenticationRequestSigningAlg, got.BackchannelAuthenticationRequestSigningAlg, asymmetricAlgorithms()},
		{"backchannel_token_delivery_mode", nil, asked.BackchannelTokenDeliveryMode, got.BackchannelTokenDeliveryMode, []string{message.DeliveryModePoll}},
		{"request_object_signing_alg", p.RequestObjectSigningAlgs, asked.RequestObjectSigningAlg, got.RequestObjectSigningAlg, signedAlgorithms()},
		{"id_token_encrypted_response_alg", p.IDTokenEncryptionAlgs, asked.IDTokenEncryptedResponseAlg, got.IDTokenEncryptedResponseAlg, keyjar.EncryptionAlgorithms()},
		{"userinfo_encrypted_response_alg", p.UserInfoEncryptionAlgs, asked.UserInfoEncryptedResponseAlg, got.UserInfoEncryptedResponseAlg, keyjar.EncryptionAlgorithms()},
		{"request_object_encryption_alg", p.RequestObjectEncryptionAlgs, asked.RequestObjectEncryptionAlg, got.RequestObjectEncryptionAlg, keyjar.EncryptionAlgorithms()},
		{"authorization_encrypted_response_alg", p.AuthorizationEncryptionAlgs, asked.AuthorizationEncryptedResponseAlg, got.AuthorizationEncryptedResponseAlg, keyjar.EncryptionAlgorithms()},
		{"introspection_encrypted_response_alg", nil, asked.IntrospectionEncryptedResponseAlg, got.IntrospectionEncryptedResponseAlg, keyjar.EncryptionAlgorithms()},
		{"id_token_encrypted_response_enc", p.IDTokenEncryptionEncs, asked.IDTokenEncryptedResponseEnc, got.IDTokenEncryptedResponseEnc, keyjar.ContentEncryptions()},
		{"userinfo_encrypted_response_enc", p.UserInfoEncryptionEncs, asked.UserInfoEncryptedResponseEnc, got.UserInfoEncryptedResponseEnc, keyjar.ContentEncryptions()},
		{"request_object_encryption_enc", p.RequestObjectEncryptionEncs, asked.RequestObjectEncryptionEnc, got.RequestObjectEncryptionEnc, keyjar.ContentEncryptions()},
		{"authorization_encrypted_response_enc", p.AuthorizationEncryptionEncs, asked.AuthorizationEncryptedResponseEnc, got.AuthorizationEncryptedResponseEnc, keyjar.ContentEncryptions()},
		{"introspection_encrypted_response_enc", nil, asked.IntrospectionEncryptedResponseEnc, got.IntrospectionEncryptedResponseEnc, keyjar.ContentEncryptions()},
	} {
		if a.got == "" || a.got == a.asked || contains(a.prefer, a.got) {
			continue
		}
		if a.asked != "" || len(a.prefer) > 0 || !contains(a.usual, a.got) {
			return s.Fail(message.RuleRegistrationSubstituted, a.member, message.Excerpt(a.got), wanted(a.prefer, a.asked, a.usual), nil)
		}
	}
	return nil
}

// verifyMethod judges the authentication method. A client that asked for none in
// particular takes what it can do, and never becomes a public one.
func verifyMethod(s *Step, prefer []string, asked, got string) error {
	const member = "token_endpoint_auth_method"
	if got == "" || got == asked || contains(prefer, got) {
		return nil
	}
	usual := []string{message.AuthMethodClientSecretBasic, message.AuthMethodClientSecretPost, message.AuthMethodClientSecretJWT}
	if s.Snapshot.Keys != nil {
		usual = append(usual, message.AuthMethodPrivateKeyJWT)
	}
	_, known := clientauth.ByName(got)
	if asked != "" || !known || !contains(usual, got) {
		return s.Fail(message.RuleRegistrationSubstituted, member, message.Excerpt(got), wanted(prefer, asked, usual), nil)
	}
	return nil
}

// signedAlgorithms are all signing algorithms but none.
func signedAlgorithms() []string {
	return slices.DeleteFunc(slices.Clone(keyjar.SigningAlgorithms()), func(alg string) bool { return alg == "none" })
}

func wanted(prefer []string, asked string, usual []string) string {
	switch {
	case len(prefer) > 0:
		return strings.Join(prefer, ", ")
	case asked != "":
		return asked
	}
	return strings.Join(usual, ", ")
}
