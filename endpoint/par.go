package endpoint

import (
	"context"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
)

// pushedPrefix begins the names of pushed requests (RFC 9126, Section 2.2).
const pushedPrefix = "urn:ietf:params:oauth:request_uri:"

// A pushedRequest is an authorization request that waits for its browser. Credentials are
// not in it.
type pushedRequest struct {
	Client  string    `json:"client"`
	Request string    `json:"request"` // form encoded, objects merged
	Proven  bool      `json:"proven"`  // its redirect URI was accepted when it was pushed
	Until   time.Time `json:"until"`
}

// NewPushedAuthorization makes the endpoint that takes authorization requests over the
// back channel (RFC 9126).
func NewPushedAuthorization(env Env) Endpoint {
	return Definition[message.PushedAuthorizationRequest]{
		Name:    "pushed_authorization",
		Path:    "/par",
		Methods: []string{"POST"},
		Request: Form,
		Proof:   ClientProof,

		ProofRule: message.RuleOPPARAuth,
		Describe: func(c *Context, url string, m *message.ProviderMetadata) {
			m.PushedAuthorizationRequestEndpoint = url
			m.RequirePushedAuthorizationRequests = &c.policy.RequirePushed
		},
		Verify:  verifyPushed,
		Process: processPushed,
		Respond: func(_ context.Context, _ *Step, o *Outcome) (*Response, error) {
			o.Status = 201
			return respondJSON(o)
		},
	}.New(env)
}

// verifyPushed: RFC 9126, Section 2.1: the push is authenticated as at the token endpoint,
// a request_uri in it is refused, and the request passes every check of the authorization
// endpoint; Section 2.3: errors are JSON.
func verifyPushed(ctx context.Context, s *Step, m *message.PushedAuthorizationRequest) error {
	if m.RequestURI != "" {
		return Refuse(400, message.InvalidRequest, message.RuleOPPARValidation, "request_uri")
	}
	jkt, err := s.proof(ctx, "", tokenFault)
	if err != nil {
		return err
	}
	req := m.AuthorizationRequest
	req.Extra = nil
	if req.ClientID == "" {
		req.ClientID = s.Client.ID
	}
	a := &authorization{req: &req, push: true}
	if err := s.checkAuthorization(ctx, a); err != nil {
		if r := refusalOf(err); r != nil {
			r.route = nil
			if r.Violation.Err == nil {
				r.Violation.Err = message.RuleOPPARValidation
			}
		}
		return err
	}
	if jkt != "" {
		// RFC 9449, Section 10.1: the key of the push is the one of dpop_jkt.
		if req.DPoPJKT != "" && req.DPoPJKT != jkt {
			return Refuse(400, message.InvalidDPoPProof, message.RuleOPDPoPCode, "dpop_jkt")
		}
		a.req.DPoPJKT = jkt
	}
	s.Value = a
	return nil
}

func processPushed(ctx context.Context, s *Step, _ *message.PushedAuthorizationRequest) (*Outcome, error) {
	a := s.Value.(*authorization)
	form, err := message.EncodeForm(a.req)
	if err != nil {
		return nil, err
	}
	name, err := s.Context.random()
	if err != nil {
		return nil, err
	}
	life := s.Context.lifetimes.PushedRequest
	record := pushedRequest{Client: s.Client.ID, Request: form, Proven: true, Until: s.Now.Add(life)}
	// It outlives its expiry for as long as a user may take to log in.
	if err := s.Context.store.put(ctx, kindPushed, name, record, life+s.Context.lifetimes.Interaction); err != nil {
		return nil, err
	}
	seconds := int64(life / time.Second)
	return &Outcome{Message: &message.PushedAuthorizationResponse{RequestURI: pushedPrefix + name, ExpiresIn: &seconds}}, nil
}

// openPushed puts a pushed request in place of the browser's. RFC 9126, Section 4: it
// serves the client that pushed it, until it expires or is used up.
func (s *Step) openPushed(ctx context.Context, a *authorization) error {
	uri := a.req.RequestURI
	var record pushedRequest
	found, err := s.Context.store.get(ctx, kindPushed, strings.TrimPrefix(uri, pushedPrefix), &record)
	if err != nil {
		return err
	}
	refusal := func(rule message.Rule) error { return refuseAuthz(message.InvalidRequestURI, rule, "request_uri") }
	switch {
	case !found:
		return refusal(message.RuleOPPARUse)
	case record.Client != a.client.ID:
		return refusal(message.RuleOPPARBinding)
	case !s.Now.Before(record.Until):
		return refusal(message.RuleOPPARExpired)
	}
	values, refused := parseParams(record.Request)
	if refused != nil {
		return refused
	}
	req := new(message.AuthorizationRequest)
	if err := message.DecodeValues(values, req); err != nil {
		return err
	}
	// What else the browser sent counts for nothing, its faults included.
	*a.req = *req
	a.opened, a.pushed, a.proven = true, uri, record.Proven
	s.malformed = nil
	return nil
}

// usePushed uses a pushed request up, when the authorization is done: reloading the page
// before that works, a second authorization does not (RFC 9126, Sections 4 and 7.3).
func (s *Step) usePushed(ctx context.Context, a *authorization) error {
	if a.pushed == "" {
		return nil
	}
	found, err := s.Context.store.take(ctx, kindPushed, strings.TrimPrefix(a.pushed, pushedPrefix), nil)
	if err != nil {
		return err
	}
	if !found {
		return refuseAuthz(message.InvalidRequestURI, message.RuleOPPARUse, "request_uri")
	}
	return nil
}
