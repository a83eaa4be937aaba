// Package site is a site whose users log in, with Gin.
package site

import (
	"net/http"

	"github.com/gin-gonic/gin"

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
	router := gin.New()
	router.Any("/login", gin.WrapH(party.Login()))
	router.Any("/callback", gin.WrapH(party.Callback(nil)))
	router.Any("/logout", gin.WrapH(party.Logout()))
	router.Any("/goodbye", gin.WrapH(party.LoggedOut()))
	router.GET("/account", protect(party), account)
	return router, nil
}

// protect is party.Protect as a middleware of Gin's.
func protect(party *rp.Party) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		party.Protect(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed, c.Request = true, r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}

func account(c *gin.Context) {
	login := rp.LoginOf(c.Request.Context())
	c.String(http.StatusOK, "You are %s %s\n", login.Subject, login.UserInfo.Email)
}
