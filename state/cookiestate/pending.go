package cookiestate

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/oidcservice/oidc/state"
)

// A pending is a login as its cookie holds it:
//
//	begun (8) || id (8) || until (8) || value
//
// in big endian, sealed for the cookie's name, in base64url. Times are in
// nanoseconds. Begun and id tell a login from a later one of the same name;
// they stay as they are when the login changes, so that all copies of it are
// taken together.
type pending struct {
	begun time.Time
	id    uint64 // 0: not begun
	until time.Time
	value []byte
}

const pendingHead = 8 + 8 + 8

// serial numbers the logins that this process begins.
var serial atomic.Uint64

// maxCookie is what a browser keeps of name and value, less the attributes:
// "at least 4096 bytes per cookie (as measured by the sum of the length of the
// cookie's name, value, and attributes)" (RFC 6265, Section 6.1).
const maxCookie = 4000

// maxLife is how long a browser keeps a cookie (RFC 6265bis, Section 5.5).
const maxLife = 400 * 24 * time.Hour

// clockLeeway is how far the clocks of two processes may be apart.
const clockLeeway = time.Minute

// sizeOf is what a cookie takes of the header.
func sizeOf(name, value string) int { return len(name) + len("=") + len(value) + len("; ") }

var encoding = base64.RawURLEncoding.Strict()

func (s *Store) seal(name string, p pending) (string, error) {
	plain := make([]byte, pendingHead, pendingHead+len(p.value))
	binary.BigEndian.PutUint64(plain, uint64(p.begun.UnixNano()))
	binary.BigEndian.PutUint64(plain[8:], p.id)
	binary.BigEndian.PutUint64(plain[16:], uint64(p.until.UnixNano()))
	sealed, err := s.sealer.Seal(name, append(plain, p.value...))
	if err != nil {
		return "", err
	}
	return encoding.EncodeToString(sealed), nil
}

func (s *Store) open(name, text string) (pending, error) {
	sealed, err := encoding.DecodeString(text)
	if err != nil {
		return pending{}, state.ErrSealed
	}
	plain, err := s.sealer.Open(name, sealed)
	if err != nil {
		return pending{}, err
	}
	if len(plain) < pendingHead {
		return pending{}, state.ErrMalformed
	}
	nanoseconds := func(at int) time.Time { return time.Unix(0, int64(binary.BigEndian.Uint64(plain[at:]))) }
	return pending{begun: nanoseconds(0), id: binary.BigEndian.Uint64(plain[8:]), until: nanoseconds(16), value: plain[pendingHead:]}, nil
}

// mark is the key of the entry that says that the login was taken.
func (p pending) mark(name string) string {
	input := binary.BigEndian.AppendUint64([]byte(name), uint64(p.begun.UnixNano()))
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(input, p.id))
	return "u-" + base64.RawURLEncoding.EncodeToString(sum[:])
}
