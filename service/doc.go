// Package service is the relying party's side of OpenID Connect and OAuth 2.0, a
// step at a time and without I/O. A step is a [Service] with three parts:
//
//	req, err := s.GetRequestParameters(ctx, args) // say what to send
//	// ... the caller sends req and obtains resp ...
//	res, err := s.ParseResponse(ctx, resp)        // decode and verify; changes nothing
//	err = s.UpdateServiceContext(ctx, res)        // commit what was learnt; verifies nothing
//
// The caller owns HTTP, the clock, randomness and storage. What a step lacks it says
// as a [NeedError], for instance a key that must be fetched first. [Run] and [Finish]
// join the three parts with a function that sends.
//
// A service is mostly a declaration: a [Definition] whose fields are the whole
// difference between steps. Write your own and register it with package factory.
//
// # Errors
//
// There are four kinds, each matchable:
//
//   - *message.Error: the peer says no; errors.Is(err, message.InvalidGrant)
//   - *message.Violation: the peer broke a rule; errors.Is(err, message.RuleIDTokenAud)
//   - *NeedError: more I/O is wanted
//   - ErrNotConfigured, ErrNoEndpoint, ErrNotRegistered, ErrForeign, ErrArgs and
//     state.ErrUnknown: the caller's doing
//
// Anything else is a failing store or random source, wrapped. [ChecksOf] gives the
// rules that were evaluated up to the failed one.
package service
