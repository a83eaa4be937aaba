// Package optest is an OpenID Provider for tests and demonstrations. It needs no socket
// and no certificate:
//
//	provider, err := optest.New()
//	client := provider.Client()             // an http.Client that reaches it, and nothing else
//	resp, err := client.Get(optest.Issuer + "/.well-known/openid-configuration")
//
// Any client may register, the user diana is known, and everything is in memory. It is not
// for production.
package optest

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/state"
)

// What the provider is called, and whom it knows.
const (
	Issuer     = "https://op.example"
	Identifier = "acct:diana@op.example" // for WebFinger
	Username   = "diana"
	Password   = "krall"
)

// A Provider is an op.Provider that is reached in the same process.
type Provider struct {
	*op.Provider
	// Issuer is its name, Issuer of this package unless a knob changed it.
	Issuer string
	// Clients are the clients that are registered; add static ones with AddClient.
	Clients endpoint.ClientRegistry
}

// A Knob changes the provider before it starts.
type Knob func(*op.Config)

// New makes a provider. It knows one user, lets anybody register as often as they like,
// and offers everything that is implemented, response types with token included; knobs
// change that:
//
//	optest.New(func(c *op.Config) { c.Policy.RequirePKCE = true })
func New(knobs ...Knob) (*Provider, error) {
	keys, err := testKeys()
	if err != nil {
		return nil, err
	}
	cfg := op.Config{
		Issuer: Issuer,
		Keys:   keys,
		Store:  new(state.Memory),
		Users:  Users{Username: {Password: Password, User: Diana()}},
		Policy: endpoint.Policy{
			ResponseTypes: []string{
				message.ResponseTypeCode, message.ResponseTypeIDToken, message.ResponseTypeIDTokenToken,
				message.ResponseTypeCodeIDToken, message.ResponseTypeCodeToken, message.ResponseTypeCodeIDTokenToken,
			},
			GrantTypes: []string{
				message.GrantTypeRefreshToken, message.GrantTypeClientCredentials, message.GrantTypeDeviceCode,
				message.GrantTypeCIBA, message.GrantTypeTokenExchange,
			},
			PairwiseSecret: "not a secret, it is for tests",
			Registration:   endpoint.RegistrationPolicy{PerMinute: -1},
		},
	}
	for _, knob := range knobs {
		knob(&cfg)
	}
	registry, ok := cfg.Clients.(endpoint.ClientRegistry)
	if !ok {
		registry = &endpoint.StoredClients{Store: cfg.Store}
	}
	if cfg.Clients == nil {
		cfg.Clients = registry
	}
	provider, err := op.New(cfg)
	if err != nil {
		return nil, err
	}
	return &Provider{Provider: provider, Issuer: cfg.Issuer, Clients: registry}, nil
}

// testKeys are made once for each process.
var testKeys = sync.OnceValues(func() (*keyjar.Set, error) {
	var keys []*keyjar.Key
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		key, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: alg})
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keyjar.NewSet(keys...), nil
})

// AddClient registers a static client. What its metadata leaves open is filled in as a
// registration would, and what a registration would refuse is refused, with an
// *endpoint.Refusal; Clients.PutClient takes anything.
func (p *Provider) AddClient(ctx context.Context, c *endpoint.Client) error {
	if c.ID == "" {
		return errors.New("optest: a client has an ID")
	}
	client := *c
	if err := p.Context().CheckMetadata(ctx, &client.Metadata); err != nil {
		return err
	}
	return p.Clients.PutClient(ctx, &client)
}

// Client returns an http.Client that reaches the provider and nothing else. It has a
// cookie jar and follows no redirects, as a protocol client must.
func (p *Provider) Client() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it has no reason to fail without options
	}
	return &http.Client{
		Transport:     p.Transport(),
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Transport returns a RoundTripper that hands requests for the issuer's host to the
// provider and refuses all others.
func (p *Provider) Transport() http.RoundTripper {
	host := ""
	if u, err := url.Parse(p.Issuer); err == nil {
		host = u.Host
	}
	return &Transport{Host: host, Handler: p.Provider}
}

// An Account is a user of a test provider.
type Account struct {
	Password string        // what the user types
	User     endpoint.User // who that is
}

// Users are accounts by user name. The passwords are in clear: this is for tests.
type Users map[string]Account

// User implements endpoint.Users.
func (u Users) User(_ context.Context, id string) (endpoint.User, bool, error) {
	for _, account := range u {
		if account.User.ID == id {
			return account.User, true, nil
		}
	}
	return endpoint.User{}, false, nil
}

// Authenticate implements endpoint.Users.
func (u Users) Authenticate(_ context.Context, username string, password message.Secret) (endpoint.Authentication, bool, error) {
	account, known := u[username]
	right := subtle.ConstantTimeCompare([]byte(account.Password), []byte(password.Reveal())) == 1
	if !known || !right {
		return endpoint.Authentication{}, false, nil
	}
	return endpoint.Authentication{User: account.User.ID, AMR: []string{"pwd"}}, true, nil
}

// UserByHint implements endpoint.HintResolver: a user name finds its user.
func (u Users) UserByHint(_ context.Context, hint string) (endpoint.User, bool, error) {
	account, found := u[hint]
	return account.User, found, nil
}

// CheckUserCode implements endpoint.HintResolver: nobody has a code.
func (u Users) CheckUserCode(context.Context, string, message.Secret) (ok, required bool, err error) {
	return true, false, nil
}

// Diana is the user of the test provider, with every standard claim.
func Diana() endpoint.User {
	return endpoint.User{ID: "diana", Claims: map[string]any{
		"name": "Diana Krall", "given_name": "Diana", "family_name": "Krall", "middle_name": "Jean",
		"nickname": "Dina", "preferred_username": "diana", "profile": "https://op.example/diana",
		"picture": "https://op.example/diana.png", "website": "https://diana.example", "gender": "female",
		"birthdate": "1964-11-16", "zoneinfo": "America/Vancouver", "locale": "en-CA", "updated_at": 1517736988,
		"email": "diana@op.example", "email_verified": true,
		"address":      map[string]any{"street_address": "Harbour Road 1", "locality": "Nanaimo", "region": "BC", "postal_code": "V9R 1A1", "country": "Canada"},
		"phone_number": "+1 250 555 0100", "phone_number_verified": false,
	}}
}
