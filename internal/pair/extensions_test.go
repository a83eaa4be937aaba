package pair_test

import (
	"context"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// flow runs a login to its UserInfo.
func (w *world) flow(req message.AuthorizationRequest) string {
	w.t.Helper()
	w.register()
	auth := w.login(req)
	w.run(service.NewAccessToken, service.Args{State: auth.State})
	w.run(service.NewUserInfo, service.Args{State: auth.State})
	return auth.State
}

func TestRequestMethods(t *testing.T) {
	for _, c := range []struct {
		name     string
		rp       func(*servicecontext.Config)
		metadata func(*message.ClientMetadata)
	}{
		{"pushed", func(c *servicecontext.Config) { c.RequestMethod = servicecontext.RequestPushed }, nil},
		{"by value", func(c *servicecontext.Config) { c.RequestMethod = servicecontext.RequestByValue }, func(m *message.ClientMetadata) { m.RequestObjectSigningAlg = "ES256" }},
		{"by value, HMAC", func(c *servicecontext.Config) { c.RequestMethod = servicecontext.RequestByValue }, func(m *message.ClientMetadata) { m.RequestObjectSigningAlg = "HS256" }},
		{"by value, encrypted", func(c *servicecontext.Config) { c.RequestMethod = servicecontext.RequestByValue }, func(m *message.ClientMetadata) {
			m.RequestObjectSigningAlg, m.RequestObjectEncryptionAlg = "ES256", "RSA-OAEP-256"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, knobs{
				metadata: func(m *message.ClientMetadata) {
					if c.metadata != nil {
						c.metadata(m)
					}
				},
				rp: func(cfg *servicecontext.Config) {
					cfg.Keys = generate(t, "ES256")
					c.rp(cfg)
				},
				op: func(cfg *endpoint.Config) { cfg.Keys = generate(t, "RS256", "ES256", "EdDSA", "RSA-OAEP-256") },
			})
			w.flow(message.AuthorizationRequest{})
		})
	}
}

func TestHostedRequestObject(t *testing.T) {
	w := newWorld(t, knobs{
		metadata: func(m *message.ClientMetadata) {
			m.RequestObjectSigningAlg, m.RequestURIs = "ES256", []string{"https://rp.example/requests"}
		},
		rp: func(c *servicecontext.Config) {
			c.Keys, c.RequestMethod, c.RequestURIBase = generate(t, "ES256"), servicecontext.RequestByReference, "https://rp.example/requests"
		},
	})
	w.flow(message.AuthorizationRequest{})
}

func TestJARM(t *testing.T) {
	for _, mode := range []message.ResponseMode{
		message.ResponseModeJWT, message.ResponseModeQueryJWT, message.ResponseModeFragmentJWT, message.ResponseModeFormPostJWT,
	} {
		for _, alg := range []string{"RS256", "ES256", "HS256"} {
			t.Run(string(mode)+" "+alg, func(t *testing.T) {
				w := newWorld(t, knobs{
					metadata:    func(m *message.ClientMetadata) { m.AuthorizationSignedResponseAlg = alg },
					preferences: servicecontext.Preferences{ResponseModes: []string{string(mode)}},
				})
				w.flow(message.AuthorizationRequest{ResponseMode: mode})
			})
		}
	}
	t.Run("encrypted", func(t *testing.T) {
		w := newWorld(t, knobs{
			metadata: func(m *message.ClientMetadata) {
				m.AuthorizationSignedResponseAlg, m.AuthorizationEncryptedResponseAlg = "ES256", "ECDH-ES+A128KW"
			},
			rp:          func(c *servicecontext.Config) { c.Keys = generate(t, "ES256", "ECDH-ES+A128KW") },
			preferences: servicecontext.Preferences{ResponseModes: []string{"jwt"}},
		})
		w.flow(message.AuthorizationRequest{ResponseMode: message.ResponseModeJWT})
	})
}

func TestEncryptedAnswers(t *testing.T) {
	for _, alg := range []string{"RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW", "A128KW", "dir"} {
		t.Run(alg, func(t *testing.T) {
			w := newWorld(t, knobs{
				metadata: func(m *message.ClientMetadata) {
					m.IDTokenSignedResponseAlg, m.IDTokenEncryptedResponseAlg = "ES256", alg
					m.UserInfoSignedResponseAlg, m.UserInfoEncryptedResponseAlg = "ES256", alg
				},
				rp: func(c *servicecontext.Config) {
					if alg != "A128KW" && alg != "dir" {
						c.Keys = generate(t, alg)
					}
				},
			})
			w.flow(message.AuthorizationRequest{})
		})
	}
}

func TestDPoP(t *testing.T) {
	for name, nonce := range map[string]bool{"plain": false, "with nonces": true} {
		for _, method := range []string{message.AuthMethodClientSecretBasic, message.AuthMethodPrivateKeyJWT, message.AuthMethodNone} {
			t.Run(name+" "+method, func(t *testing.T) {
				w := newWorld(t, knobs{
					metadata: func(m *message.ClientMetadata) {
						yes := true
						m.DPoPBoundAccessTokens, m.TokenEndpointAuthMethod = &yes, method
					},
					rp: func(c *servicecontext.Config) {
						c.Keys = generate(t, "ES256")
						c.DPoPKey = generate(t, "ES384").Keys()[0]
					},
					op: func(c *endpoint.Config) { c.Policy.DPoPNonce = nonce },
				})
				state := w.flow(message.AuthorizationRequest{})
				w.run(service.NewRefreshToken, service.Args{State: state})
				w.run(service.NewUserInfo, service.Args{State: state})
			})
		}
	}
	t.Run("pushed", func(t *testing.T) {
		w := newWorld(t, knobs{rp: func(c *servicecontext.Config) {
			c.DPoPKey, c.RequestMethod = generate(t, "ES384").Keys()[0], servicecontext.RequestPushed
		}})
		w.flow(message.AuthorizationRequest{})
	})
}

func TestIntrospectionAndRevocation(t *testing.T) {
	for name, alg := range map[string]string{"JSON": "", "JWT": "ES256"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, knobs{metadata: func(m *message.ClientMetadata) { m.IntrospectionSignedResponseAlg = alg }})
			state := w.flow(message.AuthorizationRequest{})
			active := func() bool {
				m := service.MessageOf[message.IntrospectionResponse](w.run(service.NewIntrospection, service.Args{State: state}))
				return m.Active != nil && *m.Active
			}
			if !active() {
				t.Error("a fresh token is not active")
			}
			tokens, err := w.env.DB.Session(context.Background(), state)
			if err != nil || tokens.Item("token_response") == nil {
				t.Fatal(err)
			}
			w.run(service.NewRevocation, service.Args{State: state})
		})
	}
}

func TestClientCredentials(t *testing.T) {
	w := newWorld(t, knobs{
		metadata: func(m *message.ClientMetadata) {
			m.GrantTypes = append(m.GrantTypes, message.GrantTypeClientCredentials)
		},
		op: func(c *endpoint.Config) {
			c.Policy.GrantTypes, c.Policy.Scopes = []string{"refresh_token", "client_credentials"}, []string{"api"}
		},
	})
	w.register()
	one := w.run(service.NewClientCredentials, service.Args{Message: message.ClientCredentialsRequest{Scope: message.List{"api"}}})
	two := w.run(service.NewClientCredentials, service.Args{Message: message.ClientCredentialsRequest{Scope: message.List{"api"}}})
	if one.State == two.State {
		t.Error("two requests share a record")
	}
}
