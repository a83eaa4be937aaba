package endpoint

import (
	"context"
	"crypto/sha256"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/message"
)

const managementPath = "/register/"

// managementURL is the address of a client's registration (Registration, Section 4;
// RFC 7592).
func (c *Context) managementURL(id string) string {
	return c.URL(managementPath + url.PathEscape(id))
}

// NewRegistrationManagement makes the endpoint at which a client reads, replaces and
// deletes its registration. It stands at a path of its own for each client.
func NewRegistrationManagement(env Env) Endpoint {
	return Definition[message.RegistrationReadRequest]{
		Name:    "registration_management",
		Path:    managementPath,
		Prefix:  true,
		Methods: []string{"GET", "PUT", "DELETE"},
		Request: JSON,
		CORS:    true,
		Verify:  verifyManagement,
		Process: processManagement,
		Respond: func(_ context.Context, _ *Step, o *Outcome) (*Response, error) { return respondJSON(o) },
	}.New(env)
}

// verifyManagement: RFC 7592, Section 2: the registration token opens its own client only;
// an unknown client is answered alike, so that nobody learns which clients exist.
func verifyManagement(ctx context.Context, s *Step, _ *message.RegistrationReadRequest) error {
	denied := s.registrationDenied(message.RuleOPRegistrationManageAuth)
	u, err := url.Parse(s.Request.URL)
	if err != nil {
		return denied
	}
	_, id, _ := strings.Cut(u.Path, managementPath)
	token, ok := s.registrationBearer()
	if !ok || id == "" {
		return denied
	}
	client, found, err := s.Context.clients.Client(ctx, id)
	if err != nil {
		return err
	}
	if !found || !fits(client.RegistrationTokenHash, token) {
		return denied
	}
	s.Client = client
	if s.Request.Method != "PUT" {
		return nil
	}
	// RFC 7592, Section 2.2: an update replaces all metadata, and is judged like a
	// registration.
	update := new(message.RegistrationUpdateRequest)
	if err := decodeMetadata(s.Request.Body, update); err != nil {
		return err
	}
	for _, member := range update.Extra {
		switch member.Name {
		case "registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at":
			return refuseMetadata(message.RuleOPRegistrationManageWrite, known(member.Name))
		}
	}
	if update.ClientID != client.ID {
		return refuseMetadata(message.RuleOPRegistrationManageWrite, "client_id")
	}
	if update.ClientSecret != "" && !client.hasSecret(update.ClientSecret) {
		return refuseMetadata(message.RuleOPRegistrationManageWrite, "client_secret")
	}
	s.message = update
	return s.checkMetadata(ctx, client.ID, &update.ClientMetadata)
}

// hasSecret reports whether secret is the client's.
func (c *Client) hasSecret(secret message.Secret) bool {
	if c.SecretHash != nil {
		return fits(c.SecretHash, secret)
	}
	return c.Secret != "" && c.Secret.Equal(secret)
}

func processManagement(ctx context.Context, s *Step, _ *message.RegistrationReadRequest) (*Outcome, error) {
	registry, ok := s.Context.clients.(ClientRegistry)
	if !ok {
		return nil, ErrNotConfigured
	}
	client := s.Client
	switch s.Request.Method {
	case "DELETE":
		// RFC 7592, Section 2.3: a deleted client's grants and tokens end: each is good only
		// while its client is there.
		if _, err := registry.RemoveClient(ctx, client.ID); err != nil {
			return nil, err
		}
		return &Outcome{Status: 204}, nil
	case "PUT":
		return s.updateClient(ctx, registry, client)
	}
	// Registration, Section 4.3: the secret and the token need not be told again. The
	// token has to be told with its address, and only the client knows it: here it is.
	token, _ := s.registrationBearer()
	return &Outcome{Message: s.Context.registered(client, client.Secret, token)}, nil
}

func (s *Step) updateClient(ctx context.Context, registry ClientRegistry, old *Client) (*Outcome, error) {
	update, ok := s.message.(*message.RegistrationUpdateRequest)
	if !ok {
		return nil, ErrForeign
	}
	token, err := s.Context.random()
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(token))
	client := *old
	client.Metadata, client.RegistrationTokenHash = update.ClientMetadata, hash[:]
	computed, needed := UsesSecret(&client.Metadata)
	secret := client.Secret
	if needed && (client.SecretHash == nil || computed && client.Secret == "") || !needed {
		if secret, err = s.giveSecret(&client); err != nil {
			return nil, err
		}
	}
	if !computed {
		client.Secret = ""
	}
	if err := registry.PutClient(ctx, &client); err != nil {
		return nil, err
	}
	return &Outcome{Message: s.Context.registered(&client, secret, message.Secret(token))}, nil
}
