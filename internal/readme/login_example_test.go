package readme

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// An app is a web application whose users log in at one provider.
type app struct {
	services *factory.Services
	send     service.SendFunc
}

// newApp learns about the provider and registers the application.
func newApp(ctx context.Context, issuer, redirectURI string, client *rp.Client) (*app, error) {
	sc, err := servicecontext.New(servicecontext.Config{
		Issuer:   issuer,
		Metadata: message.ClientMetadata{RedirectURIs: []string{redirectURI}},
		Scope:    []string{"openid", "email"},
	})
	if err != nil {
		return nil, err
	}
	services, err := factory.Build(factory.Spec{
		"provider_info": {}, "jwks": {}, "registration": {}, "authorization": {}, "accesstoken": {}, "userinfo": {},
	}, sc, nil) // nil: logins are remembered in memory
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"provider_info", "registration"} {
		if _, err := service.Run(ctx, services.Get(name), service.Args{}, client.Send); err != nil {
			return nil, err
		}
	}
	return &app{services, client.Send}, nil
}

// login sends the browser to the provider. The cookie ties the answer to this browser.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	binding := rand.Text()
	req, err := a.services.Get("authorization").GetRequestParameters(r.Context(), service.Args{Binding: binding})
	if err != nil {
		http.Error(w, "no login now", http.StatusServiceUnavailable)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "__Host-login", Value: binding, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, req.URL, http.StatusSeeOther)
}

// callback is where the provider sends the browser back to.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	user, err := a.finish(r)
	if err != nil {
		// For the log: err names the step and the rule that was broken, and holds no secret.
		slog.WarnContext(r.Context(), "a login failed", "error", err)
		http.Error(w, "The login did not succeed. Please start again.", http.StatusForbidden)
		return
	}
	fmt.Fprintln(w, "You are", user)
}

func (a *app) finish(r *http.Request) (string, error) {
	cookie, err := r.Cookie("__Host-login")
	if err != nil {
		return "", err
	}
	answer := service.ParseCallback(service.Inbound{
		Mode: message.ResponseModeQuery, Method: r.Method, Raw: r.URL.RawQuery, Binding: cookie.Value,
	})
	res, err := service.Finish(r.Context(), a.services.Get("authorization"), answer, a.send)
	if err != nil {
		return "", err
	}
	login := service.Args{State: res.State}
	tokens, err := service.Run(r.Context(), a.services.Get("accesstoken"), login, a.send)
	if err != nil {
		return "", err
	}
	claims, err := service.Run(r.Context(), a.services.Get("userinfo"), login, a.send)
	if err != nil {
		return "", err
	}
	// The ID Token is verified, and both are about the same user. What they were
	// judged by stands in tokens.Checks and claims.Checks.
	return tokens.IDToken.Subject + " " + service.MessageOf[message.UserInfoResponse](claims).Email, nil
}

func TestProgramWithoutTransport(t *testing.T) {
	provider, err := optest.New()
	if err != nil {
		t.Fatal(err)
	}
	client := rp.NewClient(rp.ClientOptions{Transport: provider.Transport()})
	a, err := newApp(t.Context(), optest.Issuer, "https://app.example/callback", client)
	if err != nil {
		t.Fatal(err)
	}

	var log strings.Builder
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))

	begin := httptest.NewRecorder()
	a.login(begin, httptest.NewRequest(http.MethodGet, "https://app.example/login", nil))
	if begin.Code != http.StatusSeeOther {
		t.Fatalf("login: status %d %s", begin.Code, begin.Body)
	}
	// The user's browser knows the provider only, and stops where it is sent back.
	user := browser{t: t, Client: provider.Client()}
	back := user.visit(begin.Header().Get("Location")).address
	visit := func(cookies ...*http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, back, nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		log.Reset()
		a.callback(w, r)
		return w
	}

	if w := visit(); w.Code != http.StatusForbidden {
		t.Errorf("a browser without the cookie: status %d %s", w.Code, w.Body)
	}
	if w := visit(&http.Cookie{Name: "__Host-login", Value: "another browser's"}); w.Code != http.StatusForbidden || !strings.Contains(log.String(), string(message.RuleAuthzResponseBrowserBinding)) {
		t.Errorf("another browser: status %d %s", w.Code, log.String())
	}
	if w := visit(begin.Result().Cookies()...); w.Code != http.StatusOK || w.Body.String() != "You are diana diana@op.example\n" {
		t.Errorf("the browser itself: status %d %s", w.Code, w.Body)
	}
	if w := visit(begin.Result().Cookies()...); w.Code != http.StatusForbidden || !strings.Contains(log.String(), string(message.RuleAuthzResponseState)) {
		t.Errorf("the same callback again: status %d %s", w.Code, log.String())
	}
}
