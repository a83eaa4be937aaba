package message

import (
	"cmp"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// value decodes what stands at the position into v.
func (d *decoder) value(c *codec, v reflect.Value, quotable bool) *DecodeError {
	switch c.kind {
	case kindString:
		s, err := d.text()
		if err != nil {
			return err
		}
		v.SetString(s)
	case kindBool:
		b, err := d.boolean()
		if err != nil {
			return err
		}
		v.SetBool(b)
	case kindInt:
		n, err := d.integer(c.typ.Bits(), quotable || d.quirks.EntraQuotedNumbers)
		if err != nil {
			return err
		}
		v.SetInt(n)
	case kindTime:
		return d.time(v.Addr().Interface().(*Time))
	case kindList:
		return d.list(v.Addr().Interface().(*List))
	case kindAudience:
		return d.audience(v.Addr().Interface().(*Audience))
	case kindRaw:
		start := d.pos
		if err := d.skip(""); err != nil {
			return err
		}
		v.SetBytes(d.bytes(d.s[start:d.pos]))
	case kindStruct:
		return d.object(planOf(c.typ), v)
	case kindPointer:
		target := reflect.New(c.elem.typ)
		if err := d.value(c.elem, target.Elem(), quotable); err != nil {
			return err
		}
		v.Set(target)
	case kindSlice:
		if list, ok := v.Addr().Interface().(*[]string); ok {
			return d.strings(list)
		}
		return d.slice(c, v)
	case kindMap:
		return d.mapping(c, v)
	default:
		start := d.pos
		if err := d.skip(""); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(d.s[start:d.pos]), v.Addr().Interface()); err != nil {
			return d.wrong(c.typ.String())
		}
	}
	return nil
}

// element decodes an element of an array or map, where null is a value only if there
// is one to stand for it.
func (d *decoder) element(c *codec, v reflect.Value) *DecodeError {
	if d.peek() == 'n' && c.kind == kindPointer {
		return d.literal("null")
	}
	return d.value(c, v, false)
}

func (d *decoder) slice(c *codec, v reflect.Value) *DecodeError {
	if d.peek() != '[' {
		return d.wrong("an array")
	}
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
		v.Grow(1)
		v.SetLen(n + 1)
		if err := d.element(c.elem, v.Index(n)); err != nil {
			return err.under("[" + strconv.Itoa(n) + "]")
		}
	}
}

func (d *decoder) mapping(c *codec, v reflect.Value) *DecodeError {
	if d.peek() != '{' {
		return d.wrong("an object")
	}
	if err := d.enter(); err != nil {
		return err
	}
	v.Set(reflect.MakeMap(c.typ))
	for first := true; ; first = false {
		name, more, err := d.member(first)
		if err != nil {
			return err
		}
		if !more {
			d.leave()
			return nil
		}
		key := reflect.ValueOf(d.keep(name)).Convert(c.typ.Key())
		if v.MapIndex(key).IsValid() {
			return &DecodeError{Kind: Duplicate, Param: name}
		}
		elem := reflect.New(c.elem.typ).Elem()
		if err := d.element(c.elem, elem); err != nil {
			return err.under(name)
		}
		v.SetMapIndex(key, elem)
	}
}

func (d *decoder) strings(into *[]string) *DecodeError {
	if d.peek() != '[' {
		return d.wrong("an array of strings")
	}
	if err := d.enter(); err != nil {
		return err
	}
	var buf [16]string
	list := buf[:0]
	for n := 0; ; n++ {
		more, err := d.next(n == 0)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		s, err := d.text()
		if err != nil {
			return err.under("[" + strconv.Itoa(n) + "]")
		}
		list = append(list, s)
	}
	d.leave()
	if len(list) > 0 {
		*into = append(make([]string, 0, len(list)), list...)
	}
	return nil
}

func (d *decoder) audience(into *Audience) *DecodeError {
	if d.peek() != '"' {
		if d.peek() != '[' {
			return d.wrong("a string or an array of strings")
		}
		return d.strings((*[]string)(into))
	}
	s, err := d.text()
	if err != nil {
		return err
	}
	*into = Audience{s}
	return nil
}

func (d *decoder) list(into *List) *DecodeError {
	if d.quirks.TwitchScopeArray && d.peek() == '[' {
		return d.strings((*[]string)(into))
	}
	s, err := d.text()
	if err != nil {
		return err
	}
	*into = ParseList(s)
	return nil
}

func (d *decoder) time(into *Time) *DecodeError {
	if d.peek() == '"' && d.quirks.Auth0UpdatedAt {
		s, err := d.text()
		if err != nil {
			return err
		}
		t, bad := time.Parse(time.RFC3339, s)
		if bad != nil || t.Unix() < minTime || t.Unix() > maxTime {
			return &DecodeError{Kind: NumericDate}
		}
		*into = Time{sec: t.Unix(), nsec: int32(t.Nanosecond()), present: true}
		return nil
	}
	s, err := d.number()
	if err != nil {
		if err.Kind == WrongType {
			err.Kind = NumericDate
		}
		return err
	}
	t, bad := parseTime(s)
	if bad != nil {
		return &DecodeError{Kind: NumericDate, Err: bad}
	}
	*into = t
	return nil
}

func (d *decoder) boolean() (bool, *DecodeError) {
	switch d.peek() {
	case 't':
		return true, d.literal("true")
	case 'f':
		return false, d.literal("false")
	case '"':
		if !d.quirks.CognitoBooleans {
			break
		}
		s, err := d.text()
		switch {
		case err != nil:
			return false, err
		case s == "true" || s == "false":
			return s == "true", nil
		}
	}
	return false, d.wrong("true or false")
}

func (d *decoder) integer(bits int, quotable bool) (int64, *DecodeError) {
	var s string
	var err *DecodeError
	quoted := quotable && d.peek() == '"'
	if quoted {
		s, err = d.text()
	} else {
		s, err = d.number()
	}
	if err != nil {
		return 0, err
	}
	if n, ok := parseInteger(s, bits); ok {
		return n, nil
	}
	if n, ok := wholeNumber(s, bits); ok && !quoted {
		return n, nil
	}
	return 0, d.wrong("an integer in range")
}

// wholeNumber reads an integer that is written with a fraction or an exponent. JSON has one
// kind of number, so that 300.0 and 3e2 are 300 for who writes them (RFC 8259, Section 6:
// integers "in the range [-(2**53)+1, (2**53)-1]" are "interoperable"). It moves the point
// among the digits: a float would round a fraction away.
func wholeNumber(s string, bits int) (int64, bool) {
	mantissa, power, _ := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimRight(whole+fraction, "0")
	if digits == "" || digits == "-" {
		return 0, true
	}
	shift, err := strconv.Atoi(cmp.Or(power, "0"))
	zeros := len(whole) + shift - len(digits) // between the digits and the point
	const most = 15                           // of an integer of 53 bits
	if err != nil || zeros < 0 || zeros > most {
		return 0, false
	}
	n, err := strconv.ParseInt(digits+strings.Repeat("0", zeros), 10, bits)
	return n, err == nil && -1<<53 < n && n < 1<<53
}

// parseInteger reads an integer as JSON spells it.
func parseInteger(s string, bits int) (int64, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] == '+' || digits[0] == '-' || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, bits)
	return n, err == nil
}
