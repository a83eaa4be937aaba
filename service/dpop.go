package service

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// dpopProof makes a proof of possession for one request (RFC 9449, Section 4.2).
// At a resource token is the access token that it goes with.
func dpopProof(s *Step, method, target string, token message.Secret) (string, error) {
	key := s.Snapshot.DPoPKey
	if key == nil {
		return "", s.Fail(message.RuleDPoPKey, "dpop", "", "the key that the token is bound to", nil)
	}
	if kept := s.Record.Kept(state.KeptDPoPThumbprint); kept != "" && kept != key.Thumbprint() {
		return "", s.Fail(message.RuleDPoPKey, "dpop", key.Thumbprint(), "the key of this login, "+kept, nil)
	}
	s.Pass(message.RuleDPoPKey, "dpop")
	alg, err := dpopAlg(s, key)
	if err != nil {
		return "", err
	}
	id, err := s.Random(16)
	if err != nil {
		return "", err
	}
	origin, htu, err := dpopTarget(target)
	if err != nil {
		return "", err
	}
	proof := message.DPoPProof{JWTID: id, Method: method, URI: htu, IssuedAt: message.Unix(s.Now.Unix()), Nonce: s.Args.DPoPNonce}
	if proof.Nonce == "" {
		proof.Nonce = s.Args.nonce
	}
	if proof.Nonce == "" {
		proof.Nonce = s.Snapshot.DPoPNonces[origin]
	}
	if token != "" {
		proof.AccessTokenHash = message.AccessTokenHash(token)
		s.Pass(message.RuleDPoPAth, "dpop.ath")
	}
	payload, err := message.EncodeJSON(&proof)
	if err != nil {
		return "", err
	}
	s.Pass(message.RuleDPoPTarget, "dpop.htu")
	s.Pass(message.RuleDPoPFresh, "dpop.jti")
	s.Pass(message.RuleDPoPProof, "dpop")
	return key.Sign(keyjar.Header{Algorithm: alg, Type: message.DPoPProofType, JWK: key.Public().PublicJWK()}, payload, s.Context().Rand())
}

// dpopAlg is an algorithm that fits our key and that the provider lists.
func dpopAlg(s *Step, key *keyjar.Key) (string, error) {
	set := keyjar.NewSet(key)
	for _, alg := range keyjar.SigningAlgorithms() {
		if supported := s.Snapshot.Provider.DPoPSigningAlgs; len(supported) > 0 && !slices.Contains(supported, alg) || strings.HasPrefix(alg, "HS") {
			continue
		}
		if _, err := set.SigningKey(alg); err == nil {
			return alg, nil
		}
	}
	return "", s.Fail(message.RuleDPoPProof, "dpop.alg", "", "an algorithm that the provider lists and our key can do", nil)
}

// dpopTarget splits a URL into its origin, to which nonces belong, and the htu:
// "without query and fragment parts".
func dpopTarget(target string) (origin, htu string, err error) {
	u, err := url.Parse(target)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrArgs, err)
	}
	htu, _, _ = strings.Cut(target, "#")
	htu, _, _ = strings.Cut(htu, "?")
	return u.Scheme + "://" + u.Host, htu, nil
}

// dpopNonceNeed turns a demand for a nonce into the need to send once more, with a
// new proof and a new client assertion (RFC 9449, Sections 8 and 9). A second
// demand is final.
func dpopNonceNeed(s *Step, err error) error {
	var declared *message.Error
	if !errors.As(err, &declared) || declared.Code != message.UseDPoPNonce || s.Snapshot.DPoPKey == nil || s.Args.DPoPNonce != "" {
		return err
	}
	nonces := headerValues(s.Response.Header, "DPoP-Nonce")
	if len(nonces) != 1 || nonces[0] == "" {
		return err
	}
	s.Pass(message.RuleDPoPNonceRetry, "DPoP-Nonce")
	args := s.Args
	args.DPoPNonce = nonces[0]
	return &NeedError{Resend: true, Args: args, Err: err}
}

// keepDPoPNonce keeps the latest nonce of the origin: "The client will typically
// retain the nonce value" of any response, a 200 included (RFC 9449, Section 8.2).
func keepDPoPNonce(s *Step) error {
	if s.Snapshot.DPoPKey == nil || s.Response == nil || s.Response.request == nil || len(s.Response.request.Header["Dpop"]) == 0 {
		return nil
	}
	nonce := latestDPoPNonce(s)
	origin, _, err := dpopTarget(s.Response.request.URL)
	if err != nil || nonce == "" || s.Context().Snapshot().DPoPNonces[origin] == nonce {
		return err
	}
	return s.Context().Update(func(sn *servicecontext.Snapshot) error {
		sn.DPoPNonces[origin] = nonce
		return nil
	})
}

// latestDPoPNonce is the nonce to send next: that of the answer, else the one that
// the request went with.
func latestDPoPNonce(s *Step) string {
	if values := headerValues(s.Response.Header, "DPoP-Nonce"); len(values) == 1 {
		return values[0]
	}
	if s.Args.DPoPNonce != "" {
		return s.Args.DPoPNonce
	}
	return s.Args.nonce
}

// useToken shows an access token: as its type says (RFC 9449, Section 7.1; RFC
// 6750, Section 2.1).
func useToken(_ context.Context, s *Step, out *Request, token message.Secret) error {
	if !strings.EqualFold(s.tokenType, message.TokenTypeDPoP) {
		out.Header["Authorization"] = []string{"Bearer " + token.Reveal()}
		return nil
	}
	proof, err := dpopProof(s, out.Method, out.URL, token)
	if err != nil {
		return err
	}
	s.Pass(message.RuleUserInfoDPoPScheme, "access_token")
	out.Header["Authorization"] = []string{"DPoP " + token.Reveal()}
	out.Header["Dpop"] = []string{proof}
	return nil
}
