package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/oidcservice/oidc/cmd/internal/settings"
	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
)

// staticClients are the clients of the configuration, by client_id.
type staticClients map[string]*endpoint.Client

// clientFields are the members of a client that are not registration metadata.
type clientFields struct {
	ID           string         `yaml:"client_id"`
	Secret       message.Secret `yaml:"client_secret"`
	SecretSHA256 string         `yaml:"client_secret_sha256"`
	Trusted      bool           `yaml:"trusted"`
	Resources    []string       `yaml:"resources"`
	Serves       []string       `yaml:"serves"`
	StrictScope  bool           `yaml:"strict_scope"`
}

// shortSecret is the length below which a secret is likely to be guessable.
const shortSecret = 22

// readClients reads the clients of the configuration and of the file it names. They are
// judged once there is a provider to register at.
func (s *Setup) readClients() []*read {
	list := readClients(s.file, s.Clients)
	if s.ClientsFile != "" {
		var more []settings.Member
		list = append(list, readClients(s.more("clients_file", s.ClientsFile, &more), more)...)
	}
	return list
}

// read is a client that was read but not judged yet.
type read struct {
	*endpoint.Client
	file *settings.File
	path string
}

func readClients(file *settings.File, members []settings.Member) []*read {
	var list []*read
	for _, member := range members {
		var own clientFields
		metadata := map[string]any{}
		for name, value := range file.Fields(member, &own) {
			metadata[name] = value.Value()
		}
		r := &read{file: file, path: member.Path, Client: &endpoint.Client{
			ID: own.ID, Secret: own.Secret, Trusted: own.Trusted, Resources: own.Resources, Serves: own.Serves, StrictScope: own.StrictScope,
		}}
		r.decode(metadata)
		switch hash, err := hex.DecodeString(own.SecretSHA256); {
		case own.SecretSHA256 == "" && own.Secret != "":
			sum := sha256.Sum256([]byte(own.Secret.Reveal()))
			r.SecretHash = sum[:]
		case own.SecretSHA256 == "":
		case own.Secret != "":
			r.fault("client_secret_sha256", "want it or client_secret, not both")
		case err != nil || len(hash) != sha256.Size:
			r.fault("client_secret_sha256", "want the SHA-256 of the secret as 64 hexadecimal digits")
		default:
			r.SecretHash = hash
		}
		list = append(list, r)
	}
	return list
}

func (r *read) fault(member, format string, args ...any) {
	r.file.Add(r.path+"."+member, format, args...)
}

// decode reads the metadata (RFC 7591, Section 2).
func (r *read) decode(metadata map[string]any) {
	raw, err := json.Marshal(metadata)
	if err != nil {
		r.file.Add(r.path, "want what JSON can say")
		return
	}
	err = message.DecodeJSON(raw, &r.Metadata)
	var wrong *message.DecodeError
	switch {
	case errors.As(err, &wrong) && wrong.Param != "":
		r.fault(wrong.Param, "%v", wrong.Kind)
	case err != nil:
		r.file.Add(r.path, "%v", err)
	}
	for _, member := range r.Metadata.Extra {
		// What is empty or in another language is kept there as well.
		if base, _, _ := strings.Cut(member.Name, "#"); !metadataNames[base] {
			r.fault(member.Name, "unknown; known are the members of client registration (RFC 7591, OpenID Connect Dynamic Client Registration 1.0), client_id, client_secret, client_secret_sha256, trusted, resources, serves and strict_scope")
		}
	}
}

// metadataNames are the members of client registration.
var metadataNames = func() map[string]bool {
	names := map[string]bool{}
	of := reflect.TypeFor[message.ClientMetadata]()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}()

// judge completes the clients and judges them as a registration would be judged.
func (s *Setup) judge(list []*read, at *endpoint.Context) {
	s.static = staticClients{}
	for _, r := range list {
		switch {
		case r.ID == "":
			r.fault("client_id", "there is none")
		case s.static[r.ID] != nil:
			r.fault("client_id", "another client has it")
		}
		s.bind(&r.Metadata)
		err := at.CheckMetadata(context.Background(), &r.Metadata)
		var refusal *endpoint.Refusal
		switch {
		case errors.As(err, &refusal):
			r.refused(refusal)
		case err != nil:
			r.file.Add(r.path, "%v", err)
		}
		s.judgeSecret(r)
		s.static[r.ID] = r.Client
	}
}

// refused tells the verdict of a registration.
func (r *read) refused(refusal *endpoint.Refusal) {
	v := refusal.Violation
	text := v.Rule.Text()
	if v.Want != "" {
		text += " Want " + v.Want + "."
	}
	if spec := v.Rule.Spec(); spec != "" {
		text += " (" + spec + ")"
	}
	if v.Param == "" {
		r.file.Add(r.path, "%s", text)
		return
	}
	r.fault(v.Param, "%s", text)
}

// judgeSecret looks whether there is a secret where there must be one.
func (s *Setup) judgeSecret(r *read) {
	computed, needed := endpoint.UsesSecret(&r.Metadata)
	switch {
	case needed && r.SecretHash == nil:
		r.fault("client_secret", "there is none; token_endpoint_auth_method %s or an algorithm of the client needs one", r.Metadata.TokenEndpointAuthMethod)
	case computed && r.Secret == "":
		r.fault("client_secret", "want the secret itself: token_endpoint_auth_method %s or an algorithm of the client computes with it", r.Metadata.TokenEndpointAuthMethod)
	case !needed && r.SecretHash != nil:
		r.fault("client_secret", "nothing uses it: token_endpoint_auth_method is %s", r.Metadata.TokenEndpointAuthMethod)
	case r.Secret != "" && len(r.Secret.Reveal()) < shortSecret:
		s.warn(fmt.Sprintf("the secret of the client %q has less than %d characters: it can be guessed", r.ID, shortSecret))
	}
	if !computed {
		r.Secret = "" // its hash is enough
	}
}

// bind demands of a client what policy.bound_tokens demands of all.
func (s *Setup) bind(m *message.ClientMetadata) {
	yes := true
	switch s.Policy.BoundTokens {
	case boundDPoP:
		m.DPoPBoundAccessTokens = &yes
	case boundMutualTLS:
		m.TLSClientCertificateBoundAccessTokens = &yes
	}
}

// bindRegistered is bind for clients that register themselves.
func (s *Setup) bindRegistered(_ context.Context, _ *endpoint.Step, m message.Message) (message.Message, error) {
	switch request := m.(type) {
	case *message.RegistrationRequest:
		s.bind(&request.ClientMetadata)
	case *message.RegistrationUpdateRequest:
		s.bind(&request.ClientMetadata)
	}
	return nil, nil
}

// A registry has the clients of the configuration, which nobody but the operator changes,
// and those that registered themselves.
type registry struct {
	*endpoint.StoredClients
	setup  *Setup
	static atomic.Pointer[staticClients]
}

// Client implements endpoint.Clients.
func (r *registry) Client(ctx context.Context, id string) (*endpoint.Client, bool, error) {
	if client, ok := (*r.static.Load())[id]; ok {
		return client, true, nil
	}
	client, found, err := r.StoredClients.Client(ctx, id)
	if !found || err != nil || r.setup.Policy.BoundTokens == "" {
		return client, found, err
	}
	bound := *client // one that registered before the policy was made
	r.setup.bind(&bound.Metadata)
	return &bound, true, nil
}

// AddClient implements endpoint.ClientRegistry.
func (r *registry) AddClient(ctx context.Context, c *endpoint.Client) (bool, error) {
	if _, taken := (*r.static.Load())[c.ID]; taken {
		return false, nil
	}
	return r.StoredClients.AddClient(ctx, c)
}

// ids lists the clients of the configuration.
func (c staticClients) ids() []string { return slices.Sorted(maps.Keys(c)) }
