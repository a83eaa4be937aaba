package service

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// BackchannelLogoutName is the name of the backchannel_logout service.
const BackchannelLogoutName = "backchannel_logout"

// logoutAge is how old a logout token may be: "exp ... no more than two minutes" is
// what a provider is told (Back-Channel Logout 1.0, Section 2.4); the rest is for
// queues. It also bounds how long a jti has to be remembered: from a leeway in the
// future to a leeway after its age.
const logoutAge = 10 * time.Minute

// NewBackchannelLogout makes the backchannel_logout service: the provider posts a
// logout token to us (Back-Channel Logout 1.0, Section 2.5). ParseResponse takes
// the inbound message; the Result names the logins that the commit ends, and
// LogoutReply says what to answer.
func NewBackchannelLogout(env Env) Service {
	return Definition[message.BackchannelLogoutRequest, message.BackchannelLogoutRequest]{
		Name:     BackchannelLogoutName,
		Request:  None,
		Response: Params,
		Decode: func(_ context.Context, s *Step) (*message.BackchannelLogoutRequest, error) {
			if in := s.Response.inbound; in != nil {
				if err := s.Require(isFormPost(in), message.RuleBackchannelRequest, "method", in.Method+" "+message.Excerpt(in.ContentType), "a POST with a form body"); err != nil {
					return nil, err
				}
			}
			return decodeLogout(s)
		},
		Verify: verifyLogoutToken,
		Update: updateBackchannelLogout,
	}.New(env)
}

// decodeLogout takes the logout token out of what was posted. "The POST body MAY contain
// other values in addition to logout_token. Values that are not understood by the
// implementation MUST be ignored" (Back-Channel Logout 1.0, Section 2.5).
func decodeLogout(s *Step) (*message.BackchannelLogoutRequest, error) {
	const rule, param = message.RuleBackchannelRequest, "logout_token"
	values := s.Response.values
	if in := s.Response.inbound; in != nil {
		var err error
		if values, err = url.ParseQuery(in.Raw); err != nil {
			return nil, s.Fail(rule, "parameters", "", "a form that is strictly encoded", err)
		}
	}
	if err := s.Require(len(values[param]) == 1 && values[param][0] != "", rule, param, "", "one logout_token"); err != nil {
		return nil, err
	}
	return &message.BackchannelLogoutRequest{LogoutToken: message.Secret(values[param][0])}, nil
}

// updateBackchannelLogout spends the jti before it ends anything: a token that is
// brought twice at a time ends logins once. When they cannot be ended, the provider may
// bring it again.
func updateBackchannelLogout(ctx context.Context, s *Step, _ *message.BackchannelLogoutRequest) error {
	id := state.PerIssuer(s.Snapshot.Issuer, s.logout.JWTID)
	seen, err := s.DB().Seen(ctx, BackchannelLogoutName, id, logoutAge+2*s.Snapshot.Leeway+time.Second)
	if err != nil {
		return err
	}
	if seen {
		return s.Fail(message.RuleBackchannelJti, "logout_token.jti", "", "a jti that was not accepted before", nil)
	}
	if err := endAll(ctx, s); err != nil {
		return errors.Join(err, s.DB().Release(context.WithoutCancel(ctx), BackchannelLogoutName, id))
	}
	return nil
}

// logoutChecks are the rules of Back-Channel Logout 1.0, Section 2.6, those that
// need no key first. Whose logins there are is asked for a token that is signed: a
// stranger learns nothing of them.
var logoutChecks = []func(context.Context, *Step, *keyjar.Token, *message.LogoutToken) error{
	logoutHeader, logoutParties, logoutTimes, logoutEvent, logoutSubject, logoutSignature, logoutSessions,
}

func verifyLogoutToken(ctx context.Context, s *Step, req *message.BackchannelLogoutRequest) error {
	b := &s.Snapshot.Behaviour
	text, err := decrypt(s, req.LogoutToken.Reveal(), "logout_token", message.RuleBackchannelSignature, b.IDTokenEncryptedResponseAlg, b.IDTokenEncryptedResponseEnc)
	if err != nil {
		return err
	}
	token, err := parseJWT(s, text, "logout_token")
	if err != nil {
		return err
	}
	claims := new(message.LogoutToken)
	if err := decodeClaims(s, token.Payload, claims, "logout_token", logoutClaimRules); err != nil {
		return err
	}
	for _, check := range logoutChecks {
		if err := check(ctx, s, token, claims); err != nil {
			return err
		}
	}
	s.logout = claims
	return nil
}

var logoutClaimRules = claimRules{
	"iss": message.RuleBackchannelIss, "aud": message.RuleBackchannelAud, "iat": message.RuleBackchannelTime, "exp": message.RuleBackchannelTime,
	"jti": message.RuleBackchannelJti, "events": message.RuleBackchannelEvents, "sub": message.RuleBackchannelSubject, "sid": message.RuleBackchannelSubject,
}

// logoutHeader: signed with the algorithm of ID Tokens, never none, and typed if
// typed at all.
func logoutHeader(_ context.Context, s *Step, t *keyjar.Token, _ *message.LogoutToken) error {
	if err := requireSigned(s, message.RuleBackchannelSignature, "logout_token.alg", &t.Header, idTokenAlg(s)); err != nil {
		return err
	}
	types := []string{message.LogoutTokenType}
	if s.Snapshot.Compat.LogoutTokenTypedJWT {
		types = append(types, "JWT")
	}
	return requireTyp(s, message.RuleBackchannelTyp, "logout_token.typ", &t.Header, types...)
}

func logoutParties(_ context.Context, s *Step, _ *keyjar.Token, c *message.LogoutToken) error {
	if err := requireIssuer(s, message.RuleBackchannelIss, "logout_token.iss", c.Issuer, c.Extra); err != nil {
		return err
	}
	return verifyAudience(s, message.RuleBackchannelAud, "logout_token.aud", c.Audience)
}

func logoutTimes(_ context.Context, s *Step, _ *keyjar.Token, c *message.LogoutToken) error {
	now, leeway := float64(s.Now.Unix()), s.Snapshot.Leeway.Seconds()
	iat, exp := c.IssuedAt, c.Expiration
	if err := s.requireTime(iat.Present() && iat.Float() <= now+leeway && iat.Float() >= now-leeway-logoutAge.Seconds(), message.RuleBackchannelTime, "logout_token.iat", iat, "a recent time"); err != nil {
		return err
	}
	if !exp.Present() && s.Snapshot.Compat.LogoutTokenWithoutExp {
		s.Skip(message.RuleBackchannelTime, "logout_token.exp", "absent, which logout_token_without_exp allows")
	} else if err := s.Require(exp.Present(), message.RuleBackchannelTime, "logout_token.exp", "", "the time until which it is good"); err != nil {
		return err
	}
	return requireCurrent(s, message.RuleBackchannelTime, "logout_token", exp, c.NotBefore)
}

// logoutEvent tells a logout token from any other JWT: it has the event and no
// nonce.
func logoutEvent(_ context.Context, s *Step, _ *keyjar.Token, c *message.LogoutToken) error {
	if err := s.Require(c.JWTID != "", message.RuleBackchannelJti, "logout_token.jti", "", "a jti"); err != nil {
		return err
	}
	event := c.Events[message.BackchannelLogoutEvent]
	if err := s.Require(len(event) > 0 && event[0] == '{', message.RuleBackchannelEvents, "logout_token.events", "", "the logout event, an object"); err != nil {
		return err
	}
	return s.Require(len(c.Nonce) == 0, message.RuleBackchannelNonce, "logout_token.nonce", "", "no nonce")
}

func logoutSubject(_ context.Context, s *Step, _ *keyjar.Token, c *message.LogoutToken) error {
	return s.Require(c.Subject != "" || c.SessionID != "", message.RuleBackchannelSubject, "logout_token.sub", "", "sub, sid or both")
}

// logoutSessions finds the logins that are meant: those of the session, or all of
// the user (Back-Channel Logout 1.0, Section 2.7). None is a success.
func logoutSessions(ctx context.Context, s *Step, _ *keyjar.Token, c *message.LogoutToken) error {
	kind, value := state.KindSubject, c.Subject
	if c.SessionID != "" {
		kind, value = state.KindSessionID, c.SessionID
	}
	states, err := s.DB().States(ctx, kind, state.PerIssuer(c.Issuer, value))
	if err != nil {
		return err
	}
	if c.SessionID != "" && c.Subject != "" {
		for _, name := range states {
			same, err := sameSubject(ctx, s, name, c.Subject)
			if err != nil {
				return err
			}
			if !same {
				return s.Fail(message.RuleBackchannelSubject, "logout_token.sub", message.Excerpt(c.Subject), "the user of the session that sid names", nil)
			}
		}
	}
	s.Pass(message.RuleBackchannelSessions, "logout_token")
	s.ended = states
	return nil
}

// sameSubject reports whether a login is the user's. One that has ended meanwhile is
// nobody else's.
func sameSubject(ctx context.Context, s *Step, name, sub string) (bool, error) {
	r, err := s.DB().Session(ctx, name)
	if errors.Is(err, state.ErrUnknown) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	var verified message.IDToken
	if err := message.DecodeClaims([]byte(r.Kept(state.KeptIDTokenClaims)), &verified); err != nil {
		return false, err
	}
	return verified.Subject == sub, nil
}

func logoutSignature(_ context.Context, s *Step, t *keyjar.Token, _ *message.LogoutToken) error {
	return verifySignature(s, t, idTokenAlg(s), "logout_token", message.RuleBackchannelSignature)
}
