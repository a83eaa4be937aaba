package endpoint

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/oidcservice/oidc/message"
)

// A logout is a request to end a session, verified.
type logout struct {
	ClientID string       `json:"client_id,omitempty"`
	Redirect string       `json:"redirect,omitempty"` // proven to be registered for the client
	State    string       `json:"state,omitempty"`
	Locales  message.List `json:"locales,omitempty"`

	client *Client
	hint   *idTokenHint
}

// NewEndSession makes the endpoint of RP-Initiated Logout 1.0. Any subset of the
// parameters is a good request, none of them included.
func NewEndSession(env Env) Endpoint {
	return Definition[message.EndSessionRequest]{
		Name:    "end_session",
		Path:    "/end_session",
		Methods: []string{"GET", "POST"},
		Request: Form,
		Browser: true,
		Describe: func(_ *Context, url string, m *message.ProviderMetadata) {
			yes := true
			m.EndSessionEndpoint = url
			m.FrontchannelLogoutSupported, m.FrontchannelLogoutSessionSupported = &yes, &yes
			m.BackchannelLogoutSupported, m.BackchannelLogoutSessionSupported = &yes, &yes
		},
		Verify:  verifyEndSession,
		Process: processEndSession,
		Resume:  resumeEndSession,
		Respond: respondEndSession,
	}.New(env)
}

func verifyEndSession(ctx context.Context, s *Step, req *message.EndSessionRequest) error {
	if s.malformed != nil {
		return s.malformed
	}
	req.Extra = nil
	out := &logout{State: req.State, Locales: req.UILocales}
	s.Value = out
	if req.ClientID != "" {
		client, found, err := s.Context.clients.Client(ctx, req.ClientID)
		if err != nil {
			return err
		}
		if !found {
			return Refuse(400, message.InvalidRequest, message.RuleOPEndSessionClient, "client_id")
		}
		out.client = client
	}
	if req.IDTokenHint != "" {
		signer := out.client
		if signer == nil {
			client, err := s.hintedClient(ctx, req.IDTokenHint)
			if err != nil {
				return err
			}
			signer = client
		}
		hint, err := s.readHint(req.IDTokenHint, signer)
		if err != nil {
			return Refuse(400, message.InvalidRequest, message.RuleOPEndSessionHint, "id_token_hint").Because("", "", err)
		}
		out.hint = hint
		// RP-Initiated Logout, Section 2: "If both client_id and id_token_hint are present,
		// the OP MUST verify that the Client Identifier matches the one used when issuing
		// the ID Token."
		if out.client != nil && !hint.aud.Has(out.client.ID) {
			return Refuse(400, message.InvalidRequest, message.RuleOPEndSessionClient, "client_id")
		}
		if out.client == nil {
			client, found, err := s.Context.clients.Client(ctx, hint.aud[0])
			if err != nil {
				return err
			}
			if found {
				out.client = client
			}
		}
	}
	if out.client != nil {
		out.ClientID, s.Client = out.client.ID, out.client
	}
	if uri := req.PostLogoutRedirectURI; uri != "" {
		// Section 3: the redirect is only made to a registered address of the client that a
		// hint or client_id proves.
		if out.client == nil || !slices.Contains(out.client.Metadata.PostLogoutRedirectURIs, uri) {
			return Refuse(400, message.InvalidRequest, message.RuleOPEndSessionRedirect, "post_logout_redirect_uri")
		}
		out.Redirect = uri
	}
	return nil
}

func processEndSession(ctx context.Context, s *Step, req *message.EndSessionRequest) (*Outcome, error) {
	out := s.Value.(*logout)
	sess, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	if sess == nil {
		return s.loggedOut(out, nil, new(notice))
	}
	if s.hinted(out, sess) {
		return s.logOut(ctx, out, sess)
	}
	// Section 2: "If ... the supplied ID Token ... cannot be ... the OP MUST ask the
	// End-User whether to log out" and, in Section 6, logout requests without a valid hint
	// are a potential means of denial of service.
	user, _, err := s.user(ctx, sess.User)
	if err != nil {
		return nil, err
	}
	return nil, s.Ask(ctx, &NeedUser{
		Prompt: PromptLogout, Request: req, Client: out.client, User: user, Locales: out.Locales,
	}, out)
}

// hinted reports whether the hint belongs to this session.
func (s *Step) hinted(out *logout, sess *session) bool {
	if out.hint == nil || out.client == nil {
		return false
	}
	if out.hint.sid != "" {
		return out.hint.sid == sid(sess.ID, out.client.ID)
	}
	return out.hint.subject == s.Context.subject(sess.User, out.client)
}

func resumeEndSession(ctx context.Context, s *Step, asked *Asked, answer Answer) (*Outcome, error) {
	out := new(logout)
	if err := json.Unmarshal(asked.Data, out); err != nil {
		return nil, err
	}
	if out.ClientID != "" {
		client, found, err := s.Context.clients.Client(ctx, out.ClientID)
		if err != nil {
			return nil, err
		}
		if !found || out.Redirect != "" && !slices.Contains(client.Metadata.PostLogoutRedirectURIs, out.Redirect) {
			out.Redirect = ""
		}
		out.client = client
	}
	sess, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	if sess == nil {
		return s.loggedOut(out, nil, new(notice))
	}
	if answer.Action == ActionDeny {
		// Who wants to stay is sent back too; nothing was logged out.
		o, err := s.loggedOut(out, nil, new(notice))
		if err == nil && o.Page != nil {
			o.Page.Kind = PageLoggedIn
		}
		return o, err
	}
	return s.logOut(ctx, out, sess)
}

// logOut ends the session for all its clients, and says what to tell them.
func (s *Step) logOut(ctx context.Context, out *logout, sess *session) (*Outcome, error) {
	clients, err := s.reached(ctx, sess)
	if err != nil {
		return nil, err
	}
	if clients, err = s.readyToNotify(ctx, clients); err != nil {
		return nil, err
	}
	ended, err := s.end(ctx, sess)
	if err != nil {
		return nil, err
	}
	n := new(notice)
	if ended {
		if n, err = s.notify(ctx, sess, clients); err != nil {
			return nil, err
		}
	}
	return s.loggedOut(out, sess, n)
}

// loggedOut says where the browser goes: back to the client, or to a page of ours. Frames
// are loaded first (Front-Channel Logout, Section 3).
func (s *Step) loggedOut(out *logout, sess *session, n *notice) (*Outcome, error) {
	answer := &message.EndSessionResponse{}
	if out.Redirect != "" {
		// Section 3: state goes back with the redirect, unchanged.
		answer.State = out.State
	}
	o := &Outcome{Message: answer, Location: out.Redirect, Send: n.send}
	if out.Redirect == "" || len(n.frames) > 0 {
		o.Page = &Page{Kind: PageLoggedOut, Client: out.client, Locales: out.Locales, Frames: n.frames}
	}
	if sess != nil {
		o.Cookies = append(s.Context.stateCookies(nil), s.Context.cookie("", -1))
	}
	return o, nil
}

func respondEndSession(_ context.Context, _ *Step, o *Outcome) (*Response, error) {
	resp := &Response{Status: 303, Placement: InURL, Header: noStore()}
	next := ""
	if o.Location != "" {
		form, err := message.EncodeForm(o.Message)
		if err != nil {
			return nil, err
		}
		next = addQuery(o.Location, form)
	}
	if o.Page == nil {
		resp.Location = next
		return resp, nil
	}
	page := *o.Page
	page.Next = next
	resp.Status, resp.Placement, resp.Page = 200, OnPage, &page
	return resp, nil
}
