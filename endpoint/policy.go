package endpoint

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/message"
)

// Policy is what the provider offers and demands. The zero Policy is the careful one.
type Policy struct {
	// Profile turns on a set of stricter rules.
	Profile Profile
	// ResponseTypes are the response types that are offered; nil offers code, id_token
	// and "code id_token". Types with token are off unless they are named here (RFC
	// 9700, Section 2.1.2).
	ResponseTypes []string
	// GrantTypes are the grant types that are offered beside those of the response
	// types; nil offers refresh_token.
	GrantTypes []string
	// AuthMethods are the client authentication methods that are offered; nil offers all
	// that are implemented.
	AuthMethods []string
	// Scopes are the scopes that are known besides openid, profile, email, address,
	// phone and offline_access; ScopeClaims tells the claims of each.
	Scopes      []string
	ScopeClaims map[string][]string
	// ACRValues are the authentication context classes that can be reached, in rising
	// order.
	ACRValues []string
	// UILocales are the languages of the pages.
	UILocales []string
	// RequirePKCE demands a code challenge of every client, not of public ones only.
	RequirePKCE bool
	// RequirePushed demands a pushed authorization request of every client.
	RequirePushed bool
	// PushedRedirectURIs lets a client that authenticated push a redirect URI that it did not
	// register (RFC 9126, Section 2.4).
	PushedRedirectURIs bool
	// RequireSignedRequest demands a signed request object of every client.
	RequireSignedRequest bool
	// PairwiseSecret offers pairwise subjects and hides the user in them (Core, Section
	// 8.1). It must never change. At least 16 bytes.
	PairwiseSecret message.Secret
	// Registration says who may register.
	Registration RegistrationPolicy
	// AuthorizationDetails are the types of authorization details that are known, and how to
	// judge them; nil allows any content (RFC 9396).
	AuthorizationDetails map[string]DetailCheck
	// TrustedIssuers may vouch for users with assertions (RFC 7523).
	TrustedIssuers []TrustedIssuer
	// DeliveryModes are the ways in which CIBA clients may get their tokens; nil offers poll,
	// ping and push (CIBA, Section 5). Push is not for clients whose tokens are bound, and so
	// not under FAPI 2.0.
	DeliveryModes []string
	// Approvals keeps the questions of CIBA clients for their users, and offers the page at
	// which they answer them. Whoever brings the questions elsewhere may have both.
	Approvals bool
	// Hosts are the hosts that WebFinger answers for; nil is the issuer's.
	Hosts []string
	// JWTAccessTokens makes access tokens JWTs (RFC 9068) instead of opaque ones.
	JWTAccessTokens bool
	// SessionManagement offers the OP iframe (Session Management 1.0). Browsers that keep
	// third-party cookies apart make it blind.
	SessionManagement bool
	// MutualTLS offers the client authentication methods and bound tokens of RFC 8705. The
	// connection must ask for client certificates, and verify them for tls_client_auth: where
	// it does not (tls.RequestClientCert), AuthMethods should not have that method.
	MutualTLS bool
	// MutualTLSBase is where clients with a certificate find the endpoints that they prove
	// themselves at, when that is not below the issuer: a server of its own, so that browsers
	// are never asked for a certificate. Its addresses are published as aliases (RFC 8705,
	// Section 5).
	MutualTLSBase string
	// DPoPNonce demands a nonce of ours in each DPoP proof (RFC 9449, Section 8).
	DPoPNonce bool
	// PolicyURI, TOSURI and ServiceDocumentation are published.
	PolicyURI, TOSURI, ServiceDocumentation string
}

// RegistrationPolicy says who may register dynamically.
type RegistrationPolicy struct {
	// Off offers no registration.
	Off bool
	// InitialTokenHashes are the SHA-256 hashes of the initial access tokens, of which
	// one is then required; nil is open registration, limited in rate.
	InitialTokenHashes [][]byte
	// PerMinute is the rate of open registration for one address; 0 is 20.
	PerMinute int
	// SoftwareIssuers are trusted to make software statements (RFC 7591, Section 2.3).
	SoftwareIssuers []TrustedIssuer
	// SecretLife is how long a client secret is good; 0 is for ever.
	SecretLife time.Duration
	// Resources are the resource indicators that a client may ask for that registered
	// itself (RFC 8707), besides its own; nil is none.
	Resources []string
}

// complete fills in the defaults of a policy and refuses contradictions.
func (p *Policy) complete(issuer string) error {
	if err := p.applyProfile(); err != nil {
		return err
	}
	if p.ResponseTypes == nil {
		p.ResponseTypes = []string{"code", "id_token", "code id_token"}
	}
	for i, t := range p.ResponseTypes {
		n := normalResponseType(message.List(strings.Fields(t)))
		if n == "" {
			return fmt.Errorf("endpoint: Policy.ResponseTypes: %q is not known", t)
		}
		p.ResponseTypes[i] = n
	}
	for _, scope := range p.Scopes {
		// RFC 6749, Section 3.3: no other word can stand in a request.
		if !message.IsScopeToken(scope) {
			return fmt.Errorf("endpoint: Policy.Scopes: %q is no scope", scope)
		}
	}
	for _, uri := range []string{p.PolicyURI, p.TOSURI, p.ServiceDocumentation} {
		if uri != "" && !isWebPage(uri) {
			return fmt.Errorf("endpoint: Policy: %q is not the URL of a web page", uri)
		}
	}
	if p.GrantTypes == nil {
		p.GrantTypes = []string{message.GrantTypeRefreshToken}
	}
	if p.DeliveryModes == nil {
		p.DeliveryModes = slices.Clone(deliveryModes)
	}
	if err := p.checkOffers(); err != nil {
		return err
	}
	if p.Hosts == nil {
		u, err := url.Parse(issuer)
		if err != nil {
			return err
		}
		p.Hosts = []string{u.Host}
	}
	if err := p.checkMutualTLSBase(); err != nil {
		return err
	}
	if n := len(p.PairwiseSecret.Reveal()); n > 0 && n < 16 {
		return fmt.Errorf("endpoint: Policy.PairwiseSecret: shorter than 16 bytes")
	}
	for _, uri := range p.Registration.Resources {
		if !isResource(uri) {
			return fmt.Errorf("endpoint: Policy.Registration.Resources: %q is no absolute URI without a fragment", uri)
		}
	}
	if p.Registration.PerMinute == 0 {
		p.Registration.PerMinute = 20
	}
	if p.UILocales == nil {
		p.UILocales = []string{"en"}
	}
	return nil
}

// checkOffers refuses what would be published and could not be had.
func (p *Policy) checkOffers() error {
	for _, grant := range p.GrantTypes {
		if _, known := grantTypes[grant]; !known && grant != message.GrantTypeImplicit {
			return fmt.Errorf("endpoint: Policy.GrantTypes: %q is not known", grant)
		}
	}
	for _, mode := range p.DeliveryModes {
		if !slices.Contains(deliveryModes, mode) {
			return fmt.Errorf("endpoint: Policy.DeliveryModes: %q is not known", mode)
		}
	}
	if len(p.DeliveryModes) == 0 {
		return fmt.Errorf("endpoint: Policy.DeliveryModes: there is none: %w", ErrNotConfigured)
	}
	for _, name := range p.AuthMethods {
		method, known := clientauth.ByName(name)
		switch {
		case !known || name == "":
			return fmt.Errorf("endpoint: Policy.AuthMethods: %q is not known", name)
		case !p.MutualTLS && slices.Contains(mutualMethods, method.Name):
			return fmt.Errorf("endpoint: Policy.AuthMethods: %s without MutualTLS: %w", name, ErrNotConfigured)
		}
	}
	if p.AuthMethods != nil && len(p.AuthMethods) == 0 {
		return fmt.Errorf("endpoint: Policy.AuthMethods: there is none: %w", ErrNotConfigured)
	}
	return nil
}
