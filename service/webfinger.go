package service

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

const (
	webFingerPath  = "/.well-known/webfinger" // RFC 7033, Section 10.1
	maxRedirects   = 3                        // hops of one WebFinger query
	mediaJSON      = "application/json"
	mediaJRD       = "application/jrd+json"
	maxJRD         = 64 << 10 // bytes; a descriptor has a handful of links
	headerLocation = "Location"
)

// NewWebFinger makes the webfinger service: it asks the host of a user's identifier
// for the user's issuer (Discovery 1.0, Section 2; RFC 7033).
func NewWebFinger(env Env) Service {
	return Definition[message.WebFingerRequest, message.WebFingerResponse]{
		Name:     WebFingerName,
		Request:  Query,
		Response: JSON,
		Answer: Answer{
			Media:      []string{mediaJRD, mediaJSON},
			MaxBody:    maxJRD,
			StatusRule: message.RuleWebFingerStatus,
			NoErrors:   true,
			MediaRule:  message.RuleWebFingerJRD,
			BodyRule:   message.RuleWebFingerJRD,
			Other:      followWebFinger,
		},
		Endpoint: webFingerEndpoint,
		Complete: completeWebFinger,
		Verify:   verifyWebFinger,
		Update: func(_ context.Context, s *Step, resp *message.WebFingerResponse) error {
			issuer := issuerLink(resp, issuerRelation(askedOf(s)))
			return s.Context().Update(func(sn *servicecontext.Snapshot) error {
				sn.Issuer = issuer
				return nil
			})
		},
	}.New(env)
}

func completeWebFinger(_ context.Context, s *Step, req *message.WebFingerRequest) error {
	resource, err := normalizeResource(s, req.Resource)
	if err != nil {
		return err
	}
	if _, _, err := resourceHost(s, resource); err != nil {
		return err
	}
	req.Resource = resource
	if len(req.Rel) == 0 {
		req.Rel = []string{message.IssuerRel}
	}
	for _, rel := range req.Rel {
		if rel == "" {
			return s.Fail(message.RuleWebFingerRel, "rel", "", "a link relation", nil)
		}
	}
	s.Pass(message.RuleWebFingerRel, "rel")
	return nil
}

// webFingerEndpoint returns the address to ask. After a redirect it is the address
// that the host named, query included, so that nothing is left to append.
func webFingerEndpoint(s *Step, req *message.WebFingerRequest) string {
	if hops := s.Args.redirects; len(hops) > 0 {
		*req = message.WebFingerRequest{}
		return hops[len(hops)-1]
	}
	scheme, host, err := resourceHost(&Step{Snapshot: s.Snapshot}, req.Resource)
	if err != nil {
		return ""
	}
	return scheme + "://" + host + webFingerPath
}

// askedOf returns the query that an answer belongs to, redirected or not.
func askedOf(s *Step) *message.WebFingerRequest {
	if len(s.Args.redirects) > 0 {
		if req, ok := s.Args.Message.(*message.WebFingerRequest); ok {
			return req
		}
	}
	if s.Response != nil && s.Response.request != nil {
		if req, ok := s.Response.request.message.(*message.WebFingerRequest); ok {
			return req
		}
	}
	return &message.WebFingerRequest{}
}

// issuerRelation is the relation whose link names the issuer: the OpenID one if it
// was asked for, else the first.
func issuerRelation(req *message.WebFingerRequest) string {
	if len(req.Rel) == 0 || contains(req.Rel, message.IssuerRel) {
		return message.IssuerRel
	}
	return req.Rel[0]
}

// followWebFinger turns a redirect into the need for another request. "If the
// WebFinger resource redirects, it MUST only redirect to an "https" URI" (RFC 7033,
// Section 4.2). There is no retry over http.
func followWebFinger(s *Step) (bool, error) {
	resp := s.Response
	switch resp.Status {
	case 301, 302, 303, 307, 308:
	default:
		return false, nil
	}
	locations := headerValues(resp.Header, headerLocation)
	if len(locations) != 1 {
		return false, s.Fail(message.RuleWebFingerHTTPS, "location", message.Excerpt(strings.Join(locations, ", ")), "one address", nil)
	}
	base, err := url.Parse(resp.request.URL)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrArgs, err)
	}
	target, err := base.Parse(locations[0])
	if err != nil {
		return false, s.Fail(message.RuleWebFingerHTTPS, "location", message.Excerpt(locations[0]), "an https URL", nil)
	}
	target.Fragment, target.RawFragment = "", ""
	if err := s.Snapshot.CheckEndpoint("location", target.String()); err != nil {
		return false, s.Fail(message.RuleWebFingerHTTPS, "location", message.Excerpt(locations[0]), "an https URL", err)
	}
	hops := s.Args.redirects
	if len(hops) >= maxRedirects {
		return false, s.Fail(message.RuleWebFingerHTTPS, "location", fmt.Sprintf("%d redirects", len(hops)+1), fmt.Sprintf("at most %d", maxRedirects), nil)
	}
	args := s.Args
	args.Message = askedOf(s)
	args.redirects = append(hops[:len(hops):len(hops)], target.String())
	return false, &NeedError{
		Resend: true, Args: args,
		Err: &message.Violation{Rule: message.RuleWebFingerStatus, Param: "status", Got: fmt.Sprint(resp.Status), Want: "200",
			Err: &message.Violation{Rule: message.RuleTransportRedirect, Param: "location"}},
	}
}

func verifyWebFinger(_ context.Context, s *Step, resp *message.WebFingerResponse) error {
	s.Pass(message.RuleWebFingerHTTPS, "url")
	for i, link := range resp.Links {
		if link.Rel == "" {
			return s.Fail(message.RuleWebFingerJRD, fmt.Sprintf("links[%d].rel", i), "", "a link relation", nil)
		}
	}
	relation := issuerRelation(askedOf(s))
	issuer := issuerLink(resp, relation)
	if issuer == "" {
		return s.Fail(message.RuleWebFingerIssuerLink, "links", "", "a link with the relation "+relation+" and an href", nil)
	}
	s.Pass(message.RuleWebFingerIssuerLink, "links")
	if err := s.Snapshot.CheckIssuerSyntax(issuer); err != nil {
		var v *message.Violation
		want := "an https URL without query and fragment"
		if errors.As(err, &v) {
			want = v.Want
		}
		return s.Fail(message.RuleWebFingerIssuerSyntax, "href", message.Excerpt(issuer), want, err)
	}
	s.Pass(message.RuleWebFingerIssuerSyntax, "href")
	// A service context is one client at one provider. What another host says does
	// not move a registration from one provider to another.
	if known := s.Snapshot.Issuer; known != "" && known != issuer {
		return s.Fail(message.RuleWebFingerIssuerLink, "href", message.Excerpt(issuer), "the issuer of this service context, "+known, nil)
	}
	return nil
}

// issuerLink returns the href of the first link with the relation and an href.
func issuerLink(resp *message.WebFingerResponse, relation string) string {
	for _, link := range resp.Links {
		if link.Rel == relation && link.Href != "" {
			return link.Href
		}
	}
	return ""
}
