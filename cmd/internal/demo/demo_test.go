package demo

import (
	"crypto/tls"
	"crypto/x509"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/op/optest"
)

// started runs a demonstration over plain http.
func started(t *testing.T, change ...func(*Config)) *Demo {
	t.Helper()
	c := Config{Listen: "127.0.0.1:0", ProviderListen: "127.0.0.1:0", InsecureAllowHTTP: true}
	for _, f := range change {
		f(&c)
	}
	d, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// A visitor is a browser without scripts.
type visitor struct {
	*http.Client
	t *testing.T
	d *Demo
}

func visit(t *testing.T, d *Demo) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(d.CA)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{&http.Client{Jar: jar, Transport: transport}, t, d}
}

// secured is for a demonstration over https.
func secured(c *Config) { c.InsecureAllowHTTP = false }

// An answer is a page and how it came.
type answer struct {
	status int
	header http.Header
	body   string
	at     *url.URL
}

func (v *visitor) do(r *http.Request) answer {
	v.t.Helper()
	resp, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body), resp.Request.URL}
}

func (v *visitor) get(path string) answer {
	v.t.Helper()
	return v.open(v.d.URL + path)
}

// open opens an address of any site.
func (v *visitor) open(address string) answer {
	v.t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(r)
}

func (v *visitor) post(address string, form url.Values, header ...string) answer {
	v.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.d.URL + address
	}
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return v.do(r)
}

var (
	formPattern  = regexp.MustCompile(`<form id="(login|consent)" method="post" action="([^"]*)"`)
	fieldPattern = regexp.MustCompile(`<input type="(?:hidden|checkbox)"[^>]* name="([^"]*)" value="([^"]*)"`)
)

// through fills in the provider's pages until the browser is back.
func (v *visitor) through(page answer) answer {
	v.t.Helper()
	for range 4 {
		form := formPattern.FindStringSubmatch(page.body)
		if form == nil || strings.HasPrefix(page.at.String(), v.d.URL+"/") {
			return page
		}
		values := url.Values{"username": {optest.Username}, "password": {optest.Password}, "action": {"login"}}
		if form[1] == "consent" {
			values.Set("action", "allow")
		}
		for _, field := range fieldPattern.FindAllStringSubmatch(page.body, -1) {
			values.Add(field[1], html.UnescapeString(field[2]))
		}
		page = v.post(v.d.Issuer+form[2], values)
	}
	v.t.Fatal("the pages do not end")
	return answer{}
}

func (v *visitor) login(change ...string) answer {
	v.t.Helper()
	form := url.Values{"scope": {DefaultScope}, "force_consent": {"yes"}, "send": {"query"}, "response_type": {"code"}}
	for i := 0; i+1 < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return v.through(v.post("/login", form))
}

func (a answer) wants(t *testing.T, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(a.body, word) {
			t.Errorf("the page lacks %q", word)
		}
	}
}

// The flow needs no script, and every page of the application has the policy.
func TestWithoutScript(t *testing.T) {
	d := started(t)
	v := visit(t, d)
	first := v.get("/")
	if got := first.header.Get("Content-Security-Policy"); got != policy || !strings.Contains(got, "default-src 'none'") {
		t.Errorf("the policy is %q", got)
	}
	page := v.login()
	if page.at.String() != d.URL+"/" || page.status != http.StatusOK {
		t.Errorf("the login ended at %s with status %d", page.at, page.status)
	}
	page.wants(t, `id="user">Diana Krall<`, `id="subject">diana<`, "idtoken_nonce", "token_response")
	page.wants(t, "What the service context learnt", "<code>endpoints.authorization</code>", "<code>client_id</code>", "<code>jwks</code>",
		"What the state record gained", `<code class="item">auth_response</code>`, `<code class="item">token_response</code>`, `<code class="item">user_info</code>`,
		"<title id=\"diagram-title\">", "<desc id=\"diagram-description\">", "curl --silent")
	v.post("/refresh", nil).wants(t, "The tokens were renewed")
	v.post("/userinfo", nil).wants(t, "UserInfo answered")
	v.post("/call", url.Values{"operation": {"greeting"}}).wants(t, "The API answered with status 200")
	page = v.post("/logout", nil)
	if page.at.Host != strings.TrimPrefix(d.Issuer, "http://") && !strings.Contains(page.body, "You are signed out") {
		t.Errorf("the logout ended at %s:\n%s", page.at, page.body)
	}
	if again := v.get("/"); strings.Contains(again.body, `id="user"`) {
		t.Error("the user is still signed in")
	}
}

// Nothing secret is on the page or in what can be downloaded, unless it is asked for.
func TestSecretsAreMasked(t *testing.T) {
	d := started(t)
	v := visit(t, d)
	v.login()
	var login string
	for id := range d.hub.logins.of {
		login = id
	}
	token, err := d.heldToken(t.Context(), login, "access_token")
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := d.heldToken(t.Context(), login, "refresh_token")
	if err != nil {
		t.Fatal(err)
	}
	secret := d.party().ServiceContext(d.Issuer).Snapshot().ClientSecret()
	pages := func() string {
		all := v.get("/").body
		for format := range downloads {
			got := v.get("/conversation?format=" + format)
			if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") {
				t.Errorf("%s: status %d, %q", format, got.status, got.header.Get("Content-Disposition"))
			}
			all += got.body
		}
		return all
	}
	for name, value := range map[string]string{"access token": token.Reveal(), "refresh token": refresh.Reveal(), "client secret": secret.Reveal()} {
		if strings.Contains(pages(), value) {
			t.Errorf("the %s shows", name)
		}
	}
	v.post("/secrets", url.Values{"show": {"yes"}})
	for name, value := range map[string]string{"access token": token.Reveal(), "refresh token": refresh.Reveal()} {
		if !strings.Contains(pages(), value) {
			t.Errorf("the %s was asked for and does not show", name)
		}
	}
}

// What changes something is asked for on pages of our own.
func TestOtherSites(t *testing.T) {
	v := visit(t, started(t))
	for _, path := range []string{"/login", "/refresh", "/userinfo", "/call", "/revoke", "/secrets", "/clear", "/break", "/logout"} {
		if got := v.post(path, nil, "Sec-Fetch-Site", "cross-site", "Origin", "https://attacker.example"); got.status != http.StatusForbidden {
			t.Errorf("%s answers a request of another site with status %d", path, got.status)
		}
	}
}

// Two browsers see nothing of each other.
func TestBrowsersAreApart(t *testing.T) {
	d := started(t)
	first, second := visit(t, d), visit(t, d)
	first.login()
	if page := second.get("/"); strings.Contains(page.body, `id="step-`) || strings.Contains(page.body, `id="user"`) {
		t.Error("another browser sees the conversation")
	}
}

// Every setting of the form is in the conversation, in whichever way it travels.
func TestSettingsAreShown(t *testing.T) {
	d := started(t, secured)
	for _, send := range []string{"query", "request", "request_uri", "par"} {
		t.Run(send, func(t *testing.T) {
			v := visit(t, d)
			page := v.login("send", send, "scope", "openid phone", "acr", "urn:demo:password", "force_authn", "yes", "max_age", "77",
				"ui_locales", "de en", "login_hint", "diana", "claims", `{"id_token": {"auth_time": {"essential": true}}}`)
			page.wants(t, `id="subject">diana<`)
			shown := html.UnescapeString(page.body)
			for name, value := range map[string]string{
				"scope": "openid phone", "acr_values": "urn:demo:password", "max_age": "77", "ui_locales": "de en", "login_hint": "diana",
				"prompt": "login consent", "claims": "auth_time",
			} {
				one := regexp.MustCompile(`(?s)` + name + `(=|": ?"?)[^&]{0,60}` + regexp.QuoteMeta(value))
				if !one.MatchString(shown) {
					t.Errorf("the conversation lacks %s with %q", name, value)
				}
			}
			if (send == "request_uri") != strings.Contains(shown, ">request_object<") {
				t.Error("the conversation lacks that the provider fetches the request object, or invents it")
			}
		})
	}
}

// What cannot be understood is said beside the field, and nothing is sent.
func TestFieldFaults(t *testing.T) {
	v := visit(t, started(t))
	for field, value := range map[string]string{"max_age": "soon", "claims": `["email"]`} {
		page := v.login(field, value)
		page.wants(t, `id="field-fault"`, `aria-invalid="true"`, html.EscapeString(value))
		if strings.Contains(page.body, `id="step-`) {
			t.Errorf("%s: something was sent", field)
		}
	}
	if got := v.post("/login", url.Values{"send": {"pigeon"}}); got.status != http.StatusBadRequest {
		t.Errorf("an unknown way is answered with status %d", got.status)
	}
	if got := v.post("/break", url.Values{"fault": {"unknown"}}); got.status != http.StatusNotFound {
		t.Errorf("an unknown fault is answered with status %d", got.status)
	}
}

// Every entry of "break it" is caught by the rule that it was made for.
func TestFaults(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range faults {
		t.Run(f.ID, func(t *testing.T) {
			if seen[f.ID] || !f.Rule.Known() || f.Does == "" || f.Attack == "" {
				t.Errorf("the entry is not complete: %+v", f)
			}
			seen[f.ID] = true
			d := started(t)
			v := visit(t, d)
			v.through(v.post("/break", url.Values{"fault": {f.ID}})).wants(t,
				`id="problem-rule">`+string(f.Rule)+"<", "You broke it", `id="problem-spec">`, html.EscapeString(f.Does))
			if page := v.get("/"); strings.Contains(page.body, `id="user"`) {
				t.Error("somebody is logged in")
			}
		})
	}
}
