package compare

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"testing"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

var scope = []string{"openid", "email", "profile"}

// newRP is an application over package rp: its two handlers, with sessions.
func newRP(tb testing.TB, p *provider) *party {
	tb.Helper()
	db := new(state.DB)
	site, err := rp.New(rp.Config{
		Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret, RedirectURI: redirectURI, Scope: scope,
		ServiceContext: servicecontext.Config{Metadata: message.ClientMetadata{IDTokenSignedResponseAlg: "ES256"}},
		Options:        rp.Options{DB: db, HTTP: rp.ClientOptions{Transport: p}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &party{name: "rp", login: site.Login().ServeHTTP, callback: site.Callback(nil).ServeHTTP, db: db}
}

// newServices is an application over the services alone, as docs/by-hand.md has it:
// without a transport, and with a session of its own.
func newServices(tb testing.TB, p *provider) *party {
	tb.Helper()
	sc, err := servicecontext.New(servicecontext.Config{
		Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret, Scope: scope,
		Metadata: message.ClientMetadata{RedirectURIs: []string{redirectURI}, IDTokenSignedResponseAlg: "ES256"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	db := new(state.DB)
	services, err := factory.Build(factory.Spec{"provider_info": {}, "jwks": {}, "authorization": {}, "accesstoken": {}, "userinfo": {}}, sc, db)
	if err != nil {
		tb.Fatal(err)
	}
	app := &byHand{services: services, runner: service.Runner{Send: func(_ context.Context, r *service.Request) (*service.Response, error) {
		there, err := url.Parse(r.URL)
		if err != nil {
			return nil, err
		}
		body := p.static[there.Path]
		switch there.Path {
		case "/token":
			body = p.next.token
		case "/userinfo":
			body = p.next.info
		}
		return r.Answer(http.StatusOK, answerHeader, body), nil
	}}}
	if _, err := app.runner.Run(tb.Context(), services.Get("provider_info"), service.Args{}); err != nil {
		tb.Fatal(err)
	}
	return &party{name: "services", login: app.login, callback: app.callback, db: db}
}

type byHand struct {
	services *factory.Services
	runner   service.Runner
}

func (a *byHand) login(w http.ResponseWriter, r *http.Request) {
	binding := rand.Text()
	req, err := a.runner.Request(r.Context(), a.services.Get("authorization"), service.Args{Binding: binding})
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	remember(w, "__Host-login", binding, 600)
	http.Redirect(w, r, req.URL, http.StatusSeeOther)
}

func (a *byHand) callback(w http.ResponseWriter, r *http.Request) {
	if err := a.finish(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	remember(w, "__Host-login", "", -1)
	remember(w, "__Host-session", rand.Text(), 0)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *byHand) finish(r *http.Request) error {
	answer := service.ParseCallback(service.Inbound{
		Mode: message.ResponseModeQuery, Method: r.Method, Raw: r.URL.RawQuery, Binding: remembered(r, "__Host-login"),
	})
	res, err := a.runner.Finish(r.Context(), a.services.Get("authorization"), answer)
	if err != nil {
		return err
	}
	login := service.Args{State: res.State}
	if _, err := a.runner.Run(r.Context(), a.services.Get("accesstoken"), login); err != nil {
		return err
	}
	_, err = a.runner.Run(r.Context(), a.services.Get("userinfo"), login)
	return err
}
