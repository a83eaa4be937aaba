package message

import (
	"encoding/json"
	"math/bits"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// A kind is how a Go type is written as JSON and as a parameter.
type kind uint8

const (
	kindString   kind = iota + 1 // string and Secret and other named strings
	kindBool                     // bool
	kindInt                      // int, int64
	kindTime                     // Time
	kindList                     // List
	kindAudience                 // Audience
	kindRaw                      // json.RawMessage, RawJSON
	kindStruct                   // a message
	kindPointer                  // to elem
	kindSlice                    // of elem
	kindMap                      // of elem, by string
	kindOther                    // left to encoding/json, after a strict look at the text
)

// A codec is what there is to know of a type.
type codec struct {
	kind kind
	typ  reflect.Type
	elem *codec
}

// A field is a member of a message.
type field struct {
	name     string
	quoted   []byte // "name": as it is encoded
	index    []int
	codec    *codec
	keep     bool   // encode it even if it is empty
	quotable bool   // the number may stand in quotes: tag accept:"quoted"
	profile  bool   // a claim about the user, whose name may have namesakes in other case
	param    string // the name in a form
	optional bool   // left out of a form if it is empty
}

// A plan is what decoders and encoders need to know of a message type. It is made
// once per type.
type plan struct {
	fields  []field
	places  []uint16          // of the fields and one, by their JSON names: see find
	params  map[string]int    // form name
	byParam []int             // fields in the order of a form
	folded  map[string]string // folded JSON name to name, without the profile claims
	mixed   bool              // whether a JSON name is not its own folded form
	extra   []int             // where Extra is, nil if there is none
	form    bool              // every member is a parameter too
	length  atomic.Int32      // of the longest JSON that was encoded lately, up to maxLength
}

// maxLength is how much room is made for a message before it is encoded.
const maxLength = 4 << 10

// maxFields is how many members the decoder can keep account of.
const maxFields = 256

var plans sync.Map // reflect.Type to *plan

// planOf returns the plan of a struct type. It panics if the type cannot be a
// message: that is a mistake of whoever wrote the type.
func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p, _ := plans.LoadOrStore(t, makePlan(t))
	return p.(*plan)
}

var (
	standardClaimsType = reflect.TypeFor[StandardClaims]()
	addressType        = reflect.TypeFor[Address]()
)

func makePlan(t reflect.Type) *plan {
	p := &plan{params: map[string]int{}, folded: map[string]string{}, form: true}
	for _, sf := range reflect.VisibleFields(t) {
		if sf.Type == extraType {
			if p.extra != nil {
				panic("message: " + t.String() + " has more than one Extra")
			}
			p.extra = sf.Index
			continue
		}
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if !sf.IsExported() || name == "" || name == "-" {
			continue
		}
		f := field{
			name:     name,
			quoted:   append(strconv.AppendQuote(nil, name), ':'),
			index:    sf.Index,
			codec:    codecOf(sf.Type),
			keep:     !strings.Contains(options, "omit"),
			quotable: sf.Tag.Get("accept") == "quoted",
			profile:  throughProfile(t, sf.Index),
		}
		f.param, options, _ = strings.Cut(sf.Tag.Get("url"), ",")
		f.optional = strings.Contains(options, "omitempty")
		n := len(p.fields)
		if slices.ContainsFunc(p.fields, func(other field) bool { return other.name == name }) || n == maxFields {
			panic("message: " + t.String() + " has " + name + " twice, or too many members")
		}
		if f.param == "" || f.param == "-" {
			p.form = false
		} else {
			p.params[f.param] = n
		}
		if !f.profile {
			p.folded[fold(name)] = name
			p.mixed = p.mixed || fold(name) != name
		}
		p.fields = append(p.fields, f)
	}
	p.places = make([]uint16, 4<<bits.Len(uint(len(p.fields))))
	for i := range p.fields {
		p.byParam = append(p.byParam, i)
		at := p.place(p.fields[i].name)
		for p.places[at] != 0 {
			at = p.after(at)
		}
		p.places[at] = uint16(i + 1)
	}
	slices.SortFunc(p.byParam, func(a, b int) int { return strings.Compare(p.fields[a].param, p.fields[b].param) })
	return p
}

// find returns the field that is called so. The table has gaps between the names, which
// are told apart by their length and three of their bytes: so few names need no map.
func (p *plan) find(name string) (int, bool) {
	if name == "" {
		return 0, false
	}
	for at := p.place(name); p.places[at] != 0; at = p.after(at) {
		if i := int(p.places[at]) - 1; p.fields[i].name == name {
			return i, true
		}
	}
	return 0, false
}

// place is where a name is looked for first, and after where next.
func (p *plan) place(name string) int {
	n := len(name)
	mark := uint32(n) | uint32(name[0])<<8 | uint32(name[n/2])<<16 | uint32(name[n-1])<<24
	const golden = 2654435769 // 2^32 over the golden ratio, which spreads the bits
	return int(mark*golden>>16) & (len(p.places) - 1)
}

func (p *plan) after(at int) int { return (at + 1) & (len(p.places) - 1) }

// throughProfile reports whether the field is a claim about the user.
func throughProfile(t reflect.Type, index []int) bool {
	for _, i := range index {
		if t.Kind() != reflect.Struct {
			panic("message: an embedded pointer, " + t.String())
		}
		if t == standardClaimsType || t == addressType {
			return true
		}
		t = t.Field(i).Type
	}
	return false
}

var (
	rawMessageType  = reflect.TypeFor[json.RawMessage]()
	rawJSONType     = reflect.TypeFor[RawJSON]()
	timeType        = reflect.TypeFor[Time]()
	listType        = reflect.TypeFor[List]()
	audienceType    = reflect.TypeFor[Audience]()
	marshalerType   = reflect.TypeFor[json.Marshaler]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
)

func codecOf(t reflect.Type) *codec {
	c := &codec{typ: t, kind: kindOther}
	switch t {
	case rawMessageType, rawJSONType:
		c.kind = kindRaw
		return c
	case timeType:
		c.kind = kindTime
		return c
	case listType:
		c.kind = kindList
		return c
	case audienceType:
		c.kind = kindAudience
		return c
	case secretType:
		c.kind = kindString
		return c
	}
	if t.Kind() != reflect.Pointer && (t.Implements(marshalerType) || reflect.PointerTo(t).Implements(unmarshalerType)) {
		return c
	}
	switch t.Kind() {
	case reflect.String:
		c.kind = kindString
	case reflect.Bool:
		c.kind = kindBool
	case reflect.Int, reflect.Int64:
		c.kind = kindInt
	case reflect.Struct:
		c.kind = kindStruct
	case reflect.Pointer:
		c.kind, c.elem = kindPointer, codecOf(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			c.kind, c.elem = kindSlice, codecOf(t.Elem())
		}
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			c.kind, c.elem = kindMap, codecOf(t.Elem())
		}
	}
	return c
}

// of returns the field of the struct v.
func (f *field) of(v reflect.Value) reflect.Value {
	for _, i := range f.index { // no pointer is on the way
		v = v.Field(i)
	}
	return v
}

// taggable reports whether a language makes a difference to the member: whether it is
// text, or a claim about the user.
func (f *field) taggable() bool {
	return f.profile || f.codec.kind == kindString || f.codec.kind == kindList
}

// empty reports whether v is left out of a message.
func (c *codec) empty(v reflect.Value) bool {
	switch c.kind {
	case kindString, kindList, kindAudience, kindRaw, kindSlice:
		return v.Len() == 0
	}
	return v.IsZero()
}

// valueOf returns what v holds, without a copy on the heap where that can be had.
func valueOf[T any](v reflect.Value) T {
	if v.CanAddr() {
		return *v.Addr().Interface().(*T)
	}
	return v.Interface().(T)
}

// extraOf returns the Extra of the struct v.
func (p *plan) extraOf(v reflect.Value) Extra {
	if p.extra == nil {
		return nil
	}
	return valueOf[Extra](v.FieldByIndex(p.extra))
}

// caseOf returns the known name that name differs from by case alone.
func (p *plan) caseOf(name string) (string, bool) {
	folded := fold(name)
	if folded == name && !p.mixed {
		return "", false // as most names are
	}
	known, ok := p.folded[folded]
	return known, ok && known != name
}

// fold returns a form of name that is equal for names which differ by case alone, in
// the sense of Unicode's simple folding: the long s folds to s, the Kelvin sign to k.
func fold(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, name)
		}
	}
	return name
}

func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}
