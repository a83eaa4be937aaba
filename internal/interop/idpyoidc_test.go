package interop

import (
	"crypto/rand"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/servicecontext"
)

// python is the interpreter of the virtual environment that has idpyoidc.
var python = filepath.Join("idpyoidc", ".venv", "bin", "python")

var installPython = sync.OnceValue(func() error {
	if exec.Command(python, "-c", "import idpyoidc").Run() == nil {
		return nil
	}
	for _, command := range [][]string{
		{"python3", "-m", "venv", filepath.Join("idpyoidc", ".venv")},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", filepath.Join("idpyoidc", "requirements.txt")},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", command, err, out)
		}
	}
	return nil
})

func needPython(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		missing(t, "python3 is not installed")
	}
	if err := installPython(); err != nil {
		missing(t, "idpyoidc could not be installed: %v", err)
	}
}

// idpyoidc is the provider of that name, with the faults mended that keep a flow from
// being tested at all; idpyoidcAsItIs has them.
var (
	idpyoidc       = &common{need: needPython, start: func() (*provider, error) { return launchIdpyoidc(true) }}
	idpyoidcAsItIs = &common{need: needPython, start: func() (*provider, error) { return launchIdpyoidc(false) }}
)

func launchIdpyoidc(mended bool) (*provider, error) {
	return launch(map[string]any{"mended": mended}, true, python, filepath.Join("idpyoidc", "provider.py"))
}

// keyed is how a client gets along with idpyoidc: it registers keys, and its assertions
// are for the token endpoint.
var keyed = []string{"--token-endpoint-auth-method", "private_key_jwt", "--compat", "assertion_audience_token_endpoint"}

// TestIdpyoidcLogin: dynamic registration, code flow, signed UserInfo and logout.
func TestIdpyoidcLogin(t *testing.T) {
	t.Parallel()
	p := idpyoidc.get(t)
	r, exit, narration := walkthrough(t, p, slices.Concat([]string{
		"--issuer", p.issuer, "--scope", "openid email", "--logout", "--client-config", clientConfig(t, map[string]any{
			"userinfo_signed_response_alg": "ES256",
			"id_token_signed_response_alg": "ES256",
			// The name under which idpyoidc knows post_logout_redirect_uris.
			"post_logout_redirect_uri": "https://rp.example/logged-out",
		}),
	}, keyed)...)
	if exit != 0 {
		t.Fatalf("exit %d at %q, %v\n%s", exit, r.FailedStep, r.Error, narration)
	}
	wantInOrder(t, r.services(), "provider_info", "registration", "authorization", "accesstoken", "jwks", "userinfo", "end_session")
	wantPassed(t, r, "registration_response", "idtoken_signature", "idtoken_nonce", "userinfo_signature", "userinfo_iss", "userinfo_aud", "userinfo_sub")
	if r.IDToken["sub"] == nil || r.IDToken["sub"] != r.UserInfo["sub"] || r.UserInfo["email"] != "diana@example.org" {
		t.Errorf("ID Token %v, UserInfo %v", r.IDToken, r.UserInfo)
	}
	if !p.eventually("", func(e event) bool { return e.Event == "logged_out" }) {
		t.Errorf("the provider saw %v", p.seen())
	}
}

// TestIdpyoidcFeatures: what else works with it.
func TestIdpyoidcFeatures(t *testing.T) {
	for _, c := range []struct {
		name   string
		flags  []string
		client map[string]any
		rules  []string
	}{
		{name: "form_post", flags: []string{"--response-mode", "form_post"}, rules: []string{"authz_response_form_post"}},
		{
			name: "refresh", flags: []string{"--refresh", "--scope", "openid offline_access", "--prompt", "consent"},
			rules: []string{"refresh_iss", "refresh_sub", "refresh_aud"},
		},
		{
			name:   "UserInfo encrypted",
			client: encryptedUserInfo(t, "A128CBC-HS256"),
			rules:  []string{"userinfo_signature", "userinfo_not_encrypted"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := idpyoidc.get(t)
			arguments := slices.Concat([]string{"--issuer", p.issuer}, keyed, c.flags)
			if c.client != nil {
				arguments = append(arguments, "--client-config", clientConfig(t, c.client))
			}
			r, exit, narration := walkthrough(t, p, arguments...)
			if exit != 0 {
				t.Fatalf("exit %d at %q, %v\n%s", exit, r.FailedStep, r.Error, narration)
			}
			wantPassed(t, r, append(c.rules, "idtoken_signature", "userinfo_sub")...)
		})
	}
}

// encryptedUserInfo is a client that has UserInfo encrypted with RSA-OAEP-256 and enc.
func encryptedUserInfo(t *testing.T, enc string) map[string]any {
	t.Helper()
	return map[string]any{
		"userinfo_signed_response_alg": "ES256", "userinfo_encrypted_response_alg": "RSA-OAEP-256",
		"userinfo_encrypted_response_enc": enc, "jwks": clientKeys(t, "RSA-OAEP-256", "RS256"),
	}
}

// TestIdpyoidcFaults: what does not work with idpyoidc as it is, where that shows, and
// that it is reported as what it is.
func TestIdpyoidcFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		flags   []string
		client  map[string]any
		outcome string
		step    string
		rule    string
		fault   string // what the provider says
	}{
		{
			// A line of its log looks for the keys of every client.
			name: "a client without keys cannot register", outcome: "provider_error", step: "registration",
		},
		{
			// It takes an assertion that is meant for the token endpoint, and none for
			// the issuer (RFC 7523, Section 3, leaves both open; FAPI 2.0 wants this one).
			name: "an assertion for the issuer is refused", outcome: "provider_error", step: "accesstoken",
			flags: []string{"--token-endpoint-auth-method", "private_key_jwt"},
		},
		{
			// It offers the response type and registers it, and then looks for it under
			// another name.
			name: "a registered response type is refused", outcome: "provider_error", step: "authorization",
			flags: slices.Concat(keyed, []string{"--response-type", "code id_token"}),
		},
		{
			// It wants redirect_uri beside a request object as well, which Core, Section
			// 6.1, does not ask for.
			name: "a request object alone is refused", outcome: "provider_error", step: "authorization",
			flags: slices.Concat(keyed, []string{"--request-method", "request"}),
		},
		{
			name: "an ID Token that was to be encrypted comes in clear", outcome: "violation", step: "accesstoken", rule: "idtoken_not_encrypted",
			flags: keyed,
			client: map[string]any{
				"id_token_encrypted_response_alg": "RSA-OAEP-256", "id_token_encrypted_response_enc": "A128CBC-HS256", "jwks": clientKeys(t, "RSA-OAEP-256", "RS256"),
			},
		},
		{
			// "Use of an IV of size 96 bits is REQUIRED" (RFC 7518, Section 5.3): it takes 128.
			name: "AES-GCM has another initialization vector", outcome: "violation", step: "userinfo", rule: "jwe_error_uniform",
			flags: keyed, client: encryptedUserInfo(t, "A256GCM"),
		},
		{
			// Every request for a logout that a browser makes ends in a KeyError.
			name: "there is no logout", outcome: "transport", step: "end_session", fault: "KeyError('token')",
			flags: slices.Concat(keyed, []string{"--logout"}),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := idpyoidcAsItIs.get(t)
			arguments := append([]string{"--issuer", p.issuer}, c.flags...)
			if c.client != nil {
				arguments = append(arguments, "--client-config", clientConfig(t, c.client))
			}
			r, exit, _ := walkthrough(t, p, arguments...)
			if exit == 0 || r.Outcome != c.outcome || r.FailedStep != c.step || c.rule != "" && r.Error["rule"] != c.rule {
				t.Errorf("exit %d: %s at %s, %v", exit, r.Outcome, r.FailedStep, r.Error)
			}
			if c.fault != "" && !p.eventually("", func(e event) bool { return e.Event == "fault" && strings.Contains(e.Description, c.fault) }) {
				t.Errorf("the provider saw %v", p.seen())
			}
		})
	}
}

// TestIdpyoidcPostLogoutRedirectURIs: it forgets post_logout_redirect_uris, so that a
// logout with the return address that was registered is refused.
func TestIdpyoidcPostLogoutRedirectURIs(t *testing.T) {
	t.Parallel()
	p := idpyoidc.get(t)
	r, exit, _ := walkthrough(t, p, slices.Concat([]string{"--issuer", p.issuer, "--logout"}, keyed)...)
	if exit != 3 || r.FailedStep != "end_session" {
		t.Errorf("exit %d: %s at %s, %v", exit, r.Outcome, r.FailedStep, r.Error)
	}
	if !p.eventually("", func(e event) bool { return strings.Contains(e.Description, "No registered post_logout_redirect_uri") }) {
		t.Errorf("the provider saw %v", p.seen())
	}
}

// TestIdpyoidcBackchannelLogout: a person logs in at two sites and logs out at one: the
// later, since the provider's cookie knows only that.
func TestIdpyoidcBackchannelLogout(t *testing.T) {
	t.Parallel()
	needPython(t)
	// It notifies every client that the user ever logged in at, so this user is alone.
	p := alone(t, func() (*provider, error) { return launchIdpyoidc(true) })
	change := func(notified bool) func(base string, c *servicecontext.Config) {
		return func(base string, c *servicecontext.Config) {
			key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{Use: "sig", Algorithm: "ES256"})
			if err != nil {
				t.Fatal(err)
			}
			c.Keys = keyjar.NewSet(key)
			c.Compat.AssertionAudienceTokenEndpoint = true
			c.Metadata = message.ClientMetadata{TokenEndpointAuthMethod: "private_key_jwt", IDTokenSignedResponseAlg: "ES256"}
			if notified {
				c.Metadata.BackchannelLogoutURI = base + "/backchannel"
			}
			if err := c.Metadata.Extra.Set("post_logout_redirect_uri", base+"/logged-out"); err != nil {
				t.Fatal(err)
			}
		}
	}
	first, second := newSite(t, p, "127.0.0.1", change(true)), newSite(t, p, "localhost", change(false))
	b := newBrowser(t)
	for _, s := range []*site{first, second} {
		if text, at := b.visit(t, s.url+"/account"); at.Path != "/account" || !strings.Contains(text, "diana@example.org") {
			t.Fatalf("after the login the browser is at %s: %.200s", at, text)
		}
	}
	if text, at := b.visit(t, second.url+"/logout"); !strings.HasPrefix(at.String(), second.url) {
		t.Fatalf("after the logout the browser is at %s: %.200s", at, text)
	}
	for end := time.Now().Add(10 * time.Second); len(first.endedLogins()) == 0 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
	}
	if got := first.endedLogins(); len(got) != 1 {
		t.Errorf("the notification ended %v", got)
	}
}
