package message

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// A Member is a name and the JSON value that came with it.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Extra holds what a message carries beyond the members this package knows: verbatim
// and in order. It goes out again byte for byte. In a form the value of a parameter
// is held as a JSON string.
//
// A known member never stands in Extra, with one exception: a member that was present
// but empty, "" or [], is noted here, so that it is still there when the message goes
// out again in JSON. Values are not shown by fmt and slog: nobody knows what they are.
type Extra []Member

// Get returns the value of the member called name.
func (e Extra) Get(name string) (json.RawMessage, bool) {
	for i := range e {
		if e[i].Name == name {
			return e[i].Value, true
		}
	}
	return nil, false
}

// Has reports whether there is a member called name.
func (e Extra) Has(name string) bool {
	_, ok := e.Get(name)
	return ok
}

// Text returns the value of the member called name if it is a string, or "".
func (e Extra) Text(name string) string {
	value, _ := e.Get(name)
	text, _ := textOf(value)
	return text
}

// Set puts a member in place of the one with its name, or at the end. The value is
// encoded with [encoding/json] unless it is a [json.RawMessage], which must be JSON.
func (e *Extra) Set(name string, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if raw, ok := v.(json.RawMessage); ok && len(raw) > 0 {
		value = append(json.RawMessage(nil), raw...) // Marshal compacts and escapes
	}
	// A copy of the message may share the array: it is not written to.
	own := make(Extra, 0, len(*e)+1)
	found := false
	for _, m := range *e {
		if m.Name == name {
			m.Value, found = value, true
		}
		own = append(own, m)
	}
	if !found {
		own = append(own, Member{Name: name, Value: value})
	}
	*e = own
	return nil
}

// Tagged returns the text of the member name in the language that tag names, as in
// client_name#ja: "language tags are added to member names, delimited by a # character"
// (OpenID Connect Core 1.0, Section 5.2; Registration 1.0, Section 2.1).
// Case does not matter in a language tag.
func (e Extra) Tagged(name, tag string) string {
	for i := range e {
		base, t, ok := strings.Cut(e[i].Name, "#")
		if ok && base == name && strings.EqualFold(t, tag) {
			text, _ := textOf(e[i].Value)
			return text
		}
	}
	return ""
}

// Languages returns the language tags under which the member name is present.
func (e Extra) Languages(name string) []string {
	var tags []string
	for i := range e {
		if base, tag, ok := strings.Cut(e[i].Name, "#"); ok && base == name {
			tags = append(tags, tag)
		}
	}
	return tags
}

// String returns the names of the members.
func (e Extra) String() string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range e {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e[i].String())
	}
	b.WriteByte('}')
	return b.String()
}

// Format writes the names of the members, whatever the verb.
func (e Extra) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.String())) }

// LogValue returns a group of the names.
func (e Extra) LogValue() slog.Value {
	attrs := make([]slog.Attr, len(e))
	for i := range e {
		attrs[i] = slog.String(e[i].Name, masked)
	}
	return slog.GroupValue(attrs...)
}

// String returns the name.
func (m Member) String() string { return quoteName(m.Name) + ":" + masked }

// Format writes the name, whatever the verb.
func (m Member) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(m.String())) }

// LogValue returns the name.
func (m Member) LogValue() slog.Value { return slog.StringValue(m.String()) }

// textOf returns the string that value is.
func textOf(value json.RawMessage) (string, bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return "", false
	}
	return s, true
}
