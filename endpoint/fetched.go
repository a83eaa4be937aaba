package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// fetchCooldown is how long an unknown kid causes no further refetch of a key set.
const fetchCooldown = time.Minute

// fetchFailedLife is how long a document that could not be had is not asked for again.
const fetchFailedLife = 10 * time.Second

// A fetchedDocument is what was had of a client.
type fetchedDocument struct {
	Body      []byte    `json:"body,omitempty"`
	Failed    string    `json:"failed,omitempty"`
	Until     time.Time `json:"until"`
	Refetched time.Time `json:"refetched,omitzero"` // when an unknown kid caused it
	At        time.Time `json:"at"`
}

// Supply takes the answer to a NeedFetch. A status other than 200, or err for a request
// that failed, is remembered for a moment, so that the request is refused when it is
// parsed again. The error is that of a failing store.
func (c *Context) Supply(ctx context.Context, need *NeedFetch, status int, body []byte, failed error) error {
	now := c.now()
	doc := fetchedDocument{Body: body, Until: now.Add(need.life(c)), At: now}
	switch {
	case failed != nil:
		doc.Failed = "the request failed"
	case status != 200:
		doc.Failed = "the status is not 200"
	case int64(len(body)) > need.MaxBody:
		doc.Failed = "the document is too large"
	}
	if doc.Failed != "" {
		doc.Body, doc.Until = nil, now.Add(fetchFailedLife)
	}
	if need.refetch {
		doc.Refetched = now
		if doc.Failed != "" {
			// What was there before still counts.
			var old fetchedDocument
			found, err := c.store.get(ctx, kindFetched, need.name(), &old)
			if err != nil {
				return err
			}
			if found && old.Failed == "" {
				doc.Body, doc.Failed, doc.Until = old.Body, "", old.Until
			}
		}
	}
	return c.store.put(ctx, kindFetched, need.name(), doc, doc.Until.Sub(now)+fetchCooldown)
}

func (n *NeedFetch) name() string {
	return string(n.Kind) + "\x00" + n.ClientID + "\x00" + n.URL
}

func (n *NeedFetch) life(c *Context) time.Duration {
	switch n.Kind {
	case FetchKeys:
		return c.lifetimes.ClientKeys
	case FetchRequestObject:
		return requestObjectLife
	}
	return c.lifetimes.PushedRequest
}

// fetched returns a document, or the need for it.
func (s *Step) fetched(ctx context.Context, need *NeedFetch) (*fetchedDocument, error) {
	var doc fetchedDocument
	found, err := s.Context.store.get(ctx, kindFetched, need.name(), &doc)
	if err != nil {
		return nil, err
	}
	if !found || !s.Now.Before(doc.Until) {
		return nil, need
	}
	return &doc, nil
}

func keysNeed(client *Client) *NeedFetch {
	return &NeedFetch{
		Kind: FetchKeys, ClientID: client.ID, URL: client.Metadata.JWKSURI,
		Accept: []string{"application/jwk-set+json", "application/json"}, MaxBody: 256 << 10, Timeout: 5 * time.Second,
		Err: &message.Violation{Rule: message.RuleOPClientKeys, Param: "jwks_uri", Want: "a key set"},
	}
}

// clientKeys returns the client's public keys, from jwks or jwks_uri (Core, Section
// 10.1.1). A client without either has none.
func (s *Step) clientKeys(ctx context.Context, client *Client) (*keyjar.Set, error) {
	m := &client.Metadata
	if m.JWKS != nil {
		body, err := message.EncodeJSON(m.JWKS)
		if err != nil {
			return nil, err
		}
		return s.Context.parsed.set(body)
	}
	if m.JWKSURI == "" {
		return nil, nil
	}
	doc, err := s.fetched(ctx, keysNeed(client))
	if err != nil {
		return nil, err
	}
	if doc.Failed != "" {
		return nil, &message.Violation{Rule: message.RuleOPClientKeys, Param: "jwks_uri", Got: doc.Failed, Want: "a key set"}
	}
	return s.Context.parsed.set(doc.Body)
}

// unusable reports whether an error of clientKeys is the client's fault: its keys cannot be
// had, or are none.
func unusable(err error) bool {
	var v *message.Violation
	return !isNeed(err) && errors.As(err, &v)
}

// refetchKeys returns the need for a fresh key set after an unknown kid, or nil when that
// was asked for a short while ago. A provider fetches once at once, since a client may
// rotate just before it signs, and then not for a minute, so that forged kids cause no
// flood.
func (s *Step) refetchKeys(ctx context.Context, client *Client, cause error) error {
	if client.Metadata.JWKSURI == "" || client.Metadata.JWKS != nil {
		return nil
	}
	need := keysNeed(client)
	need.refetch, need.Err = true, cause
	doc, err := s.fetched(ctx, need)
	if err != nil {
		return err
	}
	if s.Now.Sub(doc.Refetched) < fetchCooldown {
		return nil
	}
	return need
}

// parsedSets keeps the key sets that were parsed last: parsing one costs far more than
// verifying with it.
type parsedSets struct {
	mu   sync.Mutex
	sets map[string]*keyjar.Set
}

const maxParsedSets = 1000

func (p *parsedSets) set(body []byte) (*keyjar.Set, error) {
	sum := sha256.Sum256(body)
	name := base64.RawURLEncoding.EncodeToString(sum[:])
	p.mu.Lock()
	set, ok := p.sets[name]
	p.mu.Unlock()
	if ok {
		return set, nil
	}
	set, _, err := keyjar.ParseSet(body)
	if err != nil {
		return nil, &message.Violation{Rule: message.RuleOPClientKeys, Param: "jwks", Want: "a JWK Set", Err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sets == nil || len(p.sets) >= maxParsedSets {
		p.sets = map[string]*keyjar.Set{}
	}
	p.sets[name] = set
	return set, nil
}
