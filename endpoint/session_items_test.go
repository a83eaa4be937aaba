package endpoint_test

import (
	"errors"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/state"
)

// bare is a store that keeps no groups.
type bare struct{ state.Store }

// A logout ends every grant of the session and tells every client, whether the store keeps
// groups or not.
func TestLogoutEndsManyGrants(t *testing.T) {
	for name, wrap := range map[string]func(state.Store) state.Store{
		"with groups":     func(s state.Store) state.Store { return s },
		"without":         func(s state.Store) state.Store { return bare{s} },
		"without, sealed": func(s state.Store) state.Store { return sealed(t, bare{s}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *endpoint.Config, client *endpoint.Client) {
				c.Store = wrap(c.Store)
				client.Metadata.BackchannelLogoutURI = "https://rp.example/backchannel"
			})
			var all []map[string]any
			for range 3 {
				all = append(all, w.tokens(w.code("scope", "openid email")))
				w.now = w.now.Add(time.Minute)
			}
			r := w.do(call{endpoint: "end_session", method: "GET", cookies: true, params: url.Values{"id_token_hint": {text(all[0], "id_token")}}})
			if r.err != nil || len(r.resp.Send) != 1 {
				t.Fatalf("logout: %v, %+v", r.err, r.resp)
			}
			for i, tokens := range all {
				if r := w.do(userinfo(text(tokens, "access_token"))); !errors.Is(r.err, message.InvalidToken) {
					t.Errorf("access token %d: %v", i, r.err)
				}
			}
		})
	}
}

func sealed(t *testing.T, s state.Store) state.Store {
	t.Helper()
	store, err := state.Sealed(s, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// A user who comes again and again leaves nothing behind: what is stored does not grow once
// expired grants are swept away, and the client is told of the logout all the same.
func TestExpiredGrantsAreGone(t *testing.T) {
	memory := new(state.Memory)
	w := newWorld(t, func(c *endpoint.Config, client *endpoint.Client) {
		memory.Now = c.Now
		c.Store = memory
		client.Metadata.BackchannelLogoutURI = "https://rp.example/backchannel"
	})
	var hint string
	// What has expired is gone after a bounded number of calls: the store gets them before
	// it is counted.
	settled := func() int {
		for i := range 20_000 {
			if _, _, err := memory.Get(t.Context(), strconv.Itoa(i)); err != nil {
				t.Fatal(err)
			}
		}
		return memory.Len()
	}
	sizes := map[int]int{}
	for i := range 1200 {
		hint = text(w.tokens(w.code("scope", "openid email", "nonce", "n"+strconv.Itoa(i%5), "code_challenge", challenge)), "id_token")
		w.now = w.now.Add(time.Minute)
		if i == 599 || i == 1199 {
			sizes[i] = settled()
		}
	}
	if sizes[1199] > sizes[599]*11/10 {
		t.Errorf("%d entries after 600 logins, %d after 1200", sizes[599], sizes[1199])
	}
	r := w.do(call{endpoint: "end_session", method: "GET", cookies: true, params: url.Values{"id_token_hint": {hint}}})
	if r.err != nil || len(r.resp.Send) != 1 {
		t.Errorf("logout: %v, %+v", r.err, r.resp)
	}
}
