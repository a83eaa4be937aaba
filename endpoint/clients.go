package endpoint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// A Client is a registered client.
type Client struct {
	ID string `json:"client_id"` // the client_id
	// Secret is kept only if something must be computed with it: an HMAC or a symmetric
	// encryption key. Otherwise SecretHash, the SHA-256 of the secret, is enough.
	// A Secret that is not made by this provider should have 128 bits of entropy.
	Secret     message.Secret `json:"-"`
	SecretHash []byte         `json:"secret_hash,omitempty"`
	// SecretExpires is when the secret ends; zero is never.
	SecretExpires time.Time `json:"secret_expires,omitzero"`
	Issued        time.Time `json:"issued,omitzero"`
	// Metadata holds everything that is in force, defaults included.
	Metadata message.ClientMetadata `json:"-"`
	// RegistrationTokenHash is the SHA-256 of the registration access token of a client
	// that may manage its own registration.
	RegistrationTokenHash []byte `json:"registration_token_hash,omitempty"`

	// Trusted marks a client of the operator's own house: it needs no consent, and an
	// error is redirected to it at once.
	Trusted bool `json:"trusted,omitempty"`
	// Resources are the resource indicators it may ask for (RFC 8707).
	Resources []string `json:"resources,omitempty"`
	// Serves are the resource indicators that it answers for as a resource server: it may
	// introspect tokens that are meant for them. The issuer stands for tokens without one.
	Serves []string `json:"serves,omitempty"`
	// StrictScope answers invalid_scope to a scope that the client may not have, instead
	// of leaving it out.
	StrictScope bool `json:"strict_scope,omitempty"`
}

// Public reports whether the client has no credential (RFC 6749, Section 2.1).
func (c *Client) Public() bool {
	return c.Metadata.TokenEndpointAuthMethod == message.AuthMethodNone
}

// Name is what a page calls the client.
func (c *Client) Name() string {
	if c.Metadata.ClientName != "" {
		return c.Metadata.ClientName
	}
	return c.ID
}

// grants reports whether the client is registered for a grant type.
func (c *Client) grants(grant string) bool { return slices.Contains(c.Metadata.GrantTypes, grant) }

// fits compares a secret or token with the hash that is kept of it, in constant time.
func fits(hash []byte, value message.Secret) bool {
	sum := sha256.Sum256([]byte(value.Reveal()))
	return len(hash) == len(sum) && subtle.ConstantTimeCompare(hash, sum[:]) == 1
}

// Clients tells the clients of a provider. An implementation is safe for concurrent use
// and returns a Client that nobody will change.
type Clients interface {
	// Client returns the client with this ID; found is false if there is none. err
	// reports a failing store.
	Client(ctx context.Context, id string) (c *Client, found bool, err error)
}

// ClientRegistry is a Clients that can change. Dynamic registration is offered if
// Config.Clients is one.
type ClientRegistry interface {
	Clients
	// AddClient keeps a new client; added is false if the ID is taken.
	AddClient(ctx context.Context, c *Client) (added bool, err error)
	// PutClient replaces a client.
	PutClient(ctx context.Context, c *Client) error
	// RemoveClient forgets a client; of concurrent calls one finds it.
	RemoveClient(ctx context.Context, id string) (found bool, err error)
}

// StoredClients keeps clients in a state.Store. It is a ClientRegistry. The store is asked
// each time, so that every process sees a change at once; what it answers is decoded only
// when it changed.
type StoredClients struct {
	Store state.Store // must be set

	mu      sync.Mutex
	decoded map[string]decodedClient
}

type decodedClient struct {
	raw    []byte
	client *Client
}

// maxDecodedClients bounds the clients that are kept decoded.
const maxDecodedClients = 1000

// clientLife is for ever, as far as a store is concerned.
const clientLife = 100 * 365 * 24 * time.Hour

// storedClient is a client as it is kept; message's own encoder writes the metadata.
type storedClient struct {
	*Client
	PlainSecret string          `json:"secret,omitempty"`
	Meta        json.RawMessage `json:"metadata"`
}

func encodeClient(c *Client) (*storedClient, error) {
	meta, err := message.EncodeJSON(c.Metadata)
	if err != nil {
		return nil, err
	}
	return &storedClient{Client: c, PlainSecret: c.Secret.Reveal(), Meta: meta}, nil
}

// Client implements Clients.
func (s *StoredClients) Client(ctx context.Context, id string) (*Client, bool, error) {
	raw, found, err := s.Store.Get(ctx, storeKey(kindClient, id))
	if err != nil || !found {
		return nil, false, err
	}
	s.mu.Lock()
	known, ok := s.decoded[id]
	s.mu.Unlock()
	if ok && bytes.Equal(known.raw, raw) {
		return known.client, true, nil
	}
	client, err := decodeClient(raw)
	if err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.decoded == nil || len(s.decoded) >= maxDecodedClients {
		s.decoded = map[string]decodedClient{}
	}
	s.decoded[id] = decodedClient{raw: raw, client: client}
	return client, true, nil
}

func decodeClient(raw []byte) (*Client, error) {
	stored := storedClient{Client: new(Client)}
	if err := json.Unmarshal(raw, &stored); err != nil {
		return nil, fmt.Errorf("endpoint: client: %w", err)
	}
	stored.Secret = message.Secret(stored.PlainSecret)
	if err := message.DecodeJSON(stored.Meta, &stored.Metadata); err != nil {
		return nil, fmt.Errorf("endpoint: client: %w", err)
	}
	return stored.Client, nil
}

// AddClient implements ClientRegistry.
func (s *StoredClients) AddClient(ctx context.Context, c *Client) (bool, error) {
	stored, err := encodeClient(c)
	if err != nil {
		return false, err
	}
	if err := s.list(ctx, c.ID); err != nil {
		return false, err
	}
	return store{s.Store}.add(ctx, kindClient, c.ID, stored, clientLife)
}

// PutClient implements ClientRegistry.
func (s *StoredClients) PutClient(ctx context.Context, c *Client) error {
	stored, err := encodeClient(c)
	if err != nil {
		return err
	}
	if err := s.list(ctx, c.ID); err != nil {
		return err
	}
	return store{s.Store}.put(ctx, kindClient, c.ID, stored, clientLife)
}

// RemoveClient implements ClientRegistry.
func (s *StoredClients) RemoveClient(ctx context.Context, id string) (bool, error) {
	return store{s.Store}.take(ctx, kindClient, id, nil)
}
