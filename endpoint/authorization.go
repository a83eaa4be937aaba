package endpoint

import (
	"context"
	"encoding/json"

	"github.com/oidcservice/oidc/message"
)

// NewAuthorization makes the authorization endpoint (Core, Section 3.1.2; RFC 6749,
// Section 3.1).
func NewAuthorization(env Env) Endpoint {
	return Definition[message.AuthorizationRequest]{
		Name:     "authorization",
		Path:     "/authorize",
		Methods:  []string{"GET", "POST"},
		Request:  Form,
		Browser:  true,
		Describe: describeAuthorization,
		Verify: func(ctx context.Context, s *Step, req *message.AuthorizationRequest) error {
			req.Extra = nil // RFC 6749, Section 3.1: unrecognized parameters are ignored
			a := &authorization{req: req}
			s.Value = a
			return s.checkAuthorization(ctx, a)
		},
		Process: func(ctx context.Context, s *Step, _ *message.AuthorizationRequest) (*Outcome, error) {
			a := s.Value.(*authorization)
			o, err := s.decide(ctx, a)
			return s.routed(ctx, a, o, err)
		},
		Resume:  resumeAuthorization,
		Refuse:  refuseAuthorization,
		Respond: respondAuthorization,
	}.New(env)
}

// An authorization is a request that was verified, and how far it has come.
type authorization struct {
	req    *message.AuthorizationRequest
	client *Client
	name   string       // the response type in its usual spelling
	types  message.List // its words
	scope  message.List // what may be granted of the scope
	hint   *idTokenHint
	route  *route
	push   bool   // it is being pushed
	pushed string // the request_uri that was pushed, used up at the end
	proven bool   // the redirect URI was accepted when it was pushed
	opened bool   // the parameters of an object are merged into req already
	done   progress
}

// progress is what the user did for this request.
//
// A browser has one session, and another tab may change it: what the user did counts for
// the session in which it was done.
type progress struct {
	LoggedIn  string       `json:"logged_in,omitempty"` // the session that began for this request
	Asked     string       `json:"asked,omitempty"`     // the session that is asked to consent
	Selected  bool         `json:"selected,omitempty"`
	Consented bool         `json:"consented,omitempty"`
	Scope     message.List `json:"scope,omitempty"` // what was consented to
}

// A route is where an authorization response goes: a proven redirect URI.
type route struct {
	ClientID string               `json:"client_id"`
	Redirect string               `json:"redirect_uri"`
	Mode     message.ResponseMode `json:"mode"`
	State    string               `json:"state,omitempty"`
	// AtOnce says that an error need not wait for the user: the client is trusted, nobody
	// may be asked (prompt=none), or the user was asked.
	AtOnce bool `json:"at_once,omitempty"`
}

// suspended is an authorization that waits for the user.
type suspended struct {
	Request string   `json:"request,omitempty"` // form encoded, objects merged
	Pushed  string   `json:"pushed,omitempty"`
	Proven  bool     `json:"proven,omitempty"`
	Done    progress `json:"done"`
	// Route and Error are an error that waits to go to the client.
	Route *route            `json:"route,omitempty"`
	Code  message.ErrorCode `json:"code,omitempty"`
	Text  string            `json:"text,omitempty"`
	Rule  message.Rule      `json:"rule,omitempty"`
	Param string            `json:"param,omitempty"`
}

func (a *authorization) suspend() (*suspended, error) {
	form, err := message.EncodeForm(a.req)
	if err != nil {
		return nil, err
	}
	return &suspended{Request: form, Pushed: a.pushed, Proven: a.proven, Done: a.done}, nil
}

// routed gives a refusal the way to the client. It ends the authorization, so that a pushed
// request is used up by it as by a success.
func (s *Step) routed(ctx context.Context, a *authorization, o *Outcome, err error) (*Outcome, error) {
	r := refusalOf(err)
	if r == nil {
		return o, err
	}
	if r.route == nil {
		r.route = a.route
	}
	if err := s.usePushed(ctx, a); err != nil && refusalOf(err) == nil {
		return nil, err
	}
	return o, err
}

// responseTypes are the response types that exist, as sets of words and in their usual
// spelling.
var responseTypes = []string{
	message.ResponseTypeCode, message.ResponseTypeIDToken, message.ResponseTypeIDTokenToken,
	message.ResponseTypeCodeIDToken, message.ResponseTypeCodeToken, message.ResponseTypeCodeIDTokenToken,
	message.ResponseTypeToken, message.ResponseTypeNone,
}

// normalResponseType returns the usual spelling of a response type, "" if there is none.
// RFC 6749, Section 3.1.1: "the order of values does not matter".
func normalResponseType(words message.List) string {
	if len(words) == 0 {
		return ""
	}
	for _, t := range responseTypes {
		if list := message.ParseList(t); len(list) == len(words) && list.Equal(words) {
			return t
		}
	}
	return ""
}

func describeAuthorization(c *Context, url string, m *message.ProviderMetadata) {
	yes := true
	m.AuthorizationEndpoint = url
	m.ResponseTypesSupported = c.policy.ResponseTypes
	m.ResponseModesSupported = c.responseModes()
	m.CodeChallengeMethodsSupported = []string{message.CodeChallengeMethodS256}
	m.AuthorizationResponseIssParameterSupported = &yes
	m.ClaimsParameterSupported = &yes
	m.AuthorizationDetailsTypesSupported = c.detailTypes()
	m.RequestParameterSupported = &yes
	m.RequestURIParameterSupported = &yes
	m.RequireRequestURIRegistration = &yes
	m.RequestObjectSigningAlgs = c.signing()
	m.RequestObjectEncryptionAlgs, m.RequestObjectEncryptionEncs = c.objectEncryption()
	m.RequireSignedRequestObject = &c.policy.RequireSignedRequest
	m.AuthorizationSigningAlgs = c.idTokenAlgs()
	m.AuthorizationEncryptionAlgs, m.AuthorizationEncryptionEncs = c.encryption()
	m.DisplayValuesSupported = []string{message.DisplayPage}
	m.PromptValuesSupported = c.prompts()
	grants := c.grantTypes()
	m.GrantTypesSupported = grants
	m.IDTokenSigningAlgs = c.idTokenChoices()
	m.IDTokenEncryptionAlgs, m.IDTokenEncryptionEncs = c.encryption()
}

// responseModes are the response modes that are offered.
func (c *Context) responseModes() []string {
	return []string{
		string(message.ResponseModeQuery), string(message.ResponseModeFragment), string(message.ResponseModeFormPost),
		string(message.ResponseModeJWT), string(message.ResponseModeQueryJWT), string(message.ResponseModeFragmentJWT), string(message.ResponseModeFormPostJWT),
	}
}

// prompts are the values of prompt that are offered.
func (c *Context) prompts() []string {
	all := []string{message.PromptNone, message.PromptLogin, message.PromptConsent, message.PromptSelectAccount}
	if c.createsAccounts() {
		all = append(all, message.PromptCreate)
	}
	return all
}

// grantTypes are the grant types that are offered.
func (c *Context) grantTypes() []string { return c.offered.grantTypes }

func (c *Context) listGrantTypes() []string {
	var all []string
	for _, t := range c.policy.ResponseTypes {
		words := message.ParseList(t)
		if words.Has("code") {
			all = union(all, []string{message.GrantTypeAuthorizationCode})
		}
		if words.Has("token") || words.Has("id_token") {
			all = union(all, []string{message.GrantTypeImplicit})
		}
	}
	return union(all, c.policy.GrantTypes)
}

// requestObjectAlgs are the algorithms that a request object may be registered for. none is
// among them but not in the metadata: what stands there a client may use that registered
// nothing (Registration, Section 2: "any algorithm supported by the OP and the RP MAY be
// used"), and none it must register (op_jar_alg).
func (c *Context) requestObjectAlgs() []string {
	if c.policy.RequireSignedRequest || c.fapi() {
		return c.signing()
	}
	return append(c.signing(), "none")
}

// resumeAuthorization goes on with what the user answered.
func resumeAuthorization(ctx context.Context, s *Step, asked *Asked, answer Answer) (*Outcome, error) {
	var was suspended
	if err := json.Unmarshal(asked.Data, &was); err != nil {
		return nil, err
	}
	if asked.Prompt == PromptContinue {
		return s.answerRoute(ctx, was.Route, was.Route.failure(s, was.Code, was.Text))
	}
	a := &authorization{req: new(message.AuthorizationRequest), pushed: was.Pushed, proven: was.Proven, opened: true, done: was.Done}
	values, refusal := parseParams(was.Request)
	if refusal != nil {
		return nil, refusal
	}
	if err := message.DecodeValues(values, a.req); err != nil {
		return nil, err
	}
	// The client may have changed while the user was thinking: the same checks once more.
	if err := s.checkAuthorization(ctx, a); err != nil {
		return nil, err
	}
	a.route.AtOnce = true
	o, err := s.answered(ctx, a, asked, answer)
	return s.routed(ctx, a, o, err)
}

// refuseAuthorization sends an error to the client if its redirect URI is proven, and
// shows a page otherwise. RFC 9700, Section 4.11.2: an error for a client that is not
// trusted is not redirected before the user was authenticated or asked, so that a
// registered attacker cannot use the provider as an open redirector.
func refuseAuthorization(ctx context.Context, s *Step, r *Refusal) (*Outcome, error) {
	if r.route == nil {
		return &Outcome{refusal: r, Cookies: r.cookies}, nil
	}
	if !r.route.AtOnce {
		sess, err := s.session(ctx)
		if err != nil {
			return nil, err
		}
		if sess == nil {
			client, _, err := s.Context.clients.Client(ctx, r.route.ClientID)
			if err != nil {
				return nil, err
			}
			return nil, s.Ask(ctx, &NeedUser{Prompt: PromptContinue, Client: client, Err: r}, &suspended{
				Route: r.route, Code: r.Declared.Code, Text: r.Declared.Description, Rule: r.Violation.Rule, Param: r.Violation.Param,
			})
		}
	}
	s.cookies = r.cookies
	return s.answerRoute(ctx, r.route, r.route.failure(s, r.Declared.Code, r.Declared.Description))
}

// answerRoute is the outcome that goes to a proven redirect URI.
func (s *Step) answerRoute(ctx context.Context, r *route, answer *message.AuthorizationResponse) (*Outcome, error) {
	o := &Outcome{Location: r.Redirect, Mode: r.Mode, Message: answer}
	if !isJARM(r.Mode) {
		return o, nil
	}
	client, found, err := s.Context.clients.Client(ctx, r.ClientID)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, refuseAuthz(message.InvalidRequest, message.RuleOPAuthzClient, "client_id")
	}
	s.Client = client
	return o, nil
}

// failure is the error response of a route. RFC 6749, Section 4.1.2.1: state is "REQUIRED
// if a "state" parameter was present"; RFC 9207, Section 2: iss, "including error responses".
func (r *route) failure(s *Step, code message.ErrorCode, text string) *message.AuthorizationResponse {
	return &message.AuthorizationResponse{
		Error: code, ErrorDescription: text, State: r.State, Issuer: s.Context.issuer,
	}
}
