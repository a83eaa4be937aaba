// Package opotel tells OpenTelemetry of the steps of a provider.
//
//	telemetry, err := opotel.New(nil, nil) // the global providers
//	provider, err := op.New(op.Config{
//		...
//		Trace: telemetry.Trace,
//	})
//
// Each endpoint that answers is a span, such as "oidc token", and so are the pages'
// answers ("oidc interaction"), a document of a client that is fetched ("oidc fetch") and
// a notification ("oidc notification"). The attributes are
//
//	oidc.step                  the endpoint or operation
//	http.response.status_code  of the answer
//	oidc.outcome               "ok", "refused", "failed", or why the user is asked once more
//	oidc.rule                  the rule that was broken
//	oidc.error                 what was declared
//
// The metrics are the histogram oidc.op.duration, in seconds, by oidc.step, oidc.outcome
// and status, and the counter oidc.op.failures, by oidc.step, oidc.outcome, oidc.error
// and oidc.rule. All of these values come from lists of the library.
//
// A refusal is no error of the provider: its span has no error status, as HTTP servers'
// have none for 4xx. No attribute holds a text of a client, or what is secret.
package opotel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/otel/internal/instrument"
)

// Scope is the instrumentation scope.
const Scope = "github.com/oidcservice/oidc/otel/opotel"

// Telemetry has what op.Config asks for. It is safe for concurrent use.
type Telemetry struct{ set *instrument.Set }

// New makes a Telemetry. Nil providers are the global ones. The error is that of a meter
// which does not take the instruments.
func New(tracers trace.TracerProvider, meters metric.MeterProvider) (*Telemetry, error) {
	set, err := instrument.New(tracers, meters, Scope, "oidc.op")
	if err != nil {
		return nil, err
	}
	return &Telemetry{set}, nil
}

// kindOf says how a span of a step stands to others: the provider waits for fetches and
// notifications.
func kindOf(name string) trace.SpanKind {
	if name == op.OperationFetch || name == op.OperationNotification {
		return trace.SpanKindClient
	}
	return trace.SpanKindInternal
}

// Trace is for op.Config.Trace.
func (t *Telemetry) Trace(ctx context.Context, s op.Step) (context.Context, func(op.Outcome)) {
	name := attribute.String("oidc.step", s.Name)
	ctx, step := t.set.Start(ctx, "oidc "+s.Name, kindOf(s.Name), name)
	return ctx, func(o op.Outcome) {
		outcome := attribute.String("oidc.outcome", outcomeOf(o))
		status := attribute.Int("http.response.status_code", o.Status)
		rule, code := attribute.String("oidc.rule", string(o.Rule)), attribute.String("oidc.error", string(o.Code))
		step.Span.SetAttributes(outcome, status)
		var why []attribute.KeyValue
		if outcome.Value.AsString() != "ok" {
			why = []attribute.KeyValue{name, outcome, code, rule}
			step.Span.SetAttributes(code, rule)
		}
		if o.Err != nil {
			step.Span.SetStatus(codes.Error, "failed")
		}
		step.End([]attribute.KeyValue{name, outcome, status}, why)
	}
}

func outcomeOf(o op.Outcome) string {
	switch {
	case o.Err != nil:
		return "failed"
	case o.Code != "":
		return "refused"
	case o.Failure != "":
		return string(o.Failure)
	}
	return "ok"
}
