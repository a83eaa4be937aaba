package service

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// Items of a record that a backchannel authentication began.
const (
	itemBackchannelRequest  = "backchannel_authentication_request"  // without its secrets
	itemBackchannelResponse = "backchannel_authentication_response" // without auth_req_id
)

// Private values of such a record.
const (
	keptAuthReqID         = "auth_req_id"
	keptNotificationToken = "client_notification_token" // its hash
	keptDeliveryMode      = "delivery_mode"
	keptHintedSubject     = "hinted_subject" // whom id_token_hint means
)

// notificationBytes are the random bytes of a notification token: "a minimum of 128
// bits while 160 bits is recommended" (CIBA Core 1.0, Section 7.1).
const (
	notificationBytes   = 32
	notificationMinimum = 22   // characters that can hold 128 bits
	notificationMaximum = 1024 // "The length of the token MUST NOT exceed 1024 characters"
)

// backchannelRequestLife is how long a signed request may be used: exp is required
// (CIBA Core 1.0, Section 7.1.1).
const backchannelRequestLife = 5 * time.Minute

// NewBackchannelAuthentication makes the backchannel_authentication service: the
// provider is asked to authenticate a user on the user's own device (CIBA Core 1.0,
// Section 7). Poll with the ciba_token service under the Result's State, or wait for
// the client_notification service, as was registered.
func NewBackchannelAuthentication(env Env) Service {
	return Definition[message.BackchannelAuthenticationRequest, message.BackchannelAuthenticationResponse]{
		Name:     BackchannelAuthenticationName,
		Method:   "POST",
		Request:  Form,
		Response: JSON,
		Proof:    ClientProof,
		Answer:   Answer{StatusRule: message.RuleCIBAAck},
		Endpoint: func(s *Step, _ *message.BackchannelAuthenticationRequest) string {
			return s.Snapshot.Endpoint(BackchannelAuthenticationName)
		},
		Complete: completeBackchannel,
		Present: func(_ context.Context, s *Step, req *message.BackchannelAuthenticationRequest) (*message.BackchannelAuthenticationRequest, error) {
			alg := s.clientMetadata().BackchannelAuthenticationRequestSigningAlg
			if alg == "" {
				return req, nil
			}
			return signBackchannel(s, req, alg)
		},
		Remember: func(_ context.Context, s *Step, _ *message.BackchannelAuthenticationRequest) error {
			return s.drawKey()
		},
		Verify: verifyBackchannel,
		Update: updateBackchannel,
	}.New(env)
}

// deliveryMode is the registered one (CIBA Core 1.0, Section 4).
func deliveryMode(s *Step) string {
	if mode := s.clientMetadata().BackchannelTokenDeliveryMode; mode != "" {
		return mode
	}
	return message.DeliveryModePoll
}

func completeBackchannel(_ context.Context, s *Step, req *message.BackchannelAuthenticationRequest) error {
	const rule = message.RuleCIBARequest
	if err := requireConfidential(s, rule); err != nil {
		return err
	}
	if len(req.Scope) == 0 {
		req.Scope = s.Snapshot.Scope
	}
	if len(req.Scope) == 0 {
		req.Scope = message.List{message.ScopeOpenID}
	}
	if err := s.Require(req.Scope.Has(message.ScopeOpenID), rule, "scope", message.Excerpt(req.Scope.String()), "openid among the scopes"); err != nil {
		return err
	}
	// "it is REQUIRED that the Client provides one (and only one) of the hints" (CIBA
	// Core 1.0, Section 7.1).
	hints := 0
	for _, there := range []bool{req.LoginHint != "", req.LoginHintToken != "", req.IDTokenHint != ""} {
		if there {
			hints++
		}
	}
	if err := s.Require(hints == 1, rule, "login_hint", fmt.Sprint(hints, " hints"), "exactly one of login_hint, login_hint_token and id_token_hint"); err != nil {
		return err
	}
	if req.RequestedExpiry != nil && *req.RequestedExpiry <= 0 {
		return s.Fail(rule, "requested_expiry", numberText(req.RequestedExpiry), "a positive number of seconds", nil)
	}
	if req.Request != "" {
		return s.Fail(rule, "request", "", "plain parameters: what was registered says whether they are signed", nil)
	}
	return settleDelivery(s, req)
}

// settleDelivery: client_notification_token is "REQUIRED if the Client is registered to
// use Ping or Push modes" (CIBA Core 1.0, Section 7.1).
func settleDelivery(s *Step, req *message.BackchannelAuthenticationRequest) error {
	const rule = message.RuleCIBARequest
	mode := deliveryMode(s)
	supported := s.Snapshot.Provider.BackchannelTokenDeliveryModesSupported
	known := mode == message.DeliveryModePoll || mode == message.DeliveryModePing || mode == message.DeliveryModePush
	if err := s.Require(known && (len(supported) == 0 || contains(supported, mode)), rule, "backchannel_token_delivery_mode", message.Excerpt(mode), "a mode that the provider supports"); err != nil {
		return err
	}
	if mode == message.DeliveryModePoll {
		return s.Require(req.ClientNotificationToken == "", rule, "client_notification_token", "", "none in poll mode")
	}
	if req.ClientNotificationToken == "" {
		token, err := s.Random(notificationBytes)
		if err != nil {
			return err
		}
		req.ClientNotificationToken = message.Secret(token)
	}
	n := len(req.ClientNotificationToken)
	return s.Require(n >= notificationMinimum && n <= notificationMaximum && bearerSyntax(req.ClientNotificationToken.Reveal()), rule,
		"client_notification_token", fmt.Sprint(n, " characters"), "22 to 1024 characters of a bearer token")
}

// bearerSyntax reports whether token is a b64token (RFC 6750, Section 2.1).
func bearerSyntax(token string) bool {
	end := len(token)
	for end > 0 && token[end-1] == '=' {
		end--
	}
	for i := range end {
		c := token[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/') {
			return false
		}
	}
	return end > 0
}

// signBackchannel puts all parameters inside a signed request: "Authentication request
// parameters MUST NOT be present outside of the JWT" (CIBA Core 1.0, Section 7.1.1).
func signBackchannel(s *Step, req *message.BackchannelAuthenticationRequest, alg string) (*message.BackchannelAuthenticationRequest, error) {
	const rule = message.RuleCIBARequest
	key, alg, err := s.signingKey(alg, s.Snapshot.Provider.BackchannelAuthenticationRequestSigningAlgs)
	if err != nil {
		return nil, s.Fail(rule, "request.alg", message.Excerpt(alg), "the registered algorithm, which the provider lists and a key of ours can do", err)
	}
	id, err := s.Random(16)
	if err != nil {
		return nil, err
	}
	now := message.Unix(s.Now.Unix())
	payload, err := message.EncodeJSON(&message.BackchannelRequestObject{
		Issuer: s.clientID(), Audience: message.Audience{s.Snapshot.Issuer}, JWTID: id,
		IssuedAt: now, NotBefore: now, Expiration: message.Unix(s.Now.Add(backchannelRequestLife).Unix()),
		BackchannelAuthenticationRequest: *req,
	})
	if err != nil {
		return nil, err
	}
	signed, err := key.Sign(keyjar.Header{Algorithm: alg}, payload, s.Context().Rand())
	if err != nil {
		return nil, err
	}
	s.Pass(rule, "request")
	return &message.BackchannelAuthenticationRequest{Request: message.Secret(signed)}, nil
}

func verifyBackchannel(_ context.Context, s *Step, resp *message.BackchannelAuthenticationResponse) error {
	const rule = message.RuleCIBAAck
	s.answersGrant()
	// "The OpenID Provider MUST restrict the characters used to 'A'-'Z', 'a'-'z', '0'-'9',
	// '.', '-' and '_'" (CIBA Core 1.0, Section 7.3).
	if err := s.Require(resp.AuthReqID != "" && idSyntax(resp.AuthReqID.Reveal()), rule, "auth_req_id", "", "an identifier of letters, digits, '.', '-' and '_'"); err != nil {
		return err
	}
	return verifyPace(s, rule, resp.Interval, resp.ExpiresIn)
}

func idSyntax(id string) bool {
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}

func updateBackchannel(ctx context.Context, s *Step, resp *message.BackchannelAuthenticationResponse) error {
	sent := requestOf[message.BackchannelAuthenticationRequest](s)
	req := message.BackchannelAuthenticationRequest{
		Scope: sent.Scope, ACRValues: sent.ACRValues, LoginHint: sent.LoginHint, BindingMessage: sent.BindingMessage,
		RequestedExpiry: sent.RequestedExpiry, Resource: sent.Resource, AuthorizationDetails: sent.AuthorizationDetails,
	}
	shown := *resp
	shown.AuthReqID = ""
	asked, err := message.EncodeJSON(&req)
	if err != nil {
		return err
	}
	answered, err := message.EncodeJSON(&shown)
	if err != nil {
		return err
	}
	return s.begin(ctx, func(r *state.Record) {
		r.Set(itemBackchannelRequest, asked)
		r.Set(itemBackchannelResponse, answered)
		r.Keep(keptAuthReqID, resp.AuthReqID.Reveal())
		r.Keep(keptDeliveryMode, deliveryMode(s))
		r.Keep(keptScope, req.Scope.String())
		r.Keep(keptHintedSubject, hintedSubject(sent.IDTokenHint))
		if sent.ClientNotificationToken != "" {
			r.Keep(keptNotificationToken, notificationHash(sent.ClientNotificationToken.Reveal()))
			r.Link(state.KindAuthReqID, state.PerIssuer(s.Snapshot.Issuer, resp.AuthReqID.Reveal()))
		}
		s.keepDPoPKey(r)
		keepPace(s, r, resp.Interval, *resp.ExpiresIn)
	})
}

// notificationHash is what is kept of a notification token.
func notificationHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
