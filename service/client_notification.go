package service

import (
	"context"
	"errors"
	"mime"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// NewClientNotification makes the client_notification service: the provider brings to
// our client notification endpoint that a backchannel authentication is decided, in
// ping mode, or its tokens, in push mode (CIBA Core 1.0, Sections 10.2 and 10.3).
// ParseResponse takes the inbound message with its Authorization; NotificationReply
// says what to answer. After a ping the Result's Optional task fetches the tokens.
func NewClientNotification(env Env) Service {
	return Definition[message.BackchannelNotification, message.BackchannelNotification]{
		Name:     ClientNotificationName,
		Request:  None,
		Response: Params,
		Decode:   decodeNotification,
		Verify:   verifyNotification,
		Update:   updateNotification,
		Refused: func(ctx context.Context, s *Step, _ *message.Error) error {
			// A pushed error ends the matter (Section 12).
			if m, err := readNotification(s); err == nil {
				if name, err := notifiedState(ctx, s, m); err == nil && name != "" {
					return s.DB().End(ctx, name)
				}
			}
			return nil
		},
	}.New(env)
}

// NotificationReply is what to answer a notification with, once ParseResponse and
// UpdateServiceContext, or Finish, have returned err: 204 for a good one, also when it
// tells of a failure, 401 for one without our bearer token, 400 for any other (CIBA
// Core 1.0, Section 10.2). A failing store is no fault of the provider's: 503.
func NotificationReply(err error) (status int, header Header) {
	header = Header{"Cache-Control": {"no-store"}}
	var declared *message.Error
	var v *message.Violation
	switch {
	case err == nil || errors.As(err, &declared):
		return 204, header
	case !errors.As(err, &v):
		return 503, header
	case v.Rule == message.RuleCIBAPing && v.Param == "authorization":
		header["Www-Authenticate"] = []string{"Bearer"}
		return 401, header
	}
	return 400, header
}

func readNotification(s *Step) (*message.BackchannelNotification, error) {
	const rule = message.RuleCIBAPing
	in := s.Response.inbound
	if in == nil {
		return nil, s.Fail(rule, "authorization", "", "the whole inbound message; see ParseCallback", nil)
	}
	media, _, _ := mime.ParseMediaType(in.ContentType)
	if in.Method != "POST" || media != "application/json" {
		return nil, s.Fail(rule, "method", in.Method+" "+message.Excerpt(in.ContentType), "a POST of JSON", nil)
	}
	m := new(message.BackchannelNotification)
	if err := message.DecodeJSON([]byte(in.Raw), m); err != nil {
		return nil, s.Fail(rule, "body", "", "one strict JSON object", err)
	}
	return m, nil
}

// notifiedState finds the record that a notification is for, "" if there is none whose
// bearer token it shows. auth_req_id alone proves nothing.
func notifiedState(ctx context.Context, s *Step, m *message.BackchannelNotification) (string, error) {
	scheme, token, _ := strings.Cut(s.Response.inbound.Authorization.Reveal(), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || m.AuthReqID == "" {
		return "", nil
	}
	names, err := s.DB().States(ctx, state.KindAuthReqID, state.PerIssuer(s.Snapshot.Issuer, m.AuthReqID.Reveal()))
	if err != nil {
		return "", err
	}
	for _, name := range names {
		r, err := s.DB().Session(ctx, name)
		if err != nil && !errors.Is(err, state.ErrUnknown) {
			return "", err
		}
		if kept := r.Kept(keptNotificationToken); err == nil && kept != "" && sameText(kept, notificationHash(token)) {
			s.Record = r
			return name, nil
		}
	}
	return "", nil
}

func decodeNotification(ctx context.Context, s *Step) (*message.BackchannelNotification, error) {
	m, err := readNotification(s)
	if err != nil {
		return nil, err
	}
	name, err := notifiedState(ctx, s, m)
	if err != nil {
		return nil, err
	}
	if name == "" {
		// Whether the token or auth_req_id is wrong is nobody's business.
		return nil, s.Fail(message.RuleCIBAPing, "authorization", "", "the bearer token of an authentication that waits for the user", nil)
	}
	s.State = name
	s.Pass(message.RuleCIBAPing, "authorization")
	return m, nil
}

func verifyNotification(_ context.Context, s *Step, m *message.BackchannelNotification) error {
	if s.Record.Kept(keptDeliveryMode) == message.DeliveryModePing {
		return verifyPing(s, m)
	}
	if m.Error != "" || m.Extra.Has("error") {
		if !errorSyntax(string(m.Error)) {
			return s.Fail(message.RuleCIBAPush, "error", printable(string(m.Error)), "an error code", nil)
		}
		return &message.Error{Code: m.Error, Description: printable(m.ErrorDescription), URI: printable(m.ErrorURI)}
	}
	if s.Record.Item(state.ItemTokenResponse) != nil {
		return s.Fail(message.RuleCIBAPush, "auth_req_id", "", "one delivery", nil)
	}
	if err := verifyTokens(s, &m.AccessTokenResponse); err != nil {
		return err
	}
	return verifyPushedIDToken(s, m)
}

// verifyPing: in ping mode the body holds auth_req_id alone; the tokens are fetched.
func verifyPing(s *Step, m *message.BackchannelNotification) error {
	if m.AccessToken != "" || m.IDToken != "" || m.RefreshToken != "" {
		return s.Fail(message.RuleCIBAPing, "access_token", "", "auth_req_id alone, since ping was registered", nil)
	}
	env := s.Env()
	env.Settings = Settings{}
	s.Optional = append(s.Optional, Task{Service: NewCIBAToken(env), Args: Args{State: s.State}})
	return nil
}

// verifyPushedIDToken: the ID Token is what binds the delivery together. It carries
// auth_req_id, at_hash and, beside a refresh token, rt_hash (CIBA Core 1.0, Section
// 10.3.1).
func verifyPushedIDToken(s *Step, m *message.BackchannelNotification) error {
	const rule = message.RuleCIBAPush
	if err := s.Require(m.IDToken != "", rule, "id_token", "", "an ID Token"); err != nil {
		return err
	}
	return verifyIDToken(s, m.IDToken, idTokenFacts{accessToken: m.AccessToken, subject: s.Record.Kept(keptHintedSubject), also: func(s *Step, c *idTokenCheck) error {
		if err := s.Require(c.claims.AuthReqID != "" && c.claims.AuthReqID.Equal(m.AuthReqID), rule, "id_token.auth_req_id", "", "the auth_req_id of the notification"); err != nil {
			return err
		}
		if err := s.Require(c.claims.AccessTokenHash != "", rule, "id_token.at_hash", "", "the hash of the access token"); err != nil {
			return err
		}
		if m.RefreshToken == "" {
			s.Skip(rule, "id_token.rt_hash", "no refresh token came")
			return nil
		}
		want, err := keyjar.HalfHash(c.token.Header.Algorithm, "Ed25519", m.RefreshToken.Reveal())
		if err != nil {
			return s.Fail(message.RuleIDTokenHashAlg, "id_token.rt_hash", "", "", err)
		}
		return s.Require(sameText(c.claims.RefreshTokenHash, want), rule, "id_token.rt_hash", "", "the left half of the hash of the refresh token")
	}})
}

// updateNotification keeps pushed tokens, once, or lets the tokens be fetched now.
func updateNotification(ctx context.Context, s *Step, m *message.BackchannelNotification) error {
	if s.Record.Kept(keptDeliveryMode) == message.DeliveryModePing {
		return s.amend(ctx, func(r *state.Record) { r.Keep(keptPolled, "") })
	}
	encoded, err := message.EncodeJSON(&m.AccessTokenResponse)
	if err != nil {
		return err
	}
	_, err = s.DB().Update(ctx, s.State, func(r *state.Record) error {
		if r.Item(state.ItemTokenResponse) != nil {
			return errDelivered
		}
		r.Set(state.ItemTokenResponse, encoded)
		r.Keep(keptAuthReqID, "")
		forgetPace(r)
		s.keepTokens(r)
		return nil
	})
	if errors.Is(err, errDelivered) {
		return s.Fail(message.RuleCIBAPush, "auth_req_id", "", "one delivery", nil)
	}
	return err
}

var errDelivered = errors.New("delivered before")
