package service

import (
	"strings"
	"time"
)

// A NeedError reports that a response cannot be judged yet. It is not a verdict:
// do what it asks and try again.
type NeedError struct {
	// Task, if its Service is not nil, must be completed first.
	Task Task
	// After says how long to wait first.
	After time.Duration
	// Resend asks to build the request again with Args and send it; otherwise
	// the same Response is to be given to ParseResponse again.
	Resend bool
	Args   Args
	// Err says what is lacking. It is the verdict when the need cannot be met.
	Err error
}

// Error says what is needed.
func (e *NeedError) Error() string {
	var b strings.Builder
	b.WriteString("needs ")
	switch {
	case e.Task.Service != nil:
		b.WriteString(e.Task.Service.Name())
		b.WriteString(" first")
	case e.After > 0:
		b.WriteString("to wait ")
		b.WriteString(e.After.String())
	default:
		b.WriteString("another try")
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns what is lacking.
func (e *NeedError) Unwrap() error { return e.Err }
