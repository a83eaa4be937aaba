// Package rp is the relying party with a transport: it turns what package service
// says into net/http and back.
//
//	party, err := rp.New(rp.Config{
//		Issuer:       "https://op.example",
//		ClientID:     "s6BhdRkqt3",
//		ClientSecret: secret,
//		RedirectURI:  "https://app.example/callback",
//		Scope:        []string{"openid", "email"},
//	})
//	mux.Handle("/callback", party.Callback(nil))
//	mux.Handle("/account", party.Protect(account)) // account finds the user with rp.LoginOf
//
// A [Party] logs users in at one provider (New) or at many (NewParty), those that
// users name included. Its handlers are plain http.Handlers: Login, Callback,
// Logout and LoggedOut, BackchannelLogout, FrontchannelLogout, CheckSession,
// InitiateLogin and RequestObjects; Protect is a middleware. Whoever wants no handlers has three calls:
// AuthorizationURL, Tokens and Claims.
//
// What a login brought is a [Login]. Its [Token] gives an access token that is valid,
// refreshed once for all callers, and a [TokenTransport] shows it to an API, as Bearer
// or with a DPoP proof.
//
// An [API] is what takes such a token: package resource with a transport. It verifies
// access tokens, fetches the keys of their issuers or asks these about them, and answers
// with the challenge that says what is lacking.
//
// A [Client] sends the requests of services. It is strict where net/http is
// obliging: it follows no redirect, keeps no cookie, repeats nothing, uses no proxy
// that was not configured, bounds time and size of every exchange, and lets a URL
// that a peer supplied reach public addresses only.
//
// # Cookies
//
// Every login has a cookie of its own, __Host-oidc-login- and a name, so that several
// tabs can log in at once; it ends with its callback. The session has another,
// __Host-oidc-session, whose value is new after every login. On plain http, which
// Options.InsecureAllowHTTP admits for development, their names begin with
// insecure-oidc- instead. All hold random values; what they stand for is in the state
// database.
//
// # Goroutines
//
// The package starts none, unless [Party.Start] is called: that one refreshes
// metadata and keys before they are stale, and ends with its context. Without it
// they are refreshed by the first request that finds them stale.
package rp
