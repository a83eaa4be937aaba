package state

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"time"
)

// A sealed value is
//
//	version (1) || key id (4) || nonce (24) || ciphertext || tag (16)
//
// by XAES-256-GCM (c2sp.org/XAES-256-GCM) with the entry's key as associated
// data, so that a value moved to another key does not open. The nonce is a
// keyed hash of the entry's key and the value (the synthetic IV of RFC 5297,
// Section 2.5, with HMAC). It needs no source of randomness, cannot repeat for
// two values but with negligible probability, and lets Swap seal the old value
// again and stay one command. What it tells is whether one entry holds the
// same value as before.
const (
	sealVersion = 1
	sealID      = 4
	sealNonce   = 24
	sealHead    = 1 + sealID + sealNonce
	sealTag     = 16
)

// MinSealKey is the length in bytes that a key of Sealed must have at least.
const MinSealKey = 32

// A Sealer encrypts values, each for one name. It is what Sealed has in front
// of a Store, for what is kept elsewhere. It is safe for concurrent use.
type Sealer struct {
	keys []*sealKey // the first seals, all open
}

type sealed struct {
	*Sealer
	store Store
}

type sealKey struct {
	id    [sealID]byte
	block cipher.Block // AES-256 with the long-lived key
	k1    [16]byte     // the subkey of CMAC (NIST SP 800-38B, Section 6.1)
	nonce []byte
}

// Sealed returns a Store that encrypts in front of store. The first key seals,
// every key opens: to rotate, put a new key in front, and drop the last one
// when what it sealed has expired. A key is at least 32 secret random bytes.
//
// A value that no key opens, or that was altered or moved, is ErrSealed. What
// stays visible are keys, which are hashes, the lengths of values, and when
// they change. Who can write to the store can bring back a value that an entry
// had before, or remove it.
//
// The result is a Grouper and a Swapper if store is one; groups are hashes
// only, and pass as they are.
func Sealed(store Store, keys ...[]byte) (Store, error) {
	s, err := NewSealer(keys...)
	if err != nil {
		return nil, err
	}
	return &sealed{s, store}, nil
}

// NewSealer returns a Sealer. The first key seals, every key opens; a key is at
// least MinSealKey secret random bytes.
func NewSealer(keys ...[]byte) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("state: sealed: no key")
	}
	s := new(Sealer)
	for i, secret := range keys {
		if len(secret) < MinSealKey {
			return nil, fmt.Errorf("state: sealed: key %d has %d bytes, at least %d are needed", i, len(secret), MinSealKey)
		}
		key, err := newSealKey(secret)
		if err != nil {
			return nil, fmt.Errorf("state: sealed: %w", err)
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

// newSealKey derives what is needed from one secret, so that no key serves two
// purposes.
func newSealKey(secret []byte) (*sealKey, error) {
	derived, err := hkdf.Key(sha256.New, secret, nil, "oidc state sealed 1", 32+32+sealID)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived[:32])
	if err != nil {
		return nil, err
	}
	key := &sealKey{block: block, nonce: derived[32:64], k1: cmacSubkey(block)}
	copy(key.id[:], derived[64:])
	return key, nil
}

func cmacSubkey(block cipher.Block) (k1 [16]byte) {
	block.Encrypt(k1[:], k1[:])
	high := k1[0] >> 7
	for i := range 15 {
		k1[i] = k1[i]<<1 | k1[i+1]>>7
	}
	k1[15] = k1[15]<<1 ^ high*0x87
	return k1
}

// xaes returns AES-256-GCM with the key that XAES derives from the first half
// of nonce.
func xaes(block cipher.Block, k1 [16]byte, nonce []byte) (cipher.AEAD, error) {
	var derived [32]byte
	for i := range 2 {
		half := derived[16*i : 16*i+16]
		half[1], half[2] = byte(i+1), 'X'
		copy(half[4:], nonce[:12])
		for j := range half {
			half[j] ^= k1[j]
		}
		block.Encrypt(half, half)
	}
	inner, err := aes.NewCipher(derived[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(inner)
}

func (k *sealKey) seal(name string, value []byte) ([]byte, error) {
	if len(name) > math.MaxUint8 {
		return nil, fmt.Errorf("%w: name of %d bytes", ErrTooLarge, len(name))
	}
	mac := hmac.New(sha256.New, k.nonce)
	mac.Write([]byte{sealVersion, byte(len(name))})
	mac.Write([]byte(name))
	mac.Write(value)
	out := make([]byte, sealHead, sealHead+len(value)+sealTag)
	out[0] = sealVersion
	copy(out[1:], k.id[:])
	nonce := out[1+sealID : sealHead]
	var sum [sha256.Size]byte
	copy(nonce, mac.Sum(sum[:0]))
	aead, err := xaes(k.block, k.k1, nonce)
	if err != nil {
		return nil, err
	}
	return aead.Seal(out, nonce[12:], value, []byte(name)), nil
}

// Seal encrypts value for name, which has at most 255 bytes. The same value
// for the same name gives the same result, which is 45 bytes longer.
func (s *Sealer) Seal(name string, value []byte) ([]byte, error) { return s.keys[0].seal(name, value) }

// Open decrypts what Seal returned for name. What no key opens, or was altered
// or sealed for another name, is ErrSealed.
func (s *Sealer) Open(name string, value []byte) ([]byte, error) {
	if len(value) < sealHead+sealTag || value[0] != sealVersion {
		return nil, ErrSealed
	}
	nonce := value[1+sealID : sealHead]
	for _, k := range s.keys {
		if !bytes.Equal(k.id[:], value[1:1+sealID]) {
			continue
		}
		aead, err := xaes(k.block, k.k1, nonce)
		if err != nil {
			return nil, err
		}
		if plain, err := aead.Open(nil, nonce[12:], value[sealHead:], []byte(name)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrSealed
}

func (s *sealed) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	value, err := s.Seal(key, value)
	if err != nil {
		return false, err
	}
	return s.store.Add(ctx, key, value, ttl)
}

func (s *sealed) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	value, err := s.Seal(key, value)
	if err != nil {
		return err
	}
	return s.store.Put(ctx, key, value, ttl)
}

func (s *sealed) Get(ctx context.Context, key string) ([]byte, bool, error) {
	value, found, err := s.store.Get(ctx, key)
	return s.opened(key, value, found, err)
}

func (s *sealed) Take(ctx context.Context, key string) ([]byte, bool, error) {
	value, found, err := s.store.Take(ctx, key)
	return s.opened(key, value, found, err)
}

func (s *sealed) opened(key string, value []byte, found bool, err error) ([]byte, bool, error) {
	if err != nil || !found {
		return nil, false, err
	}
	value, err = s.Open(key, value)
	return value, err == nil, err
}

// Swap tries the old value as every key seals it, the first one first.
func (s *sealed) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	swapper, ok := s.store.(Swapper)
	if !ok {
		return false, errors.ErrUnsupported
	}
	value, err := s.Seal(key, value)
	if err != nil {
		return false, err
	}
	for _, k := range s.keys {
		sealedOld, err := k.seal(key, old)
		if err != nil {
			return false, err
		}
		if swapped, err := swapper.Swap(ctx, key, sealedOld, value, ttl); swapped || err != nil {
			return swapped, err
		}
	}
	return false, nil
}

func (s *sealed) Join(ctx context.Context, group, member string, ttl time.Duration) error {
	if g, ok := s.store.(Grouper); ok {
		return g.Join(ctx, group, member, ttl)
	}
	return errors.ErrUnsupported
}

func (s *sealed) Leave(ctx context.Context, group, member string) error {
	if g, ok := s.store.(Grouper); ok {
		return g.Leave(ctx, group, member)
	}
	return errors.ErrUnsupported
}

func (s *sealed) Members(ctx context.Context, group string) ([]string, error) {
	if g, ok := s.store.(Grouper); ok {
		return g.Members(ctx, group)
	}
	return nil, errors.ErrUnsupported
}

// String hides the keys.
func (s *sealed) String() string { return fmt.Sprintf("state.Sealed(%T)", s.store) }

// GoString hides the keys.
func (s *sealed) GoString() string { return s.String() }

// String hides the keys.
func (s *Sealer) String() string { return fmt.Sprintf("state.Sealer(%d)", len(s.keys)) }

// GoString hides the keys.
func (s *Sealer) GoString() string { return s.String() }
