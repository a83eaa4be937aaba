package rp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// ErrConfig is what every fault of a Config wraps.
var ErrConfig = errors.New("rp: invalid configuration")

// Config is what a Party with one provider is made from.
type Config struct {
	// Issuer is the provider's Issuer Identifier.
	Issuer string

	// ClientID and ClientSecret are a registration made out of band. Without a
	// ClientID the party registers itself (Dynamic Client Registration 1.0).
	ClientID     string
	ClientSecret message.Secret

	// RedirectURI is the address of the Callback handler, as registered.
	RedirectURI string

	// PostLogoutRedirectURI is the address of the LoggedOut handler, as registered.
	PostLogoutRedirectURI string

	// Scope is what is asked for; openid is added.
	Scope []string

	// ServiceContext says everything else: keys, metadata known beforehand, a
	// profile, how requests travel. The fields above come before it.
	ServiceContext servicecontext.Config

	Options
}

// PartyConfig is what a Party with many providers is made from.
type PartyConfig struct {
	// CallbackBase is the address below which the Callback handler is mounted, such
	// as https://app.example/callback/. Every issuer has a redirect URI of its own
	// below it: "clients that interact with multiple authorization servers" tell
	// them apart by it (RFC 9700, Section 4.4.2.2).
	CallbackBase string

	// Providers are those that are known beforehand, each with its Issuer. Where
	// Metadata has no redirect URI, it gets one below CallbackBase; RedirectURI
	// tells which.
	Providers []servicecontext.Config

	// Dynamic, if not nil, admits providers that users name.
	Dynamic *Dynamic

	Options
}

// Dynamic says how a party meets providers that it does not know: it discovers
// them and registers itself.
type Dynamic struct {
	// Allow says whether an issuer may be used. It is asked before anything is sent
	// there. An issuer may have a path that says anything: judge the host of the parsed
	// URL. Nil admits every https issuer: then anybody can make the party ask any
	// public address for a document.
	Allow func(ctx context.Context, issuer string) bool

	// Client is what the party says about itself to each of them. Its Issuer and
	// redirect URIs are ignored.
	Client servicecontext.Config

	// Max bounds the providers that are held in memory: 1,000 if zero. What was
	// learnt about the others stays in the store.
	Max int
}

// Options are the settings of a Party that do not depend on the provider. The zero
// value is good.
type Options struct {
	// DB keeps the logins. Nil is one in memory: logins then end with the process,
	// and only this process can finish what it began. The Store of state/cookiestate
	// is given the request's cookies where a login begins and at its callback.
	DB *state.DB

	// Store keeps what was learnt about providers: metadata, keys, and registrations
	// that the party made, with their secrets. Nil is DB's.
	Store state.Store

	// HTTP says how requests are sent. The hosts of configured issuers are trusted
	// to have private addresses, those that users name are not.
	HTTP ClientOptions

	// Services are settings for single services, by name.
	Services factory.Spec

	// Request may change an authorization request: ui_locales from the browser's
	// language, prompt, max_age, acr_values.
	Request func(r *http.Request, m *message.AuthorizationRequest)

	// Error shows a problem to the user. Nil shows a plain page.
	Error func(w http.ResponseWriter, r *http.Request, p *Problem)

	// LoginPath is where the Login handler is mounted. Problems then tell the user
	// where to start again.
	LoginPath string

	// AfterLogin is where a browser goes that was not on its way anywhere, and
	// AfterLogout where it goes when the session has ended. Both are paths of ours;
	// "/" if empty.
	AfterLogin, AfterLogout string

	// SkipUserInfo leaves the UserInfo endpoint alone: the ID Token is enough.
	SkipUserInfo bool

	// SkipSession sets no session cookie: the function given to Callback starts the
	// session of the application. Protect and Session then find nobody.
	SkipSession bool

	// Refreshed is told when a refresh brought tokens, and whether the refresh token
	// was rotated. The state database has them by then.
	Refreshed func(ctx context.Context, r Refreshed)

	// Ended is told which logins a logout notification of the provider ended.
	Ended func(ctx context.Context, logins []string)

	// Observe is told of every exchange with a provider: both messages, secrets
	// included, and the verdict. It is for a record of the conversation; traces and
	// metrics have Trace.
	Observe func(ctx context.Context, e service.Exchange)

	// Trace is told of every step before it starts, for traces and metrics; Step says
	// of which. The context it returns, such as one with a span, is the one for
	// everything that belongs to the step, requests included; nil means the same. The
	// function it returns is told how the step ended; it may be nil.
	Trace func(ctx context.Context, s Step) (context.Context, func(Outcome))

	// RefreshEvery is how long metadata is used without asking again: a day if zero.
	// Keys are used as long as their HTTP freshness says.
	RefreshEvery time.Duration

	// InsecureAllowHTTP admits http for redirect URIs and issuers. Cookies then lose
	// Secure and the __Host- prefix. It is safe on a loopback interface only.
	InsecureAllowHTTP bool

	// Now is the clock, Rand the source of randomness, Logger where failed logins
	// are reported. Nil means the real clock, crypto/rand, and silence.
	Now    func() time.Time
	Rand   io.Reader
	Logger *slog.Logger
}

// Times that options leave open.
const (
	defaultRefreshEvery = 24 * time.Hour
	defaultMax          = 1000
)

// New makes a Party with one provider. It sends nothing: the provider is asked when
// the first user logs in, or by Start.
func New(c Config) (*Party, error) {
	one := c.ServiceContext
	for _, f := range []struct {
		name  string
		into  *string
		value string
	}{
		{"Issuer", &one.Issuer, c.Issuer},
		{"ClientID", &one.ClientID, c.ClientID},
		{"ClientSecret", (*string)(&one.ClientSecret), c.ClientSecret.Reveal()},
	} {
		switch {
		case f.value == "":
		case *f.into != "" && *f.into != f.value:
			return nil, fmt.Errorf("%w: %s: two different values", ErrConfig, f.name)
		default:
			*f.into = f.value
		}
	}
	if c.RedirectURI != "" {
		one.Metadata.RedirectURIs = []string{c.RedirectURI}
	}
	if c.PostLogoutRedirectURI != "" {
		one.Metadata.PostLogoutRedirectURIs = []string{c.PostLogoutRedirectURI}
	}
	if len(c.Scope) > 0 {
		one.Scope = c.Scope
	}
	return newParty(PartyConfig{Providers: []servicecontext.Config{one}, Options: c.Options})
}

// NewParty makes a Party with many providers. It sends nothing.
func NewParty(c PartyConfig) (*Party, error) { return newParty(c) }
