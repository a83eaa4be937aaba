package clientauth

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// Faults of the client's own side; each is wrapped in a Violation.
var (
	// ErrSecretExpired says that the client_secret has expired: register again.
	ErrSecretExpired = errors.New("clientauth: the client_secret has expired, register again")
	// ErrNoCredential says that the method needs something that the client lacks.
	ErrNoCredential = errors.New("clientauth: the credential that the method needs is missing")
)

// Credentials are what a client has to prove itself with.
type Credentials struct {
	ClientID        string         // the client_id
	ClientSecret    message.Secret // empty if there is none
	SecretExpiresAt time.Time      // zero: never
	Keys            *keyjar.Set    // our private keys
	Algorithm       string         // of assertions; "" lets the method choose
	Audience        string         // of assertions: the issuer
	Now             time.Time      // the step's clock reading
	Rand            io.Reader      // for the jti
}

// A Draft is a request on its way out. A method writes form parameters, the
// Authorization header field, or MutualTLS.
type Draft struct {
	URL       string              // where the request goes
	Header    map[string][]string // under canonical names
	Form      url.Values          // the parameters of the body
	MutualTLS bool                // the connection must present the client certificate
}

// A Method is one way of proving oneself.
type Method struct {
	// Name is its token_endpoint_auth_method.
	Name string
	// Authenticate puts the proof into the draft. An error is a Violation of a rule
	// client_auth_*, or a failing random source.
	Authenticate func(ctx context.Context, c Credentials, d *Draft) error
	// Verify judges the proof by what is registered. An error is a Violation of a
	// rule op_client_auth_*, op_client_secret_compare or op_assertion_*.
	Verify func(ctx context.Context, p *Presented, r Registered) (*Proof, error)
}

// Methods returns all methods.
func Methods() []Method { return slices.Clone(methods) }

var methods = func() []Method {
	all := []Method{secretBasic, secretPost, secretJWT, privateKeyJWT, tlsClientAuth, selfSignedTLS, none}
	for i := range all {
		all[i].Authenticate = onCleanDraft(all[i].Authenticate)
	}
	return all
}()

// onCleanDraft takes out whatever proof a draft held before: a retry has a fresh one,
// and one mechanism only. "The client MUST NOT use more than one authentication
// method in each request" (RFC 6749, Section 2.3).
func onCleanDraft(authenticate func(context.Context, Credentials, *Draft) error) func(context.Context, Credentials, *Draft) error {
	return func(ctx context.Context, c Credentials, d *Draft) error {
		if c.ClientID == "" {
			return &message.Violation{Rule: message.RuleClientAuthMethod, Param: "client_id", Want: "a client_id", Err: ErrNoCredential}
		}
		d.clear()
		return authenticate(ctx, c, d)
	}
}

// ByName returns the method of that name; "" is client_secret_basic, the default
// (Dynamic Client Registration 1.0, Section 2).
func ByName(name string) (Method, bool) {
	if name == "" {
		name = message.AuthMethodClientSecretBasic
	}
	i := slices.IndexFunc(methods, func(m Method) bool { return m.Name == name })
	if i < 0 {
		return Method{}, false
	}
	return methods[i], true
}

// Rules returns the rules that a request authenticated by a method keeps.
func Rules(method string) []message.Rule {
	const first, last = message.RuleClientAuthMethod, message.RuleClientAuthExposure
	switch method {
	case "", message.AuthMethodClientSecretBasic:
		return []message.Rule{first, message.RuleClientAuthBasic, last}
	case message.AuthMethodClientSecretPost, message.AuthMethodNone:
		return []message.Rule{first, message.RuleClientAuthBody, last}
	case message.AuthMethodClientSecretJWT, message.AuthMethodPrivateKeyJWT:
		return []message.Rule{first, message.RuleClientAuthAssertion, message.RuleClientAuthAssertionAud, message.RuleClientAuthAssertionFresh, message.RuleClientAuthAssertionKey, last}
	case message.AuthMethodTLSClientAuth, message.AuthMethodSelfSignedTLSClientAuth:
		return []message.Rule{first, message.RuleClientAuthMTLS, last}
	}
	return []message.Rule{first, last}
}

// UsesSecret reports whether a method needs a client_secret.
func UsesSecret(method string) bool {
	switch method {
	case "", message.AuthMethodClientSecretBasic, message.AuthMethodClientSecretPost, message.AuthMethodClientSecretJWT:
		return true
	}
	return false
}

// Authenticate puts the proof of the named method into d.
func Authenticate(ctx context.Context, method string, c Credentials, d *Draft) error {
	m, ok := ByName(method)
	if !ok {
		return &message.Violation{Rule: message.RuleClientAuthMethod, Param: "token_endpoint_auth_method", Got: message.Excerpt(method), Want: "a method that this client knows"}
	}
	return m.Authenticate(ctx, c, d)
}

// parameters prove who the client is.
var parameters = []string{"client_secret", "client_assertion", "client_assertion_type"}

// Parameters returns the names of the parameters that prove who a client is: no request
// has one that its method did not put there.
func Parameters() []string { return slices.Clone(parameters) }

// clear makes the maps and takes out every proof.
func (d *Draft) clear() {
	if d.Header == nil {
		d.Header = map[string][]string{}
	}
	if d.Form == nil {
		d.Form = url.Values{}
	}
	delete(d.Header, "Authorization")
	for _, name := range parameters {
		d.Form.Del(name)
	}
	d.MutualTLS = false
}

// secret returns the client_secret if there is one that may be used.
func (c *Credentials) secret() (string, error) {
	if c.ClientSecret == "" {
		return "", &message.Violation{Rule: message.RuleClientAuthMethod, Param: "client_secret", Want: "a client_secret", Err: ErrNoCredential}
	}
	// "client_secret_expires_at: Time at which the client_secret will expire"
	// (Dynamic Client Registration 1.0, Section 3.2).
	if !c.SecretExpiresAt.IsZero() && !c.Now.Before(c.SecretExpiresAt) {
		return "", &message.Violation{Rule: message.RuleClientAuthMethod, Param: "client_secret", Want: "a client_secret that has not expired", Err: ErrSecretExpired}
	}
	return c.ClientSecret.Reveal(), nil
}
