package message

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// A JWKSRequest asks for a JWK Set. It has no parameters.
type JWKSRequest struct {
	Extra Extra `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m JWKSRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m JWKSRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A JWKS is a JWK Set (RFC 7517, Section 5). Its keys are not looked into here, and
// not shown, because a set of our own may hold private ones.
type JWKS struct {
	Keys  []json.RawMessage `json:"keys"`
	Extra Extra             `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m JWKS) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m JWKS) Format(s fmt.State, verb rune) { Format(s, verb, m) }
