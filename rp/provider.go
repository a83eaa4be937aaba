package rp

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// A provider is one of the providers of a party, with everything that belongs to it
// alone.
type provider struct {
	party    *Party
	issuer   string
	named    bool // by a user, not by the configuration
	config   servicecontext.Config
	context  *servicecontext.ServiceContext
	services *factory.Services
	client   *Client
	sends    service.SendFunc // send
	place    *list.Element    // among those that users named

	metadataAt atomic.Int64 // when metadata was fetched, in nanoseconds; 0 if not
	notBefore  atomic.Int64 // no further attempt to refresh before
	failures   atomic.Int32 // attempts to refresh that failed in a row
}

// services that a party uses.
var partyServices = []string{
	service.ProviderInfoName, service.ServerMetadataName, service.JWKSName, service.RegistrationName,
	service.AuthorizationName, service.AccessTokenName, service.RefreshTokenName, service.UserInfoName,
	service.EndSessionName, service.BackchannelLogoutName, service.FrontchannelLogoutName, service.CheckSessionName,
	service.InitiateLoginName,
}

func (p *Party) newProvider(c servicecontext.Config, client *Client) (*provider, error) {
	if c.Now == nil {
		c.Now = p.o.Now
	}
	if c.Rand == nil {
		c.Rand = p.o.Rand
	}
	if c.Logger == nil {
		c.Logger = p.logger
	}
	c.InsecureAllowHTTP = c.InsecureAllowHTTP || p.o.InsecureAllowHTTP
	if c.Profile.OpenID() && len(c.Scope) > 0 && !message.List(c.Scope).Has(message.ScopeOpenID) {
		c.Scope = append([]string{message.ScopeOpenID}, c.Scope...)
	}
	if m := &c.Metadata; len(m.GrantTypes) == 0 && message.List(c.Scope).Has(message.ScopeOfflineAccess) {
		// Who asks for a refresh token wants to use it, and registers for that.
		types := m.ResponseTypes
		if len(types) == 0 {
			types = []string{message.ResponseTypeCode}
		}
		m.GrantTypes = append(servicecontext.GrantTypesOf(types), message.GrantTypeRefreshToken)
	}
	sc, err := servicecontext.New(c)
	if err != nil {
		return nil, err
	}
	spec := factory.Spec{}
	for _, name := range partyServices {
		spec[name] = factory.Config{}
	}
	for name, config := range p.o.Services {
		for _, known := range factory.Names() {
			if name == known.Class {
				name = known.Service
			}
		}
		spec[name] = config
	}
	services, err := factory.Build(spec, sc, p.db)
	if err != nil {
		return nil, err
	}
	v := &provider{party: p, issuer: sc.Snapshot().Issuer, config: c, context: sc, services: services, client: client}
	v.sends = v.send
	return v, nil
}

// get returns one of the provider's services.
func (v *provider) get(name string) service.Service { return v.services.Get(name) }

// run runs a service.
func (v *provider) run(ctx context.Context, name string, args service.Args) (*service.Result, error) {
	svc := v.get(name)
	return v.judge(ctx, svc, sharedKeyWaits, func(r service.Runner) (*service.Result, error) { return r.Run(ctx, svc, args) })
}

// finish judges what somebody brought.
func (v *provider) finish(ctx context.Context, name string, resp *service.Response, waits []time.Duration) (*service.Result, error) {
	svc := v.get(name)
	return v.judge(ctx, svc, waits, func(r service.Runner) (*service.Result, error) { return r.Finish(ctx, svc, resp) })
}

// sharedKeyWaits is how often, and after which waits, a message is judged again whose
// key another process may just be fetching.
var sharedKeyWaits = []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond, time.Second}

// runner returns a Runner for requests to the provider.
func (v *provider) runner(ctx context.Context) service.Runner {
	return v.party.runner(ctx, v.issuer, v.sends)
}

// exchanges are what judge has to know of those of a step.
type exchanges struct {
	of      string            // the service
	last    *service.Response // the latest answer that it was to judge
	fetched bool              // whether keys came
}

func (x *exchanges) note(e service.Exchange) {
	if e.Service == x.of && e.Response != nil {
		x.last = e.Response
	}
	x.fetched = x.fetched || e.Service == service.JWKSName && e.Result != nil
}

// send sends a request, after what is held of the login is stored: before UserInfo is
// asked for the tokens, under the names by which a logout finds them. A code need not
// wait for that: its login was taken out of the store when it was claimed, so that nobody
// else can find the code, let alone send it, whatever becomes of this process. Where an ID
// Token came with the code, a logout may have to find the login by now, and it is stored
// with the mark that the code is sent.
func (v *provider) send(ctx context.Context, r *service.Request) (*service.Response, error) {
	db := v.party.db
	if r.Service == service.AccessTokenName {
		login, err := db.Session(ctx, r.State)
		if err != nil {
			return nil, err
		}
		if login.Kept(state.KeptIDTokenClaims) == "" {
			return v.client.Send(ctx, r)
		}
	}
	if err := db.Flush(ctx); err != nil {
		return nil, err
	}
	return v.client.Send(ctx, r)
}

// judge runs a step. A key set is fetched once a minute at most, by all processes that
// share a store (rule jwks_refetch_cooldown): when another process was that one, its
// keys are taken from the store, and the same message is judged again.
func (v *provider) judge(ctx context.Context, svc service.Service, waits []time.Duration, do func(service.Runner) (*service.Result, error)) (*service.Result, error) {
	seen, runner := &exchanges{of: svc.Name()}, v.runner(ctx)
	runner.Observe = func(e service.Exchange) {
		v.party.observe(ctx, e)
		seen.note(e)
	}
	res, err := do(runner)
	for _, wait := range waits {
		if err == nil || seen.last == nil || !errors.Is(err, message.RuleJWKSRefetchCooldown) {
			break
		}
		if pause(ctx, wait) != nil {
			break
		}
		if before := v.keysFetched(); v.recall(ctx) != nil || !v.keysFetched().After(before) {
			continue
		}
		res, err = runner.Finish(ctx, svc, seen.last)
	}
	if seen.fetched {
		v.remember(ctx)
	}
	return res, err
}

func (v *provider) keysFetched() time.Time {
	return v.context.Snapshot().KeySets[v.issuer].Fetched
}

// registers reports whether the party makes its own registration at the provider.
func (v *provider) registers() bool { return v.config.Client == nil && v.config.ClientID == "" }

// registered reports whether there is a registration that can still be used.
func (v *provider) registered() bool {
	sn := v.context.Snapshot()
	if sn.ClientID() == "" {
		return false
	}
	expires := sn.SecretExpiresAt()
	// "client_secret_expires_at" (Dynamic Client Registration 1.0, Section 3.2): a
	// minute early, so that a login that begins now can be finished.
	return !v.registers() || expires.IsZero() || v.context.Now().Add(time.Minute).Before(expires)
}

// forget drops a registration that the provider does not know any more, so that the
// next login makes another.
func (v *provider) forget(ctx context.Context, err error) {
	if !v.registers() || !errors.Is(err, message.InvalidClient) {
		return
	}
	err = v.context.Update(func(sn *servicecontext.Snapshot) error {
		sn.Client = nil
		return nil
	})
	if err == nil {
		v.forgetClient(ctx)
	}
}

// ready sees to it that a login can begin: the provider's metadata and our registration
// are known. What is known and stale is refreshed; if that fails it serves on.
func (v *provider) ready(ctx context.Context) error {
	if v.complete() && !v.staleMetadata() {
		return nil
	}
	err := v.party.flights.do(ctx, "learn "+v.issuer, v.patience(), v.learn)
	if err != nil && v.complete() {
		return nil
	}
	return err
}

// complete reports whether a login could begin with what is known.
func (v *provider) complete() bool {
	return v.context.Snapshot().Provider != nil && v.registered()
}

// patience bounds discovery and registration together.
func (v *provider) patience() time.Duration {
	return 3*v.client.options.Timeout + 5*time.Second
}

// staleMetadata reports whether metadata should be fetched again now.
func (v *provider) staleMetadata() bool {
	if v.config.Provider != nil {
		return false
	}
	now := v.context.Now().UnixNano()
	return now >= v.metadataAt.Load()+int64(v.party.o.RefreshEvery) && now >= v.notBefore.Load()
}

// freshKeys refreshes keys that are known and stale. The old ones serve on if that
// fails, and the next attempt comes later.
func (v *provider) freshKeys(ctx context.Context) {
	now := v.context.Now()
	sn := v.context.Snapshot()
	if sn.ProviderKeys() == nil || sn.KeysFresh(v.issuer, now) || now.UnixNano() < v.notBefore.Load() {
		return
	}
	_ = v.party.flights.do(ctx, "keys "+v.issuer, v.patience(), v.fetchKeys)
}

// ErrNoRegistration reports a provider that takes no registrations, where none was
// configured.
var errNoRegistration = errors.New("the provider takes no registrations: configure a client_id")

// register registers the party, once for all processes that share a store.
func (v *provider) register(ctx context.Context) error {
	for {
		ours, err := v.party.db.Reserve(ctx, "rp_registration", v.storeKey(), time.Minute)
		if err != nil {
			return err
		}
		if err := v.recall(ctx); err != nil {
			v.party.logger.WarnContext(ctx, "what was learnt about a provider cannot be read", "issuer", v.issuer, "error", err)
		}
		if v.registered() {
			if ours {
				return v.party.db.Release(ctx, "rp_registration", v.storeKey())
			}
			return nil
		}
		if ours {
			_, err := v.run(ctx, service.RegistrationName, service.Args{})
			if err == nil {
				v.rememberClient(ctx)
			}
			if errors.Is(err, service.ErrNoEndpoint) {
				err = fmt.Errorf("%w: %w", errNoRegistration, err)
			}
			return errors.Join(err, v.party.db.Release(ctx, "rp_registration", v.storeKey()))
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}
