package op_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

var codeOnPage = regexp.MustCompile(`(?:id="error_code">|name="error" value=")([a-z_]+)["<]`)

// declared is the error code of an answer: in its object, in a redirect, in a challenge, on
// a page or in the form of one (form_post).
func declared(w *httptest.ResponseRecorder) message.ErrorCode {
	var object struct {
		Code message.ErrorCode `json:"error"`
	}
	if json.Unmarshal(w.Body.Bytes(), &object) == nil && object.Code != "" {
		return object.Code
	}
	if location, err := url.Parse(w.Header().Get("Location")); err == nil {
		for _, text := range []string{location.RawQuery, location.Fragment} {
			if values, err := url.ParseQuery(text); err == nil && values.Has("error") {
				return message.ErrorCode(values.Get("error"))
			}
		}
	}
	if _, after, found := strings.Cut(w.Header().Get("WWW-Authenticate"), `error="`); found {
		code, _, _ := strings.Cut(after, `"`)
		return message.ErrorCode(code)
	}
	if found := codeOnPage.FindStringSubmatch(w.Body.String()); found != nil {
		return message.ErrorCode(found[1])
	}
	return ""
}

// answered reports whether an answer goes to the client's redirect URI.
func answered(w *httptest.ResponseRecorder) bool {
	return strings.HasPrefix(w.Header().Get("Location"), callback) || strings.Contains(w.Body.String(), `action="`+callback+`"`)
}

// repeatable are the parameters that may come twice (RFC 8707, Section 2, RFC 8693, Section
// 2.1, RFC 7033, Section 4.1).
var repeatable = []string{"resource", "audience", "rel"}

// forms are the requests with parameters, by endpoint. The pages' own forms are none of a
// specification's.
func (tr *trial) forms() map[string][]draft {
	forms := map[string][]draft{}
	for name, list := range tr.requests() {
		for _, d := range list {
			if name != "interaction" && !strings.HasPrefix(d.body, "{") && d.query+d.body != "" {
				forms[name] = append(forms[name], d)
			}
		}
	}
	return forms
}

// TestBadParameters: each parameter of each endpoint, once in each way in which it can be
// malformed. RFC 6749, Sections 3.1, 4.1.2.1 and 5.2: "repeats a parameter", "is otherwise
// malformed" is invalid_request.
func TestBadParameters(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(pair string) string{
		"doubled":              func(pair string) string { return pair + "&" + pair },
		"doubled, differently": func(pair string) string { return pair + "&" + pair + "x" },
		"NUL":                  func(pair string) string { return pair + "%00" },
		"invalid UTF-8":        func(pair string) string { return pair + "%ff%fe" },
		"broken escape":        func(pair string) string { return pair + "%zz" },
		"line break":           func(pair string) string { return pair + "%0d%0aSet-Cookie:x" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t)
			for at, list := range tr.forms() {
				for _, d := range list {
					text := &d.query
					if d.body != "" {
						text = &d.body
					}
					pairs := strings.Split(*text, "&")
					for i, pair := range pairs {
						param, _, _ := strings.Cut(pair, "=")
						structured := param == "claims" && name == "line break"
						if slices.Contains(repeatable, param) && strings.HasPrefix(name, "doubled") || structured {
							continue
						}
						spoilt := slices.Clone(pairs)
						spoilt[i] = spoil(pair)
						*text = strings.Join(spoilt, "&")
						w := d.serve(tr)
						if code := declared(w); code != message.InvalidRequest || w.Code != 400 && !answered(w) {
							t.Errorf("%s of %s: %d %s", param, at, w.Code, code)
						}
						if answered(w) && (param == "client_id" || param == "redirect_uri") {
							t.Errorf("%s of %s: the refusal went to the client", param, at)
						}
					}
				}
			}
		})
	}
}

// TestBadEnvelopes: what is wrong before a parameter is read.
func TestBadEnvelopes(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	requests := tr.requests()
	for _, e := range tr.Endpoints().All() {
		for _, tt := range []struct {
			name   string
			method string
			change func(d *draft)
			status int
		}{
			{"a method that it has not", "", func(d *draft) { d.method = "PATCH" }, 405},
			{"a body over the limit", "POST", func(d *draft) { d.body += strings.Repeat(" ", 64<<10) }, 413},
			{"a query over the limit", "", func(d *draft) { d.query += strings.Repeat("&", 32<<10+1) }, 414},
			{"another content type", "POST", func(d *draft) { d.header.Set("Content-Type", "text/plain") }, 400},
			{"no content type", "POST", func(d *draft) { d.header.Del("Content-Type") }, 400},
			{"a content type that is none", "POST", func(d *draft) { d.header.Set("Content-Type", "/;=") }, 400},
			{"201 parameters", "POST", func(d *draft) { d.body += strings.Repeat("&x=", 200) }, 400},
		} {
			for _, d := range requests[e.Name] {
				isJSON := strings.HasPrefix(d.body, "{")
				if tt.method != "" && d.method != tt.method || isJSON && tt.status == 400 {
					continue
				}
				d.header = d.header.Clone()
				tt.change(&d)
				w := d.serve(tr)
				if w.Code != tt.status || declared(w) != message.InvalidRequest {
					t.Errorf("%s at %s: %d %s", tt.name, e.Name, w.Code, declared(w))
				}
				if tt.status == 405 && w.Header().Get("Allow") != strings.Join(e.Methods, ", ") {
					t.Errorf("%s at %s: Allow %q", tt.name, e.Name, w.Header().Get("Allow"))
				}
			}
		}
	}
}

// TestBadObjects: bodies of a registration that are no JSON object, or no client's metadata.
func TestBadObjects(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	for _, text := range []string{
		``, `{`, `[]`, `null`, `"x"`, `{"redirect_uris":["` + callback + `"]} {}`, `{"redirect_uris":["` + callback + `"],"redirect_uris":[]}`,
		"{\"redirect_uris\":[\"" + callback + "\"],\"client_name\":\"\xff\"}", "{\"redirect_uris\":[\"" + callback + "\"],\"client_name\":\"a\x00b\"}",
		`{"redirect_uris":{}}`, `{"redirect_uris":["` + callback + `"],"default_max_age":"1"}`, `{"redirect_uris":["` + callback + `"],"jwks":[]}`,
		strings.Repeat(`{"a":`, 5000),
	} {
		w := body("POST", "/register", "application/json", text).serve(tr)
		// RFC 7591, Section 3.2.2, has one code for redirect URIs and one for all else.
		code := declared(w)
		if w.Code != 400 || code != message.InvalidClientMetadata && code != message.InvalidRedirectURI {
			t.Errorf("%.60q: %d %s", text, w.Code, code)
		}
	}
}

// TestBadProofs: credentials, tokens and proofs that are cut, doubled or of another kind.
func TestBadProofs(t *testing.T) {
	t.Parallel()
	tr := newTrial(t)
	tr.logIn()
	cut := func(text string) string { return text[:len(text)-5] }
	token := url.Values{"token": {tr.tokens.Access}}
	introspect := func(header ...string) draft { return post("/introspect", token, header...) }
	twice := func(d draft, name string) draft {
		d.header[name] = append(d.header[name], d.header[name][0])
		return d
	}
	assertion := tr.assertion(url.Values{"token": {tr.tokens.Access}})
	assertion.Set("client_assertion", cut(assertion.Get("client_assertion")))
	object := authorizeValues()
	object.Set("request", cut(tr.sign("oauth-authz-req+jwt", map[string]any{"iss": tryID})))
	withProof := func(proof string) draft {
		return post("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"api"}}, "Authorization", tryBasic, "Dpop", proof)
	}
	for name, tt := range map[string]struct {
		request draft
		status  int
		code    message.ErrorCode
	}{
		"no credentials":                 {introspect(), 401, message.InvalidClient},
		"Basic that is cut":              {introspect("Authorization", cut(tryBasic)), 401, message.InvalidClient},
		"Basic that is no base64":        {introspect("Authorization", "Basic %%%"), 401, message.InvalidClient},
		"Basic without a colon":          {introspect("Authorization", "Basic eA=="), 401, message.InvalidClient},
		"another scheme":                 {introspect("Authorization", "Digest x"), 401, message.InvalidClient},
		"Basic twice":                    {twice(introspect("Authorization", tryBasic), "Authorization"), 400, message.InvalidRequest},
		"Basic and a secret in the form": {post("/introspect", url.Values{"token": {"x"}, "client_id": {tryID}, "client_secret": {trySecret}}, "Authorization", tryBasic), 400, message.InvalidRequest},
		"an assertion that is cut":       {post("/introspect", assertion), 401, message.InvalidClient},
		"no token":                       {get("/userinfo", nil), 401, ""},
		"a token that is cut":            {get("/userinfo", nil, "Authorization", "Bearer "+cut(tr.tokens.Access)), 401, message.InvalidToken},
		"a token with a NUL":             {get("/userinfo", nil, "Authorization", "Bearer a\x00b"), 400, message.InvalidRequest},
		"Bearer twice":                   {twice(get("/userinfo", nil, "Authorization", "Bearer "+tr.tokens.Access), "Authorization"), 400, message.InvalidRequest},
		"a token in two places":          {post("/userinfo", url.Values{"access_token": {tr.tokens.Access}}, "Authorization", "Bearer "+tr.tokens.Access), 400, message.InvalidRequest},
		"a DPoP proof that is cut":       {withProof(cut(tr.proof("/token"))), 400, message.InvalidDPoPProof},
		"a DPoP proof that is none":      {withProof("x"), 400, message.InvalidDPoPProof},
		"two DPoP proofs":                {twice(withProof(tr.proof("/token")), "Dpop"), 400, message.InvalidDPoPProof},
		"a request object that is cut":   {get("/authorize", object), 303, message.InvalidRequestObject},
		"a hint that is cut":             {get("/end_session", url.Values{"id_token_hint": {cut(tr.tokens.ID)}}), 400, message.InvalidRequest},
		"a code that is cut":             {post("/token", tr.redeem("x"), "Authorization", tryBasic), 400, message.InvalidGrant},
		"a refresh token that is cut":    {post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {cut(tr.tokens.Refresh)}}, "Authorization", tryBasic), 400, message.InvalidGrant},
		"a grant type that is none":      {post("/token", url.Values{"grant_type": {"x"}}, "Authorization", tryBasic), 400, message.UnsupportedGrantType},
	} {
		w := tt.request.serve(tr)
		if code := declared(w); w.Code != tt.status || code != tt.code {
			t.Errorf("%s: %d %s, want %d %s", name, w.Code, code, tt.status, tt.code)
		}
		if tt.status == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no challenge", name)
		}
	}
}

// A certificate that the connection only asked for is seen, but nobody has verified it.
func TestUnverifiedCertificate(t *testing.T) {
	t.Parallel()
	var seen *endpoint.Request
	p := provider(t, func(c *op.Config) {
		c.Settings = map[string]endpoint.Settings{"jwks": {PostConstruct: []endpoint.ResponseHook{func(_ context.Context, s *endpoint.Step, _ *endpoint.Response) error {
			seen = s.Request
			return nil
		}}}}
	})
	leaf := &x509.Certificate{Raw: []byte("der")}
	for _, verified := range []bool{true, false} {
		r := httptest.NewRequest("GET", optest.Issuer+"/jwks", nil)
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
		if verified {
			r.TLS.VerifiedChains = [][]*x509.Certificate{{leaf}}
		}
		p.ServeHTTP(httptest.NewRecorder(), r)
		if len(seen.PeerCertificates) != 1 || seen.CertificateVerified != verified {
			t.Errorf("verified %v: %d certificates, %v", verified, len(seen.PeerCertificates), seen.CertificateVerified)
		}
	}
}
