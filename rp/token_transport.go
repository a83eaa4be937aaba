package rp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
)

// A TokenTransport is an http.RoundTripper that shows a login's access token to an API:
// as Bearer (RFC 6750, Section 2.1), or with a proof of possession where the token is
// bound to a key (RFC 9449, Section 7.1). A token that the API refuses as invalid is
// refreshed, and the request sent once more; so is one for which it wants a nonce.
//
// Use it in an http.Client. It is safe for concurrent use.
type TokenTransport struct {
	// Origins are where the token may go, such as https://api.example. Requests to
	// other places, redirects of the API included, pass without it.
	Origins []string
	// Token is whose token it is. Nil means the login of the request's context: that
	// of Protect, or of WithLogin.
	Token *Token
	// Base sends the requests. Nil is a transport with the party's roots and time limit.
	Base http.RoundTripper
}

// RoundTrip sends a request with an access token.
func (t *TokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	origin := r.URL.Scheme + "://" + r.URL.Host
	token := t.Token
	if token == nil {
		if l := LoginOf(r.Context()); l != nil {
			token = l.Token()
		}
	}
	if !t.takes(origin) {
		return t.base(token).RoundTrip(r)
	}
	resp, err := t.show(r, token, origin)
	if err != nil && r.Body != nil {
		_ = r.Body.Close() // a RoundTripper closes the body, also when it fails
	}
	return resp, err
}

func (t *TokenTransport) takes(origin string) bool {
	for _, o := range t.Origins {
		if strings.EqualFold(strings.TrimSuffix(o, "/"), origin) {
			return true
		}
	}
	return false
}

func (t *TokenTransport) base(token *Token) http.RoundTripper {
	switch {
	case t.Base != nil:
		return t.Base
	case token != nil:
		return token.party.api
	}
	return noTransport{}
}

type noTransport struct{}

func (noTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("%w: a TokenTransport without Base", ErrNoLogin)
}

// show sends r with the token. The API may ask once for a nonce, and refuse the token
// once.
func (t *TokenTransport) show(r *http.Request, token *Token, origin string) (*http.Response, error) {
	if token == nil {
		return nil, ErrNoLogin
	}
	ctx := r.Context()
	access, issuer, err := token.access(ctx)
	if err != nil {
		return nil, err
	}
	v, err := token.party.provider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	if r.URL.Scheme != "https" && !token.party.o.HTTP.InsecureAllowHTTP {
		return nil, &message.Violation{Rule: message.RuleTransportHTTPS, Param: "url", Got: r.URL.Scheme, Want: "https"}
	}
	nonces, refreshes := 0, 0
	for again := r; ; {
		out, err := v.withToken(again, access)
		if err != nil {
			return nil, err
		}
		resp, err := t.base(token).RoundTrip(out)
		if err != nil {
			return nil, err
		}
		v.keepNonce(origin, resp.Header)
		code := challengeCode(resp)
		switch {
		case code == message.UseDPoPNonce && nonces == 0 && isDPoP(access):
			nonces++
		case code == message.InvalidToken && refreshes == 0:
			refreshes++
			// "a 401 invalid_token allows one refresh and one retry" (rule
			// userinfo_challenge).
			next, err := token.Refresh(ctx, access.Token)
			if err != nil {
				return resp, nil // the API's answer is what the caller can act on
			}
			access = next
		default:
			return resp, nil
		}
		if again = rewound(r); again == nil {
			return resp, nil
		}
		_ = resp.Body.Close()
	}
}

// rewound returns the request to send once more, nil if its body cannot be had again.
func rewound(r *http.Request) *http.Request {
	out := r.Clone(r.Context())
	if r.Body == nil || r.Body == http.NoBody {
		return out
	}
	if r.GetBody == nil {
		return nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil
	}
	out.Body = body
	return out
}

func isDPoP(a *Access) bool { return strings.EqualFold(a.Type, message.TokenTypeDPoP) }

// challengeCode returns the error that a 401 declares, "" if it declares none.
func challengeCode(resp *http.Response) message.ErrorCode {
	if resp.StatusCode != http.StatusUnauthorized {
		return ""
	}
	challenges, ok := message.ParseChallenges(resp.Header.Values("WWW-Authenticate"))
	if !ok {
		return ""
	}
	for _, c := range challenges {
		// A server that takes both schemes challenges with both, and declares the error
		// with the one that was used (RFC 9449, Section 7.1).
		if code := c.Params["error"]; code != "" && (c.Scheme == "bearer" || c.Scheme == "dpop") {
			return message.ErrorCode(code)
		}
	}
	return ""
}

// withToken returns a copy of r that shows the token. r itself is the caller's.
func (v *provider) withToken(r *http.Request, a *Access) (*http.Request, error) {
	out := r.Clone(r.Context())
	if !isDPoP(a) {
		out.Header.Set("Authorization", "Bearer "+a.Token.Reveal())
		return out, nil
	}
	proof, err := v.proof(r.Method, r.URL, a)
	if err != nil {
		return nil, err
	}
	out.Header.Set("Authorization", "DPoP "+a.Token.Reveal())
	out.Header.Set("DPoP", proof)
	return out, nil
}

var errNoKey = errors.New("no key of ours can sign a DPoP proof")

// proof makes a proof of possession for one request (RFC 9449, Section 4.2).
func (v *provider) proof(method string, u *url.URL, a *Access) (string, error) {
	sn := v.context.Snapshot()
	key := sn.DPoPKey
	if key == nil {
		return "", &message.Violation{Rule: message.RuleDPoPKey, Param: "dpop", Want: "the key that the token is bound to"}
	}
	id, err := v.party.random(nil)
	if err != nil {
		return "", err
	}
	target := *u
	target.RawQuery, target.ForceQuery, target.Fragment, target.RawFragment, target.User = "", false, "", "", nil
	payload, err := message.EncodeJSON(&message.DPoPProof{
		JWTID: id, Method: method, URI: target.String(), IssuedAt: message.Unix(v.context.Now().Unix()),
		AccessTokenHash: message.AccessTokenHash(a.Token), Nonce: sn.DPoPNonces[u.Scheme+"://"+u.Host],
	})
	if err != nil {
		return "", err
	}
	set := keyjar.NewSet(key)
	for _, alg := range keyjar.SigningAlgorithms() {
		if _, err := set.SigningKey(alg); err == nil && !strings.HasPrefix(alg, "HS") {
			return key.Sign(keyjar.Header{Algorithm: alg, Type: message.DPoPProofType, JWK: key.Public().PublicJWK()}, payload, v.context.Rand())
		}
	}
	return "", errNoKey
}

// keepNonce keeps the latest nonce of an API (RFC 9449, Section 8.2).
func (v *provider) keepNonce(origin string, h http.Header) {
	nonces := h.Values("DPoP-Nonce")
	sn := v.context.Snapshot()
	if len(nonces) != 1 || sn.DPoPKey == nil || sn.DPoPNonces[origin] == nonces[0] {
		return
	}
	_ = v.context.Update(func(next *servicecontext.Snapshot) error {
		next.DPoPNonces[origin] = nonces[0]
		return nil
	})
}

// StepUp returns the authorization request that an API's answer asks for: "the client
// ... SHOULD ... authorization request including" the acr_values and max_age of a
// challenge with insufficient_user_authentication (RFC 9470, Sections 3 and 4). It
// reports false for any other answer. Give it to Party.Begin.
func StepUp(resp *http.Response) (message.AuthorizationRequest, bool) {
	if resp.StatusCode == http.StatusUnauthorized {
		challenges, _ := message.ParseChallenges(resp.Header.Values("WWW-Authenticate"))
		for _, c := range challenges {
			if m, ok := service.StepUp(c); ok && (c.Scheme == "bearer" || c.Scheme == "dpop") {
				return m, true
			}
		}
	}
	return message.AuthorizationRequest{}, false
}

// HTTPClient returns an http.Client that shows the token to these origins, and nowhere
// else.
func (t *Token) HTTPClient(origins ...string) *http.Client {
	return &http.Client{Transport: &TokenTransport{Token: t, Origins: origins}, Timeout: t.party.open.options.Timeout}
}

// HTTPClient returns an http.Client that shows the token of the request's login to these
// origins: for pages behind Protect, whose context carries it.
func (p *Party) HTTPClient(origins ...string) *http.Client {
	return &http.Client{Transport: &TokenTransport{Origins: origins, Base: p.api}, Timeout: p.open.options.Timeout}
}
