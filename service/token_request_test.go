package service_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// authenticating is a world whose client authenticates by a method.
func authenticating(t *testing.T, method string, o override) *world {
	t.Helper()
	o.Config.Keys = true
	o.Config.Metadata = map[string]any{"token_endpoint_auth_method": method}
	if method == "private_key_jwt" {
		o.Config.Metadata["jwks_uri"] = "https://rp.example/jwks"
	}
	o.Answers = map[string]answer{service.ProviderInfoName: {JSON: map[string]any{
		"token_endpoint_auth_methods_supported": []string{method}, "token_endpoint_auth_signing_alg_values_supported": []string{"HS256", "ES256"},
	}}}
	w, err := newWorld(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestEveryAssertionIsNew: each request has an assertion of its own, a retry with a
// nonce of the server's included.
func TestEveryAssertionIsNew(t *testing.T) {
	for _, method := range []string{"client_secret_jwt", "private_key_jwt"} {
		t.Run(method, func(t *testing.T) {
			w := authenticating(t, method, override{Config: settings{DPoP: true}})
			seen := map[string]string{}
			w.sending = func(req *service.Request) {
				form, err := url.ParseQuery(string(req.Body))
				if err != nil || !form.Has("client_assertion") {
					return
				}
				token, err := keyjar.Parse(form.Get("client_assertion"))
				if err != nil {
					t.Fatal(err)
				}
				var claims message.RequestObject
				if err := message.DecodeClaims(token.Payload, &claims); err != nil {
					t.Fatal(err)
				}
				if before, again := seen[claims.JWTID]; again || claims.JWTID == "" {
					t.Errorf("%s has the jti %q of %s", req.Service, claims.JWTID, before)
				}
				seen[claims.JWTID] = req.Service
			}
			demanded := map[string]bool{}
			w.answer = func(req *service.Request) *service.Response {
				if demanded[req.Service] || req.Service != service.AccessTokenName && req.Service != service.RefreshTokenName {
					return nil
				}
				demanded[req.Service] = true
				header := map[string][]string{"Content-Type": {"application/json"}, "DPoP-Nonce": {"nonce-of-" + req.Service}}
				return req.Answer(400, header, []byte(`{"error":"use_dpop_nonce"}`))
			}
			if at, err := w.run(context.Background()); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			if len(seen) != 4 {
				t.Errorf("%d assertions, want those of two requests and two retries: %v", len(seen), seen)
			}
		})
	}
}

// TestStateToTokenEndpoint: no state goes to the token endpoint, unless the named
// setting asks for it.
func TestStateToTokenEndpoint(t *testing.T) {
	for compat, want := range map[string]string{"": "code code_verifier grant_type redirect_uri", `{"send_state_to_token_endpoint":true}`: "client_id code code_verifier grant_type redirect_uri state"} {
		w, err := newWorld(t, override{Config: settings{Compat: []byte(compat)}})
		if err != nil {
			t.Fatal(err)
		}
		w.sending = func(req *service.Request) {
			if req.Service != service.AccessTokenName {
				return
			}
			form, err := url.ParseQuery(string(req.Body))
			if err != nil || names(form) != want || strings.Contains(req.URL, "?") || req.Method != "POST" {
				t.Errorf("%s %s with %s, want %s", req.Method, req.URL, names(form), want)
			}
		}
		if at, err := w.run(context.Background()); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if count(w.sent, service.AccessTokenName) != 1 {
			t.Error("no token request was sent")
		}
	}
}

// TestSecretsTravelInTheirPlace: neither an address nor a check that is reported holds a
// secret or a token, whatever the method and the flow.
func TestSecretsTravelInTheirPlace(t *testing.T) {
	for _, method := range []string{"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"} {
		for _, flow := range []string{"", "device", "ciba", "introspection", "revocation", "token_exchange", "resource"} {
			t.Run(method+" "+flow, func(t *testing.T) {
				w := authenticating(t, method, override{outside: outside{Flow: flow}})
				secrets := []string{testSecret, testToken, "8xLOxBtZp8", testCode, testDeviceCode, testAuthReqID, testGrantToken, testGrantRefresh, "reg-token"}
				w.sending = func(req *service.Request) {
					form, _ := url.ParseQuery(string(req.Body))
					for _, name := range []string{"code_verifier", "client_assertion"} {
						if form.Has(name) {
							secrets = append(secrets, form.Get(name))
						}
					}
					if proof := req.Header["Authorization"]; len(proof) > 0 {
						_, value, _ := strings.Cut(proof[0], " ")
						secrets = append(secrets, value)
					}
					if form.Has("client_secret") && method != "client_secret_post" {
						t.Errorf("%s has the secret in its body", req.Service)
					}
					for _, secret := range secrets {
						if strings.Contains(req.URL, url.QueryEscape(secret)) || strings.Contains(req.URL, secret) {
							t.Errorf("the address of %s holds a secret: %s", req.Service, req.URL)
						}
					}
				}
				if at, err := w.run(context.Background()); err != nil {
					t.Fatalf("%s: %v", at, err)
				}
				for _, e := range w.told {
					for _, c := range e.checks {
						for _, secret := range secrets {
							if strings.Contains(c.Param+c.Reason, secret) {
								t.Errorf("a check of %s tells a secret: %v", e.service, c)
							}
						}
					}
				}
			})
		}
	}
}

// TestNamesOfMembersAreNoWayOut: a peer that calls a member twice after the secret that it
// was sent finds it neither in the error nor among the checks.
func TestNamesOfMembersAreNoWayOut(t *testing.T) {
	for step, flow := range map[string]string{
		service.AccessTokenName: "", service.RefreshTokenName: "", service.UserInfoName: "", service.RegistrationReadName: "", service.DeviceTokenName: "device",
		service.CIBATokenName: "ciba", service.IntrospectionName: "introspection", service.TokenExchangeName: "token_exchange",
	} {
		for _, names := range []string{`{"%[1]s":1,"%[1]s":2}`, `{"x":[{"%[1]s":1,"%[1]s":2}]}`} {
			w := authenticating(t, "client_secret_post", override{outside: outside{Flow: flow}})
			secret := ""
			w.sending = func(req *service.Request) {
				if req.Service != step {
					return
				}
				if _, token, bearer := strings.Cut(strings.Join(req.Header["Authorization"], ""), " "); bearer {
					secret = token
				} else {
					secret = message.Secrets(req.Message())[0].Reveal()
				}
			}
			w.mutate = func(name string, body []byte) []byte {
				if name != step {
					return body
				}
				return fmt.Appendf(nil, names, secret)
			}
			at, err := w.run(context.Background())
			if at != step || !errors.Is(err, message.RuleTransportJSON) || len(secret) < 8 {
				t.Fatalf("%s: at %s: %v", step, at, err)
			}
			if shown := fmt.Sprintf("%v %+v", err, service.ChecksOf(err)); strings.Contains(shown, secret) {
				t.Errorf("%s: %s", step, shown)
			}
		}
	}
}
