package service_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// answering is a world whose client asks for one response type, with the grants that it
// takes.
func answering(t *testing.T, responseType string, o override) *world {
	t.Helper()
	var grants []string
	if words := message.ParseList(responseType); words.Has("code") {
		grants = append(grants, "authorization_code", "refresh_token")
	}
	if responseType != "code" {
		grants = append(grants, "implicit")
	}
	o.Config = settings{
		Compat:   []byte(`{"allow_front_channel_access_token":true}`),
		Metadata: map[string]any{"response_types": []string{responseType}, "grant_types": grants},
	}
	o.Request = map[string]any{"response_type": responseType}
	w, err := newWorld(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestValueSets: a response type is a set of words, whatever their order on either side;
// the values of other lists are values.
func TestValueSets(t *testing.T) {
	asked := func(responseType string, provider map[string]any) (string, error) {
		return answering(t, responseType, override{Answers: map[string]answer{service.ProviderInfoName: {JSON: provider}}}).run(context.Background())
	}
	three := []string{"code id_token token", "code token id_token", "id_token code token", "id_token token code", "token code id_token", "token id_token code"}
	for _, ours := range three {
		for _, theirs := range three {
			if _, err := asked(ours, map[string]any{"response_types_supported": []string{theirs}}); err != nil {
				t.Errorf("%q of %q: %v", ours, theirs, err)
			}
		}
	}
	for _, theirs := range []string{"code id_token", "code token", "token", "code id_token token x", "Code ID_Token Token", "code,id_token,token"} {
		if _, err := asked(three[0], map[string]any{"response_types_supported": []string{theirs}}); !errors.Is(err, message.RuleMetadataCapability) {
			t.Errorf("%q of %q: %v", three[0], theirs, err)
		}
	}
	for name, value := range map[string]string{
		"token_endpoint_auth_methods_supported": "Client_Secret_Basic", "grant_types_supported": "authorization_code implicit refresh_token",
		"id_token_signing_alg_values_supported": "rs256",
	} {
		if at, err := asked("code", map[string]any{name: []string{value}}); at != service.ProviderInfoName {
			t.Errorf("%s: %q is taken for another value: at %q, %v", name, value, at, err)
		}
	}
}

// TestFrontChannelFirst: after an ID Token in front that is refused there is no code to
// redeem and no token to use.
func TestFrontChannelFirst(t *testing.T) {
	for responseType, claims := range map[string]map[string]any{
		"code id_token":       {"nonce": "another-nonce-of-22-characters"},
		"code id_token token": {"at_hash": "LDktKdoQak3Pk0cnXxCltA"},
		"id_token token":      {"aud": "another"},
	} {
		w := answering(t, responseType, override{IDToken: claims})
		ctx := context.Background()
		if at, err := w.run(ctx); at != service.AuthorizationName {
			t.Fatalf("%s: at %q: %v", responseType, at, err)
		}
		for _, name := range []string{service.AccessTokenName, service.UserInfoName, service.RefreshTokenName} {
			if req, err := w.services.Get(name).GetRequestParameters(ctx, service.Args{State: w.login}); err == nil {
				t.Errorf("%s: %s goes to %s all the same", responseType, name, req.URL)
			}
			if count(w.sent, name) != 0 {
				t.Errorf("%s: %s was sent", responseType, name)
			}
		}
	}
}
