package rp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// A Kind says what sort of problem a user has.
type Kind string

// The kinds of problem.
const (
	KindDenied      Kind = "denied"      // the user, or a policy of the provider, said no
	KindInteraction Kind = "interaction" // a silent login needs the user after all
	KindDeclared    Kind = "declared"    // the provider declared another error
	KindUnreachable Kind = "unreachable" // the provider cannot be reached
	KindSlow        Kind = "slow"        // the provider did not answer in time
	KindFailing     Kind = "failing"     // the provider answered that it fails: a status of 5xx, or 429
	KindRefused     Kind = "refused"     // the provider's answer broke a rule
	KindExpired     Kind = "expired"     // the login is unknown: too old, or used already
	KindBrowser     Kind = "browser"     // the login was begun in another browser
	KindRequest     Kind = "request"     // what the browser sent cannot be served
	KindProvider    Kind = "provider"    // there is no such provider
	KindStore       Kind = "store"       // our own memory fails
	KindConfig      Kind = "config"      // our own settings do not fit
)

// A Problem is what a user should know when a login or logout did not succeed, and what
// an operator needs to find it in the log.
type Problem struct {
	Kind   Kind // what sort of problem it is
	Status int  // the HTTP status to answer with
	// Title, What and Advice are texts of ours: what happened, and what to do. They hold
	// nothing that a peer said.
	Title, What, Advice string
	// Retry is where the login can be started again, "" if that is not known or no use.
	Retry string
	// Reference stands in the log too.
	Reference string

	// Issuer and Step say where it happened: the provider and the service.
	Issuer, Step string
	// Rule is the rule that was broken, Spec its section.
	Rule message.Rule
	Spec string
	// Code and Description are what the provider declared. Description is the text of
	// another party: show it escaped, or not at all.
	Code        message.ErrorCode
	Description string
	// Checks are the rules that were evaluated up to the broken one.
	Checks []service.Check
	// Err is the whole cause. It holds no secret.
	Err error
}

// kindText is what a user is told.
type kindText struct {
	status              int
	title, what, advice string
}

const startAgain = "Start the sign-in again."

var kindTexts = map[Kind]kindText{
	KindDenied:      {http.StatusForbidden, "You are not signed in", "The sign-in was cancelled, or this application was not given access.", "If that was a mistake, start the sign-in again and allow it."},
	KindInteraction: {http.StatusForbidden, "You need to sign in", "The sign-in service has to ask you something before it can sign you in.", startAgain},
	KindDeclared:    {http.StatusBadGateway, "The sign-in service reported a problem", "It could not complete the sign-in.", "Wait a few minutes, then start the sign-in again. If it happens again, tell the operator of this application."},
	KindUnreachable: {http.StatusBadGateway, "The sign-in service cannot be reached", "There was no usable connection to it. Nothing is wrong with your account.", "Wait a few minutes, then start the sign-in again."},
	KindSlow:        {http.StatusGatewayTimeout, "The sign-in service took too long", "It did not answer in time. Nothing is wrong with your account.", "Wait a few minutes, then start the sign-in again."},
	KindFailing:     {http.StatusBadGateway, "The sign-in service does not work at the moment", "It answered that it cannot serve the request. Nothing is wrong with your account.", "Wait a few minutes, then start the sign-in again. If it happens again, tell the operator of this application."},
	KindRefused:     {http.StatusBadGateway, "The sign-in was refused", "What the sign-in service answered did not pass a security check, so it was not used.", "Start the sign-in again. If it happens again, tell the operator of this application."},
	KindExpired:     {http.StatusBadRequest, "This sign-in is over", "It took too long, or it was finished already, for instance by going back in the browser.", startAgain},
	KindBrowser:     {http.StatusForbidden, "This sign-in was not started here", "It belongs to another browser, or this browser keeps no cookies.", "Start the sign-in again in this browser, with cookies allowed for this site. If you followed somebody else's link, do not use it."},
	KindRequest:     {http.StatusBadRequest, "This address cannot be used like this", "The request is not one that this page takes.", "Go back to the application and start from there."},
	KindProvider:    {http.StatusBadRequest, "This sign-in service is not known", "The application does not accept it, or no service was found for what was entered.", "Check what you entered, or choose another way to sign in."},
	KindStore:       {http.StatusServiceUnavailable, "Signing in is not possible at the moment", "The application cannot remember sign-ins right now.", "Try again in a few minutes."},
	KindConfig:      {http.StatusInternalServerError, "Signing in is not possible", "The application is not set up for this sign-in service.", "Tell the operator of this application."},
}

// kindOfCode sorts what a provider declares.
func kindOfCode(e *message.Error) Kind {
	switch e.Code {
	case message.AccessDenied:
		return KindDenied
	case message.LoginRequired, message.InteractionRequired, message.ConsentRequired, message.AccountSelectionRequired:
		return KindInteraction
	case message.InvalidGrant:
		return KindExpired // a code that is too old, or was used
	}
	return KindDeclared
}

// kindOf sorts an error by whose fault it is and what the user can do.
func kindOf(err error) Kind {
	var declared *message.Error
	var fault *TransportError
	var own problemError
	switch {
	case errors.As(err, &own):
		return own.kind
	case errors.As(err, &declared):
		return kindOfCode(declared)
	case errors.As(err, &fault):
		if fault.Timeout() {
			return KindSlow
		}
		return KindUnreachable
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return KindSlow
	case errors.Is(err, ErrUnknownProvider):
		return KindProvider
	case errors.Is(err, message.RuleAuthzResponseBrowserBinding):
		return KindBrowser
	case errors.Is(err, message.RuleAuthzResponseStateSingleUse), errors.Is(err, message.RuleAuthzResponseState), errors.Is(err, state.ErrUnknown):
		return KindExpired
	case errors.Is(err, message.RuleAuthzResponseStateMissing), errors.Is(err, message.RuleInitLoginIss), errors.Is(err, message.RuleInitLoginTarget),
		errors.Is(err, message.RuleAuthzResponseReturnURL), errors.Is(err, message.RuleEndSessionReturn):
		return KindRequest
	case errors.Is(err, message.RuleWebFingerNormalization), errors.Is(err, message.RuleWebFingerIdentifierUnsupported):
		return KindProvider
	case errors.Is(err, service.ErrNotConfigured), errors.Is(err, service.ErrNoEndpoint), errors.Is(err, service.ErrNotRegistered),
		errors.Is(err, service.ErrArgs), errors.Is(err, message.RuleMetadataCapability), errors.Is(err, errNoRegistration):
		return KindConfig
	}
	var v *message.Violation
	if errors.As(err, &v) {
		if v.Rule == message.RuleAuthzRequestState || v.Rule == message.RuleTokenRequestCodeOnce {
			return KindExpired
		}
		if failing(v) {
			return KindFailing
		}
		return KindRefused
	}
	return KindStore // "Anything else is a failing store or random source"
}

// failing reports whether the status of an answer says so. That of a session is what a page
// of ours was told, and no answer.
func failing(v *message.Violation) bool {
	status, err := strconv.Atoi(v.Got)
	return err == nil && v.Param == "status" && v.Rule != message.RuleSessionStatus && (status >= 500 || status == http.StatusTooManyRequests)
}

// A problemError is an error whose kind its finder knows.
type problemError struct {
	kind Kind
	err  error
}

func (e problemError) Error() string { return e.err.Error() }
func (e problemError) Unwrap() error { return e.err }

// refuse makes the violation of a rule that this package applies itself.
func refuse(kind Kind, rule message.Rule, param, want string) error {
	return problemError{kind, &message.Violation{Rule: rule, Param: param, Want: want}}
}

// ruleOf returns the rule that err reports, "" if none.
func ruleOf(err error) message.Rule {
	var v *message.Violation
	if errors.As(err, &v) {
		return v.Rule
	}
	var fault *TransportError
	if errors.As(err, &fault) {
		return fault.Rule
	}
	return ""
}

// problem describes err to the user of r.
func (p *Party) problem(err error, issuer, target string) *Problem {
	kind := kindOf(err)
	text := kindTexts[kind]
	q := &Problem{
		Kind: kind, Status: text.status, Title: text.title, What: text.what, Advice: text.advice,
		Issuer: issuer, Step: service.ServiceOf(err), Rule: ruleOf(err), Checks: service.ChecksOf(err), Err: err,
	}
	q.Spec = q.Rule.Spec()
	var request requestError
	if errors.As(err, &request) {
		q.Status = request.status
	}
	var declared *message.Error
	if errors.As(err, &declared) {
		q.Code, q.Description = declared.Code, declared.Description
		if declared.Code == message.TemporarilyUnavailable {
			q.Status = http.StatusServiceUnavailable
		}
	}
	if p.o.LoginPath != "" && kind != KindConfig {
		q.Retry = loginAddress(p.o.LoginPath, issuer, target, p.only() == nil)
	}
	// Without a random source there is no reference; the problem is shown all the same.
	if reference, err := p.random(nil); err == nil {
		q.Reference = reference[:8]
	}
	return q
}

// fail reports a problem: to the log, with its rule, and to the user.
func (p *Party) fail(w http.ResponseWriter, r *http.Request, err error, issuer, target string) {
	q := p.problem(err, issuer, target)
	level := slog.LevelWarn
	if q.Kind == KindStore || q.Kind == KindConfig {
		level = slog.LevelError
	}
	p.logger.LogAttrs(r.Context(), level, "a login failed",
		slog.String("reference", q.Reference), slog.String("kind", string(q.Kind)), slog.String("issuer", q.Issuer), slog.String("step", q.Step),
		slog.String("rule", string(q.Rule)), slog.String("code", string(q.Code)), slog.Any("error", q.Err))
	if p.o.Error != nil {
		p.o.Error(w, r, q)
		return
	}
	showProblem(w, q)
}
