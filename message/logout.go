package message

import (
	"fmt"
	"log/slog"
)

// BackchannelLogoutEvent is the member of events that makes a JWT a logout token
// (OpenID Connect Back-Channel Logout 1.0, Section 2.4).
const BackchannelLogoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// LogoutTokenType is the typ of a logout token (OpenID Connect Back-Channel Logout
// 1.0, Section 2.4).
const LogoutTokenType = "logout+jwt"

// An EndSessionRequest asks the provider to log the user out (OpenID Connect
// RP-Initiated Logout 1.0, Section 2).
type EndSessionRequest struct {
	IDTokenHint           Secret `json:"id_token_hint,omitempty" url:"id_token_hint,omitempty"`
	LogoutHint            string `json:"logout_hint,omitempty" url:"logout_hint,omitempty"`
	ClientID              string `json:"client_id,omitempty" url:"client_id,omitempty"`
	PostLogoutRedirectURI string `json:"post_logout_redirect_uri,omitempty" url:"post_logout_redirect_uri,omitempty"`
	State                 string `json:"state,omitempty" url:"state,omitempty"`
	UILocales             List   `json:"ui_locales,omitempty" url:"ui_locales,omitempty,space"`
	Extra                 Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m EndSessionRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m EndSessionRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// An EndSessionResponse is what the browser brings back from the provider (OpenID
// Connect RP-Initiated Logout 1.0, Section 3).
type EndSessionResponse struct {
	State string `json:"state,omitempty" url:"state,omitempty"`
	Extra Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m EndSessionResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m EndSessionResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A FrontchannelLogoutRequest is the provider's frame in the user's browser (OpenID
// Connect Front-Channel Logout 1.0, Section 2).
type FrontchannelLogoutRequest struct {
	Issuer    string `json:"iss,omitempty" url:"iss,omitempty"`
	SessionID string `json:"sid,omitempty" url:"sid,omitempty"`
	Extra     Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m FrontchannelLogoutRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m FrontchannelLogoutRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A BackchannelLogoutRequest brings a logout token (OpenID Connect Back-Channel Logout
// 1.0, Section 2.5).
type BackchannelLogoutRequest struct {
	LogoutToken Secret `json:"logout_token,omitempty" url:"logout_token,omitempty"`
	Extra       Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m BackchannelLogoutRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m BackchannelLogoutRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A LogoutToken is the payload of a logout token (OpenID Connect Back-Channel Logout
// 1.0, Section 2.4).
type LogoutToken struct {
	Issuer     string             `json:"iss,omitempty"`
	Subject    string             `json:"sub,omitempty"`
	Audience   Audience           `json:"aud,omitempty"`
	IssuedAt   Time               `json:"iat,omitzero"`
	Expiration Time               `json:"exp,omitzero"`
	NotBefore  Time               `json:"nbf,omitzero"`
	JWTID      string             `json:"jti,omitempty"`
	Events     map[string]RawJSON `json:"events,omitempty"`
	SessionID  string             `json:"sid,omitempty"`
	Nonce      RawJSON            `json:"nonce,omitempty"` // prohibited, whatever it is
	Extra      Extra              `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m LogoutToken) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m LogoutToken) Format(s fmt.State, verb rune) { Format(s, verb, m) }
