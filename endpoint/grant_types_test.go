package endpoint_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

func exchangeParams(token string, change ...string) url.Values {
	params := url.Values{
		"grant_type": {message.GrantTypeTokenExchange}, "subject_token": {token}, "subject_token_type": {message.TokenTypeURNAccessToken},
	}
	set(params, change)
	return params
}

func TestTokenExchange(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		extended(cfg, c)
		cfg.Policy.JWTAccessTokens = true
	})
	other := *w.client
	other.ID = "other-client"
	w.must(w.clients.PutClient(t.Context(), &other))
	tokens := w.tokens(w.code("scope", "openid email api"))
	access := text(tokens, "access_token")
	w.now = w.now.Add(9 * time.Minute)
	t.Run("narrower", func(t *testing.T) {
		r := w.as("token", exchangeParams(access, "scope", "api", "resource", "https://api.example"))
		got := w.object(r)
		if got["issued_token_type"] != message.TokenTypeURNAccessToken || text(got, "scope") != "api" || got["expires_in"] != float64(60) || got["refresh_token"] != nil {
			t.Errorf("got %v", got)
		}
		claims := w.claims(text(got, "access_token"))
		if claims["aud"] != "https://api.example" || claims["sub"] != "diana" || claims["act"] != nil {
			t.Errorf("claims %v", claims)
		}
	})
	t.Run("an actor", func(t *testing.T) {
		got := w.object(w.as("token", exchangeParams(access, "actor_token", text(w.tokens(w.code()), "id_token"), "actor_token_type", message.TokenTypeURNIDToken)))
		act, _ := w.claims(text(got, "access_token"))["act"].(map[string]any)
		if act["sub"] != "diana" || act["iss"] != issuer {
			t.Errorf("act %v", act)
		}
	})
	t.Run("for the same resource", func(t *testing.T) {
		origin := text(w.tokens(w.code("scope", "openid api", "resource", "https://api.example")), "access_token")
		got := w.object(w.as("token", exchangeParams(origin)))
		if claims := w.claims(text(got, "access_token")); claims["aud"] != "https://api.example" {
			t.Errorf("claims %v", claims)
		}
		wants(t, w.do(userinfo(text(got, "access_token"))), message.InvalidToken, message.RuleOPAccessTokenAudience)
	})
	t.Run("revoked with its origin", func(t *testing.T) {
		origin := w.tokens(w.code("scope", "openid offline_access"))
		got := w.object(w.as("token", exchangeParams(text(origin, "access_token"))))
		w.as("revocation", url.Values{"token": {text(origin, "refresh_token")}})
		wants(t, w.do(userinfo(text(got, "access_token"))), message.InvalidToken, message.RuleOPAccessTokenValidation)
	})
	for _, c := range []struct {
		name   string
		change []string
		code   message.ErrorCode
		rule   message.Rule
	}{
		{"no type", []string{"subject_token_type", ""}, message.InvalidRequest, message.RuleOPExchangeRequest},
		{"another type", []string{"subject_token_type", message.TokenTypeURNRefreshToken}, message.InvalidRequest, message.RuleOPExchangeRequest},
		{"not of its type", []string{"subject_token_type", message.TokenTypeURNIDToken}, message.InvalidRequest, message.RuleOPExchangeRequest},
		{"unknown", []string{"subject_token", "unknown"}, message.InvalidRequest, message.RuleOPExchangeRequest},
		{"half an actor", []string{"actor_token", access}, message.InvalidRequest, message.RuleOPExchangeRequest},
		{"a bad actor", []string{"actor_token", "x", "actor_token_type", message.TokenTypeURNAccessToken}, message.InvalidRequest, message.RuleOPExchangeRequest},
		{"another kind is wanted", []string{"requested_token_type", message.TokenTypeURNSAML2}, message.InvalidRequest, message.RuleOPExchangeRequest},
		{"broader", []string{"scope", "api admin"}, message.InvalidScope, message.RuleOPExchangeResponse},
		{"a foreign audience", []string{"audience", "https://elsewhere.example"}, message.InvalidTarget, message.RuleOPExchangeRequest},
		{"a foreign resource", []string{"resource", "https://elsewhere.example"}, message.InvalidTarget, message.RuleOPAuthzResource},
	} {
		t.Run(c.name, func(t *testing.T) { wants(t, w.as("token", exchangeParams(access, c.change...)), c.code, c.rule) })
	}
	t.Run("another client's", func(t *testing.T) {
		c := tokenCall(exchangeParams(access))
		c.header["Authorization"] = []string{basic("other-client", clientSecret)}
		wants(t, w.do(c), message.InvalidRequest, message.RuleOPExchangeRequest)
	})
	// A resource server shows a token that a client got which is no more.
	t.Run("of a client that is gone", func(t *testing.T) {
		server := other
		server.Serves = []string{"https://api.example"}
		w.must(w.clients.PutClient(t.Context(), &server))
		origin := text(w.tokens(w.code("scope", "openid api", "resource", "https://api.example")), "access_token")
		c := tokenCall(exchangeParams(origin))
		c.header["Authorization"] = []string{basic("other-client", clientSecret)}
		if r := w.do(c); r.err != nil {
			t.Fatal(r.err)
		}
		if _, err := w.clients.RemoveClient(t.Context(), clientID); err != nil {
			t.Fatal(err)
		}
		wants(t, w.do(c), message.InvalidRequest, message.RuleOPExchangeRequest)
		w.must(w.clients.PutClient(t.Context(), w.client))
	})
	t.Run("expired", func(t *testing.T) {
		w.now = w.now.Add(time.Minute)
		wants(t, w.as("token", exchangeParams(access)), message.InvalidRequest, message.RuleOPExchangeRequest)
	})
}

func TestJWTBearer(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		extended(cfg, c)
		cfg.Policy.TrustedIssuers = []endpoint.TrustedIssuer{{Issuer: "https://idp.example", Keys: keyjar.NewSet(key(t, "ES256", "idp").Public())}}
	})
	assertion := func(signer string, change map[string]any) string {
		claims := map[string]any{"iss": "https://idp.example", "sub": "diana", "aud": issuer, "exp": w.now.Unix() + 60}
		apply(claims, change)
		payload, err := json.Marshal(claims)
		w.must(err)
		token, err := key(t, "ES256", signer).Sign(keyjar.Header{Algorithm: "ES256", KeyID: "idp"}, payload, nil)
		w.must(err)
		return token
	}
	ask := func(assertion string) result {
		return w.as("token", url.Values{"grant_type": {message.GrantTypeJWTBearer}, "assertion": {assertion}, "scope": {"api openid offline_access"}})
	}
	got := w.object(ask(assertion("idp", nil)))
	if !slices.Equal(names(got), []string{"access_token", "expires_in", "scope", "token_type"}) || text(got, "scope") != "api" {
		t.Errorf("got %v", got)
	}
	for name, change := range map[string]map[string]any{
		"an untrusted issuer": {"iss": "https://evil.example"}, "no subject": {"sub": nil}, "an unknown user": {"sub": "nobody"},
		"another audience": {"aud": "https://other.example"}, "no expiry": {"exp": nil}, "expired": {"exp": w.now.Unix() - 31},
		"too long": {"exp": w.now.Unix() + 7200}, "not yet": {"nbf": w.now.Unix() + 60}, "from the future": {"iat": w.now.Unix() + 60},
	} {
		t.Run(name, func(t *testing.T) {
			wants(t, ask(assertion("idp", change)), message.InvalidGrant, message.RuleOPJWTBearer)
		})
	}
	wants(t, ask(assertion("somebody-else", nil)), message.InvalidGrant, message.RuleOPJWTBearer)
	wants(t, ask("no assertion"), message.InvalidGrant, message.RuleOPJWTBearer)
	once := assertion("idp", map[string]any{"jti": "one"})
	if r := ask(once); r.err != nil {
		t.Fatal(r.err)
	}
	wants(t, ask(once), message.InvalidGrant, message.RuleOPJWTBearer)
}

// ciba is a provider with a client of a delivery mode.
func ciba(t *testing.T, mode string, change func(*endpoint.Client)) *world {
	t.Helper()
	return newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		extended(cfg, c)
		c.Metadata.BackchannelTokenDeliveryMode = mode
		c.Metadata.BackchannelClientNotificationEndpoint = "https://rp.example/notify"
		if change != nil {
			change(c)
		}
	})
}

func (w *world) askFor(change ...string) result {
	w.t.Helper()
	params := url.Values{"scope": {"openid email offline_access"}, "login_hint": {"diana"}, "client_notification_token": {"8d67dc78-7faa-4d41-aabd-67707b374255"}, "binding_message": {"W4SCT"}}
	set(params, change)
	return w.as("backchannel_authentication", params)
}

func (w *world) pollFor(id string) result {
	return w.as("token", url.Values{"grant_type": {message.GrantTypeCIBA}, "auth_req_id": {id}})
}

func TestCIBAPoll(t *testing.T) {
	w := ciba(t, "poll", nil)
	r := w.askFor("client_notification_token", "")
	answer := w.object(r)
	id := text(answer, "auth_req_id")
	if r.err != nil || id == "" || answer["interval"] != float64(5) || answer["expires_in"] != float64(600) {
		t.Fatalf("%v %v", r.err, answer)
	}
	q := r.resp.Ask
	if q == nil || q.User.ID != "diana" || q.BindingMessage != "W4SCT" || q.Client.ID != clientID {
		t.Fatalf("question %+v", q)
	}
	wants(t, w.pollFor(id), message.AuthorizationPending, message.RuleOPCIBAResult)
	wants(t, w.pollFor(id), message.SlowDown, message.RuleOPCIBAResult)
	if _, err := w.ctx.Decide(t.Context(), q.Ticket, true, endpoint.Authentication{User: "bob"}); !errors.Is(err, endpoint.ErrForeign) {
		t.Errorf("another user: %v", err)
	}
	sent, err := w.ctx.Decide(t.Context(), q.Ticket, true, endpoint.Authentication{User: "diana"})
	if err != nil || len(sent) != 0 {
		t.Fatal(err, sent)
	}
	if _, err := w.ctx.Decide(t.Context(), q.Ticket, false, endpoint.Authentication{}); !errors.Is(err, endpoint.ErrForeign) {
		t.Errorf("a second decision: %v", err)
	}
	tokens := w.object(w.pollFor(id))
	if tokens["id_token"] == nil || tokens["refresh_token"] == nil {
		t.Errorf("tokens %v", tokens)
	}
	wants(t, w.pollFor(id), message.InvalidGrant, message.RuleOPTokenInvalidGrant)
	t.Run("denied", func(t *testing.T) {
		r := w.askFor()
		_, err := w.ctx.Decide(t.Context(), r.resp.Ask.Ticket, false, endpoint.Authentication{})
		w.must(err)
		wants(t, w.pollFor(text(w.object(r), "auth_req_id")), message.AccessDenied, message.RuleOPCIBAResult)
	})
	t.Run("expired", func(t *testing.T) {
		r := w.askFor("requested_expiry", "30")
		w.now = w.now.Add(30 * time.Second)
		wants(t, w.pollFor(text(w.object(r), "auth_req_id")), message.ExpiredToken, message.RuleOPCIBAResult)
		if _, err := w.ctx.Decide(t.Context(), r.resp.Ask.Ticket, true, endpoint.Authentication{User: "diana"}); !errors.Is(err, endpoint.ErrForeign) {
			t.Errorf("too late: %v", err)
		}
	})
	hint := w.hint(&override{})
	for _, c := range []struct {
		name   string
		change []string
		code   message.ErrorCode
		rule   message.Rule
	}{
		{"without openid", []string{"scope", "email"}, message.InvalidScope, message.RuleOPCIBARequest},
		{"no hint", []string{"login_hint", ""}, message.InvalidRequest, message.RuleOPCIBARequest},
		{"two hints", []string{"id_token_hint", hint}, message.InvalidRequest, message.RuleOPCIBARequest},
		{"a bad hint", []string{"login_hint", "", "id_token_hint", "x"}, message.InvalidRequest, message.RuleOPCIBARequest},
		{"nobody", []string{"login_hint", "nobody"}, message.UnknownUserID, message.RuleOPCIBAResult},
		{"a long message", []string{"binding_message", strings.Repeat("x", 201)}, message.InvalidBindingMessage, message.RuleOPCIBAResult},
		{"no time", []string{"requested_expiry", "0"}, message.InvalidRequest, message.RuleOPCIBARequest},
	} {
		t.Run(c.name, func(t *testing.T) { wants(t, w.askFor(c.change...), c.code, c.rule) })
	}
	if r := w.askFor("login_hint", "", "id_token_hint", hint); r.err != nil || r.resp.Ask.User.ID != "diana" {
		t.Errorf("a hint of ours: %v", r.err)
	}
}

func TestCIBAPing(t *testing.T) {
	w := ciba(t, "ping", nil)
	for _, bad := range []string{"", "two words", " a", "é", strings.Repeat("a", 1025)} {
		wants(t, w.askFor("client_notification_token", bad), message.InvalidRequest, message.RuleOPCIBARequest)
	}
	if r := w.askFor("client_notification_token", strings.Repeat("~", 1023)+"="); r.err != nil {
		t.Error(r.err)
	}
	r := w.askFor()
	sent, err := w.ctx.Decide(t.Context(), r.resp.Ask.Ticket, true, endpoint.Authentication{User: "diana"})
	w.must(err)
	id := text(w.object(r), "auth_req_id")
	if len(sent) != 1 || sent[0].URL != "https://rp.example/notify" || sent[0].Header["Authorization"][0] != "Bearer 8d67dc78-7faa-4d41-aabd-67707b374255" ||
		string(sent[0].Body) != `{"auth_req_id":"`+id+`"}` {
		t.Errorf("sent %+v", sent)
	}
	if r := w.pollFor(id); r.err != nil {
		t.Error(r.err)
	}
}

func TestCIBAPush(t *testing.T) {
	w := ciba(t, "push", nil)
	r := w.askFor()
	answer := w.object(r)
	id := text(answer, "auth_req_id")
	if answer["interval"] != nil {
		t.Errorf("answer %v", answer)
	}
	wants(t, w.pollFor(id), message.UnauthorizedClient, message.RuleOPCIBAResult)
	sent, err := w.ctx.Decide(t.Context(), r.resp.Ask.Ticket, true, endpoint.Authentication{User: "diana"})
	w.must(err)
	var pushed map[string]any
	w.must(json.Unmarshal(sent[0].Body, &pushed))
	claims := w.claims(text(pushed, "id_token"))
	if text(pushed, "auth_req_id") != id || claims["urn:openid:params:jwt:claim:auth_req_id"] != id || claims["at_hash"] == nil || claims["urn:openid:params:jwt:claim:rt_hash"] == nil {
		t.Errorf("pushed %v with %v", pushed, claims)
	}
	for _, allow := range []bool{true, false} {
		if sent, err := w.ctx.Decide(t.Context(), r.resp.Ask.Ticket, allow, endpoint.Authentication{User: "diana"}); !errors.Is(err, endpoint.ErrForeign) || len(sent) != 0 {
			t.Errorf("a second decision: %v, %v", sent, err)
		}
	}
	r = w.askFor()
	sent, err = w.ctx.Decide(t.Context(), r.resp.Ask.Ticket, false, endpoint.Authentication{})
	w.must(err)
	if !strings.Contains(string(sent[0].Body), `"error":"access_denied"`) {
		t.Errorf("sent %s", sent[0].Body)
	}
}

// What is pushed is bound to no key: it is not for clients that get bound tokens alone.
func TestCIBAPushIsUnbound(t *testing.T) {
	yes := true
	for name, bind := range map[string]func(*message.ClientMetadata){
		"key":         func(m *message.ClientMetadata) { m.DPoPBoundAccessTokens = &yes },
		"certificate": func(m *message.ClientMetadata) { m.TLSClientCertificateBoundAccessTokens = &yes },
	} {
		for _, mode := range []string{"push", "ping", "poll"} {
			w := ciba(t, mode, func(c *endpoint.Client) { bind(&c.Metadata) })
			m := message.ClientMetadata{
				GrantTypes: []string{message.GrantTypeCIBA}, BackchannelTokenDeliveryMode: mode, BackchannelClientNotificationEndpoint: "https://rp.example/notify",
			}
			bind(&m)
			r, err := w.askFor(), w.ctx.CheckMetadata(t.Context(), &m)
			if mode != "push" {
				if r.err != nil || err != nil {
					t.Errorf("%s, %s: %v, %v", name, mode, r.err, err)
				}
				continue
			}
			wants(t, r, message.UnauthorizedClient, message.RuleOPSenderConstraintRequired)
			if !errors.Is(err, message.RuleOPSenderConstraintRequired) {
				t.Errorf("%s: registered with %v", name, err)
			}
		}
	}
	w := fapi(t, endpoint.ProfileFAPI2, func(p *endpoint.Policy) { p.GrantTypes = []string{message.GrantTypeCIBA} })
	var m message.ProviderMetadata
	w.must(message.DecodeJSON(w.get("provider_info").resp.Body, &m))
	if got := m.BackchannelTokenDeliveryModesSupported; !slices.Equal(got, []string{"poll", "ping"}) {
		t.Errorf("FAPI 2.0 offers %v", got)
	}
}

// CIBA, Section 4: a client registers what is offered, and where it is notified.
func TestCIBARegistration(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		extended(cfg, c)
		cfg.Policy.DeliveryModes = []string{"poll", "ping"}
		c.Metadata.BackchannelTokenDeliveryMode = "push"
	})
	for _, tt := range []struct {
		mode, notify, alg string
		rule              message.Rule
	}{
		{"", "", "", ""}, {"poll", "", "ES256", ""}, {"ping", "https://rp.example/notify", "", ""},
		{"push", "https://rp.example/notify", "", message.RuleOPRegistrationAlgs}, {"pull", "", "", message.RuleOPRegistrationRequest},
		{"ping", "", "", message.RuleOPRegistrationURIs}, {"ping", "http://rp.example/notify", "", message.RuleOPRegistrationURIs},
		{"poll", "", "HS256", message.RuleOPRegistrationAlgs}, {"poll", "", "none", message.RuleOPRegistrationAlgs},
	} {
		m := message.ClientMetadata{
			GrantTypes: []string{message.GrantTypeCIBA}, BackchannelTokenDeliveryMode: tt.mode, BackchannelClientNotificationEndpoint: tt.notify,
			BackchannelAuthenticationRequestSigningAlg: tt.alg, JWKSURI: "https://rp.example/jwks",
		}
		err := w.ctx.CheckMetadata(t.Context(), &m)
		if tt.rule == "" && err != nil || tt.rule != "" && !errors.Is(err, tt.rule) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	// Who cannot prove itself cannot ask, and who has no key cannot sign what it asks.
	for rule, m := range map[message.Rule]message.ClientMetadata{
		message.RuleOPCIBARequest:      {TokenEndpointAuthMethod: message.AuthMethodNone},
		message.RuleOPRegistrationKeys: {BackchannelAuthenticationRequestSigningAlg: "ES256"},
	} {
		m.GrantTypes = []string{message.GrantTypeCIBA}
		if err := w.ctx.CheckMetadata(t.Context(), &m); !errors.Is(err, rule) {
			t.Errorf("%s: %v", rule, err)
		}
	}
	wants(t, w.askFor(), message.UnauthorizedClient, message.RuleOPCIBARequest)
}

// One registration is answered alike whenever it is tried.
func TestFirstFaultIsTold(t *testing.T) {
	w := newWorld(t, extended)
	for range 20 {
		err := w.ctx.CheckMetadata(t.Context(), &message.ClientMetadata{
			TokenEndpointAuthMethod: message.AuthMethodNone, GrantTypes: []string{message.GrantTypeCIBA, message.GrantTypeClientCredentials},
		})
		if !errors.Is(err, message.RuleOPClientCredentialsGrant) {
			t.Fatal(err)
		}
	}
}

func TestCIBASigned(t *testing.T) {
	w := ciba(t, "poll", func(c *endpoint.Client) {
		c.Metadata.BackchannelAuthenticationRequestSigningAlg = "ES256"
		c.Metadata.JWKS = &message.JWKS{Keys: []json.RawMessage{key(t, "ES256", "rp-es").PublicJWK()}}
	})
	signed := func(change map[string]any) result {
		claims := map[string]any{
			"iss": clientID, "aud": issuer, "iat": w.now.Unix(), "nbf": w.now.Unix(), "exp": w.now.Unix() + 60, "jti": "one",
			"scope": "openid", "login_hint": "diana",
		}
		apply(claims, change)
		payload, err := json.Marshal(claims)
		w.must(err)
		token, err := key(t, "ES256", "rp-es").Sign(keyjar.Header{Algorithm: "ES256"}, payload, nil)
		w.must(err)
		return w.as("backchannel_authentication", url.Values{"request": {token}})
	}
	if r := signed(nil); r.err != nil {
		t.Fatal(r.err)
	}
	wants(t, signed(nil), message.InvalidRequest, message.RuleOPCIBARequest)
	wants(t, w.askFor(), message.InvalidRequest, message.RuleOPCIBARequest)
	for _, name := range []string{"iss", "aud", "iat", "nbf", "exp", "jti"} {
		wants(t, signed(map[string]any{name: nil, "jti2": name}), message.InvalidRequest, message.RuleOPCIBARequest)
	}
	wants(t, signed(map[string]any{"jti": "other", "client_id": "other-client"}), message.InvalidRequest, message.RuleOPCIBARequest)
	for _, name := range []string{"iat", "nbf"} {
		wants(t, signed(map[string]any{"jti": name, name: w.now.Unix() - 3601}), message.InvalidRequest, message.RuleOPCIBARequest)
		wants(t, signed(map[string]any{"jti": name, name: w.now.Unix() + 31}), message.InvalidRequest, message.RuleOPCIBARequest)
	}
	// A claim that is not known may be any JSON.
	for name, claim := range map[string]any{"request_context": map[string]any{"a": []int{1}}, "note": "two\nlines", "": 1} {
		if r := signed(map[string]any{"jti": "claim " + name, name: claim}); r.err != nil {
			t.Errorf("%q: %v", name, r.err)
		}
	}
	// What JSON can say and a form cannot would end in a header of ours.
	wants(t, signed(map[string]any{"jti": "two", "client_notification_token": "a\r\nb: c"}), message.InvalidRequest, message.RuleOPParamSyntax)
}

func TestLogoutNotices(t *testing.T) {
	yes := true
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Metadata.FrontchannelLogoutURI, c.Metadata.FrontchannelLogoutSessionRequired = "https://rp.example/front?a=b", &yes
		c.Metadata.BackchannelLogoutURI = "https://rp.example/back"
	})
	second := *w.client
	second.ID, second.Metadata = "second", metadata()
	second.Metadata.BackchannelLogoutURI = "https://second.example/back"
	second.Metadata.FrontchannelLogoutURI = "https://second.example/front"
	w.must(w.clients.PutClient(t.Context(), &second))
	tokens := w.tokens(w.code())
	w.code()
	w.browse(authorize("client_id", "second"))
	r := w.do(call{endpoint: "end_session", method: "GET", cookies: true, params: url.Values{
		"id_token_hint": {text(tokens, "id_token")}, "post_logout_redirect_uri": {goodbye}, "state": {"s"},
	}})
	if r.err != nil || r.resp.Page == nil || r.resp.Page.Next != goodbye+"?state=s" {
		t.Fatalf("%v %+v", r.err, r.resp)
	}
	claims := w.claims(text(tokens, "id_token"))
	wantFrames := []string{"https://rp.example/front?a=b&" + url.Values{"iss": {issuer}, "sid": {text(claims, "sid")}}.Encode(), "https://second.example/front"}
	if !slices.Equal(r.resp.Page.Frames, wantFrames) {
		t.Errorf("frames %v, want %v", r.resp.Page.Frames, wantFrames)
	}
	if len(r.resp.Send) != 2 {
		t.Fatalf("sent %+v", r.resp.Send)
	}
	for i, address := range []string{"https://rp.example/back", "https://second.example/back"} {
		out := r.resp.Send[i]
		form, err := url.ParseQuery(string(out.Body))
		w.must(err)
		token := form.Get("logout_token")
		header, err := keyjar.ParseHeader(token)
		w.must(err)
		got := w.claims(token)
		if out.URL != address || out.Method != "POST" || header.Type != "logout+jwt" || got["nonce"] != nil || got["iss"] != issuer || got["aud"] != out.ClientID ||
			got["sub"] != "diana" || got["exp"] != float64(w.now.Unix()+120) || got["jti"] == nil || got["events"] == nil {
			t.Errorf("to %s: %+v %v", out.URL, header, got)
		}
		if (got["sid"] == claims["sid"]) != (i == 0) {
			t.Errorf("sid %v", got["sid"])
		}
	}
	// A second logout finds nothing to end.
	r = w.do(call{endpoint: "end_session", method: "GET", cookies: true, params: url.Values{"id_token_hint": {text(tokens, "id_token")}}})
	if r.err != nil || len(r.resp.Send) != 0 || r.resp.Page.Frames != nil {
		t.Errorf("%v %+v", r.err, r.resp)
	}
}

// A client whose keys cannot be had does not keep the user logged in.
func TestLogoutWithoutKeys(t *testing.T) {
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Metadata.BackchannelLogoutURI, c.Metadata.JWKSURI = "https://rp.example/back", "https://rp.example/jwks"
		c.Metadata.IDTokenEncryptedResponseAlg = "ECDH-ES+A128KW"
	})
	w.docs["https://rp.example/jwks"] = string(keyjar.NewSet(key(t, "ECDH-ES+A128KW", "rp-enc")).PublicJWKS())
	w.code()
	w.now = w.now.Add(2 * time.Hour)
	delete(w.docs, "https://rp.example/jwks")
	r := w.do(call{endpoint: "end_session", method: "GET", cookies: true})
	if r = w.answer(r.need, allow); r.err != nil || r.resp.Page.Kind != endpoint.PageLoggedOut || len(r.resp.Send) != 0 {
		t.Fatalf("%v %+v", r.err, r.resp)
	}
	wants(t, w.do(browsing("prompt", "none")), message.LoginRequired, message.RuleOPLoginSession)
}

func TestSessionManagement(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Policy.SessionManagement = true })
	first := w.location(w.browse(authorize())).Get("session_state")
	before := w.cookies["__Host-op_state"]
	hash, salt, ok := strings.Cut(first, ".")
	if !ok || len(hash) != 64 || salt == "" || strings.Contains(first, " ") || before == "" {
		t.Fatalf("session_state %q, cookie %q", first, before)
	}
	// The iframe computes the same.
	if want := hexOf(clientID + " https://rp.example " + before + " " + salt); hash != want {
		t.Errorf("hash %s, want %s", hash, want)
	}
	w.browse(authorize("prompt", "login"))
	if w.cookies["__Host-op_state"] == before {
		t.Error("a login did not change the cookie")
	}
	w.answer(w.do(call{endpoint: "end_session", method: "GET", cookies: true}).need, allow)
	if w.cookies["__Host-op_state"] != "" {
		t.Error("a logout did not change the cookie")
	}
	r := w.get("check_session")
	page := string(r.resp.Body)
	for _, wanted := range []string{`"__Host-op_state=`, "postMessage(answer, e.origin)", "crypto.subtle"} {
		if !strings.Contains(page, wanted) {
			t.Errorf("the page lacks %s", wanted)
		}
	}
	policy := r.resp.Header["Content-Security-Policy"][0]
	if strings.Contains(policy, "frame-ancestors") || strings.Contains(policy, "unsafe") || r.resp.Header["X-Frame-Options"] != nil {
		t.Errorf("header %v", r.resp.Header)
	}
	if plain := newWorld(t, nil); plain.location(plain.browse(authorize())).Has("session_state") || plain.set.Get("check_session") != nil {
		t.Error("session management is on without being asked for")
	}
}
