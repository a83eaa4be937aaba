package message

import (
	"slices"
	"strings"
	"testing"
)

// RFC 6750, Section 2.1: credentials = "Bearer" 1*SP b64token.
func TestParseAuthorization(t *testing.T) {
	for _, c := range []struct {
		value, typ, token string
		bad               bool
	}{
		{value: ""},
		{value: "Basic YTpi"},
		{value: "Bearertoken"},
		{value: "Bearer\ttoken"},
		{value: "Bearer mF_9.B5f-4.1JqM", typ: "Bearer", token: "mF_9.B5f-4.1JqM"},
		{value: "bEARER x", typ: "Bearer", token: "x"},
		{value: "dpop  a+b/c~==", typ: "DPoP", token: "a+b/c~=="},
		{value: "Bearer", typ: "Bearer", bad: true},
		{value: "Bearer ", typ: "Bearer", bad: true},
		{value: "Bearer =", typ: "Bearer", bad: true},
		{value: "Bearer a=b", typ: "Bearer", bad: true},
		{value: "Bearer a b", typ: "Bearer", bad: true},
		{value: "Bearer a,b", typ: "Bearer", bad: true},
		{value: "DPoP \"a\"", typ: "DPoP", bad: true},
		{value: "Bearer é", typ: "Bearer", bad: true},
		{value: "Bearer a\x00", typ: "Bearer", bad: true},
	} {
		typ, token, err := ParseAuthorization(c.value)
		if typ != c.typ || token.Reveal() != c.token || (err != nil) != c.bad {
			t.Errorf("%q: %q %q %v", c.value, typ, token.Reveal(), err)
		}
	}
}

// What is taken for an access token is a part of the field, and can be sent as it is.
func FuzzParseAuthorization(f *testing.F) {
	for _, value := range []string{"", "Bearer abc", "dpop  x==", "Bearer a b", "Basic YTpi", "Bearer =", "BEARER \x7f"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		typ, token, err := ParseAuthorization(value)
		if (err != nil || typ == "") && token != "" {
			t.Fatalf("a token beside %q %v", typ, err)
		}
		if token == "" {
			return
		}
		if !strings.HasSuffix(value, token.Reveal()) || !slices.Contains([]string{TokenTypeBearer, TokenTypeDPoP}, typ) {
			t.Errorf("%q from %q", token.Reveal(), value)
		}
		if again, same, err := ParseAuthorization(typ + " " + token.Reveal()); again != typ || same != token || err != nil {
			t.Errorf("%q is not read again: %v", token.Reveal(), err)
		}
	})
}

// A challenge that is written can be read again, whatever its values are.
func TestChallengeIsReadAgain(t *testing.T) {
	c := Challenge{Scheme: "DPoP", Params: map[string]string{
		"x": "y", "algs": "ES256 PS256", "error": "invalid_token", "realm": `a "quoted" \ one`, "error_description": "",
	}}
	const want = `DPoP realm="a \"quoted\" \\ one", error="invalid_token", error_description="", algs="ES256 PS256", x="y"`
	if c.String() != want {
		t.Errorf("%s, want %s", c.String(), want)
	}
	back, ok := ParseChallenges([]string{"Bearer", c.String()})
	if !ok || len(back) != 2 || back[1].Scheme != "dpop" || len(back[1].Params) != len(c.Params) {
		t.Fatalf("%v %v", back, ok)
	}
	for name, value := range c.Params {
		if back[1].Params[name] != value {
			t.Errorf("%s: %q", name, back[1].Params[name])
		}
	}
	if got := (Challenge{Scheme: "Bearer", Params: map[string]string{"realm": "a\r\nX: b\x00é"}}).String(); got != `Bearer realm="aX: b"` {
		t.Errorf("%q", got)
	}
}

// FuzzParseChallenges: what is accepted has a scheme, and parsing never panics.
func FuzzParseChallenges(f *testing.F) {
	f.Add(`Bearer realm="example", error="invalid_token", error_description="The access token expired"`)
	f.Add(`DPoP algs="ES256 PS256", Bearer`)
	f.Add(`Basic realm="a\"b", charset=UTF-8, Newauth realm="apps", type=1`)
	f.Fuzz(func(t *testing.T, field string) {
		challenges, ok := ParseChallenges([]string{field})
		if !ok && challenges != nil {
			t.Error("a failed parse returned something")
		}
		for _, c := range challenges {
			if c.Scheme == "" || c.Params == nil {
				t.Errorf("a challenge without a scheme: %+v", c)
			}
		}
	})
}

func TestParseChallenges(t *testing.T) {
	for _, test := range []struct {
		fields []string
		ok     bool
		want   []Challenge
	}{
		{[]string{"Bearer"}, true, []Challenge{{Scheme: "bearer", Params: map[string]string{}}}},
		{[]string{`bEARER realm="a, b", error=invalid_token`}, true, []Challenge{{Scheme: "bearer", Params: map[string]string{"realm": "a, b", "error": "invalid_token"}}}},
		{[]string{`Basic realm="x", DPoP algs="ES256", error="use_dpop_nonce"`}, true, []Challenge{
			{Scheme: "basic", Params: map[string]string{"realm": "x"}}, {Scheme: "dpop", Params: map[string]string{"algs": "ES256", "error": "use_dpop_nonce"}}}},
		{[]string{`Bearer error="a", error="b"`}, false, nil},
		{[]string{`Bearer error="a`}, false, nil},
		{[]string{`="a"`}, false, nil},
		{[]string{`Bearer error=`}, false, nil},
	} {
		got, ok := ParseChallenges(test.fields)
		if ok != test.ok || len(got) != len(test.want) {
			t.Errorf("%q: %v, %v", test.fields, got, ok)
			continue
		}
		for i := range got {
			if got[i].Scheme != test.want[i].Scheme || len(got[i].Params) != len(test.want[i].Params) {
				t.Errorf("%q: %v", test.fields, got[i])
			}
			for k, v := range test.want[i].Params {
				if got[i].Params[k] != v {
					t.Errorf("%q: %s is %q, want %q", test.fields, k, got[i].Params[k], v)
				}
			}
		}
	}
}
