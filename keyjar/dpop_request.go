package keyjar

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/oidcservice/oidc/message"
)

// The time in which a proof is good.
const (
	// dpopWindow is how old a proof may be, and dpopAhead how far ahead its clock. FAPI
	// 2.0, Section 5.3.2.1: up to 10 s ahead is always accepted, 60 s ahead never.
	dpopWindow = time.Minute
	dpopAhead  = 30 * time.Second
	// dpopNonceSlot is how long a nonce is given out; it is good for one slot more.
	dpopNonceSlot = 2 * time.Minute
	// longestJTI is longer than any identifier that has a use.
	longestJTI = 512
)

// A DPoPRequest is a request that carries a DPoP proof, as far as the proof is judged by it.
type DPoPRequest struct {
	// Proofs are the values of its DPoP header field.
	Proofs []string
	Method string
	// URL is the address that was asked, as the server itself would write it.
	URL string
	// AccessToken is the token that goes with it, at a resource.
	AccessToken message.Secret
}

// A DPoPPolicy says which proofs are good.
type DPoPPolicy struct {
	// Algs may have signed them.
	Algs []string
	// Now is the time of the request.
	Now time.Time
	// Nonce demands a nonce (RFC 9449, Sections 8 and 9).
	Nonce bool
	// Fresh reports whether a nonce is one of ours and not stale. Nil knows none.
	Fresh func(nonce string) (bool, error)
}

// A DPoPUse is a proof that was verified.
type DPoPUse struct {
	Proof         message.DPoPProof // the claims
	JWKThumbprint string            // of the key that signed it (RFC 7638)
	// ID names the proof, for the store that remembers its use: "to prevent multiple uses
	// of the same DPoP proof" (RFC 9449, Section 11.1). The mark must last for Life.
	ID   string
	Life time.Duration
}

// Verify verifies the proof of a request, all of RFC 9449, Section 4.3, but for the key
// that an access token is bound to and the single use, which are the caller's to look at.
// An error is a *message.Violation of rule dpop_proof, dpop_target, dpop_ath, dpop_fresh
// (Param jti or iat) or dpop_nonce, or what Fresh returned.
func (p DPoPPolicy) Verify(r DPoPRequest) (*DPoPUse, error) {
	if len(r.Proofs) != 1 {
		return nil, violation(message.RuleDPoPProof, "DPoP", fmt.Sprintf("%d headers", len(r.Proofs)), "one", nil)
	}
	payload, thumbprint, err := VerifyDPoP(r.Proofs[0], p.Algs)
	if err != nil {
		return nil, err
	}
	u := &DPoPUse{JWKThumbprint: thumbprint, Life: dpopWindow + dpopAhead + 2*dpopNonceSlot}
	if err := message.DecodeClaims(payload, &u.Proof); err != nil {
		return nil, violation(message.RuleDPoPProof, "DPoP", "", "", err)
	}
	if u.Proof.Method != r.Method {
		return nil, violation(message.RuleDPoPTarget, "htm", "", r.Method, nil)
	}
	target := dpopTarget(r.URL)
	if target == "" || dpopTarget(u.Proof.URI) != target {
		return nil, violation(message.RuleDPoPTarget, "htu", "", target, nil)
	}
	if r.AccessToken != "" && u.Proof.AccessTokenHash != message.AccessTokenHash(r.AccessToken) {
		return nil, violation(message.RuleDPoPAth, "ath", "", "the hash of the access token", nil)
	}
	if u.Proof.JWTID == "" || len(u.Proof.JWTID) > longestJTI {
		return nil, violation(message.RuleDPoPFresh, "jti", "", "", nil)
	}
	u.ID = thumbprint + "\x00" + target + "\x00" + u.Proof.JWTID
	return u, p.timely(&u.Proof)
}

// timely judges nonce and time of issue.
func (p DPoPPolicy) timely(proof *message.DPoPProof) error {
	fresh := false
	if proof.Nonce != "" && p.Fresh != nil {
		var err error
		if fresh, err = p.Fresh(proof.Nonce); err != nil {
			return err
		}
	}
	if !fresh && (p.Nonce || proof.Nonce != "") {
		return violation(message.RuleDPoPNonce, "nonce", "", "a nonce of this server", nil)
	}
	iat := proof.IssuedAt
	early := iat.Present() && iat.Time().After(p.Now.Add(dpopAhead))
	old := iat.Present() && !iat.Time().After(p.Now.Add(-dpopWindow))
	// RFC 9449, Section 11.1: with a nonce the server need not trust the client's clock.
	if !iat.Present() || !fresh && (early || old) {
		return violation(message.RuleDPoPFresh, "iat", "", "about now", nil)
	}
	return nil
}

// dpopTarget is a URL without query and fragment, its scheme and host normalized (RFC
// 9449, Section 4.3, step 9: "ignoring any query and fragment parts"). It is empty for what
// is no absolute URL, and equal to nothing then.
func dpopTarget(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	host := strings.ToLower(u.Host)
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme == "https" && u.Port() == "443", scheme == "http" && u.Port() == "80":
		host = strings.TrimSuffix(host, ":"+u.Port())
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return strings.ToLower(u.Scheme) + "://" + host + path
}

// DPoPNonces makes nonces from a secret key: each is the number of its time slot and a
// code of that, so that nothing has to be kept for each. All processes of a server need
// the same key, of 32 bytes or more.
type DPoPNonces struct{ Key []byte }

// At returns the nonce of a moment. It stays the same for two minutes.
func (n DPoPNonces) At(now time.Time) string {
	return encodeSegment(n.of(slotOf(now)))
}

// Fresh reports whether a nonce was given out no longer than four minutes ago.
func (n DPoPNonces) Fresh(nonce string, now time.Time) bool {
	raw, err := decodeSegment(nonce)
	if err != nil || len(raw) != nonceLength || len(n.Key) == 0 {
		return false
	}
	slot := int64(binary.BigEndian.Uint64(raw)) // what does not fit is no slot near now
	current := slotOf(now)
	return (slot == current || slot == current-1) && hmac.Equal(raw, n.of(slot))
}

const nonceLength = 8 + 16

func slotOf(now time.Time) int64 { return now.Unix() / int64(dpopNonceSlot/time.Second) }

func (n DPoPNonces) of(slot int64) []byte {
	b := make([]byte, 8, 8+sha256.Size)
	binary.BigEndian.PutUint64(b, uint64(slot))
	mac := hmac.New(sha256.New, n.Key)
	mac.Write(b)
	return mac.Sum(b)[:nonceLength]
}
