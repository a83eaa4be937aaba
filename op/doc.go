// Package op is an OpenID Provider with a transport: an [http.Handler] that serves the
// endpoints of package endpoint, the pages of a login, and what must be fetched from
// clients and sent to them.
//
//	provider, err := op.New(op.Config{
//		Issuer: "https://op.example",
//		Keys:   keys,
//		Store:  store,
//		Users:  users,
//	})
//	http.ListenAndServeTLS(":443", cert, key, provider)
//
// The pages are plain HTML forms that work without JavaScript, with stable names and ids:
// a form has the id of its page (login, select_account, consent, logout, continue), the
// fields are username and password, the check boxes scope, and the buttons action with the
// values login, continue, allow and deny. They load nothing from elsewhere, cannot be
// framed, and can be replaced (Config.Templates).
//
// Cookies are __Host-op_session, the handle of a session, and __Host-op_browser, which ties
// a page to the browser it was shown in. On plain http, which InsecureAllowHTTP allows for
// development, their names are op_session and op_browser. Both are random handles; what
// they stand for is in the store.
//
// Package optest has a provider for tests, which needs no socket.
package op
