package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// The rules of a JSON message, all of them checked in one pass over the text:
//
//   - It is one object, and nothing follows it.
//   - It is valid UTF-8, and no escape stands for half a surrogate pair.
//   - No object in it, at whatever depth, has a member twice.
//   - Known members are found by their exact name. A name that differs from one by
//     case alone is refused, except from a claim about the user (Core, Section 5.1).
//   - A known member has its type. A number that is to be an integer is one and fits.
//   - null is absence.
//   - A time is within range before it is converted.
//   - Size, depth and the number of members are limited.
//   - Unknown members are kept as they are.

// What a message may have at most.
const (
	MaxJSON    = 1 << 20 // bytes of a JSON document; provider metadata and key sets stay under a tenth
	MaxClaims  = 1 << 18 // bytes of a JWT's payload
	MaxDepth   = 16      // levels of objects and arrays
	MaxMembers = 10000   // members and array elements, together
)

// DecodeJSON decodes one JSON object strictly into the message that into points to.
// What was there before is lost. If it fails, with a [*DecodeError], the message is
// the zero value.
func DecodeJSON(data []byte, into any) error { return Quirks{}.DecodeJSON(data, into) }

// DecodeClaims is [DecodeJSON] for the payload of a JWT.
func DecodeClaims(payload []byte, into any) error { return Quirks{}.DecodeClaims(payload, into) }

// DecodeJSON is the function [DecodeJSON] with the tolerance of q.
func (q Quirks) DecodeJSON(data []byte, into any) error {
	return decode(data, into, &decoder{quirks: q, limit: MaxJSON})
}

// DecodeClaims is the function [DecodeClaims] with the tolerance of q.
func (q Quirks) DecodeClaims(payload []byte, into any) error {
	return decode(payload, into, &decoder{quirks: q, limit: MaxClaims, jwt: true})
}

// maxShared is the largest text whose strings are cut out of one copy of it. Strings
// from a longer text are copied, so that a short one does not keep it all alive.
const maxShared = 8 << 10

func decode(data []byte, into any, d *decoder) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("message: cannot decode into %T", into)
	}
	v = v.Elem()
	v.SetZero()
	err := d.document(data, v)
	if err == nil {
		return nil
	}
	v.SetZero()
	err.rule = RuleTransportJSON
	if d.jwt {
		switch err.Kind {
		case Duplicate:
			err.rule = RuleJOSEDuplicateMember
		case Case:
			err.rule = RuleJOSEMemberCase
		case NumericDate:
			err.rule = RuleJOSENumericDate
		default:
			err.rule = RuleJOSEJSON
		}
	}
	return err
}

// document decodes the whole text into v.
func (d *decoder) document(data []byte, v reflect.Value) *DecodeError {
	if len(data) > d.limit {
		return &DecodeError{Kind: Size, Err: fmt.Errorf("%d bytes, the limit is %d", len(data), d.limit)}
	}
	if !utf8.Valid(data) {
		return &DecodeError{Kind: UTF8}
	}
	d.s = string(data)
	d.copying = len(data) > maxShared
	d.space()
	if d.peek() != '{' {
		if strings.IndexByte(`["-0123456789tfn`, d.peek()) >= 0 {
			return d.wrong("an object")
		}
		return d.malformed("an object is wanted")
	}
	var err *DecodeError
	if v.Kind() == reflect.Struct {
		err = d.object(planOf(v.Type()), v)
	} else {
		err = d.value(codecOf(v.Type()), v, false)
	}
	if err != nil {
		return err
	}
	if d.space(); d.pos < len(d.s) {
		return &DecodeError{Kind: Trailing, Err: fmt.Errorf("at byte %d", d.pos)}
	}
	return nil
}

// object decodes an object into the struct v.
func (d *decoder) object(p *plan, v reflect.Value) *DecodeError {
	if d.peek() != '{' {
		return d.wrong("an object")
	}
	if err := d.enter(); err != nil {
		return err
	}
	var (
		seen  [maxFields / 64]uint64
		extra Extra
		names = nameSet{d: d, base: len(d.names)}
	)
	for first := true; ; first = false {
		name, more, err := d.member(first)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		i, known := p.find(name)
		if !known {
			if !names.add(name) {
				return &DecodeError{Kind: Duplicate, Param: name}
			}
			start := d.pos
			if err := d.unknown(p, name); err != nil {
				return err
			}
			if p.extra != nil {
				extra = append(extra, Member{Name: d.keep(name), Value: d.bytes(d.s[start:d.pos])})
			}
			continue
		}
		if seen[i/64]&(1<<(i%64)) != 0 {
			return &DecodeError{Kind: Duplicate, Param: name}
		}
		seen[i/64] |= 1 << (i % 64)
		if d.peek() == 'n' {
			if err := d.literal("null"); err != nil {
				return err
			}
			continue
		}
		f := &p.fields[i]
		fv := f.of(v)
		if err := d.value(f.codec, fv, f.quotable); err != nil {
			return err.under(name)
		}
		if p.extra != nil && !f.keep && f.codec.empty(fv) {
			if note := emptyNote(f.codec); note != nil {
				extra = append(extra, Member{Name: f.name, Value: note})
			}
		}
	}
	names.done()
	d.leave()
	if extra != nil {
		*v.FieldByIndex(p.extra).Addr().Interface().(*Extra) = extra
	}
	return nil
}

// emptyNote is what Extra keeps of a known member that was present and empty, nil if
// its type has no such value.
func emptyNote(c *codec) json.RawMessage {
	switch c.kind {
	case kindString, kindList:
		return json.RawMessage(`""`)
	case kindSlice, kindAudience:
		return json.RawMessage("[]")
	case kindBool:
		return json.RawMessage("false")
	case kindInt:
		return json.RawMessage("0")
	}
	return nil
}

// isEmptyNote reports whether value is the one that emptyNote returns for c.
func isEmptyNote(c *codec, value json.RawMessage) bool {
	return len(value) > 0 && string(value) == string(emptyNote(c))
}

// unknown goes over the value of a member that the plan does not know.
func (d *decoder) unknown(p *plan, name string) *DecodeError {
	base, _, tagged := strings.Cut(name, "#")
	if known, ok := p.caseOf(name); ok {
		return &DecodeError{Kind: Case, Param: name, Err: errors.New("the member is " + known)}
	}
	if tagged {
		if known, ok := p.caseOf(base); ok {
			return &DecodeError{Kind: Case, Param: name, Err: errors.New("the member is " + known)}
		}
		if i, ok := p.find(base); ok && p.fields[i].taggable() && d.peek() != 'n' {
			// "name#sv" has the type of "name".
			c := p.fields[i].codec
			if err := d.value(c, reflect.New(c.typ).Elem(), false); err != nil {
				return err.under(name)
			}
			return nil
		}
	}
	return d.skip(name)
}
