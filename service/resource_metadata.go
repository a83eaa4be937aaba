package service

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/oidcservice/oidc/message"
)

// A ResourceMetadataRequest asks a protected resource to describe itself.
type ResourceMetadataRequest struct {
	Resource string        `json:"resource,omitempty"` // the URL that was asked
	Address  string        `json:"address,omitempty"`  // the challenge's resource_metadata; the well-known address if empty
	Extra    message.Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m ResourceMetadataRequest) LogValue() slog.Value { return message.LogValue(m) }

// Format shows the message without its secrets.
func (m ResourceMetadataRequest) Format(s fmt.State, verb rune) { message.Format(s, verb, m) }

// NewResourceMetadata makes the resource_metadata service: it fetches what a protected
// resource says about itself, from where its challenge points or from the well-known
// address (RFC 9728, Sections 3 and 5.1). Nothing is committed: whether the
// authorization servers that it names are to be trusted is the caller's to decide.
func NewResourceMetadata(env Env) Service {
	return Definition[ResourceMetadataRequest, message.ResourceMetadata]{
		Name:     ResourceMetadataName,
		Request:  None,
		Response: JSON,
		Answer:   Answer{StatusRule: message.RuleChallengeResource, NoErrors: true},
		Endpoint: func(_ *Step, req *ResourceMetadataRequest) string {
			if req.Address != "" {
				return req.Address
			}
			return message.WellKnown(req.Resource, message.ProtectedResourcePath)
		},
		Complete: func(_ context.Context, s *Step, req *ResourceMetadataRequest) error {
			if req.Resource == "" {
				return fmt.Errorf("%w: a resource without a URL", ErrArgs)
			}
			return checkEndpoint(s, req.Resource)
		},
		Verify: func(_ context.Context, s *Step, resp *message.ResourceMetadata) error {
			asked, ok := s.Response.request.message.(*ResourceMetadataRequest)
			if !ok {
				return fmt.Errorf("%w: this request", ErrForeign)
			}
			// "The resource value contained in the response MUST be identical to the URL
			// that the client used to make the request" (RFC 9728, Section 3.3).
			return s.Require(resp.Resource == asked.Resource, message.RuleChallengeResource, "resource", message.Excerpt(resp.Resource), asked.Resource)
		},
	}.New(env)
}
