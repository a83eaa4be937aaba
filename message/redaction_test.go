package message

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

const secretMark = "topsecret"

// secrets are the fields that hold one. A field that is to be kept from eyes and is
// not in this table, or the other way round, is a mistake.
var secrets = map[string]bool{
	"access_token": true, "actor_token": true, "assertion": true, "auth_req_id": true, "client_assertion": true,
	"client_notification_token": true, "client_secret": true, "code": true, "code_verifier": true, "device_code": true,
	"id_token": true, "id_token_hint": true, "JWT": true, "login_hint_token": true, "logout_token": true,
	"refresh_token": true, "registration_access_token": true, "request": true, "response": true, "subject_token": true,
	"token": true, "urn:openid:params:jwt:claim:auth_req_id": true,
}

func TestSecretFields(t *testing.T) {
	for _, m := range messages {
		for _, f := range planOf(reflect.TypeOf(m)).fields {
			secret := secrets[f.name]
			switch {
			case f.name == "id_token" && f.codec.kind == kindMap: // of a claims request
				secret = false
			case f.name == "user_code": // a password of the user in CIBA, a thing to show on a device
				secret = reflect.TypeOf(m) == reflect.TypeFor[BackchannelAuthenticationRequest]() || reflect.TypeOf(m) == reflect.TypeFor[BackchannelRequestObject]()
			}
			if secret != (f.codec.typ == secretType) {
				t.Errorf("%T: %s has the type %v", m, f.name, f.codec.typ)
			}
		}
	}
}

// marked fills a message: every Secret and every unknown value holds the mark.
func marked(m Message) reflect.Value {
	v := newMessage(m)
	filler{Rand: rand.New(rand.NewPCG(7, 8))}.fill(v.Elem(), 0)
	mark(v)
	return v
}

func mark(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			mark(v.Elem())
		}
	case reflect.String:
		if v.Type() == secretType {
			v.SetString(secretMark)
		}
	case reflect.Slice:
		if v.Type() == extraType {
			v.Set(reflect.ValueOf(Extra{{"x", []byte(`"` + secretMark + `"`)}, {"y\n", []byte(`"` + secretMark + `"`)}}))
			return
		}
		if v.Type() == reflect.TypeFor[[]json.RawMessage]() {
			return // those of a JWK Set are marked in its own test
		}
		for i := range v.Len() {
			mark(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			mark(v.MapIndex(key))
		}
	case reflect.Struct:
		if v.Type() == timeType {
			return
		}
		for i := range v.NumField() {
			mark(v.Field(i))
		}
	}
}

const verbs = "vTtbcdoOqxXUeEfFgGsj"

// shown returns everything that fmt, slog and encoding/json make of v.
func shown(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range verbs {
		for _, flags := range []string{"", "+", "#", "10.3", "-", " ", "0"} {
			format := "%" + flags + string(verb) + "\n"
			fmt.Fprintf(&b, format, v)
			fmt.Fprintf(&b, format, []any{v})
			fmt.Fprintf(&b, format, map[string]any{"k": v})
			fmt.Fprintf(&b, format, struct{ V any }{v})
		}
	}
	fmt.Fprintln(&b, v)
	fmt.Fprintln(&b, fmt.Errorf("wrapped: %v", v))
	for _, handler := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		logger := slog.New(handler)
		logger.Info("m", "v", v)
		logger.Info("m", slog.Group("g", slog.Any("v", v)))
		logger.Info("m", "v", []any{v})
		logger.With("v", v).Info("m")
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	b.Write(text)
	return b.String()
}

// No secret and no unknown value is in what any verb, any logger or encoding/json
// shows of any message.
func TestNothingLeaks(t *testing.T) {
	for _, m := range messages {
		v := marked(m)
		for _, value := range []any{v.Interface(), v.Elem().Interface()} {
			if text := shown(t, value); strings.Contains(text, secretMark) {
				i := strings.Index(text, secretMark)
				t.Errorf("%T: %s", value, text[max(0, i-200):i+20])
			}
		}
		if travels, err := EncodeJSON(v.Interface()); err != nil || !bytes.Contains(travels, []byte(secretMark)) {
			t.Errorf("%T: %s, %v", m, travels, err)
		}
	}
	set := JWKS{Keys: []json.RawMessage{[]byte(`{"k":"` + secretMark + `"}`)}}
	for _, v := range []Message{set, ClientMetadata{JWKS: &set}, RegistrationRequest{ClientMetadata{JWKS: &set}}} {
		if text := fmt.Sprintf("%v %+v %#v %s %x", v, v, v, v, v); strings.Contains(text, secretMark) || !strings.Contains(text, "1 key") {
			t.Error(text)
		}
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
		if strings.Contains(b.String(), secretMark) || !strings.Contains(b.String(), "1 key") {
			t.Error(b.String())
		}
	}
}

func TestSecret(t *testing.T) {
	s := Secret(secretMark)
	type holder struct {
		Secret  Secret
		Pointer *Secret
		List    []Secret
		Map     map[string]Secret
	}
	h := holder{s, &s, []Secret{s}, map[string]Secret{"s": s}}
	text := shown(t, s) + shown(t, h) + fmt.Sprint(s.String(), s.GoString(), s.LogValue())
	out, err := xml.Marshal(s)
	if text += string(out); err != nil || strings.Contains(text, secretMark) {
		t.Error(text, err)
	}
	if !strings.Contains(text, masked) {
		t.Error(text)
	}
	if got := fmt.Sprintf("%s|%v|%q", Secret(""), Secret(""), Secret("")); got != "||" {
		t.Errorf("an absent secret shows as %s", got)
	}
	if s.Reveal() != secretMark {
		t.Error("not revealed")
	}
	if !s.Equal(secretMark) || s.Equal(secretMark+"x") || s.Equal("") || !Secret("").Equal("") {
		t.Error("Equal is wrong")
	}
	var back Secret
	if err := json.Unmarshal([]byte(`"a"`), &back); err != nil || back != "a" {
		t.Error(back.Reveal(), err)
	}
}

// What is shown is readable, on one line, and has no text that the peer could make
// look like ours.
func TestShown(t *testing.T) {
	yes, age := true, 0
	m := AuthorizationRequest{
		Scope: List{"openid", "a\nb"}, State: "s\n\x1b[31m", MaxAge: &age, IDTokenHint: "x", Resource: Audience{"a", "b"},
		Claims:               &ClaimsRequest{UserInfo: map[string]*ClaimRequest{"name\n": {Essential: &yes, Value: []byte("1")}, "email": nil}},
		AuthorizationDetails: RawJSON("[\n]"),
		Extra:                Extra{{"x\ny", []byte("1")}},
	}
	want := `AuthorizationRequest{scope:"openid a\nb" state:"s\n\x1b[31m" max_age:0 id_token_hint:*** ` +
		`claims:{userinfo:{email:null "name\n":{essential:true value:"1"}}} resource:["a" "b"] authorization_details:"[\n]" "x\ny":***}`
	if got := fmt.Sprint(m); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := fmt.Sprint(JWKS{}); got != "JWKS{0 keys}" {
		t.Error(got)
	}
	if got := fmt.Sprint(IDToken{Expiration: Unix(1)}); got != "IDToken{exp:1}" {
		t.Error(got)
	}
	if got := fmt.Sprint(IDToken{Extra: Extra{{"a", []byte("1")}, {"b", []byte("1")}}}); got != "IDToken{a:*** b:***}" {
		t.Error(got)
	}
	if got := fmt.Sprint(TokenExchangeResponse{}); got != "TokenExchangeResponse{}" {
		t.Error(got)
	}
	if got := fmt.Sprint(Extra{{"a", []byte("1")}}, Member{"a", []byte("1")}, RawJSON("{}")); got != "{a:***} a:*** {}" {
		t.Error(got)
	}
	var b bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key != "m" && a.Key != "e" {
			return slog.Attr{}
		}
		return a
	}}))
	logger.Info("", "m", m, "e", Extra{{"a", nil}})
	wantLog := `{"m":{"scope":"openid a\nb","state":"s\n\u001b[31m","max_age":0,"id_token_hint":"***",` +
		`"claims":{"userinfo":{"email":null,"name\n":{"essential":true,"value":"1"}}},"resource":"[\"a\" \"b\"]",` +
		`"authorization_details":"[\n]","x\ny":"***"},"e":{"a":"***"}}` + "\n"
	if b.String() != wantLog {
		t.Errorf("got  %swant %s", b.String(), wantLog)
	}
	if got := fmt.Sprint(LogValue((*IDToken)(nil))); got != "<nil>" {
		t.Error(got)
	}
	if got := fmt.Sprintf("%v", formatNil{}); got != "<nil>" {
		t.Error(got)
	}
}

type formatNil struct{}

func (formatNil) Format(s fmt.State, verb rune) { Format(s, verb, (*IDToken)(nil)) }
