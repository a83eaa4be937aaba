package message

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
)

// masked is what stands in place of a secret wherever a message is shown.
const masked = "***"

// A Secret is a value that must not be seen: a token, code, verifier, assertion or
// client secret. It shows as *** in every verb of package fmt, in log/slog and in
// [encoding/json], and travels in full only through the encoders of this package,
// [EncodeJSON] and [EncodeForm].
//
// What gets round it: the verbs %p and %w given a Secret, for which package fmt calls
// no method (go vet reports both, and go test runs it); an unexported field of a struct
// that has no Format method itself, because package fmt calls no methods there; and
// the key of a map, which encoding/json writes as the string it is.
type Secret string

// Reveal returns the secret itself. Its callers are the places to audit.
func (s Secret) Reveal() string { return string(s) }

// String returns *** or, without a secret, nothing.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString returns what %#v shows: *** or nothing.
func (s Secret) GoString() string { return s.String() }

// Format writes *** or nothing, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue returns *** or nothing.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON returns "***" or "". Use [EncodeJSON] for what is to travel.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalText returns *** or nothing.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// EncodeValues puts the secret itself into v. It is called by [EncodeForm].
func (s Secret) EncodeValues(key string, v *url.Values) error {
	v.Set(key, string(s))
	return nil
}

// Equal compares in a time that depends neither on the values nor on their lengths
// being different.
func (s Secret) Equal(t Secret) bool {
	a, b := sha256.Sum256([]byte(s)), sha256.Sum256([]byte(t))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Secrets returns the values of all secret fields of a message, those of messages in it
// included, for whoever must keep them out of another text.
func Secrets(m Message) []Secret {
	v := reflect.ValueOf(m)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	return secretsOf(v, nil)
}

func secretsOf(v reflect.Value, found []Secret) []Secret {
	p := planOf(v.Type())
	for i := range p.fields {
		f := v.FieldByIndex(p.fields[i].index)
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		switch {
		case !f.IsValid() || f.IsZero():
		case f.Type() == secretType:
			found = append(found, f.Interface().(Secret))
		case f.Kind() == reflect.Struct:
			if _, ok := f.Interface().(Message); ok {
				found = secretsOf(f, found)
			}
		}
	}
	return found
}
