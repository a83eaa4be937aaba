// Package site is a site whose users log in, with Fiber. fasthttp is not net/http, so it
// stands on the services themselves.
package site

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/gofiber/fiber/v3"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

const (
	redirectURI   = "https://app.example/callback"
	sessionCookie = "__Host-session"
)

// A site is what its handlers share.
type site struct {
	services *factory.Services
	db       *state.DB
	runner   service.Runner
}

// New makes the site, after it has learnt about the provider and registered itself. Its
// account page is for users who are logged in.
func New(ctx context.Context, send service.SendFunc) (*fiber.App, error) {
	provider, err := servicecontext.New(servicecontext.Config{
		Issuer: "https://op.example",
		Metadata: message.ClientMetadata{
			RedirectURIs:           []string{redirectURI},
			PostLogoutRedirectURIs: []string{"https://app.example/goodbye"},
		},
		Scope: []string{"openid", "email"},
	})
	if err != nil {
		return nil, err
	}
	s := &site{db: new(state.DB), runner: service.Runner{Send: send}}
	s.services, err = factory.Build(factory.Spec{
		"provider_info": {}, "jwks": {}, "registration": {}, "authorization": {}, "accesstoken": {}, "userinfo": {}, "end_session": {},
	}, provider, s.db)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"provider_info", "registration"} {
		if _, err := s.runner.Run(ctx, s.services.Get(name), service.Args{}); err != nil {
			return nil, err
		}
	}
	// Immutable, because what a request says is kept beyond it.
	router := fiber.New(fiber.Config{Immutable: true})
	router.Get("/login", s.login)
	router.Get("/callback", s.callback)
	router.Post("/logout", s.logout)
	router.Get("/goodbye", func(c fiber.Ctx) error { return c.SendString("Goodbye\n") })
	router.Get("/account", s.account)
	return router, nil
}

// login sends the browser to the provider.
func (s *site) login(c fiber.Ctx) error { return s.begin(c, c.Query("return_to", "/account")) }

func (s *site) begin(c fiber.Ctx, returnTo string) error {
	target, ok := service.LocalTarget(returnTo)
	if !ok {
		return fiber.NewError(fiber.StatusBadRequest, string(message.RuleAuthzResponseReturnURL))
	}
	binding := rand.Text()
	req, err := s.runner.Request(c.Context(), s.services.Get("authorization"), service.Args{Binding: binding, ReturnTo: target})
	if err != nil {
		return refused(err)
	}
	set(c, loginCookie(req.State), binding, 600)
	return c.Redirect().Status(fiber.StatusSeeOther).To(req.URL)
}

// callback is where the provider sends the browser back to.
func (s *site) callback(c fiber.Ctx) error {
	raw := string(c.Request().URI().QueryString())
	cookie := loginCookie(c.Query("state"))
	answer := service.ParseCallback(service.Inbound{
		Mode: message.ResponseModeQuery, Method: c.Method(), Raw: raw, RedirectURI: redirectURI, Binding: c.Cookies(cookie),
	})
	res, err := s.runner.Finish(c.Context(), s.services.Get("authorization"), answer)
	if err != nil {
		return refused(err)
	}
	set(c, cookie, "", -1)
	for _, name := range []string{"accesstoken", "userinfo"} {
		if _, err := s.runner.Run(c.Context(), s.services.Get(name), service.Args{State: res.State}); err != nil {
			return refused(errors.Join(err, s.db.End(c.Context(), res.State)))
		}
	}
	// A new session with every login, so that nobody can know it beforehand.
	secret := rand.Text()
	record, err := s.db.Update(c.Context(), res.State, func(r *state.Record) error {
		r.Keep("session", hash(secret))
		return nil
	})
	if err != nil {
		return err
	}
	set(c, sessionCookie, res.State+"."+secret, 0)
	return c.Redirect().Status(fiber.StatusSeeOther).To(record.Kept(state.KeptReturnTo))
}

// session returns the login of the browser.
func (s *site) session(c fiber.Ctx) (state.Record, bool, error) {
	name, secret, _ := strings.Cut(c.Cookies(sessionCookie), ".")
	if name == "" || secret == "" {
		return state.Record{}, false, nil
	}
	record, err := s.db.Session(c.Context(), name)
	if errors.Is(err, state.ErrUnknown) {
		return state.Record{}, false, nil
	}
	kept := record.Kept("session")
	return record, kept != "" && subtle.ConstantTimeCompare([]byte(kept), []byte(hash(secret))) == 1, err
}

func (s *site) account(c fiber.Ctx) error {
	record, found, err := s.session(c)
	if err != nil {
		return err
	}
	if !found {
		return s.begin(c, c.OriginalURL())
	}
	var claims message.IDToken
	var info message.UserInfoResponse
	if err := message.DecodeClaims([]byte(record.Kept(state.KeptIDTokenClaims)), &claims); err != nil {
		return err
	}
	if err := message.DecodeJSON(record.Item(state.ItemUserInfo), &info); err != nil {
		return err
	}
	c.Set("Cache-Control", "no-store")
	return c.SendString(fmt.Sprintf("You are %s %s\n", claims.Subject, info.Email))
}

// logout takes a form of our own pages.
func (s *site) logout(c fiber.Ctx) error {
	if from := c.Get("Sec-Fetch-Site"); from != "" && from != "same-origin" {
		return fiber.ErrForbidden
	}
	record, found, err := s.session(c)
	if err != nil {
		return err
	}
	if !found {
		return c.Redirect().Status(fiber.StatusSeeOther).To("/goodbye")
	}
	req, err := s.runner.Request(c.Context(), s.services.Get("end_session"), service.Args{State: record.State})
	if ended := s.db.End(c.Context(), record.State); ended != nil {
		return ended
	}
	set(c, sessionCookie, "", -1)
	if err != nil {
		return refused(err)
	}
	return c.Redirect().Status(fiber.StatusSeeOther).To(req.URL)
}

// refused is what the user is told. The log learns more: err names the step and the rule,
// and holds no secret.
func refused(err error) error {
	slog.Warn("a login failed", "error", err)
	return fiber.NewError(fiber.StatusForbidden, "The login did not succeed. Please start again.")
}

// loginCookie is the name of the cookie of one login, so that several tabs do not get in
// each other's way.
func loginCookie(name string) string { return "__Host-login-" + hash(name)[:16] }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func set(c fiber.Ctx, name, value string, seconds int) {
	c.Cookie(&fiber.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode})
}
