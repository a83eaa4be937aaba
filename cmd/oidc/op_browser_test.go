package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
)

// A visitor is a browser and a client in one, who does what a step of a flow needs by hand:
// one request each, so that a test can come between any two.
type visitor struct {
	t       *testing.T
	issuer  string
	client  *http.Client
	id      string // of the client
	secret  string
	manage  string // the registration access token
	address string // where the registration is managed
}

const (
	opCallback = "https://rp.example/callback"
	opVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// newVisitor trusts a certificate. Connections are not kept: the server may be killed.
func newVisitor(t *testing.T, issuer string, ca []byte) *visitor {
	t.Helper()
	pool := x509.NewCertPool()
	if len(ca) > 0 && !pool.AppendCertsFromPEM(ca) {
		t.Fatal("no certificate")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, issuer: issuer, client: &http.Client{
		Jar: jar, Timeout: 20 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// An opAnswer is what came back.
type opAnswer struct {
	*http.Response
	text string
}

// try sends a request; the error is that of a connection which broke.
func (v *visitor) try(method, target, media, body string, header ...string) (opAnswer, error) {
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return opAnswer{}, err
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := v.client.Do(r)
	if err != nil {
		return opAnswer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return opAnswer{resp, string(text)}, err
}

func (v *visitor) send(method, target, media, body string, header ...string) opAnswer {
	v.t.Helper()
	a, err := v.try(method, target, media, body, header...)
	if err != nil {
		v.t.Fatal(err)
	}
	return a
}

func (v *visitor) get(target string, header ...string) opAnswer {
	v.t.Helper()
	return v.send(http.MethodGet, target, "", "", header...)
}

const opForm = "application/x-www-form-urlencoded"

// object decodes an answer of that status.
func (a opAnswer) object(t *testing.T, status int) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(a.text), &m); err != nil || a.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", a.StatusCode, status, a.text)
	}
	return m
}

// register registers a public client that may have refresh tokens, which rotate.
func (v *visitor) register() {
	v.t.Helper()
	m := v.send(http.MethodPost, v.issuer+"/register", "application/json",
		`{"redirect_uris":["`+opCallback+`"],"grant_types":["authorization_code","refresh_token"],"client_name":"The Client","token_endpoint_auth_method":"none"}`).object(v.t, 201)
	v.id = m["client_id"].(string)
	v.manage, v.address = m["registration_access_token"].(string), m["registration_client_uri"].(string)
}

func (v *visitor) authorizeURL(change ...string) string {
	sum := sha256.Sum256([]byte(opVerifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {v.id}, "redirect_uri": {opCallback}, "scope": {"openid email offline_access"},
		"state": {"the-state"}, "nonce": {"n-0S6"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	for i := 0; i+1 < len(change); i += 2 {
		q.Set(change[i], change[i+1])
	}
	return v.issuer + "/authorize?" + q.Encode()
}

var (
	opFormOf   = regexp.MustCompile(`<form id="([a-z_0-9]+)" method="post" action="([^"]+)"`)
	opTicketOf = regexp.MustCompile(`name="ticket" value="([^"]+)"`)
	opScopeOf  = regexp.MustCompile(`name="scope" value="([^"]+)"`)
)

// submit fills in the form of a page.
func (v *visitor) submit(page opAnswer, id string, fields url.Values) opAnswer {
	v.t.Helper()
	form := opFormOf.FindStringSubmatch(page.text)
	if form == nil || form[1] != id {
		v.t.Fatalf("want the form %s, status %d:\n%s", id, page.StatusCode, page.text)
	}
	fields.Set("ticket", opTicketOf.FindStringSubmatch(page.text)[1])
	for _, scope := range opScopeOf.FindAllStringSubmatch(page.text, -1) {
		fields.Add("scope", scope[1])
	}
	return v.send(http.MethodPost, v.issuer+form[2], opForm, fields.Encode())
}

func (v *visitor) logIn(page opAnswer, username, password string) opAnswer {
	v.t.Helper()
	return v.submit(page, "login", url.Values{"username": {username}, "password": {password}, "action": {"login"}})
}

func (v *visitor) consent(page opAnswer) opAnswer {
	v.t.Helper()
	return v.submit(page, "consent", url.Values{"action": {"allow"}})
}

// code is the code of a redirect.
func (v *visitor) code(a opAnswer) string {
	v.t.Helper()
	u, err := url.Parse(a.Header.Get("Location"))
	if err != nil || u.Query().Get("code") == "" || u.Query().Get("state") != "the-state" {
		v.t.Fatalf("status %d, location %s: %s", a.StatusCode, u, a.text)
	}
	return u.Query().Get("code")
}

// redemption is the form for a code.
func redemption(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {opCallback}, "code_verifier": {opVerifier}}
}

func refreshing(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// tryToken sends a token request, with the secret if there is one.
func (v *visitor) tryToken(form url.Values) (opAnswer, error) {
	if v.secret == "" {
		form.Set("client_id", v.id)
		return v.try(http.MethodPost, v.issuer+"/token", opForm, form.Encode())
	}
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(v.id) + ":" + url.QueryEscape(v.secret)))
	return v.try(http.MethodPost, v.issuer+"/token", opForm, form.Encode(), "Authorization", "Basic "+basic)
}

func (v *visitor) token(form url.Values) opAnswer {
	v.t.Helper()
	a, err := v.tryToken(form)
	if err != nil {
		v.t.Fatal(err)
	}
	return a
}

// writeCertificate makes a certificate for 127.0.0.1 and writes it beside its key.
func writeCertificate(t *testing.T, dir string) (ca []byte) {
	t.Helper()
	made, err := conversation.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]})
	writeFile(t, filepath.Join(dir, "server.pem"), string(ca))
	writeFile(t, filepath.Join(dir, "server.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return ca
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
