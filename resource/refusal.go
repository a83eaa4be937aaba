package resource

import (
	"strconv"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// A Refusal is why a request is refused, and the answer to it.
type Refusal struct {
	Status int // 400, 401 or 403 (RFC 6750, Section 3.1)
	// Declared is what the client is told, nil when it showed no token at all.
	Declared *message.Error
	// Violation is the rule that was broken.
	Violation *message.Violation
	// Challenges go into WWW-Authenticate, one for each scheme that is served.
	Challenges []message.Challenge
	// Nonce goes into DPoP-Nonce unless it is empty.
	Nonce string
}

// Error returns the code that is declared and the rule that was broken.
func (r *Refusal) Error() string {
	if r.Declared == nil {
		return "no access token: " + r.Violation.Error()
	}
	return string(r.Declared.Code) + ": " + r.Violation.Error()
}

// Unwrap returns the declared error and the violation.
func (r *Refusal) Unwrap() []error {
	if r.Declared == nil {
		return []error{r.Violation}
	}
	return []error{r.Declared, r.Violation}
}

// Header returns the header fields of the answer, under canonical names. It has no body.
func (r *Refusal) Header() map[string][]string {
	h := map[string][]string{"Cache-Control": {"no-store"}}
	for _, c := range r.Challenges {
		h["Www-Authenticate"] = append(h["Www-Authenticate"], c.String())
	}
	if r.Nonce != "" {
		h["Dpop-Nonce"] = []string{r.Nonce}
	}
	return h
}

// refuse makes a refusal. scheme is the one that the request used, "" if it used none.
func (a *API) refuse(scheme string, status int, code message.ErrorCode, v *message.Violation) *Refusal {
	r := &Refusal{Status: status, Violation: v}
	if code != "" {
		r.Declared = &message.Error{Code: code, Description: description(v), Status: status}
	}
	for _, served := range a.schemes() {
		c := message.Challenge{Scheme: served, Params: map[string]string{"resource_metadata": a.address}}
		if a.c.Realm != "" {
			c.Params["realm"] = a.c.Realm
		}
		if served == message.TokenTypeDPoP {
			c.Params["algs"] = strings.Join(a.c.DPoPAlgs, " ")
		}
		if code != "" && (served == scheme || len(a.schemes()) == 1) {
			c.Params["error"], c.Params["error_description"] = string(code), r.Declared.Description
		}
		r.Challenges = append(r.Challenges, c)
	}
	return r
}

// schemes are those that a client may use.
func (a *API) schemes() []string {
	if a.c.RequireDPoP {
		return []string{message.TokenTypeDPoP}
	}
	return []string{message.TokenTypeBearer, message.TokenTypeDPoP}
}

// invalid refuses a token (RFC 6750, Section 3.1: "expired, revoked, malformed, or invalid
// for other reasons").
func (a *API) invalid(scheme string, v *message.Violation) *Refusal {
	return a.refuse(scheme, 401, message.InvalidToken, v)
}

// with adds a parameter to the challenge that declares the error.
func (r *Refusal) with(name, value string) {
	for _, c := range r.Challenges {
		if c.Params["error"] != "" && value != "" {
			c.Params[name] = value
		}
	}
}

// description is what a client's developer reads: the parameter and the text of the rule,
// never what was found. RFC 6750, Section 3: it "MUST NOT include characters outside the
// set %x20-21 / %x23-5B / %x5D-7E".
func description(v *message.Violation) string {
	text := v.Rule.Text()
	if v.Param != "" {
		text = v.Param + ": " + text
	}
	return strings.NewReplacer(`"`, "'", `\`, "'").Replace(text)
}

func violation(rule message.Rule, param, got, want string, err error) *message.Violation {
	return &message.Violation{Rule: rule, Param: param, Got: got, Want: want, Err: err}
}

// clip shortens what came from outside, for errors.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.Trim(strconv.QuoteToASCII(s), `"`)
}
