package endpoint

import (
	"context"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
)

// jarmLife is the life of a response JWT. JWT Secured Authorization Response Mode, Section
// 2.1: "A maximum JWT lifetime of 10 minutes is RECOMMENDED."
const jarmLife = 10 * time.Minute

// jarm writes a response as a JWT with all parameters inside, errors too, and returns it
// as the one parameter of the response (JWT Secured Authorization Response Mode, Sections
// 2.1 to 2.3).
func (s *Step) jarm(ctx context.Context, client *Client, answer *message.AuthorizationResponse) (*message.AuthorizationResponse, error) {
	payload, err := message.EncodeJSON(message.JARMResponse{
		Audience: message.Audience{client.ID}, Expiration: message.At(s.Now.Add(jarmLife)), AuthorizationResponse: *answer,
	})
	if err != nil {
		return nil, err
	}
	m := &client.Metadata
	p := protection{alg: m.AuthorizationSignedResponseAlg, encAlg: m.AuthorizationEncryptedResponseAlg, enc: m.AuthorizationEncryptedResponseEnc}
	if p.alg == "" {
		p.alg = s.Context.defaultAlg() // Section 3
	}
	if p.key, err = s.signingKey(client, p.alg); err != nil {
		return nil, err
	}
	token, err := s.protect(ctx, client, payload, p)
	if err != nil {
		return nil, err
	}
	return &message.AuthorizationResponse{Response: message.Secret(token)}, nil
}

// isJARM reports whether a mode sends a JWT.
func isJARM(mode message.ResponseMode) bool {
	return mode == message.ResponseModeJWT || strings.HasSuffix(string(mode), ".jwt")
}

// resolveJWT settles the mode that jwt stands for: query.jwt for code, and fragment.jwt
// for types that return tokens (Section 2.3.4).
func resolveJWT(mode message.ResponseMode, front bool) message.ResponseMode {
	switch {
	case mode != message.ResponseModeJWT:
		return mode
	case front:
		return message.ResponseModeFragmentJWT
	}
	return message.ResponseModeQueryJWT
}
