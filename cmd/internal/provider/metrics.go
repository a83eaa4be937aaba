package provider

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/state"
)

// metrics count what an operator watches. Labels come from lists of ours, never from a
// request, so that nobody outside can make their number grow.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	calls    *prometheus.HistogramVec
	reloads  *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "oidc_op_requests_total", Help: "Requests by endpoint, method and status.",
		}, []string{"endpoint", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oidc_op_request_duration_seconds", Help: "How long requests took, by endpoint.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"endpoint"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "oidc_op_requests_in_flight", Help: "Requests that are being answered."}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oidc_op_store_call_duration_seconds", Help: "How long calls of the store took, by verb and outcome.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}, []string{"verb", "outcome"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "oidc_op_reloads_total", Help: "Times the configuration or the keys were read again, by outcome.",
		}, []string{"outcome"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.inFlight, m.calls, m.reloads,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe measures the calls of a store.
func (m *metrics) observe(store state.Store) state.Store {
	return state.Observed(store, func(_ context.Context, call state.Call) (context.Context, func(state.Outcome)) {
		start := time.Now()
		return nil, func(o state.Outcome) {
			outcome := "ok"
			if o.Err != nil {
				outcome = "error"
			}
			m.calls.WithLabelValues(call.Verb, outcome).Observe(time.Since(start).Seconds())
		}
	})
}

// methods are those that have a label of their own.
var methods = map[string]bool{http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true, http.MethodDelete: true, http.MethodOptions: true}

// methodLabel is the label of a method: a stranger may send any.
func methodLabel(method string) string {
	if !methods[method] {
		return "other"
	}
	return method
}

func (m *metrics) count(endpoint, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(endpoint, method, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(endpoint).Observe(took.Seconds())
}

// reloaded counts one reading.
func (m *metrics) reloaded(err error) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	m.reloads.WithLabelValues(outcome).Inc()
}

// namer tells the endpoint that a path of the public server belongs to.
func namer(all []endpoint.Described, interaction string) func(path string) string {
	exact := map[string]string{}
	prefixes := map[string]string{interaction: "interaction"}
	for _, d := range all {
		exact[d.HostPath] = d.Name
		if d.Prefix {
			prefixes[d.HostPath] = d.Name
		}
	}
	return naming(exact, prefixes)
}

// aliasNamer is namer for the server of mutual TLS.
func aliasNamer(all []endpoint.Described) func(path string) string {
	exact := map[string]string{}
	for _, d := range all {
		if u, err := url.Parse(d.Alias); err == nil && d.Alias != "" {
			exact[u.Path] = d.Name
		}
	}
	return naming(exact, nil)
}

func naming(exact, prefixes map[string]string) func(path string) string {
	return func(path string) string {
		if name, ok := exact[path]; ok {
			return name
		}
		for prefix, name := range prefixes {
			if len(path) > len(prefix) && path[:len(prefix)] == prefix {
				return name
			}
		}
		return "none"
	}
}
