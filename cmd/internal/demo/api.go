package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/resource"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// ourAgent is how the application calls itself to an API. To the one that is included it
// also says in ourHeader that it is not somebody who repeats its call with curl.
const (
	ourAgent  = "oidc-demo"
	ourHeader = "Oidc-Demo"
)

// A protected is the small API that is included. It asks the provider about every token, so
// that one that was revoked is refused at once.
type protected struct {
	demo         *Demo
	clientID     string // its own registration; without one that of the application serves
	clientSecret message.Secret
	mark         string // what ourHeader says; nobody else knows it

	mu   sync.Mutex
	of   string // the client that api was made with
	made *rp.API
}

func (d *Demo) apiResource() string { return d.URL + apiPath }

// operations are the addresses of the API and the scope that each needs.
var operations = map[string]message.List{"greeting": nil, "contact": {message.ScopeEmail}}

// address is where an operation is called.
func (a *protected) address(operation string) string {
	if a.demo.config.APIEndpoint != "" {
		return a.demo.config.APIEndpoint
	}
	if _, known := operations[operation]; !known {
		operation = "greeting"
	}
	return a.demo.apiResource() + "/" + operation
}

// mount puts the API into the server of the application. Its callers have no cookie.
func (a *protected) mount(mux *http.ServeMux) {
	for name, scope := range operations {
		mux.Handle("GET "+apiPath+"/"+name, a.noted(a.guarded(resource.Demand{Scope: scope}, answerOf(name))))
	}
	mux.Handle("GET /.well-known/oauth-protected-resource"+apiPath, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if api, err := a.api(); err == nil {
			api.Metadata().ServeHTTP(w, r)
			return
		}
		http.Error(w, "temporarily_unavailable", http.StatusServiceUnavailable)
	}))
}

// answerOf is what an operation does for whoever may call it.
func answerOf(operation string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := rp.AccessTokenOf(r.Context())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"operation": operation, "message": "Hello " + token.Subject + ", your token is good here.",
			"subject": token.Subject, "client": token.ClientID, "scope": token.Scope.String(), "introspected": token.Introspected,
		})
	})
}

// guarded is the middleware of rp, once it is known who asks about tokens.
func (a *protected) guarded(demand resource.Demand, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api, err := a.api()
		if err != nil {
			a.demo.logger.WarnContext(r.Context(), "the API cannot judge tokens", "error", err)
			http.Error(w, "temporarily_unavailable", http.StatusServiceUnavailable)
			return
		}
		api.ProtectWith(demand, next).ServeHTTP(w, r)
	})
}

// api is made when it is needed: without a registration of its own the API asks with that of
// the application, which may be another one tomorrow.
func (a *protected) api() (*rp.API, error) {
	d := a.demo
	client := servicecontext.Config{Issuer: d.Issuer, ClientID: a.clientID, ClientSecret: a.clientSecret, InsecureAllowHTTP: d.config.InsecureAllowHTTP}
	if a.clientID == "" {
		sn := d.party().ServiceContext(d.Issuer).Snapshot()
		client.Client, client.Keys = sn.Client, sn.Keys
		client.Metadata.TokenEndpointAuthMethod = sn.Behaviour.TokenEndpointAuthMethod
	}
	id := client.ClientID
	if client.Client != nil {
		id = client.Client.ClientID
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.made != nil && a.of == id {
		return a.made, nil
	}
	issuer := resource.Issuer{Issuer: d.Issuer}
	if d.provider.IntrospectionEndpoint != "" && id != "" {
		issuer.Introspection = resource.Always
		// A provider without resource indicators names no audience; it answers each client
		// about its own tokens.
		issuer.InsecureAnyAudience = d.embedded == nil
	}
	api, err := rp.NewAPI(rp.APIConfig{
		Config: resource.Config{
			Resource: d.apiResource(), Audiences: []string{d.Issuer}, Issuers: []resource.Issuer{issuer},
			InsecureAllowHTTP: d.config.InsecureAllowHTTP,
			Metadata:          message.ResourceMetadata{ResourceName: "The API of the demonstration"},
		},
		Clients: []servicecontext.Config{client}, IntrospectionCache: -1,
		HTTP:    rp.ClientOptions{Transport: d.wire, InsecureAllowHTTP: d.config.InsecureAllowHTTP},
		Observe: func(ctx context.Context, e service.Exchange) { d.observe(ctx, nil, e) },
		Logger:  d.logger,
	})
	if err == nil {
		a.of, a.made = id, api
	}
	return api, err
}

// noted shows a call in the conversation that its token belongs to, whoever makes it.
func (a *protected) noted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		c := a.demo.hub.ofToken(token)
		if c == nil {
			next.ServeHTTP(w, r)
			return
		}
		from := outside
		if r.Header.Get(ourHeader) == a.mark {
			from = application
		}
		asked := r.Clone(r.Context())
		asked.Header.Del(ourHeader)
		asked.Header.Del("Accept-Encoding") // of the transport's own making; curl could not read the answer
		asked.URL.Scheme, asked.URL.Host, _ = strings.Cut(a.demo.URL, "://")
		s := c.sent(from, protectedAPI, asked, nil)
		c.change(func() { s.Service, s.judged = service.ResourceName, true })
		t := newTap()
		next.ServeHTTP(t, r.WithContext(withScene(r.Context(), &scene{conversation: c, actor: protectedAPI})))
		t.WriteHeader(http.StatusOK)
		c.answered(s, t.status, t.header, t.body.Bytes(), nil)
		t.sendTo(w)
	})
}

// toAPI sends what the application asks the API. The API that is included notes it itself.
func (d *Demo) toAPI(ctx context.Context) http.RoundTripper {
	if d.config.APIEndpoint == "" {
		return d.apiBase
	}
	return foreignAPI{d.apiBase, dialogueOf(ctx)}
}

// A foreignAPI notes the calls of an API that is not ours.
type foreignAPI struct {
	base         http.RoundTripper
	conversation *dialogue
}

func (f foreignAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	c := f.conversation
	s := c.sent(application, protectedAPI, r, nil)
	c.change(func() { s.Service, s.judged = service.ResourceName, true })
	resp, err := f.base.RoundTrip(r)
	if err != nil {
		c.change(func() { s.Err = err.Error() })
		return nil, err
	}
	body, err := drain(resp.Body)
	c.answered(s, resp.StatusCode, resp.Header, body, nil)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}
