package endpoint

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

const (
	// dpopWindow is how old a proof may be, and dpopAhead how far ahead its clock. FAPI 2.0,
	// Section 5.3.2.1: up to 10 s ahead is always accepted, 60 s ahead never.
	dpopWindow = time.Minute
	dpopAhead  = 30 * time.Second
	// dpopNonceSlot is how long a nonce is given out; it is good for one slot more.
	dpopNonceSlot = 2 * time.Minute
	longestJTI    = 512
)

// dpopFault is how a fault of a proof is answered: at the token endpoint as an error
// object, at a resource as a challenge.
type dpopFault func(code message.ErrorCode, rule message.Rule, param string) *Refusal

// proof verifies the DPoP proof of a request (RFC 9449, Section 4.3) and returns the
// thumbprint of its key, "" without a proof. accessToken is the token that a request to a
// resource carries. The jti is spent later, with what else is spent.
func (s *Step) proof(ctx context.Context, accessToken string, fault dpopFault) (string, error) {
	values := s.Request.Header["Dpop"]
	if len(values) == 0 {
		return "", nil
	}
	bad := func(rule message.Rule, param string) *Refusal { return fault(message.InvalidDPoPProof, rule, param) }
	if len(values) > 1 {
		return "", bad(message.RuleOPDPoPProof, "DPoP").Because("several headers", "one", nil)
	}
	payload, thumbprint, err := keyjar.VerifyDPoP(values[0], s.Context.dpopAlgs())
	if err != nil {
		return "", bad(message.RuleOPDPoPProof, "DPoP").Because("", "", err)
	}
	var claims message.DPoPProof
	if err := message.DecodeClaims(payload, &claims); err != nil {
		return "", bad(message.RuleOPDPoPProof, "DPoP").Because("", "", err)
	}
	if claims.Method != s.Request.Method {
		return "", bad(message.RuleOPDPoPTarget, "htm")
	}
	target := dpopTarget(s.Request.URL)
	if claims.URI == "" || dpopTarget(claims.URI) != target {
		return "", bad(message.RuleOPDPoPTarget, "htu")
	}
	if accessToken != "" {
		sum := sha256.Sum256([]byte(accessToken))
		if claims.AccessTokenHash != base64.RawURLEncoding.EncodeToString(sum[:]) {
			return "", bad(message.RuleOPDPoPBinding, "ath")
		}
	}
	if claims.JWTID == "" || len(claims.JWTID) > longestJTI {
		return "", bad(message.RuleOPDPoPJti, "jti")
	}
	fresh, err := s.freshNonce(ctx, claims.Nonce)
	if err != nil {
		return "", err
	}
	if !fresh && (s.Context.policy.DPoPNonce || claims.Nonce != "") {
		// RFC 9449, Section 8: "use_dpop_nonce", with a new nonce in the DPoP-Nonce header.
		r := fault(message.UseDPoPNonce, message.RuleOPDPoPNonce, "nonce")
		r.nonce = true
		return "", r
	}
	iat := claims.IssuedAt
	early := iat.Present() && iat.Time().After(s.Now.Add(dpopAhead))
	old := iat.Present() && !iat.Time().After(s.Now.Add(-dpopWindow))
	// RFC 9449, Section 11.1: with a nonce the server need not trust the client's clock.
	if !iat.Present() || !fresh && (early || old) {
		return "", bad(message.RuleOPDPoPTime, "iat")
	}
	s.spending = append(s.spending, spending{
		kind: kindDPoP, value: thumbprint + "\x00" + target + "\x00" + claims.JWTID,
		until: s.Now.Add(dpopWindow + dpopAhead + 2*dpopNonceSlot), refusal: bad(message.RuleOPDPoPJti, "jti"),
	})
	return thumbprint, nil
}

// dpopTarget is a URL without query and fragment, its scheme and host normalized (RFC
// 9449, Section 4.3, step 9: "ignoring any query and fragment parts").
func dpopTarget(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	host := strings.ToLower(u.Host)
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme == "https" && u.Port() == "443", scheme == "http" && u.Port() == "80":
		host = strings.ToLower(u.Hostname())
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return strings.ToLower(u.Scheme) + "://" + host + path
}

// dpopAlgs are the algorithms that a proof may have.
func (c *Context) dpopAlgs() []string { return c.asymmetric() }

// tokenFault answers at the token endpoint (RFC 9449, Section 5).
func tokenFault(code message.ErrorCode, rule message.Rule, param string) *Refusal {
	return Refuse(400, code, rule, param)
}

// resourceFault answers at a resource (RFC 9449, Section 7.1).
func (s *Step) resourceFault(code message.ErrorCode, rule message.Rule, param string) *Refusal {
	r := Refuse(401, code, rule, param)
	return r.With("Www-Authenticate", `DPoP error="`+string(code)+`", error_description="`+r.Declared.Description+
		`", algs="`+strings.Join(s.Context.dpopAlgs(), " ")+`"`)
}

// checkSender finds out which key or certificate the tokens of this request are bound to,
// and refuses a client that may have bound ones only (RFC 9449, Section 5.2; RFC 8705,
// Section 3.4).
func (s *Step) checkSender(ctx context.Context) error {
	jkt, err := s.proof(ctx, "", tokenFault)
	if err != nil {
		return err
	}
	s.jkt = jkt
	if jkt == "" && is(s.Client.Metadata.DPoPBoundAccessTokens) {
		return Refuse(400, message.InvalidDPoPProof, message.RuleOPSenderConstraintRequired, "DPoP")
	}
	bound := is(s.Client.Metadata.TLSClientCertificateBoundAccessTokens)
	if bound {
		if s.certificate = s.peerCertificate(); s.certificate == "" {
			return Refuse(400, message.InvalidRequest, message.RuleOPSenderConstraintRequired, "certificate")
		}
	}
	// FAPI 2.0, Section 5.3.2.1: "shall only issue sender-constrained access tokens".
	if s.Context.fapi() && jkt == "" && !bound {
		return Refuse(400, message.InvalidDPoPProof, message.RuleOPFAPI2Tokens, "DPoP")
	}
	return nil
}

// peerCertificate is the x5t#S256 of the connection's certificate (RFC 8705, Section 3.1).
func (s *Step) peerCertificate() string {
	if len(s.Request.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(s.Request.PeerCertificates[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// A nonce is the number of its time slot and a code of it, so that nothing has to be kept
// for each. The key of the codes is in the store, for all processes of the provider.
const nonceKeyLife = clientLife

// freshNonce reports whether a nonce is one of ours and not stale.
func (s *Step) freshNonce(ctx context.Context, nonce string) (bool, error) {
	if nonce == "" {
		return false, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(raw) != 8+16 {
		return false, nil
	}
	var key []byte
	found, err := s.Context.store.get(ctx, kindNonceKey, "", &key)
	if err != nil || !found {
		return false, err
	}
	slot := int64(binary.BigEndian.Uint64(raw))
	now := s.Now.Unix() / int64(dpopNonceSlot/time.Second)
	return (slot == now || slot == now-1) && hmac.Equal(raw, nonceOf(key, slot)), nil
}

func nonceOf(key []byte, slot int64) []byte {
	b := make([]byte, 8, 8+sha256.Size)
	binary.BigEndian.PutUint64(b, uint64(slot))
	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(b)[:8+16]
}

// newNonce returns the nonce of this moment. It makes the key if there is none yet.
func (s *Step) newNonce(ctx context.Context) (string, error) {
	var key []byte
	found, err := s.Context.store.get(ctx, kindNonceKey, "", &key)
	if err != nil {
		return "", err
	}
	if !found {
		fresh, err := s.Context.random()
		if err != nil {
			return "", err
		}
		if _, err := s.Context.store.add(ctx, kindNonceKey, "", []byte(fresh), nonceKeyLife); err != nil {
			return "", err
		}
		if _, err := s.Context.store.get(ctx, kindNonceKey, "", &key); err != nil {
			return "", err
		}
	}
	return base64.RawURLEncoding.EncodeToString(nonceOf(key, s.Now.Unix()/int64(dpopNonceSlot/time.Second))), nil
}
