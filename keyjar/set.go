package keyjar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oidcservice/oidc/message"
)

// A Set is the keys of one owner (RFC 7517, Section 5). It is immutable and safe for
// concurrent use. A nil *Set is an empty one.
type Set struct {
	keys    []*Key
	byID    map[string][]*Key
	skipped map[string]error // why a kid of the document is not in keys
	trials  int
}

// Limits of a JWK Set. Providers with many tenants publish some tens of keys.
const (
	maxSetSize = 1 << 20
	maxSetKeys = 256
)

// NewSet returns a set of keys in the given order, nil ones left out. Where several
// keys would do, the first one signs.
func NewSet(keys ...*Key) *Set {
	s := &Set{byID: make(map[string][]*Key, len(keys))}
	for _, k := range keys {
		if k == nil {
			continue
		}
		s.keys = append(s.keys, k)
		if k.id != "" {
			s.byID[k.id] = append(s.byID[k.id], k)
		}
	}
	return s
}

// ParseSet reads the JWK Set of a provider or of a client. A broken or unknown entry is
// skipped and reported, and the others are kept; so is an entry that shows a private or
// symmetric key, which is never used: such a key is not the owner's alone any more
// (OpenID Connect Discovery 1.0, Section 3). The error is for what is no JWK Set at all.
func ParseSet(data []byte) (*Set, []Skipped, error) {
	return parseSet(data, func(w *jsonWebKey) (*Key, error) {
		if w.hasSecret() {
			return nil, violation(message.RuleJWKSNoPrivate, "keys", "", "public keys", nil)
		}
		return w.key()
	})
}

// ParsePrivateSet reads a JWK Set of our own keys, private and symmetric ones included.
func ParsePrivateSet(data []byte) (*Set, []Skipped, error) {
	return parseSet(data, (*jsonWebKey).key)
}

func parseSet(data []byte, take func(*jsonWebKey) (*Key, error)) (*Set, []Skipped, error) {
	entries, err := splitSet(data)
	if err != nil {
		return nil, nil, err
	}
	var keys []*Key
	var skipped []Skipped
	reasons := map[string]error{}
	for i, entry := range entries {
		id, key, err := takeEntry(entry, take)
		if err != nil {
			skipped = append(skipped, Skipped{Index: i, KeyID: id, Err: err})
			if id != "" {
				reasons[id] = err
			}
			continue
		}
		keys = append(keys, key)
	}
	s := NewSet(keys...)
	s.skipped = reasons
	return s, skipped, nil
}

func takeEntry(entry []byte, take func(*jsonWebKey) (*Key, error)) (id string, key *Key, err error) {
	w, err := readJWK(entry)
	if err != nil {
		return "", nil, err
	}
	key, err = take(w)
	id = w.KeyID
	if len(id) > maxKeyID {
		id = id[:maxKeyID]
	}
	return id, key, err
}

// splitSet returns the entries of the keys array, undecoded, so that one that is broken
// does not take the others with it. Members beside keys are ignored.
func splitSet(data []byte) ([]json.RawMessage, error) {
	fail := func(got, want string) ([]json.RawMessage, error) {
		return nil, violation(message.RuleJWKSShape, "keys", got, want, nil)
	}
	if len(data) > maxSetSize {
		return fail(fmt.Sprintf("%d bytes", len(data)), fmt.Sprintf("at most %d bytes", maxSetSize))
	}
	if !utf8.Valid(data) || !json.Valid(data) {
		return fail("", "a JSON document")
	}
	// From here on the decoder cannot fail on syntax, nor stop before the end.
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fail("", "a JSON object")
	}
	var keys json.RawMessage
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return fail("", "a JSON object")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return fail("", "a JSON object")
		}
		if name != "keys" {
			continue
		}
		if keys != nil {
			return fail("twice", "once")
		}
		keys = value
	}
	if keys == nil {
		return fail("", "a keys array")
	}
	if keys[0] != '[' {
		return fail("", "an array")
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(keys, &entries); err != nil {
		return fail("", "an array")
	}
	if len(entries) > maxSetKeys {
		return fail(fmt.Sprintf("%d keys", len(entries)), fmt.Sprintf("at most %d keys", maxSetKeys))
	}
	return entries, nil
}

// Keys returns the keys in the order of the document.
func (s *Set) Keys() []*Key {
	if s == nil {
		return nil
	}
	return slices.Clone(s.keys)
}

// Len returns the number of keys.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.keys)
}

// Key returns the first key whose kid is id, or nil.
func (s *Set) Key(id string) *Key {
	if s == nil || len(s.byID[id]) == 0 {
		return nil
	}
	return s.byID[id][0]
}

// With returns a set of the keys of s and, behind them, the given ones.
func (s *Set) With(keys ...*Key) *Set {
	if s == nil {
		return NewSet(keys...)
	}
	with := NewSet(append(s.Keys(), keys...)...)
	with.skipped, with.trials = s.skipped, s.trials
	return with
}

// Public returns the set without private halves and without symmetric keys.
func (s *Set) Public() *Set {
	if s == nil {
		return nil
	}
	keys := make([]*Key, len(s.keys))
	for i, k := range s.keys {
		keys[i] = k.Public()
	}
	public := NewSet(keys...)
	public.trials = s.trials
	return public
}

// WithTrials returns a set that tries up to limit keys when a token does not say which
// of several fitting ones is meant, instead of refusing it (rule key_ambiguous). It is
// for providers that publish several keys and send no kid, against OpenID Connect Core
// 1.0, Section 10.1. Each trial costs a verification; keep limit small.
func (s *Set) WithTrials(limit int) *Set {
	with := s.With()
	with.trials = limit
	return with
}

// PublicJWKS returns the JWK Set document of the public keys, each as its PublicJWK.
func (s *Set) PublicJWKS() []byte {
	var entries [][]byte
	for _, k := range s.Keys() {
		if jwk := k.PublicJWK(); jwk != nil {
			entries = append(entries, jwk)
		}
	}
	return joinSet(entries)
}

// PrivateJWKS returns the JWK Set document of whole keys, secrets included, for a file
// of our own. It fails if a private key is not in memory.
func (s *Set) PrivateJWKS() ([]byte, error) {
	var entries [][]byte
	for _, k := range s.Keys() {
		jwk, err := k.PrivateJWK()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		entries = append(entries, jwk)
	}
	return joinSet(entries), nil
}

func joinSet(entries [][]byte) []byte {
	return slices.Concat([]byte(`{"keys":[`), bytes.Join(entries, []byte(",")), []byte("]}"))
}

// SigningKey returns the first private key that fits the signature algorithm, or
// [ErrNoKey].
func (s *Set) SigningKey(alg string) (*Key, error) {
	if a := signatureAlgorithmOf(alg); a != nil {
		for _, k := range s.Keys() {
			if k.IsPrivate() && a.fits(k) && k.permits(alg, toSign) && k.longEnough(a) {
				return k, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: signing with %q", ErrNoKey, alg)
}

// EncryptionKey returns the first key that fits the key management algorithm, or
// [ErrNoKey]. The set is the recipient's.
func (s *Set) EncryptionKey(alg string) (*Key, error) {
	if a := encryptionAlgorithmOf(alg); a != nil {
		for _, k := range s.Keys() {
			if a.fits(k) && k.permits(alg, toEncrypt) {
				return k, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: encrypting with %q", ErrNoKey, alg)
}

// String describes the keys.
func (s *Set) String() string {
	texts := make([]string, s.Len())
	for i, k := range s.Keys() {
		texts[i] = k.String()
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// Format writes what String returns, whatever the verb, so that no verb shows a secret.
func (s *Set) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue returns what String returns.
func (s *Set) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON returns the public JWK Set.
func (s *Set) MarshalJSON() ([]byte, error) { return s.PublicJWKS(), nil }
