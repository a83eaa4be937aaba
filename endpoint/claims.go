package endpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// scopeClaims are the claims of the standard scopes (Core, Section 5.4).
var scopeClaims = map[string][]string{
	message.ScopeProfile: {
		"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
		"picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	},
	message.ScopeEmail:   {"email", "email_verified"},
	message.ScopeAddress: {"address"},
	message.ScopePhone:   {"phone_number", "phone_number_verified"},
}

// protocolClaims are never taken from a user's claims: they are the token's own.
var protocolClaims = []string{
	"iss", "sub", "aud", "exp", "iat", "nbf", "auth_time", "nonce", "acr", "amr", "azp", "jti",
	"at_hash", "c_hash", "s_hash", "sid", "cnf", "act", "scope", "client_id", "events",
	"_claim_names", "_claim_sources",
}

// scopes are the scopes that are known, in order.
func (c *Context) scopes() []string { return c.offered.scopes }

func (c *Context) listScopes() []string {
	all := []string{
		message.ScopeOpenID, message.ScopeProfile, message.ScopeEmail, message.ScopeAddress,
		message.ScopePhone,
	}
	if slices.Contains(c.policy.GrantTypes, message.GrantTypeRefreshToken) {
		all = append(all, message.ScopeOfflineAccess)
	}
	return append(all, c.policy.Scopes...)
}

// claimsOfScope are the claims that a scope asks for.
func (c *Context) claimsOfScope(scope string) []string {
	if own, ok := c.policy.ScopeClaims[scope]; ok {
		return own
	}
	return scopeClaims[scope]
}

// claims are the claims that can be had, sorted: the protocol's own, then those of the scopes.
func (c *Context) claims() []string { return c.offered.claims }

func (c *Context) listClaims() []string {
	all := []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "sid"}
	seen := map[string]bool{}
	for _, scope := range c.scopes() {
		for _, name := range c.claimsOfScope(scope) {
			seen[name] = true
		}
	}
	return append(all, slices.Sorted(maps.Keys(seen))...)
}

// requested are the names of individually requested claims about the user, sorted and each
// once. Unknown ones are ignored (Core, Section 5.5).
func (c *Context) requested(r *message.ClaimsRequest) []string {
	if r == nil {
		return nil
	}
	known := c.claims()
	seen := map[string]bool{}
	for _, member := range []map[string]*message.ClaimRequest{r.UserInfo, r.IDToken} {
		for name := range member {
			base, _, _ := strings.Cut(name, "#")
			if slices.Contains(known, base) && !slices.Contains(protocolClaims, base) {
				seen[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// userClaims selects claims of a user: those of the scopes if scope is not nil, and those
// requested. Core, Section 5.3.2: what is not there is left out, never null.
func (c *Context) userClaims(user User, scope message.List, requested map[string]*message.ClaimRequest) map[string]any {
	want := map[string]bool{}
	for _, s := range scope {
		for _, name := range c.claimsOfScope(s) {
			want[name] = true
		}
	}
	for name := range requested {
		// One that no scope has is unknown: no consent page showed it.
		if base, _, _ := strings.Cut(name, "#"); slices.Contains(c.claims(), base) {
			want[name] = true
		}
	}
	selected := map[string]any{}
	for name, value := range user.Claims {
		base, _, tagged := strings.Cut(name, "#")
		if value == nil || value == "" || slices.Contains(protocolClaims, base) {
			continue
		}
		// Core, Section 5.2: a claim may be there in several languages.
		if want[name] || tagged && want[base] {
			selected[name] = value
		}
	}
	return selected
}

// addClaims encodes a message and adds claims to it, sorted by name. A name that is there
// already is left alone.
func addClaims(m any, claims map[string]any) ([]byte, error) {
	payload, err := message.EncodeJSON(m)
	if err != nil || len(claims) == 0 {
		return payload, err
	}
	var there map[string]json.RawMessage
	if err := json.Unmarshal(payload, &there); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(payload, []byte("}")))
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if _, taken := there[name]; taken {
			continue
		}
		value, err := json.Marshal(claims[name])
		if err != nil {
			return nil, fmt.Errorf("endpoint: claim %s: %w", known(name), err)
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// essential reports whether a claim was requested as essential.
func essential(member map[string]*message.ClaimRequest, name string) bool {
	r := member[name]
	return r != nil && r.Essential != nil && *r.Essential
}

// wanted are the values that a requested claim may have, nil for any.
func wanted(member map[string]*message.ClaimRequest, name string) []string {
	r := member[name]
	if r == nil {
		return nil
	}
	var values []string
	for _, raw := range append(slices.Clone(r.Values), r.Value) {
		var v string
		if len(raw) > 0 && json.Unmarshal(raw, &v) == nil {
			values = append(values, v)
		}
	}
	return values
}
