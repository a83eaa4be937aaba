package conversation

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/service/transcript"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// headlessDeadline bounds a run without a person in it that named no deadline: a
// provider may make each of its answers as slow as the time limit of one request.
const headlessDeadline = 5 * time.Minute

// A conversation is one run.
type conversation struct {
	settings *Settings
	world    *world
	report   *report.Report
	context  *servicecontext.ServiceContext
	store    state.Store // nil: memory
	db       *state.DB
	services *factory.Services
	tracker  *tracker
	runner   service.Runner
	recorder *transcript.Recorder
	binding  string                        // what only our browser holds
	step     string                        // the step under way
	again    *message.AuthorizationRequest // the request of a login that is resumed
	grant    *Grant                        // a conversation without a browser of ours; nil: a login
}

// errUntil ends a run at the step that --until named.
var errUntil = errors.New("done as far as was asked")

// run has the conversation in w and fills the report.
func (c *conversation) run(ctx context.Context) {
	if c.settings.Deadline == 0 && c.settings.UserAgent == Headless {
		c.settings.Deadline = headlessDeadline
	}
	if c.settings.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.settings.Deadline)
		defer cancel()
	}
	err := c.prepare(ctx)
	if err == nil {
		err = c.talk(ctx)
	}
	if errors.Is(err, errUntil) {
		err = nil
	}
	if c.context != nil {
		now := c.context.Snapshot()
		c.report.ClientID = now.ClientID()
		if now.Issuer != "" {
			c.report.Issuer = now.Issuer
		}
	}
	if err != nil {
		c.fail(ctx, err)
	}
}

func (c *conversation) fail(ctx context.Context, err error) {
	building := c.tracker != nil && c.tracker.building
	if ctx.Err() != nil && !timedOut(err) {
		err = errors.Join(err, ctx.Err())
	}
	c.report.Problem = ProblemOf(err, building)
	c.report.FailedStep = service.ServiceOf(err)
	if c.report.FailedStep == "" {
		c.report.FailedStep = c.step
	}
	if c.report.Problem.Kind == report.Transport && c.store != nil && len(c.report.States) > 0 && c.report.Problem.Hint == "" {
		c.report.Resume = c.report.States[len(c.report.States)-1]
		c.report.Problem.Hint = "when the provider answers again, go on with --resume " + c.report.Resume + " and the same --store"
	}
}

// prepare builds the services.
func (c *conversation) prepare(ctx context.Context) error {
	now, random := c.world.now, c.world.rand
	if c.recorder != nil {
		now, random = c.recorder.Now, c.recorder
	}
	config, err := c.settings.config()
	if err != nil {
		return err
	}
	config.Now, config.Rand = now, random
	c.db = &state.DB{Store: c.store}
	if c.settings.Resume != "" {
		h, err := loadHandover(ctx, c.store, c.settings.Resume)
		if err != nil {
			return err
		}
		c.binding = h.Binding
		config.Issuer = "" // what was kept decides
		if c.context, err = servicecontext.Parse(h.Context, config); err != nil {
			return err
		}
	} else if c.context, err = servicecontext.New(config); err != nil {
		return err
	}
	c.services, err = factory.Build(c.settings.spec(), c.context, c.db)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	narrate := c.narrate()
	c.tracker = newTracker(c.report, c.context, c.db)
	c.tracker.narrate = narrate
	c.runner = service.Runner{Send: c.world.wire(c.tracker, c), Wait: wait, Observe: c.tracker.observe}
	return nil
}

func (c *conversation) narrate() func(*report.Step) {
	if c.world.narrate == nil {
		return func(*report.Step) {}
	}
	return c.world.narrate
}

// spec names the services that a conversation may need.
func (s *Settings) spec() factory.Spec {
	spec := factory.Spec{}
	for _, name := range []string{
		service.WebFingerName, service.ProviderInfoName, service.ServerMetadataName, service.JWKSName, service.RegistrationName, service.AuthorizationName,
		service.PushedAuthorizationName, service.AccessTokenName, service.RefreshTokenName, service.UserInfoName,
		service.IntrospectionName, service.RevocationName, service.EndSessionName, service.TokenExchangeName,
		service.DeviceAuthorizationName, service.DeviceTokenName, service.BackchannelAuthenticationName, service.CIBATokenName,
	} {
		spec[name] = factory.Config{}
	}
	if s.UserInfo == "body" {
		spec[service.UserInfoName] = factory.Config{ClientAuth: service.BearerBody}
	}
	return spec
}

// do runs one step and stops where --until says so.
func (c *conversation) do(ctx context.Context, name string, args service.Args) (*service.Result, error) {
	c.step, c.tracker.building = name, false
	res, err := c.runner.Run(ctx, c.services.Get(name), args)
	if err != nil {
		return nil, err
	}
	return res, c.until(name)
}

func (c *conversation) until(name string) error {
	if c.settings.Until == name {
		return errUntil
	}
	return nil
}

// talk goes through the steps in the protocol's order.
func (c *conversation) talk(ctx context.Context) error {
	if c.settings.Resume != "" {
		return c.resume(ctx)
	}
	if c.settings.Resource != "" {
		if _, err := c.do(ctx, service.WebFingerName, service.Args{Message: message.WebFingerRequest{Resource: c.settings.Resource}}); err != nil {
			return err
		}
	}
	if _, err := c.do(ctx, c.settings.metadataService(), service.Args{}); err != nil {
		return err
	}
	if c.context.Snapshot().Client == nil {
		c.step = service.RegistrationName
		if c.context.Snapshot().Endpoint(service.RegistrationName) == "" {
			return fault("client-id", "the provider offers no registration; register the client there and give --client-id")
		}
		if _, err := c.do(ctx, service.RegistrationName, service.Args{}); err != nil {
			return err
		}
	}
	if c.grant != nil {
		return c.ask(ctx)
	}
	for range c.settings.Logins {
		if err := c.login(ctx); err != nil {
			return err
		}
	}
	return nil
}

// login is one login from the authorization request on.
func (c *conversation) login(ctx context.Context) error {
	c.step = service.AuthorizationName
	// What is told at the end is the last login's, also when that fails.
	c.report.IDToken, c.report.UserInfo, c.report.StateRecord = nil, nil, nil
	req, err := c.authorizationRequest()
	if err != nil {
		return err
	}
	binding := make([]byte, 32)
	if _, err := io.ReadFull(c.context.Rand(), binding); err != nil {
		return fmt.Errorf("random source: %w", err)
	}
	c.binding = base64.RawURLEncoding.EncodeToString(binding)
	res, err := c.do(ctx, service.AuthorizationName, service.Args{Message: req, Binding: c.binding})
	if err != nil {
		return err
	}
	return c.after(ctx, res.State, state.Record{})
}

// after is what follows the callback; record tells what was done before.
func (c *conversation) after(ctx context.Context, name string, record state.Record) error {
	done := func(item string) bool { return record.Item(item) != nil }
	args := service.Args{State: name}
	if c.settings.hasCode() && !done(state.ItemTokenResponse) {
		if _, err := c.do(ctx, service.AccessTokenName, args); err != nil {
			return err
		}
	}
	if c.wantsUserInfo() && !done(state.ItemUserInfo) {
		if _, err := c.do(ctx, service.UserInfoName, args); err != nil {
			return err
		}
	}
	for _, further := range []struct {
		wanted bool
		name   string
	}{
		{c.settings.Refresh, service.RefreshTokenName},
		{c.settings.Introspect, service.IntrospectionName},
		{c.settings.Revoke, service.RevocationName},
	} {
		if further.wanted {
			if _, err := c.do(ctx, further.name, args); err != nil {
				return err
			}
		}
	}
	if c.settings.Logout {
		return c.logout(ctx, args)
	}
	return nil
}

// wantsUserInfo: with no access token there is nothing to ask with, and a provider
// without the endpoint is asked only when the user insists.
func (c *conversation) wantsUserInfo() bool {
	if c.settings.UserInfo == "none" || !c.openID() && !c.settings.UserInfoAsked || !c.settings.hasCode() && !c.settings.frontTokens() {
		return false
	}
	return c.settings.UserInfoAsked || c.context.Snapshot().Endpoint(service.UserInfoName) != ""
}

// openID tells whether the profile has ID Tokens, whose subject UserInfo is about.
func (c *conversation) openID() bool { return c.context.Snapshot().Profile.OpenID() }

func (c *conversation) logout(ctx context.Context, args service.Args) error {
	_, err := c.do(ctx, service.EndSessionName, args)
	if !isLogoutPage(err) {
		return err
	}
	// The provider ended it on a page of its own: nobody will come back.
	c.tracker.front.Err = ""
	if err := c.db.End(ctx, args.State); err != nil {
		return err
	}
	return c.until(service.EndSessionName)
}

// isLogoutPage also knows the error of a recording.
func isLogoutPage(err error) bool {
	return errors.Is(err, errLogoutPage) || err != nil && strings.HasSuffix(err.Error(), errLogoutPage.Error())
}

// authorizationRequest is what the settings say about it.
func (c *conversation) authorizationRequest() (*message.AuthorizationRequest, error) {
	values, err := c.settings.authorizationValues()
	if err != nil {
		return nil, err
	}
	if c.settings.Refresh && c.settings.Scope == "" {
		p := c.context.Snapshot().Provider
		if p != nil && slices.Contains(p.ScopesSupported, message.ScopeOfflineAccess) {
			// Most providers give no refresh token without (Core, Section 11).
			scope := append(slices.Clone(c.context.Snapshot().Scope), message.ScopeOfflineAccess)
			if !slices.Contains(scope, message.ScopeOpenID) {
				scope = append([]string{message.ScopeOpenID}, scope...)
			}
			values.Set("scope", strings.Join(scope, " "))
		}
	}
	req := new(message.AuthorizationRequest)
	if err := message.DecodeValues(values, req); err != nil {
		return nil, &SettingError{Text: err.Error()}
	}
	req.RedirectURI = c.settings.RedirectURI
	return req, nil
}

// handOver keeps what another process needs, before the browser leaves.
func (c *conversation) handOver(ctx context.Context, r *service.Request) error {
	if c.store == nil || r.Service != service.AuthorizationName {
		return nil
	}
	learnt, err := c.context.Marshal()
	if err != nil {
		return err
	}
	kept := *c.settings
	kept.Form, kept.Resume, kept.Until = nil, "", ""
	return saveHandover(ctx, c.store, r.State, handover{Settings: kept, Context: learnt, Binding: c.binding})
}

// resume goes on with a login that another run began.
func (c *conversation) resume(ctx context.Context) error {
	name := c.settings.Resume
	c.step = service.AuthorizationName
	c.report.States = []string{name}
	record, err := c.db.Session(ctx, name)
	if errors.Is(err, state.ErrUnknown) {
		return c.resumePending(ctx, name)
	}
	if err != nil {
		return err
	}
	c.tracker.items[name] = record.Items()
	c.report.StateRecord = record.Items()
	return c.after(ctx, name, record)
}

// resumePending sends the browser again with the request that is remembered: the
// state was not used yet.
func (c *conversation) resumePending(ctx context.Context, name string) error {
	record, err := c.db.Pending(ctx, name)
	if errors.Is(err, state.ErrUnknown) {
		return unknownLogin()
	}
	if err != nil {
		return err
	}
	c.tracker.items[name] = record.Items()
	c.report.StateRecord = record.Items()
	raw := record.Item(state.ItemAuthRequest)
	req := new(message.AuthorizationRequest)
	if err := message.DecodeJSON(raw, req); err != nil {
		return fmt.Errorf("the kept authorization request: %w", err)
	}
	c.again = req
	query, err := message.EncodeForm(req)
	if err != nil {
		return err
	}
	endpoint := c.context.Snapshot().Endpoint(service.AuthorizationName)
	if endpoint == "" {
		return service.ErrNoEndpoint
	}
	mark := "?"
	if u, err := url.Parse(endpoint); err == nil && u.RawQuery != "" {
		mark = "&"
	}
	resp, err := c.runner.Send(ctx, &service.Request{
		Service: service.AuthorizationName, State: name, Channel: service.FrontChannel, Method: "GET", URL: endpoint + mark + query,
	})
	if err != nil {
		return err
	}
	if _, err := c.runner.Finish(ctx, c.services.Get(service.AuthorizationName), resp); err != nil {
		return err
	}
	if err := c.until(service.AuthorizationName); err != nil {
		return err
	}
	return c.after(ctx, name, state.Record{})
}
