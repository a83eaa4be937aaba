package compare

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
)

const (
	issuer       = "https://op.example"
	clientID     = "s6BhdRkqt3"
	clientSecret = "a secret of 32 bytes or more 0123456789"
	redirectURI  = "https://app.example/callback"
	accessToken  = "SlAV32hkKG8Yxm0ldCv4rTBhpUzq7Wn2"
)

// A provider answers from memory what it was given to say, so that nothing of its work
// and of a network's is measured. It is an http.RoundTripper for one caller at a time.
type provider struct {
	key    *keyjar.Key
	static map[string][]byte // answers that are always the same, by path
	next   *user             // who logs in
}

// A user is what the provider says of somebody who logs in.
type user struct {
	token []byte // the answer of the token endpoint
	info  []byte // and of the UserInfo endpoint
}

func newProvider(tb testing.TB) *provider {
	tb.Helper()
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: "k1", Algorithm: "ES256"})
	if err != nil {
		tb.Fatal(err)
	}
	p := &provider{key: key, static: map[string][]byte{}}
	p.static["/jwks"] = keyjar.NewSet(key).PublicJWKS()
	p.static["/.well-known/openid-configuration"] = encode(tb, map[string]any{
		"issuer": issuer, "authorization_endpoint": issuer + "/authorization", "token_endpoint": issuer + "/token",
		"userinfo_endpoint": issuer + "/userinfo", "jwks_uri": issuer + "/jwks", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
		"scopes_supported": []string{"openid", "email", "profile"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic"},
		"authorization_response_iss_parameter_supported": true,
	})
	return p
}

func encode(tb testing.TB, v any) []byte {
	tb.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

var answerHeader = http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}

// RoundTrip implements http.RoundTripper.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	body, status := p.static[r.URL.Path], http.StatusOK
	switch {
	case r.URL.Path == "/token":
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
		body = p.next.token
	case r.URL.Path == "/userinfo" && r.Header.Get("Authorization") == "Bearer "+accessToken:
		body = p.next.info
	case body == nil:
		status = http.StatusNotFound
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: answerHeader,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)), Request: r,
	}, nil
}

// user makes somebody who logs in with an authorization request: with an ID Token of its
// nonce, signed anew. Nobody logs in twice, so that the logins of one do not pile up.
func (p *provider) user(tb testing.TB, nonce string) *user {
	tb.Helper()
	now := time.Now().Unix()
	hash, err := keyjar.HalfHash("ES256", "", accessToken)
	if err != nil {
		tb.Fatal(err)
	}
	subject := fmt.Sprintf("%024x", users.Add(1))
	claims := encode(tb, map[string]any{
		"iss": issuer, "sub": subject, "aud": clientID, "exp": now + 600, "iat": now, "auth_time": now - 5, "nonce": nonce, "at_hash": hash,
	})
	token, err := p.key.Sign(keyjar.Header{Algorithm: "ES256", KeyID: "k1"}, claims, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &user{
		token: encode(tb, map[string]any{
			"access_token": accessToken, "token_type": "Bearer", "expires_in": 3600, "refresh_token": "8xLOxBtZp8", "scope": "openid email profile", "id_token": token,
		}),
		info: encode(tb, map[string]any{
			"sub": subject, "name": "Diana Krall", "given_name": "Diana", "family_name": "Krall", "preferred_username": "diana",
			"email": "diana@op.example", "email_verified": true, "picture": "https://op.example/diana.jpg", "updated_at": 1700000000,
		}),
	}
}

var users atomic.Int64

// A visit is one login as the user's browser sees it.
type visit struct {
	begin  *http.Request
	began  page
	finish *http.Request
	ended  page
	user   *user
}

// A page is an http.ResponseWriter that keeps what the browser needs.
type page struct {
	header http.Header
	status int
	body   strings.Builder
}

func (p *page) Header() http.Header         { return p.header }
func (p *page) WriteHeader(status int)      { p.status = status }
func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }

func newVisit(tb testing.TB) *visit {
	tb.Helper()
	v := &visit{begin: navigation(tb, "https://app.example/login")}
	v.began.header, v.ended.header = http.Header{}, http.Header{}
	return v
}

// navigation is a user's browser that goes to an address of the application.
func navigation(tb testing.TB, address string) *http.Request {
	tb.Helper()
	r, err := http.NewRequest(http.MethodGet, address, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// authorize is the provider's part between the two requests: it judges nothing, and
// sends the browser back with a code.
func (v *visit) authorize(tb testing.TB, p *provider) {
	tb.Helper()
	there, err := url.Parse(v.began.header.Get("Location"))
	if err != nil || there.Host != "op.example" {
		tb.Fatalf("the login begins with %d %q, %v", v.began.status, there, err)
	}
	asked := there.Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(asked.Get(name)) < 22 {
			tb.Fatalf("the authorization request has the %s %q", name, asked.Get(name))
		}
	}
	v.user = p.user(tb, asked.Get("nonce"))
	back := url.Values{"code": {"SplxlOBeZQQYbYS6WxSbIA-" + asked.Get("state")[:8]}, "state": {asked.Get("state")}, "iss": {issuer}}
	v.finish = navigation(tb, redirectURI+"?"+back.Encode())
	for _, c := range (&http.Response{Header: v.began.header}).Cookies() {
		v.finish.AddCookie(c)
	}
}
