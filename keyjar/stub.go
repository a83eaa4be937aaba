package keyjar

import "time"

type Rotation struct{}
type RotationPolicy struct{ Announce, Retain time.Duration }

func NewRotation(keys ...*Key) (*Rotation, error)             { return nil, ErrNoKey }
func ParseRotation(data []byte) (*Rotation, []Skipped, error) { return nil, nil, ErrNoKey }
func (r *Rotation) Rotate(next *Key, now time.Time, p RotationPolicy) (*Rotation, error) {
	return nil, ErrNoKey
}
func (r *Rotation) Public(now time.Time) *Set       { return nil }
func (r *Rotation) Private(now time.Time) *Set      { return nil }
func (r *Rotation) MarshalPrivate() ([]byte, error) { return nil, ErrNoKey }
