package service

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// parseJWT splits a compact JWS under the strict rules of package keyjar.
func parseJWT(s *Step, text, param string) (*keyjar.Token, error) {
	t, err := keyjar.Parse(text)
	if err != nil {
		return nil, foreignViolation(s, err, param)
	}
	s.Pass(message.RuleJOSECompact, param)
	s.Pass(message.RuleJOSEBase64URL, param)
	s.Pass(message.RuleJOSECrit, param)
	return t, nil
}

// foreignViolation records a violation that another package found in the message
// at param, and names the message in it.
func foreignViolation(s *Step, err error, param string) error {
	var v *message.Violation
	if !errors.As(err, &v) {
		return fmt.Errorf("%s: %w", param, err)
	}
	named := *v
	named.Param = param
	if v.Param != "" {
		named.Param += "." + v.Param
	}
	return s.Violated(&named)
}

// claimRules name the rule that a claim of the wrong JSON type breaks, where the
// message has a rule for the claim.
type claimRules map[string]message.Rule

// decodeClaims reads a JWT's claims: one strict JSON object.
func decodeClaims(s *Step, payload []byte, into any, param string, rules claimRules) error {
	err := s.Snapshot.Compat.DecodeClaims(payload, into)
	if err == nil {
		s.Pass(message.RuleJOSEJSON, param)
		return nil
	}
	rule := message.RuleJOSEJSON
	var d *message.DecodeError
	if errors.As(err, &d) {
		if d.Param != "" {
			param += "." + d.Param
		}
		switch d.Kind {
		case message.Duplicate:
			rule = message.RuleJOSEDuplicateMember
		case message.Case:
			rule = message.RuleJOSEMemberCase
		case message.NumericDate, message.WrongType:
			if d.Kind == message.NumericDate {
				rule = message.RuleJOSENumericDate
			}
			claim, _, _ := strings.Cut(d.Param, "[")
			if own, ok := rules[claim]; ok {
				rule = own
			}
		}
	}
	return s.Fail(rule, param, "", "", err)
}

// requireAlg holds a token to the algorithm that was registered for its message: the
// header never chooses (RFC 8725, Section 3.1).
func requireAlg(s *Step, rule message.Rule, param string, h *keyjar.Header, registered string) error {
	if sameAlg(h.Algorithm, registered) {
		s.Pass(rule, param)
		return nil
	}
	general, got := message.RuleJOSEAlg, message.Excerpt(h.Algorithm)
	if h.Algorithm == "none" {
		general = message.RuleJOSEAlgNone
	}
	return s.Fail(rule, param, got, registered, &message.Violation{Rule: general, Param: "alg", Got: got, Want: registered})
}

// requireSigned is requireAlg for a message that is never unsigned, whatever was
// registered.
func requireSigned(s *Step, rule message.Rule, param string, h *keyjar.Header, registered string) error {
	if h.Algorithm == "none" {
		return s.Fail(rule, param, "none", registered, &message.Violation{Rule: message.RuleJOSEAlgNone, Param: "alg", Got: "none"})
	}
	return requireAlg(s, rule, param, h, registered)
}

// acceptedAlg is the algorithm that t may be verified with: the registered one, by the
// name that the header has for it.
func acceptedAlg(t *keyjar.Token, registered string) []string {
	if sameAlg(t.Header.Algorithm, registered) {
		return []string{t.Header.Algorithm}
	}
	return []string{registered}
}

// requireCurrent: a JWT that says from when and until when it is good means it, also
// where its message need not say so (RFC 7519, Sections 4.1.4 and 4.1.5).
func requireCurrent(s *Step, rule message.Rule, param string, exp, nbf message.Time) error {
	now, leeway := float64(s.Now.Unix()), s.Snapshot.Leeway.Seconds()
	if exp.Present() && exp.Float() <= now-leeway {
		return s.Fail(rule, param+".exp", timeText(exp), "later than now", nil)
	}
	if nbf.Present() && nbf.Float() > now+leeway {
		return s.Fail(rule, param+".nbf", timeText(nbf), "not later than now", nil)
	}
	return nil
}

// sameAlg compares a header's algorithm with the one that was registered. Ed25519 is
// the name that says what EdDSA leaves open (RFC 9864, Section 2.2).
func sameAlg(got, registered string) bool {
	return got == registered || registered == "EdDSA" && got == "Ed25519" || registered == "Ed25519" && got == "EdDSA"
}

// requireTyp holds a token to the types that its message may have: one that is typed
// otherwise was made for something else (RFC 8725, Section 3.11). None at all will do.
func requireTyp(s *Step, rule message.Rule, param string, h *keyjar.Header, allowed ...string) error {
	if h.Type == "" || slices.ContainsFunc(allowed, h.IsType) {
		s.Pass(rule, param)
		return nil
	}
	return s.Fail(rule, param, message.Excerpt(h.Type), strings.Join(allowed, " or ")+", or none", &message.Violation{Rule: message.RuleJOSETyp, Param: "typ", Got: message.Excerpt(h.Type)})
}
