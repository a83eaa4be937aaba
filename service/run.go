package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oidcservice/oidc/message"
)

// rounds bounds how often one step may ask for something: keys, then a nonce, then
// a wait are three; more is a peer that leads us on.
const rounds = 8

// polls bounds waiting, which is paced by the provider's interval and ended by its
// expiry: an hour at one poll in five seconds.
const polls = 720

// A Runner joins the three parts of a service with a function that sends. It is
// without I/O itself.
type Runner struct {
	// Send sends a request. It must be set.
	Send SendFunc
	// Wait waits for d or until ctx is done. When it is nil, a need to wait is
	// returned to the caller.
	Wait func(ctx context.Context, d time.Duration) error
	// Observe, if not nil, is told of every exchange in the order in which they
	// were concluded, those of tasks included.
	Observe func(Exchange)
	// Trace, if not nil, is told of every service that is about to be run, those of
	// tasks included. The context it returns, such as one with a span, is the one for
	// everything that belongs to the service; nil means the same. The function it
	// returns is told how that ended; it may be nil. What took how long is measured
	// between the two: this package tells no time.
	Trace func(ctx context.Context, service string) (context.Context, func(error))
}

// An Exchange is a request, its answer, and what became of it.
type Exchange struct {
	Service  string    // the name of the service
	Request  *Request  // nil for a callback
	Response *Response // nil when nothing came back
	Result   *Result   // nil when Err is not
	Err      error     // a *NeedError when the answer cannot be judged yet
}

// Run builds the request of svc, sends it, judges the answer, does what it needs
// and commits the result.
func Run(ctx context.Context, svc Service, args Args, send SendFunc) (*Result, error) {
	return Runner{Send: send}.Run(ctx, svc, args)
}

// Finish judges an answer that the caller already has, such as a Callback, does
// what it needs and commits the result.
func Finish(ctx context.Context, svc Service, resp *Response, send SendFunc) (*Result, error) {
	return Runner{Send: send}.Finish(ctx, svc, resp)
}

// Run is the function Run with the runner's settings.
func (r Runner) Run(ctx context.Context, svc Service, args Args) (res *Result, err error) {
	ctx, end := r.begin(ctx, svc)
	defer func() { end(err) }()
	resp, err := r.send(ctx, svc, args)
	if err != nil {
		return nil, err
	}
	return r.finish(ctx, svc, resp)
}

// Request builds the request of svc after doing what it needs first, such as
// pushing an authorization request.
func (r Runner) Request(ctx context.Context, svc Service, args Args) (req *Request, err error) {
	ctx, end := r.begin(ctx, svc)
	defer func() { end(err) }()
	return r.request(ctx, svc, args)
}

// begin tells Trace.
func (r Runner) begin(ctx context.Context, svc Service) (inner context.Context, end func(error)) {
	if r.Trace != nil {
		inner, end = r.Trace(ctx, svc.Name())
	}
	if inner == nil {
		inner = ctx
	}
	if end == nil {
		end = func(error) {}
	}
	return inner, end
}

func (r Runner) request(ctx context.Context, svc Service, args Args) (*Request, error) {
	var done tasks
	for round := 0; ; round++ {
		req, err := svc.GetRequestParameters(ctx, args)
		if err == nil {
			return req, nil
		}
		var need *NeedError
		if round == rounds || !errors.As(err, &need) {
			r.observe(Exchange{Service: svc.Name(), Err: err})
			return req, err
		}
		if err := r.meet(ctx, svc, need, err, &done); err != nil {
			return nil, err
		}
		if need.Resend {
			args = need.Args
		}
	}
}

func (r Runner) send(ctx context.Context, svc Service, args Args) (*Response, error) {
	for try := 0; ; try++ {
		req, err := r.request(ctx, svc, args)
		if err != nil {
			return nil, err
		}
		resp, err := r.Send(ctx, req)
		if err == nil {
			return resp, nil
		}
		err = Unanswered(ctx, svc, req, err)
		r.observe(Exchange{Service: svc.Name(), Request: req, Err: err})
		var need *NeedError
		if !errors.As(err, &need) || !need.Resend || try == polls {
			return nil, err
		}
		if err := r.meet(ctx, svc, need, err, new(tasks)); err != nil {
			return nil, err
		}
		args = need.Args
	}
}

// Unanswered says what it means for svc that no answer to req came, because of err:
// for a poll whose connection timed out it is a *NeedError to try again later (RFC
// 8628, Section 3.5), for everything else the failure itself. Runner asks it; whoever
// sends requests by hand should, too.
func Unanswered(ctx context.Context, svc Service, req *Request, err error) error {
	if x, ok := svc.(interface {
		unanswered(context.Context, *Request, error) error
	}); ok && ctx.Err() == nil {
		err = x.unanswered(ctx, req, err)
	}
	var named *stepError
	if errors.As(err, &named) {
		return err
	}
	// What the driver found is a check like any other.
	var checks []Check
	var v *message.Violation
	if errors.As(err, &v) {
		checks = []Check{{Rule: v.Rule, Verdict: Failed, Param: v.Param}}
	}
	return &stepError{service: svc.Name(), checks: checks, err: err}
}

// Finish is the function Finish with the runner's settings.
func (r Runner) Finish(ctx context.Context, svc Service, resp *Response) (res *Result, err error) {
	ctx, end := r.begin(ctx, svc)
	defer func() { end(err) }()
	return r.finish(ctx, svc, resp)
}

func (r Runner) finish(ctx context.Context, svc Service, resp *Response) (*Result, error) {
	var done tasks
	waits := 0
	for round := 0; round < rounds; round++ {
		res, err := svc.ParseResponse(ctx, resp)
		if err == nil {
			err = svc.UpdateServiceContext(ctx, res)
		}
		if err == nil {
			r.observe(Exchange{Service: svc.Name(), Request: resp.request, Response: resp, Result: res})
			return res, nil
		}
		var need *NeedError
		if !errors.As(err, &need) {
			r.refuse(ctx, svc, resp, err)
			return nil, err
		}
		if err := r.meet(ctx, svc, need, err, &done); err != nil {
			r.refuse(ctx, svc, resp, err)
			return nil, err
		}
		if !need.Resend {
			continue
		}
		r.observe(Exchange{Service: svc.Name(), Request: resp.request, Response: resp, Err: err})
		if need.After > 0 && waits < polls {
			waits, round = waits+1, -1 // polling is not being led on
		}
		if resp, err = r.send(ctx, svc, need.Args); err != nil {
			return nil, err
		}
	}
	err := &stepError{service: svc.Name(), err: fmt.Errorf("needs more after %d rounds", rounds)}
	r.refuse(ctx, svc, resp, err)
	return nil, err
}

// tasks are those that were done for one message: none is done twice.
type tasks []string

// meet does what need asks. When that cannot be done, what was lacking is the verdict.
func (r Runner) meet(ctx context.Context, svc Service, need *NeedError, unmet error, done *tasks) error {
	if need.After > 0 {
		if r.Wait == nil {
			return unmet
		}
		if err := r.Wait(ctx, need.After); err != nil {
			return &stepError{service: svc.Name(), err: err}
		}
	}
	if need.Task.Service == nil {
		return nil
	}
	// "at most one refetch per message": a need that comes back is not met by
	// asking again.
	key := need.Task.Service.Name() + " " + need.Task.Args.State
	if slices.Contains(*done, key) {
		return &stepError{service: svc.Name(), checks: ChecksOf(unmet), err: need.Err}
	}
	*done = append(*done, key)
	_, err := r.Run(ctx, need.Task.Service, need.Task.Args)
	return err
}

func (r Runner) observe(e Exchange) {
	if r.Observe != nil {
		r.Observe(e)
	}
}

// refuse tells the observer of an answer that was refused, and ends a login that the
// provider refused.
func (r Runner) refuse(ctx context.Context, svc Service, resp *Response, err error) {
	var declared *message.Error
	if errors.As(err, &declared) {
		if x, ok := svc.(interface {
			refused(context.Context, *Response, *message.Error) error
		}); ok {
			// The declared error is what the caller must learn, also when the
			// store fails: the record then ends by its own expiry.
			_ = x.refused(ctx, resp, declared)
		}
	}
	r.observe(Exchange{Service: svc.Name(), Request: resp.request, Response: resp, Err: err})
}
