package clientauth

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

const (
	// assertionLifetime is how long an assertion of ours lives: long enough for a
	// clock that is a little behind and a slow connection, no longer.
	assertionLifetime = 2 * time.Minute
	// longestLifetime is how far ahead a provider lets exp be, so that a replay cache
	// has an end.
	longestLifetime = time.Hour
	// leastAhead is how far ahead of us iat and nbf may always be, and mostAhead the
	// largest tolerance (FAPI 2.0, Section 5.3.2.1).
	leastAhead = 10 * time.Second
	mostAhead  = 60 * time.Second

	jtiBytes   = 24 // 192 bits
	longestJTI = 512
)

// assertionClaims are the claims of a client assertion (OpenID Connect Core 1.0,
// Section 9; RFC 7523, Section 3), in the order of the text.
type assertionClaims struct {
	Issuer     string          `json:"iss,omitempty"`
	Subject    string          `json:"sub,omitempty"`
	Audience   json.RawMessage `json:"aud,omitempty"`
	JWTID      string          `json:"jti,omitempty"`
	Expiration message.Time    `json:"exp,omitzero"`
	IssuedAt   message.Time    `json:"iat,omitzero"`
	NotBefore  message.Time    `json:"nbf,omitzero"`

	Extra message.Extra `json:"-" url:"-"`
}

// sign makes a fresh assertion and puts it into d. Every call draws a new jti:
// "JWT ID. A unique identifier for the token, which can be used to prevent reuse of
// the token" (Core, Section 9).
func sign(c Credentials, key *keyjar.Key, algorithm string, d *Draft) error {
	if c.Audience == "" {
		return &message.Violation{Rule: message.RuleClientAuthAssertionAud, Param: "aud", Want: "the issuer", Err: ErrNoCredential}
	}
	jti := make([]byte, jtiBytes)
	if c.Rand == nil {
		return keyjar.ErrNoRandom
	}
	if _, err := io.ReadFull(c.Rand, jti); err != nil {
		return fmt.Errorf("clientauth: jti: %w", err)
	}
	audience, err := json.Marshal(c.Audience)
	if err != nil {
		return fmt.Errorf("clientauth: aud: %w", err)
	}
	payload, err := json.Marshal(assertionClaims{
		Issuer:     c.ClientID,
		Subject:    c.ClientID,
		Audience:   audience,
		JWTID:      base64.RawURLEncoding.EncodeToString(jti),
		Expiration: message.Unix(c.Now.Add(assertionLifetime).Unix()),
		IssuedAt:   message.Unix(c.Now.Unix()),
	})
	if err != nil {
		return fmt.Errorf("clientauth: assertion: %w", err)
	}
	token, err := key.Sign(keyjar.Header{Algorithm: algorithm, Type: "JWT"}, payload, c.Rand)
	if err != nil {
		return fmt.Errorf("clientauth: assertion: %w", err)
	}
	d.Form.Set("client_id", c.ClientID)
	d.Form.Set("client_assertion_type", message.ClientAssertionTypeJWTBearer)
	d.Form.Set("client_assertion", token)
	return nil
}

// An assertion is one that was presented; nothing of it is verified.
type assertion struct {
	token  *keyjar.Token
	claims assertionClaims
}

// method returns the mechanism that the algorithm's family means.
func (a *assertion) method() string {
	if strings.HasPrefix(a.token.Header.Algorithm, "HS") {
		return message.AuthMethodClientSecretJWT
	}
	return message.AuthMethodPrivateKeyJWT
}

// parseAssertion reads the parameters of RFC 7523, Section 2.2.
func parseAssertion(form url.Values) (*assertion, error) {
	if got := form.Get("client_assertion_type"); got != message.ClientAssertionTypeJWTBearer {
		return nil, refuse(message.RuleOPAssertionType, "client_assertion_type", message.Excerpt(got), message.ClientAssertionTypeJWTBearer, nil)
	}
	raw := form.Get("client_assertion")
	if raw == "" {
		return nil, refuse(message.RuleOPAssertionClaims, "client_assertion", "", "an assertion", nil)
	}
	token, err := keyjar.Parse(raw)
	if err != nil {
		return nil, refuse(message.RuleOPAssertionClaims, "client_assertion", "", "a signed JWT", err)
	}
	a := &assertion{token: token}
	if err := message.DecodeClaims(token.Payload, &a.claims); err != nil {
		return nil, refuse(message.RuleOPAssertionClaims, "client_assertion", "", "the claims of RFC 7523, Section 3", err)
	}
	if a.claims.Subject == "" || a.claims.Issuer != a.claims.Subject {
		return nil, refuse(message.RuleOPAssertionClaims, "iss", message.Excerpt(a.claims.Issuer), "iss and sub both the client_id", nil)
	}
	return a, nil
}

// verify judges an assertion by what is registered. Claims come before the
// signature, since they may save a look-up of keys.
func (a *assertion) verify(method string, r Registered, keys *keyjar.Set, algorithms []string) (*Proof, error) {
	if err := a.checkAlgorithm(algorithms); err != nil {
		return nil, err
	}
	if a.claims.Subject != r.ClientID {
		return nil, refuse(message.RuleOPAssertionClaims, "sub", message.Excerpt(a.claims.Subject), "the client_id", nil)
	}
	if typ := a.token.Header.Type; typ != "" && !a.token.Header.IsType("JWT") && !a.token.Header.IsType("client-authentication+jwt") {
		return nil, refuse(message.RuleOPAssertionClaims, "typ", message.Excerpt(typ), "JWT or client-authentication+jwt", message.RuleJOSETyp)
	}
	if err := a.checkAudience(r); err != nil {
		return nil, err
	}
	if err := a.checkTimes(r); err != nil {
		return nil, err
	}
	if jti := a.claims.JWTID; jti == "" || len(jti) > longestJTI {
		return nil, refuse(message.RuleOPAssertionJti, "jti", message.Excerpt(jti), fmt.Sprintf("1 to %d characters", longestJTI), nil)
	}
	if _, err := keys.Verify(a.token, algorithms); err != nil {
		return nil, refuse(message.RuleOPAssertionAlg, "client_assertion", "", "a signature of the client", err)
	}
	return &Proof{
		ClientID: r.ClientID, Method: method, JTI: a.claims.JWTID,
		Expires: a.claims.Expiration.Time().Add(r.tolerance()),
	}, nil
}

func (a *assertion) checkAlgorithm(permitted []string) error {
	got := a.token.Header.Algorithm
	if !slices.Contains(permitted, got) {
		return refuse(message.RuleOPAssertionAlg, "alg", message.Excerpt(got), strings.Join(permitted, ", "), nil)
	}
	return nil
}

// permitted returns the algorithms that both the registration and the provider
// admit, among those of a method.
func (r *Registered) permitted(method []string) []string {
	var all []string
	for _, alg := range method {
		if (r.Algorithm == "" || r.Algorithm == alg) && (r.Algorithms == nil || slices.Contains(r.Algorithms, alg)) {
			all = append(all, alg)
		}
	}
	return all
}

// checkAudience demands that the assertion is addressed to us: "The JWT MUST contain
// an "aud" (audience) claim containing a value that identifies the authorization
// server as an intended audience" (RFC 7523, Section 3).
func (a *assertion) checkAudience(r Registered) error {
	const rule = message.RuleOPAssertionAud
	accepted := r.Audiences
	if len(accepted) == 0 {
		return refuse(rule, "aud", "", "an audience to compare with", nil)
	}
	var one string
	if json.Unmarshal(a.claims.Audience, &one) == nil && one != "" {
		if r.SingleAudience {
			accepted = accepted[:1]
		}
		if slices.Contains(accepted, one) {
			return nil
		}
		return refuse(rule, "aud", message.Excerpt(one), accepted[0], nil)
	}
	var many []string
	if r.SingleAudience || len(a.claims.Audience) == 0 || json.Unmarshal(a.claims.Audience, &many) != nil {
		return refuse(rule, "aud", "", accepted[0]+" as one string", nil)
	}
	for _, aud := range many {
		if slices.Contains(accepted, aud) {
			return nil
		}
	}
	return refuse(rule, "aud", message.Excerpt(strings.Join(many, " ")), accepted[0], nil)
}

func (r *Registered) tolerance() time.Duration {
	return min(max(r.Leeway, leastAhead), mostAhead)
}

// checkTimes keeps exp, iat and nbf within their bounds. The tolerance always works
// for the client.
func (a *assertion) checkTimes(r Registered) error {
	const rule = message.RuleOPAssertionClaims
	tolerance, now := r.tolerance(), r.Now
	exp := a.claims.Expiration
	switch {
	case !exp.Present():
		return refuse(rule, "exp", "", "an expiry", nil)
	case !exp.Time().After(now.Add(-tolerance)):
		return refuse(rule, "exp", exp.String(), "a time to come", nil)
	case exp.Time().After(now.Add(longestLifetime + tolerance)):
		return refuse(rule, "exp", exp.String(), "at most an hour ahead", nil)
	}
	if iat := a.claims.IssuedAt; iat.Present() && iat.Time().After(now.Add(tolerance)) {
		return refuse(rule, "iat", iat.String(), "a time that has come", nil)
	}
	if nbf := a.claims.NotBefore; nbf.Present() && nbf.Time().After(now.Add(tolerance)) {
		return refuse(rule, "nbf", nbf.String(), "a time that has come", nil)
	}
	return nil
}
