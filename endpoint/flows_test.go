package endpoint_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// extended is a provider that offers every grant type, and a client that may use them.
func extended(cfg *endpoint.Config, c *endpoint.Client) {
	all := []string{
		message.GrantTypeRefreshToken, message.GrantTypeClientCredentials, message.GrantTypeDeviceCode,
		message.GrantTypeCIBA, message.GrantTypeTokenExchange, message.GrantTypeJWTBearer,
	}
	cfg.Policy.GrantTypes = all
	c.Metadata.GrantTypes = append([]string{"authorization_code", "implicit"}, all...)
}

func (w *world) as(name string, params url.Values) result {
	w.t.Helper()
	c := tokenCall(params)
	c.endpoint = name
	return w.do(c)
}

func wants(t *testing.T, r result, code message.ErrorCode, rule message.Rule) {
	t.Helper()
	if !errors.Is(r.err, code) || !errors.Is(r.err, rule) {
		t.Fatalf("got %v, want %s by %s", r.err, code, rule)
	}
}

// A proof without nonce keeps its code, assertion and jti unspent.
func TestNonceRetry(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Policy.DPoPNonce = true })
	c := redeem(w.code())
	try := func(nonce any) result {
		c.header["Dpop"] = []string{w.proof("token", "POST", "", &override{Proof: map[string]any{"nonce": nonce}})}
		return w.do(c)
	}
	r := try(nil)
	wants(t, r, message.UseDPoPNonce, message.RuleOPDPoPNonce)
	nonce := r.resp.Header["Dpop-Nonce"]
	if len(nonce) != 1 || r.resp.Status != 400 {
		t.Fatalf("%+v", r.resp)
	}
	w.now = w.now.Add(5 * time.Minute)
	w.now = w.now.Add(-5 * time.Minute)
	r = try(nonce[0])
	if r.err != nil || text(w.object(r), "token_type") != "DPoP" || len(r.resp.Header["Dpop-Nonce"]) != 1 {
		t.Fatalf("%v %+v", r.err, r.resp)
	}
	access := text(w.object(r), "access_token")
	ask := func(nonce any) result {
		call := userinfo(access)
		call.header["Authorization"][0] = "DPoP " + access
		call.header["Dpop"] = []string{w.proof("userinfo", "GET", access, &override{Proof: map[string]any{"nonce": nonce}})}
		return w.do(call)
	}
	r = ask(nil)
	wants(t, r, message.UseDPoPNonce, message.RuleOPDPoPNonce)
	if r.resp.Status != 401 || !strings.HasPrefix(r.resp.Header["Www-Authenticate"][0], `DPoP error="use_dpop_nonce"`) {
		t.Errorf("%+v", r.resp)
	}
	if r = ask(r.resp.Header["Dpop-Nonce"][0]); r.err != nil {
		t.Error(r.err)
	}
	w.now = w.now.Add(5 * time.Minute)
	wants(t, ask(nonce[0]), message.UseDPoPNonce, message.RuleOPDPoPNonce)
}

func TestBoundRefreshOfAPublicClient(t *testing.T) {
	w := newWorld(t, public)
	c := w.withProof(publicRedeem(w.code()), false)
	c.header = endpoint.Header{}
	w.proved(&c, &override{Proof: map[string]any{}})
	tokens := w.object(w.do(c))
	again := publicRefresh(text(tokens, "refresh_token"))
	again.header = endpoint.Header{}
	wants(t, w.do(again), message.InvalidGrant, message.RuleOPRefreshBinding)
	w.proved(&again, &override{Proof: map[string]any{}, ProofKey: "thief"})
	wants(t, w.do(again), message.InvalidGrant, message.RuleOPDPoPCode)
	w.proved(&again, &override{Proof: map[string]any{}})
	r := w.do(again)
	if r.err != nil || w.object(r)["refresh_token"] != nil {
		t.Errorf("%v %s: a bound token need not rotate", r.err, r.resp.Body)
	}
}

func TestCertificateBoundTokens(t *testing.T) {
	yes := true
	w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		cfg.Policy.MutualTLS = true
		c.Metadata.TLSClientCertificateBoundAccessTokens = &yes
	})
	c := redeem(w.code())
	wants(t, w.do(c), message.InvalidRequest, message.RuleOPSenderConstraintRequired)
	c.certs = [][]byte{[]byte("a certificate")}
	access := text(w.object(w.do(c)), "access_token")
	use := userinfo(access)
	wants(t, w.do(use), message.InvalidToken, message.RuleOPMTLSBinding)
	use.certs = [][]byte{[]byte("another certificate")}
	wants(t, w.do(use), message.InvalidToken, message.RuleOPMTLSBinding)
	use.certs = c.certs
	if r := w.do(use); r.err != nil {
		t.Error(r.err)
	}
	var m message.ProviderMetadata
	w.must(message.DecodeJSON(w.get("provider_info").resp.Body, &m))
	if m.TLSClientCertificateBoundAccessTokens == nil || !slices.Contains(m.TokenEndpointAuthMethodsSupported, "tls_client_auth") {
		t.Errorf("metadata %+v", m)
	}
}

func TestPushedRequestIsUsedUp(t *testing.T) {
	w := newWorld(t, untrusted)
	push := func() string {
		r := w.as("pushed_authorization", authorizeParams())
		answer := w.object(r)
		if r.resp.Status != 201 || answer["expires_in"] != float64(300) || r.resp.Header["Cache-Control"][0] != "no-store" {
			t.Fatalf("%+v %s", r.resp, r.resp.Body)
		}
		return text(answer, "request_uri")
	}
	uri := push()
	c := call{endpoint: "authorization", method: "GET", params: url.Values{"client_id": {clientID}, "request_uri": {uri}}}
	c.cookies = true
	// Reloading the page before the login is done works.
	w.do(c)
	w.do(c)
	if w.location(w.browse(c)).Get("code") == "" {
		t.Fatal("no code")
	}
	wants(t, w.browse(c), message.InvalidRequestURI, message.RuleOPPARUse)
	// Who refuses ends it as well.
	c.params.Set("request_uri", push())
	w.cookies = map[string]string{}
	w.wantError(w.answer(w.do(c).need, deny), message.AccessDenied, message.RuleOPConsent)
	wants(t, w.browse(c), message.InvalidRequestURI, message.RuleOPPARUse)
	// A user who takes longer than the request lives still finishes.
	c.params.Set("request_uri", push())
	c.params.Set("prompt", "login")
	w.cookies = map[string]string{}
	r := w.do(c)
	w.now = w.now.Add(10 * time.Minute)
	if r = w.answer(r.need, login); r.err != nil {
		t.Fatal(r.err)
	}
	t.Run("two tabs, one authorization", func(t *testing.T) {
		w := newWorld(t, nil)
		w.browse(authorize())
		c.params.Set("request_uri", text(w.object(w.as("pushed_authorization", authorizeParams())), "request_uri"))
		var wg sync.WaitGroup
		results := make([]result, 16)
		req := w.request(c)
		for i := range results {
			wg.Go(func() {
				p, err := w.set.Get("authorization").ParseRequest(t.Context(), req)
				if err == nil {
					_, err = w.set.Get("authorization").ProcessRequest(t.Context(), p)
				}
				results[i].err = err
			})
		}
		wg.Wait()
		good := 0
		for _, r := range results {
			if r.err == nil {
				good++
			}
		}
		if good != 1 {
			t.Errorf("%d authorizations of one pushed request", good)
		}
	})
	t.Run("a redirect URI that was pushed", func(t *testing.T) {
		w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Policy.PushedRedirectURIs = true })
		params := authorizeParams()
		params.Set("redirect_uri", "https://rp.example/fresh")
		uri := text(w.object(w.as("pushed_authorization", params)), "request_uri")
		r := w.browse(call{endpoint: "authorization", method: "GET", params: url.Values{"client_id": {clientID}, "request_uri": {uri}}})
		if !strings.HasPrefix(r.resp.Location, "https://rp.example/fresh?code=") {
			t.Errorf("location %s", r.resp.Location)
		}
	})
}

// Which values of a request object and of the request around it count.
func TestRequestObjectPrecedence(t *testing.T) {
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Metadata.RequestObjectSigningAlg = "ES256"
		c.Metadata.JWKS = &message.JWKS{Keys: []json.RawMessage{key(t, "ES256", "rp-es").PublicJWK()}}
	})
	run := func(outside ...string) url.Values {
		c := authorize()
		w.signed(&c, &override{Object: map[string]any{}, Outside: append([]string{"state"}, outside...)})
		c.params.Set("state", "outside")
		return w.location(w.browse(c))
	}
	if got := run().Get("state"); got != "af0ifjsldkj" {
		t.Errorf("state %q", got)
	}
	// OpenID Connect: what only stands outside is added; OAuth: it counts for nothing.
	for _, openid := range []bool{true, false} {
		c := authorize()
		outside := []string{"state"}
		if openid {
			outside = append(outside, "scope")
		}
		w.signed(&c, &override{Object: map[string]any{"state": nil}, Outside: outside})
		c.params.Set("state", "outside")
		if got := w.location(w.browse(c)).Get("state"); (got == "outside") != openid {
			t.Errorf("openid %v: state %q", openid, got)
		}
	}
}

func TestJARMSaysEverythingInside(t *testing.T) {
	w := newWorld(t, nil)
	open := func(r result) map[string]any {
		t.Helper()
		got := w.location(r)
		if len(got) != 1 {
			t.Fatalf("outside: %v", got)
		}
		return w.claims(got.Get("response"))
	}
	good := open(w.browse(authorize("response_mode", "jwt")))
	bad := open(w.do(browsing("response_mode", "jwt", "prompt", "none login")))
	for _, claims := range []map[string]any{good, bad} {
		if claims["iss"] != issuer || claims["aud"] != clientID || claims["exp"] != float64(w.now.Unix()+600) || claims["state"] != "af0ifjsldkj" {
			t.Errorf("claims %v", claims)
		}
	}
	if good["code"] == nil || bad["error"] != "invalid_request" {
		t.Errorf("good %v, bad %v", good, bad)
	}
	for mode, separator := range map[string]string{"query.jwt": "?response=", "fragment.jwt": "#response=", "jwt": "?response="} {
		if r := w.browse(authorize("response_mode", mode)); !strings.HasPrefix(r.resp.Location, callback+separator) {
			t.Errorf("%s: %s", mode, r.resp.Location)
		}
	}
	w.wantError2(w.do(browsing("response_mode", "query.jwt", "response_type", "code id_token")), message.RuleOPAuthzResponseMode)
}

func (w *world) wantError2(r result, rule message.Rule) {
	w.t.Helper()
	if !errors.Is(r.err, rule) {
		w.t.Errorf("got %v, want %s", r.err, rule)
	}
}

func TestIntrospectionAnswers(t *testing.T) {
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) { c.Trusted = true })
	server := *w.client
	server.ID, server.Metadata, server.Serves = "api", metadata(), []string{"https://api.example"}
	w.must(w.clients.PutClient(t.Context(), &server))
	ask := func(id, token string, header ...string) map[string]any {
		c := tokenCall(url.Values{"token": {token}, "token_type_hint": {"refresh_token"}})
		c.endpoint, c.header = "introspection", endpoint.Header{"Authorization": {basic(id, clientSecret)}}
		return w.object(w.do(c))
	}
	tokens := w.tokens(w.code("resource", "https://api.example"))
	access := text(tokens, "access_token")
	for _, id := range []string{clientID, "api"} {
		got := ask(id, access)
		for name, want := range map[string]any{
			"active": true, "client_id": clientID, "sub": "diana", "iss": issuer, "aud": "https://api.example", "token_type": "Bearer",
			"scope": "openid email offline_access", "exp": float64(w.now.Unix() + 600), "iat": float64(w.now.Unix()),
		} {
			if got[name] != want {
				t.Errorf("%s: %s is %v, want %v", id, name, got[name], want)
			}
		}
	}
	inactive := func(why string, got map[string]any) {
		t.Helper()
		if len(got) != 1 || got["active"] != false {
			t.Errorf("%s: %v", why, got)
		}
	}
	inactive("another client's", ask("other-client", access))
	inactive("unknown", ask(clientID, "unknown"))
	inactive("another resource's", ask("api", text(w.tokens(w.code("resource", "https://other.example")), "access_token")))
	inactive("the provider's own", ask("api", text(w.tokens(w.code()), "access_token")))
	inactive("a refresh token is not the resource server's", ask("api", text(tokens, "refresh_token")))
	if got := ask(clientID, text(tokens, "refresh_token")); got["active"] != true || got["token_type"] != nil {
		t.Errorf("own refresh token: %v", got)
	}
	w.as("revocation", url.Values{"token": {text(tokens, "refresh_token")}})
	inactive("revoked", ask(clientID, access))
	inactive("revoked refresh token", ask(clientID, text(tokens, "refresh_token")))
	fresh := text(w.tokens(w.code()), "access_token")
	w.now = w.now.Add(10 * time.Minute)
	inactive("expired", ask(clientID, fresh))
	t.Run("JWT", func(t *testing.T) {
		c := tokenCall(url.Values{"token": {text(w.tokens(w.code()), "access_token")}})
		c.endpoint = "introspection"
		c.header["Accept"] = []string{"application/token-introspection+jwt"}
		r := w.do(c)
		header, err := keyjar.ParseHeader(string(r.resp.Body))
		w.must(err)
		claims := w.claims(string(r.resp.Body))
		inner, _ := claims["token_introspection"].(map[string]any)
		if header.Type != "token-introspection+jwt" || claims["iss"] != issuer || claims["aud"] != clientID || inner["active"] != true || claims["sub"] != nil {
			t.Errorf("%+v %v", header, claims)
		}
	})
}

func TestRevocation(t *testing.T) {
	w := newWorld(t, nil)
	tokens := w.tokens(w.code())
	again := w.object(w.do(refresh(text(tokens, "refresh_token"))))
	if r := w.as("revocation", url.Values{"token": {text(tokens, "access_token")}}); r.err != nil || r.resp.Status != 200 {
		t.Fatal(r.err)
	}
	wants(t, w.do(userinfo(text(tokens, "access_token"))), message.InvalidToken, message.RuleOPAccessTokenValidation)
	if r := w.do(userinfo(text(again, "access_token"))); r.err != nil {
		t.Errorf("another access token of the grant: %v", r.err)
	}
	for range 2 {
		if r := w.as("revocation", url.Values{"token": {text(tokens, "refresh_token")}, "token_type_hint": {"access_token"}}); r.err != nil {
			t.Fatal(r.err)
		}
	}
	wants(t, w.do(userinfo(text(again, "access_token"))), message.InvalidToken, message.RuleOPAccessTokenValidation)
	wants(t, w.do(refresh(text(tokens, "refresh_token"))), message.InvalidGrant, message.RuleOPRefreshExpiry)
}

func TestClientCredentialsAnswer(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		cfg.Policy.JWTAccessTokens = true
		c.Metadata.Scope = message.List{"api"}
	})
	for range 2 {
		got := w.object(w.as("token", url.Values{"grant_type": {"client_credentials"}, "scope": {"api admin openid email"}}))
		if !slices.Equal(names(got), []string{"access_token", "expires_in", "scope", "token_type"}) || text(got, "scope") != "api" {
			t.Errorf("got %v", got)
		}
		if claims := w.claims(text(got, "access_token")); claims["sub"] != "client:"+clientID {
			t.Errorf("claims %v", claims)
		}
		wants(t, w.do(userinfo(text(got, "access_token"))), message.InsufficientScope, message.RuleOPUserInfoChallenge)
	}
	// Nothing of it is no scope, and an answer without one would say that all was granted.
	wants(t, w.as("token", url.Values{"grant_type": {"client_credentials"}, "scope": {"openid email"}}), message.InvalidScope, message.RuleOPClientCredentialsGrant)
	// Without a scope it gets what it is registered for.
	if got := w.object(w.as("token", url.Values{"grant_type": {"client_credentials"}})); text(got, "scope") != "api" {
		t.Errorf("got %v", got)
	}
}

func TestDeviceFlow(t *testing.T) {
	type device struct {
		*world
		codes map[string]any
	}
	begin := func(t *testing.T) device {
		w := newWorld(t, extended)
		codes := w.object(w.as("device_authorization", url.Values{"scope": {"openid email offline_access"}}))
		return device{w, codes}
	}
	poll := func(d device) result {
		return d.as("token", url.Values{"grant_type": {message.GrantTypeDeviceCode}, "device_code": {text(d.codes, "device_code")}})
	}
	page := func(d device, code string) result {
		r := d.do(call{endpoint: "device", method: "GET", cookies: true, params: url.Values{"user_code": {code}}})
		return d.answer(r.need, endpoint.Answer{Action: endpoint.ActionContinue, UserCode: code})
	}
	t.Run("codes", func(t *testing.T) {
		d := begin(t)
		user := text(d.codes, "user_code")
		if len(user) != 9 || text(d.codes, "verification_uri") != issuer+"/device" || d.codes["interval"] != float64(5) || d.codes["expires_in"] != float64(600) ||
			text(d.codes, "verification_uri_complete") != issuer+"/device?user_code="+user {
			t.Errorf("codes %v", d.codes)
		}
	})
	t.Run("allowed", func(t *testing.T) {
		d := begin(t)
		wants(t, poll(d), message.AuthorizationPending, message.RuleOPDevicePoll)
		r := page(d, strings.ToLower(strings.ReplaceAll(text(d.codes, "user_code"), "-", " ")))
		if r.need.Prompt != endpoint.PromptLogin || r.need.Client.ID != clientID {
			t.Fatalf("need %+v", r.need)
		}
		r = d.answer(r.need, login)
		if r.need.Prompt != endpoint.PromptDevice || r.need.UserCode != text(d.codes, "user_code") || r.need.User.ID != "diana" {
			t.Fatalf("need %+v", r.need)
		}
		if r = d.answer(r.need, allow); r.resp.Page.Kind != endpoint.PageDone {
			t.Fatalf("%+v", r.resp)
		}
		// Of polls at once one gets the tokens.
		results := make([]result, 16)
		var wg sync.WaitGroup
		c := d.request(tokenCall(url.Values{"grant_type": {message.GrantTypeDeviceCode}, "device_code": {text(d.codes, "device_code")}}))
		for i := range results {
			wg.Go(func() { results[i] = d.once(d.set.Get("token"), c) })
		}
		wg.Wait()
		var tokens map[string]any
		for _, r := range results {
			if r.err == nil {
				if tokens != nil {
					t.Fatal("two polls got tokens")
				}
				tokens = d.object(r)
			}
		}
		if tokens["id_token"] == nil || tokens["refresh_token"] == nil {
			t.Fatalf("tokens %v", tokens)
		}
		if r := d.do(userinfo(text(tokens, "access_token"))); d.object(r)["sub"] != "diana" {
			t.Errorf("userinfo %v", r.err)
		}
		wants(t, poll(d), message.InvalidGrant, message.RuleOPTokenInvalidGrant)
	})
	t.Run("denied", func(t *testing.T) {
		d := begin(t)
		r := d.answer(page(d, text(d.codes, "user_code")).need, login)
		d.answer(r.need, deny)
		wants(t, poll(d), message.AccessDenied, message.RuleOPDevicePoll)
		wants(t, poll(d), message.InvalidGrant, message.RuleOPTokenInvalidGrant)
	})
	t.Run("slow down", func(t *testing.T) {
		d := begin(t)
		wants(t, poll(d), message.AuthorizationPending, message.RuleOPDevicePoll)
		wants(t, poll(d), message.SlowDown, message.RuleOPDevicePoll)
		d.now = d.now.Add(9 * time.Second)
		wants(t, poll(d), message.SlowDown, message.RuleOPDevicePoll)
		d.now = d.now.Add(15 * time.Second)
		wants(t, poll(d), message.AuthorizationPending, message.RuleOPDevicePoll)
	})
	t.Run("expired", func(t *testing.T) {
		d := begin(t)
		d.now = d.now.Add(10 * time.Minute)
		wants(t, poll(d), message.ExpiredToken, message.RuleOPDevicePoll)
		if r := page(d, text(d.codes, "user_code")); r.need == nil || r.need.Failure != endpoint.FailureUserCode {
			t.Errorf("need %+v", r.need)
		}
	})
	t.Run("another client", func(t *testing.T) {
		d := begin(t)
		other := *d.client
		other.ID = "other-client"
		d.must(d.clients.PutClient(t.Context(), &other))
		c := tokenCall(url.Values{"grant_type": {message.GrantTypeDeviceCode}, "device_code": {text(d.codes, "device_code")}})
		c.header["Authorization"] = []string{basic("other-client", clientSecret)}
		wants(t, d.do(c), message.InvalidGrant, message.RuleOPTokenInvalidGrant)
	})
	t.Run("guessing", func(t *testing.T) {
		d := begin(t)
		for range 10 {
			if r := page(d, "BBBB-BBBB"); r.need.Failure != endpoint.FailureUserCode {
				t.Fatalf("need %+v", r.need)
			}
		}
		if r := page(d, text(d.codes, "user_code")); r.need.Prompt != endpoint.PromptUserCode {
			t.Error("the right code after ten wrong ones")
		}
	})
	t.Run("a code serves once", func(t *testing.T) {
		d := begin(t)
		r := d.answer(page(d, text(d.codes, "user_code")).need, login)
		d.answer(r.need, allow)
		if r := page(d, text(d.codes, "user_code")); r.need.Failure != endpoint.FailureUserCode {
			t.Errorf("need %+v", r.need)
		}
	})
	t.Run("another tab changes the user", func(t *testing.T) {
		d := begin(t)
		r := d.answer(page(d, text(d.codes, "user_code")).need, login)
		d.answer(d.do(browsing("prompt", "login")).need, endpoint.Answer{Action: endpoint.ActionLogin, Username: "bob", Password: "builder"})
		if r = d.answer(r.need, allow); r.need == nil || r.need.User.ID != "bob" {
			t.Errorf("diana's answer counted for bob: %+v", r)
		}
	})
	t.Run("not registered", func(t *testing.T) {
		w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
			extended(cfg, c)
			c.Metadata.GrantTypes = []string{"authorization_code", "implicit"}
		})
		wants(t, w.as("device_authorization", url.Values{"scope": {"openid"}}), message.UnauthorizedClient, message.RuleOPDeviceAuthorization)
	})
}

// Invented hashes do not make the provider ask a client's server at will; a changed
// document is asked for again.
func TestHostedRequestIsFetchedSparingly(t *testing.T) {
	const address = "https://rp.example/r"
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Metadata.RequestURIs, c.Metadata.RequestObjectSigningAlg = []string{address}, "none"
	})
	send := func(fragment string) result {
		c := authorize()
		w.signed(&c, &override{Object: map[string]any{}, ObjectAlg: "none", Hosted: address + "#" + fragment})
		return w.do(c)
	}
	if r := send("@hash"); refused(r.err) || len(w.fetched) != 1 {
		t.Fatal(r.err, w.fetched)
	}
	for _, fragment := range []string{"a", "b", "c"} {
		wants(t, send(fragment), message.InvalidRequestURI, message.RuleOPRequestURIHash)
	}
	if len(w.fetched) != 1 {
		t.Errorf("fetched %v", w.fetched)
	}
	w.now = w.now.Add(10 * time.Second)
	if r := send("@hash"); refused(r.err) || len(w.fetched) != 2 {
		t.Errorf("a changed document: %v, %v", r.err, w.fetched)
	}
}
