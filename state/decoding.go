package state

import "sync"

// decodings are what was made of the items of a record.
type decodings struct {
	mu     sync.Mutex
	of     [len(itemNames)]decoding
	claims struct { // of KeptIDTokenClaims
		value string
		made  any
	}
}

// A decoding belongs to the very bytes that it was made of: they are never written to.
type decoding struct {
	value []byte
	made  any
}

// Decode returns what decode makes of an item's value, which is nil if the item is
// absent. For the items of the constants that is made once, as long as the item stays
// what it is and its record is not forgotten: several steps of a login look at the same
// messages. So nobody may write to it, and whoever decodes an item should make the same
// type of it. Errors are decode's, and are not kept.
func (r Record) Decode(name string, decode func(value []byte) (any, error)) (any, error) {
	value := r.Item(name)
	if value == nil || r.decoded == nil {
		return decode(value)
	}
	for i := range itemNames {
		if itemNames[i] != name {
			continue
		}
		r.decoded.mu.Lock()
		known := r.decoded.of[i]
		r.decoded.mu.Unlock()
		if sameBytes(known.value, value) {
			return known.made, nil
		}
		made, err := decode(value)
		if err != nil {
			return nil, err
		}
		r.decoded.mu.Lock()
		r.decoded.of[i] = decoding{value, made}
		r.decoded.mu.Unlock()
		return made, nil
	}
	return decode(value)
}

// DecodeKept is Decode for a private value: what is made of KeptIDTokenClaims is made
// once, as long as the claims stay what they are: whoever asks makes the same of them.
func (r Record) DecodeKept(name string, decode func(value string) (any, error)) (any, error) {
	value := r.Kept(name)
	if name != KeptIDTokenClaims || value == "" || r.decoded == nil {
		return decode(value)
	}
	r.decoded.mu.Lock()
	known := r.decoded.claims
	r.decoded.mu.Unlock()
	if known.value == value {
		return known.made, nil
	}
	made, err := decode(value)
	if err != nil {
		return nil, err
	}
	known.value, known.made = value, made
	r.decoded.mu.Lock()
	r.decoded.claims = known
	r.decoded.mu.Unlock()
	return made, nil
}
