package rp

import (
	"context"
	"errors"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// The operations of a party, as a Step names them. Whatever else it names is a service.
const (
	OperationLogin    = "login"    // a login begins: up to the redirect to the provider
	OperationCallback = "callback" // a login ends: from what the browser brought to the session
	OperationLogout   = "logout"   // a session ends: up to the redirect to the provider
)

// A Step is a part of what a party does, as Options.Trace is told of it. Steps are nested:
// a callback runs the services authorization, accesstoken and userinfo, and where a
// signature needs it jwks.
type Step struct {
	// Name is an operation, or the service that is run.
	Name string
	// Issuer is the provider, "" where it is not known yet.
	Issuer string
}

// An Outcome is how a Step ended. Nothing in it is secret.
type Outcome struct {
	// Issuer is the provider, "" where none was found.
	Issuer string
	// Kind sorts what went wrong; "" means that nothing did.
	Kind Kind
	// Rule is the rule that was broken, Code what the provider declared, if anything.
	Rule message.Rule
	Code message.ErrorCode
	// Err is the whole cause.
	Err error
}

// trace tells Options.Trace of a step.
func (p *Party) trace(ctx context.Context, name, issuer string) (inner context.Context, end func(issuer string, err error)) {
	if p.o.Trace == nil {
		return ctx, func(string, error) {}
	}
	inner, ended := p.o.Trace(ctx, Step{Name: name, Issuer: issuer})
	if inner == nil {
		inner = ctx
	}
	return inner, func(issuer string, err error) {
		if ended == nil {
			return
		}
		o := Outcome{Issuer: issuer, Err: err}
		if err != nil {
			o.Kind, o.Rule = kindOf(err), ruleOf(err)
			var declared *message.Error
			if errors.As(err, &declared) {
				o.Code = declared.Code
			}
		}
		ended(o)
	}
}

// tracer is the Trace of the runners for an issuer.
func (p *Party) tracer(issuer string) func(context.Context, string) (context.Context, func(error)) {
	if p.o.Trace == nil {
		return nil
	}
	return func(ctx context.Context, service string) (context.Context, func(error)) {
		ctx, end := p.trace(ctx, service, issuer)
		return ctx, func(err error) { end(issuer, err) }
	}
}

// runner returns a Runner for requests to an issuer.
func (p *Party) runner(ctx context.Context, issuer string, send service.SendFunc) service.Runner {
	runner := service.Runner{Send: send, Trace: p.tracer(issuer)}
	if p.o.Observe != nil {
		runner.Observe = func(e service.Exchange) { p.observe(ctx, e) }
	}
	return runner
}
