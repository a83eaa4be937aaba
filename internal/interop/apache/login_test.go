package apache

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
)

// claims are what the application is told of its user.
func (s *site) claims(t *testing.T) map[string]string {
	t.Helper()
	claims := map[string]string{}
	if err := json.Unmarshal([]byte(s.browser.Text(t, "#claims")), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// logIn logs the user in at the application.
func (s *site) logIn(t *testing.T) {
	t.Helper()
	s.browser.Visit(t, s.base+"/app", "#login")
	s.authenticate(t, "#claims")
}

// TestLogin: the application sees what the ID Token and UserInfo say, for each way in
// which the answer can arrive.
func TestLogin(t *testing.T) {
	for name, change := range map[string]func(*site, *message.ClientMetadata, *httpdConfig){
		"code": nil,
		"code, form_post": func(_ *site, _ *message.ClientMetadata, c *httpdConfig) {
			c.ResponseMode = "form_post"
		},
		"code id_token": func(_ *site, m *message.ClientMetadata, c *httpdConfig) {
			c.ResponseType, c.ResponseMode = "code id_token", "form_post"
			m.ResponseTypes, m.GrantTypes = []string{"code id_token"}, []string{"authorization_code", "implicit"}
		},
		"code id_token, fragment": func(_ *site, m *message.ClientMetadata, c *httpdConfig) {
			c.ResponseType, c.ResponseMode = "code id_token", "fragment"
			m.ResponseTypes, m.GrantTypes = []string{"code id_token"}, []string{"authorization_code", "implicit"}
		},
		"client_secret_post": func(_ *site, _ *message.ClientMetadata, c *httpdConfig) {
			c.Method = message.AuthMethodClientSecretPost
		},
		"client_secret_jwt": func(_ *site, _ *message.ClientMetadata, c *httpdConfig) {
			c.Method = message.AuthMethodClientSecretJWT
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, change)
			s.logIn(t)
			claims := s.claims(t)
			for claim, want := range map[string]string{
				"sub": "diana", "iss": s.server.URL, "aud": clientID, // of the ID Token
				"email": "diana@op.example", "name": "Diana Krall", "family_name": "Krall", // of UserInfo
			} {
				if claims[claim] != want {
					t.Errorf("%s is %q, want %q; all: %v", claim, claims[claim], want, claims)
				}
			}
			if at := s.browser.At(t); at != s.base+"/app" {
				t.Errorf("the login ended at %s", at)
			}
		})
	}
}

// A user who says no comes back to the relying party, which says so.
func TestLoginRefused(t *testing.T) {
	s := newSite(t, nil)
	s.browser.Visit(t, s.base+"/app", "#login")
	s.browser.Press(t, "#login #cancel", "body:not(:has(#login))")
	if at := s.browser.At(t); !strings.HasPrefix(at, s.base+"/callback?") || !strings.Contains(at, "error=access_denied") {
		t.Errorf("the login ended at %s", at)
	}
}
