package service

import (
	"errors"
	"fmt"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// decrypt opens a JWE where encryption was registered, with exactly the registered
// algorithms, and refuses both a plain token there and a JWE elsewhere. It returns
// the compact JWS.
func decrypt(s *Step, text, param string, missing message.Rule, alg, enc string) (string, error) {
	switch {
	case !keyjar.IsEncrypted(text) && alg == "":
		return text, nil
	case !keyjar.IsEncrypted(text):
		return "", s.Fail(missing, param, "a token that is not encrypted", alg+" with "+enc, &message.Violation{Rule: message.RuleJWEExpected, Param: param})
	case alg == "":
		return "", s.Fail(message.RuleJWEExpected, param, "an encrypted token", "a signed one: no encryption was registered", nil)
	}
	set := s.Snapshot.Keys
	if symmetric(alg) {
		set = keyjar.NewSecret([]byte(s.Snapshot.ClientSecret().Reveal()))
	}
	inner, _, err := set.DecryptNested(text, keyjar.DecryptPolicy{Algs: []string{alg}, Encs: []string{enc}, AllowRSA15: s.Snapshot.Compat.AllowRSA15})
	if err != nil {
		return "", foreignViolation(s, err, param)
	}
	s.Pass(missing, param)
	s.Pass(message.RuleJWENesting, param)
	return inner, nil
}

// symmetric reports whether a JWE algorithm uses a key derived from the client
// secret (Core, Section 10.2).
func symmetric(alg string) bool { return alg == "dir" || strings.HasPrefix(alg, "A") }

// verifySignature verifies t with the key of the issuer that the context names:
// never with one that the token brings along. A key that is not there is a need.
func verifySignature(s *Step, t *keyjar.Token, algs []string, param string, rule message.Rule) error {
	set := s.Snapshot.ProviderKeys()
	hmac := strings.HasPrefix(t.Header.Algorithm, "HS")
	if hmac {
		// Only "the octets of the UTF-8 representation of the client_secret" serve
		// (Core, Section 10.1), never the bytes of a public key.
		secret := s.Snapshot.ClientSecret()
		if secret == "" {
			return s.Fail(message.RuleKeyHMACSource, param, t.Header.Algorithm, "a confidential client's secret", nil)
		}
		set = keyjar.NewSecret([]byte(secret.Reveal()))
	}
	if s.Snapshot.Compat.AmbiguousKeyTrial {
		set = set.WithTrials(4)
	}
	_, err := set.Verify(t, algs)
	if err == nil {
		s.Pass(message.RuleJWKSSource, param)
		s.Pass(message.RuleKeyKid, param)
		s.Pass(message.RuleKeyTypeForAlg, param)
		s.Pass(rule, param)
		return nil
	}
	if errors.Is(err, keyjar.ErrUnknownKey) && !hmac {
		verdict := foreignViolation(s, err, param)
		if s.Snapshot.Endpoint(JWKSName) == "" {
			return verdict
		}
		env := s.Env()
		env.Settings = Settings{}
		return &NeedError{Task: Task{Service: NewJWKS(env)}, Err: verdict}
	}
	var v *message.Violation
	if errors.As(err, &v) && v.Rule == message.RuleJOSESignature {
		return s.Fail(rule, param, "", "a good signature", v)
	}
	return foreignViolation(s, err, param)
}

// verifyAudience tells whether aud names us.
func verifyAudience(s *Step, rule message.Rule, param string, aud message.Audience) error {
	return s.Require(aud.Has(s.clientID()), rule, param, clip(fmt.Sprint([]string(aud))), s.clientID())
}

// decryptClaims opens a JWE that holds claims without a signature.
func decryptClaims(s *Step, text, param string, missing message.Rule, alg, enc string) ([]byte, error) {
	if !keyjar.IsEncrypted(text) {
		return nil, s.Fail(missing, param, "a token that is not encrypted", alg+" with "+enc, &message.Violation{Rule: message.RuleJWEExpected, Param: param})
	}
	set := s.Snapshot.Keys
	if symmetric(alg) {
		set = keyjar.NewSecret([]byte(s.Snapshot.ClientSecret().Reveal()))
	}
	claims, _, err := set.Decrypt(text, keyjar.DecryptPolicy{Algs: []string{alg}, Encs: []string{enc}, AllowRSA15: s.Snapshot.Compat.AllowRSA15})
	if err != nil {
		return nil, foreignViolation(s, err, param)
	}
	s.Pass(missing, param)
	return claims, nil
}
