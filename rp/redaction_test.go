package rp_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
)

func TestTokensAreNotShown(t *testing.T) {
	const secret = "a-secret-that-nobody-sees"
	access := rp.Access{Token: secret, Type: "DPoP", Scope: []string{"openid"}}
	tokens := rp.Tokens{Login: &rp.Login{Issuer: "https://op.example"}, AccessToken: secret, TokenType: "DPoP", Expiry: time.Unix(1_700_000_000, 0), RefreshToken: secret, RawIDToken: secret}
	config := rp.Config{Issuer: "https://op.example", ClientID: "DPoP", ClientSecret: secret}
	dynamic := rp.Dynamic{Client: servicecontext.Config{ClientSecret: secret}}
	party := rp.PartyConfig{CallbackBase: "https://app.example/DPoP/", Dynamic: &dynamic}
	request := rp.LoginRequest{Issuer: "DPoP", Message: message.AuthorizationRequest{IDTokenHint: secret}}
	for name, v := range map[string]any{"Access": access, "*Access": &access, "Tokens": tokens, "*Tokens": &tokens, "Tokens of nobody": rp.Tokens{TokenType: "DPoP", AccessToken: secret},
		"Config": config, "*Config": &config, "PartyConfig": party, "*PartyConfig": &party, "*LoginRequest": &request, "Dynamic of DPoP": struct{ D, Of any }{&dynamic, "DPoP"}} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("issued", "value", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("issued", "value", v)
		for _, shown := range []string{log.String(), fmt.Sprintf("%v %+v %#v %s %q %x %s", v, v, v, v, v, v, struct{ V any }{v})} {
			if strings.Contains(shown, secret) || strings.Contains(shown, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s shows the secret: %s", name, shown)
			}
			if !strings.Contains(shown, "DPoP") {
				t.Errorf("%s does not say what it is: %s", name, shown)
			}
		}
	}
}
