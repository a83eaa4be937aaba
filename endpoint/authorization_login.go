package endpoint

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
)

// decide asks the user for what is lacking, and issues when nothing is.
func (s *Step) decide(ctx context.Context, a *authorization) (*Outcome, error) {
	sess, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	return s.decideFor(ctx, a, sess)
}

func (s *Step) decideFor(ctx context.Context, a *authorization, sess *session) (*Outcome, error) {
	var user User
	if sess != nil {
		u, found, err := s.user(ctx, sess.User)
		if err != nil {
			return nil, err
		}
		if !found {
			sess = nil // the user is gone, and so is the session
		}
		user = u
	}
	silent := a.req.Prompt.Has(message.PromptNone)
	// Who is to make an account has none: whoever is logged in is somebody else, and a hint
	// at an account is for the page only.
	if a.req.Prompt.Has(message.PromptCreate) && a.done.LoggedIn == "" {
		return nil, s.ask(ctx, a, PromptCreate, User{}, FailureNone)
	}
	if a.req.Prompt.Has(message.PromptSelectAccount) && !a.done.Selected {
		return nil, s.ask(ctx, a, PromptSelectAccount, user, FailureNone)
	}
	if reason := s.mustLogIn(a, sess); reason != "" {
		switch {
		case s.fresh(a, sess) && reason == message.RuleOPLoginACR:
			return nil, Refuse(400, message.UnmetAuthenticationRequirements, reason, "acr")
		case s.fresh(a, sess) && reason == message.RuleOPLoginUser:
			return nil, Refuse(400, message.LoginRequired, reason, "")
		case silent:
			return nil, Refuse(400, message.LoginRequired, message.RuleOPLoginPromptNone, "prompt").Because("", "", reason)
		}
		failure := FailureNone
		if reason == message.RuleOPLoginUser {
			failure = FailureUser
		}
		return nil, s.ask(ctx, a, PromptLogin, user, failure)
	}
	granted, needed, err := s.mustConsent(ctx, a, sess)
	if err != nil {
		return nil, err
	}
	if needed {
		if silent {
			return nil, Refuse(400, message.ConsentRequired, message.RuleOPLoginPromptNone, "prompt").Because("", "", message.RuleOPConsent)
		}
		a.done.Asked = sess.key
		return nil, s.ask(ctx, a, PromptConsent, user, FailureNone)
	}
	return s.issue(ctx, a, sess, user, granted)
}

// mustLogIn returns the rule for which the user must be authenticated now, or "".
func (s *Step) mustLogIn(a *authorization, sess *session) message.Rule {
	if sess == nil {
		return message.RuleOPLoginSession
	}
	if !s.fresh(a, sess) {
		if a.req.Prompt.Has(message.PromptLogin) {
			return message.RuleOPLoginPromptLogin
		}
		// Core, Section 3.1.2.1: "If the elapsed time is greater than this value, the OP MUST
		// attempt to actively re-authenticate the End-User"; 0 is the same as prompt=login.
		if age := a.maxAge(); age != nil {
			limit := time.Duration(*age) * time.Second
			if limit == 0 || s.Now.Sub(sess.AuthTime.Time()) > limit {
				return message.RuleOPLoginMaxAge
			}
		}
	}
	if !s.wantedUser(a, sess.User) {
		return message.RuleOPLoginUser
	}
	if acr, must := a.essentialACR(); must && !slices.Contains(acr, sess.ACR) && (len(acr) > 0 || sess.ACR == "") {
		return message.RuleOPLoginACR
	}
	return ""
}

// fresh reports whether the session began for this request.
func (s *Step) fresh(a *authorization, sess *session) bool {
	return sess != nil && a.done.LoggedIn == sess.key
}

// maxAge is the request's or the client's (Registration, Section 2: default_max_age; "The
// max_age request parameter overrides this default value").
func (a *authorization) maxAge() *int {
	if a.req.MaxAge != nil {
		return a.req.MaxAge
	}
	return a.client.Metadata.DefaultMaxAge
}

// wantedUser reports whether the user is the one that the request fixes, by a hint or by
// requesting sub with a value (Core, Sections 3.1.2.1, 3.1.2.2 and 5.5.1).
func (s *Step) wantedUser(a *authorization, user string) bool {
	subject := s.Context.subject(user, a.client)
	if a.hint != nil && a.hint.subject != subject {
		return false
	}
	if r := a.req.Claims; r != nil {
		for _, member := range []map[string]*message.ClaimRequest{r.IDToken, r.UserInfo} {
			if subs := wanted(member, "sub"); len(subs) > 0 && !slices.Contains(subs, subject) {
				return false
			}
		}
	}
	return true
}

// essentialACR are the values of which one must be reached. Core, Section 5.5.1.1: "If
// the Authorization Server cannot ... it MUST treat that outcome as a failed authentication
// attempt"; acr_values alone are voluntary.
func (a *authorization) essentialACR() ([]string, bool) {
	if a.req.Claims == nil || !essential(a.req.Claims.IDToken, "acr") {
		return nil, false
	}
	return wanted(a.req.Claims.IDToken, "acr"), true
}

// mustConsent returns what is granted, and whether the user has to be asked first.
func (s *Step) mustConsent(ctx context.Context, a *authorization, sess *session) (message.List, bool, error) {
	asked := a.req.Prompt.Has(message.PromptConsent)
	switch {
	case a.done.Consented:
		return a.done.Scope, false, nil
	case asked:
		return nil, true, nil
	case a.client.Trusted:
		return a.scope, false, nil
	case a.client.unidentified():
		return nil, true, nil
	}
	before, err := s.consent(ctx, sess.User, a.client)
	if err != nil {
		return nil, false, err
	}
	if len(a.req.AuthorizationDetails) > 0 {
		return nil, true, nil // what is this special is asked each time
	}
	return a.scope, !before.covers(a.scope, s.Context.requested(a.req.Claims), a.req.Resource), nil
}

// unidentified reports whether anybody on the user's device can play this client: RFC
// 8252, Section 8.6: such requests are not processed "without user consent or interaction,
// except when the identity of the client can be assured".
func (c *Client) unidentified() bool {
	if !c.Public() || c.Metadata.ApplicationType != message.ApplicationTypeNative {
		return false
	}
	return slices.ContainsFunc(c.Metadata.RedirectURIs, func(uri string) bool { return !strings.HasPrefix(uri, "https://") })
}

// ask is the page that the request needs next.
func (s *Step) ask(ctx context.Context, a *authorization, prompt Prompt, user User, failure Failure) error {
	data, err := a.suspend()
	if err != nil {
		return err
	}
	need := &NeedUser{
		Prompt: prompt, Request: a.req, Client: a.client, User: user, LoginHint: a.req.LoginHint,
		Scope: a.scope, Claims: s.Context.requested(a.req.Claims), Resource: a.req.Resource,
		Details: a.req.AuthorizationDetails, Locales: a.req.UILocales, Display: a.req.Display, Failure: failure,
	}
	if prompt == PromptConsent {
		before, err := s.consent(ctx, user.ID, a.client)
		if err != nil {
			return err
		}
		need.Known = before.Scope
	}
	return s.Ask(ctx, need, data)
}

// answered goes on with what the user answered.
func (s *Step) answered(ctx context.Context, a *authorization, asked *Asked, answer Answer) (*Outcome, error) {
	if answer.Action == ActionDeny {
		return nil, Refuse(400, message.AccessDenied, message.RuleOPConsent, "")
	}
	sess, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	switch asked.Prompt {
	case PromptLogin, PromptSelectAccount, PromptCreate:
		if answer.Action == ActionContinue && asked.Prompt == PromptSelectAccount {
			a.done.Selected = true
			return s.decideFor(ctx, a, sess)
		}
		who, failure, err := s.identify(ctx, asked.Prompt, answer)
		if err != nil {
			return nil, err
		}
		if failure != FailureNone {
			return nil, s.ask(ctx, a, asked.Prompt, User{}, failure)
		}
		if sess, s.cookies, err = s.login(ctx, sess, *who); err != nil {
			return nil, err
		}
		a.done.LoggedIn, a.done.Selected = sess.key, true
	case PromptConsent:
		if answer.Action != ActionAllow || sess == nil || sess.key != a.done.Asked {
			return s.decideFor(ctx, a, sess)
		}
		if err := s.consented(ctx, a, sess, answer); err != nil {
			return nil, err
		}
	}
	return s.decideFor(ctx, a, sess)
}

// consented notes what the user allows.
func (s *Step) consented(ctx context.Context, a *authorization, sess *session, answer Answer) error {
	allowed := a.scope
	if answer.Scope != nil {
		allowed = nil
		for _, word := range a.scope {
			if word == message.ScopeOpenID || answer.Scope.Has(word) {
				allowed = append(allowed, word)
			}
		}
	}
	if len(allowed) == 0 && len(a.req.AuthorizationDetails) == 0 {
		return Refuse(400, message.AccessDenied, message.RuleOPConsent, "scope")
	}
	a.done.Consented, a.done.Scope = true, allowed
	before, err := s.consent(ctx, sess.User, a.client)
	if err != nil {
		return err
	}
	return s.saveConsent(ctx, sess.User, a.client, before, consent{
		Scope: allowed, Claims: s.Context.requested(a.req.Claims), Resource: a.req.Resource,
	})
}

// identify finds out who answered. Guesses are limited for each name and source; an
// unknown user looks like a wrong password.
func (s *Step) identify(ctx context.Context, prompt Prompt, answer Answer) (*Authentication, Failure, error) {
	if answer.Authentication != nil {
		return answer.Authentication, FailureNone, checkUserID(answer.Authentication.User)
	}
	if prompt == PromptCreate && answer.Action == ActionCreate {
		return s.createAccount(ctx, answer)
	}
	guess := &attempt{context: s.Context, who: "user\x00" + answer.Username + "\x00" + answer.RemoteAddr}
	full, err := guess.full(ctx)
	if err != nil {
		return nil, FailureNone, err
	}
	if full {
		return nil, FailureAttempts, nil
	}
	who, ok, err := s.Context.users.Authenticate(ctx, answer.Username, answer.Password)
	if err != nil {
		return nil, FailureNone, err
	}
	if !ok {
		if _, err := guess.count(ctx); err != nil {
			return nil, FailureNone, err
		}
		return nil, FailureCredentials, nil
	}
	return &who, FailureNone, checkUserID(who.User)
}

// checkUserID refuses an ID that cannot be a subject. Core, Section 2: sub "MUST NOT
// exceed 255 ASCII characters in length".
func checkUserID(id string) error {
	bad := id == "" || len(id) > 255 || strings.HasPrefix(id, "client:")
	for _, c := range []byte(id) {
		bad = bad || c < 0x20 || c > 0x7e
	}
	if bad {
		return fmt.Errorf("endpoint: Users: an ID needs 1 to 255 ASCII characters and another beginning than that of a client's subject")
	}
	return nil
}
