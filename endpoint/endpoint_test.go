package endpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

func (w *world) get(name string) result { return w.do(call{endpoint: name, method: "GET"}) }

func TestMetadataIsTrue(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Policy.Registration.PerMinute = -1 })
	var m message.ProviderMetadata
	r := w.get("provider_info")
	w.must(message.DecodeJSON(r.resp.Body, &m))
	if m.Issuer != issuer || !slices.Contains(m.ScopesSupported, "openid") || !slices.Contains(m.IDTokenSigningAlgs, "RS256") {
		t.Errorf("metadata %+v", m)
	}
	for name, url := range map[string]string{
		"authorization": m.AuthorizationEndpoint, "token": m.TokenEndpoint, "userinfo": m.UserInfoEndpoint,
		"jwks": m.JWKSURI, "registration": m.RegistrationEndpoint, "end_session": m.EndSessionEndpoint,
	} {
		if !strings.HasPrefix(url, issuer+"/") || w.set.Get(name) == nil {
			t.Errorf("%s at %q", name, url)
		}
	}
	if strings.Contains(string(r.resp.Body), "null") || strings.Contains(string(r.resp.Body), "[]") {
		t.Errorf("nulls or empty arrays in %s", r.resp.Body)
	}
	// Nobody can encrypt to a key that we do not have.
	if algs := m.RequestObjectEncryptionAlgs; !slices.Equal(algs, []string{"ECDH-ES+A128KW", "A128KW", "A192KW", "A256KW", "dir"}) {
		t.Errorf("request objects can be encrypted with %q", algs)
	}
	// Every response type that is published is done, every other is refused.
	for _, responseType := range m.ResponseTypesSupported {
		w.location(w.browse(authorize("response_type", responseType)))
	}
	for _, mode := range m.ResponseModesSupported {
		if r := w.browse(authorize("response_mode", mode)); r.err != nil {
			t.Errorf("mode %s: %v", mode, r.err)
		}
	}
	// Registration takes what is published.
	for field, values := range map[string][]string{
		"token_endpoint_auth_method": m.TokenEndpointAuthMethodsSupported, "id_token_signed_response_alg": m.IDTokenSigningAlgs,
		"userinfo_signed_response_alg": m.UserInfoSigningAlgs, "subject_type": m.SubjectTypesSupported,
		"request_object_encryption_alg": m.RequestObjectEncryptionAlgs,
	} {
		for _, value := range values {
			v := vector{Step: "registration"}
			r := w.perform(v, &override{JSON: map[string]any{field: value, "jwks": map[string]any{"keys": []json.RawMessage{key(t, "ES256", "rp-es").PublicJWK()}}}})
			if r.err != nil {
				t.Errorf("%s %s: %v", field, value, r.err)
			}
		}
	}
	plain := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) {
		cfg.Policy = endpoint.Policy{Registration: endpoint.RegistrationPolicy{Off: true}}
	})
	w.must(message.DecodeJSON(plain.get("provider_info").resp.Body, &m))
	var off message.ProviderMetadata
	w.must(message.DecodeJSON(plain.get("provider_info").resp.Body, &off))
	if off.RegistrationEndpoint != "" || plain.set.Get("registration") != nil || slices.Contains(off.SubjectTypesSupported, "pairwise") {
		t.Errorf("switched off and published: %+v", off)
	}
}

func TestIssuerIsTheConfiguredString(t *testing.T) {
	for _, iss := range []string{"https://op.example", "https://op.example/", "https://op.example/tenant", "https://op.example:8443/a/b/"} {
		w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Issuer = iss })
		req := w.request(call{endpoint: "provider_info", method: "GET", header: endpoint.Header{"Host": {"evil.example"}, "X-Forwarded-Host": {"evil.example"}}})
		r := w.once(w.set.Get("provider_info"), req)
		if got := w.object(r); got["issuer"] != iss || strings.Contains(string(r.resp.Body), "evil") {
			t.Errorf("%s: %v", iss, got["issuer"])
		}
		// RFC 8414, Section 3.1: the well-known part is inserted before the path.
		for _, d := range w.set.All() {
			if d.Name != "server_metadata" {
				continue
			}
			_, path, _ := strings.Cut(strings.TrimPrefix(iss, "https://"), "/")
			want := "/.well-known/oauth-authorization-server"
			if path != "" {
				want += "/" + strings.TrimSuffix(path, "/")
			}
			if d.HostPath != want {
				t.Errorf("%s: %s, want %s", iss, d.HostPath, want)
			}
		}
		if got := string(w.get("server_metadata").resp.Body); got != string(r.resp.Body) {
			t.Error("two documents")
		}
		if got := w.location(w.browse(authorize())).Get("iss"); got != iss {
			t.Errorf("iss %q", got)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := func() endpoint.Config {
		var copied endpoint.Config
		newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { copied = *cfg })
		return copied
	}
	for name, change := range map[string]func(*endpoint.Config){
		"http":          func(c *endpoint.Config) { c.Issuer = "http://op.example" },
		"query":         func(c *endpoint.Config) { c.Issuer = "https://op.example?a" },
		"fragment":      func(c *endpoint.Config) { c.Issuer = "https://op.example#" },
		"no store":      func(c *endpoint.Config) { c.Store = nil },
		"no users":      func(c *endpoint.Config) { c.Users = nil },
		"no keys":       func(c *endpoint.Config) { c.Keys = nil },
		"response type": func(c *endpoint.Config) { c.Policy.ResponseTypes = []string{"magic"} },
		"scope":         func(c *endpoint.Config) { c.Policy.Scopes = []string{"two words"} },
		"policy page":   func(c *endpoint.Config) { c.Policy.PolicyURI = "/privacy" },
		"terms":         func(c *endpoint.Config) { c.Policy.TOSURI = "javascript:alert(1)" },
		"documentation": func(c *endpoint.Config) { c.Policy.ServiceDocumentation = "mailto:op@op.example" },
		"weak secret":   func(c *endpoint.Config) { c.Policy.PairwiseSecret = "short" },
		"one kid twice": func(c *endpoint.Config) { c.NextKeys = c.Keys },
		"grant type":    func(c *endpoint.Config) { c.Policy.GrantTypes = []string{"password"} },
		"method":        func(c *endpoint.Config) { c.Policy.AuthMethods = []string{"client_secret"} },
		"no method":     func(c *endpoint.Config) { c.Policy.AuthMethods = []string{} },
		"certificates":  func(c *endpoint.Config) { c.Policy.AuthMethods = []string{"tls_client_auth"} },
		"mode":          func(c *endpoint.Config) { c.Policy.DeliveryModes = []string{"pull"} },
		"resource":      func(c *endpoint.Config) { c.Policy.Registration.Resources = []string{"https://api.example#x"} },
		"no mode":       func(c *endpoint.Config) { c.Policy.DeliveryModes = []string{} },
	} {
		cfg := good()
		change(&cfg)
		if _, err := endpoint.NewContext(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// What FAPI 2.0 does not have is not dropped in silence.
	for name, change := range map[string]func(*endpoint.Config){
		"fine": func(*endpoint.Config) {},
		"all that it has": func(c *endpoint.Config) {
			c.Policy.MutualTLS, c.Policy.AuthMethods = true, []string{"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}
			c.Policy.DeliveryModes = []string{"poll", "ping"}
			c.Policy.TrustedIssuers = []endpoint.TrustedIssuer{{Issuer: "https://x.example", Algorithms: []string{"ES256"}}}
			c.Lifetimes = endpoint.Lifetimes{Code: time.Minute, PushedRequest: 599 * time.Second}
		},
		"a secret":       func(c *endpoint.Config) { c.Policy.AuthMethods = []string{"private_key_jwt", "client_secret_basic"} },
		"public clients": func(c *endpoint.Config) { c.Policy.AuthMethods = []string{"none"} },
		"push alone":     func(c *endpoint.Config) { c.Policy.DeliveryModes = []string{"push"} },
		"push":           func(c *endpoint.Config) { c.Policy.DeliveryModes = []string{"poll", "push"} },
		"a long code":    func(c *endpoint.Config) { c.Lifetimes.Code = 61 * time.Second },
		"a long push":    func(c *endpoint.Config) { c.Lifetimes.PushedRequest = 10 * time.Minute },
		"trusted RS256": func(c *endpoint.Config) {
			c.Policy.TrustedIssuers = []endpoint.TrustedIssuer{{Algorithms: []string{"RS256"}}}
		},
		"software's HS256": func(c *endpoint.Config) {
			c.Policy.Registration.SoftwareIssuers = []endpoint.TrustedIssuer{{Algorithms: []string{"HS256"}}}
		},
	} {
		cfg := good()
		cfg.Policy.Profile = endpoint.ProfileFAPI2
		change(&cfg)
		_, err := endpoint.NewContext(cfg)
		if fine := name == "fine" || name == "all that it has"; fine != (err == nil) || err != nil && !strings.Contains(err.Error(), "FAPI 2.0") {
			t.Errorf("FAPI 2.0, %s: %v", name, err)
		}
	}
	c, err := endpoint.NewContext(good())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := endpoint.NewSet(c, map[string]endpoint.Settings{"tokn": {}}); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("a typo: %v", err)
	}
}

func TestJWKSRotation(t *testing.T) {
	w := newWorld(t, nil)
	kids := func() []string {
		var set struct {
			Keys []map[string]any `json:"keys"`
		}
		w.must(json.Unmarshal(w.get("jwks").resp.Body, &set))
		var all []string
		for _, k := range set.Keys {
			if k["d"] != nil || k["kid"] == nil || k["alg"] == nil {
				t.Errorf("key %v", k)
			}
			all = append(all, text(k, "kid"))
		}
		return all
	}
	old := w.tokens(w.code())
	next := keyjar.NewSet(key(t, "ES256", "op-es-2"))
	first := keyjar.NewSet(key(t, "ES256", "op-es"), key(t, "RS256", "op-rs"))
	w.must(w.ctx.SetKeys(first, next, nil))
	if got := kids(); !slices.Equal(got, []string{"op-es", "op-rs", "op-es-2"}) {
		t.Errorf("announced: %v", got)
	}
	header, err := keyjar.ParseHeader(text(w.tokens(w.code()), "id_token"))
	w.must(err)
	if header.KeyID != "op-es" {
		t.Errorf("a key that was only announced signs: %s", header.KeyID)
	}
	w.must(w.ctx.SetKeys(keyjar.NewSet(key(t, "ES256", "op-es-2"), key(t, "RS256", "op-rs")), nil, keyjar.NewSet(key(t, "ES256", "op-es"))))
	header, err = keyjar.ParseHeader(text(w.tokens(w.code()), "id_token"))
	w.must(err)
	if header.KeyID != "op-es-2" || len(kids()) != 3 {
		t.Errorf("after the rotation %s signs, %v are published", header.KeyID, kids())
	}
	// What the old key signed is still a hint.
	w.location(w.browse(authorize("id_token_hint", text(old, "id_token"), "prompt", "none")))
}

func TestWebFingerAnswers(t *testing.T) {
	w := newWorld(t, nil)
	ask := func(params map[string][]string) (result, message.WebFingerResponse) {
		r := w.do(call{endpoint: "webfinger", method: "GET", params: params})
		var jrd message.WebFingerResponse
		w.must(message.DecodeJSON(r.resp.Body, &jrd))
		return r, jrd
	}
	for _, resource := range []string{"acct:diana@op.example", "acct:nobody@op.example", "https://op.example/diana"} {
		r, jrd := ask(map[string][]string{"resource": {resource}})
		if jrd.Subject != resource || len(jrd.Links) != 1 || jrd.Links[0].Href != issuer || r.resp.Header["Content-Type"][0] != "application/jrd+json" {
			t.Errorf("%s: %+v", resource, jrd)
		}
	}
	if _, jrd := ask(map[string][]string{"resource": {"acct:diana@op.example"}, "rel": {"http://other"}}); len(jrd.Links) != 0 {
		t.Errorf("links %v", jrd.Links)
	}
	if _, jrd := ask(map[string][]string{"resource": {"acct:diana@op.example"}, "rel": {"http://other", message.IssuerRel}}); len(jrd.Links) != 1 {
		t.Errorf("links %v", jrd.Links)
	}
}

func TestExtensionPoints(t *testing.T) {
	w := newWorld(t, nil)
	var order []string
	hook := func(name string) endpoint.Hook {
		return func(_ context.Context, _ *endpoint.Step, m message.Message) (message.Message, error) {
			order = append(order, name)
			return nil, nil
		}
	}
	set, err := endpoint.NewSet(w.ctx, map[string]endpoint.Settings{
		"token": {
			ClientAuthentication: func(_ context.Context, s *endpoint.Step, p *clientauth.Presented) (*endpoint.Client, error) {
				order = append(order, "client_authentication")
				if v, _ := s.Request.Header.Get("X-Client"); v == "trust me" {
					return w.client, nil
				}
				return nil, nil
			},
			PostParseRequest: []endpoint.Hook{hook("post_parse_request 1"), func(_ context.Context, _ *endpoint.Step, m message.Message) (message.Message, error) {
				order = append(order, "post_parse_request 2")
				r := *m.(*message.AccessTokenRequest)
				r.CodeVerifier = verifier
				return &r, nil
			}},
			PreConstruct: []endpoint.Hook{func(_ context.Context, _ *endpoint.Step, m message.Message) (message.Message, error) {
				order = append(order, "pre_construct")
				r := *m.(*message.AccessTokenResponse)
				return &r, r.Extra.Set("extra", true)
			}},
			PostConstruct: []endpoint.ResponseHook{func(_ context.Context, _ *endpoint.Step, r *endpoint.Response) error {
				order = append(order, "post_construct")
				r.Header.Set("X-Extra", "yes")
				return nil
			}},
		},
	})
	w.must(err)
	w.set = set
	c := redeem(w.code(), "code_verifier", "")
	c.header = endpoint.Header{"X-Client": {"trust me"}}
	r := w.do(c)
	if r.err != nil {
		t.Fatal(r.err)
	}
	if w.object(r)["extra"] != true || r.resp.Header["X-Extra"][0] != "yes" {
		t.Errorf("%s %v", r.resp.Body, r.resp.Header)
	}
	if want := []string{"client_authentication", "post_parse_request 1", "post_parse_request 2", "pre_construct", "post_construct"}; !slices.Equal(order, want) {
		t.Errorf("order %v", order)
	}
}

func TestCustomEndpoint(t *testing.T) {
	w := newWorld(t, nil)
	ping := endpoint.Definition[message.JWKSRequest]{
		Name: "ping", Path: "/ping", Methods: []string{"POST"}, Request: endpoint.Form, Proof: endpoint.ClientProof,
		Process: func(_ context.Context, s *endpoint.Step, _ *message.JWKSRequest) (*endpoint.Outcome, error) {
			return &endpoint.Outcome{Message: &message.RegistrationResponse{ClientID: s.Client.ID}}, nil
		},
	}.New(endpoint.Env{Context: w.ctx})
	set, err := endpoint.NewSet(w.ctx, nil, ping)
	w.must(err)
	w.set = set
	c := tokenCall(map[string][]string{"a": {"b"}})
	c.endpoint = "ping"
	if got := w.object(w.do(c)); got["client_id"] != clientID {
		t.Errorf("got %v", got)
	}
	if _, err := endpoint.NewSet(w.ctx, nil, ping, ping); err == nil {
		t.Error("two endpoints at one address")
	}
}

func TestForeign(t *testing.T) {
	w := newWorld(t, nil)
	ctx := context.Background()
	p, err := w.set.Get("webfinger").ParseRequest(ctx, w.request(call{endpoint: "webfinger", method: "GET", params: map[string][]string{"resource": {"acct:a@op.example"}}}))
	w.must(err)
	if _, err := w.set.Get("token").ProcessRequest(ctx, p); !errors.Is(err, endpoint.ErrForeign) {
		t.Errorf("got %v", err)
	}
	o, err := w.set.Get("webfinger").ProcessRequest(ctx, p)
	w.must(err)
	if _, err := w.set.Get("token").DoResponse(ctx, o); !errors.Is(err, endpoint.ErrForeign) {
		t.Errorf("got %v", err)
	}
	for _, p := range []*endpoint.Parsed{nil, {}} {
		if _, err := w.set.Get("token").ProcessRequest(ctx, p); !errors.Is(err, endpoint.ErrForeign) {
			t.Errorf("got %v", err)
		}
	}
}

// Whatever call to the store fails, nothing is given away and nobody crashes.
func TestBrokenStore(t *testing.T) {
	for _, c := range []struct {
		name string
		call func(w *world) call
	}{
		{"authorization", func(w *world) call { w.browse(authorize()); return browsing() }},
		{"token", func(w *world) call { return redeem(w.code()) }},
		{"refresh", func(w *world) call { return refresh(text(w.tokens(w.code()), "refresh_token")) }},
		{"userinfo", func(w *world) call { return userinfo(text(w.tokens(w.code()), "access_token")) }},
		{"end_session", func(w *world) call {
			id := text(w.tokens(w.code()), "id_token")
			return call{endpoint: "end_session", method: "GET", cookies: true, params: map[string][]string{"id_token_hint": {id}}}
		}},
		{"registration", func(w *world) call { return w.prepare(vector{Step: "registration"}, new(override)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n := int64(0); ; n++ {
				broken := &brokenStore{}
				broken.left.Store(math.MaxInt64)
				w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) {
					broken.Store = cfg.Store
					cfg.Store = broken
				})
				request := c.call(w)
				req := w.request(request)
				broken.left.Store(n)
				resp, err := endpoint.Serve(context.Background(), w.set.Get(request.endpoint), req)
				if err == nil {
					if n == 0 {
						t.Fatal("the store was not asked")
					}
					return
				}
				if !errors.Is(err, errBroken) || resp == nil || resp.Status != 500 {
					t.Fatalf("call %d: %v, %+v", n, err, resp)
				}
				// A user sees a page, a client reads an object.
				page := resp.Page != nil && resp.Page.Error.Code == message.ServerError
				object := strings.Contains(string(resp.Body), `"error":"server_error"`)
				if browser := request.cookies; page != browser || object == browser {
					t.Fatalf("call %d: page %v, object %v: %+v", n, page, object, resp)
				}
			}
		})
	}
}

func TestClientKeysAreRefetchedOnce(t *testing.T) {
	const address = "https://rp.example/jwks"
	w := vectorWorld(t, vector{Client: map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": address}})
	w.docs[address] = string(keyjar.NewSet(key(t, "ES256", "rp-old")).PublicJWKS())
	try := func(jti string) error {
		c := redeem(w.code())
		w.proveByMethod(&c, &override{Assertion: map[string]any{"jti": jti}})
		return w.do(c).err
	}
	// The set has another key: one refetch, then none for a minute.
	for i, jti := range []string{"a", "b", "c"} {
		if err := try(jti); !errors.Is(err, message.InvalidClient) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if len(w.fetched) != 2 {
		t.Fatalf("fetched %d times", len(w.fetched))
	}
	// The client rotates: after the cool-down its new key is found.
	w.docs[address] = string(keyjar.NewSet(key(t, "ES256", "rp-es")).PublicJWKS())
	w.now = w.now.Add(time.Minute)
	if err := try("d"); err != nil {
		t.Fatal(err)
	}
	if err := try("e"); err != nil {
		t.Fatal(err)
	}
	if len(w.fetched) != 3 {
		t.Errorf("fetched %d times", len(w.fetched))
	}
}

func TestRegistrationAnswer(t *testing.T) {
	w := newWorld(t, nil)
	r := w.perform(vector{Step: "registration"}, &override{JSON: map[string]any{"client_name#ja": "名前", "unheard_of": 1, "client_id": "mine", "client_secret": "mine"}})
	got := w.object(r)
	if r.resp.Status != 201 || got["client_id"] == "mine" || got["client_secret"] == "mine" || got["unheard_of"] != nil {
		t.Errorf("%d %v", r.resp.Status, got)
	}
	for name, want := range map[string]any{
		"client_secret_expires_at": float64(0), "client_id_issued_at": float64(w.now.Unix()), "token_endpoint_auth_method": "client_secret_basic",
		"id_token_signed_response_alg": "RS256", "application_type": "web", "subject_type": "public", "client_name#ja": "名前", "require_auth_time": false,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if len(text(got, "client_secret")) < 64 || !strings.HasPrefix(text(got, "registration_client_uri"), issuer+"/register/") {
		t.Errorf("got %v", got)
	}
	public := w.object(w.perform(vector{Step: "registration"}, &override{JSON: map[string]any{"token_endpoint_auth_method": "none"}}))
	if public["client_secret"] != nil || public["client_secret_expires_at"] != nil {
		t.Errorf("a public client with a secret: %v", public)
	}
}

func TestManagement(t *testing.T) {
	w := newWorld(t, nil)
	reg := w.object(w.perform(vector{Step: "registration"}, nil))
	manage := func(method, id, token, body string) result {
		return w.do(call{
			endpoint: "registration_management", method: method, path: id, body: body,
			header: endpoint.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}},
		})
	}
	id, token := text(reg, "client_id"), text(reg, "registration_access_token")
	if got := w.object(manage("GET", id, token, "")); got["client_id"] != id || got["client_secret"] != nil || got["registration_access_token"] != token {
		t.Errorf("read %v", got)
	}
	denied := func(r result) {
		t.Helper()
		if !errors.Is(r.err, message.RuleOPRegistrationManageAuth) || r.resp.Status != 401 || r.resp.Header["Www-Authenticate"] == nil {
			t.Errorf("got %v, %+v", r.err, r.resp)
		}
	}
	denied(manage("GET", id, "wrong", ""))
	denied(manage("GET", "nobody", token, ""))
	denied(manage("GET", clientID, token, ""))
	denied(manage("DELETE", "", token, ""))
	// RFC 6750, Section 3.1: who shows no token is told of no error.
	bare := w.do(call{endpoint: "registration_management", method: "GET", path: id})
	denied(bare)
	if got := bare.resp.Header["Www-Authenticate"][0]; strings.Contains(got, "error") {
		t.Errorf("challenge %s", got)
	}
	if r := w.do(call{endpoint: "registration_management", method: "GET", path: id, header: endpoint.Header{"Authorization": {"bearer  " + token}}}); r.err != nil {
		t.Errorf("two spaces: %v", r.err)
	}
	for name, body := range map[string]string{
		"another client":  `{"client_id":"other","redirect_uris":["https://rp.example/cb"]}`,
		"another secret":  `{"client_id":"` + id + `","client_secret":"x","redirect_uris":["https://rp.example/cb"]}`,
		"a server member": `{"client_id":"` + id + `","client_id_issued_at":1,"redirect_uris":["https://rp.example/cb"]}`,
	} {
		if r := manage("PUT", id, token, body); !errors.Is(r.err, message.RuleOPRegistrationManageWrite) || !errors.Is(r.err, message.InvalidClientMetadata) {
			t.Errorf("%s: %v", name, r.err)
		}
	}
	if r := manage("PUT", id, token, `{"client_id":"`+id+`","redirect_uris":["http://rp.example/cb"]}`); !errors.Is(r.err, message.RuleOPRegistrationRedirectWeb) {
		t.Errorf("the same rules: %v", r.err)
	}
	r := manage("PUT", id, token, `{"client_id":"`+id+`","client_secret":"`+text(reg, "client_secret")+`","redirect_uris":["https://rp.example/new"]}`)
	got := w.object(r)
	if r.err != nil || got["client_name"] != nil || got["registration_access_token"] == token {
		t.Errorf("update %v: %v", r.err, got)
	}
	denied(manage("GET", id, token, ""))
	token = text(got, "registration_access_token")
	if r := manage("DELETE", id, token, ""); r.resp.Status != 204 || len(r.resp.Body) != 0 {
		t.Errorf("delete %+v", r.resp)
	}
	denied(manage("GET", id, token, ""))
}
