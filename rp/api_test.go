package rp_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/resource"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

const (
	things     = "https://api.example/v1/things"
	thingsName = "https://api.example/v1"
	machine    = "a secret of a machine, long enough"
)

// An apiWorld is an API, the provider whose tokens it takes, and a machine that has some.
type apiWorld struct {
	*world
	api     *rp.API
	handler http.Handler
}

func newAPIWorld(t *testing.T, jwt bool, change func(*rp.APIConfig)) *apiWorld {
	t.Helper()
	w := &apiWorld{world: &world{t: t, net: &network{hosts: map[string]http.Handler{}}, log: new(lockedBuffer), now: time.Unix(1_700_000_000, 0)}}
	w.op = w.newProvider(jwt, nil)
	c := rp.APIConfig{
		Config: resource.Config{
			Resource: thingsName, Issuers: []resource.Issuer{{Issuer: optest.Issuer}}, Now: w.clock,
			DB: &state.DB{Store: &state.Memory{Now: w.clock}},
		},
		HTTP:   rp.ClientOptions{Transport: back{w.net}},
		Logger: slog.New(slog.NewTextHandler(w.log, nil)),
	}
	if !jwt {
		c.Issuers[0].Introspection = resource.Opaque
		c.Clients = []servicecontext.Config{{Issuer: optest.Issuer, ClientID: "machine", ClientSecret: machine}}
	}
	if change != nil {
		change(&c)
	}
	var err error
	if w.api, err = rp.NewAPI(c); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/things", w.api.ProtectWith(resource.Demand{Scope: message.List{"read"}}, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(rw, rp.AccessTokenOf(r.Context()).ClientID)
	})))
	mux.Handle(w.api.Resource().MetadataPath(), w.api.Metadata())
	w.handler = mux
	return w
}

// newProvider makes the provider, with other keys if some are given.
func (w *apiWorld) newProvider(jwt bool, keys *keyjar.Set) *optest.Provider {
	w.t.Helper()
	p := w.provider("op.example", func(c *op.Config) {
		c.Policy.JWTAccessTokens, c.Policy.Scopes = jwt, []string{"read", "write"}
		if keys != nil {
			c.Keys = keys
		}
	})
	err := p.AddClient(w.t.Context(), &endpoint.Client{
		ID: "machine", Secret: machine, Resources: []string{thingsName}, Serves: []string{thingsName},
		Metadata: message.ClientMetadata{
			GrantTypes: []string{message.GrantTypeClientCredentials}, TokenEndpointAuthMethod: message.AuthMethodClientSecretBasic,
			Scope: message.List{"read", "write"},
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *apiWorld) post(address string, params url.Values) string {
	w.t.Helper()
	r := httptest.NewRequest("POST", address, strings.NewReader(params.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("machine", url.QueryEscape(machine))
	resp, err := w.net.roundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		w.t.Fatalf("%s: %d %s %v", address, resp.StatusCode, body, err)
	}
	return string(body)
}

// token returns an access token of the machine.
func (w *apiWorld) token(scope string) string {
	w.t.Helper()
	var m struct {
		AccessToken string `json:"access_token"`
	}
	answer := w.post(optest.Issuer+"/token", url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "resource": {thingsName}})
	if err := json.Unmarshal([]byte(answer), &m); err != nil {
		w.t.Fatal(err)
	}
	return m.AccessToken
}

func (w *apiWorld) call(token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", things, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

func (w *apiWorld) want(token string, status int) *httptest.ResponseRecorder {
	w.t.Helper()
	rec := w.call(token)
	if rec.Code != status {
		w.t.Errorf("status %d %s, want %d\n%s", rec.Code, rec.Body, status, w.log)
	}
	return rec
}

func TestAPI(t *testing.T) {
	for form, jwt := range map[string]bool{"JWT": true, "opaque": false} {
		t.Run(form, func(t *testing.T) {
			w := newAPIWorld(t, jwt, nil)
			if rec := w.want(w.token("read"), 200); rec.Body.String() != "machine" {
				t.Errorf("the token is of %q", rec.Body)
			}
			for _, c := range []struct {
				token  string
				status int
				says   string
			}{
				{"", 401, `Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource/v1"`},
				{"forged", 401, `error="invalid_token"`},
				{w.token("write"), 403, `error="insufficient_scope"`},
			} {
				rec := w.want(c.token, c.status)
				if challenge := strings.Join(rec.Header().Values("Www-Authenticate"), ", "); !strings.Contains(challenge, c.says) {
					t.Errorf("challenge %s, want %s in it", challenge, c.says)
				}
				if c.token != "" && strings.Contains(w.log.String(), c.token) {
					t.Errorf("the log holds the token")
				}
			}
		})
	}
}

// Many requests at once make one of each kind to the provider.
func TestAPIAsksOnce(t *testing.T) {
	for form, jwt := range map[string]bool{"JWT": true, "opaque": false} {
		t.Run(form, func(t *testing.T) {
			w := newAPIWorld(t, jwt, nil)
			token := w.token("read")
			var group sync.WaitGroup
			for range 32 {
				group.Go(func() { w.want(token, 200) })
			}
			group.Wait()
			if n := w.net.count("openid-configuration"); n != 1 {
				t.Errorf("%d discoveries", n)
			}
			if n := w.net.count("/jwks"); n != map[bool]int{true: 1}[jwt] {
				t.Errorf("%d fetches of keys", n)
			}
			if n := w.net.count("/introspect"); n != map[bool]int{false: 1}[jwt] {
				t.Errorf("%d introspections", n)
			}
		})
	}
}

// An answer serves for ten seconds, then the provider is asked again, and a token that was
// revoked is refused.
func TestAPIIntrospectionCache(t *testing.T) {
	w := newAPIWorld(t, false, nil)
	token := w.token("read")
	w.want(token, 200)
	w.post(optest.Issuer+"/revoke", url.Values{"token": {token}})
	w.pass(9 * time.Second)
	w.want(token, 200)
	if n := w.net.count("/introspect"); n != 1 {
		t.Errorf("%d introspections", n)
	}
	w.pass(2 * time.Second)
	w.want(token, 401)
	w.want(token, 401)
	if n := w.net.count("/introspect"); n != 2 {
		t.Errorf("%d introspections", n)
	}
	t.Run("without", func(t *testing.T) {
		w := newAPIWorld(t, false, func(c *rp.APIConfig) { c.IntrospectionCache = -1 })
		token := w.token("read")
		w.want(token, 200)
		w.post(optest.Issuer+"/revoke", url.Values{"token": {token}})
		w.want(token, 401)
	})
}

// The keys serve on while the provider cannot be reached. What needs an answer then is
// neither accepted nor called invalid.
func TestAPIOutage(t *testing.T) {
	down := func(*http.Request) (*http.Response, error, bool) { return nil, io.ErrUnexpectedEOF, true }
	w := newAPIWorld(t, true, nil)
	token := w.token("read")
	w.net.breaks(down)
	if rec := w.want(token, 503); rec.Header().Get("Www-Authenticate") != "" {
		t.Errorf("a challenge beside 503: %v", rec.Header())
	}
	w.net.breaks(nil)
	w.want(token, 200)
	w.net.breaks(down)
	w.pass(25 * time.Hour) // beyond every freshness
	fresh := w.token("read")
	w.want(fresh, 200)
	asked := len(w.net.requests())
	for range 5 {
		w.want(fresh, 200)
	}
	if n := len(w.net.requests()) - asked; n != 0 {
		t.Errorf("a provider that is down was asked %d times", n)
	}
	t.Run("opaque", func(t *testing.T) {
		w := newAPIWorld(t, false, nil)
		token := w.token("read")
		w.want(token, 200)
		w.net.breaks(down)
		w.want(token, 200)
		w.pass(11 * time.Second)
		w.want(token, 503)
	})
}

// A key that is not known is looked for once a minute, whoever names it.
func TestAPIKeyRotation(t *testing.T) {
	w := newAPIWorld(t, true, nil)
	w.want(w.token("read"), 200)
	rotated := func() *keyjar.Set {
		k, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{Algorithm: "ES256"})
		if err != nil {
			t.Fatal(err)
		}
		return keyjar.NewSet(k)
	}
	w.op = w.newProvider(true, rotated())
	w.want(w.token("read"), 200)
	if n := w.net.count("/jwks"); n != 2 {
		t.Errorf("%d fetches of keys", n)
	}
	w.op = w.newProvider(true, rotated())
	token := w.token("read")
	for range 5 {
		w.want(token, 401)
	}
	if n := w.net.count("/jwks"); n != 2 {
		t.Errorf("%d fetches of keys within a minute", n)
	}
	w.pass(2 * time.Minute)
	w.want(token, 200)
}

// The target of a proof is what was asked, also behind http.StripPrefix, and its host is
// the API's own, whatever the request says.
func TestAPIProofTarget(t *testing.T) {
	w := newAPIWorld(t, true, func(c *rp.APIConfig) { c.NonceKey = []byte("a key of nonces, 32 bytes or more") })
	k, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	token := w.token("read")
	nonce := ""
	h := http.StripPrefix("/v1", w.api.Protect(http.NotFoundHandler()))
	call := func(target string) *httptest.ResponseRecorder {
		payload, err := json.Marshal(map[string]any{
			"jti": target + nonce, "htm": "GET", "htu": target, "iat": w.clock().Unix(), "ath": message.AccessTokenHash(message.Secret(token)), "nonce": nonce,
		})
		if err != nil {
			t.Fatal(err)
		}
		proof, err := k.Sign(keyjar.Header{Algorithm: "ES256", Type: message.DPoPProofType, JWK: k.Public().PublicJWK()}, payload, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "http://attacker.example/v1/things?x=y", nil)
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", proof)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec
	}
	rec := call(things)
	if nonce = rec.Header().Get("DPoP-Nonce"); rec.Code != 401 || nonce == "" || !strings.Contains(w.log.String(), "rs_dpop_nonce") {
		t.Fatalf("%d %v", rec.Code, rec.Header())
	}
	call("http://attacker.example/v1/things")
	if !strings.Contains(w.log.String(), "rs_dpop_target") {
		t.Error("a proof for another host was taken")
	}
	call(things)
	if !strings.Contains(w.log.String(), "rs_dpop_scheme") { // the token is bound to no key: the last to be found out
		t.Errorf("the proof was not taken:\n%s", w.log)
	}
}

func TestAPIMetadata(t *testing.T) {
	w := newAPIWorld(t, true, nil)
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, httptest.NewRequest("GET", "https://api.example/.well-known/oauth-protected-resource/v1", nil))
	var m message.ResourceMetadata
	if err := message.DecodeJSON(rec.Body.Bytes(), &m); err != nil || rec.Code != 200 || rec.Header().Get("Content-Type") != "application/json" || m.Resource != thingsName {
		t.Errorf("%d %v %v %v", rec.Code, rec.Header(), m, err)
	}
	rec = httptest.NewRecorder()
	w.handler.ServeHTTP(rec, httptest.NewRequest("POST", "https://api.example/.well-known/oauth-protected-resource/v1", nil))
	if rec.Code != 405 {
		t.Errorf("POST: %d", rec.Code)
	}
}

// Tokens of issuers that are asked need a client of ours there; clients need an issuer.
func TestAPIConfig(t *testing.T) {
	good := resource.Config{Resource: thingsName, Issuers: []resource.Issuer{{Issuer: optest.Issuer}}}
	if _, err := rp.NewAPI(rp.APIConfig{Config: good}); err != nil {
		t.Error(err)
	}
	asked := good
	asked.Issuers = []resource.Issuer{{Issuer: optest.Issuer, Introspection: resource.Always}}
	for name, c := range map[string]rp.APIConfig{
		"nothing":           {},
		"nobody who asks":   {Config: asked},
		"a client too many": {Config: good, Clients: []servicecontext.Config{{Issuer: "https://other.example", ClientID: "x"}}},
	} {
		if _, err := rp.NewAPI(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
