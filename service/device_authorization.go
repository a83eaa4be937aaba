package service

import (
	"context"
	"strings"
	"unicode"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// Items of a record that a device authorization began.
const (
	itemDeviceRequest  = "device_authorization_request"
	itemDeviceResponse = "device_authorization_response" // without the device code
)

// keptDeviceCode is the private value of such a record: "the device code ... SHOULD NOT
// be displayed" (RFC 8628, Section 3.3).
const keptDeviceCode = "device_code"

var devicePolling = polling{interval: message.RuleDevicePolling, timeout: message.RuleDeviceTimeout, stop: message.RuleDeviceStop}

// NewDeviceAuthorization makes the device_authorization service: it begins a login on a
// device without a browser (RFC 8628, Section 3.1). Show the user the user_code and the
// verification_uri of the Result's message, and poll with the device_token service
// under the Result's State.
func NewDeviceAuthorization(env Env) Service {
	return Definition[message.DeviceAuthorizationRequest, message.DeviceAuthorizationResponse]{
		Name:     DeviceAuthorizationName,
		Method:   "POST",
		Request:  Form,
		Response: JSON,
		Proof:    ClientProof,
		Answer:   Answer{StatusRule: message.RuleDeviceResponse},
		Endpoint: func(s *Step, _ *message.DeviceAuthorizationRequest) string {
			return s.Snapshot.Endpoint(DeviceAuthorizationName)
		},
		Complete: func(_ context.Context, s *Step, req *message.DeviceAuthorizationRequest) error {
			if len(req.Scope) == 0 {
				req.Scope = s.Snapshot.Scope
			}
			if len(req.Scope) == 0 && s.Snapshot.Profile.OpenID() {
				req.Scope = message.List{message.ScopeOpenID}
			}
			return nil
		},
		Remember: func(_ context.Context, s *Step, _ *message.DeviceAuthorizationRequest) error { return s.drawKey() },
		Verify:   verifyDeviceAuthorization,
		Update:   updateDeviceAuthorization,
	}.New(env)
}

func verifyDeviceAuthorization(_ context.Context, s *Step, resp *message.DeviceAuthorizationResponse) error {
	const rule = message.RuleDeviceResponse
	s.answersGrant()
	if err := s.Require(resp.DeviceCode != "", rule, "device_code", "", "a device code"); err != nil {
		return err
	}
	// It is shown as it came, on a terminal for instance.
	shown := resp.UserCode != "" && !strings.ContainsFunc(resp.UserCode, unicode.IsControl)
	if err := s.Require(shown, rule, "user_code", "", "a code to show to the user"); err != nil {
		return err
	}
	for _, uri := range []struct {
		name, value string
		optional    bool
	}{{"verification_uri", resp.VerificationURI, false}, {"verification_uri_complete", resp.VerificationURIComplete, true}} {
		if uri.value == "" && uri.optional {
			continue
		}
		// The user is sent there to log in.
		if err := s.Snapshot.CheckEndpoint(uri.name, uri.value); err != nil {
			return s.Fail(rule, uri.name, message.Excerpt(uri.value), "an https address for the user", err)
		}
	}
	s.Pass(rule, "verification_uri")
	return verifyPace(s, rule, resp.Interval, resp.ExpiresIn)
}

func updateDeviceAuthorization(ctx context.Context, s *Step, resp *message.DeviceAuthorizationResponse) error {
	req := *requestOf[message.DeviceAuthorizationRequest](s)
	req.ClientSecret, req.ClientAssertion, req.ClientAssertionType = "", "", ""
	shown := *resp
	shown.DeviceCode = ""
	asked, err := message.EncodeJSON(&req)
	if err != nil {
		return err
	}
	answered, err := message.EncodeJSON(&shown)
	if err != nil {
		return err
	}
	return s.begin(ctx, func(r *state.Record) {
		r.Set(itemDeviceRequest, asked)
		r.Set(itemDeviceResponse, answered)
		r.Keep(keptDeviceCode, resp.DeviceCode.Reveal())
		r.Keep(keptScope, req.Scope.String())
		s.keepDPoPKey(r)
		keepPace(s, r, resp.Interval, *resp.ExpiresIn)
	})
}

// NewDeviceToken makes the device_token service: it asks whether the user has decided
// (RFC 8628, Section 3.4). Not yet is a NeedError with the time to wait, a Runner with a
// Wait function polls until there is an answer.
func NewDeviceToken(env Env) Service {
	p := devicePolling
	answer := tokenAnswer
	answer.First = p.first
	return Definition[message.DeviceTokenRequest, message.AccessTokenResponse]{
		Name:     DeviceTokenName,
		Method:   "POST",
		Request:  Form,
		Response: JSON,
		Proof:    ClientProof,
		DPoP:     true,
		Login:    true,
		Answer:   answer,
		Endpoint: func(s *Step, _ *message.DeviceTokenRequest) string { return tokenEndpoint(s) },
		Gather: func(ctx context.Context, s *Step, req *message.DeviceTokenRequest) error {
			if err := sameIssuer(s); err != nil {
				return err
			}
			code := s.Record.Kept(keptDeviceCode)
			if code == "" {
				return s.Fail(message.RuleDeviceStop, "device_code", "", "a device code that waits for the user", nil)
			}
			req.GrantType, req.DeviceCode = message.GrantTypeDeviceCode, message.Secret(code)
			return p.ready(ctx, s)
		},
		Remember: func(ctx context.Context, s *Step, _ *message.DeviceTokenRequest) error { return p.stamp(ctx, s) },
		Verify: func(_ context.Context, s *Step, resp *message.AccessTokenResponse) error {
			if err := verifyTokens(s, resp); err != nil {
				return err
			}
			if resp.IDToken == "" {
				s.Skip(message.RuleTokenResponseIDTokenMissing, "id_token", "RFC 8628 promises none")
				return nil
			}
			if err := verifyIDToken(s, resp.IDToken, idTokenFacts{accessToken: resp.AccessToken}); err != nil {
				return err
			}
			s.Pass(message.RuleDeviceStop, "id_token")
			return nil
		},
		Update: func(ctx context.Context, s *Step, resp *message.AccessTokenResponse) error {
			return s.keepPolled(ctx, resp, keptDeviceCode)
		},
		Refused:    p.refused,
		Unanswered: p.unanswered,
	}.New(env)
}

// sameIssuer holds a record to the provider that it was begun at.
func sameIssuer(s *Step) error {
	return s.Require(s.Record.Issuer == s.Snapshot.Issuer, message.RuleTokenRequestEndpoint, "iss", message.Excerpt(s.Snapshot.Issuer), "the issuer of this login, "+message.Excerpt(s.Record.Issuer))
}

// keepPolled commits the tokens that were polled for; what was polled with is spent.
func (s *Step) keepPolled(ctx context.Context, resp *message.AccessTokenResponse, spent string) error {
	encoded, err := message.EncodeJSON(resp)
	if err != nil {
		return err
	}
	return s.amend(ctx, func(r *state.Record) {
		r.Set(state.ItemTokenResponse, encoded)
		r.Keep(spent, "")
		forgetPace(r)
		s.keepTokens(r)
	})
}
