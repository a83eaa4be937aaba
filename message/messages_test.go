package message

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// messages holds one value of every message type, and of the types inside them.
// TestMessagesAreListed keeps it complete.
var messages = []Message{
	AccessTokenClaims{}, AccessTokenRequest{}, AccessTokenResponse{}, Actor{}, Address{}, ApprovalsRequest{}, Assertion{},
	AuthorizationRequest{}, AuthorizationResponse{},
	BackchannelAuthenticationRequest{}, BackchannelAuthenticationResponse{}, BackchannelLogoutRequest{},
	BackchannelNotification{}, BackchannelRequestObject{}, BackchannelTokenRequest{},
	CheckSessionRequest{}, CheckSessionResponse{},
	ClaimRequest{}, ClaimSource{}, ClaimsRequest{}, ClientCredentialsRequest{}, ClientMetadata{}, Confirmation{},
	DPoPProof{}, DeviceAuthorizationRequest{}, DeviceAuthorizationResponse{}, DeviceTokenRequest{},
	DeviceVerificationRequest{}, EndSessionRequest{}, EndSessionResponse{}, ErrorResponse{},
	FrontchannelLogoutRequest{}, IDToken{}, InitiateLoginRequest{}, IntrospectionJWT{}, IntrospectionRequest{},
	IntrospectionResponse{}, JARMResponse{}, JWKS{}, JWKSRequest{}, JWTBearerRequest{}, LogoutToken{},
	ProviderInfoRequest{}, ProviderMetadata{}, PushedAuthorizationRequest{}, PushedAuthorizationResponse{},
	RefreshTokenRequest{}, RegistrationDeleteRequest{}, RegistrationDeleteResponse{}, RegistrationReadRequest{},
	RegistrationRequest{}, RegistrationResponse{}, RegistrationUpdateRequest{}, RequestObject{}, ResourceMetadata{},
	RevocationRequest{}, RevocationResponse{}, TokenExchangeRequest{}, TokenExchangeResponse{},
	UserInfoRequest{}, UserInfoResponse{}, WebFingerLink{}, WebFingerRequest{}, WebFingerResponse{},
}

// Every struct with a LogValue method is in the table above.
func TestMessagesAreListed(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{"Secret": true, "Extra": true, "Member": true}
	for _, m := range messages {
		listed[reflect.TypeOf(m).Name()] = true
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "LogValue" {
				continue
			}
			name, ok := f.Recv.List[0].Type.(*ast.Ident)
			if !ok {
				t.Errorf("%s: LogValue has a pointer receiver", f.Recv.List[0].Type)
			} else if !listed[name.Name] {
				t.Errorf("%s is not listed", name.Name)
			}
		}
	}
}

// A message has one Extra, tags on every field, a name once, value receivers, no
// parameter in brackets and only types that the codecs know.
func TestNoTagEmittedTwice(t *testing.T) {
	for _, m := range messages {
		typ := reflect.TypeOf(m)
		t.Run(typ.Name(), func(t *testing.T) {
			p := planOf(typ) // panics on a name that occurs twice
			if p.extra == nil {
				t.Error("no Extra")
			}
			inForm := 0
			for _, sf := range reflect.VisibleFields(typ) {
				if sf.Anonymous {
					if sf.Tag != "" {
						t.Errorf("%s: an embedded struct with a tag", sf.Name)
					}
					continue
				}
				inForm += checkTags(t, sf)
			}
			if inForm != 0 && inForm != len(p.fields) {
				switch typ.Name() {
				case "JARMResponse", "RequestObject", "BackchannelRequestObject", "BackchannelNotification": // never a form as a whole
				default:
					t.Errorf("%d of %d fields are parameters", inForm, len(p.fields))
				}
			}
			if p.form != (inForm == len(p.fields)) {
				t.Errorf("form is %v", p.form)
			}
		})
	}
}

// checkTags returns 1 if the field is a parameter.
func checkTags(t *testing.T, sf reflect.StructField) int {
	t.Helper()
	jsonName, jsonOptions, _ := strings.Cut(sf.Tag.Get("json"), ",")
	name, options, _ := strings.Cut(sf.Tag.Get("url"), ",")
	if sf.Type == extraType {
		if jsonName != "-" || name != "-" {
			t.Errorf("%s is encoded", sf.Name)
		}
		return 0
	}
	c := codecOf(sf.Type)
	checkCodec(t, sf.Name, c)
	wantOption := "omitempty"
	if c.kind == kindTime {
		wantOption = "omitzero"
	}
	if jsonName == "" || jsonOptions != wantOption && sf.Type != reflect.TypeFor[[]json.RawMessage]() {
		t.Errorf("%s: tag json:%q", sf.Name, sf.Tag.Get("json"))
	}
	if name == "" {
		return 0
	}
	if name != jsonName || strings.ContainsAny(name, "[]") {
		t.Errorf("%s: parameter %q, member %q", sf.Name, name, jsonName)
	}
	want := "omitempty"
	if c.kind == kindList {
		want = "omitempty,space"
	}
	if options != want {
		t.Errorf("%s: url options %q, want %q", sf.Name, options, want)
	}
	bare := sf.Type
	if bare.Kind() == reflect.Pointer {
		bare = bare.Elem()
	}
	_, ok := reflect.PointerTo(bare).MethodByName("EncodeValues")
	if _, value := bare.MethodByName("EncodeValues"); ok && !value {
		t.Errorf("%s: EncodeValues has a pointer receiver", sf.Name)
	}
	switch c.kind {
	case kindMap, kindStruct, kindTime, kindOther:
		t.Errorf("%s: no type for a parameter", sf.Name)
	case kindPointer, kindRaw:
		scalar := c.kind == kindPointer && (c.elem.kind == kindInt || c.elem.kind == kindBool)
		if !ok && !scalar {
			t.Errorf("%s: has no EncodeValues", sf.Name)
		}
	}
	return 1
}

func checkCodec(t *testing.T, name string, c *codec) {
	t.Helper()
	if c.kind == kindOther {
		t.Errorf("%s: %v is left to encoding/json", name, c.typ)
	}
	if c.kind == kindBool || c.kind == kindInt {
		t.Errorf("%s: %v cannot be absent", name, c.typ)
	}
	for e := c.elem; e != nil; e = e.elem {
		if e.kind == kindOther {
			t.Errorf("%s: %v is left to encoding/json", name, c.typ)
		}
	}
}

// newMessage returns a pointer to a zero message of m's type.
func newMessage(m Message) reflect.Value { return reflect.New(reflect.TypeOf(m)) }

// A filler fills messages with random values that the wire can carry.
type filler struct {
	*rand.Rand
	form bool // values that survive a form: Extra holds strings, sorted by name
	mark string
}

var texts = []string{
	"a", "https://op.example.com/authorize?a=b&c=d", `quote " and \ backslash`, "tab\tnewline\nreturn\r\b\f\x01\x7f",
	"<script>&amp;</script>", "カ\u2028\u2029", "emoji 😀", "a+b c%20", "0", "null", "true", "é", "\ufffd",
}

var raws = []string{
	`{"type":"account","actions":["list"]}`, `[ {"type" : "a"} , {"b":[1,2, 3]}]`, `12345678901234567890`, `1.50e+1`,
	`"\u00e9\/"`, `true`, `{}`, `[]`, `{"a":{"b":{"c":null}}}`, `"text"`,
}

func (f filler) text() string { return f.mark + texts[f.IntN(len(texts))] }

func (f filler) word() string {
	return f.mark + []string{"openid", "a:b", "é\"", "x-y_z", "%41+", `\`}[f.IntN(6)]
}

func (f filler) fill(v reflect.Value, depth int) {
	p := planOf(v.Type())
	if v.Type() == reflect.TypeFor[BackchannelNotification]() || depth < 4 {
		for i := range p.fields {
			if f.IntN(3) > 0 {
				f.value(p.fields[i].codec, p.fields[i].of(v), depth)
			}
		}
	}
	var extra Extra
	for i := range f.IntN(4) {
		m := Member{Name: fmt.Sprintf("x%d%s", i, f.text()), Value: []byte(raws[f.IntN(len(raws))])}
		if f.form {
			m.Value, _ = appendString(nil, f.text())
		}
		extra = append(extra, m)
	}
	if !f.form {
		for i := range p.fields {
			if note := emptyNote(p.fields[i].codec); note != nil && !p.fields[i].keep && p.fields[i].codec.empty(p.fields[i].of(v)) && f.IntN(9) == 0 {
				extra = append(extra, Member{Name: p.fields[i].name, Value: note})
			}
		}
	}
	if extra != nil {
		v.FieldByIndex(p.extra).Set(reflect.ValueOf(extra))
	}
}

func (f filler) value(c *codec, v reflect.Value, depth int) {
	switch c.kind {
	case kindString:
		v.SetString(f.text())
	case kindBool:
		v.SetBool(f.IntN(2) == 0)
	case kindInt:
		v.SetInt(f.Int64() >> f.IntN(64) * int64(1-2*f.IntN(2)))
	case kindTime:
		v.Set(reflect.ValueOf(Time{sec: f.Int64N(maxTime + 1), nsec: int32(f.IntN(3)) * 500_000_001 % 1e9, present: true}))
	case kindList:
		var l List
		for range f.IntN(3) + 1 {
			l = append(l, f.word())
		}
		v.Set(reflect.ValueOf(l))
	case kindAudience:
		var a Audience
		for range f.IntN(3) + 1 {
			a = append(a, f.text())
		}
		v.Set(reflect.ValueOf(a))
	case kindRaw:
		v.SetBytes([]byte(raws[f.IntN(len(raws))]))
	case kindStruct:
		f.fill(v, depth+1)
	case kindPointer:
		target := reflect.New(c.elem.typ)
		f.value(c.elem, target.Elem(), depth)
		v.Set(target)
	case kindSlice:
		for range f.IntN(3) + 1 {
			elem := reflect.New(c.elem.typ).Elem()
			f.value(c.elem, elem, depth)
			v.Set(reflect.Append(v, elem))
		}
	case kindMap:
		v.Set(reflect.MakeMap(c.typ))
		for i := range f.IntN(3) {
			elem := reflect.New(c.elem.typ).Elem()
			if c.elem.kind != kindPointer || f.IntN(3) > 0 {
				f.value(c.elem, elem, depth)
			}
			v.SetMapIndex(reflect.ValueOf(fmt.Sprint(f.text(), i)), elem)
		}
	}
}

// sortExtra puts Extra in the order in which a form holds it.
func sortExtra(v reflect.Value) {
	extra := planOf(v.Type()).extraOf(v)
	slices.SortFunc(extra, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
}

// withoutExtra empties Extra, also that of the messages inside.
func withoutExtra(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			withoutExtra(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			withoutExtra(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			withoutExtra(v.MapIndex(key))
		}
	case reflect.Struct:
		if v.Type() == timeType {
			return
		}
		for i := range v.NumField() {
			if v.Field(i).Type() == extraType {
				v.Field(i).SetZero()
			} else {
				withoutExtra(v.Field(i))
			}
		}
	}
}
