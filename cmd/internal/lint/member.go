package lint

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/oidcservice/oidc/message"
)

// The types of members, in words.
const (
	aString   = "a string"
	anArray   = "an array of strings"
	aBoolean  = "a boolean"
	aNumber   = "a number"
	anObject  = "an object"
	aTextMap  = "an object of strings"
	tagMarker = "#" // "client_name#ja" (Dynamic Client Registration 1.0, Section 2.1)
)

var (
	providerFields = sync.OnceValue(func() map[string]string { return fieldsOf(reflect.TypeFor[message.ProviderMetadata]()) })
	clientFields   = sync.OnceValue(func() map[string]string { return fieldsOf(reflect.TypeFor[message.RegistrationResponse]()) })
)

// fieldsOf returns the type of each member that a message knows.
func fieldsOf(t reflect.Type) map[string]string {
	fields := map[string]string{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = typeOf(f.Type)
	}
	return fields
}

func typeOf(t reflect.Type) string {
	if t == reflect.TypeFor[message.List]() {
		return aString // words with spaces between them
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return aString
	case reflect.Slice:
		return anArray
	case reflect.Bool:
		return aBoolean
	case reflect.Map:
		return aTextMap
	case reflect.Struct:
		return anObject
	}
	return aNumber
}

// object tells whether the document is an object, and judges its members: doubled,
// of another case, null, empty, of the wrong type.
func (l *linter) object(shape, types message.Rule, fields map[string]string) bool {
	l.shape, l.types, l.wrong = shape, types, map[string]bool{}
	if l.root.kind != kindObject {
		l.add(shape, "", string(l.root.kind), "a JSON object")
		return false
	}
	l.doubled("", l.root, shape)
	seen := map[string]bool{}
	for _, m := range l.root.members {
		if seen[m.name] {
			continue
		}
		seen[m.name] = true
		base, _, _ := strings.Cut(m.name, tagMarker)
		want := fields[base]
		switch {
		case m.value.kind == kindNull:
			l.add(ruleNull, m.name, "null", "a value, or no member")
		case want == "":
			l.cased(m.name, m.name, shape, fields)
		default:
			l.typed(m.name, m.value, want)
		}
	}
	return true
}

// cased reports a name that differs from a known one by case alone.
func (l *linter) cased(path, name string, shape message.Rule, fields map[string]string) {
	for known := range fields {
		if name != known && strings.EqualFold(name, known) {
			l.add(shape, path, name, known+", in this case")
		}
	}
}

// doubled reports the members that occur twice in one object, at any depth.
func (l *linter) doubled(path string, n *node, rule message.Rule) {
	count := map[string]int{}
	for _, m := range n.members {
		if count[m.name]++; count[m.name] == 2 {
			l.add(rule, under(path, m.name), "the member twice", "each member once")
		}
		l.doubled(under(path, m.name), m.value, rule)
	}
	for i, item := range n.items {
		l.doubled(indexed(path, i), item, rule)
	}
}

// typed judges the type of a known member.
func (l *linter) typed(name string, n *node, want string) {
	fault := func(path string, got kind, want string) {
		l.wrong[name] = true
		l.add(l.types, path, string(got), want)
	}
	kinds := map[string]kind{aString: kindString, anArray: kindArray, aBoolean: kindBoolean, aNumber: kindNumber, anObject: kindObject, aTextMap: kindObject}
	switch {
	case n.kind != kinds[want]:
		fault(name, n.kind, want)
	case want == aNumber && strings.ContainsAny(n.text, ".eE"):
		l.wrong[name] = true
		l.add(l.types, name, n.text, "a whole number")
	case want == aString && n.text == "":
		l.add(ruleEmpty, name, "an empty string", "a value, or no member")
	case want == anArray:
		l.elements(name, n, fault)
	case want == aTextMap:
		for _, m := range n.members {
			if m.value.kind != kindString {
				fault(under(name, m.name), m.value.kind, aString)
			}
		}
	}
}

func (l *linter) elements(name string, n *node, fault func(string, kind, string)) {
	seen := map[string]bool{}
	for i, item := range n.items {
		if item.kind != kindString {
			fault(indexed(name, i), item.kind, aString)
			continue
		}
		if seen[item.text] {
			l.add(ruleListDuplicate, indexed(name, i), item.text+" again", "each value once")
		}
		seen[item.text] = true
	}
}

// strict lets the decoder of the toolkit judge, so that nothing which it refuses
// passes here.
func (l *linter) strict(into any) {
	err := message.DecodeJSON(l.doc.Data, into)
	var d *message.DecodeError
	if err == nil || !errors.As(err, &d) {
		return
	}
	rule := l.shape
	if d.Kind == message.WrongType && d.Param != "" {
		rule = l.types
	}
	if !slices.ContainsFunc(l.findings, func(f Finding) bool { return f.Rule == l.shape || f.Rule == l.types }) {
		l.add(rule, d.Param, d.Kind.String(), "what a strict reader accepts")
	}
}

// has tells whether a member is there with a value.
func (l *linter) has(name string) bool {
	n := l.root.get(name)
	return n != nil && n.kind != kindNull && (n.kind != kindString || n.text != "") && (n.kind != kindArray || len(n.items) > 0)
}

// text returns a string member, "" if it is absent or something else.
func (l *linter) text(name string) string {
	if n := l.root.get(name); n != nil && n.kind == kindString {
		return n.text
	}
	return ""
}

// list returns the strings of an array.
func (l *linter) list(name string) []string {
	n := l.root.get(name)
	if n == nil || n.kind != kindArray {
		return nil
	}
	var texts []string
	for _, item := range n.items {
		if item.kind == kindString {
			texts = append(texts, item.text)
		}
	}
	return texts
}

// isTrue tells whether a member is there and true.
func (l *linter) isTrue(name string) bool {
	n := l.root.get(name)
	return n != nil && n.kind == kindBoolean && n.text == "true"
}

// known reports the values of a list that nobody registered.
func (l *linter) known(name string, values []string, known ...string) {
	for _, v := range values {
		if v != "" && !slices.Contains(known, v) {
			l.add(ruleValueUnknown, name, v, "one of "+strings.Join(known, ", "))
		}
	}
}
