package message

import (
	"encoding/json"
	"slices"
	"strings"
)

// A List is a set of words that travels as one string, separated by spaces: scope,
// response_type, prompt, acr_values, ui_locales (RFC 6749, Section 3.3). It is one
// string in forms and in JSON alike.
type List []string

// ParseList returns the words of s, which spaces separate. It judges no word; see [IsScopeToken].
func ParseList(s string) List {
	n := 0
	for word := range strings.SplitSeq(s, " ") {
		if word != "" {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	list := make(List, 0, n)
	for word := range strings.SplitSeq(s, " ") {
		if word != "" {
			list = append(list, word)
		}
	}
	return list
}

// String returns the words with one space between them.
func (l List) String() string { return strings.Join(l, " ") }

// Has reports whether word is in the list. Case matters.
func (l List) Has(word string) bool { return slices.Contains(l, word) }

// Equal reports whether both lists hold the same words, in whatever order and number:
// "the order of values does not matter" (RFC 6749, Section 3.1.1).
func (l List) Equal(other List) bool {
	for _, word := range l {
		if !other.Has(word) {
			return false
		}
	}
	for _, word := range other {
		if !l.Has(word) {
			return false
		}
	}
	return true
}

// MarshalJSON returns the list as one JSON string.
func (l List) MarshalJSON() ([]byte, error) { return json.Marshal(l.String()) }

// UnmarshalJSON reads one JSON string.
func (l *List) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*l = ParseList(s)
	return nil
}

// IsScopeToken reports whether word may stand in a scope:
//
//	scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
//
// (RFC 6749, Section 3.3).
func IsScopeToken(word string) bool {
	for i := range len(word) {
		if c := word[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return word != ""
}
