package party

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/client/tokenexchange"
	"github.com/zitadel/oidc/v3/pkg/crypto"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"github.com/oidcservice/oidc/message"
)

// TestLogin: discovery, code with PKCE, ID Token, UserInfo, refresh, revocation and logout.
func TestLogin(t *testing.T) {
	for method, sent := range map[string]oauth2.AuthStyle{
		message.AuthMethodClientSecretBasic: oauth2.AuthStyleInHeader,
		message.AuthMethodClientSecretPost:  oauth2.AuthStyleInParams,
		message.AuthMethodNone:              oauth2.AuthStyleInParams,
	} {
		t.Run(method, func(t *testing.T) {
			p := newParty(t, method, style(sent))
			first := p.login(t)
			fresh, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), p, first.RefreshToken, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if fresh.AccessToken == first.AccessToken || fresh.IDTokenClaims.Subject != "diana" {
				t.Error("the tokens were not refreshed")
			}
			if _, err := rp.Userinfo[*oidc.UserInfo](t.Context(), fresh.AccessToken, fresh.Type(), "diana", p); err != nil {
				t.Errorf("UserInfo with the refreshed token: %v", err)
			}
			last := fresh.RefreshToken
			if last == "" {
				last = first.RefreshToken
			}
			if err := rp.RevokeToken(t.Context(), p, last, "refresh_token"); err != nil {
				t.Fatal(err)
			}
			var refused *oidc.Error
			if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), p, last, "", ""); !errors.As(err, &refused) || refused.ErrorType != "invalid_grant" {
				t.Errorf("a revoked refresh token: %v", err)
			}
			next, err := rp.EndSession(t.Context(), p, first.IDToken, afterward, "left", "", nil)
			if err != nil || next.String() != afterward+"?state=left" {
				t.Errorf("the logout ended at %v, %v", next, err)
			}
		})
	}
}

// TestDevice: the user agrees while the device polls.
func TestDevice(t *testing.T) {
	for method, sent := range map[string]oauth2.AuthStyle{
		message.AuthMethodClientSecretPost: oauth2.AuthStyleInParams,
		message.AuthMethodNone:             oauth2.AuthStyleInParams,
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			p := newParty(t, method, style(sent))
			device, err := rp.DeviceAuthorization(t.Context(), []string{oidc.ScopeOpenID}, p, nil)
			if err != nil {
				t.Fatal(err)
			}
			var answer *oidc.AccessTokenResponse
			done := make(chan error, 1)
			go func() {
				var err error
				answer, err = rp.DeviceAccessToken(t.Context(), device.DeviceCode, time.Duration(device.Interval)*time.Second, p)
				done <- err
			}()
			time.Sleep(1500 * time.Millisecond) // it has asked once by then
			if last := p.browser.Visit(t, device.VerificationURIComplete); last != nil {
				t.Errorf("the user was sent to %s", last)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			claims, err := rp.VerifyTokens[*oidc.IDTokenClaims](t.Context(), answer.AccessToken, answer.IDToken, p.IDTokenVerifier())
			if err != nil || claims.Subject != "diana" {
				t.Errorf("ID Token %+v, %v", claims, err)
			}
		})
	}
}

// TestServices: introspection, token exchange and client credentials.
func TestServices(t *testing.T) {
	p := newParty(t, message.AuthMethodClientSecretBasic, style(oauth2.AuthStyleInHeader))
	user := p.login(t)
	api, err := rs.NewResourceServerClientCredentials(t.Context(), p.Issuer(), clientID, secret, rs.WithClient(p.Client))
	if err != nil {
		t.Fatal(err)
	}
	introspect := func(token, subject, scope string) {
		t.Helper()
		told, err := rs.Introspect[*oidc.IntrospectionResponse](t.Context(), api, token)
		if err != nil {
			t.Fatal(err)
		}
		if !told.Active || told.Subject != subject || told.ClientID != clientID || !slices.Contains(told.Scope, scope) {
			t.Errorf("introspection %+v", told)
		}
	}
	introspect(user.AccessToken, "diana", oidc.ScopeEmail)
	told, err := rs.Introspect[*oidc.IntrospectionResponse](t.Context(), api, "no such token")
	if err != nil || told.Active {
		t.Errorf("an unknown token: %+v, %v", told, err)
	}

	exchanger, err := tokenexchange.NewTokenExchangerClientCredentials(t.Context(), p.Issuer(), clientID, secret, tokenexchange.WithHTTPClient(p.Client))
	if err != nil {
		t.Fatal(err)
	}
	exchanged, err := tokenexchange.ExchangeToken(t.Context(), exchanger, user.AccessToken, oidc.AccessTokenType, "", "", nil, nil, []string{oidc.ScopeEmail}, oidc.AccessTokenType)
	if err != nil {
		t.Fatal(err)
	}
	if exchanged.IssuedTokenType != oidc.AccessTokenType || !slices.Equal(exchanged.Scopes, []string{oidc.ScopeEmail}) {
		t.Errorf("exchanged for %s with %q", exchanged.IssuedTokenType, exchanged.Scopes)
	}
	introspect(exchanged.AccessToken, "diana", oidc.ScopeEmail)

	p.OAuthConfig().Scopes = []string{"api"}
	own, err := rp.ClientCredentials(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	introspect(own.AccessToken, "client:"+clientID, "api")
}

// TestAssertion: its assertions have no jti (Core, Section 9: "REQUIRED. JWT ID. A unique
// identifier for the token, which can be used to prevent reuse of the token"), so that no
// login with private_key_jwt succeeds. With an assertion that has one it does.
func TestAssertion(t *testing.T) {
	p := newParty(t, message.AuthMethodPrivateKeyJWT, style(oauth2.AuthStyleInParams), rp.WithJWTProfile(rp.SignerFromKeyAndKeyID(privateKey(t), "1")))
	s, back := p.begin(t)
	resp := s.get(t, rp.CodeExchangeHandler(func(http.ResponseWriter, *http.Request, *tokens, string, rp.RelyingParty) {
		t.Error("an assertion without jti was taken")
	}, p), back.String())
	if body := text(t, resp); resp.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "invalid_client") {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
	if !strings.Contains(p.log.String(), "rule=op_assertion_jti") {
		t.Errorf("the provider says\n%s", p.log.String())
	}

	now := time.Now()
	assertion, err := crypto.Sign(map[string]any{
		"iss": clientID, "sub": clientID, "aud": p.Issuer(), "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}, p.Signer())
	if err != nil {
		t.Fatal(err)
	}
	verifier := oauth2.GenerateVerifier()
	back = p.browser.Visit(t, rp.AuthURL(rand.Text(), p, rp.WithCodeChallenge(oidc.NewSHACodeChallenge(verifier))))
	got, err := rp.CodeExchange[*oidc.IDTokenClaims](t.Context(), back.Query().Get("code"), p, rp.WithCodeVerifier(verifier), rp.WithClientAssertionJWT(assertion))
	if err != nil || got.IDTokenClaims.Subject != "diana" {
		t.Errorf("with a jti: %+v, %v", got, err)
	}
}

// TestDeviceTwice: with HTTP Basic the device flow cannot be used, since it sends the secret
// in the body as well (RFC 6749, Section 2.3: "The client MUST NOT use more than one
// authentication method in each request").
func TestDeviceTwice(t *testing.T) {
	p := newParty(t, message.AuthMethodClientSecretBasic, style(oauth2.AuthStyleInHeader))
	_, err := rp.DeviceAuthorization(t.Context(), []string{oidc.ScopeOpenID}, p, httphelper.AuthorizeBasic(clientID, secret))
	var refused *oidc.Error
	if !errors.As(err, &refused) || refused.ErrorType != "invalid_request" {
		t.Errorf("the secret twice: %v", err)
	}
}
