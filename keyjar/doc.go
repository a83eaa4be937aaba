// Package keyjar holds keys and everything that is done with them: JSON Web Keys
// and sets of them (RFC 7517), compact signatures (RFC 7515), compact encryption
// (RFC 7516) and the algorithms of RFC 7518, RFC 8037 and RFC 9864.
//
// It is the only package that imports a JOSE library, and no exported signature
// shows a type of that library.
//
// # Who chooses
//
// A token never chooses how it is verified. The caller names the owner of the keys
// and the algorithms that are acceptable:
//
//	token, err := jar.Verify(issuer, raw, []string{"RS256"})
//
// The header's kid narrows the owner's keys, and the header's alg must be one that
// the caller named. The key's type, curve, size, use, key_ops and alg must fit that
// algorithm. The header parameters jku, x5u, x5c and jwk are never looked at; the one
// exception is [VerifyDPoP], which is about the key in the header (RFC 9449, Section 4.3).
//
// # Errors
//
// What a peer did wrong is a *message.Violation with a rule of the families jose_*,
// key_*, jwe_* and jwks_*. A key that is not there, and may be there after the set has
// been fetched anew, matches [ErrUnknownKey] besides. [ErrNoKey] says that we ourselves
// have no key for what we are to do.
//
// # Differences from the specifications
//
//   - Only compact serialisations are read and written. A JWS has three segments, a JWE five.
//   - Every crit and every b64 header parameter is refused: this package understands no extension.
//   - A JWE with zip is refused, PBES2 is not implemented, RSA1_5 opens only by name.
//   - ECDSA signatures are deterministic (RFC 6979) when the key is in memory.
package keyjar
