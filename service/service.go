package service

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// A Service is one step of the protocol. A step has three parts, in this order:
//
//	req, err := s.GetRequestParameters(ctx, args) // say what to send
//	// ... the caller sends req and obtains resp ...
//	res, err := s.ParseResponse(ctx, resp)        // decode and verify; changes nothing
//	err = s.UpdateServiceContext(ctx, res)        // commit what was learnt; verifies nothing
//
// Skipping the commit gains nothing: the next step reads what only the commit
// writes. Services are safe for concurrent use.
type Service interface {
	// Name returns the service's name, such as "accesstoken".
	Name() string
	// GetRequestParameters builds the request of this step.
	GetRequestParameters(ctx context.Context, args Args) (*Request, error)
	// ParseResponse decodes and verifies an answer. It changes nothing, so it
	// may be called again with the same Response, for instance after a NeedError.
	ParseResponse(ctx context.Context, resp *Response) (*Result, error)
	// UpdateServiceContext commits a Result of this service's ParseResponse. It
	// judges nothing but single use.
	UpdateServiceContext(ctx context.Context, res *Result) error
}

// Args is what the caller of GetRequestParameters wants to say.
type Args struct {
	// State is the login the request belongs to; services outside a login ignore
	// it. The authorization service makes one when it is empty.
	State string
	// Message holds parameters that take precedence over those the service would
	// choose. It is a value of the service's request type or a pointer to one.
	Message message.Message
	// Binding is a value only the user's browser holds, such as a cookie
	// (RFC 6749, Section 10.12). The authorization service remembers its hash.
	Binding string
	// ReturnTo is where the browser goes after the login. The authorization service keeps
	// it with the login, as state.KeptReturnTo; LocalTarget tells whether it may be
	// followed.
	ReturnTo string
	// DPoPNonce is set by NeedError only (RFC 9449, Section 8).
	DPoPNonce string

	redirects []string      // the addresses that a host sent a WebFinger query on to
	pace      time.Duration // the least time between two polls from now on
	nonce     string        // the origin's latest DPoP nonce, from an answer that was not committed
	tries     int           // how often the request was sent before
	refreshed bool          // the access token was refreshed for this request
}

// Errors of the caller's doing.
var (
	// ErrNotConfigured reports a step that lacks a setting, such as an issuer.
	ErrNotConfigured = errors.New("not configured")
	// ErrNoEndpoint reports a step whose endpoint the provider does not publish.
	ErrNoEndpoint = errors.New("the provider publishes no such endpoint")
	// ErrNotRegistered reports a step that needs a client_id before there is one.
	ErrNotRegistered = errors.New("the client is not registered")
	// ErrForeign reports a Response or Result of another service.
	ErrForeign = errors.New("belongs to another service")
	// ErrArgs reports arguments of the wrong type or an impossible combination.
	ErrArgs = errors.New("unusable arguments")
)

// Env is where a service lives: the context it shares with the other services,
// the state database, and its own settings. DB nil is a new state.DB in memory,
// which serves only steps outside a login.
type Env struct {
	Context  *servicecontext.ServiceContext // shared with the other services
	DB       *state.DB                      // remembers logins
	Settings Settings                       // of this service
}

// Settings are the parts of a service that configuration may change.
type Settings struct {
	// ClientAuth names the client authentication method of this service alone.
	ClientAuth string
	// RequestArgs is a JSON object of request parameters to use when neither the
	// call nor the service context has a value.
	RequestArgs json.RawMessage
	// PreConstruct hooks run before the request is gathered; the message holds
	// the call's parameters.
	PreConstruct []Hook
	// PostConstruct hooks run on the finished request, before it is serialized.
	PostConstruct []Hook
	// PostParseResponse hooks run on the verified response.
	PostParseResponse []Hook
}

// A Hook extends a service. It gets a pointer to the message and returns the
// message to use, a value or pointer of the same type; nil means the one it got.
type Hook func(ctx context.Context, s *Step, m message.Message) (message.Message, error)
