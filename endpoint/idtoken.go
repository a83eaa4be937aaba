package endpoint

import (
	"context"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// An idToken is what an ID Token is to say beside what its grant knows.
type idToken struct {
	grant       *grant
	client      *Client
	nonce       string
	accessToken string // hashed into at_hash
	code        string // hashed into c_hash
	state       string // hashed into s_hash
	// authReqID names the CIBA request whose tokens are pushed; with it refreshToken is
	// hashed into rt_hash (CIBA, Section 10.3.1).
	authReqID, refreshToken string
	// scopeClaims puts the claims of the scopes in. Core, Section 5.4: they are returned
	// from the UserInfo endpoint "when a response_type value is used that results in an
	// Access Token being issued. However, when no Access Token is issued (which is the case
	// for the response_type value id_token), the resulting Claims are returned in the ID
	// Token."
	scopeClaims bool
	user        User
}

// newIDToken writes an ID Token: signed, and encrypted when that is registered (Core,
// Section 2: "signed then encrypted").
func (s *Step) newIDToken(ctx context.Context, t *idToken) (string, error) {
	c, g := s.Context, t.grant
	alg := c.idTokenAlg(t.client)
	claims := message.IDToken{
		Issuer: c.issuer, Subject: g.Subject, Audience: message.Audience{t.client.ID},
		IssuedAt: message.At(s.Now), Expiration: message.At(s.Now.Add(c.lifetimes.IDToken)),
		Nonce: t.nonce, SessionID: g.SID,
	}
	if g.TellAuthTime {
		claims.AuthTime = g.AuthTime.Whole()
	}
	if g.TellACR {
		claims.ACR = g.ACR
	}
	var requested map[string]*message.ClaimRequest
	if g.Claims != nil {
		requested = g.Claims.IDToken
	}
	if _, asked := requested["amr"]; asked {
		claims.AMR = g.AMR
	}
	key, err := s.signingKey(t.client, alg)
	if err != nil {
		return "", err
	}
	curve := ""
	if key != nil {
		curve = key.Curve()
	}
	claims.AuthReqID = message.Secret(t.authReqID)
	if t.authReqID == "" {
		t.refreshToken = ""
	}
	for _, h := range []struct {
		claim *string
		value string
	}{
		{&claims.AccessTokenHash, t.accessToken}, {&claims.CodeHash, t.code}, {&claims.StateHash, t.state}, {&claims.RefreshTokenHash, t.refreshToken},
	} {
		if h.value == "" || key == nil {
			continue
		}
		if *h.claim, err = keyjar.HalfHash(alg, curve, h.value); err != nil {
			return "", err
		}
	}
	var scope message.List
	if t.scopeClaims {
		scope = g.Scope
	}
	payload, err := addClaims(claims, c.userClaims(t.user, scope, requested))
	if err != nil {
		return "", err
	}
	m := &t.client.Metadata
	return s.protect(ctx, t.client, payload, protection{
		alg: alg, key: key, encAlg: m.IDTokenEncryptedResponseAlg, enc: m.IDTokenEncryptedResponseEnc,
	})
}

// signingKey returns the key for an algorithm: one of ours, the client's secret for an
// HMAC, and nil for none.
func (s *Step) signingKey(client *Client, alg string) (*keyjar.Key, error) {
	switch {
	case alg == "none":
		return nil, nil
	case isHMAC(alg):
		return keyjar.NewSecret([]byte(client.Secret.Reveal())).SigningKey(alg)
	}
	return s.keys.current.SigningKey(alg)
}

// A protection says how a JWT for a client is signed and encrypted.
type protection struct {
	alg         string // empty: not signed
	typ         string
	key         *keyjar.Key // nil: alg is none
	encAlg, enc string      // empty: not encrypted
}

// protect signs a payload and encrypts the result.
func (s *Step) protect(ctx context.Context, client *Client, payload []byte, p protection) (string, error) {
	inner := string(payload)
	var err error
	if p.alg != "" {
		h := keyjar.Header{Algorithm: p.alg, Type: p.typ}
		if p.key == nil {
			inner, err = keyjar.Unsigned(h, payload)
		} else {
			inner, err = p.key.Sign(h, payload, s.Context.rand)
		}
		if err != nil {
			return "", err
		}
	}
	if p.encAlg == "" {
		return inner, nil
	}
	if p.enc == "" {
		// Registration, Section 2: "If id_token_encrypted_response_alg is specified, the
		// default id_token_encrypted_response_enc value is A128CBC-HS256."
		p.enc = "A128CBC-HS256"
	}
	keys, err := s.encryptionKeys(ctx, client, p.encAlg)
	if err != nil {
		return "", err
	}
	key, err := keys.EncryptionKey(p.encAlg)
	if err != nil {
		return "", err
	}
	h := keyjar.Header{Algorithm: p.encAlg, Encryption: p.enc}
	if p.alg != "" {
		h.ContentType = "JWT"
	}
	return key.Encrypt([]byte(inner), h, s.Context.rand)
}

// encryptionKeys returns what to encrypt to: the client's public keys, or its secret for a
// symmetric algorithm (Core, Section 10.2).
func (s *Step) encryptionKeys(ctx context.Context, client *Client, alg string) (*keyjar.Set, error) {
	if isSymmetric(alg) {
		return keyjar.NewSecret([]byte(client.Secret.Reveal())), nil
	}
	return s.clientKeys(ctx, client)
}

func isSymmetric(alg string) bool {
	switch alg {
	case "dir", "A128KW", "A192KW", "A256KW", "A128GCMKW", "A192GCMKW", "A256GCMKW":
		return true
	}
	return false
}

// canEncrypt returns the need for the keys that an encrypted answer will want, so that it
// is known before anything is spent.
func (s *Step) canEncrypt(ctx context.Context, client *Client, algs ...string) error {
	for _, alg := range algs {
		if alg == "" || isSymmetric(alg) {
			continue
		}
		refusal := Refuse(400, message.InvalidRequest, message.RuleOPClientKeys, "jwks")
		keys, err := s.clientKeys(ctx, client)
		if unusable(err) {
			return refusal.Because("", "a key for "+alg, err)
		}
		if err != nil {
			return err
		}
		if _, err := keys.EncryptionKey(alg); err != nil {
			return refusal.Because("", "a key for "+alg, err)
		}
	}
	return nil
}
