package demo

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/url"
	"slices"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// Paths of the application. That of the callback may be configured.
const (
	callbackPath      = "/callback"
	goodbyePath       = "/goodbye"
	backchannelPath   = "/backchannel-logout"
	frontchannelPath  = "/frontchannel-logout"
	sessionPath       = "/session"
	requestObjectPath = "/request-object"
	apiPath           = "/api"
)

// build makes the application: a relying party for each way in which requests travel. They
// share their memory, and with it one registration.
func (d *Demo) build() error {
	keys, err := signingKeys()
	if err != nil {
		return err
	}
	d.parties = map[servicecontext.RequestMethod]*rp.Party{}
	for _, method := range servicecontext.RequestMethods() {
		if d.parties[method], err = d.newParty(method, keys); err != nil {
			return err
		}
	}
	if d.api == nil {
		d.api = &protected{}
	}
	d.api.demo, d.api.mark = d, rand.Text()
	sc := d.party().ServiceContext(d.Issuer)
	d.services, err = factory.Build(factory.Spec{service.UserInfoName: factory.Config{}, service.RevocationName: factory.Config{}}, sc, d.db)
	return err
}

// party is the one that does everything but begin a login in another way.
func (d *Demo) party() *rp.Party { return d.parties[servicecontext.RequestByQuery] }

func (d *Demo) newParty(method servicecontext.RequestMethod, keys *keyjar.Set) (*rp.Party, error) {
	redirect := d.config.RedirectURI
	if redirect == "" {
		redirect = d.URL + callbackPath
	}
	u, err := url.Parse(redirect)
	if err != nil {
		return nil, err
	}
	d.callback = u.EscapedPath()
	var party *rp.Party
	client := func() *servicecontext.ServiceContext { return party.ServiceContext(d.Issuer) }
	c := rp.Config{
		Issuer: d.Issuer, ClientID: d.config.ClientID, ClientSecret: d.config.ClientSecret,
		RedirectURI: redirect, PostLogoutRedirectURI: d.URL + goodbyePath,
		Scope: message.ParseList(d.config.Scope),
		ServiceContext: servicecontext.Config{
			Keys: keys, RequestMethod: method,
			Metadata: d.metadata(),
		},
		Options: rp.Options{
			DB: d.db, HTTP: rp.ClientOptions{Transport: d.wire}, InsecureAllowHTTP: d.config.InsecureAllowHTTP,
			Error:     d.showProblem,
			Observe:   func(ctx context.Context, e service.Exchange) { d.observe(ctx, client(), e) },
			Refreshed: func(_ context.Context, r rp.Refreshed) { d.hub.knowToken(r.Login, r.Response.AccessToken) },
			Ended:     d.ended,
			Logger:    d.logger,
		},
	}
	party, err = rp.New(c)
	return party, err
}

// metadata is what the application says about itself.
func (d *Demo) metadata() message.ClientMetadata {
	m := message.ClientMetadata{
		ClientName: "The demonstration", ClientURI: d.URL, ApplicationType: d.applicationType(), ResponseTypes: d.responseTypes(),
	}
	m.GrantTypes = append(servicecontext.GrantTypesOf(m.ResponseTypes), message.GrantTypeRefreshToken)
	if d.secure() {
		yes := true
		switch d.learnsBy() {
		case byBackchannel:
			m.BackchannelLogoutURI, m.BackchannelLogoutSessionRequired = d.URL+backchannelPath, &yes
		case byFrontchannel:
			m.FrontchannelLogoutURI, m.FrontchannelLogoutSessionRequired = d.URL+frontchannelPath, &yes
		}
		m.RequestURIs = []string{d.URL + requestObjectPath}
	}
	return m
}

// applicationType is native on a loopback interface, where nobody else can listen (RFC 8252,
// Section 7.3; OpenID Connect Dynamic Client Registration 1.0, Section 2). Some providers take
// no native client there that has an https address; to them it is a web client.
func (d *Demo) applicationType() string {
	if !d.secure() || d.onLoopback() && d.embedded != nil {
		return message.ApplicationTypeNative
	}
	return message.ApplicationTypeWeb
}

func (d *Demo) onLoopback() bool {
	host := hostOf(d.URL)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// responseTypes are those that we offer of what the provider supports. An access token in
// the front channel is not among them (RFC 9700, Section 2.1.2).
func (d *Demo) responseTypes() []string {
	types := []string{message.ResponseTypeCode}
	if d.config.ClientID != "" {
		return types // more may not be registered
	}
	if d.onLoopback() && d.applicationType() == message.ApplicationTypeWeb {
		return types // no web client there gets tokens in the front channel (Registration, Section 2)
	}
	for _, t := range []string{message.ResponseTypeCodeIDToken, message.ResponseTypeIDToken} {
		if slices.ContainsFunc(d.provider.ResponseTypesSupported, func(s string) bool { return message.ParseList(s).Equal(message.ParseList(t)) }) {
			types = append(types, t)
		}
	}
	return types
}

// signingKeys sign request objects and client assertions.
func signingKeys() (*keyjar.Set, error) {
	var keys []*keyjar.Key
	for _, alg := range []string{"ES256", "RS256"} {
		key, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: alg})
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keyjar.NewSet(keys...), nil
}

// run runs one of the services that a party has no handler for.
func (d *Demo) run(r *http.Request, name string, args service.Args) (*service.Result, error) {
	runner := service.Runner{Send: d.wire.client.Send, Observe: func(e service.Exchange) {
		d.observe(r.Context(), d.party().ServiceContext(d.Issuer), e)
	}}
	return runner.Run(r.Context(), d.services.Get(name), args)
}
