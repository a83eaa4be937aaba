package service

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// requestObjectLife is how long a request object may be used: the time between our
// redirect and the provider's reading it.
const requestObjectLife = 5 * time.Minute

// A Hosted is a document that the caller must serve before the request is sent: a
// request object that the provider fetches by its request_uri (Core, Section 6.2).
type Hosted struct {
	URL   string // where the provider asks for it, without fragment
	Media string // the content type to answer with
	Body  []byte // the document
}

// requestMethod is how the request travels: as configured, pushed under FAPI 2.0,
// and pushed where the provider takes nothing else (RFC 9126, Section 5).
func requestMethod(s *Step) servicecontext.RequestMethod {
	m := s.Snapshot.RequestMethod
	p := s.Snapshot.Provider
	required := p != nil && p.RequirePushedAuthorizationRequests != nil && *p.RequirePushedAuthorizationRequests
	switch {
	case s.Snapshot.Profile == servicecontext.ProfileFAPI2, s.Snapshot.Profile == servicecontext.ProfileFAPI2MessageSigning, required:
		return servicecontext.RequestPushed
	case m == "":
		return servicecontext.RequestByQuery
	}
	return m
}

// presentAuthorization turns the finished request into the one that travels.
func presentAuthorization(ctx context.Context, s *Step, req *message.AuthorizationRequest) (*message.AuthorizationRequest, error) {
	p := s.Snapshot.Provider
	switch requestMethod(s) {
	case servicecontext.RequestByValue:
		if !servicecontext.ProviderAllows(p.RequestParameterSupported, false) {
			return nil, s.Fail(message.RuleMetadataCapability, "request", "", "a provider that takes request objects by value", defaulted("request_parameter_supported", p.RequestParameterSupported))
		}
		object, err := requestObject(s, req)
		if err != nil {
			return nil, err
		}
		out := outside(s, req)
		out.Request = message.Secret(object)
		return out, nil
	case servicecontext.RequestByReference:
		if !servicecontext.ProviderAllows(p.RequestURIParameterSupported, true) {
			return nil, s.Fail(message.RuleMetadataCapability, "request_uri", "", "a provider that takes request objects by reference", defaulted("request_uri_parameter_supported", p.RequestURIParameterSupported))
		}
		object, err := requestObject(s, req)
		if err != nil {
			return nil, err
		}
		out := outside(s, req)
		out.RequestURI, err = hostObject(s, object)
		return out, err
	case servicecontext.RequestPushed:
		return presentPushed(ctx, s, req)
	}
	// "authorization request is always protected with Request Object": nothing else is
	// taken (RFC 9101, Section 10.5).
	if signsRequests(s) {
		return nil, s.Fail(message.RuleMetadataCapability, "require_signed_request_object", "", "a request object, by request method request, request_uri or par", nil)
	}
	return req, nil
}

// defaulted adds that the provider did not say so itself: "If omitted, the default
// value is" what the text gives (Discovery, Section 3).
func defaulted(param string, said *bool) error {
	if said != nil {
		return nil
	}
	return &message.Violation{Rule: message.RuleMetadataDefaults, Param: param, Want: "an explicit true, since the default is false"}
}

// outside is what stands beside a request object: for OpenID Connect the required
// parameters of OAuth 2.0, with the same values as inside (Core, Section 6.1);
// otherwise client_id alone (RFC 9101, Section 5).
func outside(s *Step, req *message.AuthorizationRequest) *message.AuthorizationRequest {
	out := &message.AuthorizationRequest{ClientID: req.ClientID}
	if s.Snapshot.Profile.OpenID() && !s.Snapshot.Profile.FAPI() {
		out.ResponseType, out.Scope = req.ResponseType, req.Scope
	}
	s.Pass(message.RuleJARParameters, "request")
	return out
}

// requestObject signs, and encrypts where that was registered, all parameters of
// the request (Core, Section 6.1; RFC 9101, Section 4).
func requestObject(s *Step, req *message.AuthorizationRequest) (string, error) {
	// "sub ... MUST NOT be" there, so that no request object passes for a client
	// assertion (RFC 9101, Section 10.8); the others are made here.
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"} {
		if req.Extra.Has(name) {
			return "", s.Fail(message.RuleJARClaims, name, "", "no such parameter inside a request object", nil)
		}
	}
	id, err := s.Random(16)
	if err != nil {
		return "", err
	}
	object := message.RequestObject{
		Issuer: s.clientID(), Audience: message.Audience{s.Snapshot.Issuer}, JWTID: id,
		IssuedAt: message.Unix(s.Now.Unix()), Expiration: message.Unix(s.Now.Add(requestObjectLife).Unix()),
		AuthorizationRequest: *req,
	}
	if s.Snapshot.Profile.FAPI() {
		object.NotBefore = object.IssuedAt
	}
	payload, err := message.EncodeJSON(&object)
	if err != nil {
		return "", err
	}
	s.Pass(message.RuleJARClaims, "request")
	header := keyjar.Header{Type: message.RequestObjectType}
	signed, err := signRequestObject(s, header, payload)
	if err != nil {
		return "", err
	}
	s.Pass(message.RuleJARTyp, "request.typ")
	b := &s.Snapshot.Behaviour
	if b.RequestObjectEncryptionAlg == "" {
		return signed, nil
	}
	key, err := requestObjectKey(s)
	if err != nil {
		return "", err
	}
	s.Pass(message.RuleJAREncryption, "request")
	return key.Encrypt([]byte(signed), keyjar.Header{
		Algorithm: b.RequestObjectEncryptionAlg, Encryption: b.RequestObjectEncryptionEnc, ContentType: "JWT",
	}, s.Context().Rand())
}

// requestObjectKey is what a request object is encrypted to: "signed then encrypted",
// with the provider's current key (Core, Section 10.2). A key set past its freshness is
// fetched again, since the provider keeps a retired key for a while only (Section 10.2.1);
// for as long as a refetch may be under way elsewhere, the old one serves.
func requestObjectKey(s *Step) (*keyjar.Key, error) {
	alg := s.Snapshot.Behaviour.RequestObjectEncryptionAlg
	if symmetric(alg) {
		return keyjar.NewSecret([]byte(s.Snapshot.ClientSecret().Reveal())).EncryptionKey(alg)
	}
	key, err := s.Snapshot.ProviderKeys().EncryptionKey(alg)
	if err == nil && s.Snapshot.KeysFresh(s.Snapshot.Issuer, s.Now.Add(-refetchCooldown)) {
		return key, nil
	}
	verdict := s.Fail(message.RuleJAREncryption, "request", "", "a current key of the provider for "+alg, err)
	if s.Snapshot.Endpoint(JWKSName) == "" {
		return nil, verdict
	}
	return nil, &NeedError{Task: s.task(NewJWKS, Args{}), Resend: true, Args: s.Args, Err: verdict}
}

func signRequestObject(s *Step, header keyjar.Header, payload []byte) (string, error) {
	alg := s.Snapshot.Behaviour.RequestObjectSigningAlg
	supported := s.Snapshot.Provider.RequestObjectSigningAlgs
	if alg == "none" {
		// "none" only if both sides say so (Dynamic Client Registration, Section 2).
		if err := s.Require(slices.Contains(supported, "none"), message.RuleJARAlg, "request.alg", "none", "an algorithm that the provider lists"); err != nil {
			return "", err
		}
		header.Algorithm = "none"
		return keyjar.Unsigned(header, payload)
	}
	keys := s.Snapshot.Keys
	if strings.HasPrefix(alg, "HS") {
		keys = keyjar.NewSecret([]byte(s.Snapshot.ClientSecret().Reveal()))
	}
	candidates := []string{alg}
	if alg == "" {
		candidates = keyjar.SigningAlgorithms()
	}
	for _, candidate := range candidates {
		if len(supported) > 0 && !slices.Contains(supported, candidate) {
			continue
		}
		key, err := keys.SigningKey(candidate)
		if err != nil {
			continue
		}
		s.Pass(message.RuleJARAlg, "request.alg")
		header.Algorithm = candidate
		return key.Sign(header, payload, s.Context().Rand())
	}
	return "", s.Fail(message.RuleJARAlg, "request.alg", alg, "an algorithm that the provider lists and a key of ours for it", nil)
}

// hostObject hands the object to the caller to serve and returns its request_uri.
// Where the provider wants it registered it is the registered address with the
// hash of the content as fragment; otherwise it has a name of its own.
func hostObject(s *Step, object string) (string, error) {
	const most = 512 // "The entire Request URI SHOULD NOT exceed 512 ASCII characters" (Core, Section 6.2)
	var address, reference string
	if registered := s.Snapshot.Metadata.RequestURIs; len(registered) > 0 {
		address, _, _ = strings.Cut(registered[0], "#")
		sum := sha256.Sum256([]byte(object))
		reference = address + "#" + base64.RawURLEncoding.EncodeToString(sum[:])
	} else {
		if s.Snapshot.RequestURIBase == "" {
			return "", fmt.Errorf("%w: request_uri_base", ErrNotConfigured)
		}
		if servicecontext.ProviderAllows(s.Snapshot.Provider.RequireRequestURIRegistration, false) {
			return "", s.Fail(message.RuleJARRequestURI, "request_uri", "", "a registered request_uri, which the provider requires", nil)
		}
		name, err := s.Random(16)
		if err != nil {
			return "", err
		}
		address = strings.TrimSuffix(s.Snapshot.RequestURIBase, "/") + "/" + name
		reference = address
	}
	ok := strings.HasPrefix(address, "https://") && len(reference) <= most
	if err := s.Require(ok, message.RuleJARRequestURI, "request_uri", message.Excerpt(address), "an https URI of at most 512 characters"); err != nil {
		return "", err
	}
	s.hosted = append(s.hosted, Hosted{URL: address, Media: "application/oauth-authz-req+jwt", Body: []byte(object)})
	return reference, nil
}
