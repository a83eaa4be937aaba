// Package cookiestate keeps pending logins in the browser that they belong to:
// each is sealed into a cookie, so that a relying party needs no store between
// the authorization request and the callback. Whatever process the callback
// reaches can finish the login.
//
//	cookies, err := cookiestate.New(cookiestate.Options{Keys: [][]byte{key}})
//	…
//	party, err := rp.New(rp.Config{
//		…
//		Options: rp.Options{DB: &state.DB{Store: cookies, SessionTTL: time.Minute}, SkipSession: true},
//	})
//
// Only what is pending travels. What a login brought, and what was used once,
// is in Options.Store; without one, in the memory of the process that answers
// the callback. With SkipSession nothing else is asked for it: the function
// given to Party.Callback has the verified claims, and starts the application's
// own session. SessionTTL then bounds how long the memory is taken.
//
// # Single use
//
// A cookie can be copied, and a browser can be made to send it again. What
// keeps a login from being finished twice is a mark that Take leaves in
// Options.Store: one Add. Without a shared Store each process has marks of its
// own, and the window in which another one takes the same login again is what
// is left of PendingTTL. Who uses it needs the browser's two cookies, the
// pending login's and the binding's, and the callback's address; of these the
// code is refused by the provider the second time (RFC 6749, Section 4.1.2).
// Responses that bring the ID Token through the browser have no such guard: for
// them, and wherever a replay must be seen, give a Store. It needs to hold
// nothing but marks, some 50 bytes for every login of the last ten minutes.
//
// # Size
//
// A pending login takes 950 to 1,300 bytes of the Cookie header; a browser keeps
// 4,096 for a cookie, and servers read 8 KiB of header. A login that is too
// large is an error that says so. Of many logins in one browser the newest that
// fit in Options.MaxBytes are kept.
//
// # What it is not for
//
// A login without a browser, by AuthorizationURL or by backchannel
// authentication, has no cookie: Add is ErrNoRequest outside of a request that
// Open was told of. Logout notifications of the provider find logins in
// Options.Store only.
package cookiestate
