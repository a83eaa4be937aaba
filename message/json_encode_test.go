package message

import (
	"strings"
	"testing"
)

func TestEncodeJSONRefuses(t *testing.T) {
	cycle := &Actor{}
	cycle.Actor = cycle
	tests := map[string]any{
		"an extra that is a known member":         IDToken{Extra: Extra{{"iss", []byte(`"a"`)}}},
		"an extra that shadows one by case":       IDToken{Extra: Extra{{"Iss", []byte(`"a"`)}}},
		"an extra in a language, not of the type": ClientMetadata{Extra: Extra{{"client_name#ja", []byte("1")}}},
		"an extra in a language, of another case": ClientMetadata{Extra: Extra{{"Client_Name#ja", []byte(`"a"`)}}},
		"an extra that occurs twice":              IDToken{Extra: Extra{{"x", []byte(`1`)}, {"x", []byte(`2`)}}},
		"an extra that is not JSON":               IDToken{Extra: Extra{{"x", []byte(`{`)}}},
		"an extra that is nothing":                IDToken{Extra: Extra{{"x", nil}}},
		"an extra that is two values":             IDToken{Extra: Extra{{"x", []byte(`1 2`)}}},
		"an extra with a member twice":            IDToken{Extra: Extra{{"x", []byte(`{"a":1,"a":2}`)}}},
		"an extra that is no text":                IDToken{Extra: Extra{{"x", []byte("\"\xff\"")}}},
		"an extra whose name is no text":          IDToken{Extra: Extra{{"\xff", []byte("1")}}},
		"an extra too deep":                       IDToken{Extra: Extra{{"x", []byte(strings.Repeat("[", 16) + strings.Repeat("]", 16))}}},
		"a string that is no text":                IDToken{Issuer: "\xff"},
		"a list that is no text":                  AuthorizationRequest{Scope: List{"a", "\xff"}},
		"an array that is no text":                IDToken{AMR: []string{"\xff"}},
		"an audience that is no text":             IDToken{Audience: Audience{"a", "\xff"}},
		"a map whose name is no text":             IDToken{ClaimNames: map[string]string{"\xff": ""}},
		"a map whose value is no text":            IDToken{ClaimNames: map[string]string{"a": "\xff"}},
		"a parameter that is not JSON":            AuthorizationRequest{AuthorizationDetails: RawJSON("{")},
		"a message that contains itself":          cycle,
		"a message that is too large":             IDToken{Issuer: strings.Repeat("a", MaxJSON)},
		"no message":                              "a",
		"nothing":                                 nil,
		"no message behind the pointer":           (*IDToken)(nil),
		"what encoding/json refuses": struct {
			F func() `json:"f"`
		}{func() {}},
	}
	for name, m := range tests {
		if text, err := EncodeJSON(m); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestDecodeIntoNothing(t *testing.T) {
	for _, into := range []any{nil, IDToken{}, (*IDToken)(nil)} {
		if err := DecodeJSON([]byte(`{}`), into); err == nil {
			t.Errorf("decoded into %T", into)
		}
		if err := DecodeForm(``, into); err == nil {
			t.Errorf("decoded a form into %T", into)
		}
		if err := DecodeValues(nil, into); err == nil {
			t.Errorf("decoded values into %T", into)
		}
	}
}

// A type that is not of this package is decoded by the same rules.
func TestOtherTypes(t *testing.T) {
	type inner struct {
		F float64 `json:"f"`
	}
	type other struct {
		Name   string            `json:"name,omitempty"`
		Strict bool              `json:"strict,omitempty"`
		N      int               `json:"n,omitempty"`
		In     inner             `json:"in"`
		Any    any               `json:"any,omitempty"`
		Raw    RawJSON           `json:"raw"`
		List   []inner           `json:"list,omitempty"`
		Null   *int              `json:"null"`
		Text   map[string]string `json:"text,omitempty"`
		Skip   string            `json:"-"`
		Bare   string
		own    string
	}
	text := `{"name":"a","strict":true,"n":1,"in":{"f":1.5},"any":[1],"raw":null,"list":[{"f":1},{"f":2}],"null":null,"text":{"a":"b"}}`
	var m other
	if err := DecodeJSON([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	if again, err := EncodeJSON(m); err != nil || string(again) != text {
		t.Errorf("%s, %v", again, err)
	}
	m.own = "" // not a member
	for _, bad := range []string{`{"Name":"a"}`, `{"x":{"a":1,"a":1}}`, `{"any":{"a":1,"a":1}}`, `{"in":{"f":"1"}}`, `{"any":`, `{"list":[1]}`, `{"list":{}}`, `{"list":[{"f":1}`, `{"text":{"a"`} {
		if err := DecodeJSON([]byte(bad), &m); err == nil {
			t.Errorf("%s was decoded", bad)
		}
	}
	var loose map[string]RawJSON
	if err := DecodeJSON([]byte(`{"a":1}`), &loose); err != nil || string(loose["a"]) != "1" {
		t.Errorf("%v, %v", loose, err)
	}
	var pairs map[string]*Actor
	if err := DecodeJSON([]byte(`{"a":null,"b":{"sub":"c"}}`), &pairs); err != nil || len(pairs) != 2 || pairs["a"] != nil {
		t.Errorf("%v, %v", pairs, err)
	}
	if err := DecodeJSON([]byte(strings.Repeat(`{"act":`, 17)+`{}`+strings.Repeat("}", 17)), new(Actor)); err == nil {
		t.Error("an actor 18 levels deep")
	}
}

// A type that cannot be a message is a mistake that shows at once.
func TestImpossibleTypes(t *testing.T) {
	type twoExtras struct {
		A Extra `json:"-"`
		B Extra `json:"-"`
	}
	type Embedded struct {
		A string `json:"a"`
	}
	type twice struct {
		B string `json:"a"`
		Embedded
	}
	type pointer struct{ *Embedded }
	for _, v := range []any{new(twoExtras), new(twice), new(pointer)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%T is a message", v)
				}
			}()
			_ = DecodeJSON([]byte(`{}`), v)
		}()
	}
}
