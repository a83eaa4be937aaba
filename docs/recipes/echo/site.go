// Package site is a site whose users log in, with Echo.
package site

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/oidcservice/oidc/rp"
)

// New makes the site. Its account page is for users who are logged in.
func New(options rp.Options) (http.Handler, error) {
	party, err := rp.New(rp.Config{
		Issuer:                "https://op.example",
		RedirectURI:           "https://app.example/callback",
		PostLogoutRedirectURI: "https://app.example/goodbye",
		Scope:                 []string{"openid", "email"},
		Options:               options,
	})
	if err != nil {
		return nil, err
	}
	router := echo.New()
	router.Any("/login", echo.WrapHandler(party.Login()))
	router.Any("/callback", echo.WrapHandler(party.Callback(nil)))
	router.Any("/logout", echo.WrapHandler(party.Logout()))
	router.Any("/goodbye", echo.WrapHandler(party.LoggedOut()))
	router.GET("/account", account, echo.WrapMiddleware(party.Protect))
	return router, nil
}

func account(c *echo.Context) error {
	login := rp.LoginOf(c.Request().Context())
	return c.String(http.StatusOK, fmt.Sprintf("You are %s %s\n", login.Subject, login.UserInfo.Email))
}
