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
func verifySignature(s *Step, t *keyjar.Token, alg, param string, rule message.Rule) error {
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
	_, err := set.Verify(t, acceptedAlg(t, alg))
	if err == nil {
		s.Pass(message.RuleJWKSSource, param)
		s.Pass(message.RuleKeyKid, param)
		s.Pass(message.RuleKeyTypeForAlg, param)
		s.Pass(rule, param)
		if !hmac {
			freshKeys(s)
		}
		return nil
	}
	if isUnknownKey(err) && !hmac {
		verdict := foreignViolation(s, keyOfToken(t, err), param)
		if s.Snapshot.Endpoint(JWKSName) == "" {
			return verdict
		}
		return &NeedError{Task: s.task(NewJWKS, Args{}), Err: verdict}
	}
	var v *message.Violation
	if errors.As(err, &v) && v.Rule == message.RuleJOSESignature {
		return s.Fail(rule, param, "", "a good signature", keyOfToken(t, v))
	}
	return foreignViolation(s, err, param)
}

// isUnknownKey reports whether a token was signed with a key that is not in the set.
func isUnknownKey(err error) bool { return errors.Is(err, keyjar.ErrUnknownKey) }

// keyOfToken adds to a failed verification that the token brought a key of its own,
// or the address of one, which was not looked at: keys come from "the issuer's JWK Set"
// alone (Core, Section 10.1).
func keyOfToken(t *keyjar.Token, err error) error {
	h := &t.Header
	brought := len(h.JWK) > 0
	for _, name := range []string{"jku", "x5u", "x5c"} {
		brought = brought || h.Extra.Has(name)
	}
	var v *message.Violation
	if !brought || !errors.As(err, &v) {
		return err
	}
	with := *v
	with.Err = &message.Violation{Rule: message.RuleJWKSSource, Param: "header", Want: "no key of the token's own", Err: v.Err}
	return &with
}

// freshKeys looks at the age of the key set that a signature was verified with. One
// past its freshness has done its work this time, since the provider may be slow to
// answer; fetching it again is recommended (Core, Section 10.1.1).
func freshKeys(s *Step) {
	const rule, param = message.RuleJWKSCacheLifetime, "jwks"
	switch set, fetched := s.Snapshot.KeySets[s.Snapshot.Issuer]; {
	case !fetched:
		s.Skip(rule, param, "the keys were configured")
	case s.Now.Before(set.FreshUntil):
		s.Pass(rule, param)
	default:
		s.Warn(rule, param, "the key set is past its freshness")
		s.Optional = append(s.Optional, s.task(NewJWKS, Args{}))
	}
}

// verifyAudience tells whether aud names us.
func verifyAudience(s *Step, rule message.Rule, param string, aud message.Audience) error {
	if aud.Has(s.clientID()) {
		s.Pass(rule, param)
		return nil
	}
	return s.Fail(rule, param, message.Excerpt(fmt.Sprint([]string(aud))), s.clientID(), nil)
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
