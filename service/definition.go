package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// A Definition is a service as a value. Its fields are the whole difference
// between one step and another; docs/services.md is printed from them. The functions
// stand in the order in which they are called.
type Definition[Req, Resp message.Message] struct {
	Name     string   // as a specification of services has it
	Method   string   // GET if empty
	Request  Encoding // how the request travels
	Response Encoding // how the answer travels
	Proof    Proof    // how the request shows who sends it
	DPoP     bool     // a proof of possession goes along where tokens are bound to a key (RFC 9449)
	Login    bool     // the step belongs to a login that the callback has claimed
	MayLogin bool     // it belongs to one if Args.State names one
	Answer   Answer   // what a successful answer looks like
	// FormAbove is the length of a URL in bytes above which a Query becomes a POST with
	// a form body; 0 is never.
	FormAbove int

	// Gather fills parameters that the call left open, from the login's record
	// and the service context. Configured request arguments come after it.
	Gather func(ctx context.Context, s *Step, req *Req) error
	// Complete fills what is still open with the protocol's defaults and fresh
	// values, and checks the finished request.
	Complete func(ctx context.Context, s *Step, req *Req) error
	// Endpoint returns the URL, "" when the provider publishes none. It is nil for
	// a service that only receives.
	Endpoint func(s *Step, req *Req) string
	// Shape changes what encoding and proof do not settle: the caller's own method,
	// header fields and body.
	Shape func(s *Step, req *Req, out *Request) error
	// Present turns the finished request into the one that travels, where that is
	// another: a request object, or a reference to one.
	Present func(ctx context.Context, s *Step, req *Req) (*Req, error)
	// Bound says that the access token of a TokenProof may be bound to our certificate.
	Bound bool
	// Token returns the access token of a TokenProof; "" sends none.
	Token func(s *Step, req *Req) message.Secret
	// Remember stores what the answer will be judged by.
	Remember func(ctx context.Context, s *Step, req *Req) error
	// Decode replaces the decoding that Response names.
	Decode func(ctx context.Context, s *Step) (*Resp, error)
	// Verify judges the decoded answer. It changes nothing.
	Verify func(ctx context.Context, s *Step, resp *Resp) error
	// Update commits what was learnt. It verifies nothing.
	Update func(ctx context.Context, s *Step, resp *Resp) error
	// Refused is told of an error that the provider declared, to end what it ends.
	Refused func(ctx context.Context, s *Step, declared *message.Error) error
	// Unanswered is told that no answer came, and says what that means: a poll is
	// repeated later. It changes nothing.
	Unanswered func(s *Step, err error) error
}

// New makes the service in its environment.
func (d Definition[Req, Resp]) New(env Env) Service {
	if env.DB == nil {
		env.DB = new(state.DB)
	}
	if d.Method == "" {
		d.Method = "GET"
	}
	return &defined[Req, Resp]{d: d, route: route{
		name: d.Name, method: d.Method, request: d.Request, response: d.Response, proof: d.Proof, dpop: d.DPoP,
		login: d.Login, mayLogin: d.MayLogin, bound: d.Bound, answer: d.Answer, formAbove: d.FormAbove, env: env,
	}}
}

type defined[Req, Resp message.Message] struct {
	route
	d Definition[Req, Resp]
}

// GetRequestParameters gathers the request in the order of precedence: the call,
// the login and the service context, the configuration, the protocol's default.
func (x *defined[Req, Resp]) GetRequestParameters(ctx context.Context, args Args) (*Request, error) {
	s := x.step()
	s.Args = args
	req, err := x.build(ctx, s)
	if err != nil {
		return nil, x.wrap(s, err)
	}
	return req, nil
}

func (x *defined[Req, Resp]) build(ctx context.Context, s *Step) (*Request, error) {
	if x.d.Endpoint == nil {
		return nil, fmt.Errorf("%w: this service only receives", ErrArgs)
	}
	if err := x.recall(ctx, s, s.Args.State); err != nil {
		return nil, err
	}
	req := new(Req)
	if err := assign(req, s.Args.Message); err != nil {
		return nil, err
	}
	if err := x.hook(ctx, s, x.env.Settings.PreConstruct, req); err != nil {
		return nil, err
	}
	if x.d.Gather != nil {
		if err := x.d.Gather(ctx, s, req); err != nil {
			return nil, err
		}
	}
	if len(x.env.Settings.RequestArgs) > 0 {
		configured := new(Req)
		if err := message.DecodeJSON(x.env.Settings.RequestArgs, configured); err != nil {
			return nil, fmt.Errorf("request_args: %w", err)
		}
		fill(req, configured)
	}
	if x.d.Complete != nil {
		if err := x.d.Complete(ctx, s, req); err != nil {
			return nil, err
		}
	}
	if err := x.hook(ctx, s, x.env.Settings.PostConstruct, req); err != nil {
		return nil, err
	}
	out, err := x.draft(s, x.d.Endpoint(s, req))
	if err != nil {
		return nil, err
	}
	out.message = any(req).(message.Message)
	if x.d.Shape != nil {
		if err := x.d.Shape(s, req, out); err != nil {
			return nil, err
		}
	}
	travelling := req
	if x.d.Present != nil {
		if travelling, err = x.d.Present(ctx, s, req); err != nil {
			return nil, err
		}
	}
	var token message.Secret
	if x.proof == TokenProof && x.d.Token != nil {
		token = x.d.Token(s, travelling)
	}
	if err := x.encode(ctx, s, any(travelling).(message.Message), token, out); err != nil {
		return nil, err
	}
	out.Host = s.hosted
	if x.d.Remember != nil {
		if err := x.d.Remember(ctx, s, req); err != nil {
			return nil, err
		}
		out.State = s.State
	}
	out.Checks = s.checks
	x.mostChecks.learn(s)
	return out, nil
}

// hook runs hooks in order; each sees what the one before it returned.
func (x *defined[Req, Resp]) hook(ctx context.Context, s *Step, hooks []Hook, req *Req) error {
	for _, h := range hooks {
		m, err := h(ctx, s, any(req).(message.Message))
		if err != nil {
			return err
		}
		if err := assign(req, m); err != nil {
			return err
		}
	}
	return nil
}

// ParseResponse decodes and verifies resp, and changes nothing.
func (x *defined[Req, Resp]) ParseResponse(ctx context.Context, resp *Response) (*Result, error) {
	s := x.step()
	s.Response = resp
	m, err := x.judge(ctx, s)
	if err != nil {
		return nil, x.wrap(s, dpopNonceNeed(s, err))
	}
	x.mostChecks.learn(s)
	return &Result{
		State: s.State, Message: any(m).(message.Message), IDToken: s.IDToken, Ended: s.ended, Sources: s.sources, Optional: s.Optional,
		Checks: s.checks, owner: x, step: s,
	}, nil
}

func (x *defined[Req, Resp]) judge(ctx context.Context, s *Step) (*Resp, error) {
	if err := x.admit(ctx, s); err != nil {
		return nil, err
	}
	m, err := x.decode(ctx, s)
	if err != nil {
		return nil, err
	}
	if x.d.Verify != nil {
		if err := x.d.Verify(ctx, s, m); err != nil {
			return nil, err
		}
	}
	for _, h := range x.env.Settings.PostParseResponse {
		out, err := h(ctx, s, any(m).(message.Message))
		if err != nil {
			return nil, err
		}
		if err := assign(m, out); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (x *defined[Req, Resp]) decode(ctx context.Context, s *Step) (*Resp, error) {
	if x.response != Params {
		if err := x.answer.check(s); err != nil {
			return nil, err
		}
	}
	if x.d.Decode != nil {
		return x.d.Decode(ctx, s)
	}
	m := new(Resp)
	if x.response == JSON {
		if err := s.Snapshot.Compat.DecodeJSON(s.Response.Body, m); err != nil {
			return nil, x.answer.malformed(s, err)
		}
		s.Pass(x.answer.bodyRule(), "body")
	}
	return m, nil
}

// UpdateServiceContext commits res.
func (x *defined[Req, Resp]) UpdateServiceContext(ctx context.Context, res *Result) error {
	if res == nil || res.owner != any(x) || res.step == nil {
		s := new(Step)
		return x.wrap(s, s.Fail(message.RuleTransportAnswer, "result", "", "a result of this service", fmt.Errorf("%w: this result", ErrForeign)))
	}
	m, ok := any(res.Message).(*Resp)
	if !ok {
		return x.wrap(res.step, fmt.Errorf("%w: the result's message was replaced by a %T", ErrArgs, res.Message))
	}
	if err := keepDPoPNonce(res.step); err != nil {
		return x.wrap(res.step, err)
	}
	if x.d.Update == nil {
		return nil
	}
	return res.step.commit(func(s *Step) error { return x.wrap(s, x.d.Update(ctx, s, m)) })
}

// refused lets a driver tell the service that the provider declared an error.
func (x *defined[Req, Resp]) refused(ctx context.Context, resp *Response, declared *message.Error) error {
	s := x.step()
	s.Response = resp
	if resp.request != nil {
		s.State, s.Args = resp.request.State, resp.request.args
	}
	// The nonce of "any" answer is the one to use next (RFC 9449, Section 8.2).
	err := keepDPoPNonce(s)
	if x.d.Refused == nil {
		return err
	}
	return errors.Join(err, x.d.Refused(ctx, s, declared))
}

// unanswered lets a driver tell the service that no answer came.
func (x *defined[Req, Resp]) unanswered(ctx context.Context, req *Request, cause error) error {
	if x.d.Unanswered == nil {
		return cause
	}
	s := x.step()
	s.Args = req.args
	if x.login {
		if err := s.session(ctx, req.State); err != nil {
			return x.wrap(s, err)
		}
	}
	return x.wrap(s, x.d.Unanswered(s, cause))
}
