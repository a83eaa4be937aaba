package message

import (
	"fmt"
	"log/slog"
)

// A RevocationRequest says that a token is no longer needed (RFC 7009, Section 2.1).
type RevocationRequest struct {
	Token               Secret `json:"token,omitempty" url:"token,omitempty"`
	TokenTypeHint       string `json:"token_type_hint,omitempty" url:"token_type_hint,omitempty"`
	ClientID            string `json:"client_id,omitempty" url:"client_id,omitempty"`
	ClientSecret        Secret `json:"client_secret,omitempty" url:"client_secret,omitempty"`
	ClientAssertion     Secret `json:"client_assertion,omitempty" url:"client_assertion,omitempty"`
	ClientAssertionType string `json:"client_assertion_type,omitempty" url:"client_assertion_type,omitempty"`
	Extra               Extra  `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m RevocationRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m RevocationRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A RevocationResponse is empty: "the content of the response body is ignored by the
// client" (RFC 7009, Section 2.2).
type RevocationResponse struct {
	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m RevocationResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m RevocationResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }
