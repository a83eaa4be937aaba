package rp_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/statetest"
)

// A code leaves when nobody else can find it in the store any more, or when it is marked
// there as sent. Before UserInfo is asked for the tokens are there. As soon as an ID Token
// has said who logs in, a logout finds the login.
func TestStoredBeforeSent(t *testing.T) {
	for _, responseType := range []string{"code", "code id_token"} {
		t.Run(strings.ReplaceAll(responseType, " ", "_"), func(t *testing.T) { storedBeforeSent(t, responseType) })
	}
}

func storedBeforeSent(t *testing.T, responseType string) {
	var store state.Store
	w := newWorld(t, func(c *rp.Config) {
		store = c.DB.Store
		c.ServiceContext.Metadata.ResponseTypes, c.ServiceContext.Metadata.GrantTypes = []string{responseType}, nil
		c.Request = func(_ *http.Request, m *message.AuthorizationRequest) { m.ResponseMode = message.ResponseModeFormPost }
	})
	w.browser().login()
	b := w.browser()
	held := b.callback(app + "/login")
	body, err := io.ReadAll(held.Body)
	if err != nil {
		t.Fatal(err)
	}
	held.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatal(err)
	}
	name, other := form.Get("state"), &state.DB{Store: store} // another process
	var asked []string
	w.net.breaks(func(r *http.Request) (*http.Response, error, bool) {
		asked = append(asked, path.Base(r.URL.Path))
		if _, err := other.Pending(r.Context(), name); !errors.Is(err, state.ErrUnknown) {
			t.Errorf("%s: the login can still be claimed: %v", r.URL.Path, err)
		}
		record, err := other.Session(r.Context(), name)
		if len(asked) == 1 && responseType == "code" {
			if !errors.Is(err, state.ErrUnknown) {
				t.Errorf("%s: another could send the code: %v", r.URL.Path, err)
			}
			return nil, nil, false
		}
		if err != nil || record.Kept(state.KeptTokenRequestSent) == "" {
			t.Errorf("%s: nobody knows that the code was sent: %v", r.URL.Path, err)
		}
		if len(asked) > 1 && record.Item(state.ItemTokenResponse) == nil {
			t.Errorf("%s: nobody has the tokens", r.URL.Path)
		}
		logins, err := other.States(r.Context(), state.KindSubject, state.PerIssuer(optest.Issuer, "diana"))
		if err != nil || !slices.Contains(logins, name) {
			t.Errorf("%s: a logout would not find the login: %v", r.URL.Path, err)
		}
		return nil, nil, false
	})
	b.bring(held)
	if got := strings.Join(asked, " "); got != "token userinfo" {
		t.Errorf("the party asked for %q", got)
	}
}

// Whichever call of the store fails during a callback, and whether it took effect or not:
// there is no session that the store does not have, and no code is sent twice.
func TestCallbackLosesAStore(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for n := 1; ; n++ {
			var faulty *statetest.Faulty
			w := newWorld(t, func(c *rp.Config) {
				faulty = statetest.NewFaulty(c.DB.Store, nil)
				c.DB.Store = faulty
			})
			w.browser().login()
			b := w.browser()
			held := b.callback(app + "/login")
			name, sent := held.URL.Query().Get("state"), w.net.count("/token")
			before := faulty.Calls()
			faulty.Plan = statetest.FailOnly(before+n, lost)
			bring := func() int {
				resp, err := b.do(held.Clone(t.Context()))
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode
			}
			first := bring()
			done := faulty.Calls() - before
			faulty.Plan = nil
			if done < n {
				if first != http.StatusSeeOther || n < 8 {
					t.Errorf("no call failed, and the callback ended with %d after %d", first, done)
				}
				break
			}
			_, err := (&state.DB{Store: faulty.Store}).Session(t.Context(), name)
			if first == http.StatusSeeOther || !errors.Is(err, state.ErrUnknown) {
				t.Errorf("call %d, lost %t: status %d, and the store says %v", n, lost, first, err)
			}
			again := bring()
			if times := w.net.count("/token") - sent; times > 1 || again == http.StatusSeeOther && times == 0 {
				t.Errorf("call %d, lost %t: the code was sent %d times", n, lost, times)
			}
		}
	}
}
