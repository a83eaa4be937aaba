package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A node is a JSON value as it stands in the text, doubled members included.
type node struct {
	kind    kind
	text    string // of a string, number or boolean
	members []member
	items   []*node
	offset  int // of the value, in the text
}

// A member of an object.
type member struct {
	name   string
	value  *node
	offset int // of the name
}

// A kind of JSON value, in words.
type kind string

const (
	kindString  kind = "a string"
	kindNumber  kind = "a number"
	kindBoolean kind = "a boolean"
	kindObject  kind = "an object"
	kindArray   kind = "an array"
	kindNull    kind = "null"
)

// A textError says where a text stops being JSON.
type textError struct {
	offset int
	what   string
}

func (e *textError) Error() string { return e.what }

// parse reads one JSON text.
func parse(data []byte) (*node, error) {
	if !utf8.Valid(data) {
		at := 0
		for at < len(data) {
			r, size := utf8.DecodeRune(data[at:])
			if r == utf8.RuneError && size <= 1 {
				break
			}
			at += size
		}
		return nil, &textError{at, "what is not UTF-8"}
	}
	var all any
	if err := json.Unmarshal(data, &all); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, &textError{max(0, int(syntax.Offset)-1), err.Error()}
		}
		return nil, &textError{0, err.Error()}
	}
	r := &reader{data: data, tokens: json.NewDecoder(bytes.NewReader(data))}
	r.tokens.UseNumber()
	return r.value()
}

// A reader makes nodes of tokens.
type reader struct {
	data   []byte
	tokens *json.Decoder
}

// next returns a token and where it begins.
func (r *reader) next() (json.Token, int, error) {
	at := int(r.tokens.InputOffset())
	for at < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[at]) >= 0 {
		at++
	}
	t, err := r.tokens.Token()
	return t, at, err
}

func (r *reader) value() (*node, error) {
	t, at, err := r.next()
	if err != nil {
		return nil, &textError{at, err.Error()}
	}
	n := &node{offset: at}
	switch t := t.(type) {
	case nil:
		n.kind = kindNull
	case string:
		n.kind, n.text = kindString, t
	case json.Number:
		n.kind, n.text = kindNumber, t.String()
	case bool:
		n.kind, n.text = kindBoolean, fmt.Sprint(t)
	case json.Delim:
		n.kind = kindArray
		if t == '{' {
			n.kind = kindObject
		}
		err = r.inside(n)
	}
	return n, err
}

// inside reads an object or array up to its end.
func (r *reader) inside(n *node) error {
	for r.tokens.More() {
		var m member
		if n.kind == kindObject {
			t, at, err := r.next()
			if err != nil {
				return &textError{at, err.Error()}
			}
			m.name, m.offset = fmt.Sprint(t), at
		}
		value, err := r.value()
		if err != nil {
			return err
		}
		if n.kind == kindObject {
			m.value = value
			n.members = append(n.members, m)
		} else {
			n.items = append(n.items, value)
		}
	}
	_, at, err := r.next()
	if err != nil {
		return &textError{at, err.Error()}
	}
	return nil
}

// get returns the first member of that name, or nil.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// encode writes the value again, without doubled and null members and without those
// that drop names.
func (n *node) encode(drop func(name string) bool) []byte {
	var b bytes.Buffer
	n.write(&b, drop)
	return b.Bytes()
}

func (n *node) write(b *bytes.Buffer, drop func(string) bool) {
	switch n.kind {
	case kindObject:
		b.WriteByte('{')
		seen := map[string]bool{}
		for _, m := range n.members {
			if seen[m.name] || m.value.kind == kindNull || drop != nil && drop(m.name) {
				continue
			}
			if len(seen) > 0 {
				b.WriteByte(',')
			}
			seen[m.name] = true
			writeText(b, m.name)
			b.WriteByte(':')
			m.value.write(b, nil)
		}
		b.WriteByte('}')
	case kindArray:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b, nil)
		}
		b.WriteByte(']')
	case kindString:
		writeText(b, n.text)
	case kindNull:
		b.WriteString("null")
	default:
		b.WriteString(n.text)
	}
}

func writeText(b *bytes.Buffer, text string) {
	quoted, err := json.Marshal(text)
	if err != nil {
		quoted = []byte(`""`) // a string always has an encoding
	}
	b.Write(quoted)
}
