package message

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text goes over a string that is to be kept and returns it.
func (d *decoder) text() (string, *DecodeError) {
	if d.peek() != '"' {
		return "", d.wrong("a string")
	}
	s, err := d.rawText()
	if err != nil {
		return "", err
	}
	return d.keep(s), nil
}

// keep returns s, or a copy of it if the text is too long to be kept alive by it.
func (d *decoder) keep(s string) string {
	if d.copying {
		return strings.Clone(s)
	}
	return s
}

// plain returns how far from i on the bytes of s stand for themselves in a string: all
// but quote, backslash and controls. It looks at eight of them at a time.
func plain(s string, i int) int {
	const every, high = 0x0101010101010101, 0x8080808080808080
	for ; len(s)-i >= 8; i += 8 {
		b := s[i : i+8]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		quote, slash := w^every*'"', w^every*'\\'
		found := (w-every*' ')&^w | (quote-every)&^quote | (slash-every)&^slash
		if found &= high; found != 0 {
			return i + bits.TrailingZeros64(found)/8 // a borrow runs upwards only
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// rawText goes over a string and returns it, as a part of the text unless it has
// escapes in it.
func (d *decoder) rawText() (string, *DecodeError) {
	start := d.pos + 1
	i := plain(d.s, start)
	if i < len(d.s) && d.s[i] == '"' {
		d.pos = i + 1
		return d.s[start:i], nil
	}
	return d.escaped(start, i)
}

// escaped is rawText from the first byte on that does not stand for itself.
func (d *decoder) escaped(start, i int) (string, *DecodeError) {
	out := append(make([]byte, 0, i-start+16), d.s[start:i]...)
	for i < len(d.s) {
		c := d.s[i]
		switch {
		case c == '"':
			d.pos = i + 1
			return string(out), nil
		case c < ' ':
			d.pos = i
			return "", d.malformed("a control character in a string")
		case c != '\\':
			out = append(out, c)
			i++
			continue
		}
		if d.pos = i; i+1 >= len(d.s) {
			break
		}
		switch e := d.s[i+1]; e {
		case '"', '\\', '/':
			out = append(out, e)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, size := unicodeEscape(d.s[i:])
			if size == 0 {
				return "", d.malformed("a bad escape in a string")
			}
			out = utf8.AppendRune(out, r)
			i += size
			continue
		default:
			return "", d.malformed("a bad escape in a string")
		}
		i += 2
	}
	d.pos = len(d.s)
	return "", d.malformed("a string does not end")
}

// unicodeEscape reads \uXXXX, or two of them for a character beyond the first plane.
// Half of such a pair is no character (RFC 8259, Section 8.2, and RFC 7493, Section
// 2.1). The size is 0 if there is none.
func unicodeEscape(s string) (r rune, size int) {
	high, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(high) {
		return high, 6
	}
	low, ok := hex4(s[6:])
	if r := utf16.DecodeRune(high, low); ok && r != utf8.RuneError {
		return r, 12
	}
	return 0, 0
}

func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for i := 2; i < 6; i++ {
		n, ok := unhex(s[i])
		if !ok {
			return 0, false
		}
		r = r<<4 | rune(n)
	}
	return r, true
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// bytes returns a copy of a part of the text. The copies of one text share an array,
// without being able to grow into one another.
func (d *decoder) bytes(s string) []byte {
	if cap(d.slab)-len(d.slab) < len(s) {
		room := len(d.s) - d.pos + len(s)
		if d.copying {
			room = len(s)
		}
		d.slab = make([]byte, 0, room)
	}
	start := len(d.slab)
	d.slab = append(d.slab, s...)
	return d.slab[start:len(d.slab):len(d.slab)]
}
