package endpoint

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
)

// NewRegistration makes the endpoint at which a client registers (Registration, Section 3;
// RFC 7591, Section 3).
func NewRegistration(env Env) Endpoint {
	return Definition[message.RegistrationRequest]{
		Name:    "registration",
		Path:    "/register",
		Methods: []string{"POST"},
		Request: JSON,
		CORS:    true,
		Describe: func(_ *Context, url string, m *message.ProviderMetadata) {
			m.RegistrationEndpoint = url
		},
		Verify:  verifyRegistration,
		Process: processRegistration,
		Respond: func(_ context.Context, _ *Step, o *Outcome) (*Response, error) {
			o.Status = 201
			return respondJSON(o)
		},
	}.New(env)
}

// open counts open registrations of one source.
func (s *Step) open() *attempt {
	p := s.Context.policy.Registration
	if p.InitialTokenHashes != nil || p.PerMinute < 0 {
		return nil
	}
	return &attempt{context: s.Context, who: "registration\x00" + s.Request.RemoteAddr, limit: p.PerMinute, window: time.Minute}
}

func tooManyRegistrations(a *attempt) *Refusal {
	return Refuse(429, message.TemporarilyUnavailable, message.RuleOPRegistrationInitialToken, "").With("Retry-After", a.retryAfter())
}

func verifyRegistration(ctx context.Context, s *Step, req *message.RegistrationRequest) error {
	if err := s.checkInitialToken(); err != nil {
		return err
	}
	if a := s.open(); a != nil {
		full, err := a.full(ctx)
		if err != nil {
			return err
		}
		if full {
			return tooManyRegistrations(a)
		}
	}
	if err := decodeMetadata(s.Request.Body, req); err != nil {
		return err
	}
	return s.checkMetadata(ctx, "", &req.ClientMetadata)
}

// checkInitialToken: RFC 7591, Section 3: an initial access token is a bearer token.
func (s *Step) checkInitialToken() error {
	hashes := s.Context.policy.Registration.InitialTokenHashes
	if hashes == nil {
		return nil
	}
	value, _ := s.registrationBearer()
	if slices.ContainsFunc(hashes, func(h []byte) bool { return fits(h, value) }) {
		return nil
	}
	return s.registrationDenied(message.RuleOPRegistrationInitialToken)
}

// registrationDenied refuses a token that opens nothing. RFC 6750, Section 3.1: who shows
// none at all is told of no error.
func (s *Step) registrationDenied(rule message.Rule) *Refusal {
	r := s.challenge(401, message.InvalidToken, rule, "authorization")
	if len(s.Request.Header["Authorization"]) == 0 {
		r.Header.Set("Www-Authenticate", s.bearerChallenge(nil))
	}
	return r
}

// registrationBearer reads a bearer token of the header.
func (s *Step) registrationBearer() (message.Secret, bool) {
	header, one := s.Request.Header.Get("Authorization")
	scheme, value, found := strings.Cut(header, " ")
	if !one || !found || !strings.EqualFold(scheme, message.TokenTypeBearer) {
		return "", false
	}
	return message.Secret(strings.TrimLeft(value, " ")), true
}

// decodeMetadata reads client metadata. RFC 7591, Section 2: unknown members are ignored;
// what is kept of them is what a person reads in another language (Section 2.2).
func decodeMetadata(body []byte, into message.Message) error {
	if err := message.DecodeJSON(body, into); err != nil {
		r := undecodable(err, message.RuleOPRegistrationRequest)
		r.Violation.Rule, r.Declared.Code = message.RuleOPRegistrationRequest, message.InvalidClientMetadata
		var d *message.DecodeError
		if errors.As(err, &d) && strings.HasPrefix(d.Param, "redirect_uris") {
			r.Declared.Code = message.InvalidRedirectURI
		}
		return r
	}
	return nil
}

// readable are the members that people read, which may come in several languages.
var readable = []string{"client_name", "logo_uri", "client_uri", "policy_uri", "tos_uri"}

// keepTagged drops unknown members except language-tagged ones.
func keepTagged(extra message.Extra) message.Extra {
	return slices.DeleteFunc(extra, func(m message.Member) bool {
		base, tag, tagged := strings.Cut(m.Name, "#")
		return !tagged || tag == "" || !slices.Contains(readable, base) || extra.Text(m.Name) == ""
	})
}

func processRegistration(ctx context.Context, s *Step, req *message.RegistrationRequest) (*Outcome, error) {
	c := s.Context
	if a := s.open(); a != nil {
		left, err := a.count(ctx)
		if err != nil {
			return nil, err
		}
		if !left {
			return nil, tooManyRegistrations(a)
		}
	}
	registry, ok := c.clients.(ClientRegistry)
	if !ok {
		return nil, ErrNotConfigured
	}
	id, err := c.random()
	if err != nil {
		return nil, err
	}
	token, err := c.random()
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(token))
	client := &Client{ID: id, Issued: s.Now, Metadata: req.ClientMetadata, RegistrationTokenHash: hash[:]}
	secret, err := s.giveSecret(client)
	if err != nil {
		return nil, err
	}
	added, err := registry.AddClient(ctx, client)
	if err != nil {
		return nil, err
	}
	if !added {
		return nil, errors.New("endpoint: a fresh client_id is taken")
	}
	return &Outcome{Message: c.registered(client, secret, message.Secret(token))}, nil
}

// registered is what a client is told of its registration: all metadata in force
// (Registration, Section 3.2).
func (c *Context) registered(client *Client, secret, token message.Secret) *message.RegistrationResponse {
	issued := client.Issued.Unix()
	answer := &message.RegistrationResponse{
		ClientID: client.ID, ClientSecret: secret, ClientIDIssuedAt: &issued,
		RegistrationAccessToken: token, ClientMetadata: client.Metadata,
	}
	if token != "" {
		answer.RegistrationClientURI = c.managementURL(client.ID)
	}
	if secret != "" || client.Secret != "" || client.SecretHash != nil {
		// "client_secret_expires_at: REQUIRED if client_secret is issued. ... its value is 0
		// if it will not expire".
		expires := int64(0)
		if !client.SecretExpires.IsZero() {
			expires = client.SecretExpires.Unix()
		}
		answer.ClientSecretExpiresAt = &expires
	}
	return answer
}

// secretBytes of randomness give 64 characters: enough for HS512 (Core, Section 10.1:
// "the octets of the UTF-8 representation of the client_secret").
const secretBytes = 48

// giveSecret makes a secret if the client needs one. The secret itself is kept only if
// something has to be computed with it.
func (s *Step) giveSecret(client *Client) (message.Secret, error) {
	computed, needed := UsesSecret(&client.Metadata)
	if !needed {
		client.Secret, client.SecretHash = "", nil
		return "", nil
	}
	b := make([]byte, secretBytes)
	if _, err := io.ReadFull(s.Context.rand, b); err != nil {
		return "", err
	}
	secret := message.Secret(base64.RawURLEncoding.EncodeToString(b))
	sum := sha256.Sum256([]byte(secret.Reveal()))
	client.SecretHash = sum[:]
	if computed {
		client.Secret = secret
	}
	if life := s.Context.policy.Registration.SecretLife; life > 0 {
		client.SecretExpires = s.Now.Add(life)
	}
	return secret, nil
}

// UsesSecret reports whether something is computed with the secret, and whether there is
// to be one at all.
func UsesSecret(m *message.ClientMetadata) (computed, needed bool) {
	for _, alg := range []string{
		m.IDTokenSignedResponseAlg, m.UserInfoSignedResponseAlg, m.RequestObjectSigningAlg,
		m.AuthorizationSignedResponseAlg, m.IntrospectionSignedResponseAlg,
	} {
		computed = computed || isHMAC(alg)
	}
	for _, alg := range []string{
		m.IDTokenEncryptedResponseAlg, m.UserInfoEncryptedResponseAlg, m.RequestObjectEncryptionAlg,
		m.AuthorizationEncryptedResponseAlg, m.IntrospectionEncryptedResponseAlg,
	} {
		computed = computed || isSymmetric(alg)
	}
	computed = computed || m.TokenEndpointAuthMethod == message.AuthMethodClientSecretJWT
	needed = computed || usesGuessable(m.TokenEndpointAuthMethod)
	return computed, needed
}
