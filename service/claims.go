package service

import (
	"encoding/json"

	"github.com/oidcservice/oidc/message"
)

// essential reports whether a claim was asked for as essential (Core, Section 5.5.1).
func essential(wish *message.ClaimRequest) bool {
	return wish != nil && wish.Essential != nil && *wish.Essential
}

// allowedValues returns the strings that a claim was asked to have, none if any
// will do. Values of other types are not compared.
func allowedValues(wish *message.ClaimRequest) []string {
	if wish == nil {
		return nil
	}
	raws := wish.Values
	if wish.Value != nil {
		raws = append([]json.RawMessage{wish.Value}, raws...)
	}
	var values []string
	for _, raw := range raws {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			values = append(values, text)
		}
	}
	return values
}

// claimNames returns the names of the claims that are there.
func claimNames(m message.Message) map[string]bool {
	present := map[string]bool{}
	encoded, err := message.EncodeJSON(m)
	if err != nil {
		return present
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(encoded, &members) == nil {
		for name := range members {
			present[name] = true
		}
	}
	return present
}
