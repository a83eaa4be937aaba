package message

import (
	"fmt"
	"log/slog"
)

// A DeviceAuthorizationRequest begins a login on a device without a browser (RFC 8628,
// Section 3.1).
type DeviceAuthorizationRequest struct {
	ClientID             string   `json:"client_id,omitempty" url:"client_id,omitempty"`
	Scope                List     `json:"scope,omitempty" url:"scope,omitempty,space"`
	Resource             Audience `json:"resource,omitempty" url:"resource,omitempty"`
	AuthorizationDetails RawJSON  `json:"authorization_details,omitempty" url:"authorization_details,omitempty"`
	ACRValues            List     `json:"acr_values,omitempty" url:"acr_values,omitempty,space"`
	ClientSecret         Secret   `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion      Secret   `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType  string   `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra                Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m DeviceAuthorizationRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m DeviceAuthorizationRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A DeviceAuthorizationResponse says what to show to the user (RFC 8628, Section 3.2).
// The user code is for the user's eyes, the device code for nobody's.
type DeviceAuthorizationResponse struct {
	DeviceCode              Secret `json:"device_code,omitempty"`
	UserCode                string `json:"user_code,omitempty"`
	VerificationURI         string `json:"verification_uri,omitempty"`
	VerificationURIComplete string `json:"verification_uri_complete,omitempty"`
	ExpiresIn               *int64 `json:"expires_in,omitempty"`
	Interval                *int64 `json:"interval,omitempty"` // seconds; 5 if absent
	Extra                   Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m DeviceAuthorizationResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m DeviceAuthorizationResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A DeviceTokenRequest asks whether the user has decided (RFC 8628, Section 3.4). The
// answer is an [AccessTokenResponse].
type DeviceTokenRequest struct {
	GrantType           string   `json:"grant_type,omitempty" url:"grant_type,omitempty"`
	DeviceCode          Secret   `json:"device_code,omitempty" url:"device_code,omitempty"`
	ClientID            string   `json:"client_id,omitempty" url:"client_id,omitempty"`
	Resource            Audience `json:"resource,omitempty" url:"resource,omitempty"`
	ClientSecret        Secret   `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion     Secret   `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType string   `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra               Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m DeviceTokenRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m DeviceTokenRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A DeviceVerificationRequest is the user's visit to the verification page (RFC 8628,
// Section 3.3).
type DeviceVerificationRequest struct {
	UserCode string `json:"user_code,omitempty" url:"user_code,omitempty"`
	Extra    Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m DeviceVerificationRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m DeviceVerificationRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }
