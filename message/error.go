package message

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// An ErrorCode is the value of an error parameter (RFC 6749, Section 5.2 and the
// registry it founded). It is an error, so that
//
//	errors.Is(err, message.InvalidGrant)
//
// tells whether err reports that the peer declared this code.
type ErrorCode string

// Error returns the code as it travels.
func (c ErrorCode) Error() string { return string(c) }

// The codes that this toolkit sends or reacts to.
const (
	// RFC 6749, Sections 4.1.2.1 and 5.2.
	InvalidRequest          ErrorCode = "invalid_request"
	InvalidClient           ErrorCode = "invalid_client"
	InvalidGrant            ErrorCode = "invalid_grant"
	InvalidScope            ErrorCode = "invalid_scope"
	UnauthorizedClient      ErrorCode = "unauthorized_client"
	UnsupportedGrantType    ErrorCode = "unsupported_grant_type"
	UnsupportedResponseType ErrorCode = "unsupported_response_type"
	AccessDenied            ErrorCode = "access_denied"
	ServerError             ErrorCode = "server_error"
	TemporarilyUnavailable  ErrorCode = "temporarily_unavailable"

	// OpenID Connect Core 1.0, Section 3.1.2.6.
	InteractionRequired      ErrorCode = "interaction_required"
	LoginRequired            ErrorCode = "login_required"
	AccountSelectionRequired ErrorCode = "account_selection_required"
	ConsentRequired          ErrorCode = "consent_required"
	InvalidRequestURI        ErrorCode = "invalid_request_uri"
	InvalidRequestObject     ErrorCode = "invalid_request_object"
	RequestNotSupported      ErrorCode = "request_not_supported"
	RequestURINotSupported   ErrorCode = "request_uri_not_supported"
	RegistrationNotSupported ErrorCode = "registration_not_supported"

	// OpenID Connect Core Unmet Authentication Requirements 1.0.
	UnmetAuthenticationRequirements ErrorCode = "unmet_authentication_requirements"

	// Dynamic Client Registration 1.0, Section 3.3, and RFC 7591, Section 3.2.2.
	InvalidRedirectURI          ErrorCode = "invalid_redirect_uri"
	InvalidClientMetadata       ErrorCode = "invalid_client_metadata"
	InvalidSoftwareStatement    ErrorCode = "invalid_software_statement"
	UnapprovedSoftwareStatement ErrorCode = "unapproved_software_statement"

	// RFC 6750, Section 3.1, and RFC 9470, Section 3.
	InvalidToken                   ErrorCode = "invalid_token"
	InsufficientScope              ErrorCode = "insufficient_scope"
	InsufficientUserAuthentication ErrorCode = "insufficient_user_authentication"

	// RFC 7009, Section 2.2.1.
	UnsupportedTokenType ErrorCode = "unsupported_token_type"

	// RFC 8628, Section 3.5.
	AuthorizationPending ErrorCode = "authorization_pending"
	SlowDown             ErrorCode = "slow_down"
	ExpiredToken         ErrorCode = "expired_token"

	// RFC 8707, Section 2, and RFC 9396, Section 5.
	InvalidTarget               ErrorCode = "invalid_target"
	InvalidAuthorizationDetails ErrorCode = "invalid_authorization_details"

	// RFC 9449, Sections 5 and 8.
	InvalidDPoPProof ErrorCode = "invalid_dpop_proof"
	UseDPoPNonce     ErrorCode = "use_dpop_nonce"

	// OpenID Connect CIBA Core 1.0, Section 13.
	ExpiredLoginHintToken ErrorCode = "expired_login_hint_token"
	UnknownUserID         ErrorCode = "unknown_user_id"
	MissingUserCode       ErrorCode = "missing_user_code"
	InvalidUserCode       ErrorCode = "invalid_user_code"
	InvalidBindingMessage ErrorCode = "invalid_binding_message"
	TransactionFailed     ErrorCode = "transaction_failed"
)

// An Error is an error that the peer declared, or that a provider is to declare:
// an error object, error parameters of a redirect, or a challenge.
type Error struct {
	Code        ErrorCode
	Description string // untrusted text of the peer; show it escaped
	URI         string // untrusted
	Status      int    // the HTTP status it came with, 0 on the front channel
}

// Error returns code and description.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Description != "" {
		b.WriteString(": ")
		b.WriteString(e.Description)
	}
	if e.Status != 0 {
		b.WriteString(" (status ")
		b.WriteString(strconv.Itoa(e.Status))
		b.WriteString(")")
	}
	return b.String()
}

// Is reports whether target is e's code.
func (e *Error) Is(target error) bool {
	code, ok := target.(ErrorCode)
	return ok && code == e.Code
}

// A Violation says that the peer broke a rule, or that we were asked to. Got and
// Want never hold a secret.
type Violation struct {
	Rule  Rule
	Param string // the parameter, member or claim at fault
	Got   string
	Want  string
	Err   error // the cause, often a more general rule
}

// maxExcerpt is how many bytes of a peer's value an error shows.
const maxExcerpt = 200

// Excerpt is a peer's value as a [Violation] shows it: its beginning, if it is long.
func Excerpt(value string) string {
	if len(value) <= maxExcerpt {
		return value // as nearly always
	}
	return beginning(value)
}

// beginning is a call, so that Excerpt is a comparison where it is used.
//
//go:noinline
func beginning(value string) string {
	end := maxExcerpt
	for end > 0 && !utf8.RuneStart(value[end]) {
		end--
	}
	return value[:end] + "…"
}

// Error names the parameter, what was found and wanted, the rule and its section.
func (v *Violation) Error() string {
	var b strings.Builder
	if v.Param != "" {
		b.WriteString(v.Param)
		b.WriteString(": ")
	}
	switch {
	case v.Got != "" && v.Want != "":
		b.WriteString("got ")
		b.WriteString(strconv.Quote(v.Got))
		b.WriteString(", want ")
		b.WriteString(v.Want)
	case v.Got != "":
		b.WriteString("got ")
		b.WriteString(strconv.Quote(v.Got))
	case v.Want != "":
		b.WriteString("want ")
		b.WriteString(v.Want)
	default:
		b.WriteString(v.Rule.Text())
	}
	if v.Err != nil {
		b.WriteString(": ")
		b.WriteString(v.Err.Error())
	}
	b.WriteString(" [")
	b.WriteString(string(v.Rule))
	if spec := v.Rule.Spec(); spec != "" {
		b.WriteString("; ")
		b.WriteString(spec)
	}
	b.WriteString("]")
	return b.String()
}

// Is reports whether target is the rule that was broken.
func (v *Violation) Is(target error) bool {
	rule, ok := target.(Rule)
	return ok && rule == v.Rule
}

// Unwrap returns the cause.
func (v *Violation) Unwrap() error { return v.Err }
