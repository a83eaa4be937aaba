package demo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// The ways in which an application learns of a logout that began elsewhere, as the settings
// call them, the best first. Each needs less of the provider and more of the browser.
const (
	byBackchannel  = "backchannel"
	byFrontchannel = "frontchannel"
	bySession      = "session"
)

var logoutWays = []string{byBackchannel, byFrontchannel, bySession}

// learnsBy is the way in which the application learns of a logout elsewhere: the one that the
// settings name, or the best that can be had; empty if there is none.
func (d *Demo) learnsBy() string {
	for _, way := range logoutWays {
		if (d.config.LogoutBy == way || d.config.LogoutBy == "" && d.comesByItself(way)) && d.offered(way) {
			return way
		}
	}
	return ""
}

// comesByItself reports whether a way is taken that nobody asked for. Where the provider is
// another site, browsers keep its cookies from its frame, which then takes every session for
// another one.
func (d *Demo) comesByItself(way string) bool { return way != bySession || d.embedded != nil }

// offered reports whether the provider can tell in a way. It tells nobody over plain http.
func (d *Demo) offered(way string) bool {
	yes := func(b *bool) bool { return b != nil && *b }
	switch p := d.provider; way {
	case byBackchannel:
		return d.secure() && yes(p.BackchannelLogoutSupported)
	case byFrontchannel:
		return d.secure() && yes(p.FrontchannelLogoutSupported)
	default:
		return p.CheckSessionIframe != ""
	}
}

// A wayView says how the application learns of a logout elsewhere, and what the others are.
type wayView struct {
	Text   string
	Others []string // values of --logout-by
}

func (d *Demo) wayOf(way string) *wayView {
	v := new(wayView)
	switch way {
	case byBackchannel:
		v.Text = "the provider tells it directly (back-channel logout)"
	case byFrontchannel:
		v.Text = "the provider's page loads a frame of it in your browser (front-channel logout)"
	case bySession:
		v.Text = "this page asks a frame of the provider every five seconds (session management)"
	default:
		return nil
	}
	for _, other := range logoutWays {
		if other != way && d.offered(other) {
			v.Others = append(v.Others, other)
		}
	}
	return v
}

// arriving notes what a browser brings back.
func (d *Demo) arriving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := sceneOf(r.Context())
		at.arrived = locationOf(d.URL+r.URL.EscapedPath(), "?", r.URL.RawQuery)
		at.state = stateOf(at.arrived)
		next.ServeHTTP(w, r)
		if at.conversation.returned(at) {
			at.conversation.notify(notice{"success", "You are signed out", "Here and at the provider: it sent you back with the state of the logout (RP-Initiated Logout 1.0, Section 3)."})
		}
	})
}

// returned reports whether a browser came back from a logout of its own. When the provider
// has told the end of the session by itself, there is nothing left for the state to confirm.
func (c *dialogue) returned(at *scene) bool {
	if at.taken {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range slices.Backward(c.steps) {
		if s.Service == service.EndSessionName && s.Response == nil && s.State != "" && s.State == at.state {
			s.Response = at.arrived
			c.version++
			return true
		}
	}
	return false
}

// notified notes a message about a logout that comes by itself, and what it is answered.
func (d *Demo) notified(from lane, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := keepBody(w, r)
		if err != nil {
			http.Error(w, "the body cannot be read", http.StatusBadRequest)
			return
		}
		at := &scene{actor: application, notice: d.messageOf(r, body), from: from}
		if values, err := url.ParseQuery(r.URL.RawQuery + "&" + body); err == nil {
			at.conversation = d.hub.ofSession(namedSession(values))
		}
		t := newTap()
		next.ServeHTTP(t, r.WithContext(withScene(r.Context(), at)))
		t.WriteHeader(http.StatusOK)
		if at.noted != nil {
			at.conversation.answered(at.noted, t.status, t.header, t.body.Bytes(), nil)
		}
		t.sendTo(w)
	})
}

// messageOf is a request that came to the application.
func (d *Demo) messageOf(r *http.Request, body string) *report.Request {
	m := &report.Request{Method: r.Method, URL: d.URL + r.URL.RequestURI(), Body: body}
	if media := r.Header.Get("Content-Type"); media != "" {
		m.Header = map[string][]string{"Content-Type": {media}}
	}
	return m
}

// namedSession is the session that a notification claims to be about. It finds the
// conversation to show it in, and is good for nothing else.
func namedSession(values url.Values) string {
	if sid := values.Get("sid"); sid != "" {
		return sid
	}
	var claims struct {
		SessionID string `json:"sid"`
	}
	if parts := strings.Split(values.Get("logout_token"), "."); len(parts) == 3 {
		if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(payload, &claims)
		}
	}
	return claims.SessionID
}

// watching is for the frame that watches the session at the provider. When that has changed,
// the browser leaves to ask the provider without a word to the user.
func (d *Demo) watching(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := keepBody(w, r)
		if err != nil {
			http.Error(w, "the body cannot be read", http.StatusBadRequest)
			return
		}
		at := sceneOf(r.Context())
		at.notice, at.from = d.messageOf(r, body), browser
		t := newTap()
		next.ServeHTTP(t, r)
		if address, ok := d.leaves(t); ok {
			at.conversation.front(service.AuthorizationName, address, nil)
			at.conversation.silently(address)
		}
		t.sendTo(w)
	})
}

// silently notes that a login asks the user nothing.
func (c *dialogue) silently(address string) {
	if u, err := url.Parse(address); err == nil {
		c.change(func() {
			if len(c.silent) > maxSteps {
				clear(c.silent)
			}
			c.silent[u.Query().Get("state")] = true
		})
	}
}

// wasSilent reports, once, whether a login asked the user nothing.
func (c *dialogue) wasSilent(state string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	silent := c.silent[state]
	delete(c.silent, state)
	return silent
}

// asksUser are the errors of a provider that would have to ask the user something
// (OpenID Connect Core 1.0, Section 3.1.2.6).
var asksUser = []message.ErrorCode{message.LoginRequired, message.InteractionRequired, message.ConsentRequired, message.AccountSelectionRequired}

// ended is told which logins ended, in the context of the message that ended them.
func (d *Demo) ended(ctx context.Context, logins []string) {
	n := notice{Kind: "warning", Title: "The provider ended your session"}
	switch m := sceneOf(ctx).notice; {
	case m == nil:
		n.Text = "The session that you had at the provider is over."
	case strings.HasSuffix(m.URL, backchannelPath):
		n.Text = "It sent a logout token to this application directly (OpenID Connect Back-Channel Logout 1.0, Section 2.5). Your browser had no part in it; the conversation shows it."
	case strings.HasSuffix(m.URL, sessionPath):
		n.Title = "Your session at the provider has changed"
		n.Text = "The provider's frame said so to this page (OpenID Connect Session Management 1.0, Section 3.1). The application then asked the provider, without a word to you, whether you are still signed in there; the conversation shows the answer."
	default:
		n.Text = "Its page loaded a frame of this application in your browser, with the name of your session (OpenID Connect Front-Channel Logout 1.0, Section 2). The conversation shows it."
	}
	for _, login := range logins {
		if c := d.hub.ofLogin(login); c != nil {
			c.notify(n)
		}
	}
}
