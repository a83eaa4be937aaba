package message

import (
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func TestDecodeFormRefuses(t *testing.T) {
	tests := []struct {
		name, raw string
		kind      DecodeKind
		param     string
	}{
		{"a parameter twice", "state=a&state=a", Duplicate, "state"},
		{"a parameter twice, one escaped", "state=a&%73tate=b", Duplicate, "state"},
		{"a parameter twice, one empty", "state=&state=a", Duplicate, "state"},
		{"a list twice", "scope=openid&scope=email", Duplicate, "scope"},
		{"an unknown parameter twice", "x=1&x=1", Duplicate, "x"},
		{"a parameter of another case twice", "State=1&State=1", Duplicate, "State"},
		{"a semicolon", "state=a;nonce=b", Malformed, ""},
		{"half an escape", "state=%4", Malformed, "state"},
		{"an escape that is none", "state=%zz", Malformed, "state"},
		{"an escape that ends early", "state=a%", Malformed, "state"},
		{"a bad escape in a name", "st%zzate=a", Malformed, ""},
		{"no name", "=a", Malformed, ""},
		{"a line break", "state=a\n", Malformed, ""},
		{"a blank", "state=a b", Malformed, ""},
		{"a byte beyond ASCII", "state=é", Malformed, ""},
		{"bytes that are no text", "state=%ff", UTF8, "state"},
		{"a name that is no text", "%ff=a", UTF8, ""},
		{"a NUL", "state=a%00b", Malformed, "state"},
		{"a NUL in a name", "sta%00te=a", Malformed, "sta\x00te"},
		{"a word for a number", "max_age=soon", WrongType, "max_age"},
		{"a sign before a number", "max_age=%2B1", WrongType, "max_age"},
		{"zeros before a number", "max_age=010", WrongType, "max_age"},
		{"a fraction for an integer", "max_age=1.0", WrongType, "max_age"},
		{"a number too large", "max_age=99999999999999999999", WrongType, "max_age"},
		{"a blank before a number", "max_age=+1", WrongType, "max_age"},
		{"claims that are an array", "claims=[]", WrongType, "claims"},
		{"claims that are no JSON", "claims=%7B", Malformed, "claims"},
		{"claims with a member twice", "claims=%7B%22userinfo%22%3A%7B%7D%2C%22userinfo%22%3A%7B%7D%7D", Duplicate, "claims.userinfo"},
		{"claims with something behind them", "claims=%7B%7D%7B%7D", Trailing, "claims"},
		{"claims with a wrong type", `claims=%7B"userinfo":%7B"a":%7B"essential":1%7D%7D%7D`, WrongType, "claims.userinfo.a.essential"},
		{"details that are no JSON", "authorization_details=x", Malformed, "authorization_details"},
		{"details too deep", "authorization_details=" + strings.Repeat("[", 16), Depth, "authorization_details"},
		{"too many members together", "authorization_details=[" + strings.Repeat("1,", 6000) + "1]&registration=[" + strings.Repeat("1,", 6000) + "1]", Count, "registration"},
		{"too many parameters", strings.Repeat("resource=a&", MaxParameters+1), Count, ""},
		{"too large", "state=" + strings.Repeat("a", MaxForm), Size, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := AuthorizationRequest{State: "left over"}
			check := func(err error) {
				t.Helper()
				var e *DecodeError
				if !errors.As(err, &e) || e.Kind != test.kind || e.Param != test.param {
					t.Errorf("got %v, want %v at %q", err, test.kind, test.param)
				}
				if !reflect.ValueOf(m).IsZero() {
					t.Errorf("left %v", m)
				}
			}
			check(DecodeForm(test.raw, &m))
			values, err := url.ParseQuery(test.raw)
			if err != nil || test.kind == Malformed && test.param == "" && test.name != "no name" {
				return // net/url refuses it, or takes what must be escaped
			}
			m = AuthorizationRequest{State: "left over"}
			check(DecodeValues(values, &m))
		})
	}
}

func TestDecodeFormAccepts(t *testing.T) {
	zero := 0
	yes := true
	tests := []struct {
		name, raw string
		want      AuthorizationRequest
	}{
		{"nothing", "", AuthorizationRequest{}},
		{"ampersands", "&&state=a&", AuthorizationRequest{State: "a"}},
		{"empty is absent", "state=&scope=&max_age=&claims=&resource=&nonce", AuthorizationRequest{}},
		{"only blanks in a list", "scope=++", AuthorizationRequest{}},
		{"escapes", "state=%C3%A9+%2B%25&login%5Fhint=a%20b", AuthorizationRequest{State: "é +%", LoginHint: "a b"}},
		{"an equals sign in a value", "state=a=b==", AuthorizationRequest{State: "a=b=="}},
		{"words", "scope=openid++email&response_type=code%20id_token", AuthorizationRequest{
			Scope: List{"openid", "email"}, ResponseType: List{"code", "id_token"}}},
		{"max_age 0", "max_age=0", AuthorizationRequest{MaxAge: &zero}},
		{"resource repeated", "resource=a&state=s&resource=b&resource=a", AuthorizationRequest{State: "s", Resource: Audience{"a", "b", "a"}}},
		{"audience repeated, though it is unknown", "audience=a&audience=b&audience=%22", AuthorizationRequest{
			Extra: Extra{{"audience", []byte(`["a","b","\""]`)}}}},
		{"unknown parameters in order", "z=1&a=%22&y", AuthorizationRequest{
			Extra: Extra{{"z", []byte(`"1"`)}, {"a", []byte(`"\""`)}, {"y", []byte(`""`)}}}},
		{"another case is unknown and ignored", "State=a&x=1&sCope%23sv=1", AuthorizationRequest{Extra: Extra{{"x", []byte(`"1"`)}}}},
		{"claims", `claims=+%7B"userinfo":%7B"email":null,"name":%7B"essential":true%7D%7D%7D+`, AuthorizationRequest{
			Claims: &ClaimsRequest{UserInfo: map[string]*ClaimRequest{"email": nil, "name": {Essential: &yes}}}}},
		{"details as they are", `authorization_details=[+%7B"type":"a"%7D]`, AuthorizationRequest{AuthorizationDetails: RawJSON(`[ {"type":"a"}]`)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := AuthorizationRequest{State: "left over"}
			if err := DecodeForm(test.raw, &m); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(m, test.want) {
				t.Errorf("got %#v, want %#v", m, test.want)
			}
		})
	}
}

// Any repeated single-valued parameter is refused, in query, fragment and form alike.
func TestDuplicateParameterRefused(t *testing.T) {
	for _, m := range messages {
		p := planOf(reflect.TypeOf(m))
		if !p.form {
			continue
		}
		for i := range p.fields {
			f := &p.fields[i]
			value := "1"
			if f.codec.kind == kindPointer && f.codec.elem.kind == kindStruct {
				value = "%7B%7D"
			}
			raw := f.name + "=" + value
			err := DecodeForm(raw+"&"+raw, newMessage(m).Interface())
			var e *DecodeError
			if f.repeats() {
				if err != nil {
					t.Errorf("%T: %v", m, err)
				}
			} else if !errors.As(err, &e) || e.Kind != Duplicate || e.Param != f.name {
				t.Errorf("%T: %s twice: %v", m, f.name, err)
			}
		}
	}
}

// ParseForm keeps what is repeated, for an endpoint that must not use any of it.
func TestParseForm(t *testing.T) {
	values, err := ParseForm("a=1&b=2&a=3&c=")
	if err != nil || !reflect.DeepEqual(values, url.Values{"a": {"1", "3"}, "b": {"2"}, "c": {""}}) {
		t.Errorf("%v, %v", values, err)
	}
	for _, raw := range []string{"a;b", "a=%", "a=%ff", "a=%00"} {
		if values, err := ParseForm(raw); err == nil || values != nil {
			t.Errorf("%s: %v", raw, values)
		}
	}
}

func TestValuesRefuses(t *testing.T) {
	tests := map[string]any{
		"an extra that is a known parameter": AuthorizationRequest{Extra: Extra{{"state", []byte(`"a"`)}}},
		"an extra that occurs twice":         AuthorizationRequest{Extra: Extra{{"x", []byte(`"a"`)}, {"x", []byte(`"a"`)}}},
		"an extra that shadows one by case":  AuthorizationRequest{Extra: Extra{{"State", []byte(`"a"`)}}},
		"an extra without a name":            AuthorizationRequest{Extra: Extra{{"", []byte(`"a"`)}}},
		"an extra that is not JSON":          &AuthorizationRequest{Extra: Extra{{"x", []byte(`a`)}}},
		"claims that cannot be encoded":      AuthorizationRequest{Claims: &ClaimsRequest{Extra: Extra{{"x", []byte(`a`)}}}},
		"and on the other path":              PushedAuthorizationRequest{AuthorizationRequest: AuthorizationRequest{Claims: &ClaimsRequest{Extra: Extra{{"x", []byte(`a`)}}}}},
		"a message that is no form":          IDToken{},
		"a payload of a request object":      RequestObject{},
		"no message":                         "a",
		"nothing":                            nil,
		"no message behind the pointer":      (*EndSessionRequest)(nil),
	}
	for name, m := range tests {
		if text, err := EncodeForm(m); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
	if err := DecodeForm("", new(IDToken)); err == nil {
		t.Error("an ID Token was decoded from a form")
	}
	if err := DecodeValues(url.Values{}, new(IDToken)); err == nil {
		t.Error("an ID Token was decoded from values")
	}
	if err := DecodeValues(url.Values{"x": {strings.Repeat("a", MaxForm)}}, new(EndSessionRequest)); err == nil {
		t.Error("a form that is too large was decoded")
	}
	if err := DecodeValues(url.Values{"x": make([]string, MaxParameters+1)}, new(EndSessionRequest)); err == nil {
		t.Error("a form with too many parameters was decoded")
	}
}

// Extra of every JSON type finds its way into a form.
func TestExtraInForm(t *testing.T) {
	m := EndSessionRequest{State: "s", Extra: Extra{
		{"n", []byte("1")}, {"o", []byte(`{"a":1}`)}, {"a", []byte(`["x","y"]`)}, {"resource", []byte(`["x","y"]`)}, {"t", []byte(`"\u00e9"`)},
	}}
	values, err := Values(m)
	want := url.Values{"state": {"s"}, "n": {"1"}, "o": {`{"a":1}`}, "a": {`["x","y"]`}, "resource": {"x", "y"}, "t": {"é"}}
	if err != nil || !reflect.DeepEqual(values, want) {
		t.Errorf("%v, %v", values, err)
	}
}

// A type that is not of this package travels by the same rules.
func TestOtherForms(t *testing.T) {
	type other struct {
		Yes   bool           `json:"yes,omitempty" url:"yes,omitempty"`
		N     int            `json:"n,omitempty" url:"n,omitempty"`
		Ok    *bool          `json:"ok,omitempty" url:"ok,omitempty"`
		Ints  []int          `json:"ints,omitempty" url:"ints,omitempty"`
		Kinds []ResponseMode `json:"kinds,omitempty" url:"kinds,omitempty"`
		In    Actor          `json:"in,omitempty" url:"-"`
	}
	var m other
	if err := DecodeForm("yes=true", &m); err == nil {
		t.Error("not every member is a parameter")
	}
	type form struct {
		Yes   bool           `json:"yes,omitempty" url:"yes,omitempty"`
		N     int            `json:"n,omitempty" url:"n,omitempty"`
		Ok    *bool          `json:"ok,omitempty" url:"ok,omitempty"`
		Ints  []int          `json:"ints,omitempty" url:"ints,omitempty"`
		Kinds []ResponseMode `json:"kinds,omitempty" url:"kinds,omitempty"`
		In    ErrorResponse  `json:"in,omitempty" url:"in,omitempty"`
	}
	var f form
	if err := DecodeForm(`yes=true&n=7&ok=false&kinds=a&kinds=b&unknown=1&in=%7B"error":"x"%7D`, &f); err != nil {
		t.Fatal(err)
	}
	if !f.Yes || f.N != 7 || f.Ok == nil || *f.Ok || len(f.Kinds) != 2 || f.In.Error != "x" {
		t.Errorf("%+v", f)
	}
	for _, raw := range []string{"ints=1", "yes=1", "ok=TRUE", "in=x"} {
		if err := DecodeForm(raw, &f); err == nil {
			t.Errorf("%s was decoded", raw)
		}
	}
}
