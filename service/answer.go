package service

import (
	"bytes"
	"errors"
	"mime"
	"strconv"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// An Answer says what a successful HTTP answer looks like, and which rule it
// breaks otherwise.
type Answer struct {
	Status  int      // 200 if zero
	Media   []string // media types; application/json if empty and a body is expected
	MaxBody int64    // bytes; 512 KiB if zero

	StatusRule message.Rule // what another status breaks
	MediaRule  message.Rule // StatusRule if empty
	BodyRule   message.Rule // StatusRule if empty
	// Members names the rule that a member of the wrong JSON type breaks, where it
	// is not BodyRule.
	Members map[string]message.Rule
	// MediaFor replaces Media where it depends on what was registered.
	MediaFor func(s *Step) []string
	// NoErrors says that no error object is defined for this answer: a member called error
	// is nothing, and status and media type are judged alone.
	NoErrors bool
	// First judges an answer before anything else: true accepts it as it is.
	First func(s *Step) (bool, error)
	// Other judges an answer of another status: true accepts it, false without an
	// error leaves it to StatusRule.
	Other func(s *Step) (bool, error)
}

func (a *Answer) maxBody() int64 {
	if a.MaxBody > 0 {
		return a.MaxBody
	}
	return 512 << 10 // ten times the largest metadata document seen in the field
}

func (a *Answer) media() []string {
	if a.Media == nil {
		return usualMedia
	}
	return a.Media
}

var usualMedia = []string{mediaJSON}

func (a *Answer) mediaFor(s *Step) []string {
	if a.MediaFor != nil {
		return a.MediaFor(s)
	}
	return a.media()
}

func (a *Answer) status() int {
	if a.Status == 0 {
		return 200
	}
	return a.Status
}

func (a *Answer) bodyRule() message.Rule {
	if a.BodyRule != "" {
		return a.BodyRule
	}
	return a.StatusRule
}

// check judges status and media type, and finds a declared error.
func (a *Answer) check(s *Step) error {
	resp := s.Response
	if int64(len(resp.Body)) > a.maxBody() {
		return s.Fail(a.bodyRule(), "body", strconv.Itoa(len(resp.Body))+" bytes", "at most "+strconv.FormatInt(a.maxBody(), 10),
			&message.Violation{Rule: message.RuleTransportLimits, Param: "body"})
	}
	if a.First != nil {
		if done, err := a.First(s); done || err != nil {
			return err
		}
	}
	if declared := declaredError(resp); declared != nil && !a.NoErrors {
		// A failed client authentication comes with a "WWW-Authenticate response header
		// field matching the authentication scheme" (RFC 6749, Section 5.2): what it says
		// goes with the error.
		if challenges, ok := message.ParseChallenges(headerValues(resp.Header, "WWW-Authenticate")); ok && len(challenges) > 0 {
			return &ChallengeError{Challenge: declaring(challenges, declared), Err: declared}
		}
		return declared
	}
	if resp.Status != a.status() {
		accepted := false
		if a.Other != nil {
			var err error
			if accepted, err = a.Other(s); err != nil {
				return err
			}
		}
		if !accepted {
			var cause error
			if resp.Status >= 300 && resp.Status < 400 {
				cause = &message.Violation{Rule: message.RuleTransportRedirect, Param: "status"}
			} else if _, ok := message.ParseChallenges(headerValues(resp.Header, "WWW-Authenticate")); !ok {
				cause = &message.Violation{Rule: message.RuleChallengeParsing, Param: "www_authenticate"}
			}
			return s.Fail(a.StatusRule, "status", strconv.Itoa(resp.Status), strconv.Itoa(a.status()), cause)
		}
	}
	s.Pass(a.StatusRule, "status")
	if media := a.mediaFor(s); len(media) > 0 {
		rule := a.MediaRule
		if rule == "" {
			rule = a.StatusRule
		}
		values := headerValues(resp.Header, "Content-Type")
		got := ""
		if len(values) == 1 {
			got = mediaType(values[0])
		}
		for _, m := range media {
			if got == m {
				s.Pass(rule, "content_type")
				return a.checkStray(s)
			}
		}
		return s.Fail(rule, "content_type", message.Excerpt(strings.Join(values, ", ")), strings.Join(media, " or "), nil)
	}
	return nil
}

// checkStray refuses a success that has a member error as well.
func (a *Answer) checkStray(s *Step) error {
	if a.NoErrors || !strayError(s.Response.Body) {
		return nil
	}
	rule := a.bodyRule()
	if own, ok := a.Members["error"]; ok {
		rule = own
	}
	return s.Fail(rule, "error", "", "either an error or a success", nil)
}

// malformed turns a decoding error into the violation of the message's rule.
func (a *Answer) malformed(s *Step, err error) error {
	var d *message.DecodeError
	param := "body"
	if errors.As(err, &d) && d.Param != "" {
		param = d.Param
	}
	if rule, ok := a.Members[param]; ok && d.Kind == message.WrongType {
		return s.Fail(rule, param, "", "", err)
	}
	return s.Fail(a.bodyRule(), param, "", "one strict JSON object", &message.Violation{Rule: message.RuleTransportJSON, Param: param, Err: err})
}

// declaredError returns the OAuth error of an answer, whatever its status: "the
// authorization server responds with an HTTP 400" (RFC 6749, Section 5.2), but
// some say it in a 200.
func declaredError(resp *Response) *message.Error {
	if !mayDeclare(resp.Body) {
		return challengedError(resp)
	}
	var e message.ErrorResponse
	if err := message.DecodeJSON(resp.Body, &e); err != nil || e.Error == "" || !errorSyntax(string(e.Error)) {
		return nil
	}
	return &message.Error{Code: e.Error, Description: printable(e.ErrorDescription), URI: printable(e.ErrorURI), Status: resp.Status}
}

// mayDeclare reports whether a body may have a member error; its name may have escapes.
func mayDeclare(body []byte) bool {
	return bytes.Contains(body, []byte(`"error"`)) || bytes.Contains(body, []byte(`\u00`))
}

// strayError reports whether a body has a member error that is no error code: what else
// it says is neither a success nor a failure.
func strayError(body []byte) bool {
	if !mayDeclare(body) {
		return false
	}
	var m struct {
		Error message.RawJSON `json:"error,omitempty"`
		Extra message.Extra   `json:"-" url:"-"`
	}
	return message.DecodeJSON(body, &m) == nil && len(m.Error) > 0
}

// mediaType returns the media type of a Content-Type without its parameters, "" if it is
// none.
func mediaType(value string) string {
	if value == "application/json" { // as most providers say it
		return value
	}
	media, _, _ := mime.ParseMediaType(value)
	return media
}

// headerValues returns the values of a header field whatever the case of its name.
func headerValues(h map[string][]string, name string) []string {
	if v, ok := h[name]; ok {
		return v
	}
	for k, v := range h {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}
