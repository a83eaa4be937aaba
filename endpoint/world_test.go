package endpoint_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/state"
)

const (
	issuer       = "https://op.example"
	clientID     = "s6BhdRkqt3"
	clientSecret = "ZJYCqe3GGRvdrudKyZS0XhGv_Z45DuKhCUk0gBR1vZk0ZJYCqe3GGRvdrudKyZS0"
	callback     = "https://rp.example/cb"
	goodbye      = "https://rp.example/bye"
	verifier     = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge    = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, Appendix B
)

var made sync.Map

// key makes one key of a kind and name for the whole run.
func key(t testing.TB, alg, name string) *keyjar.Key {
	t.Helper()
	if k, there := made.Load(alg + name); there {
		return k.(*keyjar.Key)
	}
	k, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{ID: name, Algorithm: alg})
	if err != nil {
		t.Fatal(err)
	}
	stored, _ := made.LoadOrStore(alg+name, k)
	return stored.(*keyjar.Key)
}

// world is a provider with one client, one user, a clock and a browser.
type world struct {
	t       testing.TB
	now     time.Time
	store   state.Store
	clients *endpoint.StoredClients
	client  *endpoint.Client
	set     *endpoint.Set
	ctx     *endpoint.Context
	cookies map[string]string
	docs    map[string]string
	fetched []string
	prompts []endpoint.Prompt
	proofs  int
}

func metadata() message.ClientMetadata {
	return message.ClientMetadata{
		RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{goodbye}, ClientName: "The Client",
		ResponseTypes:            []string{"code", "id_token", "code id_token", "id_token token", "code token", "code id_token token"},
		GrantTypes:               []string{"authorization_code", "implicit", "refresh_token", "client_credentials"},
		TokenEndpointAuthMethod:  message.AuthMethodClientSecretBasic,
		ApplicationType:          message.ApplicationTypeWeb,
		SubjectType:              message.SubjectTypePublic,
		IDTokenSignedResponseAlg: "ES256",
	}
}

// newWorld makes the world; change may alter its parts before they are joined.
func newWorld(t testing.TB, change func(*endpoint.Config, *endpoint.Client)) *world {
	t.Helper()
	w := &world{t: t, now: time.Unix(1517736988, 0), cookies: map[string]string{}, docs: map[string]string{}}
	clock := func() time.Time { return w.now }
	hash := sha256.Sum256([]byte(clientSecret))
	w.client = &endpoint.Client{
		ID: clientID, Secret: clientSecret, SecretHash: hash[:], Issued: w.now, Trusted: true, Metadata: metadata(),
		Resources: []string{"https://api.example", "https://other.example"},
	}
	cfg := endpoint.Config{
		Issuer: issuer, Keys: keyjar.NewSet(key(t, "ES256", "op-es"), key(t, "RS256", "op-rs"), key(t, "EdDSA", "op-ed"), key(t, "ECDH-ES+A128KW", "op-enc")),
		Store: &state.Memory{Now: clock}, Users: users(), Now: clock,
		Policy: endpoint.Policy{
			ResponseTypes:  []string{"code", "id_token", "code id_token", "id_token token", "code token", "code id_token token"},
			GrantTypes:     []string{"refresh_token", "client_credentials"},
			Scopes:         []string{"api", "admin"},
			PairwiseSecret: "sixteen bytes or more of it",
			ACRValues:      []string{"urn:level:1", "urn:level:2"},
		},
	}
	if change != nil {
		change(&cfg, w.client)
	}
	w.store = cfg.Store
	w.clients = &endpoint.StoredClients{Store: cfg.Store}
	if cfg.Clients == nil {
		cfg.Clients = w.clients
	}
	c, err := endpoint.NewContext(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if w.set, err = endpoint.NewSet(c, nil); err != nil {
		t.Fatal(err)
	}
	w.ctx = c
	w.must(w.clients.PutClient(context.Background(), w.client))
	other := *w.client
	other.ID, other.Metadata = "other-client", metadata()
	w.must(w.clients.PutClient(context.Background(), &other))
	return w
}

func users() optest.Users {
	other := optest.Diana()
	other.ID, other.Claims = "bob", map[string]any{"name": "Bob"}
	return optest.Users{
		"diana": {Password: "krall", User: optest.Diana()},
		"bob":   {Password: "builder", User: other},
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// call is a request for an endpoint as tests write it.
type call struct {
	endpoint string
	method   string
	path     string // after the endpoint's URL
	query    string
	params   url.Values // in the query of a GET, the body of a POST
	header   endpoint.Header
	body     string
	cookies  bool
	from     string
	certs    [][]byte
	// unverified is a connection that asks for certificates and believes each.
	unverified bool
}

func (w *world) request(c call) *endpoint.Request {
	w.t.Helper()
	var address string
	for _, d := range w.set.All() {
		if d.Name == c.endpoint {
			address = d.URL + c.path
		}
	}
	if address == "" {
		w.t.Fatalf("no endpoint %s", c.endpoint)
	}
	req := &endpoint.Request{Method: c.method, URL: address, Header: maps.Clone(c.header), RemoteAddr: "192.0.2.1", PeerCertificates: c.certs, CertificateVerified: !c.unverified}
	if c.from != "" {
		req.RemoteAddr = c.from
	}
	if c.cookies {
		req.Cookies = w.cookies
	}
	if req.Header == nil {
		req.Header = endpoint.Header{}
	}
	query := c.query
	switch {
	case c.body != "":
		req.Body = []byte(c.body)
	case c.method == "GET":
		if query == "" {
			query = c.params.Encode()
		}
	case c.params != nil:
		req.Body = []byte(c.params.Encode())
		if req.Header["Content-Type"] == nil {
			req.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		}
	}
	if query != "" {
		req.URL += "?" + query
	}
	return req
}

// result is what became of a call: the refusal, if it was refused, and what was sent.
type result struct {
	err  error // of ParseRequest or ProcessRequest
	resp *endpoint.Response
	need *endpoint.NeedUser
}

func (w *world) do(c call) result {
	w.t.Helper()
	req := w.request(c)
	e := w.set.Get(c.endpoint)
	var r result
	for range 4 {
		r = w.once(e, req)
		var fetch *endpoint.NeedFetch
		if !errors.As(r.err, &fetch) {
			break
		}
		w.supply(fetch)
	}
	return r
}

func (w *world) supply(fetch *endpoint.NeedFetch) {
	w.t.Helper()
	w.fetched = append(w.fetched, fetch.URL)
	doc, there := w.docs[fetch.URL]
	var failed error
	if !there {
		failed = errors.New("no such document")
	}
	w.must(w.ctx.Supply(context.Background(), fetch, 200, []byte(doc), failed))
}

func (w *world) once(e endpoint.Endpoint, req *endpoint.Request) result {
	ctx := context.Background()
	var out *endpoint.Outcome
	p, err := e.ParseRequest(ctx, req)
	if err == nil {
		out, err = e.ProcessRequest(ctx, p)
	}
	return w.answered(e, req, out, err)
}

func (w *world) answered(e endpoint.Endpoint, req *endpoint.Request, out *endpoint.Outcome, err error) result {
	w.t.Helper()
	r := result{err: err}
	var need error
	r.resp, need = endpoint.Answered(context.Background(), e, req, out, err)
	var fetch *endpoint.NeedFetch
	if need != nil && !errors.As(need, &r.need) && !errors.As(need, &fetch) {
		w.t.Fatalf("a fault of our own: %v", need)
	}
	if r.need != nil {
		w.keep(r.need.Cookies)
	}
	if r.resp != nil {
		w.keep(r.resp.Cookies)
	}
	return r
}

func (w *world) keep(cookies []endpoint.Cookie) {
	for _, c := range cookies {
		if c.MaxAge < 0 {
			delete(w.cookies, c.Name)
			continue
		}
		w.cookies[c.Name] = c.Value
	}
}

// answer answers a question.
func (w *world) answer(need *endpoint.NeedUser, a endpoint.Answer) result {
	w.t.Helper()
	if need == nil {
		w.t.Fatal("nobody was asked")
	}
	a.Cookies = w.cookies
	if a.RemoteAddr == "" {
		a.RemoteAddr = "192.0.2.2"
	}
	e := w.set.Get(need.Endpoint)
	out, err := e.(endpoint.Resumer).Resume(context.Background(), need.Ticket, a)
	var fetch *endpoint.NeedFetch
	if errors.As(err, &fetch) {
		w.supply(fetch)
		out, err = e.(endpoint.Resumer).Resume(context.Background(), need.Ticket, a)
	}
	return w.answered(e, &endpoint.Request{Cookies: w.cookies}, out, err)
}

// browse runs an authorization request to its end: the user logs in and allows.
func (w *world) browse(c call) result {
	w.t.Helper()
	c.cookies = true
	r := w.do(c)
	for r.need != nil {
		w.prompts = append(w.prompts, r.need.Prompt)
		switch r.need.Prompt {
		case endpoint.PromptLogin, endpoint.PromptSelectAccount:
			r = w.answer(r.need, endpoint.Answer{Action: endpoint.ActionLogin, Username: "diana", Password: "krall"})
		default:
			r = w.answer(r.need, endpoint.Answer{Action: endpoint.ActionAllow})
		}
	}
	return r
}

func authorizeParams() url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {callback}, "scope": {"openid email offline_access"},
		"state": {"af0ifjsldkj"}, "nonce": {"n-0S6_WzA2Mj"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
}

func authorize(change ...string) call {
	c := call{endpoint: "authorization", method: "GET", params: authorizeParams()}
	set(c.params, change)
	return c
}

// set changes parameters; an empty value removes one.
func set(params url.Values, change []string) {
	for i := 0; i+1 < len(change); i += 2 {
		if change[i+1] == "" {
			params.Del(change[i])
			continue
		}
		params.Set(change[i], change[i+1])
	}
}

// location returns the parameters of a redirect.
func (w *world) location(r result) url.Values {
	w.t.Helper()
	if r.resp == nil || r.resp.Placement != endpoint.InURL {
		w.t.Fatalf("no redirect: %v, %+v", r.err, r.resp)
	}
	_, query, _ := strings.Cut(strings.Replace(r.resp.Location, "#", "?", 1), "?")
	values, err := url.ParseQuery(query)
	w.must(err)
	return values
}

// code runs a login and returns its code.
func (w *world) code(change ...string) string {
	w.t.Helper()
	code := w.location(w.browse(authorize(change...))).Get("code")
	if code == "" {
		w.t.Fatal("no code")
	}
	return code
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func tokenCall(params url.Values) call {
	return call{endpoint: "token", method: "POST", params: params, header: endpoint.Header{"Authorization": {basic(clientID, clientSecret)}}}
}

func redeem(code string, change ...string) call {
	c := tokenCall(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}})
	set(c.params, change)
	return c
}

func refresh(token string, change ...string) call {
	c := tokenCall(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	set(c.params, change)
	return c
}

// object decodes the body of an answer.
func (w *world) object(r result) map[string]any {
	w.t.Helper()
	if r.resp == nil {
		w.t.Fatalf("no answer: %v", r.err)
	}
	m := map[string]any{}
	if len(r.resp.Body) > 0 {
		w.must(json.Unmarshal(r.resp.Body, &m))
	}
	return m
}

// tokens redeems a code.
func (w *world) tokens(code string, change ...string) map[string]any {
	w.t.Helper()
	r := w.do(redeem(code, change...))
	m := w.object(r)
	if r.err != nil {
		w.t.Fatalf("the code was refused: %v", r.err)
	}
	return m
}

func text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

func userinfo(token string) call {
	return call{endpoint: "userinfo", method: "GET", header: endpoint.Header{"Authorization": {"Bearer " + token}}}
}

// claims decodes the payload of a token without verifying it.
func (w *world) claims(token string) map[string]any {
	w.t.Helper()
	parsed, err := keyjar.Parse(token)
	w.must(err)
	m := map[string]any{}
	w.must(json.Unmarshal(parsed.Payload, &m))
	return m
}
