// Package password verifies passwords against hashes by argon2id (RFC 9106), in the PHC
// string format, and by bcrypt.
package password

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// A Hash is the hash of a password.
type Hash interface {
	// Verify reports whether the hash is of that password. It takes the same time for every
	// password.
	Verify(password string) bool
	// Cost names the algorithm and its parameters: hashes of the same cost take the same
	// time.
	Cost() string
	// Decoy returns a hash of the same cost that no password fits, for users that do not
	// exist.
	Decoy() Hash
	// String returns the hash as it is stored.
	String() string
}

// Format is what Parse takes, for messages.
const Format = `an argon2id hash ($argon2id$v=19$…) or a bcrypt hash ($2b$…), as "oidc op hash" makes them`

var errFormat = errors.New("want " + Format)

// Parse reads a hash. The error does not show it.
func Parse(text string) (Hash, error) {
	switch {
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon2id(text)
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		cost, err := bcrypt.Cost([]byte(text))
		if err != nil || len(text) != 60 {
			return nil, errFormat
		}
		return bcryptHash{text, cost}, nil
	}
	return nil, errFormat
}

// Params are the parameters of argon2id.
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8  // lanes
}

// Recommended are those of RFC 9106, Section 4, second choice: 64 MiB, 3 passes, 4 lanes.
var Recommended = Params{Memory: 64 << 10, Time: 3, Threads: 4}

const (
	saltBytes = 16
	hashBytes = 32
)

// New hashes a password with argon2id.
func New(password string, p Params, rand io.Reader) (Hash, error) {
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(rand, salt); err != nil {
		return nil, fmt.Errorf("password: random source: %w", err)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return &argon2id{p, salt, argon2.IDKey([]byte(password), salt, p.Time, p.Memory, p.Threads, hashBytes)}, nil
}

// check keeps to RFC 9106, Section 3.1, and to what a login may cost.
func (p Params) check() error {
	switch {
	case p.Time < 1 || p.Time > 100:
		return errors.New("argon2id: t: want 1 to 100 passes")
	case p.Threads < 1:
		return errors.New("argon2id: p: want 1 to 255 lanes")
	case p.Memory < 8*uint32(p.Threads) || p.Memory > 4<<20:
		return errors.New("argon2id: m: want 8 KiB for each lane to 4 GiB")
	}
	return nil
}

type argon2id struct {
	Params
	salt, hash []byte
}

// parseArgon2id reads $argon2id$v=19$m=65536,t=3,p=4$SALT$HASH.
func parseArgon2id(text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return nil, errFormat
	}
	if parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return nil, fmt.Errorf("argon2id: want version %d", argon2.Version)
	}
	h := &argon2id{}
	numbers := strings.Split(parts[3], ",")
	if len(numbers) != 3 {
		return nil, errFormat
	}
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(numbers[i], name)
		number, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || i == 2 && number > 255 {
			return nil, errFormat
		}
		switch i {
		case 0:
			h.Memory = uint32(number)
		case 1:
			h.Time = uint32(number)
		case 2:
			h.Threads = uint8(number)
		}
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	var err, err2 error
	h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.hash, err2 = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err != nil || err2 != nil || len(h.salt) < 8 || len(h.hash) < 16 || len(h.hash) > 128 {
		return nil, errors.New("argon2id: want a salt of at least 8 bytes and a hash of 16 to 128, in base64 without padding")
	}
	return h, nil
}

func (h *argon2id) Verify(password string) bool {
	got := argon2.IDKey([]byte(password), h.salt, h.Time, h.Memory, h.Threads, uint32(len(h.hash)))
	return subtle.ConstantTimeCompare(got, h.hash) == 1
}

func (h *argon2id) Cost() string {
	return fmt.Sprintf("argon2id m=%d,t=%d,p=%d", h.Memory, h.Time, h.Threads)
}

func (h *argon2id) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.Memory, h.Time, h.Threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.hash))
}

// Decoy keeps the hash and makes sure that nothing fits.
func (h *argon2id) Decoy() Hash { return decoy{h} }

type bcryptHash struct {
	text string
	cost int
}

func (h bcryptHash) Verify(password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(h.text), []byte(password)) == nil
}

func (h bcryptHash) Cost() string   { return fmt.Sprintf("bcrypt %d", h.cost) }
func (h bcryptHash) String() string { return h.text }
func (h bcryptHash) Decoy() Hash    { return decoy{h} }

// A decoy costs what a hash costs and fits nothing.
type decoy struct{ Hash }

func (d decoy) Verify(password string) bool {
	_ = d.Hash.Verify(password)
	return false
}
