package endpoint_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
)

// fapi is a provider under FAPI 2.0 with a client that keeps to it.
func fapi(t *testing.T, profile endpoint.Profile, change ...func(*endpoint.Policy)) *world {
	t.Helper()
	return newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		cfg.Policy = endpoint.Policy{Profile: profile, Registration: endpoint.RegistrationPolicy{PerMinute: -1}}
		for _, f := range change {
			f(&cfg.Policy)
		}
		c.Metadata.TokenEndpointAuthMethod = message.AuthMethodPrivateKeyJWT
		c.Metadata.JWKS = &message.JWKS{Keys: []json.RawMessage{key(t, "ES256", "rp-es").PublicJWK()}}
		c.Metadata.ResponseTypes = []string{"code", "code id_token"}
	})
}

// proven adds the client's assertion and a DPoP proof.
func (w *world) proven(name string, params url.Values, o *override) call {
	w.t.Helper()
	if o.Assertion == nil {
		o.Assertion = map[string]any{}
	}
	if o.Assertion["jti"] == nil {
		w.proofs++
		o.Assertion["jti"] = "assertion-" + string(rune('a'+w.proofs))
	}
	c := call{endpoint: name, method: "POST", params: params, header: endpoint.Header{}}
	w.proveByMethod(&c, o)
	w.proved(&c, o)
	return c
}

func TestFAPI2(t *testing.T) {
	good := func() *override { return &override{Proof: map[string]any{}} }
	push := func(w *world, params url.Values, o *override) result {
		return w.do(w.proven("pushed_authorization", params, o))
	}
	browse := func(w *world, r result) url.Values {
		w.t.Helper()
		if r.err != nil {
			w.t.Fatal(r.err)
		}
		return w.location(w.browse(call{endpoint: "authorization", method: "GET", params: url.Values{"client_id": {clientID}, "request_uri": {text(w.object(r), "request_uri")}}}))
	}
	token := func(w *world, code string, o *override) result {
		return w.do(w.proven("token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}, o))
	}
	t.Run("a good flow", func(t *testing.T) {
		w := fapi(t, endpoint.ProfileFAPI2)
		back := browse(w, push(w, authorizeParams(), good()))
		if back.Get("iss") != issuer {
			t.Errorf("response %v", back)
		}
		got := w.object(token(w, back.Get("code"), good()))
		if text(got, "token_type") != "DPoP" || got["expires_in"] != float64(3600) {
			t.Errorf("tokens %v", got)
		}
		header, err := keyjar.ParseHeader(text(got, "id_token"))
		w.must(err)
		if header.Algorithm != "ES256" {
			t.Errorf("signed with %s", header.Algorithm)
		}
	})
	t.Run("request", func(t *testing.T) {
		w := fapi(t, endpoint.ProfileFAPI2)
		wants(t, w.do(browsing()), message.InvalidRequest, message.RuleOPFAPI2Request)
		params := authorizeParams()
		params.Del("code_challenge")
		params.Del("code_challenge_method")
		wants(t, push(w, params, good()), message.InvalidRequest, message.RuleOPAuthzPKCERequired)
		params = authorizeParams()
		params.Set("response_type", "code id_token")
		wants(t, push(w, params, good()), message.UnsupportedResponseType, message.RuleOPAuthzResponseType)
	})
	t.Run("clients", func(t *testing.T) {
		w := fapi(t, endpoint.ProfileFAPI2)
		w.client.Metadata.TokenEndpointAuthMethod = message.AuthMethodClientSecretBasic
		w.must(w.clients.PutClient(t.Context(), w.client))
		wants(t, w.do(redeem("x")), message.InvalidClient, message.RuleOPFAPI2Clients)
		r := w.perform(vector{Step: "registration"}, &override{JSON: map[string]any{"token_endpoint_auth_method": "client_secret_basic"}})
		wants(t, r, message.InvalidClientMetadata, message.RuleOPFAPI2Clients)
	})
	t.Run("algorithms", func(t *testing.T) {
		w := fapi(t, endpoint.ProfileFAPI2)
		var m message.ProviderMetadata
		w.must(message.DecodeJSON(w.get("provider_info").resp.Body, &m))
		for name, algs := range map[string][]string{
			"id_token": m.IDTokenSigningAlgs, "request": m.RequestObjectSigningAlgs, "assertion": m.TokenEndpointAuthSigningAlgs, "dpop": m.DPoPSigningAlgs,
		} {
			for _, alg := range algs {
				if !slices.Contains([]string{"PS256", "ES256", "EdDSA", "Ed25519"}, alg) {
					t.Errorf("%s: %s is published", name, alg)
				}
			}
		}
		rs := good()
		rs.Alg = "RS256"
		w.client.Metadata.JWKS = &message.JWKS{Keys: []json.RawMessage{key(t, "RS256", "rp-RS256").PublicJWK()}}
		w.must(w.clients.PutClient(t.Context(), w.client))
		wants(t, push(w, authorizeParams(), rs), message.InvalidClient, message.RuleOPAssertionAlg)
		r := w.perform(vector{Step: "registration"}, &override{JSON: map[string]any{
			"id_token_signed_response_alg": "RS256", "jwks": map[string]any{"keys": []json.RawMessage{key(t, "ES256", "rp-es").PublicJWK()}},
		}})
		wants(t, r, message.InvalidClientMetadata, message.RuleOPFAPI2Algs)
		r = w.perform(vector{Step: "registration"}, &override{JSON: map[string]any{
			"id_token_signed_response_alg": "none", "jwks": map[string]any{"keys": []json.RawMessage{key(t, "ES256", "rp-es").PublicJWK()}},
		}})
		wants(t, r, message.InvalidClientMetadata, message.RuleOPFAPI2Algs)
	})
	// A good nonce stands for the time of a proof, but not for one that FAPI 2.0 refuses.
	t.Run("a proof from the future", func(t *testing.T) {
		w := fapi(t, endpoint.ProfileFAPI2, func(p *endpoint.Policy) { p.DPoPNonce = true })
		send := func(ahead float64, nonce string) result {
			return push(w, authorizeParams(), &override{Proof: map[string]any{"iat": ahead, "nonce": nonce}})
		}
		r := send(0, "unknown")
		wants(t, r, message.UseDPoPNonce, message.RuleOPDPoPNonce)
		nonce := r.resp.Header["Dpop-Nonce"][0]
		if r := send(60, nonce); r.err != nil {
			t.Error(r.err)
		}
		wants(t, send(61, nonce), message.InvalidDPoPProof, message.RuleOPDPoPTime)
	})
	t.Run("redirect_uri", func(t *testing.T) {
		w := fapi(t, endpoint.ProfileFAPI2)
		params := authorizeParams()
		params.Set("scope", "email")
		params.Del("redirect_uri")
		wants(t, push(w, params, good()), message.InvalidRequest, message.RuleOPAuthzRedirectURIMissing)
	})
	t.Run("audience", func(t *testing.T) {
		w := fapi(t, endpoint.ProfileFAPI2)
		for _, aud := range []any{[]string{issuer}, issuer + "/token"} {
			o := good()
			o.Assertion = map[string]any{"aud": aud}
			wants(t, push(w, authorizeParams(), o), message.InvalidClient, message.RuleOPAssertionAud)
		}
	})
	t.Run("tokens", func(t *testing.T) {
		w := fapi(t, endpoint.ProfileFAPI2)
		code := browse(w, push(w, authorizeParams(), &override{})).Get("code")
		wants(t, token(w, code, &override{}), message.InvalidDPoPProof, message.RuleOPFAPI2Tokens)
	})
	t.Run("refresh tokens stay", func(t *testing.T) {
		w := fapi(t, endpoint.ProfileFAPI2)
		got := w.object(token(w, browse(w, push(w, authorizeParams(), good())).Get("code"), good()))
		for range 2 {
			r := w.do(w.proven("token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {text(got, "refresh_token")}}, good()))
			if r.err != nil || w.object(r)["refresh_token"] != nil {
				t.Fatalf("%v %s", r.err, r.resp.Body)
			}
		}
	})
	t.Run("message signing", func(t *testing.T) {
		w := fapi(t, endpoint.ProfileFAPI2MessageSigning)
		wants(t, push(w, authorizeParams(), good()), message.InvalidRequest, message.RuleOPFAPI2Signing)
		object := func(claims map[string]any, alg string) url.Values {
			signed := call{endpoint: "pushed_authorization", params: authorizeParams()}
			w.signed(&signed, &override{Object: claims, ObjectAlg: alg})
			return signed.params
		}
		for _, claims := range []map[string]any{{}, {"exp": 3600.0, "nbf": 0.0}} {
			if back := browse(w, push(w, object(claims, ""), good())); back.Get("code") == "" {
				t.Errorf("%v: response %v", claims, back)
			}
		}
		for _, claims := range []map[string]any{{"iss": nil}, {"aud": nil}, {"exp": nil}, {"nbf": nil}, {"exp": 3601.0, "nbf": 0.0}, {"nbf": -3601.0, "exp": -10.0}} {
			wants(t, push(w, object(claims, ""), good()), message.InvalidRequestObject, message.RuleOPJARClaims)
		}
		// The client has a secret of former times, and no algorithm is registered.
		wants(t, push(w, object(map[string]any{}, "HS256"), good()), message.InvalidRequestObject, message.RuleOPJARAlg)
	})
}

func TestMutualTLS(t *testing.T) {
	cert := func(name string) []byte { return certificate(t, key(t, "ES256", name), name) }
	mutual := func(method string, change func(*endpoint.Client)) *world {
		return newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
			cfg.Policy.MutualTLS = true
			c.Metadata.TokenEndpointAuthMethod = method
			change(c)
		})
	}
	try := func(w *world, certs ...[]byte) result {
		c := redeem(w.code(), "client_id", clientID)
		c.header, c.certs = nil, certs
		return w.do(c)
	}
	t.Run("tls_client_auth", func(t *testing.T) {
		w := mutual(message.AuthMethodTLSClientAuth, func(c *endpoint.Client) { c.Metadata.TLSClientAuthSANDNS = "rp.example" })
		if r := try(w, cert("rp.example")); r.err != nil {
			t.Error(r.err)
		}
		wants(t, try(w, cert("evil.example")), message.InvalidClient, message.RuleOPClientMTLS)
		wants(t, try(w), message.InvalidClient, message.RuleOPClientAuthRequired)
		c := redeem(w.code(), "client_id", clientID)
		c.header, c.certs, c.unverified = nil, [][]byte{cert("rp.example")}, true
		wants(t, w.do(c), message.InvalidClient, message.RuleOPClientMTLS)
	})
	t.Run("self_signed_tls_client_auth", func(t *testing.T) {
		w := mutual(message.AuthMethodSelfSignedTLSClientAuth, func(c *endpoint.Client) {
			c.Metadata.JWKS = &message.JWKS{Keys: []json.RawMessage{key(t, "ES256", "rp.example").PublicJWK()}}
		})
		if r := try(w, cert("rp.example")); r.err != nil {
			t.Error(r.err)
		}
		wants(t, try(w, cert("evil.example")), message.InvalidClient, message.RuleOPClientMTLS)
	})
	// RFC 8705, Section 2.2: a client changes its certificate by changing its key set.
	t.Run("a new certificate", func(t *testing.T) {
		const address = "https://rp.example/jwks"
		w := mutual(message.AuthMethodSelfSignedTLSClientAuth, func(c *endpoint.Client) { c.Metadata.JWKSURI = address })
		w.docs[address] = string(keyjar.NewSet(key(t, "ES256", "rp.example")).PublicJWKS())
		if r := try(w, cert("rp.example")); r.err != nil {
			t.Error(r.err)
		}
		w.docs[address] = string(keyjar.NewSet(key(t, "ES256", "new.example")).PublicJWKS())
		if r := try(w, cert("new.example")); r.err != nil || len(w.fetched) != 2 {
			t.Errorf("%v, fetched %v", r.err, w.fetched)
		}
		wants(t, try(w, cert("rp.example")), message.InvalidClient, message.RuleOPClientMTLS)
		if len(w.fetched) != 2 { // nobody makes us fetch again at once
			t.Errorf("fetched %v", w.fetched)
		}
	})
	// A certificate in a header is worth nothing here: op believes a configured proxy only.
	w := mutual(message.AuthMethodTLSClientAuth, func(c *endpoint.Client) { c.Metadata.TLSClientAuthSANDNS = "rp.example" })
	c := redeem(w.code(), "client_id", clientID)
	c.header = endpoint.Header{"X-Client-Cert": {string(cert("rp.example"))}}
	wants(t, w.do(c), message.InvalidClient, message.RuleOPClientAuthRequired)
}

func TestRetiredKeysStillOpen(t *testing.T) {
	w := newWorld(t, func(_ *endpoint.Config, c *endpoint.Client) {
		c.Metadata.RequestObjectSigningAlg = "ES256"
		c.Metadata.JWKS = &message.JWKS{Keys: []json.RawMessage{key(t, "ES256", "rp-es").PublicJWK()}}
	})
	send := func() result {
		c := authorize()
		w.signed(&c, &override{Object: map[string]any{}, Encrypted: true})
		return w.browse(c)
	}
	w.location(send())
	signing := keyjar.NewSet(key(t, "ES256", "op-es"), key(t, "RS256", "op-rs"))
	w.must(w.ctx.SetKeys(signing, nil, keyjar.NewSet(key(t, "ECDH-ES+A128KW", "op-enc"))))
	w.location(send())
	w.must(w.ctx.SetKeys(signing, nil, nil))
	wants(t, send(), message.InvalidRequestObject, message.RuleOPJAREncryption)
}

func TestAuthorizationDetails(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, c *endpoint.Client) {
		c.Trusted = false
		cfg.Policy.AuthorizationDetails = map[string]endpoint.DetailCheck{"payment": func(raw json.RawMessage) error {
			var d struct {
				Amount *float64 `json:"amount"`
			}
			if err := json.Unmarshal(raw, &d); err != nil || d.Amount == nil {
				return errBroken
			}
			return nil
		}}
	})
	const details = `[{"type":"payment","amount":7}]`
	tokens := w.tokens(w.code("authorization_details", details))
	if got, _ := json.Marshal(tokens["authorization_details"]); string(got) != `[{"amount":7,"type":"payment"}]` {
		t.Errorf("details %s", got)
	}
	// They are asked for each time.
	w.prompts = nil
	w.code("authorization_details", details)
	if !slices.Equal(w.prompts, []endpoint.Prompt{endpoint.PromptConsent}) {
		t.Errorf("prompts %v", w.prompts)
	}
	for _, bad := range []string{`[{"type":"payment"}]`, `[{"type":"other"}]`, `[{}]`, `{}`, `[]`, `[1]`, `x`} {
		wants(t, w.do(browsing("authorization_details", bad)), message.InvalidAuthorizationDetails, message.RuleOPAuthzRAR)
	}
}

func TestSoftwareStatements(t *testing.T) {
	w := newWorld(t, func(cfg *endpoint.Config, _ *endpoint.Client) {
		cfg.Policy.Registration.PerMinute = -1
		cfg.Policy.Registration.SoftwareIssuers = []endpoint.TrustedIssuer{{Issuer: "https://vendor.example", Keys: keyjar.NewSet(key(t, "ES256", "vendor").Public())}}
	})
	register := func(signer string, claims map[string]any) result {
		payload, err := json.Marshal(claims)
		w.must(err)
		statement, err := key(t, "ES256", signer).Sign(keyjar.Header{Algorithm: "ES256", KeyID: "vendor"}, payload, nil)
		w.must(err)
		return w.perform(vector{Step: "registration"}, &override{JSON: map[string]any{"software_statement": statement}})
	}
	good := map[string]any{"iss": "https://vendor.example", "client_name": "Approved", "software_id": "4NRB1"}
	got := w.object(register("vendor", good))
	if got["client_name"] != "Approved" || got["software_id"] != "4NRB1" || got["software_statement"] == nil || got["iss"] != nil {
		t.Errorf("got %v", got)
	}
	wants(t, register("somebody-else", good), message.InvalidSoftwareStatement, message.RuleOPRegistrationSoftwareStatement)
	wants(t, register("vendor", map[string]any{"iss": "https://evil.example"}), message.UnapprovedSoftwareStatement, message.RuleOPRegistrationSoftwareStatement)
	wants(t, register("vendor", map[string]any{"iss": "https://vendor.example", "exp": w.now.Unix() - 1}), message.InvalidSoftwareStatement, message.RuleOPRegistrationSoftwareStatement)
	wants(t, register("vendor", map[string]any{"iss": "https://vendor.example", "redirect_uris": []string{"http://rp.example/cb"}}), message.InvalidRedirectURI, message.RuleOPRegistrationRedirectWeb)
}

// What one client asks for has no part in what another is told.
func TestPolicyOfOneClient(t *testing.T) {
	w := newWorld(t, nil)
	one := text(w.tokens(w.code("scope", "openid", "claims", `{"userinfo":{"birthdate":null}}`)), "access_token")
	code := w.location(w.browse(authorize("client_id", "other-client", "scope", "openid"))).Get("code")
	c := redeem(code)
	c.header["Authorization"] = []string{basic("other-client", clientSecret)}
	other := text(w.object(w.do(c)), "access_token")
	for range 2 {
		if got := w.object(w.do(userinfo(one))); got["birthdate"] == nil {
			t.Errorf("one: %v", got)
		}
		if got := w.object(w.do(userinfo(other))); got["birthdate"] != nil {
			t.Errorf("other: %v", got)
		}
	}
}

func TestLifetimes(t *testing.T) {
	w := newWorld(t, nil)
	plain := w.tokens(w.code())
	bound := w.object(w.do(w.withProof(redeem(w.code()), true)))
	if plain["expires_in"] != float64(600) || bound["expires_in"] != float64(3600) {
		t.Errorf("plain %v, bound %v", plain["expires_in"], bound["expires_in"])
	}
	w.now = w.now.Add(time.Hour)
	wants(t, w.do(userinfo(text(plain, "access_token"))), message.InvalidToken, message.RuleOPAccessTokenValidation)
}
