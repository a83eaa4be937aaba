package factory

import (
	"encoding/json"
	"fmt"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// A Spec says which services to build: names to settings.
type Spec map[string]Config

// Config is what may be set for one service.
type Config struct {
	// Kind names the constructor when the key is a name of your own; empty means
	// the key itself.
	Kind string `json:"kind,omitempty"`
	// ClientAuth names the client authentication method of this service, or how
	// the userinfo service shows its token (bearer_header, bearer_body).
	ClientAuth string `json:"client_auth,omitempty"`
	// RequestArgs is a JSON object of request parameters that are used where
	// neither the call nor the service context has a value.
	RequestArgs json.RawMessage `json:"request_args,omitempty"`

	// The extension points; see service.Settings.
	PreConstruct      []service.Hook `json:"-"`
	PostConstruct     []service.Hook `json:"-"`
	PostParseResponse []service.Hook `json:"-"`
}

func (c Config) settings() service.Settings {
	return service.Settings{
		ClientAuth: c.ClientAuth, RequestArgs: c.RequestArgs,
		PreConstruct: c.PreConstruct, PostConstruct: c.PostConstruct, PostParseResponse: c.PostParseResponse,
	}
}

// UnmarshalJSON reads a Spec as [ParseSpec] does.
func (s *Spec) UnmarshalJSON(data []byte) error {
	spec, err := ParseSpec(data)
	if err != nil {
		return err
	}
	*s = spec
	return nil
}

// configFields are the members a Config may have in JSON.
var configFields = map[string]bool{"kind": true, "client_auth": true, "request_args": true}

// ParseSpec reads a Spec from JSON. Unknown fields are refused with the names that
// are known, and so are names that occur twice.
func ParseSpec(data []byte) (Spec, error) {
	members, err := object(data)
	if err != nil {
		return nil, fmt.Errorf("specification: %w", err)
	}
	spec := make(Spec, len(members))
	for _, member := range members {
		fields, err := object(member.Value)
		if err != nil {
			return nil, fmt.Errorf("specification: %s: %w", member.Name, err)
		}
		for _, field := range fields {
			if !configFields[field.Name] {
				return nil, fmt.Errorf("specification: %s: unknown field %q; known are client_auth, kind and request_args", member.Name, field.Name)
			}
		}
		var c Config
		if err := json.Unmarshal(member.Value, &c); err != nil {
			return nil, fmt.Errorf("specification: %s: %w", member.Name, err)
		}
		spec[member.Name] = c
	}
	return spec, nil
}

// object splits one JSON object into its members, as strictly as messages are read:
// a doubled name, which a map would silently drop, is refused.
func object(data []byte) (message.Extra, error) {
	var doc struct {
		Extra message.Extra `json:"-" url:"-"`
	}
	if err := message.DecodeJSON(data, &doc); err != nil {
		return nil, err
	}
	return doc.Extra, nil
}
