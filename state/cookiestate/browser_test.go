package cookiestate_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/cookiestate"
)

// A browser is one by net/http/cookiejar: it keeps what Set-Cookie says.
type browser struct {
	t   testing.TB
	jar http.CookieJar
	at  *url.URL
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, jar, &url.URL{Scheme: "https", Host: "app.example", Path: "/"}}
}

// header is the Cookie header of a request.
func (b *browser) header() []string {
	r := http.Request{Header: http.Header{}}
	for _, c := range b.jar.Cookies(b.at) {
		r.AddCookie(c)
	}
	return r.Header["Cookie"]
}

// request makes calls in one request of the browser.
func (b *browser) request(s *cookiestate.Store, do func(ctx context.Context)) []string {
	b.t.Helper()
	ctx, setCookies := s.Open(b.t.Context(), b.header())
	do(ctx)
	fields := setCookies(false)
	b.jar.SetCookies(b.at, (&http.Response{Header: http.Header{"Set-Cookie": fields}}).Cookies())
	return fields
}

// clone is the browser of somebody who copied the cookies.
func (b *browser) clone() *browser {
	other := newBrowser(b.t)
	other.jar.SetCookies(b.at, b.jar.Cookies(b.at))
	return other
}

func (b *browser) set(name, value string) {
	b.jar.SetCookies(b.at, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
}

func newStore(t testing.TB, o cookiestate.Options) *cookiestate.Store {
	t.Helper()
	if o.Keys == nil {
		o.Keys = [][]byte{secret(1)}
	}
	s, err := cookiestate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func secret(i byte) []byte {
	sum := sha256.Sum256([]byte{i})
	return sum[:]
}

func begin(t testing.TB, b *browser, s *cookiestate.Store, name string) {
	t.Helper()
	b.request(s, func(ctx context.Context) {
		if err := (&state.DB{Store: s}).Begin(ctx, pendingLogin(name)); err != nil {
			t.Fatal(err)
		}
	})
}

func claim(b *browser, s *cookiestate.Store, name string) (r state.Record, err error) {
	b.t.Helper()
	b.request(s, func(ctx context.Context) { r, err = (&state.DB{Store: s}).Claim(ctx, name) })
	return r, err
}

// pendingLogin is of the size that logins have.
func pendingLogin(name string) state.Record {
	r := state.NewRecord(name, "https://op.example.com")
	r.Set(state.ItemAuthRequest, []byte(`{"response_type":"code","client_id":"client-3f0c2a7e9b","redirect_uri":"https://rp.example.com/callback/op.example.com",`+
		`"scope":"openid profile email address phone","state":"`+name+`","nonce":"nT5Hqk1cX0Wb3mZs8vRy2uLp6aJd9eGf4iOo7wQxYzA",`+
		`"code_challenge":"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM","code_challenge_method":"S256"}`))
	r.Keep(state.KeptNonce, "nT5Hqk1cX0Wb3mZs8vRy2uLp6aJd9eGf4iOo7wQxYzA")
	r.Keep(state.KeptCodeVerifier, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
	r.Keep(state.KeptBinding, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")
	return r
}

// logins makes the names of entries those of pending logins, all of one request.
type logins struct {
	*cookiestate.Store
	ctx context.Context
}

func (l logins) key(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "p-" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// in joins the context of a call with the jar.
func (l logins) in(ctx context.Context) context.Context { return both{ctx, l.ctx} }

type both struct {
	context.Context
	jar context.Context
}

func (b both) Value(key any) any {
	if v := b.Context.Value(key); v != nil {
		return v
	}
	return b.jar.Value(key)
}

func (l logins) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	return l.Store.Add(l.in(ctx), l.key(key), value, ttl)
}

func (l logins) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return l.Store.Put(l.in(ctx), l.key(key), value, ttl)
}

func (l logins) Get(ctx context.Context, key string) ([]byte, bool, error) {
	return l.Store.Get(l.in(ctx), l.key(key))
}

func (l logins) Take(ctx context.Context, key string) ([]byte, bool, error) {
	return l.Store.Take(l.in(ctx), l.key(key))
}

func (l logins) Swap(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error) {
	return l.Store.Swap(l.in(ctx), l.key(key), old, value, ttl)
}

// names are of the cookies that the browser has.
func (b *browser) names() string {
	var names []string
	for _, c := range b.jar.Cookies(b.at) {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}
