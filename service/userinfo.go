package service

import (
	"context"
	"fmt"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// How the userinfo service shows its access token, as Settings.ClientAuth names it
// (RFC 6750, Sections 2.1 and 2.2). The URL is never used.
const (
	BearerHeader = "bearer_header" // the default
	BearerBody   = "bearer_body"
)

const mediaJWT = "application/jwt"

// NewUserInfo makes the userinfo service (Core, Section 5.3).
func NewUserInfo(env Env) Service {
	d := Definition[message.UserInfoRequest, message.UserInfoResponse]{
		Name:     UserInfoName,
		Request:  None,
		Response: JWT,
		Proof:    TokenProof,
		Bound:    true,
		Login:    true,
		Answer: Answer{
			Media:      []string{"application/json", mediaJWT},
			StatusRule: message.RuleUserInfoStatus,
			NoErrors:   true, // those of a challenge apart (Core, Section 5.3.3)
			MediaRule:  message.RuleUserInfoContentType,
			BodyRule:   message.RuleUserInfoClaims,
			Members:    userInfoClaimRules,
			First:      challengedUserInfo,
		},
		Endpoint: func(s *Step, _ *message.UserInfoRequest) string { return s.Snapshot.Endpoint(UserInfoName) },
		Gather:   gatherUserInfo,
		Token:    func(_ *Step, req *message.UserInfoRequest) message.Secret { return req.AccessToken },
		Verify:   verifyUserInfo,
		Update: func(ctx context.Context, s *Step, resp *message.UserInfoResponse) error {
			encoded, err := message.EncodeJSON(resp)
			if err != nil {
				return err
			}
			return s.amend(ctx, func(r *state.Record) {
				r.Set(state.ItemUserInfo, encoded)
				s.keepSources(r)
			})
		},
	}
	d.Decode = func(_ context.Context, s *Step) (*message.UserInfoResponse, error) {
		return decodeUserInfo(s, &d.Answer)
	}
	if env.Settings.ClientAuth == BearerBody {
		d.Method, d.Request, d.Token = "POST", Form, nil
	}
	return d.New(env)
}

func gatherUserInfo(_ context.Context, s *Step, req *message.UserInfoRequest) error {
	if req.AccessToken == "" {
		tokens, err := currentTokens(s.Record)
		if err != nil {
			return err
		}
		req.AccessToken, s.tokenType = tokens.AccessToken, tokens.TokenType
		s.Pass(message.RuleUserInfoTokenTransport, "access_token")
	} else if s.Snapshot.DPoPKey != nil {
		s.tokenType = message.TokenTypeDPoP
	}
	// A body has no room for the scheme that a bound token is shown under.
	if s.env.Settings.ClientAuth == BearerBody && strings.EqualFold(s.tokenType, message.TokenTypeDPoP) {
		return s.Fail(message.RuleUserInfoDPoPScheme, "access_token", BearerBody, "the header, for a token that is bound to a key", nil)
	}
	return nil
}

// challengedUserInfo gives an error that a challenge declares its consequences: the
// access token is refreshed once when it is called invalid, and otherwise the
// challenge goes with the error (RFC 6750, Section 3.1; RFC 9470, Section 3).
func challengedUserInfo(s *Step) (bool, error) {
	declared := challengedError(s.Response)
	if declared == nil {
		return false, nil
	}
	s.Pass(message.RuleUserInfoChallenge, "www_authenticate")
	challenges, _ := message.ParseChallenges(headerValues(s.Response.Header, "WWW-Authenticate"))
	var err error = &ChallengeError{Challenge: declaring(challenges, declared), Err: declared}
	own := new(message.UserInfoRequest)
	if assign(own, s.Args.Message) == nil && own.AccessToken != "" {
		return false, err // it is the caller's to renew
	}
	if need := refreshFirst(s, declared); need != nil {
		need.Err = err
		return false, need
	}
	return false, err
}

// decodeUserInfo reads JSON where nothing was registered and a JWT where signing or
// encryption was; the other form is refused (Core, Section 5.3.2).
func decodeUserInfo(s *Step, answer *Answer) (*message.UserInfoResponse, error) {
	b := s.Snapshot.Behaviour
	got := mediaType(strings.Join(headerValues(s.Response.Header, "Content-Type"), ","))
	want := "application/json"
	if b.UserInfoSignedResponseAlg != "" || b.UserInfoEncryptedResponseAlg != "" {
		want = mediaJWT
	}
	if got != want { // that it is one of the two the Answer has passed
		return nil, s.Fail(message.RuleUserInfoContentType, "content_type", message.Excerpt(got), want, nil)
	}
	m := new(message.UserInfoResponse)
	if want != mediaJWT {
		if err := s.Snapshot.Compat.DecodeJSON(s.Response.Body, m); err != nil {
			return nil, answer.malformed(s, err)
		}
		return m, nil
	}
	payload, err := openUserInfo(s, string(s.Response.Body))
	if err != nil {
		return nil, err
	}
	if err := decodeClaims(s, payload, m, "userinfo", userInfoClaimRules); err != nil {
		return nil, err
	}
	if err := requireCurrent(s, message.RuleUserInfoClaims, "userinfo", m.Expiration, m.NotBefore); err != nil {
		return nil, err
	}
	if b.UserInfoSignedResponseAlg == "" {
		return m, nil
	}
	// "If signed, the UserInfo Response MUST contain the Claims iss and aud".
	if err := s.Require(m.Issuer == s.Snapshot.Issuer, message.RuleUserInfoIss, "userinfo.iss", message.Excerpt(m.Issuer), s.Snapshot.Issuer); err != nil {
		return nil, err
	}
	return m, verifyAudience(s, message.RuleUserInfoAud, "userinfo.aud", m.Audience)
}

var userInfoClaimRules = claimRules{"sub": message.RuleUserInfoSub, "iss": message.RuleUserInfoIss, "aud": message.RuleUserInfoAud}

// openUserInfo decrypts and verifies the JWT and returns its claims.
func openUserInfo(s *Step, text string) ([]byte, error) {
	b := s.Snapshot.Behaviour
	if b.UserInfoEncryptedResponseAlg != "" && b.UserInfoSignedResponseAlg == "" {
		return decryptClaims(s, text, "userinfo", message.RuleUserInfoNotEncrypted, b.UserInfoEncryptedResponseAlg, b.UserInfoEncryptedResponseEnc)
	}
	text, err := decrypt(s, text, "userinfo", message.RuleUserInfoNotEncrypted, b.UserInfoEncryptedResponseAlg, b.UserInfoEncryptedResponseEnc)
	if err != nil {
		return nil, err
	}
	t, err := parseJWT(s, text, "userinfo")
	if err != nil {
		return nil, err
	}
	alg := b.UserInfoSignedResponseAlg
	if err := requireAlg(s, message.RuleUserInfoSignature, "userinfo.alg", &t.Header, alg); err != nil {
		return nil, err
	}
	if err := requireTyp(s, message.RuleJOSETyp, "userinfo.typ", &t.Header, "JWT"); err != nil {
		return nil, err
	}
	return t.Payload, verifySignature(s, t, alg, "userinfo", message.RuleUserInfoSignature)
}

// verifyUserInfo: "The sub Claim in the UserInfo Response MUST be verified to
// exactly match the sub Claim in the ID Token" (Core, Section 5.3.2).
func verifyUserInfo(_ context.Context, s *Step, resp *message.UserInfoResponse) error {
	if s.Record.Kept(state.KeptIDTokenClaims) == "" {
		return fmt.Errorf("%w: the login has no verified ID Token to compare with", ErrNotConfigured)
	}
	verified, err := verifiedSubject(s.Record)
	if err != nil {
		return err
	}
	if err := s.Require(resp.Subject != "" && resp.Subject == verified, message.RuleUserInfoSub, "sub", message.Excerpt(resp.Subject), "the sub of the ID Token"); err != nil {
		return err
	}
	reportEssential(s, resp)
	findSources(s, resp, resp.ClaimNames, resp.ClaimSources, "userinfo")
	return nil
}

// verifiedSubject is the sub of a login's verified ID Token.
func verifiedSubject(r state.Record) (string, error) {
	made, err := r.DecodeKept(state.KeptIDTokenClaims, func(claims string) (any, error) {
		var verified struct {
			Subject string `json:"sub,omitempty"`
		}
		if err := message.DecodeClaims([]byte(claims), &verified); err != nil {
			return nil, err
		}
		return verified.Subject, nil
	})
	subject, _ := made.(string)
	return subject, err
}

// reportEssential warns of essential claims that did not come: it is not an error
// (Core, Section 5.5.1).
func reportEssential(s *Step, resp *message.UserInfoResponse) {
	asked, err := recalled[message.AuthorizationRequest](s.Record, state.ItemAuthRequest)
	if err != nil || asked.Claims == nil {
		s.Pass(message.RuleUserInfoClaims, "claims")
		return
	}
	present := claimNames(resp)
	for name, wish := range asked.Claims.UserInfo {
		if essential(wish) && !present[name] {
			s.Warn(message.RuleUserInfoClaims, name, "essential, and absent")
		}
	}
	s.Pass(message.RuleUserInfoClaims, "claims")
}
