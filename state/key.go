package state

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
)

// Kinds of look-up, for DB.Link, DB.States and Record.Link. Values that are
// unique only at one provider are joined with it by PerIssuer.
const (
	KindNonce       = "nonce"        // OpenID Connect Core 1.0, Section 2
	KindSubject     = "sub"          // OpenID Connect Core 1.0, Section 2; PerIssuer
	KindSessionID   = "sid"          // OpenID Connect Front-Channel Logout 1.0, Section 3; PerIssuer
	KindLogoutState = "logout_state" // OpenID Connect RP-Initiated Logout 1.0, Section 2
	KindAuthReqID   = "auth_req_id"  // OpenID Connect CIBA Core 1.0, Section 7.3; PerIssuer
)

// Kinds of mark, for DB.Seen and DB.Reserve.
const (
	KindJWTID        = "jti"           // RFC 7519, Section 4.1.7; PerIssuer
	KindRefreshToken = "refresh_token" // RFC 6749, Section 6
	KindJWKSRefetch  = "jwks_refetch"  // one refetch of a key set in a while
)

// Prefixes tell what an entry is. They are for the people who look into a
// store; what keeps kinds apart is the hash.
const (
	prefixPending = "p-"
	prefixSession = "s-"
	prefixMark    = "r-"
	prefixGroup   = "g-"
	prefixLock    = "w-"
	prefixPage    = "q-"
	prefixSlot    = "m-"

	// kindState is the kind of a login's own name, under two prefixes.
	kindState = "state"
)

// PerIssuer joins a value that is unique only at one provider with the
// provider's issuer. No other pair gives the same result.
func PerIssuer(issuer, value string) string {
	return strconv.Itoa(len(issuer)) + ":" + issuer + value
}

// A digest is the hash of a kind and a value, in the alphabet of keys.
type digest [43]byte

// digestOf is unambiguous because the length of kind is written before the
// text.
func digestOf(kind, value string) (d digest) {
	var short [192]byte
	input := binary.AppendUvarint(short[:0], uint64(len(kind)))
	input = append(input, kind...)
	input = append(input, value...)
	sum := sha256.Sum256(input)
	base64.RawURLEncoding.Encode(d[:], sum[:])
	return d
}

// key returns the key of the entry that prefix says.
func (d *digest) key(prefix string) string {
	var key [2 + len(d)]byte
	copy(key[:2], prefix)
	copy(key[2:], d[:])
	return string(key[:])
}

func storeKey(prefix, kind, value string) string {
	d := digestOf(kind, value)
	return d.key(prefix)
}

// isItemName tells whether a service may call an item so.
func isItemName(name string) bool {
	if len(name) == 0 || len(name) > MaxKey || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// isKey tells whether the name of an entry or group is one that every Store
// takes.
func isKey(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= MaxKey
}
