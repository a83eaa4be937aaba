package endpoint_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// parsesSafely checks what holds for every request, however malformed: ParseRequest does
// not panic; it returns a Parsed or an error and never both; an error is a refusal with a
// code, a status of 400 or more and a known rule, or a need; and the answer to it is no
// fault of ours.
func parsesSafely(t *testing.T, w *world, name string, req *endpoint.Request) {
	ctx := context.Background()
	e := w.set.Get(name)
	p, err := e.ParseRequest(ctx, req)
	if (p == nil) == (err == nil) {
		t.Fatalf("Parsed %v and error %v", p, err)
	}
	if err != nil {
		var fetch *endpoint.NeedFetch
		if errors.As(err, &fetch) {
			return
		}
		var refusal *endpoint.Refusal
		if !errors.As(err, &refusal) || refusal.Declared.Code == "" || refusal.Declared.Status < 400 || !refusal.Violation.Rule.Known() {
			t.Fatalf("not a refusal: %v", err)
		}
	}
	resp, err := endpoint.Serve(ctx, e, req)
	var user *endpoint.NeedUser
	var fetch *endpoint.NeedFetch
	if err != nil && !errors.As(err, &user) && !errors.As(err, &fetch) {
		t.Fatalf("a fault: %v", err)
	}
	if resp != nil && resp.Status >= 500 {
		t.Fatalf("status %d", resp.Status)
	}
	for _, c := range []byte(respLocation(resp)) {
		if c <= ' ' || c > '~' {
			t.Fatalf("location %q", resp.Location)
		}
	}
}

func respLocation(r *endpoint.Response) string {
	if r == nil {
		return ""
	}
	return r.Location
}

func FuzzAuthorizationParseRequest(f *testing.F) {
	f.Add(authorizeParams().Encode(), false)
	f.Add("", true)
	f.Add("client_id=s6BhdRkqt3&redirect_uri=https%3A%2F%2Frp.example%2Fcb&response_type=code&scope=openid&max_age=-1&claims=%7B%7D", true)
	f.Add("client_id=s6BhdRkqt3&client_id=x&state=%00&;=%zz", false)
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, raw string, post bool) {
		w.t = t
		c := call{endpoint: "authorization", method: "GET", query: raw}
		if post {
			c = call{endpoint: "authorization", method: "POST", body: raw, header: endpoint.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
		}
		parsesSafely(t, w, "authorization", w.request(c))
	})
}

func FuzzTokenParseRequest(f *testing.F) {
	f.Add("grant_type=authorization_code&code=x&redirect_uri=y&code_verifier=z", basic(clientID, clientSecret))
	f.Add("grant_type=refresh_token&refresh_token=x&scope=a+b", basic(clientID, clientSecret))
	f.Add("client_id=s6BhdRkqt3&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=e30.e30.e30", "")
	f.Add("&&==&%", "Basic Og==")
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, raw, authorization string) {
		w.t = t
		c := call{endpoint: "token", method: "POST", body: raw, header: endpoint.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
		if authorization != "" {
			c.header["Authorization"] = []string{authorization}
		}
		parsesSafely(t, w, "token", w.request(c))
	})
}

func FuzzRegistrationParseRequest(f *testing.F) {
	f.Add(`{"redirect_uris":["https://rp.example/cb"],"client_name":"x","client_name#ja":"y"}`)
	f.Add(`{"redirect_uris":["com.example:/x","http://[::1]:1/"],"application_type":"native","jwks":{"keys":[{}]}}`)
	f.Add(`{"response_types":["code token"],"sector_identifier_uri":"https://x","default_max_age":1e3}`)
	w := newWorld(f, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Policy.Registration.PerMinute = -1 })
	f.Fuzz(func(t *testing.T, body string) {
		w.t = t
		c := call{endpoint: "registration", method: "POST", body: body, header: endpoint.Header{"Content-Type": {"application/json"}}}
		parsesSafely(t, w, "registration", w.request(c))
	})
}

func FuzzEndSessionParseRequest(f *testing.F) {
	f.Add("id_token_hint=e30.e30.e30&state=x")
	f.Add("client_id=s6BhdRkqt3&post_logout_redirect_uri=https%3A%2F%2Frp.example%2Fbye&state=%C3%A9")
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, raw string) {
		w.t = t
		parsesSafely(t, w, "end_session", w.request(call{endpoint: "end_session", method: "GET", query: raw}))
	})
}

func FuzzUserInfoParseRequest(f *testing.F) {
	f.Add("Bearer abc", "access_token=x", "")
	f.Add("DPoP abc", "", "access_token=x")
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, authorization, query, body string) {
		w.t = t
		c := call{endpoint: "userinfo", method: "POST", query: query, body: body, header: endpoint.Header{
			"Authorization": {authorization}, "Content-Type": {"application/x-www-form-urlencoded"},
		}}
		parsesSafely(t, w, "userinfo", w.request(c))
	})
}

func FuzzWebFingerParseRequest(f *testing.F) {
	f.Add("acct:diana@op.example")
	f.Add("https://op.example:443/%zz")
	f.Add("acct:@@")
	w := newWorld(f, nil)
	f.Fuzz(func(t *testing.T, resource string) {
		w.t = t
		req := w.request(call{endpoint: "webfinger", method: "GET", params: url.Values{"resource": {resource}, "rel": {message.IssuerRel}}})
		parsesSafely(t, w, "webfinger", req)
	})
}

// The endpoints that take a form and a client's credentials.
func FuzzClientEndpointsParseRequest(f *testing.F) {
	names := []string{"pushed_authorization", "introspection", "revocation", "device_authorization", "backchannel_authentication"}
	f.Add(0, authorizeParams().Encode(), "e30.e30.e30")
	f.Add(1, "token=x&token_type_hint=y", "")
	f.Add(2, "token=x", "")
	f.Add(3, "scope=openid+email&resource=https%3A%2F%2Fapi.example", "")
	f.Add(4, "scope=openid&login_hint=diana&binding_message=x&requested_expiry=60", "")
	f.Add(0, "request=e30.e30.e30", "x")
	w := newWorld(f, extended)
	f.Fuzz(func(t *testing.T, which int, raw, proof string) {
		w.t = t
		name := names[uint(which)%uint(len(names))]
		c := call{endpoint: name, method: "POST", body: raw, header: endpoint.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {basic(clientID, clientSecret)},
		}}
		if proof != "" {
			c.header["Dpop"] = []string{proof}
		}
		parsesSafely(t, w, name, w.request(c))
	})
}

// A request object is opened or refused, whatever it is.
func FuzzRequestObject(f *testing.F) {
	w := newWorld(f, func(_ *endpoint.Config, c *endpoint.Client) { c.Metadata.RequestObjectSigningAlg = "none" })
	f.Add(`{"iss":"s6BhdRkqt3","aud":"https://op.example","scope":"openid","response_type":"code","redirect_uri":"https://rp.example/cb","max_age":5}`)
	f.Add(`{"claims":{"userinfo":{"name":null}},"nonce":7}`)
	f.Add(`{"a":1,"a":2}`)
	f.Fuzz(func(t *testing.T, payload string) {
		w.t = t
		object, err := keyjar.Unsigned(keyjar.Header{Algorithm: "none"}, []byte(payload))
		if err != nil {
			return
		}
		req := w.request(call{endpoint: "authorization", method: "GET", params: url.Values{"client_id": {clientID}, "request": {object}}})
		parsesSafely(t, w, "authorization", req)
	})
}

// An answer to a question that nobody asked is refused.
func FuzzResume(f *testing.F) {
	f.Add("authorization", "ticket", "login", "diana", "krall", "browser")
	w := newWorld(f, extended)
	f.Fuzz(func(t *testing.T, name, ticket, action, username, password, browser string) {
		e, ok := w.set.Get(name).(endpoint.Resumer)
		if !ok {
			return
		}
		_, err := e.Resume(context.Background(), ticket, endpoint.Answer{
			Action: endpoint.Action(action), Username: username, Password: message.Secret(password),
			Cookies: map[string]string{"__Host-op_browser": browser},
		})
		if !errors.Is(err, message.RuleOPLoginBinding) {
			t.Fatalf("got %v", err)
		}
	})
}
