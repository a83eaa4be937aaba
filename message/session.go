package message

import (
	"fmt"
	"log/slog"
)

// Answers of the provider's session iframe (Session Management 1.0, Section 3.1).
const (
	SessionUnchanged = "unchanged"
	SessionChanged   = "changed"
	SessionError     = "error"
)

// CheckSessionRequest is what the relying party's iframe posts to the provider's:
// client_id, a space and session_state (Session Management 1.0, Section 3.1).
type CheckSessionRequest struct {
	ClientID     string `json:"client_id,omitempty" url:"client_id,omitempty"`
	SessionState string `json:"session_state,omitempty" url:"session_state,omitempty"`
	Extra        Extra  `json:"-" url:"-"`
}

// Text is the message as it is posted.
func (m CheckSessionRequest) Text() string { return m.ClientID + " " + m.SessionState }

// LogValue redacts (slog.LogValuer).
func (m CheckSessionRequest) LogValue() slog.Value { return LogValue(m) }

// Format redacts (fmt.Formatter).
func (m CheckSessionRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// CheckSessionResponse is what the provider's iframe answered, as the relying
// party's page hands it on.
type CheckSessionResponse struct {
	State  string `json:"state,omitempty" url:"state,omitempty"` // the login that was asked about
	Status string `json:"status,omitempty" url:"status,omitempty"`
	Extra  Extra  `json:"-" url:"-"`
}

// LogValue redacts (slog.LogValuer).
func (m CheckSessionResponse) LogValue() slog.Value { return LogValue(m) }

// Format redacts (fmt.Formatter).
func (m CheckSessionResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }
