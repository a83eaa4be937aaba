package servicecontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// configuration is the JSON form of a Config. Names that oidcservice has are its
// names.
type configuration struct {
	Issuer                 string          `json:"issuer"`
	ClientID               string          `json:"client_id"`
	ClientSecret           string          `json:"client_secret"`
	InitialAccessToken     string          `json:"initial_access_token"`
	ClientPreferences      json.RawMessage `json:"client_preferences"`
	RedirectURIs           []string        `json:"redirect_uris"`
	PostLogoutRedirectURIs []string        `json:"post_logout_redirect_uris"`
	Callback               Callbacks       `json:"callback"`
	JWKSURI                string          `json:"jwks_uri"`
	Keys                   json.RawMessage `json:"keys"`
	Behaviour              json.RawMessage `json:"behaviour"`
	ProviderInfo           json.RawMessage `json:"provider_info"`
	ProviderKeys           json.RawMessage `json:"provider_keys"`
	RegistrationResponse   json.RawMessage `json:"registration_response"`
	Scope                  []string        `json:"scope"`
	ClockSkew              *float64        `json:"clock_skew"` // seconds
	Profile                string          `json:"profile"`
	TrustedAudiences       []string        `json:"trusted_audiences"`
	Allow                  Compat          `json:"allow"`
	InsecureAllowHTTP      bool            `json:"insecure_allow_http"`
}

// ParseConfig reads a configuration in JSON. A member that it does not know is an
// error that names it. Two members say what we want: client_preferences holds
// client metadata, where a value that the provider has a say in may be a list,
// best first; behaviour holds what was agreed out of band, as a registration
// response does.
func ParseConfig(data []byte) (Config, error) {
	var doc configuration
	if err := decodeStrict(data, &doc); err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	c := Config{
		Issuer:             doc.Issuer,
		ClientID:           doc.ClientID,
		ClientSecret:       message.Secret(doc.ClientSecret),
		InitialAccessToken: message.Secret(doc.InitialAccessToken),
		Callbacks:          doc.Callback,
		Profile:            Profile(doc.Profile),
		TrustedAudiences:   doc.TrustedAudiences,
		Compat:             doc.Allow,
		InsecureAllowHTTP:  doc.InsecureAllowHTTP,
	}
	if doc.ClockSkew != nil {
		c.Leeway = time.Duration(*doc.ClockSkew * float64(time.Second))
	}
	if err := c.readPreferences(doc.ClientPreferences); err != nil {
		return Config{}, fmt.Errorf("%w: client_preferences: %w", ErrConfig, err)
	}
	if len(doc.Scope) > 0 {
		c.Scope = doc.Scope
	}
	if len(doc.RedirectURIs) > 0 {
		c.Metadata.RedirectURIs = doc.RedirectURIs
	}
	if len(doc.PostLogoutRedirectURIs) > 0 {
		c.Metadata.PostLogoutRedirectURIs = doc.PostLogoutRedirectURIs
	}
	if doc.JWKSURI != "" {
		c.Metadata.JWKSURI = doc.JWKSURI
	}
	if err := c.readOutOfBand(&doc); err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return c, nil
}

// readOutOfBand reads what stands in for discovery and registration.
func (c *Config) readOutOfBand(doc *configuration) error {
	if present(doc.ProviderInfo) {
		c.Provider = new(message.ProviderMetadata)
		if err := message.DecodeJSON(doc.ProviderInfo, c.Provider); err != nil {
			return fmt.Errorf("provider_info: %w", err)
		}
	}
	if present(doc.RegistrationResponse) || present(doc.Behaviour) {
		agreed, err := overlay(doc.Behaviour, doc.RegistrationResponse)
		if err != nil {
			return err
		}
		c.Client = new(message.RegistrationResponse)
		if err := message.DecodeJSON(agreed, c.Client); err != nil {
			return fmt.Errorf("registration_response: %w", err)
		}
	}
	if c.Client != nil {
		if c.Client.ClientID == "" {
			c.Client.ClientID = c.ClientID
		}
		if c.Client.ClientSecret == "" {
			c.Client.ClientSecret = c.ClientSecret
		}
	}
	var err error
	if present(doc.ProviderKeys) {
		if c.ProviderKeys, _, err = keyjar.ParseSet(doc.ProviderKeys); err != nil {
			return fmt.Errorf("provider_keys: %w", err)
		}
	}
	if present(doc.Keys) {
		var skipped []keyjar.Skipped
		if c.Keys, skipped, err = keyjar.ParsePrivateSet(doc.Keys); err != nil {
			return fmt.Errorf("keys: %w", err)
		}
		if len(skipped) > 0 {
			return fmt.Errorf("keys: entry %d: %w", skipped[0].Index, skipped[0].Err)
		}
	}
	return nil
}

// overlay returns the members of two objects; those of the second come first.
func overlay(below, above json.RawMessage) ([]byte, error) {
	all := map[string]json.RawMessage{}
	for _, layer := range []json.RawMessage{below, above} {
		if !present(layer) {
			continue
		}
		var members map[string]json.RawMessage
		if err := decodeStrict(layer, &members); err != nil {
			return nil, err
		}
		for name, value := range members {
			all[name] = value
		}
	}
	return json.Marshal(all)
}

// readPreferences splits client_preferences into lists and metadata.
func (c *Config) readPreferences(raw json.RawMessage) error {
	if !present(raw) {
		return nil
	}
	var members map[string]json.RawMessage
	if err := decodeStrict(raw, &members); err != nil {
		return err
	}
	for name, into := range c.Preferences.lists() {
		value, ok := members[name]
		if !ok {
			continue
		}
		list, err := oneOrMany(value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*into = list
		delete(members, name)
	}
	if value, ok := members["scope"]; ok {
		list, err := oneOrMany(value)
		if err != nil {
			return fmt.Errorf("scope: %w", err)
		}
		c.Scope = list
		delete(members, "scope")
	}
	// The original's name for the program; it is no client metadata.
	delete(members, "application_name")
	rest, err := json.Marshal(members)
	if err != nil {
		return err
	}
	if err := message.DecodeJSON(rest, &c.Metadata); err != nil {
		return err
	}
	known := jsonNames(&c.Metadata)
	for _, m := range c.Metadata.Extra {
		// A member in another language is the member with a tag behind it (Dynamic
		// Client Registration 1.0, Section 2.1).
		if base, _, _ := strings.Cut(m.Name, "#"); !known[base] {
			return fmt.Errorf("unknown member %q", m.Name)
		}
	}
	return nil
}

// lists maps the members of client metadata that the provider has a say in to
// their preferences.
func (p *Preferences) lists() map[string]*[]string {
	return map[string]*[]string{
		"token_endpoint_auth_method":           &p.TokenEndpointAuthMethods,
		"token_endpoint_auth_signing_alg":      &p.TokenEndpointAuthSigningAlgs,
		"id_token_signed_response_alg":         &p.IDTokenSigningAlgs,
		"id_token_encrypted_response_alg":      &p.IDTokenEncryptionAlgs,
		"id_token_encrypted_response_enc":      &p.IDTokenEncryptionEncs,
		"userinfo_signed_response_alg":         &p.UserInfoSigningAlgs,
		"userinfo_encrypted_response_alg":      &p.UserInfoEncryptionAlgs,
		"userinfo_encrypted_response_enc":      &p.UserInfoEncryptionEncs,
		"request_object_signing_alg":           &p.RequestObjectSigningAlgs,
		"request_object_encryption_alg":        &p.RequestObjectEncryptionAlgs,
		"request_object_encryption_enc":        &p.RequestObjectEncryptionEncs,
		"authorization_signed_response_alg":    &p.AuthorizationSigningAlgs,
		"authorization_encrypted_response_alg": &p.AuthorizationEncryptionAlgs,
		"authorization_encrypted_response_enc": &p.AuthorizationEncryptionEncs,
		"introspection_signed_response_alg":    &p.IntrospectionSigningAlgs,
		"dpop_signing_alg":                     &p.DPoPSigningAlgs,
		"subject_type":                         &p.SubjectTypes,
		"response_modes":                       &p.ResponseModes,
	}
}

// oneOrMany reads a string or an array of strings.
func oneOrMany(raw json.RawMessage) ([]string, error) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, nil
	}
	var many []string
	if err := json.Unmarshal(raw, &many); err != nil {
		return nil, errors.New("want a string or an array of strings")
	}
	return many, nil
}

// present reports whether a member was given with a value.
func present(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

// decodeStrict decodes one JSON document by exact names: the strict scan of
// messages comes first, because encoding/json folds case and takes the last of
// two members.
func decodeStrict(data []byte, into any) error {
	var scan struct {
		Extra message.Extra `json:"-" url:"-"`
	}
	if err := message.DecodeJSON(data, &scan); err != nil {
		return err
	}
	if members, ok := into.(*map[string]json.RawMessage); ok {
		*members = map[string]json.RawMessage{}
		for _, m := range scan.Extra {
			(*members)[m.Name] = m.Value
		}
		return nil
	}
	known := jsonNames(into)
	for _, m := range scan.Extra {
		if !known[m.Name] {
			return fmt.Errorf("unknown member %q", m.Name)
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
