package service

import "github.com/oidcservice/oidc/message"

// Channel says how a request travels.
type Channel int

// The channels.
const (
	BackChannel  Channel = iota // the caller sends it
	FrontChannel                // the caller sends the user's browser there
)

// String returns "back" or "front".
func (c Channel) String() string {
	if c == FrontChannel {
		return "front"
	}
	return "back"
}

// Header is a set of HTTP header fields under canonical names. It converts to
// http.Header.
type Header map[string][]string

// Policy is what a driver must enforce when it sends a Request.
type Policy struct {
	HTTPS        bool     // refuse any other scheme
	MaxBody      int64    // the largest body of an answer in bytes, after decompression
	Accept       []string // media types of a successful answer; empty means any
	PeerSupplied bool     // the URL came from a peer: it must not reach a special-use address
}

// A Request is what the caller must send. It is data and may be queued, but may
// hold secrets. Redirects must not be followed.
type Request struct {
	Service   string   // the name of the service that made it
	State     string   // the login that it belongs to, "" if none
	Channel   Channel  // who sends it
	Method    string   // the HTTP method
	URL       string   // with the query, which may hold secrets
	Header    Header   // may hold credentials
	Body      []byte   // nil if there is none
	MutualTLS bool     // present the client certificate
	Policy    Policy   // what to enforce when it is sent
	Host      []Hosted // documents that the caller must serve before it sends
	// Checks lists every rule that building the request kept, in order, and every
	// rule skipped and why.
	Checks []Check

	message message.Message // what it was built from
	args    Args
}

// Message returns a pointer to the message that the request was built from.
func (r *Request) Message() message.Message { return r.message }

// setForm makes body, a form, what travels.
func (r *Request) setForm(body string) {
	r.Body = []byte(body)
	r.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
}

// Answer joins an HTTP answer to the request it answers. The header's names may
// have any case.
func (r *Request) Answer(status int, header map[string][]string, body []byte) *Response {
	return &Response{Status: status, Header: header, Body: body, request: r}
}
