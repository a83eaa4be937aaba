package message

import (
	"errors"
	"strconv"
)

// A DecodeKind says what was wrong with a message that could not be decoded.
type DecodeKind int

// The kinds of a [DecodeError].
const (
	Malformed   DecodeKind = iota + 1 // not JSON, or not form encoding
	Duplicate                         // a member or parameter that occurs twice
	Case                              // a member whose name differs from a known one by case alone
	WrongType                         // a known member of another type than the specification's
	Depth                             // too deeply nested
	Size                              // too many bytes
	Count                             // too many members or parameters
	Trailing                          // something after the value
	UTF8                              // not UTF-8
	NumericDate                       // a time that is no number, or out of range
)

var decodeKinds = [...]string{
	Malformed:   "malformed",
	Duplicate:   "occurs twice",
	Case:        "differs from a known member by case alone",
	WrongType:   "wrong type",
	Depth:       "nested too deeply",
	Size:        "too large",
	Count:       "too many members",
	Trailing:    "something follows the value",
	UTF8:        "not valid UTF-8",
	NumericDate: "not a date",
}

// String returns the kind in words.
func (k DecodeKind) String() string {
	if k >= Malformed && int(k) < len(decodeKinds) {
		return decodeKinds[k]
	}
	return "unknown"
}

// A DecodeError says why a message could not be decoded. It never holds a value of
// the message. errors.Is finds the general rule that was broken: jose_json,
// jose_duplicate_member, jose_member_case or jose_numeric_date for the payload of a
// JWT, transport_json for another JSON message.
type DecodeError struct {
	Kind  DecodeKind
	Param string // the member, with its path, or the parameter; empty if none is to blame
	Err   error  // more about it, or nil

	rule Rule
}

// Error returns the path and what was wrong there.
func (e *DecodeError) Error() string {
	text := e.Kind.String()
	if e.Param != "" {
		text = quoteName(e.Param) + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// Rule returns the general rule that was broken, or "".
func (e *DecodeError) Rule() Rule { return e.rule }

// Is reports whether target is the general rule that was broken.
func (e *DecodeError) Is(target error) bool {
	rule, ok := target.(Rule)
	return ok && rule != "" && rule == e.rule
}

// Violation returns the violation of a rule about the message, with e as its cause.
func (e *DecodeError) Violation(rule Rule) *Violation {
	return &Violation{Rule: rule, Param: printable(e.Param), Err: e}
}

// ViolationOf turns the error of a decoder into the violation of a rule about the
// message. Another error becomes the cause of one that blames no parameter.
func ViolationOf(rule Rule, err error) *Violation {
	var e *DecodeError
	if errors.As(err, &e) {
		return e.Violation(rule)
	}
	return &Violation{Rule: rule, Err: err}
}

// under returns e with the name of what it happened in.
func (e *DecodeError) under(name string) *DecodeError {
	switch {
	case e.Param == "":
		e.Param = name
	case e.Param[0] == '[':
		e.Param = name + e.Param
	default:
		e.Param = name + "." + e.Param
	}
	return e
}

// maxNameShown limits what an error repeats of a name that the peer chose.
const maxNameShown = 64

// quoteName returns a name as it may be shown, in quotes if it is not plain.
func quoteName(name string) string {
	shown := printable(name)
	if shown != name {
		return `"` + shown + `"`
	}
	return name
}

// printable cuts a name and escapes what is not printable ASCII.
func printable(name string) string {
	if len(name) > maxNameShown {
		name = name[:maxNameShown] + "..."
	}
	quoted := strconv.QuoteToASCII(name)
	return quoted[1 : len(quoted)-1]
}
