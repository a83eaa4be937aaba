package resource_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/resource"
	"github.com/oidcservice/oidc/state"
)

// A vector is one way to keep a rule and one to break it.
type vector struct {
	Rule   message.Rule `json:"rule"`
	Why    string       `json:"why"`
	Bound  string       `json:"bound"` // what the good token is bound to: key, certificate or nothing
	Config struct {
		Algs               []string `json:"algs"`
		DPoPAlgs           []string `json:"dpop_algs"`
		Introspection      string   `json:"introspection"` // opaque or always
		AnyAudience        bool     `json:"any_audience"`
		Encrypted          bool     `json:"encrypted"`
		Nonce              bool     `json:"nonce"`
		RequireDPoP        bool     `json:"require_dpop"`
		RequireCertificate bool     `json:"require_certificate"`
	} `json:"config"`
	Demand struct {
		Scope     []string `json:"scope"`
		ACRValues []string `json:"acr_values"`
		MaxAge    string   `json:"max_age"`
	} `json:"demand"`
	Keep  *override `json:"keep"` // nil: the good request keeps it
	Break *override `json:"break"`
	// Error and Status are the answer; Params are parameters of the challenge.
	Error  message.ErrorCode `json:"error"`
	Status int               `json:"status"`
	Params map[string]string `json:"params"`
}

// An override changes the good request. Null removes a claim or a field.
type override struct {
	Method        string              `json:"method"`
	Query         string              `json:"query"`
	Header        map[string][]string `json:"header"`
	Scheme        string              `json:"scheme"`
	Token         string              `json:"token"`
	Typ           *string             `json:"typ"`
	Alg           string              `json:"alg"`
	Key           string              `json:"key"` // unknown, or impostor: another key under the same kid
	Altered       bool                `json:"altered"`
	Claims        map[string]any      `json:"claims"`
	Introspection map[string]any      `json:"introspection"`
	Encrypt       bool                `json:"encrypt"`
	EncryptKey    string              `json:"encrypt_key"`
	Proof         map[string]any      `json:"proof"`
	ProofTyp      string              `json:"proof_typ"`
	ProofKey      string              `json:"proof_key"` // thief: the key of a proof whose token is bound to another; else an algorithm
	Nonce         string              `json:"nonce"`     // how old the nonce of the proof is
	Certificate   string              `json:"certificate"`
	After         string              `json:"after"`
	Twice         bool                `json:"twice"`
}

const (
	issuer = "https://op.example"
	api    = "https://api.example/v1"
	asked  = "https://api.example/v1/things"
	began  = 1517736988
)

var nonceKey = bytes.Repeat([]byte{7}, 32)

var made sync.Map

// key makes a key, one of each name.
func key(t testing.TB, name, alg, kid string) *keyjar.Key {
	t.Helper()
	if k, there := made.Load(name); there {
		return k.(*keyjar.Key)
	}
	k, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{ID: kid, Algorithm: alg})
	if err != nil {
		t.Fatal(err)
	}
	first, _ := made.LoadOrStore(name, k)
	return first.(*keyjar.Key)
}

// A world is an API, and a client with a token.
type world struct {
	t       testing.TB
	api     *resource.API
	now     time.Time
	v       vector
	needs   int
	request resource.Request
}

func newWorld(t testing.TB, v vector, change func(*resource.Config)) *world {
	t.Helper()
	w := &world{t: t, now: time.Unix(began, 0), v: v}
	keys := []*keyjar.Key{key(t, "op ES256", "ES256", "op-1").Public()}
	if slices.Contains(v.Config.Algs, "PS256") {
		keys = append(keys, key(t, "op PS256", "PS256", "op-2").Public())
	}
	one := resource.Issuer{
		Issuer: issuer, Algs: v.Config.Algs, Encrypted: v.Config.Encrypted, InsecureAnyAudience: v.Config.AnyAudience,
		Introspection: map[string]resource.Introspection{"opaque": resource.Opaque, "always": resource.Always}[v.Config.Introspection],
		Keys:          keyjar.NewSet(keys...),
	}
	c := resource.Config{
		Resource: api, Audiences: []string{"the-api"}, Issuers: []resource.Issuer{one}, DPoPAlgs: v.Config.DPoPAlgs,
		RequireDPoP: v.Config.RequireDPoP, RequireCertificate: v.Config.RequireCertificate, Realm: "things",
		DB:  &state.DB{Store: &state.Memory{Now: func() time.Time { return w.now }}},
		Now: func() time.Time { return w.now },
	}
	if v.Config.Encrypted {
		c.Decryption = keyjar.NewSet(key(t, "api ECDH-ES", "ECDH-ES", "api-1"))
		c.Encryption = keyjar.DecryptPolicy{Algs: []string{"ECDH-ES"}, Encs: []string{"A128GCM"}}
	}
	if v.Config.Nonce {
		c.NonceKey = nonceKey
	}
	if change != nil {
		change(&c)
	}
	var err error
	if w.api, err = resource.New(c); err != nil {
		t.Fatal(err)
	}
	return w
}

// merged returns base with the members of over; null removes.
func merged(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	for name, value := range over {
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// proofKey is the key of the client.
func (w *world) proofKey(o *override) *keyjar.Key {
	switch o.ProofKey {
	case "", "ES256":
		return key(w.t, "client ES256", "ES256", "")
	case "thief":
		return key(w.t, "thief", "ES256", "")
	}
	return key(w.t, "client "+o.ProofKey, o.ProofKey, "")
}

// confirmation is the cnf of the good token.
func (w *world) confirmation(o *override) map[string]any {
	switch w.v.Bound {
	case "key":
		bound := *o
		if bound.ProofKey == "thief" {
			bound.ProofKey = ""
		}
		return map[string]any{"jkt": w.proofKey(&bound).Thumbprint()}
	case "certificate":
		sum := sha256.Sum256([]byte("the client's certificate"))
		return map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}
	}
	return nil
}

// token is the access token that the client shows.
func (w *world) token(o *override) string {
	switch {
	case o.Token != "":
		return o.Token
	case w.v.Config.Introspection == "opaque":
		return "opaque"
	}
	claims := map[string]any{
		"iss": issuer, "aud": api, "sub": "diana", "client_id": "app", "jti": "1", "iat": began, "exp": began + 600, "scope": "read",
	}
	if cnf := w.confirmation(o); cnf != nil {
		claims["cnf"] = cnf
	}
	payload := encode(w.t, merged(claims, o.Claims))
	h := keyjar.Header{Algorithm: "ES256", Type: message.AccessTokenJWTType}
	if o.Typ != nil {
		h.Type = *o.Typ
	}
	signer := key(w.t, "op ES256", "ES256", "op-1")
	switch {
	case o.Alg == "none":
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
	case o.Alg == "PS256":
		h.Algorithm, signer = o.Alg, key(w.t, "op PS256", "PS256", "op-2")
	case o.Alg == "HS256": // with what anybody can know as the secret
		text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"at+jwt","kid":"op-1"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
		mac := hmac.New(sha256.New, signer.PublicJWK())
		mac.Write([]byte(text))
		return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	case o.Key == "unknown":
		signer = key(w.t, "op-3", "ES256", "op-3")
	case o.Key == "impostor":
		signer = key(w.t, "impostor", "ES256", "op-1")
	}
	text, err := signer.Sign(h, payload, rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if o.Altered {
		text = text[:len(text)-8] + strings.Repeat("A", 8)
	}
	if o.Encrypt {
		to := key(w.t, "api ECDH-ES", "ECDH-ES", "api-1")
		if o.EncryptKey != "" {
			to = key(w.t, o.EncryptKey, "ECDH-ES", "api-1")
		}
		text, err = to.Public().Encrypt([]byte(text), keyjar.Header{Algorithm: "ECDH-ES", Encryption: "A128GCM", ContentType: "JWT"}, rand.Reader)
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return text
}

// proof is the proof of possession that goes with a token.
func (w *world) proof(o *override, token string) string {
	claims := map[string]any{"jti": "p1", "htm": "GET", "htu": asked, "iat": w.now.Unix(), "ath": message.AccessTokenHash(message.Secret(token))}
	if o.Nonce != "" {
		age, err := time.ParseDuration(o.Nonce)
		if err != nil {
			w.t.Fatal(err)
		}
		claims["nonce"] = keyjar.DPoPNonces{Key: nonceKey}.At(w.now.Add(age))
	}
	k := w.proofKey(o)
	h := keyjar.Header{Algorithm: "ES256", Type: message.DPoPProofType, JWK: k.Public().PublicJWK()}
	if o.ProofKey == "EdDSA" {
		h.Algorithm = "EdDSA"
	}
	if o.ProofTyp != "" {
		h.Type = o.ProofTyp
	}
	text, err := k.Sign(h, encode(w.t, merged(claims, o.Proof)), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// answer is what the issuer tells about the token.
func (w *world) answer(o *override) *message.IntrospectionResponse {
	base := map[string]any{"active": true, "aud": api, "sub": "diana", "client_id": "app", "scope": "read", "exp": began + 600}
	if cnf := w.confirmation(o); cnf != nil {
		base["cnf"] = cnf
	}
	m := new(message.IntrospectionResponse)
	if err := message.DecodeJSON(encode(w.t, merged(base, o.Introspection)), m); err != nil {
		w.t.Fatal(err)
	}
	return m
}

// perform shows the token to the API.
func (w *world) perform(o *override) (*resource.Token, error) {
	if o == nil {
		o = new(override)
	}
	token := w.token(o)
	scheme := "Bearer"
	w.request = resource.Request{Method: "GET", URL: asked, Header: map[string][]string{}}
	r := &w.request
	if w.v.Bound == "key" {
		scheme = "DPoP"
		r.Header["Dpop"] = []string{w.proof(o, token)}
	}
	if w.v.Bound == "certificate" && o.Certificate != "none" {
		r.PeerCertificates = [][]byte{[]byte("the client's certificate")}
		if o.Certificate != "" {
			r.PeerCertificates = [][]byte{[]byte(o.Certificate)}
		}
	}
	if o.Scheme != "" {
		scheme = o.Scheme
	}
	r.Header["Authorization"] = []string{scheme + " " + token}
	for name, values := range o.Header {
		if r.Header[name] = values; values == nil {
			delete(r.Header, name)
		}
	}
	if o.Method != "" {
		r.Method = o.Method
	}
	if o.Query != "" {
		r.URL += "?" + o.Query
	}
	if o.After != "" {
		later, err := time.ParseDuration(o.After)
		if err != nil {
			w.t.Fatal(err)
		}
		w.now = w.now.Add(later)
	}
	d := resource.Demand{Scope: w.v.Demand.Scope, ACRValues: w.v.Demand.ACRValues}
	if w.v.Demand.MaxAge != "" {
		d.MaxAge, _ = time.ParseDuration(w.v.Demand.MaxAge)
	}
	if o.Twice {
		if _, err := w.verify(r, d, o); err != nil {
			w.t.Fatalf("the first time: %v", err)
		}
	}
	return w.verify(r, d, o)
}

// verify does what the API needs, once.
func (w *world) verify(r *resource.Request, d resource.Demand, o *override) (*resource.Token, error) {
	ctx := context.Background()
	r.Introspection = nil
	token, err := w.api.Verify(ctx, r, d)
	var need *resource.NeedError
	if !errors.As(err, &need) {
		return token, err
	}
	w.needs++
	if need.Issuer != issuer {
		w.t.Fatalf("%s is to be asked", need.Issuer)
	}
	if need.Introspect == "" {
		return nil, need.Err // there are no other keys
	}
	r.Introspection = w.answer(o)
	return w.api.Verify(ctx, r, d)
}

func vectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob("../testdata/rules/rs/*.json")
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

// A request that keeps a rule is accepted; one that breaks it is refused by the name of
// that rule, with the code, the status and the challenge that the specification names.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(strings.TrimSuffix(string(v.Rule)+"/"+v.Why, "/"), func(t *testing.T) {
			if !v.Rule.Known() {
				t.Fatalf("%s is not in the rule table", v.Rule)
			}
			t.Run("keep", func(t *testing.T) {
				w := newWorld(t, v, nil)
				token, err := w.perform(v.Keep)
				if err != nil {
					t.Fatal(err)
				}
				if token.Subject != "diana" || token.ClientID != "app" || token.Issuer != issuer || token.Introspected != (v.Config.Introspection != "") {
					t.Errorf("%+v", token)
				}
			})
			t.Run("break", func(t *testing.T) {
				w := newWorld(t, v, nil)
				_, err := w.perform(v.Break)
				var r *resource.Refusal
				if !errors.As(err, &r) {
					t.Fatalf("not refused: %v", err)
				}
				refused(t, w, v, r)
			})
		})
	}
}

func refused(t *testing.T, w *world, v vector, r *resource.Refusal) {
	t.Helper()
	if r.Violation.Rule != v.Rule || r.Status != v.Status {
		t.Errorf("%d %v, want %d %s", r.Status, r, v.Status, v.Rule)
	}
	if v.Error == "" && r.Declared != nil || v.Error != "" && !errors.Is(r, v.Error) {
		t.Errorf("declared %v, want %q", r.Declared, v.Error)
	}
	challenges, ok := message.ParseChallenges(r.Header()["Www-Authenticate"])
	if !ok || len(challenges) == 0 {
		t.Fatalf("challenges %q", r.Header()["Www-Authenticate"])
	}
	declared := 0
	for _, c := range challenges {
		if c.Params["realm"] != "things" || c.Params["resource_metadata"] != w.api.MetadataURL() || (c.Scheme == "dpop") != (c.Params["algs"] != "") {
			t.Errorf("challenge %v", c)
		}
		if c.Params["error"] == "" {
			continue
		}
		declared++
		if c.Params["error"] != string(v.Error) {
			t.Errorf("challenge %v", c)
		}
		for name, value := range v.Params {
			if c.Params[name] != value {
				t.Errorf("%s is %q in %v, want %q", name, c.Params[name], c, value)
			}
		}
	}
	if want := map[bool]int{true: 1}[v.Error != "" && r.Status != 400]; r.Status != 400 && declared != want {
		t.Errorf("%d challenges declare an error: %v", declared, challenges)
	}
	if (r.Nonce != "") != (v.Config.Nonce && v.Error != "invalid_token") {
		t.Errorf("nonce %q", r.Nonce)
	}
	// Nothing that travels back shows what was presented.
	for _, values := range w.request.Header {
		for _, value := range values {
			_, secret, _ := strings.Cut(value, " ")
			if len(secret) > 10 && (strings.Contains(r.Error(), secret) || strings.Contains(strings.Join(r.Header()["Www-Authenticate"], ""), secret)) {
				t.Errorf("the refusal shows the token: %v", r)
			}
		}
	}
}
