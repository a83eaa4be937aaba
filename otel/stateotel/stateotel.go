// Package stateotel tells OpenTelemetry of the calls of a store.
//
//	store, err := stateotel.Observe(store, nil, nil) // the global providers
//
// Each call is a span, such as "oidc store take", inside the step that needs it, with the
// attributes oidc.verb, oidc.hit and oidc.outcome ("ok" or "failed"). The metrics are the
// histogram oidc.store.duration, in seconds, by oidc.verb and oidc.outcome, and the
// counter oidc.store.failures, by oidc.verb. Keys and values are told to nobody.
package stateotel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/oidcservice/oidc/otel/internal/instrument"
	"github.com/oidcservice/oidc/state"
)

// Scope is the instrumentation scope.
const Scope = "github.com/oidcservice/oidc/otel/stateotel"

// Observe returns store with its calls observed. Nil providers are the global ones. The
// error is that of a meter which does not take the instruments.
func Observe(store state.Store, tracers trace.TracerProvider, meters metric.MeterProvider) (state.Store, error) {
	set, err := instrument.New(tracers, meters, Scope, "oidc.store")
	if err != nil {
		return nil, err
	}
	return state.Observed(store, func(ctx context.Context, call state.Call) (context.Context, func(state.Outcome)) {
		verb := attribute.String("oidc.verb", call.Verb)
		ctx, step := set.Start(ctx, "oidc store "+call.Verb, trace.SpanKindClient, verb)
		return ctx, func(o state.Outcome) {
			outcome := attribute.String("oidc.outcome", "ok")
			var why []attribute.KeyValue
			if o.Err != nil {
				outcome = attribute.String("oidc.outcome", "failed")
				why = []attribute.KeyValue{verb}
				step.Span.SetStatus(codes.Error, "failed")
			}
			step.Span.SetAttributes(outcome, attribute.Bool("oidc.hit", o.Hit))
			step.End([]attribute.KeyValue{verb, outcome}, why)
		}
	}), nil
}
