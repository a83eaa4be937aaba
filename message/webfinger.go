package message

import (
	"fmt"
	"log/slog"
)

// IssuerRel is the link relation of an issuer (OpenID Connect Discovery 1.0, Section 2).
const IssuerRel = "http://openid.net/specs/connect/1.0/issuer"

// A WebFingerRequest asks what a host knows of a resource (RFC 7033, Section 4.1).
type WebFingerRequest struct {
	Resource string   `json:"resource,omitempty" url:"resource,omitempty"`
	Rel      []string `json:"rel,omitempty" url:"rel,omitempty"` // repeated, one parameter each
	Extra    Extra    `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m WebFingerRequest) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m WebFingerRequest) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A WebFingerResponse is a JSON Resource Descriptor (RFC 7033, Section 4.4).
type WebFingerResponse struct {
	Subject    string             `json:"subject,omitempty"`
	Aliases    []string           `json:"aliases,omitempty"`
	Properties map[string]RawJSON `json:"properties,omitempty"` // a string or null each
	Links      []WebFingerLink    `json:"links,omitempty"`
	Expires    string             `json:"expires,omitempty"` // RFC 3339; of RFC 6415, still sent by some
	Extra      Extra              `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m WebFingerResponse) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m WebFingerResponse) Format(s fmt.State, verb rune) { Format(s, verb, m) }

// A WebFingerLink is a link of a JSON Resource Descriptor (RFC 7033, Section 4.4.4).
type WebFingerLink struct {
	Rel        string             `json:"rel,omitempty"`
	Type       string             `json:"type,omitempty"`
	Href       string             `json:"href,omitempty"`
	Titles     map[string]string  `json:"titles,omitempty"` // by language tag, or "und"
	Properties map[string]RawJSON `json:"properties,omitempty"`
	Extra      Extra              `json:"-" url:"-"`
}

// LogValue shows the message without its secrets.
func (m WebFingerLink) LogValue() slog.Value { return LogValue(m) }

// Format shows the message without its secrets, whatever the verb.
func (m WebFingerLink) Format(s fmt.State, verb rune) { Format(s, verb, m) }
