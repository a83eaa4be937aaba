package conversation

import (
	"context"
	"fmt"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// grantDeadline bounds a run in which somebody decides elsewhere: no code lives longer
// in the field.
const grantDeadline = time.Hour

// A Grant is a conversation without a browser of ours.
type Grant struct {
	// Service is the step to take: device_authorization, backchannel_authentication,
	// token_exchange, introspection or revocation.
	Service string
	// Message holds the parameters of its request.
	Message message.Message
	// Show is told what the user must see now.
	Show func(lines ...string)
	// Progress is told what is waited for.
	Progress func(text string)
}

// polledBy is the step that asks for what another began.
var polledBy = map[string]string{
	service.DeviceAuthorizationName:       service.DeviceTokenName,
	service.BackchannelAuthenticationName: service.CIBATokenName,
}

// grantTypes are what a client must be registered for.
var grantTypes = map[string]string{
	service.DeviceAuthorizationName:       message.GrantTypeDeviceCode,
	service.BackchannelAuthenticationName: message.GrantTypeCIBA,
	service.TokenExchangeName:             message.GrantTypeTokenExchange,
}

// RunGrant has the conversation that g describes: discovery, registration if there is
// no client, and the steps of the grant. The report is never nil.
func RunGrant(ctx context.Context, s Settings, io IO, g Grant) *report.Report {
	s.UserAgent, s.Logins = Headless, 1
	if s.Deadline == 0 && polledBy[g.Service] != "" {
		s.Deadline = grantDeadline
	}
	s.GrantType = grantTypes[g.Service]
	c := &conversation{settings: &s, report: &report.Report{Issuer: s.Issuer}, grant: &g}
	if s.Issuer == "" && s.Resource == "" {
		c.fail(ctx, fault("issuer", "name the provider with --issuer, or a user of it with --resource"))
		return c.report
	}
	if err := c.open(ctx, io); err != nil {
		c.fail(ctx, err)
		return c.report
	}
	defer c.world.shut()
	c.run(ctx)
	c.report.Steps = fold(c.report.Steps)
	return c.report
}

// ask takes the steps of the grant.
func (c *conversation) ask(ctx context.Context) error {
	c.runner.Wait = c.waitFor
	res, err := c.do(ctx, c.grant.Service, service.Args{Message: c.grant.Message})
	if err != nil {
		return err
	}
	poll := polledBy[c.grant.Service]
	if poll == "" {
		return nil
	}
	c.report.States = append(c.report.States, res.State)
	c.show(res)
	if res, err = c.do(ctx, poll, service.Args{State: res.State}); err != nil {
		return err
	}
	if res.IDToken == nil || c.settings.UserInfo == "none" || c.context.Snapshot().Endpoint(service.UserInfoName) == "" {
		return nil
	}
	_, err = c.do(ctx, service.UserInfoName, service.Args{State: res.State})
	return err
}

// show tells the user what to do.
func (c *conversation) show(res *service.Result) {
	clean := func(text string) string { return report.Safe(c.report, text, true) }
	if m := service.MessageOf[message.DeviceAuthorizationResponse](res); m != nil {
		lines := []string{"Open " + clean(m.VerificationURI) + " and enter the code " + clean(m.UserCode)}
		if m.VerificationURIComplete != "" {
			lines = append(lines, "or open "+clean(m.VerificationURIComplete))
		}
		c.grant.Show(lines...)
		return
	}
	lines := []string{"The provider asks the user on another device."}
	if m, ok := c.grant.Message.(message.BackchannelAuthenticationRequest); ok && m.BindingMessage != "" {
		lines = append(lines, "Both devices show: "+clean(m.BindingMessage))
	}
	c.grant.Show(lines...)
}

// waitFor waits between two polls and says so.
func (c *conversation) waitFor(ctx context.Context, d time.Duration) error {
	c.grant.Progress(fmt.Sprintf("waiting for the user, asking again in %v", d.Round(time.Second)))
	return wait(ctx, d)
}

// fold keeps of many polls the first and the last.
func fold(steps []*report.Step) []*report.Step {
	var kept []*report.Step
	more := 0
	for i, s := range steps {
		polls := s.Service == service.DeviceTokenName || s.Service == service.CIBATokenName
		if polls && i > 0 && i+1 < len(steps) && steps[i-1].Service == s.Service && steps[i+1].Service == s.Service {
			more++
			continue
		}
		kept = append(kept, s)
	}
	if more > 0 {
		for _, s := range kept {
			if s.Service == service.DeviceTokenName || s.Service == service.CIBATokenName {
				s.Need = fmt.Sprintf("the user had not decided yet; asked %d times more", more)
				break
			}
		}
	}
	return kept
}
