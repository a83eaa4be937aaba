// Package site is a site whose users log in, with chi.
package site

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

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
	router := chi.NewRouter()
	router.Handle("/login", party.Login())
	router.Handle("/callback", party.Callback(nil))
	router.Handle("/logout", party.Logout())
	router.Handle("/goodbye", party.LoggedOut())
	router.With(party.Protect).Get("/account", account)
	return router, nil
}

func account(w http.ResponseWriter, r *http.Request) {
	login := rp.LoginOf(r.Context())
	fmt.Fprintf(w, "You are %s %s\n", login.Subject, login.UserInfo.Email)
}
