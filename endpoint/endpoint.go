package endpoint

import (
	"context"
	"errors"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// An Endpoint is one step of the protocol, seen by the provider. Endpoints are safe for
// concurrent use.
type Endpoint interface {
	// Name returns the endpoint's name, such as "token".
	Name() string
	// ParseRequest decodes the request, authenticates the client and verifies. It
	// changes nothing, so it may be called again with the same Request, for instance
	// after a NeedFetch.
	ParseRequest(ctx context.Context, req *Request) (*Parsed, error)
	// ProcessRequest decides and commits. One-time values are spent here.
	ProcessRequest(ctx context.Context, p *Parsed) (*Outcome, error)
	// DoResponse says what to send.
	DoResponse(ctx context.Context, o *Outcome) (*Response, error)
}

// A Resumer is an Endpoint that may have to ask a user.
type Resumer interface {
	Endpoint
	// Resume goes on after a NeedUser with what the user answered. It may return
	// another NeedUser.
	Resume(ctx context.Context, ticket string, answer Answer) (*Outcome, error)
}

// A Refuser is an Endpoint that answers a refusal in a way of its own, as the
// authorization endpoint does with a redirect.
type Refuser interface {
	Endpoint
	// Refuse turns the refusal of a request into the outcome that DoResponse gets. It
	// may return a NeedUser.
	Refuse(ctx context.Context, req *Request, refusal *Refusal) (*Outcome, error)
}

// Errors of the caller's doing.
var (
	// ErrForeign reports a Parsed or Outcome of another endpoint.
	ErrForeign = errors.New("belongs to another endpoint")
	// ErrNotConfigured reports a provider that lacks a setting.
	ErrNotConfigured = errors.New("not configured")
)

// Header is a set of HTTP header fields under canonical names. It converts to
// http.Header.
type Header map[string][]string

// Get returns the only value of a field. It returns "" when there is none, and reports
// false when there are several, which no header that is read here allows.
func (h Header) Get(name string) (string, bool) {
	switch v := h[name]; len(v) {
	case 0:
		return "", true
	case 1:
		return v[0], true
	}
	return "", false
}

// Set replaces a field.
func (h *Header) Set(name, value string) {
	if *h == nil {
		*h = Header{}
	}
	(*h)[name] = []string{value}
}

// Add adds a value to a field.
func (h *Header) Add(name, value string) {
	if *h == nil {
		*h = Header{}
	}
	(*h)[name] = append((*h)[name], value)
}

// A Request is what a client or a browser sent.
type Request struct {
	Method string // the HTTP method
	// URL is the address it was sent to as the issuer would write it: scheme, host and
	// path from the configuration, only the query from the wire. A Host or forwarded
	// header has no say in it.
	URL string
	// Header holds the request's header under canonical names.
	Header Header
	// Cookies maps a cookie's name to its value. A name that was sent twice is left out.
	Cookies map[string]string
	Body    []byte
	// PeerCertificates is the certificate chain of the connection, the leaf first, in
	// DER. It comes from TLS, or from a proxy that the operator configured.
	PeerCertificates [][]byte
	// CertificateVerified says that their chain was verified, by TLS or the proxy. Without
	// that tls_client_auth, which compares the subject, lets nobody in (RFC 8705, Section 2.1).
	CertificateVerified bool
	// RemoteAddr is the peer's address, for limits on guessing.
	RemoteAddr string
}

// query is the query of the URL, as it came.
func (r *Request) query() string {
	_, query, _ := strings.Cut(r.URL, "?")
	return query
}

// A Parsed is a verified request. It can only come from ParseRequest.
type Parsed struct {
	// Message is a pointer to the decoded request.
	Message message.Message
	// Client is the client that the request belongs to, nil if there is none.
	Client *Client

	owner   any // the endpoint that made it
	step    *Step
	decoded any // what the endpoint's functions get
}

// An Outcome is what an endpoint decided.
type Outcome struct {
	// Message is the response to be sent, nil when there is nothing to say.
	Message message.Message
	// Status is the HTTP status, 200 if zero.
	Status int
	// Location is where a front-channel message goes, empty for the back channel.
	Location string
	// Mode says how it goes there.
	Mode message.ResponseMode
	// Cookies are to be set.
	Cookies []Cookie
	// Header is added to the response.
	Header Header
	// Page is to be shown instead of a redirect.
	Page *Page
	// Send lists notifications that the caller is to send, in any order.
	Send []Outbound
	// Ask is a question that the caller is to bring to the user's other device.
	Ask *Decoupled

	refusal *Refusal // the outcome is a no
	owner   any
	step    *Step
}

// Placement says which part of a Response carries the message.
type Placement int

// The placements.
const (
	InBody Placement = iota // Body holds it
	InURL                   // Location holds it: redirect the browser there
	OnPage                  // Page is to be rendered for the user
)

// String returns "body", "url" or "page".
func (p Placement) String() string {
	switch p {
	case InURL:
		return "url"
	case OnPage:
		return "page"
	}
	return "body"
}

// A Response is what to send.
type Response struct {
	Status  int      // the HTTP status
	Header  Header   // under canonical names
	Cookies []Cookie // to be set
	// Placement says which of the following carries the message.
	Placement Placement
	Body      []byte
	Location  string
	Page      *Page
	// Send lists notifications that the caller is to send after the response was
	// decided, without redirects and under the policy for addresses that a client
	// supplied.
	Send []Outbound
	// Ask is a question that the caller is to bring to the user's other device.
	Ask *Decoupled
	// Refusal is why this is a no, nil if it is none. It is for metrics and traces: what
	// of it the client or the user is told stands in the fields above.
	Refusal *Refusal
}

// A Cookie is to be set in the browser. All cookies have Path=/ and no Domain.
type Cookie struct {
	Name     string // with its prefix
	Value    string // as it is to be sent
	MaxAge   int    // seconds; 0 ends with the browser, negative deletes it
	Secure   bool   // only over https
	HTTPOnly bool   // hidden from scripts
	SameSite string // "None", "Lax" or "Strict"
}

// An Outbound is a notification to a client: a logout token, a CIBA ping.
type Outbound struct {
	ClientID string // whom it is for
	Method   string // the HTTP method
	URL      string // an address of the client's
	Header   Header // under canonical names
	Body     []byte // as it is to be sent
}

// A Page is what the user is to be shown when there is nothing to ask.
type Page struct {
	Kind PageKind // what it says
	// Error and Rule say what went wrong, on an error page.
	Error *message.Error
	Rule  message.Rule
	Param string
	// Client is the client that brought the user here, if it is known.
	Client *Client
	// Frames are addresses to load in iframes before going on (Front-Channel Logout 1.0,
	// Section 3).
	Frames []string
	// Next is where to go on to, empty for nowhere. It was proven to belong to Client.
	Next string
	// Locales are the languages that were asked for, best first.
	Locales message.List
}

// PageKind names a page.
type PageKind string

// The pages.
const (
	PageError     PageKind = "error"
	PageLoggedOut PageKind = "logged_out"
	PageLoggedIn  PageKind = "logged_in" // after a logout that the user did not want
	PageDone      PageKind = "done"      // the device page after the user's decision
)
