package op_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// creating are users among whom one can make an account.
type creating struct{ optest.Users }

func (u creating) CreateAccount(_ context.Context, username string, password message.Secret) (endpoint.Authentication, bool, error) {
	u.Users[username] = optest.Account{Password: password.Reveal(), User: endpoint.User{ID: username}}
	return endpoint.Authentication{User: username}, true, nil
}

func TestCreatePage(t *testing.T) {
	p := provider(t, func(c *op.Config) { c.Users = creating{optest.Users{}} })
	c := p.Client()
	page := do(t, c, "GET", authorizeURL("prompt", "create", "login_hint", "eve"), "")
	for _, wanted := range []string{"<h1>Create an account</h1>", `id="create"`, `name="username" value="eve"`, `autocomplete="new-password"`, `value="create"`, `value="login"`, `value="deny"`} {
		if !strings.Contains(page.body, wanted) {
			t.Errorf("the page lacks %s", wanted)
		}
	}
	page = submit(t, c, page, url.Values{"username": {"eve"}, "password": {"long enough"}, "action": {"create"}})
	if !strings.Contains(page.body, `id="consent"`) {
		t.Errorf("after the account: %d %s", page.StatusCode, page.body)
	}
}

const mutualBase = "https://mtls.op.example"

// The second server has the aliases and nothing for browsers.
func TestMutualTLSServer(t *testing.T) {
	p := provider(t, func(c *op.Config) { c.Policy.MutualTLS, c.Policy.MutualTLSBase = true, mutualBase })
	meta := do(t, p.Client(), "GET", optest.Issuer+"/.well-known/openid-configuration", "")
	var m message.ProviderMetadata
	if err := message.DecodeJSON([]byte(meta.body), &m); err != nil {
		t.Fatal(err)
	}
	second := &http.Client{Transport: &optest.Transport{Host: "mtls.op.example", Handler: p.MutualTLS()}}
	for name, alias := range m.MTLSEndpointAliases {
		got := do(t, second, "POST", alias, "", "Content-Type", form)
		var e struct{ Error string }
		if err := json.Unmarshal([]byte(got.body), &e); name != "userinfo_endpoint" && (err != nil || e.Error == "" || got.StatusCode >= 500) {
			t.Errorf("%s at %s: %d %s", name, alias, got.StatusCode, got.body)
		}
		if name == "userinfo_endpoint" && got.StatusCode != 401 {
			t.Errorf("%s at %s: %d", name, alias, got.StatusCode)
		}
	}
	if len(m.MTLSEndpointAliases) < 5 {
		t.Errorf("aliases %v", m.MTLSEndpointAliases)
	}
	for _, path := range []string{"/authorize", "/register", "/.well-known/openid-configuration", "/interaction/authorization", "/"} {
		if got := do(t, second, "GET", mutualBase+path, ""); got.StatusCode != 404 {
			t.Errorf("%s is there: %d", path, got.StatusCode)
		}
	}
}
