package state

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// A record embeds messages as they are, so what is needed of JSON (RFC 8259)
// is little: to know that a value is one value, strictly, and to walk the
// members of an object. The walk is strict: a value that passes cannot reach
// out of the place it is put into.

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// scanValue returns where the value that begins at i ends.
func scanValue(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return i, malformed("JSON ends early")
	}
	if depth > maxDepth {
		return i, malformed("JSON too deep")
	}
	switch c := b[i]; {
	case c == '"':
		return skipString(b, i)
	case c == '{':
		return skipObject(b, i, depth)
	case c == '[':
		return skipArray(b, i, depth)
	case c == '-' || '0' <= c && c <= '9':
		return skipNumber(b, i)
	case c == 't':
		return skipWord(b, i, "true")
	case c == 'f':
		return skipWord(b, i, "false")
	case c == 'n':
		return skipWord(b, i, "null")
	}
	return i, malformed("JSON value")
}

func skipWord(b []byte, i int, word string) (int, error) {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return i, malformed("JSON value")
	}
	return i + len(word), nil
}

// skipNumber follows RFC 8259, Section 6.
func skipNumber(b []byte, i int) (int, error) {
	digits := func() bool {
		from := i
		for i < len(b) && '0' <= b[i] && b[i] <= '9' {
			i++
		}
		return i > from
	}
	if b[i] == '-' {
		i++
	}
	whole := i
	ok := digits()
	ok = ok && (b[whole] != '0' || i == whole+1)
	if ok && i < len(b) && b[i] == '.' {
		i++
		ok = digits()
	}
	if ok && i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		ok = digits()
	}
	if !ok {
		return i, malformed("JSON number")
	}
	return i, nil
}

func skipObject(b []byte, i, depth int) (int, error) {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		end, err := skipString(b, i)
		if err != nil {
			return i, err
		}
		i = skipSpace(b, end)
		if i >= len(b) || b[i] != ':' {
			return i, malformed("JSON object")
		}
		if i, err = scanValue(b, skipSpace(b, i+1), depth+1); err != nil {
			return i, err
		}
		i = skipSpace(b, i)
		if i >= len(b) || b[i] != ',' && b[i] != '}' {
			return i, malformed("JSON object")
		}
		if b[i] == '}' {
			return i + 1, nil
		}
		i = skipSpace(b, i+1)
	}
}

func skipArray(b []byte, i, depth int) (int, error) {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := scanValue(b, i, depth+1)
		if err != nil {
			return i, err
		}
		i = skipSpace(b, end)
		if i >= len(b) || b[i] != ',' && b[i] != ']' {
			return i, malformed("JSON array")
		}
		if b[i] == ']' {
			return i + 1, nil
		}
		i = skipSpace(b, i+1)
	}
}

const (
	everyByte = 0x0101010101010101
	everyHigh = 0x8080808080808080
)

// plain returns how far from i on the bytes are ASCII that JSON writes as it
// is, eight at a time: neither quote, backslash nor control.
func plain(b []byte, i int) int {
	for ; len(b)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote := w ^ everyByte*'"'
		slash := w ^ everyByte*'\\'
		found := w | (w - everyByte*0x20) | (quote - everyByte) | (slash - everyByte)
		if found &= everyHigh; found != 0 {
			// A borrow runs upwards only, so the lowest mark is right.
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(b) && b[i] >= 0x20 && b[i] < 0x80 && b[i] != '"' && b[i] != '\\' {
		i++
	}
	return i
}

// skipString follows RFC 8259, Section 7; surrogates come in pairs.
func skipString(b []byte, i int) (int, error) {
	if i >= len(b) || b[i] != '"' {
		return i, malformed("JSON text")
	}
	for i++; ; {
		i = plain(b, i)
		switch {
		case i >= len(b):
			return i, malformed("JSON ends early")
		case b[i] == '"':
			return i + 1, nil
		case b[i] == '\\':
			_, n := escape(b[i:])
			if n == 0 {
				return i, malformed("JSON escape")
			}
			i += n
		case b[i] < 0x20:
			return i, malformed("control character in JSON text")
		default:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n <= 1 {
				return i, malformed("JSON text is not UTF-8")
			}
			i += n
		}
	}
}

// escape reads the escape that b begins with; n is 0 if it is none.
func escape(b []byte) (r rune, n int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r, ok := hex4(b[2:])
		if !ok {
			return 0, 0
		}
		if !utf16.IsSurrogate(r) {
			return r, 6
		}
		if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
			second, _ := hex4(b[8:])
			if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
				return r, 12
			}
		}
	}
	return 0, 0
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// scanText returns the text of the JSON string that begins at i. It lies in b
// unless something in it is escaped.
func scanText(b []byte, i int) (text []byte, end int, err error) {
	if end, err = skipString(b, i); err != nil {
		return nil, i, err
	}
	raw := b[i+1 : end-1 : end-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw, end, nil
	}
	text = make([]byte, 0, len(raw))
	for len(raw) > 0 {
		if raw[0] != '\\' {
			text = append(text, raw[0])
			raw = raw[1:]
			continue
		}
		r, n := escape(raw)
		text = utf8.AppendRune(text, r)
		raw = raw[n:]
	}
	return text, end, nil
}

// appendString writes s as JSON text. Text that is not UTF-8 is refused: it
// would come back as another.
func appendString(b []byte, s string) ([]byte, error) {
	b = append(b, '"')
	from := len(b)
	b = append(b, s...)
	if plain(b, from) == len(b) {
		return append(b, '"'), nil
	}
	b = b[:from]
	if !utf8.ValidString(s) {
		return nil, malformed("not UTF-8")
	}
	const digits = "0123456789abcdef"
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"'), nil
}

// scanObject walks the members of the object at i. A member that comes twice
// is refused.
func scanObject(b []byte, i int, each func(name, value []byte) error) (int, error) {
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != '{' {
		return i, malformed("not an object")
	}
	if i = skipSpace(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	var short [16][]byte
	seen := short[:0]
	for {
		name, end, err := scanText(b, i)
		if err != nil {
			return i, err
		}
		for _, s := range seen {
			if bytes.Equal(s, name) {
				return i, malformed("a member twice")
			}
		}
		seen = append(seen, name)
		i = skipSpace(b, end)
		if i >= len(b) || b[i] != ':' {
			return i, malformed("JSON object")
		}
		i = skipSpace(b, i+1)
		if end, err = scanValue(b, i, 1); err != nil {
			return i, err
		}
		if err = each(name, b[i:end]); err != nil {
			return i, err
		}
		i = skipSpace(b, end)
		if i >= len(b) || b[i] != ',' && b[i] != '}' {
			return i, malformed("JSON object")
		}
		if b[i] == '}' {
			return i + 1, nil
		}
		i = skipSpace(b, i+1)
	}
}

// scanArray walks the elements of the array at i.
func scanArray(b []byte, i int, each func(value []byte) error) (int, error) {
	if i >= len(b) || b[i] != '[' {
		return i, malformed("not an array")
	}
	if i = skipSpace(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := scanValue(b, i, 1)
		if err != nil {
			return i, err
		}
		if err = each(b[i:end]); err != nil {
			return i, err
		}
		i = skipSpace(b, end)
		if i >= len(b) || b[i] != ',' && b[i] != ']' {
			return i, malformed("JSON array")
		}
		if b[i] == ']' {
			return i + 1, nil
		}
		i = skipSpace(b, i+1)
	}
}

// memberOf returns the value of a member of an object, nil if there is none or
// if it is no object that a record may hold.
func memberOf(object []byte, member string) json.RawMessage {
	var found json.RawMessage
	_, err := scanObject(object, 0, func(name, value []byte) error {
		if string(name) == member && string(value) != "null" {
			found = json.RawMessage(value)
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return found
}
