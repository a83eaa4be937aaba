package interop

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// A driver runs single services against a provider, for the flows that the binary has
// no verb for.
type driver struct {
	t        *testing.T
	services *factory.Services
	context  *servicecontext.ServiceContext
	runner   service.Runner
}

// newDriver makes the services named, with provider_info and registration done.
func newDriver(t *testing.T, p *provider, c servicecontext.Config, names ...string) *driver {
	t.Helper()
	c.Issuer = p.issuer
	if len(c.Metadata.RedirectURIs) == 0 {
		c.Metadata.RedirectURIs = []string{"https://rp.example/callback"}
	}
	sc, err := servicecontext.New(c)
	if err != nil {
		t.Fatal(err)
	}
	spec := factory.Spec{service.ProviderInfoName: {}, service.RegistrationName: {}, service.JWKSName: {}}
	for _, name := range names {
		spec[name] = factory.Config{}
	}
	built, err := factory.Build(spec, sc, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := rp.NewClient(rp.ClientOptions{RootCAs: certificates(t).roots(t), TrustedHosts: []string{"127.0.0.1"}})
	d := &driver{t: t, services: built, context: sc, runner: service.Runner{Send: client.Send, Wait: func(ctx context.Context, pause time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			return nil
		}
	}}}
	d.run(service.ProviderInfoName, service.Args{})
	if c.Client == nil && c.ClientID == "" {
		d.run(service.RegistrationName, service.Args{})
	}
	return d
}

// run runs a service that must succeed.
func (d *driver) run(name string, args service.Args) *service.Result {
	d.t.Helper()
	res, err := d.try(name, args)
	if err != nil {
		d.t.Fatalf("%s: %v", name, err)
	}
	return res
}

func (d *driver) try(name string, args service.Args) (*service.Result, error) {
	return d.runner.Run(d.t.Context(), d.services.Get(name), args)
}

// wantRule reports an error that is not the violation of a rule.
func wantRule(t *testing.T, err error, rule message.Rule) {
	t.Helper()
	var v *message.Violation
	if !errors.As(err, &v) || v.Rule != rule {
		t.Errorf("got %v, want a violation of %s", err, rule)
	}
}
