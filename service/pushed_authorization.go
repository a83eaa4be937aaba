package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// PushedAuthorizationName is the name of the pushed_authorization service.
const PushedAuthorizationName = "pushed_authorization"

// Private values of a record whose request was pushed.
const (
	keptRequestURI        = "request_uri"
	keptRequestURIExpires = "request_uri_expires_at"
)

// NewPushedAuthorization makes the pushed_authorization service: the authorization
// request of a pending login is handed to the provider before the browser goes
// there (RFC 9126, Section 2). The authorization service asks for it by a NeedError.
func NewPushedAuthorization(env Env) Service {
	return Definition[message.PushedAuthorizationRequest, message.PushedAuthorizationResponse]{
		Name:     PushedAuthorizationName,
		Method:   "POST",
		Request:  Form,
		Response: JSON,
		Proof:    ClientProof,
		DPoP:     true,
		Answer:   Answer{Status: 201, StatusRule: message.RulePARResponse},
		Endpoint: func(s *Step, _ *message.PushedAuthorizationRequest) string {
			return s.Snapshot.Endpoint(PushedAuthorizationName)
		},
		Gather: gatherPushed,
		Verify: func(_ context.Context, s *Step, resp *message.PushedAuthorizationResponse) error {
			const most = 1 << 31 // seconds
			ok := resp.RequestURI != "" && resp.ExpiresIn != nil && *resp.ExpiresIn > 0 && *resp.ExpiresIn < most
			return s.Require(ok, message.RulePARResponse, "request_uri", "", "request_uri with a positive expires_in")
		},
		Update: func(ctx context.Context, s *Step, resp *message.PushedAuthorizationResponse) error {
			expires := s.Now.Add(time.Duration(*resp.ExpiresIn) * time.Second).Unix()
			_, err := s.DB().UpdatePending(ctx, s.Response.request.State, func(r *state.Record) error {
				r.Keep(keptRequestURI, resp.RequestURI)
				r.Keep(keptRequestURIExpires, strconv.FormatInt(expires, 10))
				return nil
			})
			return err
		},
	}.New(env)
}

// gatherPushed takes the request that the authorization service built. "The
// request_uri authorization request parameter MUST NOT be provided in this case"
// (RFC 9126, Section 2.1).
func gatherPushed(ctx context.Context, s *Step, req *message.PushedAuthorizationRequest) error {
	r, err := s.DB().Pending(ctx, s.Args.State)
	if err != nil {
		return err
	}
	s.State, s.Record = s.Args.State, r
	var full message.AuthorizationRequest
	if err := message.DecodeJSON(r.Item(state.ItemAuthRequest), &full); err != nil {
		return err
	}
	if req.RequestURI != "" {
		return s.Fail(message.RulePARRequest, "request_uri", "", "no request_uri in a push", nil)
	}
	s.Pass(message.RulePARRequest, "request")
	if !signsRequests(s) {
		req.AuthorizationRequest = full
		return nil
	}
	object, err := requestObject(s, &full)
	if err != nil {
		return err
	}
	req.AuthorizationRequest = message.AuthorizationRequest{ClientID: full.ClientID, Request: message.Secret(object)}
	return nil
}

// signsRequests tells whether a pushed request is a request object: the profile says
// so, the provider, or we ourselves did when we registered (RFC 9101, Section 10.5).
func signsRequests(s *Step) bool {
	return s.Snapshot.Profile == servicecontext.ProfileFAPI2MessageSigning ||
		servicecontext.ProviderAllows(s.Snapshot.Provider.RequireSignedRequestObject, false) ||
		servicecontext.ProviderAllows(s.Snapshot.Metadata.RequireSignedRequestObject, false)
}

// presentPushed returns the front-channel request of a login whose request was
// pushed: "client_id and request_uri" alone (RFC 9126, Section 4). Before that it
// asks for the push.
func presentPushed(ctx context.Context, s *Step, req *message.AuthorizationRequest) (*message.AuthorizationRequest, error) {
	if s.Snapshot.Endpoint(PushedAuthorizationName) == "" {
		return nil, s.Fail(message.RuleMetadataCapability, "request_uri", "", "a provider with a pushed authorization request endpoint", nil)
	}
	if s.pushed != "" {
		s.Pass(message.RulePARFront, "request_uri")
		s.Pass(message.RulePARLifetime, "request_uri")
		return &message.AuthorizationRequest{ClientID: req.ClientID, RequestURI: s.pushed}, nil
	}
	if !s.resumed {
		if err := rememberAuthorization(ctx, s, req); err != nil {
			return nil, err
		}
	}
	env := s.Env()
	env.Settings = Settings{ClientAuth: env.Settings.ClientAuth}
	args := s.Args
	args.State, args.Message = s.State, nil
	return nil, &NeedError{
		Task: Task{Service: NewPushedAuthorization(env), Args: Args{State: s.State}}, Resend: true, Args: args,
		Err: fmt.Errorf("%w: the request was not pushed", ErrNotConfigured),
	}
}

// resumePushed finds the request of a login that was begun and pushed. A
// request_uri is taken out of the record here: "used once and before it expires,
// otherwise pushed anew".
func resumePushed(ctx context.Context, s *Step, req *message.AuthorizationRequest) error {
	if s.Args.State == "" || requestMethod(s) != servicecontext.RequestPushed {
		return nil
	}
	r, err := s.DB().Pending(ctx, s.Args.State)
	if errors.Is(err, state.ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	var full message.AuthorizationRequest
	if err := message.DecodeJSON(r.Item(state.ItemAuthRequest), &full); err != nil {
		return err
	}
	_, err = s.DB().UpdatePending(ctx, s.Args.State, func(r *state.Record) error {
		s.pushed = ""
		expires, err := strconv.ParseInt(r.Kept(keptRequestURIExpires), 10, 64)
		if err == nil && s.Now.Unix() < expires {
			s.pushed = r.Kept(keptRequestURI)
		}
		r.Keep(keptRequestURI, "")
		return nil
	})
	if err != nil {
		return err
	}
	*req = full
	s.State, s.Record, s.resumed = s.Args.State, r, true
	return nil
}
