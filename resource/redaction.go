package resource

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// An access token and our own keys are shown to nobody, whatever verb of package fmt or
// log asks.

// String tells method and address, without the query, and how many header fields there are.
func (r Request) String() string {
	address, _, _ := strings.Cut(r.URL, "?")
	return fmt.Sprintf("resource.Request{%s %s, %d header fields}", r.Method, address, len(r.Header))
}

// Format prints what String returns.
func (r Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue is what String returns.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String tells which API it is and how many issuers it knows.
func (c Config) String() string {
	return fmt.Sprintf("resource.Config{%q, %d issuers}", c.Resource, len(c.Issuers))
}

// Format prints what String returns.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is what String returns.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
