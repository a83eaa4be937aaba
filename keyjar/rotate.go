package keyjar

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
)

// Rules of a rotation, for keys of one use and algorithm:
//
//   - A signing key is published before it signs, so that who has cached the set knows it
//     in time, and stays published after it signed last, until what it signed has expired
//     (OpenID Connect Core 1.0, Section 10.1.1).
//   - A decryption key is published from when it is current until it is not any more, and
//     then opens for a while what others encrypted to it (Section 10.2.1).
//   - The current key is the one that became active last.
//   - A kid never comes again.

// A Rotation is our own key pairs with the times of their lives: keys to come, current
// ones and retired ones. It is immutable and safe for concurrent use.
type Rotation struct {
	lives []life
}

type life struct {
	key                    *Key
	published, active, end time.Time // zero: since ever, since ever, for ever
}

// A Phase is where a key of a [Rotation] is in its life.
type Phase string

// The phases, in their order.
const (
	PhaseNext    Phase = "next"    // published, if it is to sign, and not used yet
	PhaseCurrent Phase = "current" // signs; is encrypted to
	PhaseRetired Phase = "retired" // signs no more and is still published; opens, and is published no more
	PhaseEnded   Phase = "ended"   // not used in any way
)

// A Life reports the phase of a key at some time, and its times.
type Life struct {
	Key       *Key      // whose life it is
	Phase     Phase     // what it is used for at that time
	Published time.Time // since when a signing key is published; zero: from the beginning
	Active    time.Time // since when it signs or is encrypted to; zero: from the beginning
	End       time.Time // when it ends; zero: not known yet
}

// A RotationPolicy says how long keys overlap.
type RotationPolicy struct {
	// Announce is how long a signing key is published before it signs: at least as long
	// as others may keep the key set.
	Announce time.Duration
	// Retain is how long a key is kept after it is retired: at least as long as what it
	// signed is valid, or as what was encrypted to it is on its way.
	Retain time.Duration
}

// NewRotation returns a rotation in which the keys are current. Each is a key pair with
// kid, use and alg: what is published has all three. Of several for one use and
// algorithm the first is current.
func NewRotation(keys ...*Key) (*Rotation, error) {
	r := &Rotation{}
	for _, k := range keys {
		if err := r.admit(k); err != nil {
			return nil, err
		}
		r.lives = append(r.lives, life{key: k})
	}
	return r, nil
}

func (r *Rotation) admit(k *Key) error {
	switch {
	case k.private == nil:
		return fmt.Errorf("keyjar: %s cannot rotate: it is no key pair", k)
	case k.id == "" || k.alg == "" || k.use != useSignature && k.use != useEncrypt:
		return fmt.Errorf("keyjar: %s cannot rotate: it needs kid, use and alg", k)
	}
	for _, l := range r.lives {
		if l.key.id == k.id {
			return fmt.Errorf("keyjar: the kid %q has been used before", k.id)
		}
	}
	return nil
}

// Rotate returns a rotation in which next follows the current key of its use and
// algorithm: a signing key after the announcement, a decryption key at once. The
// current key ends when it has been retired for the time of retention. Keys that have
// ended by now are left out. If there is a next key already, Rotate fails.
func (r *Rotation) Rotate(next *Key, now time.Time, p RotationPolicy) (*Rotation, error) {
	if err := r.admit(next); err != nil {
		return nil, err
	}
	l := life{key: next, published: now, active: now}
	var current bool
	for _, other := range r.Lives(now) {
		if !sameGroup(other.Key, next) {
			continue
		}
		switch other.Phase {
		case PhaseNext:
			return nil, fmt.Errorf("keyjar: %s is to follow already", other.Key)
		case PhaseCurrent:
			current = true
		}
	}
	if current && next.use == useSignature {
		l.active = now.Add(p.Announce)
	}
	rotated := &Rotation{}
	for _, other := range r.lives {
		if sameGroup(other.key, next) && other.end.IsZero() {
			other.end = l.active.Add(p.Retain)
		}
		if other.end.IsZero() || now.Before(other.end) {
			rotated.lives = append(rotated.lives, other)
		}
	}
	rotated.lives = append(rotated.lives, l)
	return rotated, nil
}

// Remove returns a rotation without the key of that kid, at once: for a key that has
// become known to others. What it signed does not verify any more.
func (r *Rotation) Remove(kid string) *Rotation {
	return &Rotation{lives: slices.DeleteFunc(slices.Clone(r.lives), func(l life) bool { return l.key.id == kid })}
}

// Lives reports on all keys, those of one use and algorithm together, and of these the
// current one first, then the next, then the retired and ended ones.
func (r *Rotation) Lives(now time.Time) []Life {
	lives := make([]Life, len(r.lives))
	for i, l := range r.lives {
		lives[i] = Life{Key: l.key, Phase: r.phase(i, now), Published: l.published, Active: l.active, End: l.end}
	}
	group := func(l Life) int {
		return slices.IndexFunc(r.lives, func(first life) bool { return sameGroup(first.key, l.Key) })
	}
	order := []Phase{PhaseCurrent, PhaseNext, PhaseRetired, PhaseEnded}
	slices.SortStableFunc(lives, func(a, b Life) int {
		return cmp.Or(
			cmp.Compare(group(a), group(b)),
			cmp.Compare(slices.Index(order, a.Phase), slices.Index(order, b.Phase)))
	})
	return lives
}

func (r *Rotation) phase(i int, now time.Time) Phase {
	l := r.lives[i]
	switch {
	case !l.end.IsZero() && !now.Before(l.end):
		return PhaseEnded
	case now.Before(l.active):
		return PhaseNext
	}
	for j, other := range r.lives {
		if j == i || !sameGroup(other.key, l.key) || now.Before(other.active) || !other.end.IsZero() && !now.Before(other.end) {
			continue
		}
		if c := other.active.Compare(l.active); c > 0 || c == 0 && j < i {
			return PhaseRetired
		}
	}
	return PhaseCurrent
}

func sameGroup(a, b *Key) bool { return a.use == b.use && a.alg == b.alg }

// Public returns the set to publish: of signing keys the current, the next and the
// retired ones, of decryption keys the current ones.
func (r *Rotation) Public(now time.Time) *Set {
	return r.set(now, func(l Life) *Key {
		signs := l.Key.use == useSignature
		if l.Phase == PhaseCurrent || signs && l.Phase == PhaseRetired || signs && l.Phase == PhaseNext && !now.Before(l.Published) {
			return l.Key.Public()
		}
		return nil
	})
}

// Private returns the set to work with: the current signing keys, and the decryption
// keys that are current or retired.
func (r *Rotation) Private(now time.Time) *Set {
	return r.set(now, func(l Life) *Key {
		if l.Phase == PhaseCurrent || l.Key.use == useEncrypt && l.Phase == PhaseRetired {
			return l.Key
		}
		return nil
	})
}

func (r *Rotation) set(now time.Time, pick func(Life) *Key) *Set {
	var keys []*Key
	for _, l := range r.Lives(now) {
		if k := pick(l); k != nil {
			keys = append(keys, k)
		}
	}
	return NewSet(keys...)
}

// NextChange returns the first time after now at which Public or Private change, or the
// zero time. A key set must not be cached beyond it.
func (r *Rotation) NextChange(now time.Time) time.Time {
	var first time.Time
	for _, l := range r.lives {
		for _, t := range []time.Time{l.published, l.active, l.end} {
			if t.After(now) && (first.IsZero() || t.Before(first)) {
				first = t
			}
		}
	}
	return first
}

// The names under which a rotation's times stand beside the members of a JWK. They are
// those of JWT (RFC 7519, Section 4.1), which other documents of keys use as well.
const (
	memberPublished = "iat"
	memberActive    = "nbf"
	memberEnd       = "exp"
)

// lifeMembers are the times of a key in a rotation's document.
type lifeMembers struct {
	Published message.Time `json:"iat,omitzero"`
	Active    message.Time `json:"nbf,omitzero"`
	End       message.Time `json:"exp,omitzero"`
}

// MarshalPrivate returns the rotation as a JWK Set document with the whole keys, secrets
// included, and their times, for a file of our own. Times are kept to the second.
func (r *Rotation) MarshalPrivate() ([]byte, error) {
	entries := make([][]byte, len(r.lives))
	for i, l := range r.lives {
		private, err := l.key.privateMembers()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.key, err)
		}
		entries[i] = encodeObject(struct {
			publicMembers
			privateMembers
			lifeMembers
		}{l.key.publicMembers(), private, lifeMembers{message.At(l.published), message.At(l.active), message.At(l.end)}})
	}
	return joinSet(entries), nil
}

// ParseRotation reads what MarshalPrivate wrote. A private JWK Set without times does as
// well; its keys are current. Entries that cannot rotate are skipped and reported.
func ParseRotation(data []byte) (*Rotation, []Skipped, error) {
	r := &Rotation{}
	_, skipped, err := parseSet(data, func(w *jsonWebKey) (*Key, error) {
		k, err := w.key()
		if err != nil {
			return nil, err
		}
		l := life{key: k}
		for name, at := range map[string]*time.Time{memberPublished: &l.published, memberActive: &l.active, memberEnd: &l.end} {
			value, _ := w.Extra.Get(name)
			if *at, err = timeOf(value); err != nil {
				return nil, broken(name, "", "seconds since the epoch", err)
			}
		}
		if err := r.admit(k); err != nil {
			return nil, broken("jwk", "", "a key pair with kid, use and alg", err)
		}
		r.lives = append(r.lives, l)
		return k, nil
	})
	if err != nil {
		return nil, nil, err
	}
	return r, skipped, nil
}

func timeOf(value json.RawMessage) (time.Time, error) {
	var t message.Time
	if len(value) == 0 {
		return time.Time{}, nil
	}
	if err := json.Unmarshal(value, &t); err != nil {
		return time.Time{}, errors.New("not a time")
	}
	return t.Time(), nil
}

// String describes the keys.
func (r *Rotation) String() string {
	texts := make([]string, len(r.lives))
	for i, l := range r.lives {
		texts[i] = l.key.String()
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// Format writes what String returns, whatever the verb, so that no verb shows a secret.
func (r *Rotation) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(r.String())) }

// LogValue returns what String returns.
func (r *Rotation) LogValue() slog.Value { return slog.StringValue(r.String()) }
