package rp_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// leak is in every broken answer: it must show nowhere.
const leak = "do-not-repeat-this-body"

// faults are the ways in which a provider fails.
var faults = map[string]struct {
	do    func(r *http.Request) (*http.Response, error)
	kinds []rp.Kind
}{
	"down": {func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }, []rp.Kind{rp.KindUnreachable}},
	"slow": {func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}, []rp.Kind{rp.KindSlow}},
	"slow in the middle": {func(r *http.Request) (*http.Response, error) {
		resp := answer(200, "application/json", "")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"a":"`+leak), waiting{r}))
		return resp, nil
	}, []rp.Kind{rp.KindSlow}},
	"500": {func(*http.Request) (*http.Response, error) { return answer(500, "text/html", "<h1>"+leak+"</h1>"), nil }, []rp.Kind{rp.KindFailing}},
	"503": {func(*http.Request) (*http.Response, error) {
		return answer(503, "application/json", `{"error":"temporarily_unavailable","error_description":"maintenance"}`), nil
	}, []rp.Kind{rp.KindDeclared}},
	"429":          {func(*http.Request) (*http.Response, error) { return answer(429, "text/plain", leak), nil }, []rp.Kind{rp.KindFailing}},
	"a login page": {func(*http.Request) (*http.Response, error) { return answer(200, "text/html", leak), nil }, []rp.Kind{rp.KindRefused}},
	"not JSON":     {func(*http.Request) (*http.Response, error) { return answer(200, "application/json", leak), nil }, []rp.Kind{rp.KindRefused}},
	"half of it": {func(*http.Request) (*http.Response, error) {
		return answer(200, "application/json", `{"issuer":"`+leak), nil
	}, []rp.Kind{rp.KindRefused}},
	"an empty object": {func(*http.Request) (*http.Response, error) { return answer(200, "application/json", `{}`), nil },
		[]rp.Kind{rp.KindRefused}},
	"two objects": {func(*http.Request) (*http.Response, error) { return answer(200, "application/json", `{}{}`), nil }, []rp.Kind{rp.KindRefused}},
	"too much": {func(*http.Request) (*http.Response, error) {
		return answer(200, "application/json", `{"a":"`+strings.Repeat(leak, 50_000)+`"}`), nil
	}, []rp.Kind{rp.KindRefused}},
	"a redirect": {func(*http.Request) (*http.Response, error) {
		resp := answer(302, "text/html", leak)
		resp.Header.Set("Location", "https://evil.example/"+leak)
		return resp, nil
	}, []rp.Kind{rp.KindRefused}},
}

// waiting is a body that does not end before the request does.
type waiting struct{ r *http.Request }

func (w waiting) Read([]byte) (int, error) {
	<-w.r.Context().Done()
	return 0, w.r.Context().Err()
}

// Every step of a login, and where its request goes.
var steps = map[string]struct {
	path    string
	service string
	begun   bool // the fault comes when the browser is at the provider
	method  servicecontext.RequestMethod
}{
	"discovery":      {"/.well-known/openid-configuration", "provider_info", false, ""},
	"registration":   {"/register", "registration", false, ""},
	"pushed request": {"/par", "pushed_authorization", false, servicecontext.RequestPushed},
	"token":          {"/token", "accesstoken", true, ""},
	"keys":           {"/jwks", "jwks", true, ""},
	"userinfo":       {"/userinfo", "userinfo", true, ""},
}

func TestProviderFailsAtEachStep(t *testing.T) {
	for stepName, step := range steps {
		for faultName, fault := range faults {
			t.Run(stepName+"/"+faultName, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(c *rp.Config) {
					c.ServiceContext.RequestMethod = step.method
					if strings.HasPrefix(faultName, "slow") {
						c.HTTP.Timeout = time.Second
					}
				})
				b := w.browser()
				hit := 0
				w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
					if r.URL.Path != step.path {
						return nil, nil, false
					}
					hit++
					resp, err := fault.do(r)
					return resp, err, true
				})
				var p *page
				var brought *http.Request
				if step.begun {
					brought = b.callback(app + "/login?return_to=/account")
					p = b.bring(brought)
				} else {
					p = b.visit(app + "/login?return_to=/account")
				}
				w.net.breaks(nil)
				if hit == 0 {
					t.Fatalf("the step was not reached: %v", w.net.requests())
				}
				if hit > 1 {
					t.Errorf("the request was sent %d times", hit)
				}
				kinds := fault.kinds
				if len(kinds) == 1 && kinds[0] == rp.KindDeclared && slices.Contains(undeclared, step.service) {
					kinds = []rp.Kind{rp.KindFailing}
				}
				checkProblem(t, w, p, step.service, kinds)
				checkNoSecret(t, w, p, b, brought)
				if len(b.cookies("__Host-oidc-session")) != 0 {
					t.Error("a session was opened")
				}
				// The next attempt works, and the page says where it begins.
				retry := between(p.body, `id="retry" href="`, `"`)
				p = b.visit(app + strings.ReplaceAll(retry, "&amp;", "&"))
				if p.status != 200 || !strings.HasPrefix(p.body, "account of diana") {
					t.Errorf("the next attempt: %d %s\n%s", p.status, p.body, w.log)
				}
			})
		}
	}
}

// undeclared are the steps for whose answers no error object is defined: one is refused.
var undeclared = []string{"provider_info", "jwks", "userinfo"}

// checkProblem says whether the user was told what happened and what to do, and the
// operator where.
func checkProblem(t *testing.T, w *world, p *page, service string, kinds []rp.Kind) {
	t.Helper()
	log := w.log.String()
	found := false
	for _, kind := range kinds {
		found = found || strings.Contains(log, "kind="+string(kind))
	}
	if !found {
		t.Errorf("want kind %v in the log:\n%s", kinds, log)
	}
	if p.status < 400 || !strings.Contains(p.body, `id="what"`) || !strings.Contains(p.body, `id="advice"`) || !strings.Contains(p.body, `id="retry"`) {
		t.Errorf("status %d, page: %s", p.status, p.body)
	}
	line, lines := "", 0
	for l := range strings.SplitSeq(log, "\n") {
		if strings.Contains(l, "a login failed") {
			line = l
			lines++
		}
	}
	if lines != 1 {
		t.Errorf("one failure is logged %d times:\n%s", lines, log)
	}
	if !strings.Contains(line, "step="+service) || !strings.Contains(line, "issuer=https://op.example") {
		t.Errorf("the log does not say where: %s", line)
	}
	reference := between(p.body, `id="reference"><code>`, "<")
	if reference == "" || !strings.Contains(line, "reference="+reference) {
		t.Errorf("the page says reference %q, the log %s", reference, line)
	}
	if (kinds[0] == rp.KindRefused || kinds[0] == rp.KindFailing) && (strings.Contains(line, "rule= ") || !strings.Contains(line, "rule=")) {
		t.Errorf("the log names no rule: %s", line)
	}
}

// checkNoSecret looks for what nobody but the two sides may know.
func checkNoSecret(t *testing.T, w *world, p *page, b *browser, brought *http.Request) {
	t.Helper()
	secrets := []string{leak}
	if sn := w.party.ServiceContext("https://op.example").Snapshot(); sn.ClientSecret() != "" {
		secrets = append(secrets, sn.ClientSecret().Reveal())
	}
	for _, c := range b.cookies("") {
		secrets = append(secrets, c.Value)
	}
	if brought != nil {
		for _, name := range []string{"code", "state"} {
			secrets = append(secrets, brought.URL.Query().Get(name))
		}
	}
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log has the secret %q:\n%s", secret, w.log)
		}
		if strings.Contains(p.body, secret) {
			t.Errorf("the page has the secret %q", secret)
		}
	}
}

// A failing store is nobody's fault but ours, and the next attempt works.
func TestStoreFails(t *testing.T) {
	broken := &brokenStore{Store: new(state.Memory)}
	w := newWorld(t, func(c *rp.Config) { c.DB = &state.DB{Store: broken} })
	b := w.browser()
	b.login()
	for name, visit := range map[string]func() *page{
		"login":     func() *page { return b.visit(app + "/login") },
		"protected": func() *page { return b.visit(app + "/account") },
		"logout": func() *page {
			return b.bring(withHeader(going(mustParse(t, app+"/logout")), "Sec-Fetch-Site", "same-origin"))
		},
	} {
		broken.fail(true)
		p := visit()
		broken.fail(false)
		if p.status != http.StatusServiceUnavailable || !strings.Contains(p.body, "Signing in is not possible at the moment") {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	if !strings.Contains(w.log.String(), "level=ERROR") {
		t.Error("the log does not say that it is ours")
	}
	r := b.callback(app + "/login")
	broken.fail(true)
	p := b.bring(r)
	broken.fail(false)
	if p.status != http.StatusServiceUnavailable {
		t.Errorf("callback: %d %s", p.status, p.body)
	}
	if p := b.bring(r); p.body != "home of diana at https://op.example" {
		t.Errorf("the same callback once more: %d %s", p.status, p.body)
	}
}

// A provider that declares an error: the login ends, and the user learns what to do.
func TestDeclaredErrors(t *testing.T) {
	for code, want := range map[message.ErrorCode]struct {
		kind   rp.Kind
		status int
	}{
		message.AccessDenied: {rp.KindDenied, 403}, message.LoginRequired: {rp.KindInteraction, 403}, message.ServerError: {rp.KindDeclared, 502},
		message.TemporarilyUnavailable: {rp.KindDeclared, 503}, "something_new": {rp.KindDeclared, 502},
	} {
		w := newWorld(t)
		b := w.browser()
		state := b.callback(app + "/login").URL.Query().Get("state")
		p := b.bring(going(swap(nil, "error", string(code), "state", state, "iss", "https://op.example")))
		if p.status != want.status || !strings.Contains(w.log.String(), "kind="+string(want.kind)) || !strings.Contains(w.log.String(), "code="+string(code)) {
			t.Errorf("%s: %d\n%s", code, p.status, w.log)
		}
		if len(b.cookies("__Host-oidc-login-")) != 0 {
			t.Errorf("%s: the cookie of the login stays", code)
		}
		b.login()
	}
	w := newWorld(t)
	b := w.browser()
	b.deny = true
	if p := b.visit(app + "/login"); p.status != 403 || !strings.Contains(p.body, "You are not signed in") {
		t.Errorf("%d %s", p.status, p.body)
	}
}

// While the provider's documents cannot be had, what is known of it serves on.
func TestOutageOfDocuments(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.RefreshEvery = time.Hour })
	b := w.browser()
	b.login()
	documents := 0
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		if r.URL.Path == "/jwks" || strings.HasPrefix(r.URL.Path, "/.well-known/") {
			documents++
			return nil, errors.New("connection refused"), true
		}
		return nil, nil, false
	})
	for range 20 {
		w.pass(30 * time.Minute)
		b.login()
	}
	if documents < 3 || documents > 40 {
		t.Errorf("%d attempts in ten hours", documents)
	}
	if !strings.Contains(w.log.String(), "what is known of it serves on") {
		t.Error(w.log)
	}
	w.net.breaks(nil)
	w.pass(time.Hour)
	before := w.net.count("/.well-known/openid-configuration")
	b.login()
	b.login()
	if n := w.net.count("/.well-known/openid-configuration"); n != before+1 {
		t.Errorf("%d requests for metadata after the outage", n-before)
	}
	if s := w.party.Status(); len(s) != 1 || s[0].Failures != 0 || s[0].MetadataAt.IsZero() || !s[0].Registered {
		t.Errorf("%+v", s)
	}
}

// The message of a problem is for users; what a peer said is not part of it.
func TestProblemTexts(t *testing.T) {
	var shown []*rp.Problem
	w := newWorld(t, func(c *rp.Config) {
		c.Error = func(_ http.ResponseWriter, _ *http.Request, p *rp.Problem) { shown = append(shown, p) }
	})
	b := w.browser()
	state := b.callback(app + "/login").URL.Query().Get("state")
	b.bring(going(swap(nil, "error", "server_error", "error_description", "the peer's words", "error_uri", "https://evil.example", "state", state, "iss", "https://op.example")))
	if len(shown) != 1 {
		t.Fatal(shown)
	}
	p := shown[0]
	if p.Title == "" || p.What == "" || p.Advice == "" || strings.Contains(p.Title+p.What+p.Advice, "peer") {
		t.Errorf("%+v", p)
	}
	if p.Code != message.ServerError || p.Description != "the peer's words" || p.Step != "authorization" || len(p.Checks) == 0 || p.Retry != "/login" {
		t.Errorf("%+v", p)
	}
	b.visit(callbackURI + "?" + url.Values{"state": {"x"}}.Encode())
	if len(shown) != 2 || shown[1].Rule != message.RuleAuthzResponseState || !strings.Contains(shown[1].Spec, "RFC 6749") {
		t.Errorf("%+v", shown[1])
	}
}

// The host of what a user entered fails: it is not known then whose the login is.
func TestWebFingerFails(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newDynamicWorld(t, func(c *rp.PartyConfig) {
				if strings.HasPrefix(name, "slow") {
					c.HTTP.Timeout = time.Second
				}
			})
			w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
				if r.URL.Path != "/.well-known/webfinger" {
					return nil, nil, false
				}
				resp, err := fault.do(r)
				return resp, err, true
			})
			b := w.browser()
			const address = app + "/login?identifier=diana%40op.example&return_to=%2Faccount"
			p := b.visit(address)
			w.net.breaks(nil)
			if p.status < 400 || !strings.Contains(p.body, `id="what"`) || !strings.Contains(p.body, `id="advice"`) || !strings.Contains(p.body, `href="/login`) {
				t.Errorf("status %d, page: %s", p.status, p.body)
			}
			if strings.Count(w.log.String(), "a login failed") != 1 || !strings.Contains(w.log.String(), "step=webfinger") {
				t.Errorf("the log: %s", w.log)
			}
			if strings.Contains(w.log.String()+p.body, leak) {
				t.Errorf("an answer is repeated: %s %s", p.body, w.log)
			}
			if p := b.visit(address); !strings.HasPrefix(p.body, "account of diana") {
				t.Errorf("the next attempt: %d %s", p.status, p.body)
			}
		})
	}
}
