package message

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestDecodeJSONRefuses(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	tests := []struct {
		name, text string
		kind       DecodeKind
		param      string
	}{
		{"nothing", ``, Malformed, ""},
		{"white space", " \n", Malformed, ""},
		{"an HTML page", `<html>`, Malformed, ""},
		{"a byte order mark", "\ufeff{}", Malformed, ""},
		{"an array", `[]`, WrongType, ""},
		{"a string", `"{}"`, WrongType, ""},
		{"null", `null`, WrongType, ""},
		{"a number", `1`, WrongType, ""},
		{"no end", `{`, Malformed, ""},
		{"no end of a name", `{"iss`, Malformed, ""},
		{"no colon", `{"iss"}`, Malformed, ""},
		{"no value", `{"iss":}`, WrongType, "iss"},
		{"no value of an unknown member", `{"x":}`, Malformed, "x"},
		{"no comma", `{"iss":"a" "sub":"b"}`, Malformed, ""},
		{"a comma too many", `{"iss":"a",}`, Malformed, ""},
		{"a leading comma", `{,"iss":"a"}`, Malformed, ""},
		{"a name without quotes", `{iss:"a"}`, Malformed, ""},
		{"single quotes", `{'iss':'a'}`, Malformed, ""},
		{"a comment", `{/**/}`, Malformed, ""},
		{"an array without a comma", `{"amr":["a" "b"]}`, Malformed, "amr"},
		{"an array with a comma too many", `{"amr":["a",]}`, WrongType, "amr[1]"},
		{"an unknown array with a comma too many", `{"x":[1,]}`, Malformed, "x"},
		{"an array without end", `{"x":[1`, Malformed, "x"},
		{"True", `{"email_verified":True}`, WrongType, "email_verified"},
		{"tru", `{"email_verified":tru}`, Malformed, "email_verified"},
		{"nul", `{"iss":nul}`, Malformed, ""},
		{"NaN", `{"x":NaN}`, Malformed, "x"},
		{"+1", `{"x":+1}`, Malformed, "x"},
		{"01", `{"x":01}`, Malformed, ""},
		{"1.", `{"x":1.}`, Malformed, "x"},
		{".1", `{"x":.1}`, Malformed, "x"},
		{"-", `{"x":-}`, Malformed, "x"},
		{"1e", `{"x":1e}`, Malformed, "x"},
		{"1e+", `{"x":1e+}`, Malformed, "x"},
		{"a line break in a string", "{\"iss\":\"a\nb\"}", Malformed, "iss"},
		{"a line break in a string with escapes", "{\"iss\":\"\\ta\nb\"}", Malformed, "iss"},
		{"an unknown escape", `{"iss":"\x41"}`, Malformed, "iss"},
		{"half an escape", `{"iss":"\u00"}`, Malformed, "iss"},
		{"an escape at the end", `{"iss":"\`, Malformed, "iss"},
		{"half a surrogate pair", `{"iss":"\ud800"}`, Malformed, "iss"},
		{"the other half", `{"iss":"\udc00"}`, Malformed, "iss"},
		{"two first halves", `{"iss":"\ud800\ud800"}`, Malformed, "iss"},
		{"half a pair and a letter", `{"iss":"\ud800\u0041"}`, Malformed, "iss"},
		{"half a pair in a name", `{"\ud800":1}`, Malformed, ""},

		{"two members", `{"iss":"a","iss":"a"}`, Duplicate, "iss"},
		{"two members, one escaped", `{"iss":"a","\u0069ss":"b"}`, Duplicate, "iss"},
		{"two members, one null", `{"iss":null,"iss":"a"}`, Duplicate, "iss"},
		{"two unknown members", `{"x":1,"y":2,"x":1}`, Duplicate, "x"},
		{"two members deep in an unknown one", `{"x":[{"a":{"b":1,"b":2}}]}`, Duplicate, "x.a.b"},
		{"two members in a known one", `{"address":{"region":"a","region":"b"}}`, Duplicate, "address.region"},
		{"two members in a map", `{"_claim_names":{"a":"x","a":"y"}}`, Duplicate, "_claim_names.a"},

		{"upper case", `{"ISS":"a"}`, Case, "ISS"},
		{"mixed case beside the right one", `{"iss":"a","Iss":"b"}`, Case, "Iss"},
		{"the long s", `{"iſs":"a"}`, Case, "iſs"},
		{"the Kelvin sign", `{"\u212atest":1,"to\u212aen":1,"azp":"a","Nonce":"b"}`, Case, "Nonce"},
		{"a language tag on a protocol member", `{"Nonce#sv":"b"}`, Case, "Nonce#sv"},
		{"case in a known member", `{"_claim_sources":{"a":{"jwt":"x"}}}`, Case, "_claim_sources.a.jwt"},

		{"a number for a string", `{"iss":1}`, WrongType, "iss"},
		{"an object for a string", `{"iss":{}}`, WrongType, "iss"},
		{"a string for an array", `{"amr":"pwd"}`, WrongType, "amr"},
		{"a number in an array", `{"amr":["pwd",1]}`, WrongType, "amr[1]"},
		{"null in an array", `{"amr":[null]}`, WrongType, "amr[0]"},
		{"a number for an audience", `{"aud":1}`, WrongType, "aud"},
		{"a number in an audience", `{"aud":[1]}`, WrongType, "aud[0]"},
		{"a string for a boolean", `{"email_verified":"true"}`, WrongType, "email_verified"},
		{"a number for a boolean", `{"email_verified":1}`, WrongType, "email_verified"},
		{"a string for an object", `{"address":"here"}`, WrongType, "address"},
		{"a string for a map", `{"_claim_names":"here"}`, WrongType, "_claim_names"},
		{"null in a map of strings", `{"_claim_names":{"a":null}}`, WrongType, "_claim_names.a"},
		{"a number in an object", `{"address":{"region":1}}`, WrongType, "address.region"},
		{"a number for a name in a language", `{"name#ja":1}`, WrongType, "name#ja"},

		{"a time in quotes", `{"exp":"1517823388"}`, NumericDate, "exp"},
		{"true for a time", `{"exp":true}`, NumericDate, "exp"},
		{"a time before the epoch", `{"nbf":-1}`, NumericDate, "nbf"},
		{"a time beyond all dates", `{"nbf":1e300}`, NumericDate, "nbf"},
		{"a time beyond all floats", `{"nbf":1e999}`, NumericDate, "nbf"},
		{"a time beyond the year 9999", `{"nbf":253402300800}`, NumericDate, "nbf"},
		{"a time of twenty digits", `{"nbf":15178233881517823388}`, NumericDate, "nbf"},
		{"a broken time", `{"nbf":1.}`, Malformed, "nbf"},

		{"something after the object", `{} x`, Trailing, ""},
		{"two objects", `{}{}`, Trailing, ""},
		{"a NUL after the object", "{}\x00", Trailing, ""},
		{"bytes that are no text", "{\"iss\":\"\xff\"}", UTF8, ""},
		{"an overlong encoding", "{\"iss\":\"\xc0\xaf\"}", UTF8, ""},
		{"an encoded surrogate", "{\"iss\":\"\xed\xa0\x80\"}", UTF8, ""},
		{"too deep", `{"x":` + deep + `}`, Depth, "x"},
		{"very deep", strings.Repeat(`{"x":`, 10000), Depth, ""},
		{"too many members", `{"x":[` + strings.Repeat("1,", MaxMembers) + `1]}`, Count, "x"},
		{"too large", `{"x":"` + strings.Repeat("a", MaxJSON) + `"}`, Size, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := IDToken{Subject: "left over"}
			err := DecodeJSON([]byte(test.text), &m)
			var e *DecodeError
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Kind != test.kind || e.Param != test.param && test.name != "very deep" {
				t.Errorf("got %q of kind %v at %q, want %v at %q", err, e.Kind, e.Param, test.kind, test.param)
			}
			if !reflect.ValueOf(m).IsZero() {
				t.Errorf("left %v", m)
			}
			if !errors.Is(err, RuleTransportJSON) {
				t.Errorf("%v is not %s", err, RuleTransportJSON)
			}
		})
	}
}

func TestDecodeJSONAccepts(t *testing.T) {
	tests := []struct {
		name, text string
		want       IDToken
	}{
		{"an empty object", ` { } `, IDToken{}},
		{"white space everywhere", "\t{ \"iss\" :\r\n\"a\" , \"aud\" : [ \"b\" ] }\n", IDToken{Issuer: "a", Audience: Audience{"b"}}},
		{"null is absence", `{"iss":null,"aud":null,"exp":null,"amr":null,"address":null,"email_verified":null}`, IDToken{}},
		{"escapes", `{"iss":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, IDToken{Issuer: "\"\\/\b\f\n\r\té😀"}},
		{"an escaped name", `{"\u0069ss":"a"}`, IDToken{Issuer: "a"}},
		{"one audience", `{"aud":"a"}`, IDToken{Audience: Audience{"a"}}},
		{"two audiences", `{"aud":["a","b"]}`, IDToken{Audience: Audience{"a", "b"}}},
		{"an empty audience", `{"aud":""}`, IDToken{Audience: Audience{""}}},
		{"a time with a fraction", `{"exp":1517823388.25}`, IDToken{Expiration: Time{1517823388, 250_000_000, true}}},
		{"a time with an exponent", `{"exp":1.5e9}`, IDToken{Expiration: Unix(1500000000)}},
		{"second 0", `{"exp":0}`, IDToken{Expiration: Unix(0)}},
		{"the last second", `{"exp":253402300799}`, IDToken{Expiration: Unix(maxTime)}},
		{"a name in another case", `{"Name":"a"}`, IDToken{Extra: Extra{{"Name", []byte(`"a"`)}}}},
		{"as deep as may be", `{"x":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + `}`,
			IDToken{Extra: Extra{{"x", []byte(strings.Repeat("[", 15) + strings.Repeat("]", 15))}}}},
		{"unknown members verbatim", `{"n":12345678901234567890, "f":1.0 ,"o":{ "b" : 1, "a":[ ] },"s":"\u0041"}`, IDToken{Extra: Extra{
			{"n", []byte(`12345678901234567890`)}, {"f", []byte(`1.0`)}, {"o", []byte(`{ "b" : 1, "a":[ ] }`)}, {"s", []byte(`"\u0041"`)},
		}}},
		{"an unknown null", `{"x":null,"#":null,"name#ja":null}`, IDToken{Extra: Extra{
			{"x", []byte("null")}, {"#", []byte("null")}, {"name#ja", []byte("null")},
		}}},
		{"an empty name", `{"":1}`, IDToken{Extra: Extra{{"", []byte("1")}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := IDToken{Subject: "left over"}
			if err := DecodeJSON([]byte(test.text), &m); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(m, test.want) {
				t.Errorf("got %#v, want %#v", m, test.want)
			}
		})
	}
}

// Integers are integers, and as large as they may be.
func TestIntegers(t *testing.T) {
	for text, ok := range map[string]bool{
		`3600`: true, `0`: true, `-1`: true, `9223372036854775807`: true,
		`9223372036854775808`: false, `3600.5`: false, `"3600"`: false, `"3600.0"`: false, `true`: false, `[3600]`: false, `1e300`: false, `1e400`: false,
		`3600.0`: true, `3.6e3`: true, `-36E+2`: true, `0.0`: true, `9007199254740991.0`: true, `9007199254740992.0`: false, `36e-1`: false,
		`1e15`: true, `1e16`: false, `-9007199254740991.0`: true, `-9007199254740992.0`: false, `0e99999999999999999999`: true,
		// What a float would round.
		`300.0000000000000000001`: false, `0.99999999999999999999`: false, `9007199254740990.6`: false, `1e-400`: false, `1e-99999999999999999999`: false,
		`3e9223372036854775807`: false, `3e-9223372036854775808`: false,
	} {
		var m AccessTokenResponse
		err := DecodeJSON([]byte(`{"expires_in":`+text+`}`), &m)
		if (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
		if e := (*DecodeError)(nil); !ok && (!errors.As(err, &e) || e.Kind != WrongType || e.Param != "expires_in") {
			t.Errorf("%s: %v", text, err)
		}
	}
	// JSON has one kind of number (RFC 8259, Section 6).
	for _, text := range []string{`3600`, `3600.0`, `3.6e3`, `36000e-1`, `0.0036e+06`, "36" + strings.Repeat("0", 20_000) + "e-19998"} {
		var m AccessTokenResponse
		if err := DecodeJSON([]byte(`{"expires_in":`+text+`}`), &m); err != nil || *m.ExpiresIn != 3600 {
			t.Errorf("%.20s: %v, %v", text, m, err)
		}
	}
	// JARM quotes the number in its examples (Section 2.1).
	var m JARMResponse
	if err := DecodeClaims([]byte(`{"iss":"a","aud":"b","exp":1311281970,"expires_in":"3600"}`), &m); err != nil || *m.ExpiresIn != 3600 {
		t.Errorf("%v, %v", m, err)
	}
	if err := DecodeClaims([]byte(`{"expires_in":"+3600"}`), &m); err == nil {
		t.Error("+3600 is an integer")
	}
	if err := DecodeClaims([]byte(`{"expires_in":"03600"}`), &m); err == nil {
		t.Error("03600 is an integer")
	}
}

// The payload of a JWT has rules with names of their own, and a limit of its own.
func TestDecodeClaimsRules(t *testing.T) {
	for text, rule := range map[string]Rule{
		`{"iss":"a","iss":"b"}`: RuleJOSEDuplicateMember,
		`{"ISS":"a"}`:           RuleJOSEMemberCase,
		`{"exp":1e300}`:         RuleJOSENumericDate,
		`{"exp":"1"}`:           RuleJOSENumericDate,
		`{"iss":1}`:             RuleJOSEJSON,
		`{} x`:                  RuleJOSEJSON,
		`{"x":"` + strings.Repeat("a", MaxClaims) + `"}`: RuleJOSEJSON,
	} {
		err := DecodeClaims([]byte(text), new(IDToken))
		if !errors.Is(err, rule) || errors.Is(err, RuleTransportJSON) || errors.Is(err, Rule("")) {
			t.Errorf("%.40s: %v, want %s", text, err, rule)
		}
		v := ViolationOf(RuleIDTokenIss, fmt.Errorf("wrapped: %w", err))
		if !errors.Is(v, RuleIDTokenIss) || !errors.Is(v, rule) {
			t.Errorf("%.40s: %v", text, v)
		}
	}
}

// What the peer chose is shown short and printable, and no value is ever shown.
func TestDecodeErrorText(t *testing.T) {
	name := strings.Repeat("x", 200)
	for text, want := range map[string]string{
		`{"links":[{"rel":"a"},{"rel":1}]}`:   "links[1].rel: wrong type: a string is wanted",
		`{"x\n\u001b":1,"x\n\u001b":2}`:       `"x\n\x1b": occurs twice`,
		`{"` + name + `":1,"` + name + `":2}`: `"` + name[:64] + `...": occurs twice`,
		`{"Subject":"s"}`:                     `Subject: differs from a known member by case alone: the member is subject`,
		`{"subject":topsecret}`:               `subject: wrong type: a string is wanted`,
		`{"x":"topsecret`:                     `x: malformed: the text ends early`,
		`{"x":"topsecret"]`:                   `malformed: a comma is wanted at byte 16`,
	} {
		err := DecodeJSON([]byte(text), new(WebFingerResponse))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if s := (&DecodeError{Kind: 99}).Error(); s != "unknown" {
		t.Error(s)
	}
	if v := ViolationOf(RuleJWKSShape, errors.New("other")); v.Param != "" || v.Err == nil {
		t.Error(v)
	}
	v := (&DecodeError{Kind: Duplicate, Param: "a\x00b"}).Violation(RuleJWKSShape)
	if v.Param != `a\x00b` || errors.Unwrap(v) == nil {
		t.Errorf("%#v", v)
	}
}

// Strings of a long text do not keep it alive, and are right nevertheless.
func TestLongText(t *testing.T) {
	text := `{"issuer":"a","x":[1],"scopes_supported":["openid"],"y":"` + strings.Repeat("b", maxShared) + `","z":{}}`
	var m ProviderMetadata
	if err := DecodeJSON([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	if m.Issuer != "a" || m.ScopesSupported[0] != "openid" || string(m.Extra[0].Value) != "[1]" || string(m.Extra[2].Value) != "{}" {
		t.Errorf("%v", m)
	}
	if again, err := EncodeJSON(m); err != nil || len(again) != len(text) {
		t.Errorf("%d bytes, %v", len(again), err)
	}
}

// One value that is kept verbatim cannot grow into the next.
func TestExtraValuesAreApart(t *testing.T) {
	var m IDToken
	data := []byte(`{"a":1,"b":2}`)
	if err := DecodeJSON(data, &m); err != nil {
		t.Fatal(err)
	}
	clear(data)
	_ = append(m.Extra[0].Value, "3456"...)
	if string(m.Extra[0].Value) != "1" || string(m.Extra[1].Value) != "2" {
		t.Errorf("%s, %s", m.Extra[0].Value, m.Extra[1].Value)
	}
}

// Many members cost time in proportion, whether known or not.
func TestManyMembers(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"x":{`)
	for i := range 5000 {
		fmt.Fprintf(&b, `"m%d":0,`, i)
	}
	b.WriteString(`"last":0}`)
	for i := range 4000 {
		fmt.Fprintf(&b, `,"n%d":0`, i)
	}
	text := b.String()
	var m IDToken
	if err := DecodeJSON([]byte(text+"}"), &m); err != nil || len(m.Extra) != 4001 {
		t.Fatal(len(m.Extra), err)
	}
	if _, err := EncodeJSON(m); err != nil {
		t.Error(err)
	}
	for _, twice := range []string{text + `,"n3999":1}`, text + `,"n7":1}`, strings.Replace(text, "last", "m4999", 1) + "}", strings.Replace(text, "last", "m1", 1) + "}"} {
		err := DecodeJSON([]byte(twice), &m)
		if e := (*DecodeError)(nil); !errors.As(err, &e) || e.Kind != Duplicate {
			t.Errorf("%v", err)
		}
	}
}
