// Package rp is the relying party with a transport: it turns what package service
// says into net/http and back.
//
// A [Client] sends the requests of services. It is strict where net/http is
// obliging: it follows no redirect, keeps no cookie, repeats nothing, uses no proxy
// that was not configured, bounds time and size of every exchange, and lets a URL
// that a peer supplied reach public addresses only.
package rp
