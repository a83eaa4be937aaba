package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/message"
)

// issue makes the grant and the members that the response type promises, and nothing else
// (Core, Sections 3.1.2.5, 3.2.2.5 and 3.3.2.5).
func (s *Step) issue(ctx context.Context, a *authorization, sess *session, user User, granted message.List) (*Outcome, error) {
	c := s.Context
	if err := s.usePushed(ctx, a); err != nil {
		return nil, err
	}
	id, err := c.random()
	if err != nil {
		return nil, err
	}
	g := &grant{
		ID: id, Client: a.client.ID, User: sess.User, Subject: c.subject(sess.User, a.client),
		SID: sid(sess.ID, a.client.ID), Scope: granted, Resource: a.req.Resource,
		AuthTime: sess.AuthTime, ACR: sess.ACR, AMR: sess.AMR, Claims: a.req.Claims,
		TellAuthTime: a.tellAuthTime(), TellACR: a.tellACR(),
		Offline: granted.Has(message.ScopeOfflineAccess), Details: a.req.AuthorizationDetails,
	}
	// Core, Section 11: under OpenID a refresh token is for offline_access; a plain OAuth
	// client that is registered for the grant type gets one.
	g.Refresh = a.types.Has("code") && a.client.grants(message.GrantTypeRefreshToken) &&
		(g.Offline || !granted.Has(message.ScopeOpenID))
	if err := s.noticeReuse(ctx, a); err != nil {
		return nil, err
	}
	if err := s.saveGrant(ctx, g); err != nil {
		return nil, err
	}
	if err := s.remember(ctx, sess, g); err != nil {
		return nil, err
	}
	answer := &message.AuthorizationResponse{State: a.req.State, Issuer: c.issuer}
	if a.types.Has("code") {
		code, err := s.newCode(ctx, &codeRecord{
			Grant: g, Client: a.client.ID, RedirectURI: a.route.Redirect, RedirectSent: a.req.RedirectURI != "",
			Challenge: a.req.CodeChallenge, Nonce: a.req.Nonce, JKT: a.req.DPoPJKT,
		})
		if err != nil {
			return nil, err
		}
		answer.Code = message.Secret(code)
	}
	if a.types.Has("token") {
		t := &accessToken{Grant: g.ID, Client: a.client.ID, Subject: g.Subject, Scope: granted, Audience: a.req.Resource}
		value, life, err := s.newAccessToken(ctx, t, g)
		if err != nil {
			return nil, err
		}
		answer.AccessToken, answer.TokenType, answer.ExpiresIn, answer.Scope = message.Secret(value), t.tokenType(), &life, granted
	}
	if a.types.Has("id_token") {
		value, err := s.newIDToken(ctx, &idToken{
			grant: g, client: a.client, nonce: a.req.Nonce, user: user,
			accessToken: answer.AccessToken.Reveal(), code: answer.Code.Reveal(), state: a.req.State,
			scopeClaims: a.name == message.ResponseTypeIDToken,
		})
		if err != nil {
			return nil, err
		}
		answer.IDToken = message.Secret(value)
	}
	if answer.SessionState, err = s.sessionState(a.client, a.route.Redirect, sess); err != nil {
		return nil, err
	}
	return s.answerRoute(ctx, a.route, answer)
}

// noticeReuse tells the operator of a client that uses one nonce or one challenge again:
// what should be fresh for each request protects nobody then (RFC 9700, Section 2.1.1).
// They are remembered as long as what came of them is good: each login adds two.
func (s *Step) noticeReuse(ctx context.Context, a *authorization) error {
	window := s.Context.lifetimes.Code + s.Context.lifetimes.AccessToken
	for _, v := range []struct{ param, value string }{{"nonce", a.req.Nonce}, {"code_challenge", a.req.CodeChallenge}} {
		if v.value == "" {
			continue
		}
		fresh, err := s.Context.store.add(ctx, kindFresh, v.param+"\x00"+a.client.ID+"\x00"+v.value, true, window)
		if err != nil {
			return err
		}
		if !fresh {
			s.Context.logger.WarnContext(ctx, "a client uses a value again that should be fresh",
				"client_id", a.client.ID, "param", v.param, "rule", string(message.RuleOPAuthzNonceConstant))
		}
	}
	return nil
}

// frontEncryption is the algorithm that an ID Token in front is encrypted with.
func (a *authorization) frontEncryption() string {
	if a.types.Has("id_token") {
		return a.client.Metadata.IDTokenEncryptedResponseAlg
	}
	return ""
}

// tellAuthTime: Core, Section 2: auth_time is required "When a max_age request is made or
// when auth_time is requested as an Essential Claim", and by require_auth_time.
func (a *authorization) tellAuthTime() bool {
	if a.maxAge() != nil || is(a.client.Metadata.RequireAuthTime) {
		return true
	}
	return a.requestsIDTokenClaim("auth_time")
}

// tellACR: who asks for a level is told the one that was reached.
func (a *authorization) tellACR() bool {
	return len(a.req.ACRValues) > 0 || len(a.client.Metadata.DefaultACRValues) > 0 || a.requestsIDTokenClaim("acr")
}

func (a *authorization) requestsIDTokenClaim(name string) bool {
	if a.req.Claims == nil {
		return false
	}
	_, asked := a.req.Claims.IDToken[name]
	return asked
}

// respondAuthorization sends the response to the redirect URI in its mode.
func respondAuthorization(ctx context.Context, s *Step, o *Outcome) (*Response, error) {
	sent := o.Message
	if isJARM(o.Mode) {
		answer, ok := sent.(*message.AuthorizationResponse)
		if !ok {
			return nil, ErrForeign
		}
		err := s.canEncrypt(ctx, s.Client, s.Client.Metadata.AuthorizationEncryptedResponseAlg)
		if r := refusalOf(err); r != nil {
			// Nothing goes to the client without the encryption that it registered.
			page := refused(r, true)
			page.Refusal, r.step = r, s
			return page, nil
		}
		if err != nil {
			return nil, err
		}
		if sent, err = s.jarm(ctx, s.Client, answer); err != nil {
			return nil, err
		}
	}
	form, err := message.EncodeForm(sent)
	if err != nil {
		return nil, err
	}
	resp := &Response{Status: 303, Placement: InURL, Header: noStore()}
	switch o.Mode {
	case message.ResponseModeFormPost, message.ResponseModeFormPostJWT:
		formPost(resp, o.Location, form)
	case message.ResponseModeFragment, message.ResponseModeFragmentJWT:
		resp.Location = o.Location + "#" + form
	default:
		resp.Location = addQuery(o.Location, form)
	}
	return resp, nil
}

// addQuery adds parameters to a URI. RFC 6749, Section 3.1.2: "The endpoint URI MAY
// include an "application/x-www-form-urlencoded" formatted query component, which MUST be
// retained when adding additional query parameters."
func addQuery(uri, query string) string {
	if query == "" {
		return uri
	}
	uri, fragment, hasFragment := strings.Cut(uri, "#")
	switch {
	case !strings.Contains(uri, "?"):
		uri += "?" + query
	case strings.HasSuffix(uri, "?"), strings.HasSuffix(uri, "&"):
		uri += query
	default:
		uri += "&" + query
	}
	if hasFragment {
		uri += "#" + fragment
	}
	return uri
}

// The page that posts a response. Form Post Response Mode, Section 2: values are "encoded
// as HTML form values". Without script the user presses the button.
const (
	formPostScript = "document.forms[0].submit()"
	formPostHead   = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Continue</title></head>
<body><form method="post" id="form_post" action="`
	formPostFoot = `<noscript><p>Press the button to go on.</p></noscript>
<button type="submit" id="continue">Continue</button></form>
<script>` + formPostScript + `</script></body></html>
`
)

// formPostPolicy allows the one script by its hash. form-action is left open: browsers
// apply it to the redirects that the client answers with too.
var formPostPolicy = func() string {
	sum := sha256.Sum256([]byte(formPostScript))
	return "default-src 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; frame-ancestors 'none'; base-uri 'none'"
}()

// formPost writes the page. Every name and value is escaped as an attribute.
func formPost(resp *Response, action, form string) {
	values, err := url.ParseQuery(form)
	if err != nil {
		values = nil // EncodeForm wrote it
	}
	var b strings.Builder
	b.WriteString(formPostHead)
	b.WriteString(html.EscapeString(action))
	b.WriteString("\">\n")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			b.WriteString(`<input type="hidden" name="` + html.EscapeString(name) + `" value="` + html.EscapeString(value) + "\">\n")
		}
	}
	b.WriteString(formPostFoot)
	resp.Status, resp.Placement, resp.Body = 200, InBody, []byte(b.String())
	resp.Header.Set("Content-Type", "text/html; charset=utf-8")
	resp.Header.Set("Content-Security-Policy", formPostPolicy)
	resp.Header.Set("X-Frame-Options", "DENY")
	resp.Header.Set("X-Content-Type-Options", "nosniff")
	resp.Header.Set("Referrer-Policy", "no-referrer")
}
