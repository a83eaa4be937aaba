package endpoint

import (
	"context"

	"github.com/oidcservice/oidc/message"
)

// Decide takes what the user answered on the other device. The notifications are for the
// caller to send. ErrForeign reports a ticket that is unknown, has expired or was decided.
func (c *Context) Decide(ctx context.Context, ticket string, allow bool, who Authentication) ([]Outbound, error) {
	s := &Step{Context: c, Now: c.now(), Request: &Request{}, keys: c.keys.Load()}
	var r cibaRequest
	found, err := c.store.get(ctx, kindCIBA, ticket, &r)
	if err != nil {
		return nil, err
	}
	if !found || !s.Now.Before(r.Until) || allow && who.User != r.User {
		return nil, ErrForeign
	}
	client, known, err := c.clients.Client(ctx, r.Client)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, ErrForeign
	}
	s.Client = client
	if r.Mode == message.DeliveryModePush {
		// What encryption needs is had before anything is decided.
		if err := s.canEncrypt(ctx, client, client.Metadata.IDTokenEncryptedResponseAlg); err != nil {
			return nil, err
		}
	}
	var decision deviceDecision
	if allow {
		if decision.Grant, err = s.cibaGrant(&r, who); err != nil {
			return nil, err
		}
	}
	noted := decision
	if r.Mode == message.DeliveryModePush {
		noted.Grant = nil // what is pushed cannot be fetched as well
	}
	added, err := c.store.add(ctx, kindDeviceDecision, ticket, noted, r.Until.Sub(s.Now)+c.lifetimes.Interaction)
	if err != nil {
		return nil, err
	}
	if !added {
		return nil, ErrForeign
	}
	if r.Slot != "" {
		if _, err := c.store.take(ctx, kindQuestion, r.Slot, nil); err != nil {
			return nil, err
		}
	}
	return s.notifyCIBA(ctx, &r, &decision)
}

func (s *Step) cibaGrant(r *cibaRequest, who Authentication) (*grant, error) {
	id, err := s.Context.random()
	if err != nil {
		return nil, err
	}
	g := &grant{
		ID: id, Client: r.Client, User: r.User, Subject: s.Context.subject(r.User, s.Client), Scope: r.Scope, Resource: r.Resource,
		AuthTime: message.Exactly(who.Time), ACR: who.ACR, AMR: who.AMR, TellAuthTime: true, TellACR: len(r.ACR) > 0, Offline: true,
		Refresh: s.Client.grants(message.GrantTypeRefreshToken) && r.Scope.Has(message.ScopeOfflineAccess),
	}
	if !g.AuthTime.Present() {
		g.AuthTime = message.Exactly(s.Now)
	}
	return g, nil
}

// notifyCIBA is the notification of a client that does not poll: the bare auth_req_id in
// ping mode, the result in push mode (CIBA, Sections 10.2, 10.3 and 12).
func (s *Step) notifyCIBA(ctx context.Context, r *cibaRequest, decision *deviceDecision) ([]Outbound, error) {
	n := message.BackchannelNotification{AuthReqID: message.Secret(r.ID)}
	switch r.Mode {
	case message.DeliveryModePing:
	case message.DeliveryModePush:
		if decision.Grant == nil {
			n.Error = message.AccessDenied
			break
		}
		o, err := s.pushTokens(ctx, decision.Grant, r.ID)
		if err != nil {
			return nil, err
		}
		n.AccessTokenResponse = *o
	default:
		return nil, nil
	}
	body, err := message.EncodeJSON(n)
	if err != nil {
		return nil, err
	}
	return []Outbound{{
		ClientID: r.Client, Method: "POST", URL: s.Client.Metadata.BackchannelClientNotificationEndpoint, Body: body,
		Header: Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + r.Notify}},
	}}, nil
}

// pushTokens issues what is pushed. CIBA, Section 10.3.1: the ID Token names the request,
// and hashes the access and the refresh token.
func (s *Step) pushTokens(ctx context.Context, g *grant, id string) (*message.AccessTokenResponse, error) {
	s.authReqID = id
	o, err := s.redeemGrant(ctx, g, nil)
	if err != nil {
		return nil, err
	}
	answer, ok := o.Message.(*message.AccessTokenResponse)
	if !ok {
		return nil, ErrForeign
	}
	return answer, nil
}

// verifyCIBAToken and processCIBAToken answer a poll (CIBA, Sections 10.1 and 11).
func verifyCIBAToken(ctx context.Context, s *Step, m *message.BackchannelTokenRequest) error {
	if m.AuthReqID == "" {
		return Refuse(400, message.InvalidRequest, message.RuleOPTokenError, "auth_req_id")
	}
	if s.Client.Metadata.BackchannelTokenDeliveryMode == message.DeliveryModePush {
		// Section 11: "unauthorized_client: The Client is not authorized as it is configured
		// in Push Mode".
		return Refuse(400, message.UnauthorizedClient, message.RuleOPCIBAResult, "auth_req_id")
	}
	if err := s.checkResources(s.Client, m.Resource); err != nil {
		return err
	}
	return s.canEncrypt(ctx, s.Client, s.Client.Metadata.IDTokenEncryptedResponseAlg)
}

func processCIBAToken(ctx context.Context, s *Step, m *message.BackchannelTokenRequest) (*Outcome, error) {
	c := s.Context
	ticket := ""
	found, err := c.store.get(ctx, kindAuthReqID, m.AuthReqID.Reveal(), &ticket)
	if err != nil {
		return nil, err
	}
	var r cibaRequest
	if found {
		if found, err = c.store.get(ctx, kindCIBA, ticket, &r); err != nil {
			return nil, err
		}
	}
	if !found || r.Client != s.Client.ID {
		return nil, invalidGrant(message.RuleOPTokenInvalidGrant, "auth_req_id")
	}
	if !s.Now.Before(r.Until) {
		return nil, Refuse(400, message.ExpiredToken, message.RuleOPCIBAResult, "auth_req_id")
	}
	if !subset(m.Resource, r.Resource) {
		return nil, Refuse(400, message.InvalidTarget, message.RuleOPAuthzResource, "resource")
	}
	var decision deviceDecision
	decided, err := c.store.take(ctx, kindDeviceDecision, ticket, &decision)
	if err != nil {
		return nil, err
	}
	if !decided {
		return nil, s.pollLater(ctx, ticket, message.RuleOPCIBAResult, "auth_req_id")
	}
	// What was decided is told once, and cannot be decided again.
	if _, err := c.store.take(ctx, kindAuthReqID, m.AuthReqID.Reveal(), nil); err != nil {
		return nil, err
	}
	if _, err := c.store.take(ctx, kindCIBA, ticket, nil); err != nil {
		return nil, err
	}
	if decision.Grant == nil {
		return nil, Refuse(400, message.AccessDenied, message.RuleOPCIBAResult, "auth_req_id")
	}
	return s.redeemGrant(ctx, decision.Grant, m.Resource)
}
