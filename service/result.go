package service

import (
	"context"
	"errors"

	"github.com/oidcservice/oidc/message"
)

// Verdict is the outcome of a check.
type Verdict int

// The verdicts.
const (
	Passed  Verdict = iota
	Failed          // the rule was broken; the message is refused
	Skipped         // the rule could not or need not be applied; the reason says why
	Warned          // the rule was broken and tolerated; the reason says what was found
)

// String returns "passed", "failed", "skipped" or "warned".
func (v Verdict) String() string {
	switch v {
	case Passed:
		return "passed"
	case Failed:
		return "failed"
	case Skipped:
		return "skipped"
	case Warned:
		return "warned"
	}
	return "unknown"
}

// A Check is one rule that was evaluated.
type Check struct {
	Rule    message.Rule // what was evaluated
	Verdict Verdict      // how that ended
	Param   string       // the parameter, member or claim that was looked at
	Reason  string       // why it was skipped or warned about
}

// A Result is a verified answer. It can only come from ParseResponse.
type Result struct {
	// State is the login it belongs to, if any.
	State string
	// Message is a pointer to the decoded message; MessageOf gives it its type.
	Message message.Message
	// IDToken is the verified ID Token, if the response carried one.
	IDToken *message.IDToken
	// Ended lists the logins that the commit of a logout ends.
	Ended []string
	// Sources are claims about the user that other sources than the provider tell,
	// each with its origin (Core, Section 5.6.2).
	Sources []SourcedClaims
	// Optional lists requests that would tell more: distributed claims.
	Optional []Task
	// Checks lists every rule evaluated, in order, with its verdict, and every
	// rule skipped and why. It is the proof of verification.
	Checks []Check

	owner any // the service that made it
	step  *Step
}

// MessageOf returns the result's message as *M, or nil if it is of another type.
func MessageOf[M any](res *Result) *M {
	if res == nil {
		return nil
	}
	m, _ := any(res.Message).(*M)
	return m
}

// A Task is a request that another service can make.
type Task struct {
	Service Service // who makes it
	Args    Args    // what it is made from
}

// A SendFunc sends a request and returns its answer, made with Request.Answer. It
// must enforce the request's Policy and follow no redirect. For a front-channel
// request it returns the Callback that the browser brought.
type SendFunc func(ctx context.Context, r *Request) (*Response, error)

// stepError names the service in front of an error and carries the checks that
// were made.
type stepError struct {
	service string
	checks  []Check
	err     error
}

func (e *stepError) Error() string { return e.service + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// ChecksOf returns the checks up to and including the failed one, nil if err does
// not come from a service's judgement.
func ChecksOf(err error) []Check {
	var e *stepError
	if errors.As(err, &e) {
		return e.checks
	}
	return nil
}

// ServiceOf returns the name of the service that err comes from, or "".
func ServiceOf(err error) string {
	var e *stepError
	if errors.As(err, &e) {
		return e.service
	}
	return ""
}
