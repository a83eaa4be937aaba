package rp_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
)

// Both sides over TLS and sockets, as they are deployed.
func TestLoginOverTLS(t *testing.T) {
	opServer := httptest.NewUnstartedServer(nil)
	opServer.StartTLS()
	defer opServer.Close()
	provider, err := optest.New(func(c *op.Config) { c.Issuer = opServer.URL })
	if err != nil {
		t.Fatal(err)
	}
	opServer.Config.Handler = provider

	mux := http.NewServeMux()
	appServer := httptest.NewTLSServer(mux)
	defer appServer.Close()
	pool := x509.NewCertPool()
	pool.AddCert(opServer.Certificate())
	pool.AddCert(appServer.Certificate())

	for name, o := range map[string]rp.ClientOptions{"new connections": {RootCAs: pool}, "kept connections": {RootCAs: pool, KeepAlives: true}} {
		t.Run(name, func(t *testing.T) {
			prefix := "/" + strings.Fields(name)[0]
			party, err := rp.New(rp.Config{
				Issuer: opServer.URL, RedirectURI: appServer.URL + prefix + "/callback", PostLogoutRedirectURI: appServer.URL + prefix + "/goodbye",
				Scope: []string{"email"}, Options: rp.Options{HTTP: o, AfterLogout: prefix + "/bye"},
			})
			if err != nil {
				t.Fatal(err)
			}
			mux.Handle(prefix+"/callback", party.Callback(nil))
			mux.Handle(prefix+"/logout", party.Logout())
			mux.Handle(prefix+"/goodbye", party.LoggedOut())
			mux.HandleFunc(prefix+"/bye", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "bye") })
			mux.Handle(prefix+"/", party.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, "hello ", rp.LoginOf(r.Context()).UserInfo.Email)
			})))
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			browser := appServer.Client()
			browser.Jar = jar
			pool := browser.Transport.(*http.Transport).TLSClientConfig.RootCAs
			pool.AddCert(opServer.Certificate())

			resp, err := browser.Get(appServer.URL + prefix + "/page")
			if err != nil {
				t.Fatal(err)
			}
			body := readAll(t, resp)
			for strings.Contains(body, "<form") {
				form := formPattern.FindStringSubmatch(body)
				values := url.Values{"username": {optest.Username}, "password": {optest.Password}, "action": {"login"}}
				if strings.Contains(body, `id="consent"`) {
					values.Set("action", "allow")
				}
				for _, field := range inputPattern.FindAllStringSubmatch(body, -1) {
					values.Add(field[1], field[2])
				}
				if resp, err = browser.PostForm(resolve(resp.Request.URL, form[1]), values); err != nil {
					t.Fatal(err)
				}
				body = readAll(t, resp)
			}
			if body != "hello diana@op.example" || resp.Request.URL.Path != prefix+"/page" {
				t.Fatalf("%d at %s: %s", resp.StatusCode, resp.Request.URL, body)
			}
			r, err := http.NewRequest(http.MethodPost, appServer.URL+prefix+"/logout", nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp, err = browser.Do(r); err != nil {
				t.Fatal(err)
			}
			if body := readAll(t, resp); body != "bye" {
				t.Errorf("%d at %s: %s", resp.StatusCode, resp.Request.URL, body)
			}
		})
	}
}
