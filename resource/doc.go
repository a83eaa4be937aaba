// Package resource is what an API needs that takes OAuth 2.0 access tokens: it verifies
// what a request presents, says in a challenge what is lacking, and describes itself. It
// has no I/O and reads no clock; rp.API is the same with a transport.
//
//	api, err := resource.New(resource.Config{
//		Resource: "https://api.example/v1",
//		Issuers:  []resource.Issuer{{Issuer: "https://op.example"}},
//		Now:      time.Now,
//	})
//	token, err := api.Verify(ctx, &resource.Request{...}, resource.Demand{Scope: message.List{"read"}})
//
// The error of Verify is one of three: a [Refusal] is the answer to send; a [NeedError]
// says what has to be found out first, the keys of an issuer or what it tells about the
// token; anything else is a store that fails. The last two, when they cannot be mended,
// are answered with 503 and no challenge: the token may be good.
//
// # What is verified
//
// In this order: that one access token is presented, in one place (RFC 6750, Section 2);
// the proof of possession that goes with it, if the scheme is DPoP (RFC 9449, Section
// 4.3); the token, as a JWT (RFC 9068, Section 4) or by what its issuer says of it (RFC
// 7662); that issuer, audience and time are right; that the key or certificate that it is
// bound to is there (RFC 9449, Section 7; RFC 8705, Section 3); that the proof is used for
// the first time; that its scope covers the [Demand]; and that the user's authentication
// does (RFC 9470). The rules have names that begin with rs_.
//
// # Where this is narrower than the specifications
//
// An access token in a form body (RFC 6750, Section 2.2) is not looked for: that section
// says "SHOULD NOT be used", and reading bodies is the API's own business. An access token
// in the URL is refused. Tokens signed with a shared secret are not accepted.
package resource
