package service

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// idTokenFacts are what an ID Token is judged by, besides the snapshot.
type idTokenFacts struct {
	front       bool                          // it came through the browser
	unsigned    bool                          // it may have no signature, where that was registered
	request     *message.AuthorizationRequest // what was asked for; nil for a refresh
	nonce       string                        // what was sent; "" if none
	nonceFree   bool                          // a nonce is judged elsewhere (refresh)
	accessToken message.Secret                // what came beside it
	code        message.Secret
	state       string
	first       *message.IDToken // the front-channel ID Token of a hybrid login
	refreshOf   *message.IDToken // the original ID Token, when this one comes with a refresh
	subject     string           // who was to be authenticated, where no request says so; "" if nobody knows
	// also holds the token to what its flow demands besides, before a key is asked for.
	also func(*Step, *idTokenCheck) error
}

// idTokenCheck is one ID Token on its way through the rules.
type idTokenCheck struct {
	idTokenFacts
	token  *keyjar.Token
	claims *message.IDToken
	alg    string // the algorithm that was registered
}

// idTokenSteps are the rules of Core, Section 3.1.3.7, in an order in which those
// that need no key come first: a key may have to be fetched.
var idTokenSteps = []func(*Step, *idTokenCheck) error{
	idTokenRefresh, idTokenIssuer, idTokenAudience, idTokenAuthorizedParty, idTokenSubject, idTokenTimes, idTokenNonce,
	idTokenAuthTime, idTokenACR, idTokenHashes, idTokenBinding, idTokenFlow, idTokenSignature,
}

// verifyIDToken applies every rule to raw. On success s.IDToken, s.payload and
// s.subject hold what it says.
func verifyIDToken(s *Step, raw message.Secret, facts idTokenFacts) error {
	text, err := decrypt(s, raw.Reveal(), "id_token", message.RuleIDTokenNotEncrypted, s.Snapshot.Behaviour.IDTokenEncryptedResponseAlg, s.Snapshot.Behaviour.IDTokenEncryptedResponseEnc)
	if err != nil {
		return err
	}
	c := &idTokenCheck{idTokenFacts: facts, alg: idTokenAlg(s)}
	if c.token, err = parseJWT(s, text, "id_token"); err != nil {
		return err
	}
	if err := idTokenHeader(s, c); err != nil {
		return err
	}
	c.claims = new(message.IDToken)
	if err := decodeClaims(s, c.token.Payload, c.claims, "id_token", idTokenClaimRules); err != nil {
		return err
	}
	for _, step := range idTokenSteps {
		if err := step(s, c); err != nil {
			return err
		}
	}
	s.IDToken, s.payload, s.subject = c.claims, c.token.Payload, c.claims.Subject
	findSources(s, c.claims, c.claims.ClaimNames, c.claims.ClaimSources, "id_token")
	return nil
}

// idTokenAlg is the algorithm that was registered; it "defaults to RS256" (Dynamic
// Client Registration, Section 2).
func idTokenAlg(s *Step) string {
	if alg := s.Snapshot.Behaviour.IDTokenSignedResponseAlg; alg != "" {
		return alg
	}
	return "RS256"
}

var idTokenClaimRules = claimRules{
	"iss": message.RuleIDTokenIss, "sub": message.RuleIDTokenSub, "aud": message.RuleIDTokenAud, "azp": message.RuleIDTokenAzp,
	"nonce": message.RuleIDTokenNonce, "acr": message.RuleIDTokenACR, "at_hash": message.RuleIDTokenAtHash, "c_hash": message.RuleIDTokenCHash,
	"s_hash": message.RuleIDTokenSHash,
	"exp":    message.RuleJOSENumericDate, "iat": message.RuleJOSENumericDate, "nbf": message.RuleJOSENumericDate, "auth_time": message.RuleIDTokenAuthTime,
}

// idTokenHeader judges what the header says. It never chooses: "the algorithm ...
// SHOULD be the default of RS256 or the algorithm sent by the Client" (Core,
// Section 3.1.3.7, item 7).
func idTokenHeader(s *Step, c *idTokenCheck) error {
	h := &c.token.Header
	if h.Algorithm == "none" {
		// "MUST NOT use none ... unless the Response Type used returns no ID Token
		// from the Authorization Endpoint" (Core, Section 2): TLS to the token endpoint is
		// what stands for it, in the code flow. A token that was brought to us has neither.
		if c.alg != "none" || !c.unsigned {
			return s.Fail(message.RuleIDTokenAlgNone, "id_token.alg", "none", c.alg, &message.Violation{Rule: message.RuleJOSEAlgNone, Param: "alg", Got: "none"})
		}
		s.Pass(message.RuleIDTokenAlgNone, "id_token.alg")
	}
	if err := requireAlg(s, message.RuleIDTokenAlg, "id_token.alg", h, c.alg); err != nil {
		return err
	}
	return requireTyp(s, message.RuleIDTokenTyp, "id_token.typ", h, "JWT")
}

func idTokenIssuer(s *Step, c *idTokenCheck) error {
	return requireIssuer(s, message.RuleIDTokenIss, "id_token.iss", c.claims.Issuer, c.claims.Extra)
}

func idTokenAudience(s *Step, c *idTokenCheck) error {
	id := s.clientID()
	if !c.claims.Audience.Has(id) {
		return s.Fail(message.RuleIDTokenAud, "id_token.aud", message.Excerpt(strings.Join(c.claims.Audience, " ")), id, nil)
	}
	s.Pass(message.RuleIDTokenAud, "id_token.aud")
	for _, aud := range c.claims.Audience {
		if aud != id && !contains(s.Snapshot.TrustedAudiences, aud) {
			return s.Fail(message.RuleIDTokenAudUntrusted, "id_token.aud", message.Excerpt(aud), "no audience beside us but the trusted ones", nil)
		}
	}
	s.Pass(message.RuleIDTokenAudUntrusted, "id_token.aud")
	return nil
}

func idTokenAuthorizedParty(s *Step, c *idTokenCheck) error {
	if c.claims.AuthorizedParty == "" && !c.claims.Extra.Has("azp") {
		if len(c.claims.Audience) > 1 {
			return s.Fail(message.RuleIDTokenAzpMissing, "id_token.azp", "", "azp beside several audiences", nil)
		}
		s.Skip(message.RuleIDTokenAzp, "id_token.azp", "absent, with one audience")
		return nil
	}
	return s.Require(c.claims.AuthorizedParty == s.clientID(), message.RuleIDTokenAzp, "id_token.azp", message.Excerpt(c.claims.AuthorizedParty), s.clientID())
}

// idTokenSubject: "It MUST NOT exceed 255 ASCII characters in length" (Core, Section 2).
// A token with a logout event is a logout token, whatever else it looks like.
func idTokenSubject(s *Step, c *idTokenCheck) error {
	if _, ok := c.claims.Extra.Get("events"); ok {
		return s.Fail(message.RuleIDTokenTyp, "id_token.events", "", "no events: it is not a logout token", nil)
	}
	return s.Require(validSubject(c.claims.Subject), message.RuleIDTokenSub, "id_token.sub", message.Excerpt(c.claims.Subject), "1 to 255 ASCII characters")
}

func validSubject(sub string) bool {
	if sub == "" || len(sub) > 255 {
		return false
	}
	for i := range len(sub) {
		if sub[i] > 0x7f {
			return false
		}
	}
	return true
}

// frontAge is how old an ID Token from the front channel may be.
const frontAge = 10 * time.Minute

// idTokenTimes compares as numbers: a conversion first would wrap a far future
// into the past. The tolerance always favours acceptance.
func idTokenTimes(s *Step, c *idTokenCheck) error {
	now, leeway := float64(s.Now.Unix()), s.Snapshot.Leeway.Seconds()
	exp, iat, nbf := c.claims.Expiration, c.claims.IssuedAt, c.claims.NotBefore
	if err := s.requireTime(exp.Present() && exp.Float() > now-leeway, message.RuleIDTokenExp, "id_token.exp", exp, "later than now"); err != nil {
		return err
	}
	if err := s.Require(iat.Present(), message.RuleIDTokenIat, "id_token.iat", "", "the time of issue"); err != nil {
		return err
	}
	if err := s.requireTime(iat.Float() <= now+leeway && iat.Float() <= exp.Float(), message.RuleIDTokenIatFuture, "id_token.iat", iat, "not later than now and exp"); err != nil {
		return err
	}
	if c.front {
		if err := s.requireTime(iat.Float() >= now-leeway-frontAge.Seconds(), message.RuleIDTokenIatAge, "id_token.iat", iat, "at most ten minutes ago"); err != nil {
			return err
		}
	}
	if !nbf.Present() {
		s.Skip(message.RuleIDTokenNbf, "id_token.nbf", "absent")
		return nil
	}
	return s.requireTime(nbf.Float() <= now+leeway, message.RuleIDTokenNbf, "id_token.nbf", nbf, "not later than now")
}

// requireTime is Require for a time, which is written out only where it is wrong.
func (s *Step) requireTime(ok bool, rule message.Rule, param string, got message.Time, want string) error {
	if ok {
		s.Pass(rule, param)
		return nil
	}
	return s.Fail(rule, param, timeText(got), want, nil)
}

func timeText(t message.Time) string {
	if !t.Present() {
		return ""
	}
	return t.Time().UTC().Format(time.RFC3339)
}

func idTokenNonce(s *Step, c *idTokenCheck) error {
	got := c.claims.Nonce
	switch {
	case c.nonceFree:
		return nil
	case c.nonce == "":
		return s.Require(got == "", message.RuleIDTokenNonceUnexpected, "id_token.nonce", "", "no nonce, since none was sent")
	case got == "":
		return s.Fail(message.RuleIDTokenNonceMissing, "id_token.nonce", "", "the nonce of the request", nil)
	}
	s.Pass(message.RuleIDTokenNonceMissing, "id_token.nonce")
	return s.Require(sameText(got, c.nonce), message.RuleIDTokenNonce, "id_token.nonce", "", "the nonce of the request")
}

func idTokenAuthTime(s *Step, c *idTokenCheck) error {
	maxAge, demanded := authTimeDemand(s, c)
	at := c.claims.AuthTime
	if !at.Present() {
		if demanded {
			return s.Fail(message.RuleIDTokenAuthTimeMissing, "id_token.auth_time", "", "auth_time, which was asked for", nil)
		}
		s.Skip(message.RuleIDTokenAuthTime, "id_token.auth_time", "absent, and not asked for")
		return nil
	}
	now, leeway := float64(s.Now.Unix()), s.Snapshot.Leeway.Seconds()
	asked := now
	if c.request == nil {
		asked = float64(s.Record.Created().Unix()) // the user may have been waited for
	}
	ok := at.Float() <= now+leeway && (maxAge == nil || asked-at.Float() <= float64(*maxAge)+leeway)
	return s.requireTime(ok, message.RuleIDTokenAuthTime, "id_token.auth_time", at, "not in the future, and within max_age")
}

// authTimeDemand says which max_age applies and whether auth_time must come
// (Core, Sections 2, 3.1.2.1 and 5.5.1; Dynamic Client Registration, Section 2). What was
// registered holds for every ID Token that tells of an authentication, whichever grant
// brings it; a refreshed or an exchanged one tells of none.
func authTimeDemand(s *Step, c *idTokenCheck) (maxAge *int, demanded bool) {
	if c.nonceFree {
		return nil, false
	}
	// A registration need not repeat what it was asked for.
	registered, asked := clientMetadata(s), &s.Snapshot.Metadata
	maxAge = cmp.Or(registered.DefaultMaxAge, asked.DefaultMaxAge)
	if require := cmp.Or(registered.RequireAuthTime, asked.RequireAuthTime); require != nil {
		demanded = *require
	}
	if req := c.request; req != nil {
		if req.MaxAge != nil {
			maxAge = req.MaxAge
		}
		demanded = demanded || req.Claims != nil && essential(req.Claims.IDToken["auth_time"])
	}
	return maxAge, demanded || maxAge != nil
}

// idTokenACR enforces an essential acr with its values; acr_values alone is a wish
// (Core, Section 5.5.1.1).
func idTokenACR(s *Step, c *idTokenCheck) error {
	if c.request == nil || c.request.Claims == nil {
		return nil
	}
	wish := c.request.Claims.IDToken["acr"]
	if !essential(wish) {
		return nil
	}
	values := allowedValues(wish)
	ok := c.claims.ACR != "" && (len(values) == 0 || slices.Contains(values, c.claims.ACR))
	return s.Require(ok, message.RuleIDTokenACR, "id_token.acr", message.Excerpt(c.claims.ACR), strings.Join(values, " or "))
}

func idTokenHashes(s *Step, c *idTokenCheck) error {
	for _, h := range []struct {
		param         string
		got           string
		of            string
		need          bool
		missing, rule message.Rule
	}{
		{"id_token.at_hash", c.claims.AccessTokenHash, c.accessToken.Reveal(), c.front, message.RuleIDTokenAtHashMissing, message.RuleIDTokenAtHash},
		{"id_token.c_hash", c.claims.CodeHash, c.code.Reveal(), c.front, message.RuleIDTokenCHashMissing, message.RuleIDTokenCHash},
		{"id_token.s_hash", c.claims.StateHash, c.state, c.front && s.Snapshot.Profile == servicecontext.ProfileFAPI1, message.RuleIDTokenSHash, message.RuleIDTokenSHash},
	} {
		absent := h.got == "" && !c.claims.Extra.Has(strings.TrimPrefix(h.param, "id_token."))
		switch {
		case h.of == "":
			if h.got != "" {
				s.Skip(h.rule, h.param, "nothing came beside it that it could belong to")
			}
		case absent && h.need:
			return s.Fail(h.missing, h.param, "", "the hash of what came beside the token", nil)
		case absent:
			s.Skip(h.rule, h.param, "absent, and optional here")
		case c.alg == "none":
			// It came from the token endpoint, where the hash is optional.
			s.Skip(h.rule, h.param, "an unsigned token names no hash algorithm")
		default:
			// EdDSA names no curve; Ed25519 is the one that this toolkit verifies.
			want, err := keyjar.HalfHash(c.token.Header.Algorithm, "Ed25519", h.of)
			if err != nil {
				return s.Fail(message.RuleIDTokenHashAlg, h.param, "", "", err)
			}
			if !sameText(h.got, want) {
				return s.Fail(h.rule, h.param, "", "the left half of the hash", otherHash(h.got, h.of, h.param))
			}
			s.Pass(h.rule, h.param)
			s.Pass(message.RuleIDTokenHashAlg, h.param)
		}
	}
	return nil
}

// otherHash says of a hash that is wrong that it is right but for its algorithm, which
// is a common fault: it is "the hash algorithm used in the alg Header Parameter of the ID
// Token's JOSE Header" (Core, Section 3.1.3.6).
func otherHash(got, of, param string) error {
	for _, alg := range []string{"RS256", "RS384", "RS512"} {
		if other, err := keyjar.HalfHash(alg, "", of); err == nil && sameText(got, other) {
			return &message.Violation{Rule: message.RuleIDTokenHashAlg, Param: param, Got: "that of SHA-" + alg[2:], Want: "the hash of the signing algorithm"}
		}
	}
	return nil
}

// idTokenBinding ties the ID Token to the one that came first in a hybrid login,
// and to the user that was asked for.
func idTokenBinding(s *Step, c *idTokenCheck) error {
	if c.first != nil {
		ok := c.first.Issuer == c.claims.Issuer && c.first.Subject == c.claims.Subject
		if err := s.Require(ok, message.RuleIDTokenHybridBinding, "id_token.sub", message.Excerpt(c.claims.Subject), "iss and sub of the front-channel ID Token"); err != nil {
			return err
		}
	}
	values := requestedSubjects(c.request)
	if c.subject != "" {
		values = []string{c.subject}
	}
	if len(values) == 0 {
		return nil
	}
	return s.Require(slices.Contains(values, c.claims.Subject), message.RuleIDTokenRequestedSub, "id_token.sub", message.Excerpt(c.claims.Subject), "the subject that was asked for")
}

// requestedSubjects are those that a request asks for: by value, or by its hint. "If
// the End-User identified by the ID Token is already logged in or is logged in as a
// result of the request ... then the Authorization Server returns a positive response;
// otherwise, it MUST return an error" (Core, Section 3.1.2.1).
func requestedSubjects(req *message.AuthorizationRequest) []string {
	if req == nil {
		return nil
	}
	if req.Claims != nil {
		if values := allowedValues(req.Claims.IDToken["sub"]); len(values) > 0 {
			return values
		}
	}
	if subject := hintedSubject(req.IDTokenHint); subject != "" {
		return []string{subject}
	}
	return nil
}

// hintedSubject is whom an id_token_hint means, "" if there is none or it is encrypted.
func hintedSubject(hint message.Secret) string {
	if hint == "" {
		return ""
	}
	_, claims, err := readHint(hint)
	if err != nil {
		return ""
	}
	return claims.Subject
}

func idTokenFlow(s *Step, c *idTokenCheck) error {
	if c.also == nil {
		return nil
	}
	return c.also(s, c)
}

// idTokenSignature comes last. The signature is verified also when the token came
// over TLS from the token endpoint.
func idTokenSignature(s *Step, c *idTokenCheck) error {
	if c.alg == "none" {
		// There is no key to it, but the signature has to be empty (RFC 7518, Section 3.6).
		if _, err := keyjar.NewSet().Verify(c.token, []string{c.alg}); err != nil {
			return s.Fail(message.RuleIDTokenSignature, "id_token", "", "an empty signature", err)
		}
		return nil
	}
	return verifySignature(s, c.token, c.alg, "id_token", message.RuleIDTokenSignature)
}
