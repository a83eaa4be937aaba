package service

import "github.com/oidcservice/oidc/message"

// challengedError returns the error that a Bearer or DPoP challenge declares
// (RFC 6750, Section 3; RFC 9449, Section 7.1), nil if there is none.
func challengedError(resp *Response) *message.Error {
	if resp.Status < 400 {
		return nil
	}
	challenges, ok := message.ParseChallenges(headerValues(resp.Header, "WWW-Authenticate"))
	if !ok {
		return nil
	}
	for _, c := range challenges {
		if code := c.Params["error"]; (c.Scheme == "bearer" || c.Scheme == "dpop") && errorSyntax(code) {
			return &message.Error{Code: message.ErrorCode(code), Description: printable(c.Params["error_description"]), URI: printable(c.Params["error_uri"]), Status: resp.Status}
		}
	}
	return nil
}
