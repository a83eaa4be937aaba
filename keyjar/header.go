package keyjar

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/oidcservice/oidc/message"
)

// Rules of a JOSE header (RFC 7515, Section 4; RFC 7516, Section 4):
//
//   - It is one JSON object in UTF-8, with no member twice, at any depth.
//   - crit and b64 are refused, since no extension is understood here.
//   - alg and kid are texts; kid has at most 256 bytes.
//   - jku, x5u, x5c and jwk are kept for showing and never looked at.

// A Header is the JOSE header of a token.
type Header struct {
	Algorithm   string `json:"alg,omitempty"` // RFC 7515, Section 4.1.1, and RFC 7516, Section 4.1.1
	Encryption  string `json:"enc,omitempty"` // RFC 7516, Section 4.1.2; of a JWE alone
	KeyID       string `json:"kid,omitempty"` // RFC 7515, Section 4.1.4
	Type        string `json:"typ,omitempty"` // RFC 7515, Section 4.1.9
	ContentType string `json:"cty,omitempty"` // RFC 7515, Section 4.1.10

	// JWK is the public key of a DPoP proof (RFC 9449, Section 4.2). It never verifies
	// anything but the proof that it came with.
	JWK json.RawMessage `json:"jwk,omitempty"`

	// Extra are the other parameters.
	Extra message.Extra `json:"-"`
}

// maxHeaderSize limits a decoded header. A certificate chain in x5c fits.
const maxHeaderSize = 16 << 10

// IsType reports whether typ is name. "To keep messages compact in common situations,
// it is RECOMMENDED that producers omit an 'application/' prefix of a media type value"
// (RFC 7515, Section 4.1.9), and media types have no case.
func (h Header) IsType(name string) bool { return sameMediaType(h.Type, name) }

// IsContentType reports whether cty is name, compared as IsType does.
func (h Header) IsContentType(name string) bool { return sameMediaType(h.ContentType, name) }

func sameMediaType(a, b string) bool {
	const prefix = "application/"
	trim := func(s string) string {
		if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) && !strings.Contains(s[len(prefix):], "/") {
			return s[len(prefix):]
		}
		return s
	}
	return a != "" && strings.EqualFold(trim(a), trim(b))
}

// readHeader decodes and checks the first segment of a token.
func readHeader(segment string) (Header, error) {
	slot := headerSlot(segment)
	if last := slot.Load(); last != nil && last.segment == segment {
		return last.header, nil
	}
	h, err := decodeHeader(segment)
	if err == nil && len(segment) <= maxKeptHeader && h.JWK == nil && h.Extra == nil {
		slot.Store(&keptHeader{strings.Clone(segment), h})
	}
	return h, err
}

// A keptHeader is a segment and what it says. All tokens that an issuer signs with a key
// begin with the same segment, so that it need not be decoded for each.
type keptHeader struct {
	segment string
	header  Header // of texts alone: whoever gets it can write to nothing of it
}

// maxKeptHeader limits a segment that is kept.
const maxKeptHeader = 512

var (
	keptHeaders [64]atomic.Pointer[keptHeader]
	headerSeed  = maphash.MakeSeed()
)

func headerSlot(segment string) *atomic.Pointer[keptHeader] {
	return &keptHeaders[maphash.String(headerSeed, segment)%uint64(len(keptHeaders))]
}

// decodeHeader is readHeader for a segment that was not seen lately.
func decodeHeader(segment string) (Header, error) {
	var h Header
	if segmentEncoding.DecodedLen(len(segment)) > maxHeaderSize {
		return h, violation(message.RuleJOSECompact, "header", "", fmt.Sprintf("at most %d bytes", maxHeaderSize), nil)
	}
	data, err := decodeSegment(segment)
	if err != nil {
		return h, violation(message.RuleJOSEBase64URL, "header", "", "", nil)
	}
	if err := message.DecodeClaims(data, &h); err != nil {
		return Header{}, headerViolation(err)
	}
	if h.Extra.Has("crit") {
		return Header{}, violation(message.RuleJOSECrit, "crit", "", "", nil)
	}
	if h.Extra.Has("b64") {
		return Header{}, violation(message.RuleJOSEB64, "b64", "", "", nil)
	}
	// "This Header Parameter MUST be present and MUST be understood and processed by
	// implementations" (RFC 7515, Section 4.1.1).
	if h.Algorithm == "" {
		return Header{}, violation(message.RuleJOSEAlg, "alg", "", "an algorithm", nil)
	}
	if len(h.KeyID) > maxKeyID {
		return Header{}, violation(message.RuleKeyKid, "kid", "", fmt.Sprintf("at most %d bytes", maxKeyID), nil)
	}
	return h, nil
}

// headerViolation gives the error of the decoder the rule that it stands for.
func headerViolation(err error) error {
	rule := message.RuleJOSEJSON
	var e *message.DecodeError
	if errors.As(err, &e) && e.Rule() != "" {
		rule = e.Rule()
	}
	v := message.ViolationOf(rule, err)
	if v.Param == "" {
		v.Param = "header"
	}
	return v
}

// encode writes the header: the members that are set, in the order of the struct, and
// then the Extra ones.
func (h Header) encode() ([]byte, error) {
	for _, name := range []string{"crit", "b64", "zip"} {
		if h.Extra.Has(name) {
			return nil, fmt.Errorf("keyjar: the header parameter %s is not supported", name)
		}
	}
	return message.EncodeJSON(h)
}
