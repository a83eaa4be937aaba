package conversation

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/oidcservice/oidc/cmd/internal/report"
	"github.com/oidcservice/oidc/cmd/internal/useragent"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// A journey is what a user agent brought from the front channel.
type journey struct {
	inbound service.Inbound
	// What to show of it.
	response *report.Response
	hops     []report.Hop
}

// A frontChannel sends the user's browser somewhere and waits until it comes to
// one of our addresses.
type frontChannel interface {
	travel(ctx context.Context, r *service.Request, stop string, asked message.ResponseMode) (*journey, error)
}

// stopOf returns the address of ours that a front-channel request leads back to,
// and the mode in which it was asked for.
func stopOf(asked message.Message) (stop string, mode message.ResponseMode) {
	switch m := asked.(type) {
	case *message.AuthorizationRequest:
		mode = m.ResponseMode
		if mode == "" {
			mode = message.ResponseModeQuery
			if m.ResponseType.Has("token") || m.ResponseType.Has("id_token") {
				mode = message.ResponseModeFragment
			}
		}
		return m.RedirectURI, mode
	case *message.EndSessionRequest:
		return m.PostLogoutRedirectURI, message.ResponseModeQuery
	}
	return "", message.ResponseModeQuery
}

// errLogoutPage reports that a logout ended on a page of the provider.
var errLogoutPage = errors.New("the provider showed a page and did not send the browser back")

// headless is the browser without a screen.
type headless struct{ agent *useragent.Agent }

func (h headless) travel(ctx context.Context, r *service.Request, stop string, asked message.ResponseMode) (*journey, error) {
	contentType := ""
	if len(r.Body) > 0 {
		contentType = strings.Join(r.Header["Content-Type"], "")
	}
	var stops []string
	if stop != "" {
		stops = append(stops, stop)
	}
	a, err := h.agent.Visit(ctx, r.Method, r.URL, contentType, string(r.Body), stops...)
	j := &journey{}
	if a != nil {
		for _, hop := range a.Hops {
			j.hops = append(j.hops, report.Hop(hop))
		}
	}
	if err != nil {
		var stuck *useragent.StuckError
		if errors.As(err, &stuck) {
			if declared := declaredOn(stuck); declared != nil {
				return j, declared
			}
			if r.Service == service.EndSessionName && stuck.Status == 200 && len(stuck.Asked) == 0 {
				// A provider may end a logout on a page of its own (RP-Initiated
				// Logout 1.0, Section 3).
				j.response = &report.Response{Status: stuck.Status, Header: map[string][]string{"Content-Type": {stuck.ContentType}}}
				return j, errLogoutPage
			}
		}
		return j, err
	}
	j.inbound = inboundOf(a, asked)
	j.response = &report.Response{Status: a.Status, Header: map[string][]string{"Location": {a.URL}}}
	if a.Method == "POST" {
		j.response.Header = map[string][]string{"Content-Type": {a.ContentType}}
		j.response.Body = a.Body
	}
	return j, nil
}

// inboundOf says how the parameters came. A provider may add a fragment of its own
// to a query, so the place that was asked for comes first.
func inboundOf(a *useragent.Arrival, asked message.ResponseMode) service.Inbound {
	in := service.Inbound{Mode: message.ResponseModeQuery, Method: a.Method, ContentType: a.ContentType, Raw: a.Query, RedirectURI: a.RedirectURI}
	_, own, _ := strings.Cut(a.RedirectURI, "?")
	query := strings.TrimPrefix(strings.TrimPrefix(a.Query, own), "&") != ""
	switch {
	case a.Method == "POST":
		in.Mode, in.Raw = message.ResponseModeFormPost, a.Body
	case a.Fragment != "" && (!query || strings.HasPrefix(string(asked), "fragment")):
		in.Mode, in.Raw = message.ResponseModeFragment, a.Fragment
	}
	return in
}

// declaredOn returns the OAuth error of a JSON answer to the browser, which is how
// some providers say what they may not redirect with.
func declaredOn(stuck *useragent.StuckError) *message.Error {
	if media, _, _ := mime.ParseMediaType(stuck.ContentType); media != "application/json" {
		return nil
	}
	var e message.ErrorResponse
	if message.DecodeJSON(stuck.Body, &e) != nil {
		return nil
	}
	return e.Declared(stuck.Status)
}

// printed shows the URL and reads back where the browser was sent.
type printed struct {
	in  io.Reader
	out io.Writer
}

func (p printed) travel(ctx context.Context, r *service.Request, stop string, asked message.ResponseMode) (*journey, error) {
	target := r.URL
	if len(r.Body) > 0 {
		target += "?" + string(r.Body)
	}
	_, _ = fmt.Fprintf(p.out, "\nOpen this URL in a browser:\n\n%s\n\nThen paste the address that the browser was sent to (%s…):\n", target, stop)
	type line struct {
		text string
		err  error
	}
	lines := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(io.LimitReader(p.in, 1<<20)).ReadString('\n')
		lines <- line{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case l := <-lines:
		if l.text == "" {
			return nil, fmt.Errorf("%w: no address was pasted: %w", useragent.ErrFront, context.Canceled)
		}
		return pasted(l.text, stop, asked)
	}
}

func pasted(text, stop string, asked message.ResponseMode) (*journey, error) {
	rest, fragment, _ := strings.Cut(text, "#")
	base, query, _ := strings.Cut(rest, "?")
	wanted, _, _ := strings.Cut(stop, "?")
	if stop != "" && base != wanted {
		return nil, fmt.Errorf("%w: the pasted address is not at the redirect URI %s", ErrSettings, stop)
	}
	a := &useragent.Arrival{RedirectURI: stop, Method: "GET", URL: text, Query: query, Fragment: fragment}
	return &journey{
		inbound:  inboundOf(a, asked),
		response: &report.Response{Header: map[string][]string{"Location": {text}}},
	}, nil
}
