package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

const issuerRel = "http://openid.net/specs/connect/1.0/issuer"

func asking(resource string) service.Args {
	return service.Args{Message: message.WebFingerRequest{Resource: resource}}
}

// TestWebFingerNormalisation: the identifiers of the predecessors' tests, with the
// bare host, several @, a user with a port and other schemes put right.
func TestWebFingerNormalisation(t *testing.T) {
	svc := service.NewWebFinger(newKit(t, servicecontext.Config{}).env())
	for _, tc := range []struct{ identifier, resource, host string }{
		{"example.com", "https://example.com", "example.com"},
		{"example.com:8080", "https://example.com:8080", "example.com:8080"},
		{"example.com/path", "https://example.com/path", "example.com"},
		{"example.com?query", "https://example.com?query", "example.com"},
		{"example.com#fragment", "https://example.com", "example.com"},
		{"example.com:8080/path?query#fragment", "https://example.com:8080/path?query", "example.com:8080"},
		{"http://example.com", "http://example.com", "example.com"},
		{"http://example.com:8080/path?query#fragment", "http://example.com:8080/path?query", "example.com:8080"},
		{"https://example.com/joe#fragment", "https://example.com/joe", "example.com"},
		{"HTTPS://Example.com", "HTTPS://Example.com", "Example.com"},
		{"nov@example.com", "acct:nov@example.com", "example.com"},
		{"nov@example.com:8080", "https://nov@example.com:8080", "example.com:8080"},
		{"nov@example.com/path", "https://nov@example.com/path", "example.com"},
		{"nov@example.com?query", "https://nov@example.com?query", "example.com"},
		{"nov@example.com#fragment", "acct:nov@example.com", "example.com"},
		{"nov@example.com:8080/path?query#fragment", "https://nov@example.com:8080/path?query", "example.com:8080"},
		{"acct:nov@matake.jp", "acct:nov@matake.jp", "matake.jp"},
		{"acct:nov@example.com#fragment", "acct:nov@example.com", "example.com"},
		{"acct:nov@example.com:8080", "acct:nov@example.com:8080", "example.com:8080"},
		{"acct:juliet%40capulet.example@shopping.example", "acct:juliet%40capulet.example@shopping.example", "shopping.example"},
		{"joe@a.example@b.example", "acct:joe@a.example@b.example", "b.example"},
		{"https://joe@example.com:8443/x", "https://joe@example.com:8443/x", "example.com:8443"},
		{"localhost", "https://localhost", "localhost"},
		{"localhost:8080", "https://localhost:8080", "localhost:8080"},
		{"[::1]:8080", "https://[::1]:8080", "[::1]:8080"},
		{"jöe@example.com", "acct:jöe@example.com", "example.com"},
		{"ftp://example.com/joe", "ftp://example.com/joe", "example.com"},
	} {
		req, err := svc.GetRequestParameters(context.Background(), asking(tc.identifier))
		if err != nil {
			t.Errorf("%s: %v", tc.identifier, err)
			continue
		}
		sameURL(t, req.URL, "https://"+tc.host+"/.well-known/webfinger?"+url.Values{"resource": {tc.resource}, "rel": {issuerRel}}.Encode())
		if req.Method != "GET" || len(req.Body) > 0 || req.Header["Authorization"] != nil {
			t.Errorf("%s: %+v", tc.identifier, req)
		}
	}
	for _, identifier := range []string{
		"tel:+810312345678", "device:192.168.2.1", "device:192.168.2.1:8080", "device:192.168.2.1/path", "mailto:nov@matake.jp",
		"urn:example:joe", "acct:nov", "=nov", "@nov", "!nov", "#fragment", "https://", "acct:nov@example.com/path", "javascript:alert(1)",
	} {
		if req, err := svc.GetRequestParameters(context.Background(), asking(identifier)); err == nil {
			t.Errorf("%s is asked at %s", identifier, req.URL)
		} else if len(service.ChecksOf(err)) == 0 {
			t.Errorf("%s: no checks with %v", identifier, err)
		}
	}
}

// TestWebFingerOfTheSeed is the first request of the model conversation.
func TestWebFingerOfTheSeed(t *testing.T) {
	k := newKit(t, servicecontext.Config{})
	svc := service.NewWebFinger(k.env())
	req := k.request(svc, asking("foobar@example.com"))
	sameURL(t, req.URL, "https://example.com/.well-known/webfinger?rel=http%3A%2F%2Fopenid.net%2Fspecs%2Fconnect%2F1.0%2Fissuer&resource=acct%3Afoobar%40example.com")
	k.commit(svc, asking("foobar@example.com"), 200,
		`{"subject":"acct:foobar@example.com","links":[{"rel":"http://openid.net/specs/connect/1.0/issuer","href":"https://example.com"}],"expires":"2018-02-04T11:08:41Z"}`)
	if got := k.sc.Snapshot().Issuer; got != "https://example.com" {
		t.Errorf("issuer %q", got)
	}
	if n := k.store.writes.Load(); n != 0 {
		t.Errorf("%d writes to the state database", n)
	}
}

func TestWebFingerHTTPOnlyByName(t *testing.T) {
	for allowed, want := range map[bool]string{false: "https://localhost:8080/.well-known/webfinger?", true: "http://localhost:8080/.well-known/webfinger?"} {
		k := newKit(t, servicecontext.Config{InsecureAllowHTTP: allowed})
		if req := k.request(service.NewWebFinger(k.env()), asking("http://localhost:8080/joe")); !strings.HasPrefix(req.URL, want) {
			t.Errorf("allowed %v: %s", allowed, req.URL)
		}
	}
}

// TestWebFingerRel: the configured relation is asked for and looked for.
func TestWebFingerRel(t *testing.T) {
	const other = "https://example.com/rel/issuer"
	for name, tc := range map[string]struct {
		configured string
		called     []string
		asked      []string
		found      string
	}{
		"default":    {"", nil, []string{issuerRel}, issuerRel},
		"configured": {`{"rel":["` + other + `"]}`, nil, []string{other}, other},
		"called":     {`{"rel":["x"]}`, []string{other}, []string{other}, other},
		"several":    {"", []string{other, issuerRel}, []string{other, issuerRel}, issuerRel},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, servicecontext.Config{})
			env := k.env()
			env.Settings.RequestArgs = json.RawMessage(tc.configured)
			svc := service.NewWebFinger(env)
			args := service.Args{Message: message.WebFingerRequest{Resource: "joe@op.example", Rel: tc.called}}
			u, err := url.Parse(k.request(svc, args).URL)
			if err != nil {
				t.Fatal(err)
			}
			if got := u.Query()["rel"]; strings.Join(got, " ") != strings.Join(tc.asked, " ") {
				t.Errorf("asked for %q, want %q", got, tc.asked)
			}
			links := `{"links":[{"rel":"z","href":"https://z.example"},{"rel":"` + tc.found + `","href":"https://op.example"}]}`
			k.commit(svc, args, 200, links)
			if got := k.sc.Snapshot().Issuer; got != "https://op.example" {
				t.Errorf("issuer %q", got)
			}
		})
	}
	k := newKit(t, servicecontext.Config{})
	_, err := service.NewWebFinger(k.env()).GetRequestParameters(context.Background(), service.Args{Message: message.WebFingerRequest{Resource: "joe@op.example", Rel: []string{""}}})
	wantRule(t, err, message.RuleWebFingerRel)
}

// TestWebFingerRedirects: few, to https only, each a request of its own.
func TestWebFingerRedirects(t *testing.T) {
	links := []byte(`{"links":[{"rel":"` + issuerRel + `","href":"https://op.example"}]}`)
	for hops := range 5 {
		t.Run(fmt.Sprintf("%d hops", hops), func(t *testing.T) {
			k := newKit(t, servicecontext.Config{})
			var asked []string
			_, err := service.Run(context.Background(), service.NewWebFinger(k.env()), asking("joe@op.example"), func(_ context.Context, r *service.Request) (*service.Response, error) {
				asked = append(asked, r.URL)
				if n := len(asked); n <= hops {
					return r.Answer(302, map[string][]string{"Location": {fmt.Sprintf("//host%d.example/finger?a=%d#f", n, n)}}, nil), nil
				}
				return r.Answer(200, jsonHeader(), links), nil
			})
			if hops > 3 {
				wantRule(t, err, message.RuleWebFingerHTTPS)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(asked) != hops+1 {
				t.Errorf("asked %q", asked)
			}
			for i, address := range asked[1:] {
				if want := fmt.Sprintf("https://host%d.example/finger?a=%d", i+1, i+1); address != want {
					t.Errorf("hop %d: got %s, want %s", i+1, address, want)
				}
			}
			if k.sc.Snapshot().Issuer != "https://op.example" {
				t.Error("the issuer was not learnt")
			}
		})
	}
	k := newKit(t, servicecontext.Config{})
	svc := service.NewWebFinger(k.env())
	_, err := k.parse(svc, k.request(svc, asking("joe@op.example")).Answer(307, map[string][]string{"location": {"/elsewhere"}}, nil))
	var need *service.NeedError
	if !errors.As(err, &need) || !need.Resend || !errors.Is(err, message.RuleWebFingerStatus) {
		t.Fatalf("got %v, want the need of another request", err)
	}
	if next := k.request(svc, need.Args); next.URL != "https://op.example/elsewhere" {
		t.Errorf("next is %s", next.URL)
	}
}

// TestWebFingerKeepsTheIssuer: one context is one client at one provider.
func TestWebFingerKeepsTheIssuer(t *testing.T) {
	k := newKit(t, servicecontext.Config{Issuer: "https://op.example"})
	svc := service.NewWebFinger(k.env())
	for href, rule := range map[string]message.Rule{"https://op.example": "", "https://evil.example": message.RuleWebFingerIssuerLink} {
		_, err := k.answer(svc, asking("joe@op.example"), 200, `{"links":[{"rel":"`+issuerRel+`","href":"`+href+`"}]}`)
		if rule == "" && err != nil {
			t.Error(err)
		} else if rule != "" {
			wantRule(t, err, rule)
		}
	}
}

func FuzzWebFingerResource(f *testing.F) {
	for _, seed := range []string{"joe@example.com", "example.com:8080", "https://joe@example.com/x?y#z", "acct:a@b@c", "device:x", "[::1]", "=x", "a:b@c", "http:8080", "x@"} {
		f.Add(seed)
	}
	sc, err := servicecontext.New(servicecontext.Config{})
	if err != nil {
		f.Fatal(err)
	}
	svc := service.NewWebFinger(service.Env{Context: sc})
	f.Fuzz(func(t *testing.T, identifier string) {
		req, err := svc.GetRequestParameters(context.Background(), asking(identifier))
		if err != nil {
			return
		}
		// Whatever is asked is asked over https at a host of the identifier, and the
		// identifier never shows in the authority but as that host.
		u, err := url.Parse(req.URL)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Path != "/.well-known/webfinger" || u.Fragment != "" {
			t.Fatalf("%q is asked at %q: %v", identifier, req.URL, err)
		}
		if !strings.Contains(identifier, u.Host) || strings.ContainsAny(u.Host, "@/?#\\ ") {
			t.Fatalf("%q is asked at the host %q", identifier, u.Host)
		}
	})
}
