package pair_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// secretNames are the parameters and members whose values nobody may read.
var secretNames = []string{
	"access_token", "assertion", "auth_req_id", "client_assertion", "client_secret", "code", "code_verifier", "device_code",
	"id_token", "id_token_hint", "logout_token", "refresh_token", "registration_access_token", "request", "response",
	"subject_token", "token",
}

// A listener stands on the wire between both sides. It collects every secret that passes,
// and all that the values, errors and logs of both sides print.
type listener struct {
	t       *testing.T
	secrets map[string]string // secret by the name it had
	printed bytes.Buffer
}

// secret takes a value of the wire, and each part of a token.
func (l *listener) secret(name, value string) {
	if len(value) < 12 { // too short to be told from a word
		return
	}
	l.secrets[value] = name
	if parts := strings.Split(value, "."); len(parts) >= 3 {
		// The header is the same in every token; payload and signature are not.
		for _, part := range parts[1:] {
			if len(part) >= 12 {
				l.secrets[part] = name
			}
		}
	}
}

func (l *listener) form(raw string) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return
	}
	for _, name := range secretNames {
		for _, v := range values[name] {
			l.secret(name, v)
		}
	}
}

func (l *listener) object(body []byte) {
	var members map[string]any
	if json.Unmarshal(body, &members) != nil {
		return
	}
	for _, name := range secretNames {
		if v, ok := members[name].(string); ok {
			l.secret(name, v)
		}
	}
}

// print writes values in every way a program may print them.
func (l *listener) print(values ...any) {
	logger := slog.New(slog.NewJSONHandler(&l.printed, nil))
	text := slog.New(slog.NewTextHandler(&l.printed, nil))
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&l.printed, verb+"\n", v)
			fmt.Fprintf(&l.printed, verb+"\n", struct{ V any }{v})
		}
		logger.Info("value", "v", v)
		text.Info("value", "v", v)
	}
}

// send prints what the relying party sends and gets.
func (l *listener) send(next service.SendFunc) service.SendFunc {
	return func(ctx context.Context, req *service.Request) (*service.Response, error) {
		if _, query, ok := strings.Cut(req.URL, "?"); ok {
			l.form(query)
		}
		l.form(string(req.Body))
		for _, name := range []string{"Authorization", "Dpop"} {
			for _, v := range req.Header[name] {
				_, credential, ok := strings.Cut(v, " ")
				if !ok {
					credential = v
				}
				l.secret(name, credential)
			}
		}
		l.print(req, *req, req.Message())
		resp, err := next(ctx, req)
		if err == nil {
			l.object(resp.Body)
			l.print(resp, *resp)
		}
		return resp, err
	}
}

// tap prints what the provider gets and sends.
func (l *listener) tap(req *endpoint.Request, resp *endpoint.Response) {
	l.print(req, *req, resp, *resp)
	for _, c := range resp.Cookies {
		l.print(c)
	}
	for _, out := range resp.Send {
		l.print(out)
	}
	for _, c := range append(slices.Clone(resp.Cookies), cookiesOf(req)...) {
		l.secret("cookie "+c.Name, c.Value)
	}
	if _, query, ok := strings.Cut(strings.Replace(resp.Location, "#", "?", 1), "?"); ok {
		l.form(query)
	}
	for _, out := range resp.Send {
		l.form(string(out.Body))
	}
}

func cookiesOf(req *endpoint.Request) []endpoint.Cookie {
	var all []endpoint.Cookie
	for name, value := range req.Cookies {
		all = append(all, endpoint.Cookie{Name: name, Value: value})
	}
	return all
}

// verify demands that no secret was printed, as text or as hexadecimal digits.
func (l *listener) verify() {
	l.t.Helper()
	if len(l.secrets) < 10 || l.printed.Len() < 10_000 {
		l.t.Fatalf("heard only %d secrets, saw only %d bytes", len(l.secrets), l.printed.Len())
	}
	printed := strings.ToLower(l.printed.String())
	for value, name := range l.secrets {
		for _, form := range []string{value, url.QueryEscape(value), hex.EncodeToString([]byte(value)), fmt.Sprintf("%d", []byte(value))} {
			if at := strings.Index(printed, strings.ToLower(form)); at >= 0 {
				l.t.Errorf("%s is printed: …%s…", name, printed[max(0, at-900):min(len(printed), at+80)])
				break
			}
		}
	}
}

// TestNothingLeaks holds conversations in which everything goes well and in which
// everything goes wrong, and looks for their secrets in all that was printed.
func TestNothingLeaks(t *testing.T) {
	for method, how := range map[string]servicecontext.RequestMethod{
		message.AuthMethodClientSecretBasic: servicecontext.RequestByQuery,
		message.AuthMethodClientSecretPost:  servicecontext.RequestPushed,
		message.AuthMethodClientSecretJWT:   servicecontext.RequestByValue,
		message.AuthMethodPrivateKeyJWT:     servicecontext.RequestPushed,
	} {
		t.Run(method+" "+string(how), func(t *testing.T) {
			t.Parallel()
			leaks(t, method, how)
		})
	}
}

func leaks(t *testing.T, method string, how servicecontext.RequestMethod) {
	l := &listener{t: t, secrets: map[string]string{}}
	logger := slog.New(slog.NewTextHandler(&l.printed, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := newWorld(t, knobs{
		metadata: func(m *message.ClientMetadata) {
			yes := true
			m.TokenEndpointAuthMethod, m.RequestObjectSigningAlg, m.DPoPBoundAccessTokens = method, "ES256", &yes
			m.GrantTypes = append([]string{message.GrantTypeAuthorizationCode}, everyGrant...)
			m.BackchannelLogoutURI = "https://rp.example/back"
		},
		rp: func(c *servicecontext.Config) {
			c.Keys, c.RequestMethod, c.Logger = generate(t, "ES256"), how, logger
			c.DPoPKey = generate(t, "ES384").Keys()[0]
		},
		op: func(c *endpoint.Config) {
			c.Policy.GrantTypes, c.Policy.Scopes, c.Policy.DPoPNonce, c.Logger = everyGrant, []string{"api"}, true, logger
		},
	})
	w.Tap = l.tap
	ctx := context.Background()
	var broken func(*service.Request, *service.Response) *service.Response
	runner := service.Runner{
		Send: l.send(func(ctx context.Context, req *service.Request) (*service.Response, error) {
			resp, err := w.Send(ctx, req)
			if err == nil && broken != nil && req.Channel == service.BackChannel {
				resp = broken(req, resp)
			}
			return resp, err
		}),
		Wait: func(_ context.Context, d time.Duration) error {
			w.now = w.now.Add(d)
			for _, asked := range w.Asked {
				l.print(asked)
				l.secret("ticket", asked.Ticket)
				if _, err := w.Provider.Context().Decide(ctx, asked.Ticket, true, w.Login); err != nil {
					t.Error(err)
				}
			}
			w.Asked = nil
			return nil
		},
		Observe: func(e service.Exchange) { l.print(e, e.Result, e.Err) },
	}
	run := func(constructor func(service.Env) service.Service, args service.Args) *service.Result {
		svc := constructor(w.env)
		res, err := runner.Run(ctx, svc, args)
		l.print(args, res, err)
		if broken == nil && err != nil {
			t.Fatalf("%s: %v", svc.Name(), err)
		}
		return res
	}
	// conversation is every step once.
	conversation := func(login string) {
		at := service.Args{State: login}
		run(service.NewAccessToken, at)
		run(service.NewUserInfo, at)
		run(service.NewRefreshToken, at)
		run(service.NewIntrospection, at)
		run(service.NewTokenExchange, at)
		if begun := run(service.NewBackchannelAuthentication, service.Args{Message: message.BackchannelAuthenticationRequest{LoginHint: "diana"}}); begun != nil {
			run(service.NewCIBAToken, service.Args{State: begun.State})
		}
		run(service.NewRegistrationRead, service.Args{})
		run(service.NewClientCredentials, service.Args{Message: message.ClientCredentialsRequest{Scope: message.List{"api"}}})
		run(service.NewRevocation, at)
		if record, err := w.env.DB.Session(ctx, login); err == nil {
			l.print(record, &record)
		}
	}
	authorize := func() string {
		args := service.Args{Binding: w.Binding}
		l.secret("binding", w.Binding)
		return run(service.NewAuthorization, args).State
	}
	run(service.NewWebFinger, service.Args{Message: message.WebFingerRequest{Resource: "acct:diana@op.example"}})
	run(service.NewProviderInfo, service.Args{})
	run(service.NewRegistration, service.Args{})
	conversation(authorize())
	// Answers that are cut off, that are no success, and that say their secrets again.
	for _, how := range []func(*service.Request, *service.Response) *service.Response{
		func(req *service.Request, resp *service.Response) *service.Response {
			return req.Answer(resp.Status, resp.Header, resp.Body[:len(resp.Body)*2/3])
		},
		func(req *service.Request, resp *service.Response) *service.Response {
			return req.Answer(500, resp.Header, resp.Body)
		},
		func(req *service.Request, resp *service.Response) *service.Response {
			said, _ := json.Marshal(map[string]string{"error": "invalid_grant", "error_description": string(req.Body)})
			return req.Answer(400, map[string][]string{"Content-Type": {"application/json"}}, said)
		},
		func(req *service.Request, resp *service.Response) *service.Response {
			return req.Answer(resp.Status, map[string][]string{"Content-Type": {string(req.Body)}, "Www-Authenticate": {"Bearer " + string(req.Body)}}, resp.Body)
		},
	} {
		broken = nil
		login := authorize()
		broken = how
		conversation(login)
	}
	broken = nil
	authorize()
	if err := w.Visit(ctx, "https://op.example/end_session"); err != nil {
		t.Fatal(err)
	}
	l.print(w.env.Context, w.env.Context.Snapshot(), w.env, w.Provider.Context())
	l.verify()
}
