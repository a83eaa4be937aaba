package endpoint

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// statementClaims are the claims of a software statement that are no client metadata.
var statementClaims = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "software_statement"}

// checkSoftwareStatement: RFC 7591, Section 2.3: a statement counts only with the signature
// of somebody who is trusted; Section 3.1.1: its values win over those beside it.
func checkSoftwareStatement(_ context.Context, s *Step, m *message.ClientMetadata) error {
	if m.SoftwareStatement == "" {
		return nil
	}
	const rule, param = message.RuleOPRegistrationSoftwareStatement, "software_statement"
	refuse := func(code message.ErrorCode, err error) error {
		r := Refuse(400, code, rule, param)
		if err != nil {
			r.Violation.Err = err
		}
		return r
	}
	token, err := keyjar.Parse(m.SoftwareStatement)
	if err != nil {
		return refuse(message.InvalidSoftwareStatement, err)
	}
	var claims message.Assertion
	if err := message.DecodeClaims(token.Payload, &claims); err != nil {
		return refuse(message.InvalidSoftwareStatement, err)
	}
	trusted := s.Context.policy.Registration.SoftwareIssuers
	i := slices.IndexFunc(trusted, func(t TrustedIssuer) bool { return t.Issuer == claims.Issuer && t.Issuer != "" })
	if i < 0 {
		return refuse(message.UnapprovedSoftwareStatement, nil)
	}
	algs := trusted[i].Algorithms
	if algs == nil {
		algs = s.Context.asymmetric()
	}
	if _, err := trusted[i].Keys.Verify(token, algs); err != nil {
		return refuse(message.InvalidSoftwareStatement, err)
	}
	if claims.Expiration.Present() && !s.Now.Before(claims.Expiration.Time()) {
		return refuse(message.InvalidSoftwareStatement, nil)
	}
	merged, err := overlay(m, token.Payload)
	if err != nil {
		return refuse(message.InvalidSoftwareStatement, err)
	}
	statement := m.SoftwareStatement
	*m = *merged
	m.SoftwareStatement = statement
	return nil
}

// overlay puts the members of a statement over those of the metadata.
func overlay(m *message.ClientMetadata, statement []byte) (*message.ClientMetadata, error) {
	data, err := message.EncodeJSON(m)
	if err != nil {
		return nil, err
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	var claims map[string]json.RawMessage
	if err := json.Unmarshal(statement, &claims); err != nil {
		return nil, err
	}
	for name, value := range claims {
		if !slices.Contains(statementClaims, name) {
			members[name] = value
		}
	}
	if data, err = json.Marshal(members); err != nil {
		return nil, err
	}
	merged := new(message.ClientMetadata)
	if err := message.DecodeJSON(data, merged); err != nil {
		return nil, err
	}
	merged.Extra = keepTagged(merged.Extra)
	return merged, nil
}
