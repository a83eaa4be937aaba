package servicecontext

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A Snapshot is everything known at one moment. It is immutable: what New and
// Update have published is only read.
type Snapshot struct {
	// Issuer is the provider's Issuer Identifier; "" until WebFinger has told it.
	Issuer string

	// Provider is the provider's metadata; nil until discovery.
	Provider *message.ProviderMetadata

	// Client is our registration at the provider; nil until registration.
	Client *message.RegistrationResponse

	// Metadata, Preferences and Callbacks are what we were configured with.
	Metadata    message.ClientMetadata
	Preferences Preferences
	Callbacks   Callbacks

	// InitialAccessToken authorizes the registration request.
	InitialAccessToken message.Secret

	// Behaviour is how the two sides talk: our preferences, as far as the provider
	// supports them, and what it granted. Update works it out.
	Behaviour Behaviour

	// Keys are our own private keys; Jar holds them under "" and the keys of each
	// issuer under its name.
	Keys *keyjar.Set
	Jar  *keyjar.Jar

	// KeySets tells of each fetched key set when it was fetched and how long it is
	// fresh, by issuer.
	KeySets map[string]KeySet

	Leeway            time.Duration // the tolerance of time checks
	Profile           Profile       // what is demanded beyond the protocols
	Scope             []string      // that of a login that names none
	TrustedAudiences  []string      // that an ID Token may name beside us
	InsecureAllowHTTP bool          // see Config
	Compat            Compat        // departures that this provider needs

	// How authorization requests travel, where we serve their objects, and the key
	// that tokens are bound to.
	RequestMethod  RequestMethod
	RequestURIBase string
	DPoPKey        *keyjar.Key

	// DPoPNonces are the latest nonces, by origin (RFC 9449, Section 8).
	DPoPNonces map[string]string
}

// A KeySet tells about a key set that was fetched (Core 1.0, Section 10.1.1).
type KeySet struct {
	URI        string    `json:"uri"`               // where it was fetched
	Fetched    time.Time `json:"fetched"`           // when
	FreshUntil time.Time `json:"fresh_until"`       // as HTTP caching says
	Skipped    []string  `json:"skipped,omitempty"` // entries that are not used, and why
}

// clone returns a copy that can be changed without a reader noticing.
func (s *Snapshot) clone() *Snapshot {
	next := *s
	if s.Provider != nil {
		p := *s.Provider
		next.Provider = &p
	}
	if s.Client != nil {
		c := *s.Client
		next.Client = &c
	}
	next.KeySets = maps.Clone(s.KeySets)
	next.DPoPNonces = maps.Clone(s.DPoPNonces)
	if next.KeySets == nil {
		next.KeySets = map[string]KeySet{}
	}
	if next.DPoPNonces == nil {
		next.DPoPNonces = map[string]string{}
	}
	return &next
}

// derive works out the behaviour that follows from the rest.
func (s *Snapshot) derive() error {
	b, err := s.Match()
	if err != nil {
		return err
	}
	s.Behaviour = b
	return nil
}

// With returns a copy of s with another provider's metadata and the behaviour that
// follows, or the Violation of rule metadata_capability that names the preference
// which the provider excludes. It publishes nothing.
func (s *Snapshot) With(provider *message.ProviderMetadata) (*Snapshot, error) {
	next := s.clone()
	next.Provider = provider
	if err := next.derive(); err != nil {
		return nil, err
	}
	return next, nil
}

// WithClient is With for a registration.
func (s *Snapshot) WithClient(client *message.RegistrationResponse) (*Snapshot, error) {
	next := s.clone()
	next.Client = client
	if err := next.derive(); err != nil {
		return nil, err
	}
	return next, nil
}

// ClientID returns our client_id, "" while we are not registered.
func (s *Snapshot) ClientID() string {
	if s.Client == nil {
		return ""
	}
	return s.Client.ClientID
}

// ClientSecret returns our client_secret, if we have one.
func (s *Snapshot) ClientSecret() message.Secret {
	if s.Client == nil {
		return ""
	}
	return s.Client.ClientSecret
}

// CertificateBound reports whether we asked for access tokens that are bound to our
// certificate, whatever else proves who we are (RFC 8705, Section 3.4).
func (s *Snapshot) CertificateBound() bool {
	if s.Client != nil && s.Client.TLSClientCertificateBoundAccessTokens != nil {
		return *s.Client.TLSClientCertificateBoundAccessTokens
	}
	return ProviderAllows(s.Metadata.TLSClientCertificateBoundAccessTokens, false)
}

// SecretExpiresAt returns when the client_secret expires; the zero Time means never.
func (s *Snapshot) SecretExpiresAt() time.Time {
	if s.Client == nil || s.Client.ClientSecretExpiresAt == nil || *s.Client.ClientSecretExpiresAt == 0 {
		return time.Time{}
	}
	return time.Unix(*s.Client.ClientSecretExpiresAt, 0)
}

// ProviderKeys returns the keys of the provider; nil until they were fetched.
func (s *Snapshot) ProviderKeys() *keyjar.Set { return s.Jar.Set(s.Issuer) }

// KeysFresh reports whether the key set of issuer was fetched and may still be
// used without asking again (Core 1.0, Section 10.1.1). A configured set is always
// fresh.
func (s *Snapshot) KeysFresh(issuer string, now time.Time) bool {
	if s.Jar.Set(issuer) == nil {
		return false
	}
	set, fetched := s.KeySets[issuer]
	return !fetched || now.Before(set.FreshUntil)
}

// RedirectURIs returns our own redirect URIs in the order of the configuration.
// What a provider answered to a registration never replaces them.
func (s *Snapshot) RedirectURIs() []string { return slices.Clone(s.Metadata.RedirectURIs) }

// RedirectURI chooses the redirect URI for a response mode: the callback for that
// way, else our first redirect URI, else "".
func (s *Snapshot) RedirectURI(mode message.ResponseMode) string {
	var uri string
	switch {
	case strings.HasPrefix(string(mode), "form_post"):
		uri = s.Callbacks.FormPost
	case strings.HasPrefix(string(mode), "fragment"):
		uri = s.Callbacks.Implicit
	default:
		uri = s.Callbacks.Code
	}
	if uri == "" && len(s.Metadata.RedirectURIs) > 0 {
		uri = s.Metadata.RedirectURIs[0]
	}
	return uri
}

// Endpoint returns the address that the metadata gives for a service, by the
// service's name, or "" when there is none.
func (s *Snapshot) Endpoint(service string) string {
	p := s.Provider
	if p == nil {
		return ""
	}
	switch service {
	case "jwks":
		return p.JWKSURI
	case "registration":
		return p.RegistrationEndpoint
	case "authorization":
		return p.AuthorizationEndpoint
	case "pushed_authorization":
		return p.PushedAuthorizationRequestEndpoint
	case "accesstoken", "refresh_token", "client_credentials", "token_exchange", "jwt_bearer", "device_token", "ciba_token":
		return p.TokenEndpoint
	case "userinfo":
		return p.UserInfoEndpoint
	case "introspection":
		return p.IntrospectionEndpoint
	case "revocation":
		return p.RevocationEndpoint
	case "device_authorization":
		return p.DeviceAuthorizationEndpoint
	case "backchannel_authentication":
		return p.BackchannelAuthenticationEndpoint
	case "end_session":
		return p.EndSessionEndpoint
	}
	return ""
}

// MTLSAlias returns the address that a request with a client certificate goes to
// instead of endpoint: the alias that the provider publishes for it, else endpoint
// itself (RFC 8705, Section 5).
func (s *Snapshot) MTLSAlias(endpoint string) string {
	p := s.Provider
	if p == nil || endpoint == "" {
		return endpoint
	}
	for _, e := range []struct{ name, uri string }{
		{"token_endpoint", p.TokenEndpoint},
		{"revocation_endpoint", p.RevocationEndpoint},
		{"introspection_endpoint", p.IntrospectionEndpoint},
		{"device_authorization_endpoint", p.DeviceAuthorizationEndpoint},
		{"pushed_authorization_request_endpoint", p.PushedAuthorizationRequestEndpoint},
		{"backchannel_authentication_endpoint", p.BackchannelAuthenticationEndpoint},
		{"userinfo_endpoint", p.UserInfoEndpoint},
		{"registration_endpoint", p.RegistrationEndpoint},
	} {
		if alias := p.MTLSEndpointAliases[e.name]; e.uri == endpoint && alias != "" {
			return alias
		}
	}
	return endpoint
}

// IssuerOf returns the issuer that tokens of a tenant carry under
// Compat.InsecureIssuerTemplate; without a template it is the issuer.
func (s *Snapshot) IssuerOf(tenant string) string {
	template := s.Compat.InsecureIssuerTemplate
	before, rest, found := strings.Cut(template, "{")
	if !found {
		return s.Issuer
	}
	_, after, found := strings.Cut(rest, "}")
	if !found {
		return s.Issuer
	}
	return before + tenant + after
}

// LogValue says which client at which provider the snapshot describes.
func (s *Snapshot) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("issuer", s.Issuer),
		slog.String("client_id", s.ClientID()),
		slog.Bool("discovered", s.Provider != nil),
		slog.Bool("registered", s.Client != nil),
	)
}

// String names the issuer and the client.
func (s *Snapshot) String() string {
	return fmt.Sprintf("servicecontext{issuer: %q, client_id: %q}", s.Issuer, s.ClientID())
}

// Format prints what String returns under every verb, so that no secret shows.
func (s *Snapshot) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
