package rp_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
)

// arrive lets the user log in and returns the address he was sent back to.
func (w *world) arrive(address string) string {
	return w.browser().callback(address).URL.String()
}

func TestThreeCalls(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	address, binding, err := w.party.AuthorizationURL(ctx, rp.LoginRequest{ReturnTo: "/somewhere", Message: message.AuthorizationRequest{LoginHint: "diana"}})
	if err != nil || binding == "" || !strings.HasPrefix(address, "https://op.example/authorize?") || !strings.Contains(address, "login_hint=diana") {
		t.Fatal(address, err)
	}
	back := w.arrive(address)
	if _, err := w.party.Tokens(ctx, back, ""); !errors.Is(err, message.RuleAuthzResponseBrowserBinding) {
		t.Errorf("without the binding: %v", err)
	}
	if _, err := w.party.Tokens(ctx, back, binding+"x"); !errors.Is(err, message.RuleAuthzResponseBrowserBinding) {
		t.Errorf("with another: %v", err)
	}
	if _, err := w.party.Tokens(ctx, strings.Replace(back, "/callback", "/elsewhere", 1), binding); !errors.Is(err, message.RuleAuthzResponseIssuerRedirectURI) {
		t.Errorf("at another address: %v", err)
	}
	tokens, err := w.party.Tokens(ctx, back, binding)
	if err != nil {
		t.Fatal(err)
	}
	if tokens.AccessToken == "" || tokens.RefreshToken == "" || tokens.RawIDToken == "" || tokens.TokenType != "Bearer" || tokens.Expiry.IsZero() ||
		tokens.Subject != "diana" || tokens.UserInfo.Email != "diana@op.example" || tokens.ReturnTo != "/somewhere" || len(tokens.Checks) < 40 {
		t.Errorf("%+v", tokens)
	}
	if _, err := w.party.Tokens(ctx, back, binding); !errors.Is(err, message.RuleAuthzResponseState) {
		t.Errorf("once more: %v", err)
	}
	claims, err := w.party.Claims(ctx, tokens.RawIDToken)
	if err != nil || claims.Subject != "diana" || claims.Nonce == "" {
		t.Fatal(claims, err)
	}
	raw := tokens.RawIDToken.Reveal()
	for name, token := range map[string]string{
		"nothing": "", "no token": "a.b.c", "without signature": raw[:strings.LastIndexByte(raw, '.')+1], "one bit": raw[:len(raw)-1] + flip(raw[len(raw)-1]), "and more": raw + "x",
	} {
		if _, err := w.party.Claims(ctx, message.Secret(token)); !errors.Is(err, rp.ErrUnknownToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A refresh brings other claims; those of this token stay what they are.
	w.pass(time.Minute)
	if _, err := tokens.Token().Refresh(ctx, tokens.AccessToken); err != nil {
		t.Fatal(err)
	}
	if again, err := w.party.Claims(ctx, tokens.RawIDToken); err != nil || again.IssuedAt != claims.IssuedAt {
		t.Error(again, err)
	}
	w.pass(10 * time.Hour)
	if _, err := w.party.Claims(ctx, tokens.RawIDToken); !errors.Is(err, message.RuleIDTokenExp) {
		t.Errorf("expired: %v", err)
	}
	if err := tokens.End(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := w.party.Claims(ctx, tokens.RawIDToken); !errors.Is(err, rp.ErrUnknownToken) {
		t.Errorf("ended: %v", err)
	}
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestThreeCallsWithAFragment(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) {
		c.Scope = nil
		c.ServiceContext.Metadata.ResponseTypes, c.ServiceContext.Metadata.GrantTypes = []string{"id_token"}, nil
	})
	address, binding, err := w.party.AuthorizationURL(t.Context(), rp.LoginRequest{})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := w.party.Tokens(t.Context(), w.arrive(address), binding)
	if err != nil || tokens.Subject != "diana" || tokens.AccessToken != "" || tokens.RawIDToken == "" {
		t.Fatalf("%+v %v", tokens, err)
	}
	if claims, err := w.party.Claims(t.Context(), tokens.RawIDToken); err != nil || claims.Subject != "diana" {
		t.Error(claims, err)
	}
}

func TestThreeCallsRefuse(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	if _, _, err := w.party.AuthorizationURL(ctx, rp.LoginRequest{ReturnTo: "//evil.example"}); !errors.Is(err, message.RuleAuthzResponseReturnURL) {
		t.Error(err)
	}
	if _, _, err := w.party.AuthorizationURL(ctx, rp.LoginRequest{Issuer: "https://evil.example"}); !errors.Is(err, rp.ErrUnknownProvider) {
		t.Error(err)
	}
	for _, address := range []string{"", callbackURI, callbackURI + "?", callbackURI + "?state=x", "%zz", callbackURI + "#state=x&code=y"} {
		if tokens, err := w.party.Tokens(ctx, address, "x"); err == nil {
			t.Errorf("%q: %v", address, tokens)
		}
	}
	if address, _, err := w.party.AuthorizationURL(ctx, rp.LoginRequest{Issuer: "https://op.example"}); err != nil || address == "" {
		t.Error(err)
	}
}
