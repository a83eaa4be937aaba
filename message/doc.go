// Package message holds what relying parties and providers of OpenID Connect and OAuth
// 2.0 say to each other: requests, responses, metadata, claims, errors, and the rules
// that they must keep. It knows no clock, no key and no network, and not which side it
// serves.
//
// # Messages
//
// A message is a struct whose fields stand in the order and have the words of the
// specification: [AuthorizationRequest], [AccessTokenResponse], [ProviderMetadata],
// [IDToken] and so on. The zero value of a field means that the member is absent.
// Where 0 or false is something else than absence, the field is a pointer; a [Time]
// knows itself whether it is present.
//
// What a message has beyond its fields is in its [Extra], verbatim and in order, and
// goes out again byte for byte. That holds members in a language too: the client name
// in Japanese is
//
//	metadata.Extra.Tagged("client_name", "ja-Jpan-JP")
//
// Tokens, codes, verifiers and passwords are of type [Secret], which shows as *** in
// package fmt, in log/slog and in encoding/json. So does every value in Extra, because
// nobody knows what it is. A message is logged by giving it to the logger.
//
// # On the wire
//
// [DecodeJSON] and [DecodeClaims] (the payload of a JWT) read JSON, [DecodeForm] and
// [DecodeValues] read queries, fragments and form bodies. [EncodeJSON] and [EncodeForm]
// write them, and are the only way in which secrets leave a message:
//
//	var token message.IDToken
//	if err := message.DecodeClaims(payload, &token); err != nil {
//		return message.ViolationOf(message.RuleJOSEJSON, err)
//	}
//
// A decoder either fills the whole message or fails with a [*DecodeError] and leaves
// the zero value. What it has accepted can be encoded and decoded again into the same.
// Types of other packages are decoded by the same rules if they have the tags json and,
// for forms, url.
//
// # Rules and errors
//
// A [Rule] names a requirement and knows where it is written. A [Violation] says that
// the peer broke one; an [Error] says that the peer declared an error. Both are found
// with [errors.Is]:
//
//	errors.Is(err, message.RuleIDTokenAud)
//	errors.Is(err, message.InvalidGrant)
//
// # Notable divergences
//
// Stricter than encoding/json and net/url, and in places than the specifications:
//
//   - A member or parameter that occurs twice is refused, at whatever depth; the
//     specifications of JSON and JOSE leave the choice open. Parameters that are lists
//     (resource, audience) may be repeated.
//   - Names match exactly. A JSON member that differs from a known one by case alone is
//     refused instead of being ignored: whoever sends it hopes that somebody confuses
//     them. The claims about a user (name, email) are exempt.
//   - Half a surrogate pair, invalid UTF-8, a NUL in a parameter, an unescaped
//     character in a form and anything behind the JSON are refused.
//   - A document has at most [MaxDepth] levels and [MaxMembers] members, and [MaxJSON]
//     bytes ([MaxClaims] in a JWT); a form has at most [MaxForm] bytes and
//     [MaxParameters] parameters.
//   - A time outside the years 1970 to 9999 is refused. Fractions of it are kept to the
//     nanosecond.
//   - An integer has no fraction other than zero, and with a fraction or an exponent at
//     most 53 bits: 3600.0 and 36e2 are 3600, and 0.5 is refused.
//
// Milder than the letter:
//
//   - null is absence, whatever the member.
//   - A list of words may have several spaces between them.
//   - expires_in may stand in quotes in a JWT-secured authorization response, whose
//     specification prints it so.
//
// Faults of known providers are tolerated one by one, by name: see [Quirks].
package message
