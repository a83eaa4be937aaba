package readme

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
)

// newSite makes a site whose account page is for users who are logged in.
func newSite(options rp.Options) (http.Handler, error) {
	party, err := rp.New(rp.Config{
		Issuer:      "https://op.example",
		RedirectURI: "https://app.example/callback",
		Scope:       []string{"openid", "email"},
		Options:     options,
	}) // without a ClientID the party registers itself
	if err != nil {
		return nil, err
	}
	site := http.NewServeMux()
	site.Handle("/callback", party.Callback(nil))
	site.Handle("/account", party.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		login := rp.LoginOf(r.Context())
		fmt.Fprintln(w, "You are", login.Subject, login.UserInfo.Email)
	})))
	return site, nil
}

// hosts sends each request to the handler of its host.
type hosts map[string]http.RoundTripper

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	if t, ok := h[r.URL.Host]; ok {
		return t.RoundTrip(r)
	}
	return nil, optest.ErrHost
}

func TestSiteOfTheREADME(t *testing.T) {
	provider, err := optest.New()
	if err != nil {
		t.Fatal(err)
	}
	site, err := newSite(rp.Options{HTTP: rp.ClientOptions{Transport: provider.Transport()}})
	if err != nil {
		t.Fatal(err)
	}
	user := browser{t: t, Client: provider.Client()}
	user.Transport = hosts{
		"op.example":  provider.Transport(),
		"app.example": &optest.Transport{Host: "app.example", Handler: site},
	}
	got := user.visit("https://app.example/account")
	if got.address != "https://app.example/account" || got.status != http.StatusOK || got.body != "You are diana diana@op.example\n" {
		t.Errorf("the user ends at %+v", got)
	}

	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://app.example/account", nil))
	if w.Code == http.StatusOK || strings.Contains(w.Body.String(), "diana") {
		t.Errorf("a browser without a session: status %d %s", w.Code, w.Body)
	}
}
