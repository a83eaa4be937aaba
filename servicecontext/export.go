package servicecontext

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// ErrSealed is returned by Parse for data that no configured key opens.
var ErrSealed = errors.New("servicecontext: sealed with a key that is not configured")

const (
	storedVersion = 1
	sealKeySize   = 32
)

// stored is what was learnt, in the original's names where it has them.
type stored struct {
	Version              int                        `json:"version"`
	Issuer               string                     `json:"issuer,omitempty"`
	ProviderInfo         json.RawMessage            `json:"provider_info,omitempty"`
	RegistrationResponse json.RawMessage            `json:"registration_response,omitempty"`
	Behaviour            *Behaviour                 `json:"behaviour,omitempty"`
	JWKS                 map[string]json.RawMessage `json:"jwks,omitempty"`
	KeySets              map[string]KeySet          `json:"key_sets,omitempty"`
	DPoPNonces           map[string]string          `json:"dpop_nonces,omitempty"`
}

type sealedDocument struct {
	Sealed []byte `json:"sealed"`
	Key    string `json:"key"` // a fingerprint of the key, not the key
}

// Marshal returns what was learnt, for Parse: issuer, metadata, registration, the
// provider's keys and DPoP nonces. The configuration and our own keys are not part
// of it.
//
// With Config.SealKeys the result is encrypted. Without them it reveals the
// client_secret and the registration access token and must be kept like them.
func (sc *ServiceContext) Marshal() ([]byte, error) {
	sn := sc.Snapshot()
	doc := stored{Version: storedVersion, Issuer: sn.Issuer, KeySets: sn.KeySets, DPoPNonces: sn.DPoPNonces}
	if err := doc.fill(sn, sn.Client); err != nil {
		return nil, err
	}
	plain, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("servicecontext: %w", err)
	}
	if len(sc.sealKeys) == 0 {
		return plain, nil
	}
	return seal(plain, sc.sealKeys[0], sc.rand)
}

// Export returns what was learnt with every secret masked, for people to read.
// Parse refuses it.
func (sc *ServiceContext) Export() ([]byte, error) {
	const mask = "***"
	sn := sc.Snapshot()
	client := sn.Client
	if client != nil {
		masked := *client
		if masked.ClientSecret != "" {
			masked.ClientSecret = mask
		}
		if masked.RegistrationAccessToken != "" {
			masked.RegistrationAccessToken = mask
		}
		if masked.RegistrationClientURI != "" {
			masked.RegistrationClientURI = maskQuery(masked.RegistrationClientURI)
		}
		masked.Extra = nil // a member nobody knows may be a secret
		client = &masked
	}
	doc := stored{Issuer: sn.Issuer, Behaviour: &sn.Behaviour, KeySets: sn.KeySets}
	if err := doc.fill(sn, client); err != nil {
		return nil, err
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("servicecontext: %w", err)
	}
	return out, nil
}

// maskQuery hides a query, where some providers put the registration token.
func maskQuery(uri string) string {
	if i := bytes.IndexByte([]byte(uri), '?'); i >= 0 {
		return uri[:i] + "?***"
	}
	return uri
}

func (d *stored) fill(sn *Snapshot, client *message.RegistrationResponse) error {
	var err error
	if sn.Provider != nil {
		if d.ProviderInfo, err = message.EncodeJSON(sn.Provider); err != nil {
			return fmt.Errorf("servicecontext: provider_info: %w", err)
		}
	}
	if client != nil {
		if d.RegistrationResponse, err = message.EncodeJSON(client); err != nil {
			return fmt.Errorf("servicecontext: registration_response: %w", err)
		}
	}
	for issuer := range sn.KeySets {
		if set := sn.Jar.Set(issuer); set != nil {
			if d.JWKS == nil {
				d.JWKS = map[string]json.RawMessage{}
			}
			d.JWKS[issuer] = set.PublicJWKS()
		}
	}
	return nil
}

// Parse returns a ServiceContext that knows what c says and what Marshal kept in
// data. What c gives out of band comes before what was kept. Data of another
// issuer than c.Issuer is refused.
func Parse(data []byte, c Config) (*ServiceContext, error) {
	sc, err := New(c)
	if err != nil {
		return nil, err
	}
	if data, err = unseal(data, c.SealKeys); err != nil {
		return nil, err
	}
	var doc stored
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("servicecontext: stored context: %w", err)
	}
	if doc.Version != storedVersion {
		return nil, fmt.Errorf("servicecontext: stored context has version %d, want %d", doc.Version, storedVersion)
	}
	if c.Issuer != "" && doc.Issuer != "" && c.Issuer != doc.Issuer {
		return nil, fmt.Errorf("%w: the stored context belongs to issuer %q, not %q", ErrConfig, message.Excerpt(doc.Issuer), c.Issuer)
	}
	err = sc.Update(func(sn *Snapshot) error { return doc.restore(sn, &c) })
	if err != nil {
		return nil, err
	}
	return sc, nil
}

func (d *stored) restore(sn *Snapshot, c *Config) error {
	if sn.Issuer == "" && d.Issuer != "" {
		if err := sn.CheckIssuerSyntax(d.Issuer); err != nil {
			return err
		}
		sn.Issuer = d.Issuer
	}
	if c.Provider == nil && len(d.ProviderInfo) > 0 {
		var p message.ProviderMetadata
		if err := message.DecodeJSON(d.ProviderInfo, &p); err != nil {
			return fmt.Errorf("servicecontext: provider_info: %w", err)
		}
		if err := sn.CheckIssuer(p.Issuer); err != nil {
			return fmt.Errorf("servicecontext: provider_info: %w", err)
		}
		sn.Provider = &p
	}
	if c.Client == nil && c.ClientID == "" && len(d.RegistrationResponse) > 0 {
		var r message.RegistrationResponse
		if err := message.DecodeJSON(d.RegistrationResponse, &r); err != nil {
			return fmt.Errorf("servicecontext: registration_response: %w", err)
		}
		sn.Client = &r
	}
	for issuer, raw := range d.JWKS {
		set, _, err := keyjar.ParseSet(raw)
		if err != nil {
			return fmt.Errorf("servicecontext: jwks of %q: %w", message.Excerpt(issuer), err)
		}
		sn.Jar = sn.Jar.With(issuer, set)
	}
	for issuer, set := range d.KeySets {
		sn.KeySets[issuer] = set
	}
	for origin, nonce := range d.DPoPNonces {
		sn.DPoPNonces[origin] = nonce
	}
	return nil
}

func aead(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal encrypts plain; the nonce stands in front of the ciphertext.
func seal(plain, key []byte, rand io.Reader) ([]byte, error) {
	box, err := aead(key)
	if err != nil {
		return nil, fmt.Errorf("servicecontext: seal: %w", err)
	}
	nonce := make([]byte, box.NonceSize(), box.NonceSize()+len(plain)+box.Overhead())
	if _, err := io.ReadFull(rand, nonce); err != nil {
		return nil, fmt.Errorf("servicecontext: seal: %w", err)
	}
	return json.Marshal(sealedDocument{Sealed: box.Seal(nonce, nonce, plain, nil), Key: keyID(key)})
}

// unseal opens what seal made. Where keys are configured, plain data is refused,
// so that nobody can replace a sealed document by one of his own.
func unseal(data []byte, keys [][]byte) ([]byte, error) {
	var doc sealedDocument
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("servicecontext: stored context: %w", err)
	}
	if doc.Sealed == nil {
		if len(keys) > 0 {
			return nil, fmt.Errorf("servicecontext: stored context is not sealed, but seal keys are configured")
		}
		return data, nil
	}
	for _, key := range keys {
		box, err := aead(key)
		if err != nil || len(doc.Sealed) < box.NonceSize() {
			continue
		}
		n := box.NonceSize()
		if plain, err := box.Open(nil, doc.Sealed[:n], doc.Sealed[n:], nil); err == nil {
			return plain, nil
		}
	}
	return nil, ErrSealed
}
