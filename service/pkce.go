package service

import "github.com/oidcservice/oidc/message"

// verifierBytes is the entropy of a code verifier: 32 bytes give 43 characters,
// "a 43-octet URL safe string" (RFC 7636, Section 4.1).
const verifierBytes = 32

// addChallenge makes a fresh code verifier and puts its S256 challenge into req.
// It returns the verifier, "" when PKCE is left out by a named setting.
func addChallenge(s *Step, req *message.AuthorizationRequest) (string, error) {
	if req.CodeChallenge != "" || req.CodeChallengeMethod != "" {
		// A challenge without its verifier could never be redeemed.
		return "", s.Fail(message.RuleAuthzRequestPKCEVerifier, "code_challenge", "", "no challenge from the caller: it is fresh for each request", nil)
	}
	if !req.ResponseType.Has("code") {
		s.Skip(message.RuleAuthzRequestPKCE, "code_challenge", "no code is asked for")
		return "", nil
	}
	if s.Snapshot.Compat.InsecureSkipPKCE && !s.Snapshot.Profile.PKCERequired() {
		if s.Snapshot.Behaviour.TokenEndpointAuthMethod == message.AuthMethodNone {
			return "", s.Fail(message.RuleAuthzRequestPKCE, "code_challenge", "", "a code challenge, since the client is public", nil)
		}
		s.Skip(message.RuleAuthzRequestPKCE, "code_challenge", "left out by insecure_skip_pkce")
		return "", nil
	}
	verifier, err := s.Random(verifierBytes)
	if err != nil {
		return "", err
	}
	req.CodeChallenge = hashText(verifier) // BASE64URL-ENCODE(SHA256(ASCII(code_verifier)))
	req.CodeChallengeMethod = message.CodeChallengeMethodS256
	s.Pass(message.RuleAuthzRequestPKCE, "code_challenge")
	s.Pass(message.RuleAuthzRequestPKCEVerifier, "code_challenge_method")
	return verifier, nil
}
