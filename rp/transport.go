package rp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// A TransportError says that no answer came: the network, TLS or HTTP failed. It
// names the host but no more of the URL, which may hold secrets.
type TransportError struct {
	Method string // the HTTP method
	Host   string // with its port, if there is one
	// Rule is transport_limits when time ran out, transport_tls when the server's
	// certificate did not verify, and empty otherwise.
	Rule message.Rule
	Err  error
}

// Error names method and host and says what failed.
func (e *TransportError) Error() string {
	text := e.Method + " " + e.Host + ": " + e.Err.Error()
	if e.Rule != "" {
		text += " [" + string(e.Rule) + "]"
	}
	return text
}

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// Is reports whether target is the rule that the failure comes under.
func (e *TransportError) Is(target error) bool {
	rule, ok := target.(message.Rule)
	return ok && rule != "" && rule == e.Rule
}

// Timeout reports whether time ran out or the caller gave up.
func (e *TransportError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.Is(e.Err, context.DeadlineExceeded) || errors.Is(e.Err, context.Canceled) ||
		errors.As(e.Err, &t) && t.Timeout()
}

var errTimeout = errors.New("no complete answer in time")

type timeoutError struct{ err error }

func (e timeoutError) Error() string   { return errTimeout.Error() }
func (e timeoutError) Unwrap() []error { return []error{errTimeout, e.err} }

// transportFault turns what net/http reports into a violation of policy or a
// TransportError.
func transportFault(ctx context.Context, req *http.Request, err error) error {
	var v *message.Violation
	if errors.As(err, &v) {
		return v
	}
	var already *TransportError
	if errors.As(err, &already) {
		return already
	}
	err = faultOf(err)
	fault := &TransportError{Method: req.Method, Host: req.URL.Host, Err: err}
	var netErr net.Error
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled):
		fault.Err = context.Canceled
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout():
		fault.Rule = message.RuleTransportLimits
		fault.Err = timeoutError{context.DeadlineExceeded}
	case certificateRefused(err):
		fault.Rule = message.RuleTransportTLS
	case strings.Contains(err.Error(), "response headers exceeded"):
		return &message.Violation{Rule: message.RuleTransportLimits, Param: "header", Got: "a header that is too long"}
	}
	return fault
}

func certificateRefused(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}
