package endpoint

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// NewWebFinger makes the endpoint that tells the issuer of a user (Discovery, Section 2;
// RFC 7033). Every user of a served host gets the same answer, so that it does not tell
// who exists (RFC 7033, Section 9.2).
func NewWebFinger(env Env) Endpoint {
	return Definition[message.WebFingerRequest]{
		Name:    "webfinger",
		Path:    "/.well-known/webfinger",
		Root:    true,
		Methods: []string{"GET"},
		Request: Form,
		CORS:    true,
		Verify: func(_ context.Context, s *Step, req *message.WebFingerRequest) error {
			// RFC 7033, Section 4.2: "If the "resource" parameter is absent or malformed, then
			// the WebFinger resource MUST indicate that the request is bad as per Section
			// 10.4.1 of RFC 2616." and "If the "resource" parameter is a value for which the
			// server has no information, the server MUST indicate that it was unable to match
			// the request as per Section 10.4.5".
			host, ok := resourceHost(req.Resource)
			if !ok {
				return Refuse(400, message.InvalidRequest, message.RuleOPWebFingerRequest, "resource").Because("", "acct:user@host or a URL", nil)
			}
			if !slices.ContainsFunc(s.Context.policy.Hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
				return Refuse(404, message.InvalidRequest, message.RuleOPWebFingerRequest, "resource").Because("another host", "one that is served here", nil)
			}
			return nil
		},
		Process: func(_ context.Context, s *Step, req *message.WebFingerRequest) (*Outcome, error) {
			answer := &message.WebFingerResponse{Subject: req.Resource}
			// RFC 7033, Section 4.3: several rel parameters, each of which is wanted.
			if len(req.Rel) == 0 || slices.Contains(req.Rel, message.IssuerRel) {
				answer.Links = []message.WebFingerLink{{Rel: message.IssuerRel, Href: s.Context.issuer}}
			}
			return &Outcome{Message: answer}, nil
		},
		Respond: func(_ context.Context, _ *Step, o *Outcome) (*Response, error) {
			resp, err := respondJSON(o)
			if err != nil {
				return nil, err
			}
			resp.Header = Header{"Content-Type": {"application/jrd+json"}, "Cache-Control": {"public, max-age=3600"}}
			return resp, nil
		},
	}.New(env)
}

// resourceHost returns the host that a resource names.
func resourceHost(resource string) (string, bool) {
	scheme, rest, found := strings.Cut(resource, ":")
	if !found {
		return "", false
	}
	switch strings.ToLower(scheme) {
	case "acct", "mailto":
		at := strings.LastIndexByte(rest, '@')
		if at < 1 || at == len(rest)-1 || strings.ContainsAny(rest[at:], "/?#") {
			return "", false
		}
		return rest[at+1:], true
	case "https", "http":
		u, err := url.Parse(resource)
		if err != nil || u.Host == "" {
			return "", false
		}
		return u.Host, true
	}
	return "", false
}
