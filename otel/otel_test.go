package otel_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/otel/opotel"
	"github.com/oidcservice/oidc/otel/rpotel"
	"github.com/oidcservice/oidc/otel/stateotel"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/state"
)

// A world is a site, its provider and a browser, all observed.
type world struct {
	spans   *tracetest.InMemoryExporter
	reader  *metric.ManualReader
	browser *http.Client
	parents map[string]string // the traceparent of each request of the party
	broken  string            // the path at which the provider fails
	callbck string            // the last callback
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newWorld(t *testing.T) *world {
	t.Helper()
	otel.SetTextMapPropagator(propagation.TraceContext{})
	w := &world{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader(), parents: map[string]string{}}
	tracers := trace.NewTracerProvider(trace.WithSyncer(w.spans))
	meters := metric.NewMeterProvider(metric.WithReader(w.reader))
	atParty, err := rpotel.New(tracers, meters)
	if err != nil {
		t.Fatal(err)
	}
	atProvider, err := opotel.New(tracers, meters)
	if err != nil {
		t.Fatal(err)
	}
	store, err := stateotel.Observe(new(state.Memory), tracers, meters)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := optest.New(func(c *op.Config) { c.Trace = atProvider.Trace })
	if err != nil {
		t.Fatal(err)
	}
	network := tripper(func(r *http.Request) (*http.Response, error) {
		w.parents[r.URL.Path] = r.Header.Get("Traceparent")
		if r.URL.Path == w.broken {
			return nil, fmt.Errorf("connection refused")
		}
		return provider.Transport().RoundTrip(r)
	})
	party, err := rp.New(rp.Config{
		Issuer: optest.Issuer, RedirectURI: "https://app.example/callback", Scope: []string{"email"},
		Options: rp.Options{Trace: atParty.Trace, HTTP: rp.ClientOptions{Transport: network, Wrap: atParty.Wrap}, DB: &state.DB{Store: store}},
	})
	if err != nil {
		t.Fatal(err)
	}
	site := http.NewServeMux()
	site.Handle("/callback", party.Callback(nil))
	site.Handle("/", party.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "welcome") })))
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.browser = &http.Client{Jar: jar, Transport: tripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/callback" {
			w.callbck = r.URL.String()
		}
		handlers := map[string]http.Handler{"app.example": site, "op.example": provider}
		return (&optest.Transport{Host: r.URL.Host, Handler: handlers[r.URL.Host]}).RoundTrip(r)
	})}
	return w
}

var (
	form  = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	input = regexp.MustCompile(`<input type="(?:hidden|checkbox)"[^>]* name="([^"]*)" value="([^"]*)"`)
)

// visit goes to the site and logs in where it is asked to.
func (w *world) visit(t *testing.T) string {
	t.Helper()
	resp, err := w.browser.Get("https://app.example/")
	for range 5 {
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		page := string(body)
		found := form.FindStringSubmatch(page)
		if found == nil {
			return page
		}
		values := url.Values{"username": {optest.Username}, "password": {optest.Password}, "action": {"login"}}
		if strings.Contains(page, `value="allow"`) {
			values.Set("action", "allow")
		}
		for _, field := range input.FindAllStringSubmatch(page, -1) {
			values.Add(field[1], field[2])
		}
		resp, err = w.browser.PostForm(optest.Issuer+found[1], values)
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the pages do not end")
	return ""
}

func attributes(s tracetest.SpanStub) map[string]string {
	out := map[string]string{}
	for _, a := range s.Attributes {
		out[string(a.Key)] = a.Value.String()
	}
	return out
}

// named returns the last span of a name in a scope.
func (w *world) named(t *testing.T, scope, name string) tracetest.SpanStub {
	t.Helper()
	all := w.spans.GetSpans()
	for _, s := range slices.Backward(all) {
		if s.Name == name && s.InstrumentationScope.Name == scope {
			return s
		}
	}
	t.Fatalf("no span %q among %d", name, len(all))
	return tracetest.SpanStub{}
}

func TestLogin(t *testing.T) {
	w := newWorld(t)
	if page := w.visit(t); page != "welcome" {
		t.Fatal(page)
	}
	callback := w.named(t, rpotel.Scope, "oidc callback")
	token := w.named(t, rpotel.Scope, "oidc accesstoken")
	if token.Parent.SpanID() != callback.SpanContext.SpanID() {
		t.Error("the token request is not part of the callback")
	}
	if got := attributes(callback); got["oidc.step"] != "callback" || got["oidc.issuer"] != optest.Issuer || got["oidc.outcome"] != "ok" || callback.Status.Code == codes.Error {
		t.Errorf("%v %v", got, callback.Status)
	}
	// The provider is told of the trace by the span that asks it.
	if want := "00-" + token.SpanContext.TraceID().String() + "-" + token.SpanContext.SpanID().String() + "-01"; w.parents["/token"] != want {
		t.Errorf("traceparent %q, want %q", w.parents["/token"], want)
	}
	if got := attributes(w.named(t, opotel.Scope, "oidc token")); got["oidc.outcome"] != "ok" || got["http.response.status_code"] != "200" {
		t.Errorf("%v", got)
	}
	w.named(t, opotel.Scope, "oidc interaction")
	if s := w.named(t, stateotel.Scope, "oidc store take"); attributes(s)["oidc.hit"] != "true" || !s.Parent.IsValid() {
		t.Errorf("%+v", s)
	}
	if n := w.failures(t); n != 0 {
		t.Errorf("%d failures are counted in a login that succeeded", n)
	}
	w.noSecrets(t)
}

func TestFailure(t *testing.T) {
	w := newWorld(t)
	w.broken = "/token"
	if page := w.visit(t); !strings.Contains(page, "cannot be reached") {
		t.Fatal(page)
	}
	for _, name := range []string{"oidc callback", "oidc accesstoken"} {
		s := w.named(t, rpotel.Scope, name)
		if attributes(s)["oidc.outcome"] != string(rp.KindUnreachable) || s.Status.Code != codes.Error {
			t.Errorf("%s: %v %v", name, attributes(s), s.Status)
		}
	}
	if n := w.counted(t, "oidc.rp.failures", attribute.String("oidc.step", "callback"), attribute.String("oidc.outcome", "unreachable"), attribute.String("oidc.rule", "")); n != 1 {
		t.Errorf("%d failures of callbacks are counted", n)
	}
	// The same callback once more: a rule says no.
	resp, err := w.browser.Get(w.callbck)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := attributes(w.named(t, rpotel.Scope, "oidc callback")); got["oidc.rule"] != "authz_response_state" || got["oidc.outcome"] != string(rp.KindExpired) {
		t.Errorf("%v", got)
	}
	w.broken = ""
	if page := w.visit(t); page != "welcome" {
		t.Fatal(page)
	}
	if n := w.counted(t, "oidc.rp.duration", attribute.String("oidc.step", "callback"), attribute.String("oidc.outcome", "ok")); n != 1 {
		t.Errorf("%d callbacks are measured", n)
	}
	w.noSecrets(t)
}

// counted returns the value of a counter, or the count of a histogram, with exactly these
// attributes.
func (w *world) counted(t *testing.T, name string, attributes ...attribute.KeyValue) uint64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	want := attribute.NewSet(attributes...)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != name {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					if p.Attributes.Equals(&want) {
						return uint64(p.Value)
					}
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					if p.Attributes.Equals(&want) {
						return p.Count
					}
				}
			}
		}
	}
	return 0
}

// failures returns what all counters of failures say together.
func (w *world) failures(t *testing.T) (sum int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if data, ok := m.Data.(metricdata.Sum[int64]); ok && strings.HasSuffix(m.Name, ".failures") {
				for _, p := range data.DataPoints {
					sum += p.Value
				}
			}
		}
	}
	return sum
}

// noSecrets looks for what nobody but the two sides may know, in everything exported.
func (w *world) noSecrets(t *testing.T) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%+v %+v", w.spans.GetSpans(), all)
	callback, err := url.Parse(w.callbck)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{optest.Password, callback.Query().Get("code"), callback.Query().Get("state")}
	for _, c := range w.browser.Jar.Cookies(&url.URL{Scheme: "https", Host: "app.example", Path: "/"}) {
		secrets = append(secrets, c.Value)
	}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(text, secret) {
			t.Errorf("the secret %q is exported, or was not found to be looked for", secret)
		}
	}
}

// What docs/observe.md shows tells the global providers.
func TestGlobalProviders(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSyncer(spans)))
	options, err := observed(rp.Options{}, new(state.Memory))
	if err != nil {
		t.Fatal(err)
	}
	party, err := rp.New(rp.Config{Issuer: optest.Issuer, RedirectURI: "https://app.example/callback", Options: options})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := party.Tokens(t.Context(), "https://app.example/callback?state=x&code=y", "z"); err == nil {
		t.Error("a login that nobody began succeeds")
	}
	var names []string
	for _, s := range spans.GetSpans() {
		names = append(names, s.Name)
	}
	if !slices.Contains(names, "oidc callback") || !slices.Contains(names, "oidc store get") {
		t.Errorf("%q", names)
	}
}
