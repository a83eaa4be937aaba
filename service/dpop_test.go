package service_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/message"
	"github.com/oidcservice/oidc/service"
)

// proofs reads the proof of every request that goes out.
func (w *world) proofs(each func(*service.Request, message.DPoPProof)) {
	w.sending = func(req *service.Request) {
		if len(req.Header["Dpop"]) == 0 {
			return
		}
		payload, jkt, err := keyjar.VerifyDPoP(req.Header["Dpop"][0], []string{"ES256"})
		if err != nil || jkt != testKeys()["dpop"].Thumbprint() || len(req.Header["Dpop"]) != 1 {
			w.t.Errorf("%s: %v, by %s", req.Service, err, jkt)
			return
		}
		var claims message.DPoPProof
		if err := message.DecodeClaims(payload, &claims); err != nil {
			w.t.Fatal(err)
		}
		each(req, claims)
	}
}

// TestDPoPProof: a proof says for which method and URL it is, without query and
// fragment, when it was made, and at a resource for which token (RFC 9449, Section 4.2).
// No two are alike.
func TestDPoPProof(t *testing.T) {
	const query = "?tenant=a%2Fb&x=y"
	w, err := newWorld(t, override{Config: settings{DPoP: true}, Answers: map[string]answer{service.ProviderInfoName: {JSON: map[string]any{
		"token_endpoint": testIssuer + "/token" + query, "userinfo_endpoint": testIssuer + "/userinfo" + query,
	}}}, Later: map[string]int{}, aftermath: aftermath{}})
	if err != nil {
		t.Fatal(err)
	}
	w.o.Later[service.UserInfoName] = 5
	seen, made := map[string]bool{}, map[string]bool{}
	w.proofs(func(req *service.Request, c message.DPoPProof) {
		made[req.Service] = true
		if !strings.HasSuffix(req.URL, query) || c.URI != strings.TrimSuffix(req.URL, query) || c.Method != req.Method {
			t.Errorf("%s %s: the proof is for %s %s", req.Method, req.URL, c.Method, c.URI)
		}
		if seen[c.JWTID] || len(c.JWTID) < 16 || c.IssuedAt.Unix() != w.now.Unix() {
			t.Errorf("%s: jti %q of %s", req.Service, c.JWTID, c.IssuedAt.Time())
		}
		seen[c.JWTID] = true
		want := ""
		if req.Service == service.UserInfoName {
			sum := sha256.Sum256([]byte(testToken))
			want = base64.RawURLEncoding.EncodeToString(sum[:])
			if req.Header["Authorization"][0] != "DPoP "+testToken {
				t.Error("the token is shown under another scheme")
			}
		}
		if c.AccessTokenHash != want {
			t.Errorf("%s: ath %q, want %q", req.Service, c.AccessTokenHash, want)
		}
	})
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if len(made) != 3 {
		t.Errorf("proofs went to %v", made)
	}
}

// TestDPoPNonceOfAnyAnswer: each origin's latest nonce is sent back to it as it came,
// whether it stood in a success or beside a declared error (RFC 9449, Section 8.2).
func TestDPoPNonceOfAnyAnswer(t *testing.T) {
	w, err := newWorld(t, override{Config: settings{DPoP: true}, outside: outside{Flow: "resource"}})
	if err != nil {
		t.Fatal(err)
	}
	status, nonce := 200, "first~nonce.+/="
	header := func() map[string][]string {
		return map[string][]string{"Content-Type": {"application/json"}, "dpop-nonce": {nonce}}
	}
	w.answer = func(req *service.Request) *service.Response {
		switch {
		case req.Service == service.ResourceName:
			return req.Answer(200, map[string][]string{"DPoP-Nonce": {"of-the-resource"}}, nil)
		case req.Service == service.RefreshTokenName && status == 400:
			return req.Answer(400, header(), []byte(`{"error":"temporarily_unavailable"}`))
		case req.Service == service.AccessTokenName || req.Service == service.RefreshTokenName:
			_, _, body := w.good(req)
			body["token_type"] = "DPoP"
			return req.Answer(200, header(), mustJSON(body))
		}
		return nil
	}
	var got []string
	w.proofs(func(req *service.Request, c message.DPoPProof) { got = append(got, c.Nonce) })
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	refresh := func() {
		t.Helper()
		_, err := service.Run(context.Background(), w.services.Get(service.RefreshTokenName), service.Args{State: w.login}, w.send)
		if (err == nil) != (status == 200) {
			t.Fatal(err)
		}
	}
	nonce, status = "second", 400
	refresh()
	nonce, status = "third", 200
	refresh()
	if want := "||first~nonce.+/=|second"; strings.Join(got, "|") != want {
		t.Errorf("sent %s, want %s", strings.Join(got, "|"), want)
	}
	known := w.sc.Snapshot().DPoPNonces
	if known[testIssuer] != "third" || known["https://api.example"] != "of-the-resource" || len(known) != 2 {
		t.Errorf("known: %v", known)
	}
}

// TestDPoPRetryIsNew: what is sent again after use_dpop_nonce has a new proof and a new
// client assertion, and the same code.
func TestDPoPRetryIsNew(t *testing.T) {
	w, err := newWorld(t, override{Config: settings{DPoP: true, Keys: true, Metadata: map[string]any{
		"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256", "jwks_uri": "https://rp.example/jwks",
	}}, Answers: map[string]answer{service.ProviderInfoName: {JSON: map[string]any{
		"token_endpoint_auth_methods_supported": []any{"private_key_jwt"}, "token_endpoint_auth_signing_alg_values_supported": []any{"ES256"},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	var forms []url.Values
	var proofs []message.DPoPProof
	w.proofs(func(req *service.Request, c message.DPoPProof) {
		if req.Service == service.AccessTokenName {
			forms, proofs = append(forms, formOf(t, req)), append(proofs, c)
		}
	})
	w.answer = func(req *service.Request) *service.Response {
		if req.Service != service.AccessTokenName || len(forms) != 1 {
			return nil
		}
		return req.Answer(400, map[string][]string{"Content-Type": {"application/json"}, "DPoP-Nonce": {"n"}}, []byte(`{"error":"use_dpop_nonce"}`))
	}
	if at, err := w.run(context.Background()); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	if len(forms) != 2 {
		t.Fatalf("sent %d times", len(forms))
	}
	first, second := forms[0], forms[1]
	_, one := open(t, first.Get("client_assertion"), testKeys()["own"], "ES256")
	_, two := open(t, second.Get("client_assertion"), testKeys()["own"], "ES256")
	if one["jti"] == two["jti"] || one["jti"] == nil || proofs[0].JWTID == proofs[1].JWTID || proofs[0].Nonce != "" || proofs[1].Nonce != "n" {
		t.Errorf("assertions %v and %v, proofs %v and %v", one["jti"], two["jti"], proofs[0].JWTID, proofs[1].JWTID)
	}
	if first.Get("code") != testCode || second.Get("code") != testCode || first.Get("code_verifier") != second.Get("code_verifier") {
		t.Error("another code was sent")
	}
}

// TestDPoPOfAGivenToken: a token of the caller's own is shown like those of the login.
func TestDPoPOfAGivenToken(t *testing.T) {
	for scheme, bound := range map[string]bool{"DPoP": true, "Bearer": false} {
		w := held(t, override{Config: settings{DPoP: bound}})
		req, err := w.services.Get(service.UserInfoName).GetRequestParameters(context.Background(), service.Args{State: w.login, Message: message.UserInfoRequest{AccessToken: "given"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := req.Header["Authorization"][0]; got != scheme+" given" || (len(req.Header["Dpop"]) == 1) != bound {
			t.Errorf("shown as %s with %d proofs", got, len(req.Header["Dpop"]))
		}
	}
}
