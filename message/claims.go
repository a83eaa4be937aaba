package message

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
)

// A ClaimsRequest asks for individual claims (OpenID Connect Core 1.0, Section 5.5).
// As a parameter of a form it is one string of JSON.
type ClaimsRequest struct {
	UserInfo map[string]*ClaimRequest `json:"userinfo,omitempty"`
	IDToken  map[string]*ClaimRequest `json:"id_token,omitempty"`
	Extra    Extra                    `json:"-" url:"-"`
}

// EncodeValues puts the JSON into v.
func (m ClaimsRequest) EncodeValues(key string, v *url.Values) error {
	text, err := EncodeJSON(m)
	if err != nil {
		return err
	}
	v.Set(key, string(text))
	return nil
}

// LogValue shows the message without its secrets.
func (m ClaimsRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m ClaimsRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A ClaimRequest says how a claim is wanted; a nil one asks for it "in the default
// manner", voluntarily (OpenID Connect Core 1.0, Section 5.5.1).
type ClaimRequest struct {
	Essential *bool             `json:"essential,omitempty"`
	Value     json.RawMessage   `json:"value,omitempty"`
	Values    []json.RawMessage `json:"values,omitempty"`
	Extra     Extra             `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m ClaimRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m ClaimRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// StandardClaims are the claims about a user (OpenID Connect Core 1.0, Section 5.1).
// They stand in UserInfo responses and ID Tokens. A claim in a language (name#ja) is
// in the message's Extra, see [Extra.Tagged].
type StandardClaims struct {
	Name                string   `json:"name,omitempty"`
	GivenName           string   `json:"given_name,omitempty"`
	FamilyName          string   `json:"family_name,omitempty"`
	MiddleName          string   `json:"middle_name,omitempty"`
	Nickname            string   `json:"nickname,omitempty"`
	PreferredUsername   string   `json:"preferred_username,omitempty"`
	Profile             string   `json:"profile,omitempty"`
	Picture             string   `json:"picture,omitempty"`
	Website             string   `json:"website,omitempty"`
	Email               string   `json:"email,omitempty"`
	EmailVerified       *bool    `json:"email_verified,omitempty"`
	Gender              string   `json:"gender,omitempty"`
	Birthdate           string   `json:"birthdate,omitempty"`
	ZoneInfo            string   `json:"zoneinfo,omitempty"`
	Locale              string   `json:"locale,omitempty"`
	PhoneNumber         string   `json:"phone_number,omitempty"`
	PhoneNumberVerified *bool    `json:"phone_number_verified,omitempty"`
	Address             *Address `json:"address,omitempty"`
	UpdatedAt           Time     `json:"updated_at,omitzero"`
}

// An Address is the value of the address claim (OpenID Connect Core 1.0, Section 5.1.1).
type Address struct {
	Formatted     string `json:"formatted,omitempty"`
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
	Extra         Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m Address) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m Address) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A ClaimSource is where aggregated or distributed claims are (OpenID Connect Core
// 1.0, Section 5.6.2).
type ClaimSource struct {
	JWT         Secret `json:"JWT,omitempty"`      // aggregated
	Endpoint    string `json:"endpoint,omitempty"` // distributed
	AccessToken Secret `json:"access_token,omitempty"`
	Extra       Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m ClaimSource) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m ClaimSource) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A Confirmation names the key that a token is bound to (RFC 7800, Section 3.1; RFC
// 8705, Section 3.1; RFC 9449, Section 6.1).
type Confirmation struct {
	JWKThumbprint  string          `json:"jkt,omitempty"`
	X509Thumbprint string          `json:"x5t#S256,omitempty"`
	JWK            json.RawMessage `json:"jwk,omitempty"`
	Extra          Extra           `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m Confirmation) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m Confirmation) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// An Actor is who acts for the subject of a token (RFC 8693, Section 4.1).
type Actor struct {
	Issuer  string `json:"iss,omitempty"`
	Subject string `json:"sub,omitempty"`
	Actor   *Actor `json:"act,omitempty"`
	Extra   Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m Actor) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m Actor) Format(s fmt.State, verb rune) { Format(s, verb, m) }
