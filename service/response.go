package service

import (
	"net/url"

	"github.com/oidcservice/oidc/message"
)

// An Inbound is a message that somebody brought to one of our own addresses: the
// authorization response at the redirect URI, or a notification.
type Inbound struct {
	// Mode is how the parameters came: query, fragment or form_post.
	Mode message.ResponseMode
	// Method and ContentType are those of the HTTP request.
	Method, ContentType string
	// Raw is the undecoded query, fragment or body.
	Raw string
	// Authorization is the header field of that name, of a client notification.
	Authorization message.Secret
	// RedirectURI is our address at which it arrived, as registered.
	RedirectURI string
	// Binding is the value that the browser holds.
	Binding string
}

// A Response is what came back: the answer to a Request, or a callback.
type Response struct {
	Status int                 // the HTTP status
	Header map[string][]string // in any case
	Body   []byte              // at most Policy.MaxBody bytes are read

	request *Request
	values  url.Values
	inbound *Inbound
	binding string
}

// Request returns the request that this answers, nil for a callback.
func (r *Response) Request() *Request { return r.request }

// Callback is the response a browser brought to the redirect URI: query, fragment
// or form post. It cannot see doubled parameters that were dropped, method, mode
// or address; ParseCallback can.
func Callback(params url.Values, binding string) *Response {
	return &Response{values: params, binding: binding}
}

// ParseCallback is Callback with everything that can be judged.
func ParseCallback(in Inbound) *Response {
	return &Response{inbound: &in, binding: in.Binding}
}

// front reports whether the response came through a browser.
func (r *Response) front() bool { return r.values != nil || r.inbound != nil || r.request == nil }
