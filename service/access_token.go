package service

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// A grant is what a token response gives, ready to be committed.
type grant struct {
	expiry time.Time // of the access token, zero if unknown
}

// tokenAnswer is what a token endpoint's success looks like (RFC 6749, Section 5.1).
var tokenAnswer = Answer{
	StatusRule: message.RuleTokenResponseBody,
	Members: map[string]message.Rule{
		"access_token": message.RuleTokenResponseAccessToken, "refresh_token": message.RuleTokenResponseAccessToken,
		"token_type": message.RuleTokenResponseTokenType, "expires_in": message.RuleTokenResponseExpiresIn,
		"scope": message.RuleTokenResponseScope, "error": message.RuleTokenResponseError,
	},
}

// NewAccessToken makes the accesstoken service: the authorization code is redeemed
// at the token endpoint (RFC 6749, Section 4.1.3; Core, Section 3.1.3).
func NewAccessToken(env Env) Service {
	return Definition[message.AccessTokenRequest, message.AccessTokenResponse]{
		Name:     AccessTokenName,
		Method:   "POST",
		Request:  Form,
		Response: JSON,
		Proof:    ClientProof,
		DPoP:     true,
		Login:    true,
		Answer:   tokenAnswer,
		Endpoint: func(s *Step, _ *message.AccessTokenRequest) string { return s.Snapshot.Endpoint(AccessTokenName) },
		Gather:   gatherAccessToken,
		Remember: markCode,
		Verify:   verifyAccessToken,
		Update:   updateAccessToken,
	}.New(env)
}

// gatherAccessToken takes everything from the record: only the values of a
// validated authorization response can be redeemed.
func gatherAccessToken(_ context.Context, s *Step, req *message.AccessTokenRequest) error {
	if s.Record.Issuer != s.Snapshot.Issuer {
		return s.Fail(message.RuleTokenRequestEndpoint, "iss", message.Excerpt(s.Snapshot.Issuer), "the issuer of this login, "+s.Record.Issuer, nil)
	}
	s.Pass(message.RuleTokenRequestEndpoint, "token_endpoint")
	resp, err := recalled[message.AuthorizationResponse](s.Record, state.ItemAuthResponse)
	if err != nil {
		return err
	}
	asked, err := recalled[message.AuthorizationRequest](s.Record, state.ItemAuthRequest)
	if err != nil {
		return err
	}
	if resp.Code == "" {
		return s.Fail(message.RuleTokenRequestCodeOnce, "code", "", "a code that was not redeemed yet", nil)
	}
	if req.Code != "" && req.Code != resp.Code {
		return s.Fail(message.RuleTokenRequestValidated, "code", "", "the code of the verified authorization response", nil)
	}
	if req.RedirectURI != "" && req.RedirectURI != asked.RedirectURI {
		return s.Fail(message.RuleTokenRequestRedirectURI, "redirect_uri", message.Excerpt(req.RedirectURI), asked.RedirectURI, nil)
	}
	verifier := message.Secret(s.Record.Kept(state.KeptCodeVerifier))
	if req.CodeVerifier != "" && !req.CodeVerifier.Equal(verifier) {
		return s.Fail(message.RuleTokenRequestCodeVerifier, "code_verifier", "", "the verifier of this login", nil)
	}
	switch {
	case verifier != "":
		s.Pass(message.RuleTokenRequestCodeVerifier, "code_verifier")
	case asked.CodeChallenge != "":
		return s.Fail(message.RuleTokenRequestCodeVerifier, "code_verifier", "", "the verifier of the challenge that was sent", nil)
	default:
		s.Skip(message.RuleTokenRequestCodeVerifier, "code_verifier", "no challenge was sent")
	}
	s.Pass(message.RuleTokenRequestValidated, "code")
	s.Pass(message.RuleTokenRequestRedirectURI, "redirect_uri")
	req.GrantType = message.GrantTypeAuthorizationCode
	req.Code = resp.Code
	req.RedirectURI = asked.RedirectURI
	req.CodeVerifier = verifier
	if len(req.Resource) == 0 {
		req.Resource = slices.Clone(asked.Resource)
	} else if err := checkResources(s, req.Resource); err != nil {
		return err
	}
	if s.Snapshot.Compat.SendStateToTokenEndpoint {
		req.ClientID = s.clientID()
		req.State = s.State
	}
	return nil
}

// markCode makes sure that a code is sent once: when the fate of a token request
// is unknown, the login must be started again (RFC 6749, Section 4.1.2). A retry
// with a DPoP nonce is no second use, since its refusal cannot have consumed the code.
func markCode(ctx context.Context, s *Step, _ *message.AccessTokenRequest) error {
	if s.Args.DPoPNonce != "" {
		return nil
	}
	r, err := s.DB().Update(ctx, s.State, func(r *state.Record) error {
		if r.Kept(state.KeptTokenRequestSent) != "" {
			return errSent
		}
		r.Keep(state.KeptTokenRequestSent, strconv.FormatInt(s.Now.Unix(), 10))
		return nil
	})
	if errors.Is(err, errSent) {
		return s.Fail(message.RuleTokenRequestCodeOnce, "code", "", "a code that was not sent before: start the login again", nil)
	}
	if err != nil {
		return err
	}
	s.Record = r
	s.Pass(message.RuleTokenRequestCodeOnce, "code")
	return nil
}

var errSent = errors.New("sent before")

func verifyAccessToken(ctx context.Context, s *Step, resp *message.AccessTokenResponse) error {
	if err := verifyTokens(s, resp); err != nil {
		return err
	}
	asked, err := recalled[message.AuthorizationRequest](s.Record, state.ItemAuthRequest)
	if err != nil {
		return err
	}
	if resp.IDToken == "" {
		return s.Require(!asked.Scope.Has(message.ScopeOpenID), message.RuleTokenResponseIDTokenMissing, "id_token", "", "an ID Token, since openid was asked for")
	}
	facts := idTokenFacts{unsigned: true, request: asked, nonce: asked.Nonce, accessToken: resp.AccessToken, code: codeOf(s.Record), state: s.State}
	if first := s.Record.Kept(state.KeptIDTokenClaims); first != "" {
		facts.first = new(message.IDToken)
		if err := message.DecodeClaims([]byte(first), facts.first); err != nil {
			return err
		}
	}
	if err := verifyIDToken(s, resp.IDToken, facts); err != nil {
		return err
	}
	s.Pass(message.RuleTokenResponseCommit, "id_token")
	return nil
}

// codeOf returns the code that a c_hash at the token endpoint would belong to.
func codeOf(r state.Record) message.Secret {
	resp, err := recalled[message.AuthorizationResponse](r, state.ItemAuthResponse)
	if err != nil {
		return ""
	}
	return resp.Code
}

// verifyTokens judges the members that every token response has.
func verifyTokens(s *Step, resp *message.AccessTokenResponse) error {
	for _, check := range []func(*Step, *message.AccessTokenResponse) error{verifyTokenMembers, verifyTokenType, verifyTokenLife} {
		if err := check(s, resp); err != nil {
			return err
		}
	}
	return nil
}

func verifyTokenMembers(s *Step, resp *message.AccessTokenResponse) error {
	if err := verifyTokenText(s, "access_token", resp.AccessToken); err != nil {
		return err
	}
	if _, empty := resp.Extra.Get("refresh_token"); !empty && resp.RefreshToken == "" {
		return nil
	}
	return verifyTokenText(s, "refresh_token", resp.RefreshToken)
}

// verifyTokenText: an access token and a refresh token are one or more VSCHAR (RFC 6749,
// Appendices A.12 and A.17). Another character would not arrive as it was sent.
func verifyTokenText(s *Step, param string, token message.Secret) error {
	text := token.Reveal()
	outside := strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
	return s.Require(text != "" && !outside, message.RuleTokenResponseAccessToken, param, "", "a non-empty string of printable ASCII")
}

func verifyTokenType(s *Step, resp *message.AccessTokenResponse) error {
	// "token_type ... is case insensitive" (RFC 6749, Section 5.1); "The client MUST
	// NOT use an access token if it does not understand the token type" (7.1).
	want := message.TokenTypeBearer
	if s.Snapshot.DPoPKey != nil {
		want = message.TokenTypeDPoP
		// "the client MUST discard the response" when a bound token was asked for and
		// this is unacceptable (RFC 9449, Section 5).
		if strings.EqualFold(resp.TokenType, message.TokenTypeBearer) {
			return s.Fail(message.RuleTokenResponseDPoPDowngrade, "token_type", message.Excerpt(resp.TokenType), want, nil)
		}
	}
	return s.Require(strings.EqualFold(resp.TokenType, want), message.RuleTokenResponseTokenType, "token_type", message.Excerpt(resp.TokenType), want)
}

func verifyTokenLife(s *Step, resp *message.AccessTokenResponse) error {
	if err := verifyExpiresIn(s, resp.ExpiresIn); err != nil {
		return err
	}
	if resp.ExpiresIn != nil {
		s.granted.expiry = s.Now.Add(time.Duration(*resp.ExpiresIn) * time.Second)
	}
	if len(resp.Scope) == 0 {
		s.Skip(message.RuleTokenResponseScope, "scope", "absent: as requested")
		return nil
	}
	s.Pass(message.RuleTokenResponseScope, "scope")
	return nil
}

// verifyExpiresIn judges the life of an access token, whichever channel it came by (RFC
// 6749, Sections 4.2.2 and 5.1).
func verifyExpiresIn(s *Step, seconds *int64) error {
	if seconds == nil {
		s.Skip(message.RuleTokenResponseExpiresIn, "expires_in", "absent")
		return nil
	}
	const most = 1 << 31 // seconds: 68 years are beyond any token's life
	return s.Require(*seconds >= 0 && *seconds < most, message.RuleTokenResponseExpiresIn, "expires_in", strconv.FormatInt(*seconds, 10), "a non-negative number of seconds")
}

func updateAccessToken(ctx context.Context, s *Step, resp *message.AccessTokenResponse) error {
	if err := s.spendNonce(ctx); err != nil {
		return err
	}
	encoded, err := message.EncodeJSON(resp)
	if err != nil {
		return err
	}
	spent, err := withoutCode(s.Record)
	if err != nil {
		return err
	}
	return s.amend(ctx, func(r *state.Record) {
		r.Set(state.ItemAuthResponse, spent)
		keepMessage(r, state.ItemTokenResponse, encoded, resp)
		s.keepTokens(r)
	})
}

// withoutCode is the authorization response as it is kept once the code is spent.
func withoutCode(r state.Record) ([]byte, error) {
	resp, err := recalled[message.AuthorizationResponse](r, state.ItemAuthResponse)
	if err != nil {
		return nil, err
	}
	spent := *resp
	spent.Code = ""
	return message.EncodeJSON(&spent)
}

// spendNonce records issuer and nonce until the ID Token has expired: a second
// commit with them loses (Core, Section 3.1.3.7, item 11).
func (s *Step) spendNonce(ctx context.Context) error {
	if s.IDToken == nil || s.IDToken.Nonce == "" {
		return nil
	}
	const most = 100 * 365 * 24 * 60 * 60 // seconds, so that a far future does not wrap
	left := min(max(s.IDToken.Expiration.Float()-float64(s.Now.Unix()), 0), most)
	ttl := time.Duration(left)*time.Second + s.Snapshot.Leeway + time.Second
	seen, err := s.DB().Seen(ctx, state.KindNonce, state.PerIssuer(s.Snapshot.Issuer, s.Service+" "+s.IDToken.Nonce), ttl)
	if err != nil {
		return err
	}
	return s.Require(!seen, message.RuleIDTokenNonceReplay, "id_token.nonce", "", "a nonce that was not accepted before")
}

// keepIDToken keeps the verified claims beside the message that brought them, and
// makes the login findable by its subject and session, for logout.
func (s *Step) keepIDToken(r *state.Record) {
	if s.IDToken == nil {
		return
	}
	s.keepSources(r)
	if r.Kept(keptFirstClaims) == "" {
		r.Keep(keptFirstClaims, r.Kept(state.KeptIDTokenClaims))
	}
	r.Keep(state.KeptIDTokenClaims, string(s.payload))
	_, _ = r.DecodeKept(state.KeptIDTokenClaims, func(string) (any, error) { return s.subject, nil }) // for verifiedSubject
	r.Link(state.KindSubject, state.PerIssuer(s.IDToken.Issuer, s.IDToken.Subject))
	if s.IDToken.SessionID != "" {
		r.Link(state.KindSessionID, state.PerIssuer(s.IDToken.Issuer, s.IDToken.SessionID))
	}
}

// firstClaims returns the claims of a login's original ID Token, "" if it had none.
func firstClaims(r state.Record) string {
	if first := r.Kept(keptFirstClaims); first != "" {
		return first
	}
	return r.Kept(state.KeptIDTokenClaims)
}

func (s *Step) keepTokens(r *state.Record) {
	s.keepIDToken(r)
	expiry := ""
	if !s.granted.expiry.IsZero() {
		expiry = strconv.FormatInt(s.granted.expiry.Unix(), 10)
	}
	r.Keep(state.KeptExpiry, expiry)
}

// currentTokens returns the newest message that brought an access token.
func currentTokens(r state.Record) (*message.AccessTokenResponse, error) {
	for _, item := range []string{state.ItemRefreshTokenResponse, state.ItemTokenResponse} {
		if r.Item(item) != nil {
			m, err := recalled[message.AccessTokenResponse](r, item)
			if err != nil {
				return nil, err
			}
			if m.AccessToken == "" {
				return nil, errNoToken // it was revoked
			}
			return m, nil
		}
	}
	if r.Item(state.ItemAuthResponse) == nil {
		return nil, errNoToken
	}
	front, err := recalled[message.AuthorizationResponse](r, state.ItemAuthResponse)
	if err != nil {
		return nil, err
	}
	if front.AccessToken == "" {
		return nil, errNoToken
	}
	return &message.AccessTokenResponse{AccessToken: front.AccessToken, TokenType: front.TokenType, IDToken: front.IDToken, Scope: front.Scope}, nil
}

var errNoToken = errors.New("this login has no access token")
