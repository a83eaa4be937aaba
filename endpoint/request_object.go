package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// maxRequestObjectLife is how far ahead the exp of a request object may be under message
// signing (FAPI 2.0 Message Signing).
const maxRequestObjectLife = time.Hour

const (
	// requestObjectLife is how long a hosted object is kept: for the request that asked.
	requestObjectLife = 30 * time.Second
	// requestObjectCooldown is how soon it is asked for again.
	requestObjectCooldown = 10 * time.Second
)

// checkRequestObject opens what the request refers to: a pushed request, or a request
// object by value or by reference, and merges it into the request (Core, Section 6; RFC
// 9101; RFC 9126). A refusal goes to the redirect URI only if that is proven without what
// could not be opened.
func checkRequestObject(ctx context.Context, s *Step, a *authorization) error {
	if a.opened {
		return nil
	}
	err := s.openRequest(ctx, a)
	if refusalOf(err) != nil && a.route == nil && a.req.RedirectURI != "" {
		probe := *a
		if checkRedirectURI(ctx, s, &probe) == nil {
			_ = checkResponseMode(ctx, s, &probe) // what can be told of the mode
			a.route = probe.route
		}
	}
	return err
}

func (s *Step) openRequest(ctx context.Context, a *authorization) error {
	req := a.req
	pushed := strings.HasPrefix(req.RequestURI, pushedPrefix)
	m := &a.client.Metadata
	switch {
	case req.Request != "" && req.RequestURI != "":
		// RFC 9101, Section 5: "The client MAY send ... but MUST NOT use both".
		return refuseAuthz(message.InvalidRequest, message.RuleOPJARSupported, "request_uri")
	case !pushed && !a.push && (s.Context.policy.RequirePushed || is(m.RequirePushedAuthorizationRequests)):
		r := refuseAuthz(message.InvalidRequest, message.RuleOPPARRequired, "request_uri")
		if s.Context.fapi() {
			r.Violation.Err = message.RuleOPFAPI2Request
		}
		return r
	case pushed:
		return s.openPushed(ctx, a)
	case req.Request != "":
		return s.openObject(ctx, a, req.Request.Reveal())
	case req.RequestURI != "":
		object, err := s.hosted(ctx, a)
		if err != nil {
			return err
		}
		return s.openObject(ctx, a, object)
	case s.Context.policy.RequireSignedRequest || is(m.RequireSignedRequestObject):
		return s.unsigned()
	}
	return nil
}

// unsigned refuses a request that had to be signed.
func (s *Step) unsigned() error {
	r := refuseAuthz(message.InvalidRequest, message.RuleOPJARRequired, "request")
	if s.Context.policy.Profile == ProfileFAPI2MessageSigning {
		r.Violation.Err = message.RuleOPFAPI2Signing
	}
	return r
}

// hosted returns a request object that the client hosts. Only an address that was
// registered is ever fetched (Core, Section 6.2; RFC 9101, Section 10.4.1).
func (s *Step) hosted(ctx context.Context, a *authorization) (string, error) {
	const param = "request_uri"
	uri := a.req.RequestURI
	address, fragment, hashed := strings.Cut(uri, "#")
	registered := slices.ContainsFunc(a.client.Metadata.RequestURIs, func(r string) bool {
		r, _, _ = strings.Cut(r, "#")
		return r == address
	})
	if len(uri) > 512 || !registered || !isHTTPS(address) {
		return "", refuseAuthz(message.InvalidRequestURI, message.RuleOPRequestURIRegistered, param)
	}
	failed := refuseAuthz(message.InvalidRequestURI, message.RuleOPRequestURIFetch, param)
	need := &NeedFetch{
		Kind: FetchRequestObject, ClientID: a.client.ID, URL: address,
		Accept: []string{"application/" + message.RequestObjectType, "application/jwt", "text/plain", "application/json", "application/octet-stream"}, MaxBody: 64 << 10, Timeout: 5 * time.Second, Err: failed,
	}
	doc, err := s.fetched(ctx, need)
	if err != nil {
		return "", err
	}
	if doc.Failed != "" {
		return "", failed.Because(doc.Failed, "a request object", nil)
	}
	if hashed && fragment != "" {
		sum := sha256.Sum256(doc.Body)
		if base64.RawURLEncoding.EncodeToString(sum[:]) != strings.TrimRight(fragment, "=") {
			// Core, Section 6.2: another hash means that the content changed. Whoever invents
			// hashes makes us ask once in a while only.
			if s.Now.Sub(doc.At) >= requestObjectCooldown {
				return "", need
			}
			return "", refuseAuthz(message.InvalidRequestURI, message.RuleOPRequestURIHash, param)
		}
	}
	return strings.TrimSpace(string(doc.Body)), nil
}

func badObject(rule message.Rule, param string) *Refusal {
	r := refuseAuthz(message.InvalidRequestObject, rule, param)
	if rule != message.RuleOPJARError {
		r.Violation.Err = message.RuleOPJARError
	}
	return r
}

// openObject decrypts, verifies and merges a request object.
func (s *Step) openObject(ctx context.Context, a *authorization, object string) error {
	m := &a.client.Metadata
	if keyjar.IsEncrypted(object) {
		inner, err := s.decryptObject(a.client, object)
		if err != nil {
			return err
		}
		object = inner
	} else if m.RequestObjectEncryptionAlg != "" {
		return badObject(message.RuleOPJAREncryption, "request").Because("a plain object", "an encrypted one, as registered", nil)
	}
	payload, signed, err := s.verifyObject(ctx, a.client, object)
	if err != nil {
		return err
	}
	if !signed && (s.Context.policy.RequireSignedRequest || is(m.RequireSignedRequestObject)) {
		return s.unsigned()
	}
	var claims message.RequestObject
	if err := message.DecodeClaims(payload, &claims); err != nil {
		return badObject(message.RuleOPJARError, "request").Because("", "", err)
	}
	if err := s.judgeObject(a, &claims); err != nil {
		return err
	}
	return a.merge(payload)
}

// decryptObject: Core, Section 6.1: "Nested JWT, first signed, then encrypted", to a key of
// ours or with the client's secret.
func (s *Step) decryptObject(client *Client, object string) (string, error) {
	m := &client.Metadata
	policy := decryptPolicy
	set := s.keys.opening
	if alg := m.RequestObjectEncryptionAlg; alg != "" {
		policy = keyjar.DecryptPolicy{Algs: []string{alg}, Encs: []string{m.RequestObjectEncryptionEnc}}
		if isSymmetric(alg) {
			set = keyjar.NewSecret([]byte(client.Secret.Reveal()))
		}
	}
	inner, _, err := set.DecryptNested(object, policy)
	if err != nil {
		return "", badObject(message.RuleOPJAREncryption, "request").Because("", "", err)
	}
	return inner, nil
}

// verifyObject checks the signature by what is registered, and never by what the header
// says. It reports whether there was one.
func (s *Step) verifyObject(ctx context.Context, client *Client, object string) ([]byte, bool, error) {
	refusal := func(err error) error {
		return badObject(message.RuleOPJARAlg, "request").Because("", "an object signed as registered", err)
	}
	token, err := keyjar.Parse(object)
	if err != nil {
		return nil, false, badObject(message.RuleOPJARError, "request").Because("", "", err)
	}
	if typ := token.Header.Type; typ != "" && !token.Header.IsType(message.RequestObjectType) && !token.Header.IsType("JWT") {
		return nil, false, badObject(message.RuleOPJARTyp, "typ")
	}
	registered := client.Metadata.RequestObjectSigningAlg
	alg := token.Header.Algorithm
	switch {
	case registered != "" && alg != registered:
		return nil, false, refusal(nil)
	case alg == "none":
		// Only if that is what was registered, and only without a signature.
		if registered != "none" || !strings.HasSuffix(object, ".") {
			return nil, false, refusal(nil)
		}
		return token.Payload, false, nil
	}
	if isHMAC(alg) {
		if !slices.Contains(s.Context.signing(), alg) || client.Secret == "" || !client.SecretExpires.IsZero() && !s.Now.Before(client.SecretExpires) {
			return nil, false, refusal(nil)
		}
		if _, err := keyjar.NewSecret([]byte(client.Secret.Reveal())).Verify(token, []string{alg}); err != nil {
			return nil, false, refusal(err)
		}
		return token.Payload, true, nil
	}
	set, err := s.clientKeys(ctx, client)
	if unusable(err) {
		return nil, false, refusal(err)
	}
	if err != nil {
		return nil, false, err
	}
	if _, err := set.Verify(token, s.Context.asymmetric()); err != nil {
		if errors.Is(err, keyjar.ErrUnknownKey) {
			if need := s.refetchKeys(ctx, client, refusal(err)); need != nil {
				return nil, false, need
			}
		}
		return nil, false, refusal(err)
	}
	return token.Payload, true, nil
}

// judgeObject checks the claims of a request object (RFC 9101, Sections 4 and 10.8; Core,
// Section 6.1).
func (s *Step) judgeObject(a *authorization, o *message.RequestObject) error {
	const slack = 30 * time.Second
	strict := s.Context.policy.Profile == ProfileFAPI2MessageSigning
	claim := func(param string) error { return badObject(message.RuleOPJARClaims, param) }
	switch {
	case o.Issuer != "" && o.Issuer != a.client.ID, strict && o.Issuer == "":
		return claim("iss")
	case len(o.Audience) > 0 && !o.Audience.Has(s.Context.issuer), strict && len(o.Audience) == 0:
		return claim("aud")
	case o.Subject == a.client.ID:
		// RFC 9101, Section 10.8: it could be taken for a client assertion.
		return claim("sub")
	case o.Expiration.Present() && !o.Expiration.Time().After(s.Now.Add(-slack)), strict && !o.Expiration.Present():
		return claim("exp")
	case o.NotBefore.Present() && o.NotBefore.Time().After(s.Now.Add(slack)), strict && !o.NotBefore.Present():
		return claim("nbf")
	case strict && (o.Expiration.Time().Sub(o.NotBefore.Time()) > maxRequestObjectLife || s.Now.Sub(o.NotBefore.Time()) > maxRequestObjectLife):
		return claim("exp")
	case o.Request != "" || o.RequestURI != "":
		return badObject(message.RuleOPJARNesting, "request")
	case o.ClientID != "" && o.ClientID != a.client.ID:
		return badObject(message.RuleOPJARMismatch, "client_id")
	case len(a.req.ResponseType) > 0 && len(o.ResponseType) > 0 && !o.ResponseType.Equal(a.req.ResponseType):
		return badObject(message.RuleOPJARMismatch, "response_type")
	}
	return nil
}

// objectClaims are the members of an object that are no parameters.
var objectClaims = []string{"iss", "aud", "sub", "exp", "nbf", "iat", "jti", "request", "request_uri"}

// merge puts the parameters of an object into the request. OpenID Connect adds to them
// what only stands outside (Core, Section 6.3.3); under RFC 9101, Section 6.3, what stands
// outside counts for nothing.
func (a *authorization) merge(payload []byte) error {
	members := map[string]json.RawMessage{}
	if a.req.Scope.Has(message.ScopeOpenID) && !a.push {
		outside, err := message.EncodeJSON(a.req)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(outside, &members); err != nil {
			return err
		}
		delete(members, "request")
		delete(members, "request_uri")
	}
	var inside map[string]json.RawMessage
	if err := json.Unmarshal(payload, &inside); err != nil {
		return badObject(message.RuleOPJARError, "request").Because("", "", err)
	}
	for name, value := range inside {
		if !slices.Contains(objectClaims, name) {
			members[name] = value
		}
	}
	merged, err := json.Marshal(members)
	if err != nil {
		return err
	}
	req := new(message.AuthorizationRequest)
	if err := message.DecodeJSON(merged, req); err != nil {
		return badObject(message.RuleOPJARError, "request").Because("", "", err)
	}
	req.ClientID, req.Extra = a.client.ID, nil
	if err := checkObjectSyntax(req, badObject); err != nil {
		return err
	}
	*a.req = *req
	a.opened = true
	return nil
}

// checkObjectSyntax has the parameters of an object keep to the characters of those that
// come as a form (RFC 9101, Section 4: the object holds "the parameters ... as JWT Claims").
// JSON can say more, which could neither be kept nor sent back.
func checkObjectSyntax(params any, refuse func(rule message.Rule, param string) *Refusal) error {
	form, err := message.EncodeForm(params)
	if err != nil {
		return err
	}
	if _, bad := parseParams(form); bad != nil {
		return refuse(message.RuleOPParamSyntax, bad.Violation.Param)
	}
	return nil
}
