package op

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/state"
)

// Config is what a Provider is made from. Issuer, Keys, Store and Users are required.
type Config struct {
	// Issuer, Keys, NextKeys, RetiredKeys, Store, Clients, Users, Policy, Lifetimes,
	// InsecureAllowHTTP, Now, Rand and Logger are as in endpoint.Config.
	Issuer      string
	Keys        *keyjar.Set
	NextKeys    *keyjar.Set
	RetiredKeys *keyjar.Set
	Store       state.Store
	Clients     endpoint.Clients
	Users       endpoint.Users
	Policy      endpoint.Policy
	Lifetimes   endpoint.Lifetimes

	// Settings are the extension points of the standard endpoints, by name; Custom makes
	// further endpoints.
	Settings map[string]endpoint.Settings
	Custom   []func(*endpoint.Context) endpoint.Endpoint

	// Templates replaces pages: a template of the same name as one of templates/*.html
	// takes its place. See PageData for what it gets.
	Templates *template.Template
	// Texts adds or replaces the texts of the pages, by language and key.
	Texts map[string]map[string]string

	// Decoupled brings a question to a user's other device (CIBA); the answer goes to
	// Provider.Decide. Without it the question waits on the page /approvals, as it does
	// with Policy.Approvals too: Decoupled may then tell the user to go there.
	Decoupled func(ctx context.Context, q endpoint.Decoupled)

	// Outbound sends what goes to addresses that a client supplied. Nil is a transport
	// that connects to public addresses only; OutboundAllow names further ones, and
	// OutboundCAs are the authorities that it trusts, nil for those of the system.
	Outbound      http.RoundTripper
	OutboundAllow []netip.Prefix
	OutboundCAs   *x509.CertPool

	// TrustedProxies are the addresses of reverse proxies whose X-Forwarded-For is
	// believed, and, if CertificateHeader names one, whose header with the client's
	// certificate (PEM, percent-encoded) is. A proxy must strip both from outside, and verify
	// the certificate if tls_client_auth is offered.
	TrustedProxies    []netip.Prefix
	CertificateHeader string

	// ClientCAs are the authorities of the clients' certificates, for a connection that takes
	// any certificate (tls.RequestClientCert) or a proxy that passes on what it was shown.
	// With them tls_client_auth and self_signed_tls_client_auth stand side by side. Nil
	// leaves it to the connection or the proxy to verify.
	ClientCAs *x509.CertPool

	// Trace is told of every step before it starts, for traces and metrics; Step says of
	// which. The context it returns, such as one with a span, is the one for everything
	// that belongs to the step; nil means the same. The function it returns is told how
	// the step ended; it may be nil.
	Trace func(ctx context.Context, s Step) (context.Context, func(Outcome))

	// The rest is as in endpoint.Config, too.
	InsecureAllowHTTP bool
	Now               func() time.Time
	Rand              io.Reader
	Logger            *slog.Logger
}

// A Provider is an OpenID Provider. It is an http.Handler and safe for concurrent use.
type Provider struct {
	context *endpoint.Context
	set     *endpoint.Set
	config  Config
	base    string // the path of the issuer
	// interactions is where the forms of the pages go, below the issuer.
	interactions string
	origin       string // scheme and host of the issuer
	pages        *pages
	client       *http.Client
	sending      sync.WaitGroup
	slots        chan struct{}
	paths        map[string]endpoint.Described
	below        []endpoint.Described // those that longer paths belong to
}

// maxSending bounds the notifications that are under way at once.
const maxSending = 64

// New makes a provider.
func New(cfg Config) (*Provider, error) {
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Policy.UILocales == nil {
		cfg.Policy.UILocales = languages(cfg.Texts)
	}
	if cfg.Decoupled == nil {
		cfg.Policy.Approvals = true
	}
	ctx, err := endpoint.NewContext(endpoint.Config{
		Issuer: cfg.Issuer, Keys: cfg.Keys, NextKeys: cfg.NextKeys, RetiredKeys: cfg.RetiredKeys,
		Store: cfg.Store, Clients: cfg.Clients, Users: cfg.Users, Policy: cfg.Policy, Lifetimes: cfg.Lifetimes,
		InsecureAllowHTTP: cfg.InsecureAllowHTTP, Now: cfg.Now, Rand: cfg.Rand, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	var custom []endpoint.Endpoint
	for _, constructor := range cfg.Custom {
		custom = append(custom, constructor(ctx))
	}
	set, err := endpoint.NewSet(ctx, cfg.Settings, custom...)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("op: Issuer: %w", err)
	}
	pages, err := newPages(cfg.Templates, cfg.Texts)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		context: ctx, set: set, config: cfg, pages: pages,
		base: strings.TrimSuffix(u.Path, "/"), origin: u.Scheme + "://" + u.Host,
		client:       outboundClient(cfg.Outbound, cfg.OutboundAllow, cfg.OutboundCAs),
		slots:        make(chan struct{}, maxSending),
		interactions: strings.TrimSuffix(u.Path, "/") + interactionPath,
		paths:        map[string]endpoint.Described{},
	}
	for _, d := range set.All() {
		p.paths[d.HostPath] = d
		if d.Prefix {
			p.below = append(p.below, d)
		}
	}
	return p, nil
}

// Context returns what the endpoints share: the clients, and the way to change the keys.
func (p *Provider) Context() *endpoint.Context { return p.context }

// Endpoints returns the endpoints.
func (p *Provider) Endpoints() *endpoint.Set { return p.set }

// Decide takes what a user answered on the other device, and notifies the client.
func (p *Provider) Decide(ctx context.Context, ticket string, allow bool, who endpoint.Authentication) error {
	_, err := p.rounds(ctx, func() (*endpoint.Response, error) {
		list, err := p.context.Decide(ctx, ticket, allow, who)
		p.Send(list)
		return nil, err
	})
	return err
}

// Wait returns when all notifications that were decided on are sent or given up.
func (p *Provider) Wait() { p.sending.Wait() }
