package provider

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/cmd/internal/settings"
	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// TrustedIssuer may vouch for users with assertions (RFC 7523).
type TrustedIssuer struct {
	Issuer     string          `yaml:"issuer"`
	JWKS       settings.Member `yaml:"jwks"`      // its public keys, or
	JWKSFile   string          `yaml:"jwks_file"` // the file they are in
	Algorithms []string        `yaml:"algorithms"`
}

// checkTrusted reads the issuers that are trusted, with their keys.
func (s *Setup) checkTrusted() {
	uses := slices.Contains(s.Policy.GrantTypes, message.GrantTypeJWTBearer)
	if uses && len(s.TrustedIssuers) == 0 {
		s.file.Add("trusted_issuers", "want those whose assertions are taken with the grant type %s", message.GrantTypeJWTBearer)
	}
	if !uses && len(s.TrustedIssuers) > 0 {
		s.file.Add("trusted_issuers", "they are for policy.grant_types with %s", message.GrantTypeJWTBearer)
	}
	for i, t := range s.TrustedIssuers {
		at := fmt.Sprintf("trusted_issuers[%d]", i)
		if t.Issuer == "" {
			s.file.Add(at+".issuer", "want the iss of its assertions")
		}
		if slices.ContainsFunc(s.trusted, func(other endpoint.TrustedIssuer) bool { return other.Issuer == t.Issuer }) {
			s.file.Add(at+".issuer", "stands twice")
		}
		for j, alg := range t.Algorithms {
			if use, err := keyUse(alg); err != nil || use != "sig" {
				s.file.Add(fmt.Sprintf("%s.algorithms[%d]", at, j), "want a signature algorithm with public keys, such as ES256")
			}
		}
		member := at + ".jwks"
		if t.JWKSFile != "" {
			member = at + ".jwks_file"
		}
		keys, err := s.trustedKeys(t, s.file.Has(at+".jwks"))
		if err != nil {
			s.file.Add(member, "%v", err)
		}
		s.trusted = append(s.trusted, endpoint.TrustedIssuer{Issuer: t.Issuer, Keys: keys, Algorithms: t.Algorithms})
	}
}

func (s *Setup) trustedKeys(t TrustedIssuer, inline bool) (*keyjar.Set, error) {
	var data []byte
	var err error
	switch {
	case inline == (t.JWKSFile != ""):
		return nil, fmt.Errorf("want either jwks, a JWK Set, or jwks_file, the file it is in")
	case inline:
		data, err = json.Marshal(t.JWKS.Value())
	default:
		data, err = os.ReadFile(s.file.Beside(t.JWKSFile))
	}
	if err != nil {
		return nil, err
	}
	keys, skipped, err := keyjar.ParseSet(data)
	switch {
	case err != nil:
		return nil, fmt.Errorf("want a JWK Set of public keys: %w", err)
	case len(skipped) > 0:
		return nil, fmt.Errorf("keys[%d]: %w", skipped[0].Index, skipped[0].Err)
	case keys.Len() == 0:
		return nil, fmt.Errorf("there is no key in it")
	}
	return keys, nil
}

// DetailType says what authorization details of a type look like (RFC 9396, Section 2).
// With neither list they may have any members.
type DetailType struct {
	Required []string `yaml:"required"`
	Optional []string `yaml:"optional"`
}

// detailChecks are the types of authorization details with what judges them.
func (s *Setup) detailChecks() map[string]endpoint.DetailCheck {
	checks := map[string]endpoint.DetailCheck{}
	for name, t := range s.Policy.AuthorizationDetails {
		checks[name] = nil
		if len(t.Required)+len(t.Optional) > 0 {
			checks[name] = t.check
		}
	}
	return checks
}

// check: RFC 9396, Section 5: details are refused that contain "unknown fields" or are
// "missing required fields".
func (t DetailType) check(detail json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(detail, &members); err != nil {
		return err
	}
	for _, name := range t.Required {
		if _, there := members[name]; !there {
			return fmt.Errorf("%s is missing", name)
		}
	}
	for name := range members {
		if name != "type" && !slices.Contains(t.Required, name) && !slices.Contains(t.Optional, name) {
			return fmt.Errorf("want none but type, %s", strings.Join(append(slices.Clone(t.Required), t.Optional...), ", "))
		}
	}
	return nil
}
