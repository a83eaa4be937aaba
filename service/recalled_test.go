package service

import (
	"reflect"
	"testing"

	"github.com/oidcservice/oidc/message"
)

// TestOwnCopy holds what the steps of a login find without decoding against what they
// would decode, and writes to the message that the copy was made of.
func TestOwnCopy(t *testing.T) {
	life, age := int64(3600), 60
	for name, m := range map[string]struct {
		message, fresh message.Message
		decoded        bool // rather than copied
	}{
		"request": {message: &message.AuthorizationRequest{
			Scope: message.List{"openid", "email"}, ResponseType: message.List{"code"}, ClientID: "c", RedirectURI: "https://a.example/",
			State: "s", ResponseMode: "query", Nonce: "n", Display: "page", Prompt: message.List{"login", "consent"}, UILocales: message.List{"fr"},
			IDTokenHint: "h", LoginHint: "diana", ACRValues: message.List{"a", "b"}, ClaimsLocales: message.List{"de"}, Request: "r", RequestURI: "u",
			CodeChallenge: "cc", CodeChallengeMethod: "S256", Resource: message.Audience{"https://r.example/"}, DPoPJKT: "j",
		}, fresh: new(message.AuthorizationRequest)},
		"lists that are none": {message: &message.AuthorizationRequest{Scope: message.List{"openid email", ""}, Prompt: message.List{}}, fresh: new(message.AuthorizationRequest)},
		"max_age":             {message: &message.AuthorizationRequest{MaxAge: &age}, decoded: true},
		"claims":              {message: &message.AuthorizationRequest{Claims: new(message.ClaimsRequest)}, decoded: true},
		"extra":               {message: &message.AuthorizationRequest{Extra: message.Extra{{Name: "x", Value: []byte("1")}}}, decoded: true},
		"response": {message: &message.AuthorizationResponse{
			Code: "c", State: "s", Issuer: "i", AccessToken: "a", TokenType: "Bearer", Scope: message.List{"x", "y"}, IDToken: "t", SessionState: "ss",
		}, fresh: new(message.AuthorizationResponse)},
		"response with a life": {message: &message.AuthorizationResponse{ExpiresIn: &life}, decoded: true},
		"tokens": {message: &message.AccessTokenResponse{
			AccessToken: "a", TokenType: "Bearer", ExpiresIn: &life, RefreshToken: "r", Scope: message.List{"x", "y"}, IDToken: "t", State: "s",
		}, fresh: new(message.AccessTokenResponse)},
		"tokens with details": {message: &message.AccessTokenResponse{AuthorizationDetails: message.RawJSON("[]")}, decoded: true},
		"other":               {message: new(message.UserInfoResponse), decoded: true},
	} {
		t.Run(name, func(t *testing.T) {
			own := ownCopy(m.message)
			if m.decoded {
				if own != nil {
					t.Fatal("it shares what can be written to")
				}
				return
			}
			encoded, err := message.EncodeJSON(m.message)
			if err != nil {
				t.Fatal(err)
			}
			if err := message.DecodeJSON(encoded, m.fresh); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(own, m.fresh) {
				t.Fatalf("%#v, want %#v", own, m.fresh)
			}
			spoil(reflect.ValueOf(m.message).Elem())
			if !reflect.DeepEqual(own, m.fresh) {
				t.Fatal("who writes to the message writes to the copy")
			}
		})
	}
}

// spoil writes to whatever a message refers to.
func spoil(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString("spoilt")
		case reflect.Pointer:
			if !f.IsNil() {
				f.Elem().SetZero()
			}
		case reflect.Slice:
			for k := range f.Len() {
				f.Index(k).SetZero()
			}
		}
	}
}
