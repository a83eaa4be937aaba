package resource

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
)

// A Demand is what an operation of the API asks of a token, beyond that it is good.
type Demand struct {
	// Scope are the scopes that are needed, all of them.
	Scope message.List
	// ACRValues are the authentication contexts of which one is needed, best first.
	ACRValues []string
	// MaxAge is how long ago the user may have been authenticated, at most; in whole
	// seconds. Zero means any time.
	MaxAge time.Duration
}

// meets judges the token by the demand.
func (a *API) meets(t *Token, d Demand) error {
	for _, word := range d.Scope {
		if t.Scope.Has(word) {
			continue
		}
		r := a.refuse(t.Type, 403, message.InsufficientScope, violation(message.RuleRSScope, "scope", clip(t.Scope.String()), d.Scope.String(), nil))
		// "MAY include the "scope" attribute with the scope necessary to access the
		// protected resource" (RFC 6750, Section 3.1).
		r.with("scope", d.Scope.String())
		return r
	}
	if v := a.authenticated(t, d); v != nil {
		r := a.refuse(t.Type, 401, message.InsufficientUserAuthentication, v)
		r.with("acr_values", strings.Join(d.ACRValues, " "))
		if d.MaxAge > 0 {
			r.with("max_age", strconv.FormatInt(int64(d.MaxAge/time.Second), 10))
		}
		return r
	}
	return nil
}

// authenticated judges how and when the user was authenticated. A token that does not say
// does not meet a demand (RFC 9470, Section 5).
func (a *API) authenticated(t *Token, d Demand) *message.Violation {
	if len(d.ACRValues) > 0 && !slices.Contains(d.ACRValues, t.ACR) {
		return violation(message.RuleRSStepUp, "acr", clip(t.ACR), strings.Join(d.ACRValues, " or "), nil)
	}
	if d.MaxAge > 0 {
		age := float64(a.c.Now().Unix()) - t.AuthTime.Float()
		if !t.AuthTime.Present() || age > d.MaxAge.Seconds()+a.c.Leeway.Seconds() {
			return violation(message.RuleRSStepUp, "auth_time", t.AuthTime.String(), "at most "+d.MaxAge.String()+" ago", nil)
		}
	}
	return nil
}
