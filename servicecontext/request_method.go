package servicecontext

import "slices"

// A RequestMethod says how the parameters of an authorization request reach the
// provider.
type RequestMethod string

// The ways to pass an authorization request.
const (
	RequestByQuery     RequestMethod = "query"       // as parameters (OpenID Connect Core 1.0, Section 3.1.2.1)
	RequestByValue     RequestMethod = "request"     // as a request object (Core, Section 6.1; RFC 9101)
	RequestByReference RequestMethod = "request_uri" // as a request object that we host (Core, Section 6.2)
	RequestPushed      RequestMethod = "par"         // pushed beforehand (RFC 9126)
)

// RequestMethods lists the ways to pass an authorization request.
func RequestMethods() []RequestMethod {
	return []RequestMethod{RequestByQuery, RequestByValue, RequestByReference, RequestPushed}
}

func (m RequestMethod) known() bool { return m == "" || slices.Contains(RequestMethods(), m) }
