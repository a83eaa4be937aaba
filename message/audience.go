package message

import (
	"encoding/json"
	"slices"
)

// An Audience is one value or several: "the "aud" value is an array of case-sensitive
// strings […]. In the special case when the JWT has one audience, the "aud" value MAY
// be a single case-sensitive string" (RFC 7519, Section 4.1.3). In JSON one value
// travels as a string and several as an array; in a form the parameter is repeated
// (resource, audience: RFC 8707, Section 2, and RFC 8693, Section 2.1).
type Audience []string

// Has reports whether value is in the audience. Case matters.
func (a Audience) Has(value string) bool { return slices.Contains(a, value) }

// MarshalJSON returns a string for one value and an array otherwise.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads a string or an array of strings.
func (a *Audience) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*a = Audience{s}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}
