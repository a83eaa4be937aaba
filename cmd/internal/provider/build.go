package provider

import (
	"crypto/sha256"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/state"
)

// build makes the provider that the configuration describes.
func (s *Setup) build(issuer string, keys *keyring, clients *registry, entries state.Store, users *Accounts, logger *slog.Logger) (*op.Provider, error) {
	if users == nil {
		users = newAccounts(s.accounts)
	}
	if clients.static.Load() == nil {
		clients.static.Store(&staticClients{})
	}
	current, next, retired := keys.sets(time.Now())
	cfg := op.Config{
		Issuer: issuer, Keys: current, NextKeys: next, RetiredKeys: retired,
		Store: entries, Clients: clients, Users: users,
		Policy: s.policy(), Lifetimes: endpoint.Lifetimes(s.Lifetimes),
		ClientCAs:         s.clientCAs,
		OutboundCAs:       s.outboundCAs,
		OutboundAllow:     s.prefixes("policy.outbound_allow", s.Policy.OutboundAllow),
		TrustedProxies:    s.prefixes("proxies.trusted", s.Proxies.Trusted),
		CertificateHeader: s.Proxies.CertificateHeader,
		InsecureAllowHTTP: s.overrides.InsecureAllowHTTP,
		Logger:            logger,
	}
	if s.Policy.BoundTokens != "" && !cfg.Policy.Registration.Off {
		hooks := endpoint.Settings{PostParseRequest: []endpoint.Hook{s.bindRegistered}}
		cfg.Settings = map[string]endpoint.Settings{"registration": hooks, "registration_management": hooks}
	}
	return op.New(cfg)
}

func (s *Setup) policy() endpoint.Policy {
	c := s.Policy
	p := endpoint.Policy{
		ResponseTypes: slices.Clone(c.ResponseTypes), GrantTypes: c.GrantTypes, AuthMethods: c.AuthMethods,
		Scopes: slices.Sorted(maps.Keys(c.Scopes)), ScopeClaims: c.Scopes,
		RequirePKCE: c.RequirePKCE, RequirePushed: c.RequirePushed, RequireSignedRequest: c.RequireSignedRequest,
		PairwiseSecret: c.PairwiseSecret, JWTAccessTokens: c.AccessTokens == tokensJWT, SessionManagement: c.SessionManagement,
		DPoPNonce: c.DPoPNonce, Hosts: c.WebFingerHosts,
		PolicyURI: c.PolicyURI, TOSURI: c.TOSURI, ServiceDocumentation: c.ServiceDocumentation,
		ACRValues: c.ACRValues, DeliveryModes: c.DeliveryModes, Approvals: slices.Contains(c.GrantTypes, message.GrantTypeCIBA),
		AuthorizationDetails: s.detailChecks(), TrustedIssuers: s.trusted,
		Registration: s.registration(),
	}
	switch c.Profile {
	case profileOAuth21:
		// The Security BCP's rules, which OAuth 2.1 makes binding: code with PKCE only (RFC
		// 9700, Section 2.1).
		p.ResponseTypes, p.RequirePKCE = []string{message.ResponseTypeCode}, true
	case profileFAPI2:
		p.Profile = endpoint.ProfileFAPI2
	case profileFAPI2Signing:
		p.Profile = endpoint.ProfileFAPI2MessageSigning
	}
	if s.MutualTLS != nil {
		p.MutualTLS, p.MutualTLSBase = true, s.MutualTLS.BaseURL
		p.AuthMethods = s.authMethods(p.Profile != endpoint.ProfileOpenID)
	}
	return p
}

// authMethods are the client authentication methods with mutual TLS. Without authorities
// nobody vouches for a subject, so that a client is known by its key alone.
func (s *Setup) authMethods(strong bool) []string {
	mutual := []string{message.AuthMethodSelfSignedTLSClientAuth}
	if s.clientCAs != nil {
		mutual = []string{message.AuthMethodTLSClientAuth, message.AuthMethodSelfSignedTLSClientAuth}
	}
	switch {
	case s.Policy.AuthMethods != nil:
		return s.Policy.AuthMethods
	case strong:
		return append([]string{message.AuthMethodPrivateKeyJWT}, mutual...)
	}
	return append([]string{
		message.AuthMethodClientSecretBasic, message.AuthMethodClientSecretPost, message.AuthMethodClientSecretJWT,
		message.AuthMethodPrivateKeyJWT, message.AuthMethodNone,
	}, mutual...)
}

func (s *Setup) registration() endpoint.RegistrationPolicy {
	r := endpoint.RegistrationPolicy{
		Off: s.Registration.Mode == registrationOff, PerMinute: s.Registration.PerMinute, SecretLife: s.Registration.SecretLife, Resources: s.Registration.Resources,
	}
	for _, token := range s.Registration.InitialAccessTokens {
		sum := sha256.Sum256([]byte(token.Reveal()))
		r.InitialTokenHashes = append(r.InitialTokenHashes, sum[:])
	}
	return r
}
