package keyjar

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

var errStub = errors.New("keyjar: not there yet")

type Key struct{ id string }

type KeyOptions struct {
	ID, Use, Algorithm string
	Operations         []string
	Certificates       [][]byte
}

func ParseKey(jwk []byte) (*Key, error)                                      { return nil, errStub }
func NewKey(raw any, o KeyOptions) (*Key, error)                             { return nil, errStub }
func Generate(alg string, rand io.Reader, o KeyOptions) (*Key, error)        { return nil, errStub }
func (k *Key) ID() string                                                    { return k.id }
func (k *Key) Type() string                                                  { return "" }
func (k *Key) Use() string                                                   { return "" }
func (k *Key) Algorithm() string                                             { return "" }
func (k *Key) Curve() string                                                 { return "" }
func (k *Key) Operations() []string                                          { return nil }
func (k *Key) Certificates() [][]byte                                        { return nil }
func (k *Key) Public() *Key                                                  { return k }
func (k *Key) PublicKey() crypto.PublicKey                                   { return nil }
func (k *Key) IsPrivate() bool                                               { return false }
func (k *Key) Thumbprint() string                                            { return "" }
func (k *Key) PublicJWK() []byte                                             { return nil }
func (k *Key) PrivateJWK() ([]byte, error)                                   { return nil, errStub }
func (k *Key) String() string                                                { return "" }
func (k *Key) Format(f fmt.State, verb rune)                                 {}
func (k *Key) MarshalJSON() ([]byte, error)                                  { return nil, errStub }
func (k *Key) Sign(h Header, payload []byte, rand io.Reader) (string, error) { return "", errStub }
func (k *Key) Encrypt(payload []byte, h Header, rand io.Reader) (string, error) {
	return "", errStub
}

type Set struct{ keys []*Key }

func NewSet(keys ...*Key) *Set                              { return &Set{} }
func NewSecret(secret []byte) *Set                          { return &Set{} }
func ParseSet(data []byte) (*Set, []Skipped, error)         { return nil, nil, errStub }
func ParsePrivateSet(data []byte) (*Set, []Skipped, error)  { return nil, nil, errStub }
func (s *Set) Keys() []*Key                                 { return nil }
func (s *Set) Len() int                                     { return 0 }
func (s *Set) Key(id string) *Key                           { return nil }
func (s *Set) With(keys ...*Key) *Set                       { return s }
func (s *Set) Public() *Set                                 { return s }
func (s *Set) WithTrials(limit int) *Set                    { return s }
func (s *Set) PublicJWKS() []byte                           { return nil }
func (s *Set) PrivateJWKS() ([]byte, error)                 { return nil, errStub }
func (s *Set) Verify(t *Token, algs []string) (*Key, error) { return nil, errStub }
func (s *Set) SigningKey(alg string) (*Key, error)          { return nil, errStub }
func (s *Set) EncryptionKey(alg string) (*Key, error)       { return nil, errStub }
func (s *Set) Decrypt(token string, p DecryptPolicy) ([]byte, *Header, error) {
	return nil, nil, errStub
}

// DecryptNested opens a JWE that holds a JWS (cty JWT) and returns the JWS, unverified.
func (s *Set) DecryptNested(token string, p DecryptPolicy) (string, *Header, error) {
	return "", nil, errStub
}

type DecryptPolicy struct {
	Algs, Encs []string
	AllowRSA15 bool
}

type Jar struct{ owners map[string]*Set }

func (j *Jar) With(owner string, s *Set) *Jar { return j }
func (j *Jar) Set(owner string) *Set          { return nil }
func (j *Jar) Verify(owner, token string, algs []string) (*Token, error) {
	return nil, errStub
}

type Header struct {
	Algorithm, KeyID, Type, ContentType, Encryption string
	JWK                                             json.RawMessage
}

// IsType reports whether typ is name, media types compared as RFC 7515, Section 4.1.9, says.
func (h Header) IsType(name string) bool { return false }

type Token struct {
	Header  Header
	Payload []byte
}

func (t *Token) String() string                         { return "" }
func Parse(token string) (*Token, error)                { return nil, errStub }
func ParseHeader(token string) (*Header, error)         { return nil, errStub }
func IsEncrypted(token string) bool                     { return false }
func Unsigned(h Header, payload []byte) (string, error) { return "", errStub }
func HalfHash(alg, curve, value string) (string, error) { return "", errStub }
func VerifyDPoP(proof string, algs []string) (payload []byte, thumbprint string, err error) {
	return nil, "", errStub
}
func SigningAlgorithms() []string    { return nil }
func EncryptionAlgorithms() []string { return nil }
func ContentEncryptions() []string   { return nil }

type Rotation struct{}
type RotationPolicy struct{ Announce, Retain time.Duration }

func NewRotation(keys ...*Key) (*Rotation, error)             { return nil, errStub }
func ParseRotation(data []byte) (*Rotation, []Skipped, error) { return nil, nil, errStub }
func (r *Rotation) Rotate(next *Key, now time.Time, p RotationPolicy) (*Rotation, error) {
	return nil, errStub
}
func (r *Rotation) Public(now time.Time) *Set       { return nil }
func (r *Rotation) Private(now time.Time) *Set      { return nil }
func (r *Rotation) MarshalPrivate() ([]byte, error) { return nil, errStub }
