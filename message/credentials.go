package message

import (
	"errors"
	"strings"
)

// errCredentials says what is wrong with credentials without showing them.
var errCredentials = errors.New("the credentials are not one access token")

// ParseAuthorization reads the access token out of the value of an Authorization field
// (RFC 6750, Section 2.1; RFC 9449, Section 7.1). The type is [TokenTypeBearer] or
// [TokenTypeDPoP], whatever the case of the scheme; it is empty for a field that is
// empty or has another scheme, and so holds no access token. The error is not nil when
// the scheme is one of the two and what follows is not exactly one b64token.
func ParseAuthorization(value string) (tokenType string, token Secret, err error) {
	scheme, rest, _ := strings.Cut(value, " ")
	switch {
	// "it uses a case-insensitive token to identify the authentication scheme" (RFC
	// 9110, Section 11.1).
	case strings.EqualFold(scheme, TokenTypeBearer):
		tokenType = TokenTypeBearer
	case strings.EqualFold(scheme, TokenTypeDPoP):
		tokenType = TokenTypeDPoP
	default:
		return "", "", nil
	}
	// credentials = "Bearer" 1*SP b64token
	rest = strings.TrimLeft(rest, " ")
	if !isB64Token(rest) {
		return tokenType, "", errCredentials
	}
	return tokenType, Secret(rest), nil
}

// isB64Token knows the syntax of an access token in a header: letters, digits and
// "-._~+/", one or more, and then only equals signs (RFC 6750, Section 2.1).
func isB64Token(s string) bool {
	s = strings.TrimRight(s, "=")
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return s != ""
}
