package rp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
)

// A bench is both sides joined in process: a party, and a provider where the user is
// logged in already, with ES256.
type bench struct {
	login, callback http.Handler
	page            http.Handler
	provider        *optest.Provider
	away            atomic.Int64 // nanoseconds that the party spent waiting for the provider
	users           atomic.Int64
	party           *rp.Party
}

func newBench(b *testing.B) *bench {
	b.Helper()
	x := new(bench)
	key := newKey(b, "ES256", "sig")
	provider, err := optest.New(func(c *op.Config) { c.Keys, c.Users = keyjar.NewSet(key), everybody{} })
	if err != nil {
		b.Fatal(err)
	}
	x.provider = provider
	client := newClientWith(b, provider, "ES256", callbackURI)
	transport := &optest.Transport{Host: "op.example", Handler: provider}
	x.party, err = rp.New(rp.Config{
		Issuer: optest.Issuer, ClientID: client.id, ClientSecret: client.secret, RedirectURI: callbackURI, Scope: []string{"openid", "email"},
		ServiceContext: servicecontext.Config{Metadata: message.ClientMetadata{IDTokenSignedResponseAlg: "ES256"}},
		Options: rp.Options{HTTP: rp.ClientOptions{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			start := time.Now()
			resp, err := transport.RoundTrip(r)
			x.away.Add(int64(time.Since(start)))
			return resp, err
		})}},
	})
	if err != nil {
		b.Fatal(err)
	}
	x.login, x.callback = x.party.Login(), x.party.Callback(nil)
	x.page = x.party.Protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	return x
}

// everybody are as many users as log in, so that the logins of one do not pile up.
type everybody struct{}

func (everybody) User(_ context.Context, id string) (endpoint.User, bool, error) {
	return endpoint.User{ID: id, Claims: map[string]any{"email": id + "@op.example", "email_verified": true, "name": id}}, true, nil
}

func (everybody) Authenticate(_ context.Context, username string, _ message.Secret) (endpoint.Authentication, bool, error) {
	return endpoint.Authentication{User: username, AMR: []string{"pwd"}}, true, nil
}

// A visitor is a browser with a user in front of it.
type visitor struct {
	name    string
	cookies map[string]string // of the provider
}

func (x *bench) visitor() *visitor {
	return &visitor{name: "user-" + strconv.FormatInt(x.users.Add(1), 36), cookies: map[string]string{}}
}

func (v *visitor) ask(h http.Handler, method, address, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, address, strings.NewReader(form))
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		v.cookies[c.Name] = c.Value
	}
	return rec
}

// once is one login: Login, the provider with its form if the user is not logged in
// there, Callback with the token request and UserInfo. It returns the session cookie,
// and how long the provider's own pages took.
func (x *bench) once(b *testing.B, v *visitor) (*http.Cookie, time.Duration) {
	begun := httptest.NewRecorder()
	x.login.ServeHTTP(begun, httptest.NewRequest(http.MethodGet, app+"/login", nil))
	if begun.Code != http.StatusSeeOther {
		b.Fatal(begun.Code, begun.Body)
	}
	start := time.Now()
	there := v.ask(x.provider, http.MethodGet, begun.Header().Get("Location"), "")
	if there.Code == http.StatusOK {
		page := there.Body.String()
		action := between(page, `method="post" action="`, `"`)
		ticket := between(page, `name="ticket" value="`, `"`)
		there = v.ask(x.provider, http.MethodPost, optest.Issuer+action, "action=login&username="+v.name+"&password=x&ticket="+url.QueryEscape(ticket))
	}
	if there.Code != http.StatusSeeOther {
		b.Fatal(there.Code, there.Body)
	}
	took := time.Since(start)
	back := httptest.NewRequest(http.MethodGet, there.Header().Get("Location"), nil)
	for _, c := range begun.Result().Cookies() {
		back.AddCookie(c)
	}
	done := httptest.NewRecorder()
	x.callback.ServeHTTP(done, back)
	if done.Code != http.StatusSeeOther {
		b.Fatal(done.Code, done.Body)
	}
	for _, c := range done.Result().Cookies() {
		if strings.HasSuffix(c.Name, "session") {
			return c, took
		}
	}
	b.Fatal("no session")
	return nil, 0
}

// BenchmarkLogin is a whole login, both sides, handlers and cookies included: with the
// provider's form, or where the user is logged in at the provider already. The metric
// rp-ns/op is what the party's side took of it.
func BenchmarkLogin(b *testing.B) {
	// logins of one browser before it gives way to another user's
	for name, each := range map[string]int{"form": 1, "sso": 8} {
		b.Run(name, func(b *testing.B) {
			x := newBench(b)
			x.once(b, x.visitor())
			x.away.Store(0)
			var page time.Duration
			var v *visitor
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if i%each == 0 {
					v = x.visitor()
				}
				i++
				_, took := x.once(b, v)
				page += took
			}
			total := b.Elapsed() - page - time.Duration(x.away.Load())
			b.ReportMetric(float64(total)/float64(b.N), "rp-ns/op")
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			x := newBench(b)
			x.once(b, x.visitor())
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				var v *visitor
				for i := 0; pb.Next(); i++ {
					if i%each == 0 {
						v = x.visitor()
					}
					x.once(b, v)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
		})
	}
}

// BenchmarkProtect is what a page behind Protect costs more.
func BenchmarkProtect(b *testing.B) {
	x := newBench(b)
	session, _ := x.once(b, x.visitor())
	r := httptest.NewRequest(http.MethodGet, app+"/page", nil)
	r.AddCookie(session)
	b.ReportAllocs()
	for b.Loop() {
		rec := httptest.NewRecorder()
		x.page.ServeHTTP(rec, r)
		if rec.Code != http.StatusNoContent {
			b.Fatal(rec.Code)
		}
	}
}

// BenchmarkAccess is asking for a token that is valid.
func BenchmarkAccess(b *testing.B) {
	x := newBench(b)
	session, _ := x.once(b, x.visitor())
	r := httptest.NewRequest(http.MethodGet, app+"/page", nil)
	r.AddCookie(session)
	l, err := x.party.Session(r)
	if err != nil {
		b.Fatal(err)
	}
	token := l.Token()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := token.Access(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
