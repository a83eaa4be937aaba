package pair_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/internal/pair"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

var everyGrant = []string{
	message.GrantTypeRefreshToken, message.GrantTypeClientCredentials, message.GrantTypeDeviceCode,
	message.GrantTypeCIBA, message.GrantTypeTokenExchange, message.GrantTypeJWTBearer,
}

// extended is a world in which every grant type is offered and registered.
func extended(t *testing.T, metadata func(*message.ClientMetadata), op func(*endpoint.Config)) *world {
	t.Helper()
	return newWorld(t, knobs{
		metadata: func(m *message.ClientMetadata) {
			m.GrantTypes = append([]string{message.GrantTypeAuthorizationCode}, everyGrant...)
			if metadata != nil {
				metadata(m)
			}
		},
		rp: func(c *servicecontext.Config) { c.Keys = generate(t, "ES256") },
		op: func(c *endpoint.Config) {
			c.Policy.GrantTypes, c.Policy.Scopes = everyGrant, []string{"api"}
			if op != nil {
				op(c)
			}
		},
	})
}

// poll runs a polling service; before the second wait the user decides.
func (w *world) poll(svc service.Service, args service.Args, decide func()) (*service.Result, error) {
	waits := 0
	return service.Runner{Send: w.Send, Wait: func(_ context.Context, d time.Duration) error {
		w.now = w.now.Add(d)
		if waits++; waits == 2 {
			decide()
		}
		return nil
	}}.Run(context.Background(), svc, args)
}

func TestDevice(t *testing.T) {
	for name, allowed := range map[string]bool{"allowed": true, "denied": false} {
		t.Run(name, func(t *testing.T) {
			w := extended(t, nil, nil)
			w.register()
			begun := w.run(service.NewDeviceAuthorization, service.Args{})
			shown := service.MessageOf[message.DeviceAuthorizationResponse](begun)
			w.Answer = func(need *endpoint.NeedUser) endpoint.Answer {
				switch need.Prompt {
				case endpoint.PromptUserCode:
					return endpoint.Answer{Action: endpoint.ActionContinue, UserCode: shown.UserCode}
				case endpoint.PromptLogin:
					return endpoint.Answer{Action: endpoint.ActionLogin, Authentication: &endpoint.Authentication{User: "diana"}}
				}
				if allowed {
					return endpoint.Answer{Action: endpoint.ActionAllow}
				}
				return endpoint.Answer{Action: endpoint.ActionDeny}
			}
			res, err := w.poll(service.NewDeviceToken(w.env), service.Args{State: begun.State}, func() {
				if err := w.Visit(context.Background(), shown.VerificationURIComplete); err != nil {
					t.Error(err)
				}
			})
			if !allowed {
				if !errors.Is(err, message.AccessDenied) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || res.IDToken.Subject != "diana" {
				t.Fatal(err)
			}
			w.run(service.NewUserInfo, service.Args{State: begun.State})
			w.run(service.NewRefreshToken, service.Args{State: begun.State})
		})
	}
}

func TestCIBA(t *testing.T) {
	for _, mode := range []string{message.DeliveryModePoll, message.DeliveryModePing, message.DeliveryModePush} {
		for name, alg := range map[string]string{"plain": "", "signed": "ES256"} {
			t.Run(mode+" "+name, func(t *testing.T) {
				w := extended(t, func(m *message.ClientMetadata) {
					m.BackchannelTokenDeliveryMode, m.BackchannelAuthenticationRequestSigningAlg = mode, alg
					if mode != message.DeliveryModePoll {
						m.BackchannelClientNotificationEndpoint = "https://rp.example/notify"
					}
				}, nil)
				w.register()
				begun := w.run(service.NewBackchannelAuthentication, service.Args{Message: message.BackchannelAuthenticationRequest{LoginHint: "diana", BindingMessage: "W4SCT"}})
				decide := func() []endpoint.Outbound {
					sent, err := w.Provider.Context().Decide(context.Background(), w.Asked[0].Ticket, true, endpoint.Authentication{User: "diana"})
					if err != nil {
						t.Fatal(err)
					}
					return sent
				}
				if mode == message.DeliveryModePoll {
					if _, err := w.poll(service.NewCIBAToken(w.env), service.Args{State: begun.State}, func() { decide() }); err != nil {
						t.Fatal(err)
					}
				} else {
					sent := decide()
					res, err := service.Finish(context.Background(), service.NewClientNotification(w.env), pair.Notification(sent[0]), w.Send)
					if err != nil {
						t.Fatal(err)
					}
					for _, task := range res.Optional {
						w.now = w.now.Add(5 * time.Second)
						if _, err := service.Run(context.Background(), task.Service, task.Args, w.Send); err != nil {
							t.Fatal(err)
						}
					}
				}
				w.run(service.NewUserInfo, service.Args{State: begun.State})
			})
		}
	}
}

func TestTokenExchange(t *testing.T) {
	w := extended(t, nil, nil)
	state := w.flow(message.AuthorizationRequest{Scope: message.List{"openid", "email", "api"}})
	w.run(service.NewTokenExchange, service.Args{State: state, Message: message.TokenExchangeRequest{Scope: message.List{"api"}}})
}

func TestJWTBearer(t *testing.T) {
	idp := generate(t, "EdDSA").Keys()[0]
	w := extended(t, nil, func(c *endpoint.Config) {
		c.Policy.TrustedIssuers = []endpoint.TrustedIssuer{{Issuer: "https://idp.example", Keys: keyjar.NewSet(idp.Public())}}
	})
	w.register()
	payload, err := message.EncodeJSON(message.Assertion{
		Issuer: "https://idp.example", Subject: "diana", Audience: message.Audience{w.Provider.Context().Issuer()},
		Expiration: message.At(w.now.Add(time.Minute)), JWTID: "one",
	})
	if err != nil {
		t.Fatal(err)
	}
	assertion, err := idp.Sign(keyjar.Header{Algorithm: "EdDSA"}, payload, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.run(service.NewJWTBearer, service.Args{Message: message.JWTBearerRequest{Assertion: message.Secret(assertion), Scope: message.List{"api"}}})
}

func TestBackchannelLogout(t *testing.T) {
	for _, encrypted := range []string{"", "ECDH-ES+A128KW"} {
		w := newWorld(t, knobs{
			metadata: func(m *message.ClientMetadata) {
				yes := true
				m.BackchannelLogoutURI, m.BackchannelLogoutSessionRequired = "https://rp.example/back", &yes
				m.IDTokenSignedResponseAlg, m.IDTokenEncryptedResponseAlg = "ES256", encrypted
			},
			rp: func(c *servicecontext.Config) { c.Keys = generate(t, "ES256", "ECDH-ES+A128KW") },
		})
		login := w.flow(message.AuthorizationRequest{})
		if err := w.Visit(context.Background(), "https://op.example/end_session"); err != nil {
			t.Fatal(err)
		}
		if len(w.Sent) != 1 {
			t.Fatalf("sent %v", w.Sent)
		}
		logout := service.NewBackchannelLogout(w.env)
		if _, err := service.Finish(context.Background(), logout, pair.Notification(w.Sent[0]), w.Send); err != nil {
			t.Fatal(err)
		}
		if _, err := w.env.DB.Session(context.Background(), login); !errors.Is(err, state.ErrUnknown) {
			t.Errorf("the login is still there: %v", err)
		}
		if _, err := service.Finish(context.Background(), logout, pair.Notification(w.Sent[0]), w.Send); err == nil {
			t.Error("a logout token was taken twice")
		}
	}
}

func TestFAPI2(t *testing.T) {
	for rp, op := range map[servicecontext.Profile]endpoint.Profile{
		servicecontext.ProfileFAPI2:               endpoint.ProfileFAPI2,
		servicecontext.ProfileFAPI2MessageSigning: endpoint.ProfileFAPI2MessageSigning,
	} {
		t.Run(string(rp), func(t *testing.T) {
			w := newWorld(t, knobs{
				metadata: func(m *message.ClientMetadata) {
					yes := true
					m.DPoPBoundAccessTokens = &yes // all else is the profile's to say
				},
				rp: func(c *servicecontext.Config) {
					c.Profile, c.Keys, c.DPoPKey = rp, generate(t, "ES256"), generate(t, "ES256").Keys()[0]
				},
				op: func(c *endpoint.Config) {
					c.Policy = endpoint.Policy{Profile: op, DPoPNonce: true}
				},
			})
			state := w.flow(message.AuthorizationRequest{})
			b := w.env.Context.Snapshot().Behaviour
			if b.TokenEndpointAuthMethod != message.AuthMethodPrivateKeyJWT || b.IDTokenSignedResponseAlg != "ES256" {
				t.Errorf("the profile left %s and %s", b.TokenEndpointAuthMethod, b.IDTokenSignedResponseAlg)
			}
			if signed := w.Brought.Raw[:9] == "response="; signed != (op == endpoint.ProfileFAPI2MessageSigning) {
				t.Errorf("the response was signed: %v", signed)
			}
			w.run(service.NewRefreshToken, service.Args{State: state})
		})
	}
}

// Under FAPI 2.0 a response names its issuer, whatever the metadata announces.
func TestFAPI2Issuer(t *testing.T) {
	for profile, missing := range map[servicecontext.Profile]error{
		servicecontext.ProfileOAuth21: nil,
		servicecontext.ProfileFAPI2:   message.RuleAuthzResponseIssMissing,
	} {
		w := newWorld(t, knobs{rp: func(c *servicecontext.Config) {
			c.Profile, c.Keys, c.DPoPKey = profile, generate(t, "ES256"), generate(t, "ES256").Keys()[0]
		}})
		w.register()
		if err := w.env.Context.Update(func(sn *servicecontext.Snapshot) error {
			silent := *sn.Provider
			silent.AuthorizationResponseIssParameterSupported = nil
			sn.Provider = &silent
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		m := w.pending("", service.NewAuthorization(w.env), service.Args{Binding: w.Binding}, nil)
		values, err := url.ParseQuery(m.text)
		if err != nil || !values.Has("iss") {
			t.Fatalf("%s: %v", m.text, err)
		}
		values.Del("iss")
		if _, err := m.svc.ParseResponse(context.Background(), m.bring(values.Encode())); !errors.Is(err, missing) {
			t.Errorf("%s: got %v, want %v", profile, err, missing)
		}
	}
}
