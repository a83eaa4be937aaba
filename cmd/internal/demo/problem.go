package demo

import (
	"net/http"
	"slices"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
)

// A problem is why something did not succeed, for the page to explain.
type problem struct {
	Title, What, Advice string
	// Rule was broken, Spec is its section, RuleText what it demands.
	Rule, Spec, RuleText string
	Code, Description    string // what the provider declared
	Step                 string
	Detail               string // the error as the log has it
	Fault                *fault // what we did to provoke it
	Expected             bool   // whether the rule is the one that the fault was made for
	Checks               []check

	report *report.Problem
}

// showProblem is what the relying party calls when a login or logout does not succeed. The
// page is shown at an address without the callback's parameters.
func (d *Demo) showProblem(w http.ResponseWriter, r *http.Request, q *rp.Problem) {
	at := sceneOf(r.Context())
	p := problemOf(q.Err)
	p.Title, p.What, p.Advice = q.Title, q.What, q.Advice
	if p.Step = q.Step; p.Step == "" {
		p.Step = "authorization"
	}
	p.Description = q.Description
	p.Checks = checksOf(q.Checks)
	if f := at.breaking; f != nil {
		p.Fault, p.Expected = f, string(f.Rule) == p.Rule
	}
	if c := at.conversation; c != nil {
		if c.wasSilent(at.state) && slices.Contains(asksUser, message.ErrorCode(p.Code)) {
			back(w) // as was to be expected: what ended the session has been said
			return
		}
		c.settle()
		c.change(func() { c.problem = p })
	}
	back(w)
}

// problemOf describes an error.
func problemOf(err error) *problem {
	known := conversation.ProblemOf(err, false)
	p := &problem{
		Title: "This did not succeed", What: sentence(known.Kind), Advice: known.Hint, Rule: known.Rule,
		Code: known.Code, Step: service.ServiceOf(err), Detail: err.Error(), Checks: checksOf(service.ChecksOf(err)), report: known,
	}
	if p.Rule == "" {
		p.Rule = declaredRule(p)
	}
	p.Spec, p.RuleText = message.Rule(p.Rule).Spec(), message.Rule(p.Rule).Text()
	switch {
	case p.Advice != "":
	case p.Code == string(message.InvalidGrant):
		p.Advice = "The provider takes this token no more, so the login has ended here, too. Sign in again."
	default:
		p.Advice = "The last step of the conversation shows the message."
	}
	return p
}

// declaredRule is the rule under which an error comes that the provider declared: the one
// that was being evaluated.
func declaredRule(p *problem) string {
	for _, c := range p.Checks {
		if c.Verdict == service.Failed.String() {
			return c.Rule
		}
	}
	switch {
	case p.Code == "":
		return ""
	case p.Step == service.AuthorizationName:
		return string(message.RuleAuthzResponseError)
	}
	return string(message.RuleTokenResponseError)
}

// sentence says what kind of failure it is.
func sentence(kind string) string {
	switch kind {
	case report.Violation:
		return "What came back broke a rule, so it was not used."
	case report.ProviderError:
		return "The provider declared an error."
	case report.Transport:
		return "No usable answer came."
	case report.Config:
		return "The settings do not fit."
	}
	return "Something went wrong in the application itself."
}
