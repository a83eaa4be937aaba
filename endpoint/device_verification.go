package endpoint

import (
	"context"
	"encoding/json"

	"github.com/oidcservice/oidc/message"
)

const devicePath = "/device"

// NewDeviceVerification makes the page at which a user connects a device (RFC 8628,
// Section 3.3): it asks for the code, who the user is, and whether this is the device.
func NewDeviceVerification(env Env) Endpoint {
	return Definition[message.DeviceVerificationRequest]{
		Name:    "device",
		Path:    devicePath,
		Methods: []string{"GET"},
		Request: Form,
		Browser: true,
		Verify: func(_ context.Context, s *Step, _ *message.DeviceVerificationRequest) error {
			if s.malformed != nil {
				return s.malformed
			}
			return nil
		},
		Process: func(ctx context.Context, s *Step, req *message.DeviceVerificationRequest) (*Outcome, error) {
			// Section 3.3.1: also with the complete address the user sees the code and
			// confirms; so it only fills the field in.
			return nil, s.askUserCode(ctx, req.UserCode, FailureNone)
		},
		Resume: resumeDevice,
		Respond: func(_ context.Context, _ *Step, o *Outcome) (*Response, error) {
			return &Response{Status: 200, Header: noStore(), Placement: OnPage, Page: o.Page}, nil
		},
	}.New(env)
}

// suspendedDevice is a device whose user is being asked.
type suspendedDevice struct {
	ID    string `json:"id,omitempty"`
	Asked string `json:"asked,omitempty"` // the session that is asked
}

func (s *Step) askUserCode(ctx context.Context, code string, failure Failure) error {
	return s.Ask(ctx, &NeedUser{Prompt: PromptUserCode, Request: &message.DeviceVerificationRequest{UserCode: code}, UserCode: code, Failure: failure}, suspendedDevice{})
}

func resumeDevice(ctx context.Context, s *Step, asked *Asked, answer Answer) (*Outcome, error) {
	var was suspendedDevice
	if err := json.Unmarshal(asked.Data, &was); err != nil {
		return nil, err
	}
	sess, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	if asked.Prompt == PromptUserCode {
		if was.ID, err = s.deviceOf(ctx, answer); err != nil {
			return nil, err
		}
		if was.ID == "" {
			return nil, s.askUserCode(ctx, answer.UserCode, FailureUserCode)
		}
	}
	var d deviceGrant
	found, err := s.Context.store.get(ctx, kindDevice, was.ID, &d)
	if err != nil {
		return nil, err
	}
	client, known, err := s.Context.clients.Client(ctx, d.Client)
	if err != nil {
		return nil, err
	}
	if !found || !known || !s.Now.Before(d.Until) {
		return nil, s.askUserCode(ctx, "", FailureUserCode)
	}
	s.Client = client
	switch {
	case answer.Action == ActionDeny:
		return s.decideDevice(ctx, was.ID, &d, deviceDecision{})
	case asked.Prompt == PromptLogin:
		who, failure, err := s.identify(ctx, asked.Prompt, answer)
		if err != nil {
			return nil, err
		}
		if failure != FailureNone {
			return nil, s.askDevice(ctx, PromptLogin, &d, User{}, was, failure)
		}
		if sess, s.cookies, err = s.login(ctx, sess, *who); err != nil {
			return nil, err
		}
	}
	if sess == nil {
		return nil, s.askDevice(ctx, PromptLogin, &d, User{}, was, FailureNone)
	}
	user, found, err := s.user(ctx, sess.User)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, s.askDevice(ctx, PromptLogin, &d, User{}, was, FailureNone)
	}
	if asked.Prompt != PromptDevice || answer.Action != ActionAllow || was.Asked != sess.key {
		was.Asked = sess.key
		return nil, s.askDevice(ctx, PromptDevice, &d, user, was, FailureNone)
	}
	g, err := s.deviceGrant(ctx, &d, sess)
	if err != nil {
		return nil, err
	}
	return s.decideDevice(ctx, was.ID, &d, deviceDecision{Grant: g})
}

// deviceOf finds the device of a code that was typed, "" for none. Tries are limited (RFC
// 8628, Section 5.1).
func (s *Step) deviceOf(ctx context.Context, answer Answer) (string, error) {
	guess := &attempt{context: s.Context, who: "user_code\x00" + answer.RemoteAddr}
	full, err := guess.full(ctx)
	if err != nil || full {
		return "", err
	}
	id := ""
	found, err := s.Context.store.get(ctx, kindUserCode, typedCode(answer.UserCode), &id)
	if err != nil {
		return "", err
	}
	if !found {
		_, err := guess.count(ctx)
		return "", err
	}
	return id, nil
}

func (s *Step) askDevice(ctx context.Context, prompt Prompt, d *deviceGrant, user User, data suspendedDevice, failure Failure) error {
	return s.Ask(ctx, &NeedUser{
		Prompt: prompt, Request: &message.DeviceVerificationRequest{UserCode: d.UserCode}, Client: s.Client, User: user,
		Scope: d.Scope, Resource: d.Resource, UserCode: d.UserCode[:userCodeLength/2] + "-" + d.UserCode[userCodeLength/2:], Failure: failure,
	}, data)
}

// deviceGrant is what the user allows the device. It is stored when the device asks for
// its tokens.
func (s *Step) deviceGrant(ctx context.Context, d *deviceGrant, sess *session) (*grant, error) {
	id, err := s.Context.random()
	if err != nil {
		return nil, err
	}
	g := &grant{
		ID: id, Client: d.Client, User: sess.User, Subject: s.Context.subject(sess.User, s.Client), Scope: d.Scope, Resource: d.Resource,
		AuthTime: sess.AuthTime, ACR: sess.ACR, AMR: sess.AMR, TellACR: len(d.ACR) > 0,
		// A device is not part of the browser's session: it goes on after a logout.
		Offline: true,
	}
	g.Refresh = s.Client.grants(message.GrantTypeRefreshToken) && (d.Scope.Has(message.ScopeOfflineAccess) || !d.Scope.Has(message.ScopeOpenID))
	before, err := s.consent(ctx, sess.User, s.Client)
	if err != nil {
		return nil, err
	}
	return g, s.saveConsent(ctx, sess.User, s.Client, before, consent{Scope: d.Scope, Resource: d.Resource})
}

// decideDevice notes the first decision; a second changes nothing. The code that was typed
// is used up.
func (s *Step) decideDevice(ctx context.Context, id string, d *deviceGrant, decision deviceDecision) (*Outcome, error) {
	c := s.Context
	if _, err := c.store.take(ctx, kindUserCode, d.UserCode, nil); err != nil {
		return nil, err
	}
	if _, err := c.store.add(ctx, kindDeviceDecision, id, decision, d.Until.Sub(s.Now)+c.lifetimes.Interaction); err != nil {
		return nil, err
	}
	return &Outcome{Page: &Page{Kind: PageDone, Client: s.Client}}, nil
}
