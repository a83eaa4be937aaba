// Package state remembers logins between the request that starts one and the
// last use of its tokens.
//
// A login has two lives. It is pending from the authorization request to the
// callback, and is claimed once; then it is a session. [DB] keeps both in any
// [Store], a key-value store whose entries expire: [Memory] in this package, a
// database or Redis through the backends beside it, or your own, proved by
// package statetest. [Sealed] encrypts in front of any of them. Package
// cookiestate keeps what is pending in the browser instead.
//
// # What the store sees
//
// Keys are hashes of a kind and a value, so that a store, its log and its
// backup name no login and no user; that a guessed subject was here can be
// confirmed by whoever reads them. Values are JSON with the names of the
// original state database, in this order:
//
//	iss auth_request auth_response token_response
//	refresh_token_request refresh_token_response user_info
//
// followed by the private part (members that begin with an underscore): the
// state, the values kept for later checks, and the names of the look-ups.
// Values hold secrets: use Sealed where the store is not as trusted as the
// process.
//
//	p-HASH  a pending login           Add, Get, Take, Swap
//	s-HASH  a session                 Add, Get, Take, Swap
//	r-HASH  a mark: seen, reserved    Add, Take
//	g-HASH  a group: the logins of a nonce, subject, sid or logout state
//	w-HASH  a lock, only where a Store is no Swapper
//	q-HASH  a page of a group, and
//	m-HASH  a member on it, only where a Store is no Grouper
//
// # Optional interfaces
//
// A Store may also implement [Grouper] (many logins a subject) and [Swapper]
// (compare and swap). DB finds them by assertion; a decorator whose inner
// store lacks them returns [errors.ErrUnsupported]. Without them DB builds
// both from the four verbs, at the price told with each.
//
// # Divergences from the original
//
// Creating a state that exists is an error instead of a reset; ending a login
// removes every look-up; a subject may have many logins; everything expires.
package state
