package compare

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"io"
	"net/http"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// newCoreOS is an application over go-oidc and x/oauth2 as their examples have it, with
// PKCE, and with the three comparisons that these libraries leave to the caller: of the
// state, of the nonce, and of UserInfo's subject. What waits for the callback stands in
// three cookies; nothing is stored.
func newCoreOS(tb testing.TB, p *provider) *party {
	tb.Helper()
	ctx := oidc.ClientContext(context.Background(), &http.Client{Transport: p})
	remote, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		tb.Fatal(err)
	}
	endpoint := remote.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // otherwise it is found by trying
	site := &coreOS{
		ctx: ctx, provider: remote,
		verifier: remote.Verifier(&oidc.Config{ClientID: clientID, SupportedSigningAlgs: []string{oidc.ES256}}),
		config: oauth2.Config{
			ClientID: clientID, ClientSecret: clientSecret, Endpoint: endpoint, RedirectURL: redirectURI,
			Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
		},
	}
	return &party{name: "coreos", login: site.login, callback: site.callback}
}

type coreOS struct {
	ctx      context.Context
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	config   oauth2.Config
}

func (c *coreOS) login(w http.ResponseWriter, r *http.Request) {
	state, err := random()
	if err != nil {
		http.Error(w, "no randomness", http.StatusInternalServerError)
		return
	}
	nonce, err := random()
	if err != nil {
		http.Error(w, "no randomness", http.StatusInternalServerError)
		return
	}
	verifier := oauth2.GenerateVerifier()
	remember(w, "state", state, 600)
	remember(w, "nonce", nonce, 600)
	remember(w, "verifier", verifier, 600)
	http.Redirect(w, r, c.config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), http.StatusFound)
}

func random() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(rand.Reader, b[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

func remember(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func remembered(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func same(a, b string) bool { return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (c *coreOS) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if !same(query.Get("state"), remembered(r, "state")) {
		http.Error(w, "state", http.StatusBadRequest)
		return
	}
	token, err := c.config.Exchange(c.ctx, query.Get("code"), oauth2.VerifierOption(remembered(r, "verifier")))
	if err != nil {
		http.Error(w, "token", http.StatusBadGateway)
		return
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		http.Error(w, "id_token", http.StatusBadGateway)
		return
	}
	verified, err := c.verifier.Verify(c.ctx, raw)
	if err != nil {
		http.Error(w, "id_token", http.StatusBadGateway)
		return
	}
	if !same(verified.Nonce, remembered(r, "nonce")) {
		http.Error(w, "nonce", http.StatusBadGateway)
		return
	}
	if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
		http.Error(w, "at_hash", http.StatusBadGateway)
		return
	}
	var times struct {
		AuthTime int64 `json:"auth_time"`
	}
	if err := verified.Claims(&times); err != nil || times.AuthTime == 0 {
		http.Error(w, "auth_time", http.StatusBadGateway)
		return
	}
	info, err := c.provider.UserInfo(c.ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Subject != verified.Subject {
		http.Error(w, "userinfo", http.StatusBadGateway)
		return
	}
	var claims struct {
		Name  string `json:"name"`
		Email string `json:"email"`
	}
	if err := info.Claims(&claims); err != nil || claims.Email == "" {
		http.Error(w, "userinfo", http.StatusBadGateway)
		return
	}
	session, err := random()
	if err != nil {
		http.Error(w, "no randomness", http.StatusInternalServerError)
		return
	}
	for _, name := range []string{"state", "nonce", "verifier"} {
		remember(w, name, "", -1)
	}
	remember(w, "session", session, 0)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
