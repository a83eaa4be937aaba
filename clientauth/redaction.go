package clientauth

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// What a client proves itself with is shown by its shape alone, to every verb of package
// fmt and in a log.

// String tells whose the credentials are.
func (c Credentials) String() string { return fmt.Sprintf("clientauth.Credentials{%q}", c.ClientID) }

// Format prints what String returns.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is what String returns.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String tells the address without its query and how many parameters there are.
func (d Draft) String() string {
	address, _, _ := strings.Cut(d.URL, "?")
	return fmt.Sprintf("clientauth.Draft{%s, %d header fields, %d parameters}", address, len(d.Header), len(d.Form))
}

// Format prints what String returns.
func (d Draft) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, d.String()) }

// LogValue is what String returns.
func (d Draft) LogValue() slog.Value { return slog.StringValue(d.String()) }
