package message

import (
	"fmt"
	"net/url"
)

// A RawJSON is a parameter whose value is JSON that a message does not look into, such
// as authorization_details (RFC 9396, Section 2). In a JSON message it stands as it
// is, in a form as its text.
type RawJSON []byte

// String returns the text.
func (r RawJSON) String() string { return string(r) }

// Format writes the text, whatever the verb.
func (r RawJSON) Format(f fmt.State, _ rune) { _, _ = f.Write(r) }

// MarshalJSON returns the value itself, or null if there is none.
func (r RawJSON) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}

// UnmarshalJSON keeps a copy of data.
func (r *RawJSON) UnmarshalJSON(data []byte) error {
	*r = append((*r)[:0], data...)
	return nil
}

// EncodeValues puts the text into v.
func (r RawJSON) EncodeValues(key string, v *url.Values) error {
	v.Set(key, string(r))
	return nil
}
