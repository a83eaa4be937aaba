package conversation

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// comeBack plays a browser: it asks for what a provider would send it to.
func comeBack(t *testing.T, method, target, body string) string {
	t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	page, _ := io.ReadAll(resp.Body)
	if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the callback page may be cached or told of: %v", resp.Header)
	}
	return string(page)
}

func TestSystemBrowser(t *testing.T) {
	for _, tt := range []struct {
		name  string
		visit func(t *testing.T, redirectURI string)
		want  service.Inbound
	}{
		{"query", func(t *testing.T, u string) { comeBack(t, "GET", u+"?code=a%2Bb&state=s", "") },
			service.Inbound{Mode: message.ResponseModeQuery, Method: "GET", Raw: "code=a%2Bb&state=s"}},
		{"form post", func(t *testing.T, u string) { comeBack(t, "POST", u, "code=1&state=s") },
			service.Inbound{Mode: message.ResponseModeFormPost, Method: "POST", ContentType: "application/x-www-form-urlencoded", Raw: "code=1&state=s"}},
		{"fragment", func(t *testing.T, u string) {
			page := comeBack(t, "GET", u, "")
			if !strings.Contains(page, `action="/callback.fragment"`) {
				t.Errorf("the page does not move the fragment: %s", page)
			}
			comeBack(t, "POST", u+".fragment", "fragment="+url.QueryEscape("id_token=x&state=s"))
		}, service.Inbound{Mode: message.ResponseModeFragment, Method: "GET", Raw: "id_token=x&state=s"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, redirectURI, err := newSystem("", io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			s.open = func(target string) error {
				if target != "https://op.example/authorize?x" {
					t.Errorf("opened %s", target)
				}
				go tt.visit(t, redirectURI)
				return nil
			}
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			j, err := s.travel(ctx, &service.Request{URL: "https://op.example/authorize?x"}, redirectURI, message.ResponseModeQuery)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.RedirectURI = redirectURI
			if j.inbound != tt.want {
				t.Errorf("got %+v, want %+v", j.inbound, tt.want)
			}
		})
	}
}

func TestSystemBrowserIsGivenUp(t *testing.T) {
	var out bytes.Buffer
	s, _, err := newSystem("", &out)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.open = func(string) error { return errors.New("no display") }
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = s.travel(ctx, &service.Request{URL: "https://op.example/authorize"}, "", "")
	if !timedOut(err) || !strings.Contains(out.String(), "https://op.example/authorize") {
		t.Errorf("got %v, %s", err, out.String())
	}
	for _, bad := range []string{"https://127.0.0.1:1/cb", "http://rp.example:80/cb", "http://127.0.0.1/cb"} {
		if _, _, err := newSystem(bad, io.Discard); !errors.Is(err, ErrSettings) {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestTypedHosts(t *testing.T) {
	for _, tt := range []struct{ issuer, resource, want string }{
		{"https://op.example:8443/x", "", "op.example"},
		{"", "acct:joe@op.example", "op.example"},
		{"", "joe@evil.example@op.example", "op.example"},
		{"", "https://op.example:8443/joe", "op.example"},
		{"", "https://joe@[::1]:8443/", "::1"},
		{"", "op.example/joe", "op.example"},
		{"", "", ""},
	} {
		got := strings.Join(typedHosts(&Settings{Issuer: tt.issuer, Resource: tt.resource}), " ")
		if got != tt.want {
			t.Errorf("%+v: got %q", tt, got)
		}
	}
}

// The kind of a failure follows from what it is made of.
func TestProblemOf(t *testing.T) {
	wrapped := func(rule message.Rule) error {
		return errors.Join(errors.New("step"), &message.Violation{Rule: rule, Param: "p"})
	}
	for _, tt := range []struct {
		err      error
		building bool
		kind     string
		exit     int
	}{
		{wrapped(message.RuleIDTokenAud), false, "violation", 5},
		{wrapped(message.RuleAuthzRequestPrompt), true, "config", 2},
		{wrapped(message.RuleMetadataCapability), false, "config", 2},
		{wrapped(message.RuleMetadataEndpointURL), true, "violation", 5},
		{&message.Error{Code: message.AccessDenied}, false, "provider_error", 4},
		{context.DeadlineExceeded, false, "transport", 6},
		{service.ErrNoEndpoint, false, "config", 2},
		{errors.New("the store is on fire"), false, "internal", 1},
	} {
		p := ProblemOf(tt.err, tt.building)
		if p.Kind != tt.kind || p.ExitCode() != tt.exit {
			t.Errorf("%v: got %s, %d", tt.err, p.Kind, p.ExitCode())
		}
	}
	if ProblemOf(nil, false).ExitCode() != 0 {
		t.Error("no problem is a problem")
	}
}
