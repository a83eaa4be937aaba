package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/oidcservice/oidc/message"
)

// A route is what of a service does not depend on the types of its messages: where its
// requests go, how they travel, and what their answers look like. So its code is there
// once, and not once for each service.
type route struct {
	name, method      string
	request, response Encoding
	proof             Proof
	dpop, bound       bool
	login, mayLogin   bool
	answer            Answer
	formAbove         int
	env               Env
	mostChecks        mostChecks
	last              atomic.Value // the checked endpoint of the latest request
}

// checked is an endpoint that was found good, and the setting that it was judged by.
type checked struct {
	endpoint  string
	allowHTTP bool
}

// Name returns the service's name.
func (x *route) Name() string { return x.name }

func (x *route) step() *Step {
	return &Step{Service: x.name, Snapshot: x.env.Context.Snapshot(), Now: x.env.Context.Now(), env: &x.env, mostChecks: &x.mostChecks}
}

func (x *route) wrap(s *Step, err error) error {
	if err == nil {
		return nil
	}
	checks := slices.Concat(s.judged, s.checks)
	hide(err, checks, s.Response)
	// A need is not a verdict, and stays the outermost value that is acted on.
	return &stepError{service: x.name, checks: checks, err: err}
}

// recall loads the record of the login that a step belongs to.
func (x *route) recall(ctx context.Context, s *Step, name string) error {
	if x.login || x.mayLogin && name != "" {
		return s.session(ctx, name)
	}
	return nil
}

// draft is the request to an endpoint, before anything is put into it.
func (x *route) draft(s *Step, endpoint string) (*Request, error) {
	if endpoint == "" {
		return nil, ErrNoEndpoint
	}
	mutual := x.presentsCertificate(s)
	if mutual {
		endpoint = s.Snapshot.MTLSAlias(endpoint)
	}
	// "MUST NOT include a fragment component", and TLS always (RFC 6749,
	// Section 3.1): what metadata said is looked at again where it is used.
	if at := (checked{endpoint, s.Snapshot.InsecureAllowHTTP}); x.last.Load() != at {
		if err := checkEndpoint(s, endpoint); err != nil {
			return nil, err
		}
		x.last.Store(at)
	}
	out := &Request{
		Service:   x.name,
		State:     s.State,
		Method:    x.method,
		URL:       endpoint,
		Header:    Header{},
		MutualTLS: mutual,
		Policy: Policy{
			HTTPS:        !s.Snapshot.InsecureAllowHTTP,
			MaxBody:      x.answer.maxBody(),
			Accept:       x.answer.mediaFor(s),
			PeerSupplied: true,
		},
		args: s.Args,
	}
	if x.response == Params {
		out.Channel = FrontChannel
		out.Policy.Accept = nil
	} else if len(out.Policy.Accept) > 0 {
		out.Header["Accept"] = []string{strings.Join(out.Policy.Accept, ", ")}
	}
	return out, nil
}

func checkEndpoint(s *Step, endpoint string) error {
	if err := s.Snapshot.CheckEndpoint("endpoint", endpoint); err != nil {
		var v *message.Violation
		if errors.As(err, &v) {
			return s.Violated(v)
		}
		return err
	}
	return nil
}

// admit sees to it that a response is one that the service may judge, and loads its login.
func (x *route) admit(ctx context.Context, s *Step) error {
	resp := s.Response
	if resp == nil {
		return fmt.Errorf("%w: the response is nil", ErrArgs)
	}
	if resp.front() != (x.response == Params) || resp.request != nil && resp.request.Service != x.name {
		return s.Fail(message.RuleTransportAnswer, "response", "", "the answer to a request of this service", fmt.Errorf("%w: this response", ErrForeign))
	}
	if resp.request == nil {
		return nil
	}
	s.Args = resp.request.args
	return x.recall(ctx, s, resp.request.State)
}
