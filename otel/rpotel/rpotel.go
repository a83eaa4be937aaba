// Package rpotel tells OpenTelemetry of the steps of a relying party.
//
//	telemetry, err := rpotel.New(nil, nil) // the global providers
//	party, err := rp.New(rp.Config{
//		...
//		Options: rp.Options{Trace: telemetry.Trace, HTTP: rp.ClientOptions{Wrap: telemetry.Wrap}},
//	})
//
// Each step is a span: "oidc login", "oidc callback" and "oidc logout", with the services
// that they run inside, such as "oidc accesstoken". Its attributes are
//
//	oidc.step     what was done
//	oidc.issuer   the provider
//	oidc.outcome  "ok", or the rp.Kind of what went wrong
//	oidc.rule     the rule that was broken
//	oidc.error    what the provider declared
//
// The metrics are the histogram oidc.rp.duration, in seconds, by oidc.step and
// oidc.outcome, and the counter oidc.rp.failures, by these and oidc.rule. Issuers and
// declared errors are no attributes of metrics: others choose them, and could make their
// number grow.
//
// No attribute holds a text of a peer, or what is secret.
package rpotel

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/oidcservice/oidc/otel/internal/instrument"
	"github.com/oidcservice/oidc/rp"
)

// Scope is the instrumentation scope.
const Scope = "github.com/oidcservice/oidc/otel/rpotel"

// Telemetry has what rp.Options ask for. It is safe for concurrent use.
type Telemetry struct{ set *instrument.Set }

// New makes a Telemetry. Nil providers are the global ones. The error is that of a meter
// which does not take the instruments.
func New(tracers trace.TracerProvider, meters metric.MeterProvider) (*Telemetry, error) {
	set, err := instrument.New(tracers, meters, Scope, "oidc.rp")
	if err != nil {
		return nil, err
	}
	return &Telemetry{set}, nil
}

// Trace is for rp.Options.Trace.
func (t *Telemetry) Trace(ctx context.Context, s rp.Step) (context.Context, func(rp.Outcome)) {
	name := attribute.String("oidc.step", s.Name)
	ctx, step := t.set.Start(ctx, "oidc "+s.Name, trace.SpanKindInternal, name)
	return ctx, func(o rp.Outcome) {
		outcome := attribute.String("oidc.outcome", "ok")
		attributes := []attribute.KeyValue{name, outcome}
		var why []attribute.KeyValue
		if o.Kind != "" {
			outcome = attribute.String("oidc.outcome", string(o.Kind))
			attributes[1] = outcome
			why = append(attributes[:2:2], attribute.String("oidc.rule", string(o.Rule)))
			step.Span.SetStatus(codes.Error, string(o.Kind))
		}
		step.Span.SetAttributes(outcome)
		for key, value := range map[string]string{"oidc.issuer": o.Issuer, "oidc.rule": string(o.Rule), "oidc.error": string(o.Code)} {
			if value != "" {
				step.Span.SetAttributes(attribute.String(key, value))
			}
		}
		step.End(attributes, why)
	}
}

// Wrap is for rp.ClientOptions.Wrap: requests to a provider say which trace they belong to,
// as the global propagator writes it. Providers then learn the trace's ID, and nothing
// else unless baggage is propagated, too.
func (t *Telemetry) Wrap(next http.RoundTripper) http.RoundTripper { return propagating{next} }

type propagating struct{ next http.RoundTripper }

func (p propagating) RoundTrip(r *http.Request) (*http.Response, error) {
	// "RoundTrip should not modify the request" (net/http).
	out := r.WithContext(r.Context())
	out.Header = r.Header.Clone()
	otel.GetTextMapPropagator().Inject(r.Context(), propagation.HeaderCarrier(out.Header))
	return p.next.RoundTrip(out)
}
