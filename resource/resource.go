package resource

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// ErrConfig is what every fault of a Config wraps.
var ErrConfig = errors.New("resource: invalid configuration")

// The bounds of the tolerance that time checks share.
const (
	defaultLeeway = 30 * time.Second
	maxLeeway     = 60 * time.Second
)

// leastNonceKey is the shortest NonceKey: as long as the hash.
const leastNonceKey = 32

// A Config is what an API is made from.
type Config struct {
	// Resource is the API's resource identifier: an https URL without fragment (RFC 9728,
	// Section 1.2). It is what an aud claim names and a client asks for (RFC 8707).
	Resource string

	// Audiences are other values of aud that mean this API, for issuers that do not use
	// resource identifiers.
	Audiences []string

	// Issuers are those whose access tokens are accepted, one at least.
	Issuers []Issuer

	// Decryption are our private keys, and Encryption the algorithms that were agreed, for
	// issuers that encrypt their JWTs for us.
	Decryption *keyjar.Set
	Encryption keyjar.DecryptPolicy

	// RequireDPoP and RequireCertificate refuse tokens that are not bound to a key (RFC
	// 9449), or not to the client's certificate (RFC 8705).
	RequireDPoP, RequireCertificate bool

	// DPoPAlgs may have signed proofs. Empty admits every asymmetric algorithm that
	// package keyjar implements.
	DPoPAlgs []string

	// NonceKey, if set, demands a nonce of ours in every proof (RFC 9449, Section 9), so
	// that no proof can be made in advance. It is secret, at least 32 bytes long, and the
	// same for all processes of the API.
	NonceKey []byte

	// DB remembers which proofs were used. Nil is one in memory: a proof could then be
	// used once with every process of the API.
	DB *state.DB

	// Leeway is the tolerance of exp and nbf: 30 s if zero, at most 60 s.
	Leeway time.Duration

	// Realm names the protection space in challenges (RFC 9110, Section 11.5); it may be
	// empty.
	Realm string

	// Metadata is what the API says about itself beyond what this Config tells: name,
	// documentation, scopes (RFC 9728, Section 2).
	Metadata message.ResourceMetadata

	// MetadataKey, if not nil, signs the metadata (RFC 9728, Section 2.2), with Rand as
	// the random source of algorithms that need one.
	MetadataKey *keyjar.Key
	Rand        io.Reader

	// Now is the clock. It must be set.
	Now func() time.Time

	// InsecureAllowHTTP admits http for Resource and the issuers. It is safe on a loopback
	// interface only.
	InsecureAllowHTTP bool
}

// An Issuer is an authorization server whose access tokens are accepted.
type Issuer struct {
	// Issuer is its Issuer Identifier, the iss of its tokens.
	Issuer string

	// Algs may have signed its JWTs. Empty admits every asymmetric algorithm that package
	// keyjar implements.
	Algs []string

	// Keys are its keys, if they are known beforehand; else see API.SetKeys.
	Keys *keyjar.Set

	// Introspection says when it is asked about a token.
	Introspection Introspection

	// Encrypted says that it was agreed to encrypt its JWTs for us. One that is not is
	// then refused.
	Encrypted bool

	// InsecureAnyAudience accepts introspected tokens that name no audience at all. It is
	// safe where the issuer answers each resource server about its own tokens only (RFC
	// 7662, Section 4).
	InsecureAnyAudience bool
}

// Introspection says when an issuer is asked about a token (RFC 7662).
type Introspection int

// The times of introspection.
const (
	// Never: the issuer's tokens are JWTs.
	Never Introspection = iota
	// Opaque: it is asked about what is no JWT access token. One issuer of an API may
	// have this, since an opaque token does not say whose it is.
	Opaque
	// Always: it is asked about every token, so that a revoked one is refused at once. It
	// must then be the only issuer.
	Always
)

// An API is one protected resource (RFC 6749, Section 1.1). It is safe for concurrent use.
type API struct {
	c       Config
	issuers map[string]*Issuer
	asked   *Issuer // about opaque tokens, nil if none
	origin  string
	address string // of the metadata
	nonces  keyjar.DPoPNonces
	jar     atomic.Pointer[keyjar.Jar]
}

// New makes an API.
func New(c Config) (*API, error) {
	a := &API{c: c, issuers: map[string]*Issuer{}, nonces: keyjar.DPoPNonces{Key: c.NonceKey}}
	if err := a.identify(); err != nil {
		return nil, err
	}
	switch {
	case c.Now == nil:
		return nil, fmt.Errorf("%w: Now: no clock", ErrConfig)
	case c.Leeway < 0 || c.Leeway > maxLeeway:
		return nil, fmt.Errorf("%w: Leeway: want at most %s", ErrConfig, maxLeeway)
	case len(c.NonceKey) > 0 && len(c.NonceKey) < leastNonceKey:
		return nil, fmt.Errorf("%w: NonceKey: want at least %d bytes", ErrConfig, leastNonceKey)
	case len(c.Issuers) == 0:
		return nil, fmt.Errorf("%w: no issuer", ErrConfig)
	}
	if a.c.Leeway == 0 {
		a.c.Leeway = defaultLeeway
	}
	if a.c.DB == nil {
		a.c.DB = &state.DB{Store: &state.Memory{Now: c.Now}}
	}
	var err error
	if a.c.DPoPAlgs, err = asymmetric(c.DPoPAlgs); err != nil {
		return nil, err
	}
	jar := new(keyjar.Jar)
	for _, one := range c.Issuers {
		if err := a.admit(one); err != nil {
			return nil, err
		}
		if one.Keys != nil {
			jar = jar.With(one.Issuer, one.Keys)
		}
	}
	a.jar.Store(jar)
	return a, nil
}

// identify settles the identifier. "It uses the https scheme and has no fragment
// component" (RFC 9728, Section 1.2).
func (a *API) identify() error {
	u, err := url.Parse(a.c.Resource)
	if err != nil || u.Host == "" || u.User != nil || strings.Contains(a.c.Resource, "#") || !a.admits(u.Scheme) {
		return fmt.Errorf("%w: Resource: %w", ErrConfig, message.RuleRSMetadataResource)
	}
	a.origin = u.Scheme + "://" + u.Host
	a.address = message.WellKnown(a.c.Resource, message.ProtectedResourcePath)
	return nil
}

func (a *API) admits(scheme string) bool {
	return scheme == "https" || scheme == "http" && a.c.InsecureAllowHTTP
}

func (a *API) admit(one Issuer) error {
	u, err := url.Parse(one.Issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || !a.admits(u.Scheme):
		return fmt.Errorf("%w: issuer %q: want an https URL without query and fragment", ErrConfig, one.Issuer)
	case a.issuers[one.Issuer] != nil:
		return fmt.Errorf("%w: the issuer %s occurs twice", ErrConfig, one.Issuer)
	case one.Introspection != Never && a.asked != nil:
		return fmt.Errorf("%w: two issuers would be asked about one opaque token", ErrConfig)
	case one.Introspection == Always && len(a.c.Issuers) > 1:
		return fmt.Errorf("%w: an issuer that is asked about every token is not the only one", ErrConfig)
	}
	if one.Encrypted && a.c.Decryption == nil {
		return fmt.Errorf("%w: Decryption: no key for the encrypted tokens of %s", ErrConfig, one.Issuer)
	}
	if one.Algs, err = asymmetric(one.Algs); err != nil {
		return err
	}
	a.issuers[one.Issuer] = &one
	if one.Introspection != Never {
		a.asked = &one
	}
	return nil
}

// asymmetric returns the algorithms that were named, or all. A shared secret proves
// nothing about who signed, since the API has it as well.
func asymmetric(named []string) ([]string, error) {
	symmetric := func(alg string) bool { return strings.HasPrefix(alg, "HS") }
	all := slices.DeleteFunc(keyjar.SigningAlgorithms(), symmetric)
	if len(named) == 0 {
		return all, nil
	}
	for _, alg := range named {
		if !slices.Contains(all, alg) {
			return nil, fmt.Errorf("%w: %q is no asymmetric algorithm that is implemented", ErrConfig, alg)
		}
	}
	return slices.Clone(named), nil
}

// SetKeys replaces the keys of an issuer, as its jwks_uri serves them. Nil forgets them.
func (a *API) SetKeys(issuer string, keys *keyjar.Set) {
	for {
		old := a.jar.Load()
		if a.jar.CompareAndSwap(old, old.With(issuer, keys)) {
			return
		}
	}
}

// Origin returns scheme and host of the resource identifier, with which Request.URL begins.
func (a *API) Origin() string { return a.origin }

// Issuers lists the issuers whose tokens are accepted.
func (a *API) Issuers() []string {
	names := make([]string, len(a.c.Issuers))
	for i, one := range a.c.Issuers {
		names[i] = one.Issuer
	}
	return names
}
