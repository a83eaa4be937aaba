package service

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// resourceBody bounds the answer of a protected resource.
const resourceBody = 16 << 20

// A ResourceRequest is any HTTP request to a protected resource (RFC 6749, Section 7).
type ResourceRequest struct {
	Method string `json:"method"` // GET if empty
	URL    string `json:"-"`      // an address of the caller's choice
	Header Header `json:"-"`      // without Authorization and DPoP
	Body   []byte `json:"-"`      // as it is sent
	// AccessToken and TokenType are for a token that is in no record.
	AccessToken message.Secret `json:"access_token,omitempty"`
	TokenType   string         `json:"token_type,omitempty"`
	Extra       message.Extra  `json:"-" url:"-"`
}

// LogValue shows the method, and nothing that could be a secret.
func (m ResourceRequest) LogValue() slog.Value { return message.LogValue(m) }

// Format shows the method, and nothing that could be a secret.
func (m ResourceRequest) Format(s fmt.State, verb rune) { message.Format(s, verb, m) }

// A ResourceResponse is what a protected resource answered, whatever it is.
type ResourceResponse struct {
	Status int    `json:"status"` // the HTTP status
	Header Header `json:"-"`      // as it came
	Body   []byte `json:"-"`      // at most 16 MiB
	// Challenges are those of a 401, or of another status that carries some.
	Challenges []message.Challenge `json:"-"`
	Extra      message.Extra       `json:"-" url:"-"`
}

// LogValue shows the status alone.
func (m ResourceResponse) LogValue() slog.Value { return message.LogValue(m) }

// Format shows the status alone.
func (m ResourceResponse) Format(s fmt.State, verb rune) { message.Format(s, verb, m) }

// A ChallengeError is an error that a protected resource declared in a challenge (RFC
// 6750, Section 3.1), or one with a challenge beside it (RFC 6749, Section 5.2). The
// challenge says what would help: scope for insufficient_scope, acr_values and max_age for
// insufficient_user_authentication (RFC 9470, Section 3), resource_metadata (RFC 9728,
// Section 5.1).
type ChallengeError struct {
	Challenge message.Challenge // what would help
	Err       *message.Error    // what was declared
}

// Error returns the declared error.
func (e *ChallengeError) Error() string { return e.Err.Error() }

// Unwrap returns the declared error.
func (e *ChallengeError) Unwrap() error { return e.Err }

// NewResource makes the resource service: a request of the caller's own, with the
// current access token of the login, or of the grant, that Args.State names, as a
// bearer token or with a proof of possession. Args.Message is a ResourceRequest. An
// access token that the resource calls invalid is refreshed once.
func NewResource(env Env) Service {
	return Definition[ResourceRequest, ResourceResponse]{
		Name:     ResourceName,
		Request:  None,
		Response: None,
		Proof:    TokenProof,
		Bound:    true,
		MayLogin: true,
		Answer: Answer{
			Media:      []string{},
			MaxBody:    resourceBody,
			StatusRule: message.RuleUserInfoStatus,
			First:      firstResource,
		},
		Endpoint: func(_ *Step, req *ResourceRequest) string { return req.URL },
		Gather:   gatherResource,
		Shape: func(s *Step, req *ResourceRequest, out *Request) error {
			if req.Method != "" {
				out.Method = req.Method
			}
			for name, values := range req.Header {
				if strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "DPoP") {
					return s.Fail(message.RuleClientAuthExposure, name, "", "header fields that show no credential: this one is the service's to set", ErrArgs)
				}
				out.Header[name] = values
			}
			out.Body = req.Body
			out.Policy.PeerSupplied = false // the URL is the caller's
			return nil
		},
		Token: func(_ *Step, req *ResourceRequest) message.Secret { return req.AccessToken },
		Decode: func(_ context.Context, s *Step) (*ResourceResponse, error) {
			challenges, _ := message.ParseChallenges(headerValues(s.Response.Header, "WWW-Authenticate"))
			return &ResourceResponse{Status: s.Response.Status, Header: s.Response.Header, Body: s.Response.Body, Challenges: challenges}, nil
		},
		Verify: func(_ context.Context, s *Step, _ *ResourceResponse) error {
			if s.Response.request != nil {
				s.State = s.Response.request.State
			}
			return nil
		},
	}.New(env)
}

// gatherResource: "TLS MUST be used" wherever a token goes, and it goes into the header
// (RFC 6750, Sections 2 and 5.3).
func gatherResource(_ context.Context, s *Step, req *ResourceRequest) error {
	const rule = message.RuleUserInfoTokenTransport
	if req.URL == "" {
		return fmt.Errorf("%w: a resource without a URL", ErrArgs)
	}
	if err := s.Snapshot.CheckEndpoint("url", req.URL); err != nil {
		return s.Fail(rule, "url", message.Excerpt(req.URL), "an https URL without fragment", err)
	}
	if u, err := url.Parse(req.URL); err != nil || u.Query().Has("access_token") {
		return s.Fail(rule, "url", "", "a URL without access_token", err)
	}
	s.Pass(rule, "url")
	s.tokenType = req.TokenType
	if req.AccessToken != "" {
		if s.tokenType == "" && s.Snapshot.DPoPKey != nil {
			s.tokenType = message.TokenTypeDPoP
		}
		return nil
	}
	if s.State == "" {
		return fmt.Errorf("%w: neither an access token nor a login to take it from", ErrArgs)
	}
	tokens, err := currentTokens(s.Record)
	if err != nil {
		return err
	}
	req.AccessToken, s.tokenType = tokens.AccessToken, tokens.TokenType
	return nil
}

// firstResource takes every answer as it comes, but for an error that a challenge
// declares.
func firstResource(s *Step) (bool, error) {
	const rule = message.RuleChallengeParsing
	values := headerValues(s.Response.Header, "WWW-Authenticate")
	challenges, ok := message.ParseChallenges(values)
	if err := s.Require(ok, rule, "www_authenticate", "", "well-formed challenges"); err != nil {
		return false, err
	}
	// "A server generating a 401 (Unauthorized) response MUST send a WWW-Authenticate
	// header field containing at least one challenge" (RFC 9110, Section 11.6.1).
	if s.Response.Status == 401 && len(challenges) == 0 {
		return false, s.Fail(rule, "www_authenticate", "", "a challenge beside 401", nil)
	}
	declared := challengedError(s.Response)
	if declared == nil {
		return true, nil
	}
	var err error = &ChallengeError{Challenge: declaring(challenges, declared), Err: declared}
	if need := refreshFirst(s, declared); need != nil {
		need.Err = err
		return false, need
	}
	return false, err
}

// declaring is the challenge that an error stands in, the first where it stands in none.
func declaring(challenges []message.Challenge, declared *message.Error) message.Challenge {
	for _, c := range challenges {
		if c.Params["error"] == string(declared.Code) {
			return c
		}
	}
	if len(challenges) > 0 {
		return challenges[0]
	}
	return message.Challenge{}
}

// refreshFirst turns invalid_token into the need to refresh the access token, once, if
// the login has a refresh token (RFC 6750, Section 3.1: "The client MAY request a new
// access token and retry the protected resource request").
func refreshFirst(s *Step, declared *message.Error) *NeedError {
	if declared.Code != message.InvalidToken || declared.Status != 401 || s.State == "" || s.Args.refreshed {
		return nil
	}
	switch asked := s.Args.Message.(type) { // a token of the caller's own is not ours to renew
	case ResourceRequest:
		if asked.AccessToken != "" {
			return nil
		}
	case *ResourceRequest:
		if asked.AccessToken != "" {
			return nil
		}
	}
	if token, err := newestRefreshToken(s.Record); err != nil || token == "" {
		return nil
	}
	env := s.Env()
	env.Settings = Settings{}
	args := s.Args
	args.refreshed, args.DPoPNonce = true, ""
	args.nonce = latestDPoPNonce(s)
	return &NeedError{Task: Task{Service: NewRefreshToken(env), Args: Args{State: s.State}}, Resend: true, Args: args}
}
