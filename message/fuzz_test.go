package message

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fuzzJSON holds the decoder of a message to these sentences, whatever the text:
//
//   - It does not panic.
//   - If it fails, the message is the zero value.
//   - What it accepts is JSON.
//   - What it accepts can be encoded, and decoded again into the same.
//   - Extra keeps every byte of every unknown member.
func fuzzJSON[T any](f *testing.F) {
	f.Helper()
	p := planOf(reflect.TypeFor[T]())
	f.Fuzz(func(t *testing.T, data []byte) {
		var m, again T
		err := DecodeJSON(data, &m)
		if claims := DecodeClaims(data, &again); len(data) <= MaxClaims && (claims == nil) != (err == nil) {
			t.Fatalf("as JSON %v, as claims %v", err, claims)
		}
		if err != nil {
			if !reflect.ValueOf(m).IsZero() {
				t.Fatalf("%v left %v", err, m)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatal("not JSON")
		}
		text, err := EncodeJSON(m)
		if err != nil {
			t.Fatalf("%v: %v", err, m)
		}
		if err := DecodeJSON(text, &again); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if !reflect.DeepEqual(m, again) {
			t.Fatalf("%#v became %#v", m, again)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(data, &members); err != nil {
			t.Fatal(err)
		}
		extra := p.extraOf(reflect.ValueOf(m))
		for name, value := range members {
			if _, known := p.find(name); known {
				continue
			}
			if kept, ok := extra.Get(name); !ok || string(kept) != string(value) {
				t.Fatalf("%q: %s is kept as %s", name, value, kept)
			}
		}
	})
}

func FuzzUnmarshalWebFingerResponse(f *testing.F)     { fuzzJSON[WebFingerResponse](f) }
func FuzzUnmarshalProviderMetadata(f *testing.F)      { fuzzJSON[ProviderMetadata](f) }
func FuzzUnmarshalJWKS(f *testing.F)                  { fuzzJSON[JWKS](f) }
func FuzzUnmarshalRegistrationRequest(f *testing.F)   { fuzzJSON[RegistrationRequest](f) }
func FuzzUnmarshalRegistrationResponse(f *testing.F)  { fuzzJSON[RegistrationResponse](f) }
func FuzzUnmarshalAuthorizationRequest(f *testing.F)  { fuzzJSON[AuthorizationRequest](f) }
func FuzzUnmarshalRequestObject(f *testing.F)         { fuzzJSON[RequestObject](f) }
func FuzzUnmarshalJARMResponse(f *testing.F)          { fuzzJSON[JARMResponse](f) }
func FuzzUnmarshalClaimsRequest(f *testing.F)         { fuzzJSON[ClaimsRequest](f) }
func FuzzUnmarshalAccessTokenResponse(f *testing.F)   { fuzzJSON[AccessTokenResponse](f) }
func FuzzUnmarshalIDToken(f *testing.F)               { fuzzJSON[IDToken](f) }
func FuzzUnmarshalUserInfoResponse(f *testing.F)      { fuzzJSON[UserInfoResponse](f) }
func FuzzUnmarshalIntrospectionResponse(f *testing.F) { fuzzJSON[IntrospectionResponse](f) }
func FuzzUnmarshalLogoutToken(f *testing.F)           { fuzzJSON[LogoutToken](f) }
func FuzzUnmarshalErrorResponse(f *testing.F)         { fuzzJSON[ErrorResponse](f) }

// FuzzParseForm holds the form decoder to these sentences, whatever the text:
//
//   - It does not panic, and if it fails, the message is the zero value.
//   - What it accepts, net/url reads in the same way.
//   - What it accepts can be encoded and decoded again into the same, as a form and as
//     the JSON that a login is remembered in.
//   - No parameter of one value occurs twice in what it accepts.
func FuzzParseForm(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := ParseForm(raw)
		if err == nil {
			if theirs, err := url.ParseQuery(raw); err != nil || !reflect.DeepEqual(values, theirs) {
				t.Fatalf("%v, net/url reads %v, %v", values, theirs, err)
			}
		}
		fuzzForm[AuthorizationRequest](t, raw, values)
		fuzzForm[AuthorizationResponse](t, raw, values)
		fuzzForm[AccessTokenRequest](t, raw, values)
		fuzzForm[TokenExchangeRequest](t, raw, values)
	})
}

func fuzzForm[T any](t *testing.T, raw string, values url.Values) {
	t.Helper()
	var m, again T
	if err := DecodeForm(raw, &m); err != nil {
		if !reflect.ValueOf(m).IsZero() {
			t.Fatalf("%v left %v", err, m)
		}
		return
	}
	p := planOf(reflect.TypeFor[T]())
	for name, several := range values {
		k, known := p.params[name]
		if len(several) > 1 && name != "resource" && name != "audience" && (!known || !p.fields[k].repeats()) {
			t.Fatalf("%s occurs %d times", name, len(several))
		}
	}
	slices.SortFunc(p.extraOf(reflect.ValueOf(m)), func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	text, err := EncodeForm(m)
	if err != nil {
		t.Fatal(err)
	}
	if general, err := Values(m); err != nil || general.Encode() != text {
		t.Fatalf("%s, %v, %v", text, general, err)
	}
	if err := DecodeForm(text, &again); err != nil || !reflect.DeepEqual(m, again) {
		t.Fatalf("%v: %v became %v", err, m, again)
	}
	record, err := EncodeJSON(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodeJSON(record, &again); err != nil || !reflect.DeepEqual(m, again) {
		t.Fatalf("%v: %v became %v", err, m, again)
	}
}
