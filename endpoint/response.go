package endpoint

import (
	"github.com/oidcservice/oidc/message"
)

// respondJSON sends a message as one JSON object that no cache keeps. RFC 6749, Section
// 5.1: "The authorization server MUST include the HTTP "Cache-Control" response header
// field with a value of "no-store" in any response containing tokens, credentials, or
// other sensitive information".
func respondJSON(o *Outcome) (*Response, error) {
	resp := &Response{Status: o.Status, Header: noStore()}
	if o.Message == nil {
		return resp, nil
	}
	body, err := message.EncodeJSON(o.Message)
	if err != nil {
		return nil, err
	}
	resp.Body = body
	resp.Header["Content-Type"] = typeJSON
	return resp, nil
}

// Values of header fields that every answer has. They are shared and never written to:
// Header.Set replaces them, and Header.Add copies, since there is no room behind them.
var (
	cacheNoStore  = []string{"no-store"}
	pragmaNoCache = []string{"no-cache"}
	typeJSON      = []string{"application/json"}
)

func noStore() Header {
	return Header{"Cache-Control": cacheNoStore, "Pragma": pragmaNoCache}
}

// refused answers a refusal: a page in a browser, else an error object.
func refused(r *Refusal, browser bool) *Response {
	resp := &Response{Status: r.Declared.Status, Header: noStore()}
	for name, values := range r.Header {
		resp.Header[name] = values
	}
	if resp.Status == 0 {
		resp.Status = 400
	}
	if browser {
		resp.Placement = OnPage
		resp.Page = &Page{Kind: PageError, Error: r.Declared, Rule: r.Violation.Rule, Param: r.Violation.Param}
		return resp
	}
	if r.bare {
		return resp
	}
	body, err := message.EncodeJSON(&message.ErrorResponse{
		Error:            r.Declared.Code,
		ErrorDescription: r.Declared.Description,
		ErrorURI:         r.Declared.URI,
	})
	if err == nil {
		resp.Body = body
		resp.Header.Set("Content-Type", "application/json")
	}
	return resp
}
