package rp

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Tokens and credentials are shown by what is said about them, to every verb of package
// fmt and in a log: %s would look for strings behind every pointer.

// String tells the type of the token and how long it is good.
func (a Access) String() string {
	return fmt.Sprintf("rp.Access{%s, scope %q, %s}", a.Type, a.Scope.String(), until(a.Expiry))
}

// Format prints what String returns.
func (a Access) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.String()) }

// LogValue is what String returns.
func (a Access) LogValue() slog.Value { return slog.StringValue(a.String()) }

// String tells whose the tokens are, the type of the access token, and how long it is good.
func (t Tokens) String() string {
	issuer := ""
	if t.Login != nil {
		issuer = t.Issuer
	}
	return fmt.Sprintf("rp.Tokens{of %s, %s, %s}", issuer, t.TokenType, until(t.Expiry))
}

// Format prints what String returns.
func (t Tokens) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue is what String returns.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.String()) }

// String tells the provider and which client it is.
func (c Config) String() string {
	return fmt.Sprintf("rp.Config{issuer %q, client_id %q}", c.Issuer, c.ClientID)
}

// Format prints what String returns.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is what String returns.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String tells how many providers are known beforehand, and whether others are admitted.
func (c PartyConfig) String() string {
	return fmt.Sprintf("rp.PartyConfig{%q, %d providers, dynamic %t}", c.CallbackBase, len(c.Providers), c.Dynamic != nil)
}

// Format prints what String returns.
func (c PartyConfig) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is what String returns.
func (c PartyConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String tells how many providers are held.
func (d Dynamic) String() string { return fmt.Sprintf("rp.Dynamic{max %d}", d.Max) }

// Format prints what String returns.
func (d Dynamic) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, d.String()) }

// LogValue is what String returns.
func (d Dynamic) LogValue() slog.Value { return slog.StringValue(d.String()) }

// String tells at which provider, and the parameters without their secrets.
func (r LoginRequest) String() string {
	return fmt.Sprintf("rp.LoginRequest{issuer %q, %v}", r.Issuer, r.Message)
}

// Format prints what String returns.
func (r LoginRequest) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue is what String returns.
func (r LoginRequest) LogValue() slog.Value { return slog.StringValue(r.String()) }

func until(expiry time.Time) string {
	if expiry.IsZero() {
		return "no expiry said"
	}
	return "until " + expiry.UTC().Format(time.RFC3339)
}
