package pair_test

import (
	"context"
	"encoding/base64"
	"flag"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/internal/pair"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

var (
	mutations     = flag.Int("mutations", 3000, "how many mutated responses TestMutatedResponses judges; continuous integration judges 100,000")
	mutationsFrom = flag.Uint64("seed", 0, "what the mutations depend on; 0 takes a new one and prints it")
)

// A mutable is a valid response, and how to bring a changed text of it to the service
// that waits for it. Judging changes nothing, so one pending step serves all mutations.
type mutable struct {
	name  string
	svc   service.Service
	text  string
	bring func(text string) *service.Response
	// claims are what the provider's signature, or a hash under it, protects.
	claims func(*service.Result) any
}

// TestMutatedResponses changes valid responses by one bit or one token each. None is accepted
// with other claims than the original's.
func TestMutatedResponses(t *testing.T) {
	seed := *mutationsFrom
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat with -seed=%d", seed)
	all := mutables(t)
	for i, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			original, err := m.svc.ParseResponse(context.Background(), m.bring(m.text))
			if err != nil {
				t.Fatalf("the original is refused: %v", err)
			}
			want := m.claims(original)
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			accepted := 0
			for range (*mutations + len(all) - 1) / len(all) {
				text := mutate(random, m.text)
				res, err := m.svc.ParseResponse(context.Background(), m.bring(text))
				if err != nil {
					continue
				}
				accepted++
				if got := m.claims(res); got != nil && !reflect.DeepEqual(got, want) {
					t.Fatalf("accepted with other claims (seed %d)\n%s\nas\n%+v\nwant\n%+v", seed, text, got, want)
				}
			}
			// What no signature covers may change; when nothing was refused
			// nothing was tested.
			if accepted > *mutations/len(all)*9/10 {
				t.Errorf("%d mutations were accepted", accepted)
			}
		})
	}
}

// words are tokens that other tokens become.
var words = []string{
	"", "null", "true", "false", "0", "1", "-1", "1e99", "{}", "[]", `""`, `"none"`, `"HS256"`, `"evil"`, "none", "evil",
	"eyJhbGciOiJub25lIn0", `"alg":"none"`, `"sub":"eve"`, `"iss":"https://evil.example"`, `"aud":"other"`, "sub=eve", "code=other", ",", "&", "=", ".", ":", "\x00", "\xff", "%00",
}

var (
	tokens  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[A-Za-z0-9_+/-]+|[^A-Za-z0-9_+/-]`)
	segment = regexp.MustCompile(`[A-Za-z0-9_-]{16,}`)
)

// mutate changes one bit or one token of a text, or of what a part of it encodes.
func mutate(random *rand.Rand, text string) string {
	if parts := segment.FindAllStringIndex(text, -1); len(parts) > 0 && random.IntN(2) == 0 {
		at := parts[random.IntN(len(parts))]
		if inner, err := base64.RawURLEncoding.DecodeString(text[at[0]:at[1]]); err == nil {
			return text[:at[0]] + base64.RawURLEncoding.EncodeToString([]byte(mutateOne(random, string(inner)))) + text[at[1]:]
		}
	}
	return mutateOne(random, text)
}

func mutateOne(random *rand.Rand, text string) string {
	if text == "" {
		return words[random.IntN(len(words))]
	}
	if random.IntN(2) == 0 {
		changed := []byte(text)
		changed[random.IntN(len(changed))] ^= 1 << random.IntN(8)
		return string(changed)
	}
	list := tokens.FindAllString(text, -1)
	if len(list) == 0 {
		return text + words[random.IntN(len(words))]
	}
	i := random.IntN(len(list))
	switch random.IntN(5) {
	case 0:
		list = slices.Delete(list, i, i+1)
	case 1:
		list = slices.Insert(list, i, list[i])
	case 2:
		j := random.IntN(len(list))
		list[i], list[j] = list[j], list[i]
	case 3:
		list[i] = words[random.IntN(len(words))]
	case 4:
		list = slices.Insert(list, i, words[random.IntN(len(words))])
	}
	return strings.Join(list, "")
}

// pending builds a request, sends it and gives the valid answer, unjudged.
func (w *world) pending(name string, svc service.Service, args service.Args, claims func(*service.Result) any) mutable {
	w.t.Helper()
	ctx := context.Background()
	req, err := service.Runner{Send: w.Send}.Request(ctx, svc, args)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	resp, err := w.Send(ctx, req)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	m := mutable{name: name, svc: svc, claims: claims, text: string(resp.Body)}
	m.bring = func(text string) *service.Response { return req.Answer(resp.Status, resp.Header, []byte(text)) }
	if req.Channel == service.FrontChannel {
		in := w.Brought
		m.text = in.Raw
		m.bring = func(text string) *service.Response {
			changed := in
			changed.Raw = text
			return service.ParseCallback(changed)
		}
	}
	return m
}

func idToken(res *service.Result) any { return *res.IDToken }

// tokenClaims are the ID Token's, and the access token that its at_hash binds. A refresh
// may bring no ID Token, and so no claims (Core, Section 12.2).
func tokenClaims(res *service.Result) any {
	if res.IDToken == nil {
		return nil
	}
	m := service.MessageOf[message.AccessTokenResponse](res)
	return []any{*res.IDToken, m.AccessToken}
}

// frontClaims are those of a front-channel ID Token, with what it binds.
func frontClaims(res *service.Result) any {
	m := service.MessageOf[message.AuthorizationResponse](res)
	return []any{*res.IDToken, m.State, m.Issuer, m.Code, m.AccessToken}
}

// jarmClaims are all parameters: one signature covers them.
func jarmClaims(res *service.Result) any {
	m := *service.MessageOf[message.AuthorizationResponse](res)
	m.Response, m.Extra = "", nil
	return m
}

func info(res *service.Result) any {
	return *service.MessageOf[message.UserInfoResponse](res)
}

func subject(res *service.Result) any {
	return service.MessageOf[message.UserInfoResponse](res).Subject
}

// mutables are the responses that carry claims.
func mutables(t *testing.T) []mutable {
	var all []mutable
	redeem := func(w *world, login string) string {
		w.run(service.NewAccessToken, service.Args{State: login})
		return login
	}
	args := func(w *world, req message.AuthorizationRequest) service.Args {
		return service.Args{Message: req, Binding: w.Binding}
	}
	// Code flow: each signature algorithm, plain and nested in encryption.
	for _, alg := range []string{"RS256", "ES256", "EdDSA", "HS256"} {
		w := newWorld(t, knobs{metadata: func(m *message.ClientMetadata) {
			m.IDTokenSignedResponseAlg, m.UserInfoSignedResponseAlg = alg, alg
		}})
		first := w.flow(message.AuthorizationRequest{}) // the keys are known now
		auth := w.login(message.AuthorizationRequest{})
		all = append(all,
			w.pending(alg+" token response", service.NewAccessToken(w.env), service.Args{State: auth.State}, tokenClaims),
			w.pending(alg+" UserInfo", service.NewUserInfo(w.env), service.Args{State: first}, info),
			w.pending(alg+" refreshed", service.NewRefreshToken(w.env), service.Args{State: first}, tokenClaims))
	}
	for _, alg := range []string{"RSA-OAEP-256", "ECDH-ES+A128KW", "dir"} {
		w := newWorld(t, knobs{
			metadata: func(m *message.ClientMetadata) {
				m.IDTokenSignedResponseAlg, m.IDTokenEncryptedResponseAlg = "ES256", alg
				m.UserInfoSignedResponseAlg, m.UserInfoEncryptedResponseAlg = "ES256", alg
			},
			rp: func(c *servicecontext.Config) {
				if alg != "dir" {
					c.Keys = generate(t, alg)
				}
			},
		})
		first := w.flow(message.AuthorizationRequest{})
		auth := w.login(message.AuthorizationRequest{})
		all = append(all,
			w.pending(alg+" token response", service.NewAccessToken(w.env), service.Args{State: auth.State}, tokenClaims),
			w.pending(alg+" UserInfo", service.NewUserInfo(w.env), service.Args{State: first}, info))
	}
	// The front channel.
	for _, responseType := range []string{"id_token", "id_token token", "code id_token", "code id_token token"} {
		w := newWorld(t, knobs{
			metadata: func(m *message.ClientMetadata) {
				m.ResponseTypes, m.GrantTypes, m.IDTokenSignedResponseAlg = []string{responseType}, nil, "ES256"
			},
			rp: func(c *servicecontext.Config) { c.Compat.AllowFrontChannelAccessToken = true },
		})
		w.register()
		req := message.AuthorizationRequest{ResponseType: message.ParseList(responseType)}
		auth := w.login(req)
		if req.ResponseType.Has("code") {
			all = append(all, w.pending(responseType+", then its token response", service.NewAccessToken(w.env), service.Args{State: auth.State}, idToken))
		}
		all = append(all, w.pending(responseType, service.NewAuthorization(w.env), args(w, req), frontClaims))
	}
	for _, mode := range []message.ResponseMode{message.ResponseModeQueryJWT, message.ResponseModeFormPostJWT} {
		w := newWorld(t, knobs{
			metadata:    func(m *message.ClientMetadata) { m.AuthorizationSignedResponseAlg = "ES256" },
			preferences: servicecontext.Preferences{ResponseModes: []string{string(mode)}},
		})
		w.flow(message.AuthorizationRequest{ResponseMode: mode})
		all = append(all, w.pending(string(mode), service.NewAuthorization(w.env), args(w, message.AuthorizationRequest{ResponseMode: mode}), jarmClaims))
	}
	// UserInfo as plain JSON is protected by TLS alone: only whose it is must hold.
	w := newWorld(t, knobs{})
	w.register()
	login := redeem(w, w.login(message.AuthorizationRequest{}).State)
	all = append(all, w.pending("plain UserInfo", service.NewUserInfo(w.env), service.Args{State: login}, subject))
	return append(all, introspected(t), logoutToken(t))
}

func introspected(t *testing.T) mutable {
	w := newWorld(t, knobs{metadata: func(m *message.ClientMetadata) { m.IntrospectionSignedResponseAlg = "ES256" }})
	login := w.flow(message.AuthorizationRequest{})
	return w.pending("introspection", service.NewIntrospection(w.env), service.Args{State: login}, func(res *service.Result) any {
		return *service.MessageOf[message.IntrospectionResponse](res)
	})
}

func logoutToken(t *testing.T) mutable {
	w := newWorld(t, knobs{
		metadata: func(m *message.ClientMetadata) {
			m.BackchannelLogoutURI, m.IDTokenSignedResponseAlg = "https://rp.example/back", "ES256"
		},
	})
	w.flow(message.AuthorizationRequest{})
	if err := w.Visit(context.Background(), "https://op.example/end_session"); err != nil {
		t.Fatal(err)
	}
	sent := w.Sent[0]
	return mutable{
		name: "logout token", svc: service.NewBackchannelLogout(w.env), text: string(sent.Body),
		bring: func(text string) *service.Response {
			changed := sent
			changed.Body = []byte(text)
			return pair.Notification(changed)
		},
		claims: func(res *service.Result) any {
			token := service.MessageOf[message.BackchannelLogoutRequest](res).LogoutToken.Reveal()
			_, signed, _ := strings.Cut(token, ".")
			payload, _, _ := strings.Cut(signed, ".")
			return []any{res.Ended, payload}
		},
	}
}
