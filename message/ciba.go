package message

import (
	"fmt"
	"log/slog"
)

// The values of backchannel_token_delivery_mode (CIBA Core 1.0, Section 5).
const (
	DeliveryModePoll = "poll"
	DeliveryModePing = "ping"
	DeliveryModePush = "push"
)

// A BackchannelAuthenticationRequest asks that a user be authenticated on another
// device (CIBA Core 1.0, Section 7.1). Signed, its parameters are inside request.
type BackchannelAuthenticationRequest struct {
	Scope                   List     `json:"scope,omitempty" url:"scope,omitempty,space"`
	ClientNotificationToken Secret   `json:"client_notification_token,omitempty" url:"client_notification_token,omitempty"`
	ACRValues               List     `json:"acr_values,omitempty" url:"acr_values,omitempty,space"`
	LoginHintToken          Secret   `json:"login_hint_token,omitempty" url:"login_hint_token,omitempty"`
	IDTokenHint             Secret   `json:"id_token_hint,omitempty" url:"id_token_hint,omitempty"`
	LoginHint               string   `json:"login_hint,omitempty" url:"login_hint,omitempty"`
	BindingMessage          string   `json:"binding_message,omitempty" url:"binding_message,omitempty"`
	UserCode                Secret   `json:"user_code,omitempty" url:"user_code,omitempty"` // known to the user alone
	RequestedExpiry         *int64   `json:"requested_expiry,omitempty" url:"requested_expiry,omitempty" accept:"quoted"`
	Resource                Audience `json:"resource,omitempty" url:"resource,omitempty"`
	AuthorizationDetails    RawJSON  `json:"authorization_details,omitempty" url:"authorization_details,omitempty"`
	Request                 Secret   `json:"request,omitempty" url:"request,omitempty"`
	ClientID                string   `json:"client_id,omitempty" url:"client_id,omitempty"`
	ClientSecret            Secret   `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion         Secret   `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType     string   `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra                   Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m BackchannelAuthenticationRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m BackchannelAuthenticationRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// An ApprovalsRequest is a user's visit to the page with what clients ask the user by
// BackchannelAuthenticationRequest.
type ApprovalsRequest struct {
	UILocales List  `json:"ui_locales,omitempty" url:"ui_locales,omitempty,space"`
	Extra     Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m ApprovalsRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m ApprovalsRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A BackchannelRequestObject is the payload of a signed authentication request (CIBA
// Core 1.0, Section 7.1.1).
type BackchannelRequestObject struct {
	Issuer     string   `json:"iss,omitempty"`
	Audience   Audience `json:"aud,omitempty"`
	Expiration Time     `json:"exp,omitzero"`
	NotBefore  Time     `json:"nbf,omitzero"`
	IssuedAt   Time     `json:"iat,omitzero"`
	JWTID      string   `json:"jti,omitempty"`
	BackchannelAuthenticationRequest
}

// LogValue shows the message without its secrets.
func (m BackchannelRequestObject) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m BackchannelRequestObject) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A BackchannelAuthenticationResponse acknowledges the request (CIBA Core 1.0, Section
// 7.3).
type BackchannelAuthenticationResponse struct {
	AuthReqID Secret `json:"auth_req_id,omitempty"`
	ExpiresIn *int64 `json:"expires_in,omitempty"`
	Interval  *int64 `json:"interval,omitempty"` // seconds; 5 if absent
	Extra     Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m BackchannelAuthenticationResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m BackchannelAuthenticationResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A BackchannelTokenRequest asks for the result (CIBA Core 1.0, Section 10.1). The
// answer is an [AccessTokenResponse].
type BackchannelTokenRequest struct {
	GrantType           string   `json:"grant_type,omitempty" url:"grant_type,omitempty"`
	AuthReqID           Secret   `json:"auth_req_id,omitempty" url:"auth_req_id,omitempty"`
	ClientID            string   `json:"client_id,omitempty" url:"client_id,omitempty"`
	Resource            Audience `json:"resource,omitempty" url:"resource,omitempty"`
	ClientSecret        Secret   `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion     Secret   `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType string   `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra               Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m BackchannelTokenRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m BackchannelTokenRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A BackchannelNotification is what the provider brings to the client: in ping mode
// only auth_req_id, in push mode the tokens or an error as well (CIBA Core 1.0,
// Sections 10.2, 10.3 and 12).
type BackchannelNotification struct {
	AuthReqID        Secret    `json:"auth_req_id,omitempty"`
	Error            ErrorCode `json:"error,omitempty"`
	ErrorDescription string    `json:"error_description,omitempty"`
	ErrorURI         string    `json:"error_uri,omitempty"`
	AccessTokenResponse
}

// Declared returns the error that was pushed, or nil.
func (m BackchannelNotification) Declared() *Error {
	if m.Error == "" {
		return nil
	}
	return &Error{Code: m.Error, Description: m.ErrorDescription, URI: m.ErrorURI}
}

// LogValue shows the message without its secrets.
func (m BackchannelNotification) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m BackchannelNotification) Format(s fmt.State, verb rune) { Format(s, verb, m) }
