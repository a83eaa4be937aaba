package conversation

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/cmd/internal/useragent"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// ProblemOf says what kind of failure err is. While a request is built (building),
// a broken rule about what we send is a fault of our own settings.
func ProblemOf(err error, building bool) *report.Problem {
	if err == nil {
		return nil
	}
	p := &report.Problem{Kind: report.Internal, Message: err.Error(), Cause: err}
	var v *message.Violation
	var declared *message.Error
	switch {
	case errors.Is(err, errScript):
		p.Kind, p.Param = report.Violation, "expect"
	case errors.As(err, &v) && errors.Is(err, message.ExpiredToken) && !errors.As(err, &declared):
		// Nobody decided in time: a timeout of ours, though a rule says how long.
		p.Kind, p.Timeout = report.Transport, true
		p.Rule, p.Param, p.Spec = string(v.Rule), v.Param, v.Rule.Spec()
	case errors.As(err, &v):
		p.Kind = report.Violation
		p.Rule, p.Param, p.Spec = string(v.Rule), v.Param, v.Rule.Spec()
		if ownFault(err, v.Rule, building) {
			p.Kind = report.Config
		}
	case errors.As(err, &declared):
		p.Kind, p.Code = report.ProviderError, string(declared.Code)
		p.Param = "error"
	case timedOut(err):
		p.Kind, p.Timeout = report.Transport, true
		p.Rule = ruleOf(err)
	case isTransport(err):
		p.Kind = report.Transport
		p.Rule = ruleOf(err)
	case errors.Is(err, state.ErrSealed), errors.Is(err, state.ErrMalformed):
		p.Kind, p.Param = report.Config, "store-key-file"
	case errors.Is(err, state.ErrUnknown):
		p.Kind, p.Rule, p.Param = report.Violation, string(message.RuleAuthzResponseState), "state"
	case isConfig(err):
		p.Kind = report.Config
		var setting *SettingError
		if errors.As(err, &setting) {
			p.Param = setting.Flag
		}
	}
	if p.Rule != "" && p.Spec == "" {
		p.Spec = message.Rule(p.Rule).Spec()
	}
	p.Hint = hint(err, p)
	return p
}

// ownRules are the rules about what we send: whoever breaks them while a request is
// built is not the peer.
var ownRules = []string{
	"authz_request_", "client_auth_", "registration_", "webfinger_", "jar_", "par_", "endsession_", "ciba_request",
	"dpop_", "exchange_request", "client_credentials_grant", "refresh_scope", "userinfo_token_transport",
	"introspection_active",
}

func ownFault(err error, rule message.Rule, building bool) bool {
	if rule == message.RuleMetadataCapability || errors.Is(err, servicecontext.ErrConfig) || errors.Is(err, ErrSettings) {
		return true
	}
	return building && slices.ContainsFunc(ownRules, func(prefix string) bool { return strings.HasPrefix(string(rule), prefix) })
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.As(err, &t) && t.Timeout()
}

func isTransport(err error) bool {
	var t *rp.TransportError
	if errors.As(err, &t) {
		return true
	}
	var timeouts interface{ Timeout() bool } // a replayed failure
	if errors.As(err, &timeouts) {
		return true
	}
	var stuck *useragent.StuckError
	return errors.Is(err, useragent.ErrFront) && (!errors.As(err, &stuck) || len(stuck.Asked) == 0)
}

// ruleOf is the transport rule that a failure comes under.
func ruleOf(err error) string {
	for _, rule := range []message.Rule{message.RuleTransportLimits, message.RuleTransportTLS} {
		if errors.Is(err, rule) {
			return string(rule)
		}
	}
	return ""
}

func isConfig(err error) bool {
	for _, known := range []error{
		service.ErrNotConfigured, service.ErrNoEndpoint, service.ErrNotRegistered, service.ErrArgs,
		servicecontext.ErrConfig, ErrSettings, useragent.ErrFront,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	var decode *message.DecodeError
	return errors.As(err, &decode)
}

// hint says what to do about it, where we know.
func hint(err error, p *report.Problem) string {
	var stuck *useragent.StuckError
	switch {
	case errors.As(err, &stuck) && len(stuck.Asked) > 0:
		return "give --form " + strings.Join(stuck.Asked, "=… --form ") + "=…, or use --user-agent browser"
	case errors.As(err, &stuck):
		return "look at it with --user-agent browser"
	case p.Rule == string(message.RuleTransportAddress):
		return "the URL came from the provider and leads to a private address; if that is meant, give --insecure-allow-private"
	case p.Rule == string(message.RuleTransportTLS):
		return "if the certificate comes from an authority of your own, add it with --ca-file"
	case p.Param == "store-key-file" && errors.Is(err, state.ErrSealed):
		return "give the --store-key-file with which the login was begun, or none if there was none"
	case p.Param == "store-key-file" && errors.Is(err, state.ErrMalformed):
		return "if the login was begun with a --store-key-file, give it"
	case p.Rule == string(message.RuleTokenRequestCodeOnce):
		return "the code may have been used: start the login again"
	case p.Kind == report.Config && (p.Rule == string(message.RuleMetadataIssuerSyntax) || p.Rule == string(message.RuleTransportHTTPS)):
		return "an http issuer needs --insecure-allow-http; use it on a loopback interface only"
	}
	return ""
}
