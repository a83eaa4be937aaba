package endpoint

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"github.com/oidcservice/oidc/message"
)

// verifyCode judges what can be judged without the code (RFC 6749, Section 4.1.3; RFC
// 7636, Section 4.5). The code itself is looked at when it is taken.
func verifyCode(ctx context.Context, s *Step, m *message.AccessTokenRequest) error {
	if m.Code == "" {
		return Refuse(400, message.InvalidRequest, message.RuleOPTokenError, "code")
	}
	if m.CodeVerifier != "" && !isVerifier(m.CodeVerifier.Reveal()) {
		return invalidGrant(message.RuleOPPKCESyntax, "code_verifier")
	}
	if err := s.checkResources(s.Client, m.Resource); err != nil {
		return err
	}
	// What encryption needs is had before the code is spent.
	return s.canEncrypt(ctx, s.Client, s.Client.Metadata.IDTokenEncryptedResponseAlg)
}

// isVerifier: RFC 7636, Section 4.1: 43 to 128 of [A-Z] / [a-z] / [0-9] / "-" / "." / "_" / "~".
func isVerifier(v string) bool {
	if len(v) < 43 || len(v) > 128 {
		return false
	}
	for _, c := range []byte(v) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// processCode takes the code and then judges it: whoever shows a code has spent it, also a
// client that it was not issued to. RFC 6749, Section 4.1.2: "If an authorization code is
// used more than once, the authorization server MUST deny the request and SHOULD revoke
// (when possible) all tokens previously issued based on that authorization code."
func processCode(ctx context.Context, s *Step, m *message.AccessTokenRequest) (*Outcome, error) {
	code := m.Code.Reveal()
	var record codeRecord
	found, err := s.Context.store.take(ctx, kindCode, code, &record)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, s.codeReplayed(ctx, code)
	}
	if err := s.judgeCode(&record, m); err != nil {
		// Nothing was issued with the code, and nothing will be.
		if err := s.revoke(ctx, record.Grant.ID); err != nil {
			return nil, err
		}
		return nil, err
	}
	g := record.Grant
	if err := s.stillGranted(ctx, code, g); err != nil {
		return nil, err
	}
	resource := []string(m.Resource)
	if !subset(resource, g.Resource) {
		return nil, Refuse(400, message.InvalidTarget, message.RuleOPAuthzResource, "resource")
	}
	if len(resource) == 0 {
		resource = g.Resource
	}
	user, err := s.owner(ctx, g)
	if err != nil {
		return nil, err
	}
	refresh := ""
	if g.Refresh {
		if refresh, err = s.newRefreshToken(ctx, g); err != nil {
			return nil, err
		}
	}
	return s.tokens(ctx, &issued{
		grant: g, resource: resource, refresh: refresh, nonce: record.Nonce,
		idToken: g.Scope.Has(message.ScopeOpenID), user: user,
	})
}

// stillGranted refuses a code whose grant was taken away before it was used: the user logged
// out, or the grant was revoked. What a second use of the code takes away at this moment is no
// reason: one of concurrent uses succeeds, and what it gets is dead.
func (s *Step) stillGranted(ctx context.Context, code string, g *grant) error {
	there, err := s.Context.store.get(ctx, kindGrant, g.ID, nil)
	if err != nil || there {
		return err
	}
	replayed, err := s.Context.store.get(ctx, kindCodeReplay, code, nil)
	if err != nil || replayed {
		return err
	}
	return invalidGrant(message.RuleOPTokenInvalidGrant, "code").Because("", "a grant that was not revoked", nil)
}

// codeReplayed answers a code that is not there. If it was there, somebody used it before:
// what that use gave is revoked, even if it is being issued at this moment.
func (s *Step) codeReplayed(ctx context.Context, code string) error {
	var id string
	found, err := s.Context.store.get(ctx, kindCodeGrant, code, &id)
	if err != nil {
		return err
	}
	if !found {
		return invalidGrant(message.RuleOPTokenInvalidGrant, "code").Because("", "a code that was issued", nil)
	}
	// The mark first: see stillGranted.
	if _, err := s.Context.store.add(ctx, kindCodeReplay, code, true, s.Context.lifetimes.Code+codeSlack); err != nil {
		return err
	}
	if err := s.revoke(ctx, id); err != nil {
		return err
	}
	s.Context.logger.Warn("an authorization code was used twice; its grant is revoked", "client_id", s.Client.ID)
	r := invalidGrant(message.RuleOPCodeReplay, "code")
	r.Violation.Err = joined{message.RuleOPCodeSingleUse, message.RuleOPTokenInvalidGrant}
	return r
}

// judgeCode compares what the code is bound to with what came.
func (s *Step) judgeCode(record *codeRecord, m *message.AccessTokenRequest) error {
	switch {
	case record.Client != s.Client.ID:
		return invalidGrant(message.RuleOPCodeBinding, "code").Because("another client", "the client that it was issued to", nil)
	case !s.Now.Before(record.Until.Time()):
		return invalidGrant(message.RuleOPCodeExpired, "code")
	case m.RedirectURI == "" && record.RedirectSent, m.RedirectURI != "" && m.RedirectURI != record.RedirectURI:
		return invalidGrant(message.RuleOPCodeRedirectURI, "redirect_uri")
	case record.Challenge == "" && m.CodeVerifier != "":
		// RFC 9700, Section 2.1.1: "ensure that, if there was no code_challenge in the
		// authorization request, a request to the token endpoint containing a code_verifier
		// is rejected".
		return invalidGrant(message.RuleOPPKCEDowngrade, "code_verifier")
	case record.Challenge != "" && !verifies(record.Challenge, m.CodeVerifier.Reveal()):
		return invalidGrant(message.RuleOPPKCEVerifier, "code_verifier")
	case record.JKT != "" && record.JKT != s.jkt:
		return invalidGrant(message.RuleOPDPoPCode, "DPoP")
	}
	return nil
}

// verifies: RFC 7636, Section 4.6: "BASE64URL-ENCODE(SHA256(ASCII(code_verifier))) ==
// code_challenge".
func verifies(challenge, verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// joined are several rules that one act breaks.
type joined []message.Rule

// Error names the rules.
func (j joined) Error() string {
	text := ""
	for i, rule := range j {
		if i > 0 {
			text += ", "
		}
		text += rule.Error()
	}
	return text
}

// Unwrap returns the rules, for errors.Is.
func (j joined) Unwrap() []error {
	all := make([]error, len(j))
	for i, rule := range j {
		all[i] = rule
	}
	return all
}
