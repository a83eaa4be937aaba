package service_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcservice/oidc/factory"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/servicecontext"
	"github.com/oidcservice/oidc/state"
)

// The world of the vectors: one provider that answers well, so that a vector has
// to say only what it changes.

const (
	testIssuer   = "https://op.example"
	testClientID = "s6BhdRkqt3"
	testSecret   = "a-secret-of-32-bytes-or-more-0123456789"
	testBinding  = "the-browser's-cookie"
	testCallback = "https://rp.example/cb"
)

var testNow = time.Unix(1_700_000_000, 0)

// stream is a reproducible source of random bytes.
type stream struct {
	mu sync.Mutex
	n  uint64
}

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(p); {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], s.n)
		s.n++
		sum := sha256.Sum256(b[:])
		i += copy(p[i:], sum[:])
	}
	return len(p), nil
}

// rawKeys are the RSA keys of testKeys, for headers that package keyjar would not sign.
var rawKeys = map[string]*rsa.PrivateKey{}

// testKeys are the provider's, made once: RSA keys are slow.
var testKeys = sync.OnceValue(func() map[string]*keyjar.Key {
	keys := map[string]*keyjar.Key{}
	for name, alg := range map[string]string{"rs256": "RS256", "other": "RS256", "es256": "ES256", "eddsa": "EdDSA", "enc": "RSA-OAEP", "dpop": "ES256", "own": "ES256",
		"eddsa2": "EdDSA", "source": "ES256", "op-enc": "ECDH-ES"} {
		use := "sig"
		if strings.HasSuffix(name, "enc") {
			use = "enc"
		}
		o := keyjar.KeyOptions{ID: name, Use: use, Algorithm: alg}
		var k *keyjar.Key
		var err error
		if strings.HasPrefix(alg, "RS") {
			if rawKeys[name], err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
				k, err = keyjar.NewKey(rawKeys[name], o)
			}
		} else {
			k, err = keyjar.Generate(alg, rand.Reader, o)
		}
		if err != nil {
			panic(err)
		}
		keys[name] = k
	}
	return keys
})

// settings are what a vector changes of ours.
type settings struct {
	Preferences      map[string]json.RawMessage `json:"preferences"`
	Metadata         map[string]any             `json:"metadata"`
	Compat           json.RawMessage            `json:"compat"`
	TrustedAudiences []string                   `json:"trusted_audiences"`
	Keys             bool                       `json:"keys"` // we have a decryption key
	RequestMethod    string                     `json:"request_method"`
	DPoP             bool                       `json:"dpop"`
	Profile          string                     `json:"profile"`
	Issuer           string                     `json:"issuer"`        // configured, not discovered
	ProviderKeys     bool                       `json:"provider_keys"` // configured, with the issuer
	Scope            []string                   `json:"scope"`
	ClientAuth       map[string]string          `json:"client_auth"` // of a service alone
}

func eddsaConfig() settings {
	return settings{Metadata: map[string]any{"id_token_signed_response_alg": "EdDSA"}}
}

// An override is what a vector changes. Everything it leaves out is good.
type override struct {
	// Config changes the relying party's settings.
	Config settings `json:"config"`
	// Identifier is what WebFinger is asked for.
	Identifier *string `json:"identifier"`
	// Request holds parameters of the authorization request's call.
	Request map[string]any `json:"request"`
	// State is Args.State of the authorization request.
	State string `json:"state"`
	// Refresh holds parameters of the refresh request's call.
	Refresh map[string]any `json:"refresh"`
	// Callback patches the callback's parameters; null removes one.
	Callback map[string]any `json:"callback"`
	// CallbackRaw replaces the callback; {state} stands for the state.
	CallbackRaw string `json:"callback_raw"`
	// JARM is the key that signs a JWT response, or "plain"; JARMClaims patches its
	// claims, JARMBeside the parameters beside it.
	JARM       string         `json:"jarm"`
	JARMClaims map[string]any `json:"jarm_claims"`
	JARMBeside map[string]any `json:"jarm_beside"`
	JARMHeader map[string]any `json:"jarm_header"`
	// Inbound patches how the callback came: mode, method, content_type,
	// redirect_uri, binding.
	Inbound map[string]string `json:"inbound"`
	// Twice gives the same callback a second time.
	Twice bool `json:"twice"`
	// Later moves the clock, in seconds, before the named step.
	Later map[string]int `json:"later"`
	// IDToken, IDTokenHeader patch the ID Token; IDTokenKey signs it: a key's
	// name, "secret", "none"; IDTokenRaw replaces it.
	IDToken       map[string]any `json:"id_token"`
	IDTokenHeader map[string]any `json:"id_token_header"`
	IDTokenKey    string         `json:"id_token_key"`
	IDTokenRaw    string         `json:"id_token_raw"`
	IDTokenClaims string         `json:"id_token_claims"` // the payload to the letter
	IDTokenTamper string         `json:"id_token_tamper"` // "signature", "payload", "append"
	Encrypt       map[string]any `json:"encrypt"`         // alg, enc; see wrapped
	RefreshToken  map[string]any `json:"refresh_id_token"`
	// UserInfoKey signs UserInfo.
	UserInfoKey    string         `json:"userinfo_key"`
	UserInfoHeader map[string]any `json:"userinfo_header"`
	// Answers change the provider's answers by service.
	Answers map[string]answer `json:"answers"`

	outside   // conversations outside a browser's login
	aftermath // what comes before, between and after its steps
	parting   // how somebody leaves
}

type answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	JSON   map[string]any    `json:"json"` // a merge patch; null removes
	Body   *string           `json:"body"` // replaces the body
	Fill   int               `json:"fill"` // a body of that many bytes
	Nest   int               `json:"nest"` // a body nested that deep
	Lost   bool              `json:"lost"` // none comes: the connection timed out
}

type world struct {
	t          testing.TB
	o          override
	now        time.Time
	sc         *servicecontext.ServiceContext
	db         *state.DB
	services   *factory.Services
	sent       []string // the services whose requests were sent
	nonce      string
	registered []byte // the metadata that was registered
	done       []string
	login      string
	wrap       func(service.Service) service.Service
	front      *service.Request
	sending    func(*service.Request)
	answer     func(*service.Request) *service.Response
	mutate     func(service string, body []byte) []byte
	flow       outsideState
	told       []exchanged
	tasks      []service.Task
	last       *service.Result
	refusedAt  map[string]int // how many requests had been sent when a step was refused
}

func (w *world) clock() time.Time { return w.now }

func newWorld(t testing.TB, o override) (*world, error) {
	o = o.usual()
	w := &world{t: t, o: o, now: testNow, refusedAt: map[string]int{}}
	metadata := map[string]any{
		"redirect_uris": []string{testCallback}, "response_types": []string{"code"}, "contacts": []string{"ops@rp.example"},
		"post_logout_redirect_uris": []string{"https://rp.example/bye"}, "grant_types": []string{"authorization_code", "refresh_token"},
	}
	patch(metadata, o.Config.Metadata)
	var cm message.ClientMetadata
	if err := message.DecodeJSON(mustJSON(metadata), &cm); err != nil {
		return nil, err
	}
	config := servicecontext.Config{
		Metadata: cm, Scope: []string{"openid", "profile"}, TrustedAudiences: o.Config.TrustedAudiences,
		Now: w.clock, Rand: new(stream), Profile: servicecontext.Profile(o.Config.Profile),
	}
	config.RequestMethod = servicecontext.RequestMethod(o.Config.RequestMethod)
	config.RequestURIBase = "https://rp.example/requests"
	if o.Config.Scope != nil {
		config.Scope = o.Config.Scope
	}
	config.Issuer = o.Config.Issuer
	if o.Config.ProviderKeys {
		config.Issuer = testIssuer
		config.ProviderKeys = keyjar.NewSet(testKeys()["rs256"].Public(), testKeys()["es256"].Public())
	}
	if o.Config.DPoP {
		config.DPoPKey = testKeys()["dpop"]
	}
	if o.Config.Keys {
		config.Keys = keyjar.NewSet(testKeys()["enc"], testKeys()["own"])
	}
	if len(o.Config.Compat) > 0 {
		if err := json.Unmarshal(o.Config.Compat, &config.Compat); err != nil {
			return nil, err
		}
	}
	sc, err := servicecontext.New(config)
	if err != nil {
		return nil, err
	}
	w.sc = sc
	w.db = &state.DB{Store: &state.Memory{Now: w.clock}}
	spec := factory.Spec{}
	for _, n := range factory.Names() {
		spec[n.Service] = factory.Config{ClientAuth: o.Config.ClientAuth[n.Service]}
	}
	if w.services, err = factory.Build(spec, sc, w.db); err != nil {
		return nil, err
	}
	if err := w.knows(); err != nil {
		return nil, err
	}
	w.before(context.Background())
	return w, nil
}

func mustDecode(data []byte, into any) {
	if err := json.Unmarshal(data, into); err != nil {
		panic(err)
	}
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// patch applies a merge patch (RFC 7396).
func patch(into, by map[string]any) {
	for k, v := range by {
		if v == nil {
			delete(into, k)
			continue
		}
		if sub, ok := v.(map[string]any); ok {
			if old, ok := into[k].(map[string]any); ok {
				patch(old, sub)
				continue
			}
		}
		into[k] = v
	}
}

// good is the provider's good answer to a request.
func (w *world) good(req *service.Request) (int, map[string]string, map[string]any) {
	header := map[string]string{"Content-Type": "application/json"}
	switch req.Service {
	case service.WebFingerName:
		header["Content-Type"] = "application/jrd+json"
		return 200, header, map[string]any{
			"subject": "acct:joe@op.example",
			"links":   []any{map[string]any{"rel": "http://openid.net/specs/connect/1.0/issuer", "href": testIssuer}},
		}
	case service.ProviderInfoName, service.ServerMetadataName:
		return 200, header, map[string]any{
			"issuer": testIssuer, "authorization_endpoint": testIssuer + "/authorization", "token_endpoint": testIssuer + "/token",
			"userinfo_endpoint": testIssuer + "/userinfo", "jwks_uri": testIssuer + "/jwks", "registration_endpoint": testIssuer + "/registration",
			"end_session_endpoint": testIssuer + "/end_session", "check_session_iframe": testIssuer + "/session",
			"introspection_endpoint": testIssuer + "/introspection", "revocation_endpoint": testIssuer + "/revocation",
			"device_authorization_endpoint": testIssuer + "/device_authorization", "backchannel_authentication_endpoint": testIssuer + "/ciba",
			"backchannel_token_delivery_modes_supported": []string{"poll", "ping", "push"},
			"introspection_signing_alg_values_supported": []string{"RS256"},
			"response_types_supported":                   []string{"code", "id_token", "token id_token", "code id_token", "code token", "code id_token token"}, "subject_types_supported": []string{"public"},
			"response_modes_supported":              []string{"query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"},
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "EdDSA", "HS256", "none"}, "scopes_supported": []string{"openid", "profile"},
			"grant_types_supported":                          []string{"authorization_code", "implicit", "refresh_token"},
			"userinfo_signing_alg_values_supported":          []string{"RS256"},
			"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
			"code_challenge_methods_supported":               []string{"S256"},
			"authorization_response_iss_parameter_supported": true, "request_parameter_supported": true,
			"pushed_authorization_request_endpoint": testIssuer + "/par", "dpop_signing_alg_values_supported": []string{"ES256", "RS256"},
			"request_object_signing_alg_values_supported": []string{"ES256", "RS256", "none"},
		}
	case service.JWKSName:
		return 200, header, w.keySet()
	case service.RegistrationDeleteName:
		return 204, map[string]string{}, map[string]any{}
	case service.ClaimsSourceName:
		header["Content-Type"] = "application/jwt"
		return 200, header, map[string]any{}
	case service.RegistrationName, service.RegistrationReadName, service.RegistrationUpdateName:
		status := 200
		if req.Service == service.RegistrationName {
			status = 201
		}
		m := map[string]any{}
		if len(req.Body) > 0 {
			w.registered = req.Body
		}
		if err := json.Unmarshal(w.registered, &m); err != nil {
			panic(err)
		}
		m["client_id"], m["client_secret"], m["client_secret_expires_at"] = testClientID, testSecret, 0
		m["registration_access_token"], m["registration_client_uri"] = "reg-token", testIssuer+"/registration?client_id="+testClientID
		return status, header, m
	case service.AccessTokenName:
		return 200, header, map[string]any{
			"access_token": testToken, "token_type": "Bearer", "expires_in": 3600, "refresh_token": "8xLOxBtZp8", "id_token": w.encrypted(w.backIDToken(w.o.BackIDToken)),
		}
	case service.PushedAuthorizationName:
		return 201, header, map[string]any{"request_uri": "urn:ietf:params:oauth:request_uri:bwc4JK-ESC0w8acc191e-Y1LTC2", "expires_in": 60}
	case service.RefreshTokenName:
		return 200, header, map[string]any{
			"access_token": "TlBN45jURg", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "9yNOxJtZa5",
			"id_token": w.encrypted(w.backIDToken(w.o.RefreshToken)),
		}
	case service.UserInfoName:
		return 200, header, map[string]any{"sub": "248289761001", "name": "Jane Doe"}
	}
	return w.goodOutside(req, header)
}

func (w *world) idToken(also map[string]any) string {
	if w.o.IDTokenRaw != "" {
		return w.o.IDTokenRaw
	}
	claims := map[string]any{
		"iss": testIssuer, "sub": "248289761001", "aud": testClientID, "exp": w.now.Unix() + 600, "iat": w.now.Unix(), "nonce": w.nonce, "auth_time": testNow.Unix() - 10, "sid": "sid-1",
	}
	if w.nonce == "" {
		delete(claims, "nonce")
	}
	patch(claims, w.o.IDToken)
	patch(claims, also)
	payload := mustJSON(claims)
	if w.o.IDTokenClaims != "" {
		payload = []byte(strings.NewReplacer("{nonce}", w.nonce, "{now}", fmt.Sprint(w.now.Unix()), "{later}", fmt.Sprint(w.now.Unix()+600)).Replace(w.o.IDTokenClaims))
	}
	return w.sign(payload, w.o.IDTokenKey, w.o.IDTokenHeader, w.o.IDTokenTamper)
}

// encrypted wraps the token where the vector says so.
func (w *world) encrypted(token string) string { return w.wrapped(token, w.o.Encrypt) }

// wrapped is text in a JWE for our key, or as it is. Besides alg and enc, how knows
// inner: "claims", which nobody signed; twice; cty; secret, under which it is encrypted
// instead of our key; header, which replaces the JWE's; encrypted_key, which replaces the
// segment; and tamper.
func (w *world) wrapped(text string, how map[string]any) string {
	if how == nil {
		return text
	}
	if how["inner"] == "claims" { // nobody signed them
		token, err := keyjar.Parse(text)
		if err != nil {
			w.t.Fatal(err)
		}
		text = string(token.Payload)
	}
	recipient := testKeys()["enc"].Public()
	if secret, ok := how["secret"].(string); ok {
		recipient = keyjar.NewSecret([]byte(secret)).Keys()[0]
	}
	alg, enc := fmt.Sprint(how["alg"]), fmt.Sprint(how["enc"])
	if how["twice"] == true {
		text = encryptFor(w.t, recipient, text, alg, enc, "JWT")
	}
	content := "JWT"
	if cty, ok := how["cty"].(string); ok {
		content = cty
	}
	parts := strings.Split(encryptFor(w.t, recipient, text, alg, enc, content), ".")
	if header, ok := how["header"]; ok {
		parts[0] = base64.RawURLEncoding.EncodeToString(mustJSON(header))
	}
	if key, ok := how["encrypted_key"].(string); ok {
		parts[1] = key
	}
	if how["tamper"] == true {
		tag := parts[4]
		parts[4] = tag[:len(tag)-3] + flip(tag[len(tag)-3]) + tag[len(tag)-2:]
	}
	return strings.Join(parts, ".")
}

// sign makes a compact JWS of payload, with a header of the vector's making.
func (w *world) sign(payload []byte, key string, header map[string]any, tamper string) string {
	if key == "" {
		key = "rs256"
	}
	var token string
	var err error
	switch key {
	case "none":
		token, err = keyjar.Unsigned(keyjar.Header{Algorithm: "none"}, payload)
	case "secret", "public-as-secret":
		secret := []byte(testSecret)
		if key == "public-as-secret" {
			secret = testKeys()["rs256"].PublicJWK()
		}
		var k *keyjar.Key
		if k, err = keyjar.NewKey(secret, keyjar.KeyOptions{}); err == nil {
			token, err = k.Sign(keyjar.Header{Algorithm: "HS256"}, payload, nil)
		}
	default:
		k := testKeys()[key]
		alg := k.Algorithm()
		if key == "eddsa" && header["alg"] == "Ed25519" { // the same by its other name
			alg, header = "Ed25519", nil
		}
		token, err = k.Sign(keyjar.Header{Algorithm: alg, KeyID: k.ID()}, payload, nil)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if header != nil {
		token = resign(w.t, token, key, header)
	}
	switch tamper {
	case "append":
		token += "AAAA"
	case "signature":
		i := strings.LastIndexByte(token, '.') + 5
		token = token[:i] + flip(token[i]) + token[i+1:]
	case "payload":
		i := strings.IndexByte(token, '.') + 12
		token = token[:i] + flip(token[i]) + token[i+1:]
	}
	return token
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// send answers a request as the provider of this world does.
func (w *world) send(_ context.Context, req *service.Request) (*service.Response, error) {
	w.sent = append(w.sent, req.Service)
	if w.sending != nil {
		w.sending(req)
	}
	if w.answer != nil {
		if resp := w.answer(req); resp != nil {
			return resp, nil
		}
	}
	status, header, members := w.good(req)
	if w.o.Config.DPoP && members["token_type"] != nil {
		members["token_type"] = "DPoP"
	}
	a := w.answerTo(req)
	if a.Lost {
		return nil, errLost
	}
	if once, ok := w.o.Once[req.Service]; ok {
		a = once
		w.o.Once = maps.Clone(w.o.Once)
		delete(w.o.Once, req.Service)
	}
	patch(members, a.JSON)
	w.sourced(members)
	if w.o.SignedMetadata != nil && members["authorization_endpoint"] != nil {
		members["signed_metadata"] = w.signedMetadata()
	}
	if a.Status != 0 {
		status = a.Status
	}
	for k, v := range a.Header {
		header[k] = v
	}
	body := mustJSON(members)
	switch {
	case a.Body != nil:
		body = []byte(*a.Body)
	case a.Fill > 0:
		body = []byte(`{"x":"` + strings.Repeat("x", a.Fill) + `"}`)
	case a.Nest > 0:
		body = []byte(strings.Repeat(`{"x":`, a.Nest) + "1" + strings.Repeat("}", a.Nest))
	case req.Service == service.UserInfoName && w.o.UserInfoKey != "":
		if w.o.UserInfoKey != "json" {
			body = []byte(w.sign(body, w.o.UserInfoKey, w.o.UserInfoHeader, ""))
		}
		body = []byte(w.wrapped(string(body), w.o.UserInfoEncrypt))
		if _, set := a.Header["Content-Type"]; !set {
			header["Content-Type"] = "application/jwt"
		}
	}
	if req.Service == service.ClaimsSourceName && a.Body == nil && a.Fill == 0 {
		body = []byte(w.sourceJWT())
	}
	if w.introspectionJWT(req) {
		body = w.sealIntrospection(body, a)
		header["Content-Type"] = "application/token-introspection+jwt"
	}
	if w.mutate != nil {
		body = w.mutate(req.Service, body)
	}
	h := map[string][]string{}
	for k, v := range header {
		h[k] = []string{v}
	}
	return req.Answer(status, h, body), nil
}

// steps is the whole conversation, in order.
var steps = []string{
	service.WebFingerName, service.ProviderInfoName, service.RegistrationName, service.RegistrationReadName,
	service.AuthorizationName, service.AccessTokenName, service.UserInfoName, service.RefreshTokenName,
}

// run holds the conversation until a step fails, and returns the step and its error.
func (w *world) run(ctx context.Context) (string, error) {
	var callback *service.Response
	names := w.steps()
	if again := w.o.Again; again != "" && slices.Contains(steps, again) {
		names = append(slices.Clone(names), again)
	}
	for _, name := range names {
		w.later(name)
		svc := w.services.Get(name)
		if w.wrap != nil {
			svc = w.wrap(svc)
		}
		err := w.runStep(ctx, svc, &callback)
		if err != nil {
			if at := service.ServiceOf(err); at != "" {
				name = at
			}
			return name, err
		}
		w.done = append(w.done, name)
	}
	return "", nil
}

// runStep runs one step of the conversation.
func (w *world) runStep(ctx context.Context, svc service.Service, callback **service.Response) error {
	name := svc.Name()
	if outsideSteps[name] {
		return w.runOutside(ctx, svc)
	}
	if ran, err := w.runAfter(ctx, svc); ran {
		return err
	}
	if name == service.AuthorizationName {
		var err error
		_, *callback, err = w.authorize(ctx, svc)
		if err == nil && w.o.Twice {
			_, err = w.runner().Finish(ctx, svc, *callback)
		}
		if err != nil {
			return err
		}
		return w.tampered(ctx)
	}
	args := service.Args{State: w.login}
	var usual message.Message
	if name == service.WebFingerName {
		identifier := "joe@op.example"
		if w.o.Identifier != nil {
			identifier = *w.o.Identifier
		}
		usual = message.WebFingerRequest{Resource: identifier}
	}
	var err error
	if args.Message, err = w.asked(svc, usual); err != nil {
		return err
	}
	if w.o.InFlight == name {
		if _, err := svc.GetRequestParameters(ctx, args); err != nil {
			return err
		}
	}
	res, err := w.runner().Run(ctx, svc, args)
	if err != nil {
		return err
	}
	w.tasks = append(w.tasks, res.Optional...)
	return nil
}

func (w *world) authorize(ctx context.Context, svc service.Service) (string, *service.Response, error) {
	args := service.Args{Binding: testBinding, State: w.o.State}
	if w.o.Unbound {
		args.Binding = ""
	}
	msg, err := w.asked(svc, nil)
	if err != nil {
		return "", nil, err
	}
	if w.o.Hint != nil {
		if msg == nil {
			msg = new(message.AuthorizationRequest)
		}
		msg.(*message.AuthorizationRequest).IDTokenHint = w.hint()
	}
	args.Message = msg
	req, err := w.runner().Request(ctx, svc, args)
	if err != nil {
		return "", nil, err
	}
	w.told = append(w.told, exchanged{svc.Name(), req.Checks})
	w.login, w.front = req.State, req
	asked := req.Message().(*message.AuthorizationRequest)
	w.nonce = asked.Nonce
	params := map[string]any{"state": req.State, "iss": testIssuer, "session_state": "gB6iWqNG.5uKp"}
	in := service.Inbound{Mode: message.ResponseModeQuery, Method: "GET", RedirectURI: testCallback, Binding: args.Binding}
	for _, word := range asked.ResponseType {
		switch word {
		case "code":
			params["code"] = testCode
		case "id_token":
			params["id_token"] = w.encrypted(w.frontIDToken(asked.ResponseType, req.State))
			in.Mode = message.ResponseModeFragment
		case "token":
			params["access_token"], params["token_type"] = testFrontToken, "Bearer"
			in.Mode = message.ResponseModeFragment
		}
	}
	mode := string(asked.ResponseMode)
	if base := strings.TrimSuffix(mode, ".jwt"); base != "" && base != "jwt" {
		in.Mode = message.ResponseMode(base)
	}
	if in.Mode == message.ResponseModeFormPost {
		in.Method, in.ContentType = "POST", "application/x-www-form-urlencoded"
	}
	patch(params, w.o.Callback)
	if strings.HasSuffix(mode, "jwt") && w.o.JARM != "plain" {
		params["aud"], params["exp"] = testClientID, w.now.Unix()+60
		patch(params, w.o.JARMClaims)
		params = map[string]any{"response": w.wrapped(w.sign(mustJSON(params), w.o.JARM, w.o.JARMHeader, ""), w.o.JARMEncrypt)}
		patch(params, w.o.JARMBeside)
	}
	values := url.Values{}
	for k, v := range params {
		values.Set(k, fmt.Sprint(v))
	}
	in.Raw = values.Encode()
	if w.mutate != nil {
		in.Raw = string(w.mutate(service.AuthorizationName, []byte(in.Raw)))
	}
	if w.o.CallbackRaw != "" {
		in.Raw = strings.ReplaceAll(w.o.CallbackRaw, "{state}", req.State)
	}
	for k, v := range w.o.Inbound {
		switch k {
		case "mode":
			in.Mode = message.ResponseMode(v)
		case "method":
			in.Method = v
		case "content_type":
			in.ContentType = v
		case "redirect_uri":
			in.RedirectURI = v
		case "binding":
			in.Binding = v
		default:
			return "", nil, errors.New("unknown inbound " + k)
		}
	}
	callback := service.ParseCallback(in)
	if w.o.Race {
		return req.State, callback, w.race(ctx, svc, callback)
	}
	res, err := w.runner().Finish(ctx, svc, callback)
	if err == nil {
		w.tasks = append(w.tasks, res.Optional...)
	}
	return req.State, callback, err
}
