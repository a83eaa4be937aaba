package keyjar

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// maxTokenSize limits a compact token. An ID Token has some 1 KiB; one with a photograph
// or a thousand groups among its claims still fits.
const maxTokenSize = 256 << 10

// A Token is a compact JWS taken apart (RFC 7515, Section 7.1). It has been parsed and
// not verified: until [Set.Verify] accepts it, header and payload are the word of
// whoever sent it.
type Token struct {
	Header  Header // the JOSE header
	Payload []byte // what was signed

	text      string // as it came
	input     int    // length of the signing input in text
	signature []byte
}

// Compact returns the token as it came.
func (t *Token) Compact() string { return t.text }

// String describes the token without showing it, since a token is a credential: its
// type, algorithm and kid.
func (t Token) String() string {
	return fmt.Sprintf("JWS typ %q alg %q kid %q", t.Header.Type, t.Header.Algorithm, t.Header.KeyID)
}

// Format writes what String returns, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue returns what String returns.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Parse takes a compact JWS apart: exactly three segments of strict base64url, of which
// the first is a JSON object that [Header] describes. The payload is decoded from
// base64url and not looked into. A token with alg none has an empty third segment; it
// parses, and Verify refuses it unless the caller's list admits none.
func Parse(token string) (*Token, error) {
	if err := checkSize(token); err != nil {
		return nil, err
	}
	first := strings.IndexByte(token, '.')
	last := strings.LastIndexByte(token, '.')
	if first < 0 || first == last || strings.IndexByte(token[first+1:last], '.') >= 0 {
		return nil, violation(message.RuleJOSECompact, "", segments(token), "3 segments", nil)
	}
	header, payload, signature := token[:first], token[first+1:last], token[last+1:]
	if header == "" || payload == "" {
		return nil, violation(message.RuleJOSECompact, "", "an empty segment", "3 segments", nil)
	}
	t := &Token{text: token, input: last}
	var err error
	if t.Header, err = readHeader(header); err != nil {
		return nil, err
	}
	decoded, err := decodeSegment(payload)
	if err != nil {
		return nil, violation(message.RuleJOSEBase64URL, "payload", "", "", nil)
	}
	t.Payload = decoded[:len(decoded):len(decoded)]
	if t.signature, err = decodeSegment(signature); err != nil {
		return nil, violation(message.RuleJOSEBase64URL, "signature", "", "", nil)
	}
	return t, nil
}

// ParseHeader reads the header of a compact JWS or JWE, for showing what a token says
// about itself. Nothing of it has been verified.
func ParseHeader(token string) (*Header, error) {
	if err := checkSize(token); err != nil {
		return nil, err
	}
	if n := strings.Count(token, "."); n != 2 && n != 4 {
		return nil, violation(message.RuleJOSECompact, "", segments(token), "3 or 5 segments", nil)
	}
	segment, _, _ := strings.Cut(token, ".")
	h, err := readHeader(segment)
	if err != nil {
		return nil, err
	}
	return &h, nil
}

// IsEncrypted reports whether token is a compact JWE: "JWEs have five segments
// separated by four period ('.') characters" (RFC 7516, Section 9).
func IsEncrypted(token string) bool { return strings.Count(token, ".") == 4 }

func checkSize(token string) error {
	if len(token) > maxTokenSize {
		return violation(message.RuleJOSECompact, "", fmt.Sprintf("%d bytes", len(token)), fmt.Sprintf("at most %d bytes", maxTokenSize), nil)
	}
	// A JSON serialisation, which may hold any number of dots.
	if strings.HasPrefix(strings.TrimLeft(token, " \t\r\n"), "{") {
		return violation(message.RuleJOSECompact, "", "no compact serialisation", "segments of base64url", nil)
	}
	return nil
}

func segments(token string) string {
	return fmt.Sprintf("%d segments", strings.Count(token, ".")+1)
}

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
