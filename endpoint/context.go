package endpoint

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/state"
)

// Config is what a provider is made from.
type Config struct {
	// Issuer is the Issuer Identifier: https, no query, no fragment. It is used as it
	// stands everywhere.
	Issuer string
	// Keys are our own private keys. The first that fits signs or decrypts. NextKeys are
	// published but do not sign yet; RetiredKeys are published for what they signed and
	// still open what was encrypted to them (Core, Section 10.1.1).
	Keys        *keyjar.Set
	NextKeys    *keyjar.Set
	RetiredKeys *keyjar.Set

	// Store keeps everything else. It is required: a provider that forgets when it stops
	// has to say so with a state.Memory.
	Store state.Store
	// Clients tells the clients; nil keeps them in Store. Dynamic registration needs a
	// ClientRegistry, which that is.
	Clients Clients
	// Users tells the users.
	Users Users

	Policy    Policy    // what is offered and demanded
	Lifetimes Lifetimes // what is zero has a default

	// InsecureAllowHTTP allows an http issuer, for a provider on a loopback address
	// during development. Cookies then lose Secure and the __Host- prefix.
	InsecureAllowHTTP bool

	// Now tells the time; nil is time.Now.
	Now func() time.Time
	// Rand is the source of randomness; nil is crypto/rand.
	Rand io.Reader
	// Logger hears what an operator should know; nil is silence. No secret is logged.
	Logger *slog.Logger
}

// Lifetimes are the lives of what is issued. Zero values are replaced by the defaults.
type Lifetimes struct {
	Code           time.Duration // 60 s
	AccessToken    time.Duration // 10 min
	BoundToken     time.Duration // 1 h, an access token with a sender constraint
	IDToken        time.Duration // 10 min
	RefreshToken   time.Duration // 30 days, the whole family
	RefreshIdle    time.Duration // 14 days without use
	RefreshGrace   time.Duration // 60 s; negative is none
	Session        time.Duration // 12 h
	Interaction    time.Duration // 30 min
	PushedRequest  time.Duration // 5 min
	DeviceCode     time.Duration // 10 min
	Backchannel    time.Duration // 10 min to answer a CIBA request, unless the client asks for another time
	ClientKeys     time.Duration // 1 h in the cache
	Consent        time.Duration // 1 year
	Interval       time.Duration // 5 s between polls
	AttemptsWindow time.Duration // 5 min in which failed attempts are counted
}

// withDefaults fills in what was left open.
func (l Lifetimes) withDefaults() Lifetimes {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.Code, time.Minute},
		{&l.AccessToken, 10 * time.Minute},
		{&l.BoundToken, time.Hour},
		{&l.IDToken, 10 * time.Minute},
		{&l.RefreshToken, 30 * 24 * time.Hour},
		{&l.RefreshIdle, 14 * 24 * time.Hour},
		{&l.RefreshGrace, time.Minute},
		{&l.Session, 12 * time.Hour},
		{&l.Interaction, 30 * time.Minute},
		{&l.PushedRequest, 5 * time.Minute},
		{&l.DeviceCode, 10 * time.Minute},
		{&l.Backchannel, 10 * time.Minute},
		{&l.ClientKeys, time.Hour},
		{&l.Consent, 365 * 24 * time.Hour},
		{&l.Interval, 5 * time.Second},
		{&l.AttemptsWindow, 5 * time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if l.RefreshGrace < 0 {
		l.RefreshGrace = 0
	}
	return l
}

// A Context is what the endpoints of one provider share. It is safe for concurrent use.
type Context struct {
	issuer    string
	secure    bool
	store     store
	clients   Clients
	users     Users
	policy    Policy
	lifetimes Lifetimes
	keys      atomic.Pointer[keys]
	now       func() time.Time
	rand      io.Reader
	logger    *slog.Logger
	set       *Set
	parsed    parsedSets
	offered   offered
}

// offered is what follows from the policy and is asked for with each request.
type offered struct {
	grantTypes, authMethods, assertionAlgs, asymmetric, scopes, claims []string
}

// keys is one snapshot of our own keys.
type keys struct {
	current  *keyjar.Set
	all      *keyjar.Set // current, retired and next: what is published
	opening  *keyjar.Set // current and retired: what decrypts and verifies hints
	jwks     []byte
	signAlgs []string
	openAlgs []string // what can be encrypted to current
}

// NewContext checks the configuration and makes a context of it.
func NewContext(cfg Config) (*Context, error) {
	c := &Context{
		issuer:    cfg.Issuer,
		secure:    !strings.HasPrefix(cfg.Issuer, "http:"),
		clients:   cfg.Clients,
		users:     cfg.Users,
		policy:    cfg.Policy,
		lifetimes: cfg.Lifetimes.withDefaults(),
		now:       cfg.Now,
		rand:      cfg.Rand,
		logger:    cfg.Logger,
	}
	if err := checkIssuer(cfg.Issuer, cfg.InsecureAllowHTTP); err != nil {
		return nil, err
	}
	if cfg.Store == nil {
		return nil, fmt.Errorf("endpoint: Store: %w", ErrNotConfigured)
	}
	if cfg.Users == nil {
		return nil, fmt.Errorf("endpoint: Users: %w", ErrNotConfigured)
	}
	c.store = store{cfg.Store}
	if c.clients == nil {
		c.clients = &StoredClients{Store: cfg.Store}
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.rand == nil {
		c.rand = rand.Reader
	}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	if err := c.policy.complete(c.issuer); err != nil {
		return nil, err
	}
	if err := c.lifetimes.checkProfile(c.policy.Profile); err != nil {
		return nil, err
	}
	c.offered.grantTypes = c.listGrantTypes()
	c.offered.authMethods = c.listAuthMethods()
	c.offered.assertionAlgs = c.listAssertionAlgs()
	c.offered.asymmetric = c.permitted(asymmetricAlgs)
	c.offered.scopes = c.listScopes()
	c.offered.claims = c.listClaims()
	if err := c.SetKeys(cfg.Keys, cfg.NextKeys, cfg.RetiredKeys); err != nil {
		return nil, err
	}
	return c, nil
}

// checkIssuer refuses what cannot be an issuer. Discovery, Section 3: "URL using the
// https scheme with no query or fragment components".
func checkIssuer(issuer string, allowHTTP bool) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil, u.Host == "", u.User != nil, strings.ContainsAny(issuer, "?#"), u.Opaque != "":
		return fmt.Errorf("endpoint: Issuer %q: not an absolute URL without query and fragment", issuer)
	case u.Scheme == "https", u.Scheme == "http" && allowHTTP:
		return nil
	}
	return fmt.Errorf("endpoint: Issuer %q: not https (InsecureAllowHTTP is for development)", issuer)
}

// SetKeys publishes another snapshot of our own keys. Rotate in three steps: publish the
// new key as next, after the time that clients cache a key set make it current and the
// old one retired, and drop the old one when the last token it signed has expired.
func (c *Context) SetKeys(current, next, retired *keyjar.Set) error {
	k := &keys{
		current: current,
		all:     keyjar.NewSet(slices.Concat(current.Keys(), next.Keys(), retired.Keys())...),
		opening: keyjar.NewSet(slices.Concat(current.Keys(), retired.Keys())...),
	}
	for _, alg := range keyjar.SigningAlgorithms() {
		if isHMAC(alg) || c.fapi() && !slices.Contains(fapiAlgs, alg) {
			continue
		}
		if _, err := current.SigningKey(alg); err == nil {
			k.signAlgs = append(k.signAlgs, alg)
		}
	}
	for _, alg := range keyjar.EncryptionAlgorithms() {
		if _, err := current.EncryptionKey(alg); err == nil && !isSymmetric(alg) {
			k.openAlgs = append(k.openAlgs, alg)
		}
	}
	if len(k.signAlgs) == 0 {
		return fmt.Errorf("endpoint: Keys: no key that signs: %w", ErrNotConfigured)
	}
	seen := map[string]bool{}
	for _, key := range k.all.Keys() {
		// Core, Section 10.1: keys of one set are told apart by kid.
		if key.ID() == "" || seen[key.ID()] {
			return fmt.Errorf("endpoint: Keys: kid %q is empty or stands twice", key.ID())
		}
		seen[key.ID()] = true
	}
	k.jwks = k.all.PublicJWKS()
	c.keys.Store(k)
	return nil
}

// Issuer returns the Issuer Identifier.
func (c *Context) Issuer() string { return c.issuer }

// URL returns the address of a path below the issuer.
func (c *Context) URL(path string) string { return strings.TrimSuffix(c.issuer, "/") + path }

// Now tells the time.
func (c *Context) Now() time.Time { return c.now() }

// Logger hears what an operator should know.
func (c *Context) Logger() *slog.Logger { return c.logger }

// Policy returns what the provider offers and demands.
func (c *Context) Policy() Policy { return c.policy }

// Client returns a registered client.
func (c *Context) Client(ctx context.Context, id string) (*Client, bool, error) {
	return c.clients.Client(ctx, id)
}

// random returns a fresh value of 255 bits, as base64url. The bit that is missing has it
// begin with a letter: no command takes it for an option when an operator types it.
func (c *Context) random() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(c.rand, b[:]); err != nil {
		return "", fmt.Errorf("endpoint: random source: %w", err)
	}
	b[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
