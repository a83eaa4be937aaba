package interop

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// zitadelUser is the one user of zitadel's example server. Its device page takes the
// user name for the subject, so both are the same.
const zitadelUser = `{"alice": {"ID": "alice", "Username": "alice", "Password": "any", "FirstName": "Alice", "LastName": "User",
	"Email": "alice@example.org", "EmailVerified": true, "IsAdmin": true}}`

// serviceKey is the key of the service account, made for the run.
var serviceKey = sync.OnceValues(func() (*keyjar.Key, error) {
	return keyjar.Generate("RS256", rand.Reader, keyjar.KeyOptions{ID: "service key", Use: "sig", Algorithm: "RS256"})
})

// zitadel is the example server of github.com/zitadel/oidc.
var zitadel = &common{need: func(*testing.T) {}, start: func() (*provider, error) {
	a, err := issued()
	if err != nil {
		return nil, err
	}
	file := a.file("zitadel")
	build := exec.Command("go", "build", "-o", file, ".")
	build.Dir = "zitadel"
	if out, err := build.CombinedOutput(); err != nil {
		return nil, errors.Join(err, errors.New(string(out)))
	}
	users := filepath.Join(a.dir, "users.json")
	if err := os.WriteFile(users, []byte(zitadelUser), 0o600); err != nil {
		return nil, err
	}
	key, err := serviceKey()
	if err != nil {
		return nil, err
	}
	var public struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(keyjar.NewSet(key).Public().PublicJWKS(), &public); err != nil {
		return nil, err
	}
	return launch(map[string]any{"users": users, "service_key": public.Keys[0]}, true, file)
}}

// zitadelPerson fills its login page.
var zitadelPerson = []string{"--form", "username=alice", "--form", "password=any"}

func TestZitadelCodeFlow(t *testing.T) {
	t.Setenv("INTEROP_WEB_SECRET", "web secret")
	p := zitadel.get(t)
	for _, c := range []struct {
		name  string
		flags []string
	}{
		{"confidential", []string{"--client-id", "web", "--client-secret-env", "INTEROP_WEB_SECRET"}},
		{"public", []string{"--client-id", "native", "--token-endpoint-auth-method", "none"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, exit, narration := walkthrough(t, p, slices.Concat([]string{
				"--issuer", p.issuer, "--scope", "openid email offline_access", "--refresh", "--revoke",
			}, c.flags, zitadelPerson)...)
			if exit != 0 {
				t.Fatalf("exit %d at %q, %v\n%s", exit, r.FailedStep, r.Error, narration)
			}
			wantInOrder(t, r.services(), "provider_info", "authorization", "accesstoken", "jwks", "userinfo", "refresh_token", "revocation")
			wantPassed(t, r, "idtoken_signature", "idtoken_nonce", "idtoken_at_hash", "userinfo_sub")
			if r.IDToken["sub"] != "alice" || r.UserInfo["email"] != "alice@example.org" {
				t.Errorf("ID Token %v, UserInfo %v", r.IDToken, r.UserInfo)
			}
		})
	}
}

var zitadelCode = regexp.MustCompile(`enter the code ([A-Z]{4}-[A-Z]{4})$`)

// TestZitadelDevice: the user enters the code on a page of zitadel's and allows it.
func TestZitadelDevice(t *testing.T) {
	t.Setenv("INTEROP_DEVICE_SECRET", "device secret")
	p := zitadel.get(t)
	b := newBrowser(t)
	b.fill.Set("username", "alice")
	watch := func(line string) {
		found := zitadelCode.FindStringSubmatch(line)
		if found == nil {
			return
		}
		b.visit(t, p.issuer+"/device/?user_code="+found[1])
		if text, _ := b.visit(t, p.issuer+"/device/confirm?action=allowed"); !strings.Contains(text, "allowed") {
			t.Errorf("the page says %.200s", text)
		}
	}
	r, exit := run(t, p, watch, "device", "--scope", "openid email", "--client-id", "device", "--client-secret-env", "INTEROP_DEVICE_SECRET")
	if exit != 0 {
		t.Fatalf("exit %d at %q: %v", exit, r.FailedStep, r.Error)
	}
	if r.IDToken["sub"] != "alice" || r.UserInfo["email"] != "alice@example.org" {
		t.Errorf("ID Token %v, UserInfo %v", r.IDToken, r.UserInfo)
	}
}

// TestZitadelJWTProfile: a service account signs a statement about itself and has an
// access token for it, without any other client authentication (RFC 7523, Section 2.1).
func TestZitadelJWTProfile(t *testing.T) {
	t.Parallel()
	p := zitadel.get(t)
	key, err := serviceKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := keyjar.Generate("RS256", rand.Reader, keyjar.KeyOptions{ID: "service key", Use: "sig", Algorithm: "RS256"})
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]*keyjar.Key{"its own key": key, "another key": other} {
		d := newDriver(t, p, servicecontext.Config{
			ClientID: "service", Keys: keyjar.NewSet(keys), Metadata: message.ClientMetadata{TokenEndpointAuthMethod: "none"},
		}, service.JWTBearerName)
		res, err := d.try(service.JWTBearerName, service.Args{Message: message.JWTBearerRequest{Scope: message.List{"openid"}}})
		if keys == other {
			var declared *message.Error
			if !errors.As(err, &declared) {
				t.Errorf("%s: got %v, want an error that the provider declares", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if tokens := service.MessageOf[message.AccessTokenResponse](res); tokens.AccessToken == "" || tokens.TokenType != "Bearer" {
			t.Errorf("got a token of type %q", tokens.TokenType)
		}
	}
}

// TestZitadelTokenExchange: tokens of a login are exchanged (RFC 8693).
func TestZitadelTokenExchange(t *testing.T) {
	t.Setenv("INTEROP_WEB_SECRET", "web secret")
	p := zitadel.get(t)
	login := revealed(t, p, slices.Concat([]string{
		"--scope", "openid email offline_access", "--client-id", "web", "--client-secret-env", "INTEROP_WEB_SECRET",
	}, zitadelPerson)...)
	d := newDriver(t, p, servicecontext.Config{ClientID: "web", ClientSecret: "web secret"}, service.TokenExchangeName)
	for _, c := range []struct {
		subject          message.Secret
		subjectType      string
		asked, tokenType string
		refused          message.Rule
	}{
		{login.RefreshToken, message.TokenTypeURNRefreshToken, message.TokenTypeURNAccessToken, "Bearer", ""},
		{login.IDToken, message.TokenTypeURNIDToken, message.TokenTypeURNAccessToken, "Bearer", ""},
		{login.RefreshToken, message.TokenTypeURNRefreshToken, message.TokenTypeURNIDToken, message.TokenTypeNA, ""},
		// What comes is called a refresh token and usable as a bearer token, which
		// cannot both be true: "If the issued token is not an access token or usable
		// as an access token, then the token_type value N_A is used" (Section 2.2.1).
		{login.RefreshToken, message.TokenTypeURNRefreshToken, message.TokenTypeURNRefreshToken, "", message.RuleExchangeResponse},
	} {
		res, err := d.try(service.TokenExchangeName, service.Args{Message: message.TokenExchangeRequest{
			SubjectToken: c.subject, SubjectTokenType: c.subjectType, RequestedTokenType: c.asked, Scope: message.List{"openid"},
		}})
		if c.refused != "" {
			wantRule(t, err, c.refused)
			continue
		}
		if err != nil {
			t.Errorf("%s for %s: %v", c.subjectType, c.asked, err)
			continue
		}
		got := service.MessageOf[message.TokenExchangeResponse](res)
		if got.IssuedTokenType != c.asked || got.TokenType != c.tokenType || got.AccessToken.Equal(c.subject) {
			t.Errorf("%s for %s: got %s, token_type %s", c.subjectType, c.asked, got.IssuedTokenType, got.TokenType)
		}
		if c.asked == message.TokenTypeURNIDToken && (res.IDToken == nil || res.IDToken.Subject != "alice") {
			t.Errorf("the ID Token is %v", res.IDToken)
		}
	}

	// An opaque access token is more than this version can take: the request ends in a
	// panic of the server, and nothing is made of that but a failure of the transport.
	_, err := d.try(service.TokenExchangeName, service.Args{Message: message.TokenExchangeRequest{
		SubjectToken: login.AccessToken, SubjectTokenType: message.TokenTypeURNAccessToken,
	}})
	var transport *rp.TransportError
	if !errors.As(err, &transport) {
		t.Errorf("got %v, want a failure of the transport", err)
	}
}

// revealed runs a login whose tokens the test goes on with, and returns what the token
// endpoint answered.
func revealed(t *testing.T, p *provider, arguments ...string) message.AccessTokenResponse {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), append([]string{
		"walkthrough", "--issuer", p.issuer, "--ca-file", p.caFile, "--output", "json", "--user-agent", "headless", "--show-secrets",
	}, arguments...)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", arguments, err)
	}
	var r struct {
		Steps []struct {
			Service  string `json:"service"`
			Response struct {
				Body string `json:"body"`
			} `json:"response"`
		} `json:"steps"`
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	var tokens message.AccessTokenResponse
	for _, s := range r.Steps {
		if s.Service == service.AccessTokenName {
			if err := message.DecodeJSON([]byte(s.Response.Body), &tokens); err != nil {
				t.Fatal(err)
			}
		}
	}
	return tokens
}
