package conversation

import (
	"context"
	"fmt"
	"net/url"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// embedded is a provider in this process: https without a socket, one test user,
// and everything in memory.
func embedded(s *Settings, io IO) (*world, error) {
	if s.UserAgent == Browser || s.UserAgent == Print {
		return nil, fault("user-agent", "a browser does not reach the provider inside this process; start one with \"oidc op\" and name it with --issuer")
	}
	s.Resource = optest.Identifier
	hosted, err := newHost(s)
	if err != nil {
		return nil, err
	}
	provider, err := optest.New(func(c *op.Config) {
		c.Clients = welcoming{&endpoint.StoredClients{Store: c.Store}, s.ResourceIndicators}
		if hosted != nil {
			c.Outbound = hosted
		}
	})
	if err != nil {
		return nil, fmt.Errorf("the embedded provider: %w", err)
	}
	return network(s, io, &world{
		hosted: hosted, transport: provider.Transport(),
		fill: url.Values{"username": {optest.Username}, "password": {optest.Password}},
	})
}

// welcoming lets the clients that register ask for tokens for the resources that the
// run names: this provider knows no API that it could compare them with.
type welcoming struct {
	endpoint.ClientRegistry
	resources []string
}

// AddClient keeps a new client.
func (w welcoming) AddClient(ctx context.Context, c *endpoint.Client) (added bool, err error) {
	own := *c
	own.Resources = w.resources
	return w.ClientRegistry.AddClient(ctx, &own)
}
