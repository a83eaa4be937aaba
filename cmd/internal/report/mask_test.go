package report

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// learnt is a report whose first step held secrets.
func learnt() *Report {
	return &Report{Steps: []*Step{{
		Request: &Request{
			URL:    "https://op.example/x?code=secret-of-query#access_token=secret-of-fragment",
			Header: map[string][]string{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("id:secret%20of%20basic"))}, "Dpop": {"secret-of-proof"}},
			Body:   "code_verifier=secret-of-form&grant_type=authorization_code",
		},
		Response: &Response{
			Header: map[string][]string{"Set-Cookie": {"session=secret-of-cookie; Path=/"}, "Location": {"https://rp.example/?code=secret-of-location"}},
			Body:   `{"id_token": "secret of \"json\"", "nested": [{"refresh_token": "secret-of-nested"}], "scope": "openid"}`,
		},
	}}}
}

func TestMaskByValue(t *testing.T) {
	m := newMasker(learnt(), false)
	for _, secret := range []string{
		"secret-of-query", "secret-of-fragment", "secret of basic", "secret+of+basic", "secret%20of%20basic", "secret-of-proof", "secret-of-form",
		"secret-of-cookie", "secret-of-location", `secret of \"json\"`, `secret of &#34;json&#34;`, "secret-of-nested",
	} {
		if got := m.text("you sent " + secret + ", did you?"); strings.Contains(got, "secret") || got != "you sent ***, did you?" {
			t.Errorf("%s: %s", secret, got)
		}
	}
	if got := newMasker(learnt(), true).text("secret-of-query"); got != "secret-of-query" {
		t.Errorf("shown as %s", got)
	}
}

func TestMaskByPlace(t *testing.T) {
	m := newMasker(&Report{}, false)
	for in, want := range map[string]string{
		"https://rp.example/cb?code=abc&state=s":                     "https://rp.example/cb?code=***&state=s",
		"https://rp.example/cb?x#id_token=a.b.c&state=s":             "https://rp.example/cb?x#id_token=***&state=s",
		"https://rp.example/cb?c%6fde=abc":                           "https://rp.example/cb?c%6fde=***",
		"https://op.example/?Client_Secret=a&response_type=code":     "https://op.example/?Client_Secret=***&response_type=code",
		"https://op.example/authorize?scope=openid&code_challenge=x": "https://op.example/authorize?scope=openid&code_challenge=x",
	} {
		if got := m.url(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	form := map[string][]string{"content-type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	if got := m.body(form, "grant_type=refresh_token&refresh_token=a%20b&scope=x"); got != "grant_type=refresh_token&refresh_token=***&scope=x" {
		t.Errorf("form: %s", got)
	}
	for in, want := range map[string]string{
		`{"access_token":"abc","token_type":"Bearer"}`:               `{"access_token":"***","token_type":"Bearer"}`,
		`{"a":{"CLIENT_SECRET" : "x\"y"}, "b":1}`:                    `{"a":{"CLIENT_SECRET" : "***"}, "b":1}`,
		`{"id_token": {"not": ["a", "string"]}, "b": 1}`:             `{"id_token": "***", "b": 1}`,
		`{"code": 12345, "b": 1}`:                                    `{"code": "***", "b": 1}`,
		`{"\u0063ode": "x"}`:                                         `{"\u0063ode": "***"}`,
		`{"refresh_token": "cut off`:                                 `{"refresh_token": "***"`,
		`[{"access_token":"a"},{"access_token":"b"}]`:                `[{"access_token":"***"},{"access_token":"***"}]`,
		`{"keys":[{"kty":"RSA","n":"x","d":"private","k":"y"}]}`:     `{"keys":[{"kty":"RSA","n":"x","d":"***","k":"***"}]}`,
		`{"d":"a day","k":"a thing"}`:                                `{"d":"a day","k":"a thing"}`,
		`{"sub":"code","scope":"access_token"}`:                      `{"sub":"code","scope":"access_token"}`,
		`<p>code=abc token eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln</p>`: `<p>code=*** token ***</p>`,
	} {
		if got := m.body(map[string][]string{"Content-Type": {"application/json"}}, in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	if got := m.body(map[string][]string{"Content-Type": {"application/jwt"}}, "a.b.c"); got != "***" {
		t.Errorf("jwt: %s", got)
	}
	header := m.header(map[string][]string{
		"authorization": {"Bearer abc", "abc"}, "Cookie": {"a=b"}, "set-cookie": {"sid=abc; Secure", "odd"}, "DPoP": {"x.y.z"},
		"Location": {"https://rp.example/?code=abc"}, "X": {"y"},
	})
	got, _ := json.Marshal(header)
	want := `{"Authorization":["Bearer ***","***"],"Cookie":["***"],"Dpop":["***"],"Location":["https://rp.example/?code=***"],"Set-Cookie":["sid=***; Secure","***"],"X":["y"]}`
	if string(got) != want {
		t.Errorf("header: %s", got)
	}
}

// A secret that is a word of the protocol is masked in its place, and the protocol
// stays readable.
func TestWordsStay(t *testing.T) {
	r := &Report{Steps: []*Step{{Request: &Request{URL: "https://op.example/"}, Response: &Response{Body: `{"client_secret":"client_secret","access_token":"token","refresh_token":"secret"}`}}}}
	m := newMasker(r, false)
	if got := m.body(nil, r.Steps[0].Response.Body); got != `{"client_secret":"***","access_token":"***","refresh_token":"***"}` {
		t.Errorf("got %s", got)
	}
}

// Verified claims are shown, and what opens another source of claims is not.
func TestClaimsHoldSecrets(t *testing.T) {
	r := &Report{
		IDToken:  json.RawMessage(`{"sub":"248289761001","nonce":"n-0S6_WzA2Mj"}`),
		UserInfo: json.RawMessage(`{"sub":"248289761001","_claim_sources":{"bank":{"endpoint":"https://bank.example/","access_token":"ksj3n283dke"}}}`),
	}
	for _, format := range Formats() {
		var out strings.Builder
		if err := Write(&out, r, Options{Format: format}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "ksj3n283dke") {
			t.Errorf("%s shows the access token of a source: %s", format, out.String())
		}
		if format == "json" && (!strings.Contains(out.String(), "n-0S6_WzA2Mj") || !strings.Contains(out.String(), "https://bank.example/")) {
			t.Errorf("the claims are not shown: %s", out.String())
		}
	}
	if got := string(Shown(r, false).UserInfo); strings.Contains(got, "ksj3n283dke") {
		t.Errorf("Shown: %s", got)
	}
	if got := string(Shown(r, true).UserInfo); !strings.Contains(got, "ksj3n283dke") {
		t.Errorf("Shown with secrets: %s", got)
	}
	if got := string(newMasker(&Report{}, false).claims(json.RawMessage(`{"a":`))); got != `"***"` {
		t.Errorf("no JSON: %s", got)
	}
}

func FuzzMask(f *testing.F) {
	f.Add(`{"access_token":"top-secret-value","x":[1,{"code":"y"}]}`)
	f.Add(`{"access_token":`)
	f.Add(`"code" : [ "]" , {`)
	f.Fuzz(func(t *testing.T, body string) {
		m := newMasker(learnt(), false)
		masked := m.body(nil, body)
		// What could be read before can be read afterwards.
		if json.Valid([]byte(body)) && !json.Valid([]byte(masked)) && !strings.Contains(body, "secret") {
			t.Errorf("%q became %q", body, masked)
		}
		_ = compact(body)
		_ = wrapLong(body, 40)
	})
}

// A request object shows what was asked for, and no token; what it says about tokens is no
// token.
func TestObjectIsMasked(t *testing.T) {
	object := json.RawMessage(`{"scope":"openid","id_token_hint":"the hint of a login","claims":{"id_token":{"email":null},"userinfo":{"sub":{"value":"the hint of a login"}}}}`)
	r := &Report{Steps: []*Step{{Service: "authorization", Object: object, Request: &Request{URL: "https://op.example/?id_token_hint=the+hint+of+a+login"}}}}
	if got, want := string(Shown(r, false).Steps[0].Object), `{"claims":{"id_token":{"email":null},"userinfo":{"sub":{"value":"***"}}},"id_token_hint":"***","scope":"openid"}`; got != want {
		t.Errorf("it shows\n%s, want\n%s", got, want)
	}
	if got := string(Shown(r, true).Steps[0].Object); got != string(object) {
		t.Errorf("asked for secrets it shows %s", got)
	}
	r.Steps[0].Object = nil
	if got := Shown(r, false).Steps[0].Object; got != nil {
		t.Errorf("no object shows %s", got)
	}
}
