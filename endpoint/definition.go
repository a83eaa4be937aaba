package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/message"
)

// Encoding says where the parameters of a request are.
type Encoding int

// The encodings.
const (
	Form   Encoding = iota // the query of a GET, the form body of a POST
	Params                 // the same, left undecoded: Verify chooses the message's type
	JSON                   // a JSON body
	Opaque                 // nothing is decoded; Verify reads the Request
)

// Proof says how the caller of an endpoint proves itself.
type Proof int

// The proofs.
const (
	NoProof     Proof = iota // nobody in particular
	ClientProof              // as the client is registered (Core, Section 9)
)

// A Definition is an endpoint as a value. Its fields are the whole difference between
// endpoints; docs/op.md is printed from them. Req is the request's type; a function gets
// a pointer to it.
type Definition[Req message.Message] struct {
	Name string // as in the Set's look-up and in reports
	// Path is where it stands below the issuer, such as "/token". Root says that it stands
	// at the root of the issuer's host instead, Prefix that longer paths belong to it too.
	Path         string
	Root, Prefix bool
	// Methods are the methods it takes; a POST has its parameters in the body only.
	Methods []string
	Request Encoding
	Proof   Proof
	// ProofRule is the rule of the endpoint that wants the proof, beside the general ones.
	ProofRule message.Rule
	// CORS allows any origin to read the answers, without credentials.
	CORS bool
	// Browser says that a user's browser calls it, so that a refusal is a page.
	Browser bool

	// Describe adds what the endpoint supports to the provider's metadata.
	Describe func(c *Context, url string, m *message.ProviderMetadata)
	// Verify judges the request and changes nothing.
	Verify func(ctx context.Context, s *Step, req *Req) error
	// Process decides and commits.
	Process func(ctx context.Context, s *Step, req *Req) (*Outcome, error)
	// Resume goes on after the NeedUser of Step.Ask.
	Resume func(ctx context.Context, s *Step, asked *Asked, answer Answer) (*Outcome, error)
	// Refuse answers a refusal in a way of its own.
	Refuse func(ctx context.Context, s *Step, refusal *Refusal) (*Outcome, error)
	// Respond says what to send; nil sends the message as JSON.
	Respond func(ctx context.Context, s *Step, o *Outcome) (*Response, error)
}

// Env is where an endpoint lives: the context it shares with the others, and its own
// settings.
type Env struct {
	Context  *Context // shared with the other endpoints
	Settings Settings // of this endpoint
}

// Settings are the parts of an endpoint that configuration may change.
type Settings struct {
	// ClientAuthentication authenticates the client in a way of its own. A nil client
	// without an error leaves it to the registered method.
	ClientAuthentication func(ctx context.Context, s *Step, p *clientauth.Presented) (*Client, error)
	// PostParseRequest hooks run on the verified request.
	PostParseRequest []Hook
	// PreConstruct hooks run on the message that is to be sent, before it is encoded.
	PreConstruct []Hook
	// PostConstruct hooks run on the finished response.
	PostConstruct []ResponseHook
}

// A Hook extends an endpoint. It gets a pointer to the message and returns the message
// to use, a value or pointer of the same type; nil means the one it got.
type Hook func(ctx context.Context, s *Step, m message.Message) (message.Message, error)

// A ResponseHook extends an endpoint. It may change the response.
type ResponseHook func(ctx context.Context, s *Step, r *Response) error

// A Description is what stands in the table of endpoints.
type Description struct {
	Name    string   // of the endpoint
	Path    string   // below the issuer, or below its host
	Methods []string // the HTTP methods that it takes
	Request Encoding // how its request travels
	Proof   Proof    // how a request shows who sends it
	CORS    bool     // scripts of other origins may call it
	Browser bool     // users come there
	Root    bool     // the path is below the issuer's host
	Prefix  bool     // longer paths belong to it too
}

// A Describer is an Endpoint that can be listed and served. What a Definition makes is one.
type Describer interface {
	Endpoint
	// Description says what the definition says.
	Description() Description
	// Describe adds what the endpoint supports to the provider's metadata.
	Describe(m *message.ProviderMetadata)
}

// New makes the endpoint in its environment.
func (d Definition[Req]) New(env Env) Endpoint {
	return &defined[Req]{d: d, env: env}
}

type defined[Req message.Message] struct {
	d   Definition[Req]
	env Env
}

func (x *defined[Req]) Name() string { return x.d.Name }

func (x *defined[Req]) Description() Description {
	return Description{
		Name: x.d.Name, Path: x.d.Path, Methods: x.d.Methods, Request: x.d.Request, Proof: x.d.Proof,
		CORS: x.d.CORS, Browser: x.d.Browser, Root: x.d.Root, Prefix: x.d.Prefix,
	}
}

func (x *defined[Req]) Describe(m *message.ProviderMetadata) {
	if x.d.Describe != nil {
		x.d.Describe(x.env.Context, x.env.Context.URL(x.d.Path), m)
	}
}

func (x *defined[Req]) step(req *Request) *Step {
	c := x.env.Context
	return &Step{Context: c, Now: c.now(), Request: req, endpoint: x.d.Name, keys: c.keys.Load()}
}

// ParseRequest implements Endpoint.
func (x *defined[Req]) ParseRequest(ctx context.Context, req *Request) (*Parsed, error) {
	s := x.step(req)
	m := new(Req)
	if err := x.parse(ctx, s, m); err != nil {
		if r := refusalOf(err); r != nil && r.step == nil {
			r.step = s
		}
		return nil, fmt.Errorf("%s: %w", x.d.Name, err)
	}
	p := &Parsed{Message: s.message, Client: s.Client, owner: x, step: s, decoded: m}
	if p.Message == nil {
		p.Message = any(m).(message.Message)
	}
	return p, nil
}

func (x *defined[Req]) parse(ctx context.Context, s *Step, m *Req) error {
	if err := checkMethod(s.Request, x.d.Methods); err != nil {
		return err
	}
	refusal := s.decode(x.d.Request)
	if refusal != nil && !x.d.Browser {
		return refusal
	}
	if x.d.Proof == ClientProof {
		if err := s.authenticateClient(ctx, x.env.Settings.ClientAuthentication); err != nil {
			if r := refusalOf(err); r != nil && x.d.ProofRule != "" {
				r.Violation.Err = errors.Join(r.Violation.Err, x.d.ProofRule)
			}
			return err
		}
	}
	if x.d.Request == Form {
		if bad := decodeParams(s.Params, m); bad != nil {
			if refusal == nil {
				refusal = bad
			}
			if !x.d.Browser {
				return refusal
			}
		}
	}
	s.malformed = refusal
	if x.d.Verify != nil {
		if err := x.d.Verify(ctx, s, m); err != nil {
			return err
		}
	}
	if s.malformed != nil {
		return s.malformed
	}
	return hooks(ctx, s, x.env.Settings.PostParseRequest, m)
}

// decodeParams decodes what can be decoded: a parameter that cannot is removed and named
// in the refusal, and the rest may still say where the refusal goes.
func decodeParams[M any](params url.Values, m *M) *Refusal {
	var first *Refusal
	for {
		err := message.DecodeValues(params, m)
		if err == nil {
			return first
		}
		r := undecodable(err, message.RuleOPParamSyntax)
		if first == nil {
			first = r
		}
		*m = *new(M)
		if !params.Has(r.Violation.Param) {
			return first
		}
		params.Del(r.Violation.Param)
	}
}

// ProcessRequest implements Endpoint.
func (x *defined[Req]) ProcessRequest(ctx context.Context, p *Parsed) (*Outcome, error) {
	if p == nil || p.owner != any(x) {
		return nil, fmt.Errorf("%s: %w", x.d.Name, ErrForeign)
	}
	m, ok := p.decoded.(*Req)
	if !ok {
		return nil, fmt.Errorf("%s: %w", x.d.Name, ErrForeign)
	}
	s := *p.step
	if err := s.spend(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", x.d.Name, err)
	}
	o, err := x.d.Process(ctx, &s, m)
	return x.outcome(&s, o, err)
}

// Resume implements Resumer.
func (x *defined[Req]) Resume(ctx context.Context, ticket string, answer Answer) (*Outcome, error) {
	s := x.step(&Request{Cookies: answer.Cookies, RemoteAddr: answer.RemoteAddr})
	if x.d.Resume == nil {
		return nil, fmt.Errorf("%s: %w", x.d.Name, Refuse(400, message.InvalidRequest, message.RuleOPLoginBinding, "").Because("", "an endpoint that asks", nil))
	}
	asked, err := s.asked(ctx, ticket)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.d.Name, err)
	}
	o, err := x.d.Resume(ctx, s, asked, answer)
	if isNeed(err) {
		// The answer will come again with the same ticket.
		if err := s.unask(ctx, ticket, asked); err != nil {
			return nil, err
		}
	}
	return x.outcome(s, o, err)
}

// Refuse implements Refuser.
func (x *defined[Req]) Refuse(ctx context.Context, req *Request, r *Refusal) (*Outcome, error) {
	s := x.step(req)
	if x.d.Refuse == nil {
		return x.outcome(s, &Outcome{refusal: r}, nil)
	}
	o, err := x.d.Refuse(ctx, s, r)
	return x.outcome(s, o, err)
}

func (x *defined[Req]) outcome(s *Step, o *Outcome, err error) (*Outcome, error) {
	if err != nil {
		if r := refusalOf(err); r != nil {
			r.cookies = append(r.cookies, s.cookies...)
			r.step = s
		}
		return nil, fmt.Errorf("%s: %w", x.d.Name, err)
	}
	o.owner, o.step = x, s
	o.Cookies = append(o.Cookies, s.cookies...)
	return o, nil
}

// DoResponse implements Endpoint.
func (x *defined[Req]) DoResponse(ctx context.Context, o *Outcome) (*Response, error) {
	if o == nil || o.owner != any(x) {
		return nil, fmt.Errorf("%s: %w", x.d.Name, ErrForeign)
	}
	s := o.step
	resp, err := x.respond(ctx, s, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.d.Name, err)
	}
	for _, hook := range x.env.Settings.PostConstruct {
		if err := hook(ctx, s, resp); err != nil {
			return nil, fmt.Errorf("%s: post_construct: %w", x.d.Name, err)
		}
	}
	return resp, nil
}

func (x *defined[Req]) respond(ctx context.Context, s *Step, o *Outcome) (*Response, error) {
	if o.refusal != nil {
		return refused(o.refusal, x.d.Browser), nil
	}
	sent := *o
	if o.Message != nil {
		for _, hook := range x.env.Settings.PreConstruct {
			m, err := hook(ctx, s, sent.Message)
			if err != nil {
				return nil, fmt.Errorf("pre_construct: %w", err)
			}
			if m != nil {
				sent.Message = m
			}
		}
	}
	var resp *Response
	var err error
	switch {
	case x.d.Respond != nil:
		resp, err = x.d.Respond(ctx, s, &sent)
	default:
		resp, err = respondJSON(&sent)
	}
	if err != nil {
		return nil, err
	}
	if resp.Status == 0 {
		resp.Status = 200
	}
	for name, values := range sent.Header {
		for _, v := range values {
			resp.Header.Add(name, v)
		}
	}
	if resp.Placement == InURL {
		// RFC 9700, Section 4.2.4: what stands in the address is for nobody else.
		resp.Header.Set("Referrer-Policy", "no-referrer")
	}
	resp.Cookies = append(resp.Cookies, sent.Cookies...)
	resp.Send = append(resp.Send, sent.Send...)
	resp.Ask = sent.Ask
	return resp, nil
}

// hooks runs extension hooks on the request. The message of a token request is that of its
// grant type.
func hooks[M any](ctx context.Context, s *Step, list []Hook, m *M) error {
	for _, hook := range list {
		sent := s.message
		if sent == nil {
			sent = any(m).(message.Message)
		}
		got, err := hook(ctx, s, sent)
		if err != nil {
			return err
		}
		switch v := any(got).(type) {
		case nil:
			continue
		case *M:
			if s.message == nil {
				*m = *v
				continue
			}
		case M:
			if s.message == nil {
				*m = v
				continue
			}
		}
		if s.message == nil || reflect.TypeOf(got) != reflect.TypeOf(s.message) {
			return fmt.Errorf("hook: returned %T, want %T", got, sent)
		}
		s.message = got
	}
	return nil
}
