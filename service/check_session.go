package service

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// CheckSessionName is the name of the check_session service.
const CheckSessionName = "check_session"

// NewCheckSession makes the check_session service (Session Management 1.0, Section
// 3.1). Its request is data for a page of ours: load URL in an iframe, and post
// Body to it, to its origin only. The page hands the answer back as a callback
// with the parameters state and status; what then has to be asked of the provider
// is the Result's Optional task.
func NewCheckSession(env Env) Service {
	return Definition[message.CheckSessionRequest, message.CheckSessionResponse]{
		Name:     CheckSessionName,
		Request:  Text,
		Response: Params,
		Login:    true,
		Endpoint: func(s *Step, _ *message.CheckSessionRequest) string {
			if s.Snapshot.Provider == nil {
				return ""
			}
			return s.Snapshot.Provider.CheckSessionIframe
		},
		Gather: gatherCheckSession,
		Decode: func(ctx context.Context, s *Step) (*message.CheckSessionResponse, error) {
			m := new(message.CheckSessionResponse)
			if err := decodeInbound(s, m, message.RuleSessionIframe); err != nil {
				return nil, err
			}
			return m, s.session(ctx, m.State)
		},
		Verify: verifySessionStatus,
	}.New(env)
}

func gatherCheckSession(_ context.Context, s *Step, req *message.CheckSessionRequest) error {
	var resp message.AuthorizationResponse
	if err := message.DecodeJSON(s.Record.Item(state.ItemAuthResponse), &resp); err != nil {
		return fmt.Errorf("%s: %w", state.ItemAuthResponse, err)
	}
	if resp.SessionState == "" {
		return fmt.Errorf("%w: the provider sent no session_state", ErrNotConfigured)
	}
	// "It MUST NOT contain the space character" (Section 2), which separates the two.
	if strings.Contains(resp.SessionState, " ") {
		return s.Fail(message.RuleSessionIframe, "session_state", message.Excerpt(resp.SessionState), "a value without a space", nil)
	}
	req.ClientID, req.SessionState = s.clientID(), resp.SessionState
	s.Pass(message.RuleSessionIframe, "session_state")
	return nil
}

// verifySessionStatus: on changed a silent request decides, with the ID Token as
// hint; "if the result is error ... MUST NOT" such a request be made (Session
// Management 1.0, Section 3.1).
func verifySessionStatus(_ context.Context, s *Step, resp *message.CheckSessionResponse) error {
	switch resp.Status {
	case message.SessionUnchanged, message.SessionError:
	case message.SessionChanged:
		hint, err := originalIDToken(s.Record)
		if err != nil {
			return err
		}
		ask := message.AuthorizationRequest{Prompt: message.List{message.PromptNone}, IDTokenHint: hint}
		s.Optional = append(s.Optional, s.task(NewAuthorization, Args{Message: ask}))
	default:
		return s.Fail(message.RuleSessionStatus, "status", message.Excerpt(resp.Status), "unchanged, changed or error", nil)
	}
	s.Pass(message.RuleSessionStatus, "status")
	return nil
}

// SessionOrigin is the origin that messages go to and are taken from: that of the
// provider's session iframe (Session Management 1.0, Section 3.1).
func SessionOrigin(iframe string) (string, error) {
	u, err := url.Parse(iframe)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%w: check_session_iframe", ErrNotConfigured)
	}
	return u.Scheme + "://" + u.Host, nil
}
