// Package instrument is what the adapters share: a tracer, a histogram of durations and a
// counter of failures.
package instrument

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// A Set is what one adapter measures with.
type Set struct {
	Tracer   trace.Tracer
	duration metric.Float64Histogram
	failures metric.Int64Counter
}

// buckets, in seconds: from a call of a store in memory to the longest timeout.
var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// New makes the instruments prefix.duration and prefix.failures. Nil providers are the
// global ones.
func New(tracers trace.TracerProvider, meters metric.MeterProvider, scope, prefix string) (*Set, error) {
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	meter := meters.Meter(scope)
	duration, err := meter.Float64Histogram(prefix+".duration", metric.WithUnit("s"),
		metric.WithDescription("How long steps took."), metric.WithExplicitBucketBoundaries(buckets...))
	if err != nil {
		return nil, err
	}
	failures, err := meter.Int64Counter(prefix+".failures", metric.WithUnit("{step}"), metric.WithDescription("Steps that failed."))
	if err != nil {
		return nil, err
	}
	return &Set{Tracer: tracers.Tracer(scope), duration: duration, failures: failures}, nil
}

// A Step is under way.
type Step struct {
	set   *Set
	ctx   context.Context // of the step, with its span: an exemplar of what is measured
	start time.Time
	Span  trace.Span
}

// Start starts a span and the clock.
func (s *Set) Start(ctx context.Context, name string, kind trace.SpanKind, attributes ...attribute.KeyValue) (context.Context, *Step) {
	ctx, span := s.Tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	return ctx, &Step{set: s, ctx: ctx, start: time.Now(), Span: span}
}

// End ends both. The attributes are those of the metrics: each of their values must come
// from a list of ours, so that no peer can make their number grow. Why is what the failure
// is counted by; nil is none.
func (s *Step) End(attributes, why []attribute.KeyValue) {
	s.set.duration.Record(s.ctx, time.Since(s.start).Seconds(), metric.WithAttributes(attributes...))
	if why != nil {
		s.set.failures.Add(s.ctx, 1, metric.WithAttributes(why...))
	}
	s.Span.End()
}
