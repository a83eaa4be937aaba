package keyjar

import (
	"encoding/base64"
	"errors"
	"strings"
)

// Base64url of JOSE has one spelling a value: "with all trailing '=' characters omitted
// … and without the inclusion of any line breaks, whitespace, or other additional
// characters" (RFC 7515, Section 2). Go's decoder passes over line breaks, even a
// strict one, so they are looked for first.

var (
	segmentEncoding = base64.RawURLEncoding.Strict()
	errSegment      = errors.New("not base64url")
)

func decodeSegment(s string) ([]byte, error) {
	return appendSegment(make([]byte, 0, segmentEncoding.DecodedLen(len(s))), s)
}

// appendSegment decodes s behind dst.
func appendSegment(dst []byte, s string) ([]byte, error) {
	if strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0 {
		return nil, errSegment
	}
	at := len(dst)
	room := segmentEncoding.DecodedLen(len(s))
	if cap(dst)-at < room {
		dst = append(dst, make([]byte, room)...)
	}
	n, err := segmentEncoding.Decode(dst[at:at+room], []byte(s))
	if err != nil {
		return nil, errSegment
	}
	return dst[:at+n], nil
}

func encodeSegment(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
