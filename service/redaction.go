package service

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// What goes over the wire holds secrets: codes and request objects in an address,
// credentials in a header, tokens in a body. These values show their shape alone, to
// every verb of package fmt and in a log.

// shape prints what a String method returns, whatever the verb.
func shape(f fmt.State, s fmt.Stringer) { _, _ = io.WriteString(f, s.String()) }

// String tells the service, the method, the address without its query, and the size of
// the body.
func (r Request) String() string {
	address, _, _ := strings.Cut(r.URL, "?")
	return fmt.Sprintf("service.Request{%s %s %s, %d bytes}", r.Service, r.Method, address, len(r.Body))
}

// Format prints what String returns.
func (r Request) Format(f fmt.State, _ rune) { shape(f, r) }

// LogValue is what String returns.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String tells the status and the size of the body.
func (r Response) String() string {
	if r.inbound != nil {
		return fmt.Sprintf("service.Response{%v}", *r.inbound)
	}
	return fmt.Sprintf("service.Response{%d, %d bytes}", r.Status, len(r.Body))
}

// Format prints what String returns.
func (r Response) Format(f fmt.State, _ rune) { shape(f, r) }

// LogValue is what String returns.
func (r Response) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String tells how the message came and its size.
func (in Inbound) String() string {
	return fmt.Sprintf("service.Inbound{%s %s at %s, %d bytes}", in.Method, in.Mode, in.RedirectURI, len(in.Raw))
}

// Format prints what String returns.
func (in Inbound) Format(f fmt.State, _ rune) { shape(f, in) }

// LogValue is what String returns.
func (in Inbound) LogValue() slog.Value { return slog.StringValue(in.String()) }

// String shows the message, whose secrets are hidden, and not the binding.
func (a Args) String() string { return fmt.Sprintf("service.Args{%v}", a.Message) }

// Format prints what String returns.
func (a Args) Format(f fmt.State, _ rune) { shape(f, a) }

// LogValue is what String returns.
func (a Args) LogValue() slog.Value { return slog.StringValue(a.String()) }

// String tells the service and the arguments.
func (t Task) String() string {
	name := ""
	if t.Service != nil {
		name = t.Service.Name()
	}
	return fmt.Sprintf("service.Task{%s %v}", name, t.Args)
}

// Format prints what String returns.
func (t Task) Format(f fmt.State, _ rune) { shape(f, t) }

// LogValue is what String returns.
func (t Task) LogValue() slog.Value { return slog.StringValue(t.String()) }

// String tells the address without its query and the size of the document.
func (h Hosted) String() string {
	address, _, _ := strings.Cut(h.URL, "?")
	return fmt.Sprintf("service.Hosted{%s %s, %d bytes}", h.Media, address, len(h.Body))
}

// Format prints what String returns.
func (h Hosted) Format(f fmt.State, _ rune) { shape(f, h) }

// LogValue is what String returns.
func (h Hosted) LogValue() slog.Value { return slog.StringValue(h.String()) }

// String shows the message, whose secrets are hidden, and how many checks were made.
func (r Result) String() string {
	return fmt.Sprintf("service.Result{%v, %d checks}", r.Message, len(r.Checks))
}

// Format prints what String returns.
func (r Result) Format(f fmt.State, _ rune) { shape(f, r) }

// LogValue is what String returns.
func (r Result) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String tells the service and how it ended.
func (e Exchange) String() string {
	return fmt.Sprintf("service.Exchange{%s %v %v %v}", e.Service, e.Request, e.Response, e.Err)
}

// Format prints what String returns.
func (e Exchange) Format(f fmt.State, _ rune) { shape(f, e) }

// LogValue is what String returns.
func (e Exchange) LogValue() slog.Value { return slog.StringValue(e.String()) }

// Format prints what Error returns.
func (e *NeedError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.Error()) }

// String tells the service and how many checks were made.
func (s *Step) String() string {
	return fmt.Sprintf("service.Step{%s, %d checks}", s.Service, len(s.checks))
}

// Format prints what String returns.
func (s *Step) Format(f fmt.State, _ rune) { shape(f, s) }

// LogValue is what String returns.
func (s *Step) LogValue() slog.Value { return slog.StringValue(s.String()) }

// hide takes out of an error and its checks what the peer repeated of the secrets that it
// was sent: a description, a media type, a claim or the name of a member may say them again.
func hide(err error, checks []Check, answer *Response) {
	if answer == nil || answer.request == nil {
		return
	}
	secrets := answer.request.secrets()
	if len(secrets) == 0 {
		return
	}
	hidden := strings.NewReplacer(secrets...)
	var v *message.Violation
	for cause := err; errors.As(cause, &v); cause = v.Err {
		v.Got, v.Param = hidden.Replace(v.Got), hidden.Replace(v.Param)
	}
	var undecoded *message.DecodeError
	if errors.As(err, &undecoded) {
		undecoded.Param = hidden.Replace(undecoded.Param)
	}
	for i := range checks {
		checks[i].Param = hidden.Replace(checks[i].Param)
	}
	var declared *message.Error
	if errors.As(err, &declared) {
		declared.Code = message.ErrorCode(hidden.Replace(string(declared.Code)))
		declared.Description, declared.URI = hidden.Replace(declared.Description), hidden.Replace(declared.URI)
	}
	var challenged *ChallengeError
	if errors.As(err, &challenged) {
		for name, value := range challenged.Challenge.Params {
			challenged.Challenge.Params[name] = hidden.Replace(value)
		}
	}
}

// secrets are the secrets of a request, as they are and as a form writes them, each with
// what is to stand in its place.
func (r *Request) secrets() []string {
	var list []string
	add := func(secret string) {
		const shortest = 8 // what is shorter would be found in any text
		if len(secret) >= shortest {
			list = append(list, secret, message.Secret(secret).String())
		}
		if escaped := url.QueryEscape(secret); escaped != secret && len(secret) >= shortest {
			list = append(list, escaped, message.Secret(secret).String())
		}
	}
	if r.message != nil {
		for _, s := range message.Secrets(r.message) {
			add(s.Reveal())
		}
	}
	// What proves who sends the request is no member of its message.
	if form, err := url.ParseQuery(string(r.Body)); err == nil {
		add(form.Get("client_secret"))
		add(form.Get("client_assertion"))
	}
	for _, name := range []string{"Authorization", "Dpop"} {
		for _, value := range r.Header[name] {
			_, credential, there := strings.Cut(value, " ")
			if !there {
				credential = value
			}
			add(credential)
			if pair, err := base64.StdEncoding.DecodeString(credential); err == nil {
				_, secret, _ := strings.Cut(string(pair), ":")
				add(secret)
			}
		}
	}
	return list
}
