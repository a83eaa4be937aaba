package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/oidcservice/oidc/message"
)

const approvalsPath = "/approvals"

// NewApprovals makes the page at which users answer what clients ask them on another
// device (CIBA, Section 7.3: "the OP ... initiates an appropriate authentication and
// consent process"). It is there with Policy.Approvals.
func NewApprovals(env Env) Endpoint {
	return Definition[message.ApprovalsRequest]{
		Name:    "approvals",
		Path:    approvalsPath,
		Methods: []string{"GET"},
		Request: Form,
		Browser: true,
		Verify: func(_ context.Context, s *Step, _ *message.ApprovalsRequest) error {
			if s.malformed != nil {
				return s.malformed
			}
			return nil
		},
		Process: func(ctx context.Context, s *Step, req *message.ApprovalsRequest) (*Outcome, error) {
			sess, err := s.session(ctx)
			if err != nil {
				return nil, err
			}
			return nil, s.askApproval(ctx, sess, req.UILocales, FailureNone)
		},
		Resume:  resumeApprovals,
		Respond: respondApprovals,
	}.New(env)
}

// suspendedApproval is a visit to the page.
type suspendedApproval struct {
	Asked   string       `json:"asked,omitempty"` // the session that is asked
	Locales message.List `json:"locales,omitempty"`
}

// askApproval shows what waits for the user of a session, and asks who the user is where
// there is none.
func (s *Step) askApproval(ctx context.Context, sess *session, locales message.List, failure Failure) error {
	request := &message.ApprovalsRequest{UILocales: locales}
	was := suspendedApproval{Locales: locales}
	if sess != nil {
		user, found, err := s.user(ctx, sess.User)
		if err != nil {
			return err
		}
		if found {
			waiting, err := s.Context.Questions(ctx, user.ID)
			if err != nil {
				return err
			}
			was.Asked = sess.key
			return s.Ask(ctx, &NeedUser{
				Prompt: PromptApproval, Request: request, User: user, Questions: waiting, Locales: locales, Failure: failure,
			}, was)
		}
	}
	return s.Ask(ctx, &NeedUser{Prompt: PromptLogin, Request: request, Locales: locales, Failure: failure}, was)
}

func resumeApprovals(ctx context.Context, s *Step, asked *Asked, answer Answer) (*Outcome, error) {
	var was suspendedApproval
	if err := json.Unmarshal(asked.Data, &was); err != nil {
		return nil, err
	}
	sess, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	if asked.Prompt == PromptLogin {
		if answer.Action == ActionDeny {
			return &Outcome{Page: &Page{Kind: PageDone, Locales: was.Locales}}, nil
		}
		who, failure, err := s.identify(ctx, asked.Prompt, answer)
		if err != nil {
			return nil, err
		}
		if failure != FailureNone {
			return nil, s.askApproval(ctx, nil, was.Locales, failure)
		}
		if _, s.cookies, err = s.login(ctx, sess, *who); err != nil {
			return nil, err
		}
		return s.backToApprovals(was, nil), nil
	}
	if sess == nil || sess.key != was.Asked {
		return nil, s.askApproval(ctx, sess, was.Locales, FailureNone)
	}
	if answer.Action != ActionAllow && answer.Action != ActionDeny {
		return s.backToApprovals(was, nil), nil
	}
	send, err := s.approve(ctx, sess, answer)
	if errors.Is(err, ErrForeign) {
		return nil, s.askApproval(ctx, sess, was.Locales, FailureQuestion)
	}
	if err != nil {
		return nil, err
	}
	return s.backToApprovals(was, send), nil
}

// approve notes what a user answered to a question of its own.
func (s *Step) approve(ctx context.Context, sess *session, answer Answer) ([]Outbound, error) {
	q, err := s.Context.question(ctx, sess.User, answer.Question)
	if err != nil {
		return nil, err
	}
	if q == nil {
		return nil, ErrForeign
	}
	return s.Context.Decide(ctx, q.Ticket, answer.Action == ActionAllow, Authentication{
		User: sess.User, Time: sess.AuthTime.Time(), ACR: sess.ACR, AMR: sess.AMR,
	})
}

// backToApprovals sends the browser to the page itself, which may then be loaded again.
func (s *Step) backToApprovals(was suspendedApproval, send []Outbound) *Outcome {
	to := s.Context.URL(approvalsPath)
	if len(was.Locales) > 0 {
		to += "?" + url.Values{"ui_locales": {was.Locales.String()}}.Encode()
	}
	return &Outcome{Location: to, Send: send}
}

func respondApprovals(_ context.Context, _ *Step, o *Outcome) (*Response, error) {
	resp := &Response{Status: 303, Header: noStore(), Placement: InURL, Location: o.Location}
	if o.Page != nil {
		resp = &Response{Status: 200, Header: noStore(), Placement: OnPage, Page: o.Page}
	}
	return resp, nil
}

// maxQuestions bounds what waits for one user, so that nothing drowns in a flood.
const maxQuestions = 20

// questionSlot is where one of a user's questions is noted. Slots need no operation of the
// store but those that every store has, and are their own bound.
func questionSlot(user string, n int) string { return strconv.Itoa(n) + "\x00" + user }

// queue notes a question where its user finds it. CIBA, Section 13: access_denied, "The
// resource owner or OpenID Provider denied the request".
func (s *Step) queue(ctx context.Context, user, ticket string, life time.Duration) (string, error) {
	for n := range maxQuestions {
		slot := questionSlot(user, n)
		added, err := s.Context.store.add(ctx, kindQuestion, slot, ticket, life)
		if added || err != nil {
			return slot, err
		}
	}
	return "", Refuse(403, message.AccessDenied, message.RuleOPCIBAResult, "login_hint").Because("too many questions", "fewer that wait for the user", nil)
}

// Questions lists what clients ask a user on another device and what still waits for an
// answer, the most urgent first; Decide takes the answers. It is empty without
// Policy.Approvals.
func (c *Context) Questions(ctx context.Context, user string) ([]Decoupled, error) {
	if !c.policy.Approvals {
		return nil, nil
	}
	var list []Decoupled
	for n := range maxQuestions {
		ticket := ""
		found, err := c.store.get(ctx, kindQuestion, questionSlot(user, n), &ticket)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		q, err := c.question(ctx, user, ticket)
		if err != nil {
			return nil, err
		}
		if q != nil {
			list = append(list, *q)
		}
	}
	slices.SortStableFunc(list, func(a, b Decoupled) int { return a.Until.Compare(b.Until) })
	return list, nil
}

// question returns the question of a ticket, nil if it does not wait for this user.
func (c *Context) question(ctx context.Context, user, ticket string) (*Decoupled, error) {
	var r cibaRequest
	found, err := c.store.get(ctx, kindCIBA, ticket, &r)
	if err != nil || !found || r.User != user || !c.now().Before(r.Until) {
		return nil, err
	}
	decided, err := c.store.get(ctx, kindDeviceDecision, ticket, nil)
	if err != nil || decided {
		return nil, err
	}
	client, known, err := c.clients.Client(ctx, r.Client)
	if err != nil || !known {
		return nil, err
	}
	who, found, err := c.step().user(ctx, user)
	if err != nil || !found {
		return nil, err
	}
	return r.ask(ticket, client, who), nil
}

// ask is the question that a request puts to its user.
func (r *cibaRequest) ask(ticket string, client *Client, user User) *Decoupled {
	return &Decoupled{
		Ticket: ticket, Client: client, User: user, Scope: r.Scope, Resource: r.Resource, BindingMessage: r.Message, ACRValues: r.ACR, Until: r.Until,
	}
}
