package endpoint

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
)

// A deviceGrant is a device that waits for its user.
type deviceGrant struct {
	Client   string       `json:"client"`
	Scope    message.List `json:"scope,omitempty"`
	Resource []string     `json:"resource,omitempty"`
	ACR      message.List `json:"acr,omitempty"`
	UserCode string       `json:"user_code"`
	Until    time.Time    `json:"until"`
}

// A deviceDecision is what the user decided. It is added once and taken once: the first
// decision stands, and one poll gets the tokens.
type deviceDecision struct {
	Grant *grant `json:"grant,omitempty"` // nil: the user refused
}

const (
	// userCodeLetters are easy to type and form no words (RFC 8628, Section 6.1).
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	// userCodeLength gives 34 bits; with limited tries that is out of reach (Section 5.1).
	userCodeLength = 8
)

// NewDeviceAuthorization makes the endpoint at which a device asks for its codes (RFC
// 8628, Section 3.1).
func NewDeviceAuthorization(env Env) Endpoint {
	return Definition[message.DeviceAuthorizationRequest]{
		Name:    "device_authorization",
		Path:    "/device_authorization",
		Methods: []string{"POST"},
		Request: Form,
		Proof:   ClientProof,
		Describe: func(_ *Context, url string, m *message.ProviderMetadata) {
			m.DeviceAuthorizationEndpoint = url
		},
		Verify:  verifyDeviceAuthorization,
		Process: processDeviceAuthorization,
	}.New(env)
}

func verifyDeviceAuthorization(_ context.Context, s *Step, m *message.DeviceAuthorizationRequest) error {
	if !s.Client.grants(message.GrantTypeDeviceCode) {
		return Refuse(400, message.UnauthorizedClient, message.RuleOPDeviceAuthorization, "client_id")
	}
	if len(m.AuthorizationDetails) > 0 {
		return refuseParameter(message.RuleOPAuthzRAR, "authorization_details")
	}
	scope, err := s.userScope(m.Scope, message.RuleOPDeviceAuthorization)
	if err != nil {
		return err
	}
	s.Value = scope
	return s.checkResources(s.Client, m.Resource)
}

// userScope is what a client may have of the scope that it asks a user for, outside the
// authorization endpoint.
func (s *Step) userScope(asked message.List, rule message.Rule) (message.List, error) {
	a := &authorization{req: &message.AuthorizationRequest{Scope: asked}, client: s.Client, types: message.List{"code"}}
	if err := checkScope(context.Background(), s, a); err != nil {
		return nil, Refuse(400, message.InvalidScope, rule, "scope").Because("", "", message.RuleOPAuthzScope)
	}
	if err := checkOfflineAccess(context.Background(), s, a); err != nil {
		return nil, err
	}
	return a.scope, nil
}

func processDeviceAuthorization(ctx context.Context, s *Step, m *message.DeviceAuthorizationRequest) (*Outcome, error) {
	c := s.Context
	id, err := c.random()
	if err != nil {
		return nil, err
	}
	code, err := c.random()
	if err != nil {
		return nil, err
	}
	life := c.lifetimes.DeviceCode
	keep := life + c.lifetimes.Interaction
	d := deviceGrant{Client: s.Client.ID, Scope: s.Value.(message.List), Resource: m.Resource, ACR: m.ACRValues, Until: s.Now.Add(life)}
	for {
		if d.UserCode, err = s.newUserCode(); err != nil {
			return nil, err
		}
		added, err := c.store.add(ctx, kindUserCode, d.UserCode, id, keep)
		if err != nil {
			return nil, err
		}
		if added {
			break
		}
	}
	if err := c.store.put(ctx, kindDevice, id, d, keep); err != nil {
		return nil, err
	}
	if err := c.store.put(ctx, kindDeviceCode, code, id, keep); err != nil {
		return nil, err
	}
	seconds, interval := int64(life/time.Second), int64(c.lifetimes.Interval/time.Second)
	shown := d.UserCode[:userCodeLength/2] + "-" + d.UserCode[userCodeLength/2:]
	page := c.URL(devicePath)
	return &Outcome{Message: &message.DeviceAuthorizationResponse{
		DeviceCode: message.Secret(code), UserCode: shown, VerificationURI: page,
		VerificationURIComplete: page + "?user_code=" + shown, ExpiresIn: &seconds, Interval: &interval,
	}}, nil
}

// newUserCode draws letters without bias.
func (s *Step) newUserCode() (string, error) {
	const fair = 256 - 256%len(userCodeLetters)
	code := make([]byte, 0, userCodeLength)
	b := make([]byte, 1)
	for len(code) < userCodeLength {
		if _, err := io.ReadFull(s.Context.rand, b); err != nil {
			return "", err
		}
		if int(b[0]) < fair {
			code = append(code, userCodeLetters[int(b[0])%len(userCodeLetters)])
		}
	}
	return string(code), nil
}

// typedCode is what a user typed as the code would be written: RFC 8628, Section 6.1:
// case and punctuation do not matter.
func typedCode(typed string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if strings.ContainsRune(userCodeLetters, c) {
			return c
		}
		return -1
	}, typed)
}
