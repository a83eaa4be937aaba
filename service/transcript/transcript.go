// Package transcript records a conversation and plays it back.
//
// A [Recorder] stands between the services and the world: it hands through clock,
// randomness and answers, and notes all three. A [Player] stands in the same place
// and gives back what was noted, so that the services run again with no network
// and come to the same bytes; what differs is listed.
//
// A transcript holds everything that was sent and received, secrets included:
// without them it could not be played back. Keep it like a password.
package transcript

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// version is the version of the format. A reader refuses any other.
const version = 1

// A Transcript is a recorded conversation.
type Transcript struct {
	Version int `json:"version"` // of the format
	// Settings are the caller's own, to build the same services again.
	Settings json.RawMessage `json:"settings,omitempty"`
	// Clock holds the readings of the clock, in order.
	Clock []time.Time `json:"clock"`
	// Random holds the random bytes that were consumed, in order.
	Random []byte `json:"random"`
	// Exchanges are the requests and what came back, in the order of sending.
	Exchanges []Exchange `json:"exchanges"`
}

// An Exchange is a request with one of: an answer, what a browser brought, or the
// failure to get either.
type Exchange struct {
	Service  string    `json:"service"`            // the name of the service
	Request  Request   `json:"request"`            // as it was sent
	Response *Response `json:"response,omitempty"` // nil if none came
	Callback *Callback `json:"callback,omitempty"` // nil if no browser came
	Failure  *Failure  `json:"failure,omitempty"`  // nil if one of them came
}

// A Request is a service.Request as it was sent.
type Request struct {
	Channel string              `json:"channel"`          // "back" or "front"
	Method  string              `json:"method"`           // the HTTP method
	URL     string              `json:"url"`              // with the query
	Header  map[string][]string `json:"header,omitempty"` // with the credentials
	Body    Bytes               `json:"body,omitempty"`   // as it was sent
}

// A Response is an answer as it came.
type Response struct {
	Status int                 `json:"status"`           // the HTTP status
	Header map[string][]string `json:"header,omitempty"` // as it came
	Body   Bytes               `json:"body,omitempty"`   // as it came
}

// A Callback is what a browser brought to the redirect URI.
type Callback struct {
	Mode          message.ResponseMode `json:"mode"`                    // how the response came
	Method        string               `json:"method"`                  // the HTTP method
	ContentType   string               `json:"content_type,omitempty"`  // of a form post
	Raw           string               `json:"raw"`                     // query, fragment or body
	Authorization string               `json:"authorization,omitempty"` // of a notification
	RedirectURI   string               `json:"redirect_uri"`            // the address at which it arrived
	Binding       string               `json:"binding,omitempty"`       // what the browser held
}

func callbackOf(in service.Inbound) *Callback {
	return &Callback{
		Mode: in.Mode, Method: in.Method, ContentType: in.ContentType, Raw: in.Raw,
		Authorization: in.Authorization.Reveal(), RedirectURI: in.RedirectURI, Binding: in.Binding,
	}
}

func (c *Callback) inbound() service.Inbound {
	return service.Inbound{
		Mode: c.Mode, Method: c.Method, ContentType: c.ContentType, Raw: c.Raw,
		Authorization: message.Secret(c.Authorization), RedirectURI: c.RedirectURI, Binding: c.Binding,
	}
}

// A Failure is an error of the transport. It is an error itself, equal in what it
// is made of: a Violation stays one, a declared error too.
type Failure struct {
	Text    string       `json:"text"`              // of the error
	Timeout bool         `json:"timeout,omitempty"` // it was one
	Rule    message.Rule `json:"rule,omitempty"`    // the rule that it wraps, "" if none
	// Violated tells that the failure was a *message.Violation of Rule.
	Violated bool              `json:"violated,omitempty"`
	Param    string            `json:"param,omitempty"`
	Got      string            `json:"got,omitempty"`
	Want     string            `json:"want,omitempty"`
	Code     message.ErrorCode `json:"code,omitempty"` // of a declared error
	Status   int               `json:"status,omitempty"`
	// Config tells that the failure was the caller's doing.
	Config bool `json:"config,omitempty"`
}

// failureOf describes err well enough to make it again.
func failureOf(err error) *Failure {
	f := &Failure{Text: err.Error()}
	var t interface{ Timeout() bool }
	if errors.As(err, &t) {
		f.Timeout = t.Timeout()
	}
	var declared *message.Error
	var v *message.Violation
	switch {
	case errors.As(err, &declared):
		f.Text, f.Code, f.Status = declared.Description, declared.Code, declared.Status
	case errors.As(err, &v):
		f.Violated, f.Rule, f.Param, f.Got, f.Want = true, v.Rule, v.Param, v.Got, v.Want
	case errors.Is(err, message.RuleTransportTLS):
		f.Rule = message.RuleTransportTLS
	case errors.Is(err, message.RuleTransportLimits):
		f.Rule = message.RuleTransportLimits
	}
	f.Config = errors.Is(err, service.ErrNotConfigured) || errors.Is(err, service.ErrArgs)
	return f
}

// again is the error that f describes.
func (f *Failure) again() error {
	switch {
	case f.Code != "":
		return &message.Error{Code: f.Code, Description: f.Text, Status: f.Status}
	case f.Violated:
		return &message.Violation{Rule: f.Rule, Param: f.Param, Got: f.Got, Want: f.Want}
	case f.Config:
		return fmt.Errorf("%w: %s", service.ErrNotConfigured, f.Text)
	}
	return &ReplayedError{failure: f}
}

// A ReplayedError is a recorded failure of the transport.
type ReplayedError struct{ failure *Failure }

// Error says what was said then.
func (e *ReplayedError) Error() string { return e.failure.Text }

// Timeout reports whether time had run out.
func (e *ReplayedError) Timeout() bool { return e.failure.Timeout }

// Is reports whether target is the rule that the failure came under.
func (e *ReplayedError) Is(target error) bool {
	rule, ok := target.(message.Rule)
	return ok && rule != "" && rule == e.failure.Rule
}

// Bytes are a body. In JSON they are text where they can be, for people to read.
type Bytes []byte

// MarshalJSON returns a string, or {"base64": "…"} for what is no text.
func (b Bytes) MarshalJSON() ([]byte, error) {
	if utf8.Valid(b) {
		return json.Marshal(string(b))
	}
	return json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString(b)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err == nil {
		*b = Bytes(text)
		return nil
	}
	var coded struct {
		Base64 []byte `json:"base64"`
	}
	if err := json.Unmarshal(data, &coded); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	*b = coded.Base64
	return nil
}

// Encode returns t as JSON, indented.
func (t *Transcript) Encode() ([]byte, error) {
	out, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return nil, fmt.Errorf("transcript: %w", err)
	}
	return append(out, '\n'), nil
}

// Parse reads what Encode wrote.
func Parse(data []byte) (*Transcript, error) {
	var t Transcript
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("transcript: %w", err)
	}
	if t.Version != version {
		return nil, fmt.Errorf("transcript: version %d, want %d", t.Version, version)
	}
	for i, e := range t.Exchanges {
		kinds := 0
		for _, there := range []bool{e.Response != nil, e.Callback != nil, e.Failure != nil} {
			if there {
				kinds++
			}
		}
		if kinds != 1 {
			return nil, fmt.Errorf("transcript: exchange %d: want one of response, callback and failure", i+1)
		}
	}
	return &t, nil
}
