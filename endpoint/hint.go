package endpoint

import (
	"context"
	"errors"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// An idTokenHint is an ID Token of ours that a client shows again.
type idTokenHint struct {
	subject string
	sid     string
	aud     message.Audience
}

var errHint = errors.New("not an ID Token of this provider")

// readHint verifies a hint. Core, Section 3.1.2.1, and RP-Initiated Logout, Section 2: it
// is an ID Token that we issued; its expiry and other audiences do not matter. client may
// be nil; it is needed for a hint that is signed with its secret.
func (s *Step) readHint(hint message.Secret, client *Client) (*idTokenHint, error) {
	raw := hint.Reveal()
	if keyjar.IsEncrypted(raw) {
		// Core, Section 3.1.2.1: a client may encrypt the hint to us.
		inner, _, err := s.keys.opening.DecryptNested(raw, decryptPolicy)
		if err != nil {
			return nil, err
		}
		raw = inner
	}
	token, err := keyjar.Parse(raw)
	if err != nil {
		return nil, err
	}
	// An access token, a logout token or a proof has a typ of its own.
	if typ := token.Header.Type; typ != "" && !token.Header.IsType("JWT") {
		return nil, errHint
	}
	set, algs := s.keys.opening, s.Context.asymmetric()
	if isHMAC(token.Header.Algorithm) {
		if client == nil || client.Secret == "" || s.Context.idTokenAlg(client) != token.Header.Algorithm {
			return nil, errHint
		}
		set, algs = keyjar.NewSecret([]byte(client.Secret.Reveal())), []string{token.Header.Algorithm}
	}
	if _, err := set.Verify(token, algs); err != nil {
		return nil, err
	}
	var claims message.IDToken
	if err := message.DecodeClaims(token.Payload, &claims); err != nil {
		return nil, err
	}
	if claims.Issuer != s.Context.issuer || claims.Subject == "" || len(claims.Audience) == 0 {
		return nil, errHint
	}
	return &idTokenHint{subject: claims.Subject, sid: claims.SessionID, aud: claims.Audience}, nil
}

// hintedClient is the client whose secret signed a hint, by what the hint says of itself;
// readHint proves it. It is nil for a hint that our own keys signed.
func (s *Step) hintedClient(ctx context.Context, hint message.Secret) (*Client, error) {
	token, err := keyjar.Parse(hint.Reveal())
	if err != nil || !isHMAC(token.Header.Algorithm) {
		return nil, nil
	}
	var claims message.IDToken
	if err := message.DecodeClaims(token.Payload, &claims); err != nil || len(claims.Audience) == 0 {
		return nil, nil
	}
	client, _, err := s.Context.clients.Client(ctx, claims.Audience[0])
	return client, err
}

// decryptPolicy is what we open: the algorithms of the metadata, never RSA1_5.
var decryptPolicy = keyjar.DecryptPolicy{Algs: keyjar.EncryptionAlgorithms(), Encs: keyjar.ContentEncryptions()}
