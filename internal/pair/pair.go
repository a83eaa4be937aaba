// Package pair joins the relying party's services and the provider's endpoints without a
// socket and without net/http: what one side says to send is handed to the other as a
// value. Tests of flows use it, and it shows that neither side needs a transport.
package pair

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// Errors of a conversation that cannot go on.
var (
	ErrNowhere = errors.New("pair: the request is for no endpoint of the provider")
	ErrPage    = errors.New("pair: the browser was shown a page that leads nowhere")
	ErrFetch   = errors.New("pair: the provider needs a document that nobody has")
)

// A Pair is a provider, and a browser with a user in front of it.
type Pair struct {
	Provider *endpoint.Set
	// Answer is what the user answers; nil logs in as the user of Login and allows.
	Answer func(need *endpoint.NeedUser) endpoint.Answer
	// Login is who answers.
	Login endpoint.Authentication
	// Binding is the value that ties the callback to this browser.
	Binding string
	// Documents are what clients publish, by URL.
	Documents map[string][]byte
	// Certificates are what the relying party's connection presents.
	Certificates [][]byte
	// Sent collects the notifications that the provider decided on.
	Sent []endpoint.Outbound
	// Asked collects the questions for the user's other device.
	Asked []endpoint.Decoupled
	// Prompts collects what the user was asked.
	Prompts []endpoint.Prompt
	// Brought is the callback that the browser brought last.
	Brought service.Inbound
	// Tap, if not nil, sees every exchange on its way and may change the response.
	Tap func(req *endpoint.Request, resp *endpoint.Response)

	cookies map[string]string
}

// Send is a service.SendFunc. A front-channel request is answered with the callback.
func (p *Pair) Send(ctx context.Context, r *service.Request) (*service.Response, error) {
	if r.Channel == service.FrontChannel {
		return p.browse(ctx, r)
	}
	resp, err := p.serve(ctx, &endpoint.Request{
		Method: r.Method, URL: r.URL, Header: endpoint.Header(r.Header), Body: r.Body,
		PeerCertificates: p.Certificates, CertificateVerified: true, RemoteAddr: "192.0.2.1",
	})
	if err != nil {
		return nil, err
	}
	return r.Answer(resp.Status, resp.Header, resp.Body), nil
}

// serve finds the endpoint and meets its needs for documents.
func (p *Pair) serve(ctx context.Context, req *endpoint.Request) (*endpoint.Response, error) {
	e := p.find(req.URL)
	if e == nil {
		return nil, fmt.Errorf("%w: %s", ErrNowhere, req.URL)
	}
	return p.rounds(ctx, req, func() (*endpoint.Response, error) { return endpoint.Serve(ctx, e, req) })
}

func (p *Pair) rounds(ctx context.Context, req *endpoint.Request, step func() (*endpoint.Response, error)) (*endpoint.Response, error) {
	for range 4 {
		resp, err := step()
		var need *endpoint.NeedFetch
		if errors.As(err, &need) {
			body, there := p.Documents[need.URL]
			var failed error
			if !there {
				failed = ErrFetch
			}
			if err := p.Provider.Context().Supply(ctx, need, 200, body, failed); err != nil {
				return nil, err
			}
			continue
		}
		if resp != nil {
			p.Sent = append(p.Sent, resp.Send...)
			if resp.Ask != nil {
				p.Asked = append(p.Asked, *resp.Ask)
			}
			if p.Tap != nil {
				p.Tap(req, resp)
			}
		}
		return resp, err
	}
	return nil, ErrFetch
}

func (p *Pair) find(address string) endpoint.Endpoint {
	address, _, _ = strings.Cut(address, "?")
	for _, d := range p.Provider.All() {
		if d.URL == address || d.Prefix && strings.HasPrefix(address, d.URL) {
			return d.Endpoint
		}
	}
	return nil
}

// browse is the user's browser: it keeps cookies, answers the pages, and stops before the
// redirect URI.
func (p *Pair) browse(ctx context.Context, r *service.Request) (*service.Response, error) {
	if p.cookies == nil {
		p.cookies = map[string]string{}
	}
	for _, hosted := range r.Host {
		if p.Documents == nil {
			p.Documents = map[string][]byte{}
		}
		p.Documents[hosted.URL] = hosted.Body
	}
	req := &endpoint.Request{
		Method: r.Method, URL: r.URL, Header: endpoint.Header(r.Header), Body: r.Body,
		Cookies: p.cookies, RemoteAddr: "192.0.2.2",
	}
	resp, err := p.serve(ctx, req)
	for range 10 {
		var need *endpoint.NeedUser
		if !errors.As(err, &need) {
			break
		}
		p.keep(need.Cookies)
		p.Prompts = append(p.Prompts, need.Prompt)
		answer := p.answer(need)
		resp, err = p.rounds(ctx, req, func() (*endpoint.Response, error) {
			return endpoint.Continue(ctx, p.Provider.Get(need.Endpoint), need.Ticket, answer)
		})
	}
	if err != nil {
		return nil, err
	}
	p.keep(resp.Cookies)
	return p.callback(resp)
}

func (p *Pair) keep(cookies []endpoint.Cookie) {
	for _, c := range cookies {
		if c.MaxAge < 0 {
			delete(p.cookies, c.Name)
			continue
		}
		p.cookies[c.Name] = c.Value
	}
}

func (p *Pair) answer(need *endpoint.NeedUser) endpoint.Answer {
	answer := endpoint.Answer{Action: endpoint.ActionAllow}
	switch {
	case p.Answer != nil:
		answer = p.Answer(need)
	case slices.Contains([]endpoint.Prompt{endpoint.PromptLogin, endpoint.PromptSelectAccount, endpoint.PromptCreate}, need.Prompt):
		login := p.Login
		answer = endpoint.Answer{Action: endpoint.ActionLogin, Authentication: &login}
	}
	answer.Cookies, answer.RemoteAddr = p.cookies, "192.0.2.2"
	return answer
}

var (
	formAction = regexp.MustCompile(`<form method="post"[^>]* action="([^"]*)"`)
	formInput  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// callback is what the browser brings to the redirect URI.
func (p *Pair) callback(resp *endpoint.Response) (*service.Response, error) {
	in := service.Inbound{Method: "GET", Binding: p.Binding}
	switch resp.Placement {
	case endpoint.InURL:
		rest, fragment, hasFragment := strings.Cut(resp.Location, "#")
		in.RedirectURI, in.Raw, _ = strings.Cut(rest, "?")
		in.Mode = message.ResponseModeQuery
		if hasFragment {
			in.Mode, in.Raw = message.ResponseModeFragment, fragment
		}
	case endpoint.InBody:
		page := string(resp.Body)
		action := formAction.FindStringSubmatch(page)
		if action == nil {
			return nil, ErrPage
		}
		form := url.Values{}
		for _, input := range formInput.FindAllStringSubmatch(page, -1) {
			form.Add(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
		}
		in.Method, in.ContentType, in.Mode = "POST", "application/x-www-form-urlencoded", message.ResponseModeFormPost
		in.RedirectURI, in.Raw = html.UnescapeString(action[1]), form.Encode()
	default:
		detail := ""
		if resp.Page != nil && resp.Page.Error != nil {
			detail = ": " + resp.Page.Error.Error()
		}
		return nil, fmt.Errorf("%w%s", ErrPage, detail)
	}
	p.Brought = in
	return service.ParseCallback(in), nil
}

// Notification is a notification of the provider as it arrives at the relying party.
func Notification(out endpoint.Outbound) *service.Response {
	in := service.Inbound{Method: out.Method, Raw: string(out.Body), Mode: message.ResponseModeFormPost}
	in.ContentType, _ = out.Header.Get("Content-Type")
	authorization, _ := out.Header.Get("Authorization")
	in.Authorization = message.Secret(authorization)
	return service.ParseCallback(in)
}

// Visit opens a page of the provider in the user's browser and answers what it asks.
func (p *Pair) Visit(ctx context.Context, address string) error {
	_, err := p.browse(ctx, &service.Request{Method: "GET", URL: address})
	if errors.Is(err, ErrPage) {
		return nil
	}
	return err
}
