package clientauth_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/clientauth"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

const (
	issuer        = "https://op.example"
	tokenEndpoint = issuer + "/token"
	clientID      = "s6BhdRkqt3"
	secret        = "gX1fBat3bV-a-secret-that-is-long-enough-for-HS512-as-well-0123456789"
)

var now = time.Unix(1_700_000_000, 0)

func key(t testing.TB, alg string) *keyjar.Key {
	t.Helper()
	k, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{ID: "k-" + alg})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A pair is a client and what its provider knows of it.
type pair struct {
	credentials clientauth.Credentials
	registered  clientauth.Registered
}

func newPair(method string, k *keyjar.Key) pair {
	p := pair{
		clientauth.Credentials{ClientID: clientID, ClientSecret: secret, Audience: issuer, Now: now, Rand: rand.Reader},
		clientauth.Registered{ClientID: clientID, Method: method, ClientSecret: secret, Audiences: []string{issuer, tokenEndpoint}, Now: now},
	}
	if k != nil {
		p.credentials.Keys, p.registered.Keys = keyjar.NewSet(k), keyjar.NewSet(k.Public())
	}
	return p
}

// sent is a request as the provider sees it.
type sent struct {
	header map[string][]string
	form   url.Values
	certs  [][]byte
	// unverified are certificates whose chain the connection did not verify.
	unverified bool
}

func (p pair) send(t testing.TB, method string) sent {
	t.Helper()
	d := clientauth.Draft{URL: tokenEndpoint, Form: url.Values{"grant_type": {"authorization_code"}}}
	if err := clientauth.Authenticate(context.Background(), method, p.credentials, &d); err != nil {
		t.Fatal(err)
	}
	if d.URL != tokenEndpoint {
		t.Errorf("the URL was touched: %s", d.URL)
	}
	if d.Form.Get("grant_type") != "authorization_code" {
		t.Error("another parameter was lost")
	}
	return sent{header: d.Header, form: d.Form}
}

func (s sent) judge(r clientauth.Registered) (*clientauth.Proof, error) {
	p, err := clientauth.Present(s.header, s.form, s.certs)
	if p != nil {
		p.CertificateVerified = !s.unverified
	}
	if err != nil {
		return nil, err
	}
	return clientauth.Verify(context.Background(), p, r)
}

func (s sent) clone() sent {
	form := url.Values{}
	for k, v := range s.form {
		form[k] = slices.Clone(v)
	}
	return sent{maps.Clone(s.header), form, s.certs, s.unverified}
}

// methods are those that need no certificate, each with a key if it wants one.
func methods(t testing.TB) map[string]*keyjar.Key {
	return map[string]*keyjar.Key{
		message.AuthMethodNone: nil, message.AuthMethodClientSecretBasic: nil, message.AuthMethodClientSecretPost: nil,
		message.AuthMethodClientSecretJWT: nil, message.AuthMethodPrivateKeyJWT: key(t, "ES256"),
	}
}

// TestEveryProofIsAccepted is the first half of the pair: what a client's side makes,
// the provider's side accepts, and only under the method that is registered.
func TestEveryProofIsAccepted(t *testing.T) {
	all := methods(t)
	for method, k := range all {
		t.Run(method, func(t *testing.T) {
			p := newPair(method, k)
			proof, err := p.send(t, method).judge(p.registered)
			if err != nil {
				t.Fatal(err)
			}
			if proof.ClientID != clientID || proof.Method != method {
				t.Errorf("got %+v", proof)
			}
			assertion := strings.HasSuffix(method, "_jwt")
			if (proof.JTI != "") != assertion || proof.Expires.After(now) != assertion {
				t.Errorf("jti %q until %v", proof.JTI, proof.Expires)
			}
			for other := range all {
				if other == method {
					continue
				}
				r := p.registered
				r.Method, r.Keys = other, keyjar.NewSet(all[message.AuthMethodPrivateKeyJWT].Public())
				if _, err := p.send(t, method).judge(r); err == nil {
					t.Errorf("accepted from a client registered with %s", other)
				}
			}
		})
	}
}

func TestEveryAlgorithm(t *testing.T) {
	for _, alg := range keyjar.SigningAlgorithms() {
		if alg == "none" {
			continue
		}
		method, k := message.AuthMethodClientSecretJWT, (*keyjar.Key)(nil)
		if !strings.HasPrefix(alg, "HS") {
			method, k = message.AuthMethodPrivateKeyJWT, key(t, alg)
		}
		t.Run(alg, func(t *testing.T) {
			p := newPair(method, k)
			p.credentials.Algorithm, p.registered.Algorithm = alg, alg
			if _, err := p.send(t, method).judge(p.registered); err != nil {
				t.Fatal(err)
			}
			p.registered.Algorithm = "ES256K"
			if _, err := p.send(t, method).judge(p.registered); !errors.Is(err, message.RuleOPAssertionAlg) {
				t.Errorf("accepted under another registered algorithm: %v", err)
			}
			p.registered.Algorithm, p.registered.Algorithms = "", []string{"ES256K"}
			if _, err := p.send(t, method).judge(p.registered); !errors.Is(err, message.RuleOPAssertionAlg) {
				t.Errorf("accepted though the provider does not permit it: %v", err)
			}
		})
	}
}

// TestEveryMutationIsRefused is the second half: each byte of each proof, changed,
// makes it worthless.
func TestEveryMutationIsRefused(t *testing.T) {
	for method, k := range methods(t) {
		t.Run(method, func(t *testing.T) {
			p := newPair(method, k)
			good := p.send(t, method)
			for name := range good.form {
				if name == "grant_type" {
					continue
				}
				value := good.form.Get(name)
				for i := range len(value) {
					bad := good.clone()
					bad.form.Set(name, value[:i]+other(value[i])+value[i+1:])
					if proof, err := bad.judge(p.registered); err == nil {
						t.Fatalf("%s with byte %d changed was accepted: %+v", name, i, proof)
					}
				}
				for what, change := range map[string]func(url.Values){
					"doubled":   func(f url.Values) { f.Add(name, value) },
					"dropped":   func(f url.Values) { f.Del(name) },
					"shortened": func(f url.Values) { f.Set(name, value[:len(value)-1]) },
					"extended":  func(f url.Values) { f.Set(name, value+"A") },
				} {
					bad := good.clone()
					change(bad.form)
					if name == "client_id" && what == "dropped" && strings.HasSuffix(method, "_jwt") {
						continue // "unnecessary […] for client authentication", RFC 7521, Section 4.2
					}
					if _, err := bad.judge(p.registered); err == nil {
						t.Errorf("%s %s was accepted", name, what)
					}
				}
			}
			for name, values := range good.header {
				value := values[0]
				for i := range len(value) {
					bad := good.clone()
					bad.header[name] = []string{value[:i] + other(value[i]) + value[i+1:]}
					if _, err := bad.judge(p.registered); err == nil {
						t.Fatalf("%s with byte %d changed was accepted", name, i)
					}
				}
				bad := good.clone()
				bad.header[name] = []string{value, value}
				if _, err := bad.judge(p.registered); !errors.Is(err, message.RuleOPClientAuthSingle) {
					t.Errorf("a doubled header field: %v", err)
				}
			}
		})
	}
}

// other returns a character that is not c and stays in the same alphabets.
func other(c byte) string {
	if c == 'Q' {
		return "Z"
	}
	return "Q"
}

// TestBasicAuthEncoding: both halves are form-encoded, then standard base64 with
// padding.
func TestBasicAuthEncoding(t *testing.T) {
	for _, tc := range []struct{ id, secret, header string }{
		{"zls2qhN1jO6A", "c8434f28cf9375d9a7f3b50dcfdf6a20d6e702e310066874f794817f", "Basic emxzMnFoTjFqTzZBOmM4NDM0ZjI4Y2Y5Mzc1ZDlhN2YzYjUwZGNmZGY2YTIwZDZlNzAyZTMxMDA2Njg3NGY3OTQ4MTdm"},
		{"a b", "c+d", "Basic " + base64.StdEncoding.EncodeToString([]byte("a+b:c%2Bd"))},
		{"a:b", ":", "Basic " + base64.StdEncoding.EncodeToString([]byte("a%3Ab:%3A"))},
		{"100%", "/&=?", "Basic " + base64.StdEncoding.EncodeToString([]byte("100%25:%2F%26%3D%3F"))},
		{"https://rp.example/id", "åäö✓", "Basic " + base64.StdEncoding.EncodeToString([]byte("https%3A%2F%2Frp.example%2Fid:%C3%A5%C3%A4%C3%B6%E2%9C%93"))},
		{"\u00ff\u00fe?", "~~~>>>", "Basic " + base64.StdEncoding.EncodeToString([]byte("%C3%BF%C3%BE%3F:~~~%3E%3E%3E"))},
	} {
		p := newPair(message.AuthMethodClientSecretBasic, nil)
		p.credentials.ClientID, p.registered.ClientID = tc.id, tc.id
		p.credentials.ClientSecret, p.registered.ClientSecret = message.Secret(tc.secret), message.Secret(tc.secret)
		s := p.send(t, message.AuthMethodClientSecretBasic)
		if got := s.header["Authorization"]; len(got) != 1 || got[0] != tc.header {
			t.Errorf("%q %q: got %q, want %q", tc.id, tc.secret, got, tc.header)
		}
		if s.form.Has("client_secret") {
			t.Error("the secret is in the body too")
		}
		if _, err := s.judge(p.registered); err != nil {
			t.Errorf("%q %q: %v", tc.id, tc.secret, err)
		}
	}
}

func basic(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }

// TestBasicIsStrict is the provider's side: one spelling, one split.
func TestBasicIsStrict(t *testing.T) {
	good := basic(clientID + ":" + secret)
	r := newPair(message.AuthMethodClientSecretBasic, nil).registered
	for name, tc := range map[string]struct {
		header string
		rule   message.Rule // "" is accepted
	}{
		"as it should be":      {good, ""},
		"scheme in small case": {"basic" + good[5:], ""},
		"percent-encoded id":   {basic("%73" + clientID[1:] + ":" + secret), ""},
		"URL alphabet":         {basicWith(base64.URLEncoding, "a:\xff\xfe\xfd"), message.RuleOPClientAuthBasic},
		"without padding":      {strings.TrimRight(good, "="), message.RuleOPClientAuthBasic},
		"line break":           {good[:20] + "\n" + good[20:], message.RuleOPClientAuthBasic},
		"trailing bits":        {trailingBits(good), message.RuleOPClientAuthBasic},
		"two spaces":           {"Basic  " + good[6:], ""}, // RFC 9110, Section 11.4: 1*SP
		"a tab":                {"Basic\t" + good[6:], message.RuleOPClientAuthRegistered},
		"no colon":             {basic(clientID), message.RuleOPClientAuthBasic},
		"empty id":             {basic(":" + secret), message.RuleOPClientAuthBasic},
		"empty secret":         {basic(clientID + ":"), message.RuleOPClientAuthBasic},
		"bad escape in id":     {basic("%zz:" + secret), message.RuleOPClientAuthBasic},
		"bad escape in secret": {basic(clientID + ":%"), message.RuleOPClientAuthBasic},
		"not UTF-8":            {basic(clientID + ":%ff"), message.RuleOPClientAuthBasic},
		"a control character":  {basic(clientID + ":%00" + secret), message.RuleOPClientAuthBasic},
		"a second colon":       {basic(clientID + ":" + secret + ":x"), message.RuleOPClientSecretCompare},
		"another secret":       {basic(clientID + ":" + secret + "x"), message.RuleOPClientSecretCompare},
		"another client":       {basic("x" + clientID + ":" + secret), message.RuleOPClientAuthID},
		"another scheme":       {"Bearer abc", message.RuleOPClientAuthRegistered},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sent{header: map[string][]string{"authorization": {tc.header}}}.judge(r)
			if tc.rule == "" && err != nil || tc.rule != "" && !errors.Is(err, tc.rule) {
				t.Fatalf("got %v, want %q", err, tc.rule)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Error("the error tells the secret")
			}
		})
	}
}

func basicWith(encoding *base64.Encoding, text string) string {
	return "Basic " + encoding.EncodeToString([]byte(text))
}

// trailingBits changes the last character before the padding to one that decodes to
// the same bytes where nobody is strict.
func trailingBits(header string) string {
	i := strings.IndexByte(header, '=')
	if i < 0 {
		return header[:len(header)-1] + "!"
	}
	return header[:i-1] + string(header[i-1]+1) + header[i:]
}

// TestPresent: one mechanism, one client.
func TestPresent(t *testing.T) {
	assertion := newPair(message.AuthMethodClientSecretJWT, nil).send(t, message.AuthMethodClientSecretJWT).form
	with := func(pairs ...string) url.Values {
		f := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			f.Add(pairs[i], pairs[i+1])
		}
		return f
	}
	header := map[string][]string{"Authorization": {basic(clientID + ":" + secret)}}
	for name, tc := range map[string]struct {
		header map[string][]string
		form   url.Values
		rule   message.Rule
		method string
	}{
		"nothing":                   {nil, nil, message.RuleOPClientAuthRequired, ""},
		"basic":                     {header, nil, "", message.AuthMethodClientSecretBasic},
		"basic with the id again":   {header, with("client_id", clientID), "", message.AuthMethodClientSecretBasic},
		"basic with another id":     {header, with("client_id", "x"), message.RuleOPClientAuthID, ""},
		"post":                      {nil, with("client_id", clientID, "client_secret", secret), "", message.AuthMethodClientSecretPost},
		"post without id":           {nil, with("client_secret", secret), message.RuleOPClientAuthRequired, ""},
		"an empty secret is absent": {nil, with("client_id", clientID, "client_secret", ""), "", message.AuthMethodNone},
		"basic and post":            {header, with("client_secret", secret), message.RuleOPClientAuthSingle, ""},
		"basic and assertion":       {header, assertion, message.RuleOPClientAuthSingle, ""},
		"assertion":                 {nil, assertion, "", message.AuthMethodClientSecretJWT},
		"assertion, another id":     {nil, with("client_id", "x", "client_assertion_type", message.ClientAssertionTypeJWTBearer, "client_assertion", assertion.Get("client_assertion")), message.RuleOPClientAuthID, ""},
		"assertion of another type": {nil, with("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "client_assertion", assertion.Get("client_assertion")), message.RuleOPAssertionType, ""},
		"assertion without type":    {nil, with("client_assertion", assertion.Get("client_assertion")), message.RuleOPAssertionType, ""},
		"type without assertion":    {nil, with("client_assertion_type", message.ClientAssertionTypeJWTBearer), message.RuleOPAssertionClaims, ""},
		"assertion that is no JWT":  {nil, with("client_assertion_type", message.ClientAssertionTypeJWTBearer, "client_assertion", "a.b"), message.RuleOPAssertionClaims, ""},
		"client_id twice":           {nil, with("client_id", clientID, "client_id", clientID), message.RuleOPClientAuthSingle, ""},
		"two Authorization fields":  {map[string][]string{"Authorization": {"Basic x"}, "authorization": {"Basic y"}}, nil, message.RuleOPClientAuthSingle, ""},
		"a scheme of somebody else": {map[string][]string{"Authorization": {"Negotiate x"}}, nil, message.RuleOPClientAuthRegistered, ""},
		"public":                    {nil, with("client_id", clientID), "", message.AuthMethodNone},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := clientauth.Present(tc.header, tc.form, nil)
			if tc.rule != "" {
				if !errors.Is(err, tc.rule) {
					t.Fatalf("got %v, want %s", err, tc.rule)
				}
				return
			}
			if err != nil || p.Method != tc.method || p.ClientID != clientID {
				t.Fatalf("got %q of %q, %v", p.Method, p.ClientID, err)
			}
		})
	}
}

// TestVerifyTable: what is registered decides, and nothing else is tried.
func TestVerifyTable(t *testing.T) {
	post := newPair(message.AuthMethodClientSecretPost, nil)
	public := newPair(message.AuthMethodNone, nil)
	for name, tc := range map[string]struct {
		sent   sent
		change func(*clientauth.Registered)
		rule   message.Rule
	}{
		"no registered method means basic":  {post.send(t, "client_secret_basic"), func(r *clientauth.Registered) { r.Method = "" }, ""},
		"a hash of the secret is enough":    {post.send(t, "client_secret_post"), func(r *clientauth.Registered) { r.ClientSecret, r.SecretHash = "", hash(secret) }, ""},
		"a wrong hash":                      {post.send(t, "client_secret_post"), func(r *clientauth.Registered) { r.ClientSecret, r.SecretHash = "", hash("x") }, message.RuleOPClientSecretCompare},
		"a short hash":                      {post.send(t, "client_secret_post"), func(r *clientauth.Registered) { r.ClientSecret, r.SecretHash = "", hash(secret)[:16] }, message.RuleOPClientSecretCompare},
		"no secret is registered":           {post.send(t, "client_secret_post"), func(r *clientauth.Registered) { r.ClientSecret = "" }, message.RuleOPClientSecretCompare},
		"post instead of basic":             {post.send(t, "client_secret_post"), func(r *clientauth.Registered) { r.Method = "client_secret_basic" }, message.RuleOPClientAuthRegistered},
		"nothing instead of basic":          {public.send(t, "none"), func(r *clientauth.Registered) { r.Method = "client_secret_basic" }, message.RuleOPClientAuthRequired},
		"a credential from a public client": {post.send(t, "client_secret_post"), func(r *clientauth.Registered) { r.Method = "none" }, message.RuleOPClientAuthPublic},
		"an unknown registered method":      {post.send(t, "client_secret_post"), func(r *clientauth.Registered) { r.Method = "magic" }, message.RuleOPClientAuthRegistered},
		"an unknown client":                 {post.send(t, "client_secret_post"), func(r *clientauth.Registered) { *r = clientauth.Registered{} }, message.RuleOPClientAuthID},
		"the secret has expired":            {post.send(t, "client_secret_post"), func(r *clientauth.Registered) { r.SecretExpiresAt = now }, message.RuleOPClientSecretCompare},
		"the secret expires in a second":    {post.send(t, "client_secret_post"), func(r *clientauth.Registered) { r.SecretExpiresAt = now.Add(time.Second) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := post.registered
			tc.change(&r)
			if _, err := tc.sent.judge(r); tc.rule == "" && err != nil || tc.rule != "" && !errors.Is(err, tc.rule) {
				t.Fatalf("got %v, want %q", err, tc.rule)
			}
		})
	}
}

// TestAuthenticateRefuses: what a client must not do is an error of a rule that says
// what to do.
func TestAuthenticateRefuses(t *testing.T) {
	es256 := key(t, "ES256")
	for name, tc := range map[string]struct {
		method string
		change func(*clientauth.Credentials)
		rule   message.Rule
		cause  error
	}{
		"unknown method":          {"magic", func(*clientauth.Credentials) {}, message.RuleClientAuthMethod, nil},
		"no client_id":            {"none", func(c *clientauth.Credentials) { c.ClientID = "" }, message.RuleClientAuthMethod, clientauth.ErrNoCredential},
		"no secret":               {"client_secret_basic", func(c *clientauth.Credentials) { c.ClientSecret = "" }, message.RuleClientAuthMethod, clientauth.ErrNoCredential},
		"basic, expired":          {"client_secret_basic", func(c *clientauth.Credentials) { c.SecretExpiresAt = now }, message.RuleClientAuthMethod, clientauth.ErrSecretExpired},
		"post, expired":           {"client_secret_post", func(c *clientauth.Credentials) { c.SecretExpiresAt = now.Add(-time.Hour) }, message.RuleClientAuthMethod, clientauth.ErrSecretExpired},
		"jwt, expired":            {"client_secret_jwt", func(c *clientauth.Credentials) { c.SecretExpiresAt = now }, message.RuleClientAuthMethod, clientauth.ErrSecretExpired},
		"short secret":            {"client_secret_jwt", func(c *clientauth.Credentials) { c.ClientSecret = "0123456789012345678901234567890" }, message.RuleClientAuthAssertionKey, message.RuleKeyHMACLength},
		"short secret for HS512":  {"client_secret_jwt", func(c *clientauth.Credentials) { c.ClientSecret, c.Algorithm = message.Secret(secret[:63]), "HS512" }, message.RuleClientAuthAssertionKey, message.RuleKeyHMACLength},
		"short secret for HS384":  {"client_secret_jwt", func(c *clientauth.Credentials) { c.ClientSecret, c.Algorithm = message.Secret(secret[:47]), "HS384" }, message.RuleClientAuthAssertionKey, message.RuleKeyHMACLength},
		"secret_jwt with RS256":   {"client_secret_jwt", func(c *clientauth.Credentials) { c.Algorithm = "RS256" }, message.RuleClientAuthAssertionKey, nil},
		"private_key with HS256":  {"private_key_jwt", func(c *clientauth.Credentials) { c.Algorithm = "HS256" }, message.RuleClientAuthAssertionKey, nil},
		"private_key with none":   {"private_key_jwt", func(c *clientauth.Credentials) { c.Algorithm = "none" }, message.RuleClientAuthAssertionKey, nil},
		"private_key, no key":     {"private_key_jwt", func(c *clientauth.Credentials) { c.Keys = nil }, message.RuleClientAuthAssertionKey, keyjar.ErrNoKey},
		"private_key, other key":  {"private_key_jwt", func(c *clientauth.Credentials) { c.Algorithm = "PS256" }, message.RuleClientAuthAssertionKey, keyjar.ErrNoKey},
		"no audience":             {"private_key_jwt", func(c *clientauth.Credentials) { c.Audience = "" }, message.RuleClientAuthAssertionAud, clientauth.ErrNoCredential},
		"no source of randomness": {"private_key_jwt", func(c *clientauth.Credentials) { c.Rand = nil }, "", keyjar.ErrNoRandom},
		"failing randomness":      {"client_secret_jwt", func(c *clientauth.Credentials) { c.Rand = bytes.NewReader(make([]byte, 10)) }, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := newPair(tc.method, es256).credentials
			tc.change(&c)
			var d clientauth.Draft
			err := clientauth.Authenticate(context.Background(), tc.method, c, &d)
			if err == nil || tc.rule != "" && !errors.Is(err, tc.rule) || tc.cause != nil && !errors.Is(err, tc.cause) {
				t.Fatalf("got %v, want %s because of %v", err, tc.rule, tc.cause)
			}
			if len(d.Header) > 0 || d.Form.Has("client_assertion") || d.Form.Has("client_secret") {
				t.Error("the draft holds half a proof")
			}
			if strings.Contains(err.Error(), secret[:31]) {
				t.Error("the error tells the secret")
			}
			if errors.Is(err, clientauth.ErrSecretExpired) && !strings.Contains(err.Error(), "register again") {
				t.Errorf("the error does not say what to do: %v", err)
			}
		})
	}
}

// TestDraftIsCleaned: a retry has one mechanism, and a fresh one.
func TestDraftIsCleaned(t *testing.T) {
	p := newPair(message.AuthMethodClientSecretJWT, nil)
	d := clientauth.Draft{
		Header:    map[string][]string{"Authorization": {"Basic old"}, "Accept": {"application/json"}},
		Form:      url.Values{"client_secret": {"old"}, "client_assertion": {"old"}, "client_assertion_type": {"old"}},
		MutualTLS: true,
	}
	seen := map[string]bool{}
	for range 3 {
		if err := clientauth.Authenticate(context.Background(), message.AuthMethodClientSecretJWT, p.credentials, &d); err != nil {
			t.Fatal(err)
		}
		if d.Header["Authorization"] != nil || d.Header["Accept"] == nil || d.Form.Has("client_secret") || d.MutualTLS || len(d.Form["client_assertion"]) != 1 {
			t.Fatalf("got %v %v", d.Header, d.Form)
		}
		seen[d.Form.Get("client_assertion")] = true
	}
	if len(seen) != 3 {
		t.Error("an assertion was used again")
	}
	if err := clientauth.Authenticate(context.Background(), "", p.credentials, &d); err != nil || d.Header["Authorization"] == nil || d.Form.Has("client_assertion") {
		t.Errorf("the default method is client_secret_basic: %v %v", d, err)
	}
}

// claimsOf returns the claims of the assertion in a form.
func claimsOf(t *testing.T, form url.Values) map[string]any {
	t.Helper()
	token, err := keyjar.Parse(form.Get("client_assertion"))
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(token.Payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestAssertionOfOurs(t *testing.T) {
	for method, k := range map[string]*keyjar.Key{message.AuthMethodClientSecretJWT: key(t, "RS256"), message.AuthMethodPrivateKeyJWT: key(t, "RS256")} {
		p := newPair(method, k)
		form := p.send(t, method).form
		token, err := keyjar.Parse(form.Get("client_assertion"))
		if err != nil {
			t.Fatal(err)
		}
		// Never our private key for client_secret_jwt, never the secret for the other.
		want := map[string]string{message.AuthMethodClientSecretJWT: "HS256", message.AuthMethodPrivateKeyJWT: "RS256"}[method]
		if token.Header.Algorithm != want {
			t.Errorf("%s is signed with %s", method, token.Header.Algorithm)
		}
		claims := claimsOf(t, form)
		if claims["iss"] != clientID || claims["sub"] != clientID || claims["aud"] != issuer {
			t.Errorf("%s: %v", method, claims)
		}
		exp, iat := claims["exp"].(float64), claims["iat"].(float64)
		if int64(iat) != now.Unix() || exp <= iat || exp > iat+300 {
			t.Errorf("%s: iat %v, exp %v", method, iat, exp)
		}
		jti, err := base64.RawURLEncoding.DecodeString(claims["jti"].(string))
		if err != nil || len(jti) < 16 {
			t.Errorf("%s: a jti of %d bytes", method, len(jti))
		}
	}
}

// TestAssertionTable is the provider's side of both assertion methods.
func TestAssertionTable(t *testing.T) {
	at := now.Unix()
	for name, tc := range map[string]struct {
		claims map[string]any // null removes
		typ    string
		change func(*clientauth.Registered)
		rule   message.Rule
	}{
		"as it should be":              {nil, "", nil, ""},
		"aud is our endpoint":          {map[string]any{"aud": tokenEndpoint}, "", nil, ""},
		"aud is a list":                {map[string]any{"aud": []string{"https://x.example", issuer}}, "", nil, ""},
		"aud is a list, FAPI":          {map[string]any{"aud": []string{issuer}}, "", single, message.RuleOPAssertionAud},
		"aud is our endpoint, FAPI":    {map[string]any{"aud": tokenEndpoint}, "", single, message.RuleOPAssertionAud},
		"aud is the issuer, FAPI":      {nil, "", single, ""},
		"aud is another":               {map[string]any{"aud": "https://evil.example"}, "", nil, message.RuleOPAssertionAud},
		"aud is a list of others":      {map[string]any{"aud": []string{"https://evil.example"}}, "", nil, message.RuleOPAssertionAud},
		"aud is a number":              {map[string]any{"aud": 1}, "", nil, message.RuleOPAssertionAud},
		"aud is missing":               {map[string]any{"aud": nil}, "", nil, message.RuleOPAssertionAud},
		"no audience to compare":       {nil, "", func(r *clientauth.Registered) { r.Audiences = nil }, message.RuleOPAssertionAud},
		"iss is another":               {map[string]any{"iss": "x"}, "", nil, message.RuleOPAssertionClaims},
		"iss is missing":               {map[string]any{"iss": nil}, "", nil, message.RuleOPAssertionClaims},
		"sub is another":               {map[string]any{"sub": "x", "iss": "x"}, "", nil, message.RuleOPClientAuthID},
		"sub is missing":               {map[string]any{"sub": nil}, "", nil, message.RuleOPAssertionClaims},
		"sub is a number":              {map[string]any{"sub": 1}, "", nil, message.RuleOPAssertionClaims},
		"exp is missing":               {map[string]any{"exp": nil}, "", nil, message.RuleOPAssertionClaims},
		"exp is past":                  {map[string]any{"exp": at - 61}, "", nil, message.RuleOPAssertionClaims},
		"exp is past, within leeway":   {map[string]any{"exp": at - 9}, "", nil, ""},
		"exp is far ahead":             {map[string]any{"exp": at + 7200}, "", nil, message.RuleOPAssertionClaims},
		"exp is huge":                  {map[string]any{"exp": 1e300}, "", nil, message.RuleOPAssertionClaims},
		"exp is a string":              {map[string]any{"exp": "1700000060"}, "", nil, message.RuleOPAssertionClaims},
		"iat is missing":               {map[string]any{"iat": nil}, "", nil, ""},
		"iat is 10 s ahead":            {map[string]any{"iat": at + 10}, "", nil, ""},
		"iat is 11 s ahead":            {map[string]any{"iat": at + 11}, "", nil, message.RuleOPAssertionClaims},
		"iat is 50 s ahead, leeway 60": {map[string]any{"iat": at + 50}, "", func(r *clientauth.Registered) { r.Leeway = time.Minute }, ""},
		"iat is 61 s ahead, leeway 1h": {map[string]any{"iat": at + 61}, "", func(r *clientauth.Registered) { r.Leeway = time.Hour }, message.RuleOPAssertionClaims},
		"nbf is 10 s ahead":            {map[string]any{"nbf": at + 10}, "", nil, ""},
		"nbf is 11 s ahead":            {map[string]any{"nbf": at + 11}, "", nil, message.RuleOPAssertionClaims},
		"jti is missing":               {map[string]any{"jti": nil}, "", nil, message.RuleOPAssertionJti},
		"jti is empty":                 {map[string]any{"jti": ""}, "", nil, message.RuleOPAssertionJti},
		"jti is huge":                  {map[string]any{"jti": strings.Repeat("x", 513)}, "", nil, message.RuleOPAssertionJti},
		"an unknown claim":             {map[string]any{"x": 1}, "", nil, ""},
		"typ of client authentication": {nil, "client-authentication+jwt", nil, ""},
		"typ of an access token":       {nil, "at+jwt", nil, message.RuleOPAssertionClaims},
	} {
		for method, k := range map[string]*keyjar.Key{message.AuthMethodClientSecretJWT: nil, message.AuthMethodPrivateKeyJWT: key(t, "ES256")} {
			t.Run(method+"/"+name, func(t *testing.T) {
				p := newPair(method, k)
				claims := map[string]any{"iss": clientID, "sub": clientID, "aud": issuer, "jti": "j", "exp": at + 60, "iat": at}
				for name, value := range tc.claims {
					if claims[name] = value; value == nil {
						delete(claims, name)
					}
				}
				s := sent{form: assertionForm(t, p.credentials, claims, tc.typ, "")}
				if tc.change != nil {
					tc.change(&p.registered)
				}
				proof, err := s.judge(p.registered)
				if tc.rule == "" && err != nil || tc.rule != "" && !errors.Is(err, tc.rule) {
					t.Fatalf("got %v, want %q", err, tc.rule)
				}
				if err == nil && (proof.JTI != "j" || proof.Expires.Before(now.Add(60*time.Second)) && tc.claims["exp"] == nil) {
					t.Errorf("proof %+v", proof)
				}
			})
		}
	}
}

func single(r *clientauth.Registered) { r.SingleAudience = true }

func assertionForm(t *testing.T, c clientauth.Credentials, claims map[string]any, typ, alg string) url.Values {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	set := keyjar.NewSecret([]byte(secret))
	if alg == "" {
		alg = "HS256"
		if c.Keys != nil {
			set, alg = c.Keys, "ES256"
		}
	}
	k, err := set.SigningKey(alg)
	if err != nil {
		t.Fatal(err)
	}
	token, err := k.Sign(keyjar.Header{Algorithm: alg, Type: typ}, payload, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"client_assertion_type": {message.ClientAssertionTypeJWTBearer}, "client_assertion": {token}}
}

// TestAssertionKeys: a proof of one kind is worthless for the other, an unsigned one
// for both, and an unknown key says so.
func TestAssertionKeys(t *testing.T) {
	k, stranger := key(t, "ES256"), key(t, "ES256")
	p := newPair(message.AuthMethodPrivateKeyJWT, k)
	s := p.send(t, message.AuthMethodPrivateKeyJWT)
	r := p.registered
	r.Keys = keyjar.NewSet(key(t, "RS256").Public())
	if _, err := s.judge(r); !errors.Is(err, message.RuleOPAssertionAlg) || !errors.Is(err, keyjar.ErrUnknownKey) {
		t.Errorf("an unknown key: %v", err)
	}
	r.Keys = nil
	if _, err := s.judge(r); !errors.Is(err, message.RuleOPAssertionAlg) {
		t.Errorf("no keys: %v", err)
	}
	r.Keys = keyjar.NewSet(stranger.Public())
	if _, err := s.judge(r); !errors.Is(err, message.RuleOPAssertionAlg) {
		t.Errorf("a stranger's key: %v", err)
	}
	claims := map[string]any{"iss": clientID, "sub": clientID, "aud": issuer, "jti": "j", "exp": now.Unix() + 60}
	payload, _ := json.Marshal(claims)
	unsigned, err := keyjar.Unsigned(keyjar.Header{Algorithm: "none"}, payload)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{message.AuthMethodPrivateKeyJWT, message.AuthMethodClientSecretJWT} {
		r := newPair(method, k).registered
		bad := sent{form: url.Values{"client_assertion_type": {message.ClientAssertionTypeJWTBearer}, "client_assertion": {unsigned}}}
		if _, err := bad.judge(r); err == nil {
			t.Errorf("%s: unsigned was accepted", method)
		}
	}
	// A short secret verifies nothing, whatever the client thinks of it.
	short := newPair(message.AuthMethodClientSecretJWT, nil).registered
	short.ClientSecret = "short"
	if _, err := newPair(message.AuthMethodClientSecretJWT, nil).send(t, message.AuthMethodClientSecretJWT).judge(short); !errors.Is(err, message.RuleOPAssertionAlg) || !errors.Is(err, message.RuleKeyHMACLength) {
		t.Errorf("a short secret: %v", err)
	}
	expired := newPair(message.AuthMethodClientSecretJWT, nil)
	expired.registered.SecretExpiresAt = now
	if _, err := expired.send(t, message.AuthMethodClientSecretJWT).judge(expired.registered); !errors.Is(err, message.RuleOPClientSecretCompare) {
		t.Errorf("an expired secret: %v", err)
	}
}

func TestMethods(t *testing.T) {
	for _, m := range clientauth.Methods() {
		got, ok := clientauth.ByName(m.Name)
		if !ok || got.Name != m.Name || m.Authenticate == nil || m.Verify == nil {
			t.Errorf("%s: %v %v", m.Name, got, ok)
		}
		if rules := clientauth.Rules(m.Name); len(rules) < 3 || rules[0] != message.RuleClientAuthMethod {
			t.Errorf("%s keeps %v", m.Name, rules)
		}
	}
	if m, ok := clientauth.ByName(""); !ok || m.Name != message.AuthMethodClientSecretBasic {
		t.Errorf("the default is %q", m.Name)
	}
	if _, ok := clientauth.ByName("magic"); ok {
		t.Error("an unknown method was found")
	}
	for method, want := range map[string]bool{"": true, "client_secret_basic": true, "client_secret_post": true, "client_secret_jwt": true, "private_key_jwt": false, "none": false, "tls_client_auth": false} {
		if clientauth.UsesSecret(method) != want {
			t.Errorf("%q: want %v", method, want)
		}
	}
}
