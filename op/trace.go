package op

import (
	"context"
	"errors"
	"net/http"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
)

// The operations of a provider, as a Step names them. Whatever else it names is an endpoint.
const (
	OperationInteraction  = "interaction"  // the user answers one of our pages
	OperationFetch        = "fetch"        // a document of a client is fetched
	OperationNotification = "notification" // a client is told: of a logout, of an answer (CIBA)
)

// A Step is a part of what a provider does, as Config.Trace is told of it.
type Step struct {
	// Name is an operation, or the endpoint that answers. It comes from lists of ours,
	// never from a request, so that nobody outside can make the number of names grow.
	Name string
}

// An Outcome is how a Step ended. Nothing in it is secret.
type Outcome struct {
	// Status is that of the HTTP answer, ours or the client's; 0 if there is none.
	Status int
	// Rule is the rule that was broken, Code what the client or the user is told.
	Rule message.Rule
	Code message.ErrorCode
	// Failure is why the user is asked once more, such as for a wrong password.
	Failure endpoint.Failure
	// Err is what failed on our side, or why a client cannot be reached.
	Err error
}

// trace tells Config.Trace of a step.
func (p *Provider) trace(ctx context.Context, name string) (context.Context, func(Outcome)) {
	if p.config.Trace == nil {
		return ctx, func(Outcome) {}
	}
	inner, end := p.config.Trace(ctx, Step{Name: name})
	if inner == nil {
		inner = ctx
	}
	if end == nil {
		end = func(Outcome) {}
	}
	return inner, end
}

// traced is trace for a request.
func (p *Provider) traced(r *http.Request, name string) (*http.Request, func(Outcome)) {
	if p.config.Trace == nil {
		return r, func(Outcome) {}
	}
	ctx, end := p.trace(r.Context(), name)
	return r.WithContext(ctx), end
}

// outcome says what a step came to, whose response and error these are.
func outcome(resp *endpoint.Response, err error) Outcome {
	var user *endpoint.NeedUser
	if errors.As(err, &user) {
		o := Outcome{Status: http.StatusOK, Failure: user.Failure} // the user is asked
		if user.Err != nil {
			o.refused(user.Err)
			o.Status = http.StatusBadRequest
		}
		return o
	}
	o := Outcome{Status: http.StatusInternalServerError, Err: err}
	if resp != nil {
		o.Status = resp.Status
		o.refused(resp.Refusal)
	}
	if err != nil {
		o.Code = message.ServerError
	}
	return o
}

func (o *Outcome) refused(r *endpoint.Refusal) {
	if r == nil {
		return
	}
	o.Code, o.Rule = r.Declared.Code, r.Violation.Rule
}
