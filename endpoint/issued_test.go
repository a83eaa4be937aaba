package endpoint_test

import (
	"encoding/json"
	"html"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/op/optest"
)

func names(m map[string]any) []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Each response type gets exactly its members.
func TestResponseMembers(t *testing.T) {
	for responseType, want := range map[string][]string{
		"code":                {"code", "iss", "state"},
		"id_token":            {"id_token", "iss", "state"},
		"id_token token":      {"access_token", "expires_in", "id_token", "iss", "scope", "state", "token_type"},
		"code id_token":       {"code", "id_token", "iss", "state"},
		"code token":          {"access_token", "code", "expires_in", "iss", "scope", "state", "token_type"},
		"code id_token token": {"access_token", "code", "expires_in", "id_token", "iss", "scope", "state", "token_type"},
	} {
		t.Run(responseType, func(t *testing.T) {
			w := newWorld(t, nil)
			r := w.browse(authorize("response_type", responseType))
			got := map[string]any{}
			for name, values := range w.location(r) {
				got[name] = values[0]
			}
			if !slices.Equal(names(got), want) {
				t.Errorf("members %v, want %v", names(got), want)
			}
			separator := "#"
			if responseType == "code" {
				separator = "?"
			}
			if !strings.HasPrefix(r.resp.Location, callback+separator) || r.resp.Status != 303 {
				t.Errorf("%d %s", r.resp.Status, r.resp.Location)
			}
			if id := text(got, "id_token"); id != "" {
				checkFrontIDToken(t, w, id, got)
			}
		})
	}
}

func checkFrontIDToken(t *testing.T, w *world, id string, got map[string]any) {
	t.Helper()
	claims := w.claims(id)
	for claim, value := range map[string]string{
		"at_hash": text(got, "access_token"), "c_hash": text(got, "code"), "s_hash": text(got, "state"),
	} {
		want := ""
		if value != "" {
			var err error
			want, err = keyjar.HalfHash("ES256", "P-256", value)
			w.must(err)
		}
		if text(claims, claim) != want {
			t.Errorf("%s: %q, want %q", claim, text(claims, claim), want)
		}
	}
	// Scope claims are there only if there is no access token to ask with.
	if alone := len(got) == 3 && text(got, "code") == ""; (claims["email"] != nil) != alone {
		t.Errorf("email %v", claims["email"])
	}
	if claims["nonce"] != "n-0S6_WzA2Mj" {
		t.Errorf("nonce %v", claims["nonce"])
	}
	if code := text(got, "code"); code != "" {
		second := w.claims(text(w.tokens(code), "id_token"))
		for _, name := range []string{"iss", "sub", "aud", "sid", "nonce"} {
			if claims[name] != second[name] {
				t.Errorf("%s: %v in front, %v behind", name, claims[name], second[name])
			}
		}
	}
}

func TestIDTokenContent(t *testing.T) {
	w := newWorld(t, nil)
	tokens := w.tokens(w.code())
	claims := w.claims(text(tokens, "id_token"))
	if want := []string{"at_hash", "aud", "exp", "iat", "iss", "nonce", "sid", "sub"}; !slices.Equal(names(claims), want) {
		t.Errorf("claims %v, want %v", names(claims), want)
	}
	if claims["iss"] != issuer || claims["aud"] != clientID || claims["sub"] != "diana" || claims["exp"] != float64(w.now.Unix()+600) {
		t.Errorf("claims %v", claims)
	}
	header, err := keyjar.ParseHeader(text(tokens, "id_token"))
	w.must(err)
	if header.Algorithm != "ES256" || header.KeyID != "op-es" {
		t.Errorf("header %+v", header)
	}
	if got := text(tokens, "token_type"); got != "Bearer" {
		t.Errorf("token_type %q", got)
	}
	t.Run("no nonce when none was sent", func(t *testing.T) {
		if claims := w.claims(text(w.tokens(w.code("nonce", "")), "id_token")); claims["nonce"] != nil {
			t.Errorf("nonce %v", claims["nonce"])
		}
	})
	t.Run("requested claims", func(t *testing.T) {
		claims := w.claims(text(w.tokens(w.code("claims", `{"id_token":{"nickname":null,"amr":null,"auth_time":{"essential":true},"unheard_of":null}}`)), "id_token"))
		if claims["nickname"] != "Dina" || claims["auth_time"] == nil || claims["amr"] == nil || claims["email"] != nil {
			t.Errorf("claims %v", claims)
		}
	})
}

func TestIDTokenAlgorithms(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA", "HS256", "HS512"} {
		t.Run(alg, func(t *testing.T) {
			w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) { c.Metadata.IDTokenSignedResponseAlg = alg })
			token, err := keyjar.Parse(text(w.tokens(w.code()), "id_token"))
			w.must(err)
			set := keyjar.NewSet(key(t, "ES256", "op-es"), key(t, "RS256", "op-rs"), key(t, "EdDSA", "op-ed"))
			if strings.HasPrefix(alg, "HS") {
				set = keyjar.NewSecret([]byte(clientSecret))
			}
			if _, err := set.Verify(token, []string{alg}); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) { c.Metadata.IDTokenSignedResponseAlg = "none" })
		if id := text(w.tokens(w.code()), "id_token"); !strings.HasSuffix(id, ".") {
			t.Errorf("a signature in %s", id)
		}
	})
}

// What a client may register is what is published: none where a response type brings no ID
// Token in front.
func TestUnsignedIDTokensArePublished(t *testing.T) {
	for _, c := range []struct {
		types  []string
		signed bool
	}{
		{nil, false}, {[]string{"code"}, false}, {[]string{"id_token", "code token"}, false},
		{[]string{"id_token", "code id_token"}, true},
	} {
		w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Policy.ResponseTypes = c.types })
		var m message.ProviderMetadata
		w.must(message.DecodeJSON(w.get("provider_info").resp.Body, &m))
		if slices.Contains(m.IDTokenSigningAlgs, "none") == c.signed {
			t.Errorf("%v: %v", c.types, m.IDTokenSigningAlgs)
		}
	}
}

// A hint that is signed with a client's secret needs no client_id (RP-Initiated Logout,
// Section 2), and no other secret than that of the client it is for.
func TestLogoutHintSignedWithASecret(t *testing.T) {
	const uri = "https://rp.example/bye"
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Metadata.IDTokenSignedResponseAlg, c.Metadata.PostLogoutRedirectURIs = "HS256", []string{uri}
	})
	other := *w.client
	other.ID, other.Secret = "other-hmac", "a secret of another client, long enough for HS256"
	w.must(w.clients.PutClient(t.Context(), &other))
	send := func(hint string) result {
		return w.do(call{endpoint: "end_session", method: "GET", cookies: true, params: url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {uri}}})
	}
	hint := text(w.tokens(w.code()), "id_token")
	claims := w.claims(hint)
	claims["aud"] = other.ID
	payload, err := json.Marshal(claims)
	w.must(err)
	forged, err := keyjar.NewSecret([]byte(clientSecret)).Keys()[0].Sign(keyjar.Header{Algorithm: "HS256"}, payload, nil)
	w.must(err)
	wants(t, send(forged), message.InvalidRequest, message.RuleOPEndSessionHint)
	if r := send(hint); r.err != nil || r.resp.Location != uri {
		t.Errorf("%v %+v", r.err, r.resp)
	}
}

func TestEncryptedAnswers(t *testing.T) {
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Metadata.IDTokenEncryptedResponseAlg = "ECDH-ES+A128KW"
		c.Metadata.UserInfoSignedResponseAlg, c.Metadata.UserInfoEncryptedResponseAlg = "ES256", "ECDH-ES+A128KW"
		c.Metadata.UserInfoEncryptedResponseEnc = "A256GCM"
		c.Metadata.JWKSURI = "https://rp.example/jwks"
	})
	own := keyjar.NewSet(key(t, "ECDH-ES+A128KW", "rp-enc"))
	w.docs["https://rp.example/jwks"] = string(own.PublicJWKS())
	tokens := w.tokens(w.code())
	policy := keyjar.DecryptPolicy{Algs: keyjar.EncryptionAlgorithms(), Encs: keyjar.ContentEncryptions()}
	inner, header, err := own.DecryptNested(text(tokens, "id_token"), policy)
	w.must(err)
	if header.Encryption != "A128CBC-HS256" || w.claims(inner)["sub"] != "diana" {
		t.Errorf("header %+v, claims %v", header, w.claims(inner))
	}
	r := w.do(userinfo(text(tokens, "access_token")))
	if r.resp.Header["Content-Type"][0] != "application/jwt" {
		t.Errorf("content type %v", r.resp.Header["Content-Type"])
	}
	inner, header, err = own.DecryptNested(string(r.resp.Body), policy)
	w.must(err)
	claims := w.claims(inner)
	if header.Encryption != "A256GCM" || claims["email"] != "diana@op.example" || claims["iss"] != issuer || claims["aud"] != clientID {
		t.Errorf("header %+v, claims %v", header, claims)
	}
	// The keys were fetched once, and before the code was spent.
	if len(w.fetched) != 1 {
		t.Errorf("fetched %v", w.fetched)
	}
}

// Keys that the response is encrypted to are fetched before the user is asked, and once
// more if the user took long to answer.
func TestEncryptedInFront(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		c.Metadata.IDTokenEncryptedResponseAlg, c.Metadata.JWKSURI = "ECDH-ES+A128KW", "https://rp.example/jwks"
		cfg.Lifetimes.ClientKeys = time.Minute
	})
	own := keyjar.NewSet(key(t, "ECDH-ES+A128KW", "rp-enc"))
	w.docs["https://rp.example/jwks"] = string(own.PublicJWKS())
	r := w.do(browsing("response_type", "id_token"))
	if len(w.fetched) != 1 || r.need == nil {
		t.Fatalf("fetched %v, %v", w.fetched, r.err)
	}
	w.now = w.now.Add(time.Minute)
	if r = w.answer(r.need, login); r.err != nil || len(w.fetched) != 2 {
		t.Fatalf("fetched %v, %v", w.fetched, r.err)
	}
	if !keyjar.IsEncrypted(w.location(r).Get("id_token")) {
		t.Error("not encrypted")
	}
}

func TestUserInfoClaims(t *testing.T) {
	ask := func(w *world, change ...string) map[string]any {
		return w.object(w.do(userinfo(text(w.tokens(w.code(change...)), "access_token"))))
	}
	w := newWorld(t, nil)
	for _, c := range []struct {
		change []string
		want   []string
	}{
		{[]string{"scope", "openid"}, []string{"sub"}},
		{[]string{"scope", "openid email"}, []string{"email", "email_verified", "sub"}},
		{[]string{"scope", "openid phone address"}, []string{"address", "phone_number", "phone_number_verified", "sub"}},
		{[]string{"scope", "openid", "claims", `{"userinfo":{"name":{"essential":true},"birthdate":null,"iss":null,"nonce":null}}`}, []string{"birthdate", "name", "sub"}},
	} {
		if got := ask(w, c.change...); !slices.Equal(names(got), c.want) {
			t.Errorf("%v: %v, want %v", c.change, names(got), c.want)
		}
	}
	if got := ask(w, "scope", "openid phone"); got["phone_number_verified"] != false {
		t.Errorf("false is a value: %v", got)
	}
	t.Run("absent claims are left out, tagged ones go along", func(t *testing.T) {
		w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) {
			cfg.Users = optest.Users{"diana": {Password: "krall", User: endpoint.User{ID: "diana", Claims: map[string]any{
				"name": "Diana", "name#ja": "ダイアナ", "nickname": "", "website": nil, "sub": "root", "iss": "https://evil.example",
			}}}}
		})
		got := ask(w, "scope", "openid profile")
		if want := []string{"name", "name#ja", "sub"}; !slices.Equal(names(got), want) || got["sub"] != "diana" {
			t.Errorf("claims %v", got)
		}
	})
	t.Run("post", func(t *testing.T) {
		token := text(w.tokens(w.code()), "access_token")
		r := w.do(call{endpoint: "userinfo", method: "POST", params: url.Values{"access_token": {token}}})
		if w.object(r)["sub"] != "diana" {
			t.Errorf("got %v", r.err)
		}
	})
}

func TestPairwiseSubjects(t *testing.T) {
	sub := func(change func(*endpoint.Client)) map[string]any {
		w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
			c.Metadata.SubjectType = message.SubjectTypePairwise
			change(c)
		})
		tokens := w.tokens(w.code())
		claims := w.claims(text(tokens, "id_token"))
		info := w.object(w.do(userinfo(text(tokens, "access_token"))))
		if claims["sub"] != info["sub"] {
			t.Errorf("id token %v, userinfo %v", claims["sub"], info["sub"])
		}
		return claims
	}
	same := func(*endpoint.Client) {}
	one, again := sub(same)["sub"], sub(same)["sub"]
	if one == "diana" || one != again {
		t.Errorf("subjects %v, %v", one, again)
	}
	added := sub(func(c *endpoint.Client) {
		c.Metadata.RedirectURIs = append(c.Metadata.RedirectURIs, "https://rp.example/more")
	})["sub"]
	if added != one {
		t.Error("another redirect URI of the host changed the subject")
	}
	other := sub(func(c *endpoint.Client) { c.Metadata.SectorIdentifierURI = "https://sector.example/uris" })["sub"]
	if other == one {
		t.Error("two sectors have one subject")
	}
}

func TestResponseEncoding(t *testing.T) {
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Metadata.RedirectURIs = append(c.Metadata.RedirectURIs, "https://rp.example/q?a=b", "https://rp.example/e?")
	})
	for uri, prefix := range map[string]string{
		"https://rp.example/q?a=b": "https://rp.example/q?a=b&code=",
		"https://rp.example/e?":    "https://rp.example/e?code=",
	} {
		r := w.browse(authorize("redirect_uri", uri))
		if !strings.HasPrefix(r.resp.Location, prefix) {
			t.Errorf("location %s, want %s…", r.resp.Location, prefix)
		}
	}
	r := w.browse(authorize("redirect_uri", "https://rp.example/q?a=b", "response_mode", "fragment"))
	if !strings.HasPrefix(r.resp.Location, "https://rp.example/q?a=b#code=") {
		t.Errorf("location %s", r.resp.Location)
	}
	for _, state := range []string{strings.Repeat("s", 8<<10), `"<>&'+%20 #?`, "0"} {
		if got := w.location(w.browse(authorize("state", state))).Get("state"); got != state {
			t.Errorf("state %.40q, want %.40q", got, state)
		}
	}
	if got := w.location(w.browse(authorize("state", ""))); got.Has("state") {
		t.Error("a state that was not sent")
	}
}

func TestFormPostEscapes(t *testing.T) {
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Metadata.RedirectURIs = append(c.Metadata.RedirectURIs, `https://rp.example/?"><script>`)
	})
	state := `"><script>alert(1)</script><input value='&amp;`
	for _, params := range [][]string{
		{"state", state, "response_mode", "form_post"},
		{"state", state, "response_mode", "form_post", "redirect_uri", `https://rp.example/?"><script>`},
		{"state", state, "response_mode", "form_post", "prompt", "none login"},
	} {
		r := w.browse(authorize(params...))
		if r.resp.Placement != endpoint.InBody || r.resp.Status != 200 {
			t.Fatalf("%+v", r.resp)
		}
		page := string(r.resp.Body)
		if n := strings.Count(page, "<script>"); n != 1 {
			t.Errorf("%d scripts in\n%s", n, page)
		}
		values := map[string]string{}
		for _, input := range regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			values[input[1]] = html.UnescapeString(input[2])
		}
		if values["state"] != state || values["iss"] != issuer {
			t.Errorf("values %v", values)
		}
		header := r.resp.Header
		if got := header["Content-Security-Policy"][0]; !strings.Contains(got, "default-src 'none'") || strings.Contains(got, "unsafe") {
			t.Errorf("policy %s", got)
		}
		if header["Cache-Control"][0] != "no-store" || header["X-Frame-Options"][0] != "DENY" || header["Referrer-Policy"][0] != "no-referrer" {
			t.Errorf("header %v", header)
		}
		if !strings.Contains(page, `<button type="submit"`) {
			t.Error("no button for a browser without script")
		}
	}
}

// A long value comes back whole or is refused.
func TestLongValues(t *testing.T) {
	w := newWorld(t, nil)
	long := strings.Repeat("x", 8<<10+1)
	w.wantError(w.do(browsing("nonce", long)), message.InvalidRequest, message.RuleOPAuthzLongValues)
	r := w.do(browsing("state", long))
	w.wantError(r, message.InvalidRequest, message.RuleOPAuthzLongValues)
	if got := w.location(r).Get("state"); got != long {
		t.Errorf("state of %d bytes came back", len(got))
	}
}

func TestJWTAccessTokens(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Policy.JWTAccessTokens = true })
	access := text(w.tokens(w.code()), "access_token")
	header, err := keyjar.ParseHeader(access)
	w.must(err)
	if header.Type != "at+jwt" || header.KeyID == "" {
		t.Errorf("header %+v", header)
	}
	claims := w.claims(access)
	for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope", "auth_time"} {
		if claims[name] == nil {
			t.Errorf("no %s in %v", name, claims)
		}
	}
	if r := w.do(userinfo(access)); r.err != nil {
		t.Error(r.err)
	}
	// It is no ID Token, whoever shows it.
	w.wantError(w.do(browsing("id_token_hint", access)), message.InvalidRequest, message.RuleOPAuthzIDTokenHint)
}

func TestResourceIsTheAudience(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) { cfg.Policy.JWTAccessTokens = true })
	tokens := w.tokens(w.code("resource", "https://api.example"))
	if aud := w.claims(text(tokens, "access_token"))["aud"]; aud != "https://api.example" {
		t.Errorf("aud %v", aud)
	}
}

// What is kept in the store cannot be used by who reads it.
func TestStoreHoldsNoTokens(t *testing.T) {
	seen := &recordingStore{}
	w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		seen.Store = cfg.Store
		cfg.Store = seen
		c.Secret = ""
	})
	code := w.code()
	tokens := w.tokens(code)
	for _, secret := range []string{
		code, text(tokens, "access_token"), text(tokens, "refresh_token"), text(tokens, "id_token"), clientSecret,
		w.cookies["__Host-op_session"], w.cookies["__Host-op_browser"], "krall",
	} {
		for _, entry := range seen.entries() {
			if secret == "" || strings.Contains(entry, secret) {
				t.Fatalf("%q is in the store: %s", secret, entry)
			}
		}
	}
}

// Why an answer could not be encrypted is told and logged beside what it was to say.
func TestAnswerThatCannotBeEncrypted(t *testing.T) {
	var log strings.Builder
	w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.Metadata.JWKS = &message.JWKS{Keys: []json.RawMessage{key(t, "EdDSA", "rp-ed").PublicJWK()}}
		c.Metadata.AuthorizationEncryptedResponseAlg = "ECDH-ES"
	})
	r := w.browse(authorize("response_mode", "jwt", "prompt", "none login"))
	if r.resp.Page == nil || r.resp.Page.Rule != message.RuleOPClientKeys || r.resp.Refusal == nil || r.resp.Refusal.Violation.Rule != message.RuleOPClientKeys {
		t.Fatalf("%v, %+v", r.err, r.resp)
	}
	for _, rule := range []message.Rule{message.RuleOPAuthzPrompt, message.RuleOPClientKeys} {
		if strings.Count(log.String(), "rule="+string(rule)) != 1 {
			t.Errorf("%s is not in the log once:\n%s", rule, log.String())
		}
	}
}

// A client whose keys cannot be had, or are none, is told so; it is no fault of the provider.
func TestKeysThatCannotBeHad(t *testing.T) {
	const address = "https://rp.example/jwks"
	for name, doc := range map[string]string{"not there": "", "no key set": "<html>", "no key for it": `{"keys":[]}`} {
		world := func(change func(*message.ClientMetadata)) *world {
			w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
				extended(cfg, c)
				c.Metadata.JWKSURI = address
				change(&c.Metadata)
			})
			if doc != "" {
				w.docs[address] = doc
			}
			return w
		}
		t.Run(name, func(t *testing.T) {
			w := world(func(m *message.ClientMetadata) { m.IDTokenEncryptedResponseAlg = "ECDH-ES" })
			if back := w.location(w.browse(authorize("response_type", "id_token"))); back.Get("error") != "invalid_request" {
				t.Errorf("in front: %v", back)
			}
			code := w.code("response_type", "code")
			for range 2 { // it is not spent
				wants(t, w.do(redeem(code)), message.InvalidRequest, message.RuleOPClientKeys)
			}
			w = world(func(m *message.ClientMetadata) {
				m.AuthorizationSignedResponseAlg, m.AuthorizationEncryptedResponseAlg = "ES256", "ECDH-ES"
			})
			r := w.browse(authorize("response_type", "code", "response_mode", "jwt"))
			if r.resp.Status != 400 || r.resp.Page == nil || r.resp.Page.Rule != message.RuleOPClientKeys || r.resp.Location != "" {
				t.Errorf("an answer that cannot be encrypted: %v, %+v", r.err, r.resp)
			}
			if r.resp.Refusal == nil || r.resp.Refusal.Violation.Rule != message.RuleOPClientKeys {
				t.Errorf("no refusal: %v", r.resp.Refusal)
			}
			w = world(func(m *message.ClientMetadata) { m.UserInfoEncryptedResponseAlg = "ECDH-ES" })
			wants(t, w.do(userinfo(text(w.tokens(w.code()), "access_token"))), message.InvalidRequest, message.RuleOPClientKeys)
			w = world(func(m *message.ClientMetadata) { m.IntrospectionEncryptedResponseAlg = "ECDH-ES" })
			wants(t, w.as("introspection", url.Values{"token": {"x"}}), message.InvalidRequest, message.RuleOPClientKeys)
			w = world(func(m *message.ClientMetadata) { m.BackchannelAuthenticationRequestSigningAlg = "ES256" })
			request, err := key(t, "ES256", "rp-es").Sign(keyjar.Header{Algorithm: "ES256"}, []byte("{}"), nil)
			w.must(err)
			wants(t, w.as("backchannel_authentication", url.Values{"request": {request}}), message.InvalidRequest, message.RuleOPCIBARequest)
		})
	}
}
