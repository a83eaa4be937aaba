package endpoint_test

import (
	"net/url"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
)

// RFC 8707, Section 2.2: a token request may name some of the resources that were granted, and
// no others, whatever its grant type.
func TestResourceOfEachGrantType(t *testing.T) {
	const api, other = "https://api.example", "https://other.example"
	device := func(w *world) url.Values {
		codes := w.object(w.as("device_authorization", url.Values{"scope": {"openid api"}, "resource": {api, other}}))
		r := w.do(call{endpoint: "device", method: "GET", cookies: true})
		r = w.answer(r.need, endpoint.Answer{Action: endpoint.ActionContinue, UserCode: text(codes, "user_code")})
		r = w.answer(r.need, login)
		if r = w.answer(r.need, endpoint.Answer{Action: endpoint.ActionAllow}); r.err != nil {
			t.Fatal(r.err)
		}
		return url.Values{"grant_type": {message.GrantTypeDeviceCode}, "device_code": {text(codes, "device_code")}}
	}
	backchannel := func(w *world) url.Values {
		c := tokenCall(url.Values{"scope": {"openid api"}, "login_hint": {"diana"}, "resource": {api, other}})
		c.endpoint = "backchannel_authentication"
		r := w.do(c)
		if _, err := w.ctx.Decide(t.Context(), r.resp.Ask.Ticket, true, endpoint.Authentication{User: "diana"}); err != nil {
			t.Fatal(err)
		}
		return url.Values{"grant_type": {message.GrantTypeCIBA}, "auth_req_id": {text(w.object(r), "auth_req_id")}}
	}
	code := func(w *world) string {
		c := authorize()
		c.params["resource"] = []string{api, other}
		return w.location(w.browse(c)).Get("code")
	}
	for name, prepare := range map[string]func(w *world) url.Values{
		"code":   func(w *world) url.Values { return redeem(code(w)).params },
		"device": device,
		"ciba":   backchannel,
		"refresh": func(w *world) url.Values {
			return refresh(text(w.tokens(code(w)), "refresh_token")).params
		},
		"exchange": func(w *world) url.Values { return exchangeParams(text(w.tokens(code(w)), "access_token")) },
		"client":   func(*world) url.Values { return url.Values{"grant_type": {"client_credentials"}, "scope": {"api"}} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
				extended(cfg, c)
				cfg.Policy.JWTAccessTokens = true
			})
			params := prepare(w)
			params.Set("resource", "https://elsewhere.example")
			wants(t, w.as("token", params), message.InvalidTarget, message.RuleOPAuthzResource)
			params = prepare(w)
			params.Set("resource", api)
			params.Set("authorization_details", `[{"type":"payment"}]`)
			wants(t, w.as("token", params), message.InvalidAuthorizationDetails, message.RuleOPAuthzRAR)
			params.Del("authorization_details")
			if aud := w.claims(text(w.object(w.as("token", params)), "access_token"))["aud"]; aud != api {
				t.Errorf("aud %v", aud)
			}
		})
	}
}

// Details that the provider does not know how to ask for are refused, not left out (RFC 9396,
// Section 5), also where a user is asked elsewhere.
func TestDetailsOfOtherDevices(t *testing.T) {
	w := ciba(t, "poll", nil)
	wants(t, w.askFor("authorization_details", `[{"type":"payment"}]`), message.InvalidAuthorizationDetails, message.RuleOPAuthzRAR)
	wants(t, w.as("device_authorization", url.Values{"scope": {"openid"}, "authorization_details": {"x"}}), message.InvalidAuthorizationDetails, message.RuleOPAuthzRAR)
}

// What clients may ask for that registered themselves is the operator's to say.
func TestResourcesOfRegisteredClients(t *testing.T) {
	const api = "https://api.example"
	for _, resources := range [][]string{nil, {api}} {
		w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Policy.Registration.Resources = resources })
		reg := w.object(w.perform(vector{Step: "registration"}, nil))
		r := w.do(authorize("client_id", text(reg, "client_id"), "resource", api, "prompt", "none"))
		if resources == nil {
			wants(t, r, message.InvalidTarget, message.RuleOPAuthzResource)
			continue
		}
		wants(t, r, message.LoginRequired, message.RuleOPLoginPromptNone)
		wants(t, w.do(authorize("client_id", text(reg, "client_id"), "resource", "https://other.example", "prompt", "none")), message.InvalidTarget, message.RuleOPAuthzResource)
		// It is not for clients that the operator entered.
		w.client.Resources = nil
		w.must(w.clients.PutClient(t.Context(), w.client))
		wants(t, w.do(authorize("resource", api)), message.InvalidTarget, message.RuleOPAuthzResource)
	}
}
