package endpoint

import (
	"context"
	"errors"

	"github.com/oidcservice/oidc/message"
)

// Serve runs the three parts of an endpoint and answers a refusal. The error is a
// *NeedUser or *NeedFetch that the caller is to meet, with a nil Response; or it is a
// fault of our own, such as a failing store, with the Response to send nevertheless.
func Serve(ctx context.Context, e Endpoint, req *Request) (*Response, error) {
	p, err := e.ParseRequest(ctx, req)
	if err != nil {
		return Answered(ctx, e, req, nil, err)
	}
	o, err := e.ProcessRequest(ctx, p)
	return Answered(ctx, e, req, o, err)
}

// Continue runs what follows a NeedUser and answers a refusal, like Serve.
func Continue(ctx context.Context, e Endpoint, ticket string, answer Answer) (*Response, error) {
	r, ok := e.(Resumer)
	if !ok {
		return nil, ErrForeign
	}
	o, err := r.Resume(ctx, ticket, answer)
	return Answered(ctx, e, &Request{Cookies: answer.Cookies, RemoteAddr: answer.RemoteAddr}, o, err)
}

// Answered turns what ParseRequest, ProcessRequest or Resume returned into the response
// to send. A refused guess is counted.
func Answered(ctx context.Context, e Endpoint, req *Request, o *Outcome, err error) (*Response, error) {
	refusal := refusalOf(err)
	if refusal != nil {
		refusal.log(ctx, e.Name())
		if refusal.nonce {
			nonce, err := refusal.step.newNonce(ctx)
			if err != nil {
				return fault(e), err
			}
			refusal.Header.Set("Dpop-Nonce", nonce)
		}
		if refusal.attempt != nil {
			if err := refusal.Count(ctx); err != nil {
				return fault(e), err
			}
		}
		if r, ok := e.(Refuser); ok {
			o, err = r.Refuse(ctx, req, refusal)
		} else {
			resp := refused(refusal, false)
			resp.Refusal = refusal
			return resp, nil
		}
	}
	if err == nil {
		var resp *Response
		if resp, err = e.DoResponse(ctx, o); err == nil {
			late := resp.Refusal // of an answer that could not be sent as it has to be
			switch {
			case late == nil:
				resp.Refusal = refusal
			case refusal == nil || refusal.Violation.Rule != late.Violation.Rule:
				late.log(ctx, e.Name())
			}
			return resp, nil
		}
	}
	var user *NeedUser
	var fetch *NeedFetch
	if errors.As(err, &user) || errors.As(err, &fetch) {
		return nil, err
	}
	return fault(e), err
}

// fault is the answer when something of ours failed: a page, where users come.
func fault(e Endpoint) *Response {
	d, described := e.(Describer)
	return refused(&Refusal{
		Declared:  &message.Error{Code: message.ServerError, Description: "the provider cannot answer at the moment", Status: 500},
		Violation: &message.Violation{},
	}, described && d.Description().Browser)
}

// log tells the operator of a refusal: which endpoint, client, code and rule, and nothing
// that came with the request.
func (r *Refusal) log(ctx context.Context, name string) {
	if r.step == nil {
		return
	}
	client := ""
	if r.step.Client != nil {
		client = r.step.Client.ID
	}
	r.step.Context.logger.InfoContext(ctx, "refused",
		"endpoint", name, "client_id", client, "error", string(r.Declared.Code), "rule", string(r.Violation.Rule), "param", known(r.Violation.Param))
}
