package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// logoutReturned marks a logout state as spent in the state database, for as long as
// a browser may still hold the address.
const (
	logoutReturned     = "logout_return"
	logoutReturnedLife = 24 * time.Hour
)

// endSessionURL is how long the URL of a logout may be, in bytes. Common servers take a
// request line of 8 KiB.
const endSessionURL = 7 << 10

// NewEndSession makes the end_session service: the browser takes the request to the
// provider, and may come back with the state (RP-Initiated Logout 1.0, Section 2). Our
// own session is to be closed before the browser leaves; the record of the login is
// removed when it comes back.
//
// Providers "MUST support the use of the HTTP GET and POST methods". GET is preferred,
// since browsers keep cookies from the POST of another site; a hint that is too long for
// a URL, such as an ID Token with many groups, is posted: then Request.Method is POST,
// and Body the form that a page has to submit.
func NewEndSession(env Env) Service {
	return Definition[message.EndSessionRequest, message.EndSessionResponse]{
		Name:      EndSessionName,
		Request:   Query,
		Response:  Params,
		FormAbove: endSessionURL,
		Login:     true,
		Endpoint:  func(s *Step, _ *message.EndSessionRequest) string { return s.Snapshot.Endpoint(EndSessionName) },
		Gather:    gatherEndSession,
		Complete:  completeEndSession,
		Remember: func(ctx context.Context, s *Step, req *message.EndSessionRequest) error {
			if req.State == "" {
				return nil
			}
			return s.DB().Link(ctx, state.KindLogoutState, req.State, s.State)
		},
		Decode: decodeEndSession,
		Verify: verifyEndSession,
		Update: func(ctx context.Context, s *Step, resp *message.EndSessionResponse) error {
			spent, err := s.DB().Seen(ctx, logoutReturned, resp.State, logoutReturnedLife)
			if err != nil {
				return err
			}
			if spent {
				return s.Fail(message.RuleEndSessionState, "state", "", "a state that was not used before", state.ErrUnknown)
			}
			return s.DB().End(ctx, s.State)
		},
	}.New(env)
}

// gatherEndSession: "id_token_hint: RECOMMENDED. ID Token previously issued by the OP
// to the RP" – the original one of this login – and client_id beside it.
func gatherEndSession(_ context.Context, s *Step, req *message.EndSessionRequest) error {
	if s.Snapshot.Provider == nil {
		return fmt.Errorf("%w: the provider's metadata", ErrNotConfigured)
	}
	if req.IDTokenHint == "" {
		original, err := originalIDToken(s.Record)
		if err != nil {
			return err
		}
		req.IDTokenHint = original
	}
	if req.ClientID == "" {
		req.ClientID = s.clientID()
	}
	if registered := s.Snapshot.Metadata.PostLogoutRedirectURIs; req.PostLogoutRedirectURI == "" && len(registered) > 0 {
		req.PostLogoutRedirectURI = registered[0]
	}
	return nil
}

// originalIDToken returns the ID Token that the login brought, as it came.
func originalIDToken(r state.Record) (message.Secret, error) {
	for _, item := range []string{state.ItemTokenResponse, state.ItemAuthResponse} {
		raw := r.Item(item)
		if raw == nil {
			continue
		}
		var tokens struct {
			IDToken message.Secret `json:"id_token,omitempty"`
			Extra   message.Extra  `json:"-" url:"-"`
		}
		if err := message.DecodeJSON(raw, &tokens); err != nil {
			return "", fmt.Errorf("record: %s: %w", item, err)
		}
		if tokens.IDToken != "" {
			return tokens.IDToken, nil
		}
	}
	return "", nil
}

func completeEndSession(ctx context.Context, s *Step, req *message.EndSessionRequest) error {
	if req.ClientID != s.clientID() || req.ClientID == "" {
		return s.Fail(message.RuleEndSessionRequest, "client_id", message.Excerpt(req.ClientID), "our client_id", nil)
	}
	original, err := originalIDToken(s.Record)
	if err != nil {
		return err
	}
	if req.IDTokenHint != "" && original != "" && !req.IDTokenHint.Equal(original) {
		return s.Fail(message.RuleEndSessionRequest, "id_token_hint", "", "the original ID Token of this login", nil)
	}
	if req.IDTokenHint == "" {
		s.Warn(message.RuleEndSessionRequest, "id_token_hint", "the login has no ID Token; the provider will ask the user")
	} else {
		s.Pass(message.RuleEndSessionRequest, "id_token_hint")
	}
	uri := req.PostLogoutRedirectURI
	if uri == "" {
		s.Skip(message.RuleEndSessionRedirectURI, "post_logout_redirect_uri", "none is registered, so nobody comes back")
		// Nothing would bring a state back.
		if req.State != "" {
			return s.Fail(message.RuleEndSessionState, "state", "", "a post_logout_redirect_uri beside it", nil)
		}
		return nil
	}
	if err := s.Require(contains(s.Snapshot.Metadata.PostLogoutRedirectURIs, uri), message.RuleEndSessionRedirectURI, "post_logout_redirect_uri", message.Excerpt(uri), "one that we registered"); err != nil {
		return err
	}
	return settleLogoutState(ctx, s, req)
}

// settleLogoutState draws a fresh state, or takes a good one of the caller's. It has
// an index of its own: a state of a login means nothing there.
func settleLogoutState(ctx context.Context, s *Step, req *message.EndSessionRequest) error {
	if req.State == "" {
		fresh, err := s.Random(stateBytes)
		if err != nil {
			return err
		}
		req.State = fresh
	} else if len(req.State) < stateMinimum || len(req.State) > stateMaximum || !urlSafe(req.State) {
		return s.Fail(message.RuleEndSessionState, "state", fmt.Sprintf("%d characters", len(req.State)), "22 to 128 URL-safe characters", nil)
	} else if logins, err := s.DB().States(ctx, state.KindLogoutState, req.State); err != nil {
		return err
	} else if len(logins) > 0 {
		return s.Fail(message.RuleEndSessionState, "state", "", "a state that was never used", nil)
	}
	s.Pass(message.RuleEndSessionState, "state")
	return nil
}

func decodeEndSession(_ context.Context, s *Step) (*message.EndSessionResponse, error) {
	m := new(message.EndSessionResponse)
	if err := decodeFront(s.Response, m); err != nil {
		return nil, s.Fail(message.RuleEndSessionReturn, "parameters", "", "each parameter once, strictly encoded", err)
	}
	return m, nil
}

// verifyEndSession looks for the logout that the state belongs to. Anybody can open
// the return address: without a state of ours it confirms nothing, and nothing
// happens.
func verifyEndSession(ctx context.Context, s *Step, resp *message.EndSessionResponse) error {
	const rule, param = message.RuleEndSessionReturn, "state"
	if resp.State == "" {
		return s.Fail(rule, param, "", "the state of a logout", nil)
	}
	logins, err := s.DB().States(ctx, state.KindLogoutState, resp.State)
	if err != nil {
		return err
	}
	if len(logins) == 0 {
		return s.Fail(rule, param, "", "the state of a logout that is under way", state.ErrUnknown)
	}
	r, err := s.DB().Session(ctx, logins[0])
	if err != nil && !errors.Is(err, state.ErrUnknown) {
		return err
	}
	if err == nil && r.Issuer != s.Snapshot.Issuer {
		return s.Fail(rule, param, message.Excerpt(r.Issuer), s.Snapshot.Issuer, nil)
	}
	s.State, s.Record = logins[0], r
	s.Pass(rule, param)
	return nil
}
