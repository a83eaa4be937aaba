package rp

import (
	"container/list"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// A Party is a relying party that owns a transport. It logs users in at one provider
// or at many; each has its own service context, keys, redirect URI and HTTP client, so
// that what one of them says never touches another. It is safe for concurrent use.
type Party struct {
	o       Options
	db      *state.DB
	store   state.Store
	logger  *slog.Logger
	dynamic *Dynamic
	base    *url.URL // CallbackBase
	secure  bool     // cookies have Secure and the __Host- prefix
	sites   []string // redirect URIs of ours: a return target may name their site
	routes  map[string]string
	flights flights
	open    *Client // for providers that users named
	api     http.RoundTripper

	mu     sync.Mutex
	known  map[string]*provider // by issuer
	static []*provider          // the configured ones, in their order
	recent *list.List           // the others, last used first
}

// ErrUnknownProvider reports an issuer that is not configured and not admitted.
var ErrUnknownProvider = errors.New("rp: the provider is not one of ours")

// newCore makes a Party without providers, with the defaults of what options leave open.
func newCore(o Options) *Party {
	p := &Party{
		o: o, db: o.DB, store: o.Store, logger: o.Logger,
		routes: map[string]string{}, known: map[string]*provider{}, recent: list.New(),
	}
	if p.db == nil {
		p.db = &state.DB{Store: &state.Memory{Now: o.Now}}
	}
	if p.store == nil {
		p.store = p.db.Store
	}
	if p.store == nil {
		p.store = &state.Memory{Now: o.Now}
	}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	if p.o.Now == nil {
		p.o.Now = time.Now
	}
	if p.o.Rand == nil {
		p.o.Rand = rand.Reader
	}
	if p.o.RefreshEvery <= 0 {
		p.o.RefreshEvery = defaultRefreshEvery
	}
	p.o.HTTP.InsecureAllowHTTP = p.o.HTTP.InsecureAllowHTTP || p.o.InsecureAllowHTTP
	return p
}

func newParty(c PartyConfig) (*Party, error) {
	p := newCore(c.Options)
	p.dynamic = c.Dynamic
	for _, target := range []*string{&p.o.AfterLogin, &p.o.AfterLogout} {
		if *target == "" {
			*target = "/"
		}
		local, ok := service.LocalTarget(*target)
		if !ok {
			return nil, fmt.Errorf("%w: %q is no path of ours", ErrConfig, *target)
		}
		*target = local
	}
	p.open = NewClient(p.o.HTTP)
	p.api = p.open.open
	if calls := p.open.options; calls.Transport == nil {
		// Calls of an API are many, and what they send may be sent again.
		calls.KeepAlives = true
		p.api = calls.transport(false, false)
	}
	if err := p.readBase(c.CallbackBase); err != nil {
		return nil, err
	}
	if len(c.Providers) == 0 && c.Dynamic == nil {
		return nil, fmt.Errorf("%w: no provider", ErrConfig)
	}
	for _, one := range c.Providers {
		if err := p.configure(one); err != nil {
			return nil, err
		}
	}
	return p, p.settleCookies()
}

func (p *Party) readBase(base string) error {
	if base == "" {
		if p.dynamic != nil {
			return fmt.Errorf("%w: providers that users name need a CallbackBase", ErrConfig)
		}
		return nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || !strings.HasSuffix(u.Path, "/") {
		return fmt.Errorf("%w: CallbackBase: want an absolute URL that ends with a slash", ErrConfig)
	}
	p.base = u
	p.sites = append(p.sites, base)
	return nil
}

// configure adds a provider that is known beforehand.
func (p *Party) configure(c servicecontext.Config) error {
	issuer := c.Issuer
	if issuer == "" && c.Provider != nil {
		issuer = c.Provider.Issuer
	}
	if issuer == "" {
		return fmt.Errorf("%w: a provider without issuer", ErrConfig)
	}
	if p.known[issuer] != nil {
		return fmt.Errorf("%w: the issuer %s occurs twice", ErrConfig, issuer)
	}
	c.Issuer = issuer
	if len(c.Metadata.RedirectURIs) == 0 && c.Callbacks == (servicecontext.Callbacks{}) {
		if p.base == nil {
			return fmt.Errorf("%w: no redirect URI for %s", ErrConfig, issuer)
		}
		c.Metadata.RedirectURIs = []string{p.RedirectURI(issuer)}
	}
	v, err := p.newProvider(c, p.clientFor(issuer))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	for _, uri := range v.context.Snapshot().RedirectURIs() {
		u, err := url.Parse(uri)
		if err != nil || u.Host == "" || strings.Contains(uri, "#") {
			return fmt.Errorf("%w: redirect URI %q: want an absolute URL without fragment", ErrConfig, uri)
		}
		// "Clients SHOULD use distinct redirect URIs for each issuer" (RFC 9700,
		// Section 4.4.2.2).
		if other, taken := p.routes[u.EscapedPath()]; taken {
			return fmt.Errorf("%w: redirect URIs %s and %s have one path: %w", ErrConfig, other, uri, message.RuleAuthzRequestRedirectPerIssuer)
		}
		p.routes[u.EscapedPath()] = uri
		p.sites = append(p.sites, uri)
	}
	p.known[issuer] = v
	p.static = append(p.static, v)
	return nil
}

// clientFor returns the HTTP client for a configured issuer, whose host may have a private
// address.
func (p *Party) clientFor(issuer string) *Client {
	options := p.o.HTTP
	if u, err := url.Parse(issuer); err == nil {
		options.TrustedHosts = append(slices.Clone(options.TrustedHosts), u.Hostname())
	}
	return NewClient(options)
}

// settleCookies decides on the names of cookies: by the scheme of our own addresses.
func (p *Party) settleCookies() error {
	for i, site := range p.sites {
		u, err := url.Parse(site)
		if err != nil {
			return fmt.Errorf("%w: %q: %w", ErrConfig, site, err)
		}
		secure := u.Scheme == "https"
		if i > 0 && secure != p.secure {
			return fmt.Errorf("%w: redirect URIs of two schemes", ErrConfig)
		}
		if !secure && (u.Scheme != "http" || !p.o.InsecureAllowHTTP) {
			return fmt.Errorf("%w: redirect URI %q: want https, or InsecureAllowHTTP on a loopback interface", ErrConfig, site)
		}
		p.secure = secure
	}
	return nil
}

// RedirectURI returns the redirect URI for an issuer: the configured one, else its
// place below CallbackBase. It stays the same from process to process.
func (p *Party) RedirectURI(issuer string) string {
	p.mu.Lock()
	v := p.known[issuer]
	p.mu.Unlock()
	if v != nil {
		return v.context.Snapshot().RedirectURI("")
	}
	if p.base == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(issuer))
	return p.base.String() + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Issuers lists the configured providers in their order, then those that users named
// and that are held in memory.
func (p *Party) Issuers() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	issuers := make([]string, 0, len(p.known))
	for _, v := range p.static {
		issuers = append(issuers, v.issuer)
	}
	for e := p.recent.Front(); e != nil; e = e.Next() {
		issuers = append(issuers, e.Value.(*provider).issuer)
	}
	return issuers
}

// ServiceContext returns what is known about a provider and about us there, nil for one
// that is not held in memory.
func (p *Party) ServiceContext(issuer string) *servicecontext.ServiceContext {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := p.known[issuer]; v != nil {
		return v.context
	}
	return nil
}

// only returns the provider of a party that has one, nil otherwise.
func (p *Party) only() *provider {
	if len(p.static) == 1 && p.dynamic == nil {
		return p.static[0]
	}
	return nil
}

// providers returns all that are held in memory.
func (p *Party) providers() []*provider {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.static)
	for e := p.recent.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*provider))
	}
	return all
}

// provider finds a provider by its issuer, and admits one that a user named.
func (p *Party) provider(ctx context.Context, issuer string) (*provider, error) {
	p.mu.Lock()
	v := p.known[issuer]
	if v != nil && v.place != nil {
		p.recent.MoveToFront(v.place)
	}
	p.mu.Unlock()
	if v != nil {
		return v, nil
	}
	if p.dynamic == nil || issuer == "" || p.dynamic.Allow != nil && !p.dynamic.Allow(ctx, issuer) {
		return nil, ErrUnknownProvider
	}
	c := p.dynamic.Client
	c.Issuer = issuer
	c.Metadata.RedirectURIs = []string{p.RedirectURI(issuer)}
	c.Callbacks = servicecontext.Callbacks{}
	v, err := p.newProvider(c, p.open)
	if err != nil {
		return nil, err
	}
	v.named = true
	return p.hold(v), nil
}

// hold keeps a provider that a user named in memory, and lets go of the one that was
// not used for the longest time when there are too many.
func (p *Party) hold(v *provider) *provider {
	limit := p.dynamic.Max
	if limit <= 0 {
		limit = defaultMax
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := p.known[v.issuer]; first != nil {
		return first
	}
	for p.recent.Len() >= limit {
		last := p.recent.Back()
		delete(p.known, last.Value.(*provider).issuer)
		p.recent.Remove(last)
	}
	v.place = p.recent.PushFront(v)
	p.known[v.issuer] = v
	return v
}

// identify asks the host of a user's identifier for the user's issuer (OpenID Connect
// Discovery 1.0, Section 2).
func (p *Party) identify(ctx context.Context, identifier string) (string, error) {
	if p.dynamic == nil && len(p.static) == 0 {
		return "", ErrUnknownProvider
	}
	sc, err := servicecontext.New(servicecontext.Config{InsecureAllowHTTP: p.o.InsecureAllowHTTP, Now: p.o.Now, Rand: p.o.Rand})
	if err != nil {
		return "", err
	}
	svc := service.NewWebFinger(service.Env{Context: sc})
	if _, err := p.runner(ctx, "", p.open.Send).Run(ctx, svc, service.Args{Message: message.WebFingerRequest{Resource: identifier}}); err != nil {
		return "", err
	}
	return sc.Snapshot().Issuer, nil
}

func (p *Party) observe(ctx context.Context, e service.Exchange) {
	if p.o.Observe != nil {
		p.o.Observe(ctx, e)
	}
}

// arrived returns which of our redirect URIs a request came to, by its path: host and
// scheme are what the client or a proxy says. It is the address itself when it is none.
func (p *Party) arrived(r *http.Request) string {
	path := r.URL.EscapedPath()
	if rest, same := strings.CutPrefix(r.RequestURI, path); r.RequestURI != "" && (!same || rest != "" && rest[0] != '?') {
		if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
			path = u.EscapedPath() // also where http.StripPrefix has been at work
		}
	}
	if uri, ok := p.routes[path]; ok {
		return uri
	}
	if p.base != nil {
		return p.base.Scheme + "://" + p.base.Host + path
	}
	return path
}

// random returns 256 random bits as 43 URL-safe characters, behind what comes before.
func (p *Party) random(before []byte) (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(p.o.Rand, b[:]); err != nil {
		return "", fmt.Errorf("rp: random source: %w", err)
	}
	return string(base64.RawURLEncoding.AppendEncode(before, b[:])), nil
}
