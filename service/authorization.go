package service

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// keptFirstClaims is the private value of a record that holds the claims of the
// login's original ID Token, which later ones are compared with, once there is a later
// one: see firstClaims.
const keptFirstClaims = "id_token_first"

const (
	stateBytes   = 32 // 256 bits, 43 characters
	nonceBytes   = 32
	stateMinimum = 22  // characters that can hold 128 bits
	stateMaximum = 128 // characters that every provider is known to return whole
)

// NewAuthorization makes the authorization service: the authentication request of
// OpenID Connect Core 1.0, Section 3.1.2, and the response that the browser brings
// (RFC 6749, Section 4.1).
func NewAuthorization(env Env) Service {
	return Definition[message.AuthorizationRequest, message.AuthorizationResponse]{
		Name:     AuthorizationName,
		Request:  Query,
		Response: Params,
		Endpoint: func(s *Step, _ *message.AuthorizationRequest) string {
			if s.Snapshot.Provider == nil {
				return ""
			}
			return s.Snapshot.Provider.AuthorizationEndpoint
		},
		Gather:   gatherAuthorization,
		Complete: completeAuthorization,
		Present:  presentAuthorization,
		Remember: func(ctx context.Context, s *Step, req *message.AuthorizationRequest) error {
			if s.resumed {
				return nil // the login was begun when its request was pushed
			}
			return rememberAuthorization(ctx, s, req)
		},
		Decode: decodeAuthorizationResponse,
		Verify: verifyAuthorizationResponse,
		Update: updateAuthorization,
		Refused: func(ctx context.Context, s *Step, _ *message.Error) error {
			// "it then ends the transaction": a declared error spends the state.
			var resp message.AuthorizationResponse
			if decodeFront(s.Response, &resp) == nil && resp.State != "" {
				return s.DB().End(ctx, resp.State)
			}
			return nil
		},
	}.New(env)
}

func gatherAuthorization(ctx context.Context, s *Step, req *message.AuthorizationRequest) error {
	if s.Snapshot.Issuer == "" || s.Snapshot.Provider == nil {
		return fmt.Errorf("%w: the provider's metadata", ErrNotConfigured)
	}
	id := s.clientID()
	if id == "" {
		return ErrNotRegistered
	}
	if req.ClientID == "" {
		req.ClientID = id
	}
	if req.ClientID != id {
		return fmt.Errorf("%w: client_id is not ours", ErrArgs)
	}
	if len(req.Scope) == 0 {
		req.Scope = s.Snapshot.Scope
	}
	return resumePushed(ctx, s, req)
}

// authorizationSteps are the rules of an authorization request, in their order; some
// settle what is still open.
var authorizationSteps = []func(*Step, *message.AuthorizationRequest) error{
	checkExposure, checkScope, checkResponseType, checkResponseMode, checkRedirectURI, checkPrompt, checkMaxAge, checkObject, checkClaims, checkHint, checkRich,
	settleState, settleNonce,
}

// completeAuthorization settles what is still open and applies the rules of the
// request.
func completeAuthorization(_ context.Context, s *Step, req *message.AuthorizationRequest) error {
	if s.resumed {
		return nil // it was settled by the call that began the login
	}
	if len(req.ResponseType) == 0 {
		req.ResponseType = s.Snapshot.Behaviour.ResponseType()
	}
	for _, check := range authorizationSteps {
		if err := check(s, req); err != nil {
			return err
		}
	}
	if key := s.Snapshot.DPoPKey; key != nil && req.ResponseType.Has("code") {
		req.DPoPJKT = key.Thumbprint() // binds the code to the key (RFC 9449, Section 10)
	}
	var err error
	s.verifier, err = addChallenge(s, req)
	return err
}

// credentials are parameters of other requests that prove something about the client.
var credentials = []string{"client_secret", "client_assertion", "code_verifier", "access_token", "refresh_token", "password"}

// checkExposure: the browser, its history and every log on the way see this request.
func checkExposure(s *Step, req *message.AuthorizationRequest) error {
	for _, name := range credentials {
		if req.Extra.Has(name) {
			return s.Fail(message.RuleClientAuthExposure, name, "", "no credential in a request that the browser carries", ErrArgs)
		}
	}
	return nil
}

func checkScope(s *Step, req *message.AuthorizationRequest) error {
	openID := s.Snapshot.Profile.OpenID()
	if len(req.Scope) == 0 && openID {
		req.Scope = message.List{message.ScopeOpenID}
	}
	for _, word := range req.Scope {
		if !message.IsScopeToken(word) {
			return fmt.Errorf("%w: scope: %s is no scope of printable ASCII without quote and backslash", ErrArgs, message.Excerpt(word))
		}
	}
	if req.Scope.Has(message.ScopeOpenID) == openID {
		s.Pass(message.RuleAuthzRequestScopeOpenID, "scope")
		return nil
	}
	want := "no openid, since the profile is plain OAuth"
	if openID {
		want = "openid among the scopes"
	}
	return s.Fail(message.RuleAuthzRequestScopeOpenID, "scope", req.Scope.String(), want, nil)
}

func checkResponseType(s *Step, req *message.AuthorizationRequest) error {
	const rule = message.RuleAuthzRequestResponseType
	t := req.ResponseType
	known := len(t) > 0
	for _, word := range t {
		known = known && (word == "code" || word == "id_token" || word == "token")
	}
	if !known || t.Equal(message.List{"token"}) {
		return s.Fail(rule, "response_type", t.String(), "a response type of OpenID Connect", nil)
	}
	if t.Has("token") && !s.Snapshot.Compat.AllowFrontChannelAccessToken {
		return s.Fail(rule, "response_type", t.String(), "no access token in the front channel unless allow_front_channel_access_token is set", nil)
	}
	if !s.Snapshot.Behaviour.AllowsResponseType(t) {
		return s.Fail(rule, "response_type", t.String(), "a registered response type", nil)
	}
	if p := s.Snapshot.Provider; len(p.ResponseTypesSupported) > 0 && !hasResponseType(p.ResponseTypesSupported, t) {
		return s.Fail(rule, "response_type", t.String(), "a response type that the provider supports", nil)
	}
	s.Pass(rule, "response_type")
	return nil
}

// hasResponseType compares response types as sets of words in any order
// (RFC 6749, Section 3.1.1).
func hasResponseType(list []string, t message.List) bool {
	for _, supported := range list {
		if len(t) == 1 && t[0] == supported || t.Equal(message.ParseList(supported)) {
			return true
		}
	}
	return false
}

// defaultMode is the response mode of a request that names none (Multiple Response
// Type Encoding Practices, Section 2.1, and its types in Section 5).
func defaultMode(t message.List) message.ResponseMode {
	if t.Has("token") || t.Has("id_token") {
		return message.ResponseModeFragment
	}
	return message.ResponseModeQuery
}

// defaultModes: "If omitted, the default for Dynamic OpenID Providers is ["query",
// "fragment"]" (Discovery, Section 3; RFC 8414, Section 2; rule metadata_defaults).
var defaultModes = []string{string(message.ResponseModeQuery), string(message.ResponseModeFragment)}

func checkResponseMode(s *Step, req *message.AuthorizationRequest) error {
	const rule = message.RuleAuthzRequestResponseMode
	if req.ResponseMode == "" {
		// FAPI 2.0 Message Signing, Section 5.4: responses are signed where the provider can.
		if s.Snapshot.Profile != servicecontext.ProfileFAPI2MessageSigning ||
			!contains(s.Snapshot.Provider.ResponseModesSupported, string(message.ResponseModeJWT)) {
			return nil
		}
		req.ResponseMode = message.ResponseModeJWT
	}
	switch carrier(req.ResponseMode, req.ResponseType) {
	case message.ResponseModeQuery:
		// Tokens go into a query only inside an encrypted JWT (JARM, Section 2.3.1).
		encrypted := isJWTMode(req.ResponseMode) && s.Snapshot.Behaviour.AuthorizationEncryptedResponseAlg != ""
		if defaultMode(req.ResponseType) != message.ResponseModeQuery && !encrypted {
			return s.Fail(rule, "response_mode", string(req.ResponseMode), "fragment or form_post for a response that carries tokens", nil)
		}
	case message.ResponseModeFragment, message.ResponseModeFormPost:
	default:
		return s.Fail(rule, "response_mode", string(req.ResponseMode), "query, fragment or form_post, plain or as a JWT", nil)
	}
	modes := s.Snapshot.Provider.ResponseModesSupported
	if len(modes) == 0 {
		modes = defaultModes
	}
	if !contains(modes, string(req.ResponseMode)) {
		return s.Fail(rule, "response_mode", string(req.ResponseMode), "a mode that the provider supports: "+message.Excerpt(message.List(modes).String()), nil)
	}
	s.Pass(rule, "response_mode")
	return nil
}

func checkRedirectURI(s *Step, req *message.AuthorizationRequest) error {
	const rule = message.RuleAuthzRequestRedirectURI
	if req.RedirectURI == "" {
		req.RedirectURI = s.Snapshot.RedirectURI(carrier(req.ResponseMode, req.ResponseType))
	}
	if req.RedirectURI == "" {
		return fmt.Errorf("%w: redirect_uris", ErrNotConfigured)
	}
	// "MUST be an absolute URI", and "MUST NOT include a fragment component" (RFC 6749,
	// Section 3.1.2), also where the registration was made out of band.
	scheme, _, absolute := strings.Cut(req.RedirectURI, ":")
	if !absolute || strings.ContainsAny(scheme, "/?#") || strings.Contains(req.RedirectURI, "#") {
		return s.Fail(rule, "redirect_uri", message.Excerpt(req.RedirectURI), "an absolute URI without fragment", nil)
	}
	return s.Require(contains(s.Snapshot.Metadata.RedirectURIs, req.RedirectURI), rule, "redirect_uri", message.Excerpt(req.RedirectURI), "one of the registered redirect URIs")
}

// settleState takes the caller's state or draws one. "The probability of an
// attacker guessing generated tokens MUST be less than or equal to 2^(-128)"
// (RFC 6749, Section 10.10).
func settleState(s *Step, req *message.AuthorizationRequest) error {
	const rule = message.RuleAuthzRequestState
	given := s.Args.State
	if given == "" {
		given = req.State
	} else if req.State != "" && req.State != given {
		return fmt.Errorf("%w: Args.State and the message's state differ", ErrArgs)
	}
	if given == "" {
		fresh, err := s.Random(stateBytes)
		if err != nil {
			return err
		}
		given = fresh
	} else if len(given) < stateMinimum || len(given) > stateMaximum || !urlSafe(given) {
		return s.Fail(rule, "state", fmt.Sprintf("%d characters", len(given)), "22 to 128 URL-safe characters", nil)
	}
	req.State, s.State = given, given
	s.Pass(rule, "state")
	return nil
}

// settleNonce makes sure that an OpenID request has a nonce. It is taken from the
// caller only for replays of recorded conversations.
func settleNonce(s *Step, req *message.AuthorizationRequest) error {
	if !req.Scope.Has(message.ScopeOpenID) {
		return nil
	}
	if req.Nonce == "" {
		fresh, err := s.Random(nonceBytes)
		if err != nil {
			return err
		}
		req.Nonce = fresh
	} else if len(req.Nonce) < stateMinimum {
		return s.Fail(message.RuleAuthzRequestNonce, "nonce", fmt.Sprintf("%d characters", len(req.Nonce)), "22 characters or more", nil)
	}
	s.Pass(message.RuleAuthzRequestNonce, "nonce")
	return nil
}

func rememberAuthorization(ctx context.Context, s *Step, req *message.AuthorizationRequest) error {
	encoded, err := message.EncodeJSON(req)
	if err != nil {
		return err
	}
	r := state.NewRecord(req.State, s.Snapshot.Issuer)
	keepMessage(&r, state.ItemAuthRequest, encoded, req)
	r.Keep(state.KeptDPoPThumbprint, req.DPoPJKT)
	r.Keep(state.KeptReturnTo, s.Args.ReturnTo)
	if verifier := s.verifier; verifier != "" {
		r.Keep(state.KeptCodeVerifier, verifier)
	}
	if s.Args.Binding != "" {
		r.Keep(state.KeptBinding, bindingHash(s.Args.Binding))
		s.Pass(message.RuleAuthzRequestBrowserBinding, "binding")
	} else {
		s.Skip(message.RuleAuthzRequestBrowserBinding, "binding", "the caller gave no binding")
	}
	if err := s.DB().Begin(ctx, r); err != nil {
		if errors.Is(err, state.ErrExists) {
			return s.Fail(message.RuleAuthzRequestState, "state", "", "a state that was never used", err)
		}
		return err
	}
	return nil
}

// bindingHash is what the record holds of the browser's value, so that a leaked
// record does not give away the cookie.
func bindingHash(binding string) string { return hashText(binding) }

// hashText returns BASE64URL-ENCODE(SHA256(text)).
func hashText(text string) string {
	sum := sha256.Sum256(append(make([]byte, 0, 64), text...))
	return string(base64.RawURLEncoding.AppendEncode(make([]byte, 0, 43), sum[:]))
}

func updateAuthorization(ctx context.Context, s *Step, resp *message.AuthorizationResponse) error {
	encoded, err := message.EncodeJSON(resp)
	if err != nil {
		return err
	}
	// Of concurrent callbacks with one state exactly one gets past this line.
	_, err = s.DB().ClaimWith(ctx, resp.State, func(r *state.Record) {
		keepMessage(r, state.ItemAuthResponse, encoded, resp)
		s.keepIDToken(r)
	})
	if err != nil {
		if errors.Is(err, state.ErrUnknown) {
			return s.Fail(message.RuleAuthzResponseStateSingleUse, "state", "", "a state that was not used before", err)
		}
		return err
	}
	if err := s.spendNonce(ctx); err != nil {
		return errors.Join(err, s.DB().End(context.WithoutCancel(ctx), resp.State)) // what was claimed is over
	}
	return nil
}

// sameText compares in constant time values whose length is no secret.
func sameText(a, b string) bool {
	return len(a) == len(b) && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

func urlSafe(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~') {
			return false
		}
	}
	return true
}

func contains(list []string, value string) bool {
	for _, v := range list {
		if v == value {
			return true
		}
	}
	return false
}
