package op_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"html/template"
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

const callback = "https://rp.example/cb"

func provider(t testing.TB, knobs ...optest.Knob) *optest.Provider {
	t.Helper()
	p, err := optest.New(knobs...)
	if err != nil {
		t.Fatal(err)
	}
	metadata := message.ClientMetadata{
		RedirectURIs: []string{callback}, ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code"},
		TokenEndpointAuthMethod: message.AuthMethodNone, ClientName: `<b>"Evil" & Co</b>`, PolicyURI: "https://rp.example/policy",
	}
	if err := metadata.Extra.Set("client_name#de", "Böse"); err != nil {
		t.Fatal(err)
	}
	if err := p.AddClient(context.Background(), &endpoint.Client{ID: "rp", Metadata: metadata}); err != nil {
		t.Fatal(err)
	}
	return p
}

func authorizeURL(change ...string) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {"rp"}, "redirect_uri": {callback}, "scope": {"openid email"}, "state": {"s"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		q.Set(change[i], change[i+1])
	}
	return optest.Issuer + "/authorize?" + q.Encode()
}

type answer struct {
	*http.Response
	body string
}

func do(t testing.TB, c *http.Client, method, address, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(text)}
}

const form = "application/x-www-form-urlencoded"

var (
	action = regexp.MustCompile(`action="([^"]+)"`)
	ticket = regexp.MustCompile(`name="ticket" value="([^"]+)"`)
)

func submit(t testing.TB, c *http.Client, page answer, fields url.Values, header ...string) answer {
	t.Helper()
	found := ticket.FindStringSubmatch(page.body)
	if found == nil {
		t.Fatalf("no form on the page: %d %s", page.StatusCode, page.body)
	}
	fields.Set("ticket", found[1])
	return do(t, c, "POST", optest.Issuer+action.FindStringSubmatch(page.body)[1], fields.Encode(), append([]string{"Content-Type", form}, header...)...)
}

func credentials() url.Values {
	return url.Values{"username": {optest.Username}, "password": {optest.Password}, "action": {"login"}}
}

func TestPagesAreGuarded(t *testing.T) {
	p := provider(t)
	c := p.Client()
	login := do(t, c, "GET", authorizeURL(), "")
	consent := submit(t, c, login, credentials())
	for name, page := range map[string]answer{
		"login": login, "consent": consent, "error": do(t, c, "GET", optest.Issuer+"/authorize", ""),
		"not found": do(t, c, "GET", optest.Issuer+"/nowhere", ""), "logout": do(t, c, "GET", optest.Issuer+"/end_session", ""),
		"account": do(t, c, "GET", authorizeURL("prompt", "select_account"), ""),
	} {
		h := page.Header
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", name, policy)
		}
		if h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: header %v", name, h)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may be read by other origins", name)
		}
		for _, forbidden := range []string{"<script", "onload", "<b>", "<img", "<link", "javascript:"} {
			if strings.Contains(page.body, forbidden) {
				t.Errorf("%s holds %s:\n%s", name, forbidden, page.body)
			}
		}
		for _, wanted := range []string{`<html lang="en">`, `<title>`, `<h1`} {
			if !strings.Contains(page.body, wanted) {
				t.Errorf("%s lacks %s", name, wanted)
			}
		}
	}
	if !strings.Contains(login.body, "&lt;b&gt;&#34;Evil&#34; &amp; Co&lt;/b&gt;") || !strings.Contains(login.body, `href="https://rp.example/policy"`) {
		t.Errorf("the client is not named: %s", login.body)
	}
}

// The ids and names that automatic browsers rely on.
func TestStableNames(t *testing.T) {
	p := provider(t)
	c := p.Client()
	page := do(t, c, "GET", authorizeURL("login_hint", "di"), "")
	for _, wanted := range []string{`id="login"`, `id="username" name="username" value="di"`, `id="password" name="password"`, `id="submit"`, `name="action" value="login"`, `value="deny"`} {
		if !strings.Contains(page.body, wanted) {
			t.Errorf("login page lacks %s", wanted)
		}
	}
	page = submit(t, c, page, credentials())
	for _, wanted := range []string{`id="consent"`, `id="scope_email" name="scope" value="email" checked`, `name="action" value="allow"`, `value="deny"`} {
		if !strings.Contains(page.body, wanted) {
			t.Errorf("consent page lacks %s", wanted)
		}
	}
}

func TestLanguages(t *testing.T) {
	p := provider(t)
	for _, c := range []struct{ accept, locales, want string }{
		{"", "", "Log in"}, {"de-AT,en;q=0.5", "", "Anmelden"}, {"fr", "", "Log in"}, {"en", "de", "Anmelden"}, {"de", "xx en", "Log in"},
		{"en;q=0.5, de", "", "Anmelden"}, {"en;q=0.1,DE-at;Q=0.9", "", "Anmelden"}, {"de;q=0, en", "", "Log in"}, {"de;q=x", "", "Log in"}, {";,;q=,-", "", "Log in"},
		// Looking up every part of a tag without end would be work without end.
		{"de" + strings.Repeat("-a", 49), "", "Anmelden"}, {"de" + strings.Repeat("-a", 50), "", "Log in"}, {"", "de" + strings.Repeat("-a", 50), "Log in"},
	} {
		page := do(t, p.Client(), "GET", authorizeURL("ui_locales", c.locales), "", "Accept-Language", c.accept)
		if !strings.Contains(page.body, "<h1>"+c.want+"</h1>") {
			t.Errorf("%+v: %s", c, page.body)
		}
		if got := strings.Contains(page.body, "Böse"); got != (c.want == "Anmelden") {
			t.Errorf("%+v: the client's name in German: %v", c, got)
		}
	}
	// A variant has its own texts, and those of its language for the rest.
	t.Run("variants", func(t *testing.T) {
		p := provider(t, func(c *op.Config) {
			c.Texts = map[string]map[string]string{"de-CH": {"login_title": "Iilogge"}, "zh-Hant": {"login_title": "登入"}}
		})
		for accept, want := range map[string][]string{
			"de-CH": {"Iilogge", "Passwort"}, "de-ch-x-bern": {"Iilogge", "Passwort"}, "de-AT": {"Anmelden", "Passwort"}, "zh-hant-TW": {"登入", "Password"}, "zh": {"Log in", "Password"},
		} {
			page := do(t, p.Client(), "GET", authorizeURL(), "", "Accept-Language", accept)
			if !strings.Contains(page.body, "<h1>"+want[0]+"</h1>") || !strings.Contains(page.body, ">"+want[1]+"</label>") {
				t.Errorf("%s: %s", accept, page.body)
			}
			if got := strings.Contains(page.body, "Böse"); got != (want[1] == "Passwort") {
				t.Errorf("%s: the client's name in German: %v", accept, got)
			}
		}
	})
	t.Run("further texts and templates", func(t *testing.T) {
		own := template.Must(template.New("error.html").Parse(`<p>{{.Text.error_title}} {{.Code}}</p>`))
		p := provider(t, func(c *op.Config) {
			c.Texts = map[string]map[string]string{"sv": {"error_title": "Det gick inte"}}
			c.Templates = own
		})
		page := do(t, p.Client(), "GET", optest.Issuer+"/authorize", "", "Accept-Language", "sv")
		if page.body != "<p>Det gick inte invalid_request</p>" {
			t.Errorf("page %s", page.body)
		}
	})
}

// Every language has every text.
func TestTextsAreComplete(t *testing.T) {
	keys := slices.Sorted(maps.Keys(op.PageTexts["en"]))
	for lang, texts := range op.PageTexts {
		if got := slices.Sorted(maps.Keys(texts)); !slices.Equal(got, keys) {
			t.Errorf("%s has other keys than en", lang)
		}
	}
}

func TestCookies(t *testing.T) {
	p := provider(t)
	c := p.Client()
	login := do(t, c, "GET", authorizeURL(), "")
	consent := submit(t, c, login, credentials())
	seen := map[string]*http.Cookie{}
	for _, cookie := range append(login.Cookies(), consent.Cookies()...) {
		seen[cookie.Name] = cookie
		if !cookie.Secure || !cookie.HttpOnly || cookie.Path != "/" || cookie.Domain != "" || len(cookie.Value) != 43 {
			t.Errorf("cookie %v", cookie)
		}
	}
	if s := seen["__Host-op_session"]; s == nil || s.SameSite != http.SameSiteNoneMode {
		t.Errorf("session %v", s)
	}
	if b := seen["__Host-op_browser"]; b == nil || b.SameSite != http.SameSiteLaxMode {
		t.Errorf("browser %v", b)
	}
	t.Run("one name twice", func(t *testing.T) {
		// One of the two was set by somebody else, so that neither is the session's.
		session := "__Host-op_session=" + seen["__Host-op_session"].Value
		for cookies, want := range map[string]string{session: "consent_required", session + "; " + session: "login_required"} {
			back := do(t, p.Client(), "GET", authorizeURL("prompt", "none"), "", "Cookie", cookies)
			if !strings.Contains(back.Header.Get("Location"), "error="+want) {
				t.Errorf("%s: %d %s", want, back.StatusCode, back.Header.Get("Location"))
			}
		}
	})
	t.Run("plain http", func(t *testing.T) {
		p := provider(t, func(c *op.Config) { c.Issuer, c.InsecureAllowHTTP = "http://127.0.0.1:8080", true })
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest("GET", strings.Replace(authorizeURL(), optest.Issuer, "http://127.0.0.1:8080", 1), nil))
		cookies := w.Result().Cookies()
		if len(cookies) != 1 || cookies[0].Name != "op_browser" || cookies[0].Secure {
			t.Errorf("cookies %v", cookies)
		}
	})
	t.Run("a name that comes twice", func(t *testing.T) {
		bare := p.Client()
		bare.Jar = nil
		r := do(t, bare, "GET", authorizeURL("prompt", "none"), "", "Cookie", "__Host-op_session=a; __Host-op_session="+seen["__Host-op_session"].Value)
		if !strings.Contains(r.Header.Get("Location")+r.body, "login_required") {
			t.Errorf("%d %v", r.StatusCode, r.Header)
		}
	})
}

func TestInteractionIsGuarded(t *testing.T) {
	p := provider(t)
	c := p.Client()
	page := do(t, c, "GET", authorizeURL(), "")
	address := optest.Issuer + "/interaction/authorization"
	for name, r := range map[string]answer{
		"GET":           do(t, c, "GET", address, ""),
		"JSON":          do(t, c, "POST", address, "{}", "Content-Type", "application/json"),
		"another site":  submit(t, c, page, credentials(), "Sec-Fetch-Site", "cross-site"),
		"a sibling":     submit(t, c, page, credentials(), "Sec-Fetch-Site", "same-site"),
		"no ticket":     do(t, c, "POST", address, credentials().Encode(), "Content-Type", form),
		"no endpoint":   do(t, c, "POST", optest.Issuer+"/interaction/nothing", "", "Content-Type", form),
		"another step":  do(t, c, "POST", optest.Issuer+"/interaction/token", credentials().Encode(), "Content-Type", form),
		"other browser": submit(t, p.Client(), page, credentials()),
	} {
		if r.StatusCode < 400 || r.StatusCode >= 500 || r.Header.Get("Location") != "" {
			t.Errorf("%s: %d", name, r.StatusCode)
		}
		if name == "GET" && (r.StatusCode != 405 || r.Header.Get("Allow") != "POST") {
			t.Errorf("%s: %d %v", name, r.StatusCode, r.Header)
		}
	}
}

func TestMethodsAndBodies(t *testing.T) {
	p := provider(t)
	c := p.Client()
	for _, tt := range []struct {
		method, path, body, contentType string
		status                          int
		allow                           string
	}{
		{"GET", "/token", "", "", 405, "POST"},
		{"PUT", "/authorize", "", "", 405, "GET, POST"},
		{"OPTIONS", "/authorize", "", "", 405, "GET, POST"},
		{"POST", "/token", "grant_type=x", "text/plain", 400, ""},
		{"POST", "/token", strings.Repeat("x", 64<<10+1), form, 413, ""},
		{"POST", "/register", strings.Repeat(" ", 64<<10+1), "application/json", 413, ""},
		{"GET", "/userinfo?" + strings.Repeat("x", 32<<10+1), "", "", 414, ""},
		{"POST", "/authorize", strings.Repeat("x", 64<<10+1), form, 413, ""},
		{"HEAD", "/jwks", "", "", 200, ""},
		{"GET", "/.well-known/oauth-authorization-server", "", "", 200, ""},
		{"GET", "/token/", "", "", 404, ""},
	} {
		r := do(t, c, tt.method, optest.Issuer+tt.path, tt.body, "Content-Type", tt.contentType)
		if r.StatusCode != tt.status || r.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %.30s: %d, Allow %q", tt.method, tt.path, r.StatusCode, r.Header.Get("Allow"))
		}
		if tt.method == "HEAD" && r.body != "" {
			t.Errorf("a body for HEAD: %s", r.body)
		}
	}
}

func TestCORS(t *testing.T) {
	p := provider(t)
	c := p.Client()
	for _, d := range p.Endpoints().All() {
		r := do(t, c, "OPTIONS", d.URL, "", "Origin", "https://app.example", "Access-Control-Request-Method", d.Methods[0])
		if got := r.Header.Get("Access-Control-Allow-Origin") == "*"; got != d.CORS || r.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", d.Name, r.Header)
		}
		if d.CORS && r.StatusCode != 204 {
			t.Errorf("%s: preflight %d", d.Name, r.StatusCode)
		}
		if d.Browser && d.CORS {
			t.Errorf("%s is for browsers and readable by scripts", d.Name)
		}
	}
	refused := do(t, c, "GET", optest.Issuer+"/userinfo", "", "Origin", "https://app.example")
	if refused.Header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(refused.Header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate") {
		t.Errorf("a refusal: %v", refused.Header)
	}
}

func TestForwardedHeaders(t *testing.T) {
	seen := make(chan string, 1)
	spy := func(c *op.Config) {
		c.Settings = map[string]endpoint.Settings{"jwks": {PostConstruct: []endpoint.ResponseHook{func(_ context.Context, s *endpoint.Step, _ *endpoint.Response) error {
			seen <- s.Request.RemoteAddr
			return nil
		}}}}
	}
	ask := func(p *optest.Provider, from, header string) string {
		transport := p.Transport().(*optest.Transport)
		transport.RemoteAddr = from
		do(t, &http.Client{Transport: transport}, "GET", optest.Issuer+"/jwks", "", "X-Forwarded-For", header)
		return <-seen
	}
	plain := provider(t, spy)
	if got := ask(plain, "198.51.100.1:7", "203.0.113.9"); got != "198.51.100.1" {
		t.Errorf("believed a stranger: %s", got)
	}
	behind := provider(t, spy, func(c *op.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
	for header, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "1.1.1.1, 203.0.113.9": "203.0.113.9", "203.0.113.9, 10.0.0.2": "203.0.113.9",
		"nonsense": "10.0.0.1", "": "10.0.0.1", "1.1.1.1, nonsense": "10.0.0.1",
	} {
		if got := ask(behind, "10.0.0.1:7", header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
	if got := ask(behind, "198.51.100.1:7", "203.0.113.9"); got != "198.51.100.1" {
		t.Errorf("past the proxy: %s", got)
	}
}

func TestCertificateHeader(t *testing.T) {
	seen := make(chan [][]byte, 1)
	p := provider(t, func(c *op.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		c.CertificateHeader = "X-Client-Cert"
		c.Settings = map[string]endpoint.Settings{"jwks": {PostConstruct: []endpoint.ResponseHook{func(_ context.Context, s *endpoint.Step, _ *endpoint.Response) error {
			seen <- s.Request.PeerCertificates
			return nil
		}}}}
	})
	cert := url.QueryEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("der")})))
	for from, want := range map[string]int{"10.0.0.1:7": 1, "198.51.100.1:7": 0} {
		transport := p.Transport().(*optest.Transport)
		transport.RemoteAddr = from
		do(t, &http.Client{Transport: transport}, "GET", optest.Issuer+"/jwks", "", "X-Client-Cert", cert)
		if got := <-seen; len(got) != want {
			t.Errorf("%s: %d certificates", from, len(got))
		}
	}
}

// outside answers what clients publish and collects what they are sent.
type outside struct {
	mu    sync.Mutex
	docs  map[string]string
	asked []string
}

func (o *outside) RoundTrip(r *http.Request) (*http.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, r.Method+" "+r.URL.String())
	if len(r.Header["Cookie"])+len(r.Header["Authorization"]) > 0 {
		return nil, errors.New("credentials on an address of a client")
	}
	doc, there := o.docs[r.URL.String()]
	w := httptest.NewRecorder()
	switch {
	case strings.HasPrefix(doc, "https://"):
		w.Header().Set("Location", doc)
		w.WriteHeader(http.StatusFound)
	case !there:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.WriteString(doc)
	}
	return w.Result(), nil
}

func TestOutboundPolicy(t *testing.T) {
	out := &outside{docs: map[string]string{
		"https://rp.example/sector":   `["` + callback + `"]`,
		"https://rp.example/redirect": "https://rp.example/sector",
		"https://rp.example/huge":     strings.Repeat(" ", 64<<10) + `["` + callback + `"]`,
	}}
	p := provider(t, func(c *op.Config) { c.Outbound = out })
	register := func(address string) int {
		return do(t, p.Client(), "POST", optest.Issuer+"/register", `{"redirect_uris":["`+callback+`"],"sector_identifier_uri":"`+address+`"}`, "Content-Type", "application/json").StatusCode
	}
	for address, want := range map[string]int{
		"https://rp.example/sector": 201, "https://rp.example/redirect": 400, "https://rp.example/huge": 400, "https://rp.example/missing": 400,
		"http://rp.example/sector": 400, "file:///etc/passwd": 400,
	} {
		if got := register(address); got != want {
			t.Log(out.asked)
			t.Errorf("%s: %d, want %d", address, got, want)
		}
	}
	for _, asked := range out.asked {
		if !strings.HasPrefix(asked, "GET https://rp.example/") {
			t.Errorf("asked %s", asked)
		}
	}
}

func TestPrivateAddressesAreOutOfReach(t *testing.T) {
	var hits int
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer server.Close()
	p := provider(t)
	r := do(t, p.Client(), "POST", optest.Issuer+"/register", `{"redirect_uris":["`+callback+`"],"sector_identifier_uri":"`+server.URL+`"}`, "Content-Type", "application/json")
	if r.StatusCode != 400 || hits != 0 {
		t.Errorf("%d, %d hits", r.StatusCode, hits)
	}
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "127.0.0.1": false, "10.1.2.3": false, "169.254.169.254": false, "100.64.0.1": false, "::1": false,
		"::ffff:127.0.0.1": false, "fe80::1": false, "fec0::1": false, "fd00::1": false, "3fff::1": false, "5f00::1": false, "::7f00:1": false, "224.0.0.1": false, "0.0.0.0": false, "64:ff9b::7f00:1": false, "255.255.255.255": false,
	} {
		if got := op.MayReach(netip.MustParseAddr(text), nil); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	for _, allowed := range []string{"127.0.0.1", "::ffff:127.0.0.1"} {
		if !op.MayReach(netip.MustParseAddr(allowed), []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}) {
			t.Errorf("%s: an address that the operator allows", allowed)
		}
	}
}

// No secret of a whole login is in the log.
func TestLogHoldsNoSecrets(t *testing.T) {
	var log bytes.Buffer
	p := provider(t, func(c *op.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	c := p.Client()
	page := do(t, c, "GET", authorizeURL(), "")
	wrong := credentials()
	wrong.Set("password", "not the pass word")
	page = submit(t, c, page, wrong)
	page = submit(t, c, page, credentials())
	back := submit(t, c, page, url.Values{"action": {"allow"}, "scope": {"email"}})
	location, err := url.Parse(back.Header.Get("Location"))
	if err != nil || location.Query().Get("code") == "" {
		t.Fatal(err, back.body)
	}
	redeem := url.Values{"grant_type": {"authorization_code"}, "code": {location.Query().Get("code")}, "redirect_uri": {callback},
		"client_id": {"rp"}, "code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}}
	for range 2 {
		do(t, c, "POST", optest.Issuer+"/token", redeem.Encode(), "Content-Type", form)
	}
	for _, secret := range []string{location.Query().Get("code"), "not the pass word", optest.Password, redeem.Get("code_verifier")} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, log.String())
		}
	}
	if !strings.Contains(log.String(), "op_code_replay") {
		t.Errorf("the replay is not in the log:\n%s", log.String())
	}
}

func TestServesOverASocket(t *testing.T) {
	var handler http.Handler
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer server.Close()
	p := provider(t, func(c *op.Config) { c.Issuer = server.URL + "/tenant" })
	handler = p
	c := server.Client()
	c.Timeout = 5 * time.Second
	r := do(t, c, "GET", server.URL+"/tenant/.well-known/openid-configuration", "")
	if r.StatusCode != 200 || !strings.Contains(r.body, `"issuer":"`+server.URL+`/tenant"`) {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	r = do(t, c, "GET", strings.Replace(authorizeURL(), optest.Issuer, server.URL+"/tenant", 1), "")
	if !strings.Contains(r.body, `action="/tenant/interaction/authorization"`) {
		t.Errorf("page %s", r.body)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, knob := range map[string]optest.Knob{
		"issuer":   func(c *op.Config) { c.Issuer = "http://op.example" },
		"settings": func(c *op.Config) { c.Settings = map[string]endpoint.Settings{"nothing": {}} },
	} {
		if _, err := optest.New(knob); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// atLogout runs a login, and a logout that tells a client on both channels up to the last
// answer of the user, which end gives.
func atLogout(t *testing.T, out http.RoundTripper, frame string) (p *optest.Provider, end func() answer) {
	t.Helper()
	p = provider(t, func(c *op.Config) { c.Outbound = out })
	metadata := message.ClientMetadata{
		RedirectURIs: []string{callback}, ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code"},
		TokenEndpointAuthMethod: message.AuthMethodNone, FrontchannelLogoutURI: frame, BackchannelLogoutURI: "https://rp.example/back",
		PostLogoutRedirectURIs: []string{"https://rp.example/bye"},
	}
	if err := p.AddClient(context.Background(), &endpoint.Client{ID: "rp", Metadata: metadata, Trusted: true}); err != nil {
		t.Fatal(err)
	}
	c := p.Client()
	submit(t, c, do(t, c, "GET", authorizeURL(), ""), credentials())
	page := do(t, c, "GET", optest.Issuer+"/end_session?client_id=rp&post_logout_redirect_uri="+url.QueryEscape("https://rp.example/bye"), "")
	return p, func() answer { return submit(t, c, page, url.Values{"action": {"allow"}}) }
}

// logout ends a session and returns when its client was told.
func logout(t *testing.T, out http.RoundTripper, frame string) answer {
	t.Helper()
	p, end := atLogout(t, out, frame)
	done := end()
	p.Wait()
	return done
}

func TestLogoutFrames(t *testing.T) {
	page := logout(t, &outside{}, `https://rp.example/front?a="><script>&b=c`)
	if page.StatusCode != 200 || !strings.Contains(page.body, `<iframe src="https://rp.example/front?a=%22%3e%3cscript%3e&amp;b=c"`) || strings.Contains(page.body, "<script") {
		t.Errorf("%d %s", page.StatusCode, page.body)
	}
	if !strings.Contains(page.body, `href="https://rp.example/bye"`) || !strings.Contains(page.body, "2;url=https://rp.example/bye") {
		t.Errorf("nowhere to go: %s", page.body)
	}
	if policy := page.Header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "; frame-src https://rp.example") {
		t.Errorf("policy %s", policy)
	}
}

func TestNotificationsAreDelivered(t *testing.T) {
	good := &outside{docs: map[string]string{"https://rp.example/back": "ok"}}
	logout(t, good, "https://rp.example/front")
	if !slices.Equal(good.asked, []string{"POST https://rp.example/back"}) {
		t.Errorf("asked %v", good.asked)
	}
	// A redirect is not followed, and a failure is not repeated.
	bad := &outside{docs: map[string]string{"https://rp.example/back": "https://rp.example/elsewhere"}}
	logout(t, bad, "https://rp.example/front")
	if !slices.Equal(bad.asked, []string{"POST https://rp.example/back"}) {
		t.Errorf("asked %v", bad.asked)
	}
}

// slow answers after a while.
type slow time.Duration

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(time.Duration(s)):
	case <-r.Context().Done():
	}
	return nil, errors.New("too late")
}

// The client is told before the browser comes back to it, unless that takes too long.
func TestNotifiedBeforeTheBrowserGoesOn(t *testing.T) {
	for takes, want := range map[time.Duration]time.Duration{time.Second: time.Second, time.Hour: 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			p, end := atLogout(t, slow(takes), "")
			begun := time.Now()
			if page := end(); page.StatusCode != 303 || time.Since(begun) != want {
				t.Errorf("%d after %v, want %v", page.StatusCode, time.Since(begun), want)
			}
			p.Wait()
		})
	}
}

// The server of a client is trusted by the authorities that the operator named.
func TestOutboundCAs(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`["` + callback + `"]`)) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	known := x509.NewCertPool()
	known.AddCert(server.Certificate())
	for want, roots := range map[int]*x509.CertPool{201: known, 400: x509.NewCertPool()} {
		p := provider(t, func(c *op.Config) {
			c.Outbound, c.OutboundCAs, c.OutboundAllow = nil, roots, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
		r := do(t, p.Client(), "POST", optest.Issuer+"/register", `{"redirect_uris":["`+callback+`"],"sector_identifier_uri":"`+server.URL+`"}`, "Content-Type", "application/json")
		if r.StatusCode != want {
			t.Errorf("%d, want %d: %s", r.StatusCode, want, r.body)
		}
	}
}
