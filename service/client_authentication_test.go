package service_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// redeeming is a login whose code is about to be redeemed under a method.
func redeeming(t *testing.T, c servicecontext.Config, method string, change func(*servicecontext.Snapshot)) *kit {
	t.Helper()
	c.Issuer = testIssuer
	c.Metadata.RedirectURIs = []string{testCallback}
	c.Metadata.TokenEndpointAuthMethod = method
	k := newKit(t, c)
	k.learn(func(sn *servicecontext.Snapshot) {
		sn.Provider = &message.ProviderMetadata{
			Issuer: testIssuer, AuthorizationEndpoint: testIssuer + "/authorization", TokenEndpoint: testIssuer + "/token",
			TokenEndpointAuthMethodsSupported: []string{method},
		}
		if change != nil {
			change(sn)
		}
	})
	return k
}

// redeem logs in as far as the code and builds the token request.
func (k *kit) redeem() (*service.Request, error) {
	k.t.Helper()
	ctx := context.Background()
	authorization := service.NewAuthorization(k.env())
	req := k.request(authorization, service.Args{Binding: testBinding})
	in := service.Inbound{
		Mode: message.ResponseModeQuery, Method: "GET", RedirectURI: testCallback, Binding: testBinding,
		Raw: url.Values{"state": {req.State}, "code": {"SplxlOBeZQQYbYS6WxSbIA"}}.Encode(),
	}
	res, err := k.parse(authorization, service.ParseCallback(in))
	if err != nil {
		k.t.Fatal(err)
	}
	if err := authorization.UpdateServiceContext(ctx, res); err != nil {
		k.t.Fatal(err)
	}
	return service.NewAccessToken(k.env()).GetRequestParameters(ctx, service.Args{State: req.State})
}

func client(id, secret string, expires int64) *message.RegistrationResponse {
	return &message.RegistrationResponse{ClientID: id, ClientSecret: message.Secret(secret), ClientSecretExpiresAt: &expires}
}

// TestTokenRequestAuthentication: the proof of each method stands where it belongs and
// nowhere else, and the provider's side accepts it.
func TestTokenRequestAuthentication(t *testing.T) {
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "ours"})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none", "tls_client_auth"} {
		t.Run(method, func(t *testing.T) {
			k := redeeming(t, servicecontext.Config{Client: client(testClientID, testSecret, 0), Keys: keyjar.NewSet(key)}, method, func(sn *servicecontext.Snapshot) {
				sn.Provider.MTLSEndpointAliases = map[string]string{"token_endpoint": "https://mtls.op.example/token"}
			})
			req, err := k.redeem()
			if err != nil {
				t.Fatal(err)
			}
			form, err := url.ParseQuery(string(req.Body))
			if err != nil {
				t.Fatal(err)
			}
			want := testIssuer + "/token"
			if strings.HasPrefix(method, "tls") {
				want = "https://mtls.op.example/token"
			}
			if req.URL != want || req.MutualTLS != strings.HasPrefix(method, "tls") || req.Method != "POST" || form.Has("state") {
				t.Errorf("got %s %s, mutual TLS %v, body %v", req.Method, req.URL, req.MutualTLS, form)
			}
			if got := len(req.Header["Authorization"]); (got == 1) != (method == "client_secret_basic") {
				t.Errorf("Authorization: %q", req.Header["Authorization"])
			}
			if form.Has("client_secret") != (method == "client_secret_post") || form.Has("client_assertion") != strings.HasSuffix(method, "_jwt") || form.Has("client_id") == (method == "client_secret_basic") {
				t.Errorf("body %v", form)
			}
			p, err := clientauth.Present(req.Header, form, nil)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(method, "tls") {
				return
			}
			proof, err := clientauth.Verify(context.Background(), p, clientauth.Registered{
				ClientID: testClientID, Method: method, ClientSecret: testSecret, Keys: keyjar.NewSet(key.Public()), Audiences: []string{testIssuer}, SingleAudience: true, Now: testNow,
			})
			if err != nil || proof.Method != method {
				t.Errorf("got %v, %v", proof, err)
			}
		})
	}
}

// TestExpiredSecretNotUsed: nothing is sent, and the error says what to do.
func TestExpiredSecretNotUsed(t *testing.T) {
	for _, method := range []string{"client_secret_basic", "client_secret_post", "client_secret_jwt"} {
		k := redeeming(t, servicecontext.Config{Client: client(testClientID, testSecret, testNow.Unix())}, method, nil)
		_, err := k.redeem()
		wantRule(t, err, message.RuleClientAuthMethod)
		if !errors.Is(err, clientauth.ErrSecretExpired) || !hasText(err, "register again") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// TestClientSecretJwtIsHmac: never our private key.
func TestClientSecretJwtIsHmac(t *testing.T) {
	key, err := keyjar.Generate("RS256", rand.Reader, keyjar.KeyOptions{ID: "ours"})
	if err != nil {
		t.Fatal(err)
	}
	k := redeeming(t, servicecontext.Config{Client: client(testClientID, testSecret, 0), Keys: keyjar.NewSet(key)}, "client_secret_jwt", nil)
	req, err := k.redeem()
	if err != nil {
		t.Fatal(err)
	}
	form, _ := url.ParseQuery(string(req.Body))
	header, _, _ := strings.Cut(form.Get("client_assertion"), ".")
	if raw, _ := base64.RawURLEncoding.DecodeString(header); !strings.Contains(string(raw), `"HS256"`) {
		t.Errorf("header %s", raw)
	}
	short := redeeming(t, servicecontext.Config{Client: client(testClientID, "short", 0)}, "client_secret_jwt", nil)
	_, err = short.redeem()
	wantRule(t, err, message.RuleClientAuthAssertionKey)
	if !errors.Is(err, message.RuleKeyHMACLength) {
		t.Errorf("got %v", err)
	}
}

// TestAssertionAudience: the issuer, or the token endpoint under the named setting.
func TestAssertionAudience(t *testing.T) {
	for compat, want := range map[bool]string{false: testIssuer, true: testIssuer + "/token"} {
		k := redeeming(t, servicecontext.Config{
			Client: client(testClientID, testSecret, 0), Compat: servicecontext.Compat{AssertionAudienceTokenEndpoint: compat},
		}, "client_secret_jwt", nil)
		req, err := k.redeem()
		if err != nil {
			t.Fatal(err)
		}
		form, _ := url.ParseQuery(string(req.Body))
		p, err := clientauth.Present(req.Header, form, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := clientauth.Registered{ClientID: testClientID, Method: "client_secret_jwt", ClientSecret: testSecret, Audiences: []string{want}, SingleAudience: true, Now: testNow}
		if _, err := clientauth.Verify(context.Background(), p, r); err != nil {
			t.Errorf("compat %v: %v", compat, err)
		}
	}
}

// TestMTLSAliasIsHTTPS: an alias is judged again where it is used.
func TestMTLSAliasIsHTTPS(t *testing.T) {
	k := redeeming(t, servicecontext.Config{ClientID: testClientID}, "tls_client_auth", func(sn *servicecontext.Snapshot) {
		sn.Provider.MTLSEndpointAliases = map[string]string{"token_endpoint": "http://mtls.op.example/token"}
	})
	_, err := k.redeem()
	wantRule(t, err, message.RuleMetadataEndpointURL)
}

// TestOtherMethodThanRegistered: a service's setting may only name the registered one.
func TestOtherMethodThanRegistered(t *testing.T) {
	k := redeeming(t, servicecontext.Config{Client: client(testClientID, testSecret, 0)}, "client_secret_basic", nil)
	k.login(loginState, "")
	if _, err := k.db.Update(context.Background(), loginState, func(r *state.Record) error {
		r.Set(state.ItemAuthRequest, []byte(`{"redirect_uri":"`+testCallback+`"}`))
		r.Set(state.ItemAuthResponse, []byte(`{"code":"x"}`))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	env := k.env()
	env.Settings.ClientAuth = "client_secret_post"
	_, err := service.NewAccessToken(env).GetRequestParameters(context.Background(), service.Args{State: loginState})
	wantRule(t, err, message.RuleClientAuthMethod)
}
