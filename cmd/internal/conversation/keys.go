package conversation

import (
	"context"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// Keys fetches the metadata and the keys of an issuer. When the report has a
// problem there are none.
func Keys(ctx context.Context, s Settings, io IO) (*report.Report, *keyjar.Set, *message.ProviderMetadata) {
	s.Until, s.Logins = "", 1
	c := &conversation{settings: &s, report: &report.Report{Issuer: s.Issuer}}
	if err := c.open(ctx, io); err != nil {
		c.fail(ctx, err)
		return c.report, nil, nil
	}
	defer c.world.shut()
	err := c.prepare(ctx)
	for _, name := range []string{service.ProviderInfoName, service.JWKSName} {
		if err == nil {
			_, err = c.do(ctx, name, service.Args{})
		}
	}
	if err != nil {
		c.fail(ctx, err)
		return c.report, nil, nil
	}
	now := c.context.Snapshot()
	return c.report, now.ProviderKeys(), now.Provider
}
