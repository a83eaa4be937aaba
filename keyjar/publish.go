package keyjar

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"math/big"
)

// Rules of writing a JWK:
//
//   - What is written comes from the structs below and from nowhere else, so that nothing
//     is published that is not named here, and no name of a member comes from outside.
//   - encoding/json escapes the values. The JOSE library, which does not escape names
//     (GHSA-4cf7-xm37-g63h), writes no key.

// publicMembers is the allow-list of a public JWK (RFC 7517, Section 4; RFC 7518,
// Section 6; RFC 8037, Section 2).
type publicMembers struct {
	Type         string   `json:"kty"`
	Curve        string   `json:"crv,omitempty"`
	X            string   `json:"x,omitempty"`
	Y            string   `json:"y,omitempty"`
	N            string   `json:"n,omitempty"`
	E            string   `json:"e,omitempty"`
	KeyID        string   `json:"kid,omitempty"`
	Use          string   `json:"use,omitempty"`
	Algorithm    string   `json:"alg,omitempty"`
	Operations   []string `json:"key_ops,omitempty"`
	Certificates [][]byte `json:"x5c,omitempty"` // standard base64, which is what encoding/json writes
}

// privateMembers are those that a public JWK never has.
type privateMembers struct {
	D  string `json:"d,omitempty"`
	P  string `json:"p,omitempty"`
	Q  string `json:"q,omitempty"`
	DP string `json:"dp,omitempty"`
	DQ string `json:"dq,omitempty"`
	QI string `json:"qi,omitempty"`
	K  string `json:"k,omitempty"`
}

// publicMembers returns what may be published of k.
func (k *Key) publicMembers() publicMembers {
	m := publicMembers{Type: k.kind, Curve: k.curve, KeyID: k.id, Use: k.use, Algorithm: k.alg, Operations: k.ops, Certificates: k.certs}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		m.N = encodeSegment(public.N.Bytes())
		m.E = encodeSegment(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		if point, err := public.Bytes(); err == nil { // checked when the key was made
			half := len(point) / 2
			m.X, m.Y = encodeSegment(point[1:1+half]), encodeSegment(point[1+half:])
		}
	case ed25519.PublicKey:
		m.X = encodeSegment(public)
	case *ecdh.PublicKey:
		m.X = encodeSegment(public.Bytes())
	}
	return m
}

func (k *Key) privateMembers() (privateMembers, error) {
	if k.kind == kindSecret {
		return privateMembers{K: encodeSegment(k.secret)}, nil
	}
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		number := func(n *big.Int) string { return encodeSegment(n.Bytes()) }
		return privateMembers{
			D: number(private.D), P: number(private.Primes[0]), Q: number(private.Primes[1]),
			DP: number(private.Precomputed.Dp), DQ: number(private.Precomputed.Dq), QI: number(private.Precomputed.Qinv),
		}, nil
	case *ecdsa.PrivateKey:
		d, err := private.Bytes()
		return privateMembers{D: encodeSegment(d)}, err
	case ed25519.PrivateKey:
		return privateMembers{D: encodeSegment(private.Seed())}, nil
	case *ecdh.PrivateKey:
		return privateMembers{D: encodeSegment(private.Bytes())}, nil
	case nil:
		return privateMembers{}, errors.New("keyjar: there is no private key")
	}
	return privateMembers{}, errors.New("keyjar: the private key is not in memory")
}

// PublicJWK returns the public key as a JWK: type, numbers, kid, use, alg, key_ops and
// x5c, nothing else. It is nil for a symmetric key, which has no public half.
func (k *Key) PublicJWK() []byte {
	if k.kind == kindSecret {
		return nil
	}
	return encodeObject(k.Public().publicMembers())
}

// PrivateJWK returns the whole key as a JWK, secrets included. It fails for a key
// whose private half is elsewhere, such as in a hardware module, or missing.
func (k *Key) PrivateJWK() ([]byte, error) {
	private, err := k.privateMembers()
	if err != nil {
		return nil, err
	}
	return encodeObject(struct {
		publicMembers
		privateMembers
	}{k.publicMembers(), private}), nil
}

// encodeObject writes a struct of ours, whose encoding cannot fail.
func encodeObject(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("keyjar: " + err.Error())
	}
	return data
}
