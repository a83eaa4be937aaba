package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/oidcservice/oidc/message"
)

// The cookie that scripts of the iframe read: a value that changes with login and logout
// and means nothing (Session Management, Section 3.2).
func (c *Context) stateCookie() string { return c.cookieName("op_state") }

// browserState is the cookie's value for a session. It is a hash, so that the handle of
// the session cannot be told from it.
func browserState(sess *session) string {
	sum := sha256.Sum256([]byte("op_state\x00" + sess.handle))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// stateCookies are set when a session begins, and deleted when it ends.
func (c *Context) stateCookies(sess *session) []Cookie {
	if !c.policy.SessionManagement {
		return nil
	}
	cookie := c.cookie("", -1)
	if sess != nil {
		cookie = c.cookie(browserState(sess), 0)
	}
	cookie.Name, cookie.HTTPOnly = c.stateCookie(), false
	return []Cookie{cookie}
}

// sessionState is what the client's iframe will ask with (Session Management, Section 2):
// a salted hash over client, origin and browser state, without a space.
func (s *Step) sessionState(client *Client, redirect string, sess *session) (string, error) {
	if !s.Context.policy.SessionManagement {
		return "", nil
	}
	random, err := s.Context.random()
	if err != nil {
		return "", err
	}
	salt := random[:22]
	sum := sha256.Sum256([]byte(client.ID + " " + webOrigin(redirect) + " " + browserState(sess) + " " + salt))
	return hex.EncodeToString(sum[:]) + "." + salt, nil
}

// NewCheckSession makes the page of the OP iframe (Session Management, Section 3.2). It
// recomputes the state from the cookie, the asking client and its origin, and answers to
// that origin only.
func NewCheckSession(env Env) Endpoint {
	page, policy := checkSessionPage(env.Context.stateCookie())
	return Definition[message.JWKSRequest]{
		Name:    "check_session",
		Path:    "/check_session",
		Methods: []string{"GET"},
		Request: Opaque,
		Describe: func(_ *Context, url string, m *message.ProviderMetadata) {
			m.CheckSessionIframe = url
		},
		Process: func(context.Context, *Step, *message.JWKSRequest) (*Outcome, error) { return &Outcome{}, nil },
		Respond: func(context.Context, *Step, *Outcome) (*Response, error) {
			// It is made to be framed: no frame-ancestors here.
			return &Response{Status: 200, Body: page, Header: Header{
				"Content-Type": {"text/html; charset=utf-8"}, "Content-Security-Policy": {policy},
				"Cache-Control": {"public, max-age=300"}, "Referrer-Policy": {"no-referrer"},
			}}, nil
		},
	}.New(env)
}

const (
	checkSessionHead   = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Session</title></head><body><script>"
	checkSessionFoot   = "</script></body></html>\n"
	checkSessionScript = `
"use strict";
const name = "`
	checkSessionBody = `=";
function browserState() {
  for (const part of document.cookie.split("; ")) {
    if (part.startsWith(name)) return part.slice(name.length);
  }
  return "";
}
window.addEventListener("message", async (e) => {
  let answer = "error";
  const words = typeof e.data === "string" ? e.data.split(" ") : [];
  const dot = words.length === 2 ? words[1].indexOf(".") : -1;
  if (dot > 0 && words[0] !== "" && dot < words[1].length - 1) {
    const salt = words[1].slice(dot + 1);
    const data = new TextEncoder().encode([words[0], e.origin, browserState(), salt].join(" "));
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    const hex = Array.from(hash, (b) => b.toString(16).padStart(2, "0")).join("");
    answer = hex + "." + salt === words[1] ? "unchanged" : "changed";
  }
  if (e.source && e.origin && e.origin !== "null") e.source.postMessage(answer, e.origin);
});
`
)

// checkSessionPage returns the page and the policy that allows its one script by hash.
func checkSessionPage(cookie string) (page []byte, policy string) {
	script := checkSessionScript + cookie + checkSessionBody
	sum := sha256.Sum256([]byte(script))
	return []byte(checkSessionHead + script + checkSessionFoot),
		"default-src 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'"
}
