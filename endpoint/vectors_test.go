package endpoint_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// A vector is one way to keep a rule and one to break it.
type vector struct {
	Rule message.Rule `json:"rule"`
	Why  string       `json:"why"`
	// Step is what the request does: the endpoint's name, or code and refresh for the
	// two grant types of the token endpoint.
	Step   string         `json:"step"`
	Policy *policyKnobs   `json:"policy"`
	Client map[string]any `json:"client"` // metadata; null removes a member
	Keep   *override      `json:"keep"`   // nil: the good request keeps it
	Break  *override      `json:"break"`
	// Error, Status and Route say how the refusal is answered. Route is "client" for a
	// redirect, "page" for a page, and empty for the back channel.
	Error  message.ErrorCode `json:"error"`
	Status int               `json:"status"`
	Route  string            `json:"route"`
}

type policyKnobs struct {
	ResponseTypes []string `json:"response_types"`
	RequirePKCE   bool     `json:"require_pkce"`
	StrictScope   bool     `json:"strict_scope"`
	InitialToken  string   `json:"initial_token"`
	PerMinute     int      `json:"per_minute"`
	DPoPNonce     bool     `json:"dpop_nonce"`
	RequirePushed bool     `json:"require_pushed"`
	RequireSigned bool     `json:"require_signed"`
	PushedURIs    bool     `json:"pushed_redirect_uris"`
	MutualTLS     bool     `json:"mutual_tls"`
}

// An override changes the good request.
type override struct {
	Params    map[string]any    `json:"params"` // null removes, an array repeats
	Before    map[string]any    `json:"before"` // of the authorization request that led here
	Header    map[string]any    `json:"header"`
	Method    string            `json:"method"`
	Query     string            `json:"query"` // raw
	Body      string            `json:"body"`  // raw
	JSON      map[string]any    `json:"json"`  // members of a JSON body; null removes
	After     string            `json:"after"` // how much later it is sent
	Twice     bool              `json:"twice"` // the same request was sent before
	Times     int               `json:"times"`
	Assertion map[string]any    `json:"assertion"` // claims; null removes
	Alg       string            `json:"alg"`
	Hint      map[string]any    `json:"hint"` // claims of an ID Token hint of ours
	HintKey   string            `json:"hint_key"`
	Documents map[string]string `json:"documents"`

	// Object are the claims of a request object beside those of the good request; Outside
	// says which parameters stay outside.
	Object    map[string]any `json:"object"`
	ObjectAlg string         `json:"object_alg"`
	ObjectKey string         `json:"object_key"`
	ObjectTyp string         `json:"object_typ"`
	Outside   []string       `json:"outside"`
	Hosted    string         `json:"hosted"` // where the object is
	Encrypted bool           `json:"encrypted"`

	// Proof are the claims of a DPoP proof; BeforeProof makes one for the request that led
	// here.
	Proof       map[string]any `json:"proof"`
	ProofTyp    string         `json:"proof_typ"`
	ProofKey    string         `json:"proof_key"`
	BeforeProof bool           `json:"before_proof"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob("../testdata/rules/op/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no vectors", err)
	}
	var all []vector
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		var list []vector
		if err := d.Decode(&list); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all = append(all, list...)
	}
	return all
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		name := string(v.Rule)
		if v.Why != "" {
			name += "/" + v.Why
		}
		t.Run(name, func(t *testing.T) {
			if !v.Rule.Known() {
				t.Fatalf("%s is not in the rule table", v.Rule)
			}
			t.Run("keep", func(t *testing.T) {
				w := vectorWorld(t, v)
				if r := w.perform(v, v.Keep); refused(r.err) {
					t.Fatalf("refused: %v", r.err)
				}
			})
			if v.Break != nil {
				t.Run("break", func(t *testing.T) { breaks(t, v) })
			}
		})
	}
}

func refused(err error) bool {
	var r *endpoint.Refusal
	return errors.As(err, &r)
}

func vectorWorld(t *testing.T, v vector) *world {
	return newWorld(t, func(cfg *endpoint.Config, client *endpoint.Client) {
		if k := v.Policy; k != nil {
			if k.ResponseTypes != nil {
				cfg.Policy.ResponseTypes = k.ResponseTypes
			}
			cfg.Policy.RequirePKCE = k.RequirePKCE
			cfg.Policy.DPoPNonce, cfg.Policy.MutualTLS = k.DPoPNonce, k.MutualTLS
			cfg.Policy.RequirePushed, cfg.Policy.RequireSignedRequest, cfg.Policy.PushedRedirectURIs = k.RequirePushed, k.RequireSigned, k.PushedURIs
			client.StrictScope = k.StrictScope
			cfg.Policy.Registration.PerMinute = k.PerMinute
			if k.InitialToken != "" {
				cfg.Policy.Registration.InitialTokenHashes = [][]byte{hashOf(k.InitialToken)}
			}
		}
		if v.Client == nil {
			return
		}
		var err error
		if client.Metadata, err = overrideJSON(client.Metadata, v.Client); err != nil {
			t.Fatal(err)
		}
		usesKey := client.Metadata.TokenEndpointAuthMethod == message.AuthMethodPrivateKeyJWT || client.Metadata.RequestObjectSigningAlg != ""
		if usesKey && client.Metadata.JWKSURI == "" {
			client.Metadata.JWKS = &message.JWKS{Keys: []json.RawMessage{key(t, "ES256", "rp-es").PublicJWK()}}
		}
	})
}

// overrideJSON changes members of a message.
func overrideJSON[M any](m M, change map[string]any) (M, error) {
	var changed M
	data, err := message.EncodeJSON(m)
	if err != nil {
		return changed, err
	}
	members := map[string]any{}
	if err := json.Unmarshal(data, &members); err != nil {
		return changed, err
	}
	apply(members, change)
	if data, err = json.Marshal(members); err != nil {
		return changed, err
	}
	return changed, message.DecodeJSON(data, &changed)
}

func apply(members, change map[string]any) {
	for name, value := range change {
		if value == nil {
			delete(members, name)
			continue
		}
		members[name] = value
	}
}

func (w *world) applyParams(params url.Values, change map[string]any) {
	for name, value := range change {
		switch v := value.(type) {
		case nil:
			params.Del(name)
		case string:
			if v == "@dpop" {
				v = key(w.t, "ES256", "dpop").Thumbprint()
			}
			params.Set(name, v)
		case []any:
			params.Del(name)
			for _, one := range v {
				params.Add(name, one.(string))
			}
		}
	}
}

// perform makes the good request of a step with its changes.
func (w *world) perform(v vector, o *override) result {
	w.t.Helper()
	if o == nil {
		o = new(override)
	}
	for address, doc := range o.Documents {
		if doc == "@rp-es" {
			doc = string(keyjar.NewSet(key(w.t, "ES256", "rp-es")).PublicJWKS())
		}
		w.docs[address] = doc
	}
	c := w.prepare(v, o)
	w.applyParams(c.params, o.Params)
	w.signed(&c, o)
	w.proved(&c, o)
	for name, value := range o.Header {
		switch v := value.(type) {
		case nil:
			delete(c.header, name)
		case string:
			switch v {
			case "@dpop":
				v = strings.Replace(c.header[name][0], "Bearer", "DPoP", 1)
			case "@bearer":
				v = strings.Replace(c.header[name][0], "DPoP", "Bearer", 1)
			case "@other":
				v = basic("other-client", clientSecret)
			}
			c.header[name] = []string{v}
		case []any:
			c.header[name] = nil
			for _, one := range v {
				c.header[name] = append(c.header[name], one.(string))
			}
		}
	}
	if o.Method != "" {
		c.method = o.Method
	}
	if o.Query != "" {
		c.query = o.Query
	}
	if o.Body != "" {
		c.body = o.Body
		if c.header["Content-Type"] == nil {
			c.header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		}
	}
	if o.After != "" {
		d, err := time.ParseDuration(o.After)
		w.must(err)
		w.now = w.now.Add(d)
	}
	times := o.Times
	if o.Twice {
		times = 1
	}
	for range times {
		w.do(c)
	}
	return w.do(c)
}

// prepare makes the good request of a step.
func (w *world) prepare(v vector, o *override) call {
	w.t.Helper()
	before := authorizeParams()
	w.applyParams(before, o.Before)
	login := func() url.Values {
		return w.location(w.browse(call{endpoint: "authorization", method: "GET", params: before}))
	}
	var c call
	switch v.Step {
	case "webfinger":
		c = call{endpoint: v.Step, method: "GET", params: url.Values{"resource": {"acct:diana@op.example"}, "rel": {message.IssuerRel}}}
	case "provider_info", "jwks", "server_metadata":
		c = call{endpoint: v.Step, method: "GET", params: url.Values{}}
	case "authorization":
		c = authorize()
		if o.Hint != nil {
			c.params.Set("id_token_hint", w.hint(o))
		}
	case "code":
		c = redeem(login().Get("code"))
		w.proveByMethod(&c, o)
	case "refresh":
		c = refresh(text(w.tokens(login().Get("code")), "refresh_token"))
	case "userinfo":
		r := w.do(w.withProof(redeem(login().Get("code")), o.BeforeProof))
		c = userinfo(text(w.object(r), "access_token"))
		if o.BeforeProof {
			c.header["Authorization"][0] = strings.Replace(c.header["Authorization"][0], "Bearer", "DPoP", 1)
		}
		c.params = url.Values{}
		if o.Method == "POST" {
			c.header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		}
	case "end_session":
		tokens := w.tokens(login().Get("code"))
		c = call{endpoint: v.Step, method: "GET", cookies: true, params: url.Values{
			"id_token_hint": {text(tokens, "id_token")}, "post_logout_redirect_uri": {goodbye}, "state": {"bye"},
		}}
		if o.Hint != nil {
			c.params.Set("id_token_hint", w.hint(o))
		}
	case "par":
		c = call{endpoint: "pushed_authorization", method: "POST", params: authorizeParams(), header: endpoint.Header{"Authorization": {basic(clientID, clientSecret)}}}
	case "pushed":
		r := w.do(w.withProof(call{endpoint: "pushed_authorization", method: "POST", params: before, header: endpoint.Header{"Authorization": {basic(clientID, clientSecret)}}}, o.BeforeProof))
		if r.err != nil {
			w.t.Fatal(r.err)
		}
		c = call{endpoint: "authorization", method: "GET", params: url.Values{"client_id": {clientID}, "request_uri": {text(w.object(r), "request_uri")}}}
	case "client_credentials":
		c = tokenCall(url.Values{"grant_type": {v.Step}, "scope": {"api"}})
	case "introspection", "revocation":
		tokens := w.tokens(login().Get("code"))
		c = tokenCall(url.Values{"token": {text(tokens, "access_token")}})
		c.endpoint = v.Step
		if o.Params["token"] == "@refresh" {
			o.Params["token"] = text(tokens, "refresh_token")
		}
	case "registration":
		members := map[string]any{"redirect_uris": []string{callback}, "client_name": "New"}
		apply(members, o.JSON)
		body, err := json.Marshal(members)
		w.must(err)
		c = call{endpoint: v.Step, method: "POST", body: string(body), header: endpoint.Header{"Content-Type": {"application/json"}}}
	default:
		w.t.Fatalf("no step %s", v.Step)
	}
	if c.header == nil {
		c.header = endpoint.Header{}
	}
	return c
}

// proveByMethod replaces the Basic header where the client is registered for another method.
func (w *world) proveByMethod(c *call, o *override) {
	w.t.Helper()
	switch w.client.Metadata.TokenEndpointAuthMethod {
	case message.AuthMethodClientSecretPost:
		delete(c.header, "Authorization")
		c.params.Set("client_id", clientID)
		c.params.Set("client_secret", clientSecret)
	case message.AuthMethodNone:
		delete(c.header, "Authorization")
		c.params.Set("client_id", clientID)
	case message.AuthMethodPrivateKeyJWT, message.AuthMethodClientSecretJWT:
		delete(c.header, "Authorization")
		c.params.Set("client_id", clientID)
		c.params.Set("client_assertion_type", message.ClientAssertionTypeJWTBearer)
		c.params.Set("client_assertion", w.assertion(o))
	}
}

// assertion signs a client assertion.
func (w *world) assertion(o *override) string {
	w.t.Helper()
	claims := map[string]any{
		"iss": clientID, "sub": clientID, "aud": issuer, "jti": "jti-1",
		"iat": w.now.Unix(), "exp": w.now.Add(time.Minute).Unix(),
	}
	change := map[string]any{}
	for name, value := range o.Assertion {
		// A number is relative to now.
		if n, ok := value.(float64); ok {
			value = w.now.Unix() + int64(n)
		}
		change[name] = value
	}
	apply(claims, change)
	payload, err := json.Marshal(claims)
	w.must(err)
	k, alg := key(w.t, "ES256", "rp-es"), "ES256"
	if w.client.Metadata.TokenEndpointAuthMethod == message.AuthMethodClientSecretJWT {
		alg = "HS256"
		k, err = keyjar.NewSecret([]byte(clientSecret)).SigningKey(alg)
		w.must(err)
	}
	switch {
	case o.Alg == "other key":
		k = key(w.t, "ES256", "somebody-else")
	case strings.HasPrefix(o.Alg, "HS"):
		alg = o.Alg
		k, err = keyjar.NewSecret([]byte(clientSecret)).SigningKey(alg)
		w.must(err)
	case o.Alg != "":
		alg, k = o.Alg, key(w.t, o.Alg, "rp-"+o.Alg)
	}
	token, err := k.Sign(keyjar.Header{Algorithm: alg, Type: "JWT"}, payload, nil)
	w.must(err)
	return token
}

// hint signs an ID Token that looks like ours.
func (w *world) hint(o *override) string {
	w.t.Helper()
	claims := map[string]any{
		"iss": issuer, "sub": "diana", "aud": clientID, "iat": w.now.Unix(), "exp": w.now.Add(time.Minute).Unix(),
	}
	apply(claims, o.Hint)
	payload, err := json.Marshal(claims)
	w.must(err)
	header := keyjar.Header{Algorithm: "ES256"}
	k := key(w.t, "ES256", "op-es")
	switch o.HintKey {
	case "other":
		k = key(w.t, "ES256", "somebody-else")
	case "none":
		token, err := keyjar.Unsigned(keyjar.Header{Algorithm: "none"}, payload)
		w.must(err)
		return token
	case "at+jwt":
		header.Type = o.HintKey
	}
	token, err := k.Sign(header, payload, nil)
	w.must(err)
	return token
}

// signed moves the parameters of an authorization request into a request object.
func (w *world) signed(c *call, o *override) {
	w.t.Helper()
	if o.Object == nil {
		return
	}
	claims := map[string]any{"iss": clientID, "aud": issuer, "exp": w.now.Unix() + 300, "nbf": w.now.Unix()}
	for name, values := range c.params {
		claims[name] = values[0]
		if !slices.Contains(o.Outside, name) && name != "client_id" {
			c.params.Del(name)
		}
	}
	for name, value := range o.Object {
		if n, ok := value.(float64); ok && name != "max_age" {
			o.Object[name] = w.now.Unix() + int64(n)
		}
	}
	apply(claims, o.Object)
	payload, err := json.Marshal(claims)
	w.must(err)
	header := keyjar.Header{Algorithm: "ES256", Type: message.RequestObjectType}
	if o.ObjectTyp != "" {
		header.Type = o.ObjectTyp
	}
	k := key(w.t, "ES256", "rp-es")
	if o.ObjectKey != "" {
		k = key(w.t, "ES256", o.ObjectKey)
	}
	var object string
	switch {
	case o.ObjectAlg == "none":
		object, err = keyjar.Unsigned(header, payload)
	case strings.HasPrefix(o.ObjectAlg, "HS"):
		header.Algorithm = o.ObjectAlg
		k, err = keyjar.NewSecret([]byte(clientSecret)).SigningKey(o.ObjectAlg)
		w.must(err)
		object, err = k.Sign(header, payload, nil)
	default:
		object, err = k.Sign(header, payload, nil)
	}
	w.must(err)
	if o.Encrypted {
		enc := keyjar.Header{Algorithm: "ECDH-ES+A128KW", Encryption: "A128CBC-HS256", ContentType: "JWT"}
		object, err = key(w.t, "ECDH-ES+A128KW", "op-enc").Encrypt([]byte(object), enc, rand.Reader)
		w.must(err)
	}
	if o.Hosted != "" {
		address, _, _ := strings.Cut(o.Hosted, "#")
		w.docs[address] = object
		c.params.Set("request_uri", strings.Replace(o.Hosted, "@hash", base64.RawURLEncoding.EncodeToString(hashOf(object)), 1))
		return
	}
	c.params.Set("request", object)
}

// proved adds a DPoP proof.
func (w *world) proved(c *call, o *override) {
	w.t.Helper()
	if o.Proof == nil {
		return
	}
	access := ""
	if c.endpoint == "userinfo" {
		_, access, _ = strings.Cut(c.header["Authorization"][0], " ")
	}
	c.header["Dpop"] = []string{w.proof(c.endpoint, c.method, access, o)}
}

func (w *world) proof(name, method, access string, o *override) string {
	w.t.Helper()
	var address string
	for _, d := range w.set.All() {
		if d.Name == name {
			address = d.URL
		}
	}
	claims := map[string]any{"jti": fmt.Sprint("proof-", w.proofs), "htm": method, "htu": address, "iat": w.now.Unix()}
	w.proofs++
	if access != "" {
		claims["ath"] = base64.RawURLEncoding.EncodeToString(hashOf(access))
	}
	change := map[string]any{}
	for name, value := range o.Proof {
		if n, ok := value.(float64); ok {
			value = w.now.Unix() + int64(n)
		}
		change[name] = value
	}
	apply(claims, change)
	payload, err := json.Marshal(claims)
	w.must(err)
	k := key(w.t, "ES256", "dpop")
	if o.ProofKey != "" {
		k = key(w.t, "ES256", o.ProofKey)
	}
	header := keyjar.Header{Algorithm: "ES256", Type: message.DPoPProofType, JWK: k.PublicJWK()}
	if o.ProofTyp != "" {
		header.Type = o.ProofTyp
	}
	token, err := k.Sign(header, payload, nil)
	w.must(err)
	return token
}

// withProof adds a good DPoP proof.
func (w *world) withProof(c call, wanted bool) call {
	w.t.Helper()
	if wanted {
		w.proved(&c, &override{Proof: map[string]any{}})
	}
	return c
}

func breaks(t *testing.T, v vector) {
	w := vectorWorld(t, v)
	r := w.perform(v, v.Break)
	if !errors.Is(r.err, v.Rule) {
		t.Fatalf("got %v, want %s", r.err, v.Rule)
	}
	if v.Error != "" && !errors.Is(r.err, v.Error) {
		t.Errorf("got %v, want %s", r.err, v.Error)
	}
	var declared *message.Error
	if !errors.As(r.err, &declared) || v.Status != 0 && declared.Status != v.Status {
		t.Errorf("declared %v, want status %d", declared, v.Status)
	}
	switch v.Route {
	case "client":
		got := w.location(r)
		if !strings.HasPrefix(r.resp.Location, callback) || got.Get("error") != string(v.Error) || got.Get("iss") != issuer {
			t.Errorf("redirect to %s", r.resp.Location)
		}
		if state, repeated := v.Break.Params["state"]; !repeated && got.Get("state") != "af0ifjsldkj" {
			t.Errorf("state %v in %s", state, r.resp.Location)
		}
	case "page":
		if r.resp == nil || r.resp.Placement != endpoint.OnPage || r.resp.Page.Error.Code != v.Error {
			t.Errorf("no page: %+v", r.resp)
		}
	default:
		if r.resp == nil || r.resp.Placement != endpoint.InBody || r.resp.Status != declared.Status {
			t.Fatalf("answer %+v, declared %v", r.resp, declared)
		}
		if got := w.object(r); len(got) > 0 && got["error"] != string(declared.Code) {
			t.Errorf("body %v", got)
		}
		// RFC 6750, Section 3: a resource tells of each fault of a token in a challenge.
		challenged := r.resp.Status == 401 || v.Step == "userinfo" && r.resp.Status != 405
		if challenged && len(r.resp.Header["Www-Authenticate"]) == 0 {
			t.Error("no challenge")
		}
		if !slices.Equal(r.resp.Header["Cache-Control"], []string{"no-store"}) {
			t.Errorf("cache %v", r.resp.Header["Cache-Control"])
		}
	}
}

// What a refused request changes: nothing but one-time values and counts.
func TestParseRequestChangesNothing(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Break == nil || v.Break.Twice || v.Break.Times > 0 {
			continue
		}
		counting := &countingStore{}
		w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) {
			counting.Store = cfg.Store
			cfg.Store = counting
		})
		c := w.prepare(vector{Step: v.Step}, new(override))
		before := counting.writes.Load()
		p, err := w.set.Get(c.endpoint).ParseRequest(context.Background(), w.request(c))
		again, errAgain := w.set.Get(c.endpoint).ParseRequest(context.Background(), w.request(c))
		if err != nil || errAgain != nil {
			t.Fatalf("%s: %v, %v", v.Step, err, errAgain)
		}
		if n := counting.writes.Load() - before; n != 0 {
			t.Errorf("%s: ParseRequest wrote %d times", v.Step, n)
		}
		if p.Client != again.Client && p.Client.ID != again.Client.ID {
			t.Errorf("%s: two clients", v.Step)
		}
	}
}
