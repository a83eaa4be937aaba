package message

import (
	"reflect"
	"testing"

	"github.com/google/go-querystring/query"
)

// The parameters that are put together by the plan are those that the library puts
// together by the tags.
func TestTextsAsByTags(t *testing.T) {
	compared := 0
	for _, m := range messages {
		typ := reflect.TypeOf(m)
		p := planOf(typ)
		if !p.form {
			continue
		}
		// Every text and list alone, and all of them together.
		full := reflect.New(typ).Elem()
		for i := range p.fields {
			f := &p.fields[i]
			one := reflect.New(typ).Elem()
			for _, v := range []reflect.Value{one, full} {
				switch f.codec.kind {
				case kindString:
					f.of(v).SetString("a b&" + f.name)
				case kindList:
					f.of(v).Set(reflect.ValueOf(List{"a", "b&c"}))
				}
			}
			compareTexts(t, p, one)
		}
		compareTexts(t, p, full)
		compared++
	}
	if compared < 10 {
		t.Errorf("%d messages were compared", compared)
	}
}

func compareTexts(t *testing.T, p *plan, v reflect.Value) {
	t.Helper()
	got, ok := p.encodeTexts(v)
	if !ok {
		return // the library does it
	}
	want, err := query.Values(v.Interface())
	if err != nil {
		t.Fatal(err)
	}
	if got != want.Encode() {
		t.Errorf("%s: %s, by the tags %s", v.Type(), got, want.Encode())
	}
}

// What is no text is left to the library.
func TestTextsAreNotAll(t *testing.T) {
	age := 5
	for _, m := range []any{
		&AuthorizationRequest{MaxAge: &age}, &AccessTokenRequest{Resource: Audience{"a", "b"}}, &AccessTokenRequest{AuthorizationDetails: RawJSON(`[]`)},
	} {
		v := reflect.ValueOf(m).Elem()
		if got, ok := planOf(v.Type()).encodeTexts(v); ok {
			t.Errorf("%T: %s", m, got)
		}
	}
	form, err := EncodeForm(&AccessTokenRequest{Code: "c", Resource: Audience{"a", "b"}})
	if err != nil || form != "code=c&resource=a&resource=b" {
		t.Errorf("%s, %v", form, err)
	}
}
