package servicecontext

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// Compat are the named departures from the default behaviour, each for peers
// that need it. The zero value departs from nothing. A name that begins with
// Insecure gives protection away; its comment says when that is safe.
type Compat struct {
	// Quirks are the faults of known providers in the JSON that they send.
	message.Quirks

	// SendStateToTokenEndpoint adds state and client_id to the body of a token
	// request, as oidcservice did in 2018. The code in the same body is worth more
	// than either.
	SendStateToTokenEndpoint bool `json:"send_state_to_token_endpoint,omitempty"`

	// AssertionAudienceTokenEndpoint addresses client assertions to the token
	// endpoint instead of the issuer, for providers that read RFC 7523, Section 3,
	// in the old way.
	AssertionAudienceTokenEndpoint bool `json:"assertion_audience_token_endpoint,omitempty"`

	// RegistrationStatus200 accepts a registration answered with status 200
	// instead of 201.
	RegistrationStatus200 bool `json:"registration_status_200,omitempty"`

	// LogoutTokenWithoutExp accepts logout tokens of providers older than errata
	// set 1 of Back-Channel Logout 1.0, which do not expire.
	LogoutTokenWithoutExp bool `json:"logout_token_without_exp,omitempty"`

	// LogoutTokenTypedJWT accepts logout tokens whose typ is JWT, which every other
	// JWT may have as well. The recommended one is logout+jwt (Back-Channel Logout
	// 1.0, Section 2.4).
	LogoutTokenTypedJWT bool `json:"logout_token_typed_jwt,omitempty"`

	// AllowFrontChannelAccessToken admits response types that return an access
	// token from the authorization endpoint (RFC 9700, Section 2.1.2, advises
	// against them).
	AllowFrontChannelAccessToken bool `json:"allow_front_channel_access_token,omitempty"`

	// AllowRSA15 admits RSA1_5 for decryption, where it was registered.
	AllowRSA15 bool `json:"allow_rsa1_5,omitempty"`

	// AmbiguousKeyTrial tries each of a few keys that fit a token equally well,
	// for providers that publish several keys without kid (Core, Section 10.1).
	AmbiguousKeyTrial bool `json:"ambiguous_key_trial,omitempty"`

	// IssuerInIDToken admits an authorization response without iss from a provider that
	// announces the parameter, if an ID Token comes in it: its iss is compared before
	// anything is believed, which is the defence of RFC 9207, Section 4. npm's
	// oidc-provider (as of 9.13.3) answers so, where the text says "clients MUST reject
	// authorization responses without the iss parameter" (Section 2.4).
	IssuerInIDToken bool `json:"issuer_in_id_token,omitempty"`

	// InsecureSkipPKCE leaves the code challenge out of authorization requests. It
	// is safe for a confidential client at a provider that binds the nonce, and
	// meant for providers that refuse the parameter (RFC 9700, Section 2.1.1).
	InsecureSkipPKCE bool `json:"insecure_skip_pkce,omitempty"`

	// InsecureIssuerTemplate is the templated issuer that the provider's metadata
	// carries, such as https://login.example/{tenantid}/v2.0. The metadata is then
	// compared with the template instead of the issuer. It is safe only where
	// every tenant is trusted alike.
	InsecureIssuerTemplate string `json:"insecure_issuer_template,omitempty"`
}

// UnmarshalJSON reads the object `allow` of a configuration; an unknown name is
// an error that lists the known ones.
func (c *Compat) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	var next Compat
	v := reflect.ValueOf(&next).Elem()
	known := map[string][]int{}
	var names []string
	for _, field := range reflect.VisibleFields(v.Type()) {
		if field.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		known[name] = field.Index
		names = append(names, name)
	}
	for name, raw := range members {
		index, ok := known[name]
		if !ok {
			return unknown("member", name, names)
		}
		if err := json.Unmarshal(raw, v.FieldByIndex(index).Addr().Interface()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	*c = next
	return nil
}

// jsonNames returns the names of the members of a struct that into points to.
func jsonNames(into any) map[string]bool {
	t := reflect.TypeOf(into).Elem()
	names := make(map[string]bool, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}
