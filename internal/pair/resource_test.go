package pair_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/resource"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

const (
	api    = "https://api.example/v1"
	things = "https://api.example/v1/things"
)

// A triangle is a relying party, its provider, and an API between which the token goes.
type triangle struct {
	*world
	api    *resource.API
	demand resource.Demand
	own    service.Env // of the API as a client of the provider
	asked  map[string]int
	// certificate is what the relying party's connection to the API presents.
	certificate [][]byte
}

// newTriangle registers a client that may ask for tokens for the API, and the API itself.
func newTriangle(t *testing.T, k knobs, change func(*resource.Config)) *triangle {
	t.Helper()
	clients := &endpoint.StoredClients{Store: new(state.Memory)}
	metadata := message.ClientMetadata{
		RedirectURIs: []string{callback}, ResponseTypes: []string{"code"}, IDTokenSignedResponseAlg: "RS256",
		GrantTypes: []string{message.GrantTypeAuthorizationCode}, TokenEndpointAuthMethod: message.AuthMethodClientSecretBasic,
	}
	if k.metadata != nil {
		k.metadata(&metadata)
	}
	const secret = "a secret that is long enough for everything"
	for _, c := range []*endpoint.Client{
		{ID: "rp", Secret: secret, Metadata: metadata, Resources: []string{api}},
		{ID: "api", Secret: secret, Serves: []string{api}, Metadata: message.ClientMetadata{TokenEndpointAuthMethod: message.AuthMethodClientSecretBasic}},
	} {
		if err := clients.PutClient(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	op, rp := k.op, k.rp
	k.op = func(c *endpoint.Config) {
		c.Clients, c.Policy.Scopes = clients, []string{"read", "write"}
		if op != nil {
			op(c)
		}
	}
	k.rp = func(c *servicecontext.Config) {
		c.Issuer, c.Metadata, c.Scope = optest.Issuer, metadata, []string{"openid", "read"}
		c.ClientID, c.ClientSecret = "rp", secret
		if rp != nil {
			rp(c)
		}
	}
	w := &triangle{world: newWorld(t, k), asked: map[string]int{}}
	w.run(service.NewProviderInfo, service.Args{})
	clock := func() time.Time { return w.now }
	sc, err := servicecontext.New(servicecontext.Config{Issuer: optest.Issuer, ClientID: "api", ClientSecret: secret, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	w.own = service.Env{Context: sc, DB: &state.DB{Store: &state.Memory{Now: clock}}}
	if _, err := service.Run(t.Context(), service.NewProviderInfo(w.own), service.Args{}, w.Send); err != nil {
		t.Fatal(err)
	}
	c := resource.Config{Resource: api, Issuers: []resource.Issuer{{Issuer: optest.Issuer}}, Now: clock}
	if change != nil {
		change(&c)
	}
	if w.api, err = resource.New(c); err != nil {
		t.Fatal(err)
	}
	return w
}

// send takes requests to the API to it, and all others to the provider.
func (w *triangle) send(ctx context.Context, r *service.Request) (*service.Response, error) {
	if r.Service != service.ResourceName {
		return w.Send(ctx, r)
	}
	req := &resource.Request{Method: r.Method, URL: r.URL, Header: r.Header, PeerCertificates: w.certificate}
	token, err := w.api.Verify(ctx, req, w.demand)
	for range 2 {
		var need *resource.NeedError
		if !errors.As(err, &need) {
			break
		}
		if err := w.meet(ctx, need, req); err != nil {
			return nil, err
		}
		token, err = w.api.Verify(ctx, req, w.demand)
	}
	var refusal *resource.Refusal
	if errors.As(err, &refusal) {
		w.asked["refused "+string(refusal.Violation.Rule)]++
		return r.Answer(refusal.Status, refusal.Header(), nil), nil
	}
	if err != nil {
		return nil, err
	}
	return r.Answer(200, map[string][]string{"Content-Type": {"text/plain"}}, []byte(token.Subject)), nil
}

// meet asks the provider what the API needs to know.
func (w *triangle) meet(ctx context.Context, need *resource.NeedError, req *resource.Request) error {
	if need.Introspect == "" {
		w.asked["keys"]++
		_, err := service.Run(ctx, service.NewJWKS(w.own), service.Args{}, w.Send)
		w.api.SetKeys(need.Issuer, w.own.Context.Snapshot().ProviderKeys())
		return err
	}
	w.asked["introspection"]++
	res, err := service.Run(ctx, service.NewIntrospection(w.own), service.Args{Message: message.IntrospectionRequest{Token: need.Introspect}}, w.Send)
	if err != nil {
		return err
	}
	req.Introspection = service.MessageOf[message.IntrospectionResponse](res)
	return nil
}

// authorize runs a login that ends with a token for the API, and returns its state.
func (w *triangle) authorize(req message.AuthorizationRequest) string {
	w.t.Helper()
	req.Resource = message.Audience{api}
	auth := w.login(req)
	w.run(service.NewAccessToken, service.Args{State: auth.State})
	return auth.State
}

// call asks the API for things with the token of a login.
func (w *triangle) call(login string) (string, error) {
	w.t.Helper()
	res, err := service.Run(w.t.Context(), service.NewResource(w.env), service.Args{
		State: login, Message: service.ResourceRequest{URL: things + "?page=1"},
	}, w.send)
	if err != nil {
		return "", err
	}
	return string(service.MessageOf[service.ResourceResponse](res).Body), nil
}

// A token of the provider, in every form and with every binding, is good at the API, and
// not for who cannot prove the binding.
func TestResource(t *testing.T) {
	for form, jwt := range map[string]bool{"JWT": true, "opaque": false} {
		for _, binding := range []string{"none", "DPoP", "DPoP with nonces", "certificate"} {
			t.Run(form+" "+binding, func(t *testing.T) {
				yes := true
				k := knobs{op: func(c *endpoint.Config) { c.Policy.JWTAccessTokens = jwt }}
				switch binding {
				case "DPoP", "DPoP with nonces":
					k.metadata = func(m *message.ClientMetadata) { m.DPoPBoundAccessTokens = &yes }
					k.rp = func(c *servicecontext.Config) { c.DPoPKey = generate(t, "ES384").Keys()[0] }
				case "certificate":
					k.metadata = func(m *message.ClientMetadata) { m.TLSClientCertificateBoundAccessTokens = &yes }
					k.op = func(c *endpoint.Config) { c.Policy.JWTAccessTokens, c.Policy.MutualTLS = jwt, true }
				}
				w := newTriangle(t, k, func(c *resource.Config) {
					if !jwt {
						c.Issuers[0].Introspection = resource.Opaque
					}
					c.RequireDPoP, c.RequireCertificate = binding != "none" && binding != "certificate", binding == "certificate"
					if binding == "DPoP with nonces" {
						c.NonceKey = []byte("a key of nonces, 32 bytes or more")
					}
				})
				w.Certificates = [][]byte{[]byte("certificate")}
				w.certificate, w.demand = w.Certificates, resource.Demand{Scope: message.List{"read"}}
				login := w.authorize(message.AuthorizationRequest{})
				for range 2 {
					if got, err := w.call(login); got != "diana" || err != nil {
						t.Fatalf("%q, %v", got, err)
					}
				}
				if jwt && (w.asked["keys"] != 1 || w.asked["introspection"] != 0) || !jwt && (w.asked["keys"] != 0 || w.asked["introspection"] == 0) {
					t.Errorf("the provider was asked for %v", w.asked)
				}
				if nonces := w.asked["refused rs_dpop_nonce"]; nonces != map[bool]int{true: 1}[binding == "DPoP with nonces"] {
					t.Errorf("%d requests for a nonce", nonces)
				}
				w.demand.Scope = message.List{"write"}
				if _, err := w.call(login); !errors.Is(err, message.InsufficientScope) {
					t.Errorf("without the scope: %v", err)
				}
				if binding == "certificate" {
					w.demand.Scope, w.certificate = nil, [][]byte{[]byte("a thief's")}
					if _, err := w.call(login); !errors.Is(err, message.InvalidToken) {
						t.Errorf("over a thief's connection: %v", err)
					}
				}
			})
		}
	}
}

// A token that was revoked is refused at once by an API that asks.
func TestResourceAfterRevocation(t *testing.T) {
	w := newTriangle(t, knobs{op: func(c *endpoint.Config) { c.Policy.JWTAccessTokens = true }}, func(c *resource.Config) {
		c.Issuers[0].Introspection = resource.Always
	})
	login := w.authorize(message.AuthorizationRequest{})
	if got, err := w.call(login); got != "diana" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	kept, err := w.env.DB.Session(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	var stolen message.AccessTokenResponse
	if err := message.DecodeJSON(kept.Item(state.ItemTokenResponse), &stolen); err != nil {
		t.Fatal(err)
	}
	w.run(service.NewRevocation, service.Args{State: login})
	_, err = service.Run(t.Context(), service.NewResource(w.env), service.Args{
		Message: service.ResourceRequest{URL: things, AccessToken: stolen.AccessToken},
	}, w.send)
	if !errors.Is(err, message.InvalidToken) || w.asked["refused rs_introspection_active"] != 1 {
		t.Errorf("after the revocation: %v, %v", err, w.asked)
	}
}

// RFC 9470, Section 2: the API asks for a better authentication, the client steps up, and
// the new token is good.
func TestStepUp(t *testing.T) {
	for form, jwt := range map[string]bool{"JWT": true, "opaque": false} {
		t.Run(form, func(t *testing.T) {
			w := newTriangle(t, knobs{op: func(c *endpoint.Config) {
				c.Policy.JWTAccessTokens, c.Policy.ACRValues = jwt, []string{"silver", "gold"}
			}}, func(c *resource.Config) {
				if !jwt {
					c.Issuers[0].Introspection = resource.Opaque
				}
			})
			w.Login.ACR = "silver"
			login := w.authorize(message.AuthorizationRequest{})
			if _, err := w.call(login); err != nil {
				t.Fatal(err)
			}
			w.demand = resource.Demand{ACRValues: []string{"gold"}, MaxAge: time.Minute}
			w.now = w.now.Add(5 * time.Minute)
			_, err := w.call(login)
			var challenge *service.ChallengeError
			if !errors.As(err, &challenge) {
				t.Fatal(err)
			}
			req, ok := challenge.StepUp()
			if !ok || req.ACRValues.String() != "gold" || req.MaxAge == nil || *req.MaxAge != 60 {
				t.Fatalf("step up to %+v", req)
			}
			w.Login.ACR = "gold"
			if _, err := w.call(w.authorize(req)); err != nil {
				t.Errorf("after the step: %v", err)
			}
		})
	}
}

// RFC 9728, Section 5: the challenge leads to the metadata, and the metadata to the
// provider.
func TestResourceMetadata(t *testing.T) {
	w := newTriangle(t, knobs{}, nil)
	_, err := service.Run(t.Context(), service.NewResource(w.env), service.Args{
		Message: service.ResourceRequest{URL: things, AccessToken: "invalid"},
	}, w.send)
	var challenge *service.ChallengeError
	if !errors.As(err, &challenge) {
		t.Fatal(err)
	}
	res, err := service.Run(t.Context(), service.NewResourceMetadata(w.env), service.Args{Message: service.ResourceMetadataRequest{
		Resource: api, Address: challenge.Challenge.Params["resource_metadata"],
	}}, func(_ context.Context, r *service.Request) (*service.Response, error) {
		if r.URL != w.api.MetadataURL() {
			t.Errorf("asked %s", r.URL)
		}
		document, err := w.api.MetadataDocument()
		return r.Answer(200, map[string][]string{"Content-Type": {"application/json"}}, document), err
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := service.MessageOf[message.ResourceMetadata](res); len(m.AuthorizationServers) != 1 || m.AuthorizationServers[0] != optest.Issuer {
		t.Errorf("%v", m)
	}
}
