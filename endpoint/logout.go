package endpoint

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
)

// logoutTokenLife is how long a logout token is good. Back-Channel Logout, Section 2.4:
// "RECOMMENDED ... preferably at most two minutes in the future".
const logoutTokenLife = 2 * time.Minute

// A notice is what the clients of a session are told when it ends.
type notice struct {
	send   []Outbound // Back-Channel Logout 1.0
	frames []string   // Front-Channel Logout 1.0
}

// reached are the clients of a session that want to be told when it ends.
func (s *Step) reached(ctx context.Context, sess *session) ([]*Client, error) {
	items, err := s.items(ctx, sess)
	if err != nil {
		return nil, err
	}
	var clients []*Client
	seen := map[string]bool{}
	for _, item := range items {
		if item.Client == "" || seen[item.Client] {
			continue
		}
		seen[item.Client] = true
		client, found, err := s.Context.clients.Client(ctx, item.Client)
		if err != nil {
			return nil, err
		}
		if found && (client.Metadata.BackchannelLogoutURI != "" || client.Metadata.FrontchannelLogoutURI != "") {
			clients = append(clients, client)
		}
	}
	return clients, nil
}

// readyToNotify has the keys that logout tokens are encrypted to before anything ends. A
// client whose keys cannot be had is not told, and does not keep the user from logging out.
func (s *Step) readyToNotify(ctx context.Context, clients []*Client) ([]*Client, error) {
	var ready []*Client
	for _, client := range clients {
		if client.Metadata.BackchannelLogoutURI != "" {
			err := s.canEncrypt(ctx, client, client.Metadata.IDTokenEncryptedResponseAlg)
			if isNeed(err) {
				return nil, err
			}
			if err != nil {
				s.Context.logger.WarnContext(ctx, "a client cannot be told of a logout", "client_id", client.ID, "error", err)
				continue
			}
		}
		ready = append(ready, client)
	}
	return ready, nil
}

// notify says what to tell the clients of a session that ended.
func (s *Step) notify(ctx context.Context, sess *session, clients []*Client) (*notice, error) {
	n := new(notice)
	for _, client := range clients {
		m := &client.Metadata
		if m.FrontchannelLogoutURI != "" {
			n.frames = append(n.frames, s.logoutFrame(sess, client))
		}
		if m.BackchannelLogoutURI == "" {
			continue
		}
		token, err := s.logoutToken(ctx, sess, client)
		if err != nil {
			return nil, err
		}
		n.send = append(n.send, Outbound{
			ClientID: client.ID, Method: "POST", URL: m.BackchannelLogoutURI,
			Header: Header{"Content-Type": {"application/x-www-form-urlencoded"}},
			Body:   []byte(url.Values{"logout_token": {token}}.Encode()),
		})
	}
	return n, nil
}

// logoutFrame is the address that a client's iframe loads (Front-Channel Logout, Section
// 2): with iss and sid if the client asked for them.
func (s *Step) logoutFrame(sess *session, client *Client) string {
	m := &client.Metadata
	if !is(m.FrontchannelLogoutSessionRequired) {
		return m.FrontchannelLogoutURI
	}
	return addQuery(m.FrontchannelLogoutURI, url.Values{"iss": {s.Context.issuer}, "sid": {sid(sess.ID, client.ID)}}.Encode())
}

// logoutToken writes a logout token (Back-Channel Logout, Section 2.4): signed like the
// client's ID Tokens, never unsigned, and encrypted if they are; with sub and sid, and
// without a nonce, so that it can never be taken for an ID Token.
func (s *Step) logoutToken(ctx context.Context, sess *session, client *Client) (string, error) {
	jti, err := s.Context.random()
	if err != nil {
		return "", err
	}
	payload, err := message.EncodeJSON(message.LogoutToken{
		Issuer: s.Context.issuer, Subject: s.Context.subject(sess.User, client), Audience: message.Audience{client.ID},
		IssuedAt: message.At(s.Now), Expiration: message.At(s.Now.Add(logoutTokenLife)), JWTID: jti,
		Events: map[string]message.RawJSON{message.BackchannelLogoutEvent: message.RawJSON("{}")}, SessionID: sid(sess.ID, client.ID),
	})
	if err != nil {
		return "", err
	}
	alg := s.Context.idTokenAlg(client)
	if alg == "none" {
		alg = s.Context.defaultAlg()
	}
	key, err := s.signingKey(client, alg)
	if err != nil {
		return "", err
	}
	m := &client.Metadata
	return s.protect(ctx, client, payload, protection{
		alg: alg, typ: message.LogoutTokenType, key: key, encAlg: m.IDTokenEncryptedResponseAlg, enc: m.IDTokenEncryptedResponseEnc,
	})
}

// webOrigin is the origin of a URI as a browser writes it (RFC 6454, Section 6.1).
func webOrigin(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return ""
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if scheme == "https" && u.Port() == "443" || scheme == "http" && u.Port() == "80" {
		host = strings.ToLower(strings.TrimSuffix(u.Host, ":"+u.Port()))
	}
	return scheme + "://" + host
}
