package rp_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
)

// An api says what it got.
func (w *world) api(t *testing.T, h http.HandlerFunc) {
	t.Helper()
	w.net.set("api.example", h)
	w.net.set("elsewhere.example", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, r.Header.Get("Authorization")+r.Header.Get("DPoP"))
	}))
}

func call(t *testing.T, client *http.Client, r *http.Request) (int, string) {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestTokenTransport(t *testing.T) {
	w := newWorld(t)
	l := loggedIn(t, w)
	first, err := l.Token().Access(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int32
	w.api(t, func(rw http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.URL.Path == "/away":
			http.Redirect(rw, r, "https://elsewhere.example/", http.StatusFound)
		case r.Header.Get("Authorization") == "Bearer "+first.Token.Reveal() && r.URL.Path != "/good":
			rw.Header().Set("WWW-Authenticate", `Bearer realm="api", error="invalid_token"`)
			rw.WriteHeader(http.StatusUnauthorized)
		default:
			fmt.Fprintf(rw, "%s %s", r.Header.Get("Authorization"), body)
		}
	})
	transport := &rp.TokenTransport{Origins: []string{"https://api.example"}, Base: roundTripper(w.net.roundTrip)}
	client := &http.Client{Transport: transport}
	ctx := rp.WithLogin(t.Context(), l)
	request := func(path string, body string) *http.Request {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://api.example"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := request("/good", "hello")
	if status, got := call(t, client, r); status != 200 || got != "Bearer "+first.Token.Reveal()+" hello" || r.Header.Get("Authorization") != "" {
		t.Errorf("%d, header of the caller's request %v", status, r.Header)
	}
	// Refused as invalid: refreshed once, and sent once more with its body.
	calls.Store(0)
	status, got := call(t, client, request("/", "hello"))
	if status != 200 || !strings.HasPrefix(got, "Bearer ") || !strings.HasSuffix(got, " hello") || strings.Contains(got, first.Token.Reveal()) || calls.Load() != 2 {
		t.Errorf("%d after %d calls", status, calls.Load())
	}
	// A redirect to another place takes no token along.
	if status, got := call(t, client, request("/away", "")); status != 200 || got != "" {
		t.Errorf("%d: the token went elsewhere", status)
	}
	// A body that can be read once is sent once.
	calls.Store(0)
	spent := request("/", "")
	second, err := l.Token().Access(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first = second // refused from here on
	spent.Body, spent.GetBody, spent.ContentLength = io.NopCloser(strings.NewReader("once")), nil, 4
	if status, _ := call(t, client, spent); status != http.StatusUnauthorized || calls.Load() != 1 {
		t.Errorf("%d after %d calls", status, calls.Load())
	}
	// Nobody is logged in.
	if _, err := client.Get("https://api.example/"); !errors.Is(err, rp.ErrNoLogin) {
		t.Errorf("got %v", err)
	}
	// http is no place for a token.
	plain := &http.Client{Transport: &rp.TokenTransport{Origins: []string{"http://api.example"}, Base: roundTripper(w.net.roundTrip), Token: l.Token()}}
	if _, err := plain.Get("http://api.example/"); !errors.Is(err, message.RuleTransportHTTPS) {
		t.Errorf("got %v", err)
	}
}

func TestTokenTransportGivesUp(t *testing.T) {
	w := newWorld(t)
	l := loggedIn(t, w)
	var calls atomic.Int32
	w.api(t, func(rw http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		rw.Header().Set("WWW-Authenticate", `Bearer error="`+r.URL.Query().Get("error")+`", acr_values="gold silver", max_age="60"`)
		rw.WriteHeader(http.StatusUnauthorized)
	})
	client := &http.Client{Transport: &rp.TokenTransport{Origins: []string{"https://api.example/"}, Base: roundTripper(w.net.roundTrip), Token: l.Token()}}
	for code, want := range map[string]int32{"invalid_token": 2, "insufficient_scope": 1, "use_dpop_nonce": 1, "": 1, "insufficient_user_authentication": 1} {
		calls.Store(0)
		resp, err := client.Get("https://api.example/?error=" + url.QueryEscape(code))
		if err != nil || resp.StatusCode != 401 || calls.Load() != want {
			t.Errorf("%s: %v after %d calls, want %d", code, err, calls.Load(), want)
		}
		m, ok := rp.StepUp(resp)
		if ok != (code == "insufficient_user_authentication") {
			t.Errorf("%s: step up %v", code, ok)
		}
		if ok && (m.ACRValues.String() != "gold silver" || m.MaxAge == nil || *m.MaxAge != 60) {
			t.Errorf("%+v", m)
		}
	}
}

// A bound token is shown with a proof, which carries the API's nonce once it is known.
func TestTokenTransportWithDPoP(t *testing.T) {
	w := newWorld(t, func(c *rp.Config) { c.ServiceContext.DPoPKey = newKey(t, "ES256", "sig") })
	l := loggedIn(t, w)
	seen := map[string]bool{}
	var calls atomic.Int32
	w.api(t, func(rw http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		payload, _, err := keyjar.VerifyDPoP(r.Header.Get("DPoP"), []string{"ES256"})
		if err != nil {
			t.Error(err)
		}
		var proof message.DPoPProof
		if err := message.DecodeJSON(payload, &proof); err != nil {
			t.Error(err)
		}
		if proof.Method != r.Method || proof.URI != "https://api.example/things" || proof.AccessTokenHash == "" || proof.JWTID == "" || seen[proof.JWTID] || !strings.HasPrefix(r.Header.Get("Authorization"), "DPoP ") {
			t.Errorf("%+v", proof)
		}
		seen[proof.JWTID] = true
		rw.Header().Set("DPoP-Nonce", "nonce-1")
		if proof.Nonce != "nonce-1" {
			rw.Header().Set("WWW-Authenticate", `Bearer realm="api", DPoP error="use_dpop_nonce"`)
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(rw, "done")
	})
	client := &http.Client{Transport: &rp.TokenTransport{Origins: []string{"https://api.example"}, Base: roundTripper(w.net.roundTrip), Token: l.Token()}}
	for _, want := range []int32{2, 1} {
		calls.Store(0)
		r, err := http.NewRequest(http.MethodGet, "https://api.example/things?a=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := call(t, client, r); status != 200 || body != "done" || calls.Load() != want {
			t.Errorf("%d %s after %d calls, want %d", status, body, calls.Load(), want)
		}
	}
}
