package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

var (
	opQuestion = regexp.MustCompile(`name="question" value="([^"]*)"`)
	opBinding  = regexp.MustCompile(`id="binding_message_0">([^<]*)<`)
)

// decide answers the first question that waits for diana, once there is one, and returns
// its binding message.
func (v *visitor) decide(action string) (string, error) {
	address := v.issuer + "/approvals"
	if page := v.get(address); strings.Contains(page.text, `id="login"`) {
		v.logIn(page, "diana", "krall")
	}
	for range 500 {
		page := v.get(address)
		if found := opQuestion.FindStringSubmatch(page.text); found != nil {
			if a := v.submit(page, "question_0", url.Values{"action": {action}, "question": {found[1]}}); a.StatusCode != 303 {
				return "", fmt.Errorf("the answer: %d %s", a.StatusCode, a.text)
			}
			return opBinding.FindStringSubmatch(page.text)[1], nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return "", fmt.Errorf("nothing is asked")
}

// Our own client asks the user of the demonstration on another device, who answers on the
// page of approvals.
func TestOPAsksOnAnotherDevice(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"op", "--listen", "127.0.0.1:0", "--ca-out", ca}, strings.NewReader(""), w, io.Discard)
	}()
	defer func() { cancel(); <-ended }()
	var issuer string
	if _, err := fmt.Fscanf(r, "issuer %s\n", &issuer); err != nil {
		t.Fatal(err)
	}
	trusted, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t, issuer, trusted)
	type answer struct {
		binding string
		err     error
	}
	answered := make(chan answer, 1)
	go func() {
		a := answer{err: errors.New("the visit broke off")}
		defer func() { answered <- a }()
		a.binding, a.err = v.decide("allow")
	}()
	exit, o := object(t, "ciba", "--issuer", issuer, "--ca-file", ca, "--login-hint", "diana", "--binding-message", "W4SCT", "--scope", "openid email")
	if a := <-answered; a.binding != "W4SCT" || a.err != nil {
		t.Errorf("the page shows %q, %v", a.binding, a.err)
	}
	if exit != 0 || o.IDToken["sub"] != "diana" {
		t.Errorf("exit %d, %v, %+v", exit, o.IDToken, o.Error)
	}
}

const askingClient = `
policy: {grant_types: ["urn:openid:params:grant-type:ciba"], backchannel_token_delivery_modes: [poll]}
lifetimes: {backchannel_request: 2m, interval: 1s}
clients:
  - {client_id: till, client_secret: a-secret-of-enough-characters, response_types: [], grant_types: ["urn:openid:params:grant-type:ciba"]}`

func basicOf(id string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":a-secret-of-enough-characters"))
}

// A client asks by the name or the subject, and must know the code of who has one.
func TestOPUserCode(t *testing.T) {
	s := serve(t, askingClient+"\nusers: {diana: {sub: id-1, password: \""+cheapHash(t, "krall")+"\", user_code: \""+cheapHash(t, "1234")+"\"}, bob: {password: \""+cheapHash(t, "x")+"\"}}")
	v := s.visitor()
	meta := v.get(s.issuer+"/.well-known/openid-configuration").object(t, 200)
	if modes := fmt.Sprint(meta["backchannel_token_delivery_modes_supported"]); modes != "[poll]" || meta["backchannel_user_code_parameter_supported"] != true {
		t.Errorf("modes %s", modes)
	}
	for _, tt := range []struct{ hint, code, want string }{
		{"diana", "1234", ""}, {"id-1", "1234", ""}, {"diana", "", "missing_user_code"}, {"diana", "0000", "invalid_user_code"}, {"bob", "", ""}, {"nobody", "", "unknown_user_id"},
	} {
		form := url.Values{"client_id": {"till"}, "scope": {"openid"}, "login_hint": {tt.hint}, "user_code": {tt.code}}
		a := v.send("POST", s.issuer+"/bc-authorize", opForm, form.Encode(), "Authorization", basicOf("till"))
		var got struct {
			Error    string
			Expires  int `json:"expires_in"`
			Interval int
		}
		if err := json.Unmarshal([]byte(a.text), &got); err != nil || got.Error != tt.want || tt.want == "" && (got.Expires != 120 || got.Interval != 1) {
			t.Errorf("%+v: %d %s", tt, a.StatusCode, a.text)
		}
	}
}

// The level of a login is that of the method or the user. An essential one that is not
// reached is a failed login, one that is asked for only is told.
func TestOPAuthenticationContext(t *testing.T) {
	s := serve(t, "policy: {acr_values: [low, high], password_acr: low}"+publicClient+
		"\nusers: {diana: {password: \""+cheapHash(t, "krall")+"\"}, eve: {password: \""+cheapHash(t, "krall")+"\", acr: high}}")
	essential := `{"id_token":{"acr":{"essential":true,"value":"high"}}}`
	for _, tt := range []struct{ user, param, value, acr, failure string }{
		{"diana", "acr_values", "high", "low", ""}, {"eve", "acr_values", "high", "high", ""},
		{"diana", "claims", essential, "", "unmet_authentication_requirements"}, {"eve", "claims", essential, "high", ""},
	} {
		v := s.visitor()
		v.id = "spa"
		if values := fmt.Sprint(v.get(s.issuer+"/.well-known/openid-configuration").object(t, 200)["acr_values_supported"]); values != "[low high]" {
			t.Errorf("acr_values_supported %s", values)
		}
		page := v.logIn(v.get(v.authorizeURL(tt.param, tt.value)), tt.user, "krall")
		if tt.failure != "" {
			if location := page.Header.Get("Location"); !strings.Contains(location, "error="+tt.failure) {
				t.Errorf("%+v: %d %s", tt, page.StatusCode, location)
			}
			continue
		}
		if page.StatusCode == 200 { // not consented to before
			page = v.consent(page)
		}
		tokens := v.token(redemption(v.code(page))).object(t, 200)
		parsed, err := keyjar.Parse(tokens["id_token"].(string))
		if err != nil {
			t.Fatal(err)
		}
		var claims message.IDToken
		if err := message.DecodeClaims(parsed.Payload, &claims); err != nil || claims.ACR != tt.acr {
			t.Errorf("%+v: acr %q, %v", tt, claims.ACR, err)
		}
	}
}

// Details of a type that is not known, or that are not as their type says, are refused.
func TestOPAuthorizationDetails(t *testing.T) {
	s := serve(t, "policy: {authorization_details_types: {pay: {required: [amount], optional: [to]}, any: {}}}"+publicClient)
	for details, good := range map[string]bool{
		`[{"type":"pay","amount":"1"}]`: true, `[{"type":"pay","amount":"1","to":"x"},{"type":"any","x":1}]`: true,
		`[{"type":"pay"}]`: false, `[{"type":"pay","amount":"1","from":"x"}]`: false, `[{"type":"other"}]`: false,
	} {
		v := s.visitor()
		v.id = "spa"
		a := v.get(v.authorizeURL("authorization_details", details))
		if refused := strings.Contains(a.text, "invalid_authorization_details"); refused == good || good && a.StatusCode != 200 {
			t.Errorf("%s: %d %s", details, a.StatusCode, a.text)
		}
	}
}

// An assertion of a trusted issuer is worth a token for the user it names, one of anybody
// else is not.
func TestOPTrustedIssuers(t *testing.T) {
	trusted, other := signer(t), signer(t)
	const grant = `"urn:ietf:params:oauth:grant-type:jwt-bearer"`
	s := serve(t, "policy: {grant_types: ["+grant+"], scopes: {api: []}}\ntrusted_issuers: [{issuer: https://partner.example, jwks: "+string(keyjar.NewSet(trusted).PublicJWKS())+`}]
clients:
  - {client_id: rp, client_secret: a-secret-of-enough-characters, response_types: [], grant_types: [`+grant+`]}`)
	v := s.visitor()
	for _, tt := range []struct {
		key         *keyjar.Key
		issuer, sub string
		status      int
	}{
		{trusted, "https://partner.example", "diana", 200}, {other, "https://partner.example", "diana", 400},
		{trusted, "https://other.example", "diana", 400}, {trusted, "https://partner.example", "nobody", 400},
	} {
		payload := fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":%q,"exp":%d,"jti":%q}`, tt.issuer, tt.sub, s.issuer, time.Now().Unix()+60, rand.Text())
		assertion, err := tt.key.Sign(keyjar.Header{Algorithm: "ES256", KeyID: tt.key.ID()}, []byte(payload), nil)
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"grant_type": {message.GrantTypeJWTBearer}, "assertion": {assertion}, "scope": {"api"}}
		a := v.send("POST", s.issuer+"/token", opForm, form.Encode(), "Authorization", basicOf("rp"))
		if a.StatusCode != tt.status || tt.status == 400 && !strings.Contains(a.text, "invalid_grant") {
			t.Errorf("%s of %s: %d %s", tt.sub, tt.issuer, a.StatusCode, a.text)
		}
	}
}

func signer(t *testing.T) *keyjar.Key {
	t.Helper()
	key, err := keyjar.Generate("ES256", rand.Reader, keyjar.KeyOptions{ID: rand.Text(), Use: "sig", Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// On one listener a client is known by its subject, another by its key; neither passes for
// the other with a certificate that it made itself.
func TestOPBothMethodsOfMutualTLS(t *testing.T) {
	authority := issued(t, "authority", nil)
	file := filepath.Join(t.TempDir(), "clients.pem")
	writeFile(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate[0]})))
	own := issued(t, "own.example", nil)
	key, err := keyjar.NewKey(own.PrivateKey, keyjar.KeyOptions{Use: "sig", Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, mutualPolicy+`, client_ca: "`+file+`"}
clients:
  - {client_id: rp, token_endpoint_auth_method: tls_client_auth, tls_client_auth_san_dns: rp.example, grant_types: [client_credentials], response_types: []}
  - {client_id: own, token_endpoint_auth_method: self_signed_tls_client_auth, jwks: `+string(keyjar.NewSet(key).PublicJWKS())+`, grant_types: [client_credentials], response_types: []}`)
	ask := func(v *visitor, id string) int {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "scope": {"api"}}
		return v.send("POST", "https://"+s.listens[1]+"/token", opForm, form.Encode()).StatusCode
	}
	v := s.visitor()
	vouched := v.with(issued(t, "rp.example", authority))
	if got := ask(vouched, "rp"); got != 200 {
		t.Errorf("vouched for: %d", got)
	}
	if got := ask(v.with(own), "own"); got != 200 {
		t.Errorf("a registered key: %d", got)
	}
	for name, got := range map[string]int{
		"the subject on a certificate of its own making": ask(v.with(issued(t, "rp.example", nil)), "rp"),
		"a certificate of the authority for a key":       ask(vouched, "own"),
		"another key":                    ask(v.with(issued(t, "own.example", nil)), "own"),
		"a registered key for a subject": ask(v.with(own), "rp"),
	} {
		if got != 401 {
			t.Errorf("%s: %d", name, got)
		}
	}
}

// Browsers are told to come by https alone, on every page.
func TestOPTransportSecurity(t *testing.T) {
	s := serve(t, "issuer: https://op.example")
	v := newVisitor(t, "", s.ca)
	for _, path := range []string{"/jwks", "/nowhere"} {
		if got := v.get("https://" + s.listens[0] + path).Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
			t.Errorf("%s says %q", path, got)
		}
	}
}

// The migration is printed without a database.
func TestOPSchema(t *testing.T) {
	file := filepath.Join(t.TempDir(), "op.yaml")
	writeFile(t, file, "issuer: https://op.example\nkeys: {algorithms: [ES256]}\nstore: {url: \"postgres://op:a-password@db.example/op?table=login\"}\n")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--store", "postgres:"}, "CREATE TABLE IF NOT EXISTS oidc_state ("}, {[]string{"--store", "mysql:"}, "ENGINE = InnoDB"},
		{[]string{"--store", "sqlite:op.db"}, "WITHOUT ROWID"}, {[]string{file}, "CREATE TABLE IF NOT EXISTS login ("},
		{[]string{"--store", "postgres://db.example/op?table=x&migrate=false"}, "CREATE TABLE IF NOT EXISTS x ("},
	} {
		if exit, stdout, stderr := oidc(t, append([]string{"op", "schema"}, tt.args...)...); exit != 0 || !strings.Contains(stdout, tt.want) || stderr != "" {
			t.Errorf("%v: exit %d, %s, %s", tt.args, exit, stdout, stderr)
		}
	}
	for _, args := range [][]string{nil, {"--store", "redis://x"}, {"--store", "memory"}, {"--store", "postgres://db.example/op?table=a-b"}, {"--store", "postgres://db.example/op?migrate=no"}} {
		if exit, stdout, _ := oidc(t, append([]string{"op", "schema"}, args...)...); exit != 2 || stdout != "" {
			t.Errorf("%v: exit %d, %s", args, exit, stdout)
		}
	}
}
