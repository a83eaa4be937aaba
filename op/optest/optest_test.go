package optest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op"
	"github.com/oidcservice/oidc/op/optest"
)

// browser is a user agent that fills in forms.
type browser struct {
	*http.Client
	t *testing.T
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	resp, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (b *browser) get(url string) answer {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) send(method, url, contentType, body string, header ...string) answer {
	b.t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return b.do(r)
}

func (b *browser) post(url string, form url.Values, header ...string) answer {
	b.t.Helper()
	return b.send(http.MethodPost, url, "application/x-www-form-urlencoded", form.Encode(), header...)
}

var (
	actionPattern = regexp.MustCompile(`<form id="([a-z_]+)" method="post" action="([^"]+)"`)
	ticketPattern = regexp.MustCompile(`name="ticket" value="([^"]+)"`)
	scopePattern  = regexp.MustCompile(`name="scope" value="([^"]+)"`)
)

// submit fills in the page's form.
func (b *browser) submit(page answer, id string, fields url.Values) answer {
	b.t.Helper()
	form := actionPattern.FindStringSubmatch(page.body)
	if form == nil || form[1] != id {
		b.t.Fatalf("want the form %s; status %d, page:\n%s", id, page.status, page.body)
	}
	fields.Set("ticket", ticketPattern.FindStringSubmatch(page.body)[1])
	for _, scope := range scopePattern.FindAllStringSubmatch(page.body, -1) {
		fields.Add("scope", scope[1])
	}
	return b.post(optest.Issuer+form[2], fields)
}

func newBrowser(t *testing.T, p *optest.Provider) *browser { return &browser{p.Client(), t} }

func object(t *testing.T, a answer) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("status %d, body %s: %v", a.status, a.body, err)
	}
	return m
}

const callback = "https://rp.example/cb"

func TestWholeConversation(t *testing.T) {
	p, err := optest.New()
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, p)
	jrd := object(t, b.get(optest.Issuer+"/.well-known/webfinger?resource="+url.QueryEscape(optest.Identifier)))
	if jrd["subject"] != optest.Identifier {
		t.Fatalf("jrd %v", jrd)
	}
	meta := object(t, b.get(optest.Issuer+"/.well-known/openid-configuration"))
	if meta["issuer"] != optest.Issuer {
		t.Fatalf("metadata %v", meta)
	}
	client := object(t, b.send("POST", meta["registration_endpoint"].(string), "application/json",
		`{"redirect_uris":["`+callback+`"],"grant_types":["authorization_code","refresh_token"],"post_logout_redirect_uris":["https://rp.example/bye"],"client_name":"A & B"}`))
	id, _ := client["client_id"].(string)
	secret, _ := client["client_secret"].(string)
	if id == "" || secret == "" {
		t.Fatalf("client %v", client)
	}
	verifier := strings.Repeat("v", 50)
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {id}, "redirect_uri": {callback}, "scope": {"openid email offline_access"},
		"state": {"the state"}, "nonce": {"n-0S6"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	page := b.get(meta["authorization_endpoint"].(string) + "?" + query.Encode())
	page = b.submit(page, "login", url.Values{"username": {optest.Username}, "password": {"wrong"}, "action": {"login"}})
	page = b.submit(page, "login", url.Values{"username": {optest.Username}, "password": {optest.Password}, "action": {"login"}})
	redirect := b.submit(page, "consent", url.Values{"action": {"allow"}})
	if redirect.status != http.StatusSeeOther {
		t.Fatalf("status %d %s", redirect.status, redirect.body)
	}
	location, err := url.Parse(redirect.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	got := location.Query()
	if got.Get("state") != "the state" || got.Get("iss") != optest.Issuer || got.Get("code") == "" {
		t.Fatalf("redirect %v", location)
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
	redeem := url.Values{"grant_type": {"authorization_code"}, "code": {got.Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	tokens := object(t, b.post(meta["token_endpoint"].(string), redeem, "Authorization", basic))
	for _, name := range []string{"access_token", "id_token", "refresh_token"} {
		if tokens[name] == nil {
			t.Fatalf("no %s in %v", name, tokens)
		}
	}
	info := b.send("GET", meta["userinfo_endpoint"].(string), "", "", "Authorization", "Bearer "+tokens["access_token"].(string))
	if claims := object(t, info); claims["sub"] != "diana" || claims["email"] != "diana@op.example" || claims["name"] != nil {
		t.Fatalf("claims %v", claims)
	}
	again := object(t, b.post(meta["token_endpoint"].(string), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}, "Authorization", basic))
	if again["access_token"] == nil || again["id_token"] == nil {
		t.Fatalf("refreshed %v", again)
	}
	out := b.get(meta["end_session_endpoint"].(string) + "?" + url.Values{
		"id_token_hint": {tokens["id_token"].(string)}, "post_logout_redirect_uri": {"https://rp.example/bye"}, "state": {"s"},
	}.Encode())
	if out.header.Get("Location") != "https://rp.example/bye?state=s" {
		t.Fatalf("logout %d %v %s", out.status, out.header, out.body)
	}
	// The session is over.
	query.Set("prompt", "none")
	silent := b.get(meta["authorization_endpoint"].(string) + "?" + query.Encode())
	if !strings.Contains(silent.header.Get("Location"), "error=login_required") {
		t.Fatalf("silent %d %v", silent.status, silent.header)
	}
	// The code was used.
	replay := b.post(meta["token_endpoint"].(string), redeem, "Authorization", basic)
	if replay.status != 400 || object(t, replay)["error"] != "invalid_grant" {
		t.Fatalf("replay %d %s", replay.status, replay.body)
	}
	info = b.send("GET", meta["userinfo_endpoint"].(string), "", "", "Authorization", "Bearer "+tokens["access_token"].(string))
	if info.status != 401 || !strings.Contains(info.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Fatalf("after the replay %d %v", info.status, info.header)
	}
}

func TestKnobsChangeTheProvider(t *testing.T) {
	p, err := optest.New(func(c *op.Config) { c.Policy.RequirePKCE = true })
	if err != nil {
		t.Fatal(err)
	}
	if !p.Context().Policy().RequirePKCE {
		t.Error("the knob was not turned")
	}
	if _, err := p.Client().Get("https://elsewhere.example/"); err == nil {
		t.Error("another host was reached")
	}
}

// A static client needs to say no more than one that registers, and may do no more.
func TestStaticClients(t *testing.T) {
	p, err := optest.New()
	if err != nil {
		t.Fatal(err)
	}
	add := func(id, redirect string) error {
		return p.AddClient(t.Context(), &endpoint.Client{
			ID: id, Secret: "a secret that is long enough", Trusted: true, Metadata: message.ClientMetadata{RedirectURIs: []string{redirect}},
		})
	}
	if err := add("rp", "https://rp.example/cb"); err != nil {
		t.Fatal(err)
	}
	q := url.Values{
		"client_id": {"rp"}, "redirect_uri": {"https://rp.example/cb"}, "response_type": {"code"}, "scope": {"openid"}, "prompt": {"none"},
	}
	b := &browser{Client: p.Client(), t: t}
	back, err := url.Parse(b.get(p.Issuer + "/authorize?" + q.Encode()).header.Get("Location"))
	if err != nil || back.Query().Get("error") != "login_required" {
		t.Errorf("a client with a redirect URI alone: %s, %v", back, err)
	}
	if err := add("other", "javascript:alert(1)"); !errors.Is(err, message.RuleOPRegistrationRedirectScheme) {
		t.Errorf("an address that runs: %v", err)
	}
	if err := add("", "https://rp.example/cb"); err == nil {
		t.Error("a client without a name")
	}
}
