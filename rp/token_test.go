package rp_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

// loggedIn logs in and returns the login.
func loggedIn(t *testing.T, w *world) *rp.Login {
	t.Helper()
	b := w.browser()
	b.login()
	return w.sessionOf(b)
}

func (w *world) sessionOf(b *browser) *rp.Login {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodGet, app+"/", nil)
	for _, c := range b.cookies("") {
		r.AddCookie(c)
	}
	l, err := w.party.Session(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// aged makes access tokens expire.
func aged(w *world) { w.pass(time.Hour) }

func TestTokenIsRefreshedOnceForAll(t *testing.T) {
	var told []rp.Refreshed
	var mu sync.Mutex
	w := newWorld(t, func(c *rp.Config) {
		c.Refreshed = func(_ context.Context, r rp.Refreshed) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, r)
		}
	})
	l := loggedIn(t, w)
	first, err := l.Token().Access(t.Context())
	if err != nil || first.Token == "" || first.Type != "Bearer" || first.Expiry.IsZero() {
		t.Fatal(first, err)
	}
	if n := w.net.count("POST https://op.example/token"); n != 1 {
		t.Fatalf("%d token requests", n)
	}
	aged(w)
	slow := make(chan struct{})
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		if r.URL.Path == "/token" {
			<-slow
		}
		return nil, nil, false
	})
	var wg sync.WaitGroup
	got := make([]message.Secret, 50)
	for i := range got {
		wg.Add(1)
		go func() {
			defer wg.Done()
			a, err := w.party.Token(l.ID).Access(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = a.Token
		}()
	}
	time.Sleep(20 * time.Millisecond)
	close(slow)
	wg.Wait()
	for _, token := range got {
		if !token.Equal(got[0]) || token.Equal(first.Token) {
			t.Fatal("the callers have different tokens, or the old one")
		}
	}
	if n := w.net.count("POST https://op.example/token"); n != 2 {
		t.Errorf("%d token requests", n)
	}
	if len(told) != 1 || told[0].Login != l.ID || told[0].Response.AccessToken != got[0] {
		t.Errorf("told %v", told)
	}
}

// Parties of several processes share a store: one of them refreshes.
func TestTokenIsRefreshedOnceByManyProcesses(t *testing.T) {
	w := newWorld(t)
	shared := &state.DB{Store: &state.Memory{Now: w.clock}}
	parties := make([]*rp.Party, 8)
	for i := range parties {
		o := w.options()
		o.DB = shared
		p, err := rp.New(rp.Config{
			Issuer: "https://op.example", RedirectURI: callbackURI, Scope: []string{"offline_access"}, Options: o,
		})
		if err != nil {
			t.Fatal(err)
		}
		parties[i] = p
	}
	w.serve(parties[0])
	l := loggedIn(t, w)
	for round := range 3 {
		aged(w)
		before := w.net.count("POST https://op.example/token")
		var wg sync.WaitGroup
		var mu sync.Mutex
		seen := map[string]bool{}
		for i := range 40 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				a, err := parties[i%len(parties)].Token(l.ID).Access(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				seen[a.Token.Reveal()] = true
			}()
		}
		wg.Wait()
		if n := w.net.count("POST https://op.example/token") - before; n != 1 || len(seen) != 1 {
			t.Errorf("round %d: %d refreshes, %d tokens", round, n, len(seen))
		}
	}
}

// A caller that goes away takes nothing from the others, and the answer is not lost.
func TestCallerOfARefreshGoesAway(t *testing.T) {
	w := newWorld(t)
	l := loggedIn(t, w)
	aged(w)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		if r.URL.Path == "/token" {
			once.Do(func() { close(arrived) })
			<-goOn
			if err := r.Context().Err(); err != nil {
				return nil, err, true
			}
		}
		return nil, nil, false
	})
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 2)
	go func() {
		_, err := l.Token().Access(ctx)
		results <- err
	}()
	<-arrived
	go func() {
		_, err := l.Token().Access(t.Context())
		results <- err
	}()
	time.Sleep(10 * time.Millisecond)
	cancel()
	close(goOn)
	for range 2 {
		// The one who went may hear of it; nothing else goes wrong.
		if err := <-results; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if _, err := l.Token().Access(t.Context()); err != nil || w.net.count("POST https://op.example/token") != 2 {
		t.Errorf("%v after %d token requests", err, w.net.count("POST https://op.example/token"))
	}
	// One that only waits leaves when it wants to.
	aged(w)
	block := make(chan struct{})
	started := make(chan struct{})
	var again sync.Once
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		again.Do(func() { close(started) })
		<-block
		return nil, nil, false
	})
	go func() {
		_, err := l.Token().Access(t.Context())
		results <- err
	}()
	<-started
	short, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	if _, err := l.Token().Access(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	close(block)
	if err := <-results; err != nil {
		t.Error(err)
	}
}

func TestRotationIsTold(t *testing.T) {
	var told []rp.Refreshed
	w := newWorld(t, func(c *rp.Config) {
		c.Refreshed = func(_ context.Context, r rp.Refreshed) { told = append(told, r) }
	})
	l := loggedIn(t, w)
	for name, rotated := range map[string]bool{"": false, "another": true} {
		aged(w)
		w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
			if r.URL.Path != "/token" {
				return nil, nil, false
			}
			body := `{"access_token":"a` + name + `","token_type":"Bearer","expires_in":300`
			if name != "" {
				body += `,"refresh_token":"` + name + `"`
			}
			return answer(200, "application/json", body+"}"), nil, true
		})
		if _, err := l.Token().Access(t.Context()); err != nil {
			t.Fatal(err)
		}
		if last := told[len(told)-1]; last.Rotated != rotated || last.Issuer != "https://op.example" {
			t.Errorf("%q: %+v", name, last)
		}
	}
}

func TestRefreshThatFails(t *testing.T) {
	w := newWorld(t)
	l := loggedIn(t, w)
	token := l.Token()
	first, err := token.Access(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	down := func(*http.Request) (*http.Response, error, bool) { return nil, errors.New("down"), true }
	// About to expire, and the provider is down: it serves on.
	w.pass(first.Expiry.Sub(w.clock()) - time.Second)
	w.net.breaks(down)
	if a, err := token.Access(t.Context()); err != nil || !a.Token.Equal(first.Token) {
		t.Errorf("got %v, %v", a, err)
	}
	w.pass(time.Hour)
	if _, err := token.Access(t.Context()); err == nil {
		t.Error("an expired token")
	}
	// "invalid_grant ends the session, other failures keep the old tokens."
	w.net.breaks(nil)
	w.pass(time.Minute)
	if _, err := token.Access(t.Context()); err != nil {
		t.Errorf("after the outage: %v", err)
	}
	w.pass(time.Hour)
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		return answer(400, "application/json", `{"error":"invalid_grant"}`), nil, true
	})
	if _, err := token.Access(t.Context()); !errors.Is(err, message.InvalidGrant) {
		t.Errorf("got %v", err)
	}
	if _, err := token.Access(t.Context()); !errors.Is(err, rp.ErrNoLogin) {
		t.Errorf("got %v", err)
	}
}

// An access token that was revoked, so that its login has forgotten it, is replaced.
func TestTokenAfterRevocation(t *testing.T) {
	var db *state.DB
	w := newWorld(t, func(c *rp.Config) { db = c.DB })
	l := loggedIn(t, w)
	first, err := l.Token().Access(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	services, err := factory.Build(factory.Spec{service.RevocationName: {}}, w.party.ServiceContext("https://op.example"), db)
	if err != nil {
		t.Fatal(err)
	}
	ask := service.Args{State: l.ID, Message: message.RevocationRequest{Token: first.Token}}
	if _, err := service.Run(t.Context(), services.Get(service.RevocationName), ask, rp.NewClient(rp.ClientOptions{Transport: roundTripper(w.net.roundTrip)}).Send); err != nil {
		t.Fatal(err)
	}
	next, err := l.Token().Access(t.Context())
	if err != nil || next.Token == "" || next.Token.Equal(first.Token) {
		t.Errorf("got %v, %v, want another token", next, err)
	}
}

func TestTokenWithoutRefreshToken(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) {
		c.Scope = []string{"email"}
		c.ServiceContext.Metadata.GrantTypes = []string{"authorization_code"}
	})
	l := loggedIn(t, w)
	a, err := l.Token().Access(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.pass(a.Expiry.Sub(w.clock()) - time.Second)
	if _, err := l.Token().Access(t.Context()); err != nil {
		t.Errorf("a second before it expires: %v", err)
	}
	w.pass(2 * time.Second)
	if _, err := l.Token().Access(t.Context()); !errors.Is(err, rp.ErrTokenExpired) {
		t.Errorf("got %v", err)
	}
	if _, err := w.party.Token("nobody").Access(t.Context()); !errors.Is(err, rp.ErrNoLogin) {
		t.Errorf("got %v", err)
	}
}
