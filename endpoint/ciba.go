package endpoint

import (
	"context"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A HintResolver is a Users that finds a user by what a client knows, a login_hint or a
// login_hint_token. CIBA needs it; without it only id_token_hint finds somebody.
type HintResolver interface {
	// UserByHint finds the user. An error means that nobody can say now.
	UserByHint(ctx context.Context, hint string) (u User, found bool, err error)
	// CheckUserCode checks the secret by which a user keeps clients from asking at will
	// (CIBA, Section 7.1); required reports whether the user has one.
	CheckUserCode(ctx context.Context, user string, code message.Secret) (ok, required bool, err error)
}

// A Decoupled is a question for a user on another device (CIBA). The caller brings it
// there; the answer goes to Context.Decide with the ticket.
type Decoupled struct {
	Ticket         string       // names the question
	Client         *Client      // who asks
	User           User         // who is asked
	Scope          message.List // what for
	Resource       []string     // where it is to be used (RFC 8707)
	BindingMessage string       // what both devices show
	ACRValues      message.List // the authentication contexts that are asked for
	Until          time.Time    // when the answer comes too late
}

// deliveryModes are those that are implemented.
var deliveryModes = []string{message.DeliveryModePoll, message.DeliveryModePing, message.DeliveryModePush}

// A cibaRequest is a question that waits for its answer.
type cibaRequest struct {
	Client   string       `json:"client"`
	User     string       `json:"user"`
	Scope    message.List `json:"scope"`
	ACR      message.List `json:"acr,omitempty"`
	Resource []string     `json:"resource,omitempty"`
	Mode     string       `json:"mode"`
	Notify   string       `json:"notify,omitempty"` // the client's token; it has to be sent
	ID       string       `json:"id"`               // auth_req_id; it has to be sent
	Until    time.Time    `json:"until"`
	Message  string       `json:"message,omitempty"` // binding_message
	Slot     string       `json:"slot,omitempty"`    // where it waits for its user
}

const (
	maxBindingMessage    = 200
	maxCIBALife          = time.Hour
	maxNotificationToken = 1024
)

// NewBackchannelAuthentication makes the endpoint at which a client asks for a user on
// another device (CIBA, Section 7).
func NewBackchannelAuthentication(env Env) Endpoint {
	return Definition[message.BackchannelAuthenticationRequest]{
		Name:    "backchannel_authentication",
		Path:    "/bc-authorize",
		Methods: []string{"POST"},
		Request: Form,
		Proof:   ClientProof,
		Describe: func(c *Context, url string, m *message.ProviderMetadata) {
			_, codes := c.users.(HintResolver)
			m.BackchannelAuthenticationEndpoint = url
			m.BackchannelTokenDeliveryModesSupported = c.policy.DeliveryModes
			m.BackchannelAuthenticationRequestSigningAlgs = c.asymmetric()
			m.BackchannelUserCodeParameterSupported = &codes
		},
		ProofRule: message.RuleOPCIBARequest,
		Verify:    verifyCIBA,
		Process:   processCIBA,
	}.New(env)
}

func refuseCIBA(code message.ErrorCode, rule message.Rule, param string) *Refusal {
	return Refuse(400, code, rule, param)
}

func verifyCIBA(ctx context.Context, s *Step, m *message.BackchannelAuthenticationRequest) error {
	const rule = message.RuleOPCIBARequest
	mode := s.Client.Metadata.BackchannelTokenDeliveryMode
	if mode == "" {
		mode = message.DeliveryModePoll
	}
	if !s.Client.grants(message.GrantTypeCIBA) || s.Client.Public() || !slices.Contains(s.Context.policy.DeliveryModes, mode) {
		return refuseCIBA(message.UnauthorizedClient, rule, "client_id")
	}
	if mode == message.DeliveryModePush && s.Client.constrained() {
		return refuseCIBA(message.UnauthorizedClient, message.RuleOPSenderConstraintRequired, "client_id")
	}
	if err := s.openCIBA(ctx, m); err != nil {
		return err
	}
	if len(m.AuthorizationDetails) > 0 {
		return refuseParameter(message.RuleOPAuthzRAR, "authorization_details")
	}
	hints := 0
	for _, hint := range []string{m.LoginHint, m.LoginHintToken.Reveal(), m.IDTokenHint.Reveal()} {
		if hint != "" {
			hints++
		}
	}
	token := m.ClientNotificationToken
	switch {
	case !m.Scope.Has(message.ScopeOpenID):
		return refuseCIBA(message.InvalidScope, rule, "scope")
	case hints != 1:
		// CIBA, Section 7.1: "exactly one of the hints".
		return refuseCIBA(message.InvalidRequest, rule, "login_hint")
	case mode != message.DeliveryModePoll && !isNotificationToken(token):
		return refuseCIBA(message.InvalidRequest, rule, "client_notification_token")
	case utf8.RuneCountInString(m.BindingMessage) > maxBindingMessage:
		return refuseCIBA(message.InvalidBindingMessage, message.RuleOPCIBAResult, "binding_message")
	case m.RequestedExpiry != nil && *m.RequestedExpiry <= 0:
		return refuseCIBA(message.InvalidRequest, rule, "requested_expiry")
	}
	scope, err := s.userScope(m.Scope, rule)
	if err != nil {
		return err
	}
	if err := s.checkResources(s.Client, m.Resource); err != nil {
		return err
	}
	user, err := s.hintedUser(ctx, m)
	if err != nil {
		return err
	}
	life := s.Context.lifetimes.Backchannel
	if m.RequestedExpiry != nil {
		life = min(time.Duration(min(*m.RequestedExpiry, int64(maxCIBALife/time.Second)))*time.Second, maxCIBALife)
	}
	s.Value = &cibaRequest{
		Client: s.Client.ID, User: user, Scope: scope, ACR: m.ACRValues, Resource: m.Resource, Mode: mode, Notify: token.Reveal(),
		Until: s.Now.Add(life), Message: m.BindingMessage,
	}
	return s.canEncrypt(ctx, s.Client, s.Client.Metadata.IDTokenEncryptedResponseAlg)
}

// isNotificationToken: CIBA, Section 7.1: "The length of the token MUST NOT exceed 1024
// characters and it MUST conform to the syntax for Bearer credentials as defined in Section 2.1
// of [RFC6750]".
func isNotificationToken(token message.Secret) bool {
	_, sent, err := message.ParseAuthorization("Bearer " + token.Reveal())
	return err == nil && sent == token && len(token) <= maxNotificationToken
}

// openCIBA opens a signed request (CIBA, Section 7.1.1). A client that registered an
// algorithm signs, and all parameters but those of client authentication are inside.
func (s *Step) openCIBA(ctx context.Context, m *message.BackchannelAuthenticationRequest) error {
	const rule = message.RuleOPCIBARequest
	registered := s.Client.Metadata.BackchannelAuthenticationRequestSigningAlg
	bad := func(param string, err error) error {
		return refuseCIBA(message.InvalidRequest, rule, param).Because("", "a request signed as registered", err)
	}
	if m.Request == "" {
		if registered != "" {
			return bad("request", nil)
		}
		return nil
	}
	token, err := keyjar.Parse(m.Request.Reveal())
	if err != nil {
		return bad("request", err)
	}
	if registered == "" || token.Header.Algorithm != registered {
		return bad("request", nil)
	}
	set, err := s.clientKeys(ctx, s.Client)
	if unusable(err) {
		return bad("request", err)
	}
	if err != nil {
		return err
	}
	if _, err := set.Verify(token, s.Context.asymmetric()); err != nil {
		if errors.Is(err, keyjar.ErrUnknownKey) {
			if need := s.refetchKeys(ctx, s.Client, err); need != nil {
				return need
			}
		}
		return bad("request", err)
	}
	var o message.BackchannelRequestObject
	if err := message.DecodeClaims(token.Payload, &o); err != nil {
		return bad("request", err)
	}
	switch {
	case o.Issuer != s.Client.ID:
		return bad("iss", nil)
	case !o.Audience.Has(s.Context.issuer):
		return bad("aud", nil)
	case !o.Expiration.Present() || !o.Expiration.Time().After(s.Now.Add(-clockAhead)) || o.Expiration.Time().After(s.Now.Add(maxRequestObjectLife)):
		return bad("exp", nil)
	case !s.recent(o.IssuedAt):
		return bad("iat", nil)
	case !s.recent(o.NotBefore):
		return bad("nbf", nil)
	case o.JWTID == "":
		return bad("jti", nil)
	case o.ClientID != "" && o.ClientID != s.Client.ID:
		return bad("client_id", nil)
	}
	o.Extra = nil // what is no parameter of ours may be any JSON
	if err := checkObjectSyntax(&o.BackchannelAuthenticationRequest, func(rule message.Rule, param string) *Refusal {
		return refuseCIBA(message.InvalidRequest, rule, param)
	}); err != nil {
		return err
	}
	s.spending = append(s.spending, spending{
		kind: kindAssertion, value: "ciba\x00" + s.Client.ID + "\x00" + o.JWTID, until: o.Expiration.Time().Add(clockAhead),
		refusal: refuseCIBA(message.InvalidRequest, rule, "jti"),
	})
	*m = o.BackchannelAuthenticationRequest
	return nil
}

// recent reports whether a time has come, and no longer ago than a request may live.
func (s *Step) recent(t message.Time) bool {
	return t.Present() && !t.Time().After(s.Now.Add(clockAhead)) && s.Now.Sub(t.Time()) <= maxRequestObjectLife
}

// hintedUser finds the user, and checks the user's own code.
func (s *Step) hintedUser(ctx context.Context, m *message.BackchannelAuthenticationRequest) (string, error) {
	const rule = message.RuleOPCIBAResult
	resolver, can := s.Context.users.(HintResolver)
	id := ""
	switch {
	case m.IDTokenHint != "":
		hint, err := s.readHint(m.IDTokenHint, s.Client)
		if err != nil || !hint.aud.Has(s.Client.ID) {
			return "", refuseCIBA(message.InvalidRequest, message.RuleOPCIBARequest, "id_token_hint").Because("", "", err)
		}
		// A public subject is the user's ID. A pairwise one cannot be turned back.
		id = hint.subject
	case can:
		user, found, err := resolver.UserByHint(ctx, m.LoginHint+m.LoginHintToken.Reveal())
		if err != nil {
			return "", err
		}
		if found {
			id = user.ID
		}
	}
	_, found, err := s.user(ctx, id)
	if err != nil {
		return "", err
	}
	if !found || id == "" {
		return "", refuseCIBA(message.UnknownUserID, rule, "login_hint")
	}
	if !can {
		return id, nil
	}
	guess := &attempt{context: s.Context, who: "ciba\x00" + id + "\x00" + s.Client.ID}
	full, err := guess.full(ctx)
	if err != nil {
		return "", err
	}
	ok, required, err := resolver.CheckUserCode(ctx, id, m.UserCode)
	switch {
	case err != nil:
		return "", err
	case required && m.UserCode == "":
		return "", refuseCIBA(message.MissingUserCode, rule, "user_code")
	case full, required && !ok:
		r := refuseCIBA(message.InvalidUserCode, rule, "user_code")
		r.attempt = guess
		return "", r
	}
	return id, nil
}

func processCIBA(ctx context.Context, s *Step, _ *message.BackchannelAuthenticationRequest) (*Outcome, error) {
	c := s.Context
	r := s.Value.(*cibaRequest)
	ticket, err := c.random()
	if err != nil {
		return nil, err
	}
	if r.ID, err = c.random(); err != nil {
		return nil, err
	}
	life := r.Until.Sub(s.Now)
	if c.policy.Approvals {
		if r.Slot, err = s.queue(ctx, r.User, ticket, life); err != nil {
			return nil, err
		}
	}
	if err := c.store.put(ctx, kindCIBA, ticket, r, life+c.lifetimes.Interaction); err != nil {
		return nil, err
	}
	if err := c.store.put(ctx, kindAuthReqID, r.ID, ticket, life+c.lifetimes.Interaction); err != nil {
		return nil, err
	}
	user, _, err := s.user(ctx, r.User)
	if err != nil {
		return nil, err
	}
	seconds, interval := int64(life/time.Second), int64(c.lifetimes.Interval/time.Second)
	answer := &message.BackchannelAuthenticationResponse{AuthReqID: message.Secret(r.ID), ExpiresIn: &seconds}
	if r.Mode != message.DeliveryModePush {
		answer.Interval = &interval
	}
	return &Outcome{Message: answer, Ask: r.ask(ticket, s.Client, user)}, nil
}
