package op_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// A draft is a request before it is made, so that every part of it can be changed, also
// to what no http.Client would send.
type draft struct {
	method, path, query, body string
	header                    http.Header
	remote                    string // the address it comes from
}

func get(path string, query url.Values, header ...string) draft {
	return draft{method: http.MethodGet, path: path, query: query.Encode(), header: headerOf(header), remote: "192.0.2.1:1"}
}

func post(path string, values url.Values, header ...string) draft {
	return body(http.MethodPost, path, form, values.Encode(), header...)
}

func body(method, path, contentType, text string, header ...string) draft {
	d := draft{method: method, path: path, body: text, header: headerOf(header), remote: "192.0.2.1:1"}
	d.header.Set("Content-Type", contentType)
	return d
}

func headerOf(list []string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(list); i += 2 {
		h.Set(list[i], list[i+1])
	}
	return h
}

// serve lets a handler answer the request, without a socket.
func (d draft) serve(h http.Handler) *httptest.ResponseRecorder {
	path, err := url.PathUnescape(d.path)
	if err != nil {
		path = d.path
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, &http.Request{
		Method: d.method, URL: &url.URL{Path: path, RawPath: d.path, RawQuery: d.query}, Header: d.header, RemoteAddr: d.remote,
		Body: io.NopCloser(strings.NewReader(d.body)), Host: "op.example", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	})
	return w
}

const (
	tryID       = "try"
	trySecret   = "a secret of more than sixteen bytes"
	tryVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, Appendix B
)

var tryBasic = "Basic " + base64.StdEncoding.EncodeToString([]byte(tryID+":"+url.QueryEscape(trySecret)))

var tryKey = sync.OnceValues(func() (*keyjar.Key, error) {
	return keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "try", Use: "sig", Algorithm: "ES256"})
})

// A trial is a provider that offers everything, two clients that may do everything, and
// what the last login gave the first of them.
type trial struct {
	*optest.Provider
	t       testing.TB
	browser *http.Client
	tokens  struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		ID      string `json:"id_token"`
	}
}

func newTrial(t testing.TB) *trial {
	t.Helper()
	tr := &trial{t: t, Provider: provider(t, func(c *op.Config) {
		c.Policy.SessionManagement = true
		c.Policy.Scopes = []string{"api"}
		c.Policy.GrantTypes = append(c.Policy.GrantTypes, message.GrantTypeJWTBearer)
		c.Decoupled = nil
	})}
	key, err := tryKey()
	tr.must(err)
	metadata := message.ClientMetadata{
		RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{"https://rp.example/bye"}, ClientName: "Try",
		ResponseTypes: []string{"code", "id_token", "code id_token", "id_token token", "code token", "code id_token token"},
		GrantTypes: []string{
			message.GrantTypeAuthorizationCode, message.GrantTypeImplicit, message.GrantTypeRefreshToken, message.GrantTypeClientCredentials,
			message.GrantTypeDeviceCode, message.GrantTypeCIBA, message.GrantTypeTokenExchange, message.GrantTypeJWTBearer,
		},
		TokenEndpointAuthMethod: message.AuthMethodClientSecretBasic, BackchannelTokenDeliveryMode: "poll",
		JWKS: &message.JWKS{Keys: []json.RawMessage{key.PublicJWK()}},
	}
	hash := sha256.Sum256([]byte(trySecret))
	tr.must(tr.AddClient(t.Context(), &endpoint.Client{ID: tryID, SecretHash: hash[:], Trusted: true, Metadata: metadata, Resources: []string{"https://api.example/"}}))
	metadata.TokenEndpointAuthMethod = message.AuthMethodPrivateKeyJWT
	tr.must(tr.AddClient(t.Context(), &endpoint.Client{ID: tryID + "-jwt", Trusted: true, Metadata: metadata}))
	return tr
}

func (tr *trial) must(err error) {
	tr.t.Helper()
	if err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *trial) logIn() {
	tr.browser = tr.Client()
	back := submit(tr.t, tr.browser, do(tr.t, tr.browser, "GET", authorizeURL("client_id", tryID, "scope", "openid email offline_access"), ""), credentials())
	location, err := back.Location()
	tr.must(err)
	answer := do(tr.t, tr.browser, "POST", optest.Issuer+"/token", tr.redeem(location.Query().Get("code")).Encode(), "Content-Type", form, "Authorization", tryBasic)
	tr.must(json.Unmarshal([]byte(answer.body), &tr.tokens))
	if tr.tokens.Refresh == "" {
		tr.t.Fatalf("the login gave %s", answer.body)
	}
}

func (tr *trial) redeem(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {tryVerifier}}
}

// sign makes a JWT of the client.
func (tr *trial) sign(typ string, claims map[string]any) string {
	tr.t.Helper()
	key, err := tryKey()
	tr.must(err)
	h := keyjar.Header{Algorithm: "ES256", KeyID: "try", Type: typ}
	if typ == "dpop+jwt" {
		h.KeyID, h.JWK = "", key.PublicJWK()
	}
	claims["iat"], claims["exp"], claims["jti"] = time.Now().Unix(), time.Now().Unix()+60, rand.Text()
	payload, err := json.Marshal(claims)
	tr.must(err)
	token, err := key.Sign(h, payload, nil)
	tr.must(err)
	return token
}

func (tr *trial) proof(path string) string {
	return tr.sign("dpop+jwt", map[string]any{"htm": "POST", "htu": optest.Issuer + path})
}

func (tr *trial) assertion(values url.Values) url.Values {
	values.Set("client_id", tryID+"-jwt")
	values.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	values.Set("client_assertion", tr.sign("", map[string]any{"iss": tryID + "-jwt", "sub": tryID + "-jwt", "aud": optest.Issuer}))
	return values
}

// authorize are the parameters of an authorization request.
func authorizeValues(change ...string) url.Values {
	u, err := url.Parse(authorizeURL(append([]string{"client_id", tryID, "nonce", "n-0S6"}, change...)...))
	if err != nil {
		panic(err) // it is ours
	}
	return u.Query()
}

// question asks the browser something and returns the answer that goes to an interaction.
func (tr *trial) question(browser *http.Client, address string, fields url.Values) draft {
	page := do(tr.t, browser, "GET", address, "")
	found := ticket.FindStringSubmatch(page.body)
	if found == nil {
		tr.t.Fatalf("no form on the page: %s", page.body)
	}
	fields.Set("ticket", found[1])
	d := post(action.FindStringSubmatch(page.body)[1], fields, "Sec-Fetch-Site", "same-origin")
	var cookies []string
	for _, cookie := range browser.Jar.Cookies(page.Request.URL) {
		cookies = append(cookies, cookie.String())
	}
	d.header.Set("Cookie", strings.Join(cookies, "; "))
	return d
}

// requests are valid requests for each endpoint by its name, fresh ones: whatever may be
// used once has not been used. Those of the pages are called interaction.
func (tr *trial) requests() map[string][]draft {
	tr.logIn()
	const hint = "urn:ietf:params:oauth:token-type:access_token"
	bearer := []string{"Authorization", "Bearer " + tr.tokens.Access}
	var managed struct {
		URI   string `json:"registration_client_uri"`
		Token string `json:"registration_access_token"`
	}
	created := body("POST", "/register", "application/json", `{"redirect_uris":["`+callback+`"]}`).serve(tr)
	tr.must(json.Unmarshal(created.Body.Bytes(), &managed))
	started := post("/device_authorization", url.Values{"scope": {"openid"}}, "Authorization", tryBasic).serve(tr)
	var device struct {
		Code string `json:"device_code"`
		User string `json:"user_code"`
	}
	tr.must(json.Unmarshal(started.Body.Bytes(), &device))
	code := func() string {
		back := do(tr.t, tr.browser, "GET", optest.Issuer+"/authorize?"+authorizeValues().Encode(), "")
		location, err := back.Location()
		tr.must(err)
		return location.Query().Get("code")
	}
	object := authorizeValues()
	claims := map[string]any{"iss": tryID, "aud": optest.Issuer}
	for name := range object {
		claims[name] = object.Get(name)
	}
	return map[string][]draft{
		"webfinger":       {get("/.well-known/webfinger", url.Values{"resource": {optest.Identifier}, "rel": {message.IssuerRel}})},
		"provider_info":   {get("/.well-known/openid-configuration", nil)},
		"server_metadata": {get("/.well-known/oauth-authorization-server", nil)},
		"jwks":            {get("/jwks", nil)},
		"registration": {body("POST", "/register", "application/json", `{"redirect_uris":["`+callback+`"],"client_name":"x","client_name#ja":"y",`+
			`"response_types":["code"],"grant_types":["authorization_code"],"default_max_age":60,"jwks":{"keys":[]},"contacts":["a@example.org"],"id_token_signed_response_alg":"ES256"}`)},
		"registration_management": {get(strings.TrimPrefix(managed.URI, optest.Issuer), nil, "Authorization", "Bearer "+managed.Token)},
		"pushed_authorization": {
			post("/par", authorizeValues(), "Authorization", tryBasic, "Dpop", tr.proof("/par")),
			post("/par", tr.assertion(authorizeValues("client_id", tryID+"-jwt"))),
		},
		"authorization": {
			get("/authorize", authorizeValues("claims", `{"id_token":{"email":{"essential":true}}}`, "max_age", "60", "acr_values", "1", "ui_locales", "de en", "login_hint", "di")),
			get("/authorize", authorizeValues("response_type", "code id_token", "prompt", "none", "id_token_hint", tr.tokens.ID)),
			post("/authorize", authorizeValues("response_mode", "form_post")),
			get("/authorize", url.Values{"client_id": {tryID}, "request": {tr.sign("oauth-authz-req+jwt", claims)}, "scope": {"openid"}, "response_type": {"code"}}),
		},
		"token": {
			post("/token", tr.redeem(code()), "Authorization", tryBasic, "Dpop", tr.proof("/token")),
			post("/token", tr.redeem(code()), "Authorization", tryBasic),
			post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tr.tokens.Refresh}, "scope": {"openid email"}}, "Authorization", tryBasic),
			post("/token", tr.assertion(url.Values{"grant_type": {"client_credentials"}, "scope": {"api"}})),
			post("/token", url.Values{"grant_type": {message.GrantTypeDeviceCode}, "device_code": {device.Code}}, "Authorization", tryBasic),
			post("/token", url.Values{"grant_type": {message.GrantTypeCIBA}, "auth_req_id": {"x"}}, "Authorization", tryBasic),
			post("/token", url.Values{"grant_type": {message.GrantTypeTokenExchange}, "subject_token": {tr.tokens.Access}, "subject_token_type": {hint}, "scope": {"openid"}}, "Authorization", tryBasic),
			post("/token", url.Values{"grant_type": {message.GrantTypeJWTBearer}, "assertion": {tr.tokens.ID}}, "Authorization", tryBasic),
		},
		"userinfo": {
			get("/userinfo", nil, bearer...),
			post("/userinfo", url.Values{"access_token": {tr.tokens.Access}}),
			get("/userinfo", nil, "Authorization", "DPoP "+tr.tokens.Access, "Dpop", tr.proof("/userinfo")),
		},
		"introspection": {post("/introspect", url.Values{"token": {tr.tokens.Access}, "token_type_hint": {"access_token"}}, "Authorization", tryBasic)},
		"revocation":    {post("/revoke", url.Values{"token": {"x." + tr.tokens.Access}, "token_type_hint": {"refresh_token"}}, "Authorization", tryBasic)},
		"end_session": {
			get("/end_session", url.Values{"id_token_hint": {tr.tokens.ID}, "post_logout_redirect_uri": {"https://rp.example/bye"}, "state": {"s"}}),
			post("/end_session", url.Values{"client_id": {tryID}, "logout_hint": {"diana"}, "ui_locales": {"de"}}),
		},
		"check_session":              {get("/check_session", nil)},
		"device_authorization":       {post("/device_authorization", url.Values{"scope": {"openid email"}, "resource": {"https://api.example/"}}, "Authorization", tryBasic)},
		"device":                     {get("/device", url.Values{"user_code": {device.User}})},
		"backchannel_authentication": {post("/bc-authorize", url.Values{"scope": {"openid"}, "login_hint": {"diana"}, "binding_message": {"W4SCT"}, "requested_expiry": {"60"}}, "Authorization", tryBasic)},
		"approvals":                  {get("/approvals", url.Values{"ui_locales": {"de en"}})},
		"interaction": {
			tr.question(tr.Client(), authorizeURL(), credentials()),
			tr.question(tr.Client(), optest.Issuer+"/device?user_code="+device.User, url.Values{"action": {"continue"}, "user_code": {device.User}}),
			tr.question(tr.Client(), optest.Issuer+"/approvals", credentials()),
			tr.question(tr.browser, optest.Issuer+"/end_session", url.Values{"action": {"allow"}}),
		},
	}
}

// Every endpoint has a request, and each of them is a good one, so that what is derived
// from them gets as far as it can.
func TestRequestsAreGood(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	requests := tr.requests()
	for _, d := range tr.Endpoints().All() {
		if len(requests[d.Name]) == 0 {
			t.Errorf("no request for %s", d.Name)
		}
	}
	// What cannot be good: nobody is asked (CIBA), there is no trust (assertions), nobody
	// has answered (device), the token is not bound (DPoP).
	refused := map[string]bool{"auth_req_id": true, "assertion": true, "device_code": true}
	// Last what logs the user out: codes that were not used end with it.
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(requests)), func(name string) bool { return name == "interaction" })
	for _, name := range append(names, "interaction") {
		for _, d := range requests[name] {
			expected := d.header.Get("Authorization") != "" && strings.HasPrefix(d.header.Get("Authorization"), "DPoP ")
			values, _ := url.ParseQuery(d.body)
			for param := range refused {
				expected = expected || name == "token" && values.Has(param)
			}
			if w := d.serve(tr); (w.Code >= 400) != expected {
				t.Errorf("%s %s: %d %s", d.method, d.path, w.Code, w.Body)
			}
		}
	}
}
