package resource

import (
	"errors"
	"fmt"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A form is what an access token looks like.
type form int

const (
	isOpaque form = iota
	isJWT         // with the typ of an access token
)

// form looks at a token without judging it, and opens an encrypted one. The text is that of
// the JWT inside.
func (a *API) form(p *presented) (string, form, error) {
	text := p.token.Reveal()
	if a.c.Decryption == nil || !keyjar.IsEncrypted(text) {
		h, err := keyjar.ParseHeader(text)
		if err != nil || !h.IsType(message.AccessTokenJWTType) {
			return text, isOpaque, nil
		}
		return text, isJWT, nil
	}
	// RFC 9068, Section 4: "If the JWT access token is encrypted, decrypt it using the
	// keys and algorithms that the resource server specified during registration."
	inner, _, err := a.c.Decryption.DecryptNested(text, a.c.Encryption)
	if err != nil {
		return "", isOpaque, a.invalid(p.scheme, violation(message.RuleRSJWTEncryption, "access_token", "", "", err))
	}
	return inner, isJWT, nil
}

// jwt verifies an access token that is a JWT, in the order of RFC 9068, Section 4, but that
// what needs no key comes before what does.
func (a *API) jwt(p *presented, text string) (*Token, error) {
	refuse := func(rule message.Rule, param, got, want string, err error) (*Token, error) {
		return nil, a.invalid(p.scheme, violation(rule, param, clip(got), want, err))
	}
	if keyjar.IsEncrypted(text) {
		return refuse(message.RuleRSJWTEncryption, "access_token", "an encrypted token", "a signed one", nil)
	}
	t, err := keyjar.Parse(text)
	if err != nil {
		return refuse(message.RuleRSJWTType, "access_token", "", "a JWT", err)
	}
	// "The resource server MUST verify that the "typ" header value is "at+jwt" or
	// "application/at+jwt" and reject tokens carrying any other value."
	if !t.Header.IsType(message.AccessTokenJWTType) {
		return refuse(message.RuleRSJWTType, "typ", t.Header.Type, message.AccessTokenJWTType, nil)
	}
	var c message.AccessTokenClaims
	if err := message.DecodeClaims(t.Payload, &c); err != nil {
		return refuse(message.RuleRSJWTClaims, "access_token", "", "", err)
	}
	one := a.issuers[c.Issuer]
	if one == nil {
		return refuse(message.RuleRSTokenIssuer, "iss", c.Issuer, "an issuer that is trusted", nil)
	}
	switch encrypted := text != p.token.Reveal(); {
	case encrypted && !one.Encrypted:
		return refuse(message.RuleRSJWTEncryption, "access_token", "an encrypted token", "a signed one", nil)
	case !encrypted && one.Encrypted:
		// "If encryption was negotiated with the authorization server at registration time
		// and the incoming JWT access token is not encrypted, the resource server SHOULD
		// reject it."
		return refuse(message.RuleRSJWTEncryption, "access_token", "a token that is not encrypted", "one that is", nil)
	}
	if missing := absent(&c); missing != "" {
		return refuse(message.RuleRSJWTClaims, missing, "", "a claim that is required", nil)
	}
	if !a.meant(c.Audience) {
		return refuse(message.RuleRSTokenAudience, "aud", fmt.Sprint([]string(c.Audience)), a.c.Resource, nil)
	}
	if err := a.timely(p, &c); err != nil {
		return nil, err
	}
	if err := a.signed(p, t, one); err != nil {
		return nil, err
	}
	return &Token{AccessTokenClaims: c, Type: p.scheme}, nil
}

// absent returns the first required claim that a token lacks (RFC 9068, Section 2.2).
func absent(c *message.AccessTokenClaims) string {
	for _, claim := range []struct {
		name  string
		there bool
	}{
		{"exp", c.Expiration.Present()},
		{"aud", len(c.Audience) > 0},
		{"sub", c.Subject != ""},
		{"client_id", c.ClientID != ""},
		{"iat", c.IssuedAt.Present()},
		{"jti", c.JWTID != ""},
	} {
		if !claim.there {
			return claim.name
		}
	}
	return ""
}

// signed verifies the signature with a key of the issuer. "The resource server MUST use the
// keys provided by the authorization server": what the header brings along is not looked at.
func (a *API) signed(p *presented, t *keyjar.Token, one *Issuer) error {
	keys := a.jar.Load().Set(one.Issuer)
	_, err := keys.Verify(t, one.Algs)
	if err == nil {
		return nil
	}
	rule, param := message.RuleRSJWTSignature, "access_token"
	if errors.Is(err, message.RuleJOSEAlg) || errors.Is(err, message.RuleJOSEAlgNone) {
		rule, param = message.RuleRSJWTAlg, "alg"
		return a.invalid(p.scheme, violation(rule, param, clip(t.Header.Algorithm), strings.Join(one.Algs, " or "), err))
	}
	refusal := a.invalid(p.scheme, violation(rule, param, "", "a good signature of the issuer", err))
	switch {
	case keys == nil:
		return &NeedError{Issuer: one.Issuer, Err: ErrUnverified}
	case errors.Is(err, keyjar.ErrUnknownKey):
		return &NeedError{Issuer: one.Issuer, Err: refusal}
	}
	return refusal
}
