package service

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/message"
)

// authenticate puts the client's proof and the form into out: "the client
// authenticates with the authorization server" (RFC 6749, Section 3.2.1).
func authenticate(ctx context.Context, s *Step, req message.Message, method string, out *Request) error {
	if s.clientID() == "" {
		return ErrNotRegistered
	}
	registered := s.Snapshot.Behaviour.TokenEndpointAuthMethod
	if method == "" {
		method = registered
	}
	if method != registered {
		return s.Fail(message.RuleClientAuthMethod, "client_auth", method, "the registered method "+registered, nil)
	}
	m, ok := clientauth.ByName(method)
	if !ok {
		return fmt.Errorf("%w: client authentication method %q", ErrNotConfigured, method)
	}
	audience := s.Snapshot.Issuer
	if s.Snapshot.Compat.AssertionAudienceTokenEndpoint {
		audience = s.Snapshot.Provider.TokenEndpoint
	}
	draft := clientauth.Draft{URL: out.URL, Header: map[string][]string(out.Header)}
	err := m.Authenticate(ctx, clientauth.Credentials{
		ClientID:        s.clientID(),
		ClientSecret:    s.Snapshot.ClientSecret(),
		SecretExpiresAt: s.Snapshot.SecretExpiresAt(),
		Keys:            s.Snapshot.Keys,
		Algorithm:       s.Snapshot.Behaviour.TokenEndpointAuthSigningAlg,
		Audience:        audience,
		Now:             s.Now,
		Rand:            s.Context().Rand(),
	}, &draft)
	if err != nil {
		return violated(s, err)
	}
	for _, rule := range clientauth.Rules(method) {
		s.Pass(rule, method)
	}
	if s.Snapshot.Compat.AssertionAudienceTokenEndpoint && draft.Form.Has("client_assertion") {
		s.Warn(message.RuleClientAuthAssertionAud, "aud", "the token endpoint, admitted by assertion_audience_token_endpoint")
	}
	out.URL, out.MutualTLS = draft.URL, out.MutualTLS || draft.MutualTLS
	if draft.MutualTLS {
		// A method of the caller's own may need the certificate, too: such a client
		// "MUST use the alias URL of the endpoint" (RFC 8705, Section 5).
		out.URL = s.Snapshot.MTLSAlias(out.URL)
		if err := checkEndpoint(s, out.URL); err != nil {
			return err
		}
	}
	out.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
	body, err := encodeWith(req, draft.Form)
	out.Body = []byte(body)
	return err
}

// encodeWith encodes a request with the parameters that prove who sends it. Where the
// request itself has one of another mechanism, which some caller gave it, that goes: "The
// client MUST NOT use more than one authentication method in each request" (RFC 6749,
// Section 2.3).
func encodeWith(req message.Message, proof url.Values) (string, error) {
	form, err := message.EncodeForm(req)
	if err != nil {
		return "", err
	}
	if !strings.Contains(form, "client_") {
		if len(proof) > 0 {
			form += "&" + proof.Encode()
		}
		return form, nil
	}
	values, err := message.Values(req)
	if err != nil {
		return "", err
	}
	for _, name := range clientauth.Parameters() {
		values.Del(name)
	}
	maps.Copy(values, proof)
	return values.Encode(), nil
}
