package endpoint

import (
	"context"
	"time"

	"github.com/oidcservice/oidc/message"
)

// A poll is when a device may ask again.
type poll struct {
	Interval time.Duration `json:"interval"`
	Next     time.Time     `json:"next"`
}

func verifyDeviceToken(ctx context.Context, s *Step, m *message.DeviceTokenRequest) error {
	if m.DeviceCode == "" {
		return Refuse(400, message.InvalidRequest, message.RuleOPTokenError, "device_code")
	}
	if err := s.checkResources(s.Client, m.Resource); err != nil {
		return err
	}
	return s.canEncrypt(ctx, s.Client, s.Client.Metadata.IDTokenEncryptedResponseAlg)
}

// processDeviceToken answers a device's poll (RFC 8628, Section 3.5).
func processDeviceToken(ctx context.Context, s *Step, m *message.DeviceTokenRequest) (*Outcome, error) {
	c := s.Context
	id := ""
	found, err := c.store.get(ctx, kindDeviceCode, m.DeviceCode.Reveal(), &id)
	if err != nil {
		return nil, err
	}
	var d deviceGrant
	if found {
		if found, err = c.store.get(ctx, kindDevice, id, &d); err != nil {
			return nil, err
		}
	}
	if !found || d.Client != s.Client.ID {
		return nil, invalidGrant(message.RuleOPTokenInvalidGrant, "device_code")
	}
	if !s.Now.Before(d.Until) {
		return nil, Refuse(400, message.ExpiredToken, message.RuleOPDevicePoll, "device_code")
	}
	if !subset(m.Resource, d.Resource) {
		return nil, Refuse(400, message.InvalidTarget, message.RuleOPAuthzResource, "resource")
	}
	// One decision is taken by one poll.
	var decision deviceDecision
	decided, err := c.store.take(ctx, kindDeviceDecision, id, &decision)
	if err != nil {
		return nil, err
	}
	if !decided {
		return nil, s.pollLater(ctx, id, message.RuleOPDevicePoll, "device_code")
	}
	// What was decided is told once; the code is used up.
	if _, err := c.store.take(ctx, kindDeviceCode, m.DeviceCode.Reveal(), nil); err != nil {
		return nil, err
	}
	if decision.Grant == nil {
		return nil, Refuse(400, message.AccessDenied, message.RuleOPDevicePoll, "device_code")
	}
	return s.redeemGrant(ctx, decision.Grant, m.Resource)
}

// pollLater answers a poll before there is a decision: authorization_pending, or slow_down
// to one that comes too early, which makes the interval 5 seconds longer (RFC 8628, Section
// 3.5; CIBA, Section 11).
func (s *Step) pollLater(ctx context.Context, id string, rule message.Rule, param string) error {
	c := s.Context
	p := poll{Interval: c.lifetimes.Interval}
	found, err := c.store.get(ctx, kindPoll, id, &p)
	if err != nil {
		return err
	}
	code := message.AuthorizationPending
	if found && s.Now.Before(p.Next) {
		code = message.SlowDown
		p.Interval += 5 * time.Second
	}
	p.Next = s.Now.Add(p.Interval)
	if err := c.store.put(ctx, kindPoll, id, p, c.lifetimes.DeviceCode+c.lifetimes.Interaction); err != nil {
		return err
	}
	return Refuse(400, code, rule, param)
}

// redeemGrant stores a grant that a user gave elsewhere and issues its tokens.
func (s *Step) redeemGrant(ctx context.Context, g *grant, resource []string) (*Outcome, error) {
	if !subset(resource, g.Resource) {
		return nil, Refuse(400, message.InvalidTarget, message.RuleOPAuthzResource, "resource")
	}
	if len(resource) == 0 {
		resource = g.Resource
	}
	user, err := s.owner(ctx, g)
	if err != nil {
		return nil, err
	}
	if err := s.saveGrant(ctx, g); err != nil {
		return nil, err
	}
	refresh := ""
	if g.Refresh {
		if refresh, err = s.newRefreshToken(ctx, g); err != nil {
			return nil, err
		}
	}
	return s.tokens(ctx, &issued{grant: g, resource: resource, refresh: refresh, idToken: g.Scope.Has(message.ScopeOpenID), user: user})
}
