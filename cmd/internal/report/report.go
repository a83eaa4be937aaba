// Package report shows a conversation: as text that teaches, as the JSON object
// that scripts read, and as Markdown, Mermaid, HAR and curl commands. All of them
// are made from the same Report, and none shows a secret unless it is told to.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// The outcomes of a run.
const (
	OK            = "ok"
	Violation     = "violation"      // the peer broke a rule and the toolkit refused
	ProviderError = "provider_error" // the peer declared an OAuth error
	Transport     = "transport"      // network, TLS, HTTP; also a timeout
	Config        = "config"         // our own settings
	Internal      = "internal"
)

// The exit codes of all verbs.
const (
	ExitOK        = 0
	ExitInternal  = 1
	ExitConfig    = 2
	ExitTransport = 3
	ExitProvider  = 4
	ExitViolation = 5
	ExitTimeout   = 6
	ExitLint      = 7
)

// A Problem says why a run failed. All members are always there.
type Problem struct {
	Kind    string `json:"kind"`
	Rule    string `json:"rule"`
	Param   string `json:"param"`
	Code    string `json:"code"`
	Spec    string `json:"spec"`
	Message string `json:"message"`

	// Timeout tells a timeout or cancellation from other failures of transport.
	Timeout bool `json:"-"`
	// Hint says what to do about it.
	Hint string `json:"-"`
	// Cause is the error that it was made from.
	Cause error `json:"-"`
}

// ExitCode is the exit code that belongs to p, which may be nil.
func (p *Problem) ExitCode() int {
	switch {
	case p == nil:
		return ExitOK
	case p.Timeout:
		return ExitTimeout
	}
	switch p.Kind {
	case Violation:
		return ExitViolation
	case ProviderError:
		return ExitProvider
	case Transport:
		return ExitTransport
	case Config:
		return ExitConfig
	}
	return ExitInternal
}

// A Report is a conversation as it happened, with its secrets.
type Report struct {
	Title       string // a script's name; empty otherwise
	FailedStep  string
	Problem     *Problem
	Issuer      string
	ClientID    string
	Steps       []*Step
	States      []string
	StateRecord []string
	IDToken     json.RawMessage // verified claims
	UserInfo    json.RawMessage // verified claims
	// Provider is the provider's metadata, for the verbs whose result it is.
	Provider json.RawMessage
	// Expected is the refusal that a script expected and that came.
	Expected     *Problem
	ExpectedStep string
	// Embedded tells that the provider ran in the same process.
	Embedded bool
	// Resume is the state with which the run can be continued, if it can.
	Resume string
}

// Outcome is one of the outcomes.
func (r *Report) Outcome() string {
	if r.Problem == nil {
		return OK
	}
	return r.Problem.Kind
}

// A Step is one request of a service and what became of it.
type Step struct {
	Service  string
	State    string
	Front    bool
	Request  *Request
	Response *Response // nil when nothing came back
	Checks   []Check
	Context  []Change // what changed in the service context
	Record   []string // the items that came into the state record
	Claims   json.RawMessage
	// Object is what a request object of the request says, taken apart.
	Object  json.RawMessage
	Need    string // what had to be done first, such as fetching a key
	Err     string
	Hops    []Hop
	Started time.Time
	Took    time.Duration
}

// A Change is a member of the service context and what it became.
type Change struct{ Name, Value string }

// A Request is what was sent.
type Request struct {
	Method string
	URL    string
	Header map[string][]string
	Body   string
}

// A Response is what came back.
type Response struct {
	Status int
	Header map[string][]string
	Body   string
}

// A Hop is one request of the user's browser.
type Hop struct {
	Method   string
	URL      string
	Status   int
	Header   map[string][]string
	Location string
	Started  time.Time
	Took     time.Duration
}

// A Check is a rule that was evaluated.
type Check struct {
	Rule    string
	Spec    string
	Text    string
	Verdict string
	Param   string
	Reason  string
}

// Formats are the values of --output, the default first.
func Formats() []string { return []string{"text", "json", "markdown", "mermaid", "har", "curl"} }

// Options say how to show a Report.
type Options struct {
	Format      string
	ShowSecrets bool
	Colour      bool
	Width       int
	// CAFile names the authority of the certificate at an address, for curl; empty is one
	// that the system knows. It may be nil.
	CAFile func(address string) string
}

// Write shows r on w.
func Write(w io.Writer, r *Report, o Options) error {
	m := newMasker(r, o.ShowSecrets)
	claims := *r
	claims.IDToken, claims.UserInfo = m.claims(r.IDToken), m.claims(r.UserInfo)
	r = &claims
	var err error
	switch o.Format {
	case "", "text":
		err = writeText(w, r, m, o)
	case "json":
		err = writeJSON(w, r, m)
	case "markdown":
		err = writeMarkdown(w, r, m)
	case "mermaid":
		err = writeMermaid(w, r, m)
	case "har":
		err = writeHAR(w, r, m)
	case "curl":
		err = writeCurl(w, r, m, o.CAFile)
	default:
		return fmt.Errorf("unknown output %q, known are %v", o.Format, Formats())
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// Safe masks the secrets of r in text and removes what could move a cursor.
func Safe(r *Report, text string, showSecrets bool) string {
	return printable(newMasker(r, showSecrets).text(text))
}

// Narration is one line about a request that is about to be made.
func Narration(s *Step) string {
	where := s.Request.URL
	if at := strings.IndexAny(where, "?#"); at >= 0 {
		where = where[:at]
	}
	return "→ " + s.Service + ": " + s.Request.Method + " " + printable(where)
}

// Readable lays out JSON for people and removes what could move a cursor.
func Readable(text string) string { return printable(compact(text)) }
