package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// An outcome is what an action brought, for the page to show.
type outcome struct {
	Title, Text string
	OK          bool
	Body        string // of an answer, readable
}

// act runs an action for the login of the browser and shows what it brought.
func (d *Demo) act(w http.ResponseWriter, r *http.Request, do func(l *rp.Login) (*outcome, error)) {
	c := dialogueOf(r.Context())
	c.settle()
	l, err := d.party().Session(r)
	if err == nil {
		var o *outcome
		if o, err = do(l); err == nil {
			c.change(func() { c.outcome = o })
		}
	}
	switch {
	case errors.Is(err, rp.ErrNoLogin):
		c.notify(notice{"warning", "Nobody is signed in", "The session has ended. Sign in again."})
	case errors.Is(err, rp.ErrTokenExpired):
		c.notify(notice{"warning", "There is no refresh token", "Sign in with the scope offline_access and with consent, then there is one (OpenID Connect Core 1.0, Section 11)."})
	case err != nil:
		c.change(func() { c.problem = problemOf(err) })
	}
	back(w)
}

// refresh renews the tokens although they are still good.
func (d *Demo) refresh(w http.ResponseWriter, r *http.Request) {
	d.act(w, r, func(l *rp.Login) (*outcome, error) {
		now, err := l.Token().Access(r.Context())
		if err != nil {
			return nil, err
		}
		if _, err := l.Token().Refresh(r.Context(), now.Token); err != nil {
			return nil, err
		}
		return &outcome{Title: "The tokens were renewed", OK: true, Text: "The refresh token brought a new access token, without you. What came with it was verified against the login."}, nil
	})
}

// userInfo asks the UserInfo endpoint.
func (d *Demo) userInfo(w http.ResponseWriter, r *http.Request) {
	d.act(w, r, func(l *rp.Login) (*outcome, error) {
		if _, err := l.Token().Access(r.Context()); err != nil {
			return nil, err
		}
		res, err := d.run(r, service.UserInfoName, service.Args{State: l.ID})
		if err != nil {
			return nil, err
		}
		body, err := message.EncodeJSON(service.MessageOf[message.UserInfoResponse](res))
		return &outcome{Title: "UserInfo answered", OK: true, Text: "Its subject is that of the ID Token, which is what makes these claims yours.", Body: report.Readable(string(body))}, err
	})
}

// revoke gives a token back.
func (d *Demo) revoke(w http.ResponseWriter, r *http.Request) {
	d.act(w, r, func(l *rp.Login) (*outcome, error) {
		kind, hint := "access token", message.TokenTypeHintAccessToken
		token, err := d.heldToken(r.Context(), l.ID, "access_token")
		if r.PostFormValue("token") == "refresh" {
			kind, hint = "refresh token", message.TokenTypeHintRefreshToken
			token, err = d.heldToken(r.Context(), l.ID, "refresh_token")
		}
		if err != nil {
			return nil, err
		}
		// Outside of the login: its record would forget the token, and there would be nothing to see.
		_, err = d.run(r, service.RevocationName, service.Args{Message: message.RevocationRequest{Token: token, TokenTypeHint: hint}})
		if err != nil {
			return nil, err
		}
		return &outcome{Title: "The " + kind + " was revoked", OK: true, Text: "You are still signed in here. Call the API or refresh, and see what it is worth now."}, nil
	})
}

// heldToken is the newest token of a kind that a login has.
func (d *Demo) heldToken(ctx context.Context, login, member string) (message.Secret, error) {
	record, err := d.db.Session(ctx, login)
	if err != nil {
		return "", rp.ErrNoLogin
	}
	for _, item := range []string{state.ItemRefreshTokenResponse, state.ItemTokenResponse, state.ItemAuthResponse} {
		var members map[string]any
		if json.Unmarshal(record.Item(item), &members) != nil {
			continue
		}
		if token, ok := members[member].(string); ok && token != "" {
			return message.Secret(token), nil
		}
	}
	if member == "access_token" {
		return "", fmt.Errorf("%w: the login brought no access token", rp.ErrNoLogin)
	}
	return "", rp.ErrTokenExpired
}

// maxAPI bounds what is shown of an API's answer.
const maxAPI = 64 << 10

// call calls the API with the access token.
func (d *Demo) call(w http.ResponseWriter, r *http.Request) {
	d.act(w, r, func(l *rp.Login) (*outcome, error) {
		address := d.api.address(r.PostFormValue("operation"))
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, address, nil) //nolint:gosec // of our own operations, or as configured
		if err != nil {
			return nil, err
		}
		request.Header.Set("User-Agent", ourAgent)
		request.Header.Set("Accept", "application/json")
		if d.config.APIEndpoint == "" {
			request.Header.Set(ourHeader, d.api.mark)
		}
		client := &http.Client{Timeout: rp.DefaultTimeout, Transport: &rp.TokenTransport{
			Origins: []string{u.Scheme + "://" + u.Host}, Token: l.Token(), Base: d.toAPI(r.Context()),
		}}
		resp, err := client.Do(request) //nolint:gosec // see above
		if err != nil {
			return nil, err
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAPI))
		if err != nil {
			return nil, err
		}
		o := &outcome{Title: "The API answered with status " + fmt.Sprint(resp.StatusCode), OK: resp.StatusCode == http.StatusOK, Body: report.Readable(string(bytes.TrimSpace(body)))}
		if challenge := resp.Header.Get("WWW-Authenticate"); challenge != "" {
			o.Text = "It wants something else: " + challenge
		}
		return o, nil
	})
}

// secretsShown turns the showing of secrets on and off.
func (d *Demo) secretsShown(w http.ResponseWriter, r *http.Request) {
	c := dialogueOf(r.Context())
	c.change(func() { c.secrets = r.PostFormValue("show") == "yes" })
	back(w)
}

// clear begins the conversation anew. Who is signed in stays so.
func (d *Demo) clear(w http.ResponseWriter, r *http.Request) {
	c := dialogueOf(r.Context())
	c.settle()
	c.change(func() { c.steps, c.dropped = nil, 0 })
	back(w)
}
