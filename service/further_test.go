package service_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// TestIDTokenHint: the hint of a second login is the ID Token of the first.
func TestIDTokenHint(t *testing.T) {
	w := loggedIn(t, override{})
	ctx := context.Background()
	svc := w.services.Get(service.AuthorizationName)
	good := w.idToken(nil)
	if _, err := svc.GetRequestParameters(ctx, service.Args{Message: message.AuthorizationRequest{IDTokenHint: message.Secret(good)}}); err != nil {
		t.Errorf("our own ID Token is refused: %v", err)
	}
	w.o.IDTokenTamper = "signature"
	for name, hint := range map[string]string{"tampered": w.idToken(nil), "of another client": "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzMjU2In0.eyJpc3MiOiJodHRwczovL29wLmV4YW1wbGUiLCJhdWQiOiJvdGhlciJ9.AAAA"} {
		if _, err := svc.GetRequestParameters(ctx, service.Args{Message: message.AuthorizationRequest{IDTokenHint: message.Secret(hint)}}); !errors.Is(err, message.RuleAuthzRequestIDTokenHint) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestIssuerTemplate: the tenant of the token takes its place in the template, and
// the whole is compared.
func TestIssuerTemplate(t *testing.T) {
	templated := func(id map[string]any) override {
		return override{
			Config:  settings{Compat: []byte(`{"insecure_issuer_template":"https://op.example/{tenantid}/v2.0"}`)},
			IDToken: id,
			Answers: map[string]answer{"provider_info": {JSON: map[string]any{"issuer": "https://op.example/{tenantid}/v2.0"}}},
		}
	}
	for name, test := range map[string]struct {
		id   map[string]any
		want message.Rule
	}{
		"the tenant's":         {map[string]any{"iss": "https://op.example/contoso/v2.0", "tid": "contoso"}, ""},
		"another tenant's":     {map[string]any{"iss": "https://op.example/fabrikam/v2.0", "tid": "contoso"}, message.RuleIDTokenIss},
		"the template itself":  {map[string]any{"iss": "https://op.example/{tenantid}/v2.0", "tid": "{tenantid}"}, message.RuleIDTokenIss},
		"a tenant that leaves": {map[string]any{"iss": "https://op.example/a/b/v2.0", "tid": "a/b"}, message.RuleIDTokenIss},
	} {
		w, err := newWorld(t, templated(test.id))
		if err != nil {
			t.Fatal(err)
		}
		at, err := w.run(context.Background())
		if test.want != "" && !errors.Is(err, test.want) || test.want == "" && err != nil && at == service.AccessTokenName {
			t.Errorf("%s: at %s: %v", name, at, err)
		}
	}
}

// TestEncryptedRequestObject: signed first, then encrypted with the provider's key,
// which is fetched when it is not there, and again when it is past its freshness.
func TestEncryptedRequestObject(t *testing.T) {
	retired, current := encryptionKey(t, "retired"), encryptionKey(t, "current")
	published := retired
	config := signingConfig("request")
	config.Metadata["request_object_encryption_alg"] = "ECDH-ES"
	w, err := newWorld(t, override{Config: config, Answers: map[string]answer{
		"provider_info": {JSON: map[string]any{"request_object_encryption_alg_values_supported": []string{"ECDH-ES"}, "request_object_encryption_enc_values_supported": []string{"A128CBC-HS256"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.answer = func(req *service.Request) *service.Response {
		if req.Service != service.JWKSName {
			return nil
		}
		body := fmt.Sprintf(`{"keys":[%s,%s]}`, published.Public().PublicJWK(), testKeys()["rs256"].Public().PublicJWK())
		return req.Answer(200, map[string][]string{"Content-Type": {"application/json"}}, []byte(body))
	}
	login := func(name string, to *keyjar.Key) {
		t.Helper()
		if at, err := w.run(context.Background()); err != nil {
			t.Fatalf("%s: %s: %v", name, at, err)
		}
		policy := keyjar.DecryptPolicy{Algs: []string{"ECDH-ES"}, Encs: []string{"A128CBC-HS256"}}
		inner, header, err := keyjar.NewSet(to).DecryptNested(frontQuery(t, w).Get("request"), policy)
		if err != nil || header.KeyID != to.ID() {
			t.Fatalf("%s: encrypted to %v: %v", name, header, err)
		}
		if signed, claims := open(t, inner, testKeys()["own"], "ES256"); signed.Type != "oauth-authz-req+jwt" || claims["state"] != w.login {
			t.Errorf("%s: inside is %v %v", name, signed, claims)
		}
	}
	login("first", retired)
	published = current
	w.now = w.now.Add(59 * time.Minute)
	login("within the freshness", retired)
	w.now = w.now.Add(3 * time.Minute)
	login("after it", current)
	if n := count(w.sent, service.JWKSName); n != 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func encryptionKey(t *testing.T, id string) *keyjar.Key {
	t.Helper()
	key, err := keyjar.Generate("ECDH-ES", rand.Reader, keyjar.KeyOptions{ID: id, Use: "enc"})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestPushedRequestObject: where the provider or we ourselves insist on it, the push
// holds a signed object and nothing else.
func TestPushedRequestObject(t *testing.T) {
	asked := override{Config: signingConfig("par"), Answers: map[string]answer{"provider_info": {JSON: map[string]any{"require_signed_request_object": true}}}}
	own := override{Config: signingConfig("par")}
	if own.Config.Metadata == nil {
		own.Config.Metadata = map[string]any{}
	}
	own.Config.Metadata["require_signed_request_object"] = true
	for name, o := range map[string]override{"the provider": asked, "we": own} {
		t.Run(name, func(t *testing.T) { pushesObject(t, o) })
	}
}

func pushesObject(t *testing.T, o override) {
	t.Helper()
	w, err := newWorld(t, o)
	if err != nil {
		t.Fatal(err)
	}
	pushed := ""
	w.sending = func(req *service.Request) {
		if req.Service == service.PushedAuthorizationName {
			pushed = string(req.Body)
		}
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if !strings.Contains(pushed, "request=ey") || strings.Contains(pushed, "redirect_uri=") {
		t.Errorf("pushed %.60s…", pushed)
	}
}

// TestEncryptedUserInfo: encrypted without a signature, as registered.
func TestEncryptedUserInfo(t *testing.T) {
	config := settings{Keys: true, Metadata: map[string]any{"userinfo_encrypted_response_alg": "RSA-OAEP", "jwks_uri": "https://rp.example/jwks"}}
	for name, test := range map[string]struct {
		body string
		want message.Rule
	}{
		"good":            {encrypt(t, `{"sub":"248289761001"}`, "RSA-OAEP", "A128CBC-HS256", ""), ""},
		"not encrypted":   {`e30.e30.AAAA`, message.RuleUserInfoNotEncrypted},
		"another content": {encrypt(t, `{"sub":"248289761001"}`, "RSA-OAEP", "A256GCM", ""), message.RuleJWEExpected},
	} {
		w, err := newWorld(t, override{Config: config, Answers: map[string]answer{
			"provider_info": {JSON: map[string]any{"userinfo_encryption_alg_values_supported": []string{"RSA-OAEP"}}},
			"userinfo":      {Header: map[string]string{"Content-Type": "application/jwt"}, Body: &test.body},
		}})
		if err != nil {
			t.Fatal(err)
		}
		at, err := w.run(context.Background())
		if test.want == "" && err != nil || test.want != "" && !errors.Is(err, test.want) {
			t.Errorf("%s: at %s: %v", name, at, err)
		}
	}
}

// TestMessagesOfServicesRedact: what a service of ours calls a message shows no secret.
func TestMessagesOfServicesRedact(t *testing.T) {
	const marked = "MARKED-SECRET"
	for _, m := range []message.Message{
		service.ClaimsSourceRequest{AccessToken: marked}, service.SourcedClaims{},
	} {
		for _, shown := range []string{fmt.Sprintf("%v", m), fmt.Sprintf("%+v", m), fmt.Sprintf("%#v", m), slog.AnyValue(m).Resolve().String()} {
			if strings.Contains(shown, marked) {
				t.Errorf("%T shows its secret: %s", m, shown)
			}
		}
	}
}

// TestTasksRedact: what another service is to do shows neither the binding nor a token, in
// a list of them neither.
func TestTasksRedact(t *testing.T) {
	const marked = "MARKED-SECRET"
	task := service.Task{Service: service.NewJWKS(service.Env{}), Args: service.Args{Binding: marked, Message: service.ClaimsSourceRequest{AccessToken: marked}}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("optional", "task", task, "other", &task)
	for _, shown := range []string{log.String(), fmt.Sprintf("%v %+v %#v %s", task, &task, []service.Task{task}, struct{ V any }{&task})} {
		if strings.Contains(shown, marked) || !strings.Contains(shown, "service.Task{jwks") {
			t.Error(shown)
		}
	}
	if text := (service.Task{}).String(); !strings.HasPrefix(text, "service.Task{") {
		t.Error(text)
	}
}

// TestStepUp: the challenge says what the next login has to ask for.
func TestStepUp(t *testing.T) {
	e := &service.ChallengeError{
		Err:       &message.Error{Code: message.InsufficientUserAuthentication, Status: 401},
		Challenge: message.Challenge{Scheme: "bearer", Params: map[string]string{"acr_values": "a b", "max_age": "5"}},
	}
	req, ok := e.StepUp()
	if !ok || req.ACRValues.String() != "a b" || req.MaxAge == nil || *req.MaxAge != 5 || e.Error() == "" {
		t.Errorf("%v, %v", req, ok)
	}
	if _, ok := (&service.ChallengeError{Err: &message.Error{Code: message.InvalidToken}}).StepUp(); ok {
		t.Error("invalid_token asks for no step-up")
	}
}
