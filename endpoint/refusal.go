package endpoint

import (
	"errors"

	"github.com/oidcservice/oidc/message"
)

// A Refusal is the provider's no. Declared is what the client or the user is told,
// Violation the rule that was broken and where.
type Refusal struct {
	Declared  *message.Error
	Violation *message.Violation
	// Header is added to the answer: WWW-Authenticate, Allow, DPoP-Nonce, Retry-After.
	Header Header

	route   *route   // where an authorization error may go, nil before that is proven
	bare    bool     // no error object: the request had no token at all
	nonce   bool     // to be answered with a new DPoP nonce
	attempt *attempt // a failed guess, to be counted
	step    *Step    // the request that was refused
	cookies []Cookie // of the session that began before the refusal
}

// Refuse makes a refusal. What is declared is described by the text of the rule, which is
// fixed and so holds nothing of the request.
func Refuse(status int, code message.ErrorCode, rule message.Rule, param string) *Refusal {
	return &Refusal{
		Declared:  &message.Error{Code: code, Description: description(rule, param), Status: status},
		Violation: &message.Violation{Rule: rule, Param: param},
	}
}

// Because adds what was found and wanted, and the cause. None may hold a secret, and none
// is sent.
func (r *Refusal) Because(got, want string, err error) *Refusal {
	r.Violation.Got, r.Violation.Want, r.Violation.Err = got, want, err
	return r
}

// With adds a header field to the answer.
func (r *Refusal) With(name, value string) *Refusal {
	r.Header.Add(name, value)
	return r
}

// Error returns the code that is declared and the rule that was broken.
func (r *Refusal) Error() string {
	return string(r.Declared.Code) + ": " + r.Violation.Error()
}

// Unwrap returns the declared error and the violation.
func (r *Refusal) Unwrap() []error { return []error{r.Declared, r.Violation} }

// refusalOf returns the refusal that err is, or nil. A need for a document is none, although
// it knows what it will be if it cannot be met.
func refusalOf(err error) *Refusal {
	if err == nil {
		return nil
	}
	var r *Refusal
	if isNeed(err) || !errors.As(err, &r) {
		return nil
	}
	return r
}

// isNeed reports whether err asks for a document.
func isNeed(err error) bool {
	var need *NeedFetch
	return errors.As(err, &need)
}

// description is what a client's developer reads. RFC 6749, Section 5.2: "Values for the
// "error_description" parameter MUST NOT include characters outside the set %x20-21 /
// %x23-5B / %x5D-7E."
func description(rule message.Rule, param string) string {
	text := rule.Text()
	if param != "" {
		text = param + ": " + text
	}
	b := make([]byte, 0, len(text))
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\'')
		case c >= 0x20 && c <= 0x7e:
			b = append(b, c)
		}
	}
	return string(b)
}
