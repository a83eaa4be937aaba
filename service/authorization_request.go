package service

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

func checkPrompt(s *Step, req *message.AuthorizationRequest) error {
	if len(req.Prompt) == 0 {
		if req.Scope.Has(message.ScopeOfflineAccess) && req.ResponseType.Has("code") {
			// "a prompt parameter value of consent" goes with offline_access
			// (Core, Section 11).
			req.Prompt = message.List{message.PromptConsent}
		} else {
			return nil
		}
	}
	if req.Prompt.Has(message.PromptNone) && len(req.Prompt) > 1 {
		return s.Fail(message.RuleAuthzRequestPrompt, "prompt", req.Prompt.String(), "none alone", nil)
	}
	s.Pass(message.RuleAuthzRequestPrompt, "prompt")
	return nil
}

func checkMaxAge(s *Step, req *message.AuthorizationRequest) error {
	if req.MaxAge == nil {
		return nil
	}
	return s.Require(*req.MaxAge >= 0, message.RuleAuthzRequestMaxAge, "max_age", fmt.Sprint(*req.MaxAge), "a non-negative number of seconds")
}

// checkObject: request objects are made when the request is passed, and there is one
// of them: "Request and request_uri parameters MUST NOT be included in Request Objects"
// and "MUST NOT be used in the same request" (Core, Section 6.1; RFC 9101, Section 5).
func checkObject(s *Step, req *message.AuthorizationRequest) error {
	if req.Request == "" && req.RequestURI == "" {
		return nil
	}
	return s.Fail(message.RuleJARParameters, "request", "", "neither request nor request_uri: they are made when the request is passed",
		fmt.Errorf("%w: a request object of the caller's own", ErrArgs))
}

// checkClaims: "The top-level members of the Claims request JSON object are" userinfo
// and id_token (Core, Section 5.5).
func checkClaims(s *Step, req *message.AuthorizationRequest) error {
	if req.Claims == nil {
		return nil
	}
	return s.Require(req.Claims.UserInfo != nil || req.Claims.IDToken != nil, message.RuleAuthzRequestClaims, "claims", "", "an object with userinfo or id_token")
}

// checkHint: the hint is an "ID Token previously issued by the Authorization Server"
// (Core, Section 3.1.2.1): one of this issuer, for us, with its signature. It may have
// expired, and its key may be gone.
func checkHint(s *Step, req *message.AuthorizationRequest) error {
	const rule, param = message.RuleAuthzRequestIDTokenHint, "id_token_hint"
	if req.IDTokenHint == "" {
		return nil
	}
	if keyjar.IsEncrypted(req.IDTokenHint.Reveal()) {
		s.Skip(rule, param, "it is encrypted, and goes back as it came")
		return nil
	}
	token, claims, err := readHint(req.IDTokenHint)
	if err != nil {
		return s.Fail(rule, param, "", "an ID Token", err)
	}
	if want := expectedIssuer(s, claims.Extra); claims.Issuer != want {
		return s.Fail(rule, param+".iss", message.Excerpt(claims.Issuer), want, nil)
	}
	if !claims.Audience.Has(s.clientID()) {
		return s.Fail(rule, param+".aud", message.Excerpt(strings.Join(claims.Audience, " ")), s.clientID(), nil)
	}
	alg := idTokenAlg(s)
	keys := s.Snapshot.ProviderKeys()
	if strings.HasPrefix(alg, "HS") {
		keys = keyjar.NewSecret([]byte(s.Snapshot.ClientSecret().Reveal()))
	}
	switch _, err := keys.Verify(token, acceptedAlg(token, alg)); {
	case err == nil:
		s.Pass(rule, param)
	case isUnknownKey(err):
		s.Warn(rule, param, "the key that signed it is not known any more")
	default:
		return s.Fail(rule, param, "", "an ID Token that this issuer signed", err)
	}
	return nil
}

// readHint decodes an ID Token that was verified before.
func readHint(hint message.Secret) (*keyjar.Token, *message.IDToken, error) {
	token, err := keyjar.Parse(hint.Reveal())
	if err != nil {
		return nil, nil, err
	}
	claims := new(message.IDToken)
	if err := message.DecodeClaims(token.Payload, claims); err != nil {
		return nil, nil, err
	}
	return token, claims, nil
}

// checkRich judges what RFC 8707 and RFC 9396 add.
func checkRich(s *Step, req *message.AuthorizationRequest) error {
	if err := checkResources(s, req.Resource); err != nil {
		return err
	}
	const rule, param = message.RuleAuthzRequestRich, "authorization_details"
	if len(req.AuthorizationDetails) == 0 {
		return nil
	}
	// "The JSON array contains ... objects", of which type is REQUIRED (RFC 9396,
	// Section 2).
	var details []map[string]json.RawMessage
	if err := json.Unmarshal(req.AuthorizationDetails, &details); err != nil || len(details) == 0 {
		return s.Fail(rule, param, "", "an array of objects", nil)
	}
	for i, d := range details {
		var kind string
		if json.Unmarshal(d["type"], &kind) != nil || kind == "" {
			return s.Fail(rule, fmt.Sprintf("%s[%d].type", param, i), "", "a text", nil)
		}
	}
	s.Pass(rule, param)
	return nil
}

// checkResources: "Its value MUST be an absolute URI ... The URI MUST NOT include a
// fragment component" (RFC 8707, Section 2).
func checkResources(s *Step, resources message.Audience) error {
	const rule, param = message.RuleAuthzRequestRich, "resource"
	if len(resources) == 0 {
		return nil
	}
	for _, r := range resources {
		u, err := url.Parse(r)
		if err != nil || !u.IsAbs() || strings.Contains(r, "#") {
			return s.Fail(rule, param, message.Excerpt(r), "an absolute URI without fragment", nil)
		}
	}
	s.Pass(rule, param)
	return nil
}

// sharedParameter names a parameter that an endpoint's own query and ours both have,
// or "".
func sharedParameter(endpoint, query string) string {
	_, own, _ := strings.Cut(endpoint, "?")
	theirs, err := url.ParseQuery(own)
	if err != nil {
		return ""
	}
	ours, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	for name := range theirs {
		if ours.Has(name) {
			return name
		}
	}
	return ""
}
