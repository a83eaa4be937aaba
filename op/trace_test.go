package op_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// A tracer writes steps down as they end, each behind the one around it.
type tracer struct {
	mu       sync.Mutex
	names    []string
	outcomes []op.Outcome
}

type stepKey struct{}

func (t *tracer) trace(ctx context.Context, s op.Step) (context.Context, func(op.Outcome)) {
	path := s.Name
	if outer, ok := ctx.Value(stepKey{}).(string); ok {
		path = outer + "/" + s.Name
	}
	return context.WithValue(ctx, stepKey{}, path), func(o op.Outcome) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.names, t.outcomes = append(t.names, path), append(t.outcomes, o)
	}
}

func (t *tracer) take() ([]string, []op.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	names, outcomes := t.names, t.outcomes
	t.names, t.outcomes = nil, nil
	return names, outcomes
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestStepsAreTraced(t *testing.T) {
	var tr tracer
	var log bytes.Buffer
	provider, err := optest.New(func(c *op.Config) {
		c.Trace = tr.trace
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.Outbound = tripper(func(r *http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
	})
	if err != nil {
		t.Fatal(err)
	}
	const keys = "https://app.example/keys?access=do-not-tell"
	err = provider.AddClient(t.Context(), &endpoint.Client{ID: "c", Trusted: true, Metadata: message.ClientMetadata{
		RedirectURIs: []string{"https://app.example/cb"}, ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code"},
		TokenEndpointAuthMethod: message.AuthMethodPrivateKeyJWT, JWKSURI: keys,
	}})
	if err != nil {
		t.Fatal(err)
	}
	client := provider.Client()
	send := func(method, path string, form url.Values) string {
		t.Helper()
		address := optest.Issuer + path
		var body io.Reader
		if method == http.MethodPost {
			body = strings.NewReader(form.Encode())
		} else if form != nil {
			address += "?" + form.Encode()
		}
		r, err := http.NewRequestWithContext(t.Context(), method, address, body)
		if err != nil {
			t.Fatal(err)
		}
		if body != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(page)
	}
	authorize := url.Values{
		"client_id": {"c"}, "response_type": {"code"}, "redirect_uri": {"https://app.example/cb"}, "scope": {"openid"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"},
	}
	page := ""
	for _, step := range []struct {
		name    string
		visit   func()
		names   []string
		outcome op.Outcome // of the last
	}{
		{"metadata", func() { send("GET", "/.well-known/openid-configuration", nil) }, []string{"provider_info"}, op.Outcome{Status: 200}},
		{"a question", func() { page = send("GET", "/authorize", authorize) }, []string{"authorization"}, op.Outcome{Status: 200}},
		{
			"a wrong password", func() { page = send("POST", "/interaction/authorization", answerTo(page, "wrong")) },
			[]string{"interaction"}, op.Outcome{Status: 200, Failure: endpoint.FailureCredentials},
		},
		{
			"the password", func() { page = send("POST", "/interaction/authorization", answerTo(page, optest.Password)) },
			[]string{"interaction"}, op.Outcome{Status: 303},
		},
		{
			"a refusal", func() {
				send("POST", "/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"nobody"}, "code": {"do-not-tell"}})
			},
			[]string{"token"}, op.Outcome{Status: 401, Code: message.InvalidClient},
		},
		{
			"keys that cannot be had", func() {
				send("POST", "/token", url.Values{
					"grant_type": {"authorization_code"}, "code": {"do-not-tell"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
					"client_assertion": {"eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJjIiwic3ViIjoiYyIsImF1ZCI6Imh0dHBzOi8vb3AuZXhhbXBsZSIsImp0aSI6ImoiLCJleHAiOjk5OTk5OTk5OTl9." + strings.Repeat("A", 86)},
				})
			},
			[]string{"token/fetch", "token"}, op.Outcome{Status: 401, Code: message.InvalidClient},
		},
		{
			"a body that is too large", func() { send("POST", "/token", url.Values{"x": {strings.Repeat("do-not-tell", 10_000)}}) },
			[]string{"token"}, op.Outcome{Status: 413, Code: message.InvalidRequest, Rule: message.RuleOPRequestBody},
		},
	} {
		log.Reset()
		step.visit()
		names, outcomes := tr.take()
		if !slices.Equal(names, step.names) {
			t.Errorf("%s: %q", step.name, names)
			continue
		}
		got := outcomes[len(outcomes)-1]
		if step.outcome.Rule == "" && step.outcome.Code != "" {
			got.Rule = ""
		}
		if got != step.outcome {
			t.Errorf("%s: %+v, want %+v", step.name, got, step.outcome)
		}
		// Each refusal is logged once, with endpoint, error and rule.
		lines := strings.Count(log.String(), "msg=refused")
		if refused := step.outcome.Code != ""; refused && lines != 1 || !refused && lines != 0 {
			t.Errorf("%s is logged %d times: %s", step.name, lines, log.String())
		}
		if rule := string(outcomes[len(outcomes)-1].Rule); rule != "" && !(strings.Contains(log.String(), "endpoint=token") && strings.Contains(log.String(), "rule="+rule)) {
			t.Errorf("%s: the log does not say where and why: %s", step.name, log.String())
		}
		for _, o := range outcomes {
			if o.Err != nil && strings.Contains(o.Err.Error(), "do-not-tell") {
				t.Errorf("%s: the outcome shows a secret: %v", step.name, o.Err)
			}
		}
		if strings.Contains(log.String(), "do-not-tell") || strings.Contains(log.String(), optest.Password) {
			t.Errorf("%s: the log shows a secret: %s", step.name, log.String())
		}
	}
}

// answerTo fills in the form of a login page.
func answerTo(page, password string) url.Values {
	_, rest, _ := strings.Cut(page, `name="ticket" value="`)
	ticket, _, _ := strings.Cut(rest, `"`)
	return url.Values{"ticket": {ticket}, "action": {"login"}, "username": {optest.Username}, "password": {password}}
}
