package endpoint

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/oidcservice/oidc/message"
)

// A DetailCheck judges one authorization details object of a type (RFC 9396, Section 2).
// The error is for the operator; the client is told that the details are invalid.
type DetailCheck func(detail json.RawMessage) error

// maxDetails bounds the objects of one request.
const maxDetails = 20

// checkAuthorizationDetails: RFC 9396, Section 5: "The AS MUST refuse to process any
// unknown authorization details type or authorization details not conforming to the
// respective type definition."
func checkAuthorizationDetails(_ context.Context, s *Step, a *authorization) error {
	return s.checkDetails(a.client, a.req.AuthorizationDetails)
}

func (s *Step) checkDetails(client *Client, raw message.RawJSON) error {
	if len(raw) == 0 {
		return nil
	}
	refusal := refuseAuthz(message.InvalidAuthorizationDetails, message.RuleOPAuthzRAR, "authorization_details")
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 || len(list) > maxDetails {
		return refusal.Because("", "an array of objects", err)
	}
	for _, detail := range list {
		var typed struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(detail, &typed); err != nil {
			return refusal.Because("", "an object with a type", err)
		}
		check, known := s.Context.policy.AuthorizationDetails[typed.Type]
		registered := client.Metadata.AuthorizationDetailsTypes
		if !known || registered != nil && !slices.Contains(registered, typed.Type) {
			return refusal.Because("", "a type that is known", nil)
		}
		if check == nil {
			continue
		}
		if err := check(detail); err != nil {
			return refusal.Because("", "details as their type says", err)
		}
	}
	return nil
}

// detailTypes are the types that are known.
func (c *Context) detailTypes() []string {
	return slices.Sorted(maps.Keys(c.policy.AuthorizationDetails))
}
