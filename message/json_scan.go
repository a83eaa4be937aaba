package message

import (
	"errors"
	"fmt"
	"strings"
)

// A decoder goes over a JSON text from left to right.
type decoder struct {
	s       string
	pos     int
	depth   int
	members int
	limit   int
	jwt     bool
	copying bool
	quirks  Quirks
	names   []string // of the open objects whose names are not known beforehand
	slab    []byte   // room for the values that are kept verbatim
}

// part goes over a text of its own that stands inside the document.
func (d *decoder) part(s string, goOver func(*decoder) *DecodeError) *DecodeError {
	d.s, d.pos, d.slab, d.copying = s, 0, nil, true
	d.space()
	if err := goOver(d); err != nil {
		return err
	}
	if d.space(); d.pos < len(d.s) {
		return &DecodeError{Kind: Trailing}
	}
	return nil
}

// space goes over white space.
func (d *decoder) space() {
	for d.pos < len(d.s) {
		switch d.s[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// peek returns the byte at the position, 0 at the end.
func (d *decoder) peek() byte {
	if d.pos < len(d.s) {
		return d.s[d.pos]
	}
	return 0
}

// enter goes into the object or array that begins at the position.
func (d *decoder) enter() *DecodeError {
	d.pos++
	if d.depth++; d.depth > MaxDepth {
		return &DecodeError{Kind: Depth, Err: fmt.Errorf("at byte %d", d.pos-1)}
	}
	return nil
}

func (d *decoder) leave() { d.depth-- }

// next goes to the next element of an array; at its end it goes behind it.
func (d *decoder) next(first bool) (bool, *DecodeError) {
	return d.separator(first, ']')
}

// separator goes over the comma before an element, or over the closing bracket.
func (d *decoder) separator(first bool, end byte) (bool, *DecodeError) {
	d.space()
	if d.peek() == end {
		d.pos++
		return false, nil
	}
	if !first {
		if d.peek() != ',' {
			return false, d.malformed("a comma is wanted")
		}
		d.pos++
		d.space()
	}
	if d.members++; d.members > MaxMembers {
		return false, &DecodeError{Kind: Count, Err: fmt.Errorf("the limit is %d", MaxMembers)}
	}
	return true, nil
}

// member goes to the next member of an object and returns its name, with the position
// at its value; at the object's end it goes behind it.
func (d *decoder) member(first bool) (string, bool, *DecodeError) {
	more, err := d.separator(first, '}')
	if err != nil || !more {
		return "", false, err
	}
	if d.peek() != '"' {
		return "", false, d.malformed("a member name is wanted")
	}
	name, err := d.rawText()
	if err != nil {
		return "", false, err
	}
	if d.space(); d.peek() != ':' {
		return "", false, d.malformed("a colon is wanted")
	}
	d.pos++
	d.space()
	return name, true, nil
}

// skip goes over a value that nobody looks into, with all the rules of the text.
func (d *decoder) skip(name string) *DecodeError {
	if err := d.anything(); err != nil {
		if name == "" {
			return err
		}
		return err.under(name)
	}
	return nil
}

func (d *decoder) anything() *DecodeError {
	switch d.peek() {
	case '"':
		_, err := d.rawText()
		return err
	case 't':
		return d.literal("true")
	case 'f':
		return d.literal("false")
	case 'n':
		return d.literal("null")
	case '[':
		if err := d.enter(); err != nil {
			return err
		}
		for n := 0; ; n++ {
			more, err := d.next(n == 0)
			if err != nil {
				return err
			}
			if !more {
				d.leave()
				return nil
			}
			if err := d.anything(); err != nil {
				return err
			}
		}
	case '{':
		if err := d.enter(); err != nil {
			return err
		}
		names := nameSet{d: d, base: len(d.names)}
		for first := true; ; first = false {
			name, more, err := d.member(first)
			if err != nil {
				return err
			}
			if !more {
				names.done()
				d.leave()
				return nil
			}
			if !names.add(name) {
				return &DecodeError{Kind: Duplicate, Param: name}
			}
			if err := d.anything(); err != nil {
				return err.under(name)
			}
		}
	}
	_, err := d.number()
	if err != nil && err.Kind == WrongType {
		return d.malformed("a value is wanted")
	}
	return err
}

// A nameSet holds the names of one open object, on the stack that its decoder keeps.
// Few are compared one by one; many go into a map, so that no text costs more than it
// is long.
type nameSet struct {
	d    *decoder
	base int
	many map[string]struct{}
}

const fewNames = 24

// add reports whether name is new.
func (n *nameSet) add(name string) bool {
	if n.many != nil {
		_, dup := n.many[name]
		n.many[name] = struct{}{}
		return !dup
	}
	own := n.d.names[n.base:]
	for _, other := range own {
		if other == name {
			return false
		}
	}
	if len(own) == fewNames {
		n.many = make(map[string]struct{}, 4*fewNames)
		for _, other := range own {
			n.many[other] = struct{}{}
		}
		n.many[name] = struct{}{}
		return true
	}
	if n.d.names == nil {
		n.d.names = make([]string, 0, 8)
	}
	n.d.names = append(n.d.names, name)
	return true
}

func (n *nameSet) done() { n.d.names = n.d.names[:n.base] }

// literal goes over true, false or null.
func (d *decoder) literal(word string) *DecodeError {
	if !strings.HasPrefix(d.s[d.pos:], word) {
		return d.malformed("a value is wanted")
	}
	d.pos += len(word)
	return nil
}

// number goes over a number and returns its text:
//
//	number = [ minus ] int [ frac ] [ exp ]
//
// (RFC 8259, Section 6).
func (d *decoder) number() (string, *DecodeError) {
	start := d.pos
	if c := d.peek(); c != '-' && (c < '0' || c > '9') {
		return "", d.wrong("a number")
	}
	if d.peek() == '-' {
		d.pos++
	}
	if d.peek() == '0' {
		d.pos++
	} else if !d.digits() {
		return "", d.malformed("a digit is wanted")
	}
	if d.peek() == '.' {
		d.pos++
		if !d.digits() {
			return "", d.malformed("a digit is wanted")
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.pos++
		if c := d.peek(); c == '+' || c == '-' {
			d.pos++
		}
		if !d.digits() {
			return "", d.malformed("a digit is wanted")
		}
	}
	return d.s[start:d.pos], nil
}

// digits goes over digits and reports whether there was one.
func (d *decoder) digits() bool {
	start := d.pos
	for d.pos < len(d.s) && '0' <= d.s[d.pos] && d.s[d.pos] <= '9' {
		d.pos++
	}
	return d.pos > start
}

func (d *decoder) malformed(what string) *DecodeError {
	if d.pos >= len(d.s) {
		return &DecodeError{Kind: Malformed, Err: errors.New("the text ends early")}
	}
	return &DecodeError{Kind: Malformed, Err: fmt.Errorf("%s at byte %d", what, d.pos)}
}

func (d *decoder) wrong(want string) *DecodeError {
	return &DecodeError{Kind: WrongType, Err: errors.New(want + " is wanted")}
}
