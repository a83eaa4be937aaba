package message

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// The rules of a query and of a form body (application/x-www-form-urlencoded):
//
//   - Escapes are well formed. What is neither printable ASCII nor escaped is refused,
//     and so is ";", which separates nothing.
//   - Names and values are valid UTF-8 without NUL.
//   - "Request and response parameters MUST NOT be included more than once" (RFC 6749,
//     Section 3.1). Those that are lists by their specification, such as resource (RFC
//     8707, Section 2) and audience (RFC 8693, Section 2.1), may be.
//   - "Parameters sent without a value MUST be treated as if they were omitted" (ibid.).
//   - Unknown parameters are kept, except those that differ from a known one by case
//     alone.

// What a query or a form may have at most.
const (
	MaxForm       = 1 << 18 // bytes; tokens and request objects travel in them
	MaxParameters = 256
)

// A parameter is a name and a value, unescaped.
type parameter struct{ name, value string }

// ParseForm parses a query or a form body by its rules, except that it keeps repeated
// parameters for the caller to judge.
func ParseForm(raw string) (url.Values, error) {
	params, err := parseForm(raw)
	if err != nil {
		return nil, err
	}
	values := make(url.Values, len(params))
	for _, p := range params {
		values[p.name] = append(values[p.name], p.value)
	}
	return values, nil
}

// DecodeForm decodes one query, without its question mark, or one form body strictly
// into the message that into points to. What was there before is lost. If it fails,
// with a [*DecodeError], the message is the zero value.
func DecodeForm(raw string, into any) error { return Quirks{}.DecodeForm(raw, into) }

// DecodeValues is [DecodeForm] for parameters that are parsed already.
func DecodeValues(v url.Values, into any) error { return Quirks{}.DecodeValues(v, into) }

// DecodeForm is the function [DecodeForm] with the tolerance of q in the JSON that
// parameters may hold.
func (q Quirks) DecodeForm(raw string, into any) error {
	target, err := formTarget(into)
	if err != nil {
		return err
	}
	params, bad := parseForm(raw)
	if bad != nil {
		return bad
	}
	return q.decodeParameters(params, target)
}

// DecodeValues is the function [DecodeValues] with the tolerance of q in the JSON that
// parameters may hold.
func (q Quirks) DecodeValues(v url.Values, into any) error {
	target, err := formTarget(into)
	if err != nil {
		return err
	}
	params := make([]parameter, 0, len(v))
	size := 0
	for name, values := range v {
		for _, value := range values {
			size += len(name) + len(value)
			if bad := checkParameter(name, value); bad != nil {
				return bad
			}
			params = append(params, parameter{name, value})
		}
	}
	if size > MaxForm {
		return &DecodeError{Kind: Size}
	}
	if len(params) > MaxParameters {
		return &DecodeError{Kind: Count}
	}
	slices.SortStableFunc(params, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	return q.decodeParameters(params, target)
}

// formTarget returns the struct that into points to, as its zero value.
func formTarget(into any) (reflect.Value, error) {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return reflect.Value{}, fmt.Errorf("message: cannot decode into %T", into)
	}
	if v = v.Elem(); !planOf(v.Type()).form {
		return reflect.Value{}, fmt.Errorf("message: %T never travels as a form", into)
	}
	v.SetZero()
	return v, nil
}

// parseForm splits and unescapes. The error is nil or a *DecodeError; an error value
// that is an interface keeps a nil pointer from looking like an error.
func parseForm(raw string) ([]parameter, error) {
	if len(raw) > MaxForm {
		return nil, &DecodeError{Kind: Size, Err: fmt.Errorf("%d bytes, the limit is %d", len(raw), MaxForm)}
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c > '~' || c == ';' {
			return nil, &DecodeError{Kind: Malformed, Err: fmt.Errorf("a character that must be escaped at byte %d", i)}
		}
	}
	params := make([]parameter, 0, min(strings.Count(raw, "&")+1, MaxParameters))
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		if len(params) == MaxParameters {
			return nil, &DecodeError{Kind: Count, Err: fmt.Errorf("the limit is %d", MaxParameters)}
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, ok := unescape(rawName)
		if !ok {
			return nil, &DecodeError{Kind: Malformed, Err: errors.New("a bad escape")}
		}
		value, ok := unescape(rawValue)
		if !ok {
			return nil, &DecodeError{Kind: Malformed, Param: name, Err: errors.New("a bad escape")}
		}
		if err := checkParameter(name, value); err != nil {
			return nil, err
		}
		params = append(params, parameter{name, value})
	}
	return params, nil
}

// checkParameter returns an error that is nil or a *DecodeError.
func checkParameter(name, value string) error {
	switch {
	case name == "":
		return &DecodeError{Kind: Malformed, Err: errors.New("a parameter without a name")}
	case !utf8.ValidString(name):
		return &DecodeError{Kind: UTF8}
	case !utf8.ValidString(value):
		return &DecodeError{Kind: UTF8, Param: name}
	case strings.IndexByte(name, 0) >= 0 || strings.IndexByte(value, 0) >= 0:
		return &DecodeError{Kind: Malformed, Param: name, Err: errors.New("a NUL character")}
	}
	return nil
}

// unescape undoes the encoding of a name or value.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		if strings.IndexByte(s, '+') < 0 {
			return s, true
		}
		return strings.ReplaceAll(s, "+", " "), true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, ok1 := unhex(s[i+1])
			low, ok2 := unhex(s[i+2])
			if !ok1 || !ok2 {
				return "", false
			}
			out = append(out, high<<4|low)
			i += 2
		case '+':
			out = append(out, ' ')
		default:
			out = append(out, s[i])
		}
	}
	return string(out), true
}

// decodeParameters fills the struct v.
func (q Quirks) decodeParameters(params []parameter, v reflect.Value) error {
	p := planOf(v.Type())
	d := &decoder{quirks: q, depth: 1, members: 2 * len(params)}
	var extra Extra
	err := func() error {
		for i, param := range params {
			k, known := p.params[param.name]
			if !known {
				var err error
				if extra, err = extra.addParameter(param); err != nil {
					return err
				}
				continue
			}
			f := &p.fields[k]
			if !f.repeats() && slices.ContainsFunc(params[:i], func(other parameter) bool { return other.name == param.name }) {
				return &DecodeError{Kind: Duplicate, Param: param.name}
			}
			if param.value == "" {
				continue
			}
			if err := d.parameter(f, f.of(v), param.value); err != nil {
				return err.under(param.name)
			}
		}
		return nil
	}()
	if err != nil {
		v.SetZero()
		return err
	}
	// Known in another case is unknown here, and an unknown parameter is ignored; but
	// JSON could not carry it, nor could anybody trust it.
	extra = slices.DeleteFunc(extra, func(m Member) bool {
		base, _, _ := strings.Cut(m.Name, "#")
		_, whole := p.caseOf(m.Name)
		_, part := p.caseOf(base)
		return whole || part
	})
	if len(extra) > 0 && p.extra != nil {
		*v.FieldByIndex(p.extra).Addr().Interface().(*Extra) = extra
	}
	return nil
}

// repeats reports whether the parameter may occur several times: whether it is a list
// whose elements are parameters of their own.
func (f *field) repeats() bool {
	return f.codec.kind == kindAudience || f.codec.kind == kindSlice
}

// addParameter keeps an unknown parameter. Of those only resource and audience may be
// repeated; their values then become an array.
func (e Extra) addParameter(p parameter) (Extra, error) {
	value, err := appendString(nil, p.value)
	if err != nil {
		return nil, err
	}
	for i := range e {
		if e[i].Name != p.name {
			continue
		}
		if p.name != "resource" && p.name != "audience" {
			return nil, &DecodeError{Kind: Duplicate, Param: p.name}
		}
		if old := e[i].Value; old[0] == '[' {
			e[i].Value = slices.Concat(old[:len(old)-1], []byte(","), value, []byte("]"))
		} else {
			e[i].Value = slices.Concat([]byte("["), old, []byte(","), value, []byte("]"))
		}
		return e, nil
	}
	return append(e, Member{Name: p.name, Value: value}), nil
}

// parameter decodes one value, which is not empty, into v. JSON in it stands one level
// deep and counts towards the members of the whole, as it does when the message
// travels as JSON.
func (d *decoder) parameter(f *field, v reflect.Value, value string) *DecodeError {
	c := f.codec
	if c.kind == kindPointer && c.elem.kind != kindStruct {
		v.Set(reflect.New(c.elem.typ))
		c, v = c.elem, v.Elem()
	}
	wrong := func(want string) *DecodeError {
		return &DecodeError{Kind: WrongType, Err: errors.New(want + " is wanted")}
	}
	switch c.kind {
	case kindString:
		v.SetString(value)
	case kindBool:
		if value != "true" && value != "false" {
			return wrong("true or false")
		}
		v.SetBool(value == "true")
	case kindInt:
		n, ok := parseInteger(value, c.typ.Bits())
		if !ok {
			return wrong("an integer in range")
		}
		v.SetInt(n)
	case kindList:
		v.Set(reflect.ValueOf(ParseList(value)))
	case kindAudience, kindSlice:
		if c.typ.Elem().Kind() != reflect.String {
			return wrong("nothing")
		}
		v.Set(reflect.Append(v, reflect.ValueOf(value).Convert(c.typ.Elem())))
	case kindRaw:
		if err := d.part(value, (*decoder).anything); err != nil {
			return err
		}
		v.SetBytes([]byte(value))
	default:
		// A parameter whose value is a JSON object, such as claims.
		target := reflect.New(c.typ)
		if c.kind == kindPointer {
			target = reflect.New(c.elem.typ)
		}
		err := d.part(value, func(d *decoder) *DecodeError {
			return d.value(codecOf(target.Type().Elem()), target.Elem(), false)
		})
		if err != nil {
			return err
		}
		if c.kind == kindPointer {
			v.Set(target)
		} else {
			v.Set(target.Elem())
		}
	}
	return nil
}
