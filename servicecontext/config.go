package servicecontext

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// ErrConfig is what every fault of a Config wraps, beside the rule that it breaks.
var ErrConfig = errors.New("servicecontext: invalid configuration")

// The bounds of the one tolerance that all time checks share.
const (
	defaultLeeway = 30 * time.Second
	maxLeeway     = 60 * time.Second
)

// A Config is what a relying party is told, as opposed to what it learns. Every
// field may be left zero; without an Issuer the first step must be WebFinger. What
// the fields point to must not be written to after New.
type Config struct {
	// Issuer is the provider's Issuer Identifier, if it is known beforehand.
	Issuer string

	// Provider is the provider's metadata, for providers without discovery.
	Provider *message.ProviderMetadata

	// ProviderKeys are the provider's public keys, for providers without jwks_uri.
	ProviderKeys *keyjar.Set

	// Client is a registration made out of band. ClientID and ClientSecret are the
	// short form of it. Its redirect URIs are ours where Metadata names none.
	Client       *message.RegistrationResponse
	ClientID     string
	ClientSecret message.Secret

	// Metadata is what we say about ourselves (Dynamic Client Registration 1.0,
	// Section 2). Single values in it are preferences without an alternative.
	Metadata message.ClientMetadata

	// Preferences are the values we can live with, best first, where the provider
	// has a say. They come before Metadata.
	Preferences Preferences

	// Callbacks are our redirect URIs by use. The redirect_uris of Metadata serve
	// every use that has no callback of its own.
	Callbacks Callbacks

	// InitialAccessToken authorizes the registration request, where the provider
	// asks for it (Dynamic Client Registration 1.0, Section 3).
	InitialAccessToken message.Secret

	// Keys are our own private keys.
	Keys *keyjar.Set

	// Leeway is the tolerance of every time check: 30 s if zero, at most 60 s.
	Leeway time.Duration

	// Profile is ProfileOpenID if empty.
	Profile Profile

	// Scope is what an authorization request asks for by default.
	Scope []string

	// RequestMethod says how authorization requests travel; empty means by query.
	RequestMethod RequestMethod

	// RequestURIBase is the https address below which we serve request objects,
	// for RequestByReference.
	RequestURIBase string

	// DPoPKey binds tokens to a private key of ours (RFC 9449). Nil: bearer tokens.
	DPoPKey *keyjar.Key

	// TrustedAudiences may stand beside our client_id in the aud of an ID Token.
	TrustedAudiences []string

	// InsecureAllowHTTP admits http for the issuer and its endpoints. It is safe on
	// a loopback interface only.
	InsecureAllowHTTP bool

	// Compat are the departures that this provider needs.
	Compat Compat

	// SealKeys encrypt what Marshal returns (AES-256-GCM, 32 bytes each): the first
	// seals, all of them open. Without any, Marshal reveals.
	SealKeys [][]byte

	// Now is the clock, Rand the source of randomness, Logger where the package
	// reports. Nil means the real clock, crypto/rand, and silence.
	Now    func() time.Time
	Rand   io.Reader
	Logger *slog.Logger
}

// String names the issuer and the client.
func (c Config) String() string {
	id := c.ClientID
	if id == "" && c.Client != nil {
		id = c.Client.ClientID
	}
	return fmt.Sprintf("servicecontext.Config{issuer: %q, client_id: %q}", c.Issuer, id)
}

// Format prints what String returns under every verb, so that neither a secret nor one of
// SealKeys shows.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is what String returns.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Callbacks are redirect URIs by the way the authorization response travels.
type Callbacks struct {
	Code     string `json:"code,omitempty"`      // the response carries a code in the query
	Implicit string `json:"implicit,omitempty"`  // the response carries tokens in the fragment
	FormPost string `json:"form_post,omitempty"` // the response is posted
}

// uris returns the callbacks that are set, each once.
func (c Callbacks) uris() []string {
	var all []string
	for _, uri := range []string{c.Code, c.Implicit, c.FormPost} {
		if uri != "" && !slices.Contains(all, uri) {
			all = append(all, uri)
		}
	}
	return all
}

// New returns a ServiceContext that knows what c says. Anything that c contradicts
// itself in, or that its Provider excludes, is an error here, before any request.
func New(c Config) (*ServiceContext, error) {
	sn, err := c.snapshot()
	if err != nil {
		return nil, err
	}
	sc := &ServiceContext{now: c.Now, rand: c.Rand, logger: c.Logger, sealKeys: c.SealKeys}
	if sc.now == nil {
		sc.now = time.Now
	}
	if sc.rand == nil {
		sc.rand = rand.Reader
	}
	if sc.logger == nil {
		sc.logger = slog.New(slog.DiscardHandler)
	}
	sc.current.Store(sn)
	return sc, nil
}

// snapshot checks c and turns it into the first snapshot.
func (c *Config) snapshot() (*Snapshot, error) {
	sn := &Snapshot{
		Issuer:             c.Issuer,
		Provider:           c.Provider,
		Client:             c.Client,
		Metadata:           c.Metadata,
		Preferences:        c.Preferences,
		Callbacks:          c.Callbacks,
		InitialAccessToken: c.InitialAccessToken,
		Keys:               c.Keys,
		Leeway:             c.Leeway,
		Profile:            c.Profile,
		Scope:              c.Scope,
		RequestMethod:      c.RequestMethod,
		RequestURIBase:     c.RequestURIBase,
		DPoPKey:            c.DPoPKey,
		TrustedAudiences:   c.TrustedAudiences,
		InsecureAllowHTTP:  c.InsecureAllowHTTP,
		Compat:             c.Compat,
	}
	if sn.Profile == "" {
		sn.Profile = ProfileOpenID
	}
	if !sn.RequestMethod.known() {
		return nil, fmt.Errorf("%w: %w", ErrConfig, unknown("request method", string(sn.RequestMethod), RequestMethods()))
	}
	if _, err := ParseProfile(string(sn.Profile)); err != nil {
		return nil, fmt.Errorf("%w: profile: %w", ErrConfig, err)
	}
	switch {
	case sn.Leeway == 0:
		sn.Leeway = defaultLeeway
	case sn.Leeway < 0 || sn.Leeway > maxLeeway:
		return nil, fmt.Errorf("%w: leeway: %v is outside 0 to %v", ErrConfig, c.Leeway, maxLeeway)
	}
	for i, key := range c.SealKeys {
		if len(key) != sealKeySize {
			return nil, fmt.Errorf("%w: seal key %d has %d bytes, want %d", ErrConfig, i, len(key), sealKeySize)
		}
	}
	if err := c.fillClient(sn); err != nil {
		return nil, err
	}
	if sn.Provider != nil {
		if sn.Issuer == "" {
			sn.Issuer = sn.Provider.Issuer
		}
		if err := sn.CheckIssuer(sn.Provider.Issuer); err != nil {
			return nil, fmt.Errorf("%w: provider: %w", ErrConfig, err)
		}
	}
	if sn.Issuer != "" {
		if err := sn.CheckIssuerSyntax(sn.Issuer); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	if c.ProviderKeys != nil {
		if sn.Issuer == "" {
			return nil, fmt.Errorf("%w: provider keys without an issuer", ErrConfig)
		}
		sn.Jar = sn.Jar.With(sn.Issuer, c.ProviderKeys)
	}
	if c.Keys != nil {
		sn.Jar = sn.Jar.With("", c.Keys)
	}
	sn.Metadata.RedirectURIs = union(c.Metadata.RedirectURIs, c.Callbacks.uris())
	if c.Client != nil {
		// What was registered elsewhere is ours, where the settings are silent.
		if len(sn.Metadata.RedirectURIs) == 0 {
			sn.Metadata.RedirectURIs = slices.Clone(c.Client.RedirectURIs)
		}
		if len(sn.Metadata.PostLogoutRedirectURIs) == 0 {
			sn.Metadata.PostLogoutRedirectURIs = slices.Clone(c.Client.PostLogoutRedirectURIs)
		}
	}
	sn.preferProfile()
	if err := sn.derive(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return sn.clone(), nil
}

// fillClient settles the static registration, in its long or short form.
func (c *Config) fillClient(sn *Snapshot) error {
	if c.Client != nil {
		if c.ClientID != "" && c.ClientID != c.Client.ClientID {
			return fmt.Errorf("%w: client_id: two different values are configured", ErrConfig)
		}
		if c.ClientSecret != "" && c.ClientSecret != c.Client.ClientSecret {
			return fmt.Errorf("%w: client_secret: two different values are configured", ErrConfig)
		}
		if c.Client.ClientID == "" {
			return fmt.Errorf("%w: client: no client_id", ErrConfig)
		}
		return nil
	}
	if c.ClientID == "" {
		if c.ClientSecret != "" {
			return fmt.Errorf("%w: client_secret without client_id", ErrConfig)
		}
		return nil
	}
	sn.Client = &message.RegistrationResponse{ClientID: c.ClientID, ClientSecret: c.ClientSecret}
	return nil
}

// CheckIssuerSyntax tells whether issuer can be an Issuer Identifier: an https
// URL with a host and without query or fragment (Discovery 1.0, Section 3; rule
// metadata_issuer_syntax).
func (s *Snapshot) CheckIssuerSyntax(issuer string) error {
	if want := issuerFault(issuer, s.InsecureAllowHTTP); want != "" {
		return &message.Violation{Rule: message.RuleMetadataIssuerSyntax, Param: "issuer", Got: message.Excerpt(issuer), Want: want}
	}
	return nil
}

// CheckIssuer compares the issuer that metadata names with ours, byte for byte.
// "The issuer value returned MUST be identical to the Issuer URL that was used as
// the prefix" (Discovery 1.0, Section 4.3; rule metadata_issuer).
func (s *Snapshot) CheckIssuer(issuer string) error {
	if template := s.Compat.InsecureIssuerTemplate; template != "" && issuer == template {
		return nil
	}
	if issuer != s.Issuer {
		return &message.Violation{Rule: message.RuleMetadataIssuer, Param: "issuer", Got: message.Excerpt(issuer), Want: s.Issuer}
	}
	return nil
}

// CheckEndpoint tells whether endpoint is an absolute https URL without fragment
// (Discovery 1.0, Section 3; RFC 6749, Section 3.1; rule metadata_endpoint_url).
func (s *Snapshot) CheckEndpoint(name, endpoint string) error {
	if want := endpointFault(endpoint, s.InsecureAllowHTTP); want != "" {
		return &message.Violation{Rule: message.RuleMetadataEndpointURL, Param: name, Got: message.Excerpt(endpoint), Want: want}
	}
	return nil
}

func issuerFault(issuer string, allowHTTP bool) string {
	if want := endpointFault(issuer, allowHTTP); want != "" {
		return want
	}
	if strings.Contains(issuer, "?") {
		return "an https URL without query"
	}
	return ""
}

// endpointFault says what endpoint should have been, or "".
func endpointFault(endpoint string, allowHTTP bool) string {
	for i := range len(endpoint) {
		if c := endpoint[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return "a URL of visible ASCII characters"
		}
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return "an absolute https URL"
	case u.Scheme != "https" && (u.Scheme != "http" || !allowHTTP):
		return "an absolute https URL"
	case u.Opaque != "" || u.Hostname() == "":
		return "an https URL with a host"
	case u.User != nil:
		return "an https URL without user information"
	case strings.Contains(endpoint, "#"):
		return "an https URL without fragment"
	case strings.HasSuffix(u.Host, ":"):
		return "an https URL whose port is not empty"
	}
	return ""
}

// union returns the strings of a, then those of b that a does not hold.
func union(a, b []string) []string {
	var all []string
	for _, list := range [][]string{a, b} {
		for _, uri := range list {
			if !slices.Contains(all, uri) {
				all = append(all, uri)
			}
		}
	}
	return all
}
