package interop

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/servicecontext"
)

// A site is a relying party of package rp on a port of this machine. Its account page
// says who is logged in.
type site struct {
	url   string
	party *rp.Party

	mu    sync.Mutex
	ended []string // the logins that the provider ended
}

// newSite opens a site at a host name of this machine whose users log in at p. Cookies
// know no ports, so two sites of one browser need two names. what changes its settings.
func newSite(t *testing.T, p *provider, host string, what func(base string, c *servicecontext.Config)) *site {
	t.Helper()
	a := certificates(t)
	pair, err := a.pair("server")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(mux)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	s := &site{url: strings.Replace(server.URL, "127.0.0.1", host, 1)}
	config := rp.Config{
		Issuer: p.issuer, RedirectURI: s.url + "/callback", PostLogoutRedirectURI: s.url + "/logged-out",
		Scope: []string{"openid", "email"},
		Options: rp.Options{
			HTTP: rp.ClientOptions{RootCAs: a.roots(t)},
			Ended: func(_ context.Context, logins []string) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.ended = append(s.ended, logins...)
			},
		},
	}
	if what != nil {
		what(s.url, &config.ServiceContext)
	}
	if s.party, err = rp.New(config); err != nil {
		t.Fatal(err)
	}
	mux.Handle("/callback", s.party.Callback(nil))
	mux.Handle("/logout", s.party.Logout())
	mux.Handle("/logged-out", s.party.LoggedOut())
	mux.Handle("/backchannel", s.party.BackchannelLogout())
	mux.Handle("/account", s.party.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login := rp.LoginOf(r.Context())
		_, _ = fmt.Fprintf(w, "%s is logged in as %s, login %s", login.Subject, login.UserInfo.Email, login.ID)
	})))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "nobody is logged in") })
	return s
}

// client is the site's client_id.
func (s *site) client(issuer string) string {
	return s.party.ServiceContext(issuer).Snapshot().ClientID()
}

// TestBackchannelLogout: a person logs in at two sites and logs out at one. The
// provider tells the other, which ends its login by the sid of the logout token.
func TestBackchannelLogout(t *testing.T) {
	t.Parallel()
	p := oidcProvider.get(t)
	first := newSite(t, p, "127.0.0.1", nil)
	second := newSite(t, p, "localhost", func(base string, c *servicecontext.Config) {
		required := true
		c.Metadata = message.ClientMetadata{BackchannelLogoutURI: base + "/backchannel", BackchannelLogoutSessionRequired: &required}
	})
	b := newBrowser(t)
	for _, s := range []*site{first, second} {
		if text, at := b.visit(t, s.url+"/account"); at.Path != "/account" || !strings.HasPrefix(text, "alice is logged in as alice@example.org") {
			t.Fatalf("after the login the browser is at %s: %.200s", at, text)
		}
	}
	if text, at := b.visit(t, first.url+"/logout"); !strings.HasPrefix(at.String(), first.url) || text != "nobody is logged in" {
		t.Fatalf("after the logout the browser is at %s: %.200s", at, text)
	}

	client := second.client(p.issuer)
	for end := time.Now().Add(10 * time.Second); len(second.endedLogins()) == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
	}
	if got := second.endedLogins(); len(got) != 1 {
		t.Errorf("the notification ended %v", got)
	}
	if len(first.endedLogins()) != 0 {
		t.Errorf("the site that was not to be told ended %v", first.endedLogins())
	}
	p.wantSeen(t, client, event{Event: "notified"})
	// The browser still has the cookie of its session, which is worth nothing now.
	b.fill = nil
	resp, err := b.once(second.url + "/account")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		t.Error("the account page is shown after the logout")
	}
}

func (s *site) endedLogins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ended)
}
