package clientauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/url"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A Presented is what a request shows of who sends it. Nothing of it is proven.
type Presented struct {
	// ClientID is the client that the request claims to come from.
	ClientID string
	// Method is the mechanism in use: a method's name. A certificate is no mechanism
	// by itself, since any client may have one: the method is then "none" until
	// Verify looks at what is registered.
	Method string
	// Scheme is the scheme of the Authorization header field that was tried, as it
	// was written, or "".
	Scheme string
	// PeerCertificates are the certificates of the connection, the client's first,
	// in DER.
	PeerCertificates [][]byte
	// CertificateVerified says that the connection verified their chain. The provider
	// that knows sets it.
	CertificateVerified bool

	secret    message.Secret
	assertion *assertion
}

// A Registered is what a provider knows of a client, and what it permits.
type Registered struct {
	ClientID string // the client_id
	// Method is the registered token_endpoint_auth_method; "" is
	// client_secret_basic.
	Method string
	// ClientSecret or SecretHash (SHA-256) is what is kept of the secret. An HMAC
	// needs the secret itself.
	ClientSecret    message.Secret
	SecretHash      []byte
	SecretExpiresAt time.Time // zero: never
	// Keys are the client's public keys, from jwks or jwks_uri.
	Keys *keyjar.Set
	// Algorithm is the registered token_endpoint_auth_signing_alg; "" admits each of
	// Algorithms.
	Algorithm string
	// Algorithms are what the provider permits; nil permits all that fit the method.
	Algorithms []string
	// Audiences are what an assertion may be addressed to: the issuer first, then
	// our endpoint URLs.
	Audiences []string
	// SingleAudience demands the issuer as one string (FAPI 2.0, Section 5.3.2.1).
	SingleAudience bool
	// Certificate is the registered subject of tls_client_auth.
	Certificate CertificateSubject
	// Now is the clock reading of the step, Leeway its tolerance.
	Now    time.Time
	Leeway time.Duration
}

// A Proof is an identity that was proven.
type Proof struct {
	ClientID string // whose identity it is
	Method   string // the token_endpoint_auth_method that proved it
	// JTI and Expires say what to remember, and until when, so that an assertion is
	// accepted once. JTI is "" for methods without an assertion.
	JTI     string
	Expires time.Time
	// CertificateThumbprint is the x5t#S256 of the certificate that mutual TLS
	// proved (RFC 8705, Section 3.1).
	CertificateThumbprint string
}

// Present reads what a request shows: its header fields (names in any case), its
// decoded form body and the certificates of its connection. An error is a
// Violation: of op_client_auth_single for two mechanisms or a doubled parameter, of
// op_client_auth_id for two claims, of op_client_auth_basic or an op_assertion_*
// rule for what does not parse, of op_client_auth_required for no claim at all. The
// Presented is returned with the error, as far as it was read.
func Present(header map[string][]string, form url.Values, certificates [][]byte) (*Presented, error) {
	p := &Presented{PeerCertificates: certificates, Method: message.AuthMethodNone}
	for _, name := range []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"} {
		if len(form[name]) > 1 {
			return p, refuse(message.RuleOPClientAuthSingle, name, "", "one value", nil)
		}
	}
	var claims []claim
	add := func(method string) error {
		if p.Method != message.AuthMethodNone {
			return refuse(message.RuleOPClientAuthSingle, "client authentication", p.Method+" and "+method, "one method", nil)
		}
		p.Method = method
		return nil
	}
	authorization := values(header, "Authorization")
	if len(authorization) > 1 {
		return p, refuse(message.RuleOPClientAuthSingle, "authorization", "", "one Authorization header field", nil)
	}
	if len(authorization) == 1 {
		scheme, credentials, _ := strings.Cut(authorization[0], " ")
		p.Scheme = scheme
		if !strings.EqualFold(scheme, "Basic") {
			return p, refuse(message.RuleOPClientAuthRegistered, "authorization", message.Excerpt(scheme), "a client authentication method", nil)
		}
		// credentials = auth-scheme 1*SP token68 (RFC 9110, Section 11.4)
		id, secret, err := parseBasic(strings.TrimLeft(credentials, " "))
		if err != nil {
			return p, err
		}
		p.secret = message.Secret(secret)
		claims = append(claims, claim{"authorization", id})
		_ = add(message.AuthMethodClientSecretBasic)
	}
	if secret := form.Get("client_secret"); secret != "" {
		if err := add(message.AuthMethodClientSecretPost); err != nil {
			return p, err
		}
		p.secret = message.Secret(secret)
	}
	if form.Get("client_assertion") != "" || form.Get("client_assertion_type") != "" {
		a, err := parseAssertion(form)
		if err != nil {
			return p, err
		}
		if err := add(a.method()); err != nil {
			return p, err
		}
		p.assertion = a
		claims = append(claims, claim{"client_assertion", a.claims.Subject})
	}
	if id := form.Get("client_id"); id != "" {
		claims = append(claims, claim{"client_id", id})
	}
	return p, p.identify(claims)
}

// A claim is a client_id and where it stood.
type claim struct{ where, id string }

// identify settles the client_id that all claims agree on.
func (p *Presented) identify(claims []claim) error {
	for _, c := range claims {
		if c.id == "" {
			return refuse(message.RuleOPClientAuthID, c.where, "", "a client_id", nil)
		}
		if p.ClientID == "" {
			p.ClientID = c.id
		}
		if c.id != p.ClientID {
			return refuse(message.RuleOPClientAuthID, c.where, message.Excerpt(c.id), "the same client_id everywhere", nil)
		}
	}
	if p.ClientID == "" {
		return refuse(message.RuleOPClientAuthRequired, "client_id", "", "a client", nil)
	}
	return nil
}

// Verify judges what was presented by what is registered. The mechanism must be the
// registered one: no other is tried.
func Verify(ctx context.Context, p *Presented, r Registered) (*Proof, error) {
	m, ok := ByName(r.Method)
	if !ok {
		return nil, refuse(message.RuleOPClientAuthRegistered, "token_endpoint_auth_method", message.Excerpt(r.Method), "a method that this provider knows", nil)
	}
	if r.ClientID == "" || p.ClientID != r.ClientID {
		return nil, refuse(message.RuleOPClientAuthID, "client_id", message.Excerpt(p.ClientID), "the client that is registered", nil)
	}
	if m.Name == message.AuthMethodNone && p.Method != message.AuthMethodNone {
		return nil, refuse(message.RuleOPClientAuthPublic, "client authentication", p.Method, "no credential from a public client", nil)
	}
	if p.Method == message.AuthMethodNone && m.Name != message.AuthMethodNone && !usesTLS(m.Name) {
		return nil, refuse(message.RuleOPClientAuthRequired, "client authentication", message.AuthMethodNone, m.Name, nil)
	}
	if presented := p.Method; presented != m.Name && !(usesTLS(m.Name) && presented == message.AuthMethodNone) {
		return nil, refuse(message.RuleOPClientAuthRegistered, "client authentication", presented, m.Name, nil)
	}
	return m.Verify(ctx, p, r)
}

func usesTLS(method string) bool {
	return method == message.AuthMethodTLSClientAuth || method == message.AuthMethodSelfSignedTLSClientAuth
}

// checkSecret compares the presented secret with what is kept, in constant time
// over hashes, which have equal lengths.
func checkSecret(p *Presented, r Registered) error {
	const rule = message.RuleOPClientSecretCompare
	want := sha256.Sum256([]byte(r.ClientSecret.Reveal()))
	known := r.ClientSecret != ""
	if !known && len(r.SecretHash) == len(want) {
		copy(want[:], r.SecretHash)
		known = true
	}
	got := sha256.Sum256([]byte(p.secret.Reveal()))
	equal := subtle.ConstantTimeCompare(got[:], want[:]) == 1
	if !known || p.secret == "" || !equal {
		return refuse(rule, "client_secret", "", "the registered secret", nil)
	}
	return checkExpiry(r)
}

func checkExpiry(r Registered) error {
	if !r.SecretExpiresAt.IsZero() && !r.Now.Before(r.SecretExpiresAt) {
		return refuse(message.RuleOPClientSecretCompare, "client_secret", "", "a secret that has not expired", nil)
	}
	return nil
}

func refuse(rule message.Rule, param, got, want string, err error) *message.Violation {
	return &message.Violation{Rule: rule, Param: param, Got: got, Want: want, Err: err}
}

// values returns the values of a header field whatever the case of its name.
func values(header map[string][]string, name string) []string {
	var all []string
	for k, v := range header {
		switch {
		case len(k) != len(name) || !strings.EqualFold(k, name):
		case all == nil:
			all = v[:len(v):len(v)]
		default:
			all = append(all, v...)
		}
	}
	return all
}
