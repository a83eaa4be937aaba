package service

import (
	"strconv"

	"github.com/oidcservice/oidc/message"
)

// StepUp returns the authorization request that an insufficient_user_authentication
// challenge asks for, with the acr_values and the max_age that it names (RFC 9470,
// Section 4). It reports false for every other challenge.
func (e *ChallengeError) StepUp() (message.AuthorizationRequest, bool) {
	if e.Err == nil || e.Err.Code != message.InsufficientUserAuthentication {
		return message.AuthorizationRequest{}, false
	}
	return stepUp(e.Challenge), true
}

// StepUp is [ChallengeError.StepUp] for whoever parsed the challenge.
func StepUp(c message.Challenge) (message.AuthorizationRequest, bool) {
	if c.Params["error"] != string(message.InsufficientUserAuthentication) {
		return message.AuthorizationRequest{}, false
	}
	return stepUp(c), true
}

func stepUp(c message.Challenge) message.AuthorizationRequest {
	req := message.AuthorizationRequest{ACRValues: message.ParseList(c.Params["acr_values"])}
	if age, err := strconv.Atoi(c.Params["max_age"]); err == nil && age >= 0 {
		req.MaxAge = &age
	}
	return req
}
