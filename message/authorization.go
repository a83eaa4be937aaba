package message

import (
	"fmt"
	"log/slog"
)

// A ResponseMode says how an authorization response travels (OAuth 2.0 Multiple
// Response Type Encoding Practices, Section 2.1).
type ResponseMode string

// The response modes (OAuth 2.0 Multiple Response Type Encoding Practices, Section
// 2.1; OAuth 2.0 Form Post Response Mode, Section 2; JWT Secured Authorization
// Response Mode, Section 2.3).
const (
	ResponseModeQuery       ResponseMode = "query"
	ResponseModeFragment    ResponseMode = "fragment"
	ResponseModeFormPost    ResponseMode = "form_post"
	ResponseModeJWT         ResponseMode = "jwt"
	ResponseModeQueryJWT    ResponseMode = "query.jwt"
	ResponseModeFragmentJWT ResponseMode = "fragment.jwt"
	ResponseModeFormPostJWT ResponseMode = "form_post.jwt"
)

// The response types, as they are usually spelt; compare them as sets, with
// [List.Equal] (OpenID Connect Core 1.0, Section 3; OAuth 2.0 Multiple Response Type
// Encoding Practices, Sections 3 to 5).
const (
	ResponseTypeCode             = "code"
	ResponseTypeIDToken          = "id_token"
	ResponseTypeIDTokenToken     = "id_token token"
	ResponseTypeCodeIDToken      = "code id_token"
	ResponseTypeCodeToken        = "code token"
	ResponseTypeCodeIDTokenToken = "code id_token token"
	ResponseTypeToken            = "token"
	ResponseTypeNone             = "none"
)

// The scopes that the specifications define (OpenID Connect Core 1.0, Sections 3.1.2.1,
// 5.4 and 11).
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeAddress       = "address"
	ScopePhone         = "phone"
	ScopeOfflineAccess = "offline_access"
)

// The values of prompt (OpenID Connect Core 1.0, Section 3.1.2.1; Initiating User
// Registration via OpenID Connect 1.0).
const (
	PromptNone          = "none"
	PromptLogin         = "login"
	PromptConsent       = "consent"
	PromptSelectAccount = "select_account"
	PromptCreate        = "create"
)

// The values of display (OpenID Connect Core 1.0, Section 3.1.2.1).
const (
	DisplayPage  = "page"
	DisplayPopup = "popup"
	DisplayTouch = "touch"
	DisplayWAP   = "wap"
)

// The values of code_challenge_method (RFC 7636, Section 4.3).
const (
	CodeChallengeMethodS256  = "S256"
	CodeChallengeMethodPlain = "plain"
)

// An AuthorizationRequest asks for the user's authentication and authorization
// (OpenID Connect Core 1.0, Section 3.1.2.1; RFC 6749, Section 4.1.1).
type AuthorizationRequest struct {
	Scope        List         `json:"scope,omitempty" url:"scope,omitempty,space"`
	ResponseType List         `json:"response_type,omitempty" url:"response_type,omitempty,space"`
	ClientID     string       `json:"client_id,omitempty" url:"client_id,omitempty"`
	RedirectURI  string       `json:"redirect_uri,omitempty" url:"redirect_uri,omitempty"`
	State        string       `json:"state,omitempty" url:"state,omitempty"`
	ResponseMode ResponseMode `json:"response_mode,omitempty" url:"response_mode,omitempty"`
	Nonce        string       `json:"nonce,omitempty" url:"nonce,omitempty"`
	Display      string       `json:"display,omitempty" url:"display,omitempty"`
	Prompt       List         `json:"prompt,omitempty" url:"prompt,omitempty,space"`
	MaxAge       *int         `json:"max_age,omitempty" url:"max_age,omitempty"`
	UILocales    List         `json:"ui_locales,omitempty" url:"ui_locales,omitempty,space"`
	IDTokenHint  Secret       `json:"id_token_hint,omitempty" url:"id_token_hint,omitempty"`
	LoginHint    string       `json:"login_hint,omitempty" url:"login_hint,omitempty"`
	ACRValues    List         `json:"acr_values,omitempty" url:"acr_values,omitempty,space"`

	// OpenID Connect Core 1.0, Sections 5.2, 5.5, 6 and 7.2.1.
	ClaimsLocales List           `json:"claims_locales,omitempty" url:"claims_locales,omitempty,space"`
	Claims        *ClaimsRequest `json:"claims,omitempty" url:"claims,omitempty"`
	Registration  RawJSON        `json:"registration,omitempty" url:"registration,omitempty"`
	Request       Secret         `json:"request,omitempty" url:"request,omitempty"`
	RequestURI    string         `json:"request_uri,omitempty" url:"request_uri,omitempty"`

	CodeChallenge        string   `json:"code_challenge,omitempty" url:"code_challenge,omitempty"`               // RFC 7636, Section 4.3
	CodeChallengeMethod  string   `json:"code_challenge_method,omitempty" url:"code_challenge_method,omitempty"` // RFC 7636, Section 4.3
	Resource             Audience `json:"resource,omitempty" url:"resource,omitempty"`                           // RFC 8707, Section 2
	AuthorizationDetails RawJSON  `json:"authorization_details,omitempty" url:"authorization_details,omitempty"` // RFC 9396, Section 2
	DPoPJKT              string   `json:"dpop_jkt,omitempty" url:"dpop_jkt,omitempty"`                           // RFC 9449, Section 10

	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m AuthorizationRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m AuthorizationRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// An AuthorizationResponse is what the browser brings to the redirect URI, a success
// or an error (OpenID Connect Core 1.0, Sections 3.1.2.5, 3.1.2.6, 3.2.2.5 and 3.3.2.5).
type AuthorizationResponse struct {
	Code         Secret `json:"code,omitempty" url:"code,omitempty"`
	State        string `json:"state,omitempty" url:"state,omitempty"`
	Issuer       string `json:"iss,omitempty" url:"iss,omitempty"` // RFC 9207, Section 2
	AccessToken  Secret `json:"access_token,omitempty" url:"access_token,omitempty"`
	TokenType    string `json:"token_type,omitempty" url:"token_type,omitempty"`
	ExpiresIn    *int64 `json:"expires_in,omitempty" url:"expires_in,omitempty" accept:"quoted"` // JARM quotes it in its examples
	Scope        List   `json:"scope,omitempty" url:"scope,omitempty,space"`
	IDToken      Secret `json:"id_token,omitempty" url:"id_token,omitempty"`
	SessionState string `json:"session_state,omitempty" url:"session_state,omitempty"` // Session Management 1.0, Section 2
	ClientID     string `json:"client_id,omitempty" url:"client_id,omitempty"`         // of an abandoned draft, still sent by some
	Response     Secret `json:"response,omitempty" url:"response,omitempty"`           // JWT Secured Authorization Response Mode, Section 2.3

	Error            ErrorCode `json:"error,omitempty" url:"error,omitempty"`
	ErrorDescription string    `json:"error_description,omitempty" url:"error_description,omitempty"`
	ErrorURI         string    `json:"error_uri,omitempty" url:"error_uri,omitempty"`

	Extra Extra `json:"-" url:"-"`
}

// Declared returns the error that the response declares, or nil. It is worth nothing
// before state, binding and issuer are verified.
func (m AuthorizationResponse) Declared() *Error {
	if m.Error == "" {
		return nil
	}
	return &Error{Code: m.Error, Description: m.ErrorDescription, URI: m.ErrorURI}
}

// LogValue shows the message without its secrets.
func (m AuthorizationResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m AuthorizationResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// An InitiateLoginRequest is a third party's wish that we begin a login (OpenID
// Connect Core 1.0, Section 4).
type InitiateLoginRequest struct {
	Issuer        string `json:"iss,omitempty" url:"iss,omitempty"`
	LoginHint     string `json:"login_hint,omitempty" url:"login_hint,omitempty"`
	TargetLinkURI string `json:"target_link_uri,omitempty" url:"target_link_uri,omitempty"`
	Extra         Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m InitiateLoginRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m InitiateLoginRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// An ErrorResponse is an error object of the back channel (RFC 6749, Section 5.2).
type ErrorResponse struct {
	Error            ErrorCode `json:"error,omitempty" url:"error,omitempty"`
	ErrorDescription string    `json:"error_description,omitempty" url:"error_description,omitempty"`
	ErrorURI         string    `json:"error_uri,omitempty" url:"error_uri,omitempty"`
	Extra            Extra     `json:"-" url:"-"`
}

// Declared returns the error that came with the HTTP status, or nil if there is none.
func (m ErrorResponse) Declared(status int) *Error {
	if m.Error == "" {
		return nil
	}
	return &Error{Code: m.Error, Description: m.ErrorDescription, URI: m.ErrorURI, Status: status}
}

// LogValue shows the message without its secrets.
func (m ErrorResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m ErrorResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }
