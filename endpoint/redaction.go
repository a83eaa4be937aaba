package endpoint

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// What goes over the wire and what stands for a user holds secrets: credentials in a
// header, codes in an address, tickets, session cookies, tokens in a body. These values
// show their shape alone, to every verb of package fmt and in a log.

// shape prints what a String method returns, whatever the verb.
func shape(f fmt.State, s fmt.Stringer) { _, _ = io.WriteString(f, s.String()) }

// place is an address without what it carries.
func place(address string) string {
	if i := strings.IndexAny(address, "?#"); i >= 0 {
		return address[:i]
	}
	return address
}

// String tells the method, the address without its query, and the size of the body.
func (r Request) String() string {
	return fmt.Sprintf("endpoint.Request{%s %s, %d bytes}", r.Method, place(r.URL), len(r.Body))
}

// Format prints what String returns.
func (r Request) Format(f fmt.State, _ rune) { shape(f, r) }

// LogValue is what String returns.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String tells the status, the placement, the address without what it carries, and the
// size of the body.
func (r Response) String() string {
	return fmt.Sprintf("endpoint.Response{%d %s %s, %d bytes}", r.Status, r.Placement, place(r.Location), len(r.Body))
}

// Format prints what String returns.
func (r Response) Format(f fmt.State, _ rune) { shape(f, r) }

// LogValue is what String returns.
func (r Response) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String shows the message, whose secrets are hidden, and where it goes.
func (o Outcome) String() string {
	return fmt.Sprintf("endpoint.Outcome{%d %s %v}", o.Status, place(o.Location), o.Message)
}

// Format prints what String returns.
func (o Outcome) Format(f fmt.State, _ rune) { shape(f, o) }

// LogValue is what String returns.
func (o Outcome) LogValue() slog.Value { return slog.StringValue(o.String()) }

// String tells the cookie's name.
func (c Cookie) String() string { return "endpoint.Cookie{" + c.Name + "}" }

// Format prints what String returns.
func (c Cookie) Format(f fmt.State, _ rune) { shape(f, c) }

// LogValue is what String returns.
func (c Cookie) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String tells whom the notification is for and its size.
func (o Outbound) String() string {
	return fmt.Sprintf("endpoint.Outbound{%s %s %s, %d bytes}", o.ClientID, o.Method, place(o.URL), len(o.Body))
}

// Format prints what String returns.
func (o Outbound) Format(f fmt.State, _ rune) { shape(f, o) }

// LogValue is what String returns.
func (o Outbound) LogValue() slog.Value { return slog.StringValue(o.String()) }

// String tells the action.
func (a Answer) String() string { return "endpoint.Answer{" + string(a.Action) + "}" }

// Format prints what String returns.
func (a Answer) Format(f fmt.State, _ rune) { shape(f, a) }

// LogValue is what String returns.
func (a Answer) LogValue() slog.Value { return slog.StringValue(a.String()) }

// Format prints what Error returns: a ticket stands for the request.
func (n *NeedUser) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, n.Error()) }

// Format prints what Error returns.
func (r *Refusal) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.Error()) }

// String tells the client and the user.
func (d Decoupled) String() string {
	id := ""
	if d.Client != nil {
		id = d.Client.ID
	}
	return fmt.Sprintf("endpoint.Decoupled{%s %s}", id, d.User.ID)
}

// Format prints what String returns.
func (d Decoupled) Format(f fmt.State, _ rune) { shape(f, d) }

// LogValue is what String returns.
func (d Decoupled) LogValue() slog.Value { return slog.StringValue(d.String()) }

// String tells the endpoint.
func (s *Step) String() string { return "endpoint.Step{" + s.endpoint + "}" }

// Format prints what String returns.
func (s *Step) Format(f fmt.State, _ rune) { shape(f, s) }

// LogValue is what String returns.
func (s *Step) LogValue() slog.Value { return slog.StringValue(s.String()) }
