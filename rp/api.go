package rp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/resource"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// APIConfig is what an API is made from.
type APIConfig struct {
	// Config says which tokens are accepted. DB, Now and Rand may be nil.
	resource.Config

	// Clients are our registrations at issuers, by their Issuer: an issuer that is asked
	// about tokens wants to know who asks (RFC 7662, Section 2.1). They also say what is
	// known about an issuer beforehand, such as a profile without OpenID Connect, whose
	// metadata is at the address of RFC 8414. An issuer that signs its tokens needs none.
	Clients []servicecontext.Config

	// IntrospectionCache is how long the answer about a token is used again, but never
	// beyond the token's exp (RFC 7662, Section 4): 10 s if zero, not at all if negative.
	// It is how long a revoked token may still be accepted.
	IntrospectionCache time.Duration

	// HTTP says how requests to issuers are sent. Their hosts may have private addresses.
	HTTP ClientOptions

	// Store keeps what was learnt about issuers, for other processes and after a restart.
	// Nil is DB's.
	Store state.Store

	// PeerCertificates returns the certificate chain of a request's client, the leaf
	// first, in DER, where a proxy ends TLS. Nil means that of the connection.
	PeerCertificates func(r *http.Request) [][]byte

	// Observe is told of every exchange with an issuer, Trace of every step as in Options;
	// Logger of refused requests and of issuers that cannot be asked. Nil is silence.
	Observe func(ctx context.Context, e service.Exchange)
	Trace   func(ctx context.Context, s Step) (context.Context, func(Outcome))
	Logger  *slog.Logger
}

// An API is a resource server with a transport: it protects handlers with access tokens,
// fetches the keys of issuers and asks them about tokens. Keys are used as long as their
// HTTP freshness says, refetched for an unknown key at most once a minute, and serve on
// when the issuer cannot be reached. It is safe for concurrent use.
type API struct {
	resource *resource.API
	party    *Party // nobody logs in with it: it knows the issuers
	answers  answers
	config   APIConfig
	document []byte
	learnt   atomic.Uint64 // how often keys of issuers were fetched
}

// NewAPI makes an API. It sends nothing: an issuer is asked when the first token comes.
func NewAPI(c APIConfig) (*API, error) {
	p := newCore(Options{
		DB: c.DB, Store: c.Store, HTTP: c.HTTP, Observe: c.Observe, Trace: c.Trace, Logger: c.Logger,
		Now: c.Now, Rand: c.Rand, InsecureAllowHTTP: c.InsecureAllowHTTP,
		Services: factory.Spec{service.IntrospectionName: {}},
	})
	c.DB, c.Now, c.Rand = p.db, p.o.Now, p.o.Rand
	if c.IntrospectionCache == 0 {
		c.IntrospectionCache = 10 * time.Second
	}
	api, err := resource.New(c.Config)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	a := &API{resource: api, party: p, config: c}
	for _, issuer := range c.Issuers {
		if err := a.configure(issuer); err != nil {
			return nil, err
		}
	}
	for _, client := range c.Clients {
		if p.known[client.Issuer] == nil {
			return nil, fmt.Errorf("%w: a client at %q, whose tokens are not accepted", ErrConfig, client.Issuer)
		}
	}
	if a.document, err = api.MetadataDocument(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return a, nil
}

// configure makes the services that talk to an issuer.
func (a *API) configure(issuer resource.Issuer) error {
	one := servicecontext.Config{Issuer: issuer.Issuer}
	if i := slices.IndexFunc(a.config.Clients, func(c servicecontext.Config) bool { return c.Issuer == issuer.Issuer }); i >= 0 {
		one = a.config.Clients[i]
	}
	if issuer.Introspection != resource.Never && one.ClientID == "" && one.Client == nil {
		return fmt.Errorf("%w: %s is asked about tokens, and no client of ours there is configured", ErrConfig, issuer.Issuer)
	}
	if one.ProviderKeys == nil {
		one.ProviderKeys = issuer.Keys
	}
	v, err := a.party.newProvider(one, a.party.clientFor(issuer.Issuer))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	a.party.known[issuer.Issuer] = v
	a.party.static = append(a.party.static, v)
	a.passKeys(v)
	return nil
}

// Resource returns what judges the tokens.
func (a *API) Resource() *resource.API { return a.resource }

// Protect shows next to requests with a good access token; AccessTokenOf(r.Context())
// tells whose it is. Other requests are answered with the challenge that says what is
// lacking.
func (a *API) Protect(next http.Handler) http.Handler { return a.ProtectWith(resource.Demand{}, next) }

// ProtectWith is Protect for operations that need more of a token: scope, or a recent or
// strong authentication of the user.
func (a *API) ProtectWith(demand resource.Demand, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := a.Verify(r, demand)
		if nonce := a.resource.DPoPNonce(); nonce != "" && len(r.Header["Dpop"]) > 0 {
			w.Header().Set("DPoP-Nonce", nonce)
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(WithAccessToken(r.Context(), token)))
	})
}

type accessTokenKey struct{}

// WithAccessToken returns a context that carries a verified token, for tests of handlers.
func WithAccessToken(ctx context.Context, t *resource.Token) context.Context {
	return context.WithValue(ctx, accessTokenKey{}, t)
}

// AccessTokenOf returns the verified access token of a request behind Protect, nil
// elsewhere.
func AccessTokenOf(ctx context.Context) *resource.Token {
	t, _ := ctx.Value(accessTokenKey{}).(*resource.Token)
	return t
}

// fail answers a request that is refused, or that cannot be judged.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *resource.Refusal
	if errors.As(err, &refusal) {
		a.party.logger.InfoContext(r.Context(), "an access token was refused", "rule", string(refusal.Violation.Rule), "status", refusal.Status, "error", err)
		for name, values := range refusal.Header() {
			w.Header()[name] = values
		}
		text := "no access token"
		if refusal.Declared != nil {
			text = string(refusal.Declared.Code)
		}
		http.Error(w, text, refusal.Status)
		return
	}
	a.party.logger.WarnContext(r.Context(), "an access token cannot be verified", "rule", string(message.RuleRSFailClosed), "error", err)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "temporarily_unavailable", http.StatusServiceUnavailable)
}

// Metadata serves the description of the API (RFC 9728, Section 3.2). Mount it at
// Resource().MetadataPath().
func (a *API) Metadata() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "max-age=3600")
		h.Set("Access-Control-Allow-Origin", "*") // it is public
		_, _ = w.Write(a.document)
	})
}

// Verify is what Protect does, for programs that have no use for a middleware: the error
// is a *resource.Refusal with the answer to send, or means that the token cannot be
// verified now.
func (a *API) Verify(r *http.Request, demand resource.Demand) (*resource.Token, error) {
	ctx := r.Context()
	a.refresh(ctx)
	req := &resource.Request{Method: r.Method, URL: a.asked(r), Header: r.Header, PeerCertificates: a.certificates(r)}
	for met := map[string]bool{}; ; {
		learnt := a.learnt.Load()
		token, err := a.resource.Verify(ctx, req, demand)
		var need *resource.NeedError
		if !errors.As(err, &need) {
			return token, err
		}
		what := "keys"
		if need.Introspect != "" {
			what = "introspection"
		}
		if met[what] {
			return nil, need.Err
		}
		met[what] = true
		if err := a.meet(ctx, req, need, learnt); err != nil {
			return nil, errors.Join(need.Err, err)
		}
	}
}

// asked is the address that was asked: scheme and host are ours, not what the client says.
func (a *API) asked(r *http.Request) string {
	u := r.URL
	if sent, err := url.ParseRequestURI(r.RequestURI); err == nil {
		u = sent // also where http.StripPrefix has been at work
	}
	return a.resource.Origin() + u.RequestURI()
}

func (a *API) certificates(r *http.Request) [][]byte {
	if a.config.PeerCertificates != nil {
		return a.config.PeerCertificates(r)
	}
	if r.TLS == nil {
		return nil
	}
	chain := make([][]byte, len(r.TLS.PeerCertificates))
	for i, c := range r.TLS.PeerCertificates {
		chain[i] = c.Raw
	}
	return chain
}

// passKeys tells the verifier which keys of an issuer are known, and returns them.
func (a *API) passKeys(v *provider) *keyjar.Set {
	keys := v.context.Snapshot().ProviderKeys()
	a.resource.SetKeys(v.issuer, keys)
	return keys
}
