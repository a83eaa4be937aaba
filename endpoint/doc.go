// Package endpoint is the provider's side of OpenID Connect and OAuth 2.0, a step at a
// time and without I/O. A step is an [Endpoint] with three parts:
//
//	p, err := e.ParseRequest(ctx, req)   // decode, authenticate the client, verify; changes nothing
//	out, err := e.ProcessRequest(ctx, p) // decide and commit
//	resp, err := e.DoResponse(ctx, out)  // say what to send
//
// The caller owns HTTP, the clock, randomness and storage, so any web framework can
// serve an endpoint; package op does it with net/http. [Serve] joins the three parts and
// turns a refusal into the answer that the specification wants.
//
// # Needs
//
// What a step lacks it says as a value. A [*NeedUser] asks the caller to show a page: a
// login, a consent, a confirmation. The answer goes to [Continue] with the need's ticket,
// which serves once and in the browser that was given it. A [*NeedFetch] asks for a
// document of a client, such as its keys; [Context.Supply] takes it and the request is
// parsed again.
//
// # Refusals
//
// Every refusal is a [*Refusal]. errors.Is finds the error code that is declared
// (message.InvalidGrant) and the rule that was broken (message.RuleOPCodeReplay) in it;
// errors.As finds the *message.Error with its HTTP status and the *message.Violation.
// Any other error is a failing store, random source or user directory, wrapped; Serve
// answers it with server_error and returns it, to be logged.
//
// # What is stored
//
// Everything goes through a state.Store. Keys are hashes, so that a token, code, secret
// or ticket cannot be read from the store. A one-time value is spent by one atomic
// operation, Add or Take. Codes, access tokens and refresh tokens belong to a grant and
// live only as long as their grant does: taking the grant away revokes all of them at
// once.
//
// # A custom endpoint
//
// An endpoint is mostly a declaration: a [Definition] whose fields are the whole
// difference between endpoints. Its Settings have the extension points
// client_authentication, post_parse_request, pre_construct and post_construct.
package endpoint
