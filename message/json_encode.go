package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// EncodeJSON encodes a message as it travels: its members in the order of the
// specification, secrets in full, then Extra byte for byte. It refuses an Extra that
// holds a known member, one member twice or what is not JSON.
func EncodeJSON(m any) ([]byte, error) {
	v := reflect.ValueOf(m)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("message: cannot encode %T", m)
	}
	if !v.CanAddr() {
		addressable := reflect.New(v.Type()).Elem()
		addressable.Set(v)
		v = addressable
	}
	p := planOf(v.Type())
	out, err := appendStruct(make([]byte, 0, max(128, p.length.Load())), p, v, 1)
	if err != nil {
		return nil, err
	}
	if n := int32(min(len(out), maxLength)); n > p.length.Load() {
		p.length.Store(n)
	}
	if len(out) > MaxJSON {
		return nil, &DecodeError{Kind: Size}
	}
	return out, nil
}

var errUTF8 = errors.New("not valid UTF-8")

// appendStruct appends a message that stands at a level of the document. What it
// appends can be decoded again, so the limit of levels holds here too.
func appendStruct(dst []byte, p *plan, v reflect.Value, level int) ([]byte, error) {
	if level > MaxDepth {
		return nil, &DecodeError{Kind: Depth}
	}
	dst = append(dst, '{')
	begin := len(dst)
	var err error
	for i := range p.fields {
		f := &p.fields[i]
		fv := f.of(v)
		if !f.keep && f.codec.empty(fv) {
			continue
		}
		if len(dst) > begin {
			dst = append(dst, ',')
		}
		dst = append(dst, f.quoted...)
		if dst, err = appendValue(dst, f.codec, fv, level); err != nil {
			return nil, fmt.Errorf("message: %s: %w", f.name, err)
		}
	}
	extra := p.extraOf(v)
	names := nameSet{d: &decoder{}}
	for i := range extra {
		m := &extra[i]
		if k, known := p.find(m.Name); known {
			f := &p.fields[k]
			if !isEmptyNote(f.codec, m.Value) {
				return nil, fmt.Errorf("message: extra member %s is a known one", quoteName(m.Name))
			}
			if f.keep || !f.codec.empty(f.of(v)) {
				continue // it was present and empty, but has a value now
			}
		}
		if err := checkExtra(p, &names, m, level); err != nil {
			return nil, err
		}
		if len(dst) > begin {
			dst = append(dst, ',')
		}
		if dst, err = appendString(dst, m.Name); err != nil {
			return nil, err
		}
		dst = append(append(dst, ':'), m.Value...)
	}
	return append(dst, '}'), nil
}

// checkExtra judges a member of Extra before it is sent, as a decoder will.
func checkExtra(p *plan, names *nameSet, m *Member, level int) error {
	if !names.add(m.Name) {
		return fmt.Errorf("message: extra member %s occurs twice", quoteName(m.Name))
	}
	err := checkText(m.Value, level, func(d *decoder) *DecodeError { return d.unknown(p, m.Name) })
	if err != nil {
		return fmt.Errorf("message: extra member: %w", err)
	}
	return nil
}

// checkJSON reports whether value is one JSON value by the rules of a message, inside
// so many levels of others.
func checkJSON(value []byte, level int) error {
	return checkText(value, level, (*decoder).anything)
}

func checkText(value []byte, level int, goOver func(*decoder) *DecodeError) error {
	if !utf8.Valid(value) {
		return errUTF8
	}
	d := decoder{depth: level}
	if err := d.part(string(value), goOver); err != nil {
		return err
	}
	return nil
}

func appendValue(dst []byte, c *codec, v reflect.Value, level int) ([]byte, error) {
	switch c.kind {
	case kindString:
		return appendString(dst, v.String())
	case kindBool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case kindInt:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case kindTime:
		return valueOf[Time](v).append(dst), nil
	case kindList:
		return appendList(dst, valueOf[List](v))
	case kindAudience:
		if v.Len() == 1 {
			return appendString(dst, v.Index(0).String())
		}
		return appendSlice(dst, v, func(dst []byte, e reflect.Value) ([]byte, error) { return appendString(dst, e.String()) })
	case kindRaw:
		if v.Len() == 0 {
			return append(dst, "null"...), nil
		}
		if err := checkJSON(v.Bytes(), level); err != nil {
			return nil, err
		}
		return append(dst, v.Bytes()...), nil
	case kindStruct:
		return appendStruct(dst, planOf(c.typ), v, level+1)
	case kindPointer:
		if v.IsNil() {
			return append(dst, "null"...), nil
		}
		return appendValue(dst, c.elem, v.Elem(), level)
	case kindSlice:
		return appendSlice(dst, v, func(dst []byte, e reflect.Value) ([]byte, error) { return appendValue(dst, c.elem, e, level+1) })
	case kindMap:
		return appendMap(dst, c, v, level+1)
	}
	out, err := json.Marshal(v.Interface())
	return append(dst, out...), err
}

func appendSlice(dst []byte, v reflect.Value, each func([]byte, reflect.Value) ([]byte, error)) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i := range v.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = each(dst, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendMap(dst []byte, c *codec, v reflect.Value, level int) ([]byte, error) {
	dst = append(dst, '{')
	var err error
	for i, key := range sortedKeys(v) {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendString(dst, key.String()); err != nil {
			return nil, err
		}
		dst = append(dst, ':')
		if dst, err = appendValue(dst, c.elem, v.MapIndex(key), level); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendList(dst []byte, l List) ([]byte, error) {
	dst = append(dst, '"')
	var err error
	for i, word := range l {
		if i > 0 {
			dst = append(dst, ' ')
		}
		if dst, err = appendText(dst, word); err != nil {
			return nil, err
		}
	}
	return append(dst, '"'), nil
}

// appendString appends s as a JSON string. Only what must be escaped is.
func appendString(dst []byte, s string) ([]byte, error) {
	dst, err := appendText(append(dst, '"'), s)
	if err != nil {
		return nil, err
	}
	return append(dst, '"'), nil
}

// appendText appends s as it stands between the quotes.
func appendText(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errUTF8
	}
	begin := 0
	for i := plain(s, 0); i < len(s); i = plain(s, begin) {
		dst = append(dst, s[begin:i]...)
		begin = i + 1
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, s[begin:]...), nil
}
