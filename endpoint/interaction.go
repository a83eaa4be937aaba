package endpoint

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/oidcservice/oidc/message"
)

// An Asked is the question that an Answer belongs to.
type Asked struct {
	Prompt Prompt          // what is asked
	Data   json.RawMessage // what Ask was given

	record interactionRecord
}

// interactionRecord is a question that waits for its answer.
type interactionRecord struct {
	Endpoint string          `json:"endpoint"`
	Prompt   Prompt          `json:"prompt"`
	Browser  []byte          `json:"browser"` // hash of the cookie of the browser that was asked
	Data     json.RawMessage `json:"data,omitempty"`
	Until    time.Time       `json:"until"`
}

// browserCookie binds questions to the browser that was asked.
func (c *Context) browserCookie() string { return c.cookieName("op_browser") }

// cookieName is the name of a cookie: with the prefix that makes a browser insist on
// Secure, Path=/ and no Domain, or without it on plain http.
func (c *Context) cookieName(name string) string {
	if c.secure {
		return "__Host-" + name
	}
	return name
}

// isHandle reports whether a value of a cookie can be one of ours.
func isHandle(value string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	return err == nil && len(b) == 32
}

// Ask stores a question and returns it as a NeedUser. RFC 6749, Section 10.12: the answer
// must come from the browser that was asked; the ticket, which is in the page only, makes
// a forged form worthless, and the cookie makes a stolen page worthless.
func (s *Step) Ask(ctx context.Context, need *NeedUser, data any) error {
	c := s.Context
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	browser := s.Request.Cookies[c.browserCookie()]
	if !isHandle(browser) {
		if browser, err = c.random(); err != nil {
			return err
		}
	}
	ticket, err := c.random()
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(browser))
	record := interactionRecord{
		Endpoint: s.endpoint, Prompt: need.Prompt, Browser: hash[:], Data: raw,
		Until: s.Now.Add(c.lifetimes.Interaction),
	}
	if err := c.store.put(ctx, kindInteraction, ticket, record, c.lifetimes.Interaction); err != nil {
		return err
	}
	need.Endpoint, need.Ticket = s.endpoint, ticket
	need.Cookies = append(append(need.Cookies, s.cookies...), Cookie{
		Name: c.browserCookie(), Value: browser, MaxAge: int(c.lifetimes.Interaction / time.Second),
		Secure: c.secure, HTTPOnly: true, SameSite: "Lax",
	})
	return need
}

// asked takes the question that a ticket stands for.
func (s *Step) asked(ctx context.Context, ticket string) (*Asked, error) {
	c := s.Context
	refusal := Refuse(400, message.InvalidRequest, message.RuleOPLoginBinding, "")
	if !isHandle(ticket) {
		return nil, refusal.Because("", "a ticket", nil)
	}
	var record interactionRecord
	found, err := c.store.take(ctx, kindInteraction, ticket, &record)
	if err != nil {
		return nil, err
	}
	if !found || !s.Now.Before(record.Until) || record.Endpoint != s.endpoint {
		return nil, refusal.Because("", "a ticket that was not used and has not expired", nil)
	}
	hash := sha256.Sum256([]byte(s.Request.Cookies[c.browserCookie()]))
	if subtle.ConstantTimeCompare(hash[:], record.Browser) != 1 {
		return nil, refusal.Because("another browser", "the browser that was asked", nil)
	}
	return &Asked{Prompt: record.Prompt, Data: record.Data, record: record}, nil
}

// unask puts a question back whose answer could not be judged yet.
func (s *Step) unask(ctx context.Context, ticket string, asked *Asked) error {
	return s.Context.store.put(ctx, kindInteraction, ticket, asked.record, asked.record.Until.Sub(s.Now))
}
