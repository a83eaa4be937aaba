package message

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestList(t *testing.T) {
	for text, want := range map[string]List{
		"": nil, "  ": nil, "a": {"a"}, "a b": {"a", "b"}, " a  b ": {"a", "b"}, "a\tb": {"a\tb"},
	} {
		if got := ParseList(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q", text, []string(got))
		}
	}
	l := List{"code", "id_token"}
	if !l.Has("code") || l.Has("Code") || l.String() != "code id_token" {
		t.Error(l)
	}
	for _, test := range []struct {
		a, b List
		want bool
	}{
		{nil, nil, true}, {nil, List{}, true}, {l, List{"id_token", "code"}, true}, {l, List{"code"}, false},
		{List{"code"}, l, false}, {List{"a", "a"}, List{"a"}, true}, {l, List{"id_token", "token"}, false},
	} {
		if test.a.Equal(test.b) != test.want {
			t.Errorf("%q and %q", test.a, test.b)
		}
	}
	if text, err := json.Marshal(l); err != nil || string(text) != `"code id_token"` {
		t.Errorf("%s, %v", text, err)
	}
	var back List
	if err := json.Unmarshal([]byte(`"id_token code"`), &back); err != nil || !back.Equal(l) {
		t.Error(back, err)
	}
	if json.Unmarshal([]byte(`["code"]`), &back) == nil {
		t.Error("an array is a list")
	}
}

// The alphabet is scope-token = 1*( %x21 / %x23-5B / %x5D-7E ).
func TestIsScopeToken(t *testing.T) {
	for c := range 256 {
		want := c == 0x21 || c >= 0x23 && c <= 0x5b || c >= 0x5d && c <= 0x7e
		if IsScopeToken("a"+string([]byte{byte(c)})) != want {
			t.Errorf("%#x", c)
		}
	}
	if IsScopeToken("") || !IsScopeToken("https://api.example.com/read") {
		t.Error("wrong")
	}
}

func TestAudience(t *testing.T) {
	for _, test := range []struct {
		a    Audience
		text string
	}{{Audience{"a"}, `"a"`}, {Audience{"a", "b"}, `["a","b"]`}, {Audience{""}, `""`}} {
		text, err := json.Marshal(test.a)
		if err != nil || string(text) != test.text {
			t.Errorf("%s, %v", text, err)
		}
		var back Audience
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, test.a) {
			t.Error(back, err)
		}
	}
	var a Audience
	for _, bad := range []string{`1`, `{}`, `[1]`, `["a",null,{}]`} {
		if json.Unmarshal([]byte(bad), &a) == nil {
			t.Errorf("%s is an audience", bad)
		}
	}
	if a.UnmarshalJSON([]byte(`"a`)) == nil {
		t.Error("half a string is an audience")
	}
	if !(Audience{"a", "b"}).Has("b") || (Audience{"a"}).Has("A") {
		t.Error("Has is wrong")
	}
}

func TestTime(t *testing.T) {
	for _, test := range []struct {
		text string
		want Time
		out  string
	}{
		{"0", Unix(0), "0"},
		{"-0", Unix(0), "0"},
		{"1517736988", Unix(1517736988), "1517736988"},
		{"1517736988.5", Time{1517736988, 500_000_000, true}, "1517736988.5"},
		{"1517736988.000000001", Time{1517736988, 1, true}, "1517736988.000000001"},
		{"1517736988.0000000019", Time{1517736988, 1, true}, "1517736988.000000001"},
		{"1517736988.010", Time{1517736988, 10_000_000, true}, "1517736988.01"},
		{"0.999999999999", Time{0, 999_999_999, true}, "0.999999999"},
		{"1.5e9", Unix(1500000000), "1500000000"},
		{"1E3", Unix(1000), "1000"},
		{"25e-1", Time{2, 500_000_000, true}, "2.5"},
		{"253402300799", Unix(maxTime), "253402300799"},
		{"253402300799.9", Time{maxTime, 900_000_000, true}, "253402300799.9"},
	} {
		var got Time
		if err := json.Unmarshal([]byte(test.text), &got); err != nil || got != test.want {
			t.Errorf("%s: %#v, %v", test.text, got, err)
		}
		if got.String() != test.out {
			t.Errorf("%s: out comes %s", test.text, got)
		}
		if text, err := json.Marshal(got); err != nil || string(text) != test.out {
			t.Errorf("%s: out comes %s, %v", test.text, text, err)
		}
	}
	for _, bad := range []string{"-1", "-0.5", "1e300", "1e999", "-1e999", "253402300800", "999999999999", `"1"`, "NaN", "Inf", "true", "", "99999999999999999999"} {
		var got Time
		if err := got.UnmarshalJSON([]byte(bad)); err == nil || got.Present() {
			t.Errorf("%s: %v", bad, got)
		}
	}
	null := Unix(1)
	if err := json.Unmarshal([]byte("null"), &null); err != nil || null.Present() {
		t.Error(null, err)
	}
	if text, err := json.Marshal(Time{}); err != nil || string(text) != "null" {
		t.Errorf("%s, %v", text, err)
	}
	absent := Time{}
	if absent.Present() || !absent.IsZero() || !absent.Time().IsZero() || absent.String() != "" || At(time.Time{}).Present() {
		t.Error("an absent time is present")
	}
	half := Time{10, 500_000_000, true}
	if half.IsZero() || half.Float() != 10.5 || half.Unix() != 10 || !half.Time().Equal(time.Unix(10, 5e8)) || half.Time().Location() != time.UTC {
		t.Error(half.Time(), half.Float())
	}
	if now := time.Unix(5, 999); At(now) != Unix(5) || Unix(0).IsZero() || math.Abs(Unix(5).Float()-5) > 0 {
		t.Error(At(now))
	}
}

func TestExtra(t *testing.T) {
	var e Extra
	for _, m := range []struct {
		name string
		v    any
	}{{"a", 1}, {"b", "text"}, {"a", json.RawMessage(`{ "x":1 }`)}, {"client_name#ja-Kana-JP", "カ"}, {"client_name#sv", "k"}, {"client_name#de", 5}} {
		if err := e.Set(m.name, m.v); err != nil {
			t.Fatal(err)
		}
	}
	if value, ok := e.Get("a"); !ok || string(value) != `{ "x":1 }` || len(e) != 5 || !e.Has("b") || e.Has("c") {
		t.Errorf("%s", value)
	}
	if e.Text("b") != "text" || e.Text("a") != "" || e.Text("c") != "" {
		t.Error("Text is wrong")
	}
	if e.Tagged("client_name", "JA-kana-jp") != "カ" || e.Tagged("client_name", "sv") != "k" || e.Tagged("client_name", "de") != "" || e.Tagged("name", "sv") != "" {
		t.Error("Tagged is wrong")
	}
	if got := e.Languages("client_name"); !reflect.DeepEqual(got, []string{"ja-Kana-JP", "sv", "de"}) {
		t.Error(got)
	}
	if e.Set("f", func() {}) == nil || e.Set("r", json.RawMessage("{")) == nil {
		t.Error("Set accepts what is not JSON")
	}
	if (Extra{{"s", []byte(`"a`)}}).Text("s") != "" {
		t.Error("half a string is text")
	}
	// A copy that is changed leaves the original as it was.
	first := AuthorizationRequest{Extra: append(make(Extra, 0, 9), Member{"a", []byte("1")})}
	second, third := first, first
	if second.Extra.Set("a", 2) != nil || second.Extra.Set("b", 2) != nil || third.Extra.Set("b", 3) != nil {
		t.Fatal("Set fails")
	}
	if string(first.Extra[0].Value) != "1" || string(second.Extra[1].Value) != "2" || string(third.Extra[1].Value) != "3" {
		t.Errorf("%s %s %s", first.Extra[0].Value, second.Extra[1].Value, third.Extra[1].Value)
	}
}

func TestRawJSON(t *testing.T) {
	var m struct{ Raw RawJSON }
	if err := json.Unmarshal([]byte(`{"Raw":{"a":1}}`), &m); err != nil || m.Raw.String() != `{"a":1}` {
		t.Error(m, err)
	}
	if text, err := json.Marshal(m); err != nil || string(text) != `{"Raw":{"a":1}}` {
		t.Errorf("%s, %v", text, err)
	}
	if text, err := json.Marshal(RawJSON(nil)); err != nil || string(text) != "null" {
		t.Errorf("%s, %v", text, err)
	}
}

// name#sv has the type of name and is kept beside it.
func TestLanguageTags(t *testing.T) {
	var m RegistrationRequest
	text := `{"client_name":"My Example","client_name#ja-Jpan-JP":"クライアント名","policy_uri#sv":"https://example.org/sv"}`
	if err := DecodeJSON([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	if m.ClientName != "My Example" || m.Extra.Tagged("client_name", "ja-Jpan-JP") != "クライアント名" {
		t.Error(m)
	}
	if again, err := EncodeJSON(m); err != nil || string(again) != text {
		t.Errorf("%s, %v", again, err)
	}
	var info UserInfoResponse
	if err := DecodeJSON([]byte(`{"sub":"a","address#ja":{"region":"b"},"updated_at#ja":1}`), &info); err != nil {
		t.Error(err)
	}
	for bad, param := range map[string]string{
		`{"client_name#ja":["a"]}`:                            "client_name#ja",
		`{"client_name#ja":"a","client_name#ja":"b"}`:         "client_name#ja",
		`{"Client_Name#ja":"a"}`:                              "Client_Name#ja",
		`{"unknown#ja":{"a":1,"a":2}}`:                        "unknown#ja.a",
		`{"redirect_uris#ja":{"a":1,"a":2}}`:                  "redirect_uris#ja.a",
		`{"client_name#` + strings.Repeat("x", 3) + `":true}`: "client_name#xxx",
	} {
		err := DecodeJSON([]byte(bad), &m)
		if e := (*DecodeError)(nil); !errors.As(err, &e) || e.Param != param {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// "email_verified":"true" is refused, and accepted under the quirk that names who
// sends it. Each quirk admits its own fault and no other.
func TestBooleanStringsNeedQuirk(t *testing.T) {
	tests := []struct {
		text   string
		into   func() any
		quirks Quirks
	}{
		{`{"email_verified":"true"}`, func() any { return new(UserInfoResponse) }, Quirks{CognitoBooleans: true}},
		{`{"email_verified":"false"}`, func() any { return new(IDToken) }, Quirks{CognitoBooleans: true}},
		{`{"expires_in":"3600"}`, func() any { return new(AccessTokenResponse) }, Quirks{EntraQuotedNumbers: true}},
		{`{"scope":["openid","email"]}`, func() any { return new(AccessTokenResponse) }, Quirks{TwitchScopeArray: true}},
		{`{"updated_at":"2018-02-04T11:08:41.000Z"}`, func() any { return new(UserInfoResponse) }, Quirks{Auth0UpdatedAt: true}},
	}
	all := []Quirks{{}, {CognitoBooleans: true}, {EntraQuotedNumbers: true}, {TwitchScopeArray: true}, {Auth0UpdatedAt: true}}
	for _, test := range tests {
		for _, quirks := range all {
			if err := quirks.DecodeJSON([]byte(test.text), test.into()); (err == nil) != (quirks == test.quirks) {
				t.Errorf("%s with %+v: %v", test.text, quirks, err)
			}
			if err := quirks.DecodeClaims([]byte(test.text), test.into()); (err == nil) != (quirks == test.quirks) {
				t.Errorf("%s with %+v: %v", test.text, quirks, err)
			}
		}
	}
	var info UserInfoResponse
	if err := (Quirks{Auth0UpdatedAt: true}).DecodeJSON([]byte(tests[4].text), &info); err != nil || info.UpdatedAt != Unix(1517742521) {
		t.Error(info.UpdatedAt, err)
	}
	every := Quirks{true, true, true, true}
	for text, want := range map[string]bool{`{"email_verified":"true"}`: true, `{"email_verified":"false"}`: false} {
		var claims UserInfoResponse
		if err := every.DecodeJSON([]byte(text), &claims); err != nil || claims.EmailVerified == nil || *claims.EmailVerified != want {
			t.Errorf("%s: %v %v", text, claims.EmailVerified, err)
		}
	}
	var tokens AccessTokenResponse
	if err := every.DecodeJSON([]byte(`{"expires_in":"3600","scope":["openid","email"]}`), &tokens); err != nil || tokens.ExpiresIn == nil || *tokens.ExpiresIn != 3600 || tokens.Scope.String() != "openid email" {
		t.Errorf("%v %v %v", tokens.ExpiresIn, tokens.Scope, err)
	}
	for _, bad := range []string{
		`{"email_verified":"yes"}`, `{"email_verified":"tr`, `{"updated_at":"yesterday"}`, `{"updated_at":"1918-02-04T11:08:41Z"}`, `{"updated_at":"x`,
	} {
		if err := every.DecodeJSON([]byte(bad), &info); err == nil {
			t.Errorf("%s was decoded", bad)
		}
	}
	for _, bad := range []string{`{"expires_in":"soon"}`, `{"expires_in":"x`, `{"scope":[1]}`, `{"scope":1}`} {
		if err := every.DecodeJSON([]byte(bad), new(AccessTokenResponse)); err == nil {
			t.Errorf("%s was decoded", bad)
		}
	}
	if err := every.DecodeForm("max_age=010", new(AuthorizationRequest)); err == nil {
		t.Error("a quirk reaches into forms")
	}
}

// Missing and wrongly typed members are told apart, each by name.
func TestDeclared(t *testing.T) {
	if (AuthorizationResponse{Code: "a"}).Declared() != nil || (ErrorResponse{}).Declared(400) != nil || (BackchannelNotification{}).Declared() != nil {
		t.Error("a success is an error")
	}
	err := AuthorizationResponse{Error: AccessDenied, ErrorDescription: "no", ErrorURI: "u"}.Declared()
	if !errors.Is(err, AccessDenied) || err.Description != "no" || err.URI != "u" || err.Status != 0 {
		t.Errorf("%#v", err)
	}
	if err := (ErrorResponse{Error: InvalidGrant}).Declared(400); !errors.Is(err, InvalidGrant) || err.Status != 400 {
		t.Errorf("%#v", err)
	}
	if err := (BackchannelNotification{Error: ExpiredToken}).Declared(); !errors.Is(err, ExpiredToken) {
		t.Errorf("%#v", err)
	}
}

// A Time keeps the fraction of its second where it is asked to, and loses it where it is not.
func TestExactTime(t *testing.T) {
	at := time.Unix(1517737588, 250_000_000)
	exact := Exactly(at)
	if !exact.Time().Equal(at) || exact.String() != "1517737588.25" || exact.Whole() != At(at) {
		t.Errorf("%s, %s", exact, exact.Whole())
	}
	if Exactly(time.Time{}).Present() || (Time{}).Whole().Present() {
		t.Error("no time is present")
	}
	var back Time
	if err := back.UnmarshalJSON([]byte(exact.String())); err != nil || back != exact {
		t.Errorf("%s came back as %s, %v", exact, back, err)
	}
}
