package endpoint

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/oidcservice/oidc/message"
)

// A refreshToken is what is stored of a refresh token.
//
// Rotation needs no compare-and-swap: a successor is computed from the token that is shown
// and a salt that only the store knows, so everybody who shows the token within the grace
// window gets the same successor, and no token is stored in clear. Who adds the used mark
// first has rotated.
type refreshToken struct {
	Grant string    `json:"grant"`
	Salt  []byte    `json:"salt"`
	Until time.Time `json:"until"`
	// JKT and X5T are the key that it is bound to (RFC 9449, Section 5; RFC 8705, Section 4).
	JKT string `json:"jkt,omitempty"`
	X5T string `json:"x5t,omitempty"`
}

// usedRefresh marks a token that was replaced.
type usedRefresh struct {
	At time.Time `json:"at"`
}

// newRefreshToken issues the first refresh token of a grant.
func (s *Step) newRefreshToken(ctx context.Context, g *grant) (string, error) {
	value, err := s.Context.random()
	if err != nil {
		return "", err
	}
	salt, err := s.Context.random()
	if err != nil {
		return "", err
	}
	r := refreshToken{Grant: g.ID, Salt: []byte(salt)}
	if s.Client.Public() {
		// RFC 9449, Section 5: the refresh token of a public client is bound to its key; that
		// of a confidential one is bound by client authentication.
		r.JKT, r.X5T = s.jkt, s.boundCertificate()
	}
	return value, s.saveRefresh(ctx, value, g, r)
}

// saveRefresh stores a refresh token until it was idle too long or its family ends.
func (s *Step) saveRefresh(ctx context.Context, value string, g *grant, r refreshToken) error {
	r.Until = s.Now.Add(s.Context.lifetimes.RefreshIdle)
	if end := g.RefreshUntil.Time(); end.Before(r.Until) {
		r.Until = end
	}
	// A token that has expired is kept a little to be told from one that never was.
	return s.Context.store.put(ctx, kindRefresh, value, r, r.Until.Sub(s.Now)+time.Minute)
}

// verifyRefresh judges a refresh request (RFC 6749, Section 6) and changes nothing.
func verifyRefresh(ctx context.Context, s *Step, m *message.RefreshTokenRequest) error {
	if m.RefreshToken == "" {
		return Refuse(400, message.InvalidRequest, message.RuleOPTokenError, "refresh_token")
	}
	return s.canEncrypt(ctx, s.Client, s.Client.Metadata.IDTokenEncryptedResponseAlg)
}

func processRefresh(ctx context.Context, s *Step, m *message.RefreshTokenRequest) (*Outcome, error) {
	value := m.RefreshToken.Reveal()
	var record refreshToken
	found, err := s.Context.store.get(ctx, kindRefresh, value, &record)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, invalidGrant(message.RuleOPTokenInvalidGrant, "refresh_token")
	}
	g, err := s.grant(ctx, record.Grant)
	if err != nil {
		return nil, err
	}
	if g == nil || !s.Now.Before(record.Until) {
		return nil, invalidGrant(message.RuleOPRefreshExpiry, "refresh_token")
	}
	scope, resource, err := s.judgeRefresh(g, &record, m)
	if err != nil {
		return nil, err
	}
	user, err := s.owner(ctx, g)
	if err != nil {
		return nil, err
	}
	next := ""
	if s.rotates(&record) {
		if next, err = s.rotate(ctx, value, &record, g); err != nil {
			return nil, err
		}
	} else if err := s.keepRefresh(ctx, value, &record, g); err != nil {
		return nil, err
	}
	// Core, Section 12.2: a new ID Token has the same iss, sub, aud and auth_time, a new
	// iat, and no nonce.
	return s.tokens(ctx, &issued{
		grant: g, scope: scope, resource: resource, refresh: next,
		idToken: scope.Has(message.ScopeOpenID), user: user,
	})
}

// judgeRefresh compares what the refresh token is bound to with what came.
func (s *Step) judgeRefresh(g *grant, r *refreshToken, m *message.RefreshTokenRequest) (message.List, []string, error) {
	if g.Client != s.Client.ID {
		return nil, nil, invalidGrant(message.RuleOPRefreshBinding, "refresh_token").Because("another client", "the client that it was issued to", nil)
	}
	if r.JKT != "" && r.JKT != s.jkt || r.X5T != "" && r.X5T != s.certificate {
		return nil, nil, invalidGrant(message.RuleOPRefreshBinding, "refresh_token").Because("another key", "the key that it was issued to", message.RuleOPDPoPCode)
	}
	// RFC 6749, Section 6: "The requested scope MUST NOT include any scope not originally
	// granted by the resource owner, and if omitted is treated as equal to the scope
	// originally granted". The grant keeps its scope.
	scope := g.Scope
	if len(m.Scope) > 0 {
		if !subset(m.Scope, g.Scope) {
			return nil, nil, Refuse(400, message.InvalidScope, message.RuleOPRefreshScope, "scope")
		}
		scope = m.Scope
	}
	resource := g.Resource
	if len(m.Resource) > 0 {
		if !subset(m.Resource, g.Resource) {
			return nil, nil, Refuse(400, message.InvalidTarget, message.RuleOPRefreshBinding, "resource").Because("", "", message.RuleOPAuthzResource)
		}
		resource = m.Resource
	}
	return scope, resource, nil
}

// rotates reports whether a use replaces the token. RFC 9700, Section 4.14.2: "refresh
// tokens for public clients MUST be sender-constrained or use refresh token rotation".
func (s *Step) rotates(r *refreshToken) bool { return s.Client.Public() && r.JKT == "" && r.X5T == "" }

// rotate replaces a token. The one that is replaced still answers with its successor for
// a short while, as long as the successor was not used: answers get lost, and tabs race.
// Later use means that it was stolen, or its successor was: the family is revoked.
func (s *Step) rotate(ctx context.Context, value string, record *refreshToken, g *grant) (string, error) {
	next, salt := record.successor(value)
	life := g.Until.Time().Sub(s.Now) + time.Minute
	first, err := s.Context.store.add(ctx, kindRefreshUsed, value, usedRefresh{At: s.Now}, life)
	if err != nil {
		return "", err
	}
	if !first {
		again, err := s.withinGrace(ctx, value, next)
		if err != nil {
			return "", err
		}
		if !again {
			return "", s.reused(ctx, g)
		}
	}
	// Whoever comes first stores the successor; the others would store the same.
	return next, s.saveRefresh(ctx, next, g, refreshToken{Grant: g.ID, Salt: salt})
}

// keepRefresh gives a token that does not rotate its further life. One that was replaced
// once, when the client was a public one, does not come back.
func (s *Step) keepRefresh(ctx context.Context, value string, record *refreshToken, g *grant) error {
	replaced, err := s.Context.store.get(ctx, kindRefreshUsed, value, nil)
	if err != nil {
		return err
	}
	if replaced {
		return s.reused(ctx, g)
	}
	return s.saveRefresh(ctx, value, g, *record)
}

// reused revokes the family of a token that was used after it was replaced.
func (s *Step) reused(ctx context.Context, g *grant) error {
	if err := s.revoke(ctx, g.ID); err != nil {
		return err
	}
	s.Context.logger.WarnContext(ctx, "a replaced refresh token was used; its family is revoked", "client_id", s.Client.ID)
	return invalidGrant(message.RuleOPRefreshReuse, "refresh_token")
}

// withinGrace reports whether a token that was replaced may be answered once more.
func (s *Step) withinGrace(ctx context.Context, value, next string) (bool, error) {
	var used usedRefresh
	found, err := s.Context.store.get(ctx, kindRefreshUsed, value, &used)
	if err != nil || !found || s.Now.Sub(used.At) >= s.Context.lifetimes.RefreshGrace {
		return false, err
	}
	replaced, err := s.Context.store.get(ctx, kindRefreshUsed, next, nil)
	return !replaced, err
}

// successor computes the next token and its salt from the token and the stored salt.
func (r *refreshToken) successor(value string) (next string, salt []byte) {
	derive := func(label string) []byte {
		mac := hmac.New(sha256.New, r.Salt)
		mac.Write([]byte(label))
		mac.Write([]byte(value))
		return mac.Sum(nil)
	}
	return base64.RawURLEncoding.EncodeToString(derive("next\x00")), derive("salt\x00")
}
