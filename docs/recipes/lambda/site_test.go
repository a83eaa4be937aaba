package site

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/oidcservice/oidc/docs/recipes/internal/sitetest"
)

// A gateway turns requests into events and answers into responses.
type gateway struct{ call Function }

func (g gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	e := events.APIGatewayV2HTTPRequest{RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery, Headers: map[string]string{}, IsBase64Encoded: true}
	e.RequestContext.DomainName = r.URL.Host
	e.RequestContext.HTTP.Method = r.Method
	e.RequestContext.HTTP.SourceIP = "192.0.2.1"
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		e.Body = base64.StdEncoding.EncodeToString(body)
	}
	for name, values := range r.Header {
		if name == "Cookie" {
			e.Cookies = strings.Split(strings.Join(values, "; "), "; ")
			continue
		}
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	a, err := g.call(r.Context(), e)
	if err != nil {
		return nil, err
	}
	body, err := base64.StdEncoding.DecodeString(a.Body)
	if err != nil {
		return nil, err
	}
	resp := &http.Response{StatusCode: a.StatusCode, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(body))), Request: r}
	for name, value := range a.Headers {
		resp.Header.Set(name, value)
	}
	resp.Header["Set-Cookie"] = a.Cookies
	return resp, nil
}

func TestSite(t *testing.T) {
	provider := sitetest.Provider(t)
	call, err := New(sitetest.Options(provider))
	if err != nil {
		t.Fatal(err)
	}
	sitetest.Check(t, provider, gateway{call})
}

func TestEventThatIsNoRequest(t *testing.T) {
	call, err := New(sitetest.Options(sitetest.Provider(t)))
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]events.APIGatewayV2HTTPRequest{
		"no base64": {IsBase64Encoded: true, Body: "*", RawPath: "/login"}, "no path": {RawPath: "%zz"},
	} {
		if a, err := call(t.Context(), e); err != nil || a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %v", name, a.StatusCode, err)
		}
	}
}
