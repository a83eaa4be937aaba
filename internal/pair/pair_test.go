package pair_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/internal/pair"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

const (
	callback = "https://rp.example/cb"
	goodbye  = "https://rp.example/bye"
)

// world is both sides and the clock they share.
type world struct {
	*pair.Pair
	t   *testing.T
	now time.Time
	env service.Env
}

type knobs struct {
	metadata    func(*message.ClientMetadata)
	rp          func(*servicecontext.Config)
	op          func(*endpoint.Config)
	preferences servicecontext.Preferences
}

var made sync.Map // RSA keys take long: one of each kind is enough

func generate(t testing.TB, algs ...string) *keyjar.Set {
	t.Helper()
	var keys []*keyjar.Key
	for _, alg := range algs {
		key, there := made.Load(alg)
		if !there {
			fresh, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{Algorithm: alg})
			if err != nil {
				t.Fatal(err)
			}
			key, _ = made.LoadOrStore(alg, fresh)
		}
		keys = append(keys, key.(*keyjar.Key))
	}
	return keyjar.NewSet(keys...)
}

func newWorld(t *testing.T, k knobs) *world {
	t.Helper()
	w := &world{t: t, now: time.Unix(1517736988, 0)}
	clock := func() time.Time { return w.now }
	cfg := endpoint.Config{
		Issuer: optest.Issuer, Keys: generate(t, "RS256", "ES256", "EdDSA"),
		Store:  &state.Memory{Now: clock},
		Users:  optest.Users{optest.Username: {Password: optest.Password, User: optest.Diana()}},
		Policy: endpoint.Policy{ResponseTypes: []string{"code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"}},
		Now:    clock,
	}
	if k.op != nil {
		k.op(&cfg)
	}
	c, err := endpoint.NewContext(cfg)
	if err != nil {
		t.Fatal(err)
	}
	set, err := endpoint.NewSet(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Pair = &pair.Pair{
		Provider: set, Binding: "the browser's own value, which is long enough",
		Login: endpoint.Authentication{User: "diana", AMR: []string{"pwd"}},
	}
	rp := servicecontext.Config{
		Metadata: message.ClientMetadata{
			RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{goodbye}, ClientName: "Pair",
			GrantTypes: []string{message.GrantTypeAuthorizationCode, message.GrantTypeRefreshToken}, ResponseTypes: []string{"code"},
		},
		Scope: []string{"openid", "email", "offline_access"}, Preferences: k.preferences, Now: clock,
	}
	if k.metadata != nil {
		k.metadata(&rp.Metadata)
	}
	if k.rp != nil {
		k.rp(&rp)
	}
	sc, err := servicecontext.New(rp)
	if err != nil {
		t.Fatal(err)
	}
	w.env = service.Env{Context: sc, DB: &state.DB{Store: &state.Memory{Now: clock}}}
	return w
}

func (w *world) run(constructor func(service.Env) service.Service, args service.Args) *service.Result {
	w.t.Helper()
	svc := constructor(w.env)
	res, err := service.Run(context.Background(), svc, args, w.Send)
	if err != nil {
		w.t.Fatalf("%s: %v", svc.Name(), err)
	}
	return res
}

// register runs the conversation up to a registered client.
func (w *world) register() {
	w.t.Helper()
	w.run(service.NewWebFinger, service.Args{Message: message.WebFingerRequest{Resource: optest.Identifier}})
	w.run(service.NewProviderInfo, service.Args{})
	w.run(service.NewRegistration, service.Args{})
}

// login runs an authorization and returns its state.
func (w *world) login(req message.AuthorizationRequest) *service.Result {
	w.t.Helper()
	return w.run(service.NewAuthorization, service.Args{Message: req, Binding: w.Binding})
}

func TestConversation(t *testing.T) {
	w := newWorld(t, knobs{})
	w.register()
	auth := w.login(message.AuthorizationRequest{})
	if !slices.Equal(w.Prompts, []endpoint.Prompt{endpoint.PromptLogin, endpoint.PromptConsent}) {
		t.Errorf("prompts %v", w.Prompts)
	}
	token := w.run(service.NewAccessToken, service.Args{State: auth.State})
	if token.IDToken == nil || token.IDToken.Subject != "diana" {
		t.Errorf("id token %v", token.IDToken)
	}
	info := service.MessageOf[message.UserInfoResponse](w.run(service.NewUserInfo, service.Args{State: auth.State}))
	if info.Subject != "diana" || info.Email != "diana@op.example" || info.Name != "" {
		t.Errorf("claims %v", info)
	}
	w.run(service.NewRefreshToken, service.Args{State: auth.State})
	w.run(service.NewUserInfo, service.Args{State: auth.State})
	w.run(service.NewEndSession, service.Args{State: auth.State})
}

// A second login uses the session and the consent of the first.
func TestSingleSignOn(t *testing.T) {
	w := newWorld(t, knobs{})
	w.register()
	first := w.login(message.AuthorizationRequest{})
	w.Prompts = nil
	w.login(message.AuthorizationRequest{Prompt: message.List{"none"}})
	if w.Prompts != nil {
		t.Errorf("asked again: %v", w.Prompts)
	}
	w.run(service.NewAccessToken, service.Args{State: first.State})
	w.run(service.NewEndSession, service.Args{State: first.State})
	_, err := service.Run(context.Background(), service.NewAuthorization(w.env), service.Args{
		Message: message.AuthorizationRequest{Prompt: message.List{"none"}}, Binding: w.Binding,
	}, w.Send)
	if !errors.Is(err, message.LoginRequired) {
		t.Errorf("after the logout: %v", err)
	}
}

func TestClientAuthentication(t *testing.T) {
	for _, method := range []string{
		message.AuthMethodClientSecretBasic, message.AuthMethodClientSecretPost,
		message.AuthMethodClientSecretJWT, message.AuthMethodPrivateKeyJWT, message.AuthMethodNone,
	} {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t, knobs{
				metadata: func(m *message.ClientMetadata) { m.TokenEndpointAuthMethod = method },
				rp:       func(c *servicecontext.Config) { c.Keys = generate(t, "ES256") },
			})
			w.register()
			auth := w.login(message.AuthorizationRequest{})
			w.run(service.NewAccessToken, service.Args{State: auth.State})
			w.run(service.NewRefreshToken, service.Args{State: auth.State})
			w.run(service.NewRefreshToken, service.Args{State: auth.State})
			w.run(service.NewUserInfo, service.Args{State: auth.State})
		})
	}
}

func TestResponseTypesAndModes(t *testing.T) {
	for _, responseType := range []string{"code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"} {
		for _, mode := range []message.ResponseMode{"", message.ResponseModeFragment, message.ResponseModeFormPost} {
			t.Run(responseType+" "+string(mode), func(t *testing.T) {
				w := newWorld(t, knobs{
					metadata: func(m *message.ClientMetadata) { m.ResponseTypes, m.GrantTypes = []string{responseType}, nil },
					rp:       func(c *servicecontext.Config) { c.Compat.AllowFrontChannelAccessToken = true },
				})
				w.register()
				auth := w.login(message.AuthorizationRequest{ResponseType: message.ParseList(responseType), ResponseMode: mode})
				words := message.ParseList(responseType)
				if words.Has("code") {
					w.run(service.NewAccessToken, service.Args{State: auth.State})
				}
				if words.Has("code") || words.Has("token") {
					w.run(service.NewUserInfo, service.Args{State: auth.State})
				}
			})
		}
	}
}

func TestSignedAnswers(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA", "HS256"} {
		t.Run(alg, func(t *testing.T) {
			w := newWorld(t, knobs{metadata: func(m *message.ClientMetadata) {
				m.IDTokenSignedResponseAlg, m.UserInfoSignedResponseAlg = alg, alg
			}})
			w.register()
			auth := w.login(message.AuthorizationRequest{})
			w.run(service.NewAccessToken, service.Args{State: auth.State})
			w.run(service.NewUserInfo, service.Args{State: auth.State})
			w.run(service.NewEndSession, service.Args{State: auth.State})
		})
	}
}

func TestManagement(t *testing.T) {
	w := newWorld(t, knobs{})
	w.register()
	w.run(service.NewRegistrationRead, service.Args{})
	w.run(service.NewRegistrationUpdate, service.Args{})
	w.run(service.NewRegistrationRead, service.Args{})
	w.run(service.NewRegistrationDelete, service.Args{})
}
