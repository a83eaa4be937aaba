package rp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/state"
)

func TestStart(t *testing.T) {
	w, _ := newPartyWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := w.party.Start(ctx)
	deadline := time.Now().Add(10 * time.Second)
	for {
		ready := 0
		for _, s := range w.party.Status() {
			if s.Registered && !s.MetadataAt.IsZero() && !s.KeysAt.IsZero() {
				ready++
			}
		}
		if ready == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(w.party.Status())
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	<-ended
	// The first login asks for nothing that is known.
	before := w.net.count("/.well-known/") + w.net.count("/jwks") + w.net.count("/register")
	w.browser().visit(app + "/login?iss=https://op.example")
	if after := w.net.count("/.well-known/") + w.net.count("/jwks") + w.net.count("/register"); after != before {
		t.Errorf("%d requests more", after-before)
	}
}

// Documents are refreshed before they are stale, not earlier than in their last fifth,
// and a provider that is down is asked later and later.
func TestRefreshRounds(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.RefreshEvery = 10 * time.Hour })
	ctx := t.Context()
	w.party.Refresh(ctx)
	documents := func() int { return w.net.count("/.well-known/") + w.net.count("/jwks") }
	first := documents()
	if first != 2 {
		t.Fatalf("%d documents: %v", first, w.net.requests())
	}
	until := w.party.Status()[0].FreshUntil
	stale := 0
	for range 300 {
		next := w.party.Refresh(ctx)
		if next < time.Second || next > 5*time.Minute {
			t.Fatalf("next round in %v", next)
		}
		w.pass(next)
		if s := w.party.Status()[0]; !w.clock().Before(s.FreshUntil) {
			stale++
		}
	}
	if stale != 0 {
		t.Errorf("the keys were stale in %d rounds", stale)
	}
	if !w.party.Status()[0].FreshUntil.After(until) {
		t.Error("the keys were not refreshed")
	}
	// The provider says max-age=300: that is twelve key sets an hour, and some.
	if n, hours := documents()-first, w.clock().Sub(time.Unix(1_700_000_000, 0)).Hours(); float64(n) > 17*hours {
		t.Errorf("%d documents in %.1f hours", n, hours)
	}
	w.net.breaks(func(*http.Request) (*http.Response, error, bool) { return nil, errors.New("down"), true })
	w.pass(20 * time.Hour)
	before := documents()
	start := w.clock()
	for w.clock().Sub(start) < 24*time.Hour {
		w.pass(w.party.Refresh(ctx))
	}
	if n := documents() - before; n < 10 || n > 70 {
		t.Errorf("%d attempts in a day of outage", n)
	}
	w.net.breaks(nil)
	w.pass(time.Hour)
	w.party.Refresh(ctx)
	if s := w.party.Status()[0]; s.Failures != 0 || !s.NextTry.IsZero() {
		t.Errorf("%+v", s)
	}
}

// A registration and what was learnt survive a restart, where the store does.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	shared := &state.DB{Store: &state.Memory{Now: w.clock}}
	for i := range 3 {
		o := w.options()
		o.DB = shared
		party, err := rp.New(rp.Config{Issuer: "https://op.example", RedirectURI: callbackURI, Scope: []string{"email"}, Options: o})
		if err != nil {
			t.Fatal(err)
		}
		w.serve(party)
		w.browser().login()
		if n := w.net.count("/register"); n != 1 {
			t.Fatalf("start %d: %d registrations", i, n)
		}
	}
	if n := w.net.count("/jwks") + w.net.count("/.well-known/"); n != 2 {
		t.Errorf("%d documents", n)
	}
}

func TestExpiredRegistration(t *testing.T) {
	w := newWorld(t)
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		if r.URL.Path != "/register" {
			return nil, nil, false
		}
		resp, err := w.net.roundTrip(r)
		if err != nil {
			return nil, err, true
		}
		body := readAll(t, resp)
		body = strings.Replace(body, `"client_secret_expires_at":0`, fmt.Sprintf(`"client_secret_expires_at":%d`, w.clock().Add(time.Hour).Unix()), 1)
		return answer(resp.StatusCode, "application/json", body), nil, true
	})
	b := w.browser()
	b.login()
	w.pass(59*time.Minute + 30*time.Second)
	b.login()
	if n := w.net.count("/register"); n != 2 {
		t.Errorf("%d registrations", n)
	}
}

func TestObserve(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	w := newWorld(t, func(c *rp.Config) {
		c.Observe = func(_ context.Context, e service.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, e.Service)
		}
	})
	w.browser().login()
	want := []string{"provider_info", "registration", "authorization", "jwks", "accesstoken", "userinfo"}
	if strings.Join(seen, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", seen, want)
	}
}
