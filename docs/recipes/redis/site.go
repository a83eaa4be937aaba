// Package site is a site whose users log in, with logins that several processes share.
package site

import (
	"context"
	"fmt"
	"net/http"

	"github.com/redis/rueidis"

	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/redisstate"
)

// New makes the site. Its account page is for users who are logged in. Logins are kept at
// address, a URL such as rediss://rp:password@redis.example:6379/0, sealed with key: at
// least 32 random bytes, the same in all processes.
func New(address string, key []byte, options rp.Options) (http.Handler, error) {
	server, err := rueidis.ParseURL(address)
	if err != nil {
		return nil, err
	}
	client, err := rueidis.NewClient(server)
	if err != nil {
		return nil, err
	}
	store := redisstate.New(client, redisstate.Options{})
	if err := store.Check(context.Background()); err != nil {
		return nil, err // the server would forget logins when it is full
	}
	sealed, err := state.Sealed(store, key)
	if err != nil {
		return nil, err
	}
	options.DB = &state.DB{Store: sealed}
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
	router := http.NewServeMux()
	router.Handle("/login", party.Login())
	router.Handle("/callback", party.Callback(nil))
	router.Handle("/logout", party.Logout())
	router.Handle("/goodbye", party.LoggedOut())
	router.Handle("/account", party.Protect(http.HandlerFunc(account)))
	return router, nil
}

func account(w http.ResponseWriter, r *http.Request) {
	login := rp.LoginOf(r.Context())
	fmt.Fprintf(w, "You are %s %s\n", login.Subject, login.UserInfo.Email)
}
