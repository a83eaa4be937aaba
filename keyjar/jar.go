package keyjar

import "maps"

// A Jar holds the keys that are known, set by set: our own under the empty name, those
// of a provider under its issuer identifier, those of a client under its client_id. The
// caller says whose keys count, never the token: the application "MUST validate that the
// cryptographic keys used for the cryptographic operations in the JWT belong to the
// issuer" (RFC 8725, Section 3.8).
//
// A Jar is immutable and safe for concurrent use. A nil *Jar is an empty one.
type Jar struct {
	owners map[string]*Set
}

// With returns a jar in which the owner has the keys of s and no others. With a nil
// set, the owner is forgotten.
func (j *Jar) With(owner string, s *Set) *Jar {
	with := &Jar{owners: map[string]*Set{}}
	if j != nil {
		maps.Copy(with.owners, j.owners)
	}
	if s == nil {
		delete(with.owners, owner)
	} else {
		with.owners[owner] = s
	}
	return with
}

// Set returns the keys of the owner, or nil, which is an empty set.
func (j *Jar) Set(owner string) *Set {
	if j == nil {
		return nil
	}
	return j.owners[owner]
}

// Verify parses a compact JWS and verifies it with a key of the owner, under one of the
// given algorithms. See [Parse] and [Set.Verify] for what is refused.
func (j *Jar) Verify(owner, token string, algs []string) (*Token, error) {
	t, err := Parse(token)
	if err != nil {
		return nil, err
	}
	if _, err := j.Set(owner).Verify(t, algs); err != nil {
		return nil, err
	}
	return t, nil
}
